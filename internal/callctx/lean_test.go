// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func newLean(parent context.Context, timeout time.Duration, driven bool) *Context {
	c := newContext(parent, timeout)
	c.driven = driven
	c.SetLean()
	return c
}

// family is a context and what was derived from it in all ways, while it was running.
func family(t *testing.T, c *Context) []context.Context {
	t.Helper()
	derived, cancel := context.WithCancel(c)
	t.Cleanup(cancel)
	through, cancelThrough := context.WithTimeout(context.WithValue(c, errCause, 1), 3*time.Hour)
	t.Cleanup(cancelThrough)
	nested := newLean(derived, 2*time.Hour, false)
	nested.Done()
	return []context.Context{c, derived, through, nested}
}

func TestLeanContextsEndWithAllThatIsDerived(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		driven     bool
		end        func(c *Context, cancel context.CancelCauseFunc)
		err, cause error
	}{
		{"finish", false, func(c *Context, _ context.CancelCauseFunc) { c.Finish() }, context.Canceled, context.Canceled},
		{"deadline", false, func(*Context, context.CancelCauseFunc) { pass(time.Hour) }, context.DeadlineExceeded, context.DeadlineExceeded},
		{"deadline before the parent's end", false, func(_ *Context, cancel context.CancelCauseFunc) {
			pass(time.Hour)
			cancel(errCause)
		}, context.DeadlineExceeded, context.DeadlineExceeded},
		{"deadline before the return", false, func(c *Context, _ context.CancelCauseFunc) {
			pass(time.Hour)
			c.Finish()
		}, context.DeadlineExceeded, context.DeadlineExceeded},
		{"parent", false, func(_ *Context, cancel context.CancelCauseFunc) { cancel(errCause) }, context.Canceled, errCause},
		{"parent before the return", false, func(c *Context, cancel context.CancelCauseFunc) {
			cancel(errCause)
			c.Finish()
		}, context.Canceled, errCause},
		{"driven, finish", true, func(c *Context, _ context.CancelCauseFunc) { c.Finish() }, context.Canceled, context.Canceled},
		{"driven, expire", true, func(c *Context, _ context.CancelCauseFunc) { c.Expire() }, context.DeadlineExceeded, context.DeadlineExceeded},
		{"driven, orphan", true, func(c *Context, cancel context.CancelCauseFunc) {
			cancel(errCause)
			c.Orphan()
		}, context.Canceled, errCause},
		{"driven, parent after the end", true, func(c *Context, cancel context.CancelCauseFunc) {
			c.Expire()
			cancel(errCause)
			c.Orphan()
		}, context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				c := newLean(parent, time.Hour, tt.driven)
				all := family(t, c)
				tt.end(c, cancel)
				require.Equal(t, tt.err == context.DeadlineExceeded, c.Expired(), "without a look before")
				for _, ctx := range all { // at once: nothing waits on a goroutine of its own
					require.True(t, closed(ctx.Done()))
					require.Equal(t, tt.err, ctx.Err())
					require.Equal(t, tt.cause, context.Cause(ctx))
				}
			})
		})
	}
}

func TestLeanDrivenTakesNoPlaceInTheParent(t *testing.T) {
	t.Parallel()
	inner, cancel := context.WithCancelCause(t.Context())
	parent := &counted{Context: inner}
	c := newLean(parent, time.Hour, true)
	done := c.Done()
	require.Zero(t, parent.ever)
	cancel(errCause)
	require.False(t, closed(done), "it is left to the owner")
	require.Equal(t, context.Canceled, c.Err(), "but whoever looks sees it")
	require.True(t, closed(done))
	late := newLean(parent, time.Hour, true)
	require.True(t, closed(late.Done()), "Done looks when it is asked first")
	require.Zero(t, parent.ever)
}

func TestLeanGivesUpItsPlace(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Context){
		"finish": (*Context).Finish, "expire": (*Context).Expire, "orphan": (*Context).Orphan,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := &counted{Context: t.Context()}
			c := newLean(parent, time.Hour, false)
			done := c.Done()
			require.Equal(t, 1, parent.places)
			end(c)
			require.True(t, closed(done))
			require.Zero(t, parent.places)
		})
	}
}

func TestLeanArmsNothingAfterTheEnd(t *testing.T) {
	t.Parallel()
	parent := &counted{Context: t.Context()}
	for _, timeout := range []time.Duration{0, time.Hour} {
		c := newLean(parent, timeout, false)
		c.Finish()
		requireEnded(t, c, context.Canceled)
		require.Zero(t, parent.ever)
	}
}

// An owner that breaks its promise still gets its cause, and ends what was derived, if without a reason.
func TestLeanWithABrokenPromise(t *testing.T) {
	t.Parallel()
	c := newLean(t.Context(), time.Hour, false)
	all := family(t, c)
	c.Expire()
	requireEnded(t, c, context.DeadlineExceeded)
	require.Equal(t, context.DeadlineExceeded, context.Cause(c))
	for _, ctx := range all[1:] {
		require.Equal(t, context.Canceled, ctx.Err())
	}
}

// Another goroutine may make the watch while this one makes it too: then there is one, and the other leaves nothing
// behind.
func TestLeanWatchThatAnotherMade(t *testing.T) {
	t.Parallel()
	parent := &nosyCounted{counted: &counted{Context: t.Context()}}
	c := newLean(parent, 0, false)
	var first <-chan struct{}
	parent.asked = func() {
		parent.asked = func() {}
		first = c.Done()
	}
	done := c.Done()
	require.Equal(t, first, done)
	require.False(t, closed(done))
	require.Equal(t, 2, parent.ever)
	require.Equal(t, 1, parent.places)
	c.Finish()
	require.True(t, closed(done))
	require.Zero(t, parent.places)
}

type nosyCounted struct {
	*counted
	asked func()
}

func (n *nosyCounted) Done() <-chan struct{} {
	n.asked()
	return n.counted.Done()
}

// A parent may say that it has ended before it has an error.
func TestSignalWithoutAReason(t *testing.T) {
	t.Parallel()
	parent := &counted{Context: t.Context()}
	c := newContext(parent, time.Hour)
	done := c.Done()
	c.wake()
	require.True(t, closed(done))
	requireEnded(t, c, context.Canceled)
	require.Zero(t, parent.places)
}

func TestSize(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, unsafe.Sizeof(Context{}), uintptr(80), "a call without a use for its context allocates no more than this")
}
