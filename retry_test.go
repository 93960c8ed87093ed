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

func rtAlways(error) bool { return true }

// rtConfig retries everything, twice, with delays that no chance is in.
func rtConfig() plugreg.SandboxConfig {
	return plugreg.SandboxConfig{Breaker: unbroken(), Retry: plugreg.RetryConfig{Attempts: 3, Jitter: -1, Budget: -1, RetryIf: rtAlways}}
}

// Every way of calling makes its attempts with the delays in between, each counted, and stops at the first success.
func TestRetriesUntilItSucceeds(t *testing.T) {
	t.Parallel()
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := way.open(t, rtConfig())
				began, n := time.Now(), 0
				require.NoError(t, do(t.Context(), func(context.Context) error {
					if n++; n < 3 {
						return errTooth
					}
					return nil
				}))
				require.Equal(t, 3, n)
				require.Equal(t, 600*time.Millisecond, time.Since(began), "200 ms, then 400")
				require.EqualValues(t, 3, state().Calls)
				require.EqualValues(t, 2, state().Retries)
				n = 0
				require.ErrorIs(t, do(t.Context(), func(context.Context) error { n++; return errTooth }), errTooth)
				require.Equal(t, 3, n, "no more than Attempts")
				require.Zero(t, state().InFlight)
				require.NoError(t, end(t.Context()))
			})
		})
	}
}

// No place is held while a retry is waited for.
func TestNothingIsHeldBetweenAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := rtConfig()
		cfg.MaxConcurrent = 1
		s := brSandbox(t, cfg)
		over := make(chan error, 1)
		go func() { over <- s.Run(t.Context(), brFails) }()
		synctest.Wait()
		require.Zero(t, s.State().InFlight)
		require.NoError(t, s.Run(t.Context(), brSucceeds))
		require.ErrorIs(t, <-over, errTooth)
	})
}

// An error is retried by its class: Recoverable always, a Failure where RetryIf says so, all else never.
func TestWhatIsRetried(t *testing.T) {
	t.Parallel()
	says := func(c plugreg.Class) func(error) plugreg.Class {
		return func(error) plugreg.Class { return c }
	}
	for _, tt := range []struct {
		name     string
		classify func(error) plugreg.Class
		retryIf  func(error) bool
		attempts int
	}{
		{"recoverable", says(plugreg.ClassRecoverable), nil, 3},
		{"recoverable, RetryIf or not", says(plugreg.ClassRecoverable), func(error) bool { return false }, 3},
		{"failure", says(plugreg.ClassFailure), rtAlways, 3},
		{"failure without RetryIf", says(plugreg.ClassFailure), nil, 1},
		{"failure that is not", says(plugreg.ClassFailure), func(err error) bool { return !errors.Is(err, errTooth) }, 1},
		{"caller's fault", says(plugreg.ClassCallerFault), rtAlways, 1},
		{"dependency", says(plugreg.ClassDependency), rtAlways, 1},
		{"contract", says(plugreg.ClassContractFault), rtAlways, 1},
		{"auto", says(plugreg.ClassAuto), rtAlways, 3},
		{"a class that is none", says(99), rtAlways, 3},
		{"RetryIf panics", nil, func(error) bool { panic("retry?") }, 1},
		{"Classify panics", func(error) plugreg.Class { panic("class?") }, rtAlways, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, way := range roads() {
				t.Run(way.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						cfg := rtConfig()
						cfg.Classify, cfg.Retry.RetryIf = tt.classify, tt.retryIf
						do, state, end := way.open(t, cfg)
						n := 0
						require.ErrorIs(t, do(t.Context(), func(context.Context) error { n++; return errTooth }), errTooth)
						require.Equal(t, tt.attempts, n)
						require.Zero(t, state().InFlight)
						require.NoError(t, end(t.Context()))
					})
				})
			}
		})
	}
}

// An attempt has a time of its own, all attempts together another.
func TestAttemptAndTotalTimeouts(t *testing.T) {
	t.Parallel()
	t.Run("attempts that honour their context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			cfg := rtConfig()
			cfg.Timeout, cfg.Retry.AttemptTimeout = 10*time.Second, time.Second
			s := brSandbox(t, cfg)
			began, n := time.Now(), new(atomic.Int32)
			err := s.Run(t.Context(), func(ctx context.Context) error { n.Add(1); <-ctx.Done(); return ctx.Err() })
			require.EqualValues(t, 3, n.Load())
			require.Equal(t, 3*time.Second+600*time.Millisecond, time.Since(began))
			timeout, ok := errors.AsType[*plugreg.TimeoutError](err)
			require.True(t, ok)
			require.Equal(t, time.Second, timeout.After)
		})
	})
	t.Run("the total", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			cfg := rtConfig()
			cfg.Timeout, cfg.Retry.AttemptTimeout, cfg.Retry.Attempts = 2500*time.Millisecond, time.Second, 9
			s := brSandbox(t, cfg)
			began, n := time.Now(), new(atomic.Int32)
			err := s.Run(t.Context(), func(ctx context.Context) error { n.Add(1); <-ctx.Done(); return ctx.Err() })
			require.EqualValues(t, 2, n.Load(), "1 s, 0.2 s, 1 s, and the 0.3 s that are left are less than the delay of 0.4")
			require.Equal(t, 2200*time.Millisecond, time.Since(began).Truncate(time.Millisecond))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	t.Run("an inline attempt sees its own deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			cfg := rtConfig()
			cfg.Retry.AttemptTimeout = time.Second
			s := brSandbox(t, cfg)
			began := time.Now()
			err := s.RunInline(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 3*time.Second+600*time.Millisecond, time.Since(began))
		})
	})
}

// No attempt follows one whose code still runs: what it captured would be used twice at a time.
func TestAbandonedAttemptIsNotRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := rtConfig()
		cfg.Retry.AttemptTimeout = time.Second
		s := brSandbox(t, cfg)
		release, n := newGate(), new(atomic.Int32)
		began := time.Now()
		err := s.Run(t.Context(), func(context.Context) error { n.Add(1); release.wait(); return nil })
		timeout, ok := errors.AsType[*plugreg.TimeoutError](err)
		require.True(t, ok)
		require.True(t, timeout.Abandoned)
		require.Equal(t, 2*time.Second, time.Since(began), "its second, and the grace")
		require.EqualValues(t, 1, n.Load())
		release.open()
	})
}

// The retries stop when the breaker opens: they do not finish a plugin off.
func TestRetriesStopWhenTheBreakerOpens(t *testing.T) {
	t.Parallel()
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg := rtConfig()
				cfg.Retry.Attempts = 5
				cfg.Breaker = plugreg.BreakerConfig{ErrorRate: 0.4, MinCalls: 2, ConsecutiveFailures: -1}
				do, state, end := way.open(t, cfg)
				n := 0
				require.ErrorIs(t, do(t.Context(), func(context.Context) error { n++; return errTooth }), errTooth, "and not the refusal")
				require.Equal(t, 3, n, "three failures of three attempts open it")
				require.Equal(t, plugreg.BreakerOpen, state().Breaker)
				require.NoError(t, end(t.Context()))
			})
		})
	}
}

// A call counts once in a row of failures, however often it was tried; for the rate its attempts count.
func TestCallsAndAttemptsCountApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := rtConfig()
		cfg.Breaker = plugreg.BreakerConfig{ErrorRate: -1, Window: time.Hour}
		s := brSandbox(t, cfg)
		for range 2 {
			require.ErrorIs(t, s.Run(t.Context(), brFails), errTooth)
		}
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker, "6 attempts, 2 calls")
		n := 0
		require.NoError(t, s.Run(t.Context(), func(context.Context) error {
			if n++; n < 3 {
				return errTooth
			}
			return nil
		}))
		for range 2 {
			require.ErrorIs(t, s.Run(t.Context(), brFails), errTooth)
		}
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker, "the call that succeeded in the end has ended the row")
		require.ErrorIs(t, s.Run(t.Context(), brFails), errTooth)
		require.Equal(t, plugreg.BreakerOpen, s.State().Breaker)
		require.Equal(t, "3 failures in a row", s.State().Reason)
	})
}

// Retries come out of a budget that all calls of a sandbox share.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := rtConfig()
		cfg.Retry.Budget, cfg.Retry.BaseDelay = 0, -1
		s := brSandbox(t, cfg)
		attempts := 0
		for range 100 {
			require.ErrorIs(t, s.RunInline(t.Context(), func(context.Context) error { attempts++; return errTooth }), errTooth)
		}
		require.LessOrEqual(t, attempts, 130, "a retry for five attempts, and three besides")
		require.Greater(t, attempts, 103)
		require.EqualValues(t, attempts-100, s.State().Retries)
	})
}

// A caller who leaves between two attempts gets both errors, at once.
func TestCallerLeavesBetweenAttempts(t *testing.T) {
	t.Parallel()
	for _, way := range roads() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := way.open(t, rtConfig())
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				began := time.Now()
				err := do(ctx, brFails)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorIs(t, err, errTooth)
				require.Equal(t, 50*time.Millisecond, time.Since(began))
				require.Zero(t, state().InFlight)
				require.NoError(t, end(t.Context()))
			})
		})
	}
}

// Each attempt is observed, with its number.
func TestHooksSeeAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var started, done []int
		cfg := plugreg.Config{Sandbox: rtConfig(), Hooks: &plugreg.Hooks{
			CallStart: func(ctx context.Context, c plugreg.CallInfo) context.Context {
				started = append(started, c.Attempt)
				return ctx
			},
			CallDone: func(_ context.Context, c plugreg.CallInfo, _ plugreg.CallResult) { done = append(done, c.Attempt) },
		}}
		r := gears(t, cfg, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		require.ErrorIs(t, h.Do(t.Context(), func(context.Context, gear) error { return errTooth }), errTooth)
		require.Equal(t, []int{1, 2, 3}, started)
		require.Equal(t, []int{1, 2, 3}, done)
		require.NoError(t, r.Close(t.Context()))
	})
}

// Close is not held up by a call that waits for its next attempt, and that attempt does not come about.
func TestCloseBetweenAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := gears(t, plugreg.Config{Sandbox: rtConfig()}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		over, n := make(chan error, 1), 0
		go func() {
			over <- h.Do(t.Context(), func(context.Context, gear) error { n++; return errTooth })
		}()
		synctest.Wait()
		began := time.Now()
		require.NoError(t, r.Close(t.Context()))
		require.Zero(t, time.Since(began))
		require.ErrorIs(t, <-over, errTooth)
		require.Equal(t, 1, n)
	})
}
