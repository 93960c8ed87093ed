// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// taken takes until it is refused.
func taken(b *Budget, at time.Duration, calls uint64) int {
	n := 0
	for b.Take(epoch.Add(at), calls) {
		n++
	}
	return n
}

func TestBudget(t *testing.T) {
	t.Parallel()
	type ask struct {
		at    time.Duration
		calls uint64
		want  int
	}
	for _, tt := range []struct {
		name    string
		share   float64
		reserve int
		every   time.Duration
		asks    []ask
	}{
		{"nothing", 0, 0, time.Second, []ask{{0, 0, 0}, {time.Hour, 1000, 0}}},
		{"begins with the reserve", 0, 3, time.Second, []ask{{0, 0, 3}, {0, 9, 0}}},
		{"reserve comes back little by little", 0, 3, time.Second, []ask{
			{0, 0, 3}, {time.Second/3 - 1, 0, 0}, {time.Second/3 + 1, 0, 1}, {time.Second, 0, 2}, {10 * time.Second, 0, 3},
		}},
		{"however often one asks", 0, 1, time.Second, []ask{
			{0, 0, 1}, {333333333, 0, 0}, {666666667, 0, 0}, {999999999, 0, 0}, {time.Second, 0, 1},
		}},
		{"share of the calls", 0.2, 0, time.Second, []ask{
			{0, 4, 0}, {0, 5, 1}, {0, 9, 0}, {0, 10, 1}, {time.Hour, 10, 0}, {time.Hour, 15, 1},
		}},
		{"calls save up no more than the reserve", 0.2, 3, time.Second, []ask{{0, 1000, 3}, {0, 1005, 1}, {0, 9000, 3}}},
		{"without a reserve no more than one", 0.5, 0, time.Second, []ask{{0, 1000, 1}, {0, 1001, 0}, {0, 1002, 1}}},
		{"more than one a call", 2.5, 9, time.Hour, []ask{{0, 0, 9}, {0, 2, 5}, {0, 3, 2}, {0, 4, 3}}},
		{"decimal shares are exact", 0.7, 9, time.Hour, []ask{{0, 0, 9}, {0, 9, 6}, {0, 10, 1}, {0, 20, 7}}},
		{"reserve there once", 0.5, 2, 0, []ask{{0, 0, 2}, {time.Hour, 0, 0}, {time.Hour, 2, 1}}},
		{"negative time between", 0, 2, -time.Second, []ask{{0, 0, 2}, {time.Hour, 0, 0}}},
		{"negative reserve", 0.5, -2, time.Second, []ask{{0, 0, 0}, {time.Hour, 2, 1}}},
		{"negative share", -0.5, 1, time.Second, []ask{{0, 0, 1}, {0, 1000, 0}}},
		{"share is no number", math.NaN(), 1, time.Second, []ask{{0, 0, 1}, {0, 1000, 0}}},
		{"clock goes back", 0, 2, time.Second, []ask{
			{time.Minute, 0, 2}, {0, 0, 0}, {59 * time.Second, 0, 0}, {time.Minute, 0, 0}, {time.Minute + time.Second/2, 0, 1},
		}},
		{"clock goes back, calls go on", 0.5, 1, time.Second, []ask{{time.Minute, 0, 1}, {0, 2, 1}, {0, 3, 0}}},
		{"calls go back", 0.5, 1, time.Hour, []ask{{0, 100, 1}, {0, 50, 0}, {0, 100, 0}, {0, 102, 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := NewBudget(tt.share, tt.reserve, tt.every)
			for i, a := range tt.asks {
				require.Equal(t, a.want, taken(b, a.at, a.calls), "ask %d", i)
			}
		})
	}
}

func TestBudgetDoesNotOverflow(t *testing.T) {
	t.Parallel()
	b := NewBudget(math.Inf(1), math.MaxInt, longest)
	for range 10 {
		require.True(t, b.Take(epoch, math.MaxUint64))
	}
	require.Equal(t, uint64(token)*(token-10), b.tokens)
	require.True(t, b.Take(epoch.Add(longest-1), math.MaxUint64))
	require.Equal(t, uint64(token)*(token-1), b.tokens, "full again, and one taken")
	require.False(t, NewBudget(1, 0, time.Second).Take(epoch, 0))
}

// history is a naive account of what was asked and granted.
type history struct {
	share   float64
	reserve int
	every   time.Duration
	asks    []asked
}

type asked struct {
	at      time.Duration // never less than before
	calls   uint64        // likewise
	granted bool
}

// exact is the sum of the bound, in exact numbers: share × calls + reserve × interval ÷ every.
func (h *history) exact(from, to asked) *big.Rat {
	earned := new(big.Rat).SetFrac64(int64(math.Round(h.share*token)), token)
	earned.Mul(earned, new(big.Rat).SetUint64(to.calls-from.calls))
	byTime := big.NewRat(int64(to.at-from.at), int64(h.every))
	return earned.Add(earned, byTime.Mul(byTime, big.NewRat(int64(h.reserve), 1)))
}

// check holds every interval between two asks against the bound. It begins right after an ask, or with one.
func (h *history) check(t *testing.T) {
	t.Helper()
	size := big.NewRat(int64(max(1, h.reserve)), 1)
	for i, from := range h.asks {
		n := int64(0)
		for _, to := range h.asks[i:] {
			if to.granted {
				n++
			}
			bound := h.exact(from, to)
			if big.NewRat(n, 1).Cmp(bound.Add(bound, size)) > 0 {
				require.Failf(t, "too many retries", "%d from %v to %v, %+v", n, from, to, h)
			}
		}
	}
}

// bucket is the same budget in exact numbers, asked the same.
func (h *history) bucket(t *testing.T) {
	t.Helper()
	size, tokens := big.NewRat(int64(max(1, h.reserve)), 1), big.NewRat(int64(h.reserve), 1)
	one := big.NewRat(1, 1)
	var last asked
	for i, a := range h.asks {
		if i == 0 {
			last.at = a.at
		}
		tokens.Add(tokens, h.exact(last, a))
		if tokens.Cmp(size) > 0 {
			tokens.Set(size)
		}
		require.Equal(t, tokens.Cmp(one) >= 0, a.granted, "ask %d, %+v", i, h)
		if a.granted {
			tokens.Sub(tokens, one)
		}
		last = a
	}
}

func ask(h *history, r *rand.Rand) {
	b := NewBudget(h.share, h.reserve, h.every)
	var now time.Duration
	var calls uint64
	for range 60 {
		switch r.IntN(4) {
		case 0:
			now += time.Duration(r.Int64N(int64(h.every)/4 + 2))
		case 1:
			calls += r.Uint64N(12)
		case 2:
			now += time.Duration(r.Int64N(3))
			calls += r.Uint64N(2)
		}
		// What others saw earlier may arrive later.
		seenAt, seenCalls := now-time.Duration(r.Int64N(2)*r.Int64N(1000)), calls-min(calls, r.Uint64N(2)*r.Uint64N(3))
		if len(h.asks) == 0 {
			seenAt, seenCalls = now, calls
		}
		granted := b.Take(epoch.Add(seenAt), seenCalls)
		a := asked{seenAt, seenCalls, granted}
		if n := len(h.asks); n > 0 {
			a.at, a.calls = max(a.at, h.asks[n-1].at), max(a.calls, h.asks[n-1].calls)
		}
		h.asks = append(h.asks, a)
	}
}

func TestBudgetHoldsItsBound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 7))
		h := &history{
			share:   math.Round(r.Float64()*1000) / 1000,
			reserve: r.IntN(6),
			every:   time.Duration(1 + r.Int64N(int64(time.Second))),
		}
		ask(h, r)
		h.check(t)
		h.bucket(t)
	}
}

// However little traffic there is, the reserve is there in each period.
func TestReserveIsAlwaysPossible(t *testing.T) {
	t.Parallel()
	const reserve, every = 7, time.Second
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 8))
		b := NewBudget(0, reserve, every)
		taken(b, 0, 0)
		granted, now := 0, time.Duration(0)
		for now < 10*every {
			now += time.Duration(1 + r.Int64N(int64(every/reserve)))
			now = min(now, 10*every)
			granted += taken(b, now, 0)
		}
		require.Equal(t, 10*reserve, granted)
	}
}

func FuzzBudget(f *testing.F) {
	f.Add(uint64(1), 0.2, uint8(10), int64(time.Second))
	f.Add(uint64(2), 3.5, uint8(0), int64(1))
	f.Fuzz(func(t *testing.T, seed uint64, share float64, reserve uint8, every int64) {
		if !(share >= 0 && share <= 100) { // the exact account takes no such numbers
			share = 0.5
		}
		h := &history{share: share, reserve: int(reserve), every: 1 + time.Duration(uint64(every)%uint64(24*time.Hour))}
		ask(h, rand.New(rand.NewPCG(seed, 9)))
		h.check(t)
		h.bucket(t)
	})
}

func BenchmarkTake(b *testing.B) {
	b.ReportAllocs()
	budget, now, calls := NewBudget(0.2, 10, time.Second), epoch, uint64(0)
	for b.Loop() {
		now, calls = now.Add(time.Microsecond), calls+1
		budget.Take(now, calls)
	}
}
