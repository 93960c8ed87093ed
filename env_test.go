// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// TestEnvByHand uses a constructor that Lookup returned, with a zero Env.
func TestEnvByHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		type options struct{ Teeth int }
		r := gears(t, plugreg.Config{})
		d := r.MustRegister(plugreg.Configured(spurPlugin("gear", "1.0.0", nil), options{Teeth: 8},
			func(_ context.Context, env *plugreg.Env, o options) (gear, error) {
				require.Equal(t, 8, o.Teeth)
				require.Empty(t, env.Name())
				require.Empty(t, env.Version())
				require.False(t, env.Logger().Enabled(t.Context(), slog.LevelError))
				require.Same(t, env.Logger(), env.Logger())
				require.NoError(t, env.Context().Err())
				_, err := plugreg.Require[gear](env, "other")
				require.ErrorIs(t, err, plugreg.ErrDependency)
				env.Go(func(ctx context.Context) { <-ctx.Done(); j.add("goroutine") })
				env.OnClose(func() error { j.add("first"); return errTooth })
				env.OnClose(func() error { j.add("second"); panic("second") })
				env.OnClose(func() error { j.add("third"); runtime.Goexit(); return nil })
				return &spur{}, nil
			}))
		build, ok := r.Lookup(d)
		require.True(t, ok)
		env := new(plugreg.Env)
		g, err := build(t.Context(), env)
		require.NoError(t, err)
		require.NoError(t, g.Close())
		require.Empty(t, j.take())
		err = env.Close(t.Context())
		require.ErrorIs(t, err, errTooth)
		require.ErrorIs(t, err, plugreg.ErrGoexit)
		require.ErrorContains(t, err, "panic in OnClose: second")
		require.Equal(t, []string{"goroutine", "third", "second", "first"}, j.take())
		require.NoError(t, env.Close(t.Context()), "once")
		require.Error(t, env.Context().Err())

		env.OnClose(func() error { j.add("at once"); return errTooth })
		require.Equal(t, []string{"at once"}, j.take())
		env.Go(func(ctx context.Context) { j.add("%v", ctx.Err()) })
		env.Go(func(context.Context) { panic("nobody is told") })
		synctest.Wait()
		require.Equal(t, []string{"context canceled"}, j.take())
	})
}

func TestEnvNeverUsed(t *testing.T) {
	t.Parallel()
	env := new(plugreg.Env)
	require.NoError(t, env.Close(t.Context()))
	require.ErrorIs(t, env.Context().Err(), context.Canceled)
}

// TestEnvCloseIsBounded has a goroutine outlive the context of Close.
func TestEnvCloseIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env, release := new(plugreg.Env), newGate()
		for range 2 {
			env.Go(func(context.Context) { release.wait() })
		}
		cleaned := false
		env.OnClose(func() error { cleaned = true; return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := env.Close(ctx)
		require.ErrorIs(t, err, plugreg.ErrStranded)
		require.ErrorContains(t, err, "2 goroutines")
		require.True(t, cleaned)
		release.open()
		synctest.Wait()
		require.NoError(t, env.Close(ctx), "they have ended")
	})
}

func TestEnvOfAMount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		var env *plugreg.Env
		r := gears(t, plugreg.Config{Logger: newPlainLog(j, "error_code", "error", "text")}, spurPlugin("gear", "1.0.0", func(_ context.Context, e *plugreg.Env) (gear, error) {
			env = e
			require.ErrorIs(t, e.Close(t.Context()), plugreg.ErrMounted)
			require.NoError(t, e.Context().Err(), "it was refused")
			e.Go(func(context.Context) { panic("a raw one") })
			e.Go(func(context.Context) { runtime.Goexit() })
			e.OnClose(func() error {
				e.Go(func(ctx context.Context) { <-time.After(time.Second); j.add("joined all the same") })
				e.OnClose(func() error { j.add("one more"); return nil })
				return nil
			})
			e.Logger().Info("hello", "text", e.Name())
			require.Same(t, e.Logger(), e.Logger())
			return &spur{}, nil
		}))
		h := mustOpen(t, r, "gear")
		synctest.Wait()
		require.ElementsMatch(t, []string{
			"INFO: hello; gear",
			`ERROR: plugreg: env.Go failed; plugin "gear" 1.0.0: panic in env.Go: a raw one; PANIC`,
			`ERROR: plugreg: env.Go failed; plugin "gear" 1.0.0: env.Go: goroutine ended by runtime.Goexit; GOEXIT`,
		}, j.take())
		require.Equal(t, plugreg.Stats{Calls: 2, Failures: map[string]uint64{"PANIC": 1, "GOEXIT": 1}}, r.Inspect().Plugins[0].Phases["env.Go"])
		require.NoError(t, h.Close(t.Context()))
		require.Equal(t, []string{"one more", "joined all the same"}, j.take())

		env.OnClose(func() error { j.add("at once"); return errTooth })
		synctest.Wait()
		require.Equal(t, []string{"at once", "ERROR: plugreg: OnClose failed; a tooth is missing; ERROR"}, j.take())
		require.NoError(t, r.Close(t.Context()))
	})
}
