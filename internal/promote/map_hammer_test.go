// SPDX-License-Identifier: Apache-2.0

package promote

import (
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// history is what may be seen of one key: only its writer advances it, and odd versions are removals.
type history struct{ begun, done atomic.Int64 }

func (h *history) write(m *Map[int, int], k int) {
	v := h.begun.Add(1)
	if v%2 == 0 {
		m.Store(k, int(v))
	} else {
		m.Remove(k)
	}
	h.done.Store(v)
}

// read reports whether a lookup of k agrees with some moment during it. What it saw last bounds what it may see next.
func (h *history) read(m *Map[int, int], k int, last *int64) bool {
	least := max(*last, h.done.Load())
	v, ok := find(m, k)
	most := h.begun.Load()
	if !ok {
		return least%2 == 1 || least == 0 || most > least
	}
	*last = int64(v)
	return least <= int64(v) && int64(v) <= most
}

func TestHammerMapIsLinearizable(t *testing.T) {
	t.Parallel()
	const keys = 8 * workers
	m := newMap(spread)
	var of [keys]history
	var wrong atomic.Int64
	each(func(worker int) {
		r := rand.New(rand.NewPCG(uint64(worker), 0))
		var last [keys]int64
		for range rounds {
			mine := worker + workers*r.IntN(keys/workers)
			of[mine].write(m, mine)
			for range 4 {
				if k := r.IntN(keys); !of[k].read(m, k, &last[k]) {
					wrong.Add(1)
				}
			}
			if !of[mine].read(m, mine, &last[mine]) {
				wrong.Add(1)
			}
			if r.IntN(20) == 0 {
				m.Promote()
			}
		}
	})
	require.Zero(t, wrong.Load())
	n := 0
	for k := range keys {
		v, ok := find(m, k)
		require.Equal(t, of[k].done.Load()%2 == 0 && of[k].done.Load() > 0, ok)
		if ok {
			n++
			require.EqualValues(t, of[k].done.Load(), v)
		}
	}
	require.Equal(t, n, m.Len())
}

// While keys are only added, a reader that has seen a store's return finds the key, and the oracle is a map with a mutex.
func TestHammerMapAgainstLockedMap(t *testing.T) {
	t.Parallel()
	m := newMap(spread)
	var mu sync.Mutex
	oracle := map[int]int{}
	var wrong atomic.Int64
	each(func(worker int) {
		r := rand.New(rand.NewPCG(uint64(worker), 1))
		for i := range rounds {
			k := worker*rounds + i
			m.Store(k, -k)
			mu.Lock()
			oracle[k] = -k
			mu.Unlock()
			k = r.IntN(workers * rounds)
			mu.Lock()
			want, was := oracle[k]
			mu.Unlock()
			if v, ok := find(m, k); was && (!ok || v != want) {
				wrong.Add(1)
			}
		}
	})
	require.Zero(t, wrong.Load())
	require.Equal(t, oracle, maps.Collect(m.All()))
	require.LessOrEqual(t, m.copied, 4*workers*rounds)
}

func TestReserve(t *testing.T) {
	var m Map[int, int]
	m.Init(func(k int) uint64 { return uint64(k) })
	m.Reserve(1000)
	grown := testing.AllocsPerRun(1, func() {
		for i := range 500 {
			m.Store(i, i)
		}
	})
	require.Zero(t, grown, "storing within the room allocates nothing")
	seven := 7
	v, ok := m.Find(7, seven)
	require.True(t, ok)
	require.Equal(t, 7, v)
}
