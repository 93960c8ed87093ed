// SPDX-License-Identifier: Apache-2.0

package promote

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	workers = 8
	rounds  = 1000
)

// each runs f on workers goroutines at once, with their numbers, and waits for them.
func each(f func(worker int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range workers {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

func spread(k int) uint64 { return uint64(k) * 0x9E3779B97F4A7C15 >> 7 }

func newMap(hash func(int) uint64) *Map[int, int] {
	m := new(Map[int, int])
	m.Init(hash)
	return m
}

func find(m *Map[int, int], k int) (int, bool) { return m.Find(m.hash(k), k) }

func TestMapEmpty(t *testing.T) {
	t.Parallel()
	m := newMap(spread)
	_, ok := find(m, 0)
	require.False(t, ok, "the zero key looks like that of an empty slot")
	require.False(t, m.Remove(0))
	require.Zero(t, m.Len())
	require.Empty(t, maps.Collect(m.All()))
	m.Promote()
	require.Zero(t, m.copied)
}

func TestMapWritesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		promote bool
	}{{"before promotion", false}, {"after promotion", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newMap(spread)
			for i := range 100 {
				m.Store(i, i)
			}
			promote := func() {
				if tt.promote {
					m.Promote()
				}
			}
			want := func(k, v int, ok bool) {
				t.Helper()
				got, found := find(m, k)
				require.Equal(t, ok, found)
				require.Equal(t, v, got)
			}
			promote()
			want(7, 7, true)
			m.Store(7, 70)
			want(7, 70, true)
			promote()
			want(7, 70, true)
			require.True(t, m.Remove(7))
			require.False(t, m.Remove(7))
			want(7, 0, false)
			promote()
			want(7, 0, false)
			m.Store(7, 700)
			want(7, 700, true)
			want(8, 8, true)
			want(100, 0, false)
			require.Equal(t, 100, m.Len())
		})
	}
}

func TestMapAllIsASnapshot(t *testing.T) {
	t.Parallel()
	m := newMap(spread)
	want := map[int]int{}
	for i := range 10 {
		m.Store(i, -i)
		want[i] = -i
	}
	got := map[int]int{}
	for k, v := range m.All() {
		got[k] = v
		m.Remove(k)
		m.Store(k+100, v)
	}
	require.Equal(t, want, got)
	require.Equal(t, 10, m.Len())
	n := 0
	for range m.All() {
		n++
		break
	}
	require.Equal(t, 1, n)
}

func TestMapFindTakesNoLock(t *testing.T) {
	t.Parallel()
	m := newMap(spread)
	for i := range 100 {
		m.Store(i, i)
	}
	m.Promote()
	m.mu.Lock() // a read that needs it would never return
	defer m.mu.Unlock()
	for i := range 200 {
		v, ok := find(m, i)
		require.Equal(t, i < 100, ok)
		require.Equal(t, ok, v == i && i < 100)
	}
}

func TestMapPromotePublishesRemovals(t *testing.T) {
	t.Parallel()
	m := newMap(spread)
	m.Store(1, 1)
	m.Promote()
	m.Remove(1)
	m.Promote()
	k := 1
	require.Equal(t, empty, m.published.Load().place(spread(k), k).state.Load(), "nothing keeps the value alive")
}

func TestMapPublishedKeysTakeNoLockWhileAmended(t *testing.T) {
	t.Parallel()
	m := newMap(spread)
	for i := range 100 {
		m.Store(i, i)
	}
	m.Promote()
	m.Store(3, 30)
	m.Remove(4)
	m.Store(1000, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := 5; i < 100; i++ {
		v, ok := find(m, i)
		require.True(t, ok)
		require.Equal(t, i, v)
	}
}

func TestMapFindDoesNotAllocate(t *testing.T) { // not parallel: it counts the allocations of the whole process
	m := newMap(spread)
	for i := range 100 {
		m.Store(i, i)
	}
	m.Promote()
	k := 0
	require.Zero(t, testing.AllocsPerRun(200, func() {
		find(m, k)
		k++
	}))
	for i := range 1000 { // the detour does not allocate either
		m.Store(1000+i, i)
	}
	require.Zero(t, testing.AllocsPerRun(10, func() { find(m, 1500) }))
}

func TestMapIsPromotedByReads(t *testing.T) {
	t.Parallel()
	m := newMap(spread)
	for i := range 100 {
		m.Store(i, i)
	}
	for i := range 100 / detours {
		require.Zero(t, m.copied)
		find(m, i)
	}
	require.Equal(t, 100, m.copied)
	require.False(t, m.published.Load().amended.Load())
}

func TestMapTableIsAtMostHalfFull(t *testing.T) {
	t.Parallel()
	for n := range 300 {
		slots := len(newTable[int, int](n).slots)
		require.GreaterOrEqual(t, slots, max(2, 2*n))
		require.Less(t, slots, max(3, 4*n))
		require.Zero(t, slots&(slots-1), "a power of two")
	}
}

// operate interprets script as operations on few keys, on a Map and on a plain map, and compares all answers.
func operate(t *testing.T, hash func(int) uint64, script []byte) {
	t.Helper()
	m, plain := newMap(hash), map[int]int{}
	for i, b := range script {
		k := int(b >> 3)
		switch b & 7 {
		case 0, 1:
			m.Store(k, i)
			plain[k] = i
		case 2:
			_, was := plain[k]
			delete(plain, k)
			require.Equal(t, was, m.Remove(k))
		case 3:
			m.Promote()
		case 4:
			require.Equal(t, plain, maps.Collect(m.All()))
		default:
			want, was := plain[k]
			if v, ok := find(m, k); v != want || ok != was {
				require.FailNow(t, "wrong answer", "key %d: %d, %v; want %d, %v", k, v, ok, want, was)
			}
		}
		require.Equal(t, len(plain), m.Len())
	}
	for k := range 40 {
		want, was := plain[k]
		v, ok := find(m, k)
		require.Equal(t, want, v)
		require.Equal(t, was, ok)
	}
}

var hashes = map[string]func(int) uint64{
	"spread":    spread,
	"constant":  func(int) uint64 { return ^uint64(0) },
	"two":       func(k int) uint64 { return uint64(k & 1) },
	"high bits": func(k int) uint64 { return uint64(k) << 60 },
}

func TestMapAgreesWithPlainMap(t *testing.T) {
	t.Parallel()
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(100) {
				r := rand.New(rand.NewPCG(seed, 0))
				script := make([]byte, r.IntN(300))
				for i := range script {
					script[i] = byte(r.Uint32())
				}
				operate(t, hash, script)
			}
		})
	}
}

func FuzzMap(f *testing.F) {
	f.Add([]byte{0, 5, 3, 5, 2, 5, 0, 5})
	f.Fuzz(func(t *testing.T, script []byte) {
		for _, hash := range hashes {
			operate(t, hash, script)
		}
	})
}
