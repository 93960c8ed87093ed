// SPDX-License-Identifier: Apache-2.0

package report

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// Two rounds of two processes; the second round is on one core, where go test names none.
const output = `goos: linux
cpu: Some CPU @ 2.00GHz
BenchmarkLookup/noop/n=10-2    1000  1.5 ns/op  0 B/op  0 allocs/op
BenchmarkLookup/plain-map-key24/n=10-2  1000  10 ns/op  0 B/op  0 allocs/op
BenchmarkLookup/plugreg/n=10-2  1000  4 ns/op  0 B/op  0 allocs/op
PASS
BenchmarkRegister/plain-map-key24/n=10-2  10  2000 ns/op  40.0 kept-B/plugin  200 ns/plugin  64 B/op  2 allocs/op
BenchmarkRegister/plugreg/n=10-2  10  20000 ns/op  2000 ns/plugin  640 B/op  20 allocs/op
BenchmarkLookup/noop/n=10    1000  2.5 ns/op  0 B/op  0 allocs/op
BenchmarkLookup/plain-map-key24/n=10  1000  30 ns/op  0 B/op  0 allocs/op
BenchmarkLookup/plugreg/n=10  1000  6 ns/op  0 B/op  0 allocs/op
BenchmarkLookup/plugreg/n=127-2  1000  6 ns/op  0 B/op  0 allocs/op
BenchmarkGuard/limit-direct-2  1000  2 ns/op  0 B/op  0 allocs/op
BenchmarkGuard/gobreaker-2  1000  170.4 ns/op  0 B/op  1 allocs/op
`

func read(t *testing.T, output string) *Report {
	t.Helper()
	r := &Report{}
	require.NoError(t, r.Read(strings.NewReader(output)))
	return r
}

func TestWriteTables(t *testing.T) {
	t.Parallel()
	r := read(t, output)
	require.Equal(t, "Some CPU @ 2.00GHz", r.CPU)
	var got strings.Builder
	r.WriteTables(&got)
	require.Equal(t, `
## Lookup, n = 10

| peer | ns/op | min – max | × plain-map-key24 | B/op | allocs/op |
|---|---:|---:|---:|---:|---:|
| plugreg | 5 | 4 – 6 | 0.25 | 0 | 0 |
| noop | 2 | 1.5 – 2.5 | 0.1 | 0 | 0 |
| plain-map-key24 | 20 | 10 – 30 | 1 | 0 | 0 |

## Lookup, n = 127

| peer | ns/op | min – max | × plugreg | B/op | allocs/op |
|---|---:|---:|---:|---:|---:|
| plugreg | 6 | 6 – 6 | 1 | 0 | 0 |

## Register, n = 10

| peer | ns/plugin | min – max | × plain-map-key24 | kept-B/plugin |
|---|---:|---:|---:|---:|
| plugreg | 2,000 | 2,000 – 2,000 | 10 | – |
| plain-map-key24 | 200 | 200 – 200 | 1 | 40 |

## Guard

| peer | ns/op | min – max | × limit-direct | B/op | allocs/op |
|---|---:|---:|---:|---:|---:|
| limit-direct | 2 | 2 – 2 | 1 | 0 | 0 |
| gobreaker | 170 | 170 – 170 | 85.2 | 0 | 1 |
`, got.String())
}

func TestReadNamesTheLineThatIsNoNumber(t *testing.T) {
	t.Parallel()
	err := (&Report{}).Read(strings.NewReader("BenchmarkLookup/a-2  1000  many ns/op\n"))
	require.ErrorContains(t, err, `"BenchmarkLookup/a-2  1000  many ns/op"`)
}

func TestReadReturnsTheReadersError(t *testing.T) {
	t.Parallel()
	fault := errors.New("fault")
	err := (&Report{}).Read(io.MultiReader(strings.NewReader(output), iotest.ErrReader(fault)))
	require.ErrorIs(t, err, fault)
}

func TestWriteBudgets(t *testing.T) {
	t.Parallel()
	lookup, plain := Row{"Lookup", "10", "plugreg"}, Row{"Lookup", "10", "plain-map-key24"}
	guarded, direct := Row{"Guard", "", "gobreaker"}, Row{"Guard", "", "limit-direct"}
	absent := Row{"Lookup", "10", "absent"}
	for _, tc := range []struct {
		name   string
		budget Budget
		want   string
		missed int
	}{
		{"ratio met", Budget{"p", lookup, plain, 0, 0.25, 0, 0},
			"| p | 5 ns | 20 ns (plain-map-key24) | 0.25 | 0 | ≤ 0.25 ×, 0 allocs | yes |\n", 0},
		{"ratio missed", Budget{"p", lookup, plain, 0, 0.24, 0, 0},
			"| p | 5 ns | 20 ns (plain-map-key24) | 0.25 | 0 | ≤ 0.24 ×, 0 allocs | **no** |\n", 1},
		{"time met", Budget{"p", guarded, direct, 171, 0, 0, -1},
			"| p | 170 ns | 2 ns (limit-direct) | 85.2 | – | ≤ 171 ns | yes |\n", 0},
		{"time missed", Budget{"p", guarded, direct, 170, 0, 0, -1},
			"| p | 170 ns | 2 ns (limit-direct) | 85.2 | – | ≤ 170 ns | **no** |\n", 1},
		{"allocations missed", Budget{"p", guarded, direct, 171, 0, 0, 0},
			"| p | 170 ns | 2 ns (limit-direct) | 85.2 | 1 | ≤ 171 ns, 0 allocs | **no** |\n", 1},
		{"two bounds, one missed", Budget{"p", guarded, direct, 171, 85, 0, 1},
			"| p | 170 ns | 2 ns (limit-direct) | 85.2 | 1 | ≤ 171 ns, ≤ 85 ×, 1 allocs | **no** |\n", 1},
		{"difference met", Budget{"p", guarded, direct, 0, 0, 169, -1},
			"| p | 170 ns | 2 ns (limit-direct) | 85.2 (+168 ns) | – | ≤ 169 ns more | yes |\n", 0},
		{"difference missed", Budget{"p", guarded, direct, 0, 0, 168, -1},
			"| p | 170 ns | 2 ns (limit-direct) | 85.2 (+168 ns) | – | ≤ 168 ns more | **no** |\n", 1},
		{"less than the other takes", Budget{"p", direct, guarded, 0, 0, 0.1, -1},
			"| p | 2 ns | 170 ns (gobreaker) | 0.0117 (-168 ns) | – | ≤ 0.1 ns more | yes |\n", 0},
		{"per plugin", Budget{"p", Row{"Register", "10", "plugreg"}, Row{"Register", "10", "plain-map-key24"}, 2000, 0, 0, -1},
			"| p | 2,000 ns | 200 ns (plain-map-key24) | 10 | – | ≤ 2,000 ns | yes |\n", 0},
		{"no such row", Budget{"p", absent, plain, 1, 0, 0, -1},
			"| p | – | – | – | – | ≤ 1 ns | not measured |\n", 1},
		{"no such row beside it", Budget{"p", lookup, absent, 1, 0, 0, -1},
			"| p | – | – | – | – | ≤ 1 ns | not measured |\n", 1},
		{"no such table", Budget{"p", Row{"Lookup", "11", "plugreg"}, plain, 1, 0, 0, -1},
			"| p | – | – | – | – | ≤ 1 ns | not measured |\n", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			require.Equal(t, tc.missed, read(t, output).WriteBudgets(&got, []Budget{tc.budget}))
			require.Equal(t, `
| path | measured | beside | ratio | allocs | budget | met |
|---|---:|---:|---:|---:|---|---|
`+tc.want, got.String())
		})
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 2.0, median([]float64{9, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{9, 3, 1, 2}), 0)
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]float64{
		"0": 0, "0.333": 1.0 / 3, "6.24": 6.238, "99.9": 99.94, "100": 99.95, "999": 999.4, "1,000": 999.5, "1,234,568": 1234567.8,
	} {
		require.Equal(t, want, number(v))
	}
}
