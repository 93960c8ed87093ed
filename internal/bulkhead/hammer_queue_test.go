// SPDX-License-Identifier: Apache-2.0

package bulkhead

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/stripe"
)

// With one permit, those who hold it, one after the other, write down when they came: nobody is before one who was in
// the queue already when he came.
func TestHammerFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	type entry struct{ began, queued int64 }
	var log []entry // written by who holds the permit
	var clock atomic.Int64
	each(8, func(worker int) {
		rnd := rand.New(rand.NewPCG(2, uint64(worker)))
		for range 2 * rounds {
			e := entry{began: clock.Add(1)}
			var st *stripe.Stripe
			if worker%2 == 0 {
				st, _ = b.Take(flagA)
				e.queued = clock.Add(1)
			} else {
				x := b.enqueue(flagA)
				e.queued = clock.Add(1)
				if rnd.IntN(8) == 0 {
					st = b.giveUp(x).st
				} else {
					st = (<-x.got).st
				}
			}
			if rnd.IntN(16) == 0 {
				b.Set(flagA) // which all name
				b.Clear(flagA)
			}
			if st != nil {
				log = append(log, e)
				if rnd.IntN(2) == 0 {
					runtime.Gosched()
				}
				b.Leave(st)
			}
		}
	})
	var latest int64 // arrival among those served so far
	for i, e := range log {
		require.GreaterOrEqual(t, e.queued, latest, "number %d was in the queue before one who was served earlier came", i)
		latest = max(latest, e.began)
	}
	require.Greater(t, len(log), 4*rounds)
	requireIdle(t, b, 1)
}

// In a bubble time stands still while anybody can go on: one who was forgotten in the queue would time out.
func TestHammerNoLostWakeUp(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			b := newDoor(limit)
			began := time.Now()
			var timedOut, turnedAway atomic.Int64
			each(16, func(worker int) {
				rnd := rand.New(rand.NewPCG(3, uint64(worker)))
				for range rounds {
					switch rnd.IntN(16) {
					case 0:
						b.Set(flagA)
						b.Clear(flagA)
					case 1:
						ctx, cancel := context.WithCancel(t.Context())
						go cancel()
						if st, _ := b.Wait(ctx, time.Hour, Own); st != nil {
							b.Leave(st)
						}
						cancel()
					}
					st, w := b.Wait(t.Context(), time.Hour, Word(worker%2))
					switch {
					case st != nil:
						b.Leave(st)
					case w&Own != 0:
						turnedAway.Add(1)
					default:
						timedOut.Add(1)
					}
				}
			})
			require.Zero(t, timedOut.Load())
			require.Zero(t, time.Since(began), "nobody had to wait for the clock")
			require.Less(t, turnedAway.Load(), int64(16*rounds/2))
			requireIdle(t, b, limit)
		})
	}
}

// Time-outs, contexts, flags and permits all at once, on the real clock: nothing is left over, and whoever was not let
// in was told why.
func TestHammerEverythingSettles(t *testing.T) {
	t.Parallel()
	b := newDoor(2)
	var untold atomic.Int64
	each(crowd, func(worker int) {
		rnd := rand.New(rand.NewPCG(4, uint64(worker)))
		for range rounds {
			despite := Word(rnd.IntN(4))
			ctx, cancel := context.WithCancel(context.Background())
			var cancelled sync.WaitGroup
			if rnd.IntN(4) == 0 {
				cancelled.Go(cancel)
			}
			var st *stripe.Stripe
			var w Word
			if rnd.IntN(2) == 0 {
				st, w = b.Take(despite)
			} else {
				st, w = b.Wait(ctx, time.Duration(rnd.IntN(100))*time.Microsecond, despite)
			}
			switch {
			case st != nil:
				b.Leave(st)
			case w&(Full|Own&^despite) == 0:
				untold.Add(1)
			}
			if rnd.IntN(8) == 0 {
				b.Mark(Word(rnd.IntN(4)), Own, uint32(worker))
			}
			cancelled.Wait()
			cancel()
		}
	})
	require.Zero(t, untold.Load())
	b.Clear(Own)
	requireIdle(t, b, 2)
}

// A flag that comes and goes without a pause, and permits for all: who is turned away is told of the flag.
func TestHammerRefusalNamesTheFlag(t *testing.T) {
	t.Parallel()
	b := newDoor(0)
	var untold, letIn, ready atomic.Int64
	const workers, enough = 3, 200
	each(workers+1, func(worker int) {
		if worker == workers {
			for ready.Load() < workers {
				b.Set(flagB)
				b.Clear(flagB)
			}
			return
		}
		defer ready.Add(1)
		for away := 0; away < enough; {
			st, w := b.Take(flagA)
			switch {
			case st != nil:
				letIn.Add(1)
				b.Leave(st)
			case w&flagB == 0:
				untold.Add(1)
				away++
			default:
				away++
			}
		}
	})
	require.Zero(t, untold.Load())
	require.EqualValues(t, letIn.Load(), b.Admitted())
	require.Zero(t, b.InFlight())
}

// An owner sets a flag and reads the count; who leaves or is turned away with the flag in his word reads it too.
// Whatever the order, somebody reads zero: the owner, or the last one of the others.
func TestHammerDrainIsSeen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		workers, limit int
		enter          func(b *Bulkhead) (*stripe.Stripe, Word)
	}{
		{"take", 1, 0, func(b *Bulkhead) (*stripe.Stripe, Word) { return b.Take(0) }},
		{"take, limited", 2, 1, func(b *Bulkhead) (*stripe.Stripe, Word) { return b.Take(0) }},
		{"wait", 2, 1, func(b *Bulkhead) (*stripe.Stripe, Word) { return b.Wait(context.Background(), time.Minute, 0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newDoor(tt.limit)
			var round, turns, stop, ended, last atomic.Int64
			var unseen, byOwner, byOthers int
			each(tt.workers+1, func(worker int) {
				for r := int64(1); r <= 40*rounds; r++ {
					if worker < tt.workers {
						await(&round, r)
						for i := 1; stop.Load() < r; i++ {
							st, w := tt.enter(b)
							if turns.Add(1); i%64 == 0 {
								runtime.Gosched() // the owner may need the core
							}
							if st != nil {
								w = b.Leave(st)
							}
							if w&flagA != 0 && b.InFlight() == 0 {
								last.Store(r)
							}
							if i%8 == 0 {
								runtime.Gosched() // and so may the others
							}
						}
						ended.Add(1)
						continue
					}
					round.Store(r)
					await(&turns, turns.Load()+1) // amid what the others do
					stop.Store(r)                 // so that nobody sees the flag by coming once more
					for range r % 16 {
						b.Load()
					}
					b.Set(flagA)
					owner := b.InFlight() == 0
					await(&ended, r*int64(tt.workers))
					switch {
					case owner:
						byOwner++
					case last.Load() == r:
						byOthers++
					default:
						unseen++
					}
					b.Clear(flagA)
				}
			})
			require.Zero(t, unseen, "%d by the owner, %d by others", byOwner, byOthers)
			require.Zero(t, b.InFlight())
		})
	}
}

func await(n *atomic.Int64, least int64) {
	for n.Load() < least {
		runtime.Gosched()
	}
}

// A flag that comes up after the first look at the word, here while the call stands at the queue's lock, turns it away.
func TestTakeLooksAtTheFlagsTwice(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	for range rounds {
		type took struct {
			st *stripe.Stripe
			w  Word
		}
		out := make(chan took, 1)
		b.word.Or(uint64(waited)) // as if somebody was just coming to the queue
		b.mu.Lock()
		go func() {
			st, w := b.Take(0)
			out <- took{st, w}
		}()
		for range 8 {
			runtime.Gosched()
		}
		b.word.Or(uint64(flagA))
		b.mu.Unlock()
		got := <-out
		require.Nil(t, got.st)
		require.Equal(t, flagA, got.w&Own)
		b.word.And(^uint64(flagA | waited))
	}
	require.Zero(t, b.Admitted())
	requireIdle(t, b, 1)
}

// However many withdraw meanwhile, the admissions never come out as less than none.
func TestHammerAdmitted(t *testing.T) {
	t.Parallel()
	b := newDoor(0)
	var over atomic.Bool
	var wrong int
	each(3, func(worker int) {
		if worker == 0 {
			defer over.Store(true)
			for range 300 * rounds {
				if b.Admitted() > math.MaxInt64 {
					wrong++
				}
			}
			return
		}
		for !over.Load() {
			st, _ := b.Take(0)
			b.Withdraw(st)
		}
	})
	require.Zero(t, wrong)
	require.Zero(t, b.Admitted())
}

// An owner who sets a flag and then reads zero is alone: until he clears it, nobody is inside.
func TestHammerOwnerIsAlone(t *testing.T) {
	t.Parallel()
	b := newDoor(0)
	var over, alone atomic.Bool
	var intruders, times atomic.Int64
	each(3, func(worker int) {
		if worker == 0 {
			defer over.Store(true)
			for i := 0; i < 20*rounds || times.Load() == 0; i++ {
				b.Set(flagA)
				if b.InFlight() == 0 {
					times.Add(1)
					alone.Store(true)
					alone.Store(false)
				}
				b.Clear(flagA)
			}
			return
		}
		for !over.Load() {
			var st *stripe.Stripe
			if worker == 1 {
				st, _ = b.Take(0)
			} else {
				st, _ = b.Wait(context.Background(), time.Minute, 0)
			}
			if st == nil {
				continue
			}
			if alone.Load() {
				intruders.Add(1)
			}
			b.Leave(st)
		}
	})
	require.Zero(t, intruders.Load(), "of %d times", times.Load())
	require.Zero(t, b.InFlight())
}
