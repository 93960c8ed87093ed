// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"sync"
	"time"
)

// watch is what a call's context needs once somebody waits for its end. Its heart is a context made by the context package:
// what is derived from the call's context, even through other people's contexts, becomes a child of inner without a
// goroutine, and ends together with it.
//
// Towards inner the watch plays its parent, because that is the only way to end inner with another error than Canceled.
type watch struct {
	context.Context // the call's parent
	call            *Context
	inner           context.Context
	cancel          context.CancelFunc // ends inner, as cancelled
	follow          func()             // ends inner, with the error and the cause of the watch

	mu       sync.Mutex // guards what follows; nobody's code runs under it
	released bool
	timer    *time.Timer
	stop     func() bool // gives up the place in the parent
}

func newWatch(c *Context) *watch {
	w := &watch{Context: c.parent, call: c}
	w.inner, w.cancel = context.WithCancel(w)
	return w
}

// never is the Done of every watch: inner does not wait for it, but is told.
var never = make(chan struct{})

// Done, Err, Value and AfterFunc are what inner sees of its parent.
func (*watch) Done() <-chan struct{} { return never }

// Err is the call's, without a look at the parent and the clock.
func (w *watch) Err() error { return w.call.err(w.call.cause.Load()) }

// Value answers for the cause: the parent is not to be blamed for an end that came from elsewhere.
func (w *watch) Value(key any) any {
	if key == cancelKey && w.call.cause.Load() != byParent {
		return nil
	}
	return w.Context.Value(key)
}

// AfterFunc is where the context package leaves the function that lets inner follow its parent.
func (w *watch) AfterFunc(f func()) (stop func() bool) {
	w.follow = f
	return func() bool { return true }
}

// hold takes over the signals, or ends them if the watch was released meanwhile.
func (w *watch) hold(timer *time.Timer, stop func() bool) {
	w.mu.Lock()
	released := w.released
	if !released {
		w.timer, w.stop = timer, stop
	}
	w.mu.Unlock()
	if released {
		halt(timer, stop)
	}
}

// release ends inner and the signals. The call's cause must have been set. To call it again does nothing.
func (w *watch) release() {
	if w.call.cause.Load() == byReturn {
		w.cancel()
	} else {
		w.follow()
	}
	w.mu.Lock()
	timer, stop := w.timer, w.stop
	w.released, w.timer, w.stop = true, nil, nil
	w.mu.Unlock()
	halt(timer, stop)
}

func halt(timer *time.Timer, stop func() bool) {
	if timer != nil {
		timer.Stop()
	}
	if stop != nil {
		stop()
	}
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
