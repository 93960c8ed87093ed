// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/plugreg/plugreg/internal/crash"
)

// Crash is what a crash file says of one time that the process died.
type Crash struct {
	// Registry, Plugin and Version name the plugin whose code ended the process: the goroutine that died was one that
	// its sandbox labelled, or descends from such. Empty where it cannot be told; see [WatchCrashes].
	Registry, Plugin, Version string
	// Phase is the step of the plugin's start that the goroutine descends from, however late it died: "construct", "init"
	// or "probe". Empty where it descends from a call, from an [Env.Go] of the time after the start, or from the plugin's
	// end.
	Phase string
	// Reason is what the runtime wrote, at most 4 KiB in several lines: "panic: " and the value, or the signal. The reason
	// of a fatal error goes to standard error alone; then it is "fatal error in " and a function of the stack.
	Reason string
	// Stack is the goroutine that died, as the runtime wrote it, at most 64 KiB. Empty where it wrote none.
	Stack string
}

// WatchCrashes has the runtime append what it has to say when it ends the process to a file, for [ReadCrash] and
// [Config].CrashFile of the next process. It is for hosts that choose it, at the beginning of main, and concerns the whole
// process:
//
//   - There is one crash output in a process: this one takes the place of another WatchCrashes or [debug.SetCrashOutput],
//     and another takes the place of this one.
//   - It appends tracebacklabels=1 to GODEBUG in the environment, unless that is in force: then stacks show whose
//     goroutines they are. Processes that this one starts inherit it.
//
// The file is made with permission bits 0600, for panics and stacks may tell secrets; one that exists keeps its bits. It
// should be in a directory that only the host can write to, and each process needs one of its own. It grows with each
// crash until it is removed: as long as it names a version, each mount of that version starts disabled, over any number of
// restarts. Remove it once the crash was dealt with, or register another version; registries read it once, in [New].
//
// It sees panics that nobody recovered, concurrent map writes, stack overflows and other fatal errors of the runtime. It
// cannot see [os.Exit], log.Fatal, SIGKILL or the system's running out of memory: they leave nothing. Nobody is named
// where GOTRACEBACK is none, where labels are off ([LabelNone], or LabelDetached and an inline call), where the goroutine
// has no labels of plugreg's (started by a timer, or long before by somebody else), and for a signal that was sent from
// outside. The labels say on whose behalf a goroutine was started, not whose code is at fault; and plugin code can change
// them.
//
// stop ends the watching, of whatever file there is then, and leaves GODEBUG and the file as they are; more than one call
// of it does nothing more. The error matches [ErrInvalid] where path names something other than a regular file, else it is
// the system's. It is safe for concurrent use.
func WatchCrashes(path string) (stop func() error, err error) {
	f, err := crash.Append(path)
	if err != nil {
		return nil, crashFileError(path, err)
	}
	defer f.Close() // the runtime has its own
	if err := os.Setenv(godebugKey, withTracebackLabels(os.Getenv(godebugKey))); err != nil {
		return nil, crashFileError(path, err)
	}
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return nil, crashFileError(path, err)
	}
	return sync.OnceValue(func() error { return debug.SetCrashOutput(nil, debug.CrashOptions{}) }), nil
}

const (
	godebugKey      = "GODEBUG"
	tracebackLabels = "tracebacklabels="
)

// withTracebackLabels adds the setting, which is in force where it comes last.
func withTracebackLabels(godebug string) string {
	last := ""
	for setting := range strings.SplitSeq(godebug, ",") {
		if value, ok := strings.CutPrefix(setting, tracebackLabels); ok {
			last = value
		}
	}
	switch {
	case last == "1":
		return godebug
	case godebug == "":
		return tracebackLabels + "1"
	}
	return godebug + "," + tracebackLabels + "1"
}

// ReadCrash returns the last crash in a file that [WatchCrashes] wrote. Of a file of more than 16 MiB it reads the last 16.
// The error matches [fs.ErrNotExist] where there is no file, [ErrNotFound] where it names no crash, and [ErrInvalid] where
// path names something other than a regular file. It is safe for concurrent use.
func ReadCrash(path string) (Crash, error) {
	reports, err := crash.Read(path)
	if err != nil {
		return Crash{}, crashFileError(path, err)
	}
	if len(reports) == 0 {
		return Crash{}, crashFileError(path, ErrNotFound)
	}
	return crashOf(reports[len(reports)-1]), nil
}

// crashesOf returns all crashes in a file, oldest first. A missing file is none.
func crashesOf(path string) ([]Crash, error) {
	reports, err := crash.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, crashFileError(path, err)
	}
	var all []Crash
	for _, r := range reports {
		all = append(all, crashOf(r))
	}
	return all, nil
}

func crashOf(r crash.Report) Crash {
	c := Crash{Registry: r.Labels[labelRegistry], Plugin: r.Labels[labelPlugin], Version: r.Labels[labelVersion], Reason: r.Reason, Stack: r.Stack}
	switch phase := r.Labels[labelPhase]; phase {
	case phaseConstruct, phaseInit, phaseProbe:
		c.Phase = phase
	}
	if c.Reason == "" {
		c.Reason = "fatal error in " + r.Where()
	}
	return c
}

func crashFileError(path string, err error) error {
	e := &PluginError{Field: fmt.Sprintf("crash file %q", path), Err: err}
	switch {
	case errors.Is(err, crash.ErrIrregular):
		e.Err, e.Want = fmt.Errorf("%w: %w", ErrInvalid, err), "a regular file, or a path where one can be made"
	case errors.Is(err, ErrNotFound):
		e.Want = "a crash that the Go runtime wrote"
	}
	return e
}
