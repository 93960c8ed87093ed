// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rated judges by rates only.
func rated() *host {
	c := usual()
	c.Failures, c.Panics, c.Openings = 0, 0, 0
	return newHost(c)
}

func failureAt(calls uint64) Settlement {
	return Settlement{Kind: Failure, Attempt: true, Calls: calls}
}

func TestRateLimitsAreExclusive(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		n, attempts uint64
		rate        float64
		least       int
		want        bool
	}{
		{"more than both", 11, 21, 0.5, 20, true},
		{"not more calls", 20, 20, 0.5, 20, false},
		{"not a higher rate", 11, 22, 0.5, 20, false},
		{"equal, as written in decimals", 3, 30, 0.1, 20, false},
		{"equal, as written in decimals, again", 21, 30, 0.7, 20, false},
		{"equal, though a product is less", 29, 100, 0.29, 20, false},
		{"all are not more than all", 30, 30, 1, 20, false},
		{"off", 30, 30, 0, 20, false},
		{"negative", 30, 30, -1, 20, false},
		{"no number", 30, 30, math.NaN(), 20, false},
		{"estimate below what is known", 25, 3, 0.5, 20, true},
		{"no least", 1, 1, 0.5, 0, true},
		{"negative least", 1, 1, 0.5, -1, true},
		{"nothing", 0, 0, 0.5, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, exceeds(tt.n, tt.attempts, tt.rate, tt.least))
		})
	}
}

func TestRateCountsAttemptsOfTheWindow(t *testing.T) {
	t.Parallel()
	r := newRates(10 * time.Second)
	at := func(s float64, calls uint64) sums {
		d := time.Duration(s * float64(time.Second))
		r.add(d, failureAt(calls))
		return r.window(d)
	}
	require.Equal(t, sums{attempts: 1, failed: 1}, at(0.5, 8), "none before it is known")
	require.Equal(t, sums{attempts: 11, failed: 2}, at(9.9, 18))
	// The window is [1 s, 10.5 s]. A snapshot of 8 at 0.5 s and one of 18 at 9.9 s: 8 + 10·0.5/9.4 by its start.
	require.Equal(t, sums{attempts: 20, failed: 2}, at(10.5, 28))
	// [10 s, 19.2 s], with 18 at 9.9 s and 28 at 10.5 s: 18 + 10·0.1/0.6.
	require.Equal(t, sums{attempts: 29, failed: 2}, at(19.2, 48))
	// [11 s, 20 s], with 28 at 10.5 s and 48 at 19.2 s: 28 + 20·0.5/8.7.
	require.Equal(t, sums{attempts: 29, failed: 2}, at(20, 58))
	// Nothing else in [91 s, 100 s], and 58 at 20 s: 58 + 800·71/80.
	require.Equal(t, sums{attempts: 90, failed: 1}, at(100, 858))
}

func TestRateOfSlowOnes(t *testing.T) {
	t.Parallel()
	r := newRates(time.Second)
	r.add(0, Settlement{Slow: true})
	r.add(1, Settlement{Slow: true, Kind: Panic, Calls: 3})
	r.add(2, Settlement{Kind: Neutral, Calls: 5})
	require.Equal(t, sums{attempts: 5, failed: 1, slow: 2}, r.window(2))
}

func TestRateOff(t *testing.T) {
	t.Parallel()
	r := newRates(0)
	r.add(5, failureAt(7))
	require.Zero(t, r.window(5))
	require.Zero(t, r)
}

// A plugin that served a million calls without failure is not judged from the next failure on.
func TestRateOfALongServingPlugin(t *testing.T) {
	t.Parallel()
	h := rated()
	h.call(Failure)
	for range 1000 { // 100 calls a second for 1,000 s
		h.wait(time.Second)
		h.repeat(100, Success)
	}
	h.repeat(900, Failure)
	require.Equal(t, Closed, h.m.State(), "900 successes within the last 9 s")
	h.call(Failure)
	require.Equal(t, "error rate 0.5003 of 1801 calls within 10s, more than 0.5", h.m.Reason())
}

func TestRateOfAPluginThatNeverFailed(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		h := rated()
		if told {
			h.m.Settle(h.now, Settlement{Kind: Neutral, Attempt: true})
		}
		for range 1000 {
			h.wait(time.Second)
			h.repeat(100, Success)
		}
		h.repeat(30, Failure)
		require.Equal(t, told, h.m.State() == Closed, "30 of 930, once the owner has told where it began")
	}
}

func TestRateAfterAClose(t *testing.T) {
	t.Parallel()
	for _, attempt := range []bool{false, true} {
		h := rated()
		h.repeat(21, Failure)
		require.Equal(t, Open, h.m.State())
		h.wait(10 * time.Second)
		a := h.mustAdmit(t)
		h.tell(Settlement{Gen: a.gen, Lease: a.lease, Attempt: attempt, Call: true})
		require.Equal(t, Closed, h.m.State())
		h.repeat(20, Success)
		for range 19 {
			h.call(Failure)
			require.Equal(t, Closed, h.m.State())
		}
		h.wait(time.Second)
		h.call(Failure)
		require.Equal(t, Closed, h.m.State(), "20 of 40; of 20, where the probe was no attempt")
		h.call(Failure)
		require.Equal(t, Open, h.m.State())
		want := "error rate 1 of 21 calls within 10s, more than 0.5"
		if attempt {
			want = "error rate 0.51 of 41 calls within 10s, more than 0.5"
		}
		require.Equal(t, want, h.m.Reason())
	}
}

func TestRateBaseAtTheSnapshot(t *testing.T) {
	t.Parallel()
	r := rates{known: true, before: snapshot{at: 100, calls: 1000}}
	after := snapshot{at: 110, calls: 1020}
	for begin, want := range map[time.Duration]uint64{-5: 1000, 99: 1000, 100: 1000, 101: 1002, 109: 1018, 110: 1020} {
		require.Equal(t, want, r.base(begin, after))
	}
}

// Both rates are judged on either occasion.
func TestRatesAreJudgedTogether(t *testing.T) {
	t.Parallel()
	for _, last := range []Settlement{{Kind: Failure, Attempt: true}, {Slow: true, Attempt: true}} {
		c := usual()
		c.Failures, c.SlowRate, c.ErrorRate = 0, 0.9, 0.9
		first := Settlement{Slow: !last.Slow, Attempt: true}
		if last.Slow {
			first.Kind = Failure
		}
		h := newHost(c)
		for range 20 {
			h.calls++
			h.tell(first)
		}
		h.calls++
		h.tell(Settlement{Kind: Neutral, Attempt: true})
		require.Equal(t, Closed, h.m.State(), "no occasion")
		h.calls++
		h.tell(last)
		require.Contains(t, h.m.Reason(), " rate 0.91 of 22 calls within 10s, more than 0.9")
	}
}

// Snapshots stay in order and attempts never fewer than failures, though Calls falls back.
func TestRateWithLaggingCalls(t *testing.T) {
	t.Parallel()
	r := newRates(10 * time.Second)
	r.add(0, failureAt(100))
	r.add(2*time.Second, failureAt(90))
	require.Equal(t, sums{attempts: 1, failed: 2}, r.window(2*time.Second))
	r.add(11*time.Second, failureAt(99))
	require.Equal(t, sums{attempts: 0, failed: 2}, r.window(11*time.Second))
	r.add(12*time.Second, failureAt(105))
	require.Equal(t, sums{attempts: 5, failed: 2}, r.window(12*time.Second))
}

func TestRateExtremes(t *testing.T) {
	t.Parallel()
	for _, window := range []time.Duration{1, 9, 10, 11, time.Hour, math.MaxInt64} {
		r := newRates(window)
		for _, now := range []time.Duration{0, 1, 30, time.Hour, math.MaxInt64 - 1, math.MaxInt64} {
			for _, calls := range []uint64{0, 1, math.MaxUint64 - 1, math.MaxUint64} {
				r.add(now, failureAt(calls))
				sum := r.window(now)
				require.Positive(t, sum.failed)
			}
		}
	}
}

// The formula's promise: off by no more than what was admitted between the snapshots around the window's start, and by
// less than two (the rounding and the settling of a call a little after its admission) while they came at an even pace.
func TestRateErrorBound(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	const window = 10 * time.Second
	for _, even := range []bool{false, true} {
		checked := 0
		for range 60 {
			var admitted []time.Duration
			var now, gap time.Duration
			r := newRates(window)
			gap = time.Duration(1 + rng.Int64N(int64(window/20)))
			for range 2000 {
				if !even && rng.IntN(100) == 0 {
					gap = time.Duration(1 + rng.Int64N(int64(window)/(1+rng.Int64N(1000))))
				}
				now += gap
				admitted = append(admitted, now)
				if rng.IntN(20) > 0 {
					continue
				}
				r.add(now, failureAt(uint64(len(admitted))))
				begin := (time.Duration(r.slot(now)) - slots) * r.width
				sum := r.window(now)
				after := sinceSnapshot(&r, begin)
				if !r.known {
					continue
				}
				truth := 0
				for i := len(admitted) - 1; i >= 0 && admitted[i] >= begin; i-- {
					truth++
				}
				bound := float64(after.calls - r.before.calls)
				if even {
					bound = 2
				}
				length := now - begin
				if math.Abs(float64(truth)-float64(sum.attempts)) > bound || length >= window || length < window*9/10 {
					require.InDelta(t, truth, sum.attempts, bound)
					require.Fail(t, "a window of the wrong length", length)
				}
				checked++
			}
		}
		require.Greater(t, checked, 3000)
	}
}

// sinceSnapshot returns the first snapshot at or after begin.
func sinceSnapshot(r *rates, begin time.Duration) snapshot {
	first := snapshot{at: math.MaxInt64}
	for _, b := range r.ring {
		if b.slot > 0 && b.first.at >= begin && b.first.at < first.at {
			first = b.first
		}
	}
	return first
}
