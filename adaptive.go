// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"fmt"
	"time"

	"github.com/plugreg/plugreg/internal/baseline"
	"github.com/plugreg/plugreg/internal/breaker"
)

// BaselineConfig has the breaker learn what error rate is normal: the 99th percentile of the rates per minute in the
// same hour of the last seven days. The breaker opens where the rate is above that for Minutes in a row; and ErrorRate
// is raised to it where it is higher, so that what is normal at that hour does not trip. Minutes while the breaker is
// not closed are not learned, and what is above the threshold teaches no more than the threshold. Until enough was
// learned (60 minutes of that hour of the day), ErrorRate stands as it is. Save it with [Sandbox.Baseline], or a
// restart begins anew. Where ErrorRate is below what is normal at rush hours, those hours end by an opening and are
// never learned: set it above that until they are.
type BaselineConfig struct {
	// Floor is the least threshold: a plugin that never fails does not trip at its first failure. Zero: 0.02.
	Floor float64
	// Cap is the highest. Zero: 0.9. Less than 1.
	Cap float64
	// MinCalls is the number of calls in a minute below which it neither teaches nor trips. Zero: 20. Negative is a
	// fault.
	MinCalls int
	// Minutes is how many in a row must be above the threshold. Zero: 3. Negative: there is no baseline, also where the
	// registry has one.
	Minutes int
	// Zone is where the hours are those of the day. Nil: UTC.
	Zone *time.Location
}

// rules are the numbers with the defaults filled in.
func (b BaselineConfig) rules() baseline.Config {
	zone := b.Zone
	if zone == nil {
		zone = time.UTC
	}
	return baseline.Config{Floor: cmp.Or(b.Floor, 0.02), Cap: cmp.Or(b.Cap, 0.9), MinCalls: cmp.Or(b.MinCalls, 20), Minutes: cmp.Or(b.Minutes, 3), Zone: zone}
}

func (b BaselineConfig) check(f *faults, field string) {
	r := b.rules()
	if !(r.Floor > 0 && r.Floor <= r.Cap && r.Cap < 1) {
		f.bad(field+".Floor and Cap", fmt.Sprintf("%v and %v", r.Floor, r.Cap), "0 < Floor ≤ Cap < 1", "")
	}
	if r.MinCalls < 1 || r.Minutes < 1 {
		f.bad(field+".MinCalls and Minutes", fmt.Sprintf("%d and %d", r.MinCalls, r.Minutes), "1 or more", "")
	}
}

// Baseline returns what was learned as JSON, for [Sandbox.RestoreBaseline] after a restart; nil where
// there is no baseline.
func (s *Sandbox) Baseline() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.baseline == nil {
		return nil
	}
	return s.baseline.Append(nil)
}

// RestoreBaseline replaces what was learned by what Baseline returned earlier. The error matches [ErrInvalid] and says
// where the document is at fault, or that there is no baseline; what was learned stays as it was then, so a new sandbox
// starts cold.
func (s *Sandbox) RestoreBaseline(saved []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(err error) error {
		return &PluginError{Plugin: s.call.Plugin, Version: s.call.Version, Field: "baseline", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	if s.baseline == nil {
		return fail(fmt.Errorf("the breaker has none: set BreakerConfig.Baseline"))
	}
	now := time.Now()
	if err := s.baseline.Restore(saved, now); err != nil {
		return fail(err)
	}
	s.threshold(now)
	return nil
}

// pause has the baseline learn nothing, or learn again. Call with mu held.
func (s *Sandbox) pause(now time.Time, on bool) {
	if s.baseline == nil || s.paused == on {
		return
	}
	if s.paused = on; on {
		s.baseline.Pause(now, s.totals(s.counted()))
	} else {
		s.baseline.Resume(now, s.totals(s.counted()))
	}
}

func (s *Sandbox) totals(calls uint64) baseline.Totals {
	return baseline.Totals{Calls: calls, Failures: s.failed}
}

// learn tells the baseline of a failure. Call with mu held.
func (s *Sandbox) learn(now time.Time, calls uint64) {
	if s.baseline == nil || s.paused || s.machine.State() != breaker.Closed {
		return
	}
	if s.baseline.Observe(now, s.totals(calls)) {
		rate, _ := s.baseline.Threshold(now)
		s.machine.Trip(now, fmt.Sprintf("error rate above the baseline of %.3g for %d minutes in a row", rate, s.minutes))
	}
	s.threshold(now)
}

// threshold has the breaker use what was learned where that is higher. Call with mu held.
func (s *Sandbox) threshold(now time.Time) {
	rate := orDefault(s.cfg.Breaker.ErrorRate, 0.5)
	if learned, ok := s.baseline.Threshold(now); ok {
		rate = max(rate, learned)
	}
	s.rate = rate
	s.machine.SetErrorRate(rate)
}
