// SPDX-License-Identifier: Apache-2.0

// Package baseline learns which error rate is normal at which hour of the day, and says when the rate of the minutes
// just past was not. What half of all calls failing means depends on who is called: for one plugin it is what each
// evening's rush brings, for another the end.
//
// The invariant: the threshold of an hour is a function of the minutes that were taught for the same hour of the seven
// days before it, and for the hours beside; nothing of the last 22 hours moves the threshold that holds now. And a
// minute that is above its threshold with confidence is taught as what is ordinary at that hour, so no outage, however
// often it comes, raises a threshold.
//
// # From rates to a threshold
//
// A minute's rate is its failures over its calls. It is kept in one of 32 bins of its hour: zero, up to 0.1 %, and from
// there ten a decade up to 100 % along the preferred numbers R10 (1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8), so a rate
// is known to 28 %. Of all minutes of one hour of the day over seven days, up to 420, the 99th percentile is what
// counts, as its upper 95 % confidence bound: the lowest rate of which these minutes let one say, at that confidence,
// that no more than one minute in 100 is above it. Order statistics give it for every distribution, as long as minutes
// are independent, and from 299 minutes on. With fewer it is the highest rate seen, with a confidence of 1-0.99ⁿ, which
// is 45 % for the least 60. The threshold is the upper edge of the next bin, which is 1.25 to 1.6 times that bound,
// kept between Floor and Cap.
//
// The hours before and after count half: a rush does not begin on the stroke of an hour, and when clocks change it
// moves by one. They also make enough minutes for the bound to be less than the worst of all. The price is that an hour
// beside a loud one is judged as a loud one. An hour with fewer than 60 minutes of enough calls in those seven days is
// not learned, whatever the hours beside it are.
//
// # What teaches, what trips
//
// A minute is above its threshold if the lower bound of Wilson's score interval is, one-sided at 95 % and with
// continuity correction: of 20 calls, three failures are not above 5 %, four are. (E. B. Wilson, Probable Inference,
// 1927; recommended for few trials by L. D. Brown, T. T. Cai and A. DasGupta, Interval Estimation for a Binomial
// Proportion, 2001; corrected as by R. G. Newcombe, Two-Sided Confidence Intervals for the Single Proportion, 1998.)
// Such a minute is taught as the 90th percentile of its own hour, which is in no threshold's way. Any other is taught
// as it is, but as no more than its threshold. So a level that rises by up to 25 % from day to day is followed at any
// number of calls. One that leaps is an outage, also where it never comes back: to accept it takes a new Baseline.
// Before an hour is learned every minute teaches what it was.
//
// # Time
//
// There is no timer. What happened between two calls is inferred when the second comes: there was no failure, and the
// calls were spread evenly. Minutes are those of Unix time, hours those on the wall in Config.Zone. One that a change
// of clocks repeats has twice as many minutes, one that it skips has none. A clock that goes back by less than two
// minutes is taken to stand still, since owners read it before they take their lock; one that goes back further drops
// the minute under way. Leap ahead as far as it likes, the work is bounded by the hours of a week. Times before 1970
// and after 9999 are taken as the nearest in between.
package baseline

import (
	"math"
	"time"
)

// Config is what a [Baseline] is made with. Its owner has filled it in and checked it: 0 < Floor ≤ Cap < 1, and the
// numbers are 1 or more.
type Config struct {
	Floor, Cap float64        // the learned threshold is kept between them; fractions of the calls
	MinCalls   int            // a minute with fewer calls neither teaches nor trips, and ends what was in a row
	Minutes    int            // that many minutes in a row above the threshold trip
	Zone       *time.Location // in which hours of the day are counted; never nil. Its name goes into the document
}

// Totals are counters of the owner at one time. What is lower than it was before is taken to be unchanged.
type Totals struct {
	Calls    uint64 // ever admitted
	Failures uint64 // ever failed; all but those while paused must have been observed
}

type state uint8

const (
	fresh state = iota // nothing was observed yet
	learning
	paused
)

// Baseline is what was learned, and the minute under way. Make one with [New]. It takes less than 14 kB whatever
// happens. It has no lock: its owner calls one method at a time, also of those that only seem to read.
type Baseline struct {
	cfg   Config
	state state
	run   int   // minutes in a row above their thresholds, up to the last that is over
	watch watch // of the minute under way
	week  week
	cache limit // of the hour asked for last; nothing known once a minute was taught
}

// limit is what was learned for an hour.
type limit struct {
	known, learned bool
	hour           int32
	rate           float64 // the threshold
	ordinary       int     // the bin that minutes above it are taught in
}

// New returns a [Baseline] that has learned nothing.
func New(cfg Config) *Baseline { return &Baseline{cfg: cfg} }

// Observe tells that a failure was settled, which t.Failures contains. It closes the minutes that are over, teaches
// them, and reports whether as many as Config.Minutes in a row, up to the last that is over, were above the thresholds
// that held for them. Having reported that, it begins to count anew. It is false while paused. The first minute that it
// hears of is not taught, since its beginning was missed.
func (b *Baseline) Observe(now time.Time, t Totals) (trip bool) {
	switch b.state {
	case paused:
		return false
	case fresh:
		b.Resume(now, t)
		return false
	}
	past, over := b.watch.note(instantOf(now), t)
	return over && b.close(past)
}

// Pause tells that the breaker opened. The minutes that are over are taught, the one under way is dropped, and nothing
// is learned until Resume.
func (b *Baseline) Pause(now time.Time, t Totals) {
	b.Observe(now, t)
	b.state = paused
}

// Resume tells that the breaker closed again: learning starts with the next full minute. Called while nothing is paused
// it drops the minute under way; as the first call of all it has the time until the first failure counted.
func (b *Baseline) Resume(now time.Time, t Totals) {
	b.state = learning
	b.watch = begin(instantOf(now), t)
}

// Threshold returns the threshold for the hour that at is in, as a fraction of the calls, and whether it was learned.
// It is zero where it was not.
func (b *Baseline) Threshold(at time.Time) (rate float64, learned bool) {
	l := b.limit(b.hourOf(instantOf(at).sec))
	return l.rate, l.learned
}

// close takes in the time from the beginning of the minute that was under way to that of the one that is now.
func (b *Baseline) close(past elapsed) (trip bool) {
	b.run++
	// A minute that began unseen, as the first behind a pause, ends what was in a row before.
	if !past.whole || !b.settle(past) {
		b.run = 0
	}
	if past.idle > 0 {
		b.run = 0
		b.teachIdle(past)
	}
	if b.run < b.cfg.Minutes {
		return false
	}
	b.run = 0
	return true
}

// settle teaches the minute past and reports whether it was above its threshold.
func (b *Baseline) settle(past elapsed) (above bool) {
	calls := math.Round(past.calls)
	if calls < float64(b.cfg.MinCalls) {
		return false
	}
	failures := min(float64(past.failures), calls)
	hour := b.hourOf(past.minute * 60)
	l, bin := b.limit(hour), binOf(failures/calls)
	if l.learned {
		above = wilsonLower(failures, calls) > l.rate
		bin = min(bin, binOf(l.rate))
	}
	if above {
		bin = min(bin, l.ordinary)
	}
	b.teach(hour, bin, 1)
	return above
}

// teachIdle teaches minutes without failures. All of them have the same number of calls.
func (b *Baseline) teachIdle(past elapsed) {
	if math.Round(past.idleCalls) < float64(b.cfg.MinCalls) {
		return
	}
	end := past.minute + 1 + past.idle
	for at := max(past.minute+1, end-weekHours*60); at < end; {
		hour, left := b.hourFrom(at * 60)
		left = min(left, end-at)
		b.teach(hour, 0, int(left))
		at += left
	}
}

func (b *Baseline) teach(hour int32, bin, minutes int) {
	b.cache.known = false
	b.week.add(hour, bin, minutes)
}

func (b *Baseline) limit(hour int32) *limit {
	if !b.cache.known || b.cache.hour != hour {
		b.cache = b.learned(hour)
	}
	return &b.cache
}

// learned is what the week before says about an hour.
func (b *Baseline) learned(hour int32) limit {
	l := limit{known: true, hour: hour}
	own, beside := b.week.before(hour)
	if own.minutes() < leastMinutes {
		return l
	}
	l.learned, l.ordinary = true, ordinary(&own)
	next := min(percentile(&own, &beside)+1, bins-1)
	l.rate = min(max(upperEdge(next), b.cfg.Floor), b.cfg.Cap)
	return l
}
