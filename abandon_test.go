// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// hanging is a sandbox whose calls hang, each in a gate of its own.
type hanging struct {
	*plugreg.Sandbox
	t     *testing.T
	gates []*gate
}

func newHanging(t *testing.T, cfg plugreg.SandboxConfig) *hanging {
	t.Helper()
	s, err := plugreg.NewSandbox("gear", cfg)
	require.NoError(t, err)
	return &hanging{Sandbox: s, t: t}
}

// hang has one more call hang until its caller leaves.
func (x *hanging) hang() error {
	g := newGate()
	x.gates = append(x.gates, g)
	return x.Run(x.t.Context(), func(context.Context) error { g.wait(); return nil })
}

// release ends the call that hung first.
func (x *hanging) release() {
	x.gates[0].open()
	x.gates = x.gates[1:]
	synctest.Wait()
}

func (x *hanging) finish() {
	x.t.Helper()
	for len(x.gates) > 0 {
		x.release()
	}
	requireQuiet(x.t, x.State())
	require.NoError(x.t, x.Close(context.Background()))
}

// pass lets virtual time pass, and what it leads to happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestMaxAbandonedRefusesUntilOneEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newHanging(t, plugreg.SandboxConfig{Timeout: time.Second, AbandonGrace: 2 * time.Second, MaxAbandoned: 3, Breaker: unbroken()})
		for n := range 3 {
			require.ErrorIs(t, x.hang(), context.DeadlineExceeded)
			pass(2 * time.Second)
			require.EqualValues(t, n+1, x.State().Abandoned)
		}
		for range 3 {
			for _, do := range []doer{x.Run, x.RunInline} {
				err := do(t.Context(), func(context.Context) error { t.Error("it was refused"); return nil })
				requireRejected(t, err, plugreg.RejectedError{Plugin: "gear", Reason: "3 calls inside that were abandoned", Err: plugreg.ErrSaturated})
			}
			x.release()
			require.EqualValues(t, 2, x.State().Abandoned)
			require.NoError(t, x.Run(t.Context(), atOnce), "one has ended")
			require.NoError(t, x.RunInline(t.Context(), atOnce))
			require.ErrorIs(t, x.hang(), context.DeadlineExceeded)
			require.NoError(t, x.Run(t.Context(), atOnce), "it has its grace")
			pass(2 * time.Second)
		}
		require.Equal(t, plugreg.BreakerClosed, x.State().Breaker)
		x.finish()
	})
}

func TestMaxAbandonedIsAtMostMaxConcurrent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                  string
		concurrent, abandoned int
		want                  int // abandoned calls at which calls are refused as such; zero: never
	}{
		{"the default", 0, 0, 8},
		{"the default, but for a lower limit", 3, 0, 3},
		{"more than the limit", 3, 5, 3},
		{"less than the limit", 5, 2, 2},
		{"none", 0, -1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := newHanging(t, plugreg.SandboxConfig{Timeout: time.Second, MaxConcurrent: tt.concurrent, MaxAbandoned: tt.abandoned, Breaker: unbroken()})
				for n := range max(tt.want, 50*(1-min(tt.want, 1))) {
					require.ErrorIs(t, x.hang(), context.DeadlineExceeded, "%d", n)
					pass(time.Second)
				}
				err := x.Run(t.Context(), atOnce)
				if tt.want == 0 {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, fmt.Sprintf(`plugin "gear": saturated: %d calls inside that were abandoned`, tt.want))
				}
				x.finish()
			})
		})
	}
}

func TestAbandonLimitDisables(t *testing.T) {
	t.Parallel()
	capped := func(t *testing.T, limit time.Duration) *hanging {
		x := newHanging(t, plugreg.SandboxConfig{Timeout: time.Second, AbandonGrace: -1, MaxAbandoned: 2, AbandonLimit: limit, Breaker: unbroken()})
		for range 2 {
			require.ErrorIs(t, x.hang(), context.DeadlineExceeded)
		}
		return x
	}
	for _, tt := range []struct {
		name  string
		limit time.Duration
		after time.Duration
	}{{"the default", 0, 5 * time.Minute}, {"another", 7 * time.Second, 7 * time.Second}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := capped(t, tt.limit)
				pass(tt.after - 1)
				require.ErrorIs(t, x.Run(t.Context(), atOnce), plugreg.ErrSaturated)
				pass(1)
				reason := fmt.Sprintf("2 abandoned calls for %v", tt.after)
				requireRejected(t, x.Run(t.Context(), atOnce), plugreg.RejectedError{Plugin: "gear", Reason: reason, Err: plugreg.ErrDisabled})
				s := x.State()
				require.Equal(t, plugreg.BreakerDisabled, s.Breaker)
				require.Equal(t, reason, s.Reason)
				x.release()
				x.release()
				pass(time.Hour)
				require.ErrorIs(t, x.Run(t.Context(), atOnce), plugreg.ErrDisabled, "until somebody enables it")
				x.Enable()
				require.NoError(t, x.Run(t.Context(), atOnce))
				x.finish()
			})
		})
	}
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := capped(t, -1)
			pass(1000 * time.Hour)
			require.ErrorIs(t, x.Run(t.Context(), atOnce), plugreg.ErrSaturated)
			x.finish()
		})
	})
	t.Run("its time begins anew when one ends", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := capped(t, time.Minute)
			for range 5 {
				pass(time.Minute - 2*time.Second)
				x.release()
				require.ErrorIs(t, x.hang(), context.DeadlineExceeded)
			}
			require.Equal(t, plugreg.BreakerClosed, x.State().Breaker)
			pass(time.Minute)
			require.Equal(t, plugreg.BreakerDisabled, x.State().Breaker)
			x.finish()
		})
	})
	t.Run("enabled while they hang still", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := capped(t, time.Minute)
			for range 3 {
				pass(time.Minute)
				require.ErrorIs(t, x.Run(t.Context(), atOnce), plugreg.ErrDisabled)
				x.Enable()
				require.ErrorIs(t, x.Run(t.Context(), atOnce), plugreg.ErrSaturated, "that ends nothing inside")
			}
			x.finish()
		})
	})
	t.Run("disabled already", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := capped(t, time.Minute)
			pass(30 * time.Second)
			x.Disable("maintenance")
			pass(time.Hour)
			require.Equal(t, "maintenance", x.State().Reason, "the first reason stands")
			x.Enable()
			pass(time.Minute - 1)
			require.Equal(t, plugreg.BreakerClosed, x.State().Breaker, "the time that it was disabled does not count")
			pass(1)
			require.Equal(t, "2 abandoned calls for 1m0s", x.State().Reason)
			x.finish()
		})
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := capped(t, time.Minute)
			closed := make(chan error)
			go func() { closed <- x.Close(context.Background()) }()
			pass(time.Hour)
			require.Equal(t, plugreg.BreakerClosed, x.State().Breaker, "nothing is armed any more")
			x.finish()
			require.NoError(t, <-closed)
		})
	})
}

// TestAbandonmentIsTold has hooks learn that the cap was reached, and of what came of it, in order.
func TestAbandonmentIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		cfg := plugreg.SandboxConfig{Timeout: time.Second, AbandonGrace: -1, MaxAbandoned: 1, AbandonLimit: time.Minute}
		r := gears(t, plugreg.Config{Sandbox: cfg, Hooks: &plugreg.Hooks{
			Saturation: func(_ context.Context, s plugreg.SaturationInfo) {
				j.add("%s %q %v", s.Target.Plugin, s.Resource, s.Abandoned)
			},
			Breaker: func(_ context.Context, b plugreg.BreakerInfo) {
				j.add("%s %v→%v: %s", b.Target.Plugin, b.From, b.To, b.Reason)
			},
		}}, spurPlugin("gear", "1.0.0", nil))
		h, g := mustOpen(t, r, "gear"), newGate()
		require.ErrorIs(t, h.Do(t.Context(), func(context.Context, gear) error { g.wait(); return nil }), context.DeadlineExceeded)
		synctest.Wait()
		require.Equal(t, []string{`gear "" true`}, j.take())
		for range 5 {
			require.ErrorIs(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }), plugreg.ErrSaturated)
		}
		synctest.Wait()
		require.Empty(t, j.take(), "known already")
		pass(time.Minute)
		require.Equal(t, []string{"gear closed→disabled: 1 abandoned calls for 1m0s"}, j.take())
		g.open()
		require.NoError(t, r.Close(context.Background()))
	})
}

// TestCallersWhoGiveUpTogetherHurtNobody cancels many at once: a plugin that minds its context is neither capped nor
// disabled for that.
func TestCallersWhoGiveUpTogetherHurtNobody(t *testing.T) {
	t.Parallel()
	for _, r := range roads() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const callers = 64
				do, state, end := r.open(t, plugreg.SandboxConfig{})
				for round := range uint64(10) {
					ctx, cancel := context.WithCancel(t.Context())
					var wg sync.WaitGroup
					var left atomic.Int64
					for range callers {
						wg.Go(func() {
							err := do(ctx, func(ctx context.Context) error {
								<-ctx.Done()
								<-time.After(900 * time.Millisecond) // tidies up, within its grace
								return ctx.Err()
							})
							require.ErrorIs(t, err, context.Canceled)
							left.Add(1)
						})
					}
					synctest.Wait()
					require.EqualValues(t, callers, state().InFlight)
					cancel()
					synctest.Wait()
					if !r.inline {
						require.EqualValues(t, callers, left.Load(), "nobody waits for it")
					}
					require.NoError(t, do(t.Context(), atOnce), "it takes others meanwhile")
					wg.Wait()
					pass(10 * time.Minute)
					s := state()
					requireQuiet(t, s)
					require.Equal(t, plugreg.BreakerClosed, s.Breaker)
					require.Equal(t, map[string]uint64{"CANCELED": (round + 1) * callers}, s.Failures)
				}
				require.NoError(t, end(context.Background()))
			})
		})
	}
}

// TestAHungPluginTripsByDefault asks nothing of the host: no number is configured.
func TestAHungPluginTripsByDefault(t *testing.T) {
	t.Parallel()
	t.Run("one caller after the other", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := newHanging(t, plugreg.SandboxConfig{})
			for range 3 {
				require.Equal(t, 30*time.Second, took(func() { require.ErrorIs(t, x.hang(), context.DeadlineExceeded) }))
			}
			require.Zero(t, took(func() {
				requireRejected(t, x.hang(), plugreg.RejectedError{Plugin: "gear", Reason: "3 failures in a row", Err: plugreg.ErrOpen})
			}))
			x.finish()
		})
	})
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := newHanging(t, plugreg.SandboxConfig{})
			g := newGate()
			x.gates = append(x.gates, g)
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					require.ErrorIs(t, x.Run(t.Context(), func(context.Context) error { g.wait(); return nil }), context.DeadlineExceeded)
				})
			}
			wg.Wait()
			require.ErrorIs(t, x.hang(), plugreg.ErrOpen)
			pass(time.Second)
			require.EqualValues(t, 50, x.State().Abandoned)
			pass(10 * time.Second)
			require.ErrorIs(t, x.hang(), plugreg.ErrSaturated, "nobody probes what is full of abandoned calls")
			pass(5 * time.Minute)
			requireRejected(t, x.hang(), plugreg.RejectedError{Plugin: "gear", Reason: "50 abandoned calls for 5m0s", Err: plugreg.ErrDisabled})
			x.finish()
		})
	})
	t.Run("callers who are impatient", func(t *testing.T) { // their own deadlines are nobody's failure, but what hangs is seen
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := newHanging(t, plugreg.SandboxConfig{})
			g := newGate()
			x.gates = append(x.gates, g)
			for range 8 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				err := x.Run(ctx, func(context.Context) error { g.wait(); return nil })
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
			pass(time.Second)
			require.Equal(t, plugreg.BreakerClosed, x.State().Breaker)
			requireRejected(t, x.hang(), plugreg.RejectedError{Plugin: "gear", Reason: "8 calls inside that were abandoned", Err: plugreg.ErrSaturated})
			x.finish()
		})
	})
}

// TestBadInputOpensNothing has one user send nonsense for as long as he likes.
func TestBadInputOpensNothing(t *testing.T) {
	t.Parallel()
	travelOn(t, plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 1, ErrorRate: 0.01, MinCalls: -1}}, func(v *visit) {
		for range 300 {
			err, _ := v.call(v.Context(), func(context.Context) error { return fmt.Errorf("user 7: %w", plugreg.CallerError(errTooth)) })
			require.ErrorIs(v, err, errTooth)
			require.EqualError(v, err, "user 7: a tooth is missing")
		}
		require.Equal(v, plugreg.BreakerClosed, v.state().Breaker)
		require.Equal(v, map[string]uint64{"ERROR": 300}, v.state().Failures, "they are seen")
		_, _ = v.call(v.Context(), func(context.Context) error { return errTooth })
		require.Equal(v, plugreg.BreakerOpen, v.state().Breaker, "one failure of its own would do")
	})
}

// travelOn tries scene on every road, in a bubble of its own, for what travel is too strict about.
func travelOn(t *testing.T, cfg plugreg.SandboxConfig, scene func(v *visit)) {
	t.Helper()
	for _, r := range roads() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := r.open(t, cfg)
				v := &visit{t, r, do, state, newGate()}
				scene(v)
				v.release.open()
				synctest.Wait()
				requireQuiet(t, state())
				require.NoError(t, end(context.Background()))
			})
		})
	}
}
