// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// gbVersions are n new versions of a plugin of some size, of which each has another default where they differ.
func gbVersions(n int, differ bool) (s plugreg.Snapshot) {
	for i := range n {
		var fields []string
		for j := range 20 {
			fields = append(fields, fmt.Sprintf("F%d string", j))
		}
		if differ {
			fields[7] += fmt.Sprintf("=%d", i)
		}
		s.Contracts = append(s.Contracts, snContract(fmt.Sprintf("a@1.%d.0", i), fields...))
	}
	return s
}

func gbJudge(t testing.TB, s plugreg.Snapshot, tree fstest.MapFS) {
	if g := plugreg.Gate(s, tree, nil); g.Outcome != plugreg.Compatible {
		t.Fatal(g.Problems)
	}
}

// Every two versions of a plugin are a pair, and what a pair costs does not grow with what the contracts hold. It takes
// no hash and, where the shapes are equal, no comparison: either would take dozens of allocations.
func TestGateOfManyVersions(t *testing.T) {
	const n, pairs = 400, 400 * 399 / 2
	s, tree := gbVersions(n, false), gjTree(gbVersions(1, false).Contracts[0])
	perPair := testing.AllocsPerRun(1, func() { gbJudge(t, s, tree) }) / pairs
	require.Less(t, perPair, 8.0)
	t.Logf("%.1f allocations for a pair", perPair)
}

func BenchmarkGateVersions(b *testing.B) {
	for _, n := range []int{100, 200, 400} {
		for name, differ := range map[string]bool{"equal": false, "different": true} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				s, tree := gbVersions(n, differ), gjTree(gbVersions(1, differ).Contracts[0])
				b.ReportAllocs()
				for b.Loop() {
					gbJudge(b, s, tree)
				}
			})
		}
	}
}
