// SPDX-License-Identifier: Apache-2.0

package version_test

import (
	"cmp"
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/version"
)

// The oracle reads versions and constraints with regular expressions and judges
// a constraint by what its words mean, number by number. It lowers nothing.

const (
	number     = `(?:0|[1-9][0-9]*)`
	identifier = `(?:` + number + `|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`
	pre        = identifier + `(?:\.` + identifier + `)*`
	build      = `[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*`
	full       = number + `\.` + number + `\.` + number + `(?:-` + pre + `)?(?:\+` + build + `)?`
	wild       = `[xX*]`
	some       = number + `\.` + number + `(?:\.` + wild + `)?|` + number + `(?:\.` + wild + `){0,2}|` + wild + `(?:\.` + wild + `){0,2}`
	bound      = `v?(?:` + full + `|` + some + `)`
	blank      = `[ \t]`
	rangeItem  = bound + blank + `+-` + blank + `+` + bound
	plainItem  = `(?:!=|<=|>=|~>|[=<>~^])?` + blank + `*` + bound
	item       = `(?:` + rangeItem + `|` + plainItem + `)`
	all        = blank + `*` + item + `(?:(?:` + blank + `*,` + blank + `*|` + blank + `+)` + item + `)*` + blank + `*`
)

var (
	versionText = regexp.MustCompile(`^(` + number + `)\.(` + number + `)\.(` + number + `)(?:-(` + pre + `))?(?:\+(` + build + `))?$`)
	groupText   = regexp.MustCompile(`^` + all + `$`)
	rangeText   = regexp.MustCompile(`^(` + bound + `)` + blank + `+-` + blank + `+(` + bound + `)(?:[ \t,]|$)`)
	plainText   = regexp.MustCompile(`^([!=<>~^]*)` + blank + `*(` + bound + `)(?:[ \t,]|$)`)
)

// reading is a version as the oracle sees it; of a bound, only given numbers count.
type reading struct {
	core       [3]uint64
	pre, build string
	given      int
}

func readVersion(s string) (reading, bool) {
	m := versionText.FindStringSubmatch(s)
	if m == nil || len(s) > 256 {
		return reading{}, false
	}
	r := reading{pre: m[4], build: m[5], given: 3}
	for i, bits := range []int{16, 16, 32} {
		n, err := strconv.ParseUint(m[i+1], 10, bits)
		if err != nil {
			return reading{}, false
		}
		r.core[i] = n
	}
	return r, true
}

func readParsed(v version.Version) reading {
	return reading{[3]uint64{v.Major, v.Minor, v.Patch}, v.Pre, v.Build, 3}
}

func (r reading) compare(s reading) int {
	if c := slices.Compare(r.core[:], s.core[:]); c != 0 {
		return c
	}
	if r.pre == "" || s.pre == "" { // the release is the greater one
		return cmp.Compare(len(s.pre), 0) - cmp.Compare(len(r.pre), 0)
	}
	return slices.CompareFunc(strings.Split(r.pre, "."), strings.Split(s.pre, "."), func(a, b string) int {
		x, isX := new(big.Int).SetString(a, 10)
		y, isY := new(big.Int).SetString(b, 10)
		isX, isY = isX && a[0] != '-', isY && b[0] != '-' // big.Int takes a sign
		switch {
		case isX && isY:
			return x.Cmp(y)
		case isX || isY:
			return map[bool]int{true: -1, false: 1}[isX]
		}
		return strings.Compare(a, b)
	})
}

// readBound reads a full or partial version, a wildcard counting as not given.
func readBound(s string) (reading, bool) {
	s = strings.TrimPrefix(s, "v")
	if versionText.MatchString(s) {
		return readVersion(s)
	}
	var numbers []string
	for _, part := range strings.Split(s, ".") {
		if !strings.Contains("xX*", part) {
			numbers = append(numbers, part)
		}
	}
	given := len(numbers)
	for len(numbers) < 3 {
		numbers = append(numbers, "0")
	}
	r, ok := readVersion(strings.Join(numbers, "."))
	r.given = given
	return r, ok
}

type predicate struct {
	operator string
	low, up  reading // up: ranges only
}

// readConstraint is nil where s is no constraint.
func readConstraint(s string) [][]predicate {
	if len(s) > 512 || strings.Count(s, "||") > 31 {
		return nil
	}
	if strings.Trim(s, " \t") == "" {
		s = "*"
	}
	var groups [][]predicate
	for _, text := range strings.Split(s, "||") {
		if !groupText.MatchString(text) {
			return nil
		}
		group, ok := readGroup(text)
		if !ok {
			return nil
		}
		groups = append(groups, group)
	}
	return groups
}

func readGroup(text string) (group []predicate, ok bool) {
	for text = strings.Trim(text, " \t,"); text != ""; text = strings.TrimLeft(text, " \t,") {
		var p predicate
		okLow, okUp := false, true
		m := rangeText.FindStringSubmatch(text)
		if m != nil {
			p.operator = "-"
			p.low, okLow = readBound(m[1])
			p.up, okUp = readBound(m[2])
		} else {
			m = plainText.FindStringSubmatch(text)
			p.operator = m[1]
			p.low, okLow = readBound(m[2])
		}
		if !okLow || !okUp || p.low.given == 0 && slices.Contains([]string{"<", ">", "!="}, p.operator) {
			return nil, false
		}
		group = append(group, p)
		text = text[len(m[0]):]
	}
	return group, true
}

func satisfies(groups [][]predicate, v reading) bool {
	return slices.ContainsFunc(groups, func(group []predicate) bool {
		named := v.pre == ""
		for _, p := range group {
			if !p.holds(v) {
				return false
			}
			named = named || p.operator != "!=" && (p.low.pre != "" && p.low.core == v.core || p.up.pre != "" && p.up.core == v.core)
		}
		return named
	})
}

func (p predicate) holds(v reading) bool {
	switch p.operator {
	case "", "=":
		return p.low.equals(v)
	case "!=":
		return !p.low.equals(v)
	case "<":
		return v.compare(p.low) < 0
	case ">=":
		return p.low.given == 0 || v.compare(p.low) >= 0
	case "<=":
		return !p.low.exceededBy(v)
	case ">":
		return p.low.exceededBy(v)
	case "-":
		return (p.low.given == 0 || v.compare(p.low) >= 0) && !p.up.exceededBy(v)
	case "~", "~>":
		return p.low.given == 0 || v.compare(p.low) >= 0 && p.low.shares(v, min(p.low.given, 2))
	case "^":
		n := 0
		for n < p.low.given {
			if n++; p.low.core[n-1] != 0 {
				break
			}
		}
		return p.low.given == 0 || v.compare(p.low) >= 0 && p.low.shares(v, n)
	}
	panic("the expression let operator " + p.operator + " through")
}

func (r reading) shares(v reading, n int) bool { return slices.Equal(r.core[:n], v.core[:n]) }

// equals and exceededBy look at the given numbers only, so that a partial is a family.
func (r reading) equals(v reading) bool {
	if r.given == 3 {
		return v.compare(r) == 0
	}
	return r.given == 0 || r.shares(v, r.given) && v.compare(r) >= 0
}

func (r reading) exceededBy(v reading) bool {
	if r.given == 3 {
		return v.compare(r) > 0
	}
	return slices.Compare(v.core[:r.given], r.core[:r.given]) > 0
}

var sentinels = []error{version.ErrSyntax, version.ErrRange, version.ErrTooLong}

func matchesOneSentinel(err error) bool {
	n := 0
	for _, s := range sentinels {
		if errors.Is(err, s) {
			n++
		}
	}
	return n == 1
}

func sign(n int) int { return cmp.Compare(n, 0) }

func parse(t testing.TB, s string) version.Version {
	t.Helper()
	v, err := version.Parse(s)
	require.NoError(t, err)
	return v
}

func parseAll(t testing.TB, texts ...string) []version.Version {
	t.Helper()
	var vs []version.Version
	for _, s := range texts {
		vs = append(vs, parse(t, s))
	}
	return vs
}

func constraint(t testing.TB, s string) version.Constraint {
	t.Helper()
	c, err := version.ParseConstraint(s)
	require.NoError(t, err)
	return c
}
