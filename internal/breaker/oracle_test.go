// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math"
	"slices"
	"time"
)

// oracle is a breaker that forgets nothing: it keeps every event since the beginning and works each answer out anew.
type oracle struct {
	c      Config
	now    time.Duration
	state  State
	gen    uint32
	events []event
	leases []grant
}

// event is a settlement that counted, or a change of the machine.
type event struct {
	at   time.Duration
	gen  uint32
	what string // "settled", "opened", "closed", "enabled"
	s    Settlement
	// calls is the highest number of attempts known then.
	calls uint64
}

type grant struct {
	lease  *Lease
	at     time.Duration
	gen    uint32
	given  bool
	passed bool
}

func (o *oracle) note(what string, s Settlement) {
	e := event{at: o.now, gen: o.gen, what: what, s: s}
	if n := len(o.events); n > 0 {
		e.calls = o.events[n-1].calls
	}
	if s.Attempt {
		e.calls = max(e.calls, s.Calls)
	}
	o.events = append(o.events, e)
}

// since returns the events after the last one of the given sort.
func (o *oracle) since(stop func(event) bool) []event {
	for i := len(o.events); i > 0; i-- {
		if stop(o.events[i-1]) {
			return o.events[i:]
		}
	}
	return o.events
}

func enabled(e event) bool { return e.what == "enabled" }

// failuresInRow and panicsInRow return the times of the events of a streak that nothing has ended.
func (o *oracle) failuresInRow() []time.Duration {
	if o.c.Failures <= 0 || o.c.Window <= 0 || o.state != Closed {
		return nil
	}
	var times []time.Duration
	for _, e := range o.since(func(e event) bool {
		return enabled(e) || e.gen != o.gen || e.what == "settled" && e.s.Call && e.s.Kind == Success
	}) {
		if e.what == "settled" && e.s.Call && wrong(e.s) {
			times = append(times, e.at)
		}
	}
	return times
}

func (o *oracle) panicsInRow() []time.Duration {
	if o.c.Panics <= 0 || o.c.Window <= 0 {
		return nil
	}
	var times []time.Duration
	for _, e := range o.since(func(e event) bool {
		return enabled(e) || e.what == "settled" && e.s.Attempt && (e.s.Kind == Success || e.s.Kind == Failure)
	}) {
		if e.what == "settled" && e.s.Attempt && e.s.Kind == Panic {
			times = append(times, e.at)
		}
	}
	return times
}

func (o *oracle) openings() []time.Duration {
	var times []time.Duration
	for _, e := range o.since(enabled) {
		if e.what == "opened" {
			times = append(times, e.at)
		}
	}
	return times
}

func complete(times []time.Duration, n int, within time.Duration) bool {
	return n > 0 && within > 0 && len(times) >= n && times[len(times)-1]-times[len(times)-n] <= within
}

// rateAbove judges the share of the attempts that count among those of the window.
func (o *oracle) rateAbove(limit float64, counts func(Settlement) bool) bool {
	if o.c.RateWindow <= 0 || limit <= 0 {
		return false
	}
	width := o.c.RateWindow / 10
	begin := o.now/width*width - 9*width
	var before, after *event // the snapshots
	n, slot := 0.0, time.Duration(-1)
	period := o.since(func(e event) bool { return enabled(e) || e.gen != o.gen })
	for i, e := range period {
		if e.what == "closed" {
			if e.s.Attempt {
				before = &period[i]
			}
			continue
		}
		if e.what != "settled" || !e.s.Attempt {
			continue
		}
		first := e.at/width != slot
		slot = e.at / width
		switch {
		case e.at < begin && first:
			before = &period[i]
		case e.at >= begin && after == nil:
			after = &period[i]
		}
		if e.at >= begin && counts(e.s) {
			n++
		}
	}
	base := 0.0
	switch {
	case before == nil:
		base = max(float64(after.calls)-1, 0)
	case before.at >= begin:
		base = float64(before.calls)
	default:
		base = math.Floor(float64(before.calls) +
			float64(after.calls-before.calls)*float64(begin-before.at)/float64(after.at-before.at))
	}
	attempts := max(float64(o.events[len(o.events)-1].calls)-base, n)
	return attempts > float64(o.c.MinCalls) && n/attempts > limit
}

func wrong(s Settlement) bool { return s.Kind == Failure || s.Kind == Panic }

func slow(s Settlement) bool { return s.Slow }

func (o *oracle) out() (leases []*grant) {
	for i := range o.leases {
		g := &o.leases[i]
		if g.gen == o.gen && !g.given && (o.c.ProbeFor <= 0 || o.now < g.at+o.c.ProbeFor) {
			leases = append(leases, g)
		}
	}
	return leases
}

func (o *oracle) passed() (n int) {
	for _, g := range o.leases {
		if g.gen == o.gen && g.passed {
			n++
		}
	}
	return n
}

func (o *oracle) permits() int {
	if o.state != HalfOpen {
		return 0
	}
	return max(max(o.c.Probes, 1)-o.passed()-len(o.out()), 0)
}

func (o *oracle) next() time.Time {
	switch out := o.out(); {
	case o.state == Open:
		return start.Add(o.openings()[len(o.openings())-1] + o.c.OpenFor)
	case o.state == HalfOpen && len(out) > 0 && o.c.ProbeFor > 0:
		return start.Add(out[0].at + o.c.ProbeFor)
	}
	return time.Time{}
}

func (o *oracle) enter(s State) {
	o.state = s
	o.gen++
}

func (o *oracle) open() {
	o.note("opened", Settlement{})
	if complete(o.openings(), o.c.Openings, o.c.OpeningsWithin) {
		o.enter(Disabled)
		return
	}
	o.enter(Open)
}

// lastClosed is the generation of the latest closed period.
func (o *oracle) lastClosed() (gen uint32) {
	for _, e := range o.events {
		if e.what == "closed" {
			gen = e.gen
		}
	}
	return gen
}

func (o *oracle) settle(s Settlement) {
	var probe *grant
	if s.Lease != nil {
		i := slices.IndexFunc(o.leases, func(g grant) bool { return g.lease == s.Lease })
		if i < 0 || o.leases[i].given {
			return
		}
		probe = &o.leases[i] // also one whose lease expired
		probe.given = true
	}
	if s.Kind == Fatal {
		if o.state != Disabled && s.Gen >= o.lastClosed() && s.Gen <= o.gen {
			o.enter(Disabled)
		}
		return
	}
	if s.Gen != o.gen || o.state != Closed && probe == nil {
		return
	}
	o.note("settled", s)
	failed := wrong(s)
	switch {
	case s.Attempt && s.Kind == Panic && complete(o.panicsInRow(), o.c.Panics, o.c.Window):
		o.enter(Disabled)
	case probe != nil:
		o.probed(probe, s, failed)
	case s.Call && failed && complete(o.failuresInRow(), o.c.Failures, o.c.Window),
		s.Attempt && (failed || s.Slow) && (o.rateAbove(o.c.ErrorRate, wrong) || o.rateAbove(o.c.SlowRate, slow)):
		o.open()
	}
}

func (o *oracle) probed(probe *grant, s Settlement, failed bool) {
	if failed {
		o.open()
		return
	}
	probe.passed = s.Kind == Success && (!s.Slow || o.c.SlowRate <= 0)
	if probe.passed && o.passed() == max(o.c.Probes, 1) {
		o.enter(Closed)
		o.note("closed", s)
	}
}

// hear takes note of the time where the operation at hand passes it; leases expire only then.
func (o *oracle) hear(w *world) {
	if !slices.Contains([]string{"wait", "serve", "set", "disable"}, w.op) {
		o.now = max(o.now, w.now.Sub(start))
	}
}

// follow does what the world has just done to its machine.
func (o *oracle) follow(w *world) {
	switch w.op {
	case "admit":
		if w.granted != nil {
			o.leases = append(o.leases, grant{lease: w.granted, at: o.now, gen: o.gen})
		}
	case "settle", "again", "stray":
		o.settle(w.told)
	case "tick", "next":
		if o.state == Open && !start.Add(o.now).Before(o.next()) {
			o.enter(HalfOpen)
		}
	case "set":
		o.c.ErrorRate = w.rate
	case "trip":
		if o.state == Closed {
			o.open()
		}
	case "disable":
		if o.state != Disabled {
			o.enter(Disabled)
		}
	case "enable":
		if o.state != Closed {
			o.enter(Closed)
			o.note("closed", Settlement{})
		}
		o.note("enabled", Settlement{})
	}
}
