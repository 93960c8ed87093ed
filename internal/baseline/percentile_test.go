// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// binomial is the probability of k of n, each with probability p.
func binomial(n, k int, p float64) float64 {
	gamma := func(n int) float64 {
		g, _ := math.Lgamma(float64(n + 1))
		return g
	}
	return math.Exp(gamma(n) - gamma(k) - gamma(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func TestExceedances(t *testing.T) {
	t.Parallel()
	for n := range 2000 {
		k := int(exceedances(uint64(n)))
		below := 0.0
		for i := range k + 1 {
			below += binomial(n, i, 0.01)
		}
		if n >= 299 {
			require.LessOrEqual(t, below, 0.05, n)
		} else {
			require.Zero(t, k, n)
		}
		require.Greater(t, below+binomial(n, k+1, 0.01), 0.05, n)
	}
	require.Equal(t, exceedances(2000), exceedances(math.MaxUint64))
}

// TestPercentile compares with sorted lists of rates, where a minute of the hour itself stands twice: the bin is that
// of the rate which a list of all would give.
func TestPercentile(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		own, beside := rates(random, 1+random.IntN(420)), rates(random, random.IntN(840))
		require.Equal(t, binOf(naivePercentile(own, beside)), percentile(count(own), count(beside)))
		require.Equal(t, binOf(naiveOrdinary(own)), ordinary(count(own)))
	}
}

// rates are of minutes of an hour with a level of its own.
func rates(random *rand.Rand, n int) []float64 {
	level, list := math.Exp(-7*random.Float64()), make([]float64, n)
	for i := range list {
		list[i] = min(1, level*random.ExpFloat64())
		if random.IntN(3) == 0 {
			list[i] = 0
		}
	}
	return list
}

func count(rates []float64) *tally {
	var t tally
	for _, rate := range rates {
		t[binOf(rate)]++
	}
	return &t
}

func naivePercentile(own, beside []float64) float64 {
	list := slices.Concat(own, own, beside)
	slices.Sort(list)
	n := len(list) * len(list) / (4*len(own) + len(beside))
	k, below := 0, binomial(n, 0, 0.01)
	for below+binomial(n, k+1, 0.01) <= 0.05 {
		k++
		below += binomial(n, k, 0.01)
	}
	return list[len(list)-1-k*len(list)/n]
}

func naiveOrdinary(own []float64) float64 {
	list := slices.Sorted(slices.Values(own))
	return list[len(list)-1-len(list)/10]
}

// TestOrdinaryRaisesNothing: minutes that are taught at the ordinary bin of an hour leave the percentile of the hour
// and of one beside where they are, or lower, as long as the hours are full.
func TestOrdinaryRaisesNothing(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		own, beside, next := count(rates(random, 60+random.IntN(361))), count(rates(random, random.IntN(841))), count(rates(random, random.IntN(421)))
		bin, neighbour := ordinary(own), count(rates(random, 60+random.IntN(361)))
		own2, next2 := *own, *next
		for i, n := range own {
			next2[i] += n
		}
		require.LessOrEqual(t, bin, percentile(own, beside))
		require.LessOrEqual(t, bin, percentile(neighbour, &next2), "the hour beside has a percentile that is no lower")
		before := percentile(own, beside)
		own2[bin] += 60
		require.LessOrEqual(t, percentile(&own2, beside), before)
	}
}
