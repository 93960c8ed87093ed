// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// With -trimpath, for the paths in the stacks, and with CGO_ENABLED=0, for else no deadlock is found.
var update = flag.Bool("update", false, "record the goldens anew")

// theirs are the labels of the victim's labelled goroutine, plain those of a victim without the odd one.
var (
	theirs = map[string]string{"plugin": "csv", "version": "1.2.3", "odd": odd}
	plain  = map[string]string{"plugin": "csv", "version": "1.2.3"}
)

// indented is what the runtime makes of text.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n\t") }

const segv = "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x"

// recorded are the goldens. The text of a reason is that of amd64 up to where it ends in an address.
var recorded = []struct {
	name, kind, level string
	reason            string
	labels            map[string]string
	stack             string // a part of it
	live              bool   // the same wherever it happens, and without a core dump
}{
	{"panic", "panic", "single", "panic: boom", theirs, "crash.init.func", true},
	{"panic-none", "panic", "none", "panic: boom", nil, "", true},
	{"panic-all", "panic", "all", "panic: boom", theirs, "crash.init.func", true},
	{"panic-system", "panic", "system", "panic: boom", theirs, "\npanic(", true},
	{"panic-crash", "panic", "crash", "panic: boom", theirs, "\npanic(", false},
	{"error", "error", "single", "panic: " + indented(forged), theirs, "crash.init.func", true},
	{"string", "string", "single", "panic: crash.text(\"" + indented(forged) + "\")", theirs, "crash.init.func", true},
	{"repanic", "repanic", "single", "panic: one [recovered, repanicked]", theirs, "\npanic(", true},
	{"replaced", "replaced", "single", "panic: one [recovered]\n\tpanic: two", theirs, "\npanic(", true},
	{"chain", "chain", "single", "panic: one\n\tpanic: two\n\tlines", theirs, "\npanic(", true},
	{"goexit", "goexit", "single", "panic: late", theirs, "runtime.Goexit()", true},
	{"nested", "nested", "single", "", theirs, "crash.loud.Error", true},
	{"nil", "nil", "single", "panic: runtime error: invalid memory address or nil pointer dereference\n" + segv, theirs, "crash.init.func", false},
	{"nil-none", "nil", "none", "panic: runtime error: invalid memory address or nil pointer dereference\n" + segv, nil, "", false},
	{"map", "map", "single", "", theirs, "maps.fatal(", true},
	{"map-all", "map", "all", "", theirs, "maps.fatal(", true},
	{"map-crash", "map", "crash", "", theirs, "maps.fatal(", false},
	{"overflow", "overflow", "single", "", theirs, "crash.deeper(", true},
	{"overflow-none", "overflow", "none", "", theirs, "crash.deeper(", true},
	{"unlock", "unlock", "single", "", theirs, "sync.fatal(", true},
	{"throw", "throw", "single", "", theirs, "runtime.SetFinalizer(", true},
	{"go-nil", "go nil", "single", "", theirs, "crash.init.func", true},
	{"after", "after", "single", "", theirs, "sync.fatal(", true},
	{"host", "host panic", "all", "panic: boom", nil, "crash.init.func", true},
	{"host-crash", "host panic", "crash", "panic: boom", nil, "\npanic(", false},
	{"host-map", "host map", "all", "", nil, "maps.fatal(", true},
	{"quit", "spin", "single", "SIGQUIT: quit\nPC=0x", nil, "", false},
	{"quit-crash", "spin", "crash", "SIGQUIT: quit\nPC=0x", nil, "", false},
	// C code that a goroutine of a small program of their own called.
	{"cgo-segv", "", "single", "SIGSEGV: segmentation violation\nPC=0x4b6500 m=0 sigcode=1 addr=0x0\nsignal arrived during cgo execution", plain, "main._Cfunc_segv()", false},
	{"cgo-abort", "", "single", "SIGABRT: abort\nPC=0x7fe84cce2eec m=0 sigcode=18446744073709551610\nsignal arrived during cgo execution", plain, "main._Cfunc_die()", false},
}

// golden reads what a process left when it died.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	require.NoError(t, err)
	return data
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	for _, tt := range recorded {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if *update && tt.kind != "" {
				require.NoError(t, os.WriteFile(filepath.Join("testdata", tt.name+".txt"), lastWords(t, tt.kind, tt.level), 0o600))
			}
			requireOne(t, Parse(golden(t, tt.name)), tt.reason, tt.labels, tt.stack)
		})
	}
}

// The runtime that runs this writes what the goldens have.
func TestThisRuntime(t *testing.T) {
	t.Parallel()
	for _, tt := range recorded {
		if !tt.live {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			requireOne(t, Parse(lastWords(t, tt.kind, tt.level)), tt.reason, tt.labels, tt.stack)
		})
	}
}

func requireOne(t *testing.T, found []Report, reason string, labels map[string]string, stack string) {
	t.Helper()
	require.Len(t, found, 1)
	r := found[0]
	if strings.HasSuffix(reason, "0x") {
		require.True(t, strings.HasPrefix(r.Reason, reason), r.Reason)
	} else {
		require.Equal(t, reason, r.Reason)
	}
	require.Equal(t, labels, r.Labels)
	require.Contains(t, r.Stack, stack)
	require.Equal(t, stack == "", r.Stack == "", r.Stack)
	require.LessOrEqual(t, strings.Count(r.Stack, "goroutine "), 2, "its header and its creator's")
}

// Of two goroutines that die at once the runtime may write both.
func TestTwins(t *testing.T) {
	t.Parallel()
	both := func(data []byte) bool { return len(Parse(data)) == 2 }
	data := lastWords(t, "twins", "single")
	for *update && !both(data) {
		data = lastWords(t, "twins", "single")
	}
	for _, r := range Parse(data) {
		require.Equal(t, theirs, r.Labels)
		require.Contains(t, []string{"panic: one", "panic: two"}, r.Reason)
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/twins.txt", data, 0o600))
	}
	require.True(t, both(golden(t, "twins")))
	require.NotEqual(t, Parse(golden(t, "twins"))[0], Parse(golden(t, "twins"))[1])
}

func TestExitLeavesNothing(t *testing.T) {
	t.Parallel()
	require.Empty(t, lastWords(t, "exit", "all"))
}

// What nobody did is nobody's: the runtime found all goroutines asleep, and named none as running.
func TestDeadlockIsNoReport(t *testing.T) {
	t.Parallel()
	if *update {
		require.NoError(t, os.WriteFile("testdata/deadlock.txt", lastWords(t, "deadlock", "all"), 0o600))
	}
	require.Contains(t, string(golden(t, "deadlock")), "select (no cases) labels:{")
	require.Empty(t, Parse(golden(t, "deadlock")))
	redirected := slices.Concat([]byte("fatal error: all goroutines are asleep - deadlock!\n"), golden(t, "deadlock"))
	require.Equal(t, []Report{{Reason: "fatal error: all goroutines are asleep - deadlock!"}}, Parse(redirected))
}

// Goldens are recorded anywhere, and published.
func TestGoldensNameNoMachine(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.Len(t, files, len(recorded)+2)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotRegexp(t, `(?m)^\t/[a-wyz]`, string(data), file) // /x.go is the forged one's
	}
}

// However several crashes follow each other, each is found, and is its own.
func TestCrashesThatFollowEachOther(t *testing.T) {
	t.Parallel()
	for _, first := range recorded {
		for _, second := range recorded {
			a, b := golden(t, first.name), golden(t, second.name)
			want := slices.Concat(Parse(a), Parse(b))
			require.Equal(t, want, Parse(slices.Concat(a, []byte(divider), b)), "%s, %s", first.name, second.name)
			if first.level == "none" && bytes.HasPrefix(b, []byte("\n")) {
				continue // a reason without a stack, a stack without a reason: they look like one
			}
			require.Equal(t, want, Parse(slices.Concat(a, b)), "%s, %s", first.name, second.name)
		}
	}
}

// cuts are all places in the head of data, and some in the rest of it.
func cuts(data []byte) (all []int) {
	for n := 0; n < len(data); n++ {
		if all = append(all, n); n > 400 {
			n += 60
		}
	}
	return all
}

// A crash that was cut short is nobody's, or that of whose it is.
func TestTorn(t *testing.T) {
	t.Parallel()
	for _, tt := range recorded {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data := golden(t, tt.name)
			for _, n := range cuts(data) {
				for _, r := range Parse(data[:n]) {
					require.True(t, r.Labels == nil || maps.Equal(r.Labels, tt.labels), "%d: %v", n, r.Labels)
				}
			}
		})
	}
}

// The next crash is found behind one that was cut short anywhere.
func TestCrashBehindTornOnes(t *testing.T) {
	t.Parallel()
	next := golden(t, "map")
	want := Parse(next)[0]
	for _, tt := range recorded {
		data := golden(t, tt.name)
		for _, n := range cuts(data) {
			found := Parse(slices.Concat(data[:n], []byte(divider), next))
			require.NotEmpty(t, found, "%s %d", tt.name, n)
			last := found[len(found)-1]
			require.Equal(t, want.Labels, last.Labels, "%s %d", tt.name, n)
			require.Equal(t, want.Stack, last.Stack, "%s %d", tt.name, n)
		}
	}
}
