// SPDX-License-Identifier: Apache-2.0

package stripe

import (
	"fmt"
	"sync"
	"testing"
	"unsafe"

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

func takeAll(s *Set) []*Stripe {
	var out []*Stripe
	for st := s.Take(); st != nil; st = s.Take() {
		out = append(out, st)
	}
	return out
}

func TestCapsSumToLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		limit, want int
	}{
		{"unlimited", 0, MaxLimit},
		{"negative", -1, MaxLimit},
		{"one", 1, 1},
		{"fewer than stripes", 7, 7},
		{"one a stripe", 16, 16},
		{"uneven", 1003, 1003},
		{"largest", MaxLimit, MaxLimit},
		{"beyond", MaxLimit + 1, MaxLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sum, least, largest := 0, MaxLimit, 0
			for i := range New(tt.limit).stripes {
				most := int(New(tt.limit).stripes[i].most)
				sum, least, largest = sum+most, min(least, most), max(largest, most)
			}
			require.Equal(t, tt.want, sum)
			require.LessOrEqual(t, largest, inFlightMask)
			require.LessOrEqual(t, largest-least, 1, "permits are spread evenly")
		})
	}
}

func TestStripesAreAligned(t *testing.T) {
	t.Parallel()
	s := New(0)
	for i := range s.stripes {
		require.Zero(t, uintptr(unsafe.Pointer(&s.stripes[i]))%stripeBytes)
	}
}

func TestTakeUpToLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 3, 15, 16, 17, 64, 1000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			s := New(limit)
			held := takeAll(s)
			require.Len(t, held, limit)
			require.EqualValues(t, limit, s.InFlight())
			require.Nil(t, s.Try())
			for i, st := range held {
				st.Leave()
				again := s.Take()
				require.NotNil(t, again, "the permit that came back is the only one, wherever it lies")
				require.Nil(t, s.Take())
				held[i] = again
			}
			for _, st := range held {
				st.Leave()
			}
			require.Zero(t, s.InFlight())
			require.EqualValues(t, 2*limit, s.Admitted())
		})
	}
}

// A call that came and went is seen, although as many are in flight as before.
func TestStillSeesWhatCameAndWent(t *testing.T) {
	t.Parallel()
	s := New(40)
	held := takeAll(s)
	var words [stripeCount]uint64
	for i := range s.stripes {
		words[i] = s.stripes[i].word.Load()
	}
	require.True(t, s.still(&words))
	held[7].Leave()
	require.False(t, s.still(&words))
	require.Same(t, held[7], s.Take())
	require.False(t, s.still(&words))
}

func TestEmbeddedByValue(t *testing.T) {
	t.Parallel()
	var owner struct {
		name  string
		calls Set
	}
	owner.calls.Init(1)
	st := owner.calls.Take()
	require.NotNil(t, st)
	require.Nil(t, owner.calls.Take())
	st.Leave()
	require.NotNil(t, owner.calls.Take())
}

// A stripe whose low bits are used up must not carry into the admissions, and calls go on elsewhere.
func TestFullStripeDoesNotOverflow(t *testing.T) {
	t.Parallel()
	s := New(0)
	for i := range s.stripes {
		s.stripes[i].word.Store(inFlightMask)
	}
	s.stripes[5].word.Store(inFlightMask - 2)
	first, second := s.Take(), s.Take()
	require.Same(t, &s.stripes[5], first)
	require.Same(t, &s.stripes[5], second)
	require.Nil(t, s.Take(), "%d calls are in flight", MaxLimit)
	require.EqualValues(t, MaxLimit, s.InFlight())
	require.EqualValues(t, 2, s.Admitted())
	first.Leave()
	require.NotNil(t, s.Take())
	require.EqualValues(t, 3, s.Admitted())
}

func TestAdmissionsWrapAlone(t *testing.T) {
	t.Parallel()
	s := New(0)
	for i := range s.stripes {
		s.stripes[i].word.Store(^uint64(inFlightMask) | 7)
	}
	s.Take()
	require.EqualValues(t, stripeCount*7+1, s.InFlight(), "the top bits fall off, the low ones keep counting")
}

func TestTakeDoesNotAllocate(t *testing.T) { // not parallel: it counts the allocations of the whole process
	for _, limit := range []int{0, 1, 64} {
		s := New(limit)
		require.Zero(t, testing.AllocsPerRun(100, func() { s.Take().Leave() }))
	}
	full := New(1)
	full.Take()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if full.Take() != nil {
			panic("admitted beyond the limit")
		}
	}))
}

func TestGoroutinesSpread(t *testing.T) {
	t.Parallel()
	const goroutines = 64
	s := New(0)
	var ready, wg sync.WaitGroup
	ready.Add(goroutines)
	for range goroutines {
		wg.Go(func() {
			st := s.Take()
			ready.Done()
			ready.Wait() // all stacks live at once
			st.Leave()
		})
	}
	wg.Wait()
	used := 0
	for i := range s.stripes {
		if s.stripes[i].word.Load() != 0 {
			used++
		}
	}
	require.GreaterOrEqual(t, used, stripeCount/4)
	require.EqualValues(t, goroutines, s.Admitted())
}

// FuzzSequence compares with a plain counter: an even byte takes, an odd one leaves the call that it selects.
func FuzzSequence(f *testing.F) {
	f.Add(0, []byte{0, 0, 1})
	f.Add(1, []byte{0, 0, 1, 1, 0})
	f.Add(17, []byte("a fuzzer will do better than this, but it has 17 permits to begin with"))
	f.Fuzz(func(t *testing.T, limit int, ops []byte) {
		s := New(limit)
		if limit <= 0 || limit > MaxLimit {
			limit = MaxLimit
		}
		var held []*Stripe
		admitted := uint64(0)
		for _, op := range ops {
			switch {
			case op%2 == 0:
				st := s.Take()
				if (st != nil) != (len(held) < limit) {
					require.FailNow(t, "wrong answer", "stripe %v while %d of %d permits are out", st, len(held), limit)
				}
				if st != nil {
					held = append(held, st)
					admitted++
				}
			case len(held) > 0:
				i := int(op/2) % len(held)
				held[i].Leave()
				held[i] = held[len(held)-1]
				held = held[:len(held)-1]
			}
			if s.InFlight() != int64(len(held)) || s.Admitted() != admitted {
				require.FailNow(t, "counts differ", "in flight %d, want %d; admitted %d, want %d",
					s.InFlight(), len(held), s.Admitted(), admitted)
			}
		}
	})
}
