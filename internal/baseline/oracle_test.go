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

// oracle stores every call of Observe and the rate of every minute. It knows no clock that goes back.
type oracle struct {
	cfg    Config
	events []event // since learning began
	next   int64   // the first minute that is not judged
	run    int
	paused bool
	taught map[int64][]float64 // by the hour on the wall
	limits map[int64]oracleLimit
}

type event struct {
	at time.Time
	t  Totals
}

type oracleLimit struct {
	learned        bool
	rate, ordinary float64
}

func newOracle(cfg Config) *oracle {
	return &oracle{cfg: cfg, taught: map[int64][]float64{}, limits: map[int64]oracleLimit{}}
}

func (o *oracle) observe(now time.Time, t Totals) (trip bool) {
	if o.paused {
		return false
	}
	if o.events == nil {
		o.resume(now, t)
		return false
	}
	o.events = append(o.events, event{now, t})
	end := now.Unix() / 60
	for minute := o.next; minute < end; minute++ {
		above := o.minute(minute, minute < end-7*24*60)
		o.run++
		if !above {
			o.run = 0
		}
	}
	if end > o.next {
		o.next = end
		if len(o.events) > 120 {
			o.events = slices.Clone(o.events[len(o.events)-120:])
		}
		trip = o.run >= o.cfg.Minutes
		if trip {
			o.run = 0
		}
	}
	return trip
}

func (o *oracle) pause(now time.Time, t Totals) {
	o.observe(now, t)
	o.paused = true
}

func (o *oracle) resume(now time.Time, t Totals) {
	o.paused, o.run = false, 0
	o.events, o.next = []event{{now, t}}, now.Unix()/60
}

// minute judges and teaches one.
func (o *oracle) minute(minute int64, tooOld bool) (above bool) {
	from, to := time.Unix(minute*60, 0), time.Unix(minute*60+60, 0)
	if from.Before(o.events[0].at) || tooOld {
		return false
	}
	n := math.Round(o.calls(to) - o.calls(from))
	k := min(float64(o.failures(to)-o.failures(from)), n)
	if n < float64(o.cfg.MinCalls) {
		return false
	}
	hour := o.hour(from)
	l, rate := o.limit(hour), k/n
	if l.learned {
		above = wilsonLower(k, n) > l.rate
		rate = min(rate, l.rate)
	}
	if above {
		rate = min(rate, l.ordinary)
	}
	o.taught[hour] = append(o.taught[hour], rate)
	return above
}

func (o *oracle) calls(at time.Time) float64 {
	i := slices.IndexFunc(o.events, func(e event) bool { return !e.at.Before(at) })
	before, after := o.events[i-1], o.events[i]
	part := at.Sub(before.at).Seconds() / after.at.Sub(before.at).Seconds()
	return float64(before.t.Calls) + part*float64(after.t.Calls-before.t.Calls)
}

func (o *oracle) failures(at time.Time) uint64 {
	i := slices.IndexFunc(o.events, func(e event) bool { return !e.at.Before(at) })
	return o.events[i-1].t.Failures
}

func (o *oracle) hour(at time.Time) int64 {
	wall := at.In(o.cfg.Zone)
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), 0, 0, 0, time.UTC).Unix() / 3600
}

func (o *oracle) limit(hour int64) oracleLimit {
	l, ok := o.limits[hour]
	if ok {
		return l
	}
	var own, beside []float64
	for h := hour - 168; h <= hour-23; h++ {
		switch (hour - h) % 24 {
		case 0:
			own = append(own, o.taught[h]...)
		case 1, 23:
			beside = append(beside, o.taught[h]...)
		}
	}
	if len(own) >= 60 {
		usual := binOf(naivePercentile(own, beside))
		l = oracleLimit{true, min(max(upperEdge(min(usual+1, bins-1)), o.cfg.Floor), o.cfg.Cap), naiveOrdinary(own)}
	}
	o.limits[hour] = l
	return l
}

// TestOracle drives both with weeks of traffic whose rate and volume change over the day, with silences, pauses and
// changes of clocks, and wants the same trips and thresholds.
func TestOracle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, zone string
		begin      time.Time
	}{
		{"an hour that comes twice", "Europe/Berlin", time.Date(2025, 10, 22, 9, 0, 0, 0, time.UTC)},
		{"an hour that is skipped", "America/New_York", time.Date(2025, 3, 5, 9, 0, 0, 0, time.UTC)},
		{"half an hour", "Australia/Lord_Howe", time.Date(2025, 4, 1, 9, 0, 0, 0, time.UTC)},
		{"a day that is skipped", "Pacific/Apia", time.Date(2011, 12, 26, 9, 0, 0, 0, time.UTC)},
		{"leap day", "UTC", time.Date(2024, 2, 25, 9, 0, 0, 0, time.UTC)},
		{"turn of the year", "Asia/Kolkata", time.Date(2023, 12, 28, 9, 0, 0, 0, time.UTC)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(tt.zone)
			require.NoError(t, err)
			random := rand.New(rand.NewPCG(7, uint64(tt.begin.Unix())))
			cfg := Config{Floor: 0.001 * float64(1+random.IntN(30)), Cap: 0.9, MinCalls: 5 + random.IntN(20), Minutes: 1 + random.IntN(3), Zone: zone}
			learned, trips := against(t, random, cfg, tt.begin)
			require.Greater(t, learned, 1000)
			require.Positive(t, trips)
		})
	}
}

func against(t *testing.T, random *rand.Rand, cfg Config, now time.Time) (learned, trips int) {
	b, o, totals := New(cfg), newOracle(cfg), Totals{}
	for end := now.AddDate(0, 0, 10); now.Before(end); {
		daily := 1.1 + math.Sin(float64(now.Unix()%86400)/86400*2*math.Pi)
		perSecond, rate := 2*daily, 0.01*daily*daily
		gap := time.Duration(random.ExpFloat64() / perSecond / rate * float64(time.Second))
		switch random.IntN(4000) {
		case 0:
			gap = time.Duration(random.Int64N(int64(30 * time.Hour))) // with calls
		case 1:
			now = now.Add(time.Duration(random.Int64N(int64(3 * 24 * time.Hour)))) // without
		case 2:
			b.Pause(now, totals)
			o.pause(now, totals)
		case 3:
			if random.IntN(20) == 0 {
				now = now.AddDate(0, 0, 9)
			}
		}
		now = now.Add(gap + 1)
		totals.Calls += uint64(gap.Seconds()*perSecond) + 1
		totals.Failures++
		if random.IntN(300) == 0 {
			for range 200 { // an outage
				now = now.Add(time.Duration(random.Int64N(int64(4 * time.Second))))
				totals.Calls += uint64(3 + random.IntN(9))
				totals.Failures += 2
				trips += same(t, b, o, now, totals)
			}
		}
		trips += same(t, b, o, now, totals)
		if b.state == paused && random.IntN(100) == 0 {
			b.Resume(now, totals)
			o.resume(now, totals)
		}
		if _, ok := b.Threshold(now); ok {
			learned++
		}
	}
	return learned, trips
}

func same(t *testing.T, b *Baseline, o *oracle, now time.Time, totals Totals) (trips int) {
	trip := o.observe(now, totals)
	require.Equal(t, trip, b.Observe(now, totals), now)
	want := o.limit(o.hour(now))
	rate, learned := b.Threshold(now)
	require.Equal(t, want.learned, learned, now)
	require.Equal(t, want.rate, rate, now)
	if trip {
		return 1
	}
	return 0
}
