// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestCallerError(t *testing.T) {
	t.Parallel()
	require.NoError(t, plugreg.CallerError(nil))
	err := plugreg.CallerError(fmt.Errorf("line 3: %w", errTooth))
	require.ErrorIs(t, err, errTooth)
	require.EqualError(t, err, "line 3: "+errTooth.Error())
	require.Equal(t, "ERROR", plugreg.CodeOf(err))
	require.Equal(t, "CONTRACT", plugreg.CodeOf(plugreg.CallerError(plugreg.ErrContract)), "it is what it was")
}

func TestClassNames(t *testing.T) {
	t.Parallel()
	var names []string
	for c := plugreg.ClassAuto; c <= plugreg.ClassFatal; c++ {
		names = append(names, c.String())
	}
	require.Equal(t, []string{"auto", "caller-fault", "recoverable", "failure", "dependency", "contract-fault", "fatal"}, names)
	require.Equal(t, "class(9)", plugreg.Class(9).String())
}

// A fatal error disables at once, on every way of calling, and the reason has its text.
func TestFatalDisables(t *testing.T) {
	t.Parallel()
	cfg := plugreg.SandboxConfig{Classify: func(err error) plugreg.Class {
		if errors.Is(err, errTooth) {
			return plugreg.ClassFatal
		}
		return plugreg.ClassAuto
	}}
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			do, state, end := way.open(t, cfg)
			require.ErrorIs(t, do(t.Context(), brFails), errTooth)
			require.Equal(t, plugreg.BreakerDisabled, state().Breaker)
			require.Contains(t, state().Reason, errTooth.Error())
			require.ErrorIs(t, do(t.Context(), brSucceeds), plugreg.ErrDisabled)
			require.NoError(t, end(t.Context()))
		})
	}
}

// Classify is asked about panics and Goexit too, but not about what is the sandbox's own.
func TestWhatClassifyIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		s := brSandbox(t, plugreg.SandboxConfig{Timeout: time.Second, Classify: func(err error) plugreg.Class {
			j.add("%s", plugreg.CodeOf(err))
			return plugreg.ClassCallerFault
		}})
		for range 4 {
			require.Error(t, s.Run(t.Context(), brPanics))
			require.ErrorIs(t, s.Run(t.Context(), func(context.Context) error { runtime.Goexit(); return nil }), plugreg.ErrGoexit)
			require.ErrorIs(t, s.Run(t.Context(), brFails), errTooth)
			require.Equal(t, []string{"PANIC", "GOEXIT", "ERROR"}, j.take())
		}
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker, "none counts where the host says so")
		honours := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		require.ErrorIs(t, s.RunInline(t.Context(), honours), context.DeadlineExceeded)
		require.ErrorIs(t, s.Run(t.Context(), func(ctx context.Context) error { <-ctx.Done(); pass(1); return nil }), context.DeadlineExceeded)
		pass(time.Minute)
		require.Empty(t, j.take())
	})
}

// Classify and RetryIf may misbehave: the call is settled, and the sandbox works afterwards.
func TestHostileClassifyAndRetryIf(t *testing.T) {
	t.Parallel()
	for name, hostile := range map[string]func(s *plugreg.Sandbox, release *gate){
		"panic":     func(*plugreg.Sandbox, *gate) { panic("host") },
		"nil panic": func(*plugreg.Sandbox, *gate) { panic(nil) },
		"Goexit":    func(*plugreg.Sandbox, *gate) { runtime.Goexit() },
		"hang":      func(_ *plugreg.Sandbox, release *gate) { release.wait() },
		"call": func(s *plugreg.Sandbox, _ *gate) {
			_ = s.RunInline(context.Background(), brSucceeds)
			_ = s.Run(context.Background(), brSucceeds)
		},
		"enable": func(s *plugreg.Sandbox, _ *gate) { s.Enable() },
		"state":  func(s *plugreg.Sandbox, _ *gate) { s.State() },
	} {
		for _, where := range []string{"Classify", "RetryIf"} {
			for _, inline := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/inline=%t", name, where, inline), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						var s *plugreg.Sandbox
						release := newGate()
						cfg := plugreg.SandboxConfig{Timeout: time.Second, MaxConcurrent: 3, Breaker: unbroken()}
						if where == "Classify" {
							cfg.Classify = func(error) plugreg.Class { hostile(s, release); return plugreg.ClassAuto }
						} else {
							cfg.Retry = plugreg.RetryConfig{Attempts: 2, Budget: -1, RetryIf: func(error) bool { hostile(s, release); return false }}
						}
						s = brSandbox(t, cfg)
						run := s.Run
						if inline {
							run = s.RunInline
						}
						began := time.Now()
						if inline && name == "hang" { // what hangs on the caller's goroutine is the caller's
							time.AfterFunc(time.Minute, release.open)
						}
						var err error
						gone := !apart(func() { err = run(t.Context(), brFails) })
						require.Equal(t, inline && name == "Goexit", gone)
						if name == "hang" && !inline {
							require.ErrorIs(t, err, context.DeadlineExceeded)
							require.Equal(t, time.Second, time.Since(began))
						} else if !gone {
							require.ErrorIs(t, err, errTooth)
						}
						release.open()
						synctest.Wait()
						requireQuiet(t, s.State())
						require.NoError(t, run(t.Context(), brSucceeds))
					})
				})
			}
		}
	}
}

// A dependant is not to blame for what its dependency refuses.
func TestDependencyRefusalIsNotTheDependants(t *testing.T) {
	t.Parallel()
	dep := spurPlugin("dep", "1.0.0", nil)
	top := spurPlugin("top", "1.0.0", nil)
	top.Requires = []plugreg.Requirement{{Name: "dep", As: (*gear)(nil)}}
	var inner *plugreg.Handle[gear]
	top.New = func(_ context.Context, env *plugreg.Env) (_ gear, err error) {
		inner, err = plugreg.Require[gear](env, "dep")
		return &spur{}, err
	}
	r := gears(t, plugreg.Config{}, dep, top)
	h := mustOpen(t, r, "top")
	call := func(do func(context.Context, gear) error) error {
		return h.Do(t.Context(), func(ctx context.Context, _ gear) error { return inner.Do(ctx, do) })
	}
	inner.Sandbox().Disable("maintenance")
	for range 10 {
		require.ErrorIs(t, call(func(context.Context, gear) error { return nil }), plugreg.ErrDisabled)
	}
	require.Equal(t, plugreg.BreakerClosed, h.Sandbox().State().Breaker)
	inner.Sandbox().Enable()
	for range 3 {
		require.ErrorIs(t, call(func(context.Context, gear) error { return errTooth }), errTooth)
	}
	require.Equal(t, plugreg.BreakerOpen, h.Sandbox().State().Breaker, "a failure that it passes on is its own")
	require.NoError(t, r.Close(t.Context()))
}
