// SPDX-License-Identifier: Apache-2.0

package bulkhead

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/stripe"
)

const (
	flagA Word = 1 << iota
	flagB
	flagC
)

func newDoor(limit int) *Bulkhead {
	b := new(Bulkhead)
	b.Init(limit)
	return b
}

// fill takes every permit.
func fill(b *Bulkhead) []*stripe.Stripe {
	var out []*stripe.Stripe
	for st, _ := b.Take(Own); st != nil; st, _ = b.Take(Own) {
		out = append(out, st)
	}
	return out
}

// each runs f on so many goroutines at once, with their numbers, and waits for them.
func each(workers int, f func(worker int)) {
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

// requireIdle says that nothing is left of what happened at b: no call, nobody who waits, no note, and all permits are
// there.
func requireIdle(t *testing.T, b *Bulkhead, limit int) {
	t.Helper()
	require.Zero(t, b.InFlight(), "in flight")
	require.Zero(t, b.Waiting(), "waiting")
	require.Zero(t, b.queue)
	require.Zero(t, b.Load()&^Own&^stampMask, "notes")
	held := fill(b)
	require.Len(t, held, limit, "permits")
	for _, st := range held {
		b.Leave(st)
	}
	require.Zero(t, b.InFlight())
}

// Every call loads the word: whatever its address is modulo 64, the line that it is on holds nothing of a neighbour,
// and of the door itself nothing that is written while nobody waits and no flag turns anybody away.
func TestWordHasItsCacheLine(t *testing.T) {
	t.Parallel()
	const line = 64
	var b Bulkhead
	at := unsafe.Offsetof(b.word)
	require.GreaterOrEqual(t, at, uintptr(line-8))
	require.GreaterOrEqual(t, unsafe.Sizeof(b)-at, uintptr(line))
	require.Equal(t, at+8, unsafe.Offsetof(b.calls), "what every call loads lies together")
	require.Less(t, unsafe.Offsetof(b.calls)-at, unsafe.Offsetof(b.mu)-at)
}

func TestTakeUpToLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 15, 16, 17, 64} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			b := newDoor(limit)
			held := fill(b)
			require.Len(t, held, limit)
			require.EqualValues(t, limit, b.InFlight())
			for i, st := range held {
				st2, w := b.Take(0)
				require.Nil(t, st2)
				require.Equal(t, Full, w)
				require.Equal(t, Full, b.Load(), "noted")
				require.Zero(t, b.Leave(st), "the note went with the permit")
				held[i], w = b.Take(0)
				require.NotNil(t, held[i], "the permit that came back")
				require.Zero(t, w)
			}
			for _, st := range held {
				require.Zero(t, b.Leave(st)&Own)
			}
			require.EqualValues(t, 2*limit, b.Admitted())
			requireIdle(t, b, limit)
		})
	}
}

func TestTakeWithoutLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, -1, math.MinInt} {
		b := newDoor(limit)
		var held []*stripe.Stripe
		for range 1000 {
			st, w := b.Take(0)
			require.NotNil(t, st)
			require.Zero(t, w)
			held = append(held, st)
		}
		for _, st := range held {
			b.Leave(st)
		}
		require.Zero(t, b.InFlight())
		require.EqualValues(t, 1000, b.Admitted())
	}
}

func TestTakeAndFlags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		set, despite Word
		full         bool
		letIn        bool
		want         Word
	}{
		{name: "none", letIn: true},
		{name: "one", set: flagA, want: flagA},
		{name: "one of two named", set: flagA | flagB, despite: flagA, want: flagA | flagB},
		{name: "named", set: flagA, despite: flagA, letIn: true, want: flagA},
		{name: "all named", set: Own, despite: Own, letIn: true, want: Own},
		{name: "named but not set", despite: flagC, letIn: true},
		{name: "the last flag", set: 1 << 11, want: 1 << 11},
		{name: "full", full: true, want: Full},
		{name: "full cannot be named", full: true, despite: math.MaxUint64, want: Full},
		{name: "full and flag", full: true, set: flagB, want: Full | flagB},
		{name: "full and flag named", full: true, set: flagB, despite: flagB, want: Full | flagB},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newDoor(1)
			if tt.full {
				fill(b)
			}
			b.Mark(tt.set, 0, 77)
			st, w := b.Take(tt.despite)
			require.Equal(t, tt.letIn, st != nil)
			require.Equal(t, tt.want, w&(Own|Full))
			require.EqualValues(t, 77, w.Stamp())
			if st != nil {
				require.Equal(t, tt.want, b.Leave(st)&(Own|Full), "whoever leaves sees the flags")
			}
		})
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		have       Word
		set, clear Word
		stamp      uint32
		want       Word
	}{
		{name: "set", set: flagA, want: flagA},
		{name: "clear", have: flagA | flagB, clear: flagA, want: flagB},
		{name: "both", have: flagA, set: flagB, clear: flagA, want: flagB},
		{name: "set wins", set: flagA, clear: flagA, want: flagA},
		{name: "stamp alone", have: flagC, stamp: 1, want: flagC},
		{name: "largest stamp", have: flagC, stamp: math.MaxUint32, want: flagC},
		{name: "not the door's bits", set: math.MaxUint64, want: Own},
		{name: "not the door's bits either", have: Own, clear: math.MaxUint64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newDoor(1)
			b.Mark(tt.have, 0, 0xABCDEF01)
			st, _ := b.Take(Own)
			b.Take(Own)
			before := b.Load()
			require.Equal(t, tt.have|Full, before&^stampMask)
			require.Equal(t, uint32(0xABCDEF01), before.Stamp())
			require.Equal(t, before, b.Mark(tt.set, tt.clear, tt.stamp))
			require.Equal(t, tt.want|Full, b.Load()&^stampMask, "Full is not the owner's")
			require.Equal(t, tt.stamp, b.Load().Stamp())
			require.Equal(t, tt.want, b.Leave(st)&^stampMask)
			require.Equal(t, tt.stamp, b.Load().Stamp())
		})
	}
}

func TestSetAndClear(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	b.Mark(0, 0, 5)
	stamp := b.Load()
	require.Equal(t, stamp, b.Set(flagA|flagB))
	require.Equal(t, stamp|flagA|flagB, b.Set(flagB|flagC))
	require.Equal(t, stamp|flagA|flagB|flagC, b.Clear(flagA))
	require.Equal(t, stamp|flagB|flagC, b.Load())
	require.Equal(t, stamp|flagB|flagC, b.Set(math.MaxUint64))
	require.Equal(t, stamp|Own, b.Clear(math.MaxUint64))
	require.Equal(t, stamp, b.Load())
}

func TestWithdrawIsNotCounted(t *testing.T) {
	t.Parallel()
	b := newDoor(3)
	held := fill(b)
	b.Take(0)
	require.Equal(t, Full, b.Load())
	require.Zero(t, b.Withdraw(held[0]), "the note went with the permit")
	require.EqualValues(t, 2, b.InFlight())
	require.EqualValues(t, 2, b.Admitted())
	b.Set(flagA)
	require.Equal(t, flagA, b.Withdraw(held[1]))
	require.Equal(t, flagA, b.Leave(held[2]))
	require.EqualValues(t, 1, b.Admitted())
	require.EqualValues(t, 3, b.calls.Admitted(), "a Take that looks twice can see that a permit was free in between")
	require.Zero(t, b.InFlight())
	requireIdle(t, b, 3)
}

// A flag that came up between the first look and the permit turns the call away, and it does not count. The word says
// so although the flag is down again by the time the permit is back.
func TestSendBack(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	st, _ := b.Take(0)
	b.Mark(flagB, 0, 9)
	w := b.sendBack(st, flagA)
	require.Equal(t, flagA|flagB, w&Own)
	require.EqualValues(t, 9, w.Stamp(), "the word is that of the moment after the permit went back")
	require.Zero(t, b.Admitted())
	requireIdle(t, b, 1)
}

// One who has just come to wait has said so, but has not looked for a permit yet: others need not wait for that, where
// there are permits for all.
func TestTakeServesThoseWhoWaitFirst(t *testing.T) {
	t.Parallel()
	b := newDoor(2)
	x := &waiter{got: make(chan answer, 1)}
	b.queue.add(x)
	b.word.Or(uint64(waited))

	mine, w := b.Take(0)
	require.NotNil(t, mine, "a permit that nobody waits for")
	require.Zero(t, w)
	his := <-x.got
	require.NotNil(t, his.st)
	require.Zero(t, b.Waiting())

	y := &waiter{got: make(chan answer, 1)}
	b.queue.add(y)
	b.word.Or(uint64(waited))
	st, w := b.Take(0)
	require.Nil(t, st)
	require.Equal(t, Full, w&(Own|Full))
	mine.Leave() // but the one who leaves has not come to the queue yet
	b.word.And(^uint64(Full))
	st, w = b.Take(0)
	require.Nil(t, st, "the permit belongs to the one who waits")
	require.Equal(t, Full, w&(Own|Full))
	mine = (<-y.got).st
	require.NotNil(t, mine)

	b.Leave(mine)
	b.Leave(his.st)
	requireIdle(t, b, 2)
}

// While one is about to note Full, another who is refused leaves it to him, and a permit that comes back stops him.
func TestOneNotesAtATime(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	held := fill(b)
	b.word.And(^uint64(Full))
	b.word.Or(uint64(noting | watched))
	st, w := b.Take(0)
	require.Nil(t, st)
	require.Equal(t, Full, w&(Own|Full))
	require.Equal(t, noting|watched, b.Load(), "not touched")
	b.Leave(held[0])
	require.Equal(t, noting, b.Load())
	require.Zero(t, b.note(Full), "not any more")
	requireIdle(t, b, 1)
}

// The look after the announcement may find a permit that has come back.
func TestFullFindsPermit(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	st, _ := b.full()
	require.NotNil(t, st)
	require.Zero(t, b.Load(), "nothing noted")
	b.Leave(st)
	requireIdle(t, b, 1)
}

func TestFullIsNotedOnce(t *testing.T) {
	t.Parallel()
	b := newDoor(1)
	fill(b)
	w := b.Load()
	require.Equal(t, Full, w)
	st, again := b.full()
	require.Nil(t, st)
	require.Equal(t, w, again)
	require.Equal(t, w, b.Load())
}

func TestTakeAllocatesNothing(t *testing.T) {
	b := newDoor(1)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		st, _ := b.Take(0)
		b.Take(0)
		b.Take(0)
		b.Leave(st)
	}))
	b.Set(flagA)
	require.Zero(t, testing.AllocsPerRun(100, func() { b.Take(0) }))
}
