// SPDX-License-Identifier: Apache-2.0

package breaker

import "time"

func (m *Machine) settleClosed(t time.Duration, s Settlement) {
	switch {
	case m.panicked(t, s):
	case m.failedAgain(t, s):
		m.trip(t, inRow(m.cfg.Failures, "failure"))
	case s.Attempt:
		m.rates.add(t, s)
		m.judge(t, s)
	}
}

// judge opens the machine when a rate is too high. Each failed or slow attempt is an occasion to judge both, since
// either may have risen by older successes leaving the window.
func (m *Machine) judge(t time.Duration, s Settlement) {
	if !s.Kind.failed() && !s.Slow {
		return
	}
	sum, c := m.rates.window(t), &m.cfg
	switch {
	case exceeds(sum.failed, sum.attempts, c.ErrorRate, c.MinCalls):
		m.trip(t, rateReason("error", sum.failed, sum.attempts, c.RateWindow, c.ErrorRate))
	case exceeds(sum.slow, sum.attempts, c.SlowRate, c.MinCalls):
		m.trip(t, rateReason("slow", sum.slow, sum.attempts, c.RateWindow, c.SlowRate))
	}
}

func (m *Machine) settleProbe(t time.Duration, s Settlement) {
	switch {
	case m.panicked(t, s):
	case s.Kind.failed():
		m.open(t, probeReason(s.Kind, m.cause))
	case s.Slow && m.cfg.SlowRate > 0: // it proves nothing: the plugin may have been given a rest for just that
	case s.Kind == Success:
		if m.passed++; m.passed == m.cfg.Probes {
			m.close(t, s)
		}
	}
}

// panicked keeps the streak of panics and reports whether it has disabled the machine.
func (m *Machine) panicked(t time.Duration, s Settlement) bool {
	switch {
	case !s.Attempt:
	case s.Kind == Panic:
		if m.panics.add(t) {
			m.Disable(inRow(m.cfg.Panics, "panic"))
			return true
		}
	case s.Kind == Success || s.Kind == Failure:
		m.panics.forget()
	}
	return false
}

// failedAgain keeps the streak of failures and reports whether it is complete.
func (m *Machine) failedAgain(t time.Duration, s Settlement) bool {
	switch {
	case !s.Call:
	case s.Kind.failed():
		return m.failures.add(t)
	case s.Kind == Success:
		m.failures.forget()
	}
	return false
}
