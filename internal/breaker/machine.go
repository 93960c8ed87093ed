// SPDX-License-Identifier: Apache-2.0

// Package breaker is the state machine of a circuit breaker, and nothing else: it has no lock, no timer, no clock and
// no goroutine. Its owner calls it under a mutex, passes the time, and arms one timer for [Machine.Next].
//
// The invariant: what is settled counts at most once, and only in the period in which it was admitted. A period ends
// with each change of State, which is what Gen counts. A permit is held by one Lease or free, never both: the permits
// out, those free and the successes so far are Config.Probes together, and a permit that nobody gives back returns by
// itself. Disabled is left through Enable only.
//
// Failures in a row count calls, panics in a row and the rates count attempts. Opening forgets a streak of failures,
// but not one of panics: that one ends with an attempt that succeeds or fails without a panic, and with Enable. Both
// rates start anew when the machine closes.
//
// The owner's success path needs neither a clock nor the mutex: a success while Closed need not be settled unless
// Streaks says so, because the rates are judged when a failed or slow attempt is settled, from Settlement.Calls.
//
// Time is measured from the first one passed, and never goes back: where concurrent owners read the clock before they
// get the mutex, an earlier time is taken for the latest one so far.
package breaker

import "time"

// Machine is a circuit breaker. Make one with New. It is not safe for concurrent use.
type Machine struct {
	cfg              Config
	failures, panics streak
	openings         streak
	rates            rates

	origin  time.Time     // the first time passed
	started bool          // origin is set
	clock   time.Duration // the latest time passed, since origin

	state     State
	gen       uint32
	closedGen uint32 // that of the latest Closed period
	reason    string
	cause     string // what opened it from Closed

	openUntil time.Duration
	leases    []*Lease // the permits out, in the order in which they expire
	passed    int      // successes of the half-open period
}

// New returns a closed machine that follows cfg.
func New(cfg Config) *Machine {
	cfg.Probes = max(cfg.Probes, 1)
	return &Machine{
		cfg:      cfg,
		failures: streak{limit: cfg.Failures, within: cfg.Window},
		panics:   streak{limit: cfg.Panics, within: cfg.Window},
		openings: streak{limit: cfg.Openings, within: cfg.OpeningsWithin},
		rates:    newRates(cfg.RateWindow),
	}
}

// State returns what the machine lets pass.
func (m *Machine) State() State { return m.state }

// Gen returns the number of the present period. It changes with each change of State, and with nothing else.
func (m *Machine) Gen() uint32 { return m.gen }

// Reason says in words why the machine is not Closed, such as "3 failures in a row". Empty while Closed, never
// otherwise.
func (m *Machine) Reason() string { return m.reason }

// Streaks reports whether a streak of failures or panics is running, which a Success would end: while it is false and
// the machine is Closed, a plain success need not be settled.
func (m *Machine) Streaks() bool { return m.failures.running() || m.panics.running() }

// Next returns when Tick is to be called: the end of OpenFor while Open, the expiry of the next lease while HalfOpen.
// Zero means never; every other method may change it.
func (m *Machine) Next() time.Time {
	switch {
	case m.state == Open:
		return m.origin.Add(m.openUntil)
	case len(m.leases) > 0 && m.cfg.ProbeFor > 0:
		return m.origin.Add(m.leases[0].until)
	}
	return time.Time{}
}

// Settle counts the end of a call or of an attempt. It is dropped when it was admitted in an earlier period, or when
// its Lease was settled before. A Fatal counts from any period since the machine was last Closed, so that one which
// began before an opening still disables, but not after Enable or a re-close.
func (m *Machine) Settle(now time.Time, s Settlement) {
	t := m.advance(now)
	if s.Lease != nil && !m.giveBack(s.Lease) {
		return
	}
	switch {
	case s.Kind == Fatal:
		if m.gen-s.Gen <= m.gen-m.closedGen { // periods ago; right also when the counter wraps
			m.Disable(fatalReason(s.Detail))
		}
	case s.Gen != m.gen:
	case m.state == Closed:
		m.settleClosed(t, s)
	case m.state == HalfOpen && s.Lease != nil:
		m.settleProbe(t, s)
	}
}

// Tick takes note of the time: an Open machine whose OpenFor is over becomes HalfOpen, and leases expire (which they do
// in every method that is passed the time). An expired lease frees its permit and is no failure. Early, late and
// needless calls are harmless.
func (m *Machine) Tick(now time.Time) {
	if t := m.advance(now); m.state == Open && t >= m.openUntil {
		m.enter(HalfOpen, m.reason)
	}
}

// Trip opens a Closed machine for a reason from outside, and counts as an opening. It does nothing in any other state.
// An empty reason becomes "tripped".
func (m *Machine) Trip(now time.Time, reason string) {
	if t := m.advance(now); m.state == Closed {
		m.trip(t, orElse(reason, "tripped"))
	}
}

// Disable disables the machine until Enable. It does nothing, and leaves the first reason, while Disabled. An empty
// reason becomes "disabled".
func (m *Machine) Disable(reason string) {
	if m.state != Disabled {
		m.enter(Disabled, orElse(reason, "disabled"))
	}
}

// Enable closes the machine whatever its state, and forgets streaks, rates and openings. While Closed it forgets only.
func (m *Machine) Enable(now time.Time) {
	m.advance(now)
	m.failures.forget()
	m.panics.forget()
	m.openings.forget()
	m.rates.restart()
	if m.state != Closed {
		m.enter(Closed, "")
	}
}

// SetErrorRate replaces Config.ErrorRate; zero switches that rule off. It takes effect with the next failed or
// slow attempt.
func (m *Machine) SetErrorRate(rate float64) { m.cfg.ErrorRate = rate }

// trip opens a Closed machine.
func (m *Machine) trip(t time.Duration, cause string) {
	m.cause = cause
	m.open(t, cause)
}

func (m *Machine) open(t time.Duration, reason string) {
	if m.openings.add(t) {
		m.Disable(openingsReason(m.cfg.Openings, m.cfg.OpeningsWithin, reason))
		return
	}
	m.openUntil = later(t, m.cfg.OpenFor)
	m.enter(Open, reason)
}

// close ends a half-open period with success. The rates keep the number of attempts so far where it is known, so that
// the successes until the next failure are not lost on them.
func (m *Machine) close(t time.Duration, s Settlement) {
	m.rates.restart()
	if s.Attempt {
		m.rates.restartAt(t, s)
	}
	m.enter(Closed, "")
}

// enter begins a period. The permits of the one before are void, and its streak of failures is over.
func (m *Machine) enter(s State, reason string) {
	m.state, m.reason = s, reason
	m.gen++
	m.failures.forget()
	if s == Closed {
		m.closedGen, m.cause = m.gen, ""
	}
	clear(m.leases)
	m.leases, m.passed = m.leases[:0], 0
}
