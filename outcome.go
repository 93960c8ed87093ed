// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// outcome is how an attempt ended, as far as it is known; the zero outcome is a success.
type outcome struct {
	err        error
	code, text string // of the error; the text is for hooks alone
	detail     string // of an error that is ClassFatal
	class      Class
	panicked   bool
	own        bool // the error is the sandbox's own: its deadline, or a caller who left
	gone       bool // the code ended its goroutine
	again      bool // the host would try again
}

// unwound is what hooks are told of a call whose caller's goroutine ended, or panicked, in code that is not the plugin's:
// a hook, or a method of the caller's context.
func unwound() outcome {
	return outcome{err: errUnwound, code: CodeOf(errUnwound), class: ClassCallerFault}
}

var errUnwound = errors.New("the caller's goroutine was unwound by a hook or by its context")

// leave makes out that of a caller whose own context ended first.
func (out *outcome) leave(ctx context.Context, op *Target) {
	out.err, out.class, out.own = leftError(ctx, op), ClassCallerFault, true
	out.code = op.stats.add(out.err)
}

func leftError(ctx context.Context, op *Target) error {
	return fmt.Errorf("%scaller left %s: %w", whose(op.Plugin, op.Version), op.Operation, endOf(ctx))
}

// caught makes an error of what a deferred function recovered.
func (out *outcome) caught(op *Target, v any) error {
	out.panicked, out.gone = v != nil, v == nil
	return caught(op, v)
}

// caught is that of code which is no call.
func caught(op *Target, v any) error {
	if v == nil { // a nil panic is a *runtime.PanicNilError
		return &PluginError{Plugin: op.Plugin, Version: op.Version, Field: op.Operation, Err: ErrGoexit}
	}
	return newPanicError(op, v)
}

// judge asks the error what it is, on the goroutine of the code that it is from, for its methods belong to that code:
// one that panics or ends the goroutine takes the error's place. An error that comes of the call's own deadline is a
// TimeoutError. parent is the caller's context.
func (out *outcome) judge(s *Sandbox, parent context.Context, op *Target, overtime bool, limit time.Duration, watched bool) {
	if out.err == nil {
		return
	}
	judged := false
	defer func() {
		if !judged {
			out.err = out.caught(op, recover())
			out.code, out.class = CodeOf(out.err), ClassFailure
		}
	}()
	out.own = overtime && errors.Is(out.err, context.DeadlineExceeded)
	switch {
	case out.own:
		out.err, out.class = op.timeout(limit, false), ClassFailure
	case out.panicked:
		out.class = ClassFailure
	default:
		out.class = classOf(parent, out.err)
	}
	out.code = CodeOf(out.err)
	judged = true
	own := out.own || op.Phase // what a phase fails with is no call's
	if !own && s.cfg.Classify != nil {
		if c := s.asked(out.err); c != ClassAuto {
			out.class = c
		}
	}
	if !own && s.retry != nil {
		out.again = s.retry.again(out.class, out.err)
	}
	if watched || out.class == ClassFatal { // last: it may end the goroutine, and changes nothing by it
		out.text = clip(safeText(out.err), 1024)
		out.detail = out.text
	}
}

// endOf returns the error of a context that has ended, with its cause where that is another.
func endOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}
