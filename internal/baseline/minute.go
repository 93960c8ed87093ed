// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"math"
	"time"
)

// instant is a time in the years that are counted with, so that no sum or difference overflows.
type instant struct{ sec, nsec int64 }

const lastSecond = 253402300799 // of the year 9999

func instantOf(t time.Time) instant {
	sec := t.Unix()
	if sec < 0 || sec > lastSecond {
		return instant{sec: min(max(sec, 0), lastSecond)}
	}
	return instant{sec, int64(t.Nanosecond())}
}

func (i instant) minute() int64 { return i.sec / 60 }

// since is the time from the second start to i, in seconds.
func (i instant) since(start int64) float64 { return float64(i.sec-start) + float64(i.nsec)/1e9 }

func (i instant) before(j instant) bool { return i.sec < j.sec || i.sec == j.sec && i.nsec < j.nsec }

// watch is the minute under way and the newest totals.
type watch struct {
	minute   int64   // Unix seconds / 60
	whole    bool    // it was watched from its beginning
	calls    float64 // since its beginning; a fraction where the beginning was between two totals
	failures uint64
	at       instant // of the totals; within the minute
	totals   Totals
}

// elapsed is a minute that is over, and the idle ones behind it, which had no failure.
type elapsed struct {
	minute    int64
	whole     bool
	calls     float64
	failures  uint64
	idle      int64   // how many
	idleCalls float64 // in each
}

// begin watches from the middle of a minute.
func begin(now instant, t Totals) watch {
	return watch{minute: now.minute(), at: now, totals: t}
}

// note takes in newer totals, and returns what is over once the minute is.
func (w *watch) note(now instant, t Totals) (past elapsed, over bool) {
	minute := now.minute()
	if minute < w.minute-1 {
		*w = begin(now, t)
		return elapsed{}, true
	}
	calls, failures := w.gain(t)
	if minute > w.minute {
		return w.turn(now, calls, failures), true
	}
	w.calls += float64(calls)
	w.failures += failures
	if w.at.before(now) {
		w.at = now
	}
	return elapsed{}, false
}

// gain raises the totals. Of two failures that are settled at once the later may be noted first, and an owner may take
// an admission back, so they may be lower than before.
func (w *watch) gain(t Totals) (calls, failures uint64) {
	before := w.totals
	w.totals = Totals{Calls: max(before.Calls, t.Calls), Failures: max(before.Failures, t.Failures)}
	return w.totals.Calls - before.Calls, w.totals.Failures - before.Failures
}

// turn begins the minute that now is in. The calls since the last totals are spread evenly; the failures are those of
// now.
func (w *watch) turn(now instant, calls, failures uint64) elapsed {
	last := w.at.since(w.minute * 60)
	perSecond := float64(calls) / (now.since(w.minute*60) - last)
	next := now.minute()
	past := elapsed{
		minute: w.minute, whole: w.whole, calls: w.calls + perSecond*(60-last), failures: w.failures,
		idle: next - w.minute - 1, idleCalls: perSecond * 60,
	}
	*w = watch{minute: next, whole: true, calls: perSecond * now.since(next*60), failures: failures, at: now, totals: w.totals}
	return past
}

// wilsonLower is the lower bound of the rate behind so many failures among calls, with 95 % confidence, one-sided.
// Without the half failure that is taken off, a continuity correction, it errs in up to 14 % of minutes for low rates
// and few calls; with it in 6.6 % at most, for 20 calls and 2 % or more of either.
func wilsonLower(failures, calls float64) float64 {
	const z = 1.6448536269514722 // the 95th percentile of the normal distribution
	p, zz := max(failures-0.5, 0)/calls, z*z/calls
	return (p + zz/2 - z*math.Sqrt(p*(1-p)/calls+zz/calls/4)) / (1 + zz)
}

const lastHour = lastSecond / 3600

// hourOf is the hour on the wall at a second of Unix time: hours from 1970-01-01T00 there, as if no clock had ever been
// changed.
func (b *Baseline) hourOf(sec int64) int32 {
	_, offset := time.Unix(sec, 0).In(b.cfg.Zone).Zone()
	return wallHour(sec + int64(offset))
}

func wallHour(wall int64) int32 { return int32(min(max(wall/3600, 0), lastHour)) }

// hourFrom is hourOf and the number of minutes, one or more, that begin in that hour from sec on, where a minute
// begins.
func (b *Baseline) hourFrom(sec int64) (hour int32, minutes int64) {
	_, offset := time.Unix(sec, 0).In(b.cfg.Zone).Zone()
	wall := sec + int64(offset)
	hour, minutes = wallHour(wall), (3600-(wall%3600+3600)%3600+59)/60
	// Few zones ever changed clocks within an hour. Time.ZoneBounds would tell, were it right at the end of leap years:
	// in Go 1.26 it names an end that is before the time.
	if b.hourOf(sec+(minutes-1)*60) != hour {
		return hour, 1
	}
	return hour, minutes
}
