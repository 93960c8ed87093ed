// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// gjTree is a tree of baselines: contracts as they are published, snapshots in files of their own.
func gjTree(docs ...any) fstest.MapFS {
	tree := fstest.MapFS{}
	for i, d := range docs {
		doc, err := json.Marshal(d)
		if err != nil {
			panic(err)
		}
		name := fmt.Sprintf("snapshots/%02d.json", i)
		if c, ok := d.(plugreg.Contract); ok {
			name = fmt.Sprintf("%s/%s.json", c.Name, c.Version)
		}
		tree[name] = &fstest.MapFile{Data: doc}
	}
	return tree
}

// gjPast is a snapshot that has expired.
func gjPast(contracts ...plugreg.Contract) plugreg.Snapshot {
	return plugreg.Snapshot{Contracts: contracts, Expires: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func gjException(rule, path, baseline string) []plugreg.Exception {
	return []plugreg.Exception{{Rule: plugreg.Rule(rule), Path: path, Baseline: baseline, Reason: "agreed", Expires: exDay("9999-12-31")}}
}

func TestGateOutcomes(t *testing.T) {
	t.Parallel()
	const yes, no, unknown = plugreg.Compatible, plugreg.Incompatible, plugreg.Unknown
	c := snContract
	for _, tt := range []struct {
		name       string
		candidate  plugreg.Snapshot
		tree       fs.FS
		exceptions []plugreg.Exception
		want       plugreg.Outcome
		text       string // in the report's
	}{
		{"the same again", snOf(c("a@1.0.0", "ID int")), gjTree(c("a@1.0.0", "ID int")), nil, yes, ""},
		{"added to", snOf(c("a@1.1.0", "ID int", "B int")), gjTree(c("a@1.0.0", "ID int")), nil, yes, ""},
		{"broken", snOf(c("a@1.1.0", "B int")), gjTree(c("a@1.0.0", "ID int")), nil, no, "field-removed at contract.ID"},
		{"next generation", snOf(c("a@2.0.0", "B int")), gjTree(c("a@1.0.0", "ID int")), nil, yes, ""},
		{"policy of the baseline", snOf(c("a@1.1.0", "ID int=2")), gjTree(c("a@1.0.0 full", "ID int=1")), nil, no, "under policy full"},
		{"policy of the candidate", snOf(c("a@1.1.0 full", "ID int=2")), gjTree(c("a@1.0.0", "ID int=1")), nil, no, "under policy full"},
		{"pairs pass and the whole does not", snOf(c("a@1.2.0 full")), gjTree(c("a@1.0.0 full", "ID int=1"), c("a@1.1.0 full")), nil, no, "after 1.0.0: incompatible"},
		{"strict", snOf(c("a@1.0.0 strict", "ID int")), gjTree(c("a@1.0.0 strict", "ID int")), nil, yes, ""},

		{"no baselines", snOf(c("a@1.0.0")), gjTree(), nil, unknown, `there is no earlier release of "a"`},
		{"no baseline of one", snOf(c("a@1.0.0"), c("b@1.0.0")), gjTree(c("a@1.0.0")), nil, unknown, `there is no earlier release of "b"`},
		{"a first release", snOf(c("a@1.0.0")), gjTree(), gjException("no-baseline", "a", ""), yes, "excepted: cosmetic no-baseline at a"},
		{"a first release of two versions", snOf(c("a@1.0.0"), c("a@1.1.0", "ID int")), gjTree(), gjException("no-baseline", "a", ""), yes, ""},
		{"a first release of versions that do not go together", snOf(c("a@1.0.0", "ID int"), c("a@1.1.0")), gjTree(), gjException("no-baseline", "a", ""), no, "1.1.0 after 1.0.0: incompatible"},
		{"a first release of one does not excuse another", snOf(c("a@1.0.0"), c("b@1.0.0")), gjTree(), gjException("no-baseline", "a", ""), unknown, `"b" 1.0.0: unknown`},
		{"only later ones", snOf(c("a@1.0.0")), gjTree(c("a@1.1.0")), nil, unknown, "no earlier release"},
		{"no plugins", snOf(), gjTree(), nil, unknown, "the candidate has no plugins"},
		{"no tree", snOf(c("a@1.0.0")), nil, nil, unknown, "want a file system, found nil"},
		{"a tree that is not there", snOf(c("a@1.0.0")), os.DirFS("testdata/nothing/here"), nil, unknown, `baseline "."`},

		{"a pre-release after a release", snOf(c("a@1.1.0-rc.1", "ID int")), gjTree(c("a@1.0.0", "ID int")), nil, yes, ""},
		{"a pre-release before any release", snOf(c("a@1.0.0-rc.2")), gjTree(c("a@1.0.0-rc.1")), nil, unknown, "no earlier release"},
		{"a pre-release that was published", snOf(c("a@1.0.0-rc.1")), gjTree(c("a@1.0.0-rc.1")), nil, yes, ""},
		{"a pre-release that was published, of a next generation", snOf(c("a@2.0.0-rc.1", "B int")), gjTree(c("a@1.0.0", "ID int"), c("a@2.0.0-rc.1", "B int")), nil, yes, ""},
		{"a pre-release that was published otherwise", snOf(c("a@1.0.0-rc.1", "ID int")), gjTree(c("a@1.0.0-rc.1")), nil, no, "never changes"},
		{"a pre-release that was published otherwise, after a release", snOf(c("a@1.1.0-rc.1", "ID int")), gjTree(c("a@1.0.0"), c("a@1.1.0-rc.1")), nil, no, "never changes"},
		{"a pre-release is no baseline for others", snOf(c("a@1.1.0", "ID int")), gjTree(c("a@1.0.0", "ID int"), c("a@1.1.0-rc.1", "ID int", "B int")), nil, yes, ""},

		{"published again", snOf(c("a@1.0.0", "ID int")), gjTree(c("a@1.0.0")), nil, no, "never changes"},
		{"published again as another build", snOf(c("a@1.0.0+2", "ID int")), gjTree(c("a@1.0.0+1")), nil, no, "never changes"},
		{"the same as another build", snOf(c("a@1.0.0+2")), gjTree(c("a@1.0.0+1")), nil, no, "never changes"},
		{"published again, unchecked", snOf(c("a@1.0.0 unchecked", "ID int")), gjTree(c("a@1.0.0 unchecked")), nil, no, "never changes"},
		{"published again with another requirement", gjNeeding(c("a@1.0.0"), "b"), gjTree(c("a@1.0.0")), nil, no, "never changes"},
		{"published again, and expired", snOf(c("a@1.0.0", "ID int")), gjTree(gjPast(c("a@1.0.0"))), nil, no, "never changes"},
		{"anything, unchecked", snOf(c("a@1.0.1 unchecked", "ID int")), gjTree(c("a@1.0.0 unchecked", "B int")), nil, yes, ""},

		{"expired evidence", snOf(c("a@1.1.0")), gjTree(gjPast(c("a@1.0.0"))), nil, unknown, "known from expired snapshots alone"},
		{"expired evidence of the same", snOf(c("a@1.0.0")), gjTree(gjPast(c("a@1.0.0"))), nil, unknown, "known from expired snapshots alone"},
		{"expired evidence of another generation", snOf(c("a@2.0.0")), gjTree(gjPast(c("a@1.0.0"))), nil, unknown, "known from expired snapshots alone"},
		{"expired evidence is no first release", snOf(c("a@1.1.0")), gjTree(gjPast(c("a@1.0.0"))), gjException("no-baseline", "a", ""), no, "no-baseline at a fits nothing"},
		{"expired evidence refuses", snOf(c("a@1.1.0")), gjTree(gjPast(c("a@1.0.0", "ID int"))), nil, no, "field-removed"},
		{"expired evidence refuses beside what lasts", snOf(c("a@1.2.0", "B int")), gjTree(c("a@1.0.0"), gjPast(c("a@1.1.0", "ID int"))), nil, no, "field-removed"},
		{"expired evidence beside what lasts", snOf(c("a@1.2.0", "ID int")), gjTree(c("a@1.0.0"), gjPast(c("a@1.1.0", "ID int"))), nil, yes, ""},
		{"expired and lasting evidence of one version", snOf(c("a@1.1.0")), gjTree(gjPast(c("a@1.0.0")), c("a@1.0.0")), nil, yes, ""},
		{"a snapshot that lasts", snOf(c("a@1.1.0")), gjTree(snOf(c("a@1.0.0"))), nil, yes, ""},
		{"an expired candidate", gjPast(c("a@1.0.0")), gjTree(c("a@1.0.0")), nil, unknown, "the candidate's snapshot expired at 1999-01-01T00:00:00Z: take a new one"},
		{"an expired candidate that breaks", gjPast(c("a@1.1.0")), gjTree(c("a@1.0.0", "ID int")), nil, no, "field-removed"},

		{"a contradiction", snOf(c("a@1.1.0")), gjTree(c("a@1.0.0"), snOf(c("a@1.0.0", "ID int")), c("b@1.0.0")), gjException("plugin-removed", "b", "b@1.0.0"), no, `one of them is wrong`},
		{"a contradiction about what does not matter", snOf(c("a@2.0.0")), gjTree(c("a@1.0.0"), snOf(c("a@1.0.0", "ID int"))), nil, unknown, `"a/1.0.0.json" has it with`},
		{"a contradiction about builds", snOf(c("a@1.1.0")), gjTree(c("a@1.0.0+1"), c("a@1.0.0+2")), nil, unknown, `it has "a@1.0.0" with`},
		{"a contradiction in which one is right", snOf(c("a@1.0.0")), gjTree(c("a@1.0.0"), snOf(c("a@1.0.0", "ID int"))), nil, unknown, "one of them is wrong"},

		{"gone", snOf(c("b@1.0.0")), gjTree(c("a@1.0.0"), c("a@1.10.0"), c("a@1.9.0"), c("a@2.0.0-rc.1"), c("b@1.0.0")), nil, no,
			`plugin-removed: "a@1.10.0" was released, and the candidate does not have the plugin; keep it, or except the rule plugin-removed at the path a since a@1.10.0`},
		{"gone with an exception", snOf(c("b@1.0.0")), gjTree(c("a@1.0.0"), c("b@1.0.0")), gjException("plugin-removed", "a", "a@1.0.0+x"), yes, "excepted: breaking plugin-removed at a"},
		{"gone with an exception for an older version", snOf(c("b@1.0.0")), gjTree(c("a@1.0.0"), c("a@1.1.0"), c("b@1.0.0")), gjException("plugin-removed", "a", "a@1.0.0"), no, "fits nothing"},
		{"gone, and expired", snOf(c("b@1.0.0")), gjTree(gjPast(c("a@1.0.0")), c("b@1.0.0")), nil, no, "plugin-removed"},
		{"a pre-release is gone", snOf(c("b@1.0.0")), gjTree(c("a@1.0.0-rc.1"), c("b@1.0.0")), nil, yes, `note: "a" is gone, of which there were pre-releases alone`},
		{"all are gone", snOf(), gjTree(c("a@1.0.0"), c("b@1.0.0")), nil, no, "plugin-removed"},
		{"an old generation is gone", snOf(c("a@2.0.0")), gjTree(c("a@1.0.0"), c("a@2.0.0")), nil, yes, ""},

		{"versions between", snOf(c("a@3.0.0 forward"), c("a@2.0.0 forward", "B int")), gjTree(c("a@1.0.0 forward", "ID int")), nil, yes, ""},
		{"a version is skipped", snOf(c("a@3.0.0 forward")), gjTree(c("a@1.0.0 forward", "ID int")), nil, no, "a breaking change takes exactly the next generation, 2.0.0"},
		{"new versions that do not go together", snOf(c("a@1.1.0", "ID int", "B int"), c("a@1.2.0", "ID int")), gjTree(c("a@1.0.0", "ID int")), nil, no, "1.2.0 after 1.1.0: incompatible"},
		{"one version with two contracts", snOf(c("a@1.1.0"), c("a@1.1.0", "ID int")), gjTree(c("a@1.0.0")), nil, no, `"a@1.1.0" stands in the candidate with two contracts`},
		{"one version of two registries", snOf(c("a@1.1.0"), c("a@1.1.0")), gjTree(c("a@1.0.0")), nil, yes, ""},
		{"a version that is none", snOf(c("a@latest")), gjTree(c("a@1.0.0")), gjException("no-baseline", "a", ""), no, "latest"},
		{"a version that is none, alone", snOf(c("a@latest")), gjTree(), nil, unknown, "latest"},
		{"a name that is none", snOf(c("../a@1.0.0")), gjTree(), nil, unknown, "../a"},
		{"a policy that is none", gjPolicy(c("a@1.1.0"), 9), gjTree(c("a@1.0.0")), nil, unknown, "policy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := plugreg.Gate(tt.candidate, tt.tree, tt.exceptions)
			require.Equal(t, tt.want, g.Outcome, "%v", g)
			require.Contains(t, g.String(), tt.text)
			require.Len(t, g.Reports, len(tt.candidate.Contracts))
			require.Equal(t, g, plugreg.Gate(tt.candidate, tt.tree, tt.exceptions), "it does not change what it is given")
			for _, r := range g.Reports {
				for _, h := range r.History {
					require.NotEmpty(t, h.Old, "history is of what came before")
				}
			}
			if tt.want == yes {
				require.NoError(t, g.Err())
				require.Empty(t, g.Problems)
				return
			}
			require.ErrorIs(t, g.Err(), plugreg.ErrContract)
			require.EqualError(t, g.Err(), g.String())
			for _, r := range g.Reports {
				_, listed := errors.AsType[*plugreg.IncompatibleError](g.Err())
				require.True(t, r.Outcome == yes || listed)
			}
		})
	}
}

func gjNeeding(c plugreg.Contract, name string) plugreg.Snapshot {
	c.Requires = []plugreg.Dependency{{Name: name}}
	return snOf(c)
}

func gjPolicy(c plugreg.Contract, p plugreg.Policy) plugreg.Snapshot {
	c.Policy = p
	return snOf(c)
}

// gjExample has something of everything.
func gjExample() plugreg.GateReport {
	c := snContract
	tree := gjTree(c("audit@0.3.0", "ID string"), plugreg.Snapshot{Contracts: []plugreg.Contract{c("pay@1.0.0", "ID string", "Note string", "Sum int")}, Platform: "linux/amd64"}, c("mail@1.0.0"))
	tree["pay/1.1.0.json"] = &fstest.MapFile{Data: []byte("<<<<<<< HEAD")}
	candidate := snOf(c("pay@1.1.0", "ID string", "Sum string"), c("new@0.1.0"), c("audit@0.3.1", "ID string"))
	candidate.Platform = "windows/arm64"
	exceptions := append(gjException("field-removed", "contract.Note", "pay@1.0.0"), gjException("field-removed", "contract.Sum", "pay@1.0.0")...)
	return plugreg.Gate(candidate, tree, exceptions)
}

func TestGateText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `gate: incompatible, plugins: 3
problem: baseline "pay/1.1.0.json": byte 0, $: want a value, found '<'
problem: plugin-removed: "mail@1.0.0" was released, and the candidate does not have the plugin; keep it, or except the rule plugin-removed at the path mail since mail@1.0.0
problem: the exception field-removed at contract.Sum since pay@1.0.0 fits nothing that is refused: remove it
"audit" 0.3.1 after 0.3.0: compatible under policy backward (shape compatible, step compatible)
"new" 0.1.0: unknown under policy backward (shape unknown, step unknown)
  there is no earlier release of "new" to compare with
"pay" 1.1.0 after 1.0.0: incompatible under policy backward (shape incompatible, step compatible)
  backward allows nothing that breaks
  breaking field-retyped at contract.Sum: was "int", is "string" (caller, reader, writer)
    a field has another type; add a field of the new type instead
  allowed: version 2.0.0, which begins another generation
excepted: breaking field-removed at contract.Note: was "string" (caller, reader)
note: "pay@1.0.0" in "snapshots/01.json" was described on linux/amd64, and the candidate on windows/arm64: a type may have another shape there; compare on one platform
note: the exception field-removed at contract.Note since pay@1.0.0 holds until 9999-12-31: agreed`, gjExample().String())
	require.Equal(t, `gate: compatible, plugins: 1
"a" 1.1.0 after 1.0.0: compatible under policy backward (shape compatible, step compatible)
  additive field-added at contract.B: is "int" (caller)`,
		plugreg.Gate(snOf(snContract("a@1.1.0", "ID int", "B int")), gjTree(snContract("a@1.0.0", "ID int")), nil).String())
}

func TestGateJSON(t *testing.T) {
	t.Parallel()
	text, err := json.MarshalIndent(gjExample(), "", " ")
	require.NoError(t, err)
	const want = `{
 "outcome": "incompatible",
 "reports": [
  {
   "policy": "backward",
   "name": "audit",
   "old": "0.3.0",
   "new": "0.3.1",
   "shape": "compatible",
   "step": "compatible",
   "outcome": "compatible",
   "allowed": "0.3.0"
  },
  {
   "policy": "backward",
   "name": "new",
   "old": "",
   "new": "0.1.0",
   "shape": "unknown",
   "step": "unknown",
   "outcome": "unknown",
   "reasons": [
    "there is no earlier release of \"new\" to compare with"
   ]
  },
  {
   "policy": "backward",
   "name": "pay",
   "old": "1.0.0",
   "new": "1.1.0",
   "shape": "incompatible",
   "step": "compatible",
   "outcome": "incompatible",
   "reasons": [
    "backward allows nothing that breaks"
   ],
   "allowed": "2.0.0",
   "changes": [
    {
     "rule": "field-retyped",
     "path": "contract.Sum",
     "old": "int",
     "new": "string",
     "affects": "caller, reader, writer",
     "severity": "breaking"
    }
   ]
  }
 ],
 "problems": [
  "baseline \"pay/1.1.0.json\": byte 0, $: want a value, found '\u003c'",
  "plugin-removed: \"mail@1.0.0\" was released, and the candidate does not have the plugin; keep it, or except the rule plugin-removed at the path mail since mail@1.0.0",
  "the exception field-removed at contract.Sum since pay@1.0.0 fits nothing that is refused: remove it"
 ],
 "notes": [
  "\"pay@1.0.0\" in \"snapshots/01.json\" was described on linux/amd64, and the candidate on windows/arm64: a type may have another shape there; compare on one platform",
  "the exception field-removed at contract.Note since pay@1.0.0 holds until 9999-12-31: agreed"
 ],
 "excepted": [
  {
   "rule": "field-removed",
   "path": "contract.Note",
   "old": "string",
   "new": "",
   "affects": "caller, reader",
   "severity": "breaking"
  }
 ],
 "unused": [
  {
   "baseline": "pay@1.0.0",
   "expires": "9999-12-31",
   "path": "contract.Sum",
   "reason": "agreed",
   "rule": "field-removed"
  }
 ]
}`
	require.Equal(t, want, string(text))
	var back plugreg.GateReport
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, gjExample(), back)
	empty, err := json.Marshal(plugreg.Gate(plugreg.Snapshot{}, fstest.MapFS{}, nil))
	require.NoError(t, err)
	require.JSONEq(t, `{"outcome":"unknown","reports":[],"problems":["the candidate has no plugins"]}`, string(empty))
}

// The verdict does not depend on how files are named and ordered, nor on the order of what is judged.
func TestGateOrder(t *testing.T) {
	t.Parallel()
	c := snContract
	docs := []any{c("a@1.0.0", "ID int"), c("a@1.1.0", "ID int", "B int"), snOf(c("a@1.0.0", "ID int", "Wrong int"), c("b@1.0.0")), gjPast(c("b@1.1.0", "X int"), c("a@1.1.0", "ID int", "B int")), c("b@1.0.0"), c("d@1.0.0")}
	candidate := snOf(c("a@1.2.0", "ID int"), c("b@1.2.0", "X int"), c("e@1.0.0"))
	exceptions := append(gjException("no-baseline", "e", ""), gjException("plugin-removed", "d", "d@1.0.0")...)
	random := rand.New(rand.NewPCG(7, 8))
	var want plugreg.GateReport
	for i := range 50 {
		tree := fstest.MapFS{}
		random.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		for i, file := range gjTree(docs...) {
			tree[fmt.Sprintf("%c/%d.json", 'a'+random.IntN(4), random.Int())] = file
			require.NotEmpty(t, i)
		}
		random.Shuffle(len(candidate.Contracts), func(i, j int) {
			candidate.Contracts[i], candidate.Contracts[j] = candidate.Contracts[j], candidate.Contracts[i]
		})
		g := plugreg.Gate(candidate, tree, exceptions)
		require.Len(t, g.Problems, 1, "which names files")
		g.Problems = nil
		if i == 0 {
			want = g
		}
		require.Equal(t, want, g)
	}
	require.Equal(t, plugreg.Incompatible, want.Outcome)
}

// What passes can be published, and passes again then.
func TestGateThenPublish(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(9, 10))
	some := func(n int) (s plugreg.Snapshot) {
		seen := map[string]bool{}
		for range n {
			version := fmt.Sprintf("%d.%d.%d%s%s", random.IntN(3), random.IntN(3), random.IntN(2), []string{"", "", "-rc.1"}[random.IntN(3)], []string{"", "", "+b"}[random.IntN(3)])
			if plain, _, _ := strings.Cut(version, "+"); !seen[plain] {
				seen[plain] = true
				fields := []string{"ID int", "B int", "C string=x"}[:random.IntN(4)]
				s.Contracts = append(s.Contracts, snContract("a@"+version+[]string{"", "", " full", " forward", " unchecked", " strict"}[random.IntN(6)], fields...))
			}
		}
		return s
	}
	passed := 0
	for range 200 {
		tree, candidate := fstest.MapFS{}, some(1+random.IntN(3))
		for _, c := range some(random.IntN(3)).Contracts {
			for name, file := range gjTree(c) {
				tree[name] = file
			}
		}
		g := plugreg.Gate(candidate, tree, gjException("no-baseline", "a", ""))
		first := g.Outcome == plugreg.Compatible
		if !first {
			g = plugreg.Gate(candidate, tree, nil)
		}
		if g.Outcome != plugreg.Compatible {
			continue
		}
		passed++
		dir := t.TempDir()
		for name, file := range tree {
			name, _, _ = strings.Cut(strings.TrimSuffix(name, ".json"), "+")
			require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name+".json"), file.Data, 0o644))
		}
		require.NoError(t, plugreg.PublishBaseline(dir, candidate), "%v", g)
		again := plugreg.Gate(candidate, os.DirFS(dir), nil)
		for _, r := range again.Reports {
			require.False(t, r.Outcome == plugreg.Incompatible || r.Outcome == plugreg.Unknown && !first, "%v\n%v", g, again)
		}
	}
	require.Greater(t, passed, 20)
}

// gjFS fails where it is told to.
type gjFS struct {
	fstest.MapFS
	fail func(op, name string) error
}

func (f gjFS) Open(name string) (fs.File, error) {
	if err := f.fail("open", name); err != nil {
		return nil, err
	}
	file, err := f.MapFS.Open(name)
	return gjFile{file, f.fail("read", name)}, err
}

func (f gjFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.fail("list", name); err != nil {
		return nil, err
	}
	return f.MapFS.ReadDir(name)
}

func (f gjFS) Stat(name string) (fs.FileInfo, error) {
	if err := f.fail("stat", name); err != nil {
		return nil, err
	}
	return f.MapFS.Stat(name)
}

func (f gjFS) ReadFile(string) ([]byte, error) { panic("a file is not read as a whole") }

type gjFile struct {
	fs.File
	err error
}

func (f gjFile) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.File.Read(p)
}

// A baseline that cannot be read is never one that is not there.
func TestGateWhereFilesFail(t *testing.T) {
	t.Parallel()
	candidate := snOf(snContract("a@1.1.0", "ID int"))
	for _, at := range []string{"open a/1.0.0.json", "read a/1.0.0.json", "stat a/1.0.0.json", "list a", "list .", "stat .", "open x.json"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			tree := gjFS{gjTree(snContract("a@1.0.0"), snContract("b@1.0.0")), func(op, name string) error {
				if op+" "+name == at {
					return &fs.PathError{Op: op, Path: name, Err: errors.New("disk\non fire")}
				}
				return nil
			}}
			tree.MapFS["x.json"] = tree.MapFS["a/1.0.0.json"]
			g := plugreg.Gate(candidate, tree, nil)
			require.NotEqual(t, plugreg.Compatible, g.Outcome)
			_, name, _ := strings.Cut(at, " ")
			require.Equal(t, fmt.Sprintf("baseline %q: disk; on fire", name), g.Problems[0])
			g = plugreg.Gate(candidate, tree, gjException("no-baseline", "a", ""))
			require.NotEqual(t, plugreg.Compatible, g.Outcome, "not even where a first release is expected")
		})
	}
}

// All files that are wrong are listed, and what is none of ours is left alone.
func TestGateReadsATree(t *testing.T) {
	t.Parallel()
	good, err := json.MarshalIndent(snContract("a@1.0.0"), "", "\t")
	require.NoError(t, err)
	file := func(data string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(data)} }
	tree := fstest.MapFS{
		"a/1.0.0.json": file(string(good)), "deep/er/copy.JSON": file(string(good)), "dir.json/x.json": file(string(good)), "exceptions.json": file(exDoc(exField)),
		"README.md": file("# no JSON"), "x.json.bak": file("?"), ".hidden.json": file("?"), ".git/x.json": file("?"), "a/.publishing-123": file("?"), "json": file("?"), "empty/dir": {Mode: fs.ModeDir},
		"link": {Data: []byte("README.md"), Mode: fs.ModeSymlink}, "link.json": {Data: []byte("a/1.0.0.json"), Mode: fs.ModeSymlink},
	}
	candidate := snOf(snContract("a@1.0.0"))
	require.Equal(t, plugreg.Compatible, plugreg.Gate(candidate, tree, nil).Outcome, "%v", plugreg.Gate(candidate, tree, nil))
	for _, tt := range []struct{ name, data, want string }{
		{"empty.json", "", `want a value, found the end of the document`},
		{"merge.json", "<<<<<<< HEAD", "want a value, found"},
		{"array.json", "[]", `want an object, found an array`},
		{"null.json", "null", "null"},
		{"package.json", `{"name":"a"}`, `$.format: want "plugreg/contract/v1" or "plugreg/snapshot/v1", found ""`},
		{"newer.json", `{"format":"plugreg/contract/v2"}`, `$.format: want "plugreg/contract/v1" or "plugreg/snapshot/v1", found "plugreg/contract/v2"`},
		{"case.json", strings.Replace(string(good), `"format"`, `"Format"`, 1), `$.format: want`},
		{"number.json", `{"format":1}`, `$.format: want`},
		{"tampered.json", strings.Replace(string(good), `"1.0.0"`, `"1.0.1"`, 1), `$.digest: "sha256:`},
		{"snapshot.json", `{"format":"plugreg/snapshot/v1"}`, `$.contracts: missing`},
		{"exceptions2.json", strings.Replace(exDoc(exField), "never used", "", 1), `$.exceptions[0].reason: want text`},
		{"bom.json", "\ufeff" + string(good), "want a value, found"},
		{"utf16.json", "\xff\xfe{\x00", "want a value, found"},
		{"deep.json", strings.Repeat("[", 100_000), "nested too deeply"},
	} {
		tree[tt.name] = file(tt.data)
		g := plugreg.Gate(candidate, tree, nil)
		require.Equal(t, plugreg.Unknown, g.Outcome, tt.name)
		require.Len(t, g.Problems, 1)
		require.True(t, strings.HasPrefix(g.Problems[0], fmt.Sprintf("baseline %q: ", tt.name)), g.Problems[0])
		require.Contains(t, g.Problems[0], tt.want)
		require.NotContains(t, g.Problems[0], "\n")
		delete(tree, tt.name)
	}
	tree["1.json"], tree["z/2.json"], tree["z/3.json"] = file("{"), file("{"), file("{")
	require.Len(t, plugreg.Gate(candidate, tree, nil).Problems, 3)
}

func TestGateOfLinks(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	require.NoError(t, plugreg.PublishBaseline(dir, snOf(snContract("a@1.0.0"))))
	require.NoError(t, plugreg.PublishBaseline(outside, snOf(snContract("a@1.1.0", "ID int"))))
	candidate := snOf(snContract("a@1.2.0"))
	require.Equal(t, plugreg.Compatible, plugreg.Gate(candidate, os.DirFS(dir), nil).Outcome)
	for name, to := range map[string]string{
		"dir": filepath.Join(outside, "a"), "dir.json": filepath.Join(outside, "a"), "broken": filepath.Join(outside, "nothing"), "broken.json": filepath.Join(outside, "nothing"), "null.json": os.DevNull,
	} {
		link := filepath.Join(dir, name)
		if err := os.Symlink(to, link); err != nil {
			t.Logf("no links here: %v", err)
			return
		}
		g := plugreg.Gate(candidate, os.DirFS(dir), nil)
		require.Equal(t, plugreg.Unknown, g.Outcome, name)
		require.Contains(t, g.Problems[0], fmt.Sprintf("baseline %q: ", name))
		require.NoError(t, os.Remove(link))
	}
	require.NoError(t, os.Symlink(filepath.Join(outside, "a", "1.1.0.json"), filepath.Join(dir, "file.json")))
	require.Equal(t, plugreg.Incompatible, plugreg.Gate(candidate, os.DirFS(dir), nil).Outcome, "a link to a file is a file")
}

// gjEndless says that it is small, and has no end.
type gjEndless struct{ fstest.MapFS }

func (f gjEndless) Open(name string) (fs.File, error) {
	file, err := f.MapFS.Open(name)
	if strings.HasSuffix(name, ".json") {
		return gjBlank{file}, err
	}
	return file, err
}

type gjBlank struct{ fs.File }

func (gjBlank) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

var _ io.Reader = gjBlank{}

func TestGateOfHugeFiles(t *testing.T) {
	t.Parallel()
	g := plugreg.Gate(snOf(snContract("a@1.0.0")), gjEndless{gjTree(snContract("a@1.0.0"))}, nil)
	require.Equal(t, plugreg.Unknown, g.Outcome)
	require.Equal(t, []string{`baseline "a/1.0.0.json": it is too long: at most 67108864 bytes are read`}, g.Problems)
}

// A snapshot is evidence until its end, and refuses thereafter.
func TestGateSeesSnapshotsExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, next, broken := snContract("a@1.0.0", "ID int"), snOf(snContract("a@1.1.0", "ID int")), snOf(snContract("a@1.1.0"))
		tree := gjTree(plugreg.Snapshot{Contracts: []plugreg.Contract{old}, Expires: time.Now().Add(time.Hour)})
		<-time.After(time.Hour - 1)
		require.Equal(t, plugreg.Compatible, plugreg.Gate(next, tree, nil).Outcome)
		<-time.After(1)
		require.Equal(t, plugreg.Unknown, plugreg.Gate(next, tree, nil).Outcome)
		require.Equal(t, plugreg.Incompatible, plugreg.Gate(broken, tree, nil).Outcome)
	})
}

// Where another platform described a type, a difference may be no change.
func TestGateNotesPlatforms(t *testing.T) {
	t.Parallel()
	on := func(platform string, c plugreg.Contract) plugreg.Snapshot {
		return plugreg.Snapshot{Contracts: []plugreg.Contract{c}, Platform: platform}
	}
	old, same, next := snContract("a@1.0.0"), snContract("a@1.1.0"), snContract("a@1.1.0", "ID int")
	for _, tt := range []struct {
		name      string
		candidate plugreg.Snapshot
		tree      fstest.MapFS
		notes     int
	}{
		{"another", on("linux/arm", next), gjTree(on("linux/amd64", old)), 1},
		{"one", on("linux/arm", next), gjTree(on("linux/arm", old)), 0},
		{"no difference", on("linux/arm", same), gjTree(on("linux/amd64", old)), 0},
		{"one of two", on("linux/arm", next), gjTree(on("linux/amd64", old), on("linux/arm", old)), 0},
		{"a contract says nothing", on("linux/arm", next), gjTree(old), 0},
		{"nor does the candidate", on("", next), gjTree(on("linux/amd64", old)), 0},
		{"several", on("linux/arm", next), gjTree(on("linux/amd64", old), on("windows/amd64", snContract("a@1.0.1"))), 2},
	} {
		g := plugreg.Gate(tt.candidate, tt.tree, nil)
		require.Equal(t, plugreg.Compatible, g.Outcome, tt.name)
		require.Len(t, g.Notes, tt.notes, tt.name)
	}
	g := plugreg.Gate(on("evil\n::error::", next), gjTree(on("linux/amd64", old)), nil)
	require.NotContains(t, g.Notes[0], "\n")
}
