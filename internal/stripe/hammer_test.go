// SPDX-License-Identifier: Apache-2.0

package stripe

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHammerLimitIsExact(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 3, 5, 20} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			s := New(limit)
			var inside, most, admitted atomic.Int64
			each(func(int) {
				var held []*Stripe
				for r := range rounds {
					if st := s.Take(); st != nil {
						admitted.Add(1)
						raise(&most, inside.Add(1))
						held = append(held, st)
					}
					if len(held) > r%4 {
						inside.Add(-1)
						held[0].Leave()
						held = held[1:]
					}
				}
				for _, st := range held {
					inside.Add(-1)
					st.Leave()
				}
			})
			require.LessOrEqual(t, most.Load(), int64(limit))
			require.Positive(t, most.Load())
			require.Zero(t, s.InFlight())
			require.EqualValues(t, admitted.Load(), s.Admitted())
			require.Len(t, takeAll(s), limit, "every permit came back")
		})
	}
}

func raise(most *atomic.Int64, n int64) {
	for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
	}
}

// With as many permits as goroutines, each holding one at most, a permit is free throughout every Take: none may be refused,
// though permits move between stripes while it looks.
func TestHammerNoFalseRefusal(t *testing.T) {
	t.Parallel()
	s := New(workers)
	var refused atomic.Int64
	each(func(int) {
		for range 10 * rounds {
			st := s.Take()
			if st == nil {
				refused.Add(1)
				continue
			}
			st.Leave()
		}
	})
	require.Zero(t, refused.Load())
	require.EqualValues(t, 10*workers*rounds, s.Admitted())
}

// One goroutine moves the only other call to and fro between the two stripes that have a permit, so that a single look at
// both, one after the other, often finds each of them full.
func TestHammerMovingPermit(t *testing.T) {
	t.Parallel()
	s := New(2)
	var homes []*Stripe
	for i := range s.stripes {
		if s.stripes[i].most > 0 {
			homes = append(homes, &s.stripes[i])
		}
	}
	require.Len(t, homes, 2)
	var over atomic.Bool
	var moves, refused int
	each(func(worker int) {
		if worker > 1 {
			return
		}
		if worker == 0 {
			defer over.Store(true)
			for range 200 * rounds {
				if st := s.takeAny(0); st != nil {
					st.Leave()
				} else {
					refused++
				}
			}
			return
		}
		for i := 0; !over.Load(); i++ {
			if _, ok := homes[i%2].admit(); ok {
				moves++
				homes[i%2].Leave()
			}
		}
	})
	require.Zero(t, refused, "of %d, while the other call moved %d times", 200*rounds, moves)
	require.Zero(t, s.InFlight())
}

// While the limit's holders never leave, everybody is refused; one that leaves makes room for exactly one.
func TestHammerRefusesWhileFull(t *testing.T) {
	t.Parallel()
	s := New(workers)
	held := takeAll(s)
	var admitted atomic.Int64
	ask := func(int) {
		for range rounds {
			if s.Take() != nil {
				admitted.Add(1)
			}
		}
	}
	each(ask)
	require.Zero(t, admitted.Load())
	held[workers/2].Leave()
	each(ask)
	require.EqualValues(t, 1, admitted.Load())
}

// Zero in flight must prove that those who came before have left, however many come and go meanwhile.
func TestHammerInFlightSeesHolders(t *testing.T) {
	t.Parallel()
	s := New(0)
	var wrong atomic.Int64
	each(func(int) {
		for range rounds {
			st := s.Take()
			if s.InFlight() < 1 {
				wrong.Add(1)
			}
			st.Leave()
		}
	})
	require.Zero(t, wrong.Load())
	require.Zero(t, s.InFlight())
}
