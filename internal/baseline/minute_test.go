// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// at is a second of Unix time in the minute 1000.
func at(second float64) instant {
	return instantOf(time.Unix(60_000, 0).Add(time.Duration(second * float64(time.Second))))
}

func TestWatchSpreadsCalls(t *testing.T) {
	t.Parallel()
	w := begin(at(30), Totals{1000, 10})
	past, over := w.note(at(50), Totals{1100, 11})
	require.False(t, over)
	require.Equal(t, elapsed{}, past)

	past, over = w.note(at(70), Totals{1300, 12})
	require.True(t, over)
	require.Equal(t, elapsed{minute: 1000, calls: 200, failures: 1, idleCalls: 600}, past, "half of 200 were before the minute ended, and no failure")

	past, over = w.note(at(90), Totals{1400, 15})
	require.False(t, over)
	require.Equal(t, elapsed{}, past)
	past, over = w.note(at(270), Totals{1580, 16})
	require.True(t, over)
	require.Equal(t, elapsed{minute: 1001, whole: true, calls: 100 + 100 + 30, failures: 4, idle: 2, idleCalls: 60}, past)
	require.Equal(t, watch{minute: 1004, whole: true, calls: 30, failures: 1, at: at(270), totals: Totals{1580, 16}}, w)
}

// TestWatchKeepsTheClock: owners read the clock before they take their lock, so a failure may come with an earlier time
// and lower totals than the one before.
func TestWatchKeepsTheClock(t *testing.T) {
	t.Parallel()
	w := begin(at(0), Totals{100, 1})
	w.note(at(61), Totals{162, 3})
	w.note(at(59.9), Totals{160, 2})
	w.note(at(60.5), Totals{161, 3})
	require.Equal(t, watch{minute: 1001, whole: true, calls: 62.0 / 61, failures: 2, at: at(61), totals: Totals{162, 3}}, w)

	past, over := w.note(at(-61), Totals{200, 5})
	require.True(t, over, "a clock set back")
	require.Equal(t, elapsed{}, past)
	require.Equal(t, begin(at(-61), Totals{200, 5}), w)
}

func TestInstantIsBounded(t *testing.T) {
	t.Parallel()
	require.Equal(t, instant{}, instantOf(time.Time{}))
	require.Equal(t, instant{}, instantOf(time.Unix(math.MinInt64, 5)))
	require.Equal(t, instant{sec: lastSecond}, instantOf(time.Unix(math.MaxInt64, 5)))
	require.Equal(t, instant{sec: lastSecond, nsec: 5}, instantOf(time.Date(9999, 12, 31, 23, 59, 59, 5, time.UTC)))
	require.Equal(t, instant{1, 7}, instantOf(time.Unix(1, 7)))
}

// TestWilsonLower checks the bound against its definition, the rate whose own spread explains what was seen, and
// against the exact probability of being above a threshold that is the true rate.
func TestWilsonLower(t *testing.T) {
	t.Parallel()
	require.Zero(t, wilsonLower(0, 20))
	require.Less(t, wilsonLower(3, 20), 0.05)
	require.Greater(t, wilsonLower(4, 20), 0.05)
	require.Less(t, wilsonLower(1e9, 1e9), 1.0)
	for _, calls := range []float64{20, 100, 5000} {
		for failures := 1.0; failures <= calls; failures += 1 + math.Floor(calls/50) {
			rate := wilsonLower(failures, calls)
			require.InDelta(t, 1.6448536, (failures-0.5-calls*rate)/math.Sqrt(calls*rate*(1-rate)), 1e-6)
		}
	}
	for _, rate := range []float64{0.02, 0.025, 0.0315, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9} {
		for calls := 20; calls < 600; calls++ {
			wrong := 0.0
			for failures := calls; wilsonLower(float64(failures), float64(calls)) > rate; failures-- {
				wrong += binomial(calls, failures, rate)
			}
			require.LessOrEqual(t, wrong, 0.066, "%d calls at %v", calls, rate)
		}
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	zone := func(name string) *time.Location {
		l, err := time.LoadLocation(name)
		require.NoError(t, err)
		return l
	}
	date := func(month time.Month, day, hour, minute int) int64 {
		return time.Date(2025, month, day, hour, minute, 0, 0, time.UTC).Unix()
	}
	tests := []struct {
		name    string
		zone    *time.Location
		at      int64
		wall    int64 // a second of the hour there
		minutes int64
	}{
		{"UTC", time.UTC, date(3, 1, 12, 0), date(3, 1, 12, 0), 60},
		{"within the hour", time.UTC, date(3, 1, 12, 59), date(3, 1, 12, 0), 1},
		{"half an hour", zone("Asia/Kolkata"), date(3, 1, 12, 0), date(3, 1, 17, 0), 30},
		{"before the hour that is skipped", zone("Europe/Berlin"), date(3, 30, 0, 0), date(3, 30, 1, 0), 60},
		{"after the hour that is skipped", zone("Europe/Berlin"), date(3, 30, 1, 0), date(3, 30, 3, 0), 60},
		{"the hour that comes twice", zone("Europe/Berlin"), date(10, 26, 0, 0), date(10, 26, 2, 0), 60},
		{"the second time", zone("Europe/Berlin"), date(10, 26, 1, 0), date(10, 26, 2, 0), 60},
		{"a change by half an hour", zone("Australia/Lord_Howe"), date(4, 5, 14, 30), date(4, 6, 1, 0), 30},
		{"and what follows", zone("Australia/Lord_Howe"), date(4, 5, 15, 0), date(4, 6, 1, 0), 30},
		{"the end of a leap year, where ZoneBounds ends before the time", zone("Europe/Berlin"), 0xa3a43000, 0xa3a43000 + 3600, 60},
		{"minutes that begin within one", time.FixedZone("odd", 19*60+32), date(3, 1, 12, 0), date(3, 1, 12, 0), 41},
		{"before 1970", time.FixedZone("west", -3600), 60, 0, 59},
		{"beyond all", time.FixedZone("far", math.MaxInt32), lastSecond - 59, lastSecond, 47},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := New(Config{Zone: tt.zone})
			hour, minutes := b.hourFrom(tt.at)
			require.Equal(t, int32(tt.wall/3600), hour)
			require.Equal(t, tt.minutes, minutes)
			require.Equal(t, hour, b.hourOf(tt.at))
		})
	}
}

// TestHoursOfYear walks through a year and more of zones with every kind of change: each minute belongs to the hour on
// the wall.
func TestHoursOfYear(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		b := New(Config{Zone: zone})
		at := time.Date(2010, 12, 15, 0, 0, 0, 0, time.UTC).Unix()
		for end := at + 385*86400; at < end; {
			hour, minutes := b.hourFrom(at)
			for _, minute := range []int64{0, minutes - 1} {
				wall := time.Unix(at+minute*60, 0).In(zone)
				text := taughtHour{hour: hour}.text()
				require.Equal(t, wall.Format(hourFormat), text, name)
			}
			at += minutes * 60
		}
	}
}
