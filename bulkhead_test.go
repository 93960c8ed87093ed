// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// crowd measures how many are inside at a time, from the inside.
type crowd struct{ now, peak, total atomic.Int64 }

func (c *crowd) in() {
	c.total.Add(1)
	n := c.now.Add(1)
	for old := c.peak.Load(); n > old && !c.peak.CompareAndSwap(old, n); old = c.peak.Load() {
	}
}

func (c *crowd) out() { c.now.Add(-1) }

// visit is plugin code that stays a little while.
func (c *crowd) visit(context.Context) error {
	c.in()
	defer c.out()
	runtime.Gosched()
	return nil
}

// until is plugin code that stays until g opens, whatever its context says.
func (c *crowd) until(g *gate) func(context.Context) error {
	return func(context.Context) error {
		c.in()
		defer c.out()
		g.wait()
		return nil
	}
}

// fillUp has n calls inside, which g ends; over receives what each came to.
func (c *crowd) fillUp(t testing.TB, do doer, n int, g *gate) (over chan error) {
	t.Helper()
	over = make(chan error, n)
	before := c.now.Load()
	for range n {
		go func() { over <- do(context.Background(), c.until(g)) }()
	}
	spin(t, func() bool { return c.now.Load() == before+int64(n) })
	return over
}

// requireRejected asserts every field of a refusal.
func requireRejected(t testing.TB, err error, want plugreg.RejectedError) {
	t.Helper()
	var e *plugreg.RejectedError
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, *e)
	require.Same(t, e, err, "it is handed out as it is")
	require.ErrorIs(t, err, want.Err)
}

func atOnce(context.Context) error { return nil }

// Check-then-act lets more in than the limit when many come at once: Netflix concurrency-limits overshoots so.
func TestMaxConcurrentIsExactUnderContention(t *testing.T) {
	t.Parallel()
	const callers, calls = 64, 60
	for _, limit := range []int{1, 2, 7} {
		for _, queue := range []time.Duration{0, time.Minute} {
			for _, r := range roads() {
				t.Run(fmt.Sprintf("%s, %d, queue %v", r.name, limit, queue), func(t *testing.T) {
					t.Parallel()
					do, state, end := r.open(t, plugreg.SandboxConfig{MaxConcurrent: limit, MaxQueue: queue, Timeout: -1})
					c, g := new(crowd), newGate()
					over := c.fillUp(t, do, limit, g)
					require.EqualValues(t, limit, c.peak.Load(), "as many as may be")
					var wg sync.WaitGroup
					var refused atomic.Int64
					for range callers {
						wg.Go(func() {
							for range calls {
								switch err := do(context.Background(), c.visit); {
								case errors.Is(err, plugreg.ErrSaturated) && queue == 0:
									refused.Add(1)
									runtime.Gosched()
								case err != nil:
									t.Error(err)
								}
							}
						})
					}
					spin(t, func() bool { return refused.Load() > 0 || state().Waiting > 0 })
					g.open()
					wg.Wait()
					for range limit {
						require.NoError(t, <-over)
					}
					require.EqualValues(t, limit, c.peak.Load(), "and never one more")
					require.EqualValues(t, callers*calls+limit, c.total.Load()+refused.Load())
					s := state()
					requireQuiet(t, s)
					require.EqualValues(t, c.total.Load(), s.Calls, "a refusal is no call")
					require.Nil(t, s.Failures)
					require.NoError(t, end(context.Background()))
				})
			}
		}
	}
}

// TestLeasesAndCallsShareTheLimit counts both.
func TestLeasesAndCallsShareTheLimit(t *testing.T) {
	t.Parallel()
	r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{MaxConcurrent: 3}}, spurPlugin("gear", "1.0.0", nil))
	h := mustOpen(t, r, "gear")
	var held []*plugreg.Lease[gear]
	for range 2 {
		l, err := h.Acquire(t.Context())
		require.NoError(t, err)
		held = append(held, l)
	}
	require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error {
		_, err := h.Acquire(t.Context())
		requireRejected(t, err, plugreg.RejectedError{Plugin: "gear", Version: "1.0.0", Reason: "3 calls inside", Err: plugreg.ErrSaturated})
		return nil
	}))
	for _, l := range held {
		l.Release()
		l.Release() // must not give another one's place away
	}
	for range 3 {
		l, err := h.Acquire(t.Context())
		require.NoError(t, err)
		defer l.Release()
	}
	_, err := h.Acquire(t.Context())
	require.ErrorIs(t, err, plugreg.ErrSaturated)
	require.EqualValues(t, 3, h.Sandbox().State().InFlight)
}

// queueing is one who waits for its turn.
type queueing struct {
	err  error
	took time.Duration
}

// queueUp has a call wait for its turn.
func queueUp(ctx context.Context, do doer, call func(context.Context) error) <-chan queueing {
	over := make(chan queueing, 1)
	began := time.Now()
	go func() {
		err := do(ctx, call)
		over <- queueing{err, time.Since(began)}
	}()
	synctest.Wait()
	return over
}

// withQueue opens every road with one place and a queue of 10s, and has one call inside, which release ends.
func withQueue(t *testing.T, cfg plugreg.SandboxConfig, scene func(v *visit, inside <-chan queueing)) {
	t.Helper()
	cfg.MaxConcurrent, cfg.MaxQueue = 1, 10*time.Second
	if cfg.Timeout == 0 {
		cfg.Timeout = -1
	}
	for _, r := range roads() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := r.open(t, cfg)
				v := &visit{t, r, do, state, newGate()}
				inside := queueUp(t.Context(), do, func(context.Context) error { v.release.wait(); return nil })
				scene(v, inside)
				v.release.open()
				require.NoError(t, (<-inside).err)
				requireQuiet(t, state())
				_ = end(context.Background())
			})
		})
	}
}

func TestQueueServesInTheOrderOfComing(t *testing.T) {
	t.Parallel()
	withQueue(t, plugreg.SandboxConfig{}, func(v *visit, _ <-chan queueing) {
		const callers = 9
		j := new(journal)
		var all []<-chan queueing
		for n := range callers {
			all = append(all, queueUp(v.Context(), v.do, func(context.Context) error { j.add("%d", n); return nil }))
			require.Equal(v, n+1, v.state().Waiting)
			<-time.After(time.Second)
		}
		require.EqualValues(v, 1, v.state().Calls, "who waits is not in")
		v.release.open()
		for n, over := range all {
			o := <-over
			require.NoError(v, o.err)
			require.Equal(v, time.Duration(callers-n)*time.Second, o.took)
		}
		require.Equal(v, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8"}, j.take())
		require.EqualValues(v, callers+1, v.state().Calls)
	})
}

func TestMaxQueueIsExact(t *testing.T) {
	t.Parallel()
	withQueue(t, plugreg.SandboxConfig{}, func(v *visit, _ <-chan queueing) {
		late := queueUp(v.Context(), v.do, func(context.Context) error { v.Error("it was refused"); return nil })
		<-time.After(1)
		early := queueUp(v.Context(), v.do, atOnce)
		o := <-late
		require.Equal(v, 10*time.Second, o.took)
		requireRejected(v, o.err, plugreg.RejectedError{Plugin: "gear", Version: v.road.sees, Reason: "1 calls inside", Err: plugreg.ErrSaturated})
		synctest.Wait()
		require.Equal(v, 1, v.state().Waiting, "the other one has a nanosecond left")
		v.release.open()
		o = <-early
		require.NoError(v, o.err)
		require.Equal(v, 10*time.Second-1, o.took)
	})
}

func TestTheCallersContextEndsTheWait(t *testing.T) {
	t.Parallel()
	for name, derive := range map[string]func(ctx context.Context) (context.Context, context.CancelFunc, error){
		"cancelled": func(ctx context.Context) (context.Context, context.CancelFunc, error) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(3*time.Second, func() { cancel(errChanged) })
			return ctx, func() { cancel(nil) }, context.Canceled
		},
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc, error) {
			ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Second, errChanged)
			return ctx, cancel, context.DeadlineExceeded
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withQueue(t, plugreg.SandboxConfig{}, func(v *visit, _ <-chan queueing) {
				ctx, cancel, want := derive(v.Context())
				defer cancel()
				first := queueUp(ctx, v.do, func(context.Context) error { v.Error("it has gone"); return nil })
				second := queueUp(v.Context(), v.do, atOnce)
				o := <-first
				require.Equal(v, 3*time.Second, o.took)
				require.ErrorIs(v, o.err, want)
				require.ErrorIs(v, o.err, errChanged)
				require.NotErrorIs(v, o.err, plugreg.ErrSaturated)
				synctest.Wait()
				require.Equal(v, 1, v.state().Waiting, "the next one waits on")
				require.Nil(v, v.state().Failures, "it never was a call")
				o = <-queueUp(ctx, v.do, atOnce)
				require.ErrorIs(v, o.err, want, "who comes with a context that has ended does not wait")
				require.Zero(v, o.took)
				v.release.open()
				require.NoError(v, (<-second).err)
				require.EqualValues(v, 2, v.state().Calls)
			})
		})
	}
}

func TestTheQueueWakesUpToANewState(t *testing.T) {
	t.Parallel()
	const waiters = 5
	wait := func(v *visit) (all []<-chan queueing) {
		for range waiters {
			all = append(all, queueUp(v.Context(), v.do, func(context.Context) error { v.Error("nobody is let in"); return nil }))
		}
		require.Equal(v, waiters, v.state().Waiting)
		return all
	}
	woken := func(v *visit, all []<-chan queueing, want error) {
		for _, over := range all {
			o := <-over
			require.ErrorIs(v, o.err, want)
			require.Zero(v, o.took, "at once")
		}
		require.Zero(v, v.state().Waiting)
	}
	t.Run("drain", func(t *testing.T) {
		t.Parallel()
		for _, r := range roads() {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					do, state, end := r.open(t, plugreg.SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour, Timeout: -1, DrainTimeout: -1})
					v := &visit{t, r, do, state, newGate()}
					inside := queueUp(t.Context(), do, func(context.Context) error { v.release.wait(); return nil })
					all := wait(v)
					closed := make(chan error)
					go func() { closed <- end(context.Background()) }()
					woken(v, all, plugreg.ErrClosed)
					v.release.open()
					require.NoError(t, (<-inside).err, "who is inside goes on")
					require.NoError(t, <-closed)
					require.EqualValues(t, 1, state().Calls)
				})
			})
		}
	})
	t.Run("disabled, and enabled again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour, Timeout: -1})
			require.NoError(t, err)
			v := &visit{t, road{sees: ""}, s.Run, s.State, newGate()}
			inside := queueUp(t.Context(), s.Run, func(context.Context) error { v.release.wait(); return nil })
			all := wait(v)
			s.Disable("maintenance")
			for _, over := range all {
				o := <-over
				requireRejected(t, o.err, plugreg.RejectedError{Plugin: "gear", Reason: "maintenance", Err: plugreg.ErrDisabled})
				require.Zero(t, o.took)
			}
			s.Enable()
			next := queueUp(t.Context(), s.Run, atOnce)
			require.Equal(t, 1, s.State().Waiting, "the one before is inside still")
			v.release.open()
			require.NoError(t, (<-next).err)
			require.NoError(t, (<-inside).err)
			require.NoError(t, s.Close(t.Context()))
		})
	})
	t.Run("the breaker opens, and closes again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour, Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 1}})
			require.NoError(t, err)
			v := &visit{t, road{sees: ""}, s.Run, s.State, newGate()}
			inside := queueUp(t.Context(), s.Run, func(context.Context) error { v.release.wait(); return errTooth })
			all := wait(v)
			v.release.open()
			require.Equal(t, errTooth, (<-inside).err)
			woken(v, all, plugreg.ErrOpen)
			pass(10 * time.Second)
			g := newGate()
			probe := queueUp(t.Context(), s.Run, func(context.Context) error { g.wait(); return nil })
			require.ErrorIs(t, s.Run(t.Context(), atOnce), plugreg.ErrOpen, "nobody queues behind a probe")
			g.open()
			require.NoError(t, (<-probe).err)
			require.NoError(t, s.Run(t.Context(), atOnce))
			require.NoError(t, s.Close(t.Context()))
		})
	})
	t.Run("too many were abandoned", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour, Timeout: time.Second, Breaker: unbroken()})
			require.NoError(t, err)
			v := &visit{t, road{sees: ""}, s.Run, s.State, newGate()}
			hung := queueUp(t.Context(), s.Run, func(context.Context) error { v.release.wait(); return nil })
			all := wait(v)
			require.ErrorIs(t, (<-hung).err, context.DeadlineExceeded)
			for _, over := range all {
				o := <-over
				requireRejected(t, o.err, plugreg.RejectedError{Plugin: "gear", Reason: "1 calls inside that were abandoned", Err: plugreg.ErrSaturated})
				require.Equal(t, 2*time.Second, o.took, "the deadline and the grace")
			}
			v.release.open()
			synctest.Wait()
			require.NoError(t, s.Run(t.Context(), atOnce))
			require.NoError(t, s.Close(t.Context()))
		})
	})
}

// TestQueueUnderContention has many queue, leave, and be served at once: nobody is forgotten and no place is lost.
func TestQueueUnderContention(t *testing.T) {
	t.Parallel()
	const callers, calls, limit = 64, 100, 3
	s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{MaxConcurrent: limit, MaxQueue: time.Minute, Timeout: -1})
	require.NoError(t, err)
	var c crowd
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := range calls {
				ctx, cancel := context.WithCancel(context.Background())
				if (caller+n)%3 == 0 {
					go cancel()
				}
				if err := s.RunInline(ctx, c.visit); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, c.peak.Load(), int64(limit))
	requireQuiet(t, s.State())
	g := newGate()
	over := c.fillUp(t, s.Run, limit, g)
	require.EqualValues(t, limit, s.State().InFlight, "all places are there")
	g.open()
	for range limit {
		require.NoError(t, <-over)
	}
	require.NoError(t, s.Close(t.Context()))
}

func TestRefusalsAreMadeBeforehand(t *testing.T) { // not parallel: AllocsPerRun counts for the whole process
	ctx := t.Context()
	hold := func(t *testing.T, h *plugreg.Handle[gear], n int) {
		for range n {
			l, err := h.Acquire(ctx)
			require.NoError(t, err)
			t.Cleanup(l.Release)
		}
	}
	for _, tt := range []struct {
		name, text string
		refuse     func(t *testing.T, h *plugreg.Handle[gear])
		want       error
	}{
		{"saturated", `plugin "gear" 1.0.0: saturated: 2 calls inside`, func(t *testing.T, h *plugreg.Handle[gear]) { hold(t, h, 2) }, plugreg.ErrSaturated},
		{"open", `plugin "gear" 1.0.0: breaker open: 3 failures in a row`, func(t *testing.T, h *plugreg.Handle[gear]) {
			for range 3 {
				require.Equal(t, errTooth, h.Do(ctx, func(context.Context, gear) error { return errTooth }))
			}
		}, plugreg.ErrOpen},
		{"disabled", `plugin "gear" 1.0.0: disabled: maintenance`, func(_ *testing.T, h *plugreg.Handle[gear]) {
			h.Sandbox().Disable("maintenance")
		}, plugreg.ErrDisabled},
		{"disabled for no reason", `plugin "gear" 1.0.0: disabled: by the host`, func(_ *testing.T, h *plugreg.Handle[gear]) {
			h.Sandbox().Disable("")
		}, plugreg.ErrDisabled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{MaxConcurrent: 2}}, spurPlugin("gear", "1.0.0", nil))
			t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
			h := mustOpen(t, r, "gear")
			tt.refuse(t, h)
			before := h.Sandbox().State()
			call := func(context.Context, gear) error { return nil }
			first := h.Do(ctx, call)
			require.EqualError(t, first, tt.text)
			require.ErrorIs(t, first, tt.want)
			for name, again := range map[string]func() error{
				"Do":       func() error { return h.Do(ctx, call) },
				"DoInline": func() error { return h.DoInline(ctx, call) },
				"Call": func() error {
					_, err := plugreg.Call(ctx, h, func(context.Context, gear) (int, error) { return 1, nil })
					return err
				},
				"Acquire": func() error { _, err := h.Acquire(ctx); return err },
			} {
				var err error
				got := testing.AllocsPerRun(200, func() { err = again() })
				require.Same(t, first, err, name)
				if !underRace {
					require.Zero(t, got, name)
				}
			}
			require.Equal(t, before, h.Sandbox().State(), "refusals leave no trace")
		})
	}
}

// failsafe-go: a breaker around a bulkhead counts "bulkhead full" as the plugin's failure, and opens.
func TestRefusalsCountNowhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var starts atomic.Int64
		r := gears(t, plugreg.Config{Hooks: &plugreg.Hooks{CallStart: func(ctx context.Context, _ plugreg.CallInfo) context.Context { starts.Add(1); return ctx }}},
			func() plugreg.Plugin[gear] {
				p := spurPlugin("gear", "1.0.0", nil)
				p.Sandbox = &plugreg.SandboxConfig{MaxConcurrent: 1, Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 1, ErrorRate: 0.01, MinCalls: -1}}
				return p
			}(), spurPlugin("outer", "1.0.0", nil))
		h, outer := mustOpen(t, r, "gear"), mustOpen(t, r, "outer")
		lease, err := h.Acquire(t.Context())
		require.NoError(t, err)
		call := func(context.Context, gear) error { return nil }
		for range 1000 {
			require.ErrorIs(t, h.Do(t.Context(), call), plugreg.ErrSaturated)
			require.ErrorIs(t, h.DoInline(t.Context(), call), plugreg.ErrSaturated)
		}
		want := plugreg.SandboxState{Calls: 1, InFlight: 1, ErrorLimit: 0.01}
		require.Equal(t, want, h.Sandbox().State())
		require.Zero(t, starts.Load(), "no hook saw a call")
		require.Equal(t, plugreg.Stats{Calls: 1, InFlight: 1}, r.Inspect().Plugins[0].Calls)

		for range 100 { // nor is it a failure of a plugin that passes it on
			err := outer.Do(t.Context(), func(ctx context.Context, _ gear) error { return fmt.Errorf("the cache: %w", h.Do(ctx, call)) })
			require.ErrorIs(t, err, plugreg.ErrSaturated)
		}
		s := outer.Sandbox().State()
		require.Equal(t, plugreg.BreakerClosed, s.Breaker)
		require.Equal(t, map[string]uint64{"SATURATED": 100}, s.Failures, "though its callers got an error")
		h.Sandbox().Disable("")
		for range 100 {
			require.ErrorIs(t, h.Do(t.Context(), call), plugreg.ErrDisabled)
			require.ErrorIs(t, outer.DoInline(t.Context(), func(ctx context.Context, _ gear) error { return h.DoInline(ctx, call) }), plugreg.ErrDisabled)
		}
		require.Equal(t, plugreg.BreakerClosed, outer.Sandbox().State().Breaker)
		h.Sandbox().Enable()
		lease.Release()
		require.NoError(t, h.Do(t.Context(), call))
		require.Equal(t, plugreg.SandboxState{Calls: 2, ErrorLimit: 0.01}, h.Sandbox().State())
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestSaturationIsTold has hooks learn of a full plugin once until they were told, in order, and then again.
func TestSaturationIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, hold := new(journal), newGate()
		r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{MaxConcurrent: 1}, Hooks: &plugreg.Hooks{
			Saturation: func(_ context.Context, s plugreg.SaturationInfo) {
				j.add("%s %s %s %q %v", s.Target.Plugin, s.Target.Version, s.Target.Operation, s.Resource, s.Abandoned)
				hold.wait()
			}}}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		lease, err := h.Acquire(t.Context())
		require.NoError(t, err)
		call := func(context.Context, gear) error { return nil }
		require.ErrorIs(t, h.Do(t.Context(), call), plugreg.ErrSaturated)
		synctest.Wait()
		require.Equal(t, []string{`gear 1.0.0 call "" false`}, j.take())
		for range 10 {
			require.ErrorIs(t, h.Do(t.Context(), call), plugreg.ErrSaturated, "no caller waits for a hook")
		}
		hold.open()
		synctest.Wait()
		require.Len(t, j.take(), 1, "once more for what came meanwhile")
		require.ErrorIs(t, h.Do(t.Context(), call), plugreg.ErrSaturated)
		synctest.Wait()
		require.Len(t, j.take(), 1)
		lease.Release()
		require.NoError(t, r.Close(t.Context()))
	})
}
