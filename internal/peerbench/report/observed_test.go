// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestObservationsAreATable(t *testing.T) {
	t.Parallel()
	printed := ""
	for _, o := range []Observation{
		{"it panics", "peer", "process\tdies\n(fatal)", "process dies (fatal)"},
		{"it panics", "plugreg", "error", "error"},
		{"it hangs", "late", "a|b", "error"},
		{"it hangs", "plugreg", "error", ""},
	} {
		printed += "=== RUN   Test\n" + o.String() + "\n"
	}
	r := read(t, printed+output)
	var got strings.Builder
	r.WriteObservations(&got)
	require.Equal(t, `
## Faults

| what happens | plugreg | peer | late |
|---|---|---|---|
| it panics | error | process dies (fatal) | – |
| it hangs | error | – | a\|b |
`, got.String())
	require.Equal(t, []Observation{{"it hangs", "late", "a|b", "error"}, {"it hangs", "plugreg", "error", ""}}, r.Changes())
	require.Equal(t, "Some CPU @ 2.00GHz", r.CPU, "the rest was read as well")
}

func TestNoObservationsAreNoTable(t *testing.T) {
	t.Parallel()
	r := read(t, output)
	var got strings.Builder
	r.WriteObservations(&got)
	require.Empty(t, got.String())
	require.Empty(t, r.Changes())
}

func TestReadNamesTheObservationThatLacksAField(t *testing.T) {
	t.Parallel()
	err := (&Report{}).Read(strings.NewReader("observed\tit panics\tpeer\terror\n"))
	require.ErrorContains(t, err, `"observed\tit panics\tpeer\terror": 3 fields`)
}
