// SPDX-License-Identifier: Apache-2.0

// Package semver measures choosing the best version that fits a constraint.
package semver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// texts lists n versions 0.x.y to 3.x.y, shuffled.
func texts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%d.%d.%d", i%4, i/4%5, i/20)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// peer prepares to choose the best of the versions for "^1.2"; its chooser
// says whether that was want. To add one, append it to peers in an init function.
type peer struct {
	name    string
	prepare func(tb testing.TB, versions []string, want string) (chooses func() bool)
}

var peers = []peer{
	{"limit-packed-sorted", packed},
	{"masterminds-parsed", func(_ testing.TB, versions []string, want string) func() bool {
		parsed, fits := parse(versions), constraint()
		return func() bool { return best(parsed, fits) == want }
	}},
	{"masterminds-parse-constraint", func(_ testing.TB, versions []string, want string) func() bool {
		parsed := parse(versions)
		return func() bool { return best(parsed, constraint()) == want }
	}},
	{"masterminds-parse-all", func(_ testing.TB, versions []string, want string) func() bool {
		return func() bool { return best(parse(versions), constraint()) == want }
	}},
}

func parse(versions []string) (all []*semver.Version) {
	for _, v := range versions {
		all = append(all, semver.MustParse(v))
	}
	return all
}

func constraint() *semver.Constraints {
	c, err := semver.NewConstraint("^1.2")
	if err != nil {
		panic(err)
	}
	return c
}

func best(versions []*semver.Version, fits *semver.Constraints) string {
	var found *semver.Version
	for _, v := range versions {
		if fits.Check(v) && (found == nil || v.GreaterThan(found)) {
			found = v
		}
	}
	if found == nil {
		return ""
	}
	return found.Original()
}

// packed is the limit: release versions as sorted integers, and the
// constraint as the range [1.2.0, 2.0.0).
func packed(_ testing.TB, versions []string, want string) func() bool {
	type version struct {
		n    uint64
		text string
	}
	pack := func(major, minor, patch uint64) uint64 { return major<<42 | minor<<21 | patch }
	var sorted []version
	for i, v := range parse(versions) {
		sorted = append(sorted, version{pack(v.Major(), v.Minor(), v.Patch()), versions[i]})
	}
	byN := func(v version, n uint64) int { return int(v.n) - int(n) }
	slices.SortFunc(sorted, func(a, b version) int { return byN(a, b.n) })
	from, below := pack(1, 2, 0), pack(2, 0, 0)
	return func() bool {
		i, _ := slices.BinarySearchFunc(sorted, below, byN)
		return i > 0 && sorted[i-1].n >= from && sorted[i-1].text == want
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, n := range []int{10, 100} {
		versions := texts(n)
		want := best(parse(versions), constraint())
		for _, p := range peers {
			b.Run(fmt.Sprintf("%s/n=%d", p.name, n), func(b *testing.B) {
				chooses := p.prepare(b, versions, want)
				b.ReportAllocs()
				for b.Loop() {
					if !chooses() {
						b.Fatal("another version than ", want)
					}
				}
			})
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryPeerChoosesTheSameVersion(t *testing.T) {
	for _, n := range []int{10, 100} {
		versions := texts(n)
		want := best(parse(versions), constraint())
		require.NotEmpty(t, want)
		for _, p := range peers {
			t.Run(fmt.Sprintf("%s/n=%d", p.name, n), func(t *testing.T) {
				require.True(t, p.prepare(t, versions, want)(), "another version than %s", want)
				require.False(t, p.prepare(t, versions, "0.0.0")(), "any version will do")
			})
		}
	}
}
