// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBins(t *testing.T) {
	t.Parallel()
	require.True(t, slices.IsSorted(edges[:]))
	require.Equal(t, 0.0, upperEdge(0))
	require.Equal(t, 0.001, upperEdge(1))
	require.Equal(t, 1.0, upperEdge(bins-1))
	for bin, key := range edgeKeys {
		require.Equal(t, fmt.Sprintf("%07d", edges[bin]), key)
	}
	for bin := 2; bin < bins; bin++ {
		ratio := upperEdge(bin) / upperEdge(bin-1)
		require.GreaterOrEqual(t, ratio, 1.249999, bin)
		require.LessOrEqual(t, ratio, 1.280001, bin)
		if bin > 2 {
			require.LessOrEqual(t, upperEdge(bin)/upperEdge(bin-2), 1.600001, bin)
		}
	}
}

func TestBinOf(t *testing.T) {
	t.Parallel()
	require.Equal(t, 0, binOf(0))
	require.Equal(t, 1, binOf(1e-9))
	require.Equal(t, bins-1, binOf(1))
	for bin := range bins {
		calls := 1e6 * 3
		require.Equal(t, bin, binOf(float64(edges[bin])*3/calls), "the upper edge is in")
		if bin > 0 {
			require.Equal(t, bin, binOf((float64(edges[bin-1])*3+1)/calls), "the lower edge is not")
		}
	}
}

func TestHistogramSaturates(t *testing.T) {
	t.Parallel()
	var h histogram
	require.True(t, h.empty())
	h.add(3, 65_000)
	h.add(3, 10_000)
	h.add(4, 1)
	require.Equal(t, histogram{3: 65_535, 4: 1}, h)
	require.False(t, h.empty())
}

// TestWeek compares what counts before an hour with a list of all that was taught.
func TestWeek(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		var w week
		taught := map[int32]*histogram{}
		hour := random.Int32N(500_000)
		for range 600 {
			hour += 1 + max(0, random.Int32N(8)-6)
			w.compare(t, hour, taught)
			h := &histogram{}
			for range random.IntN(4) {
				bin, minutes := random.IntN(bins), 1+random.IntN(60)
				h.add(bin, minutes)
				w.add(hour, bin, minutes)
			}
			taught[hour] = h
			w.compare(t, hour, taught)
			w.compare(t, hour+24, taught)
		}
	}
}

func (w *week) compare(t *testing.T, hour int32, taught map[int32]*histogram) {
	var own, beside tally
	for h := hour - 168; h <= hour-23; h++ {
		if taught[h] == nil {
			continue
		}
		switch away := (h - hour + 168) % 24; away {
		case 0:
			own.add(taught[h])
		case 1, 23:
			beside.add(taught[h])
		}
	}
	gotOwn, gotBeside := w.before(hour)
	require.Equal(t, own, gotOwn, hour)
	require.Equal(t, beside, gotBeside, hour)
}

// TestWeekGoesBack has the clock jump between hours: what was taught for an hour comes together again, and what is
// later than an hour does not count for it.
func TestWeekGoesBack(t *testing.T) {
	t.Parallel()
	const hour = 400_000
	var w week
	w.add(hour, 1, 10)
	w.add(hour+5, 2, 10)
	w.add(hour, 1, 7)
	w.add(hour, 3, 1)
	require.Equal(t, []taughtHour{{hour, histogram{1: 17, 3: 1}}, {hour + 5, histogram{2: 10}}}, w.all())
	own, beside := w.before(hour)
	require.Zero(t, own.minutes()+beside.minutes())
	own, beside = w.before(hour + 24)
	require.Equal(t, tally{1: 17, 3: 1}, own)
	require.Zero(t, beside)

	w.add(hour-weekHours, 4, 2)
	w.add(hour-1, 5, 1)
	require.Equal(t, []taughtHour{{hour - weekHours, histogram{4: 2}}, {hour - 1, histogram{5: 1}}, {hour + 5, histogram{2: 10}}}, w.all(),
		"the clock that is now is believed: the place is that of the week before")
}

func TestWeekBegins(t *testing.T) {
	t.Parallel()
	var w week
	own, beside := w.before(5)
	require.Zero(t, own.minutes()+beside.minutes())
	w.add(0, 3, 60)
	own, beside = w.before(24)
	require.Equal(t, tally{3: 60}, own)
	require.Zero(t, beside)
	require.Equal(t, []taughtHour{{0, histogram{3: 60}}}, w.all())
}
