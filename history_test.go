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

// historyContract is a version whose payload has one field with that plugreg tag; "-" is none.
func historyContract(version, options string) plugreg.Contract {
	c := plugreg.Contract{Name: "acme.history", Version: version}
	f := diffField("Amount", "int")
	switch options {
	case "-":
		c.Shapes = diffStruct(nil).Shapes
		return c
	case "required":
		f.Required = true
	case "renamed":
		f.Name = "Sum"
	default:
		f.Default = options
	}
	c.Shapes = diffStruct([]plugreg.Field{f}).Shapes
	return c
}

// historyOf reads "1.0.0 -; 1.1.0 5": versions and options.
func historyOf(text string) (list []plugreg.Contract) {
	for entry := range strings.SplitSeq(text, ";") {
		if version, options, _ := strings.Cut(strings.TrimSpace(entry), " "); version != "" {
			list = append(list, historyContract(version, options))
		}
	}
	return list
}

func TestCheckHistory(t *testing.T) {
	t.Parallel()
	const yes, no, unknown = plugreg.Compatible, plugreg.Incompatible, plugreg.Unknown
	for _, tt := range []struct {
		name      string
		policy    plugreg.Policy
		candidate string
		history   string
		want      plugreg.Outcome
		old       string // of the report
		others    string // versions in its history
	}{
		{"nothing before", plugreg.Backward, "1.0.0 -", "", unknown, "", ""},
		{"only later ones", plugreg.Backward, "1.0.0 -", "1.1.0 -; 2.0.0 -", unknown, "", ""},
		{"only pre-releases", plugreg.Backward, "1.0.0 -", "1.0.0-rc.1 -; 0.9.0-rc.1 -", unknown, "", ""},
		{"one before", plugreg.Backward, "1.1.0 5", "1.0.0 -", yes, "1.0.0", ""},
		{"the same again", plugreg.Backward, "1.1.0 5", "1.0.0 -; 1.1.0 5", yes, "1.1.0", "1.0.0"},
		{"published again", plugreg.Backward, "1.1.0 5", "1.0.0 -; 1.1.0 -", no, "1.1.0", "1.0.0"},
		{"published again with other build metadata", plugreg.Backward, "1.1.0+b 5", "1.1.0+a 5; 1.1.0+c -", no, "1.1.0+c", "1.1.0+a"},
		{"the step from the one before a version that is there counts", plugreg.Backward, "1.0.1 5", "1.0.0 -; 1.0.1 5", no, "1.0.0", "1.0.1"},
		{"default comes, and goes: required after optional", plugreg.Backward, "1.2.0 required", "1.0.0 -; 1.1.0 required", no, "1.0.0", "1.1.0"},
		{"pairs pass and the whole does not", plugreg.Full, "1.2.0 -", "1.1.0 -; 1.0.0 5", no, "1.0.0", "1.1.0"},
		{"added in between", plugreg.Backward, "1.2.1 5", "1.0.0 -; 1.2.0 5", yes, "1.2.0", "1.0.0"},
		{"new major version", plugreg.Backward, "2.0.0 renamed", "1.0.0 -; 1.2.0 5", yes, "", ""},
		{"new major version under full", plugreg.Full, "2.0.0 renamed", "1.2.0 5", yes, "", ""},
		{"second of the new major version", plugreg.Backward, "2.1.0 5", "2.0.0 renamed; 1.0.0 5", no, "2.0.0", ""},
		{"minor versions while the major is 0", plugreg.Backward, "0.4.0 renamed", "0.3.0 5", yes, "", ""},
		{"patches while the major is 0", plugreg.Backward, "0.3.1 renamed", "0.2.0 renamed; 0.3.0 5", no, "0.3.0", ""},
		{"backport", plugreg.Backward, "1.1.1 5", "1.0.0 -; 1.1.0 5; 1.2.0 renamed; 2.0.0 required", yes, "1.1.0", "1.0.0"},
		{"backport that adds", plugreg.Backward, "1.0.1 5", "1.0.0 -; 1.1.0 5", no, "1.0.0", ""},
		{"pre-release before", plugreg.Backward, "1.1.0 5", "1.0.0 -; 1.1.0-rc.1 required", yes, "1.0.0", ""},
		{"pre-release", plugreg.Backward, "1.1.0-rc.2 5", "1.0.0 -; 1.1.0-rc.1 required", yes, "1.0.0", ""},
		{"forward looks at the one before", plugreg.Forward, "3.0.0 renamed", "1.0.0 renamed; 2.0.0 5", yes, "2.0.0", ""},
		{"forward skips none", plugreg.Forward, "3.0.0 renamed", "1.0.0 5", no, "1.0.0", ""},
		{"forward, at home", plugreg.Forward, "2.1.0 renamed", "1.0.0 5; 2.0.0 -", yes, "2.0.0", ""},
		{"unchecked looks at the one before", plugreg.Unchecked, "1.0.1 renamed", "1.0.0 5; 0.1.0 -", yes, "1.0.0", ""},
		{"strict, the same", plugreg.Strict, "1.0.0 5", "1.0.0 5; 0.9.0 -", yes, "1.0.0", ""},
		{"strict, published again", plugreg.Strict, "1.0.0 5", "1.0.0 6; 0.9.0 -", no, "1.0.0", ""},
		{"strict, another shape", plugreg.Strict, "1.0.1 -", "1.0.0 5", no, "1.0.0", ""},
		{"strict, the same shape in another version", plugreg.Strict, "1.4.0 5", "1.0.0 5; 0.9.0 -", yes, "1.0.0", ""},
		{"strict, of another generation", plugreg.Strict, "2.0.0 -", "1.0.0 5", yes, "", ""},
		{"forward, a generation that breaks nothing", plugreg.Forward, "3.0.0 5", "1.0.0 5", yes, "", ""},
		{"no policy is backward", plugreg.Default, "1.1.0 renamed", "1.0.0 5", no, "1.0.0", ""},
		{"two contracts of one version", plugreg.Full, "1.1.0 5", "1.0.0 5; 1.0.0 6", no, "1.0.0", "1.0.0"},
		{"a version that is none", plugreg.Backward, "latest 5", "1.0.0 5", unknown, "", ""},
		{"a baseline whose version is none", plugreg.Backward, "1.1.0 5", "1.0.0 5; latest 5", unknown, "latest", "1.0.0"},
		{"incompatible is worse than unknown", plugreg.Backward, "1.1.0 renamed", "1.0.0 5; latest 5", no, "1.0.0", "latest"},
		{"a policy that is none", 9, "1.1.0 5", "1.0.0 5", unknown, "1.0.0", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			candidate, history := historyOf(tt.candidate)[0], append(historyOf(tt.history), plugreg.Contract{Name: "acme.other", Version: "1.0.5"})
			r := plugreg.CheckHistory(tt.policy, candidate, history)
			require.Equal(t, tt.want, r.Outcome, "%v", r)
			require.Equal(t, tt.old, r.Old)
			require.Equal(t, "acme.history", r.Name)
			require.Equal(t, candidate.Version, r.New)
			require.NotEqual(t, plugreg.Default, r.Policy)
			require.Equal(t, tt.want == yes, len(r.Reasons) == 0)
			var others []string
			for _, h := range r.History {
				others = append(others, h.Old)
				require.Empty(t, h.History)
			}
			require.Equal(t, tt.others, strings.Join(others, " "))
			random := rand.New(rand.NewPCG(1, 2))
			for range 5 {
				random.Shuffle(len(history), func(i, j int) { history[i], history[j] = history[j], history[i] })
				require.Equal(t, r, plugreg.CheckHistory(tt.policy, candidate, history), "order of history")
			}
		})
	}
}

// That each step was compatible does not say that the whole way is.
func TestCheckHistoryIsTransitive(t *testing.T) {
	t.Parallel()
	way := historyOf("1.0.0 -; 1.1.0 5; 1.2.0 -")
	r := plugreg.CheckHistory(plugreg.Backward, way[2], way[:2])
	require.Equal(t, []string{"backward allows nothing that breaks"}, r.Reasons, "what is removed was there")
	// A payload of 1.0.0 lacks the field. Adding it with a default and asking for it later is two steps, and the second is
	// refused at once by us, since required-added breaks. What passes pairwise is a way back and forth.
	back := historyOf("1.0.0 5; 1.1.0 6; 1.2.0 5")
	require.Equal(t, plugreg.Compatible, plugreg.Backward.Check(back[0], back[2]).Shape)
	require.Equal(t, plugreg.Incompatible, plugreg.CheckHistory(plugreg.Full, back[2], back[:2]).Outcome)
	// A name in JSON that comes back with another type: no pair of neighbours shows it.
	first, second, third := historyContract("1.0.0", "5"), historyContract("1.1.0", "5"), historyContract("1.2.0", "5")
	second.Shapes[0].Fields[0].Wire, second.Shapes[0].Fields[0].Aliases = "sum", []string{"Amount"}
	third.Shapes[0].Fields = slices.Clone(second.Shapes[0].Fields)
	third.Shapes[0].Fields[0].Wire, third.Shapes[0].Fields[0].Aliases = "total", []string{"sum"}
	third.Shapes[0].Fields = append(third.Shapes[0].Fields, plugreg.Field{Name: "More", Wire: "more", Type: "int", Position: 1})
	require.Equal(t, plugreg.Compatible, plugreg.Backward.Check(first, second).Outcome)
	r = plugreg.CheckHistory(plugreg.Backward, third, []plugreg.Contract{first, second})
	require.Equal(t, plugreg.Incompatible, r.Outcome)
	require.Equal(t, "1.1.0", r.Old, "the alias that was dropped shows at the nearest")
	require.Len(t, r.History, 1)
	require.Equal(t, plugreg.Incompatible, r.History[0].Shape)
}

// The strictest policy of a pair decides, also how far back to look.
func TestCheckHistoryTakesPoliciesOfContracts(t *testing.T) {
	t.Parallel()
	history := historyOf("1.0.0 5; 1.1.0 6")
	candidate := historyContract("1.2.0", "6")
	require.Equal(t, plugreg.Compatible, plugreg.CheckHistory(plugreg.Forward, candidate, history).Outcome)
	history[0].Policy = plugreg.Full
	r := plugreg.CheckHistory(plugreg.Forward, candidate, history)
	require.Equal(t, plugreg.Incompatible, r.Outcome)
	require.Equal(t, plugreg.Full, r.Policy)
	require.Equal(t, "1.0.0", r.Old)
	require.Equal(t, plugreg.Forward, r.History[0].Policy)
	candidate.Policy = plugreg.Strict
	require.Equal(t, plugreg.Strict, plugreg.CheckHistory(plugreg.Forward, candidate, history).Policy)
}
