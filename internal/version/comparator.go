// SPDX-License-Identifier: Apache-2.0

package version

import "math"

// op is a primitive comparison. Every operator is lowered to at most two.
type op uint8

const (
	below op = iota
	atMost
	atLeast
	above
	outside // below bound or above last
)

// comparator compares a version with a bound by precedence.
type comparator struct {
	op          op
	bound, last Version // last: outside only
	source      string  // what people wrote, for messages
}

func (k *comparator) holds(v *Version) bool {
	c := compare(v, &k.bound)
	switch k.op {
	case below:
		return c < 0
	case atMost:
		return c <= 0
	case atLeast:
		return c >= 0
	case above:
		return c > 0
	}
	return c < 0 || compare(v, &k.last) > 0
}

// complaint tells of a version for which k does not hold.
func (k *comparator) complaint() string {
	switch k.op {
	case below, atMost:
		return "is above " + k.source
	case atLeast, above:
		return "is below " + k.source
	}
	return "is excluded by " + k.source
}

// span is the releases for which k holds, or for outside those for which it does not.
func (k *comparator) span() span {
	switch k.op {
	case below:
		return before(k.bound)
	case atMost:
		return upTo(k.bound)
	case atLeast:
		return from(k.bound)
	case above:
		return after(k.bound)
	}
	return from(k.bound).meet(upTo(k.last))
}

// span is the releases whose packed cores lie between lo and hi, both included;
// none where lo is above hi, as in span{1, 0}. Packed cores leave no gap: after the highest patch
// of a minor comes patch 0 of the next.
type span struct{ lo, hi uint64 }

func (s span) empty() bool { return s.lo > s.hi }

func (s span) meet(t span) span { return span{max(s.lo, t.lo), min(s.hi, t.hi)} }

// from is the releases at or above v: a pre-release precedes its own release.
func from(v Version) span { return span{v.packed(), math.MaxUint64} }

func before(v Version) span {
	core := v.packed()
	if core == 0 {
		return span{1, 0}
	}
	return span{0, core - 1}
}

func upTo(v Version) span {
	if v.IsPre() {
		return before(v)
	}
	return span{0, v.packed()}
}

func after(v Version) span {
	core := v.packed()
	switch {
	case v.IsPre():
		return from(v)
	case core == math.MaxUint64:
		return span{1, 0}
	}
	return span{core + 1, math.MaxUint64}
}

// subtract takes the releases of cut, if any, out of spans.
func subtract(spans []span, cut span) []span {
	var left []span
	for _, s := range spans {
		if cut.hi < s.lo || s.hi < cut.lo {
			left = append(left, s)
			continue
		}
		if s.lo < cut.lo {
			left = append(left, span{s.lo, cut.lo - 1})
		}
		if cut.hi < s.hi {
			left = append(left, span{cut.hi + 1, s.hi})
		}
	}
	return left
}
