// SPDX-License-Identifier: Apache-2.0

package near

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		want  string
		have  []string
		limit int
		near  []string
	}{
		{"swapped letters", "jsno", []string{"xml", "json", "yaml"}, 3, []string{"json"}},
		{"dropped letter", "levl", []string{"level", "lever", "format"}, 3, []string{"level"}},
		{"case only", "LEVEL", []string{"Level", "level", "bevel"}, 3, []string{"Level", "level", "bevel"}},
		{"case only, other script", "ÄRGER", []string{"ärger"}, 1, []string{"ärger"}},
		{"a third of six letters", "format", []string{"fromat", "formats", "forms", "fort", "for"}, 9, []string{"formats", "fromat", "forms", "fort"}},
		{"nearest first, then by name", "port", []string{"sport", "pork", "port", "part"}, 9, []string{"port", "part", "pork", "sport"}},
		{"limit cuts the farther ones", "port", []string{"sport", "pork", "port", "part"}, 2, []string{"port", "part"}},
		{"repeated candidate", "pory", []string{"port", "port"}, 9, []string{"port"}},
		{"one letter keeps nothing", "x", []string{"y", "z"}, 9, nil},
		{"one letter kept", "x", []string{"xy", "yx", "xyz"}, 9, []string{"xy", "yx"}},
		{"nothing wanted", "", []string{"a", ""}, 9, nil},
		{"empty candidate", "a", []string{""}, 9, nil},
		{"no candidates", "a", nil, 9, nil},
		{"no places", "json", []string{"json"}, 0, nil},
		{"negative limit", "json", []string{"json"}, -1, nil},
		{"letters, not bytes", "größe", []string{"grösse", "größer", "grüße", "gross"}, 9, []string{"größer", "grüße"}},
		{"the most bytes", "😀😀😀", []string{"😀😀😀😀", "😀😀😀😀😀"}, 9, []string{"😀😀😀😀"}},
		{"invalid text", "ab\xff", []string{"ab\xfe", "abc"}, 9, []string{"ab\xfe", "abc"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.near, Names(tt.want, slices.Values(tt.have), tt.limit))
		})
	}
}

func TestNamesBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", longest)
	edited := func(n int) string { return strings.Repeat("b", n) + long[n:] }

	require.Equal(t, []string{edited(farthest)}, Names(long, slices.Values([]string{edited(farthest), edited(farthest + 1)}), 9))
	require.Nil(t, Names(long+"a", slices.Values([]string{long, long + "a"}), 9), "too long to be sought")
	require.Nil(t, Names(long, slices.Values([]string{long + "a"}), 9), "too long to be found")
	require.Equal(t, []string{long[1:]}, Names(long, slices.Values([]string{long[1:]}), 9))
}

// naive is the textbook definition without a bound.
func naive(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
			default:
				change := 1
				if a[i-1] == b[j-1] {
					change = 0
				}
				rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
				}
			}
		}
	}
	return rows[len(a)][len(b)]
}

func TestDistanceAgreesWithNaive(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	word := func() []rune {
		w := make([]rune, random.IntN(14))
		for i := range w {
			w[i] = 'a' + random.Int32N(3)
		}
		return w
	}
	within := 0
	for range 20_000 {
		a, b, reach := word(), word(), 1+random.IntN(farthest)
		want, got := naive(a, b), distance(a, b, reach)
		if want <= reach && max(len(a), len(b)) > want {
			within++
			require.Equal(t, want, got, "%q %q reach %d", string(a), string(b), reach)
		} else if want > reach {
			require.Greater(t, got, reach, "%q %q", string(a), string(b))
		}
	}
	require.Greater(t, within, 1000, "too few near pairs to prove anything")
}

func FuzzNames(f *testing.F) {
	f.Add("jsno", "json", "yaml")
	f.Add("", "a", "\xff")
	f.Add(strings.Repeat("é", 128), strings.Repeat("é", 127), "İ")
	f.Fuzz(func(t *testing.T, want, one, two string) {
		names := Names(want, slices.Values([]string{one, two}), 2)
		reach := min(max(1, utf8.RuneCountInString(want)/3), farthest)
		last := 0
		for _, n := range names {
			require.Contains(t, []string{one, two}, n)
			d := naive([]rune(strings.ToLower(want)), []rune(strings.ToLower(n)))
			require.LessOrEqual(t, d, reach)
			require.GreaterOrEqual(t, d, last)
			last = d
		}
		if one != "" && len(one) <= longest {
			require.Equal(t, one, Names(one, slices.Values([]string{one}), 1)[0], "a name is nearest to itself")
		}
	})
}

func BenchmarkNames(b *testing.B) {
	short, long := make([]string, 10_000), make([]string, 10_000)
	for i := range short {
		short[i] = fmt.Sprintf("sink-%04d", i)
		long[i] = strings.Repeat("company.", 31) + short[i][5:]
	}
	for name, have := range map[string][]string{"short": short, "longest": long} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Names(have[77]+"x", slices.Values(have), 3)
			}
		})
	}
}
