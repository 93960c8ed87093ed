// SPDX-License-Identifier: Apache-2.0

package version

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	maxConstraintLen = 512 // bytes
	maxAlternatives  = 32  // groups between "||"
)

// Constraint is a set of versions. The zero Constraint is "*", every release.
type Constraint struct {
	low *lowered // a pointer, so that a receiver costs one register in Match
}

// lowered is a parsed constraint. Both forms hold the same set of releases:
// spans are what Match scans, groups judge pre-releases and explain.
type lowered struct {
	source string
	groups []group
	spans  []span
}

// ParseConstraint reads a constraint of at most 512 bytes. Empty or blank means
// "*".
//
//	alternatives   A || B          at most 32; one of them must hold
//	all of         A, B  or  A B   a comma or blanks
//	comparators    = != < <= > >= ~ ~> ^, or no operator, which is =
//	partials       1   1.2         stand for all releases that begin so
//	wildcards      x   X   *       1.x is 1; only wildcards may follow one
//	ranges         A - B           from A to B, both included
//
// A partial is the range from its missing numbers at 0 to all of them at their
// highest: >1.2 begins above 1.2.4294967295, "1.2.3 - 2" ends with major 2,
// !=1.2 excludes 1.2.0 and all patches. ~ keeps major and minor where both are
// given, else major. ^ keeps the numbers up to the first given one that is not 0,
// so ^0.2.3 stays in 0.2 and ^0.0.3 is 0.0.3. A version may have a leading v.
//
// Order is SemVer precedence: build metadata counts nowhere, =1.0.0 accepts
// 1.0.0+b and =1.0.0+a accepts 1.0.0. A pre-release satisfies only an alternative
// in which a comparator other than != names a pre-release of the same
// major.minor.patch: 2.0.0-alpha is in ">=2.0.0-0 <2.0.0", but neither in
// "<2.0.0" nor in "*".
//
// Errors match ErrSyntax, ErrRange or ErrTooLong.
func ParseConstraint(s string) (Constraint, error) {
	if strings.Trim(s, blanks) == "" && len(s) <= maxConstraintLen {
		return Constraint{}, nil
	}
	groups, err := parseGroups(s)
	if err != nil {
		return Constraint{}, fmt.Errorf("constraint %s: %w", quoted(s), err)
	}
	spans := make([]span, 0, len(groups))
	for _, g := range groups {
		spans = g.appendSpans(spans)
	}
	return Constraint{&lowered{s, groups, spans}}, nil
}

// Match reports whether v satisfies c. It does not allocate.
func (c Constraint) Match(v Version) bool {
	if c.low == nil {
		return v.Pre == ""
	}
	if v.Pre == "" {
		return c.low.holdsRelease(v.packed())
	}
	return c.low.holdsPre(&v)
}

// Why says for people why v does not satisfy c, alternative by alternative, as
// in "1.1.0 is below >=1.2.0 and is above <1". It is empty where Match is true.
func (c Constraint) Why(v Version) string {
	var reasons []string
	for _, g := range c.groups() {
		r := g.refusal(&v)
		if r == "" {
			return ""
		}
		if !slices.Contains(reasons, r) {
			reasons = append(reasons, r)
		}
	}
	return v.String() + " " + strings.Join(reasons, " and ")
}

// String returns the text that c was parsed from, "*" where that was blank.
func (c Constraint) String() string {
	if c.low == nil {
		return "*"
	}
	return c.low.source
}

func (c Constraint) groups() []group {
	if c.low == nil {
		return []group{nil}
	}
	return c.low.groups
}

func (l *lowered) holdsRelease(core uint64) bool {
	for _, s := range l.spans {
		if s.lo <= core && core <= s.hi {
			return true
		}
	}
	return false
}

func (l *lowered) holdsPre(v *Version) bool {
	for _, g := range l.groups {
		if g.names(v) && g.refuser(v) == nil {
			return true
		}
	}
	return false
}

// group is one alternative: all comparators must hold, none means every version.
type group []comparator

// refusal is why v does not satisfy g, empty where it does.
func (g group) refusal(v *Version) string {
	if k := g.refuser(v); k != nil {
		return k.complaint()
	}
	if v.IsPre() && !g.names(v) {
		return "is a pre-release that the constraint does not name"
	}
	return ""
}

// refuser is the first comparator that v does not satisfy, nil where there is none.
func (g group) refuser(v *Version) *comparator {
	for i := range g {
		if !g[i].holds(v) {
			return &g[i]
		}
	}
	return nil
}

// names reports whether g names a pre-release of v's core. To exclude one names
// none: "!=2.0.0-rc.1" must not let 2.0.0-rc.2 in.
func (g group) names(v *Version) bool {
	for i := range g {
		if k := &g[i]; k.op != outside && k.bound.IsPre() && k.bound.packed() == v.packed() {
			return true
		}
	}
	return false
}

// appendSpans appends the releases that satisfy g.
func (g group) appendSpans(spans []span) []span {
	whole := span{0, math.MaxUint64}
	for i := range g {
		if g[i].op != outside {
			whole = whole.meet(g[i].span())
		}
	}
	if whole.empty() {
		return spans
	}
	first := len(spans)
	spans = append(spans, whole)
	for i := range g {
		if g[i].op == outside {
			spans = append(spans[:first], subtract(spans[first:], g[i].span())...)
		}
	}
	return spans
}
