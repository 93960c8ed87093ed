// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func threeProbes() *host {
	c := usual()
	c.Probes = 3
	h := newHost(c)
	h.halfOpenNow()
	return h
}

func (h *host) mustAdmit(t *testing.T) admission {
	t.Helper()
	a, ok := h.admit()
	require.True(t, ok)
	return a
}

func TestPermits(t *testing.T) {
	t.Parallel()
	h := threeProbes()
	require.Equal(t, 3, h.m.Permits())
	a, b, c := h.mustAdmit(t), h.mustAdmit(t), h.mustAdmit(t)
	require.Zero(t, h.m.Permits())
	require.Nil(t, h.m.Probe(h.now))
	h.settle(b, Neutral)
	require.Equal(t, 1, h.m.Permits(), "a neutral end frees the permit")
	h.settle(a, Success)
	require.Equal(t, 1, h.m.Permits(), "a success uses it up: two are missing, one of them is out")
	d := h.mustAdmit(t)
	require.Zero(t, h.m.Permits())
	h.settle(c, Success)
	require.Zero(t, h.m.Permits())
	h.settle(d, Success)
	require.Equal(t, Closed, h.m.State())
	require.Zero(t, h.m.Permits())
	require.Nil(t, h.m.Probe(h.now))
}

func TestNoPermitsUnlessHalfOpen(t *testing.T) {
	t.Parallel()
	for from, enter := range reach {
		h := newHost(usual())
		enter(h)
		require.Equal(t, from == HalfOpen, h.m.Permits() > 0, from)
		require.Equal(t, from == HalfOpen, h.m.Probe(h.now) != nil, from)
	}
}

func TestLeaseIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	for _, first := range []Kind{Success, Neutral} {
		for _, second := range []Kind{Success, Neutral, Failure, Panic, Fatal} {
			h := threeProbes()
			a, _ := h.mustAdmit(t), h.mustAdmit(t)
			h.settle(a, first)
			h.settle(a, second)
			require.Equal(t, HalfOpen, h.m.State())
			require.Equal(t, 3-1-1+int(first), h.m.Permits(), "of three one is out, and one used up by a success") // Neutral is 1
		}
	}
}

func TestLeaseExpires(t *testing.T) {
	t.Parallel()
	for _, k := range []Kind{Success, Neutral, Failure, Panic, Fatal} {
		h := threeProbes()
		a := h.mustAdmit(t)
		h.wait(time.Second)
		b := h.mustAdmit(t)
		require.Equal(t, start.Add(40*time.Second), h.m.Next(), "the older one first")
		h.wait(29 * time.Second)
		require.Equal(t, 2, h.m.Permits())
		require.Equal(t, start.Add(41*time.Second), h.m.Next())
		h.settle(a, k) // late, but it counts
		switch k {
		case Failure, Panic:
			require.Equal(t, Open, h.m.State())
			continue
		case Fatal:
			require.Equal(t, Disabled, h.m.State())
			continue
		case Success:
			require.Equal(t, 1, h.m.Permits(), "one success of three, and one permit out")
		case Neutral:
			require.Equal(t, 2, h.m.Permits())
		}
		left := h.m.Permits()
		h.settle(a, Failure)
		require.Equal(t, HalfOpen, h.m.State(), "but not twice")
		h.settle(b, Success)
		require.Equal(t, left, h.m.Permits())
		require.Zero(t, h.m.Next())
	}
}

// A plugin whose calls take longer than the lease is not half-open for ever.
func TestCallsLongerThanTheLeaseClose(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	h.halfOpenNow()
	for range 3 {
		a := h.mustAdmit(t)
		h.wait(31 * time.Second)
		b := h.mustAdmit(t)
		h.settle(a, Neutral)
		h.wait(31 * time.Second)
		h.settle(b, Neutral)
	}
	a := h.mustAdmit(t)
	h.wait(31 * time.Second)
	h.settle(a, Success)
	require.Equal(t, Closed, h.m.State())
}

// A success that is as slow as what the plugin was given a rest for does not close.
func TestASlowProbeProvesNothing(t *testing.T) {
	t.Parallel()
	cfg := usual()
	cfg.SlowRate, cfg.MinCalls = 0.5, 5
	h := newHost(cfg)
	h.halfOpenNow()
	for range 20 {
		a := h.mustAdmit(t)
		h.m.Settle(h.now, Settlement{Gen: a.gen, Lease: a.lease, Kind: Success, Slow: true, Attempt: true, Call: true})
		require.Equal(t, HalfOpen, h.m.State())
		require.Equal(t, 1, h.m.Permits())
	}
	h.call(Success)
	require.Equal(t, Closed, h.m.State())
}

// The time of expiry counts, not when the timer runs.
func TestLeaseExpiresWithoutTick(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	h.halfOpenNow()
	a := h.mustAdmit(t)
	h.now = h.now.Add(30 * time.Second)
	b := h.mustAdmit(t)
	require.NotSame(t, a.lease, b.lease)
	h.settle(a, Neutral)
	require.Equal(t, HalfOpen, h.m.State())
	require.Zero(t, h.m.Permits())
	h.now = h.now.Add(30*time.Second - 1)
	h.settle(b, Success)
	require.Equal(t, Closed, h.m.State())
}

func TestLeaseOfAnEarlierHalfOpenPeriod(t *testing.T) {
	t.Parallel()
	for _, k := range []Kind{Success, Neutral, Failure, Panic} { // a Fatal counts
		h := threeProbes()
		old := h.mustAdmit(t)
		h.call(Failure)
		require.Equal(t, Open, h.m.State())
		h.settle(old, k)
		require.Equal(t, Open, h.m.State())
		h.wait(10 * time.Second)
		h.mustAdmit(t)
		h.settle(old, k)
		old.gen = h.m.Gen()
		h.settle(old, k)
		require.Equal(t, HalfOpen, h.m.State())
		require.Equal(t, 2, h.m.Permits())
	}
}

// An owner may read Gen just before the timer makes the machine half-open, and get a lease just after.
func TestLeaseWithStaleGenIsGivenBack(t *testing.T) {
	t.Parallel()
	for _, k := range []Kind{Success, Neutral, Failure, Panic} {
		h := threeProbes()
		a := h.mustAdmit(t)
		require.Equal(t, 2, h.m.Permits())
		a.gen--
		h.settle(a, k)
		require.Equal(t, HalfOpen, h.m.State())
		require.Equal(t, 3, h.m.Permits(), "the permit is free and nothing was counted")
		require.Zero(t, h.m.Next())
	}
}

func TestEndedPeriodKeepsNoLeases(t *testing.T) {
	t.Parallel()
	h := threeProbes()
	h.mustAdmit(t)
	h.mustAdmit(t)
	h.m.Disable("by hand")
	require.Empty(t, h.m.leases)
	for _, l := range h.m.leases[:cap(h.m.leases)] {
		require.Nil(t, l)
	}
}

// A call with retries settles its probe with the attempt; its own end comes later and finds the lease gone.
func TestProbeOfACallWithRetries(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	h.halfOpenNow()
	a := h.mustAdmit(t)
	h.tell(Settlement{Gen: a.gen, Lease: a.lease, Kind: Success, Attempt: true})
	require.Equal(t, Closed, h.m.State())
	h.tell(Settlement{Gen: a.gen, Lease: a.lease, Kind: Failure, Call: true})
	require.False(t, h.m.Streaks())
}
