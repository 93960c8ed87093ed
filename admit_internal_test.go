// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/bulkhead"
)

var errAdmit = errors.New("a failure")

// halfOpen is a sandbox whose breaker lets probing calls in.
func halfOpen(t *testing.T, cfg SandboxConfig) *Sandbox {
	t.Helper()
	s := testSandbox(t, cfg)
	s.mu.Lock()
	s.machine.Trip(time.Now(), "for the test")
	s.apply(time.Now())
	s.mu.Unlock()
	require.ErrorIs(t, s.RunInline(t.Context(), func(context.Context) error { return nil }), ErrOpen)
	<-time.After(10 * time.Second)
	synctest.Wait()
	require.Equal(t, BreakerHalfOpen, s.State().Breaker)
	return s
}

// requirePermits asserts how many probing calls may come in, and that the door says so.
func requirePermits(t *testing.T, s *Sandbox, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, want, s.machine.Permits())
	flag := flagHalf
	if want == 0 {
		flag = flagOpen
	}
	require.Equal(t, flag, s.door.Load()&(flagOpen|flagHalf))
}

func TestAProbeThatIsNotLetInGivesItsPermitBack(t *testing.T) {
	t.Parallel()
	nop := func(context.Context) error { return nil }
	t.Run("no place", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := halfOpen(t, SandboxConfig{MaxConcurrent: 1, Breaker: BreakerConfig{Probes: 2}})
			a, err := s.enter(t.Context())
			require.NoError(t, err)
			requirePermits(t, s, 1)
			for range 3 {
				require.ErrorIs(t, s.RunInline(t.Context(), nop), ErrSaturated)
				requirePermits(t, s, 1)
			}
			s.cancel(a)
			requirePermits(t, s, 2)
		})
	})
	t.Run("its time in the queue is over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := halfOpen(t, SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Second, Breaker: BreakerConfig{Probes: 2}})
			a, err := s.enter(t.Context())
			require.NoError(t, err)
			require.ErrorIs(t, s.RunInline(t.Context(), nop), ErrSaturated)
			requirePermits(t, s, 1)
			s.cancel(a)
		})
	})
	t.Run("its caller leaves the queue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := halfOpen(t, SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour, Breaker: BreakerConfig{Probes: 2}})
			a, err := s.enter(t.Context())
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, s.RunInline(ctx, nop), context.DeadlineExceeded)
			requirePermits(t, s, 1)
			s.cancel(a)
		})
	})
	t.Run("its caller has no context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := halfOpen(t, SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour, Breaker: BreakerConfig{Probes: 2}})
			a, err := s.enter(t.Context())
			require.NoError(t, err)
			var none context.Context
			require.Panics(t, func() { _ = s.RunInline(none, nop) })
			requirePermits(t, s, 1)
			s.cancel(a)
			require.Zero(t, s.State().InFlight)
		})
	})
	t.Run("its caller has left before", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := halfOpen(t, SandboxConfig{})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			for _, run := range []func(context.Context, func(context.Context) error) error{s.Run, s.RunInline} {
				require.ErrorIs(t, run(ctx, nop), context.Canceled)
				requirePermits(t, s, 1)
			}
			require.NoError(t, s.Run(t.Context(), nop))
			require.Equal(t, BreakerClosed, s.State().Breaker)
		})
	})
	t.Run("a lease is no probe", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := halfOpen(t, SandboxConfig{})
			_, err := s.take(t.Context(), false)
			require.ErrorIs(t, err, ErrOpen)
			requirePermits(t, s, 1)
		})
	})
}

// TestAProbeThatQueuedEntersNoOpenBreaker has it wait for its place while another probe fails: its permit is void then.
func TestAProbeThatQueuedEntersNoOpenBreaker(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(s *Sandbox) func(context.Context, func(context.Context) error) error{
		"Run":       func(s *Sandbox) func(context.Context, func(context.Context) error) error { return s.Run },
		"RunInline": func(s *Sandbox) func(context.Context, func(context.Context) error) error { return s.RunInline },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := halfOpen(t, SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour, Breaker: BreakerConfig{Probes: 2}})
				over := make(chan error, 2)
				fail := make(chan struct{})
				go func() { over <- s.Run(t.Context(), func(context.Context) error { <-fail; return errAdmit }) }()
				synctest.Wait()
				go func() {
					over <- run(s)(t.Context(), func(context.Context) error { t.Error("the breaker is open"); return nil })
				}()
				synctest.Wait()
				requirePermits(t, s, 0)
				require.Equal(t, 1, s.State().Waiting)
				close(fail)
				got := []error{<-over, <-over}
				require.ErrorIs(t, s.refused(flagOpen), ErrOpen)
				require.ElementsMatch(t, []error{errAdmit, s.refused(flagOpen)}, got)
				require.EqualValues(t, 1, s.State().Calls)
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

// TestRefusedNamesTheStrongestReason says which flag goes first.
func TestRefusedNamesTheStrongestReason(t *testing.T) {
	t.Parallel()
	s := testSandbox(t, SandboxConfig{MaxConcurrent: 1})
	s.Disable("off")
	for _, tt := range []struct {
		w    bulkhead.Word
		want error
	}{
		{flagDraining | flagDisabled | flagCapped | bulkhead.Full, errDraining},
		{flagDisabled | flagCapped | bulkhead.Full, ErrDisabled},
		{flagCapped | bulkhead.Full, s.capped},
		{bulkhead.Full, s.saturated},
	} {
		require.ErrorIs(t, s.refused(tt.w), tt.want)
	}
	require.NoError(t, s.Close(t.Context()))
}

// TestALateEndIsTheOldPeriods has calls that were let in before an opening end after the breaker closed again: they say
// nothing of now.
func TestALateEndIsTheOldPeriods(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{Timeout: -1, Breaker: BreakerConfig{ConsecutiveFailures: 3}})
		release, over := make(chan struct{}), make(chan error, 10)
		for range 10 {
			go func() { over <- s.Run(t.Context(), func(context.Context) error { <-release; return errAdmit }) }()
		}
		synctest.Wait()
		for range 3 {
			require.Equal(t, errAdmit, s.RunInline(t.Context(), func(context.Context) error { return errAdmit }))
		}
		require.Equal(t, BreakerOpen, s.State().Breaker)
		<-time.After(10 * time.Second)
		synctest.Wait()
		require.NoError(t, s.Run(t.Context(), func(context.Context) error { return nil }))
		close(release)
		for range 10 {
			require.Equal(t, errAdmit, <-over)
		}
		require.Equal(t, BreakerClosed, s.State().Breaker)
		require.False(t, s.streaks.Load())
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestASaturationNoticeThatFoundNoRoomIsNotTheLast fills what waits for a busy hook, so that a notice is dropped.
func TestASaturationNoticeThatFoundNoRoomIsNotTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		busy, told := make(chan struct{}), make(chan string, 2*noticesBound)
		s := testSandbox(t, SandboxConfig{MaxConcurrent: 1})
		s.hooks.set(&Hooks{Breaker: func(context.Context, BreakerInfo) { <-busy }, Saturation: func(context.Context, SaturationInfo) { told <- "full" }})
		for range noticesBound {
			s.Disable("")
			s.Enable()
		}
		a, err := s.enter(t.Context())
		require.NoError(t, err)
		nop := func(context.Context) error { return nil }
		require.ErrorIs(t, s.Run(t.Context(), nop), ErrSaturated)
		close(busy)
		synctest.Wait()
		require.Empty(t, told, "there was no room for it")
		require.ErrorIs(t, s.Run(t.Context(), nop), ErrSaturated)
		synctest.Wait()
		require.Len(t, told, 1, "but for the next")
		s.cancel(a)
		require.NoError(t, s.Close(t.Context()))
	})
}

// TestTakeSharedDoesNotWaitForWhatChangedBefore asks for a resource that is full, as of a period of the breaker that is over.
func TestTakeSharedDoesNotWaitForWhatChangedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{})
		all := newResources(map[string]Resource{"a": {MaxConcurrent: 1}, "b": {MaxConcurrent: 1, MaxQueue: time.Hour}})
		s.uses([]*resource{all["a"], all["b"]})
		st, _ := all["b"].door.Take(0)
		require.NotNil(t, st)
		var x extras
		again, err := s.takeShared(t.Context(), &x, flagsPassing, s.door.Load().Stamp()+1)
		require.NoError(t, err)
		require.True(t, again)
		require.Len(t, x.permits, 1, "that of the other one")
		require.Zero(t, all["b"].door.Waiting())
		s.putBack(admission{}, &x)
		require.Zero(t, all["a"].door.InFlight())
		all["b"].door.Leave(st)
		require.NoError(t, s.RunInline(t.Context(), func(context.Context) error { return nil }))
		require.NoError(t, s.Close(t.Context()))
	})
}
