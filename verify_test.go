// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// vfT is a test that keeps what it is told.
type vfT struct {
	helps        int
	errors, logs []string
}

func (t *vfT) Helper() { t.helps++ }
func (t *vfT) Errorf(format string, args ...any) {
	t.errors = append(t.errors, fmt.Sprintf(format, args...))
}
func (t *vfT) Logf(format string, args ...any) { t.logs = append(t.logs, fmt.Sprintf(format, args...)) }

var _ plugreg.TestingT = (*testing.T)(nil)

// vfVerify runs VerifyContracts on a registry of these plugins.
func vfVerify(t testing.TB, dir string, ps ...plugreg.Plugin[gear]) *vfT {
	t.Helper()
	heard := new(vfT)
	plugreg.VerifyContracts(heard, gears(t, plugreg.Config{}, ps...), dir)
	require.NotZero(t, heard.helps)
	return heard
}

// vfPlugin has the prototype that makes another contract.
func vfPlugin(name, version string, more bool) plugreg.Plugin[gear] {
	if more {
		return wormPlugin(name, version, func(context.Context, *plugreg.Env) (gear, error) { return new(worm), nil })
	}
	return spurPlugin(name, version, nil)
}

func TestVerifyContracts(t *testing.T) {
	t.Setenv("PLUGREG_UPDATE", "")
	dir := filepath.Join(t.TempDir(), "contracts")
	heard := vfVerify(t, dir, vfPlugin("a", "1.0.0", false))
	require.Len(t, heard.errors, 2)
	require.Equal(t, "verify contracts against "+dir+`: baseline ".": no such file or directory`, heard.errors[0])
	require.Contains(t, heard.errors[1], `there is no earlier release of "a"`)
	require.Contains(t, heard.errors[1], "run the test with PLUGREG_UPDATE=1 to store the contract, and commit it")

	t.Setenv("PLUGREG_UPDATE", "1")
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", true), vfPlugin("b", "1.0.0-rc.1+x", false))
	require.Empty(t, heard.errors)
	require.Len(t, heard.logs, 2)
	require.Contains(t, heard.logs[0], filepath.Join(dir, "a", "1.0.0.json")+" is new, with sha256:")
	require.Contains(t, heard.logs[1], filepath.Join(dir, "b", "1.0.0-rc.1.json")+" is new, with sha256:")
	files := gtFiles(t, dir)
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", true), vfPlugin("b", "1.0.0-rc.1+x", false))
	require.Empty(t, heard.errors)
	require.Empty(t, heard.logs, "nothing changed")
	require.Equal(t, files, gtFiles(t, dir))

	t.Setenv("PLUGREG_UPDATE", "0")
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", true), vfPlugin("b", "1.0.0-rc.1+x", false))
	require.Empty(t, heard.errors)
	heard = vfVerify(t, dir, vfPlugin("a", "1.1.0", false), vfPlugin("b", "1.0.0-rc.1+x", false))
	require.Len(t, heard.errors, 1)
	require.Contains(t, heard.errors[0], "verify contracts against "+dir+`: "a" 1.1.0 after 1.0.0: incompatible`)
	require.Contains(t, heard.errors[0], "breaking method-removed at plugin.Probe()")
	require.Contains(t, heard.errors[0], "a change that cannot be avoided can be excepted in "+filepath.Join(dir, "exceptions.json"))
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", true))
	require.Empty(t, heard.errors)
	require.Equal(t, []string{"verify contracts against " + dir + `: "b" is gone, of which there were pre-releases alone`}, heard.logs)
	require.Equal(t, files, gtFiles(t, dir), "only an update writes")
}

func TestVerifyContractsUpdates(t *testing.T) {
	t.Setenv("PLUGREG_UPDATE", "1")
	dir := t.TempDir()
	require.Empty(t, vfVerify(t, dir, vfPlugin("a", "1.0.0", true), vfPlugin("a", "1.1.0", true)).errors)
	old := gtFiles(t, dir)

	heard := vfVerify(t, dir, vfPlugin("a", "1.0.0", false))
	require.Empty(t, heard.errors)
	require.Len(t, heard.logs, 1)
	require.Contains(t, heard.logs[0], filepath.Join(dir, "a", "1.0.0.json")+" changed from sha256:")
	require.Contains(t, heard.logs[0], "\n  breaking method-removed at plugin.Init(): ")
	require.Contains(t, heard.logs[0], "\n  breaking method-removed at plugin.Probe(): ")
	now := gtFiles(t, dir)
	require.NotEqual(t, old["a/1.0.0.json"], now["a/1.0.0.json"])
	require.Equal(t, old["a/1.1.0.json"], now["a/1.1.0.json"], "what the registry does not have stays")

	gtWrite(t, filepath.Join(dir, "a", "1.0.0.json"), "<<<<<<<")
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", false))
	require.Empty(t, heard.errors)
	require.Len(t, heard.logs, 1)
	require.Equal(t, now, gtFiles(t, dir), "what cannot be read is replaced")
}

// A contract may stand anywhere in the tree, and is updated there.
func TestVerifyContractsUpdatesWhereTheContractIs(t *testing.T) {
	t.Setenv("PLUGREG_UPDATE", "1")
	dir := t.TempDir()
	s := gears(t, plugreg.Config{}, vfPlugin("a", "1.0.0", true)).Snapshot()
	doc, err := s.Contracts[0].MarshalJSON()
	require.NoError(t, err)
	gtWrite(t, filepath.Join(dir, "old", "first.json"), string(doc))
	require.Empty(t, vfVerify(t, dir, vfPlugin("a", "1.0.0", true)).logs)
	heard := vfVerify(t, dir, vfPlugin("a", "1.0.0", false))
	require.Empty(t, heard.errors)
	require.Contains(t, heard.logs[0], filepath.Join(dir, "old", "first.json")+" changed")
	require.Equal(t, []string{"old/first.json"}, gtNames(gtFiles(t, dir)))

	s.Expires = time.Time{}
	gtWrite(t, filepath.Join(dir, "snapshot.json"), string(gtFile(t, s).Data))
	before := gtFiles(t, dir)
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", false))
	require.Equal(t, []string{`verify contracts: plugin "a" 1.0.0: baseline: "snapshot.json" is a snapshot with another contract of the version: take a new one, or remove it`}, heard.errors)
	require.Equal(t, before, gtFiles(t, dir))
}

func TestVerifyContractsUpdateFails(t *testing.T) {
	t.Setenv("PLUGREG_UPDATE", "1")
	dir := t.TempDir()
	gtWrite(t, filepath.Join(dir, "file"), "")
	heard := vfVerify(t, filepath.Join(dir, "file"), vfPlugin("a", "1.0.0", false))
	require.Len(t, heard.errors, 1)
	require.Contains(t, heard.errors[0], `verify contracts: plugin "a" 1.0.0: baseline: `)

	gtWrite(t, filepath.Join(dir, "A", "x"), "")
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", false), vfPlugin("b", "1.0.0", false))
	require.Len(t, heard.errors, 1)
	require.Contains(t, heard.errors[0], `from which "a" differs in case alone`)
	require.FileExists(t, filepath.Join(dir, "b", "1.0.0.json"), "the others are stored")

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "c", "1.0.0.json"), 0o755))
	heard = vfVerify(t, dir, vfPlugin("c", "1.0.0", false))
	require.Len(t, heard.errors, 1)
	require.Equal(t, []string{"1.0.0.json"}, gtEntries(t, filepath.Join(dir, "c")), "no temporary file is left")
}

func gtEntries(t testing.TB, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestVerifyContractsWithExceptions(t *testing.T) {
	t.Setenv("PLUGREG_UPDATE", "1")
	dir := t.TempDir()
	require.Empty(t, vfVerify(t, dir, vfPlugin("a", "1.0.0", true)).errors)
	t.Setenv("PLUGREG_UPDATE", "")
	file := filepath.Join(dir, "exceptions.json")
	list := []plugreg.Exception{gtException("method-removed", "plugin.Init()", "a@1.0.0"), gtException("method-removed", "plugin.Probe()", "a@1.0.0")}
	for i := range list {
		list[i].Expires = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	gtWrite(t, file, string(gtExceptions(t, list...)))
	heard := vfVerify(t, dir, vfPlugin("a", "1.1.0", false))
	require.Empty(t, heard.errors)
	require.Len(t, heard.logs, 4)
	require.Contains(t, heard.logs[0], "verify contracts against "+dir+": excepted: breaking method-removed at plugin.Init(): ")
	require.Equal(t, "verify contracts against "+dir+": the exception method-removed at plugin.Init() since a@1.0.0 holds until 9999-12-31: agreed", heard.logs[2])

	heard = vfVerify(t, dir, vfPlugin("a", "1.0.1", true))
	require.Len(t, heard.errors, 2)
	require.Contains(t, heard.errors[0], "the exception method-removed at plugin.Init() since a@1.0.0 fits nothing that is refused: remove it")

	gtWrite(t, file, "{}")
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", true))
	require.Len(t, heard.errors, 1)
	require.True(t, strings.HasPrefix(heard.errors[0], "verify contracts: "+file+": exceptions document: invalid: "), heard.errors[0])

	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Mkdir(file, 0o755))
	heard = vfVerify(t, dir, vfPlugin("a", "1.0.0", true))
	require.Len(t, heard.errors, 1)
	require.Contains(t, heard.errors[0], "verify contracts: ")
}

// A registry that is evidence for a moment is so for its own test.
func TestVerifyContractsWhateverTheTTL(t *testing.T) {
	t.Setenv("PLUGREG_UPDATE", "1")
	dir := t.TempDir()
	for _, update := range []string{"1", ""} {
		t.Setenv("PLUGREG_UPDATE", update)
		heard := new(vfT)
		plugreg.VerifyContracts(heard, gears(t, plugreg.Config{SnapshotTTL: 1}, vfPlugin("a", "1.0.0", false)), dir)
		require.Empty(t, heard.errors)
	}
}

func TestVerifyContractsWithoutRegistry(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		r    plugreg.Source
		want string
	}{
		{nil, "<nil>"}, {(*plugreg.Registry[gear])(nil), "*plugreg.Registry[github.com/plugreg/plugreg_test.gear]"},
	} {
		heard := new(vfT)
		plugreg.VerifyContracts(heard, tt.r, t.TempDir())
		require.Equal(t, []string{"verify contracts: want a registry made by New, found " + tt.want + " without one"}, heard.errors)
	}
}

// Baselines are read in reviews: a changed field shows on lines of its own.
func TestPublishedBaselineDiffs(t *testing.T) {
	t.Parallel()
	lines := map[bool][]string{}
	for _, wide := range []bool{false, true} {
		dir, typ := t.TempDir(), "int32"
		if wide {
			typ = "int64"
		}
		require.NoError(t, plugreg.PublishBaseline(dir, gtSnapshot(t, "a@1.0.0: A "+typ+", B int")))
		doc := gtFiles(t, dir)["a/1.0.0.json"]
		require.True(t, json.Valid([]byte(doc)))
		lines[wide] = strings.Split(doc, "\n")
	}
	require.Len(t, lines[true], len(lines[false]))
	var changed []string
	for i, line := range lines[true] {
		if line != lines[false][i] {
			key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			changed = append(changed, key)
		}
	}
	require.Equal(t, []string{`"digest"`, `"signature"`, `"type"`, `"shapes_digest"`}, changed)
}
