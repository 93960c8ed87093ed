// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"slices"
	"time"
)

// Lease is one permit of a half-open Machine, which goes back with the first Settlement that names it, or by itself
// when Config.ProbeFor is over. Only its address matters to the holder.
type Lease struct {
	until time.Duration // the machine's time at which it expires
}

// Permits returns how many permits Probe would hand out now: zero unless HalfOpen.
func (m *Machine) Permits() int {
	if m.state != HalfOpen {
		return 0
	}
	return m.cfg.Probes - m.passed - len(m.leases)
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

// giveBack frees the permit of l and reports whether l was out.
func (m *Machine) giveBack(l *Lease) bool {
	i := slices.Index(m.leases, l)
	if i < 0 {
		return false
	}
	m.leases = slices.Delete(m.leases, i, i+1)
	return true
}

func (m *Machine) expire(t time.Duration) {
	n := 0
	for m.cfg.ProbeFor > 0 && n < len(m.leases) && t >= m.leases[n].until {
		n++
	}
	m.leases = slices.Delete(m.leases, 0, n)
}
