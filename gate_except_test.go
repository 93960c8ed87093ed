// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// An exception is for what is refused, and for nothing that would pass beside it.
func TestGateTakesOutWhatIsRefused(t *testing.T) {
	t.Parallel()
	const removed, added, retyped, defaulted = "field-removed data:Order.B", "field-added data:Order.C", "field-retyped data:Order.A", "default-changed contract.ID"
	for _, tt := range []struct {
		name          string
		old, new      string
		used, useless []string // exceptions, "rule path"
		want          plugreg.Outcome
	}{
		{"what breaks", "a@1.0.0: A int, B int", "a@1.1.0: A int, C int", []string{removed}, nil, plugreg.Compatible},
		{"what may be added", "a@1.0.0: A int, B int", "a@1.1.0: A int, C int", []string{removed}, []string{added}, plugreg.Incompatible},
		{"what may be added, alone", "a@1.0.0: A int, B int", "a@1.1.0: A int, C int", nil, []string{added}, plugreg.Incompatible},
		{"what nobody notices", "a@1.0.0 full: A int, B int", "a@1.1.0: A int", []string{removed}, []string{"policy-changed policy"}, plugreg.Incompatible},
		{"what a patch may not add", "a@1.0.0: A int", "a@1.0.1: A int, C int", []string{added}, nil, plugreg.Compatible},
		{"what a patch may not add, beside what breaks", "a@1.0.0: A int, B int", "a@1.0.1: A int, C int", []string{removed, added}, nil, plugreg.Compatible},
		{"what a patch may not add, while something breaks", "a@1.0.0: A int, B int", "a@1.0.1: A int, C int", []string{added}, nil, plugreg.Incompatible},
		{"one of two that break", "a@1.0.0: A int, B int", "a@1.1.0: A string", []string{removed}, nil, plugreg.Incompatible},
		{"both that break", "a@1.0.0: A int, B int", "a@1.1.0: A string", []string{removed, retyped}, nil, plugreg.Compatible},
		{"full, what breaks", "a@1.0.0 full: A int, B int", "a@1.1.0 full: A int, C int", []string{removed}, nil, plugreg.Compatible},
		{"full, what may be added", "a@1.0.0 full: A int, B int", "a@1.1.0 full: A int, C int", []string{removed}, []string{added}, plugreg.Incompatible},
		{"forward, a patch that breaks", "a@1.0.0 forward: A int, B int", "a@1.0.1 forward: A int", []string{removed}, nil, plugreg.Compatible},
		{"forward, a minor version that breaks and adds", "a@1.0.0 forward: A int, B int", "a@1.1.0 forward: A int, C int", []string{removed}, []string{added}, plugreg.Incompatible},
		{"forward, a patch that breaks and adds", "a@1.0.0 forward: A int, B int", "a@1.0.1 forward: A int, C int", []string{removed, added}, nil, plugreg.Compatible},
		{"forward, a generation is skipped", "a@1.0.0 forward: A int, B int", "a@3.0.0 forward: A int, C int", []string{removed}, nil, plugreg.Compatible},
		{"forward, what may be added where a generation is skipped", "a@1.0.0 forward: A int, B int", "a@3.0.0 forward: A int, C int", []string{removed}, []string{added}, plugreg.Incompatible},
		{"forward, nothing breaks in a generation that is skipped", "a@1.0.0 forward: A int", "a@3.0.0 forward: A int, C int", nil, []string{added}, plugreg.Incompatible},
		{"strict", "a@1.0.0 strict: A int, B int", "a@1.0.1 strict: A int, C int", nil, []string{removed, added}, plugreg.Incompatible},
		{"unchecked", "a@1.0.0 unchecked: A int, B int", "a@1.0.1 unchecked: A int, C int", nil, []string{removed, added}, plugreg.Incompatible},
		{"of no such change", "a@1.0.0: A int, B int", "a@1.1.0: A int", nil, []string{defaulted}, plugreg.Incompatible},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list := gxExceptions(append(slices.Clone(tt.used), tt.useless...), "a@1.0.0")
			g := plugreg.Gate(gtSnapshot(t, tt.new), gtTree(t, "a.json", tt.old), list)
			require.Equal(t, tt.want, g.Outcome, "%v", g)
			var excepted, unused []string
			for _, c := range g.Excepted {
				excepted = append(excepted, string(c.Rule)+" "+c.Path)
			}
			for _, e := range g.Unused {
				unused = append(unused, string(e.Rule)+" "+e.Path)
			}
			require.ElementsMatch(t, tt.used, excepted)
			require.Equal(t, tt.useless, unused)
		})
	}
}

func gxExceptions(list []string, baseline string) (exceptions []plugreg.Exception) {
	for _, text := range list {
		rule, path, _ := strings.Cut(text, " ")
		exceptions = append(exceptions, gtException(plugreg.Rule(rule), path, baseline))
	}
	return exceptions
}

// Under Full an addition that the old version misreads is refused as what breaks is; one that it does not is not.
func TestGateExceptsWhatFullRefuses(t *testing.T) {
	t.Parallel()
	old, next := snContract("a@1.0.0 full", "ID int=1"), snContract("a@1.1.0 full", "ID int=2", "B int")
	defaulted, added := gjException("default-changed", "contract.ID", "a@1.0.0"), gjException("field-added", "contract.B", "a@1.0.0")
	require.Equal(t, plugreg.Incompatible, plugreg.Gate(snOf(next), gjTree(old), nil).Outcome)
	require.Equal(t, plugreg.Compatible, plugreg.Gate(snOf(next), gjTree(old), defaulted).Outcome)
	g := plugreg.Gate(snOf(next), gjTree(old), slices.Concat(defaulted, added))
	require.Equal(t, added, g.Unused)
	next.Version = "1.0.1"
	require.Equal(t, plugreg.Compatible, plugreg.Gate(snOf(next), gjTree(old), slices.Concat(defaulted, added)).Outcome, "a patch adds nothing")
}

// A name in Go is nobody's business, and needs no exception.
func TestGateExceptsNothingCosmetic(t *testing.T) {
	t.Parallel()
	old, next := snContract("a@1.0.0", "ID int", "B int"), snContract("a@1.1.0", "ID int")
	old.Shapes[0].GoType, next.Shapes[0].GoType = "example.com/a.Order", "example.com/a/v2.Order"
	broken, cosmetic := gjException("field-removed", "contract.B", "a@1.0.0"), gjException("go-type-changed", "contract", "a@1.0.0")
	g := plugreg.Gate(snOf(next), gjTree(old), broken)
	require.Equal(t, plugreg.Compatible, g.Outcome)
	require.Contains(t, g.Reports[0].String(), "cosmetic go-type-changed at contract", "the exception would fit")
	g = plugreg.Gate(snOf(next), gjTree(old), slices.Concat(broken, cosmetic))
	require.Equal(t, plugreg.Incompatible, g.Outcome)
	require.Equal(t, cosmetic, g.Unused)
}

// Whatever is taken out, what is left is refused for nothing but what is left: with an exception for each change that is
// refused a step passes, and with any one of them fewer it does not.
func TestGateNeedsEachException(t *testing.T) {
	t.Parallel()
	fields := []string{"ID int", "ID string", "ID int=1", "ID int=2", "B int", "C string=x"}
	random := rand.New(rand.NewPCG(11, 12))
	needed := 0
	for range 300 {
		some := func(at string) plugreg.Contract {
			return snContract(at, fields[random.IntN(4)], fields[4+random.IntN(2)])
		}
		policy := []string{"", " full", " forward"}[random.IntN(3)]
		old, next := some("a@1.0.0"+policy), some([]string{"a@1.0.1", "a@1.1.0", "a@2.0.0", "a@3.0.0"}[random.IntN(4)]+policy)
		var all []plugreg.Exception
		for _, c := range plugreg.Diff(old, next) {
			all = append(all, gjException(string(c.Rule), c.Path, "a@1.0.0")...)
		}
		g := plugreg.Gate(snOf(next), gjTree(old), all)
		list := slices.DeleteFunc(slices.Clone(all), func(e plugreg.Exception) bool { return slices.Contains(g.Unused, e) })
		require.Equal(t, plugreg.Compatible, plugreg.Gate(snOf(next), gjTree(old), list).Outcome, "%v", g)
		for i := range list {
			needed++
			fewer := slices.Delete(slices.Clone(list), i, i+1)
			require.Equal(t, plugreg.Incompatible, plugreg.Gate(snOf(next), gjTree(old), fewer).Outcome, "without %v", list[i])
		}
	}
	require.Greater(t, needed, 100)
}

// Of a version that begins another generation nothing is known, however compatible it is.
func TestGateNotesOtherGenerations(t *testing.T) {
	t.Parallel()
	const note = `"a" 9.3.7 begins another generation: it was compared with nothing`
	for _, tt := range []struct {
		name, old, new string
		except         []plugreg.Exception
		notes          []string
	}{
		{"backward", "a@1.0.0: A int", "a@9.3.7: B int", nil, []string{note}},
		{"full", "a@1.0.0 full: A int", "a@9.3.7: A int", nil, []string{note}},
		{"strict", "a@1.0.0: A int", "a@9.3.7 strict: A int", nil, []string{note}},
		{"a minor version while the major is 0", "a@0.1.0: A int", "a@0.2.0: B int", nil, []string{`"a" 0.2.0 begins another generation: it was compared with nothing`}},
		{"a pre-release", "a@1.0.0: A int", "a@2.0.0-rc.1: B int", nil, []string{`"a" 2.0.0-rc.1 begins another generation: it was compared with nothing`}},
		{"one generation", "a@9.0.0: A int", "a@9.3.7: A int, B int", nil, nil},
		{"the same", "a@9.3.7: A int", "a@9.3.7: A int", nil, nil},
		{"the same pre-release", "a@9.3.7-rc.1: A int", "a@9.3.7-rc.1: A int", nil, nil},
		{"forward, which compares", "a@1.0.0 forward: A int", "a@9.3.7 forward: A int", nil, nil},
		{"forward, which breaks", "a@1.0.0 forward: A int", "a@2.0.0 forward: B int", nil, nil},
		{"unchecked, which compares", "a@1.0.0 unchecked: A int", "a@9.3.7 unchecked: B int", nil, nil},
		{"a first release", "b@1.0.0", "a@9.3.7", slices.Concat(gjException("no-baseline", "a", ""), gjException("plugin-removed", "b", "b@1.0.0")),
			[]string{"the exception plugin-removed at b since b@1.0.0 holds until 9999-12-31: agreed"}},
	} {
		g := plugreg.Gate(gtSnapshot(t, tt.new), gtTree(t, "a.json", tt.old), tt.except)
		require.Equal(t, plugreg.Compatible, g.Outcome, tt.name)
		require.Equal(t, tt.notes, g.Notes, tt.name)
	}
	g := plugreg.Gate(gtSnapshot(t, "a@9.3.7: B int"), gtTree(t, "a.json", "a@1.0.0: A int"), nil)
	require.Contains(t, g.String(), "\nnote: "+note)
}
