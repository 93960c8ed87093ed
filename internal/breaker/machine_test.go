// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// reach brings a host with the usual rules into a state.
var reach = map[State]func(*host){
	Closed:   func(*host) {},
	Open:     (*host).openNow,
	HalfOpen: (*host).halfOpenNow,
	Disabled: func(h *host) { h.m.Disable("by hand") },
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	const inRow = "3 failures in a row"
	tests := []struct {
		name   string
		adapt  func(*Config)
		from   State
		event  func(*host)
		to     State
		reason string
	}{
		{name: "closed: failures in a row",
			event: func(h *host) { h.call(Failure, Failure, Failure) }, to: Open, reason: inRow},
		{name: "closed: one failure is enough", adapt: func(c *Config) { c.Failures = 1 },
			event: func(h *host) { h.call(Failure) }, to: Open, reason: "1 failure"},
		{name: "closed: too few failures", event: func(h *host) { h.call(Failure, Failure) }},
		{name: "closed: failures with a success between",
			event: func(h *host) { h.call(Failure, Failure, Success, Failure) }},
		{name: "closed: a neutral end touches no streak",
			event: func(h *host) { h.call(Failure, Failure, Neutral, Failure) },
			to:    Open, reason: inRow},
		{name: "closed: a panic is a failure",
			event: func(h *host) { h.call(Panic, Failure, Panic) }, to: Open, reason: inRow},
		{name: "closed: panics in a row", event: func(h *host) { h.call(Panic, Panic, Panic) },
			to: Disabled, reason: "3 panics in a row"},
		{name: "closed: one panic is enough", adapt: func(c *Config) { c.Panics = 1 },
			event: func(h *host) { h.call(Panic) }, to: Disabled, reason: "1 panic"},
		{name: "closed: error rate", adapt: func(c *Config) { c.Failures = 0 },
			event: func(h *host) { h.call(Failure); h.repeat(9, Success); h.repeat(11, Failure) },
			to:    Open, reason: "error rate 0.57 of 21 calls within 10s, more than 0.5"},
		{name: "closed: slow rate", adapt: func(c *Config) { c.SlowRate = 0.25 },
			event: func(h *host) {
				for range 21 {
					a, _ := h.admit()
					h.tell(Settlement{Gen: a.gen, Slow: true, Attempt: true, Call: true})
				}
			}, to: Open, reason: "slow rate 1 of 21 calls within 10s, more than 0.25"},
		{name: "closed: fatal", event: func(h *host) { h.call(Fatal) }, to: Disabled, reason: "a fatal failure"},
		{name: "closed: fatal with detail",
			event: func(h *host) { h.tell(Settlement{Kind: Fatal, Call: true, Detail: "no licence"}) },
			to:    Disabled, reason: "a fatal failure: no licence"},
		{name: "closed: tripped",
			event: func(h *host) { h.m.Trip(h.now, "above the baseline") }, to: Open, reason: "above the baseline"},
		{name: "closed: tripped without a reason",
			event: func(h *host) { h.m.Trip(h.now, "") }, to: Open, reason: "tripped"},
		{name: "closed: tripped once too often", adapt: func(c *Config) { c.Openings = 1 },
			event: func(h *host) { h.m.Trip(h.now, "above the baseline") },
			to:    Disabled, reason: "opened once within 10m0s (last: above the baseline)"},
		{name: "closed: disabled", event: func(h *host) { h.m.Disable("") }, to: Disabled, reason: "disabled"},
		{name: "closed: enabled", event: func(h *host) { h.m.Enable(h.now) }},
		{name: "closed: time passes", event: func(h *host) { h.m.Tick(h.now.Add(time.Hour)) }},
		{name: "closed: no probe", event: func(h *host) { h.m.Probe(h.now) }},

		{name: "open: too early", from: Open,
			event: func(h *host) { h.m.Tick(h.now.Add(10*time.Second - 1)) }, to: Open, reason: inRow},
		{name: "open: due", from: Open, event: func(h *host) { h.m.Tick(h.m.Next()) }, to: HalfOpen, reason: inRow},
		{name: "open: late", from: Open,
			event: func(h *host) { h.m.Tick(h.now.Add(time.Hour)) }, to: HalfOpen, reason: inRow},
		{name: "open: failures from before", from: Open,
			event: func(h *host) { h.tell(Settlement{Kind: Failure, Attempt: true, Call: true}) },
			to:    Open, reason: inRow},
		{name: "open: a settlement that nothing was admitted for", from: Open,
			event: func(h *host) { h.tell(Settlement{Gen: h.m.Gen(), Attempt: true, Call: true}) }, to: Open, reason: inRow},
		{name: "open: fatal from before", from: Open,
			event: func(h *host) { h.tell(Settlement{Kind: Fatal, Attempt: true, Call: true}) },
			to:    Disabled, reason: "a fatal failure"},
		{name: "open: tripped", from: Open, event: func(h *host) { h.m.Trip(h.now, "again") }, to: Open, reason: inRow},
		{name: "open: disabled", from: Open,
			event: func(h *host) { h.m.Disable("by hand") }, to: Disabled, reason: "by hand"},
		{name: "open: enabled", from: Open, event: func(h *host) { h.m.Enable(h.now) }},

		{name: "half-open: success", from: HalfOpen, event: func(h *host) { h.call(Success) }},
		{name: "half-open: success, one more missing", adapt: func(c *Config) { c.Probes = 2 }, from: HalfOpen,
			event: func(h *host) { h.call(Success) }, to: HalfOpen, reason: inRow},
		{name: "half-open: enough successes", adapt: func(c *Config) { c.Probes = 2 }, from: HalfOpen,
			event: func(h *host) { h.call(Success, Neutral, Success) }},
		{name: "half-open: failure", from: HalfOpen, event: func(h *host) { h.call(Failure) },
			to: Open, reason: "a probe failed after " + inRow},
		{name: "half-open: failure after a success", adapt: func(c *Config) { c.Probes = 2 }, from: HalfOpen,
			event: func(h *host) { h.call(Success, Failure) }, to: Open, reason: "a probe failed after " + inRow},
		{name: "half-open: panic", from: HalfOpen, event: func(h *host) { h.call(Panic) },
			to: Open, reason: "a probe panicked after " + inRow},
		{name: "half-open: failing over and over keeps the first cause", from: HalfOpen,
			event: func(h *host) { h.call(Panic); h.wait(10 * time.Second); h.call(Failure) },
			to:    Open, reason: "a probe failed after " + inRow},
		{name: "half-open: neutral", from: HalfOpen,
			event: func(h *host) { h.call(Neutral) }, to: HalfOpen, reason: inRow},
		{name: "half-open: a settlement without a permit", from: HalfOpen,
			event: func(h *host) { h.tell(Settlement{Gen: h.m.Gen(), Kind: Failure, Attempt: true, Call: true}) },
			to:    HalfOpen, reason: inRow},
		{name: "half-open: fatal", from: HalfOpen,
			event: func(h *host) { h.call(Fatal) }, to: Disabled, reason: "a fatal failure"},
		{name: "half-open: fatal from before", from: HalfOpen,
			event: func(h *host) { h.tell(Settlement{Kind: Fatal, Attempt: true, Call: true}) },
			to:    Disabled, reason: "a fatal failure"},
		{name: "half-open: one opening too many", adapt: func(c *Config) { c.Openings = 2 }, from: HalfOpen,
			event: func(h *host) { h.call(Failure) },
			to:    Disabled, reason: "opened 2 times within 10m0s (last: a probe failed after " + inRow + ")"},
		{name: "half-open: time passes", from: HalfOpen, event: func(h *host) { h.m.Probe(h.now); h.wait(time.Hour) },
			to: HalfOpen, reason: inRow},
		{name: "half-open: tripped", from: HalfOpen,
			event: func(h *host) { h.m.Trip(h.now, "again") }, to: HalfOpen, reason: inRow},
		{name: "half-open: disabled", from: HalfOpen,
			event: func(h *host) { h.m.Disable("by hand") }, to: Disabled, reason: "by hand"},
		{name: "half-open: enabled", from: HalfOpen, event: func(h *host) { h.m.Enable(h.now) }},

		{name: "disabled: enabled", from: Disabled, event: func(h *host) { h.m.Enable(h.now) }},
		{name: "disabled: nothing else counts", from: Disabled, event: func(h *host) {
			h.m.Tick(h.now.Add(time.Hour))
			h.m.Trip(h.now, "again")
			h.m.Disable("for another reason")
			for _, k := range []Kind{Success, Neutral, Failure, Panic, Fatal} {
				h.tell(Settlement{Gen: h.m.Gen(), Kind: k, Attempt: true, Call: true, Slow: true})
				h.tell(Settlement{Kind: k, Attempt: true, Call: true, Slow: true})
			}
		}, to: Disabled, reason: "by hand"},
		{name: "disabled: no probe", from: Disabled,
			event: func(h *host) { h.m.Probe(h.now) }, to: Disabled, reason: "by hand"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := usual()
			if tt.adapt != nil {
				tt.adapt(&c)
			}
			h := newHost(c)
			reach[tt.from](h)
			require.Equal(t, tt.from, h.m.State())
			gen := h.m.Gen()
			tt.event(h)
			require.Equal(t, tt.to, h.m.State())
			require.Equal(t, tt.reason, h.m.Reason())
			require.Equal(t, tt.from == tt.to, gen == h.m.Gen())
		})
	}
}

func TestRulesThatAreOff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		adapt func(*Config)
		kind  Kind
		to    State
	}{
		{name: "all", adapt: func(c *Config) { *c = Config{} }, kind: Panic},
		{name: "failures, no window", adapt: func(c *Config) { c.Window, c.ErrorRate = 0, 0 }, kind: Panic},
		{name: "failures, negative", adapt: func(c *Config) { c.Failures, c.ErrorRate = -1, -1 }, kind: Failure},
		{name: "panics count as failures", adapt: func(c *Config) { c.Panics, c.Openings = 0, 0 }, kind: Panic, to: Open},
		{name: "rates, no window", adapt: func(c *Config) { c.Failures, c.RateWindow = 0, 0 }, kind: Failure},
		{name: "rates, negative window", adapt: func(c *Config) { c.Failures, c.RateWindow = 0, -1 }, kind: Failure},
		{name: "rates, negative", adapt: func(c *Config) { c.Failures, c.ErrorRate, c.SlowRate = 0, -1, -1 }, kind: Failure},
		{name: "openings", adapt: func(c *Config) { c.OpeningsWithin = 0 }, kind: Failure, to: Open},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := usual()
			tt.adapt(&c)
			h := newHost(c)
			for range 20 {
				for range 100 {
					h.call(tt.kind)
				}
				require.Equal(t, tt.to, h.m.State())
				require.False(t, h.m.Streaks(), "a rule that is off keeps no streak")
				h.wait(10 * time.Second)
			}
			require.NotEqual(t, Disabled, h.m.State())
		})
	}
}

// Zero durations of the open periods mean none, and no probe at all is as good as one.
func TestZeroPeriods(t *testing.T) {
	t.Parallel()
	h := newHost(Config{Failures: 1, Window: time.Second})
	h.call(Failure)
	require.Equal(t, h.now, h.m.Next())
	h.wait(0)
	require.Equal(t, HalfOpen, h.m.State())
	require.Equal(t, 1, h.m.Permits())
	a, ok := h.admit()
	require.True(t, ok)
	require.Zero(t, h.m.Next(), "a lease without an end")
	h.wait(1000 * time.Hour)
	require.Zero(t, h.m.Permits())
	h.settle(a, Success)
	require.Equal(t, Closed, h.m.State())
}

func TestGenCountsChangesOfState(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	steps := []func(){
		h.openNow, func() { h.wait(10 * time.Second) }, func() { h.call(Failure) }, func() { h.wait(10 * time.Second) },
		func() { h.call(Success) }, func() { h.m.Disable("x") }, func() { h.m.Enable(h.now) },
	}
	for i, step := range steps {
		require.EqualValues(t, i, h.m.Gen())
		step()
	}
	require.EqualValues(t, len(steps), h.m.Gen())
}

func TestEnableForgets(t *testing.T) {
	t.Parallel()
	for from, enter := range reach {
		t.Run(from.String(), func(t *testing.T) {
			t.Parallel()
			c := usual()
			c.Openings = 3
			h := newHost(c)
			h.call(Panic, Panic) // a streak of each kind
			require.True(t, h.m.Streaks())
			enter(h)
			h.m.Enable(h.now)
			require.Equal(t, Closed, h.m.State())
			require.False(t, h.m.Streaks())
			require.Zero(t, h.m.Next())
			h.call(Panic, Panic)
			require.Equal(t, Closed, h.m.State(), "streaks start anew")
			h.call(Success)
			for range 2 {
				h.openNow()
				require.Equal(t, Open, h.m.State(), "openings start anew")
				h.wait(10 * time.Second)
				h.call(Success)
			}
			h.openNow()
			require.Equal(t, Disabled, h.m.State())
		})
	}
}

func TestEnableForgetsRates(t *testing.T) {
	t.Parallel()
	c := usual()
	c.Failures, c.Panics = 0, 0
	h := newHost(c)
	h.repeat(20, Failure)
	h.m.Enable(h.now)
	h.repeat(20, Failure)
	require.Equal(t, Closed, h.m.State())
	h.call(Failure)
	require.Equal(t, "error rate 1 of 21 calls within 10s, more than 0.5", h.m.Reason())
}

func TestOpeningsFurtherApartDoNotDisable(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	for range 50 {
		h.openNow()
		require.Equal(t, Open, h.m.State())
		h.wait(10 * time.Second)
		h.call(Success)
		h.wait(140*time.Second + 1) // the fifth opening is 10m0.000000004s after the first
	}
	for range 4 {
		h.openNow()
		h.wait(10 * time.Second)
		h.call(Success)
	}
	require.Equal(t, Disabled, h.m.State(), "the one before these four counts as well")
}

func TestSetErrorRate(t *testing.T) {
	t.Parallel()
	c := usual()
	c.Failures, c.Panics, c.ErrorRate = 0, 0, 0
	h := newHost(c)
	h.repeat(100, Failure)
	require.Equal(t, Closed, h.m.State())
	h.m.SetErrorRate(1)
	h.call(Failure)
	require.Equal(t, Closed, h.m.State(), "nothing is more than all")
	h.m.SetErrorRate(0.98)
	h.call(Success, Success)
	require.Equal(t, Closed, h.m.State(), "judged with a failure only")
	h.call(Failure)
	require.Equal(t, "error rate 0.981 of 104 calls within 10s, more than 0.98", h.m.Reason())
}

func TestStateString(t *testing.T) {
	t.Parallel()
	for s, want := range map[State]string{
		Closed: "closed", Open: "open", HalfOpen: "half-open", Disabled: "disabled", Disabled + 1: "unknown",
	} {
		require.Equal(t, want, s.String())
	}
}

func TestMachineIsSmall(t *testing.T) {
	t.Parallel()
	m := New(usual())
	for range 2 {
		m.Settle(start, Settlement{Kind: Panic, Attempt: true, Call: true})
	}
	size := unsafe.Sizeof(*m) + 8*uintptr(cap(m.failures.times)+cap(m.panics.times)+cap(m.openings.times)+cap(m.leases))
	require.LessOrEqual(t, size, uintptr(1024))
}

// Not parallel: it counts the allocations of the whole process.
func TestSettleAllocatesNothing(t *testing.T) {
	c := usual()
	c.Failures, c.Panics, c.MinCalls = 1000, 1000, 1<<30
	m := New(c)
	now := start
	fail := Settlement{Kind: Panic, Slow: true, Attempt: true, Call: true}
	step := func() {
		now = now.Add(100 * time.Millisecond)
		fail.Calls += 3
		m.Settle(now, fail)
	}
	for range 700 {
		step()
	}
	require.Zero(t, testing.AllocsPerRun(2000, step), "600 failures are within the window at any time")
	require.Equal(t, Closed, m.State())
	require.True(t, m.Streaks())
}
