// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"io"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errRg = errors.New("a regression's failure")

func rgOK(context.Context) error   { return nil }
func rgFail(context.Context) error { return errRg }

func rgSleep(d time.Duration) func(context.Context) error {
	return func(context.Context) error { <-time.After(d); return nil }
}

// rgObey returns what its context ended with.
func rgObey(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// rgAlone runs f on a goroutine that it may end.
func rgAlone(f func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		f()
	}()
	<-over
}

// rgSwallow runs f, which may panic.
func rgSwallow(f func()) {
	defer func() { _ = recover() }()
	f()
}

// rgClosesAtOnce closes s in a bubble, where time only passes if everybody waits: for a wake-up that was lost.
func rgClosesAtOnce(t *testing.T, round int, end func(context.Context) error) {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, end(ctx), "round %d", round)
	require.Zero(t, time.Since(began), "round %d: nobody was inside, and nobody said so", round)
}

// TestCloseLosesNoWakeUpOfThoseWhoComeAndGo closes while calls enter, leave and are refused.
func TestCloseLosesNoWakeUpOfThoseWhoComeAndGo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg    SandboxConfig
		rounds int
	}{
		"no limit":   {SandboxConfig{}, 5000},
		"two places": {SandboxConfig{MaxConcurrent: 2}, 5000},
		"a queue":    {SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour}, 4000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for round := range tt.rounds {
					s := testSandbox(t, tt.cfg)
					var wg sync.WaitGroup
					for range 6 {
						wg.Go(func() {
							for s.RunInline(t.Context(), rgOK) == nil {
								runtime.Gosched()
							}
						})
					}
					for i := 0; i < 2000 && s.State().Calls == 0; i++ {
						runtime.Gosched()
					}
					rgClosesAtOnce(t, round, s.Close)
					wg.Wait()
				}
			})
		})
	}
}

// TestCloseLosesNoWakeUpOfOneWhoGetsAPlace closes while a call hands its place to one who waits.
func TestCloseLosesNoWakeUpOfOneWhoGetsAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for round := range 300 {
			s := testSandbox(t, SandboxConfig{MaxConcurrent: 1, MaxQueue: time.Hour})
			out := make(chan struct{})
			go func() { _ = s.RunInline(t.Context(), func(context.Context) error { <-out; return nil }) }()
			synctest.Wait()
			go func() { _ = s.RunInline(t.Context(), rgOK) }()
			synctest.Wait()
			require.Equal(t, 1, s.State().Waiting)
			go close(out)
			rgClosesAtOnce(t, round, s.Close)
		}
	})
}

// TestHandleCloseLosesNoWakeUp closes a plugin while calls come and go.
func TestHandleCloseLosesNoWakeUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for round := range 200 {
			r := MustNew[io.Closer](Config{Sandbox: SandboxConfig{DrainTimeout: time.Second, Timeout: -1}})
			r.MustRegister(drawerPlugin("acme", "1.0.0"))
			h, err := r.Open(t.Context(), "acme", "", nil)
			require.NoError(t, err)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for h.DoInline(t.Context(), func(context.Context, io.Closer) error { return nil }) == nil {
						runtime.Gosched()
					}
				})
			}
			for h.Sandbox().State().Calls == 0 {
				runtime.Gosched()
			}
			rgClosesAtOnce(t, round, h.Close)
			wg.Wait()
			require.NoError(t, r.Close(t.Context()))
		}
	})
}

// TestCloseEndsTheWaitForAResource has another plugin hold it.
func TestCloseEndsTheWaitForAResource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := MustNew[io.Closer](Config{Resources: map[string]Resource{"db": {MaxConcurrent: 1, MaxQueue: time.Hour}}})
		open := func(name string) *Handle[io.Closer] {
			p := drawerPlugin(name, "1.0.0")
			p.Uses = []string{"db"}
			r.MustRegister(p)
			h, err := r.Open(t.Context(), name, "", nil)
			require.NoError(t, err)
			return h
		}
		a, b := open("a"), open("b")
		l, err := a.Acquire(t.Context())
		require.NoError(t, err)
		got := make(chan error, 1)
		go func() { got <- b.Do(t.Context(), func(context.Context, io.Closer) error { return nil }) }()
		synctest.Wait()
		began := time.Now()
		require.NoError(t, b.Close(t.Context()))
		require.ErrorIs(t, <-got, ErrClosed)
		require.Zero(t, time.Since(began))
		l.Release()
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestACallIsToldOnceWhoeverEndsIt races the code's end with its caller's leaving, and with its deadline.
func TestACallIsToldOnceWhoeverEndsIt(t *testing.T) {
	t.Parallel()
	off := BreakerConfig{ConsecutiveFailures: -1, ErrorRate: -1}
	slow := BreakerConfig{ConsecutiveFailures: -1, ErrorRate: -1, SlowCall: time.Second, SlowRate: 0.5}
	for name, tt := range map[string]struct {
		cfg  SandboxConfig
		call func(ctx context.Context, leave func()) error
	}{
		"the caller leaves":             {SandboxConfig{Breaker: off}, func(ctx context.Context, leave func()) error { leave(); <-ctx.Done(); return errRg }},
		"the caller leaves a slow call": {SandboxConfig{Breaker: slow}, func(ctx context.Context, leave func()) error { go leave(); return rgObey(ctx) }},
		"the deadline passes":           {SandboxConfig{Timeout: time.Millisecond, Breaker: off}, func(ctx context.Context, _ func()) error { <-ctx.Done(); return errRg }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const rounds = 500
				var told atomic.Int32
				s := testSandbox(t, tt.cfg)
				s.hooks.set(&Hooks{CallDone: func(_ context.Context, _ CallInfo, r CallResult) {
					if r.Err != nil {
						told.Add(1)
					}
				}})
				for range rounds {
					ctx, cancel := context.WithCancel(t.Context())
					require.Error(t, s.Run(ctx, func(ctx context.Context) error { return tt.call(ctx, cancel) }))
					cancel()
				}
				synctest.Wait()
				require.EqualValues(t, rounds, told.Load())
				require.Zero(t, s.State().InFlight)
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

// rgEvil is a context whose Err panics from a certain time on.
type rgEvil struct {
	context.Context
	asked atomic.Int64
	from  int64
}

func (e *rgEvil) Err() error {
	if e.asked.Add(1) >= e.from {
		panic("evil")
	}
	return e.Context.Err()
}

// TestAContextThatPanicsLeaksNoPlace has its method panic at each point of an inline call.
func TestAContextThatPanicsLeaksNoPlace(t *testing.T) {
	t.Parallel()
	for from := range int64(5) {
		for _, call := range []func(context.Context) error{rgOK, rgFail} {
			s := testSandbox(t, SandboxConfig{MaxConcurrent: 1})
			rgSwallow(func() { _ = s.RunInline(&rgEvil{Context: t.Context(), from: from}, call) })
			require.Zero(t, s.State().InFlight, "from %d", from)
			require.NoError(t, s.RunInline(t.Context(), rgOK), "from %d", from)
		}
	}
}

// rgTurncoat is a context whose methods panic once it is armed.
type rgTurncoat struct {
	context.Context
	armed atomic.Bool
}

func (c *rgTurncoat) Deadline() (time.Time, bool) { c.check(); return c.Context.Deadline() }
func (c *rgTurncoat) Err() error                  { c.check(); return c.Context.Err() }

func (c *rgTurncoat) check() {
	if c.armed.Load() {
		panic("evil")
	}
}

// TestAContextThatPanicsAfterTheTimeOutLeaksNoPlace has code return well, late, to a context that panics by then.
func TestAContextThatPanicsAfterTheTimeOutLeaksNoPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{MaxConcurrent: 1, Timeout: time.Millisecond})
		ctx := &rgTurncoat{Context: t.Context()}
		rgSwallow(func() {
			_ = s.RunInline(ctx, func(inner context.Context) error { <-inner.Done(); ctx.armed.Store(true); return nil })
		})
		require.True(t, ctx.armed.Load())
		require.Zero(t, s.State().InFlight)
	})
}

// TestAContextThatPanicsLeavesItsCodeAbandoned has the caller's goroutine panic while the code still runs.
func TestAContextThatPanicsLeavesItsCodeAbandoned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testSandbox(t, SandboxConfig{MaxAbandoned: 1})
		ctx, cancel := context.WithCancel(t.Context())
		out := make(chan struct{})
		go func() { <-time.After(time.Second); cancel() }()
		rgSwallow(func() {
			_ = s.Run(&rgEvil{Context: ctx, from: 2}, func(context.Context) error { <-out; return nil })
		})
		<-time.After(10 * time.Minute)
		require.EqualValues(t, 1, s.State().Abandoned)
		close(out)
		synctest.Wait()
		require.Zero(t, s.State().Abandoned)
		require.Zero(t, s.State().InFlight)
	})
}

// TestNoHookIsToldThatACallWhoseContextPanickedWentWell has it panic before the code ran.
func TestNoHookIsToldThatACallWhoseContextPanickedWentWell(t *testing.T) {
	t.Parallel()
	s := testSandbox(t, SandboxConfig{})
	var got []CallResult
	s.hooks.set(&Hooks{CallDone: func(_ context.Context, _ CallInfo, r CallResult) { got = append(got, r) }})
	rgSwallow(func() { _ = s.Run(&rgEvil{Context: t.Context(), from: 1}, rgOK) })
	require.Len(t, got, 1)
	require.Error(t, got[0].Err)
}

// TestEachStartIsToldAsDoneThoughAHookEndsTheGoroutine joins hooks with one that calls Goexit.
func TestEachStartIsToldAsDoneThoughAHookEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	for name, rude := range map[string]*Hooks{
		"at the start": {CallStart: func(context.Context, CallInfo) context.Context { runtime.Goexit(); return nil }},
		"at the end":   {CallDone: func(context.Context, CallInfo, CallResult) { runtime.Goexit() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testSandbox(t, SandboxConfig{})
			var start, done int
			s.hooks.set(JoinHooks(&Hooks{
				CallStart: func(ctx context.Context, _ CallInfo) context.Context { start++; return ctx },
				CallDone:  func(context.Context, CallInfo, CallResult) { done++ },
			}, rude))
			rgAlone(func() { _ = s.Run(t.Context(), rgOK) })
			require.Equal(t, []int{1, 1}, []int{start, done})
			require.Zero(t, s.State().InFlight)
		})
	}
}

// TestLabelsThatAHookSetEndWithTheCall has an inline call, which runs on its caller's goroutine.
func TestLabelsThatAHookSetEndWithTheCall(t *testing.T) {
	t.Parallel()
	profile := func() string {
		var b strings.Builder
		require.NoError(t, pprof.Lookup("goroutine").WriteTo(&b, 1))
		return b.String()
	}
	s := testSandbox(t, SandboxConfig{Labels: LabelAll})
	s.hooks.set(&Hooks{CallStart: func(ctx context.Context, _ CallInfo) context.Context {
		return pprof.WithLabels(ctx, pprof.Labels("rgtrace", "1"))
	}})
	pprof.Do(t.Context(), pprof.Labels("rgcaller", "1"), func(ctx context.Context) {
		require.NoError(t, s.RunInline(ctx, rgOK))
		got := profile()
		require.True(t, strings.Contains(got, `"rgcaller":"1"`), "the caller's own are back")
		require.False(t, strings.Contains(got, `"rgtrace":"1"`), "the hook's stayed")
	})
}
