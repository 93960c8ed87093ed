// SPDX-License-Identifier: Apache-2.0

package bulkhead

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/stripe"
)

// outcome is what a Wait came to.
type outcome struct {
	st   *stripe.Stripe
	w    Word
	took time.Duration
}

// wait begins a Wait on a goroutine of its own, and returns when it queues or has ended. For use in a bubble.
func wait(ctx context.Context, b *Bulkhead, most time.Duration, despite Word) <-chan outcome {
	out, began := make(chan outcome, 1), time.Now()
	go func() {
		st, w := b.Wait(ctx, most, despite)
		out <- outcome{st, w, time.Since(began)}
	}()
	synctest.Wait()
	return out
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	const after = 3*time.Second + time.Nanosecond
	for _, tt := range []struct {
		name    string
		most    time.Duration
		despite Word
		event   func(b *Bulkhead, held *stripe.Stripe, cancel func()) // 3.000000001 s after the Wait began
		letIn   bool
		want    Word
		took    time.Duration
	}{
		{name: "time is up", most: 2*time.Second + 3, want: Full, took: 2*time.Second + 3},
		{name: "permit", most: time.Minute, letIn: true, took: after,
			event: func(b *Bulkhead, held *stripe.Stripe, _ func()) { b.Leave(held) }},
		{name: "permit withdrawn", most: time.Minute, letIn: true, took: after,
			event: func(b *Bulkhead, held *stripe.Stripe, _ func()) { b.Withdraw(held) }},
		{name: "the longest time", most: math.MaxInt64, letIn: true, took: after,
			event: func(b *Bulkhead, held *stripe.Stripe, _ func()) { b.Leave(held) }},
		{name: "context", most: time.Minute, want: Full, took: after,
			event: func(_ *Bulkhead, _ *stripe.Stripe, cancel func()) { cancel() }},
		{name: "flag", most: time.Minute, want: flagA, took: after,
			event: func(b *Bulkhead, _ *stripe.Stripe, _ func()) { b.Set(flagA) }},
		{name: "flag by Mark", most: time.Minute, want: flagA | flagB, took: after,
			event: func(b *Bulkhead, _ *stripe.Stripe, _ func()) { b.Mark(flagA|flagB, 0, 1) }},
		{name: "one of two flags named", most: time.Minute, despite: flagA, want: flagA | flagB, took: after,
			event: func(b *Bulkhead, _ *stripe.Stripe, _ func()) { b.Set(flagA | flagB) }},
		{name: "named flag", most: time.Minute, despite: flagA, want: flagA | Full, took: time.Minute,
			event: func(b *Bulkhead, _ *stripe.Stripe, _ func()) { b.Set(flagA) }},
		{name: "named flag and permit", most: time.Minute, despite: flagA, letIn: true, want: flagA, took: after,
			event: func(b *Bulkhead, held *stripe.Stripe, _ func()) { b.Set(flagA); b.Leave(held) }},
		{name: "flag with the permit", most: time.Minute, want: flagA, took: after,
			event: func(b *Bulkhead, held *stripe.Stripe, _ func()) { b.Set(flagA); b.Leave(held) }},
		{name: "stamp alone", most: 4 * time.Second, want: Full, took: 4 * time.Second,
			event: func(b *Bulkhead, _ *stripe.Stripe, _ func()) { b.Mark(0, flagA, 6) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newDoor(1)
				held := fill(b)[0]
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				got := wait(ctx, b, tt.most, tt.despite)
				require.Equal(t, 1, b.Waiting())
				if tt.event != nil {
					time.AfterFunc(after, func() { tt.event(b, held, cancel) })
				}
				o := <-got
				require.Equal(t, tt.letIn, o.st != nil)
				require.Equal(t, tt.want, o.w&Own|o.w&tt.want&Full)
				require.Equal(t, tt.took, o.took)
				require.Zero(t, b.Waiting())
				if o.st != nil {
					require.EqualValues(t, 1, b.InFlight())
					require.Equal(t, tt.want, b.Leave(o.st)&Own)
				}
				if b.InFlight() > 0 {
					b.Leave(held)
				}
				requireIdle(t, b, 1)
			})
		})
	}
}

func TestWaitIsOverAtOnce(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name         string
		ctx          context.Context
		most         time.Duration
		set, despite Word
		full, letIn  bool
		want         Word
	}{
		{name: "free", ctx: context.Background(), most: time.Hour, letIn: true},
		{name: "free, no time", ctx: context.Background(), letIn: true},
		{name: "free, less than no time", ctx: context.Background(), most: math.MinInt64, letIn: true},
		{name: "free, flag", ctx: context.Background(), most: time.Hour, set: flagA, want: flagA},
		{name: "free, named flag", ctx: context.Background(), most: time.Hour, set: flagA, despite: Own, letIn: true,
			want: flagA},
		{name: "free, context over", ctx: over, most: time.Hour, want: Full},
		{name: "full, no time", ctx: context.Background(), full: true, want: Full},
		{name: "full, less than no time", ctx: context.Background(), most: -1, full: true, want: Full},
		{name: "full, flag", ctx: context.Background(), most: time.Hour, set: flagA, full: true, want: flagA},
		{name: "full, context over", ctx: over, most: time.Hour, full: true, want: Full},
		{name: "flag, context over", ctx: over, most: time.Hour, set: flagA, want: flagA | Full},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newDoor(2)
				var held []*stripe.Stripe
				if tt.full {
					held = fill(b)
				}
				b.Set(tt.set)
				o := <-wait(tt.ctx, b, tt.most, tt.despite)
				require.Equal(t, tt.letIn, o.st != nil)
				require.Equal(t, tt.want, o.w&Own|o.w&tt.want&Full)
				require.Zero(t, o.took)
				if o.st != nil {
					held = append(held, o.st)
				}
				require.EqualValues(t, len(held), b.Admitted())
				for _, st := range held {
					b.Leave(st)
				}
				requireIdle(t, b, 2)
			})
		})
	}
}

// A deadline of the context that comes before the time is up ends the Wait to the nanosecond too.
func TestWaitUntilDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newDoor(1)
		held := fill(b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+7)
		defer cancel()
		o := <-wait(ctx, b, time.Minute, 0)
		require.Nil(t, o.st)
		require.Equal(t, Full, o.w&(Own|Full))
		require.Equal(t, time.Second+7, o.took)
		b.Leave(held[0])
		requireIdle(t, b, 1)
	})
}

// Flags that come and go, named or not by some, cost nobody his place; who gives up, or is turned away, holds nobody
// up.
func TestWaitersKeepTheirPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const waiters = 20
		b := newDoor(1)
		held := fill(b)[0]
		served := make(chan int, waiters)
		results := make([]<-chan outcome, waiters)
		cancels := make([]context.CancelFunc, waiters)
		for i := range waiters {
			var ctx context.Context
			ctx, cancels[i] = context.WithCancel(t.Context())
			defer cancels[i]()
			out := make(chan outcome, 1)
			results[i] = out
			most, despite := time.Hour, flagA|flagB
			switch i % 5 {
			case 1:
				most = time.Minute
			case 2:
				despite = flagA
			}
			go func() {
				st, w := b.Wait(ctx, most, despite)
				if st != nil {
					served <- i
					w = b.Leave(st)
				}
				out <- outcome{st: st, w: w}
			}()
			synctest.Wait()
			b.Mark(flagA, 0, uint32(i))
			b.Clear(flagA)
			synctest.Wait()
		}
		require.Equal(t, waiters, b.Waiting(), "a named flag turns nobody away")
		for i := 3; i < waiters; i += 5 {
			cancels[i]()
		}
		<-time.After(2 * time.Minute)
		b.Set(flagB)
		synctest.Wait()
		require.Equal(t, 2*waiters/5, b.Waiting())
		b.Leave(held)
		synctest.Wait()
		close(served)
		want := []int{0, 4, 5, 9, 10, 14, 15, 19}
		require.Equal(t, want, slices.Collect(chanValues(served)))
		for i, r := range results {
			o := <-r
			require.Equal(t, slices.Contains(want, i), o.st != nil, "%d", i)
			if i%5 == 2 {
				require.Equal(t, flagB, o.w&Own)
			}
		}
		b.Clear(Own)
		requireIdle(t, b, 1)
	})
}

func chanValues[T any](c <-chan T) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for v := range c {
			if !yield(v) {
				return
			}
		}
	}
}

// A flag that was set and cleared before anybody could look after the queue turns nobody away.
func TestTurnAwayLooksAtTheFlagsOfNow(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	held := fill(b)[0]
	x := b.enqueue(0)
	require.True(t, x.queued)
	b.turnAway()
	require.True(t, x.queued)
	b.Leave(held)
	b.Leave((<-x.got).st)
	requireIdle(t, b, 1)
}

// One who gives up in the moment in which a permit was handed to him has the permit.
func TestGiveUpWhenServed(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	held := fill(b)[0]
	x, y := b.enqueue(0), b.enqueue(0)
	b.Leave(held)
	require.Equal(t, 1, b.Waiting())
	a := b.giveUp(x)
	require.NotNil(t, a.st)
	none := b.giveUp(y)
	require.Nil(t, none.st)
	require.Equal(t, Full, none.w&(Own|Full))
	require.Zero(t, b.Load()&waited)
	b.Leave(a.st)
	requireIdle(t, b, 1)
}

// One whose context ends in the moment in which a permit was handed to him gives it to the next.
func TestContextEndsWhenServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newDoor(1)
		held := fill(b)[0]
		ctx, cancel := context.WithCancel(t.Context())
		first := wait(ctx, b, time.Minute, 0)
		second := wait(t.Context(), b, time.Minute, 0)
		b.mu.Lock() // until then he cannot leave the queue
		cancel()
		held.Leave()
		b.serve()
		b.mu.Unlock()
		o := <-first
		require.Nil(t, o.st)
		require.Equal(t, Full, o.w&(Own|Full))
		o = <-second
		require.NotNil(t, o.st)
		require.EqualValues(t, 2, b.Admitted(), "the one who gave it away does not count")
		b.Leave(o.st)
		requireIdle(t, b, 1)
	})
}

// A flag that comes up in the moment in which a permit was handed to one who waits: he sees it, and whoever drains
// hears of it from him. The next in the queue gets the permit.
func TestFlagWhenServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newDoor(1)
		held := fill(b)[0]
		first := wait(t.Context(), b, time.Minute, 0)
		second := wait(t.Context(), b, time.Minute, flagA)
		b.word.Or(uint64(flagA)) // as if he who set it had not come to the queue yet
		b.Leave(held)
		o := <-first
		require.Nil(t, o.st)
		require.Equal(t, flagA, o.w&Own)
		o = <-second
		require.NotNil(t, o.st)
		require.EqualValues(t, 2, b.Admitted())
		require.Equal(t, flagA, b.Leave(o.st)&Own)
		b.Clear(flagA)
		requireIdle(t, b, 1)
	})
}

// The queue is one list: whichever place is given up, the others keep theirs.
func TestQueueRemove(t *testing.T) {
	t.Parallel()
	for leaves := range 4 {
		var q queue
		xs := []*waiter{{}, {}, {}, {}}
		for _, x := range xs {
			q.add(x)
		}
		q.remove(xs[leaves])
		want := slices.Delete(slices.Clone(xs), leaves, leaves+1)
		var forth, back []*waiter
		for x := q.first; x != nil; x = x.next {
			forth = append(forth, x)
		}
		for x := q.last; x != nil; x = x.prev {
			back = append(back, x)
		}
		slices.Reverse(back)
		require.True(t, slices.Equal(want, forth), "%d", leaves)
		require.True(t, slices.Equal(want, back), "%d", leaves)
		require.Equal(t, 3, q.len)
		require.Equal(t, waiter{}, *xs[leaves], "nothing is kept alive by who has left")
		for _, x := range want {
			q.remove(x)
		}
		require.Zero(t, q)
	}
}

// A context whose Done panics costs nobody a permit.
func TestWaitWithPanickingContext(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	require.Panics(t, func() { b.Wait(panicking{}, time.Second, 0) })
	requireIdle(t, b, 1)
}

type panicking struct{ context.Context }

func (panicking) Done() <-chan struct{} { panic("done") }
func (panicking) Err() error            { panic("err") }

// A context whose Err panics: Wait does not ask it, as it has a permit in its hand then.
func TestWaitDoesNotAskErr(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	st, _ := b.Wait(quiet{panicking{}}, time.Second, 0)
	require.NotNil(t, st)
	b.Leave(st)
	requireIdle(t, b, 1)
}

type quiet struct{ panicking }

func (quiet) Done() <-chan struct{} { return nil }
