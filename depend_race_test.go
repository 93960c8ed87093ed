// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// TestFailingDependencyRunsOnce has many dependants wait for one constructor.
func TestFailingDependencyRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		release := newGate()
		r := gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", nil), "db"), spurPlugin("db", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			runs.Add(1)
			release.wait()
			return nil, &spiteful{func() {}, func() {}, func() {}}
		}))
		errs := make(chan error)
		const openers = 16
		for range openers {
			go func() {
				_, err := r.Open(t.Context(), "a", "", nil)
				errs <- err
			}()
		}
		synctest.Wait()
		release.open()
		for range openers {
			err := <-errs
			require.ErrorIs(t, err, plugreg.ErrDependency)
			var cause *spiteful
			require.ErrorAs(t, err, &cause)
			require.EqualError(t, err, `plugin "a" 1.0.0: dependency "db": dependency not satisfied: open "db" 1.0.0: spite`)
		}
		require.EqualValues(t, 1, runs.Load())
		_, err := r.Open(t.Context(), "a", "", nil)
		require.Error(t, err)
		require.EqualValues(t, 2, runs.Load(), "a later one tries again")
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestOpenerGivesUp has the one who builds a dependency leave while others wait for it: one of them builds it then.
func TestOpenerGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs, closes atomic.Int32
		release := newGate()
		r := gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", nil), "db"), spurPlugin("db", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			if runs.Add(1) == 1 {
				release.wait()
			}
			return &spur{close: func() error { closes.Add(1); return nil }}, nil
		}))
		first, leave := context.WithCancelCause(t.Context())
		errs := make(chan error)
		go func() {
			_, err := r.Open(first, "a", "", nil)
			errs <- err
		}()
		synctest.Wait()
		others := make(chan error)
		for range 4 {
			go func() {
				_, err := r.Open(t.Context(), "a", "", nil)
				others <- err
			}()
		}
		impatient, cancel := context.WithTimeoutCause(t.Context(), time.Second, errChanged)
		defer cancel()
		_, err := r.Open(impatient, "a", "", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errChanged)
		leave(errTooth)
		err = <-errs
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errTooth)
		for range 4 {
			require.NoError(t, <-others)
		}
		require.EqualValues(t, 2, runs.Load())
		release.open()
		synctest.Wait()
		require.EqualValues(t, 1, closes.Load(), "what came late is closed")
		require.NoError(t, r.Close(t.Context()))
		require.EqualValues(t, 2, closes.Load())
	})
}

func TestReentrantOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		deps  map[string][]string // what else there is
		opens string              // what New of db opens
	}{
		{"itself", nil, "a"},
		{"through a host's own", map[string][]string{"z": {"a2"}, "a2": {"db"}}, "z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r *plugreg.Registry[gear]
				var inner error
				r = gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", nil), "db"), spurPlugin("db", "1.0.0", func(ctx context.Context, _ *plugreg.Env) (gear, error) {
					_, inner = r.Open(ctx, tt.opens, "", nil)
					return &spur{}, nil
				}))
				for name, reqs := range tt.deps {
					r.MustRegister(needs(spurPlugin(name, "1.0.0", nil), reqs...))
				}
				require.Zero(t, took(func() { mustOpen(t, r, "a") }), "at once")
				require.ErrorIs(t, inner, plugreg.ErrReentrant)
				require.ErrorIs(t, inner, plugreg.ErrDependency)
				require.ErrorContains(t, inner, `plugin "db" is being built, and waits for the code that asks for it`)
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

// TestReentrantOpenBelow has the constructor of a dependency's dependency ask for the upper one.
func TestReentrantOpenBelow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r *plugreg.Registry[gear]
		var inner error
		r = gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", nil), "upper"), needs(spurPlugin("upper", "1.0.0", nil), "lower"),
			needs(spurPlugin("sly", "1.0.0", nil), "upper"),
			spurPlugin("lower", "1.0.0", func(ctx context.Context, _ *plugreg.Env) (gear, error) {
				_, inner = r.Open(ctx, "sly", "", nil)
				return &spur{}, nil
			}))
		require.Zero(t, took(func() { mustOpen(t, r, "a") }))
		require.ErrorIs(t, inner, plugreg.ErrReentrant)
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestReentrantOpenAcross has two constructors, built by two openers, ask for each other's plugin.
func TestReentrantOpenAcross(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r *plugreg.Registry[gear]
		both := make(chan struct{}, 2)
		inner := make(chan error, 2)
		asks := func(name string) builder {
			return func(ctx context.Context, _ *plugreg.Env) (gear, error) {
				both <- struct{}{}
				for len(both) < 2 {
					<-time.After(time.Millisecond)
				}
				h, err := r.Open(ctx, name, "", nil)
				inner <- err
				if err == nil {
					err = h.Close(ctx)
				}
				return &spur{}, err
			}
		}
		r = gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", nil), "x"), needs(spurPlugin("b", "1.0.0", nil), "y"),
			needs(spurPlugin("asks-x", "1.0.0", nil), "x"), needs(spurPlugin("asks-y", "1.0.0", nil), "y"),
			spurPlugin("x", "1.0.0", asks("asks-y")), spurPlugin("y", "1.0.0", asks("asks-x")))
		errs := make(chan error)
		for _, name := range []string{"a", "b"} {
			go func() {
				_, err := r.Open(t.Context(), name, "", nil)
				errs <- err
			}()
		}
		require.Less(t, took(func() {
			require.True(t, errors.Is(errors.Join(<-errs, <-errs), plugreg.ErrReentrant))
		}), time.Second, "nobody waits for a timeout")
		require.ErrorIs(t, errors.Join(<-inner, <-inner), plugreg.ErrReentrant)
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestReentrantOpenAtTheEnd has a call into a dependency ask for a new one of it, which can only come when that call has ended.
func TestReentrantOpenAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var db *plugreg.Handle[gear]
		r := gears(t, plugreg.Config{}, spurPlugin("db", "1.0.0", nil), needs(spurPlugin("a", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
			var err error
			db, err = plugreg.Require[gear](env, "db")
			return &spur{}, err
		}), "db"))
		a := mustOpen(t, r, "a")
		var inner error
		require.Zero(t, took(func() {
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context, _ gear) error {
				go func() { _ = a.Close(context.Background()) }()
				synctest.Wait()
				_, inner = r.Open(ctx, "a", "", nil)
				return nil
			}))
		}))
		require.ErrorIs(t, inner, plugreg.ErrReentrant)
		require.ErrorContains(t, inner, "is being closed")
		synctest.Wait()
		mustOpen(t, r, "a") // others wait, and get it
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestWaitForTheEnd has an Open wait until the dependency's last mount is gone.
func TestWaitForTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", nil), "db"), spurPlugin("db", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			return &spur{close: func() error { <-time.After(5 * time.Second); return nil }}, nil
		}))
		a := mustOpen(t, r, "a")
		go func() { _ = a.Close(context.Background()) }()
		synctest.Wait()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Open(impatient, "a", "", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 4*time.Second, took(func() { mustOpen(t, r, "a") }))
		require.NoError(t, r.Close(t.Context()))
	})
}
