// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// gtContract describes "name@version" or "name@version policy", whose payload has these fields, "Name type".
func gtContract(t testing.TB, at string, fields ...string) plugreg.Contract {
	t.Helper()
	at, policy, declared := strings.Cut(at, " ")
	name, version, _ := strings.Cut(at, "@")
	c := plugreg.Contract{Name: name, Version: version}
	if declared {
		require.NoError(t, c.Policy.UnmarshalText([]byte(policy)))
	}
	s := plugreg.Shape{Name: "data:Order", Role: plugreg.RoleData, Kind: "struct", Comparable: true}
	for i, f := range fields {
		field, typ, _ := strings.Cut(f, " ")
		s.Fields = append(s.Fields, plugreg.Field{Name: field, Wire: field, Type: typ, Position: i})
	}
	c.Shapes = []plugreg.Shape{s}
	doc, err := c.MarshalJSON()
	require.NoError(t, err)
	c, err = plugreg.ParseContract(doc) // with its signatures
	require.NoError(t, err)
	return c
}

// gtSnapshot describes plugins, each in the words of gtSpec.
func gtSnapshot(t testing.TB, specs ...string) (s plugreg.Snapshot) {
	t.Helper()
	for _, spec := range specs {
		s.Contracts = append(s.Contracts, gtSpec(t, spec))
	}
	return s
}

// gtSpec reads "name@version policy: A int, B string"; policy and fields may be missing.
func gtSpec(t testing.TB, spec string) plugreg.Contract {
	t.Helper()
	at, list, _ := strings.Cut(spec, ": ")
	var fields []string
	if list != "" {
		fields = strings.Split(list, ", ")
	}
	return gtContract(t, at, fields...)
}

// gtTree has a file for each pair of a path and a spec.
func gtTree(t testing.TB, pairs ...string) fstest.MapFS {
	t.Helper()
	tree := fstest.MapFS{"README.md": {Data: []byte("no baseline")}}
	for i := 0; i < len(pairs); i += 2 {
		doc, err := gtSpec(t, pairs[i+1]).MarshalJSON()
		require.NoError(t, err)
		tree[pairs[i]] = &fstest.MapFile{Data: doc}
	}
	return tree
}

func gtFile(t testing.TB, s plugreg.Snapshot) *fstest.MapFile {
	t.Helper()
	doc, err := s.MarshalJSON()
	require.NoError(t, err)
	return &fstest.MapFile{Data: doc}
}

// gtFor is a day on which an exception still holds.
func gtFor() time.Time { return time.Now().AddDate(0, 0, 1) }

func gtException(rule plugreg.Rule, path, baseline string) plugreg.Exception {
	return plugreg.Exception{Rule: rule, Path: path, Baseline: baseline, Reason: "agreed", Expires: gtFor()}
}

// gtExceptions is a document of exceptions.
func gtExceptions(t testing.TB, list ...plugreg.Exception) []byte {
	t.Helper()
	doc, err := json.Marshal(map[string]any{"format": "plugreg/exceptions/v1", "exceptions": list})
	require.NoError(t, err)
	return doc
}

func gtOutcomes(g plugreg.GateReport) (list []string) {
	for _, r := range g.Reports {
		list = append(list, fmt.Sprintf("%s@%s %v", r.Name, r.New, r.Outcome))
	}
	return list
}

func TestGate(t *testing.T) {
	t.Parallel()
	const noRelease = "there is no earlier release of "
	for _, tt := range []struct {
		name      string
		baselines []string
		candidate []string
		except    []plugreg.Exception
		want      plugreg.Outcome
		says      []string // in the report
	}{
		{"nothing changed", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.0.0: A int"}, nil, plugreg.Compatible, []string{`"a" 1.0.0 after 1.0.0: compatible`}},
		{"an addition", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.1.0: A int, B int"}, nil, plugreg.Compatible, []string{"field-added at data:Order.B"}},
		{"an addition in a patch", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.0.1: A int, B int"}, nil, plugreg.Incompatible, []string{"at least 1.1.0 is needed"}},
		{"a removal", []string{"a.json", "a@1.0.0: A int, B int"}, []string{"a@1.1.0: A int"}, nil, plugreg.Incompatible, []string{"breaking field-removed at data:Order.B"}},
		{"another generation", []string{"a.json", "a@1.0.0: A int, B int"}, []string{"a@2.0.0: A int"}, nil, plugreg.Compatible, nil},
		{"a removal since an older one", []string{"1.json", "a@1.0.0: A int, B int", "2.json", "a@1.1.0: A int"}, []string{"a@1.2.0: A int"}, nil, plugreg.Incompatible,
			[]string{`"a" 1.2.0 after 1.0.0: incompatible`}},
		{"no baseline", []string{"a.json", "a@1.0.0"}, []string{"a@1.0.0", "b@1.0.0"}, nil, plugreg.Unknown, []string{noRelease + `"b"`}},
		{"later baselines alone", []string{"a.json", "a@2.0.0"}, []string{"a@1.0.0"}, nil, plugreg.Unknown, []string{noRelease + `"a"`}},
		{"baselines that were pre-releases alone", []string{"a.json", "a@1.0.0-rc.1"}, []string{"a@1.0.0"}, nil, plugreg.Unknown, []string{noRelease + `"a"`}},
		{"no plugins", []string{}, nil, nil, plugreg.Unknown, []string{"problem: the candidate has no plugins"}},
		{"a pre-release after a release", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.1.0-rc.1: B int"}, nil, plugreg.Incompatible, []string{"field-removed at data:Order.A"}},
		{"a pre-release before a release", []string{"1.json", "a@1.0.0: A int", "2.json", "a@1.1.0: B int"}, []string{"a@1.1.0-rc.1: A int, B int"}, nil, plugreg.Compatible, nil},
		{"the same pre-release", []string{"a.json", "a@1.0.0-rc.1: A int"}, []string{"a@1.0.0-rc.1: A int"}, nil, plugreg.Compatible, nil},
		{"the same pre-release after a release", []string{"0.json", "a@1.0.0: A int", "1.json", "a@1.1.0-rc.1: A int"}, []string{"a@1.1.0-rc.1: A int"}, nil, plugreg.Compatible, nil},
		{"a pre-release published again", []string{"a.json", "a@1.0.0-rc.1: A int"}, []string{"a@1.0.0-rc.1: A int, B int"}, nil, plugreg.Incompatible,
			[]string{"1.0.0-rc.1 was released with another contract"}},
		{"a pre-release published again after a release", []string{"0.json", "a@0.9.0: A int", "1.json", "a@1.0.0-rc.1: A int"}, []string{"a@1.0.0-rc.1: A int, B int"}, nil, plugreg.Incompatible,
			[]string{"1.0.0-rc.1 was released with another contract"}},
		{"published again", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.0.0: A int, B int"}, nil, plugreg.Incompatible, []string{"1.0.0 was released with another contract"}},
		{"published again, unchecked", []string{"a.json", "a@1.0.0 unchecked: A int"}, []string{"a@1.0.0 unchecked: B int"}, nil, plugreg.Incompatible,
			[]string{"1.0.0 was released with the digest sha256:", "a released version never changes"}},
		{"published again, with other metadata", []string{"a.json", "a@1.0.0+x"}, []string{"a@1.0.0+y"}, nil, plugreg.Incompatible, []string{"a released version never changes"}},
		{"published again, excepted", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.0.0: B int"},
			[]plugreg.Exception{gtException("field-removed", "data:Order.A", "a@1.0.0")}, plugreg.Incompatible, []string{"was released with another contract", "fits nothing"}},
		{"unchecked", []string{"a.json", "a@1.0.0 unchecked: A int"}, []string{"a@1.0.1 unchecked: B int"}, nil, plugreg.Compatible, nil},
		{"two contracts of one version", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.1.0: A int", "a@1.1.0+x: A int"}, nil, plugreg.Incompatible,
			[]string{`"a@1.1.0" stands in the candidate with two contracts`}},
		{"one contract twice", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.1.0: A int", "a@1.1.0: A int"}, nil, plugreg.Compatible, nil},

		{"generations at once", []string{"a.json", "a@1.0.0 forward: A int"}, []string{"a@2.0.0 forward: B int", "a@3.0.0 forward: C int"}, nil, plugreg.Compatible, nil},
		{"a generation is skipped", []string{"a.json", "a@1.0.0 forward: A int"}, []string{"a@3.0.0 forward: C int"}, nil, plugreg.Incompatible, []string{"the next generation, 2.0.0"}},
		{"new versions that do not fit each other", []string{"a.json", "a@1.0.0: A int"}, []string{"a@1.1.0: A int, B int", "a@1.2.0: A int, C int"}, nil, plugreg.Incompatible,
			[]string{`"a" 1.2.0 after 1.1.0: incompatible`}},
		{"new versions without a baseline", []string{}, []string{"a@1.0.0: A int", "a@1.1.0: A int, B int"}, nil, plugreg.Unknown, []string{noRelease + `"a"`, `"a" 1.1.0 after 1.0.0: compatible`}},

		{"a plugin is gone", []string{"1.json", "a@1.2.0", "2.json", "b@1.9.0", "3.json", "b@1.10.0+x", "4.json", "b@2.0.0-rc.1"}, []string{"a@1.2.0"}, nil, plugreg.Incompatible,
			[]string{`problem: plugin-removed: "b@1.10.0" was released, and the candidate does not have the plugin; keep it, or except the rule plugin-removed at the path b since b@1.10.0`}},
		{"a plugin is gone, excepted", []string{"1.json", "a@1.2.0", "2.json", "b@1.10.0+x"}, []string{"a@1.2.0"}, []plugreg.Exception{gtException("plugin-removed", "b", "b@1.10.0")},
			plugreg.Compatible, []string{`excepted: breaking plugin-removed at b: was "b@1.10.0" (caller)`}},
		{"a plugin is gone, excepted since another version", []string{"1.json", "a@1.2.0", "2.json", "b@1.10.0"}, []string{"a@1.2.0"},
			[]plugreg.Exception{gtException("plugin-removed", "b", "b@1.9.0")}, plugreg.Incompatible, []string{"problem: plugin-removed", "plugin-removed at b since b@1.9.0 fits nothing"}},
		{"a pre-release is gone", []string{"1.json", "a@1.2.0", "2.json", "b@1.0.0-rc.1"}, []string{"a@1.2.0"}, nil, plugreg.Compatible,
			[]string{`note: "b" is gone, of which there were pre-releases alone`}},

		{"a first release, excepted", []string{}, []string{"a@1.0.0"}, []plugreg.Exception{gtException("no-baseline", "a", "")}, plugreg.Compatible,
			[]string{`"a" 1.0.0: compatible`, `excepted: cosmetic no-baseline at a: is "1.0.0"`}},
		{"a first release after a pre-release, excepted", []string{"a.json", "a@1.0.0-rc.1"}, []string{"a@1.0.0"}, []plugreg.Exception{gtException("no-baseline", "a", "")}, plugreg.Compatible, nil},
		{"several first versions, excepted once", []string{}, []string{"a@1.0.0-rc.1", "a@1.0.0", "a@2.0.0"}, []plugreg.Exception{gtException("no-baseline", "a", "")}, plugreg.Compatible, nil},
		{"a first release of another, excepted", []string{}, []string{"a@1.0.0"}, []plugreg.Exception{gtException("no-baseline", "b", "")}, plugreg.Incompatible,
			[]string{noRelease + `"a"`, "problem: the exception no-baseline at b fits nothing that is refused: remove it"}},
		{"no first release, excepted", []string{"a.json", "a@1.0.0"}, []string{"a@1.0.1"}, []plugreg.Exception{gtException("no-baseline", "a", "")}, plugreg.Incompatible, []string{"fits nothing"}},

		{"a removal, excepted", []string{"a.json", "a@1.0.0+x: A int, B int"}, []string{"a@1.0.1: A int"}, []plugreg.Exception{gtException("field-removed", "data:Order.B", "a@1.0.0")},
			plugreg.Compatible, []string{"excepted: breaking field-removed at data:Order.B"}},
		{"a removal since two, excepted since one", []string{"1.json", "a@1.0.0: A int, B int", "2.json", "a@1.1.0: A int, B int"}, []string{"a@1.2.0: A int"},
			[]plugreg.Exception{gtException("field-removed", "data:Order.B", "a@1.1.0")}, plugreg.Incompatible, []string{`"a" 1.2.0 after 1.0.0: incompatible`}},
		{"a removal since two, excepted since both", []string{"1.json", "a@1.0.0: A int, B int", "2.json", "a@1.1.0: A int, B int"}, []string{"a@1.2.0: A int"},
			[]plugreg.Exception{gtException("field-removed", "data:Order.B", "a@1.1.0"), gtException("field-removed", "data:Order.B", "a@1.0.0")}, plugreg.Compatible, nil},
		{"two removals, one excepted", []string{"a.json", "a@1.0.0: A int, B int"}, []string{"a@1.1.0: C int"},
			[]plugreg.Exception{gtException("field-removed", "data:Order.B", "a@1.0.0")}, plugreg.Incompatible, []string{"  breaking field-removed at data:Order.A", "excepted: breaking field-removed at data:Order.B"}},
		{"another path, excepted", []string{"a.json", "a@1.0.0: A int, B int"}, []string{"a@1.1.0: A int"}, []plugreg.Exception{gtException("field-removed", "data:Order.A", "a@1.0.0")},
			plugreg.Incompatible, []string{"field-removed at data:Order.A since a@1.0.0 fits nothing"}},
		{"another rule, excepted", []string{"a.json", "a@1.0.0: A int, B int"}, []string{"a@1.1.0: A int"}, []plugreg.Exception{gtException("field-retyped", "data:Order.B", "a@1.0.0")},
			plugreg.Incompatible, []string{"fits nothing"}},
		{"another plugin, excepted", []string{"a.json", "a@1.0.0: A int, B int"}, []string{"a@1.1.0: A int"}, []plugreg.Exception{gtException("field-removed", "data:Order.B", "b@1.0.0")},
			plugreg.Incompatible, []string{"fits nothing"}},
		{"what is allowed, excepted", []string{"a.json", "a@1.0.0 forward: A int"}, []string{"a@2.0.0 forward: B int"}, []plugreg.Exception{gtException("field-removed", "data:Order.A", "a@1.0.0")},
			plugreg.Incompatible, []string{`"a" 2.0.0 after 1.0.0: compatible`, "fits nothing that is refused"}},
		{"strict, excepted", []string{"a.json", "a@1.0.0 strict: A int"}, []string{"a@1.0.1 strict: A int, B int"}, []plugreg.Exception{gtException("field-added", "data:Order.B", "a@1.0.0")},
			plugreg.Incompatible, []string{"strict allows no change of shape"}},
		{"an exception without reason", []string{"a.json", "a@1.0.0: A int, B int"}, []string{"a@1.1.0: A int"},
			[]plugreg.Exception{{Rule: "field-removed", Path: "data:Order.B", Baseline: "a@1.0.0", Expires: gtFor()}}, plugreg.Incompatible,
			[]string{"breaking field-removed", "the exception field-removed at data:Order.B since a@1.0.0: reason: want text"}},
		{"an exception without end", []string{"a.json", "a@1.0.0: A int, B int"}, []string{"a@1.1.0: A int"},
			[]plugreg.Exception{{Rule: "field-removed", Path: "data:Order.B", Baseline: "a@1.0.0", Reason: "x"}}, plugreg.Incompatible,
			[]string{"expires: missing; want the last day on which the exception holds"}},
		{"an empty exception", []string{"a.json", "a@1.0.0"}, []string{"a@1.0.0"}, []plugreg.Exception{{}}, plugreg.Incompatible, []string{"the exception  at : rule: unknown rule"}},

		{"contradicting files", []string{"1.json", "a@1.0.0: A int", "2.json", "a@1.0.0+x: B int"}, []string{"a@1.0.0: A int"}, nil, plugreg.Unknown,
			[]string{`problem: baseline "2.json": it has "a@1.0.0" with sha256:`, `, and "1.json" has it with sha256:`}},
		{"contradicting files, in the other order", []string{"1.json", "a@1.0.0: B int", "2.json", "a@1.0.0: A int"}, []string{"a@1.0.0: A int"}, nil, plugreg.Unknown, nil},
		{"contradicting files, and another contract", []string{"1.json", "a@1.0.0: B int", "2.json", "a@1.0.0: A int"}, []string{"a@1.0.0: C int"}, nil, plugreg.Incompatible, nil},
		{"contradicting files, and a later version that breaks one of them", []string{"1.json", "a@1.0.0: B int", "2.json", "a@1.0.0: A int"}, []string{"a@1.1.0: A int"}, nil, plugreg.Incompatible, nil},
		{"files that agree", []string{"1.json", "a@1.0.0: A int", "x/y/z/2.JSON", "a@1.0.0: A int"}, []string{"a@1.0.0: A int"}, nil, plugreg.Compatible, nil},
		{"what begins with a dot", []string{"1.json", "a@1.0.0: A int", ".git/2.json", "a@1.0.0: B int", "x/.y.json", "b@1.0.0"}, []string{"a@1.0.0: A int"}, nil, plugreg.Compatible, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := plugreg.Gate(gtSnapshot(t, tt.candidate...), gtTree(t, tt.baselines...), tt.except)
			require.Equal(t, tt.want, g.Outcome, "%v", g)
			for _, says := range tt.says {
				require.Contains(t, g.String(), says)
			}
			if tt.want == plugreg.Compatible {
				require.NoError(t, g.Err())
				require.Empty(t, g.Problems)
			} else {
				require.ErrorIs(t, g.Err(), plugreg.ErrContract)
				require.EqualError(t, g.Err(), g.String())
			}
			require.Len(t, g.Reports, len(tt.candidate))
		})
	}
}

func TestGateErr(t *testing.T) {
	t.Parallel()
	g := plugreg.Gate(gtSnapshot(t, "a@1.0.0: B int", "b@1.0.0"), gtTree(t, "a.json", "a@1.0.0: A int"), nil)
	require.Equal(t, []string{"a@1.0.0 incompatible", "b@1.0.0 unknown"}, gtOutcomes(g))
	var e *plugreg.IncompatibleError
	require.ErrorAs(t, g.Err(), &e)
	require.Equal(t, g.Reports[0], e.Report)
	require.Equal(t, "INCOMPATIBLE", plugreg.CodeOf(g.Err()))
	require.Equal(t, "CONTRACT", plugreg.CodeOf(plugreg.Gate(plugreg.Snapshot{}, fstest.MapFS{}, nil).Err()), "where no plugin is to blame")
	require.Error(t, plugreg.GateReport{}.Err(), "the zero report lets nothing through")
}

func TestGateReportJSON(t *testing.T) {
	t.Parallel()
	day := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	g := plugreg.Gate(gtSnapshot(t, "a@1.1.0: A int"), gtTree(t, "a.json", "a@1.0.0: A int, B int"), []plugreg.Exception{
		{Rule: "field-removed", Path: "data:Order.B", Baseline: "a@1.0.0", Reason: "agreed", Expires: day},
		{Rule: "no-baseline", Path: "b", Reason: "agreed", Expires: day},
	})
	doc, err := json.Marshal(g)
	require.NoError(t, err)
	require.JSONEq(t, `{"outcome":"incompatible",
		"reports":[{"policy":"backward","name":"a","old":"1.0.0","new":"1.1.0","shape":"compatible","step":"compatible","outcome":"compatible","allowed":"1.0.0"}],
		"problems":["the exception no-baseline at b fits nothing that is refused: remove it"],
		"notes":["the exception field-removed at data:Order.B since a@1.0.0 holds until 9999-12-31: agreed"],
		"excepted":[{"rule":"field-removed","path":"data:Order.B","old":"int","new":"","affects":"caller, reader","severity":"breaking"}],
		"unused":[{"rule":"no-baseline","path":"b","baseline":"","reason":"agreed","expires":"9999-12-31"}]}`, string(doc))
	var back plugreg.GateReport
	require.NoError(t, json.Unmarshal(doc, &back))
	require.Equal(t, g, back)
}

// What a document says must not become a line of its own in what CI prints.
func TestGateReportStaysOnItsLines(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"a\n::error.json": {Data: []byte(`{"format":"plugreg/contract/v1","name":"x\n::error ::y"}`)}}
	g := plugreg.Gate(gtSnapshot(t, "a@1.0.0"), tree, []plugreg.Exception{{Rule: "a\n::error", Path: "b\n::error", Baseline: "c\n::error"}})
	require.NotContains(t, g.String(), "\n::error")
	require.Contains(t, g.String(), `baseline "a\n::error.json": `)
}

func TestGateExpiredBaselines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old := gtSnapshot(t, "a@1.0.0: A int", "b@1.0.0: A int")
		old.Expires = time.Now().Add(time.Hour)
		tree := fstest.MapFS{"deployed.json": gtFile(t, old)}
		same := gtSnapshot(t, "a@1.1.0: A int, B int", "b@1.0.0: A int")
		require.Equal(t, plugreg.Compatible, plugreg.Gate(same, tree, nil).Outcome)

		<-time.After(time.Hour)
		g := plugreg.Gate(same, tree, nil)
		require.Equal(t, plugreg.Unknown, g.Outcome)
		require.Equal(t, []string{"a@1.1.0 unknown", "b@1.0.0 unknown"}, gtOutcomes(g))
		require.Contains(t, g.String(), "is known from expired snapshots alone: take a new one, or publish a baseline")
		require.NotContains(t, g.String(), "there is no earlier release")
		g = plugreg.Gate(same, tree, []plugreg.Exception{gtException("no-baseline", "a", "")})
		require.Equal(t, plugreg.Incompatible, g.Outcome, "expired evidence is evidence: the exception does not fit")

		g = plugreg.Gate(gtSnapshot(t, "a@1.1.0: B int", "b@1.0.0: A int"), tree, nil)
		require.Equal(t, []string{"a@1.1.0 incompatible", "b@1.0.0 unknown"}, gtOutcomes(g), "it stays in the history")
		require.Equal(t, plugreg.Incompatible, g.Outcome)
		g = plugreg.Gate(gtSnapshot(t, "a@1.0.0: B int", "b@1.0.0: A int"), tree, nil)
		require.Equal(t, []string{"a@1.0.0 incompatible", "b@1.0.0 unknown"}, gtOutcomes(g), "and so is what was published again")
		g = plugreg.Gate(gtSnapshot(t, "a@2.0.0: B int", "b@1.0.0: A int"), tree, nil)
		require.Equal(t, []string{"a@2.0.0 unknown", "b@1.0.0 unknown"}, gtOutcomes(g), "of another generation")
		g = plugreg.Gate(gtSnapshot(t, "a@1.0.0: A int"), tree, nil)
		require.Contains(t, g.Problems[0], "plugin-removed")
		require.Equal(t, plugreg.Incompatible, g.Outcome)

		fresh := gtTree(t, "a/1.0.0.json", "a@1.0.0: A int")
		fresh["deployed.json"] = tree["deployed.json"]
		g = plugreg.Gate(same, fresh, nil)
		require.Equal(t, []string{"a@1.1.0 compatible", "b@1.0.0 unknown"}, gtOutcomes(g), "the same from a file that lasts")
		between := gtTree(t, "a/0.9.0.json", "a@0.9.0: A int", "a/1.0.1.json", "a@1.0.1: A int", "b/1.json", "b@1.0.0: A int")
		between["deployed.json"] = tree["deployed.json"]
		require.Equal(t, plugreg.Compatible, plugreg.Gate(same, between, nil).Outcome, "another of what was compared lasts")
	})
}

func TestGateExpiredCandidate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := gtSnapshot(t, "a@1.0.0")
		s.Expires = time.Now()
		g := plugreg.Gate(s, gtTree(t, "a.json", "a@1.0.0"), nil)
		require.Equal(t, plugreg.Unknown, g.Outcome)
		require.Equal(t, []string{"the candidate's snapshot expired at 2000-01-01T00:00:00Z: take a new one"}, g.Problems)
	})
}

// An exception holds until the end of its day, in UTC.
func TestGateExpiredExceptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tree, candidate := gtTree(t, "a.json", "a@1.0.0: A int, B int"), gtSnapshot(t, "a@1.1.0: A int")
		list := []plugreg.Exception{{Rule: "field-removed", Path: "data:Order.B", Baseline: "a@1.0.0", Reason: "x", Expires: time.Date(2000, 1, 2, 7, 0, 0, 0, time.FixedZone("", 3600))}}
		<-time.After(48*time.Hour - 1)
		require.Equal(t, plugreg.Compatible, plugreg.Gate(candidate, tree, list).Outcome)
		<-time.After(1)
		g := plugreg.Gate(candidate, tree, list)
		require.Equal(t, plugreg.Incompatible, g.Outcome)
		require.Equal(t, []string{"the exception field-removed at data:Order.B since a@1.0.0 expired after 2000-01-02: mend what it excepts, or renew it"}, g.Problems)
		require.Empty(t, g.Excepted)
		require.Equal(t, list, g.Unused, "it has let nothing through")
		require.Equal(t, []string{"a@1.1.0 incompatible"}, gtOutcomes(g))
	})
}

func TestGatePlatforms(t *testing.T) {
	t.Parallel()
	linux := gtSnapshot(t, "a@1.0.0: A int", "b@1.0.0: A int")
	linux.Platform = "linux/amd64"
	windows := gtSnapshot(t, "a@1.1.0: A int, B int", "b@1.0.0: A int")
	windows.Platform = "windows/amd64"
	tree := fstest.MapFS{"l.json": gtFile(t, linux)}
	g := plugreg.Gate(windows, tree, nil)
	require.Equal(t, plugreg.Compatible, g.Outcome)
	require.Equal(t, []string{`"a@1.0.0" in "l.json" was described on linux/amd64, and the candidate on windows/amd64: a type may have another shape there; compare on one platform`}, g.Notes,
		"where something changed")

	both := linux
	both.Platform = "windows/amd64"
	tree["w.json"] = gtFile(t, both)
	require.Empty(t, plugreg.Gate(windows, tree, nil).Notes, "it was described on both")
	windows.Platform = ""
	require.Empty(t, plugreg.Gate(windows, fstest.MapFS{"l.json": tree["l.json"]}, nil).Notes, "nobody knows")
}

func TestGateUnreadableBaselines(t *testing.T) {
	t.Parallel()
	good := gtTree(t, "good.json", "a@1.0.0: A int")["good.json"].Data
	broken := strings.Replace(string(good), `"type":"int"`, `"type":"string"`, 1)
	for _, tt := range []struct{ name, data, want string }{
		{"no JSON", "x", `baseline "x.json": byte 0, $: `},
		{"empty", "", "want a value, found the end of the document"},
		{"no object", "[1]", "want an object, found an array"},
		{"no format", "{}", `$.format: want "plugreg/contract/v1" or "plugreg/snapshot/v1", found ""`},
		{"another format", `{"format":"plugreg/contract/v2"}`, `found "plugreg/contract/v2"`},
		{"a format that is no string", `{"format":1}`, `found ""`},
		{"a key that is the format in another case", `{"FORMAT":"plugreg/exceptions/v1"}`, `found ""`},
		{"two formats", `{"format":"plugreg/exceptions/v1","format":"plugreg/contract/v1"}`, "twice"},
		{"a corrupt contract", broken, `is not that of the content`},
		{"a corrupt snapshot", `{"format":"plugreg/snapshot/v1","contracts":[` + broken + `]}`, "$.contracts[0].shapes[0].fields[0].signature: "},
		{"half a contract", string(good[:len(good)/2]), "byte "},
		{"merge conflict", "<<<<<<< HEAD\n" + string(good), "byte 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := plugreg.Gate(gtSnapshot(t, "a@1.0.0: A int"), fstest.MapFS{"good.json": {Data: good}, "x.json": {Data: []byte(tt.data)}, "y.json": {Data: []byte("{}")}}, nil)
			require.Equal(t, plugreg.Unknown, g.Outcome)
			require.Len(t, g.Problems, 2, "all are listed")
			require.Contains(t, g.Problems[0], `baseline "x.json": `)
			require.Contains(t, g.Problems[0], tt.want)
			require.NotContains(t, g.Problems[0], "\n")
			require.Contains(t, g.Problems[1], `baseline "y.json": `)
			require.Equal(t, []string{"a@1.0.0 compatible"}, gtOutcomes(g), "what can be judged is judged")
		})
	}
}

func TestGateSkipsExceptions(t *testing.T) {
	t.Parallel()
	tree := gtTree(t, "a.json", "a@1.0.0")
	tree["exceptions.json"] = &fstest.MapFile{Data: gtExceptions(t, gtException("no-baseline", "b", ""))}
	g := plugreg.Gate(gtSnapshot(t, "a@1.0.0"), tree, nil)
	require.Equal(t, plugreg.Compatible, g.Outcome, "%v", g)
}

func TestGateWithoutFileSystem(t *testing.T) {
	t.Parallel()
	g := plugreg.Gate(gtSnapshot(t, "a@1.0.0"), nil, nil)
	require.Equal(t, plugreg.Unknown, g.Outcome)
	require.Equal(t, []string{"there are no baselines: want a file system, found nil"}, g.Problems)
	g = plugreg.Gate(gtSnapshot(t, "a@1.0.0"), os.DirFS(filepath.Join(t.TempDir(), "none")), nil)
	require.Equal(t, plugreg.Unknown, g.Outcome)
	require.Equal(t, []string{`baseline ".": no such file or directory`}, g.Problems)
}

// gtFailing is a file system that fails where its function says so.
type gtFailing struct {
	fstest.MapFS
	fail func(operation, name string) error
}

func (f gtFailing) Open(name string) (fs.File, error) {
	if err := f.fail("open", name); err != nil {
		return nil, err
	}
	file, err := f.MapFS.Open(name)
	return gtFailingFile{file, func() error { return f.fail("read", name) }}, err
}

func (f gtFailing) Stat(name string) (fs.FileInfo, error) {
	if err := f.fail("stat", name); err != nil {
		return nil, err
	}
	return f.MapFS.Stat(name)
}

func (f gtFailing) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.fail("readdir", name); err != nil {
		return nil, err
	}
	return f.MapFS.ReadDir(name)
}

type gtFailingFile struct {
	fs.File
	fail func() error
}

func (f gtFailingFile) Read(b []byte) (int, error) {
	if err := f.fail(); err != nil {
		return 0, err
	}
	return f.File.Read(b)
}

func TestGateFailingFileSystem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ operation, name, want string }{
		{"open", "b/1.json", `baseline "b/1.json": disk on fire`},
		{"read", "b/1.json", `baseline "b/1.json": disk on fire`},
		{"stat", "b/1.json", `baseline "b/1.json": disk on fire`},
		{"readdir", "b", `baseline "b": disk on fire`},
		{"readdir", ".", `baseline ".": disk on fire`},
		{"stat", ".", `baseline ".": disk on fire`},
	} {
		t.Run(tt.operation+" "+tt.name, func(t *testing.T) {
			t.Parallel()
			tree := gtFailing{gtTree(t, "a.json", "a@1.0.0", "b/1.json", "b@1.0.0", "c.json", "c@1.0.0"), func(operation, name string) error {
				if operation == tt.operation && name == tt.name {
					return &fs.PathError{Op: operation, Path: name, Err: errors.New("disk on fire")}
				}
				return nil
			}}
			g := plugreg.Gate(gtSnapshot(t, "a@1.0.0", "b@1.0.0", "c@1.0.0"), tree, nil)
			require.Equal(t, plugreg.Unknown, g.Outcome)
			require.Equal(t, []string{tt.want}, g.Problems)
		})
	}
}

func TestGateLinks(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	doc := gtTree(t, "x", "a@1.0.0")["x"].Data
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "real"), doc, 0o600))
	if err := os.Symlink(elsewhere, filepath.Join(dir, "..data")); err != nil {
		t.Logf("no links here: %v", err)
		return
	}
	link := func(target, name string) { require.NoError(t, os.Symlink(target, filepath.Join(dir, name))) }
	gate := func() plugreg.GateReport { return plugreg.Gate(gtSnapshot(t, "a@1.0.0"), os.DirFS(dir), nil) }
	link(filepath.Join(elsewhere, "real"), "a.json")
	link(filepath.Join(elsewhere, "real"), "notes.txt")
	require.Equal(t, plugreg.Compatible, gate().Outcome, "a link to a document is one")

	link(elsewhere, "v1")
	link(elsewhere, "v2.json")
	link(filepath.Join(elsewhere, "none"), "v3")
	link(filepath.Join(elsewhere, "none"), "v4.json")
	g := gate()
	require.Equal(t, plugreg.Unknown, g.Outcome)
	require.Equal(t, []string{
		`baseline "v1": it is a link to a directory, which is not followed; put the files there`,
		`baseline "v2.json": it is a link to a directory, which is not followed; put the files there`,
		`baseline "v3": no such file or directory`, `baseline "v4.json": no such file or directory`,
	}, g.Problems)
}

func TestGateIrregularFiles(t *testing.T) {
	t.Parallel()
	tree := gtTree(t, "a.json", "a@1.0.0")
	tree["dir.json/b.json"] = &fstest.MapFile{Data: []byte("{")}
	tree["pipe.json"] = &fstest.MapFile{Mode: fs.ModeNamedPipe | 0o600}
	g := plugreg.Gate(gtSnapshot(t, "a@1.0.0"), tree, nil)
	require.Len(t, g.Problems, 2)
	require.Contains(t, g.Problems[0], `baseline "dir.json/b.json": byte 1`)
	require.Equal(t, `baseline "pipe.json": want a regular file, found one of mode prw-------`, g.Problems[1])
}

// The names and the order of the files do not matter.
func TestGateDoesNotDependOnTheOrderOfFiles(t *testing.T) {
	t.Parallel()
	specs := []string{"a@1.0.0: A int, B int", "a@1.1.0: A int, B int, C int", "a@1.2.0: A int", "b@1.0.0: A int", "b@1.0.0+x: B int", "c@2.0.0: A int", "d@1.0.0"}
	candidate := gtSnapshot(t, "a@1.3.0: A int", "b@1.1.0: A int, B int", "c@2.0.1: A int", "e@1.0.0")
	var want plugreg.GateReport
	for turn := range len(specs) {
		var pairs []string
		for i, spec := range specs {
			pairs = append(pairs, fmt.Sprintf("%d.json", (i+turn)%len(specs)), spec)
		}
		g := plugreg.Gate(candidate, gtTree(t, pairs...), nil)
		require.Equal(t, plugreg.Incompatible, g.Outcome)
		if turn == 0 {
			want = g
		}
		require.Equal(t, want.Reports, g.Reports)
		require.Len(t, g.Problems, 2)
	}
}

// Neither argument is changed.
func TestGateChangesNothing(t *testing.T) {
	t.Parallel()
	s, list := gtSnapshot(t, "b@1.0.0", "a@1.1.0: A int"), []plugreg.Exception{gtException("no-baseline", "b", "")}
	before := fmt.Sprint(s, list)
	g := plugreg.Gate(s, gtTree(t, "a.json", "a@1.0.0: A int"), list)
	require.Equal(t, plugreg.Compatible, g.Outcome)
	require.Equal(t, before, fmt.Sprint(s, list))
	require.Equal(t, []string{"a@1.1.0 compatible", "b@1.0.0 compatible"}, gtOutcomes(g), "in the order of snapshots")
}

func TestGateContractsThatAreNone(t *testing.T) {
	t.Parallel()
	s := plugreg.Snapshot{Contracts: []plugreg.Contract{{Name: "a", Version: "one"}, {Name: "a b", Version: "1.0.0"}}}
	g := plugreg.Gate(s, gtTree(t, "a.json", "a@1.0.0"), []plugreg.Exception{gtException("no-baseline", "a", "")})
	require.Equal(t, plugreg.Incompatible, g.Outcome)
	require.Equal(t, []string{"a@one unknown", "a b@1.0.0 unknown"}, gtOutcomes(g), "no exception makes them versions")
}
