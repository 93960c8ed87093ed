// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAfterFunc(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newContext(t.Context(), time.Hour)
		var ran [5]int
		var stops []func() bool
		for i := range ran {
			stops = append(stops, c.AfterFunc(func() {
				ran[i]++
				if c.Err() == nil {
					panic("started before the end")
				}
			}))
		}
		for _, i := range []int{2, 4, 0} { // the middle, the first and the last of the list
			require.True(t, stops[i]())
			require.False(t, stops[i](), "was stopped before")
		}
		c.Finish()
		synctest.Wait()
		require.Equal(t, [5]int{0, 1, 0, 1, 0}, ran)
		for i := range stops {
			require.False(t, stops[i]())
		}
		stop := c.AfterFunc(func() { ran[0] = 7 })
		synctest.Wait()
		require.Equal(t, 7, ran[0], "at once, for the context has ended")
		require.False(t, stop())
	})
}

func TestStopDuringRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newContext(t.Context(), 0)
		ran := 0
		var mu sync.Mutex
		var stops []func() bool
		for range 10 {
			stops = append(stops, c.AfterFunc(func() {
				mu.Lock()
				defer mu.Unlock()
				ran++
			}))
		}
		c.Finish()
		for _, stop := range stops {
			require.False(t, stop(), "it has been started, if not run")
		}
		synctest.Wait()
		require.Equal(t, 10, ran)
	})
}

// A goroutine that waits for a context which never ends would fail the bubble as a deadlock.
func TestDerivedContextsStartNoGoroutine(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, outer := new(Context), new(Context)
				c.Init(context.Background(), time.Time{}, kind.driven, nil)
				outer.Init(context.WithValue(c, errCause, 1), time.Time{}, kind.driven, nil)
				c.lean, outer.lean = kind.lean, kind.lean
				for range 10 {
					for _, parent := range []context.Context{outer, context.WithValue(outer, errCause, 2)} {
						derived, cancel := context.WithCancel(parent)
						t.Cleanup(cancel)
						context.AfterFunc(derived, func() {})
						context.AfterFunc(parent, func() {})
						require.NoError(t, derived.Err())
					}
				}
			})
		})
	}
}

func TestDerivedContextsEndWithTheCall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		end        func(c *Context, cancel context.CancelCauseFunc)
		err, cause error
	}{
		{"finish", func(c *Context, _ context.CancelCauseFunc) { c.Finish() }, context.Canceled, context.Canceled},
		{"expire", func(c *Context, _ context.CancelCauseFunc) { c.Expire() }, context.DeadlineExceeded, context.DeadlineExceeded},
		{"deadline", func(*Context, context.CancelCauseFunc) { pass(time.Hour) }, context.DeadlineExceeded, context.DeadlineExceeded},
		{"parent", func(_ *Context, cancel context.CancelCauseFunc) { cancel(errCause) }, context.Canceled, errCause},
		{"parent after the end", func(c *Context, cancel context.CancelCauseFunc) {
			c.Expire()
			synctest.Wait()
			cancel(errCause)
		}, context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				parent, cancelParent := context.WithCancelCause(t.Context())
				defer cancelParent(nil)
				c := newContext(parent, time.Hour)
				derived, cancel := context.WithCancel(context.WithValue(c, errCause, 1))
				defer cancel()
				nested := newContext(derived, 2*time.Hour)
				within, cancelWithin := context.WithTimeout(nested, 3*time.Hour)
				defer cancelWithin()
				tt.end(c, cancelParent)
				synctest.Wait()
				for _, ctx := range []context.Context{c, derived, nested, within} {
					require.Equal(t, tt.err, ctx.Err())
					require.True(t, closed(ctx.Done()))
					require.Equal(t, tt.cause, context.Cause(ctx))
				}
				require.False(t, nested.Expired())
			})
		})
	}
}

func TestNestedCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		outer := newContext(t.Context(), 2*time.Second)
		inner := newContext(outer, time.Second)
		other := newContext(outer, time.Hour)
		pass(time.Second)
		require.Equal(t, context.DeadlineExceeded, inner.Err())
		require.NoError(t, outer.Err())
		require.Nil(t, outer.watch.Load(), "looking does not arm anything")
		done := other.Done()
		require.NotNil(t, outer.watch.Load())
		require.NoError(t, outer.watch.Load().inner.Err())
		pass(time.Second)
		require.True(t, closed(done))
		requireEnded(t, other, context.DeadlineExceeded)
		require.True(t, inner.Expired())
		require.True(t, outer.Expired())
		require.False(t, other.Expired(), "it was the outer call's deadline")
	})
}

func TestOwners(t *testing.T) {
	t.Parallel()
	type key struct{}
	require.Empty(t, slices.Collect(Owners(t.Context())))
	var app, anonymous, mod Context
	app.Init(context.WithValue(t.Context(), key{}, "below"), time.Time{}, false, "app")
	derived, cancel := context.WithCancel(context.WithValue(&app, key{}, "above"))
	defer cancel()
	anonymous.Init(derived, time.Time{}, false, nil)
	mod.Init(&anonymous, time.Time{}, true, "mod")
	within := context.WithoutCancel(&mod)
	require.Equal(t, []any{"mod", "app"}, slices.Collect(Owners(within)))
	require.Equal(t, []any{"app"}, slices.Collect(Owners(derived)))
	for owner := range Owners(within) {
		require.Equal(t, "mod", owner)
		break
	}
	require.Equal(t, "above", within.Value(key{}))
	require.Equal(t, "below", app.Value(key{}))
	mod.Finish()
	require.Equal(t, []any{"mod", "app"}, slices.Collect(Owners(&mod)), "late use is safe")
	require.Equal(t, "above", mod.Value(key{}))
}

// wrapper embeds a Context by value and answers a key itself, as an owner's own context may.
type wrapper struct {
	Context
	label string
}

func (w *wrapper) Value(key any) any {
	if key == "label" {
		return w.label
	}
	return w.Context.Value(key)
}

func TestEmbeddedByValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wrapper{label: "sink"}
		w.Init(t.Context(), time.Now().Add(time.Second), false, w)
		derived, cancel := context.WithCancel(w)
		defer cancel()
		require.Equal(t, "sink", derived.Value("label"))
		require.Equal(t, []any{w}, slices.Collect(Owners(derived)))
		pass(time.Second)
		require.Equal(t, context.DeadlineExceeded, derived.Err())
		require.Equal(t, context.DeadlineExceeded, context.Cause(w))
	})
}

func TestString(t *testing.T) {
	t.Parallel()
	c := newContext(context.Background(), 0)
	require.Equal(t, "context.Background.Call", c.String())
	require.Equal(t, "*callctx.later.Call", newContext(&later{}, 0).String())
	derived, cancel := context.WithCancel(c)
	defer cancel()
	require.Equal(t, "context.Background.Call.WithCancel", fmt.Sprint(derived))
}

func TestUnusedContextDoesNotAllocate(t *testing.T) { // not parallel: it counts the allocations of the whole process
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	deadline := time.Now().Add(time.Hour)
	c := new(wrapper)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		*c = wrapper{}
		c.Init(parent, deadline, false, c)
		for range Owners(c) {
			_ = c.Err()
		}
		c.Deadline()
		c.Finish()
		_ = c.Err()
	}))
}
