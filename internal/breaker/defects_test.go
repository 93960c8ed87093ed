// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each test is a defect that circuit breakers have had.

func TestDefectSuccessesBetweenFailuresAreIgnored(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	h.call(Failure, Failure)
	h.repeat(1000, Success)
	require.Equal(t, 999, h.unsettled, "only the first had to be told")
	h.call(Failure)
	require.Equal(t, Closed, h.m.State())
	require.True(t, h.m.Streaks())
	h.call(Failure, Failure)
	require.Equal(t, "3 failures in a row", h.m.Reason())
}

func TestDefectSpacedFailuresNeverTrip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		apart  time.Duration
		window time.Duration
		want   State
	}{
		{name: "together", window: time.Minute, want: Open},
		{name: "more than half a window", apart: 19 * time.Second, window: 38 * time.Second, want: Open},
		{name: "exactly the window", apart: 30 * time.Second, window: time.Minute, want: Open},
		{name: "just too far", apart: 30*time.Second + 1, window: time.Minute, want: Closed},
		{name: "much too far", apart: time.Hour, window: time.Minute, want: Closed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := usual()
			c.Window = tt.window
			for phase := range 7 { // wherever the first failure lies
				h := newHost(c)
				h.m.Tick(h.now)
				h.wait(time.Duration(phase) * 7 * time.Second)
				h.call(Failure)
				for range 2 {
					h.wait(tt.apart)
					h.call(Failure)
				}
				require.Equal(t, tt.want, h.m.State())
			}
		})
	}
}

func TestDefectStreakLongerThanItsWindowIsCutAtItsStart(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	for range 100 { // never three within a minute
		h.call(Failure)
		h.wait(31 * time.Second)
		require.Equal(t, Closed, h.m.State())
	}
	h.wait(-2 * time.Second) // the third is 29 s and 60 s after the two before it
	h.call(Failure)
	require.Equal(t, Open, h.m.State())
}

func TestDefectHungProbeWedgesHalfOpen(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	h.halfOpenNow()
	hung := h.mustAdmit(t)
	h.call(Success)
	require.Equal(t, 1, h.rejected)
	for range 5 { // probes that hang one after the other heal as well
		h.wait(30 * time.Second)
		hung = h.mustAdmit(t)
	}
	h.wait(30 * time.Second)
	h.call(Success)
	require.Equal(t, Closed, h.m.State())
	require.Equal(t, 1, h.opened, "a hung probe is no failure")
	h.settle(hung, Panic)
	require.Equal(t, Closed, h.m.State())
	require.False(t, h.m.Streaks())
}

func TestDefectCancelledProbeKeepsItsPermit(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	h.halfOpenNow()
	h.repeat(100, Neutral)
	require.Zero(t, h.rejected)
	require.Equal(t, 1, h.m.Permits())
	h.call(Success)
	require.Equal(t, Closed, h.m.State())
}

func TestDefectRejectionsCountAsFailures(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	h.openNow()
	for range 1000 {
		h.call(Failure)
		h.wait(9 * time.Millisecond)
	}
	require.Equal(t, 1000, h.rejected)
	require.EqualValues(t, 3, h.calls)
	h.wait(time.Second)
	require.Equal(t, HalfOpen, h.m.State(), "rejected calls prolong nothing")
	h.call(Success)
	require.Equal(t, Closed, h.m.State())
	require.Equal(t, 1, h.opened)
}

func TestDefectLateResultsOfAnEarlierPeriod(t *testing.T) {
	t.Parallel()
	for _, k := range []Kind{Failure, Panic, Fatal, Success} {
		h := newHost(usual())
		var hung []admission
		for range 10 {
			hung = append(hung, h.mustAdmit(t))
		}
		h.openNow()
		for _, a := range hung[:3] {
			if k != Fatal {
				h.settle(a, k)
			}
		}
		require.Equal(t, Open, h.m.State())
		h.wait(10 * time.Second)
		for _, a := range hung[3:6] {
			if k != Fatal {
				h.settle(a, k)
			}
		}
		require.Equal(t, HalfOpen, h.m.State())
		require.Equal(t, 1, h.m.Permits())
		h.call(Success, Failure)
		for _, a := range hung[6:] {
			h.tell(Settlement{Gen: a.gen, Kind: k, Attempt: true, Call: true, Slow: true})
		}
		require.Equal(t, Closed, h.m.State(), "nor a fatal one")
		require.True(t, h.m.Streaks(), "nor does a success end a streak of this period")
		h.call(Failure, Failure)
		require.Equal(t, Open, h.m.State())
	}
}

func TestDefectPanicsAreForgottenByOpening(t *testing.T) {
	t.Parallel()
	c := usual()
	c.Failures = 1
	h := newHost(c)
	h.call(Panic)
	h.wait(10 * time.Second)
	h.call(Panic)
	require.Equal(t, Open, h.m.State())
	h.wait(10 * time.Second)
	require.True(t, h.m.Streaks())
	h.call(Panic)
	require.Equal(t, "3 panics in a row", h.m.Reason())
	require.Equal(t, Disabled, h.m.State())
	h.wait(1000 * time.Hour)
	require.Equal(t, Disabled, h.m.State())
}

func TestPanicsInARowEndWith(t *testing.T) {
	t.Parallel()
	for k, want := range map[Kind]State{Success: Open, Failure: Open, Neutral: Disabled} {
		c := usual()
		c.Failures, c.Probes = 1, 2
		h := newHost(c)
		for range 2 {
			h.call(Panic)
			h.wait(10 * time.Second)
		}
		h.call(k)
		h.wait(10 * time.Second) // a failure has opened it again
		h.call(Panic)
		require.Equal(t, want, h.m.State(), k)
	}
}

func TestDefectRetriesCountAsCalls(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	a := h.mustAdmit(t)
	for range 9 {
		h.tell(Settlement{Gen: a.gen, Kind: Failure, Attempt: true})
	}
	h.tell(Settlement{Gen: a.gen, Kind: Success, Attempt: true, Call: true})
	require.Equal(t, Closed, h.m.State())
	require.False(t, h.m.Streaks())
	for range 3 {
		require.Equal(t, Closed, h.m.State())
		h.tell(Settlement{Gen: a.gen, Kind: Failure, Attempt: true})
		h.tell(Settlement{Gen: a.gen, Kind: Failure, Call: true})
	}
	require.Equal(t, "3 failures in a row", h.m.Reason())
}

func TestPanicsInARowCountAttempts(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	a := h.mustAdmit(t)
	h.tell(Settlement{Gen: a.gen, Kind: Panic, Call: true})
	h.tell(Settlement{Gen: a.gen, Kind: Panic, Attempt: true})
	h.tell(Settlement{Gen: a.gen, Kind: Success, Call: true})
	h.tell(Settlement{Gen: a.gen, Kind: Panic, Attempt: true})
	require.Equal(t, Closed, h.m.State())
	h.tell(Settlement{Gen: a.gen, Kind: Panic, Attempt: true})
	require.Equal(t, "3 panics in a row", h.m.Reason())
}

func TestDefectFlappingForEver(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	for h.m.State() != Disabled {
		h.call(Failure)
		h.wait(time.Second)
	}
	require.Equal(t, 4, h.opened)
	require.Equal(t, "opened 5 times within 10m0s (last: a probe failed after 3 failures in a row)", h.m.Reason())
	require.Less(t, h.now.Sub(start), time.Minute)
}

// What two goroutines settle at once may arrive in the other order of their clock readings.
func TestTimeGoesBack(t *testing.T) {
	t.Parallel()
	h := newHost(usual())
	h.wait(time.Hour)
	h.call(Failure)
	h.wait(-time.Millisecond)
	h.call(Failure)
	require.True(t, h.m.Streaks())
	h.wait(time.Minute + time.Millisecond) // a minute after the latest time so far, which both count as
	h.call(Failure)
	require.Equal(t, Open, h.m.State())
	next := h.m.Next()
	require.Equal(t, h.now.Add(10*time.Second), next)
	h.m.Tick(start.Add(-1000 * time.Hour))
	require.Equal(t, next, h.m.Next())
	h.m.Tick(next)
	l := h.m.Probe(next.Add(-time.Second))
	require.NotNil(t, l)
	require.Equal(t, next.Add(30*time.Second), h.m.Next())
}
