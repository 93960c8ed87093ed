// SPDX-License-Identifier: Apache-2.0

package promote

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every promotion has been paid for by reads that took the detour, whatever the order of operations.
func TestMapCostIsLinear(t *testing.T) {
	t.Parallel()
	const n = 10_000
	for _, tt := range []struct {
		name string
		most int // entries copied
		run  func(m *Map[int, int])
	}{
		{"stores", 0, func(m *Map[int, int]) {
			for i := range n {
				m.Store(i, i)
			}
		}},
		{"stores, then lookups", n, func(m *Map[int, int]) {
			for i := range n {
				m.Store(i, i)
			}
			for i := range n {
				find(m, i)
			}
		}},
		{"each store with its lookup", 4 * n, func(m *Map[int, int]) {
			for i := range n {
				m.Store(i, i)
				find(m, i)
			}
		}},
		{"each store with a lookup that misses", 4 * n, func(m *Map[int, int]) {
			for i := range n {
				m.Store(i, i)
				find(m, -1)
			}
		}},
		{"each replacement with its lookup", 4 * n, func(m *Map[int, int]) {
			for i := range n {
				m.Store(i, i)
			}
			m.Promote()
			for i := range n {
				m.Store(i, -i)
				find(m, i)
			}
		}},
		{"each removal with its lookup", 4 * n, func(m *Map[int, int]) {
			for i := range n {
				m.Store(i, i)
			}
			m.Promote()
			for i := range n {
				m.Remove(i)
				find(m, i)
			}
		}},
		{"one key removed and stored again", 4 * n, func(m *Map[int, int]) {
			for i := range n {
				m.Store(i, i)
			}
			m.Promote()
			for range n {
				m.Remove(1)
				find(m, 1)
				m.Store(1, 1)
			}
		}},
		{"promotions without changes", n, func(m *Map[int, int]) {
			for i := range n {
				m.Store(i, i)
			}
			for range n {
				m.Promote()
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newMap(spread)
			tt.run(m)
			require.LessOrEqual(t, m.copied, tt.most)
		})
	}
}
