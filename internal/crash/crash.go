// SPDX-License-Identifier: Apache-2.0

// Package crash reads what the Go runtime writes to the file of debug.SetCrashOutput when it ends the process.
//
// The invariant: the labels of a report are those of the goroutine that died, and of no other. Where that cannot be told,
// because the report is torn, the runtime was told to write no stacks, or a signal came from outside, it has none.
//
// What a crash looks like depends on its kind. A panic begins with its value, a panic of which more hangs on below with
// indented lines; other text of the program is indented too, so that it cannot pass for the runtime's. A fatal error of
// the runtime (a concurrent map write, the unlock of an unlocked mutex) begins at once with a blank line and the goroutine
// that died, one found on the system stack (a stack overflow) with the runtime's stack before that: their reason goes to
// standard error alone, for the runtime prints it before it calls itself dying. A signal that is no panic begins with its
// name and the program counter. Other goroutines may follow.
package crash

import (
	"bytes"
	"strings"
)

// Bounds of what is read and of what a report keeps, in bytes.
const (
	// Most is how much of a file or of data is looked at: the end of it.
	Most       = 16 << 20
	mostStack  = 64 << 10
	mostReason = 4 << 10
)

// divider stands between what two processes wrote, for either may have been killed while it did. It ends a torn line. No
// panic can write it, for of its text the runtime indents all lines but the first.
const divider = "\nplugreg: another process\n"

// Report is one crash.
type Report struct {
	// Reason is the first lines: "panic: " and the value, those of the panics that it came with, the signal. Empty for a
	// fatal error, of which the runtime writes none to the file. At most 4 KiB.
	Reason string
	// Labels are the profiler labels of the goroutine that died; nil where it had none or is not known.
	Labels map[string]string
	// Stack is the goroutine that died with its header, the runtime's own stack where there is no such goroutine; empty
	// where there are no stacks, and for a signal from outside. At most 64 KiB.
	Stack string
}

// Where returns the function that stands first in the stack; empty where there is none.
func (r Report) Where() string {
	_, frames, _ := strings.Cut(r.Stack, "\n")
	frame, _, _ := strings.Cut(frames, "\n")
	return frame[:max(0, strings.LastIndexByte(frame, '('))]
}

// Parse returns the crashes in data, oldest first. It looks at the last [Most] bytes. Text that is no crash is passed by.
func Parse(data []byte) []Report {
	var all []Report
	for process := range strings.SplitSeq(string(end(data)), divider) {
		s := scanner{rest: process}
		for s.rest != "" {
			if r, ok := s.next(); ok {
				all = append(all, r)
			}
		}
	}
	return all
}

// end cuts data to what is looked at, which begins with a line.
func end(data []byte) []byte {
	if len(data) <= Most {
		return data
	}
	_, whole, _ := bytes.Cut(data[len(data)-Most-1:], []byte("\n"))
	return whole
}

// scanner goes through lines.
type scanner struct {
	rest  string // begins with a line
	blank bool   // the line before is empty
}

// look returns the line at hand and the one after it, without their newlines.
func (s *scanner) look() (line, after string) {
	line, rest, _ := strings.Cut(s.rest, "\n")
	after, _, _ = strings.Cut(rest, "\n")
	return line, after
}

// skip goes to the next line.
func (s *scanner) skip() {
	line, rest, _ := strings.Cut(s.rest, "\n")
	s.rest, s.blank = rest, line == ""
}

// skipBlank goes to the next line that is not empty.
func (s *scanner) skipBlank() {
	for strings.HasPrefix(s.rest, "\n") {
		s.skip()
	}
}

// next reads the crash that begins with the line at hand, or passes the line by.
func (s *scanner) next() (Report, bool) {
	line, after := s.look()
	switch {
	case begins(line, after):
		return s.caused()
	case s.blank && (line == runtimeStack && isFrame(after) || isFatal(line, after)):
		return s.died("")
	}
	s.skip()
	return Report{}, false
}

const runtimeStack = "runtime stack:"

// begins says whether a crash begins with line.
func begins(line, after string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "[signal ") || isSignal(line, after)
}

// isSignal says whether line names a signal, or an exception of Windows, that was not turned into a panic.
func isSignal(line, after string) bool {
	return strings.HasPrefix(after, "PC=") &&
		(strings.HasPrefix(line, "SIG") || strings.HasPrefix(line, "Signal ") || strings.HasPrefix(line, "Exception 0x"))
}

// caused reads a crash that begins with its reason. Where nothing follows it, or the next crash, there are no stacks.
func (s *scanner) caused() (Report, bool) {
	reason := s.reason()
	if !strings.HasSuffix(reason, "\n") {
		return Report{}, false
	}
	bare := Report{Reason: clip(reason, mostReason)}
	if line, after := s.look(); line != "" && !begins(line, after) {
		return Report{}, false
	}
	s.skipBlank()
	line, after := s.look()
	if s.rest == "" || begins(line, after) {
		return bare, true
	}
	r, ok := s.died(reason)
	if ok && fromOutside(reason) {
		return bare, true
	}
	return r, ok
}

// reason reads the lines that say why.
func (s *scanner) reason() string {
	start := s.rest
	for more := true; more && s.rest != ""; {
		s.skip()
		line, _ := s.look()
		more = continues(line)
	}
	return start[:len(start)-len(s.rest)]
}

// continues says whether line belongs to the reason that is above it.
func continues(line string) bool {
	for _, prefix := range [...]string{"\t", "[signal ", "fatal error: ", "PC=", "signal arrived ", "instruction bytes:"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// died reads from the stacks of a crash that of the goroutine that died: the first one, but for the system's own.
func (s *scanner) died(reason string) (Report, bool) {
	r := Report{Reason: clip(reason, mostReason)}
	line, after := s.look()
	h, known := parseHeader(line)
	if !known && line != runtimeStack {
		return Report{}, false
	}
	if line == runtimeStack || h.system {
		r.Stack = s.block()
		s.skipBlank()
		line, after = s.look()
		h, known = parseHeader(line)
	}
	if !known {
		return r, true
	}
	if first := s.block(); h.blamed(reason) && !strings.HasPrefix(after, elsewhere) {
		r.Labels, r.Stack = h.labels, first
	}
	return r, true
}

// block reads up to the next empty line or the next crash: a goroutine.
func (s *scanner) block() string {
	start := s.rest
	for s.rest != "" {
		s.skip()
		if line, after := s.look(); line == "" || begins(line, after) {
			break
		}
	}
	return clip(start[:len(start)-len(s.rest)], mostStack)
}

// clip copies lines, for the caller is not to hold on to all that was read; it bounds them, and makes sure that they are
// UTF-8.
func clip(lines string, most int) string {
	lines = strings.TrimSuffix(lines, "\n")
	return strings.Clone(strings.ToValidUTF8(lines[:min(len(lines), most)], "?"))
}
