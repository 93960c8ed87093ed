// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// Each kind of fault is met as if the plugin's code did it, on every way of calling.
func TestInjectedFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		faults plugreg.Faults
		check  func(t *testing.T, way road, err error, took time.Duration)
	}{
		{"latency", plugreg.Faults{LatencyRate: 1, Latency: 500 * time.Millisecond}, func(t *testing.T, _ road, err error, took time.Duration) {
			require.NoError(t, err)
			require.Equal(t, 500*time.Millisecond, took)
		}},
		{"latency beyond the deadline", plugreg.Faults{LatencyRate: 1, Latency: time.Hour}, func(t *testing.T, _ road, err error, took time.Duration) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Second, took)
		}},
		{"error", plugreg.Faults{ErrorRate: 1}, func(t *testing.T, _ road, err error, _ time.Duration) {
			require.ErrorIs(t, err, plugreg.ErrInjected)
			require.Equal(t, "INJECTED", plugreg.CodeOf(err))
		}},
		{"error of the host's", plugreg.Faults{ErrorRate: 1, Err: errTooth}, func(t *testing.T, _ road, err error, _ time.Duration) {
			require.ErrorIs(t, err, errTooth)
		}},
		{"panic", plugreg.Faults{PanicRate: 1}, func(t *testing.T, _ road, err error, _ time.Duration) {
			panicked, ok := errors.AsType[*plugreg.PanicError](err)
			require.True(t, ok)
			require.Equal(t, `injected panic in "gear"`, panicked.Value)
		}},
		{"hang", plugreg.Faults{HangRate: 1}, func(t *testing.T, way road, err error, took time.Duration) {
			if way.inline { // it cannot be cut off, so it ends with the drill
				require.ErrorIs(t, err, plugreg.ErrInjected)
				require.Equal(t, time.Minute, took)
				return
			}
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Second, took)
		}},
		{"all at once", plugreg.Faults{LatencyRate: 1, Latency: time.Millisecond, ErrorRate: 1, PanicRate: 1}, func(t *testing.T, _ road, err error, took time.Duration) {
			require.Equal(t, "PANIC", plugreg.CodeOf(err))
			require.Equal(t, time.Millisecond, took)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, way := range mountedRoads() {
				t.Run(way.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						do, h := way.mount(t, plugreg.SandboxConfig{Timeout: time.Second, Breaker: unbroken()})
						require.NoError(t, h.Sandbox().Inject(tt.faults))
						require.True(t, h.Sandbox().State().Faulty)
						began := time.Now()
						timer := time.AfterFunc(time.Minute, func() { _ = h.Sandbox().Inject(plugreg.Faults{}) })
						err := do(t.Context(), brSucceeds)
						tt.check(t, way.road, err, time.Since(began))
						timer.Stop()
						require.NoError(t, h.Sandbox().Inject(plugreg.Faults{}))
						synctest.Wait()
						require.False(t, h.Sandbox().State().Faulty)
						requireQuiet(t, h.Sandbox().State())
						require.NoError(t, do(t.Context(), brSucceeds))
						require.NoError(t, h.Close(t.Context()))
					})
				})
			}
		})
	}
}

// mountedRoad is a road whose handle can be had.
type mountedRoad struct {
	road
	mount func(t *testing.T, cfg plugreg.SandboxConfig) (doer, *plugreg.Handle[gear])
}

func mountedRoads() []mountedRoad {
	open := func(t *testing.T, cfg plugreg.SandboxConfig) *plugreg.Handle[gear] {
		r := gears(t, plugreg.Config{Sandbox: cfg}, spurPlugin("gear", "1.0.0", nil))
		return mustOpen(t, r, "gear")
	}
	return []mountedRoad{
		{road{name: "Do"}, func(t *testing.T, cfg plugreg.SandboxConfig) (doer, *plugreg.Handle[gear]) {
			h := open(t, cfg)
			return func(ctx context.Context, call func(context.Context) error) error {
				return h.Do(ctx, func(ctx context.Context, _ gear) error { return call(ctx) })
			}, h
		}},
		{road{name: "DoInline", inline: true}, func(t *testing.T, cfg plugreg.SandboxConfig) (doer, *plugreg.Handle[gear]) {
			h := open(t, cfg)
			return func(ctx context.Context, call func(context.Context) error) error {
				return h.DoInline(ctx, func(ctx context.Context, _ gear) error { return call(ctx) })
			}, h
		}},
	}
}

// What is drawn comes as often as it is asked for, and a seed repeats it.
func TestInjectionRatesAndSeed(t *testing.T) {
	t.Parallel()
	const calls = 20_000
	draw := func(seed uint64) (codes []string) {
		s := brSandbox(t, plugreg.SandboxConfig{Breaker: unbroken()})
		require.NoError(t, s.Inject(plugreg.Faults{Seed: seed, ErrorRate: 0.3, PanicRate: 0.1}))
		for range calls {
			codes = append(codes, plugreg.CodeOf(s.RunInline(t.Context(), brSucceeds)))
		}
		return codes
	}
	first := draw(7)
	count := map[string]float64{}
	for _, c := range first {
		count[c]++
	}
	within := func(p, got float64) {
		require.Less(t, math.Abs(got/calls-p), 5*math.Sqrt(p*(1-p)/calls), "share %v", p)
	}
	within(0.1, count["PANIC"])
	within(0.9*0.3, count["INJECTED"])
	within(0.9*0.7, count[""])
	require.Equal(t, first, draw(7))
	require.NotEqual(t, first, draw(8))
	require.NotEqual(t, draw(0), draw(0), "no seed is another one each time")
}

// Faults that are injected count like the plugin's own.
func TestInjectedFaultsTrip(t *testing.T) {
	t.Parallel()
	s := brSandbox(t, plugreg.SandboxConfig{})
	require.NoError(t, s.Inject(plugreg.Faults{ErrorRate: 1}))
	for range 3 {
		require.ErrorIs(t, s.Run(t.Context(), brSucceeds), plugreg.ErrInjected)
	}
	require.ErrorIs(t, s.Run(t.Context(), brSucceeds), plugreg.ErrOpen)
}

func TestInjectRefusesNonsense(t *testing.T) {
	t.Parallel()
	s := brSandbox(t, plugreg.SandboxConfig{})
	err := s.Inject(plugreg.Faults{LatencyRate: 2, ErrorRate: -1, PanicRate: math.NaN(), HangRate: math.Inf(1), Latency: -1})
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	for _, field := range []string{"LatencyRate", "ErrorRate", "PanicRate", "HangRate", "Faults.Latency: want 0 or more, have -1ns"} {
		require.ErrorContains(t, err, field)
	}
	for want, f := range map[string]plugreg.Faults{
		"Faults.Latency and LatencyRate: want both or none, have 1s and 0": {Latency: time.Second},
		"Faults.Latency and LatencyRate: want both or none, have 0s and 1": {LatencyRate: 1},
		"Faults.ErrorRate: want more than 0 where there is an Err, have 0": {Err: errTooth},
	} {
		require.ErrorContains(t, s.Inject(f), want, "it would do nothing")
	}
	require.False(t, s.State().Faulty)
}

// A baseline is not taught by a drill.
func TestADrillTeachesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := brSandbox(t, plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: -1, Baseline: &plugreg.BaselineConfig{}}})
		cold := s.Baseline()
		require.NoError(t, s.Inject(plugreg.Faults{Seed: 1, ErrorRate: 0.3}))
		adMinutes(t, s, 26*60, 0)
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
		require.JSONEq(t, string(cold), string(s.Baseline()))
		require.NoError(t, s.Inject(plugreg.Faults{}))
		adMinutes(t, s, 120, 5)
		require.NotEqual(t, string(cold), string(s.Baseline()))
	})
}

// A closing sandbox lets go what it has hang, so that a drill never strands an instance.
func TestCloseEndsAHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: time.Second}}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		require.NoError(t, h.Sandbox().Inject(plugreg.Faults{HangRate: 1}))
		require.ErrorIs(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }), context.DeadlineExceeded)
		began := time.Now()
		require.NoError(t, h.Close(t.Context()))
		require.Zero(t, time.Since(began))
		require.NoError(t, h.Sandbox().Inject(plugreg.Faults{HangRate: 1}), "of a closed one it has no effect")
		require.False(t, h.Sandbox().State().Faulty)
		require.NoError(t, r.Close(t.Context()))
	})
}

// Faults may be changed while calls run: each call has one set of them or the other.
func TestInjectWhileCallsRun(t *testing.T) {
	t.Parallel()
	s := brSandbox(t, plugreg.SandboxConfig{Breaker: unbroken()})
	var over atomic.Bool
	var calls atomic.Int64
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for !over.Load() {
				if err := s.RunInline(context.Background(), brSucceeds); err != nil && !errors.Is(err, plugreg.ErrInjected) {
					t.Error(err)
				}
				calls.Add(1)
			}
		}()
	}
	for i := 0; i < 500 || calls.Load() < 1000; i++ {
		require.NoError(t, s.Inject(plugreg.Faults{ErrorRate: float64(i % 2), HangRate: 0.01}))
	}
	require.NoError(t, s.Inject(plugreg.Faults{}))
	over.Store(true)
	for range 4 {
		<-done
	}
	requireQuiet(t, s.State())
}
