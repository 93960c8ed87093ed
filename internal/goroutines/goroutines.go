// SPDX-License-Identifier: Apache-2.0

// Package goroutines says whose goroutines are left behind. It reads the goroutine profile of the process, in which
// every goroutine carries the labels that its creator had, and compares successive profiles.
//
// An owner is one sandbox. Its calls, and the workers that it counts itself, carry the label [EpochLabel] with the
// owner's id and a number that the owner raises at each sweep; whatever they start is born with it. Calls in flight
// need no counter, for the profile shows them: their stack has a function of ours near its root.
//
// The invariant: a goroutine is accused only where a sweep and another one, a grace later, both saw it (a goroutine of
// the same owner, the same epoch and the same functions on its stack), each time in an epoch that had passed and of
// which no call was in flight. What cannot be read, what is cut off, and what carries the label of somebody else is
// never accused.
//
// The text of a profile is not under Go's promise of compatibility: what is not understood is skipped and counted, and
// golden profiles tell when that begins.
package goroutines

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
)

// The profiles that [Read] reads.
const (
	All    = "goroutine"     // every goroutine
	Proven = "goroutineleak" // those of which a garbage collection proves that nothing can wake them
)

// The keys of the labels that a [Census] reads.
const (
	EpochLabel = "epoch" // whose it is, and since when: see [EpochValue]
	PhaseLabel = "phase" // of its owner's life; not there where it descends from a call
)

// ErrAbsent says that the binary has no such profile: Go 1.26 has [Proven] only where it was built with
// GOEXPERIMENT=goroutineleakprofile.
var ErrAbsent = errors.New("no such profile in this binary")

// ErrFormat says that a text is no profile of goroutines.
var ErrFormat = errors.New("not a goroutine profile")

// Frame is one function on a stack.
type Frame struct {
	Func string // as the runtime names it, type arguments as "[...]"; empty where it knows no name
	File string
	Line int
}

// Record is a number of goroutines with equal stacks and labels.
type Record struct {
	Count  int
	Labels map[string]string // shared between records: not to be changed; nil where there are none
	Frames []Frame           // innermost first, without the runtime's own innermost ones; not to be changed
	Stack  uint64            // equal where the functions on the stack are equal, whichever line they are on
	// Cut says that the outermost frames are missing: the stack is deeper than the profile goes, which is 128 frames
	// unless GODEBUG=profstackdepth says otherwise. Only [Read] can tell.
	Cut bool
	// Unreadable says that there are labels which could not be read.
	Unreadable bool
}

// Profile is what a process runs at one moment.
type Profile struct {
	Records []Record
	Total   int // the number of goroutines that the profile itself states
	Skipped int // lines that could not be read
}

// Read takes a profile of this process: [All] or [Proven]. The world stops twice, each time for a fraction of a
// millisecond; [Proven] runs a full garbage collection first. The error is [ErrAbsent] or [ErrFormat].
func Read(profile string) (Profile, error) {
	p := pprof.Lookup(profile)
	if p == nil {
		return Profile{}, fmt.Errorf("profile %q: %w", profile, ErrAbsent)
	}
	var text bytes.Buffer
	if err := p.WriteTo(&text, 1); err != nil {
		return Profile{}, fmt.Errorf("profile %q: %w", profile, err)
	}
	return parse(text.Bytes(), atRoot())
}

// atRoot tells whether an address is where the stack of a goroutine begins. The number of frames does not tell whether
// a stack was cut off, for the limit is set from outside.
func atRoot() func(pc uint64) bool {
	known := map[uint64]bool{}
	return func(pc uint64) bool {
		root, ok := known[pc]
		if !ok {
			f := runtime.FuncForPC(uintptr(pc))
			root = f != nil && f.Name() == "runtime.goexit"
			known[pc] = root
		}
		return root
	}
}

// EpochValue is the value of [EpochLabel] in the epoch n of the owner with that id.
func EpochValue(id string, n uint64) string { return id + "-" + strconv.FormatUint(n, 10) }

// splitEpoch is the reverse of EpochValue; ok is false for what it cannot have made.
func splitEpoch(value string) (id string, n uint64, ok bool) {
	i := strings.LastIndexByte(value, '-')
	if i <= 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(value[i+1:], 10, 64)
	return value[:i], n, err == nil
}

// Format writes a stack as a traceback does, innermost first: the function, and on the next line its place.
func Format(frames []Frame) string {
	var b strings.Builder
	for _, f := range frames {
		b.WriteString(f.Func)
		b.WriteString("\n\t")
		b.WriteString(f.File)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(f.Line))
		b.WriteByte('\n')
	}
	return b.String()
}
