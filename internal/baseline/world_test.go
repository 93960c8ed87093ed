// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"math"
	"math/rand/v2"
	"time"
)

// standard is what an owner gives by default.
func standard(zone *time.Location) Config {
	return Config{Floor: 0.02, Cap: 0.9, MinCalls: 20, Minutes: 3, Zone: zone}
}

// world is a plugin under a Baseline, minute by minute.
type world struct {
	b      *Baseline
	now    time.Time // the beginning of a minute
	totals Totals
	random *rand.Rand // nil: failures come as expected, without chance
	trips  []time.Time
	heed   bool // the breaker opens when told to
	openAt time.Time
}

func newWorld(cfg Config, begin time.Time, random *rand.Rand) *world {
	w := &world{b: New(cfg), now: begin, random: random}
	w.b.Resume(begin.Add(-time.Second), Totals{})
	return w
}

// days runs so many days, with the calls and the error rate of each minute.
func (w *world) days(n int, traffic func(at time.Time) (calls int, rate float64)) {
	for end := w.now.AddDate(0, 0, n); w.now.Before(end); {
		w.minute(traffic(w.now))
	}
}

func (w *world) minutes(n, calls int, rate float64) {
	for range n {
		w.minute(calls, rate)
	}
}

// minute is one minute of calls. Failures are settled at five times at most, several at once.
func (w *world) minute(calls int, rate float64) {
	failures := w.sample(calls, rate)
	steps := min(failures, 5)
	begin, before := w.now, w.totals
	for i := 1; i <= steps; i++ {
		w.now = begin.Add(time.Minute * time.Duration(i) / time.Duration(steps+1))
		w.totals = Totals{before.Calls + uint64(calls*i/(steps+1)), before.Failures + uint64(failures*i/steps)}
		w.observe(rate)
	}
	w.now, w.totals.Calls = begin.Add(time.Minute), before.Calls+uint64(calls)
}

func (w *world) sample(calls int, rate float64) int {
	mean := float64(calls) * rate
	if w.random == nil {
		return int(math.Round(mean))
	}
	if mean < 30 { // Poisson
		n := -1
		for p := 1.0; p > math.Exp(-mean); p *= w.random.Float64() {
			n++
		}
		return min(n, calls)
	}
	return min(max(int(mean+math.Sqrt(mean*(1-rate))*w.random.NormFloat64()), 0), calls)
}

// observe settles a failure.
func (w *world) observe(rate float64) {
	if w.heed && w.b.state == paused {
		w.probe(rate)
		return
	}
	trip := w.b.Observe(w.now, w.totals)
	if _, learned := w.b.Threshold(w.now); w.heed && !learned && rate > 0.5 {
		trip = true // by the threshold of its own
	}
	if !trip {
		return
	}
	w.trips = append(w.trips, w.now)
	if w.heed {
		w.b.Pause(w.now, w.totals)
		w.openAt = w.now
	}
}

// probe lets a call through that fails as often as others do, ten seconds after the one before.
func (w *world) probe(rate float64) {
	if w.now.Sub(w.openAt) < 10*time.Second {
		return
	}
	if w.openAt = w.now; w.random.Float64() > rate {
		w.b.Resume(w.now, w.totals)
	}
}

// thresholds are those of the 24 hours from now on.
func (w *world) thresholds() (rates [24]float64) {
	for i := range rates {
		rates[i], _ = w.b.Threshold(w.now.Add(time.Duration(i) * time.Hour))
	}
	return rates
}
