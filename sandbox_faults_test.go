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
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

var (
	errWobble = errors.New("a gear wobbles") // may be retried
	errBroken = errors.New("a gear broke")   // is fatal
)

// mixing is many callers of one plugin whose code does all that code can do. It shares two resources with a neighbour.
type mixing struct {
	testing.TB
	unit  time.Duration // of all times
	later func()        // lets what was left behind come to its end
	exact bool          // a call that does nothing takes no time
	watch *mixWatch

	r         *plugreg.Registry[gear]
	h         *plugreg.Handle[gear]
	neighbour *plugreg.Handle[gear]
	alone     *plugreg.Sandbox
	hang      atomic.Pointer[gate]

	entered, refused, waited, abandoned atomic.Int64
}

const (
	mixConcurrent = 16
	mixShared     = 20
)

func newMixing(t testing.TB, unit time.Duration) *mixing {
	x := &mixing{TB: t, unit: unit, watch: newMixWatch()}
	x.hang.Store(newGate())
	cfg := plugreg.SandboxConfig{
		MaxConcurrent: mixConcurrent, MaxQueue: 10 * unit, Timeout: 20 * unit, AbandonGrace: 5 * unit, MaxAbandoned: 10, AbandonLimit: 200 * unit,
		Retry: plugreg.RetryConfig{Attempts: 3, AttemptTimeout: 15 * unit, BaseDelay: unit, Budget: -1, RetryIf: func(err error) bool {
			return errors.Is(err, errTooth) || errors.Is(err, context.DeadlineExceeded)
		}},
		Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 8, ConsecutivePanics: 4, ErrorRate: 0.8, OpenFor: 8 * unit, Probes: 3, SlowCall: 12 * unit, SlowRate: 0.9,
			DisableAfterOpenings: 40},
		Classify: func(err error) plugreg.Class {
			switch {
			case errors.Is(err, errWobble):
				return plugreg.ClassRecoverable
			case errors.Is(err, errBroken):
				return plugreg.ClassFatal
			}
			return plugreg.ClassAuto
		},
	}
	x.r = gears(t, plugreg.Config{Sandbox: cfg, Hooks: x.watch.hooks(), Resources: map[string]plugreg.Resource{
		"cache": {MaxConcurrent: mixShared, MaxQueue: 5 * unit}, "db": {MaxConcurrent: mixShared}}}, mixPlugin("gear"), mixPlugin("neighbour"))
	x.h, x.neighbour = mustOpen(t, x.r, "gear"), mustOpen(t, x.r, "neighbour")
	var err error
	x.alone, err = plugreg.NewSandbox("alone", cfg)
	require.NoError(t, err)
	return x
}

func mixPlugin(name string) plugreg.Plugin[gear] {
	p := spurPlugin(name, "1.0.0", nil)
	p.Uses, p.Exports = []string{"db", "cache"}, map[string]any{sweepExport: func(n int) int { return -n }}
	return p
}

// ways are all ways to call.
func (x *mixing) ways() []doer {
	return []doer{
		detachedBy(x.h), inlineBy(x.h), detachedBy(x.neighbour), x.alone.Run, x.alone.RunInline,
		func(ctx context.Context, f func(context.Context) error) error {
			_, err := plugreg.Call(ctx, x.h, func(ctx context.Context, g gear) (int, error) { return g.Turn(1), f(ctx) })
			return err
		},
		func(ctx context.Context, f func(context.Context) error) error {
			_, err := plugreg.CallInline(ctx, x.h, func(ctx context.Context, g gear) (int, error) { return g.Turn(1), f(ctx) })
			return err
		},
		func(ctx context.Context, f func(context.Context) error) error {
			return plugreg.DoExport(ctx, x.h, sweepExport, func(ctx context.Context, sweep func(int) int) error { return check(sweep(2) == -2, f(ctx)) })
		},
		func(ctx context.Context, _ func(context.Context) error) error { // a lease is not guarded: the host's code behaves
			l, err := x.h.Acquire(ctx)
			if err == nil {
				x.stay(1)
				l.Release()
			}
			return err
		},
	}
}

func (x *mixing) stay(units time.Duration) { <-time.After(units * x.unit) }

// mixKind is one way for a call to go.
type mixKind struct {
	name string
	own  time.Duration // the caller's own deadline, in units; zero: none
	code func(x *mixing, ctx context.Context, leave func()) error
	gone bool // the caller has gone before
}

func mixKinds() []mixKind {
	harmless := func() {}
	bang := func() { panic("bang") }
	late := func(end func() error) func(x *mixing, _ context.Context, _ func()) error {
		return func(x *mixing, _ context.Context, _ func()) error { x.stay(30); return end() }
	}
	fails := func(err error) func(x *mixing, _ context.Context, _ func()) error {
		return func(*mixing, context.Context, func()) error { return err }
	}
	honours := func(_ *mixing, ctx context.Context, _ func()) error { <-ctx.Done(); return ctx.Err() }
	return []mixKind{
		{name: "return", code: fails(nil)},
		{name: "return after a while", code: func(x *mixing, _ context.Context, _ func()) error { x.stay(2); return nil }},
		{name: "error", code: fails(errTooth)},
		{name: "recoverable error", code: fails(errWobble)},
		{name: "caller's fault", code: fails(plugreg.CallerError(errTooth))},
		{name: "contract violation", code: fails(plugreg.ErrContract)},
		{name: "panic", code: func(*mixing, context.Context, func()) error { panic("stuck") }},
		{name: "nil panic", code: func(*mixing, context.Context, func()) error { panic(nil) }},
		{name: "goexit", code: func(*mixing, context.Context, func()) error { runtime.Goexit(); return nil }},
		{name: "deadline honoured", code: honours},
		{name: "deadline ignored, late return", code: late(func() error { return nil })},
		{name: "deadline ignored, late error", code: late(func() error { return errTooth })},
		{name: "deadline ignored, late panic", code: late(func() error { panic("late") })},
		{name: "deadline ignored, late goexit", code: late(func() error { runtime.Goexit(); return nil })},
		{name: "caller gone before", gone: true, code: fails(nil)},
		{name: "caller leaves, honoured", code: func(_ *mixing, ctx context.Context, leave func()) error { leave(); <-ctx.Done(); return ctx.Err() }},
		{name: "caller leaves, ignored", code: func(x *mixing, _ context.Context, leave func()) error { leave(); x.stay(2); return nil }},
		{name: "caller leaves, ignored for long", code: func(x *mixing, _ context.Context, leave func()) error { leave(); x.stay(20); return errTooth }},
		{name: "caller's deadline", own: 2, code: honours},
		{name: "caller's deadline, ignored", own: 2, code: func(x *mixing, _ context.Context, _ func()) error { x.stay(4); return nil }},
		{name: "hang ended later", code: func(x *mixing, _ context.Context, _ func()) error { x.hang.Load().wait(); return nil }},
		{name: "Is panics", code: fails(&spiteful{harmless, bang, harmless})},
		{name: "Unwrap ends the goroutine", code: fails(&spiteful{harmless, harmless, runtime.Goexit})},
		{name: "Error panics", code: fails(&spiteful{bang, harmless, harmless})},
		{name: "slow", code: func(x *mixing, _ context.Context, _ func()) error { x.stay(13); return nil }},
		{name: "calls a neighbour", code: func(x *mixing, ctx context.Context, _ func()) error { return detachedBy(x.neighbour)(ctx, atOnce) }},
		{name: "calls itself", code: func(x *mixing, ctx context.Context, _ func()) error { return inlineBy(x.h)(ctx, atOnce) }},
	}
}

// fault makes one call; it is made again for as long as it is refused.
func (x *mixing) fault(k mixKind, do doer) {
	for {
		ctx, cancel := context.WithCancel(context.Background())
		if k.own > 0 {
			ctx, cancel = context.WithTimeout(context.Background(), k.own*x.unit)
		}
		if k.gone {
			cancel()
		}
		var entered atomic.Bool
		var err error
		apart(func() {
			err = do(ctx, func(ctx context.Context) error { entered.Store(true); return k.code(x, ctx, cancel) })
		})
		cancel()
		if _, refused := err.(*plugreg.RejectedError); !refused || entered.Load() {
			x.entered.Add(1)
			return
		}
		x.refused.Add(1)
		x.stay(5)
	}
}

// run has all kinds of calls made in all ways, by many callers at once.
func (x *mixing) run(callers, calls int, supervise func(round int)) {
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for round := 0; ; round++ {
			select {
			case <-stop:
				return
			case <-time.After(10 * x.unit):
				x.sample()
				x.hang.Swap(newGate()).open()
				supervise(round)
			}
		}
	}()
	kinds, ways := mixKinds(), x.ways()
	var wg sync.WaitGroup
	for caller := range callers {
		random := rand.New(rand.NewPCG(7, uint64(caller)))
		wg.Go(func() {
			for n := caller; n < calls; n += callers {
				k := kinds[random.IntN(len(kinds))]
				if random.IntN(200) == 0 {
					k = mixKind{name: "fatal", code: func(*mixing, context.Context, func()) error { return errBroken }}
				}
				x.fault(k, ways[random.IntN(len(ways))])
			}
		})
	}
	wg.Wait()
	close(stop)
	<-over
}

func (x *mixing) sandboxes() []*plugreg.Sandbox {
	return []*plugreg.Sandbox{x.h.Sandbox(), x.neighbour.Sandbox(), x.alone}
}

// sample looks at what happens, and has what is disabled go on. Its own calls probe, for leases do not: at the end,
// nobody but who wants a lease may be left.
func (x *mixing) sample() {
	for _, s := range x.sandboxes() {
		state := s.State()
		x.waited.Add(int64(state.Waiting))
		x.abandoned.Add(state.Abandoned)
		if state.InFlight < 0 || state.InFlight > mixConcurrent || state.Abandoned < 0 || state.Abandoned > mixConcurrent {
			x.Errorf("%d in flight, %d abandoned", state.InFlight, state.Abandoned)
		}
		if state.Breaker == plugreg.BreakerDisabled {
			s.Enable()
		}
	}
	_ = detachedBy(x.h)(context.Background(), atOnce)
}

// aftermath asserts that nothing is left of it all, and that all of the throughput is there again.
func (x *mixing) aftermath() {
	x.Helper()
	for _, s := range x.sandboxes() {
		require.NoError(x, s.Inject(plugreg.Faults{}))
	}
	x.hang.Load().open()
	x.later()
	for _, s := range x.sandboxes() {
		s.Enable()
		requireQuiet(x, s.State())
		require.Equal(x, plugreg.BreakerClosed, s.State().Breaker)
	}
	require.Equal(x, map[string][2]int{"cache": {0, 0}, "db": {0, 0}}, using(x.r))
	x.watch.requireSettled(x)

	for range 50 {
		for _, do := range x.ways() {
			if x.exact {
				require.NoError(x, do(context.Background(), atOnce))
			} else {
				spin(x, func() bool { return do(context.Background(), atOnce) == nil })
			}
		}
	}
	x.r.SetHooks(nil)
	x.h.Sandbox().Enable() // not exact: that took its time may have opened it
	x.neighbour.Sandbox().Enable()
	var held []*plugreg.Lease[gear]
	for n := range mixShared {
		h := x.h
		if n >= mixConcurrent {
			h = x.neighbour
		}
		held = append(held, mustAcquire(x, h))
	}
	require.Equal(x, map[string][2]int{"cache": {mixShared, 0}, "db": {mixShared, 0}}, using(x.r), "every permit, all at once")
	_, err := x.h.Acquire(context.Background())
	requireRejected(x, err, plugreg.RejectedError{Plugin: "gear", Version: "1.0.0",
		Reason: fmt.Sprintf("%d calls inside", mixConcurrent), Err: plugreg.ErrSaturated})
	_, err = x.neighbour.Acquire(context.Background())
	requireScarce(x, err, "neighbour", "cache", mixShared)
	for _, l := range held {
		l.Release()
	}
	if x.exact {
		c, g := new(crowd), newGate()
		over := c.fillUp(x, x.alone.Run, mixConcurrent, g)
		require.ErrorIs(x, x.alone.Run(context.Background(), atOnce), plugreg.ErrSaturated)
		g.open()
		for range mixConcurrent {
			require.NoError(x, <-over)
		}
	}
	require.NoError(x, x.alone.Close(context.Background()))
	require.NoError(x, x.r.Close(context.Background()))
}

// mixWatch is hooks that keep account: each start has one end, and at most one late end after it.
type mixWatch struct {
	mu      sync.Mutex // guards what follows
	serial  int
	open    map[int]bool // those that have begun, and whether they were told to have ended
	late    map[int]bool
	codes   map[string]map[string]uint64 // by plugin
	changes map[plugreg.BreakerState]int // of breakers, by what came
	full    int
	wrong   []string
}

type mixKey struct{}

func newMixWatch() *mixWatch {
	return &mixWatch{open: map[int]bool{}, late: map[int]bool{}, codes: map[string]map[string]uint64{"gear": {}, "neighbour": {}},
		changes: map[plugreg.BreakerState]int{}}
}

func (w *mixWatch) hooks() *plugreg.Hooks {
	return &plugreg.Hooks{
		CallStart: func(ctx context.Context, _ plugreg.CallInfo) context.Context {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.serial++
			w.open[w.serial] = true
			return context.WithValue(ctx, mixKey{}, w.serial)
		},
		CallDone: func(ctx context.Context, c plugreg.CallInfo, r plugreg.CallResult) {
			w.mu.Lock()
			defer w.mu.Unlock()
			id := ctx.Value(mixKey{}).(int)
			if !w.open[id] {
				w.wrong = append(w.wrong, fmt.Sprintf("%d ended twice, or before it began", id))
			}
			w.open[id] = false
			if r.Code != "" {
				w.codes[c.Target.Plugin][r.Code]++
			}
			if id%50 == 0 {
				panic("a hook")
			}
		},
		CallLate: func(ctx context.Context, _ plugreg.CallInfo, _ plugreg.CallResult) {
			w.mu.Lock()
			defer w.mu.Unlock()
			id := ctx.Value(mixKey{}).(int)
			if _, ok := w.open[id]; !ok || w.late[id] {
				w.wrong = append(w.wrong, fmt.Sprintf("%d was late twice, or never began", id))
			}
			w.late[id] = true
		},
		Breaker: func(_ context.Context, b plugreg.BreakerInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.changes[b.To]++
		},
		Saturation: func(context.Context, plugreg.SaturationInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.full++
		},
	}
}

func (w *mixWatch) requireSettled(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(t, w.wrong)
	require.NotEmpty(t, w.open)
	for id, open := range w.open {
		require.False(t, open, "%d has not ended", id)
	}
}

// requireVaried asserts that what was to be tried was tried.
func (w *mixWatch) requireVaried(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(t, w.late)
	for state := plugreg.BreakerClosed; state <= plugreg.BreakerDisabled; state++ {
		require.NotZero(t, w.changes[state], "no breaker became %v", state)
	}
	require.NotZero(t, w.full)
}

// TestTenThousandMixedFaults settles every permit, probe, place in a queue, resource and count, whatever code does and
// however it is called.
func TestTenThousandMixedFaults(t *testing.T) {
	t.Parallel()
	const callers = 64
	inBubble := func(name string, calls int, supervise func(x *mixing, round int), also func(t *testing.T, x *mixing)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := newMixing(t, time.Millisecond)
				x.later, x.exact = func() { pass(time.Hour) }, true
				x.run(callers, calls, func(round int) { supervise(x, round) })
				require.EqualValues(t, calls, x.entered.Load())
				for what, n := range map[string]*atomic.Int64{"refused": &x.refused, "waited": &x.waited, "abandoned": &x.abandoned} {
					require.NotZero(t, n.Load(), "none was %s", what)
				}
				for _, s := range x.sandboxes() {
					require.NotZero(t, s.State().Retries)
				}
				x.watch.requireVaried(t)
				also(t, x)
				x.aftermath()
			})
		})
	}
	inBubble("hooks on", 7_000, func(*mixing, int) {}, func(t *testing.T, x *mixing) {
		x.hang.Load().open()
		x.later()
		for name, h := range map[string]*plugreg.Handle[gear]{"gear": x.h, "neighbour": x.neighbour} {
			require.Equal(t, x.watch.codes[name], h.Sandbox().State().Failures, "what hooks saw is what was counted")
		}
		for _, code := range []string{"ERROR", "PANIC", "GOEXIT", "TIMEOUT", "CANCELED", "DEADLINE", "CONTRACT", "SATURATED"} {
			require.NotZero(t, x.watch.codes["gear"][code], code)
		}
	})
	inBubble("hooks, faults and the host's own word come and go", 2_000, func(x *mixing, round int) {
		if round%2 == 0 {
			x.r.SetHooks(nil)
		} else {
			x.r.SetHooks(x.watch.hooks())
		}
		for n, s := range x.sandboxes() {
			switch (round + n) % 7 {
			case 0:
				s.Disable("a drill")
			case 1, 4:
				s.Enable()
			case 2:
				if err := s.Inject(plugreg.Faults{Seed: uint64(round), Latency: x.unit, LatencyRate: 0.2, ErrorRate: 0.1, PanicRate: 0.1, HangRate: 0.1}); err != nil {
					x.Error(err)
				}
			case 6:
				if err := s.Inject(plugreg.Faults{}); err != nil {
					x.Error(err)
				}
			}
		}
	}, func(*testing.T, *mixing) {})
	t.Run("by the real clock", func(t *testing.T) {
		t.Parallel()
		x := newMixing(t, 200*time.Microsecond)
		x.later = func() {
			spin(t, func() bool {
				for _, s := range x.sandboxes() {
					if state := s.State(); state.InFlight > 0 || state.Abandoned > 0 {
						return false
					}
				}
				return true
			})
		}
		const calls = 1_000
		x.run(callers, calls, func(int) {})
		require.EqualValues(t, calls, x.entered.Load())
		x.aftermath()
	})
}

// tripped is a sandbox whose breaker lets probing calls in.
func tripped(t *testing.T, cfg plugreg.SandboxConfig) *plugreg.Sandbox {
	t.Helper()
	s, err := plugreg.NewSandbox("gear", cfg)
	require.NoError(t, err)
	for range 3 {
		require.Equal(t, errTooth, s.Run(t.Context(), func(context.Context) error { return errTooth }))
	}
	require.ErrorIs(t, s.Run(t.Context(), atOnce), plugreg.ErrOpen)
	pass(10 * time.Second)
	require.Equal(t, plugreg.BreakerHalfOpen, s.State().Breaker)
	return s
}

// recovered asserts that a breaker that is open lets calls in again after its time.
func recovered(t *testing.T, s *plugreg.Sandbox) {
	t.Helper()
	require.Equal(t, plugreg.BreakerOpen, s.State().Breaker)
	pass(10 * time.Second)
	for range 10 {
		require.NoError(t, s.Run(t.Context(), atOnce))
		require.NoError(t, s.RunInline(t.Context(), atOnce))
	}
	require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
	requireQuiet(t, s.State())
	require.NoError(t, s.Close(t.Context()))
}

// gobreaker: a probe that ends its goroutine is counted as inside for ever, and all that come after are refused.
func TestAProbeByGoexitDoesNotWedgeTheBreaker(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*plugreg.Sandbox) doer{"detached": func(s *plugreg.Sandbox) doer { return s.Run },
		"inline": func(s *plugreg.Sandbox) doer { return s.RunInline }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := tripped(t, plugreg.SandboxConfig{})
				apart(func() { _ = run(s)(t.Context(), func(context.Context) error { runtime.Goexit(); return nil }) })
				require.EqualValues(t, 1, s.State().Failures["GOEXIT"])
				recovered(t, s)
			})
		})
	}
}

// failsafe-go: a probe that panics keeps its half-open slot for ever.
func TestAProbeThatPanicsGivesItsSlotBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := tripped(t, plugreg.SandboxConfig{})
		require.ErrorContains(t, s.RunInline(t.Context(), func(context.Context) error { panic("stuck") }), "stuck")
		require.Equal(t, "a probe panicked after 3 failures in a row", s.State().Reason)
		recovered(t, s)
	})
}

// gobreaker: after one probe that hangs, calls are refused for ever.
func TestAHungProbeHealsByItself(t *testing.T) {
	t.Parallel()
	t.Run("with a deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, g := tripped(t, plugreg.SandboxConfig{Timeout: time.Second}), newGate()
			require.ErrorIs(t, s.Run(t.Context(), func(context.Context) error { g.wait(); return nil }), context.DeadlineExceeded)
			g.open()
			recovered(t, s)
		})
	})
	t.Run("inline, where no deadline helps", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, g := tripped(t, plugreg.SandboxConfig{Timeout: 5 * time.Second}), newGate()
			over := queueUp(t.Context(), s.RunInline, func(context.Context) error { g.wait(); return errTooth })
			pass(6*time.Second - 1)
			require.ErrorIs(t, s.Run(t.Context(), atOnce), plugreg.ErrOpen, "its permit is out")
			pass(1)
			require.NoError(t, s.Run(t.Context(), atOnce), "Timeout and grace are over")
			require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
			g.open()
			require.Equal(t, errTooth, (<-over).err)
			require.Equal(t, plugreg.BreakerClosed, s.State().Breaker, "what it comes to says nothing of now")
			require.NoError(t, s.Close(t.Context()))
		})
	})
	t.Run("without a deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, g := tripped(t, plugreg.SandboxConfig{Timeout: -1}), newGate()
			var all []<-chan queueing
			for range 3 {
				all = append(all, queueUp(t.Context(), s.Run, func(context.Context) error { g.wait(); return errTooth }))
				pass(10*time.Second - 1)
				require.ErrorIs(t, s.Run(t.Context(), atOnce), plugreg.ErrOpen)
				pass(1)
			}
			require.NoError(t, s.Run(t.Context(), atOnce), "OpenFor is over")
			require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
			g.open()
			for _, over := range all {
				require.Equal(t, errTooth, (<-over).err)
			}
			require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
			require.NoError(t, s.Close(t.Context()))
		})
	})
}

// failsafe-go: each panic and each Goexit costs a permit of the bulkhead; after two of them a bulkhead of two is full
// for ever.
func TestFaultsCostNoPermits(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]func(context.Context) error{
		"panic":     func(context.Context) error { panic("stuck") },
		"nil panic": func(context.Context) error { panic(nil) },
		"goexit":    func(context.Context) error { runtime.Goexit(); return nil },
		"rude":      func(context.Context) error { return &spiteful{func() {}, runtime.Goexit, func() {}} },
	} {
		for _, r := range roads() {
			t.Run(name+", "+r.name, func(t *testing.T) {
				t.Parallel()
				do, state, end := r.open(t, plugreg.SandboxConfig{MaxConcurrent: 2, Timeout: -1, Breaker: unbroken()})
				for range 20 {
					apart(func() { require.Error(t, do(context.Background(), code)) })
				}
				requireQuiet(t, state())
				c, g := new(crowd), newGate()
				over := c.fillUp(t, do, 2, g)
				require.ErrorIs(t, do(context.Background(), atOnce), plugreg.ErrSaturated)
				g.open()
				require.NoError(t, errors.Join(<-over, <-over))
				require.NoError(t, end(context.Background()))
			})
		}
	}
}

// cep21/circuit: of twelve calls that go on after their callers left, a limit of four counts none.
func TestZombiesKeepTheirPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{MaxConcurrent: 4, Timeout: 50 * time.Millisecond, Breaker: unbroken()})
		require.NoError(t, err)
		c, g := new(crowd), newGate()
		for _, free := range []int64{4, 0, 0} {
			var wg sync.WaitGroup
			var refused atomic.Int64
			for range 12 {
				wg.Go(func() {
					if err := s.Run(t.Context(), c.until(g)); errors.Is(err, plugreg.ErrSaturated) {
						refused.Add(1)
					} else {
						require.ErrorIs(t, err, context.DeadlineExceeded)
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 12-free, refused.Load())
			pass(time.Minute)
			require.EqualValues(t, 4, c.peak.Load(), "there are never more")
			require.EqualValues(t, 4, s.State().InFlight)
			require.EqualValues(t, 4, s.State().Abandoned)
		}
		require.EqualValues(t, 4, c.total.Load())
		g.open()
		synctest.Wait()
		requireQuiet(t, s.State())
		require.NoError(t, s.Run(t.Context(), atOnce))
		require.NoError(t, s.Close(t.Context()))
	})
}

// failsafe-go: with a limit of 50ms the caller of code that ignores its context is back after 500ms, when that code is.
func TestTheCallerIsBackAtItsDeadline(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]plugreg.SandboxConfig{
		"plainly": {Timeout: 50 * time.Millisecond},
		"with retries that there is no time for": {Timeout: 50 * time.Millisecond, AbandonGrace: time.Hour,
			Retry: plugreg.RetryConfig{Attempts: 5, RetryIf: func(error) bool { return true }}},
		"with attempts of their own": {Timeout: 50 * time.Millisecond, AbandonGrace: time.Hour,
			Retry: plugreg.RetryConfig{Attempts: 5, AttemptTimeout: 20 * time.Millisecond, RetryIf: func(error) bool { return true }}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			travelOn(t, cfg, func(v *visit) {
				if v.road.inline {
					return
				}
				began := time.Now()
				err, _ := v.call(v.Context(), func(context.Context) error { <-time.After(500 * time.Millisecond); return nil })
				require.Equal(v, 50*time.Millisecond, time.Since(began))
				require.ErrorIs(v, err, context.DeadlineExceeded)
				pass(time.Second)
			})
		})
	}
}

// TestAnErrorsTextIsNobodysBusiness has the caller leave between two attempts: what it gets may not ask the plugin's
// error for its text.
func TestAnErrorsTextIsNobodysBusiness(t *testing.T) {
	t.Parallel()
	cfg := plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: 2, BaseDelay: 10 * time.Second, Jitter: -1, RetryIf: func(error) bool { return true }}}
	travelOn(t, cfg, func(v *visit) {
		ctx, cancel := context.WithTimeout(v.Context(), time.Second)
		defer cancel()
		rude := &spiteful{v.release.wait, func() {}, func() {}}
		began := time.Now()
		err, gone := v.call(ctx, func(context.Context) error { return rude })
		require.Equal(v, time.Second, time.Since(began))
		require.False(v, gone)
		require.ErrorIs(v, err, context.DeadlineExceeded)
		e, ok := errors.AsType[*spiteful](err)
		require.True(v, ok, "what the attempt met is there too")
		require.Same(v, rude, e)
	})
}

// TestAnInlineGoexitIsAFailedCall counts it in the row, also where the call might have been tried again.
func TestAnInlineGoexitIsAFailedCall(t *testing.T) {
	t.Parallel()
	retries := plugreg.RetryConfig{Attempts: 3, BaseDelay: -1, RetryIf: func(error) bool { return true }}
	for name, retry := range map[string]plugreg.RetryConfig{"one attempt": {}, "retries": retries} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			travelOn(t, plugreg.SandboxConfig{Retry: retry, Breaker: plugreg.BreakerConfig{ErrorRate: -1}}, func(v *visit) {
				if !v.road.inline {
					return
				}
				failed := retry.Attempts == 0
				for _, code := range []func(context.Context) error{
					func(context.Context) error {
						if !failed {
							failed = true
							return errTooth
						}
						runtime.Goexit()
						return nil
					},
					func(context.Context) error { runtime.Goexit(); return nil },
					func(context.Context) error { return &spiteful{func() {}, runtime.Goexit, func() {}} },
				} {
					require.Equal(v, plugreg.BreakerClosed, v.state().Breaker)
					_, gone := v.call(v.Context(), code)
					require.True(v, gone)
				}
				require.Equal(v, "3 failures in a row", v.state().Reason, "each is one call")
			})
		})
	}
}

// brokenContext is a caller's context one of whose methods panics when it is asked for the n-th time.
type brokenContext struct {
	context.Context
	method string
	left   atomic.Int64
}

func (c *brokenContext) count(method string) {
	if method == c.method && c.left.Add(-1) == 0 {
		panic(method)
	}
}

func (c *brokenContext) Err() error            { c.count("Err"); return c.Context.Err() }
func (c *brokenContext) Done() <-chan struct{} { c.count("Done"); return c.Context.Done() }
func (c *brokenContext) Value(key any) any     { c.count("Value"); return c.Context.Value(key) }
func (c *brokenContext) Deadline() (time.Time, bool) {
	c.count("Deadline")
	return c.Context.Deadline()
}

// TestABrokenContextCostsNothing has the caller's own context panic wherever it is asked: that is the caller's own panic, or
// an error, and all that the call held is given back.
func TestABrokenContextCostsNothing(t *testing.T) {
	t.Parallel()
	retries := plugreg.RetryConfig{Attempts: 2, BaseDelay: -1, RetryIf: func(error) bool { return true }}
	for name, cfg := range map[string]plugreg.SandboxConfig{"plain": {}, "unlimited": {Timeout: -1}, "retries": {Retry: retries},
		"slow": {Breaker: plugreg.BreakerConfig{SlowCall: time.Second, SlowRate: 0.9}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg.MaxConcurrent, cfg.Breaker.ConsecutiveFailures, cfg.Breaker.ConsecutivePanics, cfg.Breaker.ErrorRate = 2, -1, -1, -1
			travelOn(t, cfg, func(v *visit) {
				for _, method := range []string{"Err", "Done", "Value", "Deadline"} {
					for n := range int64(8) {
						for _, code := range []func(context.Context) error{atOnce, func(context.Context) error { return errTooth }} {
							ctx := &brokenContext{Context: v.Context(), method: method}
							ctx.left.Store(n + 1)
							apart(func() {
								defer func() { _ = recover() }()
								_ = v.do(ctx, code)
							})
							synctest.Wait()
							requireQuiet(v, v.state())
						}
					}
				}
				c, g := new(crowd), newGate()
				over := c.fillUp(v, v.do, 2, g)
				g.open()
				require.NoError(v, errors.Join(<-over, <-over))
			})
		})
	}
	t.Run("under hooks", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := newMixing(t, time.Millisecond)
			broken := 0
			for _, do := range x.ways() {
				for _, method := range []string{"Err", "Done", "Value"} {
					for n := range int64(8) {
						ctx := &brokenContext{Context: t.Context(), method: method}
						ctx.left.Store(n + 1)
						apart(func() {
							defer func() {
								if recover() != nil {
									broken++
								}
							}()
							_ = do(ctx, atOnce)
						})
						synctest.Wait()
					}
				}
			}
			require.NotZero(t, broken)
			x.later, x.exact = func() { pass(time.Hour) }, true
			x.aftermath()
		})
	})
}

// gobreaker: a listener that asks the breaker anything waits for the lock that it is called with.
func TestHooksMayCallBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r *plugreg.Registry[gear]
		var h *plugreg.Handle[gear]
		j, told := new(journal), 0
		call := func(context.Context, gear) error { return nil }
		again := func(ctx context.Context, where string) {
			s := h.Sandbox()
			_, err := h.Acquire(ctx)
			j.add("%s: %v, %d mounts, %s, %s, %s", where, s.State().Breaker, len(r.Inspect().Plugins[0].Mounts),
				plugreg.CodeOf(h.Do(ctx, call)), plugreg.CodeOf(h.DoInline(ctx, call)), plugreg.CodeOf(err))
			require.NoError(t, s.Inject(plugreg.Faults{}))
		}
		r = gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{MaxConcurrent: 1}}, spurPlugin("gear", "1.0.0", nil))
		h = mustOpen(t, r, "gear")
		r.SetHooks(&plugreg.Hooks{
			Saturation: func(ctx context.Context, _ plugreg.SaturationInfo) {
				if told++; told == 1 { // what it meets itself is told too
					again(ctx, "full")
				}
			},
			Breaker: func(ctx context.Context, b plugreg.BreakerInfo) {
				switch b.To {
				case plugreg.BreakerOpen:
					again(ctx, "open")
					h.Sandbox().Disable("the hook says so")
				case plugreg.BreakerDisabled:
					again(ctx, "disabled")
					h.Sandbox().Enable()
				case plugreg.BreakerClosed:
					require.NoError(t, h.Close(ctx))
					require.NoError(t, r.Close(ctx))
					j.add("closed")
				}
			},
		})
		lease := mustAcquire(t, h)
		require.ErrorIs(t, h.Do(t.Context(), call), plugreg.ErrSaturated)
		synctest.Wait()
		require.Equal(t, 2, told)
		lease.Release()
		for range 3 {
			require.Equal(t, errTooth, h.Do(t.Context(), func(context.Context, gear) error { return errTooth }))
		}
		<-h.Done()
		require.NoError(t, r.Close(t.Context()))
		require.Equal(t, []string{"full: closed, 1 mounts, SATURATED, SATURATED, SATURATED", "open: open, 1 mounts, OPEN, OPEN, OPEN",
			"disabled: disabled, 1 mounts, DISABLED, DISABLED, DISABLED", "closed"}, j.take())
	})
}

// failsafe-go: a panic of a state listener unlocks what is not locked, and ends the process whoever recovers.
func TestListenersThatFailEndNothing(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(){"panic": func() { panic("hook") }, "nil panic": func() { panic(nil) }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := new(journal)
				bad := &plugreg.Hooks{Breaker: func(context.Context, plugreg.BreakerInfo) { fail() }, Saturation: func(context.Context, plugreg.SaturationInfo) { fail() }}
				good := &plugreg.Hooks{Breaker: func(_ context.Context, b plugreg.BreakerInfo) { j.add("%v→%v: %s", b.From, b.To, b.Reason) },
					Saturation: func(context.Context, plugreg.SaturationInfo) { j.add("full") }}
				r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{MaxConcurrent: 1}, Hooks: plugreg.JoinHooks(bad, good, bad)}, spurPlugin("gear", "1.0.0", nil))
				h := mustOpen(t, r, "gear")
				for range 3 {
					require.Equal(t, errTooth, h.Do(t.Context(), func(context.Context, gear) error { return errTooth }))
				}
				pass(10 * time.Second)
				require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }))
				lease := mustAcquire(t, h)
				require.ErrorIs(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }), plugreg.ErrSaturated)
				h.Sandbox().Disable("by hand")
				h.Sandbox().Enable()
				synctest.Wait()
				require.Equal(t, []string{"closed→open: 3 failures in a row", "open→half-open: 3 failures in a row", "half-open→closed: ", "full",
					"closed→disabled: by hand", "disabled→closed: "}, j.take(), "in order, and none is missing")
				require.EqualValues(t, 12, r.Inspect().HookPanics)
				lease.Release()
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

//go:noinline
func grindTeeth(depth int) int {
	if depth == 0 {
		panic("teeth")
	}
	return grindTeeth(depth-1) + 1
}

// cep21/circuit: a panic that another goroutine raises again has lost the stack of the culprit.
func TestTheCulpritsStackIsKept(t *testing.T) {
	t.Parallel()
	travelOn(t, plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: 2, RetryIf: func(error) bool { return true }, BaseDelay: -1}}, func(v *visit) {
		err, _ := v.call(v.Context(), func(context.Context) error { grindTeeth(3); return nil })
		stack := v.requirePanic(err).Stack()
		require.Regexp(v, `^github.com/plugreg/plugreg_test.grindTeeth\n\t.*sandbox_faults_test.go:\d+\n`, stack)
		require.Contains(v, stack, "TestTheCulpritsStackIsKept")
	})
}

// rubyist/circuitbreaker and cockroach: callers who leave open the breaker of a plugin that is well.
func TestCancellationIsNoFailure(t *testing.T) {
	t.Parallel()
	cfg := plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 1, ErrorRate: 0.01, MinCalls: -1}, MaxAbandoned: -1}
	travelOn(t, cfg, func(v *visit) {
		for n := range 100 {
			ctx, cancel := context.WithTimeout(v.Context(), time.Second)
			if n%2 == 0 {
				cancel()
				ctx, cancel = context.WithCancel(v.Context())
				time.AfterFunc(time.Second, cancel)
			}
			err, _ := v.call(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				if n%3 == 0 {
					return fmt.Errorf("interrupted: %w", ctx.Err())
				}
				return ctx.Err()
			})
			cancel()
			require.Error(v, err)
		}
		require.Equal(v, plugreg.BreakerClosed, v.state().Breaker)
		require.Equal(v, map[string]uint64{"CANCELED": 50, "DEADLINE": 50}, v.state().Failures)
		_, _ = v.call(v.Context(), func(context.Context) error { return context.Canceled })
		require.Equal(v, plugreg.BreakerOpen, v.state().Breaker, "but a plugin cannot claim it for a caller who stays")
	})
}

// tsouza/cerberus: a probe whose caller leaves keeps its slot.
func TestAProbeWhoseCallerLeavesProvesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := tripped(t, plugreg.SandboxConfig{})
		for _, run := range []doer{s.Run, s.RunInline} {
			for range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				require.ErrorIs(t, run(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }), context.DeadlineExceeded)
				cancel()
				require.Equal(t, plugreg.BreakerHalfOpen, s.State().Breaker)
			}
		}
		require.NoError(t, s.Run(t.Context(), atOnce))
		require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
		require.NoError(t, s.Close(t.Context()))
	})
}

// gobreaker: its buckets forget failures that come 19s apart before three of them are together, though the window is
// longer.
func TestFailuresFarApartTrip(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		apart, window time.Duration
		timeout       time.Duration
		opens         bool
	}{
		{"by default", 19 * time.Second, 0, 0, true},
		{"by default, as far as may be", 90 * time.Second, 0, 0, true},
		{"by default, farther", 90*time.Second + 1, 0, 0, false},
		{"within the window", 19 * time.Second, 39 * time.Second, time.Second, true},
		{"within the window to the nanosecond", 19 * time.Second, 38 * time.Second, time.Second, true},
		{"beyond it", 19 * time.Second, 38*time.Second - 1, time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{Timeout: tt.timeout, Breaker: plugreg.BreakerConfig{Window: tt.window}})
				require.NoError(t, err)
				for range 3 {
					require.Equal(t, errTooth, s.Run(t.Context(), func(context.Context) error { return errTooth }))
					pass(tt.apart)
				}
				want := plugreg.BreakerClosed
				if tt.opens {
					want = plugreg.BreakerHalfOpen // OpenFor is shorter
				}
				require.Equal(t, want, s.State().Breaker)
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

// TestAWindowOfTwoHalvesIsRefused: the registry has the window, the plugin the timeout that it is too short for.
func TestAWindowOfTwoHalvesIsRefused(t *testing.T) {
	t.Parallel()
	p := spurPlugin("gear", "1.0.0", nil)
	p.Sandbox = &plugreg.SandboxConfig{Timeout: time.Hour}
	_, err := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Window: 2 * time.Minute}}}).Register(p)
	require.ErrorContains(t, err, "Window: want 2h0m0s at least")
}

// failsafe-go: two failures, a thousand successes and one failure more open it.
func TestSuccessEndsAStreak(t *testing.T) {
	t.Parallel()
	travelOn(t, plugreg.SandboxConfig{}, func(v *visit) {
		fail := func(context.Context) error { return errTooth }
		for range 20 {
			_, _ = v.call(v.Context(), fail)
			_, _ = v.call(v.Context(), fail)
			for range 50 {
				err, _ := v.call(v.Context(), atOnce)
				require.NoError(v, err)
			}
		}
		require.Equal(v, plugreg.BreakerClosed, v.state().Breaker)
	})
}
