// SPDX-License-Identifier: Apache-2.0

// Package stripe counts calls without a word that all cores fight over. A [Set] is a lease count, an exact bulkhead and an
// admission counter in one: sixteen words on cache lines of their own, of which a goroutine uses the one that the address of
// its stack selects.
//
// The invariant: a stripe's word holds the calls in flight in its low 20 bits and the calls ever admitted in its high 44.
// Each change is one atomic step: an admission raises both by one and never lifts the calls in flight above the stripe's
// cap, and a leave lowers the calls in flight by one. The caps sum to the limit, so the limit holds at every instant. And a
// full word that two loads found equal stayed full between them: to be full again after a leave takes an admission, which is
// counted for ever.
package stripe

import (
	"sync/atomic"
	"unsafe"
)

const (
	homeBits    = 4
	stripeCount = 1 << homeBits
	stripeBytes = 128 // two cache lines, because processors fetch them in pairs

	inFlightBits = 20
	inFlightMask = 1<<inFlightBits - 1
	admission    = 1<<inFlightBits | 1 // one more admitted, one more in flight
)

// MaxLimit is the largest number of calls that a [Set] admits at a time, even one without a limit.
const MaxLimit = stripeCount * inFlightMask

// Stripe is one word of a [Set], and the receipt for a call that was admitted there. It is safe for concurrent use.
type Stripe struct {
	word atomic.Uint64
	most uint64 // the cap: calls in flight at most; constant once Init has returned
	_    [stripeBytes - 16]byte
}

// Stripes of another size, or with the word elsewhere, would share cache lines.
var (
	_ [stripeBytes]byte = [unsafe.Sizeof(Stripe{})]byte{}
	_ [0]byte           = [unsafe.Offsetof(Stripe{}.word)]byte{}
)

// Leave ends the call that was admitted and gives its permit back. Call it once for each admission, from any goroutine;
// a second time would take a permit from another call.
func (st *Stripe) Leave() { st.word.Add(^uint64(0)) }

// Set admits calls up to a limit and counts them. Make one with [New], or embed one by value and call Init first. It must
// not be copied once calls are in flight. It is safe for concurrent use.
type Set struct {
	stripes *[stripeCount]Stripe // an allocation of their own, so that what lies beside the Set shares no line with them
}

// New returns a [Set] that admits at most limit calls at a time; zero and less mean no limit but [MaxLimit], and so does
// everything above it.
func New(limit int) *Set {
	s := new(Set)
	s.Init(limit)
	return s
}

// Init makes s an empty [Set] with a limit as in [New]. It is not safe for concurrent use: call it before s is shared.
func (s *Set) Init(limit int) {
	if limit <= 0 || limit > MaxLimit {
		limit = MaxLimit
	}
	s.stripes = new([stripeCount]Stripe)
	for i := range s.stripes {
		// What is left over by the division is spread out, so that a stripe without permits lies near one with some.
		s.stripes[i].most = uint64(limit/stripeCount + spread(i+1, limit) - spread(i, limit))
	}
}

// spread is how many of the permits that do not divide evenly go to the first n stripes.
func spread(n, limit int) int { return n * (limit % stripeCount) / stripeCount }

// Try is the part of [Set.Take] that the compiler can inline. Its nil means nothing but: ask Take.
func (s *Set) Try() *Stripe {
	st := &s.stripes[home()]
	// One form for both, limited and not: an Add would save a load where there is no limit, but it could overflow the low
	// bits before it could be undone, and others would act on what they saw meanwhile.
	if w := st.word.Load(); w&inFlightMask < st.most && st.word.CompareAndSwap(w, w+admission) {
		return st
	}
	return nil
}

// Take admits a call; the caller leaves the [Stripe] when the call has ended. It returns nil where every permit is out, and
// then there was an instant during Take at which that was so. It never blocks and allocates nothing.
func (s *Set) Take() *Stripe {
	if st := s.Try(); st != nil {
		return st
	}
	return s.takeAny(home())
}

// takeAny asks all stripes, the home last. It refuses only where a second look at all of them found the full words of the
// first: then there was an instant between the two at which every stripe was full.
func (s *Set) takeAny(home uint) *Stripe {
	for {
		var seen [stripeCount]uint64
		for i := range uint(stripeCount) {
			i = (home + 1 + i) % stripeCount
			w, ok := s.stripes[i].admit()
			if ok {
				return &s.stripes[i]
			}
			seen[i] = w
		}
		if s.still(&seen) {
			return nil
		}
	}
}

func (s *Set) still(words *[stripeCount]uint64) bool {
	for i := range s.stripes {
		if s.stripes[i].word.Load() != words[i] {
			return false
		}
	}
	return true
}

// admit takes a permit if the stripe has one, else it returns the full word.
func (st *Stripe) admit() (full uint64, ok bool) {
	for {
		w := st.word.Load()
		if w&inFlightMask >= st.most {
			return w, false
		}
		if st.word.CompareAndSwap(w, w+admission) {
			return 0, true
		}
	}
}

// InFlight is the number of calls that were admitted and have not left: at most the limit. Stripes are read one after the
// other, so amid other calls it is an estimate; but a zero proves that every call admitted before InFlight has left.
func (s *Set) InFlight() int64 {
	var n int64
	for i := range s.stripes {
		n += int64(s.stripes[i].word.Load() & inFlightMask)
	}
	return n
}

// Admitted is the number of calls ever admitted. It never falls, until a stripe has admitted 1<<44 calls and starts again
// at zero. Stripes are read one after the other: a call admitted meanwhile may be missing.
func (s *Set) Admitted() uint64 {
	var n uint64
	for i := range s.stripes {
		n += s.stripes[i].word.Load() >> inFlightBits
	}
	return n
}

// home selects the calling goroutine's stripe. A stack stays where it is while a goroutine runs, short of growth, and no two
// goroutines share one: its address serves as the goroutine's number, in blocks of the smallest stack's size. It is only
// looked at as a number. The factor (2 to the 64th over the golden ratio) sends neighbouring blocks to distant stripes.
func home() uint {
	var here byte
	block := uint64(uintptr(unsafe.Pointer(&here))) >> 11
	return uint(block * 0x9E3779B97F4A7C15 >> (64 - homeBits))
}
