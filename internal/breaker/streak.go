// SPDX-License-Identifier: Apache-2.0

package breaker

import "time"

// streak recognises limit events that lie no further than within apart. It keeps the time of every event that can still
// be one of them, in a ring that grows on demand: 8 bytes an event, never more of them than limit.
type streak struct {
	limit   int
	within  time.Duration
	times   []time.Duration
	head, n int
}

// add notes an event and reports whether it completes the streak. t never goes back.
func (s *streak) add(t time.Duration) bool {
	if s.limit <= 0 || s.within <= 0 {
		return false
	}
	for s.n > 0 && t-s.times[s.head] > s.within {
		s.head = (s.head + 1) % len(s.times)
		s.n--
	}
	if s.n == len(s.times) {
		s.grow()
	}
	s.times[(s.head+s.n)%len(s.times)] = t
	s.n++
	return s.n >= s.limit
}

func (s *streak) grow() {
	times := make([]time.Duration, max(4, 2*len(s.times)))
	k := copy(times, s.times[s.head:])
	copy(times[k:], s.times[:s.head])
	s.times, s.head = times, 0
}

func (s *streak) running() bool { return s.n > 0 }

func (s *streak) forget() { s.head, s.n = 0, 0 }
