// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	ms      = time.Millisecond
	longest = time.Duration(math.MaxInt64)
)

// almost is the largest number below 1.
var almost = math.Nextafter(1, 0)

func TestDelay(t *testing.T) {
	t.Parallel()
	usual := Backoff{Base: 200 * ms, Multiplier: 2, Jitter: 1, Max: 30 * time.Second}
	for _, tt := range []struct {
		name    string
		backoff Backoff
		retry   int
		random  float64
		want    time.Duration
	}{
		{"zero", Backoff{}, 1, 0.5, 0},
		{"full jitter, lowest", usual, 1, 0, 0},
		{"full jitter, middle", usual, 1, 0.5, 100 * ms},
		{"full jitter, highest", usual, 1, almost, 200 * ms},
		{"second retry", usual, 2, 0.5, 200 * ms},
		{"fourth retry", usual, 4, 0.25, 400 * ms},
		{"last below the maximum", usual, 8, 0.5, 12800 * ms},
		{"first at the maximum", usual, 9, 0.5, 15 * time.Second},
		{"more retries than can be counted", usual, math.MaxInt, 0.5, 15 * time.Second},
		{"retry 0 is the first", usual, 0, 0.5, 100 * ms},
		{"negative retry is the first", usual, math.MinInt, 0.5, 100 * ms},
		{"negative random number", usual, 1, -1, 0},
		{"random number above 1", usual, 1, 7, 200 * ms},
		{"random number is none", usual, 1, math.NaN(), 0},
		{"no jitter", Backoff{200 * ms, 3, 0, time.Minute}, 3, 0.1, 1800 * ms},
		{"negative jitter", Backoff{200 * ms, 3, -1, time.Minute}, 3, 0.1, 1800 * ms},
		{"jitter is no number", Backoff{200 * ms, 3, math.NaN(), time.Minute}, 3, 0.1, 1800 * ms},
		{"half jitter, lowest", Backoff{200 * ms, 2, 0.5, time.Minute}, 2, 0, 200 * ms},
		{"half jitter, middle", Backoff{200 * ms, 2, 0.5, time.Minute}, 2, 0.5, 300 * ms},
		{"jitter above 1", Backoff{200 * ms, 2, 2, time.Minute}, 2, 0.5, 200 * ms},
		{"multiplier 1", Backoff{200 * ms, 1, 0, time.Minute}, 1000, 0, 200 * ms},
		{"multiplier 0", Backoff{200 * ms, 0, 0, time.Minute}, 3, 0, 200 * ms},
		{"multiplier would shrink", Backoff{200 * ms, 0.5, 0, time.Minute}, 3, 0, 200 * ms},
		{"multiplier is no number", Backoff{200 * ms, math.NaN(), 0, time.Minute}, 3, 0, 200 * ms},
		{"multiplier is infinite", Backoff{200 * ms, math.Inf(1), 0, time.Minute}, 2, 0, time.Minute},
		{"base above the maximum", Backoff{time.Hour, 2, 0, time.Minute}, 1, 0, time.Minute},
		{"negative base", Backoff{-time.Hour, 2, 0, time.Minute}, 5, 0, 0},
		{"negative maximum", Backoff{time.Hour, 2, 0, -1}, 5, 0, 0},
		{"no maximum", Backoff{time.Hour, 2, 0, 0}, 5, 0, 0},
		{"longest, no jitter", Backoff{longest, 2, 0, longest}, 1, 0, longest},
		{"longest, lowest", Backoff{longest, 2, 1, longest}, 1, 0, 0},
		{"would overflow", Backoff{longest, 1.5, 0, longest}, 2, 0, longest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.backoff.Delay(tt.retry, tt.random).Round(time.Nanosecond))
		})
	}
}

func TestFullJitterIsUniform(t *testing.T) {
	t.Parallel()
	const bins, draws = 20, 100_000
	b := Backoff{Base: time.Second, Multiplier: 2, Jitter: 1, Max: time.Minute}
	r := rand.New(rand.NewPCG(1, 2))
	var seen [bins]float64
	for range draws {
		seen[b.Delay(3, r.Float64())*bins/(4*time.Second)]++
	}
	square := 0.0
	for _, n := range seen {
		square += (n - draws/bins) * (n - draws/bins) / (draws / bins)
	}
	require.Less(t, square, 43.8, "chi-squared, 19 degrees of freedom: 1 in 1,000 is above")
}

func TestMeanNeverFalls(t *testing.T) {
	t.Parallel()
	for _, jitter := range []float64{0, 0.3, 1} {
		for _, multiplier := range []float64{0, 1, 1.001, 1.5, 2, 10} {
			b := Backoff{Base: 7 * ms, Multiplier: multiplier, Jitter: jitter, Max: time.Hour}
			last := time.Duration(0)
			for retry := range 200 {
				mean := b.Delay(retry, 0.5) // the delay is linear in the random number
				require.GreaterOrEqual(t, mean, last, "%+v, retry %d", b, retry)
				last = mean
			}
		}
	}
}

func FuzzDelay(f *testing.F) {
	f.Add(int64(200*ms), 2.0, 1.0, int64(30*time.Second), 3, 0.5)
	f.Add(int64(math.MaxInt64), math.Inf(1), math.NaN(), int64(math.MaxInt64), math.MaxInt, almost)
	f.Add(int64(math.MinInt64), -1.0, -1.0, int64(math.MinInt64), math.MinInt, -1.0)
	f.Fuzz(func(t *testing.T, base int64, multiplier, jitter float64, most int64, retry int, random float64) {
		b := Backoff{time.Duration(base), multiplier, jitter, time.Duration(most)}
		delay := b.Delay(retry, random)
		require.GreaterOrEqual(t, delay, time.Duration(0))
		require.LessOrEqual(t, delay, max(b.Max, 0))
		require.LessOrEqual(t, delay, b.Delay(retry, 1), "more random is later")
		b.Jitter = 0
		require.LessOrEqual(t, delay, b.Delay(retry, 0), "jitter only takes away")
	})
}

func BenchmarkDelay(b *testing.B) {
	b.ReportAllocs()
	backoff := Backoff{Base: 200 * ms, Multiplier: 2, Jitter: 1, Max: 30 * time.Second}
	for b.Loop() {
		backoff.Delay(3, 0.5)
	}
}
