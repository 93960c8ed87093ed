// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The oracle looks at the complete list of events: the last limit of them lie within the window, or they do not.
func TestStreakAgainstAllEvents(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	hits := 0
	for range 300 {
		s := streak{limit: 1 + rng.IntN(40), within: time.Duration(rng.IntN(200) + 1)}
		var events []time.Duration
		now := time.Duration(0)
		for range 200 {
			now += time.Duration(rng.IntN(rng.IntN(20) + 1))
			events = append(events, now)
			i := len(events) - s.limit
			want := i >= 0 && now-events[i] <= s.within
			if s.add(now) != want || !s.running() || len(s.times) > max(4, 2*s.limit) {
				require.Fail(t, "the streak differs", "want %v, has %+v, events %v", want, s, events)
			}
			if want || rng.IntN(50) == 0 {
				hits++
				s.forget()
				events = events[:0]
			}
		}
	}
	require.Greater(t, hits, 500)
}

func TestStreakOfManyTakesMemoryOnlyForThose(t *testing.T) {
	t.Parallel()
	s := streak{limit: math.MaxInt, within: time.Second}
	for i := range 1000 {
		require.False(t, s.add(time.Duration(i)*time.Second/10))
	}
	require.Equal(t, 11, s.n)
	require.Len(t, s.times, 16)
}
