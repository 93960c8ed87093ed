// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/stripe"
)

func rgAlways(error) bool { return true }

// rgOpened is a sandbox whose breaker three failures opened.
func rgOpened(t *testing.T, cfg SandboxConfig) *Sandbox {
	t.Helper()
	s := testSandbox(t, cfg)
	for range 3 {
		require.ErrorIs(t, s.RunInline(t.Context(), rgFail), errRg)
	}
	require.Equal(t, BreakerOpen, s.State().Breaker)
	return s
}

// rgShare gives s a resource of n permits, whose queue has an hour, and returns what takes one of them.
func rgShare(t *testing.T, s *Sandbox, n int) (*resource, func() *stripe.Stripe) {
	t.Helper()
	r := newResources(map[string]Resource{"db": {MaxConcurrent: n, MaxQueue: time.Hour}})["db"]
	s.uses([]*resource{r})
	return r, func() *stripe.Stripe {
		st := r.take(t.Context(), func() <-chan struct{} { return nil })
		require.NotNil(t, st)
		return st
	}
}

// TestClassifyIsNotAskedAboutACallerWhoLeftBefore has it call everything a failure.
func TestClassifyIsNotAskedAboutACallerWhoLeftBefore(t *testing.T) {
	t.Parallel()
	s := testSandbox(t, SandboxConfig{Classify: func(error) Class { return ClassFailure }})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		require.ErrorIs(t, s.RunInline(ctx, rgOK), context.Canceled)
	}
	require.Equal(t, BreakerClosed, s.State().Breaker)
}

// TestTheCauseThatACallerLeftForIsNoFailure has the code return it.
func TestTheCauseThatACallerLeftForIsNoFailure(t *testing.T) {
	t.Parallel()
	s := testSandbox(t, SandboxConfig{})
	for range 3 {
		ctx, cancel := context.WithCancelCause(t.Context())
		require.Error(t, s.RunInline(ctx, func(ctx context.Context) error {
			cancel(errors.New("client went away"))
			return context.Cause(ctx)
		}))
	}
	require.Equal(t, BreakerClosed, s.State().Breaker)
}

// TestAProbeThatTakesLongerThanOpenForClosesTheBreaker has calls without a limit, and inline ones beyond it.
func TestAProbeThatTakesLongerThanOpenForClosesTheBreaker(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit, takes time.Duration
		run          func(*Sandbox, context.Context, func(context.Context) error) error
	}{
		"no limit": {-1, 11 * time.Second, (*Sandbox).Run},
		"inline":   {time.Second, 3 * time.Second, (*Sandbox).RunInline},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := rgOpened(t, SandboxConfig{Timeout: tt.limit})
				for range 100 {
					<-time.After(10*time.Second + 1)
					_ = tt.run(s, t.Context(), rgSleep(tt.takes))
				}
				require.Equal(t, BreakerClosed, s.State().Breaker)
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

// TestSuccessesCountAfterEnable has few failures among many calls, after the breaker was forced once.
func TestSuccessesCountAfterEnable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{})
		s.Disable("drill")
		s.Enable()
		for range 10_000 {
			require.NoError(t, s.RunInline(t.Context(), rgOK))
		}
		for i := range 30 {
			require.Equal(t, errRg, s.RunInline(t.Context(), rgFail))
			if i%8 != 0 {
				require.NoError(t, s.RunInline(t.Context(), rgOK))
			}
		}
		require.Equal(t, BreakerClosed, s.State().Breaker, s.State().Reason)
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestCallersFaultsDoNotDiluteTheErrorRate has three of four calls that say something of the plugin fail, and as many
// more be their callers' fault.
func TestCallersFaultsDoNotDiluteTheErrorRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{Breaker: BreakerConfig{ConsecutiveFailures: -1}})
		for i := range 1000 {
			_ = s.RunInline(t.Context(), func(context.Context) error {
				switch i % 10 {
				case 6, 7, 8:
					return errRg
				case 9:
					return nil
				}
				return CallerError(errRg)
			})
		}
		require.NotEqual(t, BreakerClosed, s.State().Breaker)
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestTheLongestTimeoutLeavesFailuresInARow has each of them take long.
func TestTheLongestTimeoutLeavesFailuresInARow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{Timeout: math.MaxInt64})
		for range 30 {
			_ = s.Run(t.Context(), func(context.Context) error { <-time.After(40 * time.Second); return errRg })
		}
		require.Equal(t, BreakerOpen, s.State().Breaker)
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestACallThatWaitedForAResourceEntersNothingDisabled disables the plugin while it waits.
func TestACallThatWaitedForAResourceEntersNothingDisabled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{})
		r, take := rgShare(t, s, 1)
		hold := take()
		got := make(chan error, 1)
		go func() {
			got <- s.RunInline(t.Context(), func(context.Context) error { t.Error("it is disabled"); return nil })
		}()
		synctest.Wait()
		require.Equal(t, 1, r.door.Waiting())
		s.Disable("now")
		r.door.Leave(hold)
		require.ErrorIs(t, <-got, ErrDisabled)
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestAProbeThatWaitedForAResourceEntersNothingDisabled has probes wait for longer than their permits hold.
func TestAProbeThatWaitedForAResourceEntersNothingDisabled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := rgOpened(t, SandboxConfig{Timeout: time.Second})
		r, take := rgShare(t, s, 1)
		hold := take()
		<-time.After(11 * time.Second)
		for range 5 {
			go func() { _ = s.Run(t.Context(), func(context.Context) error { t.Error("it is disabled"); return nil }) }()
			<-time.After(3 * time.Second)
		}
		s.Disable("now")
		r.door.Leave(hold)
		synctest.Wait()
		require.EqualValues(t, 3, s.State().Calls)
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestProbesThatWaitedForAResourceEnterOneAtATime frees it for all of them at once.
func TestProbesThatWaitedForAResourceEnterOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := rgOpened(t, SandboxConfig{Timeout: time.Second})
		r, take := rgShare(t, s, 9)
		var held []*stripe.Stripe
		for range 9 {
			held = append(held, take())
		}
		<-time.After(11 * time.Second)
		var inside, most atomic.Int32
		for range 5 {
			go func() {
				_ = s.Run(t.Context(), func(context.Context) error {
					most.Store(max(most.Load(), inside.Add(1)))
					<-time.After(time.Millisecond)
					inside.Add(-1)
					return nil
				})
			}()
			<-time.After(3 * time.Second)
		}
		for _, st := range held {
			r.door.Leave(st)
		}
		<-time.After(time.Second)
		require.EqualValues(t, 1, most.Load())
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestPhasesThatHangTellOfNoBreaker has the host's own function hang, of which no plugin is to blame.
func TestPhasesThatHangTellOfNoBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told, hang := make(chan BreakerInfo, 100), make(chan struct{})
		r := MustNew[io.Closer](Config{Hooks: &Hooks{Breaker: func(_ context.Context, b BreakerInfo) { told <- b }},
			Sandbox: SandboxConfig{StartTimeout: time.Second, Timeout: time.Second}, Trust: func(Contract) error { <-hang; return nil }})
		_, _ = r.Register(drawerPlugin("acme", "1.0.0"))
		for range 8 {
			_, err := r.Open(t.Context(), "acme", "", nil)
			require.Error(t, err)
		}
		<-time.After(10 * time.Minute)
		synctest.Wait()
		require.Empty(t, told)
		close(hang)
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestABaselineIsTheRegistrysOwnCopy changes the one that was given to New.
func TestABaselineIsTheRegistrysOwnCopy(t *testing.T) {
	t.Parallel()
	b := &BaselineConfig{}
	r := MustNew[io.Closer](Config{Sandbox: SandboxConfig{Breaker: BreakerConfig{Baseline: b}}})
	r.MustRegister(drawerPlugin("acme", "1.0.0"))
	b.Minutes, b.Floor = -5, 7
	h, err := r.Open(t.Context(), "acme", "", nil)
	require.NoError(t, err)
	got := h.Sandbox().cfg.Breaker.Baseline
	require.NotEqual(t, -5, got.Minutes)
	require.NotEqual(t, 7.0, got.Floor)
	require.NoError(t, r.Close(t.Context()))
}

// TestGoexitIsAFailureWhereThereAreRetries ends the goroutine in the code, and in RetryIf after a time-out.
func TestGoexitIsAFailureWhereThereAreRetries(t *testing.T) {
	t.Parallel()
	exit := func(error) bool { runtime.Goexit(); return true }
	synctest.Test(t, func(t *testing.T) {
		code := testSandbox(t, SandboxConfig{Retry: RetryConfig{Attempts: 2, RetryIf: rgAlways}})
		asked := testSandbox(t, SandboxConfig{Timeout: time.Second, Retry: RetryConfig{Attempts: 2, RetryIf: exit}})
		for range 3 {
			rgAlone(func() { _ = code.RunInline(t.Context(), func(context.Context) error { runtime.Goexit(); return nil }) })
			rgAlone(func() { _ = asked.Run(t.Context(), rgObey) })
		}
		for _, s := range []*Sandbox{code, asked} {
			require.Equal(t, BreakerOpen, s.State().Breaker)
			require.NoError(t, s.Close(t.Context()))
		}
	})
}

// TestAllAttemptsAndWaitsForAPlaceFitIntoTimeout has a retry wait for its place.
func TestAllAttemptsAndWaitsForAPlaceFitIntoTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{Timeout: 10 * time.Second, MaxConcurrent: 1, MaxQueue: 9 * time.Second,
			Breaker: BreakerConfig{ConsecutiveFailures: -1}, Retry: RetryConfig{Attempts: 2, BaseDelay: time.Millisecond, RetryIf: rgAlways}})
		began, n := time.Now(), 0
		require.Error(t, s.Run(t.Context(), func(ctx context.Context) error {
			if n++; n > 1 {
				return rgObey(ctx)
			}
			go func() { _ = s.Run(t.Context(), rgSleep(8*time.Second)) }()
			<-time.After(time.Second)
			return errRg
		}))
		require.Equal(t, 2, n)
		require.LessOrEqual(t, time.Since(began), 10*time.Second)
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestRetriesStayWithinTheirBudget has every attempt fail.
func TestRetriesStayWithinTheirBudget(t *testing.T) {
	t.Parallel()
	const calls = 1000
	synctest.Test(t, func(t *testing.T) {
		for _, budget := range []float64{0.2, 0.5, 1} {
			s := testSandbox(t, SandboxConfig{Breaker: BreakerConfig{ConsecutiveFailures: -1, ErrorRate: -1},
				Retry: RetryConfig{Attempts: 10, Budget: budget, BaseDelay: -1, RetryIf: rgAlways}})
			for range calls {
				require.Equal(t, errRg, s.Run(t.Context(), rgFail))
			}
			require.InDelta(t, calls*budget, s.State().Retries, 6)
			require.NoError(t, s.Close(t.Context()))
		}
	})
}

// TestARetryThatIsNotLetInIsNone closes or disables the sandbox while the call waits before it: Close ends that wait.
func TestARetryThatIsNotLetInIsNone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end   func(context.Context, *Sandbox)
		takes time.Duration
	}{
		"Close":   {func(ctx context.Context, s *Sandbox) { _ = s.Close(ctx) }, time.Second},
		"Disable": {func(_ context.Context, s *Sandbox) { s.Disable("now") }, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := testSandbox(t, SandboxConfig{Timeout: -1,
					Retry: RetryConfig{Attempts: 3, BaseDelay: 30 * time.Second, Jitter: -1, RetryIf: rgAlways}})
				began := time.Now()
				go func() { <-time.After(time.Second); tt.end(t.Context(), s) }()
				require.Equal(t, errRg, s.Run(t.Context(), rgFail))
				require.LessOrEqual(t, time.Since(began), tt.takes)
				require.Zero(t, s.State().Retries)
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

// TestRetryIfIsAskedOnceAboutATimeoutErrorOfTheCode has the code make one of its own.
func TestRetryIfIsAskedOnceAboutATimeoutErrorOfTheCode(t *testing.T) {
	t.Parallel()
	asked := 0
	s := testSandbox(t, SandboxConfig{Retry: RetryConfig{Attempts: 2, RetryIf: func(error) bool { asked++; return false }}})
	require.Error(t, s.Run(t.Context(), func(context.Context) error { return &TimeoutError{} }))
	require.Equal(t, 1, asked)
}
