// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// spoil damages a file of a copy of the baselines.
func spoil(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "acme.payment", "1.2.0.json"), []byte("{"), 0o644))
}

// baselines is a copy of the baselines.
func baselines(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "baseline")
	require.NoError(t, os.CopyFS(dir, os.DirFS(baseline)))
	return dir
}

// tree is the content of a directory by name.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range documents(os.DirFS(dir)) {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		require.NoError(t, err)
		files[name] = string(data)
	}
	return files
}

func exceptions(t *testing.T, entries ...string) (file string) {
	t.Helper()
	return write(t, "exceptions.json", fmt.Appendf(nil, `{"format":"plugreg/exceptions/v1","exceptions":[%s]}`, strings.Join(entries, ",")))
}

func exception(rule, path, baseline, expires string) string {
	return fmt.Sprintf(`{"rule":%q,"path":%q,"baseline":%q,"reason":"agreed","expires":%q}`, rule, path, baseline, expires)
}

func TestGateGolden(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{
		"pass": candidate, "pass-json": "-format json " + candidate, "pass-github": "-format github " + candidate, "broken": broken, "broken-json": "-format json " + broken,
		"broken-github": "-format github " + broken, "first": first, "first-github": "-format github " + first, "first-new": "-new " + first,
		"first-new-github": "-new -format github " + first, "expired": expired,
	} {
		golden(t, "golden/gate-"+name+".txt", runWith("", append([]string{"gate", "-baseline", baseline}, strings.Fields(args)...)...).String())
	}
}

func TestGateExitCodes(t *testing.T) {
	t.Parallel()
	gone := write(t, "gone.json", plugreg.Snapshot{Contracts: []plugreg.Contract{grown("1.3.0")}})
	republished := write(t, "republished.json", plugreg.Snapshot{Contracts: []plugreg.Contract{grown("1.2.0"), refund("1.0.0")}})
	early := write(t, "early.json", plugreg.Snapshot{Contracts: []plugreg.Contract{grown("1.3.0"), refund("0.9.0")}})
	none := write(t, "empty.json", plugreg.Snapshot{})
	breaks := []string{exception("method-demanded", "contract.Void()", "acme.payment@1.2.0", "9000-01-01"), exception("field-retyped", "data:Order.Amount", "acme.payment@1.2.0", "9000-01-01")}
	for _, e := range breaks {
		breaks = append(breaks, strings.ReplaceAll(e, "@1.2.0", "@1.1.0")) // a history is one of several baselines
	}
	late := strings.ReplaceAll(breaks[0], "9000", "2020")
	for _, test := range []struct {
		name, args string
		code       int
		want       string
	}{
		{"additive", candidate, exitPass, "gate: compatible"},
		{"the same again", older, exitPass, "gate: compatible"},
		{"breaking", broken, exitIncompatible, "method-demanded"},
		{"excepted", "-exceptions " + exceptions(t, breaks...) + " " + broken, exitPass, "excepted: breaking field-retyped"},
		{"excepted in part", "-exceptions " + exceptions(t, breaks[0]) + " " + broken, exitIncompatible, "field-retyped"},
		{"exception that has expired", "-exceptions " + exceptions(t, append([]string{late}, breaks[1:]...)...) + " " + broken, exitIncompatible, "expired after 2020-01-01"},
		{"exception that fits nothing", "-exceptions " + exceptions(t, breaks...) + " " + candidate, exitIncompatible, "fits nothing"},
		{"first release", first, exitUnknown, `no earlier release of "acme.audit"`},
		{"first release that is let through", "-new " + first, exitPass, "excepted: cosmetic no-baseline at acme.audit"},
		{"first release that is excepted", "-exceptions " + exceptions(t, exception("no-baseline", "acme.audit", "", "9000-01-01")) + " " + first, exitPass, "no-baseline"},
		{"both", "-new -exceptions " + exceptions(t, exception("no-baseline", "acme.audit", "", "9000-01-01")) + " " + first, exitPass, "no-baseline"},
		{"earlier than all baselines is no first release", "-new " + early, exitUnknown, `no earlier release of "acme.refund"`},
		{"nothing new", "-new " + candidate, exitPass, "gate: compatible"},
		{"new and broken", "-new " + broken, exitIncompatible, "method-demanded"},
		{"expired", expired, exitUnknown, "expired"},
		{"empty", none, exitIncompatible, "no plugins"},
		{"gone", gone, exitIncompatible, "plugin-removed"},
		{"released before with another contract", republished, exitIncompatible, "a released version never changes"},
	} {
		for _, f := range []string{"text", "json", "github"} {
			t.Run(test.name+" "+f, func(t *testing.T) {
				t.Parallel()
				r := runWith("", append([]string{"gate", "-baseline", baseline, "-format", f}, strings.Fields(test.args)...)...)
				require.Equal(t, test.code, r.code, r)
				require.Empty(t, r.errors)
				switch f {
				case "text":
					require.Contains(t, r.out, test.want)
				case "json":
					var report struct{ Outcome plugreg.Outcome }
					require.NoError(t, json.Unmarshal([]byte(r.out), &report))
					require.Equal(t, test.code, exitCode(report.Outcome))
				case "github":
					require.Equal(t, test.code != exitPass, strings.Contains(r.out, "::error "), r)
				}
			})
		}
	}
}

func TestGateReadsStandardInput(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(broken)
	require.NoError(t, err)
	require.Equal(t, runWith("", "gate", "-baseline", baseline, broken), runWith(string(doc), "gate", "-baseline", baseline, "-"))
	require.Contains(t, runWith(string(doc), "gate", "-format", "github", "-baseline", baseline, "-").out, "::error title=")
}

func TestGateWithoutEvidence(t *testing.T) {
	t.Parallel()
	spoilt := baselines(t)
	spoil(t, spoilt)
	empty := t.TempDir()
	for _, test := range []struct {
		name, args string
		code       int
		out, err   string
	}{
		{"no directory", "-baseline nowhere " + candidate, exitUnknown, "", "plugreg: gate: nowhere: want the directory of baselines, found none; create it before a first release"},
		{"no directory is no first release", "-new -baseline nowhere " + candidate, exitUnknown, "", "nowhere: want the directory"},
		{"a file", "-baseline " + v1 + " " + candidate, exitUsage, "", v1 + ": want the directory of baselines, found a file"},
		{"a name that cannot be one", "-baseline " + "nul\x00byte" + " " + candidate, exitUsage, "", ": want the directory of baselines, found: "},
		{"corrupt", "-baseline " + spoilt + " " + candidate, exitUnknown, "acme.payment/1.2.0.json", ""},
		{"corrupt is no first release", "-new -baseline " + spoilt + " " + candidate, exitUnknown, "acme.payment/1.2.0.json", ""},
		{"empty", "-baseline " + empty + " " + candidate, exitUnknown, "no earlier release", ""},
		{"empty at a first release", "-new -baseline " + empty + " " + candidate, exitPass, "compatible", ""},
		{"no snapshot", "-baseline " + baseline + " none.json", exitUsage, "", "none.json: want a contract or a snapshot, found: "},
		{"a contract", "-baseline " + baseline + " " + v1, exitUsage, "", v1 + ": want a snapshot, found a contract"},
		{"a directory as snapshot", "-baseline " + baseline + " testdata", exitUsage, "", "testdata: want a contract or a snapshot, found a directory"},
		{"no exceptions", "-exceptions none.json -baseline " + baseline + " " + candidate, exitUsage, "", "none.json: want a document of exceptions, found: "},
		{"exceptions that are none", "-exceptions " + v1 + " -baseline " + baseline + " " + candidate, exitUsage, "", v1 + ": want a document of exceptions, found: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := runWith("", append([]string{"gate"}, strings.Fields(test.args)...)...)
			require.Equal(t, test.code, r.code, r)
			require.Contains(t, r.out, test.out)
			require.Contains(t, r.errors, test.err)
			require.Equal(t, test.out == "", r.out == "")
			require.Equal(t, test.err == "", r.errors == "")
		})
	}
}

func TestGatePublishes(t *testing.T) {
	t.Parallel()
	dir := baselines(t)
	before := tree(t, dir)
	r := runWith("", "gate", "-baseline", dir, "-publish", dir, candidate)
	require.Equal(t, exitPass, r.code, r)
	require.Contains(t, r.out, "published in "+dir)
	after := tree(t, dir)
	c, err := plugreg.ParseContract([]byte(after["acme.payment/1.3.0.json"]))
	require.NoError(t, err)
	require.Equal(t, grown("1.3.0").Digest(), c.Digest())
	delete(after, "acme.payment/1.3.0.json")
	require.Equal(t, before, after)

	again := runWith("", "gate", "-format", "json", "-baseline", dir, "-publish", dir, candidate)
	require.Equal(t, exitPass, again.code, again)
	var report gateResult
	require.NoError(t, json.Unmarshal([]byte(again.out), &report))
	require.Equal(t, dir, report.Published)

	fresh := filepath.Join(t.TempDir(), "a", "b")
	require.Equal(t, exitPass, runWith("", "gate", "-baseline", dir, "-publish", fresh, candidate).code)
	require.Equal(t, []string{"acme.payment/1.3.0.json", "acme.refund/1.0.0.json"}, documents(os.DirFS(fresh)))
}

func TestGateDoesNotPublishWhatFails(t *testing.T) {
	t.Parallel()
	for _, file := range []string{broken, first, expired} {
		dir := filepath.Join(t.TempDir(), "out")
		r := runWith("", "gate", "-baseline", baseline, "-publish", dir, file)
		require.NotEqual(t, exitPass, r.code)
		require.NoDirExists(t, dir)
		require.NotContains(t, r.out, "published")
	}
}

func TestGatePublishConflict(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	require.NoError(t, plugreg.PublishBaseline(dir, plugreg.Snapshot{Contracts: []plugreg.Contract{payment("1.3.0")}}))
	before := tree(t, dir)
	r := runWith("", "gate", "-baseline", baseline, "-publish", dir, candidate)
	require.Equal(t, exitIncompatible, r.code, r)
	require.Contains(t, r.errors, dir+": want these versions or none there, found: ")
	require.Contains(t, r.out, "gate: compatible")
	require.NotContains(t, r.out, "published")
	require.Equal(t, before, tree(t, dir), "nothing else of the snapshot is stored either")
	r = runWith("", "gate", "-format", "github", "-baseline", baseline, "-publish", dir, candidate)
	require.Equal(t, exitIncompatible, r.code)
	require.Contains(t, r.out, "::error file=testdata/candidate.json,title=plugreg gate%3A not published::")

	file := write(t, "file", []byte("x"))
	r = runWith("", "gate", "-baseline", baseline, "-publish", file, candidate)
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errors, file+": want a directory to publish in, found: ")
}

// A history can refuse what the last step allows, and the annotations say so.
func TestGateAnnotatesHistory(t *testing.T) {
	t.Parallel()
	r := plugreg.Report{Name: "a", Old: "1.1.0", New: "1.2.0", Policy: plugreg.Backward, Outcome: plugreg.Compatible, History: []plugreg.Report{
		{Name: "a", Old: "1.0.0", New: "1.2.0", Policy: plugreg.Backward, Outcome: plugreg.Incompatible, Reasons: []string{"why"}}}}
	var b strings.Builder
	s := &session{out: newOutput(&b)}
	s.annotateGate(gateResult{GateReport: plugreg.GateReport{Reports: []plugreg.Report{r}, Notes: []string{"note"}}}, "s.json")
	require.NoError(t, s.out.Flush())
	require.Equal(t, "::error file=s.json,title=a 1.2.0 after 1.0.0%3A incompatible::incompatible: why; allowed: no version%0Arequired version of these changes: 1.0.0\n::notice file=s.json,title=plugreg gate::note\n", b.String())
}

// unreadable is a file that is there and cannot be opened.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".json") {
		return nil, fs.ErrPermission
	}
	return u.MapFS.Open(name)
}

func (u unreadable) ReadFile(name string) ([]byte, error) { return nil, fs.ErrPermission }

func TestFirstReleases(t *testing.T) {
	t.Parallel()
	candidate := snapshots()[first]
	names := func(tree fs.FS) map[string]bool {
		found := map[string]bool{}
		for _, e := range firstReleases(candidate, tree) {
			require.Equal(t, plugreg.Rule("no-baseline"), e.Rule)
			found[e.Path] = true
		}
		return found
	}
	all := map[string]bool{"acme.audit": true, "acme.payment": true, "acme.refund": true}
	require.Equal(t, all, names(fstest.MapFS{}))
	require.Equal(t, all, names(unreadable{fstest.MapFS{"a.json": {Data: encode(refund("1.0.0"))}}}))
	require.Equal(t, all, names(fstest.MapFS{"a.txt": {Data: encode(refund("1.0.0"))}, "b.json": {Data: []byte("{")}}))
	some := maps.Clone(all)
	delete(some, "acme.refund")
	require.Equal(t, some, names(fstest.MapFS{"x/a.json": {Data: encode(refund("9.0.0-rc.1"))}}))
	require.Empty(t, names(fstest.MapFS{"a.json": {Data: encode(candidate)}}))
}

// What is looked at for first releases is what Gate reads, name by name.
func TestDocumentsAreThoseOfGate(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"pipe.json": {Mode: fs.ModeNamedPipe}}
	var want []string
	for name, document := range map[string]bool{
		"a.json": true, "b.JSON": true, "x/c.Json": true, "x.json/d.json": true, "e.txt": false, "json": false, "f.json.bak": false,
		".g.json": false, ".git/h.json": false, "x/.hidden/i.json": false, "x/.j.json": false,
	} {
		files[name] = &fstest.MapFile{Data: []byte("{")}
		if document {
			want = append(want, name)
		}
	}
	require.ElementsMatch(t, want, documents(files))
	g := plugreg.Gate(snapshots()[candidate], files, nil)
	var read []string
	for _, problem := range g.Problems {
		quoted, _, _ := strings.Cut(strings.TrimPrefix(problem, "baseline "), ": ")
		name, err := strconv.Unquote(quoted)
		require.NoError(t, err)
		read = append(read, name)
	}
	require.ElementsMatch(t, append(want, "pipe.json"), read, "what cannot be a document is a problem")

	shouting := fstest.MapFS{"A.JSON": {Data: encode(refund("9.0.0"))}}
	for _, e := range firstReleases(snapshots()[candidate], shouting) {
		require.NotEqual(t, "acme.refund", e.Path, "it has a baseline")
	}
	hidden := fstest.MapFS{".a.json": {Data: encode(refund("1.0.0"))}}
	require.Len(t, firstReleases(snapshots()[candidate], hidden), 2, "nobody else sees it")
}

// The policies of the registry are in its snapshot, and a floor may be given beside them.
func TestGatePolicies(t *testing.T) {
	t.Parallel()
	s := snapshots()[candidate]
	s.Policy, s.MinPolicy = plugreg.Unchecked, plugreg.Full
	strict := write(t, "strict.json", s)
	s.MinPolicy = plugreg.Forward
	lax := write(t, "lax.json", s)
	for _, test := range []struct {
		name, args string
		code       int
		want       string
	}{
		{"of the snapshot", strict, exitIncompatible, "incompatible under policy full"},
		{"laxer than what is declared", lax, exitPass, "compatible under policy backward"},
		{"a floor", "-min-policy full " + lax, exitIncompatible, "incompatible under policy full"},
		{"a floor below that of the snapshot", "-min-policy forward " + strict, exitIncompatible, "incompatible under policy full"},
		{"a floor below what is declared", "-min-policy unchecked " + candidate, exitPass, "compatible under policy backward"},
		{"none", "-min-policy default " + candidate, exitPass, "compatible under policy backward"},
		{"no such policy", "-min-policy fullest " + candidate, exitUsage, `want one of default, unchecked`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := runWith("", append([]string{"gate", "-baseline", baseline}, strings.Fields(test.args)...)...)
			require.Equal(t, test.code, r.code, r)
			require.Contains(t, r.out+r.errors, test.want)
		})
	}
	shown := runWith("", "show", strict).out
	require.Contains(t, shown, "\n  policy      unchecked\n  min policy  full\n")
	require.NotContains(t, runWith("", "show", candidate).out, "min policy")
}

// A version that nothing was compared with passes, and everybody is told.
func TestGateNotesGenerations(t *testing.T) {
	t.Parallel()
	file := write(t, "next.json", plugreg.Snapshot{Contracts: []plugreg.Contract{shrunk("9.3.7"), refund("1.0.0")}})
	const note = `"acme.payment" 9.3.7 begins another generation: it was compared with nothing`
	for style, want := range map[string]string{"text": "\nnote: " + note, "github": "title=plugreg gate::" + note + "\n", "json": "begins another generation: it was compared with nothing"} {
		r := runWith("", "gate", "-baseline", baseline, "-format", style, file)
		require.Equal(t, exitPass, r.code, r)
		require.Contains(t, r.out, want)
	}
}
