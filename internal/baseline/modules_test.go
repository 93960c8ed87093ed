// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// contentDelivery fails for a part of its calls, recoverably, while promotions are on in the evening: from one minute
// or another before or after eight, in half an hour up to 58 %, until ten.
func contentDelivery(random *rand.Rand) func(at time.Time) (int, float64) {
	var day, early int
	return func(at time.Time) (int, float64) {
		if at.YearDay() != day {
			day, early = at.YearDay(), random.IntN(15)
		}
		minute := at.Hour()*60 + at.Minute() - (20*60 - early)
		if minute < 0 || at.Hour() >= 22 {
			return 300, 0.004
		}
		return 1500, 0.58 * min(1, float64(minute+1)/30)
	}
}

func singapore(t *testing.T) *time.Location {
	zone, err := time.LoadLocation("Asia/Singapore")
	require.NoError(t, err)
	return zone
}

// TestContentDelivery: what each evening brings is normal, and the end of the origin in the evening is not.
func TestContentDelivery(t *testing.T) {
	t.Parallel()
	zone, random := singapore(t), rand.New(rand.NewPCG(8, 9))
	w := newWorld(standard(zone), time.Date(2025, 11, 3, 0, 0, 0, 0, zone), random)
	traffic := contentDelivery(random)
	w.days(2, traffic)
	for range 19 {
		for hour, rate := range w.thresholds() {
			switch {
			case hour >= 19 && hour <= 22:
				require.InDelta(t, 0.8, rate, 0.1, hour)
			case hour == 18:
				require.Less(t, rate, 0.5, "beside the last minutes of the hour before")
			default:
				require.InDelta(t, 0.025, rate, 0.007, hour)
			}
		}
		w.days(1, traffic)
	}
	require.Empty(t, w.trips)

	w.minutes(21*60, 300, 0.004)
	w.minutes(10, 1500, 1)
	require.Len(t, w.trips, 3)
	require.Equal(t, "21:03", w.trips[0].Format("15:04"))
	w.days(1, traffic)
	w.trips = nil
	w.minutes(5*60, 300, 0.004)
	w.minutes(10, 300, 0.58)
	require.NotEmpty(t, w.trips, "nor is it at night")
}

// TestPricing: a plugin that never fails has lost its rules when it fails as often.
func TestPricing(t *testing.T) {
	t.Parallel()
	zone := singapore(t)
	w := newWorld(standard(zone), time.Date(2025, 11, 3, 0, 0, 0, 0, zone), rand.New(rand.NewPCG(10, 11)))
	for range 10 {
		w.days(1, func(time.Time) (int, float64) { return 1000, 0.001 })
		rate, learned := w.b.Threshold(w.now)
		require.True(t, learned)
		require.Equal(t, 0.02, rate, "what is rarer than Floor does not count")
	}
	require.Empty(t, w.trips)
	w.minutes(20*60, 1000, 0.001)
	w.minutes(4, 1000, 0.58)
	require.Len(t, w.trips, 1)
	require.Equal(t, "20:03:10", w.trips[0].Format("15:04:05"), "the first failure behind the third minute")
}

func TestColdStart(t *testing.T) {
	t.Parallel()
	w := newWorld(standard(time.UTC), time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC), nil)
	w.minutes(24*60, 1000, 0.58)
	require.Empty(t, w.trips, "no hour of the first day is learned, whatever happens")
	w.now = w.now.AddDate(0, 0, 7)
	rate, learned := w.b.Threshold(w.now)
	require.False(t, learned, "and it is forgotten in a week")
	require.Zero(t, rate)
	w.minutes(100, 1000, 0.58)
	require.Empty(t, w.trips)
}

func calm(time.Time) (int, float64) { return 500, 0.01 }

// TestOutageEveryDay has calls of two hours fail, day by day for two weeks and more. The thresholds stay those of a
// world without outages or, for the two hours, fall, whether the breaker opens or does not; and each outage is found in
// its third minute. While it is open nothing is taught, so that the two hours may come to be unknown; then the owner's
// own threshold finds it.
func TestOutageEveryDay(t *testing.T) {
	t.Parallel()
	begin := time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		rate float64
		heed bool
	}{{"heeded", 1, true}, {"not heeded", 1, false}, {"a third, heeded", 0.33, true}, {"a third, not heeded", 0.33, false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, well := newWorld(standard(time.UTC), begin, rand.New(rand.NewPCG(12, 13))), newWorld(standard(time.UTC), begin, rand.New(rand.NewPCG(12, 13)))
			w.heed = tt.heed
			w.days(2, calm)
			well.days(2, calm)
			for day := range 17 {
				w.trips = nil
				well.days(1, calm)
				w.days(1, func(at time.Time) (int, float64) {
					if hour := at.Hour(); hour == 14 || hour == 15 {
						return 500, tt.rate
					}
					return 500, 0.01
				})
				require.NotEmpty(t, w.trips, day)
				require.WithinRange(t, w.trips[0], w.now.Add(-10*time.Hour), w.now.Add(-10*time.Hour+3*time.Minute+10*time.Second), day)
				usual := well.thresholds()
				for hour, rate := range w.thresholds() {
					require.LessOrEqual(t, binOf(rate), binOf(usual[hour])+1, "day %d, hour %d", day, hour)
					if hour < 13 || hour > 16 {
						require.GreaterOrEqual(t, binOf(rate), binOf(usual[hour])-1, "day %d, hour %d", day, hour)
					}
				}
			}
			require.Empty(t, well.trips)
		})
	}
}

// TestGreyOutage: an outage that is often not above the threshold with confidence, for there are few calls, raises the
// threshold by no more than a bin in 23 hours.
func TestGreyOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(standard(time.UTC), time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC), rand.New(rand.NewPCG(14, 15)))
	highest := func() int {
		rates := w.thresholds()
		return binOf(slices.Max(rates[:]))
	}
	w.days(7, func(time.Time) (int, float64) { return 25, 0.02 })
	for before := highest(); upperEdge(before) < 0.3; before++ {
		w.trips = nil
		w.minutes(23*60, 25, 0.3)
		require.LessOrEqual(t, highest(), before+1)
		require.NotEmpty(t, w.trips)
	}
}

// TestRise: a level that rises by some percent a day, over weeks, is followed without a trip, however many calls there
// are.
func TestRise(t *testing.T) {
	t.Parallel()
	begin := time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		calls  int
		growth float64
	}{{"60 calls, 8 %", 60, 1.08}, {"10 million calls, 20 %", 10_000_000, 1.2}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(standard(time.UTC), begin, rand.New(rand.NewPCG(16, 17)))
			level := func(at time.Time) float64 { return 0.02 * math.Pow(tt.growth, at.Sub(begin).Hours()/24) }
			for level(w.now) < 0.4 {
				w.days(1, func(at time.Time) (int, float64) { return tt.calls, level(at) })
				rate, learned := w.b.Threshold(w.now)
				require.True(t, learned)
				require.Greater(t, rate, level(w.now))
			}
			require.Empty(t, w.trips)
		})
	}
}

// TestLeap: a level that leaps is an outage until it is back; the new level is never learned.
func TestLeap(t *testing.T) {
	t.Parallel()
	w := newWorld(standard(time.UTC), time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC), nil)
	w.days(8, calm)
	require.Empty(t, w.trips)
	w.days(10, func(time.Time) (int, float64) { return 500, 0.1 })
	require.Len(t, w.trips, 10*24*20-1, "every third minute, and the last is not over")
	before := w.trips
	w.days(1, calm)
	require.Len(t, w.trips, len(before)+1)
}

// TestFall: a level that falls is followed in a week.
func TestFall(t *testing.T) {
	t.Parallel()
	w := newWorld(standard(time.UTC), time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC), nil)
	w.days(8, func(time.Time) (int, float64) { return 500, 0.2 })
	rate, _ := w.b.Threshold(w.now)
	require.Equal(t, 0.25, rate)
	w.days(8, calm)
	rate, _ = w.b.Threshold(w.now)
	require.Equal(t, 0.02, rate)
}

// TestChangeOfClocks: a batch that comes by Unix time comes an hour earlier or later on the wall from one day to the
// next.
func TestChangeOfClocks(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, begin := range []time.Time{time.Date(2025, 3, 20, 0, 0, 0, 0, time.UTC), time.Date(2025, 10, 16, 0, 0, 0, 0, time.UTC)} {
		w := newWorld(standard(zone), begin, rand.New(rand.NewPCG(18, 19)))
		w.days(14, func(at time.Time) (int, float64) {
			if at.UTC().Hour() == 18 {
				return 500, 0.4
			}
			return 500, 0.01
		})
		require.Empty(t, w.trips)
	}
}
