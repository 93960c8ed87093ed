// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// tagged returns p with a requirement for a tagger.
func tagged(p plugreg.Plugin[gear], name string) plugreg.Plugin[gear] {
	p.Requires = append(p.Requires, plugreg.Requirement{Name: name, As: (*tagger)(nil)})
	return p
}

// flat is a plugin without a tag.
func flat(name, version string) plugreg.Plugin[gear] {
	return plugreg.Plugin[gear]{Name: name, Version: version, Prototype: (*rack)(nil),
		New: func(context.Context, *plugreg.Env) (gear, error) { return &rack{}, nil }}
}

// TestPlanTakesNothingOlderInSilence has a newest version that cannot be had for another reason than a constraint.
func TestPlanTakesNothingOlderInSilence(t *testing.T) {
	t.Parallel()
	plain := func(name, version string, reqs ...string) plugreg.Plugin[gear] {
		return needs(spurPlugin(name, version, nil), reqs...)
	}
	for _, tt := range []struct {
		name string
		ps   []plugreg.Plugin[gear]
		want []string
	}{
		{"of another type", []plugreg.Plugin[gear]{plain("a", "1.0.0", "x"), tagged(plain("x", "1.0.0"), "shape"), plain("shape", "1.0.0"), flat("shape", "2.0.0")},
			[]string{"dependency a → x → shape: ", `"shape" 2.0.0 is a `, "want Tag() string"}},
		{"of another type for a later one", []plugreg.Plugin[gear]{plain("a", "1.0.0", "b", "c"), flat("b", "1.0.0"), tagged(plain("c", "1.0.0"), "b")},
			[]string{"dependency a → c → b: ", "want Tag() string"}},
		{"missing something", []plugreg.Plugin[gear]{plain("a", "1.0.0", "x"), plain("x", "1.0.0"), plain("x", "2.0.0", "none")},
			[]string{"dependency a → x → none: ", "not found"}},
		{"all of them missing something", []plugreg.Plugin[gear]{plain("a", "1.0.0", "x"), plain("x", "1.0.0", "one"), plain("x", "2.0.0", "two")},
			[]string{"dependency a → x → two: ", "not found"}},
		{"cyclic", []plugreg.Plugin[gear]{plain("a", "1.0.0", "x"), plain("x", "1.0.0"), plain("x", "2.0.0", "a")},
			[]string{"dependency a → x → a: ", "a cycle"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := gears(t, plugreg.Config{}, tt.ps...)
			_, err := r.Open(t.Context(), "a", "", nil)
			require.ErrorIs(t, err, plugreg.ErrDependency)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			require.NoError(t, r.Close(t.Context()))
		})
	}
}

// TestPlanIsBounded has more combinations than can be tried.
func TestPlanIsBounded(t *testing.T) {
	t.Parallel()
	var names []string
	r := gears(t, plugreg.Config{})
	for i := range 8 {
		name := fmt.Sprintf("m%d", i)
		names = append(names, name)
		for v := range 8 {
			r.MustRegister(spurPlugin(name, fmt.Sprintf("1.%d.0", v), nil))
		}
	}
	r.MustRegister(needs(spurPlugin("a", "1.0.0", nil), append(names, "y", "z")...))
	r.MustRegister(needs(spurPlugin("y", "1.0.0", nil), "m0 >=1.4"))
	r.MustRegister(needs(spurPlugin("z", "1.0.0", nil), "m0 <1.4"))
	_, err := r.Open(t.Context(), "a", "", nil)
	require.ErrorIs(t, err, plugreg.ErrDependency)
	require.ErrorContains(t, err, `"y" 1.0.0 wants ">=1.4"`)
	require.ErrorContains(t, err, `"z" 1.0.0 wants "<1.4"`)
	require.NoError(t, r.Close(t.Context()))
}

// model is a set of plugins for the oracle: requires[name][version][dependency] is a constraint.
type model struct {
	versions map[string]int
	requires map[string][]map[string]string
}

// modelNames come in the order in which they may require each other.
var modelNames = []string{"a", "b", "c", "d", "e"}

func randomModel(random *rand.Rand) model {
	m := model{map[string]int{"a": 1}, map[string][]map[string]string{}}
	for i, name := range modelNames {
		if i > 0 {
			m.versions[name] = 1 + random.IntN(3)
		}
		for range m.versions[name] {
			reqs := map[string]string{}
			for _, other := range modelNames[i+1:] {
				if random.IntN(5) < 3 {
					reqs[other] = []string{"", "1.x", "=1.0.0", "=1.1.0", ">=1.1.0", "<1.2.0", "<1.1.0", "!=1.1.0"}[random.IntN(8)]
				}
			}
			m.requires[name] = append(m.requires[name], reqs)
		}
	}
	return m
}

// allows is the oracle's reading of the constraints that randomModel writes.
func allows(constraint string, minor int) bool {
	switch constraint {
	case "=1.0.0", "<1.1.0":
		return minor == 0
	case "=1.1.0":
		return minor == 1
	case ">=1.1.0":
		return minor >= 1
	case "<1.2.0":
		return minor <= 1
	case "!=1.1.0":
		return minor != 1
	}
	return true
}

// holds says whether the picks are what a needs, and nothing contradicts; those that nobody needs do not matter.
func (m model) holds(picks map[string]int) bool {
	needed := []string{"a"}
	for i := 0; i < len(needed); i++ {
		for other, constraint := range m.requires[needed[i]][picks[needed[i]]] {
			minor, there := picks[other]
			if !there || !allows(constraint, minor) {
				return false
			}
			needed = append(needed, other)
		}
	}
	return true
}

// solvable tries all there is.
func (m model) solvable(picks map[string]int, names []string) bool {
	if len(names) == 0 {
		return m.holds(picks)
	}
	for v := range m.versions[names[0]] {
		picks[names[0]] = v
		if m.solvable(picks, names[1:]) {
			return true
		}
	}
	return false
}

// TestPlanAgainstAnOracle compares the search with trying everything, on random plugins.
func TestPlanAgainstAnOracle(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 11))
	solved := 0
	const models = 600
	for range models {
		m, j := randomModel(random), new(journal)
		r := gears(t, plugreg.Config{})
		for _, name := range modelNames {
			for v := range m.versions[name] {
				p := noted(j, name, fmt.Sprintf("1.%d.0", v))
				for other, constraint := range m.requires[name][v] {
					p.Requires = append(p.Requires, plugreg.Requirement{Name: other, Constraint: constraint})
				}
				r.MustRegister(p)
			}
		}
		_, err := r.Open(t.Context(), "a", "", nil)
		if !m.solvable(map[string]int{}, modelNames) {
			require.ErrorIs(t, err, plugreg.ErrDependency, "%v", m.requires)
			require.Empty(t, j.take())
			require.NoError(t, r.Close(t.Context()))
			continue
		}
		require.NoError(t, err, "%v", m.requires)
		solved++
		picks := map[string]int{}
		for _, line := range j.take() {
			name, version, _ := strings.Cut(strings.TrimPrefix(line, "+"), "@")
			require.NotContains(t, picks, name, "one of each")
			picks[name] = int(version[2] - '0')
		}
		require.True(t, m.holds(picks), "%v: %v", m.requires, picks)
		require.NoError(t, r.Close(t.Context()))
	}
	require.Greater(t, solved, models/10)
	require.Less(t, solved, models*9/10)
}
