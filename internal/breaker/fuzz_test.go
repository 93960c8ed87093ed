// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzOperations(f *testing.F) {
	rng := rand.New(rand.NewPCG(6, 7))
	for _, size := range []int{0, 20, 100, 1000} {
		seed := make([]byte, size)
		for i := range seed {
			seed[i] = byte(rng.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		pick := func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			c := int(choices[0]) % n
			choices = choices[1:]
			return c
		}
		w, c := newWorld(pick)
		probes := max(c.Probes, 1)
		for len(choices) > 0 {
			state, gen, permits := w.m.State(), w.m.Gen(), w.m.Permits()
			w.do()
			checkPermits(t, w, probes)
			checkNext(t, w.m, c)
			require.Equal(t, w.m.State() != state, w.m.Gen() != gen, "the generation changes if and only if the state does")
			require.Equal(t, w.m.State() == Closed, w.m.Reason() == "")
			if state == Disabled && w.m.State() != Disabled {
				require.Equal(t, "enable", w.op)
			}
			if w.granted != nil {
				require.Equal(t, HalfOpen, state)
			}
			if w.op == "settle" && w.told.Lease != nil && w.m.Gen() == gen {
				require.GreaterOrEqual(t, w.m.Permits()+boolInt(w.told.Kind == Success), permits, "a permit got lost")
			}
		}
		heals(t, w, c, probes)
	})
}

func checkPermits(t *testing.T, w *world, probes int) {
	t.Helper()
	free, out := w.m.Permits(), len(w.m.leases)
	require.GreaterOrEqual(t, free, 0)
	require.LessOrEqual(t, free+out, probes)
	if w.m.State() != HalfOpen {
		require.Zero(t, free+out)
		return
	}
	require.GreaterOrEqual(t, free+out+w.m.passed, probes, "more where an expired probe succeeded after all")
	held := 0
	for _, a := range w.pending {
		for _, l := range w.m.leases {
			held += boolInt(a.lease == l)
		}
	}
	require.Equal(t, out, held, "each permit that is out is held by one call that has not ended")
}

func checkNext(t *testing.T, m *Machine, c Config) {
	t.Helper()
	pending := m.State() == Open || m.State() == HalfOpen && len(m.leases) > 0 && c.ProbeFor > 0
	require.Equal(t, pending, !m.Next().IsZero())
}

// heals drives the machine by its timer alone: each tick gets it somewhere, and it ends with every permit free that has
// an end. A few successes then close it.
func heals(t *testing.T, w *world, c Config, probes int) {
	t.Helper()
	for range probes + 2 {
		next := w.m.Next()
		if next.IsZero() {
			break
		}
		w.m.Tick(next)
		require.NotEqual(t, next, w.m.Next())
		w.now = next
	}
	require.Zero(t, w.m.Next())
	require.NotEqual(t, Open, w.m.State())
	if w.m.State() != HalfOpen || c.ProbeFor <= 0 {
		return
	}
	for w.m.State() == HalfOpen {
		l := w.m.Probe(w.now)
		require.NotNil(t, l)
		w.m.Settle(w.now, Settlement{Gen: w.m.Gen(), Lease: l, Attempt: true, Call: true})
	}
	require.Equal(t, Closed, w.m.State())
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
