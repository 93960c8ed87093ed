// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A virtual week of one call a minute on two machines with the same rules: one plugin hiccups now and then, the other
// one is down for an hour each night, which has to be noticed and to be forgiven every time.
func TestWeek(t *testing.T) {
	t.Parallel()
	c := usual()
	c.Window = 3 * time.Minute // calls come a minute apart
	well, ill := newHost(c), newHost(c)
	for minute := range 7 * 24 * 60 {
		k := Success
		switch {
		case minute%97 == 0:
			k = Failure
		case minute%89 == 0:
			k = Neutral
		case minute%1009 == 0:
			k = Panic
		}
		well.call(k)
		require.Equal(t, Closed, well.m.State())

		k = Success
		if minute/60%24 == 3 {
			k = Failure
		}
		ill.call(k)
		switch minute % (24 * 60) {
		case 3*60 + 1:
			require.Equal(t, Closed, ill.m.State(), "two failures")
		case 3*60 + 2, 3*60 + 5: // every call of the hour is a probe
			require.Equal(t, Open, ill.m.State())
		case 3*60 + 6:
			require.Equal(t, Disabled, ill.m.State())
			require.Equal(t, "opened 5 times within 10m0s (last: a probe failed after 3 failures in a row)", ill.m.Reason())
		case 4 * 60: // an operator comes
			ill.m.Enable(ill.now)
		}
		well.wait(time.Minute)
		ill.wait(time.Minute)
	}
	require.EqualValues(t, 7*24*60, well.calls)
	require.Zero(t, well.rejected)
	require.Zero(t, well.opened)
	require.Zero(t, well.ticks)
	require.Equal(t, 7*4, ill.opened)
	require.Equal(t, 7*4, ill.ticks, "one tick for each opening")
	require.Equal(t, 7*54, ill.rejected, "the rest of the hour, and the call just before the operator")
	require.EqualValues(t, 7*24*60-7*54, ill.calls)
}

// The same without a rule for openings: each probe of the bad hour fails, the first one of the next closes it.
func TestWeekWithoutDisabling(t *testing.T) {
	t.Parallel()
	c := usual()
	c.Window, c.Openings = 3*time.Minute, 0
	h := newHost(c)
	for minute := range 7 * 24 * 60 {
		k := Success
		if minute/60%24 == 3 {
			k = Failure
		}
		h.call(k)
		if minute/60%24 == 4 {
			require.Equal(t, Closed, h.m.State())
		}
		h.wait(time.Minute)
	}
	require.Equal(t, 7*58, h.opened)
	require.Equal(t, 7*58, h.ticks)
	require.Zero(t, h.rejected)
}
