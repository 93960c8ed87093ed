// SPDX-License-Identifier: Apache-2.0

package goroutines_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/goroutines"
)

const total1 = "goroutine profile: total 1\n"

func TestParse(t *testing.T) {
	t.Parallel()
	type records = []goroutines.Record
	frame := goroutines.Frame{Func: "a/b.F", File: "/x/y.go", Line: 12}
	frames := []goroutines.Frame{frame}
	tests := []struct {
		name, text string
		want       records
		skipped    int
	}{
		{"nothing", "goroutine profile: total 0\n", nil, 0},
		{"no stack", total1 + "1 @ 0x1\n", records{{Count: 1}}, 0},
		{"one frame, no end of line", total1 + "1 @ 0x1 0x2\n#\t0x1\ta/b.F+0x3\t/x/y.go:12", records{{Count: 1, Frames: frames}}, 0},
		{"columns", total1 + "1 @ 0x1\n#\t0x1\ta/b.F+0x3\t\t\t/x/y.go:12\n", records{{Count: 1, Frames: frames}}, 0},
		{"a colon, a tab and a plus in the path", total1 + "1 @ 0x1\n#\t0x1\ta.F+0x3\tC:/x\t+0x1/y.go:1\n",
			records{{Count: 1, Frames: []goroutines.Frame{{Func: "a.F", File: "C:/x\t+0x1/y.go", Line: 1}}}}, 0},
		{"code without a name", total1 + "1 @ 0x1\n#\t0x1\n#\t0x1\ta/b.F+0x3\t/x/y.go:12\n", records{{Count: 1, Frames: []goroutines.Frame{{}, frame}}}, 0},
		{"labels", total1 + "7 @ 0x1\n# labels: {\"a\":\"b\", \"c\":\"d\\\"\\u00e9\\xff\"}\n", records{{Count: 7, Labels: map[string]string{"a": "b", "c": "d\"é\xff"}}}, 0},
		{"no labels in the set", total1 + "1 @ 0x1\n# labels: {}\n", records{{Count: 1, Labels: map[string]string{}}}, 0},
		{"cut off by the limit of zero frames", total1 + "3 @\n", records{{Count: 3, Cut: true}}, 0},
		{"two records without an empty line", total1 + "1 @ 0x1\n2 @ 0x1\n", records{{Count: 1}, {Count: 2}}, 0},
		{"an address that is none", total1 + "1 @ 0x1 2\n1 @ 0xg\n1 @ 0x11111111111111111\n", records{{Count: 1, Cut: true}, {Count: 1, Cut: true}, {Count: 1, Cut: true}}, 0},
		{"a count that is none", total1 + "x @ 0x1\n0 @ 0x1\n-1 @ 0x1\n @ 0x1\n99999999999999999999 @ 0x1\n1 0x1\n", nil, 6},
		{"what belongs to no record", total1 + "# labels: {}\n#\t0x1\ta.F+0x1\t/x:1\n\n\n1 @ 0x1\n\n# labels: {}\n", records{{Count: 1}}, 3},
		{"frames that are none", total1 + "1 @ 0x1\n#\tx\n#\t0x1\ta.F\t/x:1\n#\t0x1\ta.F+0x1\t/x\n#\t0x1\ta.F+0x1\n#\t0x1\t+0x1\t/x:1\n#\t0x1\ta.F+0x1\t/x:y\n#\n", records{{Count: 1}}, 7},
		{"frames below labels that are unreadable", total1 + "1 @ 0x1\n# labels: nonsense\n#\t0x1\ta/b.F+0x3\t/x/y.go:12\n", records{{Count: 1, Frames: frames, Unreadable: true}}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, err := goroutines.Parse([]byte(test.text))
			require.NoError(t, err)
			for i := range p.Records {
				p.Records[i].Stack = 0
			}
			require.Equal(t, test.want, p.Records)
			require.Equal(t, test.skipped, p.Skipped)
		})
	}
}

func TestLabelsThatAreUnreadable(t *testing.T) {
	t.Parallel()
	for _, labels := range []string{
		"", "{", "}", "{}}", `{"a"}`, `{"a":}`, `{"a":"b"`, `{"a":"b",}`, `{"a":"b", }`, `{"a":"b" "c":"d"}`, `{"a":"b"}x`, `{a:"b"}`, `{"a":b}`, "{`a`:`b`}",
		`{'a':'b'}`, `{"a\z":"b"}`, `{"a":"b}`, `{, "a":"b"}`, `{"a"="b"}`, `["a"]`,
	} {
		p, err := goroutines.Parse([]byte(total1 + "1 @ 0x1\n# labels: " + labels + "\n"))
		require.NoError(t, err)
		require.Equal(t, 1, p.Skipped, labels)
		require.True(t, p.Records[0].Unreadable, labels)
		require.Nil(t, p.Records[0].Labels, labels)
	}
}

func TestParseRefusesWhatIsNoProfile(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "heap profile: total 3\n", "goroutine profile: total x\n", "goroutine profile: total\n", "\x1f\x8b\b", "goroutine 1 [running]:\n"} {
		p, err := goroutines.Parse([]byte(text))
		require.ErrorIs(t, err, goroutines.ErrFormat, "%q", text)
		require.Empty(t, p)
	}
	_, err := goroutines.Parse([]byte(strings.Repeat("x", 1000)))
	require.Less(t, len(err.Error()), 200)
}

func TestAStackDeeperThanAnyIsCut(t *testing.T) {
	t.Parallel()
	text := total1 + "1 @ 0x1\n" + strings.Repeat("#\t0x1\ta.F+0x1\t/x:1\n", 5000)
	p, err := goroutines.Parse([]byte(text))
	require.NoError(t, err)
	require.Len(t, p.Records[0].Frames, 4096)
	require.True(t, p.Records[0].Cut)
	require.Equal(t, 5000-4096, p.Skipped)
}

// Lines do not matter to what is the same stack, functions and their order do.
func TestStack(t *testing.T) {
	t.Parallel()
	stack := func(frames ...string) uint64 {
		p, err := goroutines.Parse([]byte(total1 + "1 @ 0x1\n" + strings.Join(frames, "\n")))
		require.NoError(t, err)
		require.Zero(t, p.Skipped)
		return p.Records[0].Stack
	}
	f, f2, g := "#\t0x1\tp.F+0x1\t/x:1", "#\t0x2\tp.F+0x2\t/x:2", "#\t0x3\tp.G+0x1\t/x:3"
	require.Equal(t, stack(f, g), stack(f2, g))
	different := map[uint64]bool{stack(): true, stack(f): true, stack(g): true, stack(f, g): true, stack(g, f): true, stack(f, f): true, stack(f, f, g): true}
	require.Len(t, different, 7)
}

// The profiles of a release of Go are read as a second reader reads them, and nothing is skipped.
func TestGoldenProfiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			p, err := goroutines.Parse(text)
			require.NoError(t, err)
			require.Zero(t, p.Skipped)
			require.Equal(t, p.Total, total(p.Records))
			require.Equal(t, readSlowly(t, string(text)), written(p))
		})
	}
}

// What the labels of the golden profiles must be.
func TestGoldenLabels(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/go1.26.8-goroutine.txt")
	require.NoError(t, err)
	p, err := goroutines.Parse(text)
	require.NoError(t, err)
	want := map[string]map[string]string{
		"r1-1": {"plugin": "plain", "version": "1.2.3", "registry": "sinks"},
		"r1-2": {"plugin": `a "quoted" name, with: {braces} and \backslashes`},
		"r1-3": {"plugin": "世界 é 😀"},
		"r1-4": {"plugin": "tab\tnewline\nzero\x00bad\xff\u2028"},
		"r1-5": {"": ""},
		"r1-6": {`", "`: `":"`},
	}
	counts := map[string]int{}
	for _, rec := range p.Records {
		require.False(t, rec.Unreadable)
		epoch := rec.Labels[goroutines.EpochLabel]
		counts[epoch] += rec.Count
		for k, v := range want[epoch] {
			require.Equal(t, v, rec.Labels[k])
		}
	}
	require.Equal(t, map[string]int{"": 5, "r1-1": 9, "r1-2": 3, "r1-3": 3, "r1-4": 3, "r1-5": 3, "r1-6": 3}, counts)
}

// written is a profile one line a record, for comparing.
func written(p goroutines.Profile) (lines []string) {
	for _, rec := range p.Records {
		line := fmt.Sprintf("%d %v", rec.Count, rec.Labels)
		for _, f := range rec.Frames {
			line += fmt.Sprintf(" %s %s %d", f.Func, f.File, f.Line)
		}
		lines = append(lines, line)
	}
	return lines
}

var (
	slowRecord = regexp.MustCompile(`(?m)^(\d+) @(?: 0x[0-9a-f]+)+\n((?:#.*\n)*)`)
	slowLabel  = regexp.MustCompile(`("(?:[^"\\]|\\.)*"):("(?:[^"\\]|\\.)*")`)
	slowFrame  = regexp.MustCompile(`(?m)^#\t0x[0-9a-f]+\t(\S+)\+0x[0-9a-f]+\t+(.*):(\d+)$`)
)

// readSlowly reads a profile by regular expressions.
func readSlowly(t *testing.T, text string) (lines []string) {
	for _, m := range slowRecord.FindAllStringSubmatch(text, -1) {
		var labels map[string]string
		if body, ok := strings.CutPrefix(m[2], "# labels: "); ok {
			labels = map[string]string{}
			first, _, _ := strings.Cut(body, "\n")
			for _, pair := range slowLabel.FindAllStringSubmatch(first, -1) {
				key, err := strconv.Unquote(pair[1])
				require.NoError(t, err)
				labels[key], err = strconv.Unquote(pair[2])
				require.NoError(t, err)
			}
		}
		line := fmt.Sprintf("%s %v", m[1], labels)
		for _, f := range slowFrame.FindAllStringSubmatch(m[2], -1) {
			line += fmt.Sprintf(" %s %s %s", f[1], f[2], f[3])
		}
		lines = append(lines, line)
	}
	return lines
}

// FuzzParse: what was read is written and read again, and is the same.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text[:min(len(text), 6000)])
	}
	f.Add([]byte(total1 + "1 @\n# labels: {\"\\\"\":\"\\u2028\"}\n#\t0x1\n#\t0x1\ta.F+0x1\t\tC:x\t:1\n\n2 @ 0xg\n# labels: {\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := goroutines.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, goroutines.ErrFormat)
			return
		}
		lines, frames := strings.Count(string(text), "\n"), 0
		for _, rec := range p.Records {
			require.Positive(t, rec.Count)
			frames += len(rec.Frames)
		}
		require.LessOrEqual(t, frames+len(p.Records)+p.Skipped, lines+1)
		again, err := goroutines.Parse([]byte(text0(p)))
		require.NoError(t, err)
		require.Equal(t, p.Records, again.Records)
		require.Equal(t, p.Total, again.Total)
		census := goroutines.NewCensus(rules(), 0)
		census.Sweep(at(0), p, []goroutines.Owner{{ID: "r1", Epoch: 5, Package: "main"}, {ID: "x", Package: "a"}})
	})
}

// text0 writes a profile as the runtime would.
func text0(p goroutines.Profile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "goroutine profile: total %d\n", p.Total)
	for _, rec := range p.Records {
		fmt.Fprintf(&b, "%d @", rec.Count)
		if !rec.Cut {
			b.WriteString(" 0x1")
		}
		if rec.Labels != nil {
			var pairs []string
			for k, v := range rec.Labels {
				pairs = append(pairs, strconv.Quote(k)+":"+strconv.Quote(v))
			}
			fmt.Fprintf(&b, "\n# labels: {%s}", strings.Join(pairs, ", "))
		}
		if rec.Unreadable {
			b.WriteString("\n# labels: {")
		}
		for _, f := range rec.Frames {
			b.WriteString("\n#\t0x1")
			if f.Func != "" {
				fmt.Fprintf(&b, "\t%s+0x1\t%s:%d", f.Func, f.File, f.Line)
			}
		}
		b.WriteString("\n\n")
	}
	return b.String()
}
