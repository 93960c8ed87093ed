// SPDX-License-Identifier: Apache-2.0

// Package retry says when a call is tried again: how long to wait before it, and whether there may be a retry at all.
//
// The invariant: over any interval there are at most as many retries as the share of the calls admitted in it, and
// besides those the reserve for one period and for each period that the interval lasts. A delay is never negative and
// never longer than its maximum, whatever is asked. Nothing here reads a clock, draws a random number, or takes a lock:
// whoever asks brings the time and the number, and sees to it that a [Budget] is used by one goroutine at a time.
package retry

import (
	"math"
	"time"
)

// Backoff says how long to wait before a retry: a ceiling that grows exponentially, of which a share is left to chance.
//
//	ceiling = min(Max, Base × Multiplier^(retry−1))
//	delay   = ceiling × (1 − Jitter × (1 − random))
//
// With a Jitter of 1 this is what M. Brooker calls full jitter (AWS Architecture Blog, Exponential Backoff And Jitter,
// 2015): the delay is uniform between zero and the ceiling. The zero value never waits. A Backoff is safe for
// concurrent use.
type Backoff struct {
	Base       time.Duration // the ceiling of the first retry; zero or less: no delay at all
	Multiplier float64       // how the ceiling grows from one retry to the next; less than 1, or no number: it does not
	Jitter     float64       // the share of the delay that is random: 0 to 1, else the nearer end; NaN: 0
	Max        time.Duration // no delay is longer; zero or less: no delay at all
}

// Delay is the time to wait before a retry; the first is 1, and less counts as 1. The random number lies in [0, 1), and
// what lies outside counts as the nearer end, NaN as 0. Up to the precision of a float64, the mean over all random
// numbers never falls from one retry to the next.
func (b Backoff) Delay(retry int, random float64) time.Duration {
	ceiling := b.ceiling(retry)
	spared := unit(b.Jitter) * (1 - unit(random))
	delay := ceiling - time.Duration(float64(ceiling)*spared)
	return max(0, delay) // of more than 2^53 nanoseconds a float64 may be a little more than all
}

func (b Backoff) ceiling(retry int) time.Duration {
	if b.Base <= 0 || b.Max <= 0 {
		return 0
	}
	if retry <= 1 || !(b.Multiplier > 1) {
		return min(b.Base, b.Max)
	}
	ceiling := float64(b.Base) * math.Pow(b.Multiplier, float64(retry-1))
	if ceiling >= float64(b.Max) {
		return b.Max
	}
	return time.Duration(ceiling)
}

// unit is x or the nearer end of [0, 1].
func unit(x float64) float64 {
	if !(x > 0) {
		return 0
	}
	return min(x, 1)
}
