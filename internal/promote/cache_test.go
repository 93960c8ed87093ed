// SPDX-License-Identifier: Apache-2.0

package promote

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func newCache(limit int) *Cache[int, int] {
	c := new(Cache[int, int])
	c.Init(limit)
	return c
}

func TestCacheKeepsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	c := newCache(100)
	_, ok := c.Find(1)
	require.False(t, ok)
	c.Add(1, 10)
	c.Add(1, 11)
	v, ok := c.Find(1) // promotes
	require.True(t, ok)
	require.Equal(t, 10, v)
	require.False(t, c.published.Load().amended.Load())
	c.Add(1, 12)
	v, ok = c.Find(1)
	require.True(t, ok)
	require.Equal(t, 10, v)
	require.Equal(t, 1, c.Len())
}

func TestCacheClear(t *testing.T) {
	t.Parallel()
	c := newCache(100)
	before := c.published.Load()
	c.Clear()
	require.Same(t, before, c.published.Load(), "there was nothing to clear")
	for i := range 50 {
		c.Add(i, i)
	}
	c.Find(3)
	c.Clear()
	require.Zero(t, c.Len())
	for i := range 50 {
		_, ok := c.Find(i)
		require.False(t, ok)
	}
	c.Add(3, 33)
	v, ok := c.Find(3)
	require.True(t, ok)
	require.Equal(t, 33, v)
}

func TestCacheLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		limit, most int
	}{{"none", 0, 1}, {"negative", -5, 1}, {"one", 1, 1}, {"some", 7, 7}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCache(tt.limit)
			largest := 0
			for i := range 100 {
				c.Add(i, i)
				largest = max(largest, c.Len())
				v, ok := c.Find(i)
				require.True(t, ok, "the newest answer is never the one forgotten")
				require.Equal(t, i, v)
			}
			require.Equal(t, tt.most, largest)
		})
	}
}

func TestCacheFindTakesNoLock(t *testing.T) {
	t.Parallel()
	c := newCache(100)
	for i := range 100 {
		c.Add(i, i)
	}
	for i := range 100 {
		c.Find(i)
	}
	c.mu.Lock() // a read that needs it would never return
	defer c.mu.Unlock()
	for i := range 200 {
		v, ok := c.Find(i)
		require.Equal(t, i < 100, ok)
		require.Equal(t, ok, i < 100 && v == i)
	}
}

func TestCacheFindDoesNotAllocate(t *testing.T) { // not parallel: it counts the allocations of the whole process
	type question struct{ name, constraint string }
	var c Cache[question, [3]uint64]
	c.Init(10)
	q := question{"sink", "^1.2"}
	c.Add(q, [3]uint64{1, 2, 3})
	c.Find(q)
	require.Zero(t, testing.AllocsPerRun(100, func() { c.Find(q) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { c.Find(question{"sink", "*"}) }))
}

func TestCacheCostIsLinear(t *testing.T) {
	t.Parallel()
	const n = 10_000
	for _, tt := range []struct {
		name        string
		limit, most int
		run         func(c *Cache[int, int])
	}{
		{"added", n, 0, func(c *Cache[int, int]) {
			for i := range n {
				c.Add(i, i)
			}
		}},
		{"each added and found", n, 4 * n, func(c *Cache[int, int]) {
			for i := range n {
				c.Add(i, i)
				c.Find(i)
			}
		}},
		{"each missed, added and found", n, 6 * n, func(c *Cache[int, int]) {
			for i := range n {
				c.Find(i)
				c.Add(i, i)
				c.Find(i)
			}
		}},
		{"through a small limit", 100, 4 * n, func(c *Cache[int, int]) {
			for i := range n {
				c.Add(i, i)
				c.Find(i)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCache(tt.limit)
			tt.run(c)
			require.LessOrEqual(t, c.copied, tt.most)
		})
	}
}

func FuzzCache(f *testing.F) {
	f.Add(3, []byte{0, 2, 8, 10, 3, 2})
	f.Add(30, []byte("answers are added and found, and some day forgotten"))
	f.Fuzz(func(t *testing.T, limit int, script []byte) {
		c, plain := newCache(limit), map[int]int{}
		for i, b := range script {
			k := int(b >> 2)
			switch b & 3 {
			case 0, 1:
				c.Add(k, i)
				if _, ok := plain[k]; !ok {
					if len(plain) >= max(limit, 1) {
						clear(plain)
					}
					plain[k] = i
				}
			case 2:
				want, was := plain[k]
				if v, ok := c.Find(k); v != want || ok != was {
					require.FailNow(t, "wrong answer", "key %d: %d, %v; want %d, %v", k, v, ok, want, was)
				}
			default:
				if k == 0 {
					c.Clear()
					clear(plain)
				}
			}
			require.Equal(t, len(plain), c.Len())
		}
	})
}

// A reader that looked at the answers of before a promotion still finds what was promoted.
func TestHammerCacheFindsWhatWasAdded(t *testing.T) {
	t.Parallel()
	c := newCache(workers * rounds)
	var wrong, added atomic.Int64 // added: all answers below it
	each(func(worker int) {
		r := rand.New(rand.NewPCG(uint64(worker), 0))
		for i := range rounds {
			if worker == 0 {
				c.Add(i, -i)
				added.Store(int64(i) + 1)
				continue
			}
			n := int(added.Load())
			if n == 0 {
				continue
			}
			k := n - 1 - r.IntN(min(n, 4))
			if v, ok := c.Find(k); !ok || v != -k {
				wrong.Add(1)
			}
		}
	})
	require.Zero(t, wrong.Load())
	require.Equal(t, rounds, c.Len())
	c.Find(0)
	v, ok := c.ask(rounds / 2) // as if it had been promoted just before
	require.True(t, ok)
	require.Equal(t, -rounds/2, v)
}

// Answers belong to an epoch, which ends with a Clear under the lock that Add is called with: none outlives it.
func TestHammerCacheForgets(t *testing.T) {
	t.Parallel()
	const keys = 32
	c := newCache(keys / 2)
	var mu sync.Mutex
	var epoch, wrong, found atomic.Int64
	each(func(worker int) {
		r := rand.New(rand.NewPCG(uint64(worker), 0))
		for i := range rounds {
			k := r.IntN(keys)
			least := epoch.Load()
			if v, ok := c.Find(k); ok {
				found.Add(1)
				if int64(v) < least {
					wrong.Add(1)
				}
			} else {
				mu.Lock()
				c.Add(k, int(epoch.Load()))
				mu.Unlock()
			}
			if i%50 == worker {
				mu.Lock()
				e := epoch.Load() + 1
				c.Clear()
				epoch.Store(e)
				c.Add(k, int(e))
				mu.Unlock()
			}
		}
	})
	require.Zero(t, wrong.Load())
	require.Positive(t, found.Load())
	require.LessOrEqual(t, c.Len(), keys/2)
}
