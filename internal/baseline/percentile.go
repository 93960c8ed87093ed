// SPDX-License-Identifier: Apache-2.0

package baseline

import "math"

const (
	leastMinutes = 60   // of the hour itself, below which it is not learned
	beyond       = 0.01 // the part of the minutes above the 99th percentile
	doubt        = 0.05 // the probability that the bound is below it
	ownWeight    = 2    // of a minute of the hour itself, where one of an hour beside has 1
)

// percentile is the bin of the upper confidence bound of the 99th percentile. Own must count a minute at least.
func percentile(own, beside *tally) int {
	o, s := own.minutes(), beside.minutes()
	total := ownWeight*o + s
	// Weights make minutes count for fewer: as many as have the same variance (L. Kish, Survey Sampling, 1965).
	n := total * total / (ownWeight*ownWeight*o + s)
	var weights tally
	for bin := range weights {
		weights[bin] = ownWeight*own[bin] + beside[bin]
	}
	return weights.below(exceedances(n)*total, n)
}

// ordinary is the bin of the 90th percentile. So much of the hour is at least as bad that no threshold lies below,
// neither the hour's nor one beside it.
func ordinary(own *tally) int { return own.below(own.minutes(), 10) }

// below is the lowest bin above which no more than part / whole is counted.
func (t *tally) below(part, whole uint64) int {
	bin, above := bins-1, t[bins-1]
	for ; bin > 0 && above*whole <= part; bin-- {
		above += t[bin-1]
	}
	return bin
}

// exceedances is how many of n minutes may lie above the bound: the most of which so few or fewer come only with
// probability doubt if each is beyond the percentile with probability beyond (G. J. Hahn and W. Q. Meeker, Statistical
// Intervals, 1991, distribution-free bounds). It is zero where even none is likelier, which means the maximum.
func exceedances(n uint64) (k uint64) {
	const most = 2000 // three hours of a week have 1,260; more leave a power of 0.99 that is no number any more
	n = min(n, most)
	term := math.Pow(1-beyond, float64(n)) // the probability of exactly k
	for sum := term; ; k++ {
		term *= float64(n-k) / float64(k+1) * beyond / (1 - beyond)
		if sum += term; sum > doubt {
			return k
		}
	}
}
