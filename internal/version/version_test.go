// SPDX-License-Identifier: Apache-2.0

package version_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/version"
)

// valid are the examples of semver.org that lie within the limits.
var valid = []string{
	"0.0.4", "1.2.3", "10.20.30", "1.0.0", "2.0.0", "1.1.7",
	"1.1.2-prerelease+meta", "1.1.2+meta", "1.1.2+meta-valid",
	"1.0.0-alpha", "1.0.0-beta", "1.0.0-alpha.beta", "1.0.0-alpha.beta.1", "1.0.0-alpha.1",
	"1.0.0-alpha0.valid", "1.0.0-alpha.0valid", "1.0.0-0A.is.legal",
	"1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
	"1.0.0-rc.1+build.1", "2.0.0-rc.1+build.123", "1.2.3-beta", "10.2.3-DEV-SNAPSHOT", "1.2.3-SNAPSHOT-123",
	"2.0.0+build.1848", "2.0.1-alpha.1227", "1.0.0-alpha+beta",
	"1.2.3----RC-SNAPSHOT.12.9.1--.12+788", "1.2.3----R-S.12.9.1--.12+meta", "1.2.3----RC-SNAPSHOT.12.9.1--.12",
	"1.0.0+0.build.1-rc.10000aaa-kk-0.1",
}

// invalid are the examples of semver.org, and what lies near the grammar's edges.
var invalid = []string{
	"1", "1.2", "1.2.3-0123", "1.2.3-0123.0123", "1.1.2+.123", "+invalid", "-invalid", "-invalid+invalid", "-invalid.01",
	"alpha", "alpha.beta", "alpha.beta.1", "alpha.1", "alpha+beta", "alpha_beta", "alpha.", "alpha..", "beta", "-alpha.",
	"1.0.0-alpha_beta", "1.0.0-alpha..", "1.0.0-alpha..1", "1.0.0-alpha...1", "1.0.0-alpha....1",
	"1.0.0-alpha.....1", "1.0.0-alpha......1", "1.0.0-alpha.......1",
	"01.1.1", "1.01.1", "1.1.01", "1.2.3.DEV", "1.2-SNAPSHOT", "1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788",
	"1.2-RC-SNAPSHOT", "-1.0.3-gamma+b7718", "+justmeta", "9.8.7+meta+meta", "9.8.7-whatever+meta+meta",
	"99999999999999999999999.999999999999999999.99999999999999999----RC-SNAPSHOT.12.09.1--------------------------------..12",
	"", ".", "..", "1.", "1..", "1..3", ".2.3", "1.2.", "1.2.3-", "1.2.3+", "1.2.3-+b", "1.2.3-a+", "1.2.3-a.", "1.2.3+a.",
	"1.2.3.4", " 1.2.3", "1.2.3 ", "1.2.3\n", "1.2.3\x00", "+1.2.3", "1,2,3", "1.2.3-é", "1.2.3+é", "1.2.3-\xff", "1.2.٣",
	"1.2.x", "=1.2.3", "00.0.0", "1.2.3-00", "1.2.3-a.00", "0x1.2.3", "1e3.0.0", "1_0.0.0",
}

func TestParseAcceptsTheOfficialExamples(t *testing.T) {
	t.Parallel()
	for _, s := range valid {
		v, err := version.Parse(s)
		require.NoError(t, err)
		require.Equal(t, s, v.String())
		w, err := version.Parse("v" + s)
		require.NoError(t, err)
		require.Equal(t, v, w)
	}
}

func TestParseRefusesTheOfficialExamples(t *testing.T) {
	t.Parallel()
	for _, s := range invalid {
		v, err := version.Parse(s)
		require.ErrorIs(t, err, version.ErrSyntax, "%q", s)
		require.ErrorContains(t, err, fmt.Sprintf("version %q: ", s))
		require.Zero(t, v)
	}
}

func TestParseParts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in string
		want     version.Version
	}{
		{"zero", "0.0.0", version.Version{}},
		{"release", "1.12.3", version.Version{Major: 1, Minor: 12, Patch: 3}},
		{"pre-release", "1.2.3-rc.1", version.Version{Major: 1, Minor: 2, Patch: 3, Pre: "rc.1"}},
		{"build", "1.2.3+b.01", version.Version{Major: 1, Minor: 2, Patch: 3, Build: "b.01"}},
		{"both", "1.2.3-a-b+c-d", version.Version{Major: 1, Minor: 2, Patch: 3, Pre: "a-b", Build: "c-d"}},
		{"hyphen in build only", "1.2.3+a-b", version.Version{Major: 1, Minor: 2, Patch: 3, Build: "a-b"}},
		{"leading v", "v1.2.3", version.Version{Major: 1, Minor: 2, Patch: 3}},
		{"limits", "65535.65535.4294967295", version.Version{Major: 65535, Minor: 65535, Patch: 4294967295}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := version.Parse(test.in)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.Equal(t, test.want.Pre != "", got.IsPre())
			require.Equal(t, version.Version{Major: got.Major, Minor: got.Minor, Patch: got.Patch}, got.Core())
		})
	}
}

func TestParseStripsOneLowerCaseV(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"vv1.2.3", "V1.2.3", "v", " v1.2.3", "v 1.2.3", "v.1.2.3"} {
		_, err := version.Parse(s)
		require.ErrorIs(t, err, version.ErrSyntax, "%q", s)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("9", 200)
	for _, test := range []struct {
		name, in string
		is       error
		want     string
	}{
		{"empty", "", version.ErrSyntax, `version "": invalid syntax: no version given; write major.minor.patch, as in "1.2.3"`},
		{"partial", "1.2", version.ErrSyntax, `version "1.2": invalid syntax: fewer than three numbers; write major.minor.patch, as in "1.2.3"`},
		{"leading zero", "1.02.3", version.ErrSyntax, `version "1.02.3": invalid syntax: a number has a leading zero; drop the zero`},
		{"blank", "1.2.3 ", version.ErrSyntax, `version "1.2.3 ": invalid syntax: major, minor and patch must be digits, separated by dots, with nothing around them`},
		{"pre-release", "1.2.3-a..b", version.ErrSyntax, `version "1.2.3-a..b": invalid syntax: a pre-release must be dotted identifiers of ASCII letters, digits and hyphens, none of them empty`},
		{"build", "1.2.3+a_b", version.ErrSyntax, `version "1.2.3+a_b": invalid syntax: build metadata must be dotted identifiers of ASCII letters, digits and hyphens, none of them empty`},
		{"missing number", "1..3", version.ErrSyntax, `version "1..3": invalid syntax: a number is missing between the dots`},
		{"major", "65536.0.0", version.ErrRange, `version "65536.0.0": number out of range: major 65536 is above the limit 65535`},
		{"minor", "1.65536.0-a+b", version.ErrRange, `version "1.65536.0-a+b": number out of range: minor 65536 is above the limit 65535`},
		{"patch", "v1.2.4294967296-1.2+3-4", version.ErrRange, `version "v1.2.4294967296-1.2+3-4": number out of range: patch 4294967296 is above the limit 4294967295`},
		{"major beyond 64 bits", huge + ".0.0", version.ErrRange, `version "` + huge + `.0.0": number out of range: major ` + huge + ` is above the limit 65535`},
		{"minor beyond 64 bits", "0." + huge + ".0", version.ErrRange, `version "0.` + huge + `.0": number out of range: minor ` + huge + ` is above the limit 65535`},
		{"patch beyond 64 bits", "0.0." + huge, version.ErrRange, `version "0.0.` + huge + `": number out of range: patch ` + huge + ` is above the limit 4294967295`},
		{"official but too big", "99999999999999999999999.999999999999999999.99999999999999999", version.ErrRange,
			`version "99999999999999999999999.999999999999999999.99999999999999999": number out of range: major 99999999999999999999999 is above the limit 65535`},
		{"too long", "1.2.3-" + strings.Repeat("a", 251), version.ErrTooLong, `version "1.2.3-` + strings.Repeat("a", 251) + `": too long: 257 bytes, limit 256`},
		{"far too long", strings.Repeat("1", 1<<20), version.ErrTooLong, `version "` + strings.Repeat("1", 512) + `"…: too long: 1048576 bytes, limit 256`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := version.Parse(test.in)
			require.EqualError(t, err, test.want)
			for _, sentinel := range sentinels {
				require.Equal(t, sentinel == test.is, errors.Is(err, sentinel), sentinel)
			}
		})
	}
}

func TestParseAtTheLengthLimit(t *testing.T) {
	t.Parallel()
	s := "1.2.3-" + strings.Repeat("a", 250)
	for _, in := range []string{s, "v" + s} {
		v, err := version.Parse(in)
		require.NoError(t, err)
		require.Equal(t, s, v.String())
	}
}

// Every text of a few characters around each part of the grammar gets the verdict
// of Masterminds/semver and of the grammar's own expression.
func TestParseAgreesOnAllShortTexts(t *testing.T) {
	t.Parallel()
	for _, around := range []struct {
		prefix, alphabet string
		length           int
	}{
		{"", "01.", 7}, {"", "1.-+a", 5}, {"1.0.", "0a-+.", 5}, {"1.0.0", "01a-+.", 5}, {"1.0.0-", "01a_+.", 4}, {"1.0.0+", "01a-+.", 4},
	} {
		each(around.alphabet, around.length, func(s string) { requireSameVerdict(t, around.prefix+s) })
	}
}

func each(alphabet string, length int, visit func(string)) {
	texts := []string{""}
	for range length {
		var longer []string
		for _, s := range texts {
			visit(s)
			for _, c := range alphabet {
				longer = append(longer, s+string(c))
			}
		}
		texts = longer
	}
	for _, s := range texts {
		visit(s)
	}
}

// requireSameVerdict holds Parse against two independent readers of s.
func requireSameVerdict(t *testing.T, s string) {
	t.Helper()
	bare := strings.TrimPrefix(s, "v")
	want, ok := readVersion(bare)
	v, err := version.Parse(s)
	if ok != (err == nil) {
		require.Failf(t, "another verdict than the grammar", "%q: %v", s, err)
	}
	m, strictErr := semver.StrictNewVersion(bare)
	if err != nil {
		within := strictErr == nil && m.Major() <= 65535 && m.Minor() <= 65535 && m.Patch() <= 4294967295
		if within || !matchesOneSentinel(err) {
			require.Failf(t, "refused without cause or sentinel", "%q: %v", s, err)
		}
		return
	}
	switch {
	case strictErr != nil || v.String() != bare || m.String() != bare:
		require.Failf(t, "does not print as it was read", "%q: %v, %v", s, v, strictErr)
	case want.core != [3]uint64{v.Major, v.Minor, v.Patch} || want.pre != v.Pre || want.build != v.Build:
		require.Failf(t, "has other parts", "%q: %+v", s, v)
	}
}

func TestCompareFollowsTheSpecificationsChains(t *testing.T) {
	t.Parallel()
	for name, chain := range map[string]string{
		"numbers":     "0.0.0 0.0.1 0.1.0 0.65535.4294967295 1.0.0 1.0.4294967295 1.1.0 2.0.0 2.1.0 2.1.1 10.0.0 65535.65535.4294967295",
		"pre-release": "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0",
		"identifiers": "1.0.0-0 1.0.0-0.0 1.0.0-2 1.0.0-10 1.0.0-- 1.0.0-1a 1.0.0-A 1.0.0-a 1.0.0-a-b 1.0.0-aa 1.0.1-0",
		"beyond 64 bits": "1.0.0-9 1.0.0-18446744073709551615 1.0.0-18446744073709551616 1.0.0-99999999999999999999 " +
			"1.0.0-100000000000000000000 1.0.0-200000000000000000000 1.0.0-9a",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vs := parseAll(t, strings.Fields(chain)...)
			for i, v := range vs {
				for j, w := range vs {
					require.Equal(t, sign(i-j), v.Compare(w), "%s, %s", v, w)
				}
			}
		})
	}
}

func TestCompareIgnoresBuildMetadata(t *testing.T) {
	t.Parallel()
	vs := parseAll(t, "1.0.0", "1.0.0+a", "1.0.0+b.2", "1.0.0-rc.1", "1.0.0-rc.1+a")
	require.Zero(t, vs[0].Compare(vs[1]))
	require.Zero(t, vs[1].Compare(vs[2]))
	require.Zero(t, vs[3].Compare(vs[4]))
	require.Equal(t, -1, vs[4].Compare(vs[1]))
}

func TestCompareIsATotalOrderThatEqualsTheOracle(t *testing.T) {
	t.Parallel()
	var vs []version.Version
	for _, core := range []string{"0.0.0", "0.0.1", "0.1.0", "1.0.0", "1.0.65536"} {
		for _, pre := range []string{"", "-0", "-1", "-10", "-a", "-a.1", "-a.b", "-a.1.0", "-A", "--", "-99999999999999999999", "-1+z"} {
			vs = append(vs, parse(t, core+pre))
		}
	}
	for _, a := range vs {
		for _, b := range vs {
			requireOrder(t, a, b)
			for _, c := range vs {
				if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
					require.Failf(t, "not transitive", "%s, %s, %s", a, b, c)
				}
			}
		}
	}
}

// requireOrder holds Compare of two versions against the oracle and against itself.
func requireOrder(t *testing.T, a, b version.Version) {
	t.Helper()
	got, want := a.Compare(b), readParsed(a).compare(readParsed(b))
	a.Build, b.Build = "", ""
	if got != want || got != -b.Compare(a) || (got == 0) != (a == b) {
		require.Failf(t, "wrong order", "%s, %s: %d, want %d", a, b, got, want)
	}
}

func TestVersionsSortFromAMap(t *testing.T) {
	t.Parallel()
	set := map[version.Version]bool{}
	for _, s := range []string{"1.10.0", "1.2.0", "1.2.0-rc.1", "1.2.0"} {
		set[parse(t, s)] = true
	}
	sorted := slices.SortedFunc(maps.Keys(set), version.Version.Compare)
	require.Equal(t, "[1.2.0-rc.1 1.2.0 1.10.0]", fmt.Sprint(sorted))
}

func TestParseAndMatchDoNotAllocate(t *testing.T) { // not parallel: it counts the process's allocations
	c := constraint(t, "^1.2.3-rc.1 || 3.x !=3.1.x")
	for _, s := range []string{"1.12.3", "v1.2.3-rc.1+build.5", "4.0.0-alpha"} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			v, err := version.Parse(s)
			if c.Match(v); err != nil {
				t.Error(err)
			}
		}), s)
	}
}
