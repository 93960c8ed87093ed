// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/plugreg/plugreg/internal/breaker"
)

// BreakerConfig says when a plugin that fails is given a rest (open: calls are refused with [ErrOpen] until a probing
// call succeeds) and when it is disabled until somebody enables it (refused with [ErrDisabled]). Refusals, what the
// caller is to blame for, and what a dependency refused never count. Zero stands for the default, a negative value
// switches a rule off.
//
// No clock is read while calls succeed: rates are judged when a failure is settled.
type BreakerConfig struct {
	// ConsecutiveFailures is the number of calls that fail in a row, all within Window, at which the breaker opens. A
	// call counts once, however often it was tried. Zero: 3. Negative: off.
	ConsecutiveFailures int
	// Window is the time within which they must fall. Zero: the larger of 1m and twice as long as they take where each
	// fails by its Timeout. Shorter than the time from the first to the last of them, where they hang one after the
	// other, is refused: such calls could never trip it.
	Window time.Duration
	// ConsecutivePanics is the number of panics in a row within Window that disable the plugin. Zero: 3. Negative: off.
	ConsecutivePanics int
	// ErrorRate is the share of attempts above which the breaker opens, where there were more than MinCalls within
	// RateWindow. Zero: 0.5. Negative: off. Less than 1.
	ErrorRate float64
	// MinCalls is the number of attempts within RateWindow up to which no rate is judged. Zero: 20. Negative: none.
	MinCalls int
	// RateWindow is the time over which rates are taken. Zero: 10s.
	RateWindow time.Duration
	// SlowCall is the time from which on an attempt is slow; then each call reads the clock. So is one whose caller's
	// own deadline passed. Zero or negative: off. Needs SlowRate, and must be shorter than Timeout.
	SlowCall time.Duration
	// SlowRate is the share of slow attempts above which the breaker opens, as with ErrorRate. Zero or negative: off.
	SlowRate float64
	// OpenFor is how long it stays open before it lets probing calls in. Zero: 10s.
	OpenFor time.Duration
	// Probes is the number of probing calls that must succeed for it to close, and that may be inside at a time. One
	// that fails opens it again; one that hangs gives its place back after Timeout and AbandonGrace (an hour at most,
	// or OpenFor where that is longer), or after OpenFor where there is no Timeout; what comes of it later still
	// counts. One that is slow, where SlowRate is on, proves nothing. Zero: 1.
	Probes int
	// DisableAfterOpenings is the number of openings within DisablePeriod at which the plugin is disabled. Zero: 5.
	// Negative: off.
	DisableAfterOpenings int
	// DisablePeriod is the time within which these openings must fall. Zero: the larger of 10m and twice as long as
	// they take at least.
	DisablePeriod time.Duration
	// Baseline learns what error rate is normal for the time of day. Nil: ErrorRate stands as it is.
	Baseline *BaselineConfig
}

// BreakerState is what a breaker does.
type BreakerState uint8

const (
	// BreakerClosed lets calls in.
	BreakerClosed BreakerState = iota
	// BreakerOpen refuses them for a while.
	BreakerOpen
	// BreakerHalfOpen lets probing calls in.
	BreakerHalfOpen
	// BreakerDisabled refuses them until [Sandbox.Enable].
	BreakerDisabled
)

func breakerNames() []string { return []string{"closed", "open", "half-open", "disabled"} }

// String returns the state's name, such as "half-open".
func (b BreakerState) String() string { return enumText(breakerNames(), b, "breaker state") }

// MarshalText writes the state as String does; the error is about one that is none.
func (b BreakerState) MarshalText() ([]byte, error) {
	return enumMarshal(breakerNames(), b, "breaker state")
}

// UnmarshalText reads what MarshalText wrote; the error lists the states.
func (b *BreakerState) UnmarshalText(text []byte) error {
	return enumUnmarshal(breakerNames(), b, "breaker state", text)
}

// over fills what b leaves at zero from base.
func (b BreakerConfig) over(base BreakerConfig) BreakerConfig {
	fill(&b.ConsecutiveFailures, base.ConsecutiveFailures)
	fill(&b.Window, base.Window)
	fill(&b.ConsecutivePanics, base.ConsecutivePanics)
	fill(&b.ErrorRate, base.ErrorRate)
	fill(&b.MinCalls, base.MinCalls)
	fill(&b.RateWindow, base.RateWindow)
	fill(&b.SlowCall, base.SlowCall)
	fill(&b.SlowRate, base.SlowRate)
	fill(&b.OpenFor, base.OpenFor)
	fill(&b.Probes, base.Probes)
	fill(&b.DisableAfterOpenings, base.DisableAfterOpenings)
	fill(&b.DisablePeriod, base.DisablePeriod)
	if b.Baseline == nil {
		b.Baseline = base.Baseline
	}
	return b
}

// rules are the numbers with the defaults filled in; timeout is a call's, zero for none.
func (b BreakerConfig) rules(timeout, grace time.Duration) breaker.Config {
	r := breaker.Config{
		Failures: orDefault(b.ConsecutiveFailures, 3), Panics: orDefault(b.ConsecutivePanics, 3),
		ErrorRate: orDefault(b.ErrorRate, 0.5), MinCalls: orDefault(b.MinCalls, 20), RateWindow: cmp.Or(b.RateWindow, 10*time.Second),
		OpenFor: cmp.Or(b.OpenFor, 10*time.Second), Probes: cmp.Or(b.Probes, 1),
		Openings: orDefault(b.DisableAfterOpenings, 5),
	}
	if b.SlowCall > 0 {
		r.SlowRate = max(b.SlowRate, 0)
	}
	r.Window = cmp.Or(b.Window, max(time.Minute, times(2*r.Failures, timeout)))
	r.OpeningsWithin = cmp.Or(b.DisablePeriod, max(10*time.Minute, times(2*r.Openings, r.OpenFor)))
	r.ProbeFor = r.OpenFor
	if timeout > 0 { // after its deadline, which settles a probe that can be settled
		r.ProbeFor = min(timeout, max(r.OpenFor, time.Hour)) + grace // a day's patience would keep it half-open for a day
	}
	return r
}

// times is n times d, or as much as there is.
func times(n int, d time.Duration) time.Duration {
	if n > 0 && d > math.MaxInt64/time.Duration(n) {
		return math.MaxInt64
	}
	return time.Duration(n) * d
}

// check files rules that could never trip, or that make no sense; attempt is the longest that an attempt may take, zero
// for any time.
func (b BreakerConfig) check(f *faults, field string, timeout, attempt time.Duration) {
	r := b.rules(timeout, 0)
	b.checkSigns(f, field)
	if least := times(r.Failures-1, timeout); r.Failures > 1 && r.Window < least {
		f.bad(field+".Window", r.Window.String(), fmt.Sprintf("%v at least, which %d timeouts of %v take", least, r.Failures, timeout),
			"widen Window or shorten Timeout: as it is, calls that hang one after the other would never open the breaker")
	}
	for _, x := range [...]struct {
		name string
		rate float64
	}{{".ErrorRate", b.ErrorRate}, {".SlowRate", b.SlowRate}} {
		if x.rate >= 1 || x.rate != x.rate {
			f.bad(field+x.name, fmt.Sprint(x.rate), "less than 1", "no share of calls is above it; a negative value switches the rule off")
		}
	}
	b.checkSlow(f, field, attempt)
	if least := times(r.Openings-1, r.OpenFor); least > r.OpeningsWithin {
		f.bad(field+".DisablePeriod", r.OpeningsWithin.String(), fmt.Sprintf("%v at least, which %d openings of %v take", least, r.Openings, r.OpenFor),
			"widen DisablePeriod, or make DisableAfterOpenings negative")
	}
	if b.learns() {
		b.Baseline.check(f, field+".Baseline")
		if b.ErrorRate < 0 {
			f.bad(field+".ErrorRate", fmt.Sprint(b.ErrorRate), "0 or more where there is a Baseline", "it is the threshold until enough was learned")
		}
	}
}

func (b BreakerConfig) checkSigns(f *faults, field string) {
	for _, x := range [...]struct {
		name string
		d    time.Duration
	}{{".Window", b.Window}, {".RateWindow", b.RateWindow}, {".OpenFor", b.OpenFor}, {".DisablePeriod", b.DisablePeriod}} {
		if x.d < 0 {
			f.bad(field+x.name, x.d.String(), "0 or more", "")
		}
	}
	if b.Probes < 0 {
		f.bad(field+".Probes", fmt.Sprint(b.Probes), "0 or more", "")
	}
}

// checkSlow takes a rule that is switched off by either half as off.
func (b BreakerConfig) checkSlow(f *faults, field string, attempt time.Duration) {
	switch slow, rate := b.SlowCall > 0, b.SlowRate > 0; {
	case slow && b.SlowRate == 0:
		f.missing(field+".SlowRate", fmt.Sprint(b.SlowRate), "a share of calls", "slow calls alone trip nothing")
	case rate && b.SlowCall == 0:
		f.missing(field+".SlowCall", b.SlowCall.String(), "the time from which on a call is slow", "")
	case slow && rate && attempt > 0 && b.SlowCall >= attempt:
		f.bad(field+".SlowCall", b.SlowCall.String(), fmt.Sprintf("less than the %v that an attempt may take", attempt), "no call is that slow")
	}
}

// learns says that there is a baseline.
func (b BreakerConfig) learns() bool { return b.Baseline != nil && b.Baseline.Minutes >= 0 }
