// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"sync/atomic"
	"time"
)

// watch is what a call's context needs once somebody waits for its end. Its heart is a context made by the context package:
// what is derived from the call's context, even through other people's contexts, becomes a child of inner without a
// goroutine, and ends together with it.
//
// Towards inner the watch plays its parent, as a [lead], because that is the only way to end inner with another error
// than Canceled at any time. It is not cheap: inner cannot take a place in the call's parent then, so that another of
// the context package's contexts must take it, and tell. A watch that keeps itself does without: there inner is a child
// of the call's parent and has the call's deadline, so that the context package does the rest.
type watch struct {
	call   *Context
	inner  context.Context
	cancel context.CancelFunc // ends inner, as cancelled
	follow func()             // ends inner, with the error and the cause of the call; nil where the watch keeps itself

	state atomic.Uint32
	timer *time.Timer // this and stop belong to hold before it sets armed, then to the one who sets released
	stop  func() bool // gives up the place in the parent
}

// The states of a watch.
const (
	unarmed uint32 = iota
	armed
	released
)

// newWatch makes the watch of c. If c has ended there is nothing to be a child of.
func newWatch(c *Context) *watch {
	w := &watch{call: c}
	switch {
	case !c.keepsItself():
		w.inner, w.cancel = context.WithCancel((*lead)(w))
	case c.cause.Load() != none:
		w.inner, w.cancel = context.WithCancel(context.Background())
	case c.deadline.IsZero():
		w.inner, w.cancel = context.WithCancel(c.parent)
	default:
		w.inner, w.cancel = context.WithDeadline(c.parent, c.deadline)
	}
	return w
}

// hold takes over the signals, or ends them if the watch was released meanwhile.
func (w *watch) hold(timer *time.Timer, stop func() bool) {
	w.timer, w.stop = timer, stop
	if !w.state.CompareAndSwap(unarmed, armed) {
		w.halt()
	}
}

// close is release where that has not been done.
func (w *watch) close() {
	if w.inner.Err() == nil {
		w.release()
	}
}

// release ends inner and the signals. The call's cause must have been set. To call it again does nothing.
func (w *watch) release() {
	if w.follow == nil {
		w.cancel()
		return
	}
	if w.call.cause.Load() == byReturn {
		w.cancel()
	} else {
		w.follow()
	}
	if !w.call.lean && w.state.Swap(released) == armed {
		w.halt()
	}
}

func (w *watch) halt() {
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.stop != nil {
		w.stop()
	}
	w.timer, w.stop = nil, nil
}

// lead is a watch as the parent of inner. Its methods are what inner sees of it.
type lead watch

// never is the Done of every lead: inner does not wait for it, but is told.
var never = make(chan struct{})

func (*lead) Done() <-chan struct{} { return never }

// Deadline is nobody's concern: what is derived from the call's context asks that.
func (*lead) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Err is the call's, without a look at the parent and the clock.
func (l *lead) Err() error { return l.call.err(l.call.cause.Load()) }

// Value answers for the cause: the parent is not to be blamed for an end that came from elsewhere.
func (l *lead) Value(key any) any {
	if l.call.cause.Load() != byParent {
		return nil
	}
	return l.call.parent.Value(key)
}

// AfterFunc is where the context package leaves the function that lets inner follow its parent.
func (l *lead) AfterFunc(f func()) (stop func() bool) {
	l.follow = f
	return func() bool { return true }
}

// cancelKey is the key by which the context package asks for the innermost of its own contexts that can be cancelled. It is
// nil should the package come to do without one: then derived contexts cost a goroutine more, and that is all.
var cancelKey = func() any {
	spy := &keySpy{Context: context.Background()}
	_ = context.Cause(spy)
	return spy.key
}()

// keySpy has ended, so that it is asked why.
type keySpy struct {
	context.Context
	key any
}

func (*keySpy) Err() error { return context.Canceled }

func (s *keySpy) Value(key any) any {
	s.key = key
	return nil
}
