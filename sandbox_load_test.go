// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// faultKinds are what TestMixedFaults has calls do.
const faultKinds = 9

// fault is one call that goes wrong, or not.
func fault(kind int, release *gate, call doer) (code string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	switch kind {
	case 0:
		err = call(ctx, func(context.Context) error { return nil })
	case 1:
		err = call(ctx, func(context.Context) error { return errTooth })
	case 2:
		err = call(ctx, func(context.Context) error { panic("stuck") })
	case 3:
		err = call(ctx, func(context.Context) error { panic(nil) })
	case 4:
		err = call(ctx, func(context.Context) error { runtime.Goexit(); return nil })
	case 5:
		err = call(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }) // its deadline
	case 6:
		err = call(ctx, func(context.Context) error { release.wait(); return nil })
	case 7:
		err = call(ctx, func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() })
	case 8:
		cancel()
		err = call(ctx, func(context.Context) error { return nil })
	}
	return plugreg.CodeOf(err)
}

func TestMixedFaults(t *testing.T) {
	t.Parallel()
	const callers, calls = 64, 10_000
	closes := new(atomic.Int64)
	p := spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
		return &spur{close: func() error { closes.Add(1); return nil }}, nil
	})
	p.Sandbox = &plugreg.SandboxConfig{Timeout: time.Millisecond, AbandonGrace: -1, MaxAbandoned: -1, Breaker: unbroken()}
	r := gears(t, plugreg.Config{}, p)
	h := mustOpen(t, r, "gear")
	detached := []doer{
		func(ctx context.Context, f func(context.Context) error) error {
			return h.Do(ctx, func(ctx context.Context, _ gear) error { return f(ctx) })
		},
		func(ctx context.Context, f func(context.Context) error) error {
			_, err := plugreg.Call(ctx, h, func(ctx context.Context, g gear) (int, error) { return g.Turn(1), f(ctx) })
			return err
		},
	}
	inline := []doer{
		func(ctx context.Context, f func(context.Context) error) error {
			return h.DoInline(ctx, func(ctx context.Context, _ gear) error { return f(ctx) })
		},
		func(ctx context.Context, f func(context.Context) error) error {
			_, err := plugreg.CallInline(ctx, h, func(ctx context.Context, g gear) (int, error) { return g.Turn(1), f(ctx) })
			return err
		},
	}
	release := newGate()
	var mu sync.Mutex
	seen := map[string]uint64{}
	count := func(code string) {
		mu.Lock()
		defer mu.Unlock()
		if code != "" {
			seen[code]++
		}
	}
	var wg sync.WaitGroup
	for caller := range callers {
		n := calls/callers + min(1, max(0, calls%callers-caller))
		random := rand.New(rand.NewPCG(1, uint64(caller)))
		wg.Go(func() {
			for range n {
				kind, how := random.IntN(faultKinds), random.IntN(4)
				if how >= len(detached) && kind != 6 { // what hangs on the caller's goroutine would hang the test
					code := "GOEXIT"
					apart(func() { code = fault(kind, release, inline[how-len(detached)]) })
					count(code)
					continue
				}
				count(fault(kind, release, detached[how%len(detached)]))
			}
		})
	}
	wg.Wait()
	require.NotZero(t, h.Sandbox().State().InFlight, "what hangs is inside")
	release.open()
	spin(t, func() bool { return h.Sandbox().State().InFlight == 0 })
	s := h.Sandbox().State()
	requireQuiet(t, s)
	require.EqualValues(t, calls, s.Calls)
	require.Equal(t, seen, s.Failures, "what callers got is what was counted")
	for _, code := range []string{"ERROR", "PANIC", "GOEXIT", "TIMEOUT", "CANCELED"} {
		require.NotZero(t, seen[code], code)
	}
	for _, do := range append(detached, inline...) { // a busy machine may take more than the millisecond
		spin(t, func() bool { return do(context.Background(), func(context.Context) error { return nil }) == nil })
	}
	require.NoError(t, h.Close(t.Context()))
	require.NoError(t, r.Close(t.Context()))
	require.EqualValues(t, 1, closes.Load())
}

// TestRunnersAreNotMixedUp races the end of calls with their deadlines, so that runners are used again at the worst moment: a caller that read
// the state of one that serves another call already would get that one's result.
func TestRunnersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{Timeout: 20 * time.Microsecond, AbandonGrace: 10 * time.Microsecond,
		MaxAbandoned: -1, Breaker: unbroken()})
	require.NoError(t, err)
	const callers, rounds = 8, 1000
	var timeouts, results atomic.Int64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for round := range rounds {
				mine := fmt.Errorf("%d.%d", caller, round)
				ctx, cancel := context.WithCancel(context.Background())
				if round%7 == 0 {
					time.AfterFunc(20*time.Microsecond, cancel)
				}
				err := s.Run(ctx, func(ctx context.Context) error {
					if round%3 != 0 {
						return mine
					}
					for until := time.Now().Add(time.Duration(round%40) * time.Microsecond); time.Now().Before(until); {
						runtime.Gosched()
					}
					return mine
				})
				cancel()
				switch {
				case err == mine:
					results.Add(1)
				case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
					timeouts.Add(1)
				default:
					t.Errorf("%v got another one's result: %v", mine, err)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, callers*rounds, results.Load()+timeouts.Load())
	require.NoError(t, s.Close(t.Context()))
	spin(t, func() bool { return s.State().Abandoned == 0 })
	var failures uint64
	for _, n := range s.State().Failures {
		failures += n
	}
	require.EqualValues(t, callers*rounds, failures)
}

// TestAdmissionAgainstClose hammers the flag that refuses calls and the counts that a close waits for: nobody is let in after it, and no
// wake-up is lost.
func TestAdmissionAgainstClose(t *testing.T) {
	t.Parallel()
	for range 200 {
		s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{Timeout: -1})
		require.NoError(t, err)
		var closed atomic.Bool
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 1000 {
					err := s.RunInline(context.Background(), func(context.Context) error {
						if closed.Load() {
							return errTooth
						}
						return nil
					})
					if errors.Is(err, plugreg.ErrClosed) {
						return
					}
					require.NoError(t, err)
				}
			})
		}
		for range 2 {
			wg.Go(func() {
				require.NoError(t, s.Close(context.Background()))
				closed.Store(true)
			})
		}
		wg.Wait()
		requireQuiet(t, s.State())
	}
}

func TestAllocations(t *testing.T) { // not parallel: AllocsPerRun counts for the whole process
	ctx := t.Context()
	for _, tt := range []struct {
		name     string
		timeout  time.Duration
		inline   float64
		do, call float64
	}{{"no deadline", -1, 0, 3, 4}, {"deadline", time.Minute, 1, 3, 4}} {
		t.Run(tt.name, func(t *testing.T) {
			r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: tt.timeout}}, spurPlugin("gear", "1.0.0", nil))
			h := mustOpen(t, r, "gear")
			sum, x := 0, 1
			measure := func(name string, most float64, f func() error) {
				got := testing.AllocsPerRun(200, func() {
					if err := f(); err != nil {
						t.Error(err)
					}
				})
				if !underRace {
					require.LessOrEqual(t, got, most, name)
				}
			}
			measure("DoInline", tt.inline, func() error {
				return h.DoInline(ctx, func(_ context.Context, g gear) error { sum += g.Turn(x); return nil })
			})
			require.Equal(t, 201*2, sum, "the closure captured what is not on the heap")
			measure("CallInline", tt.inline, func() error {
				n, err := plugreg.CallInline(ctx, h, func(_ context.Context, g gear) (int, error) { return g.Turn(x), nil })
				sum += n
				return err
			})
			measure("Do", tt.do, func() error {
				return h.Do(ctx, func(_ context.Context, g gear) error { g.Turn(x); return nil })
			})
			measure("Call", tt.call, func() error {
				_, err := plugreg.Call(ctx, h, func(_ context.Context, g gear) (int, error) { return g.Turn(x), nil })
				return err
			})
			require.NoError(t, r.Close(ctx))
		})
	}
}
