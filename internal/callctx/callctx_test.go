// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errCause = errors.New("the caller's reason")

func newContext(parent context.Context, timeout time.Duration) *Context {
	c := new(Context)
	var deadline time.Time
	if timeout != 0 {
		deadline = time.Now().Add(timeout)
	}
	c.Init(parent, deadline, false, nil)
	return c
}

func newDriven(parent context.Context, timeout time.Duration) *Context {
	c := new(Context)
	c.Init(parent, time.Now().Add(timeout), true, nil)
	return c
}

// pass lets the bubble's clock advance.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func requireEnded(t *testing.T, c *Context, want error) {
	t.Helper()
	require.Equal(t, want, c.Err())
	require.True(t, closed(c.Done()), "Err is %v, so Done is closed", want)
	require.Equal(t, want, c.Err())
}

func TestFirstCauseWins(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*Context){
		"finish": (*Context).Finish, "expire": (*Context).Expire, "orphan": (*Context).Orphan,
	}
	parent, cancel := context.WithCancelCause(t.Context())
	cancel(errCause)
	for _, tt := range []struct {
		first       string
		err, cause  error
		expired     bool
		useBeforeIt func(*Context)
	}{
		{"finish", context.Canceled, context.Canceled, false, func(*Context) {}},
		{"finish", context.Canceled, context.Canceled, false, func(c *Context) { c.Done() }},
		{"expire", context.DeadlineExceeded, context.DeadlineExceeded, true, func(*Context) {}},
		{"expire", context.DeadlineExceeded, context.DeadlineExceeded, true, func(c *Context) { c.Done() }},
		{"orphan", context.Canceled, errCause, false, func(*Context) {}},
		{"orphan", context.Canceled, errCause, false, func(c *Context) { c.AfterFunc(func() {}) }},
	} {
		for then, end := range ends {
			t.Run(tt.first+" then "+then, func(t *testing.T) {
				t.Parallel()
				c := new(Context)
				switchable := &later{Context: context.Background()}
				c.Init(switchable, time.Now().Add(time.Hour), false, nil)
				tt.useBeforeIt(c)
				switchable.Context = parent // has ended now, and nobody was told
				ends[tt.first](c)
				end(c)
				requireEnded(t, c, tt.err)
				require.Equal(t, tt.cause, context.Cause(c))
				require.Equal(t, tt.expired, c.Expired())
			})
		}
	}
}

// later is a parent that changes between two looks, without a word to those who derive from it.
type later struct{ context.Context }

func TestOrphanWithoutCause(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithDeadline(t.Context(), time.Unix(1<<40, 0))
	c := newContext(parent, 0)
	c.Orphan()
	requireEnded(t, c, context.Canceled)
	cancel()
	requireEnded(t, c, context.Canceled)
}

func TestParentIsSeenWithoutBeingWatched(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithCancelCause(t.Context())
	c := newContext(parent, time.Hour)
	require.NoError(t, c.Err())
	cancel(errCause)
	require.Equal(t, context.Canceled, c.Err())
	require.Equal(t, errCause, context.Cause(c))
	require.Nil(t, c.watch.Load())
	requireEnded(t, c, context.Canceled)
}

func TestClockIsSeenWithoutATimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newContext(t.Context(), time.Second)
		pass(time.Second - 1)
		require.NoError(t, c.Err())
		require.NoError(t, context.Cause(c))
		pass(1)
		require.False(t, c.Expired(), "nobody has looked yet")
		require.Equal(t, context.DeadlineExceeded, c.Err())
		require.True(t, c.Expired())
		require.Nil(t, c.watch.Load())
		c.Finish()
		requireEnded(t, c, context.DeadlineExceeded)
	})
}

func TestDoneClosesAtTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newContext(t.Context(), time.Second)
		start := time.Now()
		<-c.Done()
		require.Equal(t, time.Second, time.Since(start))
		require.True(t, c.Expired())
		requireEnded(t, c, context.DeadlineExceeded)
	})
}

func TestDoneAfterTheEndIsClosedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := newContext(t.Context(), time.Second)
		parent, cancel := context.WithCancel(t.Context())
		orphan := newContext(parent, time.Hour)
		finished := newContext(t.Context(), time.Hour)
		pass(time.Second)
		cancel()
		finished.Finish()
		for _, c := range []*Context{late, orphan, finished} {
			require.True(t, closed(c.Done()), "nobody looked before")
			require.Error(t, c.Err())
			require.Nil(t, c.watch.Load().timer)
			require.Nil(t, c.watch.Load().stop)
		}
	})
}

func TestDrivenLeavesTheDeadlineToItsOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		unwatched, c := newDriven(t.Context(), time.Second), newDriven(t.Context(), time.Second)
		done := c.Done()
		require.Nil(t, c.watch.Load().timer)
		deadline, ok := c.Deadline()
		require.True(t, ok)
		require.Equal(t, time.Now().Add(time.Second), deadline)
		pass(time.Minute)
		require.NoError(t, c.Err())
		require.NoError(t, unwatched.Err())
		require.False(t, closed(done))
		c.Expire()
		require.True(t, closed(done))
		requireEnded(t, c, context.DeadlineExceeded)
		require.True(t, c.Expired())
	})
}

func TestFinishLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(*Context)
	}{{"finish", (*Context).Finish}, {"expire", (*Context).Expire}, {"orphan", (*Context).Orphan}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			parent := &counted{Context: t.Context()}
			c := newContext(parent, time.Hour)
			c.Done()
			c.Done()
			timer := c.watch.Load().timer
			require.Equal(t, 1, parent.places)
			tt.end(c)
			require.Zero(t, parent.places, "the place in the parent is given up")
			require.False(t, timer.Stop(), "the timer was stopped before")
		})
	}
}

func TestNothingIsArmedAfterTheEnd(t *testing.T) {
	t.Parallel()
	parent := &counted{Context: t.Context()}
	c := newContext(parent, time.Hour)
	c.Finish()
	requireEnded(t, c, context.Canceled)
	require.Zero(t, parent.ever)
	require.False(t, c.AfterFunc(func() {})())
}

// Whoever sees the error finds Done closed, even where the one who ended the context has got no further than the cause.
func TestErrHelpsToClose(t *testing.T) {
	t.Parallel()
	c := newContext(t.Context(), time.Hour)
	done := c.Done()
	c.cause.Store(byDeadline)
	require.False(t, closed(done))
	require.Equal(t, context.DeadlineExceeded, c.Err())
	require.True(t, closed(done))
	require.Nil(t, c.watch.Load().timer)
}

// counted counts the functions that its parent holds, and has ever held.
type counted struct {
	context.Context
	places, ever int
}

// Value hides the parent from the context package, which would register with it directly.
func (c *counted) Value(any) any { return nil }

func (c *counted) AfterFunc(f func()) func() bool {
	c.places++
	c.ever++
	stop := context.AfterFunc(c.Context, f)
	return func() bool {
		c.places--
		return stop()
	}
}

// The signals may come to be armed after the end: then they end at once.
func TestSignalsThatComeTooLate(t *testing.T) {
	t.Parallel()
	c := newContext(t.Context(), time.Hour)
	c.Done()
	c.Finish()
	timer, stopped := time.AfterFunc(time.Hour, func() {}), 0
	c.watch.Load().hold(timer, func() bool { stopped++; return true })
	require.False(t, timer.Stop())
	require.Equal(t, 1, stopped)
	require.Nil(t, c.watch.Load().timer)
}

// A parent that ends while it is being asked for its Done must not leave a context that never ends.
func TestEndWhileArming(t *testing.T) {
	t.Parallel()
	c := new(Context)
	parent := &nosy{Context: t.Context(), asked: c.Finish}
	c.Init(parent, time.Now().Add(time.Hour), false, nil)
	require.True(t, closed(c.Done()))
	requireEnded(t, c, context.Canceled)
	require.Nil(t, c.watch.Load().timer)
	require.Nil(t, c.watch.Load().stop)
}

type nosy struct {
	context.Context
	asked func()
}

func (n *nosy) Done() <-chan struct{} {
	n.asked()
	return n.Context.Done()
}

// Another goroutine may ask for Done between the look and the watch: then there is one watch, and not a second.
func TestWatchThatAnotherMade(t *testing.T) {
	t.Parallel()
	c := new(Context)
	parent := &asksErr{Context: t.Context()}
	c.Init(parent, time.Time{}, false, nil)
	var first <-chan struct{}
	parent.asked = func() {
		parent.asked = func() {}
		first = c.Done()
	}
	done := c.Done()
	require.Equal(t, first, done)
	require.False(t, closed(done))
	c.Finish()
	require.True(t, closed(done))
}

type asksErr struct {
	context.Context
	asked func()
}

func (a *asksErr) Err() error {
	a.asked()
	return a.Context.Err()
}
