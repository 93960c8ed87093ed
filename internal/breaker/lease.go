// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"slices"
	"time"
)

// Lease is one permit of a half-open Machine, which goes back with the first Settlement that names it, or by itself
// when Config.ProbeFor is over. The verdict of a probe whose lease expired still counts, as long as the half-open period
// lasts: a plugin whose calls take longer than that would never close otherwise.
type Lease struct {
	until   time.Duration // the machine's time at which it expires
	settled bool
}

// Permits returns how many permits Probe would hand out now: zero unless HalfOpen.
func (m *Machine) Permits() int {
	if m.state != HalfOpen {
		return 0
	}
	return max(m.cfg.Probes-m.passed-len(m.leases), 0) // verdicts of expired leases may be ahead
}

// Probe returns a permit that expires after Config.ProbeFor. Nil unless the machine is HalfOpen with a permit free.
func (m *Machine) Probe(now time.Time) *Lease {
	t := m.advance(now)
	if m.Permits() == 0 {
		return nil
	}
	l := &Lease{until: later(t, m.cfg.ProbeFor)}
	m.leases = append(m.leases, l)
	return l
}

// Holds reports whether the permit of l is out still: it was neither settled nor has it expired, and the half-open period
// that it is from lasts.
func (m *Machine) Holds(l *Lease) bool { return slices.Contains(m.leases, l) }

// giveBack frees the permit of l, if it is out, and reports whether this is the first Settlement that names it.
func (m *Machine) giveBack(l *Lease) (first bool) {
	if i := slices.Index(m.leases, l); i >= 0 {
		m.leases = slices.Delete(m.leases, i, i+1)
	}
	first, l.settled = !l.settled, true
	return first
}

func (m *Machine) expire(t time.Duration) {
	n := 0
	for m.cfg.ProbeFor > 0 && n < len(m.leases) && t >= m.leases[n].until {
		n++
	}
	m.leases = slices.Delete(m.leases, 0, n)
}
