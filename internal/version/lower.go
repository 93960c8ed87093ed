// SPDX-License-Identifier: Apache-2.0

package version

import (
	"fmt"
	"math"
)

// check refuses an operator that does not exist, or that no version satisfies
// before a wildcard.
func check(operator string, p partial, source string) error {
	switch operator {
	case "", "=", "~", "~>", "^", ">=", "<=":
		return nil
	case ">", "<", "!=":
		if p.given > 0 {
			return nil
		}
		return fmt.Errorf("%w: no version satisfies %q", ErrSyntax, source)
	}
	return fmt.Errorf("%w: unknown operator %q; write one of = != < <= > >= ~ ~> ^", ErrSyntax, operator)
}

// lower appends the primitive comparators of a checked operator and its version to g.
func lower(g group, operator string, p partial, source string) group {
	if p.given == 0 { // nothing to compare with
		return g
	}
	least := comparator{op: atLeast, bound: p.Version, source: source}
	most := comparator{op: atMost, bound: p.last(), source: source}
	switch operator {
	case ">=":
		return append(g, least)
	case "<=":
		return append(g, most)
	case ">":
		return append(g, comparator{op: above, bound: most.bound, source: source})
	case "<":
		return append(g, comparator{op: below, bound: least.bound, source: source})
	case "!=":
		return append(g, comparator{op: outside, bound: least.bound, last: most.bound, source: source})
	case "~", "~>":
		most.bound = p.highest(min(p.given, 2))
	case "^":
		most.bound = p.highest(p.kept())
	}
	return append(g, least, most)
}

// last is the highest version that p stands for.
func (p partial) last() Version {
	if p.given == 3 {
		return p.Version
	}
	return p.highest(p.given)
}

// highest is the highest release that has the first n numbers of p, at least one.
func (p partial) highest(n int) Version {
	v := p.Core()
	if n < 3 {
		v.Patch = math.MaxUint32
	}
	if n < 2 {
		v.Minor = math.MaxUint16
	}
	return v
}

// kept is how many of the given numbers, at least one, ^ keeps: up to the first
// that is not 0.
func (p partial) kept() int {
	switch {
	case p.given == 1 || p.Major != 0:
		return 1
	case p.given == 2 || p.Minor != 0:
		return 2
	}
	return 3
}
