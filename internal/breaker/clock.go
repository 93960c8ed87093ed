// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math"
	"time"
)

// advance returns the machine's time: now since the first one passed, but never less than before. Leases that have come
// to their end by then expire.
func (m *Machine) advance(now time.Time) time.Duration {
	if !m.started {
		m.origin, m.started = now, true
	}
	m.clock = max(m.clock, now.Sub(m.origin))
	m.expire(m.clock)
	return m.clock
}

// later is t + d, or the end of time where that overflows.
func later(t, d time.Duration) time.Duration {
	if d = max(d, 0); t > math.MaxInt64-d {
		return math.MaxInt64
	}
	return t + d
}
