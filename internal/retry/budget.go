// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"math"
	"math/bits"
	"time"
)

// token is one retry. A billionth is the smallest part that is counted, so that shares which people write down, like
// 0.1, are exact.
const token = 1_000_000_000

// Budget limits retries to a share of the calls, so that retries cannot multiply an outage. It is a bucket of tokens,
// as is the RetryBudget of Twitter's Finagle, which gave the idea of earning by calls and by time; unlike there, what
// calls have earned does not lapse after a time but where the bucket is full:
//
//	tokens = min(size, tokens + share × new calls + reserve × time passed ÷ every)
//	size   = max(1, reserve)
//
// It begins with its reserve. As the size is the reserve, a long time without failures does not save up a storm: over
// any interval there are at most share × calls + size + reserve × interval ÷ every retries. A Budget is not safe for
// concurrent use.
type Budget struct {
	size    uint64 // in billionths of a token, as is all that follows
	call    uint64 // what a call earns
	reserve uint64 // what a period earns
	every   time.Duration

	tokens uint64
	rest   uint64 // what time has earned besides: the part of a billionth, times every
	last   time.Time
	calls  uint64
}

// NewBudget makes a budget of share retries for each call; more than 1 is possible, to the nearest billionth, and what
// is no positive number counts as 0. Besides, reserve retries in every such time are possible whatever the calls, so
// that a plugin with little traffic can retry at all; with zero or less there are none but those that calls have
// earned. Where every is not positive, the reserve is there once. Shares and reserves above a billion count as a
// billion.
func NewBudget(share float64, reserve int, every time.Duration) *Budget {
	b := &Budget{every: every}
	if share > 0 {
		b.call = uint64(math.Round(min(share, token) * token))
	}
	b.reserve = uint64(min(max(reserve, 0), token)) * token
	b.size = max(b.reserve, token)
	b.tokens = b.reserve
	return b
}

// Take takes one retry out of the budget if there is one left, and reports whether it did. The calls are those ever
// admitted. Time and calls that were counted once are not counted again: where now or calls go back, nothing is earned
// by them until they have passed the point where they were before.
func (b *Budget) Take(now time.Time, calls uint64) bool {
	b.earnCalls(calls)
	b.earnTime(now)
	if b.tokens < token {
		return false
	}
	b.tokens -= token
	return true
}

func (b *Budget) earnCalls(calls uint64) {
	if calls <= b.calls {
		return
	}
	most, earned := bits.Mul64(b.call, calls-b.calls)
	if most > 0 {
		earned = math.MaxUint64
	}
	b.calls = calls
	b.earn(earned)
}

// earnTime keeps the rest of its division, so that it does not matter how often somebody asks.
func (b *Budget) earnTime(now time.Time) {
	passed := now.Sub(b.last)
	if passed <= 0 {
		return
	}
	b.last = now
	if b.every <= 0 || b.reserve == 0 {
		return
	}
	if passed >= b.every {
		b.earn(b.reserve)
		return
	}
	high, low := bits.Mul64(b.reserve, uint64(passed))
	low, carry := bits.Add64(low, b.rest, 0)
	earned, rest := bits.Div64(high+carry, low, uint64(b.every))
	b.rest = rest
	b.earn(earned)
}

// earn adds to the tokens what there is room for.
func (b *Budget) earn(earned uint64) {
	if earned >= b.size-b.tokens {
		b.tokens, b.rest = b.size, 0
		return
	}
	b.tokens += earned
}
