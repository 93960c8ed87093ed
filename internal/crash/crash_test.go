// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// ours is a goroutine that was running, with a label.
const ours = "goroutine 7 [running labels:{\"plugin\": \"csv\"}]:\nmain.f()\n\tmain.go:1 +0x1\n"

func TestForeignTextIsNoReport(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"blank", "\n\n\n"},
		{"prose", "panic: at the disco\nis a band\n"},
		{"prose with a blank line", "panic: at the disco\n\nis a band\n"},
		{"a reason that is torn", "panic: bo"},
		{"a header that is torn", "panic: boom\n\ngoroutine 7 [running labels:{\"plugin\": \"cs"},
		{"a log with a stack", "2026/01/02 15:04:05 http: panic serving\n" + ours},
		{"a log with a stack of debug.Stack", "\n" + strings.Replace(ours, "main.f()", "runtime/debug.Stack()", 1)},
		{"a dump of goroutines", "\ngoroutine 7 [chan receive labels:{\"plugin\": \"csv\"}]:\nmain.f()\n"},
		{"one that comes back from a system call", "\n" + strings.Replace(ours, "main.f()", "syscall.Syscall(0x1)", 1)},
		{"one that ran elsewhere", "\ngoroutine 7 [running labels:{\"plugin\": \"csv\"}]:\n\tgoroutine running on other thread; stack unavailable\n"},
		{"one without a frame", "\ngoroutine 7 [running labels:{\"plugin\": \"csv\"}]:\n"},
		{"a runtime stack without a frame", "\nruntime stack:\n\n" + ours[:30]},
		{"a signal without a program counter", "SIGSEGV: segmentation violation\n"},
		{"a binary", "\x00\xff\n\ngoroutine \x00 [running]:\nf(\n"},
		{"no newline in more than is read", strings.Repeat("x", Most+2)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, Parse([]byte(tt.text)))
		})
	}
}

func TestWhoIsBlamed(t *testing.T) {
	t.Parallel()
	mine := map[string]string{"plugin": "csv"}
	other := strings.Replace(ours, "csv", "other", 1)
	idle := "goroutine 0 gp=0x5ae600 m=0 mp=0x5af3c0 [idle]:\nruntime.futex(0x1)\n\tfutex.go:1\n"
	stack := strings.TrimSuffix(ours, "\n")
	for _, tt := range []struct {
		name, text string
		want       Report
	}{
		{"a fatal error", "\n" + ours, Report{"", mine, stack}},
		{"with its reason, from standard error", "fatal error: x\n\n" + ours, Report{"fatal error: x", mine, stack}},
		{"the first goroutine", "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\n" + strings.Replace(other, "running", "select", 1),
			Report{"panic: x", nil, "goroutine 1 [running]:\nmain.main()"}},
		{"nobody where nobody was running", "panic: x\n\n" + strings.Replace(ours, "running", "chan receive", 1), Report{Reason: "panic: x"}},
		{"nobody where it was another thread", "panic: x\n\ngoroutine 7 [running labels:{\"plugin\": \"csv\"}]:\n" + elsewhere + "\n", Report{Reason: "panic: x"}},
		{"who was on the system's stack", "\nruntime stack:\nruntime.throw()\n\tx.go:1\n\n" + ours, Report{"", mine, stack}},
		{"the runtime alone", "\nruntime stack:\nruntime.throw()\n\tx.go:1\n\n" + strings.Replace(ours, "running", "select", 1),
			Report{Stack: "runtime stack:\nruntime.throw()\n\tx.go:1"}},
		{"the runtime with nothing after it", "\nruntime stack:\nruntime.throw()\n\tx.go:1\n\nend\n", Report{Stack: "runtime stack:\nruntime.throw()\n\tx.go:1"}},
		{"who ran on the thread of a signal", "SIGILL: illegal instruction\nPC=0x1 m=0 sigcode=2\ninstruction bytes: 0xf 0xb\n\n" + idle + "\n" + ours,
			Report{"SIGILL: illegal instruction\nPC=0x1 m=0 sigcode=2\ninstruction bytes: 0xf 0xb", mine, stack}},
		{"who ran at a signal without a name", "Signal 99\nPC=0x1 m=0 sigcode=2\n\n" + ours, Report{"Signal 99\nPC=0x1 m=0 sigcode=2", mine, stack}},
		{"who ran at an exception", "Exception 0xc0000005 0x0 0x0 0x0\nPC=0x1\n\n" + ours, Report{"Exception 0xc0000005 0x0 0x0 0x0\nPC=0x1", mine, stack}},
		{"nobody for a signal that was sent", "SIGABRT: abort\nPC=0x1 m=0 sigcode=0\n\n" + ours, Report{Reason: "SIGABRT: abort\nPC=0x1 m=0 sigcode=0"}},
		{"nobody for one that was sent on a BSD", "SIGSEGV: x\nPC=0x1 m=0 sigcode=65537 addr=0x1\n\n" + ours, Report{Reason: "SIGSEGV: x\nPC=0x1 m=0 sigcode=65537 addr=0x1"}},
		{"nobody for one that was sent while C code ran", "SIGSEGV: x\nPC=0x1 m=0 sigcode=0\nsignal arrived during cgo execution\n\n" +
			strings.Replace(ours, "running", "syscall", 1), Report{Reason: "SIGSEGV: x\nPC=0x1 m=0 sigcode=0\nsignal arrived during cgo execution"}},
		{"nobody in a system call otherwise", "SIGSEGV: x\nPC=0x1 m=0 sigcode=1\n\n" + strings.Replace(ours, "running", "syscall", 1), Report{Reason: "SIGSEGV: x\nPC=0x1 m=0 sigcode=1"}},
		{"one that the collector looks at", "panic: x\n\n" + strings.Replace(ours, "running", "running (scan), 3 minutes, locked to thread", 1),
			Report{"panic: x", mine, strings.Replace(stack, "running", "running (scan), 3 minutes, locked to thread", 1)}},
		{"nobody where the stacks were left out", "panic: x\n", Report{Reason: "panic: x"}},
		{"nobody where the stacks are torn off", "panic: x\n[signal SIGSEGV]\n\n", Report{Reason: "panic: x\n[signal SIGSEGV]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, []Report{tt.want}, Parse([]byte(tt.text)))
		})
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	t.Run("reason", func(t *testing.T) {
		t.Parallel()
		found := Parse([]byte("panic: " + strings.Repeat("é", mostReason) + "\n\n" + ours))
		require.Len(t, found, 1)
		require.Len(t, found[0].Reason, mostReason)
		require.True(t, utf8.ValidString(found[0].Reason))
		require.Equal(t, map[string]string{"plugin": "csv"}, found[0].Labels)
	})
	t.Run("stack", func(t *testing.T) {
		t.Parallel()
		found := Parse([]byte("panic: x\n\n" + ours + strings.Repeat("main.f()\n\tmain.go:1\n", 10_000)))
		require.Len(t, found, 1)
		require.Len(t, found[0].Stack, mostStack)
	})
	t.Run("data", func(t *testing.T) {
		t.Parallel()
		last := "panic: last\n"
		require.Equal(t, []Report{{Reason: "panic: last"}}, Parse([]byte("panic: first\n\n"+ours+lines(Most)+last)))
	})
	t.Run("exactly what is read", func(t *testing.T) {
		t.Parallel()
		data := []byte("panic: x\n\n" + ours + "\n")
		want := Parse(data)
		data = append(data, lines(Most-len(data))...)
		require.Equal(t, want, Parse(data))
		require.Equal(t, want, Parse(append([]byte("\n"), data...)), "its line begins where reading does")
		want[0].Reason = ""
		require.Equal(t, want, Parse(append(data, '\n')), "a byte of it is gone")
	})
}

// lines is text of n bytes that is no crash.
func lines(n int) string {
	line := strings.Repeat("x", 4095) + "\n"
	return strings.Repeat(line, n/len(line)) + strings.Repeat("\n", n%len(line))
}

// What is kept is not what was read.
func TestReportsHoldOnToNothing(t *testing.T) {
	t.Parallel()
	data := golden(t, "chain")
	want := Parse(data)
	held := Parse(data)
	for i := range data {
		data[i] = 0
	}
	require.Equal(t, want, held)
}

func TestWhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, stack, want string }{
		{"nothing", "", ""},
		{"a header", "goroutine 7 [running]:", ""},
		{"a function", "goroutine 7 [running]:\nmain.main()\n\tx.go:1", "main.main"},
		{"a method", "goroutine 7 [running]:\nmain.(*T[...]).f(0x1, {0x2?, 0x3})\n\tx.go:1", "main.(*T[...]).f"},
		{"something else", "goroutine 7 [running]:\n\tgoroutine running", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, Report{Stack: tt.stack}.Where())
		})
	}
	require.Equal(t, "internal/runtime/maps.fatal", Parse(golden(t, "map"))[0].Where())
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, line string
		want       header
		ok         bool
	}{
		{"plain", "goroutine 1 [running]:", header{state: "running"}, true},
		{"with addresses", "goroutine 17 gp=0x314a3389a000 m=0 mp=0x5af3c0 [running]:", header{state: "running"}, true},
		{"without a thread", "goroutine 1 gp=0x35 m=nil [select (no cases)]:", header{state: "select"}, true},
		{"of the system", "goroutine 0 gp=0x5ae600 m=0 mp=0x5af3c0 [idle]:", header{state: "idle", system: true}, true},
		{"that waited", "goroutine 1 [chan receive, 5 minutes, locked to thread]:", header{state: "chan receive"}, true},
		{"with labels", `goroutine 1 [running, locked to thread labels:{"a": "1", "b": "[]"}]:`, header{state: "running", labels: map[string]string{"a": "1", "b": "[]"}}, true},
		{"with an escaped label", `goroutine 1 [running labels:{"\"\\\n\x01\u00e9": "\U0001f600]:"}]:`, header{state: "running", labels: map[string]string{"\"\\\n\x01é": "😀]:"}}, true},
		{"another word", "goroutines 1 [running]:", header{}, false},
		{"no number", "goroutine x [running]:", header{}, false},
		{"another word after the number", "goroutine 1 of [running]:", header{}, false},
		{"no state", "goroutine 1", header{}, false},
		{"torn", "goroutine 1 [running]", header{}, false},
		{"no labels in the braces", "goroutine 1 [running labels:{}]:", header{state: "running"}, false},
		{"a label without quotes", "goroutine 1 [running labels:{a: b}]:", header{state: "running"}, false},
		{"a label without a value", `goroutine 1 [running labels:{"a"}]:`, header{state: "running"}, false},
		{"a value without quotes", `goroutine 1 [running labels:{"a": b}]:`, header{state: "running"}, false},
		{"an open value", `goroutine 1 [running labels:{"a": "b}]:`, header{state: "running"}, false},
		{"labels without a comma", `goroutine 1 [running labels:{"a": "b" "c": "d"}]:`, header{state: "running"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, ok := parseHeader(tt.line)
			require.Equal(t, tt.ok, ok)
			require.Equal(t, tt.want, h)
		})
	}
}

// Whatever stands before it, the crash of the next process is found; and what is found is bounded text.
func FuzzParse(f *testing.F) {
	for _, tt := range recorded {
		f.Add(golden(f, tt.name))
	}
	f.Add(slices.Concat(golden(f, "twins"), []byte(divider), golden(f, "deadlock")))
	f.Add([]byte("SIGABRT: abort\nPC=0x1 m=0 sigcode=0\n\n" + ours))
	next := golden(f, "map")
	want := Parse(next)[0]
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, r := range Parse(data) {
			require.LessOrEqual(t, len(r.Reason), mostReason)
			require.LessOrEqual(t, len(r.Stack), mostStack)
			require.True(t, utf8.ValidString(r.Reason) && utf8.ValidString(r.Stack))
			require.True(t, r.Reason != "" || r.Stack != "")
			require.True(t, r.Labels == nil || strings.HasPrefix(r.Stack, "goroutine ") && !strings.HasPrefix(r.Stack, "goroutine 0 "))
			require.NotContains(t, slices.Collect(maps.Keys(r.Labels)), "never")
		}
		found := Parse(slices.Concat(data, []byte(divider), next))
		require.NotEmpty(t, found)
		require.Equal(t, want, found[len(found)-1])
	})
}

func BenchmarkParse(b *testing.B) {
	data := bytes.Repeat(slices.Concat(golden(b, "overflow"), golden(b, "panic-all")), 100)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(data)
	}
}
