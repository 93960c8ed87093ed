// SPDX-License-Identifier: Apache-2.0

package version_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/version"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ constraint, in, out string }{
		{"", "0.0.0 1.2.3 65535.65535.4294967295", "1.0.0-a 0.0.0-0"},
		{" \t ", "0.0.0", "1.0.0-a"},
		{"*", "0.0.0 9.9.9+b", "1.0.0-a"},
		{"x.X.*", "0.0.0 9.9.9", "1.0.0-a"},
		{"v*", "0.0.0", "1.0.0-a"},
		{"1.2.3", "1.2.3 1.2.3+b", "1.2.2 1.2.4 1.2.3-a"},
		{"=v1.2.3", "1.2.3", "1.2.4"},
		{"= 1.2.3-rc.1", "1.2.3-rc.1 1.2.3-rc.1+b", "1.2.3 1.2.3-rc.2 1.2.3-rc"},
		{"1", "1.0.0 1.65535.4294967295", "0.9.9 2.0.0 1.0.0-a 2.0.0-0"},
		{"1.x", "1.0.0 1.9.9", "0.9.9 2.0.0"},
		{"1.2", "1.2.0 1.2.9", "1.1.9 1.3.0 1.3.0-0"},
		{"v1.2.*", "1.2.0 1.2.9", "1.1.9 1.3.0"},
		{"65535", "65535.0.0", "65534.65535.4294967295"},
		{"!=1.2.3", "1.2.2 1.2.4", "1.2.3 1.2.3+b 1.2.3-a"},
		{"!=1.2.3-rc.1", "1.2.3 1.2.2", "1.2.3-rc.1 1.2.3-rc.2"},
		{"!=1.2", "1.1.9 1.3.0", "1.2.0 1.2.9"},
		{"!=1.x", "0.9.9 2.0.0", "1.0.0 1.9.9"},
		{"!=0.0.0", "0.0.1", "0.0.0"},
		{"!=65535.65535.4294967295", "0.0.0", "65535.65535.4294967295"},
		{">=1 !=1.3.x, !=1.5.0", "1.2.9 1.4.0 1.5.1 2.0.0", "1.3.0 1.3.7 1.5.0 0.9.0"},
		{">=1.0.0-a !=1.0.0-b", "1.0.0-a 1.0.0-c 1.0.0", "1.0.0-b 0.9.0"},
		{"<1.2.3", "0.0.0 1.2.2", "1.2.3 1.2.3-a"},
		{"<1.2", "1.1.9", "1.2.0 1.2.0-a"},
		{"<0.0.0", "", "0.0.0 0.0.0-0"},
		{"<1.2.3-b", "1.2.2 1.2.3-a", "1.2.3 1.2.3-b 1.2.2-a"},
		{"<=1.2.3", "1.2.3", "1.2.4 1.2.4-a 1.2.3-a"},
		{"<=1.2", "1.2.9", "1.3.0 1.3.0-a"},
		{"<=1.2.3-b", "1.2.2 1.2.3-b", "1.2.3 1.2.3-c"},
		{"<=*", "0.0.0", "0.0.0-a"},
		{">1.2.3", "1.2.4 2.0.0", "1.2.3 1.2.3-a 1.2.4-a"},
		{">1.2", "1.3.0", "1.2.9 1.2.0"},
		{">1", "2.0.0", "1.9.9"},
		{">1.2.3-b", "1.2.3 1.2.3-c", "1.2.3-b 1.2.3-a 1.2.4-a"},
		{">65535", "", "65535.65535.4294967295"},
		{">65535.65535.4294967295", "", "65535.65535.4294967295"},
		{">=1.2.3", "1.2.3 9.0.0", "1.2.2 1.2.3-a"},
		{">=1.2", "1.2.0 2.0.0", "1.1.9"},
		{">=*", "0.0.0", "0.0.0-a"},
		{"~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0 1.3.0-a"},
		{"~>1.2", "1.2.0 1.2.9", "1.1.9 1.3.0"},
		{"~1", "1.0.0 1.9.9", "2.0.0 0.9.9"},
		{"~*", "0.0.0 9.0.0", "1.0.0-a"},
		{"~1.2.3-b", "1.2.3-b 1.2.3-c 1.2.3 1.2.4", "1.2.3-a 1.2.4-b 1.3.0"},
		{"~1.65535", "1.65535.0 1.65535.4294967295", "2.0.0 1.65534.0"},
		{"^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 2.0.0-a"},
		{"^1.2", "1.2.0 1.9.0", "1.1.9 2.0.0"},
		{"^1", "1.0.0 1.9.0", "0.9.9 2.0.0"},
		{"^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"},
		{"^0.0.3", "0.0.3", "0.0.2 0.0.4"},
		{"^0.0.3-b", "0.0.3-b 0.0.3-c 0.0.3", "0.0.3-a 0.0.4"},
		{"^0.0.0", "0.0.0", "0.0.1"},
		{"^0.0", "0.0.0 0.0.9", "0.1.0"},
		{"^0.1.x", "0.1.0 0.1.9", "0.0.9 0.2.0"},
		{"^0.x", "0.0.0 0.9.9", "1.0.0"},
		{"^65535.1.0", "65535.1.0 65535.65535.4294967295", "65535.0.9"},
		{"1.2.3 - 2.3.4", "1.2.3 2.3.4", "1.2.2 2.3.5 2.0.0-a"},
		{"1.2 - 2", "1.2.0 2.9.9", "1.1.9 3.0.0 3.0.0-a"},
		{"* - 2", "0.0.0 2.9.9", "3.0.0"},
		{"1  -\tx", "1.0.0 9.0.0", "0.9.9"},
		{"1.2.3-a - 1.2.3-c", "1.2.3-a 1.2.3-b 1.2.3-c", "1.2.3 1.2.3-d 1.2.2"},
		{"1 - 3 !=2, <3.5", "1.0.0 3.4.9", "2.1.0 3.5.0"},
		{"2 - 1", "", "1.0.0 1.5.0 2.0.0"},
		{">=1.2.3, <2", "1.2.3", "2.0.0"},
		{">= 1.2.3 ,< 2.0.0", "1.2.3", "2.0.0"},
		{"1 || 3||5.x", "1.0.0 3.9.9 5.0.0", "2.0.0 4.0.0 6.0.0"},
		{"1.0.0-a || 2", "1.0.0-a 2.0.0", "1.0.0 2.0.0-a"},
		{">=1.0.0-a || <2", "1.0.0-a 0.1.0", "2.0.0-a"},
	} {
		t.Run(test.constraint, func(t *testing.T) {
			t.Parallel()
			c := constraint(t, test.constraint)
			for _, v := range parseAll(t, strings.Fields(test.in)...) {
				require.True(t, c.Match(v), v)
				require.Empty(t, c.Why(v))
			}
			for _, v := range parseAll(t, strings.Fields(test.out)...) {
				require.False(t, c.Match(v), v)
				require.NotEmpty(t, c.Why(v))
			}
		})
	}
}

func TestZeroConstraintIsAnyRelease(t *testing.T) {
	t.Parallel()
	var zero version.Constraint
	require.Equal(t, constraint(t, ""), zero)
	require.Equal(t, "*", zero.String())
	require.True(t, zero.Match(version.Version{}))
	require.Empty(t, zero.Why(version.Version{}))
	rc := parse(t, "1.0.0-rc.1")
	require.False(t, zero.Match(rc))
	require.Equal(t, "1.0.0-rc.1 is a pre-release that the constraint does not name", zero.Why(rc))
}

// The following are the known defects of the parser whose place this one takes.

func TestTildeZeroKeepsToItsMinor(t *testing.T) {
	t.Parallel()
	requireSplit(t, "~0.0.0", "0.0.0 0.0.1 0.0.4294967295", "0.1.0 1.0.0 9.9.9 0.0.0-a 0.1.0-a")
}

func TestCaretWildcardIsAnyRelease(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"^*", "^x", "^X.x.*"} {
		requireSplit(t, s, "0.0.0 0.1.0 1.0.0 9.9.9", "0.0.0-a 1.0.0-a")
	}
}

func TestEmptyIsAnyRelease(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", " ", "\t"} {
		requireSplit(t, s, "0.0.0 1.0.0 9.9.9", "1.0.0-a")
		require.Equal(t, "*", constraint(t, s).String())
	}
}

func TestPreReleaseDoesNotLeakBelowAnUpperBound(t *testing.T) {
	t.Parallel()
	requireSplit(t, "<2.0.0", "1.9.9", "2.0.0-alpha 2.0.0-0")
	requireSplit(t, ">=1.0.0-0 <2.0.0", "1.0.0-0 1.0.0-alpha 1.0.0 1.9.9", "2.0.0-alpha 1.0.1-alpha 2.0.0")
	requireSplit(t, ">=2.0.0-0 <2.0.0", "2.0.0-alpha", "1.9.9 2.0.0")
	requireSplit(t, "^1.0.0-0", "1.0.0-alpha 1.9.9", "2.0.0-alpha 1.9.9-alpha")
}

func TestPreReleaseDoesNotLeakAboveALowerBound(t *testing.T) {
	t.Parallel()
	requireSplit(t, ">=1.2.3-rc.1", "1.2.3-rc.1 1.2.3-rc.2 1.2.3 1.2.4 2.0.0", "1.2.4-alpha 1.2.3-beta 2.0.0-alpha")
}

func TestPreReleaseDoesNotLeakOutOfAnotherAlternative(t *testing.T) {
	t.Parallel()
	requireSplit(t, "1.0.0-a || >=1", "1.0.0-a 1.0.0", "1.0.0-b 1.0.1-a")
}

func TestExclusionNamesNoPreRelease(t *testing.T) {
	t.Parallel()
	requireSplit(t, ">=1.0.0 !=2.0.0-rc.1", "1.0.0 2.0.0", "2.0.0-rc.1 2.0.0-rc.2")
}

func TestRangeEndsWithAllOfAPartialUpperBound(t *testing.T) {
	t.Parallel()
	requireSplit(t, "1.2.3 - 2", "1.2.3 2.0.0 2.1.0 2.65535.4294967295", "1.2.2 3.0.0 3.0.0-alpha")
	requireSplit(t, "1.2.3 - 2.1", "2.1.0 2.1.9", "2.2.0")
}

func TestExactVersionIgnoresBuildMetadata(t *testing.T) {
	t.Parallel()
	requireSplit(t, "=1.0.0", "1.0.0 1.0.0+b", "1.0.1")
	requireSplit(t, "=1.0.0+a", "1.0.0 1.0.0+a 1.0.0+b", "1.0.1")
}

func TestNumbersFollowNoWildcard(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1.*.3", "*.1.2", "x.1", "*.1.x", "v*.2", "1 || ^1.x.0"} {
		_, err := version.ParseConstraint(s)
		require.ErrorIs(t, err, version.ErrSyntax, "%q", s)
		require.ErrorContains(t, err, "only wildcards may follow a wildcard")
	}
}

func TestLeadingZerosAreErrors(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"01.0.0", ">=1.02", "1.2.03", "00", "01", "1.00.x", "1.2.3-01", "1 - 02"} {
		_, err := version.ParseConstraint(s)
		require.ErrorIs(t, err, version.ErrSyntax, "%q", s)
		require.ErrorContains(t, err, "leading zero")
	}
}

func TestLargeIdentifiersCompareAsNumbers(t *testing.T) {
	t.Parallel()
	requireSplit(t, ">=1.0.0-20000000000000000000", "1.0.0-100000000000000000000", "1.0.0-3 1.0.0-19999999999999999999")
}

func requireSplit(t *testing.T, s, in, out string) {
	t.Helper()
	c := constraint(t, s)
	for _, v := range parseAll(t, strings.Fields(in)...) {
		require.True(t, c.Match(v), "%s in %q", v, s)
	}
	for _, v := range parseAll(t, strings.Fields(out)...) {
		require.False(t, c.Match(v), "%s in %q", v, s)
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ constraint, version, want string }{
		{">=1.2.0", "1.1.0", "1.1.0 is below >=1.2.0"},
		{"> 1.2", "1.2.5", "1.2.5 is below > 1.2"},
		{"<2", "2.0.0+b", "2.0.0+b is above <2"},
		{"<=2", "3.0.0", "3.0.0 is above <=2"},
		{"^1.2.0", "1.1.0", "1.1.0 is below ^1.2.0"},
		{"^1.2.0", "2.0.0-rc.1", "2.0.0-rc.1 is above ^1.2.0"},
		{"1.0.0", "1.1.0", "1.1.0 is above 1.0.0"},
		{">=1, !=1.2.x", "1.2.3", "1.2.3 is excluded by !=1.2.x"},
		{"1.2.3  -  2 !=2.0.0", "3.0.0", "3.0.0 is above 1.2.3  -  2"},
		{"1.2 - 2", "1.0.0", "1.0.0 is below 1.2 - 2"},
		{"<3.0.0", "2.0.0-rc.1", "2.0.0-rc.1 is a pre-release that the constraint does not name"},
		{"1 || >=3 <4 || 1", "2.0.0", "2.0.0 is above 1 and is below >=3"},
		{"*||1.0.0-a", "1.0.0-b", "1.0.0-b is a pre-release that the constraint does not name and is above 1.0.0-a"},
		{">=1", "1.0.0", ""},
	} {
		require.Equal(t, test.want, constraint(t, test.constraint).Why(parse(t, test.version)))
	}
}

func TestParseConstraintErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 300)
	for _, test := range []struct {
		name, in string
		is       error
		want     string
	}{
		{"unknown operator", "=>1", version.ErrSyntax, `unknown operator "=>"; write one of = != < <= > >= ~ ~> ^`},
		{"unknown operator before a wildcard", "==*", version.ErrSyntax, `unknown operator "=="`},
		{"operator alone", ">=", version.ErrSyntax, `no version behind ">="`},
		{"operator before a comma", ">=1, <, 2", version.ErrSyntax, `no version behind "<"`},
		{"two operators", "> =1", version.ErrSyntax, `"=1": invalid syntax: major, minor and patch must be digits`},
		{"no separator", ">=1<2", version.ErrSyntax, `"1<2": invalid syntax: major, minor and patch must be digits`},
		{"leading comma", ",1", version.ErrSyntax, "a comma needs a comparator on both sides"},
		{"trailing comma", "1, ", version.ErrSyntax, "a comma needs a comparator on both sides"},
		{"two commas", "1,,2", version.ErrSyntax, "a comma needs a comparator on both sides"},
		{"empty alternative", "1 ||", version.ErrSyntax, `nothing on one side of "||"; write "*" for every release`},
		{"empty alternative inside", "1 || \t || 2", version.ErrSyntax, `nothing on one side of "||"`},
		{"single bar", "1 | 2", version.ErrSyntax, `"|": invalid syntax`},
		{"range without an end", "1 - ", version.ErrSyntax, `no version behind "-"`},
		{"range with an operator", ">=1 - 2", version.ErrSyntax, `">=1 - 2": a range takes no operator`},
		{"range to an operator", "1 - <2", version.ErrSyntax, `"<2": invalid syntax`},
		{"range of three", "1 - 2 - 3", version.ErrSyntax, `"-": invalid syntax`},
		{"range with a comma", "1, - 2", version.ErrSyntax, `"-": invalid syntax`},
		{"range of a bad version", "1 - 2.a", version.ErrSyntax, `"2.a": invalid syntax`},
		{"two v", "vv1", version.ErrSyntax, `"vv1": invalid syntax`},
		{"upper-case v", "V1.2.3", version.ErrSyntax, `"V1.2.3": invalid syntax`},
		{"v alone", "v", version.ErrSyntax, `"v": invalid syntax`},
		{"four numbers", "1.2.3.4", version.ErrSyntax, `"1.2.3.4": invalid syntax`},
		{"partial pre-release", "1.2-rc.1", version.ErrSyntax, `"1.2-rc.1": invalid syntax`},
		{"partial build", "1.2+b", version.ErrSyntax, `"1.2+b": invalid syntax`},
		{"missing number", "1..", version.ErrSyntax, `"1..": invalid syntax: a number is missing between the dots`},
		{"line break", "1\n2", version.ErrSyntax, `invalid syntax`},
		{"below everything", "<*", version.ErrSyntax, `no version satisfies "<*"`},
		{"above everything", "1 || > x.x", version.ErrSyntax, `no version satisfies "> x.x"`},
		{"nothing left", "!=*", version.ErrSyntax, `no version satisfies "!=*"`},
		{"major too large", ">=65536", version.ErrRange, `"65536": number out of range: major 65536 is above the limit 65535`},
		{"minor too large", "1.65536.x", version.ErrRange, `"1.65536.x": number out of range: minor 65536 is above the limit 65535`},
		{"patch too large", "~1.2.4294967296", version.ErrRange, `patch 4294967296 is above the limit 4294967295`},
		{"range too large", "1 - 99999999999999999999", version.ErrRange, `major 99999999999999999999 is above the limit 65535`},
		{"long version", "1 || " + long, version.ErrTooLong, `too long: 304 bytes, limit 256`},
		{"long", strings.Repeat("1 ", 256) + "1", version.ErrTooLong, `too long: 513 bytes, limit 512`},
		{"long and blank", strings.Repeat(" ", 513), version.ErrTooLong, `too long: 513 bytes, limit 512`},
		{"alternatives", strings.Repeat("1||", 32) + "1", version.ErrTooLong, `too long: 33 alternatives, limit 32`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := version.ParseConstraint(test.in)
			require.ErrorIs(t, err, test.is)
			require.True(t, matchesOneSentinel(err))
			require.ErrorContains(t, err, test.want)
			if len(test.in) <= 512 {
				require.ErrorContains(t, err, fmt.Sprintf("constraint %q: ", test.in))
			}
			require.Zero(t, c)
			require.Nil(t, readConstraint(test.in), "the oracle takes it")
		})
	}
}

func TestParseConstraintAtItsLimits(t *testing.T) {
	t.Parallel()
	requireSplit(t, strings.Repeat("1||", 31)+"2", "1.0.0 2.0.0", "3.0.0")
	requireSplit(t, strings.Repeat("1 ", 255)+" 1", "1.0.0", "3.0.0")
	requireSplit(t, strings.Repeat(" ", 512), "1.0.0", "1.0.0-a")
}

// grid has every version of a few numbers and pre-releases, the limits among them.
func grid(t testing.TB) []version.Version {
	var vs []version.Version
	for _, major := range []string{"0", "1", "2", "65535"} {
		for _, minor := range []string{"0", "1", "2", "65535"} {
			for _, patch := range []string{"0", "1", "2", "3", "4294967295"} {
				for _, tail := range []string{"", "-0", "-alpha", "-rc.1", "-rc.2"} {
					vs = append(vs, parse(t, major+"."+minor+"."+patch+tail))
				}
			}
		}
	}
	return vs
}

var (
	someOperators = []string{"", "=", "!=", "<", "<=", ">", ">=", "~", "~>", "^"}
	someBounds    = []string{
		"*", "0", "1", "2.x", "65535", "0.0", "0.1", "1.0.x", "1.1", "1.65535", "2.2", "65535.65535",
		"0.0.0", "0.0.1", "0.0.4294967295", "0.1.0", "0.1.2", "1.0.0", "v1.1.1", "1.2.3", "2.0.0", "2.2.2+b", "65535.65535.4294967295",
		"0.0.0-0", "0.0.1-alpha", "0.1.0-rc.1", "1.0.0-0", "1.1.1-rc.1", "1.2.3-alpha", "2.0.0-rc.2", "65535.65535.4294967295-alpha",
	}
)

func TestMatchEqualsTheOracleOnEveryComparatorAndRange(t *testing.T) {
	t.Parallel()
	vs := grid(t)
	for _, b := range someBounds {
		for _, operator := range someOperators {
			requireSameSet(t, operator+b, vs)
		}
		for _, up := range someBounds {
			requireSameSet(t, b+" - "+up, vs[:len(vs)/4])
		}
	}
}

func TestMatchEqualsTheOracleOnRandomConstraints(t *testing.T) {
	t.Parallel()
	vs := grid(t)
	random := rand.New(rand.NewPCG(1, 2)) // fixed: a failure must come back
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	comparator := func() string {
		if random.IntN(6) == 0 {
			return pick(someBounds) + " - " + pick(someBounds)
		}
		return pick(someOperators) + pick([]string{"", " "}) + pick(someBounds)
	}
	for range 200 {
		s := comparator()
		for range random.IntN(4) {
			s += pick([]string{" ", ", ", ",", " || ", "||"}) + comparator()
		}
		requireSameSet(t, s, vs)
	}
}

// requireSameSet holds the verdicts of one constraint on vs against the oracle.
func requireSameSet(t *testing.T, s string, vs []version.Version) {
	t.Helper()
	oracle := readConstraint(s)
	c, err := version.ParseConstraint(s)
	if (oracle != nil) != (err == nil) {
		require.Failf(t, "another verdict than the grammar", "%q: %v", s, err)
	}
	if err != nil {
		return
	}
	for _, v := range vs {
		want := satisfies(oracle, readParsed(v))
		if c.Match(v) != want || (c.Why(v) == "") != want {
			require.Failf(t, "another verdict than the oracle", "%s in %q: %t, want %t, %q", v, s, c.Match(v), want, c.Why(v))
		}
	}
}

func TestMatchAgreesWithMastermindsOnPlainReleases(t *testing.T) {
	t.Parallel()
	for _, operator := range someOperators {
		for _, b := range []string{"0.0.1", "0.1.0", "0.1.2", "1.0.0", "1.1.1", "1.2.3", "2.2.2", "0.1", "1.1", "2.2", "1", "2"} {
			s := operator + b
			theirs, err := semver.NewConstraint(s)
			require.NoError(t, err)
			ours := constraint(t, s)
			for _, v := range grid(t) {
				if !v.IsPre() {
					m := semver.New(v.Major, v.Minor, v.Patch, "", "")
					require.Equal(t, theirs.Check(m), ours.Match(v), "%s in %q", v, s)
				}
			}
		}
	}
}

func TestStringReadsBackAsTheSameConstraint(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"*", " >= 1.2.3 ,<2 ", "1.2.3 - 2 || v3.x", "^0"} {
		c := constraint(t, s)
		require.Equal(t, s, c.String())
		require.Equal(t, c, constraint(t, c.String()))
	}
}

func TestSentinelsAreDistinct(t *testing.T) {
	t.Parallel()
	for i, a := range sentinels {
		for j, b := range sentinels {
			require.Equal(t, i == j, errors.Is(a, b))
		}
	}
}
