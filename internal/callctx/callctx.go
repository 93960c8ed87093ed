// SPDX-License-Identifier: Apache-2.0

// Package callctx is the context of one call: with a deadline of its own, but without a timer or a channel until somebody
// asks for one.
//
// The invariant: a context ends once, and the first cause that is noticed is the one it keeps. The cause is there
// before Done is closed and before any function given to AfterFunc starts, and once Err has returned an error Done is
// closed. A context that has ended holds no timer, no goroutine and no place in its parent.
package callctx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/plugreg/plugreg/internal/label"
)

// Context is the [context.Context] of one call, and of no other: it may be looked at long after the call, so it is never
// used again. Its zero value is ready for [Context.Init], so that it can be embedded by value. It is safe for concurrent
// use, and for use after its end.
//
// As long as neither Done nor AfterFunc was asked for, nothing watches the parent and the clock: they are looked at by Err.
type Context struct {
	parent   context.Context
	deadline time.Time // zero: none
	owner    any
	labels   *label.Set            // nil: none
	watch    atomic.Pointer[watch] // nil until it is asked for
	cause    atomic.Uint32         // none also where a watch that keeps itself has ended and nobody has looked since
	driven   bool
	lean     bool
}

const (
	none       uint32 = iota // the call is running, as far as anybody noticed
	byReturn                 // Finish
	byDeadline               // Expire, or the clock
	byParent                 // Orphan, or the parent's Err
)

var _ context.Context = (*Context)(nil)

// Init makes c the context of a call that is about to begin. A zero deadline is none. A driven context leaves the deadline
// to its owner, who calls Expire when it has passed: it only tells others about it. The owner is what [Owners] finds; nil is
// not found. Init is not safe for concurrent use: it comes before everything else.
func (c *Context) Init(parent context.Context, deadline time.Time, driven bool, owner any) {
	c.parent, c.deadline, c.driven, c.owner = parent, deadline, driven, owner
}

// SetLabels makes c carry labels instead of the parent's, so that what the call does by pprof.Do or pprof.WithLabels
// adds to them; nil: the parent's. It comes before everything but Init, and like Init it is not safe for concurrent
// use.
func (c *Context) SetLabels(labels *label.Set) { c.labels = labels }

// SetLean makes Done much cheaper by a promise that one side alone watches the clock and the parent. The owner of a
// driven context watches both, and calls Orphan when the parent has ended: until then only Err sees that. Any other
// context watches both, once Done is asked for, and trusts the parent to end at its deadline; the owner calls neither
// Expire nor Orphan. If it does nevertheless, that is the cause as ever, but what was derived from the context is then
// merely cancelled. SetLean comes before everything but Init, and like Init it is not safe for concurrent use.
func (c *Context) SetLean() { c.lean = true }

// Finish says that the call has returned. Unless another cause was noticed before, Err is [context.Canceled] from now on,
// even where the deadline has passed and nobody looked.
func (c *Context) Finish() { c.end(byReturn) }

// Expire says that the context's own deadline has passed: unless there was a cause before, Err is
// [context.DeadlineExceeded] from now on.
func (c *Context) Expire() { c.end(byDeadline) }

// Orphan says that the caller has gone: unless there was a cause before, Err is the parent's error from now on. Where the
// parent has none, Orphan is the same as Finish.
func (c *Context) Orphan() {
	if c.parent.Err() == nil {
		c.end(byReturn) // an error that the parent gets later would change Err
		return
	}
	c.end(byParent)
}

// Expired reports whether the context ended because its own deadline passed, not its parent's. It does not look at the
// clock.
func (c *Context) Expired() bool {
	c.adopt(c.watch.Load())
	return c.cause.Load() == byDeadline
}

// end sets the cause, and only then tells those who watch. The watch is loaded after the cause is set, and a new watch is
// published before the cause is loaded: so one side at least sees the other.
func (c *Context) end(cause uint32) {
	c.adopt(c.watch.Load())
	c.cause.CompareAndSwap(none, cause)
	if w := c.watch.Load(); w != nil {
		w.release()
	}
}

// Deadline is the context's own deadline or its parent's, whichever is earlier.
func (c *Context) Deadline() (time.Time, bool) {
	parents, ok := c.parent.Deadline()
	if c.deadline.IsZero() || ok && parents.Before(c.deadline) {
		return parents, ok
	}
	return c.deadline, true
}

// Err is nil while the call is running, then as in [Context.Finish], [Context.Expire] and [Context.Orphan]. The first
// Err after the parent has ended, or after the deadline, ends the context, unless that is a timer's or the context
// package's to do because Done was asked for. Where both happened before anybody looked, the earlier deadline counts,
// and a parent that was cancelled counts before a deadline.
func (c *Context) Err() error {
	cause := c.cause.Load()
	if cause == none {
		c.look()
		if cause = c.cause.Load(); cause == none {
			return nil
		}
	}
	if w := c.watch.Load(); w != nil {
		w.close() // whoever set the cause may not have come to it yet
	}
	return c.err(cause)
}

func (c *Context) err(cause uint32) error {
	switch cause {
	case none:
		return nil
	case byDeadline:
		return context.DeadlineExceeded
	case byParent:
		return c.parent.Err()
	default:
		return context.Canceled
	}
}

// look ends the context if there is a cause to be seen. The clock is left to a timer where there is one, and everything
// to a watch that keeps itself.
func (c *Context) look() {
	switch w := c.watch.Load(); {
	case w == nil:
		c.lookAround(true)
	case c.keepsItself():
		c.adopt(w)
	default:
		c.lookAround(false)
	}
}

func (c *Context) lookAround(clock bool) {
	err := c.parent.Err()
	switch {
	case err == nil:
		if clock && c.late() {
			c.end(byDeadline)
		}
	case errors.Is(err, context.DeadlineExceeded) && c.beforeParent() && c.late():
		c.end(byDeadline)
	default:
		c.end(byParent)
	}
}

// adopt makes the end of a watch that keeps itself the end of the context.
func (c *Context) adopt(w *watch) {
	if w == nil || !c.keepsItself() || c.cause.Load() != none {
		return
	}
	if err := w.inner.Err(); err != nil {
		c.cause.CompareAndSwap(none, c.blame(err))
	}
}

// blame says who has ended a watch that keeps itself, the context's own deadline or its parent. Where both deadlines
// have passed since, it was the earlier.
func (c *Context) blame(err error) uint32 {
	if err != context.DeadlineExceeded || errors.Is(c.parent.Err(), context.DeadlineExceeded) && !c.beforeParent() {
		return byParent
	}
	return byDeadline
}

// late reports whether the clock says that the context's own deadline has passed.
func (c *Context) late() bool {
	return !c.driven && !c.deadline.IsZero() && time.Until(c.deadline) <= 0
}

// beforeParent reports whether the context has a deadline of its own that is earlier than its parent's.
func (c *Context) beforeParent() bool {
	parents, ok := c.parent.Deadline()
	return ok && !c.deadline.IsZero() && c.deadline.Before(parents)
}

// Done returns a channel that is closed when the context has ended. Once Finish, Expire or Orphan has returned, it is
// closed. The first call makes the channel and has the parent watched. If the context has a deadline and is not driven,
// it also arms a timer.
func (c *Context) Done() <-chan struct{} { return c.watched().inner.Done() }

// AfterFunc arranges for f to be called on a goroutine of its own when the context has ended; at once if it has. The
// function that it returns keeps f from being called, and reports whether it did: not if f was called or was stopped before.
// It spares those who know of it a goroutine that waits.
func (c *Context) AfterFunc(f func()) (stop func() bool) {
	return context.AfterFunc(c.watched().inner, f)
}

// watched returns the context's watch, made when it is needed first. If the context has ended it is closed.
func (c *Context) watched() *watch {
	w := c.watch.Load()
	if w == nil {
		w = c.begin()
	}
	if c.cause.Load() != none {
		w.close()
	}
	return w
}

// begin makes the watch. No lock is held, because a parent may be anybody's code: it may even ask for Done meanwhile.
func (c *Context) begin() *watch {
	if c.cause.Load() == none && !c.keepsItself() {
		c.lookAround(false) // the clock is looked at in signals
	}
	w := newWatch(c)
	if !c.watch.CompareAndSwap(nil, w) {
		w.cancel()
		return c.watch.Load()
	}
	if !c.lean && c.cause.Load() == none {
		w.hold(c.signals())
	}
	return w
}

// keepsItself says that a watch needs nobody to tell it of the clock and the parent.
func (c *Context) keepsItself() bool { return c.lean && !c.driven }

// signals arms what tells the context of its end, unless its deadline has passed.
func (c *Context) signals() (timer *time.Timer, stop func() bool) {
	wake := c.wake // one closure for both
	if !c.driven && !c.deadline.IsZero() {
		left := time.Until(c.deadline)
		if left <= 0 {
			c.end(byDeadline)
			return nil, nil
		}
		timer = time.AfterFunc(left, wake)
	}
	if c.parent.Done() != nil {
		stop = context.AfterFunc(c.parent, wake)
	}
	return timer, stop
}

// wake ends the context at a signal, whichever it was.
func (c *Context) wake() {
	c.lookAround(true)
	c.end(byReturn) // only if the signal has come without a reason
}

// ownerKey asks a context for the innermost Context that it descends from.
type ownerKey struct{}

// Value is the parent's value for key. It answers for [Owners] and with the labels of [Context.SetLabels]. The context
// package's question for the context that is cancelled is the watch's to answer, if there is one and the call is
// running.
func (c *Context) Value(key any) any {
	if _, ok := key.(ownerKey); ok {
		return c
	}
	if key == cancelKey {
		w, cause := c.watch.Load(), c.cause.Load()
		if cause == none && w != nil {
			return w.inner.Value(key)
		}
		if cause != byParent {
			return nil // the parent is not to be blamed for an end that came from elsewhere
		}
	}
	if labels, ok := c.labels.Value(key); ok {
		return labels
	}
	return c.parent.Value(key)
}

// Owners iterates over the owners of the calls that ctx belongs to, from the innermost outwards. It finds them through all
// contexts that were derived from a [Context].
func Owners(ctx context.Context) iter.Seq[any] {
	return func(yield func(any) bool) {
		for at := ctx; ; {
			c, ok := at.Value(ownerKey{}).(*Context)
			if !ok || c.owner != nil && !yield(c.owner) {
				return
			}
			at = c.parent
		}
	}
}

// String names the context as the context package names its own, without looking at what may change.
func (c *Context) String() string {
	if parent, ok := c.parent.(fmt.Stringer); ok {
		return parent.String() + ".Call"
	}
	return fmt.Sprintf("%T.Call", c.parent)
}
