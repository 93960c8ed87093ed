// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMachineAgainstOracle(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(500) {
		w, c := newWorld(rand.New(rand.NewPCG(seed, 5)).IntN)
		o := &oracle{c: c}
		w.m.Tick(start)
		for i := range 250 {
			from := w.m.State()
			w.do()
			o.hear(w)
			odd := w.op == "admit" && (o.permits() > 0) != (w.granted != nil)
			o.follow(w)
			if got, want := seenOf(w.m), o.seen(); odd || got != want {
				require.Equal(t, want, got, "seed %d, operation %d: %s %+v, config %+v", seed, i, w.op, w.told, c)
				require.False(t, odd, "seed %d, operation %d: lease %+v, config %+v", seed, i, w.granted, c)
			}
			if to := w.m.State(); to != from {
				seen[from.String()+" to "+to.String()]++
			}
		}
	}
	for _, way := range []string{
		"closed to open", "closed to disabled", "open to half-open", "open to disabled", "open to closed",
		"half-open to open", "half-open to closed", "half-open to disabled", "disabled to closed",
	} {
		require.Greater(t, seen[way], 100, way)
	}
	require.Len(t, seen, 9)
}

// view is what an owner sees of a machine.
type view struct {
	state   State
	gen     uint32
	permits int
	next    time.Time
	streaks bool
	why     bool
}

func seenOf(m *Machine) view {
	return view{m.State(), m.Gen(), m.Permits(), m.Next(), m.Streaks(), m.Reason() != ""}
}

func (o *oracle) seen() view {
	streaks := len(o.failuresInRow())+len(o.panicsInRow()) > 0
	return view{o.state, o.gen, o.permits(), o.next(), streaks, o.state != Closed}
}
