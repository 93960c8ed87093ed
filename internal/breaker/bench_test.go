// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"testing"
	"time"
)

func BenchmarkSettleFailure(b *testing.B) {
	benches := []struct {
		name  string
		adapt func(*Config)
	}{
		{"streaks and rates", func(*Config) {}},
		{"streaks", func(c *Config) { c.RateWindow = 0 }},
	}
	for _, bb := range benches {
		b.Run(bb.name, func(b *testing.B) {
			c := usual()
			c.Failures, c.MinCalls = 1000, 1<<30
			bb.adapt(&c)
			m, now := New(c), start
			s := Settlement{Kind: Failure, Attempt: true, Call: true}
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(100 * time.Millisecond)
				s.Calls += 3
				m.Settle(now, s)
			}
			if m.State() != Closed {
				b.Fatal(m.Reason())
			}
		})
	}
}

func BenchmarkSettleSuccess(b *testing.B) {
	m := New(usual())
	s := Settlement{Attempt: true, Call: true}
	b.ReportAllocs()
	for b.Loop() {
		s.Calls++
		m.Settle(start, s)
	}
}

func BenchmarkSettleStale(b *testing.B) {
	m := New(usual())
	s := Settlement{Gen: 7, Kind: Failure, Attempt: true, Call: true}
	b.ReportAllocs()
	for b.Loop() {
		m.Settle(start, s)
	}
}

func BenchmarkProbeAndSettle(b *testing.B) {
	m := New(usual())
	m.Trip(start, "benchmark")
	m.Tick(m.Next())
	now := start.Add(time.Minute)
	s := Settlement{Gen: m.Gen(), Kind: Neutral, Attempt: true, Call: true}
	b.ReportAllocs()
	for b.Loop() {
		s.Lease = m.Probe(now)
		m.Settle(now, s)
	}
	if m.State() != HalfOpen || m.Permits() != 1 {
		b.Fatal(m.State(), m.Permits())
	}
}

// A whole round: closed, open, half-open, closed.
func BenchmarkRound(b *testing.B) {
	c := usual()
	c.Openings = 0
	m := New(c)
	b.ReportAllocs()
	for b.Loop() {
		for range c.Failures {
			m.Settle(start, Settlement{Gen: m.Gen(), Kind: Failure, Attempt: true, Call: true})
		}
		next := m.Next()
		m.Tick(next)
		m.Settle(next, Settlement{Gen: m.Gen(), Lease: m.Probe(next), Attempt: true, Call: true})
		if m.State() != Closed {
			b.Fatal(m.Reason())
		}
	}
}
