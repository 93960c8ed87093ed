// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if updates() {
		writeFixtures() // before the tests that read them
	}
	goleak.VerifyTestMain(m)
}

// updates says that files which are compared with are written instead.
func updates() bool { return os.Getenv("PLUGREG_UPDATE") == "1" }

// result is what a run came to.
type result struct {
	code        int
	out, errors string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n--- stdout\n%s--- stderr\n%s", r.code, r.out, r.errors)
}

func runWith(stdin string, args ...string) result {
	var out, errs bytes.Buffer
	code := run(args, strings.NewReader(stdin), &out, &errs)
	return result{code, out.String(), errs.String()}
}

// golden compares with a file below testdata; PLUGREG_UPDATE=1 writes it.
func golden(t *testing.T, name, have string) {
	t.Helper()
	file := filepath.Join("testdata", filepath.FromSlash(name))
	if updates() {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(have), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), have, "%s; PLUGREG_UPDATE=1 rewrites it", file)
}

func TestCalledWrongly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, args, want string
	}{
		{"no command", "", "plugreg: want a command, found none\n\nplugreg shows"},
		{"unknown command", "shw", `plugreg: want a command (show, diff, gate, assert, rules, version, help), found "shw"; run "plugreg help"`},
		{"unknown flag", "diff -polcy full a b", `plugreg: diff: flag provided but not defined: -polcy; run "plugreg help diff"`},
		{"unknown policy", "diff -policy lax a b", `want one of default, unchecked, forward, backward, full, strict`},
		{"unknown format", "diff -format xml a b", "want text, json or github"},
		{"show without files", "show", "plugreg: show: want documents, found none"},
		{"diff with one file", "diff a", "plugreg: diff: want two documents, OLD and NEW, found 1: a"},
		{"diff with three files", "diff a b c", "want two documents, OLD and NEW, found 3: a b c"},
		{"gate without baseline", "gate a", "plugreg: gate: want -baseline"},
		{"gate without snapshot", "gate -baseline .", "plugreg: gate: want one snapshot, found none"},
		{"assert without contract", "assert -package p", "plugreg: assert: want one contract document, found none"},
		{"assert without package", "assert a", `plugreg: assert: want -package with the name of a package, found ""`},
		{"assert with a keyword", "assert -package func a", `found "func"`},
		{"assert with a blank package", "assert -package _ a", `found "_"`},
		{"assert with a bad constant", "assert -package p -const a.b a", `want -const with a Go identifier, found "a.b"`},
		{"assert with a blank constant", "assert -package p -const _ a", `want -const with a Go identifier, found "_"`},
		{"rules with arguments", "rules x", "plugreg: rules: want no arguments, found 1: x"},
		{"version with arguments", "version x", "plugreg: version: want no arguments, found 1: x"},
		{"help on nothing", "help shw", `want a command (show, diff, gate, assert, rules, version, help), found "shw"`},
		{"help on two", "help show diff", "plugreg: help: want one command, found 2: show diff"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := runWith("", strings.Fields(test.args)...)
			require.Equal(t, exitUsage, r.code)
			require.Contains(t, r.errors, test.want)
			require.Empty(t, r.out)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"help", "-h", "--help"} {
		r := runWith("", args)
		require.Equal(t, result{code: exitPass, out: overview()}, r)
	}
	var b strings.Builder
	for _, c := range commands() {
		r := runWith("", "help", c.name)
		require.Equal(t, exitPass, r.code)
		require.Empty(t, r.errors)
		require.Equal(t, r, runWith("", c.name, "-h"))
		b.WriteString(r.out + "\n")
	}
	golden(t, "golden/help.txt", overview()+"\n"+b.String())
}

func TestFlagsStandAnywhere(t *testing.T) {
	t.Parallel()
	want := runWith("", "diff", "-policy", "full", "-format", "json", v1, v2)
	require.Equal(t, exitIncompatible, want.code)
	require.Equal(t, want, runWith("", "diff", v1, "-policy", "full", v2, "-format", "json"))
	require.Equal(t, want, runWith("", "diff", "-format=json", "-policy=full", "--", v1, v2))
	r := runWith("", "diff", v1, "--", "-policy")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errors, "-policy: want a contract or a snapshot, found")
}

// full takes some bytes and no more.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	if n < len(p) {
		return n, errors.New("no space left")
	}
	return n, nil
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"help", "help diff", "version", "rules", "rules -json", "show " + v1, "show -json " + v1 + " " + v1, "show " + older, "diff " + v1 + " " + v2, "diff -format json " + v1 + " " + v2,
		"diff -format github " + v1 + " " + v2, "diff -policy full " + v1 + " " + v2, "assert -package p " + v1, "assert -init " + v1,
		"gate -baseline testdata/baseline " + candidate, "gate -format json -baseline testdata/baseline " + candidate, "gate -format github -baseline testdata/baseline " + broken,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			for _, room := range []int{0, 3} {
				var errs bytes.Buffer
				code := run(strings.Fields(args), strings.NewReader(""), &full{room}, &errs)
				require.Equal(t, exitUsage, code)
				require.Contains(t, errs.String(), "standard output: want it to take the result, found: no space left")
			}
		})
	}
}

// What the shell sees of the program is what run returns.
func TestBinary(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "plugreg.exe")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	corrupt := filepath.Join(t.TempDir(), "corrupt")
	require.NoError(t, os.CopyFS(corrupt, os.DirFS("testdata/baseline")))
	spoil(t, corrupt)
	for _, test := range []struct {
		args string
		code int
	}{
		{"version", exitPass},
		{"diff " + v1 + " " + v2, exitPass},
		{"diff -policy strict " + v1 + " " + v2, exitIncompatible},
		{"gate -baseline testdata/baseline " + candidate, exitPass},
		{"gate -baseline testdata/baseline " + broken, exitIncompatible},
		{"", exitUsage},
		{"show nothing.json", exitUsage},
		{"gate -baseline nowhere " + candidate, exitUnknown},
		{"gate -baseline " + corrupt + " " + candidate, exitUnknown},
	} {
		cmd := exec.Command(program, strings.Fields(test.args)...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		require.Equal(t, test.code, cmd.ProcessState.ExitCode(), "%s: %v\n%s%s", test.args, err, &out, &errs)
		require.NotEqual(t, out.Len() > 0, errs.Len() > 0, test.args)
	}
	cmd := exec.Command(program, "show", "-")
	cmd.Stdin, err = os.Open(v1)
	require.NoError(t, err)
	shown, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, runWith("", "show", v1).out, string(shown))
	require.NoError(t, cmd.Stdin.(io.Closer).Close())
}
