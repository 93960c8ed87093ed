// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// trailKey finds what the hooks before have left in a context.
type trailKey struct{}

func trail(ctx context.Context) string {
	s, _ := ctx.Value(trailKey{}).(string)
	return s
}

// marking are hooks that write their name to the journal, with the trail of the context that they get, which they lengthen.
func marking(j *journal, name string) *plugreg.Hooks {
	start := func(ctx context.Context, c plugreg.CallInfo) context.Context {
		j.add("%s> %s %s", name, c.Target.Operation, trail(ctx))
		return context.WithValue(ctx, trailKey{}, trail(ctx)+name)
	}
	done := func(ctx context.Context, c plugreg.CallInfo, r plugreg.CallResult) {
		j.add("<%s %s %s%s", name, c.Target.Operation, trail(ctx), r.Code)
	}
	return &plugreg.Hooks{CallStart: start, CallDone: done, PhaseStart: start, PhaseDone: done,
		CallLate: func(ctx context.Context, c plugreg.CallInfo, r plugreg.CallResult) {
			j.add("late %s %s %s%s", name, c.Target.Operation, trail(ctx), r.Code)
		}}
}

func TestJoinHooks(t *testing.T) {
	t.Parallel()
	j := new(journal)
	cb := marking(j, "c")
	inner := plugreg.JoinHooks(marking(j, "b"), nil, cb)
	joined := plugreg.JoinHooks(nil, marking(j, "a"), inner, &plugreg.Hooks{}, plugreg.JoinHooks(), plugreg.JoinHooks(marking(j, "d")))
	inner.CallStart, cb.CallStart = nil, func(context.Context, plugreg.CallInfo) context.Context { panic("a copy was taken before") }
	r := gears(t, plugreg.Config{Hooks: joined}, spurPlugin("gear", "1.0.0", nil))
	joined.CallDone = func(context.Context, plugreg.CallInfo, plugreg.CallResult) { panic("and here") }
	h := mustOpen(t, r, "gear")
	j.take()
	var inside string
	for _, call := range []func() error{
		func() error {
			return h.Do(t.Context(), func(ctx context.Context, _ gear) error { inside = trail(ctx); return errTooth })
		},
		func() error {
			return h.DoInline(t.Context(), func(ctx context.Context, _ gear) error { inside = trail(ctx); return errTooth })
		},
	} {
		inside = ""
		require.Same(t, errTooth, call())
		require.Equal(t, "abcd", inside)
		require.Equal(t, []string{"a> call ", "b> call a", "c> call ab", "d> call abc", "<d call abcdERROR", "<c call abcdERROR", "<b call abcdERROR", "<a call abcdERROR"}, j.take())
	}
	r.SetHooks(plugreg.JoinHooks(nil, &plugreg.Hooks{}))
	require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }))
	r.SetHooks(nil)
	require.NoError(t, h.Close(t.Context()))
	require.Empty(t, j.take(), "they were removed")
	require.Zero(t, r.Inspect().HookPanics)
	require.NoError(t, r.Close(t.Context()))
}

// TestHooksOwnAndJoined adds fields to joined hooks: these come last.
func TestHooksOwnAndJoined(t *testing.T) {
	t.Parallel()
	j := new(journal)
	h := plugreg.JoinHooks(marking(j, "a"))
	h.CallStart = marking(j, "b").CallStart
	s := gears(t, plugreg.Config{Hooks: h}, spurPlugin("gear", "1.0.0", nil))
	gear1 := mustOpen(t, s, "gear")
	j.take()
	require.NoError(t, gear1.Do(t.Context(), func(context.Context, gear) error { return nil }))
	require.Equal(t, []string{"a> call ", "b> call a", "<a call ab"}, j.take())
	require.NoError(t, s.Close(t.Context()))
}

func TestHooksThatFail(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(context.Context, plugreg.CallInfo) context.Context{
		"panics":          func(context.Context, plugreg.CallInfo) context.Context { panic("hook") },
		"panics with nil": func(context.Context, plugreg.CallInfo) context.Context { panic(nil) },
		"returns nothing": func(context.Context, plugreg.CallInfo) context.Context { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := new(journal)
			bad := &plugreg.Hooks{CallStart: start, PhaseStart: start, CallDone: func(ctx context.Context, _ plugreg.CallInfo, _ plugreg.CallResult) {
				j.add("its done %s", trail(ctx))
				panic("done")
			}}
			r := gears(t, plugreg.Config{Hooks: plugreg.JoinHooks(marking(j, "a"), bad, marking(j, "z")), Sandbox: plugreg.SandboxConfig{Timeout: -1}},
				spurPlugin("gear", "1.0.0", nil))
			h := mustOpen(t, r, "gear")
			before := r.Inspect().HookPanics
			j.take()
			for _, do := range []func(context.Context, func(context.Context, gear) error) error{h.Do, h.DoInline} {
				require.NoError(t, do(t.Context(), func(ctx context.Context, _ gear) error {
					require.Equal(t, "az", trail(ctx))
					return ctx.Err()
				}))
				require.Equal(t, []string{"a> call ", "z> call a", "<z call az", "its done az", "<a call az"}, j.take())
			}
			want := uint64(4)
			if name == "returns nothing" {
				want = 2
			}
			require.Equal(t, want, r.Inspect().HookPanics-before)
			require.NoError(t, r.Close(t.Context()))
		})
	}
}

// TestSetHooksWhileCallsRun has each call see the hooks of its beginning at its end.
func TestSetHooksWhileCallsRun(t *testing.T) {
	t.Parallel()
	r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", nil))
	h := mustOpen(t, r, "gear")
	const generations = 50
	var starts, dones [generations]atomic.Int64
	var mixed atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for round := 0; !stop.Load() || round < 1000; round++ {
				call := func(context.Context, gear) error { return nil }
				if worker%2 == 0 {
					_ = h.Do(context.Background(), call)
				} else {
					_ = h.DoInline(context.Background(), call)
				}
				runtime.Gosched() // on one core nobody else would come to it
			}
		})
	}
	for n := range generations {
		one := &plugreg.Hooks{
			CallStart: func(ctx context.Context, _ plugreg.CallInfo) context.Context {
				starts[n].Add(1)
				return context.WithValue(ctx, trailKey{}, fmt.Sprint(n))
			},
			CallDone: func(ctx context.Context, _ plugreg.CallInfo, _ plugreg.CallResult) {
				dones[n].Add(1)
				if trail(ctx) != fmt.Sprint(n) {
					mixed.Add(1)
				}
			},
		}
		r.SetHooks(one)
		spin(t, func() bool { return dones[n].Load() > 0 })
	}
	stop.Store(true)
	wg.Wait()
	require.Zero(t, mixed.Load())
	for n := range generations {
		require.NotZero(t, starts[n].Load())
		require.Equal(t, starts[n].Load(), dones[n].Load(), n)
	}
	require.NoError(t, r.Close(t.Context()))
}
