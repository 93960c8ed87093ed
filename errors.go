// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Errors of registration and of bad input.
var (
	// ErrInvalid is matched by rejections of what a host or a plugin author passed in that no other sentinel names: a
	// [PluginError] says what.
	ErrInvalid = errors.New("invalid")
	// ErrDuplicate is returned when a name and version are registered twice with the same contract.
	ErrDuplicate = errors.New("already registered")
	// ErrRepublished is returned when a name and version are registered again with another contract: a version that has
	// been released never changes. Versions that differ in build metadata alone are one version with two contracts.
	ErrRepublished = errors.New("released version republished with another contract")
	// ErrSealed is returned by what registers and unregisters once [Registry.Seal] was called.
	ErrSealed = errors.New("registry is sealed")
)

// Errors of look-up, mounting and closing.
var (
	// ErrNotFound is returned where no registered plugin, version or export fits; the message explains why none does.
	ErrNotFound = errors.New("not found")
	// ErrClosed is returned by a registry, a handle or a sandbox after its Close.
	ErrClosed = errors.New("closed")
	// ErrMounted is returned by [Registry.Unregister] while the plugin serves, by the second Open of a ready instance
	// that [Registry.RegisterAny] took, and where Env.Close or Sandbox.Close is called on what a mount owns.
	ErrMounted = errors.New("mounted")
	// ErrUntrusted is returned where [Config].Trust refuses a contract, before any code of that plugin runs.
	ErrUntrusted = errors.New("not trusted")
	// ErrDependency is returned where what a plugin requires is missing, cyclic or does not fit; the message has the
	// path.
	ErrDependency = errors.New("dependency not satisfied")
	// ErrReentrant is returned where plugin code asks for something that waits for that same code.
	ErrReentrant = errors.New("re-entrant")
	// ErrStranded is returned where an instance had calls inside when its drain timeout ran out. Its context is
	// cancelled then; it is closed by the last of these calls, when that returns.
	ErrStranded = errors.New("calls still inside")
)

// Errors of calls.
var (
	// ErrContract is matched by settings, values and types that do not fit a contract.
	ErrContract = errors.New("contract violation")
	// ErrGoexit is returned where plugin code ended its goroutine with [runtime.Goexit].
	ErrGoexit = errors.New("goroutine ended by runtime.Goexit")
	// ErrSaturated is matched by refusals of a plugin, or of a resource that it shares with others, that has as many calls
	// inside as it may have.
	ErrSaturated = errors.New("saturated")
	// ErrOpen is matched by refusals of a plugin whose breaker is open because it failed too often. It is tried again by
	// itself.
	ErrOpen = errors.New("breaker open")
	// ErrDisabled is matched by refusals of a plugin that is disabled until [Sandbox.Enable].
	ErrDisabled = errors.New("disabled")
	// ErrInjected is what calls fail with where [Sandbox.Inject] has them fail.
	ErrInjected = errors.New("injected fault")
)

// PluginError is a rejection of something that concerns one plugin: what it is about, what was found, what was expected
// and how to mend it. It matches [ErrInvalid] where Err is nil, else whatever Err matches.
//
// A PluginError is immutable by convention and safe for concurrent use.
type PluginError struct {
	// Plugin is the name of the plugin, as given; empty where none is known.
	Plugin string
	// Version is the version of the plugin, as given; empty where none is known.
	Version string
	// Field is the part at fault: a field of [Plugin], or what was asked for. Never empty.
	Field string
	// Have is what was found; empty where the cause says it.
	Have string
	// Want is what was expected; empty where the cause says it.
	Want string
	// Fix is what to do about it; empty where none is known.
	Fix string
	// Err is the cause; nil stands for ErrInvalid.
	Err error
}

// Error names the plugin, the field, what was expected, what was found and the fix.
func (e *PluginError) Error() string {
	var b strings.Builder
	b.WriteString(whose(e.Plugin, e.Version))
	b.WriteString(e.Field)
	sep := ": "
	if e.Err != nil {
		fmt.Fprintf(&b, "%s%v", sep, e.Err)
		sep = "; "
	}
	if e.Want != "" {
		fmt.Fprintf(&b, "%swant %s", sep, e.Want)
		sep = ", "
	}
	if e.Have != "" {
		fmt.Fprintf(&b, "%shave %s", sep, clip(e.Have, 1024))
	}
	if e.Fix != "" {
		fmt.Fprintf(&b, " (%s)", e.Fix)
	}
	return b.String()
}

// whose begins a message about a plugin; nothing is known of one without name and version.
func whose(plugin, version string) string {
	switch {
	case plugin == "" && version == "":
		return ""
	case version == "":
		return fmt.Sprintf("plugin %q: ", clip(plugin, 160))
	}
	return fmt.Sprintf("plugin %q %s: ", clip(plugin, 160), versionText(version))
}

// Unwrap returns the cause, or ErrInvalid where there is none.
func (e *PluginError) Unwrap() error {
	if e.Err == nil {
		return ErrInvalid
	}
	return e.Err
}

// PanicError is a panic in plugin code, turned into an error. It matches the panic's value where that is an error.
//
// A PanicError is immutable and safe for concurrent use.
type PanicError struct {
	// Plugin and Version name the plugin whose code panicked.
	Plugin, Version string
	// Operation is what was called: "call", the name of an export, or that of a phase such as "construct".
	Operation string
	// Value is what the code panicked with; a *runtime.PanicNilError for panic(nil).
	Value any
	pcs   []uintptr
}

// Error names the plugin, the operation and the value, of which it shows 1,024 bytes at most, quoted where it is not
// one line of printable text.
func (e *PanicError) Error() string {
	value := clip(fmt.Sprint(e.Value), 1024)
	if strings.ContainsFunc(value, unicode.IsControl) {
		value = strconv.Quote(value)
	}
	return whose(e.Plugin, e.Version) + "panic in " + e.Operation + ": " + value
}

// Unwrap returns the value of the panic if it is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Stack returns the frames of the goroutine that panicked, from the function that did outwards, a function and its
// position a pair of lines. It is formatted at each call, and empty for a PanicError that no sandbox made.
func (e *PanicError) Stack() string {
	var b strings.Builder
	for _, f := range panicking(e.pcs) {
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

// panicking returns the frames without those at the top that recovered the panic and that raised it for the runtime.
func panicking(pcs []uintptr) (all []runtime.Frame) {
	frames, raised := runtime.CallersFrames(pcs), 0
	for more := len(pcs) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		all = append(all, f)
		if raised == 0 && f.Function == "runtime.gopanic" || raised > 0 && raised == len(all)-1 && strings.HasPrefix(f.Function, "runtime.") {
			raised = len(all)
		}
	}
	return all[raised:]
}

// newPanicError is called by the deferred function that recovered v; the frames of the panic are still there.
func newPanicError(t *Target, v any) *PanicError {
	var buf [64]uintptr
	n := runtime.Callers(3, buf[:])
	return &PanicError{Plugin: t.Plugin, Version: t.Version, Operation: t.Operation, Value: v, pcs: append([]uintptr(nil), buf[:n]...)}
}

// TimeoutError is a call or a phase that did not return within the time that its sandbox gives it.
// It matches [context.DeadlineExceeded].
//
// A TimeoutError is immutable and safe for concurrent use.
type TimeoutError struct {
	// Plugin and Version name the plugin whose code took too long.
	Plugin, Version string
	// Operation is what was called: "call", the name of an export, or that of a phase such as "construct".
	Operation string
	// After is the limit that was exceeded.
	After time.Duration
	// Abandoned says that the code had not returned when the caller was let go: what its call captured is not the
	// caller's any more, and the instance closes only after it.
	Abandoned bool
}

// Error names the plugin, the operation and the limit.
func (e *TimeoutError) Error() string {
	s := fmt.Sprintf("%s%s took longer than %v", whose(e.Plugin, e.Version), e.Operation, e.After)
	if e.Abandoned {
		s += " and still runs"
	}
	return s
}

// Is reports whether target is [context.DeadlineExceeded].
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Timeout returns true, as net.Error's method of that name.
func (e *TimeoutError) Timeout() bool { return true }

// codes are the stable codes, most specific first: the first sentinel that an error matches decides.
var codes = [...]struct {
	err  error
	code string
}{
	{ErrGoexit, "GOEXIT"},
	{ErrSaturated, "SATURATED"},
	{ErrOpen, "OPEN"},
	{ErrDisabled, "DISABLED"},
	{ErrInjected, "INJECTED"},
	{ErrReentrant, "REENTRANT"},
	{ErrDuplicate, "DUPLICATE"},
	{ErrRepublished, "REPUBLISHED"},
	{ErrSealed, "SEALED"},
	{ErrUntrusted, "UNTRUSTED"},
	{ErrMounted, "MOUNTED"},
	{ErrStranded, "STRANDED"},
	{ErrDependency, "DEPENDENCY"},
	{ErrContract, "CONTRACT"},
	{ErrClosed, "CLOSED"},
	{ErrNotFound, "NOT_FOUND"},
	{ErrInvalid, "INVALID"},
	{context.Canceled, "CANCELED"},
	{context.DeadlineExceeded, "DEADLINE"},
}

// CodeOf returns the stable code of a failure, for logs and metrics: "" for nil, PANIC for a [PanicError], TIMEOUT for
// a [TimeoutError], INCOMPATIBLE for an [IncompatibleError], the name of the sentinel without "Err" for an error that matches one (GOEXIT, SATURATED, NOT_FOUND,
// …), CANCELED and DEADLINE for the caller's own context, else ERROR. A code that was published keeps its meaning.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[*PanicError](err); ok {
		return "PANIC"
	}
	if _, ok := errors.AsType[*TimeoutError](err); ok {
		return "TIMEOUT"
	}
	if _, ok := errors.AsType[*IncompatibleError](err); ok {
		return "INCOMPATIBLE"
	}
	for i := range codes {
		if errors.Is(err, codes[i].err) {
			return codes[i].code
		}
	}
	return "ERROR"
}

// clip keeps foreign text in messages at a readable length, and UTF-8 what it was.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// versionText is a version as given, quoted where it is none: it stands in messages before anybody has checked it.
func versionText(s string) string {
	s = clip(s, 160)
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}
