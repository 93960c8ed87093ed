// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math/bits"
	"time"
)

// slots is the number of slots that a rate window is cut into, its last one running.
const slots = 10

// rates counts failed and slow attempts exactly, and estimates how many attempts they were among. Nothing tells it of a
// success: the only trace of those is Settlement.Calls, of which it keeps a snapshot (a time and the number of attempts
// admitted by then) from the first settlement in each slot.
//
// At time now the window is [S, now], where S is the start of the slot nine before that of now. With b the last
// snapshot before S, a the first one at or after S (there is one, that of now at the latest) and N the number of
// attempts admitted by now:
//
//	base     = b.calls + (a.calls - b.calls) · (S - b.at) / (a.at - b.at)     rounded down
//	attempts = max(N - base, failed)                                         likewise for slow ones
//
// A snapshot b taken when the window started anew, after S, is the base itself. Where there is no b, the attempts count
// from a on, its own included: base = a.calls - 1. An owner that wants those before the first failure to count as well
// settles a Neutral attempt at its start.
//
// Its error: Calls never falls, so that b.calls ≤ base ≤ a.calls as for the true value at S, and attempts is off by
// at most a.calls - b.calls, and by nothing (but rounding, less than one) while attempts came at an even pace between
// b and a. An uneven pace is forgotten when a leaves the window, one RateWindow later at most. Where there is no b,
// attempts lacks those between S and a. Attempts count when they are admitted, failures when they are settled: what was
// in flight at S may fail within the window without being one of its attempts, which is what max is for. A lag of Calls
// by n makes attempts off by n at most.
type rates struct {
	width  time.Duration // of a slot; zero: off
	ring   [slots]bucket
	before snapshot // the last one that left the ring, or the one that the window started anew with
	known  bool     // before is set
	calls  uint64   // the highest seen
}

// bucket holds what was settled in one slot.
type bucket struct {
	slot         uint64 // counts from 1; zero: never used
	first        snapshot
	failed, slow uint64
}

type snapshot struct {
	at    time.Duration
	calls uint64
}

// sums are the counts of one window. attempts is the estimate without max.
type sums struct{ attempts, failed, slow uint64 }

func newRates(window time.Duration) rates {
	if window <= 0 {
		return rates{}
	}
	return rates{width: max(window/slots, 1)}
}

// add notes the end of an attempt. t never goes back.
func (r *rates) add(t time.Duration, s Settlement) {
	if r.width == 0 {
		return
	}
	r.calls = max(r.calls, s.Calls)
	slot := r.slot(t)
	b := &r.ring[slot%slots]
	if b.slot != slot {
		r.expire(b)
		*b = bucket{slot: slot, first: snapshot{t, r.calls}}
	}
	if s.Kind.failed() {
		b.failed++
	}
	if s.Slow {
		b.slow++
	}
}

// window sums up the window that ends at t, the time of the last add.
func (r *rates) window(t time.Duration) sums {
	if r.width == 0 {
		return sums{}
	}
	var sum sums
	slot := r.slot(t)
	after := &r.ring[slot%slots]
	for i := range r.ring {
		b := &r.ring[i]
		switch {
		case b.slot == 0:
			continue
		case b.slot+slots <= slot:
			r.expire(b)
			continue
		case b.slot < after.slot:
			after = b
		}
		sum.failed += b.failed
		sum.slow += b.slow
	}
	begin := (time.Duration(slot) - slots) * r.width // negative in the first slots
	sum.attempts = r.calls - r.base(begin, after.first)
	return sum
}

// base is the number of attempts admitted by begin, the start of a window whose first snapshot is after.
func (r *rates) base(begin time.Duration, after snapshot) uint64 {
	b := r.before
	switch {
	case !r.known:
		return max(after.calls, 1) - 1
	case begin <= b.at:
		return b.calls
	}
	// begin ≤ after.at, so that the quotient is at most after.calls - b.calls and cannot overflow.
	hi, lo := bits.Mul64(after.calls-b.calls, uint64(begin-b.at))
	quotient, _ := bits.Div64(hi, lo, uint64(after.at-b.at))
	return b.calls + quotient
}

// expire remembers the snapshot of a bucket that the window has left behind. Doing so twice is harmless.
func (r *rates) expire(b *bucket) {
	if b.slot != 0 && (!r.known || b.first.at >= r.before.at) {
		r.before, r.known = b.first, true
	}
}

// restart forgets everything.
func (r *rates) restart() { *r = rates{width: r.width, calls: r.calls} }

// restartAt forgets everything but how many attempts there were when s, the end of an attempt, was settled.
func (r *rates) restartAt(t time.Duration, s Settlement) {
	calls := max(r.calls, s.Calls)
	*r = rates{width: r.width, calls: calls, before: snapshot{t, calls}, known: true}
}

func (r *rates) slot(t time.Duration) uint64 { return uint64(t/r.width) + 1 }

// exceeds reports whether n of attempts are more than rate, of more than least attempts. n wins over an estimate below
// it. Dividing is exact at the limit, where multiplying is not: 3 of 30 is not more than 0.1.
func exceeds(n, attempts uint64, rate float64, least int) bool {
	attempts = max(attempts, n)
	return rate > 0 && attempts > uint64(max(least, 0)) && float64(n)/float64(attempts) > rate
}
