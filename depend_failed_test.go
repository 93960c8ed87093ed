// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestDependenciesOfAFailedOpen(t *testing.T) {
	t.Parallel()
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			j := new(journal)
			fails := func(context.Context, *plugreg.Env) (gear, error) { return nil, errTooth }
			r := gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", fails), "b", "db"), noted(j, "b", "1.0.0", "db"), noted(j, "db", "1.0.0"))
			_, err := r.Open(t.Context(), "a", "", nil)
			require.ErrorIs(t, err, errTooth)
			require.Equal(t, []string{"+db@1.0.0", "+b@1.0.0", "-b@1.0.0", "-db@1.0.0"}, j.take())
			require.NoError(t, r.Close(t.Context()))
		})
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			j := new(journal)
			r := gears(t, plugreg.Config{Trust: func(c plugreg.Contract) error {
				if c.Name == "a" {
					return errTooth
				}
				return nil
			}}, noted(j, "a", "1.0.0", "db"), noted(j, "db", "1.0.0"))
			_, err := r.Open(t.Context(), "a", "", nil)
			require.ErrorIs(t, err, plugreg.ErrUntrusted)
			require.Empty(t, j.take(), "nor is anything built for it")
			require.NoError(t, r.Close(t.Context()))
		})
	})
	t.Run("a later one failed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			j := new(journal)
			fails := func(context.Context, *plugreg.Env) (gear, error) { return nil, errTooth }
			r := gears(t, plugreg.Config{}, noted(j, "a", "1.0.0", "b", "c"), noted(j, "b", "1.0.0"), spurPlugin("c", "1.0.0", fails))
			_, err := r.Open(t.Context(), "a", "", nil)
			require.ErrorIs(t, err, errTooth)
			require.Equal(t, []string{"+b@1.0.0", "-b@1.0.0"}, j.take())
			require.NoError(t, r.Close(t.Context()))
		})
	})
	t.Run("abandoned", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			j, release := new(journal), newGate()
			r := gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
				release.wait()
				j.add("late")
				return &spur{close: func() error { j.add("-a"); return nil }}, nil
			}), "db"), noted(j, "db", "1.0.0"))
			_, err := r.Open(t.Context(), "a", "", nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			<-time.After(time.Hour)
			require.Equal(t, []string{"+db@1.0.0"}, j.take(), "New may still use it")
			release.open()
			synctest.Wait()
			require.Equal(t, []string{"late", "-a", "-db@1.0.0"}, j.take())
			require.NoError(t, r.Close(t.Context()))
		})
	})
	t.Run("stranded", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			j := new(journal)
			r := gears(t, plugreg.Config{}, noted(j, "a", "1.0.0", "db"), noted(j, "db", "1.0.0"))
			h := mustOpen(t, r, "a")
			lease, err := h.Acquire(t.Context())
			require.NoError(t, err)
			j.take()
			require.ErrorIs(t, h.Close(t.Context()), plugreg.ErrStranded)
			require.Empty(t, j.take(), "who is inside may still use it")
			lease.Release()
			<-h.Done()
			require.Equal(t, []string{"-a@1.0.0", "-db@1.0.0"}, j.take())
			require.NoError(t, r.Close(t.Context()))
		})
	})
	t.Run("stranded at the registry's end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			j := new(journal)
			r := gears(t, plugreg.Config{}, noted(j, "a", "1.0.0", "db"), noted(j, "db", "1.0.0", "disk"), noted(j, "disk", "1.0.0"))
			h := mustOpen(t, r, "a")
			lease, err := h.Acquire(t.Context())
			require.NoError(t, err)
			j.take()
			require.ErrorIs(t, r.Close(t.Context()), plugreg.ErrStranded)
			require.Equal(t, []string{"-db@1.0.0", "-disk@1.0.0"}, j.take(), "nothing waits for what may never return")
			lease.Release()
			<-h.Done()
			require.Equal(t, []string{"-a@1.0.0"}, j.take())
		})
	})
}

// TestPlansMeetTheWorld changes the registry while an Open that was planned waits for a constructor.
func TestPlansMeetTheWorld(t *testing.T) {
	t.Parallel()
	var r *plugreg.Registry[gear]
	meanwhile := func(t *testing.T, do func(ctx context.Context), ps ...plugreg.Plugin[gear]) ([]string, error) {
		t.Helper()
		var err error
		j := new(journal)
		synctest.Test(t, func(t *testing.T) {
			r = gears(t, plugreg.Config{}, append(ps, noted(j, "db", "1.0.0"), noted(j, "db", "2.0.0"), needs(spurPlugin("old", "1.0.0", nil), "db 1.0.0"),
				spurPlugin("aa", "1.0.0", func(ctx context.Context, _ *plugreg.Env) (gear, error) { do(ctx); return &spur{}, nil }))...)
			_, err = r.Open(t.Context(), "a", "", nil)
			require.NoError(t, r.Close(t.Context()))
		})
		return j.take(), err
	}
	t.Run("unregistered", func(t *testing.T) {
		built, err := meanwhile(t, func(context.Context) {
			d, err := r.Resolve("db", "2.0.0")
			require.NoError(t, err)
			require.NoError(t, r.Unregister(d))
		}, needs(spurPlugin("a", "1.0.0", nil), "aa", "db"))
		require.ErrorIs(t, err, plugreg.ErrDependency)
		require.ErrorIs(t, err, plugreg.ErrNotFound)
		require.ErrorContains(t, err, "unregistered since the dependencies were planned")
		require.Empty(t, built)
	})
	t.Run("another version was mounted", func(t *testing.T) {
		_, err := meanwhile(t, func(ctx context.Context) {
			_, err := r.Open(ctx, "old", "", nil)
			require.NoError(t, err)
		}, needs(spurPlugin("a", "1.0.0", nil), "aa", "db ^2"))
		require.ErrorIs(t, err, plugreg.ErrDependency)
		require.ErrorContains(t, err, `"db" 1.0.0 is mounted for another dependant, but "a" 1.0.0 wants "^2"`)
	})
	t.Run("another version was mounted that will do", func(t *testing.T) {
		built, err := meanwhile(t, func(ctx context.Context) {
			_, err := r.Open(ctx, "old", "", nil)
			require.NoError(t, err)
		}, needs(spurPlugin("a", "1.0.0", nil), "aa", "db"))
		require.NoError(t, err)
		require.Equal(t, []string{"+db@1.0.0", "-db@1.0.0"}, built)
	})
	t.Run("another type was mounted", func(t *testing.T) {
		a := needs(spurPlugin("a", "1.0.0", nil), "aa")
		a.Requires = append(a.Requires, plugreg.Requirement{Name: "shape", As: (*tagger)(nil)})
		_, err := meanwhile(t, func(ctx context.Context) {
			_, err := r.Open(ctx, "flat", "", nil)
			require.NoError(t, err)
		}, a, spurPlugin("shape", "2.0.0", nil), needs(spurPlugin("flat", "1.0.0", nil), "shape 1.0.0"),
			plugreg.Plugin[gear]{Name: "shape", Version: "1.0.0", Prototype: (*rack)(nil), New: func(context.Context, *plugreg.Env) (gear, error) { return &rack{}, nil }})
		require.ErrorIs(t, err, plugreg.ErrDependency)
		require.ErrorContains(t, err, "want Tag() string, have nothing of that name")
	})
	t.Run("an optional one was registered", func(t *testing.T) {
		a := needs(spurPlugin("a", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
			_, err := plugreg.Require[gear](env, "opt")
			require.ErrorIs(t, err, plugreg.ErrNotFound, "it comes too late")
			return &spur{}, nil
		}), "aa")
		a.Requires = append(a.Requires, plugreg.Requirement{Name: "opt", Optional: true})
		_, err := meanwhile(t, func(context.Context) { r.MustRegister(spurPlugin("opt", "1.0.0", nil)) }, a)
		require.NoError(t, err)
	})
}

// TestDependencyThatFailsToClose tells the log, for no caller waits for that alone, and the registry's Close.
func TestDependencyThatFailsToClose(t *testing.T) {
	t.Parallel()
	j := new(journal)
	r := gears(t, plugreg.Config{Logger: newPlainLog(j, "plugin", "version", "error")}, needs(spurPlugin("a", "1.0.0", nil), "db"),
		spurPlugin("db", "1.2.0", func(context.Context, *plugreg.Env) (gear, error) {
			return &spur{close: func() error { return errTooth }}, nil
		}))
	require.NoError(t, mustOpen(t, r, "a").Close(t.Context()))
	mustOpen(t, r, "a")
	require.ErrorIs(t, r.Close(t.Context()), errTooth)
	line := `ERROR: plugreg: a dependency failed to close; db; 1.2.0; close "db" 1.2.0: a tooth is missing`
	require.Equal(t, []string{line, line}, j.take())
}

// TestDependenciesUnderLoad hammers one shared dependency: there is never more than one of it, and none is left.
func TestDependenciesUnderLoad(t *testing.T) {
	t.Parallel()
	var alive, most, built atomic.Int64
	r := gears(t, plugreg.Config{}, needs(spurPlugin("a", "1.0.0", nil), "db"), needs(spurPlugin("b", "1.0.0", nil), "db", "c"), needs(spurPlugin("c", "1.0.0", nil), "db"),
		spurPlugin("db", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			built.Add(1)
			most.Store(max(most.Load(), alive.Add(1)))
			return &spur{close: func() error { alive.Add(-1); return nil }}, nil
		}))
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for round := range 200 {
				h, err := r.Open(context.Background(), []string{"a", "b", "c"}[(worker+round)%3], "", nil)
				require.NoError(t, err)
				require.NoError(t, h.Close(context.Background()))
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, most.Load())
	require.Zero(t, alive.Load())
	require.NotZero(t, built.Load())
	for _, p := range r.Inspect().Plugins {
		require.Empty(t, p.Mounts)
	}
	require.NoError(t, r.Close(t.Context()))
}
