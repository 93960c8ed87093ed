// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// brSandbox is a sandbox that is closed with the test.
func brSandbox(t *testing.T, cfg plugreg.SandboxConfig) *plugreg.Sandbox {
	t.Helper()
	s, err := plugreg.NewSandbox("gear", cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
	return s
}

func brFails(context.Context) error { return errTooth }

func brSucceeds(context.Context) error { return nil }

func brPanics(context.Context) error { panic("tooth") }

// Every way of calling opens the breaker by three failures in a row, is refused while it is open, probes when its time has
// come, opens again, and closes by a success.
func TestBreakerCycle(t *testing.T) {
	t.Parallel()
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := way.open(t, plugreg.SandboxConfig{})
				for range 3 {
					require.ErrorIs(t, do(t.Context(), brFails), errTooth)
				}
				require.Equal(t, plugreg.BreakerOpen, state().Breaker)
				require.Equal(t, "3 failures in a row", state().Reason)
				calls := state().Calls
				err := do(t.Context(), func(context.Context) error { panic("refused calls do not come here") })
				require.ErrorIs(t, err, plugreg.ErrOpen)
				require.Equal(t, "OPEN", plugreg.CodeOf(err))
				rejected, ok := errors.AsType[*plugreg.RejectedError](err)
				require.True(t, ok)
				require.Equal(t, "3 failures in a row", rejected.Reason)
				require.EqualError(t, err, way.who()+": breaker open: 3 failures in a row")
				require.Equal(t, calls, state().Calls, "a refusal is no call")

				pass(10*time.Second - 1)
				require.ErrorIs(t, do(t.Context(), brSucceeds), plugreg.ErrOpen)
				pass(1)
				require.Equal(t, plugreg.BreakerHalfOpen, state().Breaker)
				require.ErrorIs(t, do(t.Context(), brFails), errTooth)
				require.Equal(t, plugreg.BreakerOpen, state().Breaker)
				pass(10 * time.Second)
				require.NoError(t, do(t.Context(), brSucceeds))
				require.Equal(t, plugreg.BreakerClosed, state().Breaker)
				require.Empty(t, state().Reason)
				require.NoError(t, do(t.Context(), brSucceeds))
				require.NoError(t, end(t.Context()))
			})
		})
	}
}

// One probing call is inside at a time; the others are refused, and a lease is no probe.
func TestProbeIsOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Probes: 2}}}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		fails := func(context.Context, gear) error { return errTooth }
		succeeds := func(context.Context, gear) error { return nil }
		for range 3 {
			require.ErrorIs(t, h.DoInline(t.Context(), fails), errTooth)
		}
		pass(10 * time.Second)
		_, err := h.Acquire(t.Context())
		require.ErrorIs(t, err, plugreg.ErrOpen)
		require.NoError(t, h.DoInline(t.Context(), func(ctx context.Context, _ gear) error {
			return h.DoInline(ctx, func(ctx context.Context, _ gear) error {
				require.ErrorIs(t, h.DoInline(t.Context(), succeeds), plugreg.ErrOpen, "two probes are inside")
				require.Equal(t, plugreg.BreakerHalfOpen, h.Sandbox().State().Breaker)
				return nil
			})
		}))
		require.Equal(t, plugreg.BreakerClosed, h.Sandbox().State().Breaker, "both have succeeded")
		lease, err := h.Acquire(t.Context())
		require.NoError(t, err)
		lease.Release()
		require.NoError(t, r.Close(t.Context()))
	})
}

// A plugin that calls itself gets well like any other: what a probe calls belongs to it.
func TestAProbeMayCallItsOwnPlugin(t *testing.T) {
	t.Parallel()
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := way.open(t, plugreg.SandboxConfig{})
				for range 3 {
					require.ErrorIs(t, do(t.Context(), brFails), errTooth)
				}
				inner := func(ctx context.Context) error { return do(ctx, brSucceeds) }
				require.ErrorIs(t, do(t.Context(), inner), plugreg.ErrOpen)
				pass(10 * time.Second)
				require.NoError(t, do(t.Context(), func(ctx context.Context) error {
					require.ErrorIs(t, do(context.Background(), brSucceeds), plugreg.ErrOpen, "others wait")
					return do(ctx, inner)
				}))
				require.Equal(t, plugreg.BreakerClosed, state().Breaker)
				require.NoError(t, end(t.Context()))
			})
		})
	}
}

// A probe that hangs, whatever its context says, holds its permit until its lease expires: the breaker is never wedged.
func TestHungProbeHeals(t *testing.T) {
	t.Parallel()
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := way.open(t, plugreg.SandboxConfig{Timeout: 5 * time.Second, Breaker: plugreg.BreakerConfig{DisableAfterOpenings: -1}})
				for range 3 {
					require.ErrorIs(t, do(t.Context(), brFails), errTooth)
				}
				pass(10 * time.Second)
				release := newGate()
				over := make(chan error, 1)
				go func() {
					over <- do(t.Context(), func(context.Context) error { release.wait(); return nil })
				}()
				synctest.Wait()
				require.ErrorIs(t, do(t.Context(), brSucceeds), plugreg.ErrOpen)
				if way.inline {
					pass(6 * time.Second) // its caller cannot leave, but its permit expires
				} else {
					require.ErrorIs(t, <-over, context.DeadlineExceeded)
					pass(10 * time.Second) // the deadline opened it again
				}
				require.NoError(t, do(t.Context(), brSucceeds))
				require.Equal(t, plugreg.BreakerClosed, state().Breaker)
				release.open()
				if way.inline {
					require.NoError(t, <-over)
				}
				synctest.Wait()
				require.Equal(t, plugreg.BreakerClosed, state().Breaker, "what returns late changes nothing")
				require.Zero(t, state().InFlight)
				require.NoError(t, end(t.Context()))
			})
		})
	}
}

// A probe whose caller leaves, and one that calls Goexit, give their permit back at once.
func TestProbePermitComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := brSandbox(t, plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{DisableAfterOpenings: -1}})
		trip := func() {
			for range 3 {
				require.ErrorIs(t, s.RunInline(t.Context(), brFails), errTooth)
			}
			pass(10 * time.Second)
		}
		trip()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, s.Run(ctx, brSucceeds), context.Canceled)
		require.ErrorIs(t, s.RunInline(ctx, brSucceeds), context.Canceled)
		require.Equal(t, plugreg.BreakerHalfOpen, s.State().Breaker)
		ctx, cancel = context.WithCancel(t.Context())
		require.ErrorIs(t, s.Run(ctx, func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }), context.Canceled)
		require.NoError(t, s.Run(t.Context(), brSucceeds))
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
		trip()
		require.False(t, apart(func() { _ = s.RunInline(t.Context(), func(context.Context) error { runtime.Goexit(); return nil }) }))
		require.Equal(t, plugreg.BreakerOpen, s.State().Breaker, "it failed, and is settled")
		pass(10 * time.Second)
		require.NoError(t, s.Run(t.Context(), brSucceeds))
	})
}

func TestPanicsInARowDisable(t *testing.T) {
	t.Parallel()
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := way.open(t, plugreg.SandboxConfig{})
				for range 2 {
					require.Error(t, do(t.Context(), brPanics))
				}
				require.NoError(t, do(t.Context(), brSucceeds), "a success ends the row")
				for range 3 {
					require.Error(t, do(t.Context(), brPanics))
				}
				require.Equal(t, plugreg.BreakerDisabled, state().Breaker)
				err := do(t.Context(), brSucceeds)
				require.ErrorIs(t, err, plugreg.ErrDisabled)
				require.EqualError(t, err, way.who()+": disabled: 3 panics in a row")
				require.Equal(t, "DISABLED", plugreg.CodeOf(err))
				pass(24 * time.Hour)
				require.ErrorIs(t, do(t.Context(), brSucceeds), plugreg.ErrDisabled, "time does not heal it")
				require.NoError(t, end(t.Context()))
			})
		})
	}
}

func TestDisableAndEnable(t *testing.T) {
	t.Parallel()
	r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", nil))
	h := mustOpen(t, r, "gear")
	call := func() error {
		return h.DoInline(t.Context(), func(context.Context, gear) error { return nil })
	}
	h.Sandbox().Disable("maintenance")
	require.EqualError(t, call(), `plugin "gear" 1.0.0: disabled: maintenance`)
	h.Sandbox().Disable("operator")
	require.EqualError(t, call(), `plugin "gear" 1.0.0: disabled: operator`)
	require.Equal(t, "operator", h.Sandbox().State().Reason)
	require.Equal(t, plugreg.BreakerDisabled, h.Sandbox().State().Breaker)
	h.Sandbox().Enable()
	require.NoError(t, call())
	h.Sandbox().Enable()
	require.NoError(t, call())
	h.Sandbox().Disable("")
	require.EqualError(t, call(), `plugin "gear" 1.0.0: disabled: by the host`)
	_, err := h.Acquire(t.Context())
	require.ErrorIs(t, err, plugreg.ErrDisabled)
	require.NoError(t, h.Close(t.Context()), "what is disabled can be closed")
	require.ErrorIs(t, call(), plugreg.ErrClosed)
}

// A call that goes on while its plugin is disabled ends as it would have.
func TestDisableFromInside(t *testing.T) {
	t.Parallel()
	s := brSandbox(t, plugreg.SandboxConfig{})
	require.NoError(t, s.Run(t.Context(), func(ctx context.Context) error {
		s.Disable("from inside")
		require.ErrorIs(t, s.Run(ctx, brSucceeds), plugreg.ErrDisabled)
		return nil
	}))
	require.ErrorIs(t, s.Run(t.Context(), brSucceeds), plugreg.ErrDisabled)
	s.Enable()
	require.NoError(t, s.Run(t.Context(), brSucceeds))
}

func TestOpeningsDisable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := brSandbox(t, plugreg.SandboxConfig{})
		for range 3 {
			require.ErrorIs(t, s.Run(t.Context(), brFails), errTooth)
		}
		for range 4 {
			require.Equal(t, plugreg.BreakerOpen, s.State().Breaker)
			pass(10 * time.Second)
			require.ErrorIs(t, s.Run(t.Context(), brFails), errTooth)
		}
		require.Equal(t, plugreg.BreakerDisabled, s.State().Breaker)
		require.Contains(t, s.State().Reason, "opened 5 times within 10m0s")
		s.Enable()
		for range 2 {
			require.ErrorIs(t, s.Run(t.Context(), brFails), errTooth)
		}
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker, "what led to it is forgotten")
	})
}

// The rate trips where successes keep the row of failures short, and only above the least number of calls.
func TestErrorRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := brSandbox(t, plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: -1}})
		run := func(ok, bad int) {
			for range ok {
				require.NoError(t, s.RunInline(t.Context(), brSucceeds))
			}
			for range bad {
				_ = s.RunInline(t.Context(), brFails)
			}
		}
		run(10, 10)
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker, "20 calls are too few")
		pass(time.Minute)
		for range 100 { // one in six fails, all the time
			run(10, 2)
			pass(100 * time.Millisecond)
		}
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
		pass(time.Minute)
		run(10, 30) // the ten are taken as spread over the minute
		require.Equal(t, plugreg.BreakerOpen, s.State().Breaker)
		require.Contains(t, s.State().Reason, "error rate")
	})
}

func TestSlowCalls(t *testing.T) {
	t.Parallel()
	cfg := plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{SlowCall: time.Second, SlowRate: 0.5, MinCalls: 5}}
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := way.open(t, cfg)
				for range 5 {
					require.NoError(t, do(t.Context(), func(context.Context) error { pass(time.Second); return nil }))
				}
				require.Equal(t, plugreg.BreakerClosed, state().Breaker)
				require.NoError(t, do(t.Context(), func(context.Context) error { pass(time.Second); return nil }))
				require.Equal(t, plugreg.BreakerOpen, state().Breaker)
				require.Contains(t, state().Reason, "slow")
				require.NoError(t, end(t.Context()))
			})
		})
	}
	t.Run("fast calls", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := brSandbox(t, cfg)
			for range 20 {
				require.NoError(t, s.Run(t.Context(), func(context.Context) error { pass(time.Second - 1); return nil }))
			}
			require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
		})
	})
	t.Run("the caller's deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := brSandbox(t, cfg)
			for range 6 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				err := s.Run(ctx, func(ctx context.Context) error { <-ctx.Done(); pass(time.Millisecond); return nil })
				require.ErrorIs(t, err, context.DeadlineExceeded)
				cancel()
			}
			require.Equal(t, plugreg.BreakerOpen, s.State().Breaker, "it is no failure, but it is slow")
			pass(time.Minute)
		})
	})
}

// What is not the plugin's fault never opens its breaker.
func TestNeutralOutcomes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		call func(ctx context.Context, do doer) error
	}{
		{"bad input of one user", func(ctx context.Context, do doer) error {
			return do(ctx, func(context.Context) error { return fmt.Errorf("line 3: %w", plugreg.CallerError(errTooth)) })
		}},
		{"a dependency refuses", func(ctx context.Context, do doer) error {
			return do(ctx, func(context.Context) error {
				return fmt.Errorf("cache: %w", &plugreg.RejectedError{Plugin: "cache", Err: plugreg.ErrOpen})
			})
		}},
		{"the caller has left before", func(ctx context.Context, do doer) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return do(ctx, brFails)
		}},
		{"the caller leaves", func(ctx context.Context, do doer) error {
			ctx, cancel := context.WithCancel(ctx)
			return do(ctx, func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() })
		}},
		{"the caller's deadline", func(ctx context.Context, do doer) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return do(ctx, func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("read: %w", ctx.Err()) })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, way := range roads() {
				t.Run(way.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						do, state, end := way.open(t, plugreg.SandboxConfig{})
						for range 50 {
							require.Error(t, tt.call(t.Context(), do))
							synctest.Wait()
						}
						require.Equal(t, plugreg.BreakerClosed, state().Breaker)
						require.Zero(t, state().InFlight)
						require.NoError(t, do(t.Context(), brSucceeds))
						require.NoError(t, end(t.Context()))
					})
				})
			}
		})
	}
}

// A neutral outcome does not end a row of failures either.
func TestNeutralDoesNotEndTheRow(t *testing.T) {
	t.Parallel()
	s := brSandbox(t, plugreg.SandboxConfig{})
	for range 3 {
		require.ErrorIs(t, s.RunInline(t.Context(), brFails), errTooth)
		_ = s.RunInline(t.Context(), func(context.Context) error { return plugreg.CallerError(errTooth) })
	}
	require.Equal(t, plugreg.BreakerOpen, s.State().Breaker)
}

// A context that was cancelled is no excuse for a panic, nor is an error that has nothing to do with it.
func TestCancellationExcusesOnlyItself(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context) error{
		"panic with the context's error": func(ctx context.Context) error { panic(ctx.Err()) },
		"another error":                  func(context.Context) error { return errTooth },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := brSandbox(t, plugreg.SandboxConfig{Timeout: -1})
			for range 3 {
				ctx, cancel := context.WithCancel(t.Context())
				require.Error(t, s.RunInline(ctx, func(ctx context.Context) error { cancel(); return call(ctx) }))
			}
			require.NotEqual(t, plugreg.BreakerClosed, s.State().Breaker)
		})
	}
}

func TestImpossibleRulesAreRefused(t *testing.T) {
	t.Parallel()
	retry := func(error) bool { return true }
	half := map[string]bool{"queue": true, "slow rate alone": true, "slow call alone": true, "nothing to retry": true, "retries of none": true}
	for name, tt := range map[string]struct {
		cfg  plugreg.SandboxConfig
		want string
	}{
		"window": {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Window: 30 * time.Second}},
			"SandboxConfig.Breaker.Window: want 1m0s at least, which 3 timeouts of 30s take, have 30s"},
		"error rate of one":    {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ErrorRate: 1}}, "ErrorRate: want less than 1, have 1"},
		"error rate NaN":       {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ErrorRate: math.NaN()}}, "ErrorRate: want less than 1, have NaN"},
		"slow rate alone":      {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{SlowRate: 0.5}}, "SlowCall: want the time from which"},
		"slow call alone":      {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{SlowCall: 1}}, "SlowRate: want a share of calls"},
		"slower than timeout":  {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{SlowCall: time.Minute, SlowRate: 0.1}}, "SlowCall: want less than the 30s that an attempt may take, have 1m0s"},
		"openings":             {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{OpenFor: time.Hour, DisablePeriod: time.Minute}}, "DisablePeriod: want 4h0m0s at least, which 5 openings of 1h0m0s take, have 1m0s"},
		"slower than attempts": {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: 2, RetryIf: retry, AttemptTimeout: time.Second}, Breaker: plugreg.BreakerConfig{SlowCall: 2 * time.Second, SlowRate: 0.1}}, "SlowCall: want less than the 1s that an attempt may take, have 2s"},
		"no time for a retry":  {plugreg.SandboxConfig{Timeout: time.Second, Retry: plugreg.RetryConfig{Attempts: 2, RetryIf: retry, BaseDelay: time.Minute, Jitter: -1}}, "BaseDelay: want less than the Timeout of 1s, have 1m0s"},
		"by a nanosecond":      {plugreg.SandboxConfig{Timeout: 19 * time.Second, Breaker: plugreg.BreakerConfig{Window: 38*time.Second - 1}}, "Window: want 38s at least"},
		"negative durations":   {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{OpenFor: -1, RateWindow: -1, DisablePeriod: -1, Window: -1}}, "OpenFor: want 0 or more"},
		"negative probes":      {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Probes: -1}}, "Probes: want 0 or more, have -1"},
		"baseline bounds":      {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Baseline: &plugreg.BaselineConfig{Floor: 0.5, Cap: 0.1}}}, "Baseline.Floor and Cap: want 0 < Floor ≤ Cap < 1, have 0.5 and 0.1"},
		"baseline numbers":     {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Baseline: &plugreg.BaselineConfig{MinCalls: -1}}}, "MinCalls and Minutes: want 1 or more, have -1 and 3"},
		"baseline off":         {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ErrorRate: -1, Baseline: &plugreg.BaselineConfig{}}}, "ErrorRate: want 0 or more where there is a Baseline"},
		"queue":                {plugreg.SandboxConfig{MaxQueue: 1}, "MaxQueue: want a MaxConcurrent that it waits for, have 1ns (set MaxConcurrent too)"},
		"too many":             {plugreg.SandboxConfig{MaxConcurrent: 1 << 30}, "MaxConcurrent: want at most"},
		"labels":               {plugreg.SandboxConfig{Labels: 9}, "Labels: want LabelDetached, LabelAll or LabelNone, have 9"},
		"nothing to retry":     {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: 2}}, "Retry.Attempts: want RetryIf or Classify, have 2 (nothing would ever be retried: say which errors may be)"},
		"attempt timeout":      {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: 2, RetryIf: retry, AttemptTimeout: time.Minute}}, "AttemptTimeout: want at most the Timeout of 30s, have 1m0s"},
		"multiplier":           {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Multiplier: 0.5}}, "Multiplier: want 1 or more, have 0.5"},
		"multiplier NaN":       {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Multiplier: math.NaN()}}, "Multiplier: want 1 or more, have NaN"},
		"jitter":               {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Jitter: 2}}, "Jitter: want at most 1, have 2"},
		"budget":               {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Budget: math.NaN()}}, "Budget: want retries for one call, have NaN"},
		"max delay":            {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{MaxDelay: -1}}, "MaxDelay: want 0 or more, have -1ns"},
		"negative attempts":    {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: -1}}, "Attempts: want 0 or more, have -1"},
		"retries of none":      {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{RetryIf: retry}}, "Attempts: want 2 or more where there is a RetryIf, have 0"},
		"all leaks ignored":    {plugreg.SandboxConfig{LeakIgnore: []string{""}}, "LeakIgnore: want prefixes of function names"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := plugreg.NewSandbox("gear", tt.cfg)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.ErrorContains(t, err, tt.want)
			_, err = plugreg.New[gear](plugreg.Config{Sandbox: tt.cfg})
			if half[name] { // a plugin may have the other half
				require.NoError(t, err)
				_, err = plugreg.MustNew[gear](plugreg.Config{Sandbox: tt.cfg}).Register(spurPlugin("gear", "1.0.0", nil))
			}
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			r := plugreg.MustNew[gear](plugreg.Config{})
			p := spurPlugin("gear", "1.0.0", nil)
			p.Sandbox = &tt.cfg
			_, err = r.Register(p)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			p.Sandbox = nil
			late := plugreg.MustNew[gear](plugreg.Config{SandboxFor: func(plugreg.Info) *plugreg.SandboxConfig { return &tt.cfg }})
			late.MustRegister(p)
			_, err = late.Open(t.Context(), "gear", "", nil)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.NoError(t, late.Close(t.Context()))
			require.NoError(t, r.Close(t.Context()))
		})
	}
}

// What looks odd but makes sense is taken, also where it comes together from a registry and a plugin.
func TestPossibleRulesAreTaken(t *testing.T) {
	t.Parallel()
	retry := func(error) bool { return true }
	for name, tt := range map[string]struct{ registry, plugin plugreg.SandboxConfig }{
		"a window that is just enough":    {plugin: plugreg.SandboxConfig{Timeout: 19 * time.Second, Breaker: plugreg.BreakerConfig{Window: 38 * time.Second}}},
		"a window for one failure":        {plugin: plugreg.SandboxConfig{Timeout: time.Hour, Breaker: plugreg.BreakerConfig{Window: time.Second, ConsecutiveFailures: 1}}},
		"a window without a timeout":      {plugin: plugreg.SandboxConfig{Timeout: -1, Breaker: plugreg.BreakerConfig{Window: time.Second}}},
		"a window for a rule that is off": {plugin: plugreg.SandboxConfig{Timeout: time.Hour, Breaker: plugreg.BreakerConfig{Window: time.Second, ConsecutiveFailures: -1}}},
		"open for long":                   {plugin: plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{OpenFor: 3 * time.Minute}}},
		"all the time there is":           {plugin: plugreg.SandboxConfig{Timeout: math.MaxInt64}},
		"half a queue":                    {plugreg.SandboxConfig{MaxQueue: time.Second}, plugreg.SandboxConfig{MaxConcurrent: 2}},
		"half a retry":                    {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: 3}}, plugreg.SandboxConfig{Retry: plugreg.RetryConfig{RetryIf: retry}}},
		"slow calls switched off": {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{SlowCall: time.Second, SlowRate: 0.5}},
			plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{SlowCall: -1}}},
		"the slow rate switched off": {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{SlowCall: time.Second, SlowRate: 0.5}},
			plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{SlowRate: -1}}},
		"the bulkhead switched off": {plugreg.SandboxConfig{MaxConcurrent: 2, MaxQueue: time.Second}, plugreg.SandboxConfig{MaxConcurrent: -1}},
		"attempts that are longer than the plugin's calls": {plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: 2, RetryIf: retry, AttemptTimeout: 10 * time.Second}},
			plugreg.SandboxConfig{Timeout: 5 * time.Second}},
		"the baseline switched off": {plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Baseline: &plugreg.BaselineConfig{}}},
			plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ErrorRate: -1, Baseline: &plugreg.BaselineConfig{Minutes: -1}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := spurPlugin("gear", "1.0.0", nil)
			p.Sandbox = &tt.plugin
			r := gears(t, plugreg.Config{Sandbox: tt.registry}, p)
			h := mustOpen(t, r, "gear")
			require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }))
			require.Nil(t, h.Sandbox().Baseline())
			require.NoError(t, r.Close(t.Context()))
		})
	}
}

// What a host does with its configuration afterwards changes nothing.
func TestConfigurationIsCopied(t *testing.T) {
	t.Parallel()
	b := &plugreg.BaselineConfig{}
	r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Baseline: b}}}, spurPlugin("gear", "1.0.0", nil))
	b.Floor, b.MinCalls = 7, -5
	require.NotNil(t, mustOpen(t, r, "gear").Sandbox().Baseline())
	require.NoError(t, r.Close(t.Context()))
}

// What a plugin asks for is completed by what the registry has, rule by rule.
func TestRulesAreMerged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := spurPlugin("gear", "1.0.0", nil)
		p.Sandbox = &plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 2}}
		r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 7, OpenFor: time.Second}}}, p)
		h := mustOpen(t, r, "gear")
		for range 2 {
			require.ErrorIs(t, h.Do(t.Context(), func(context.Context, gear) error { return errTooth }), errTooth)
		}
		require.Equal(t, plugreg.BreakerOpen, h.Sandbox().State().Breaker)
		pass(time.Second)
		require.Equal(t, plugreg.BreakerHalfOpen, h.Sandbox().State().Breaker)
		require.NoError(t, r.Close(t.Context()))
	})
}

// A week of a call a minute, of which every other fails, on a breaker that is right to stay closed.
func TestVirtualWeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := brSandbox(t, plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Baseline: &plugreg.BaselineConfig{}}})
		began := time.Now()
		for i := 0; time.Since(began) < 7*24*time.Hour; i++ {
			if i%2 == 0 {
				require.ErrorIs(t, s.RunInline(t.Context(), brFails), errTooth)
			} else {
				require.NoError(t, s.RunInline(t.Context(), brSucceeds))
			}
			<-time.After(time.Minute)
		}
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
		require.EqualValues(t, 7*24*60, s.State().Calls)
	})
}

func TestBreakerStateText(t *testing.T) {
	t.Parallel()
	for b := plugreg.BreakerClosed; b <= plugreg.BreakerDisabled; b++ {
		text, err := b.MarshalText()
		require.NoError(t, err)
		require.Equal(t, b.String(), string(text))
		var back plugreg.BreakerState
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, b, back)
	}
	_, err := plugreg.BreakerState(9).MarshalText()
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.Equal(t, "breaker state(9)", plugreg.BreakerState(9).String())
	require.ErrorIs(t, new(plugreg.BreakerState).UnmarshalText([]byte("ajar")), plugreg.ErrInvalid)
}
