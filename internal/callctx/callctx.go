// SPDX-License-Identifier: Apache-2.0

// Package callctx is the context of one call: with a deadline of its own, but without a timer or a channel until somebody
// asks for one.
//
// The invariant: a context ends once, and the first cause that is noticed is the one it keeps. The cause is set before Done
// is closed and before any function given to AfterFunc starts, and once Err has returned an error Done is closed. A context
// that has ended holds no timer, no goroutine and no place in its parent.
package callctx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"
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
	watch    atomic.Pointer[watch] // nil until it is asked for
	cause    atomic.Uint32
	driven   bool
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
func (c *Context) Expired() bool { return c.cause.Load() == byDeadline }

// end sets the cause, and only then tells those who watch. The watch is loaded after the cause is set, and a new watch is
// published before the cause is loaded: so one side at least sees the other.
func (c *Context) end(cause uint32) {
	if !c.cause.CompareAndSwap(none, cause) {
		return
	}
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

// Err is nil while the call is running, then as in [Context.Finish], [Context.Expire] and [Context.Orphan]. The first Err
// after the parent has ended, or after the deadline where no timer watches it, ends the context. Where both happened before
// anybody looked, the earlier deadline counts, and a parent that was cancelled counts before a deadline.
func (c *Context) Err() error {
	cause := c.cause.Load()
	if cause == none {
		c.look()
		if cause = c.cause.Load(); cause == none {
			return nil
		}
	}
	if w := c.watch.Load(); w != nil && w.inner.Err() == nil {
		w.release() // whoever set the cause has not come to it yet
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

// look ends the context if there is a cause to be seen.
func (c *Context) look() {
	err := c.parent.Err()
	switch {
	case err == nil:
		if c.watch.Load() == nil && c.late() {
			c.end(byDeadline)
		}
	case errors.Is(err, context.DeadlineExceeded) && c.beforeParent() && c.late():
		c.end(byDeadline)
	default:
		c.end(byParent)
	}
}

// late reports whether the clock says that the context's own deadline has passed.
func (c *Context) late() bool {
	return !c.driven && !c.deadline.IsZero() && time.Until(c.deadline) <= 0
}

func (c *Context) beforeParent() bool {
	parents, ok := c.parent.Deadline()
	return ok && c.deadline.Before(parents)
}

// Done returns a channel that is closed when the context has ended. Once Finish, Expire or Orphan has returned, it is closed.
// The first call makes the channel, and arms a timer if the context has a deadline and is not driven.
func (c *Context) Done() <-chan struct{} { return c.watched().inner.Done() }

// AfterFunc arranges for f to be called on a goroutine of its own when the context has ended; at once if it has. The
// function that it returns keeps f from being called, and reports whether it did: not if f was called or was stopped before.
// It spares those who know of it a goroutine that waits.
func (c *Context) AfterFunc(f func()) (stop func() bool) {
	return context.AfterFunc(c.watched().inner, f)
}

// watched returns the context's watch, made when it is needed first. If the context has ended it is released.
func (c *Context) watched() *watch {
	w := c.watch.Load()
	if w == nil {
		w = c.begin()
	}
	if c.cause.Load() != none && w.inner.Err() == nil {
		w.release()
	}
	return w
}

func (c *Context) begin() *watch {
	if c.cause.Load() == none {
		c.look()
	}
	w := newWatch(c)
	if !c.watch.CompareAndSwap(nil, w) {
		return c.watch.Load()
	}
	if c.cause.Load() == none {
		w.hold(c.signals())
	}
	return w
}

// signals arms what tells the context of its end. It runs with no lock held, because a parent may be anybody's code.
func (c *Context) signals() (timer *time.Timer, stop func() bool) {
	if !c.driven && !c.deadline.IsZero() {
		timer = time.AfterFunc(time.Until(c.deadline), c.Expire)
	}
	if c.parent.Done() != nil {
		stop = context.AfterFunc(c.parent, c.Orphan)
	}
	return timer, stop
}

// ownerKey asks a context for the innermost Context that it descends from.
type ownerKey struct{}

// Value is the parent's value for key. It answers for [Owners], and the context package's question for the context that is
// cancelled: that is the watch's, for as long as there is one.
func (c *Context) Value(key any) any {
	if _, ok := key.(ownerKey); ok {
		return c
	}
	if key == cancelKey {
		if w := c.watch.Load(); w != nil {
			return w.inner.Value(key)
		}
		if c.cause.Load() != byParent {
			return nil
		}
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
