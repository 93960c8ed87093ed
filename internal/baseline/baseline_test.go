// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"encoding/binary"
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// monday is the beginning of a day in UTC, and of a minute.
func monday() time.Time { return time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC) }

// counts is a histogram of rates and, behind each, the number of minutes.
func counts(pairs ...float64) (h histogram) {
	for ; len(pairs) > 0; pairs = pairs[2:] {
		h.add(binOf(pairs[0]), int(pairs[1]))
	}
	return h
}

func TestSize(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, unsafe.Sizeof(Baseline{}), uintptr(14_000))
}

func TestNothingAllocates(t *testing.T) {
	w := newWorld(standard(time.UTC), monday(), nil)
	w.days(2, calm)
	require.Zero(t, testing.AllocsPerRun(200, func() {
		w.minute(1000, 0.5)
		w.b.Threshold(w.now)
	}))
	require.Zero(t, testing.AllocsPerRun(20, func() {
		w.now = w.now.AddDate(0, 0, 8)
		w.totals.Calls += 1_000_000_000
		w.minute(1000, 0.5)
	}))
}

// learnedCalm is a world on the third day, with a threshold of 2 %.
func learnedCalm() *world {
	w := newWorld(standard(time.UTC), monday().AddDate(0, 0, 2), nil)
	for hour := range int32(48) {
		w.b.week.add(int32(monday().Unix()/3600)+hour, binOf(0.01), 60)
	}
	return w
}

func TestRunsOfMinutes(t *testing.T) {
	t.Parallel()
	bad := func(w *world, n int) { w.minutes(n, 100, 0.5) }
	one := func(w *world) { w.minutes(1, 100, 0.01) }
	tests := []struct {
		name string
		run  func(w *world)
		want int
	}{
		{"two", func(w *world) { bad(w, 2); one(w) }, 0},
		{"three", func(w *world) { bad(w, 3); one(w) }, 1},
		{"three, and the third is not over", func(w *world) { bad(w, 3) }, 0},
		{"six trip twice", func(w *world) { bad(w, 6); one(w) }, 2},
		{"five trip once", func(w *world) { bad(w, 5); one(w) }, 1},
		{"two and two", func(w *world) { bad(w, 2); one(w); bad(w, 2); one(w) }, 0},
		{"two, one without failures, two", func(w *world) { bad(w, 2); w.minute(100, 0); bad(w, 2); one(w) }, 0},
		{"two, one without calls, two", func(w *world) { bad(w, 2); w.minute(0, 0); bad(w, 2); one(w) }, 0},
		{"two, one with few calls, two", func(w *world) { w.minutes(2, 30, 0.5); w.minute(10, 1); w.minutes(2, 30, 0.5); one(w) }, 0},
		{"as many calls as are needed", func(w *world) { w.b.cfg.MinCalls = 24; w.minutes(3, 24, 1); one(w) }, 1},
		{"fewer calls than are needed", func(w *world) { w.b.cfg.MinCalls = 25; w.minutes(30, 24, 1); one(w) }, 0},
		{"above, but not with confidence", func(w *world) { w.minutes(30, 20, 0.05); one(w) }, 0},
		{"three that are past", func(w *world) { bad(w, 3); w.minute(100, 0); one(w) }, 0},
		{"three before a silence", func(w *world) { bad(w, 3); w.minutes(60, 0, 0); one(w) }, 0},
		{"two across a leap of the clock", func(w *world) { bad(w, 2); w.now = w.now.Add(time.Hour); bad(w, 1); one(w) }, 0},
		{"two, the clock goes back, two", func(w *world) { bad(w, 2); w.now = w.now.Add(-time.Hour); bad(w, 2); one(w) }, 0},
		{"two, the clock goes back, four, of which one is not seen from its beginning", func(w *world) { bad(w, 2); w.now = w.now.Add(-time.Hour); bad(w, 4); one(w) }, 1},
		{"two, a pause, two", func(w *world) { bad(w, 2); w.b.Pause(w.now, w.totals); w.b.Resume(w.now, w.totals); bad(w, 2); one(w) }, 0},
		{"paused", func(w *world) { w.b.Pause(w.now, w.totals); bad(w, 9) }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := learnedCalm()
			tt.run(w)
			require.Len(t, w.trips, tt.want)
		})
	}
}

// TestManyFailuresOfFewCalls: calls that were admitted in earlier minutes may fail in this one.
func TestManyFailuresOfFewCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(standard(time.UTC), monday(), nil)
	w.minute(100, 0.09)
	w.totals.Failures += 200
	w.minute(100, 0.09)
	w.minute(100, 0.09)
	require.Equal(t, []taughtHour{{int32(monday().Unix() / 3600), counts(0.09, 1, 1, 1)}}, w.b.week.all())
}

func TestPause(t *testing.T) {
	t.Parallel()
	hour := int32(monday().Unix() / 3600)
	w := newWorld(standard(time.UTC), monday(), nil)
	w.minutes(3, 100, 0.09)
	w.now = w.now.Add(30 * time.Second)
	w.totals.Calls += 50
	w.totals.Failures += 50
	w.b.Pause(w.now, w.totals)
	before := w.b.week.all()
	require.Equal(t, []taughtHour{{hour, counts(0.09, 3)}}, before, "the minutes that were over are taught, the one under way is not")

	w.minutes(180, 100, 0.9)
	w.b.Pause(w.now, w.totals)
	require.Equal(t, before, w.b.week.all())

	w.b.Resume(w.now, w.totals)
	w.now = w.now.Add(30 * time.Second)
	w.totals.Calls += 5000
	w.minutes(3, 100, 0)
	w.minute(100, 0.09)
	require.Equal(t, append(before, taughtHour{hour + 3, counts(0, 3)}), w.b.week.all(), "learning starts with the next full minute")
}

func TestPauseBeforeAnything(t *testing.T) {
	t.Parallel()
	w := &world{b: New(standard(time.UTC)), now: monday()}
	w.b.Pause(w.now, w.totals)
	w.minutes(9, 100, 1)
	require.Empty(t, w.b.week.all())
	w.b.Resume(w.now, w.totals)
	w.minutes(9, 100, 1)
	require.Equal(t, uint16(7), w.b.week.now[bins-1], "the first was under way, the last is")
}

// TestFirstMinute: what came before the first call of Observe is unknown, unless Resume was called before.
func TestFirstMinute(t *testing.T) {
	t.Parallel()
	w := &world{b: New(standard(time.UTC)), now: monday()}
	w.minutes(60, 100, 0)
	w.minutes(3, 100, 0.5)
	require.Equal(t, counts(0.5, 1), w.b.week.now)

	w = newWorld(standard(time.UTC), monday(), nil)
	w.minutes(60, 100, 0)
	w.minutes(3, 100, 0.5)
	require.Equal(t, counts(0.5, 2), w.b.week.now)
	require.Equal(t, taughtHour{int32(monday().Unix() / 3600), counts(0, 60)}, w.b.week.all()[0])
}

func TestSilence(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	tests := []struct {
		name    string
		silence time.Duration
		calls   uint64 // in a minute
		zone    *time.Location
		want    int // minutes that are taught
		hours   int
	}{
		{"a minute", time.Minute, 20, time.UTC, 1, 1},
		{"with too few calls", 500 * time.Minute, 19, time.UTC, 0, 0},
		{"hours", 500 * time.Minute, 20, time.UTC, 500, 9},
		{"exactly a week", 7 * 24 * time.Hour, 100, time.UTC, 7 * 24 * 60, 7 * 24},
		{"months", 100 * 24 * time.Hour, 100, time.UTC, 7 * 24 * 60, 7 * 24},
		{"a change of clocks", 7 * 24 * time.Hour, 100, berlin, 7 * 24 * 60, 7*24 - 1},
		{"centuries", 250 * 365 * 24 * time.Hour, 100, time.UTC, 7 * 24 * 60, 7 * 24},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Date(2025, 10, 20, 0, 0, 0, 0, time.UTC)
			b := New(standard(tt.zone))
			b.Resume(begin.Add(-time.Minute), Totals{})
			b.Observe(begin.Add(-time.Second), Totals{0, 1})
			b.Observe(begin.Add(tt.silence+time.Second), Totals{(tt.calls*uint64((tt.silence+2*time.Second)/time.Second) + 59) / 60, 2})
			minutes := 0
			for _, h := range b.week.all() {
				minutes += int(h.minutes[0])
			}
			require.Equal(t, tt.want, minutes)
			require.Len(t, b.week.all(), tt.hours)
		})
	}
}

// TestThresholdOfAnyHour: hours are asked for in any order, and what is taught meanwhile counts.
func TestThresholdOfAnyHour(t *testing.T) {
	t.Parallel()
	w := newWorld(standard(time.UTC), monday(), nil)
	tomorrow := monday().AddDate(0, 0, 1)
	w.minutes(60, 100, 0.09)
	_, learned := w.b.Threshold(tomorrow)
	require.False(t, learned, "59 minutes are over")
	w.minute(100, 0.09)
	rate, learned := w.b.Threshold(tomorrow)
	require.True(t, learned)
	require.Equal(t, 0.125, rate)
	_, learned = w.b.Threshold(monday())
	require.False(t, learned)
	_, learned = w.b.Threshold(tomorrow.Add(time.Hour))
	require.False(t, learned, "the hour before alone does not do")
	rate, _ = w.b.Threshold(tomorrow.Add(59 * time.Minute))
	require.Equal(t, 0.125, rate)
	_, learned = w.b.Threshold(monday().AddDate(0, 0, 7))
	require.True(t, learned)
	for _, at := range []time.Time{monday().AddDate(0, 0, 8), monday().AddDate(0, 0, -1), {}, time.Unix(math.MaxInt64, 0)} {
		_, learned = w.b.Threshold(at)
		require.False(t, learned, at)
	}
}

// TestThresholdIsFresh: what was asked for before is not what is answered after more was taught, or something else.
func TestThresholdIsFresh(t *testing.T) {
	t.Parallel()
	b, tomorrow := New(standard(time.UTC)), monday().AddDate(0, 0, 1)
	learned := func() bool {
		_, learned := b.Threshold(tomorrow)
		return learned
	}
	b.Resume(monday().Add(-time.Second), Totals{})
	empty := b.Append(nil)
	require.False(t, learned())
	b.Observe(monday().Add(time.Hour), Totals{6000, 1})
	require.True(t, learned())
	require.NoError(t, b.Restore(empty, tomorrow))
	require.False(t, learned())
}

func TestFloorAndCap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ level, want float64 }{{0, 0.1}, {0.05, 0.1}, {0.09, 0.125}, {0.3, 0.4}, {0.5, 0.6}, {1, 0.6}} {
		cfg := standard(time.UTC)
		cfg.Floor, cfg.Cap = 0.1, 0.6
		w := newWorld(cfg, monday(), nil)
		w.days(1, func(time.Time) (int, float64) { return 1000, tt.level })
		w.minute(100, 0.1)
		rate, learned := w.b.Threshold(w.now)
		require.True(t, learned)
		require.Equal(t, tt.want, rate)
	}
}

// FuzzClock has clocks and counters do whatever they like: nothing panics, thresholds stay in their bounds, and what
// was learned can be written and read.
func FuzzClock(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x10\x00\x05\x00\x02"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\x00\x00\x00\x80\x00\x00\x00\x7f\xff\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, steps []byte) {
		cfg := standard(time.FixedZone("odd", 12345))
		b, now, totals := New(cfg), monday(), Totals{}
		for ; len(steps) >= 9; steps = steps[9:] {
			leap := int64(int32(binary.BigEndian.Uint32(steps)))
			now = now.Add(time.Duration(leap) * time.Millisecond << (steps[4] % 20))
			totals.Calls += uint64(int64(int16(binary.BigEndian.Uint16(steps[5:]))) << (steps[4] / 16))
			totals.Failures += uint64(int8(steps[7]))
			switch steps[8] % 8 {
			case 0:
				b.Pause(now, totals)
			case 1:
				b.Resume(now, totals)
			default:
				b.Observe(now, totals)
			}
			if rate, learned := b.Threshold(now); learned {
				require.GreaterOrEqual(t, rate, cfg.Floor)
				require.LessOrEqual(t, rate, cfg.Cap)
			}
		}
		saved := b.Append(nil)
		again := New(cfg)
		require.NoError(t, again.Restore(saved, now))
	})
}
