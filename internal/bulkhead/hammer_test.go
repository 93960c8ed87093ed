// SPDX-License-Identifier: Apache-2.0

package bulkhead

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/stripe"
)

const (
	crowd  = 64
	rounds = 400
)

// The limit is never exceeded, whoever comes in by which way, and at the end everything is as it was.
func TestHammerLimitIsExact(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 3, 20} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			b := newDoor(limit)
			var inside, most, counted atomic.Int64
			each(crowd, func(worker int) {
				rnd := rand.New(rand.NewPCG(uint64(worker), uint64(limit)))
				for range rounds {
					st, _ := anyEntry(b, rnd)
					if st == nil {
						continue
					}
					raise(&most, inside.Add(1))
					if rnd.IntN(4) == 0 {
						runtime.Gosched()
					}
					inside.Add(-1)
					end := b.Withdraw
					if rnd.IntN(8) > 0 {
						counted.Add(1)
						end = b.Leave
					}
					w := end(st)
					if w&Own != 0 {
						b.Clear(w)
					}
				}
			})
			b.Clear(Own)
			require.LessOrEqual(t, most.Load(), int64(limit))
			require.Positive(t, most.Load())
			require.EqualValues(t, counted.Load(), b.Admitted())
			requireIdle(t, b, limit)
		})
	}
}

// anyEntry tries a way in: at once or waiting for a while, with a context that ends, despite a flag; now and then it
// sets one.
func anyEntry(b *Bulkhead, rnd *rand.Rand) (*stripe.Stripe, Word) {
	despite := Word(rnd.IntN(4))
	switch rnd.IntN(8) {
	case 0:
		b.Set(Word(rnd.IntN(4)))
	case 1:
		b.Mark(0, Own, rnd.Uint32())
	case 2:
		return b.Wait(context.Background(), time.Duration(rnd.IntN(50))*time.Microsecond, despite)
	case 3:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rnd.IntN(50))*time.Microsecond)
		defer cancel()
		return b.Wait(ctx, time.Duration(rnd.IntN(100))*time.Microsecond, despite)
	}
	return b.Take(despite)
}

func raise(most *atomic.Int64, n int64) {
	for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
	}
}

// With as many permits as goroutines that hold one each, a permit is free throughout every Take: none may be refused.
// They share so many rights. One of them, with all the rights, takes all permits and is refused once more, so that Full
// is noted; then it gives the rights back one by one, each after its permit.
func TestHammerNoFalseRefusal(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*Bulkhead, *stripe.Stripe) Word{
		"leave": (*Bulkhead).Leave, "withdraw": (*Bulkhead).Withdraw,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const limit = 6
			b := newDoor(limit)
			rights := make(chan struct{}, limit)
			var refused, noted atomic.Int64
			enter := func() *stripe.Stripe {
				rights <- struct{}{}
				st, _ := b.Take(0)
				if st == nil {
					refused.Add(1)
				}
				return st
			}
			exit := func(st *stripe.Stripe) {
				if st != nil {
					leave(b, st)
				}
				<-rights
			}
			var over atomic.Bool
			each(crowd, func(worker int) {
				if worker > 0 {
					for !over.Load() {
						exit(enter())
					}
					return
				}
				defer over.Store(true)
				for range 2 * rounds {
					var held [limit]*stripe.Stripe
					for i := range held {
						held[i] = enter()
					}
					if _, w := b.Take(0); w&Full != 0 && b.Load()&Full != 0 {
						noted.Add(1)
					}
					for _, st := range held {
						exit(st)
					}
				}
			})
			require.Zero(t, refused.Load())
			require.EqualValues(t, 2*rounds, noted.Load(), "nobody else is inside: nothing keeps Full from being noted")
			requireIdle(t, b, limit)
		})
	}
}

// One call moves to and fro between the two permits there are, while another looks for one: although the moves are
// withdrawn, they are noticed.
func TestHammerMovingPermit(t *testing.T) {
	t.Parallel()
	b := newDoor(2)
	var over atomic.Bool
	var refused, moves int
	each(2, func(worker int) {
		if worker == 0 {
			defer over.Store(true)
			for range 300 * rounds {
				if st := b.look(); st != nil {
					b.Leave(st)
				} else {
					refused++
				}
			}
			return
		}
		here, there := atDepth(b, 0), 1
		b.Withdraw(here)
		for st := here; st == here && there < 64; there++ {
			if st = atDepth(b, there); st != nil {
				b.Withdraw(st)
			}
		}
		for ; !over.Load(); moves++ {
			if st := atDepth(b, moves%2*there); st != nil {
				b.Withdraw(st)
			}
		}
	})
	require.Zero(t, refused, "of %d, while the other call moved %d times", 300*rounds, moves)
	requireIdle(t, b, 2)
}

// atDepth takes a permit at a place on the stack so many KiB further down: where it is looked for first depends on
// that.
//
//go:noinline
func atDepth(b *Bulkhead, kilobytes int) *stripe.Stripe {
	if kilobytes == 0 {
		st, _ := b.Take(0)
		return st
	}
	var room [1024]byte
	st := atDepth(b, kilobytes-1)
	runtime.KeepAlive(&room)
	return st
}

// In each round a crowd fights for a few permits, so that Full is noted and cleared in all possible orders. Then
// everything that was let in has left: the note is gone, and so many as there are permits are let in.
func TestHammerNoteDoesNotOutliveItsCause(t *testing.T) {
	t.Parallel()
	const limit, workers = 3, 8
	b := newDoor(limit)
	var refused atomic.Int64
	var stale, missing int
	for range 2 * rounds {
		each(workers, func(worker int) {
			for range 6 {
				st, _ := b.Take(0)
				if st == nil {
					refused.Add(1)
					continue
				}
				if worker%2 == 0 {
					runtime.Gosched()
				}
				b.Leave(st)
			}
		})
		if b.Load() != 0 {
			stale++
		}
		var held [limit]*stripe.Stripe
		for i := range held {
			if held[i], _ = b.Take(0); held[i] == nil {
				missing++
			}
		}
		for _, st := range held {
			if st != nil {
				b.Leave(st)
			}
		}
	}
	require.Zero(t, stale)
	require.Zero(t, missing)
	require.Positive(t, refused.Load())
	requireIdle(t, b, limit)
}

// call is what one goroutine did, with the clock's ticks around it.
type call struct {
	began, in, out int64 // before Take or Wait, after it, after Leave
	letIn          bool
	waits          bool
}

// Whatever is refused as full was refused at an instant at which every permit can have been out: the ticks before Take
// and after Leave enclose the time in which a call can have had one.
func TestHammerRefusalsAreLinearizable(t *testing.T) {
	t.Parallel()
	const limit, workers = 2, 6
	b := newDoor(limit)
	var clock atomic.Int64
	calls := make([][]call, workers)
	each(workers, func(worker int) {
		rnd := rand.New(rand.NewPCG(1, uint64(worker)))
		for range 5 * rounds {
			c := call{began: clock.Add(1)}
			var st *stripe.Stripe
			if rnd.IntN(8) == 0 {
				c.waits = true
				st, _ = b.Wait(context.Background(), time.Duration(rnd.IntN(20))*time.Microsecond, 0)
			} else {
				st, _ = b.Take(0)
			}
			c.in, c.letIn = clock.Add(1), st != nil
			if st != nil {
				if rnd.IntN(2) == 0 {
					runtime.Gosched()
				}
				b.Leave(st)
			}
			c.out = clock.Add(1)
			calls[worker] = append(calls[worker], c)
			if rnd.IntN(4) == 0 {
				runtime.Gosched()
			}
		}
	})
	out := make([]int64, clock.Load()+2) // how many can be inside, by tick
	for _, cs := range calls {
		for _, c := range cs {
			if c.letIn || c.waits { // one who waits can have had a permit for a moment that nobody knows
				out[c.began]++
				out[c.out+1]--
			}
		}
	}
	for i := 1; i < len(out); i++ {
		out[i] += out[i-1]
	}
	refused := 0
	for _, cs := range calls {
		for _, c := range cs {
			if c.letIn || c.waits {
				continue
			}
			refused++
			var most int64
			for i := c.began; i <= c.in; i++ {
				most = max(most, out[i])
			}
			require.GreaterOrEqual(t, most, int64(limit))
		}
	}
	require.Positive(t, refused)
	requireIdle(t, b, limit)
}
