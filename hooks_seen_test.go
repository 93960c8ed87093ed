// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// seen is what a hook was given.
type seen struct {
	what   string
	info   plugreg.CallInfo
	result plugreg.CallResult
}

func watching() (*plugreg.Hooks, func() []seen) {
	var mu sync.Mutex
	var all []seen
	add := func(s seen) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, s)
	}
	start := func(what string) func(ctx context.Context, c plugreg.CallInfo) context.Context {
		return func(ctx context.Context, c plugreg.CallInfo) context.Context {
			add(seen{what: what, info: c})
			return ctx
		}
	}
	done := func(what string) func(context.Context, plugreg.CallInfo, plugreg.CallResult) {
		return func(_ context.Context, c plugreg.CallInfo, r plugreg.CallResult) { add(seen{what, c, r}) }
	}
	return &plugreg.Hooks{CallStart: start("start"), CallDone: done("done"), CallLate: done("late"), PhaseStart: start("phase start"), PhaseDone: done("phase done")},
		func() []seen {
			mu.Lock()
			defer mu.Unlock()
			got := all
			all = nil
			return got
		}
}

func TestPhasesSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hooks, take := watching()
		p := wormPlugin("gear", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
			env.OnClose(func() error { return nil })
			env.OnClose(func() error { return errTooth })
			return &worm{probe: func(context.Context) error { <-time.After(time.Second); return nil }}, nil
		})
		r := gears(t, plugreg.Config{Name: "box", Hooks: hooks, Trust: func(plugreg.Contract) error { return nil }}, p)
		h := mustOpen(t, r, "gear")
		require.Error(t, h.Close(t.Context()))
		_, err := r.Open(t.Context(), "gear", "^2", nil)
		require.ErrorIs(t, err, plugreg.ErrNotFound)
		var order []string
		cleanups := map[*plugreg.Target]int{}
		var open *plugreg.Target
		for _, s := range take() {
			require.True(t, s.info.Target.Phase)
			require.False(t, s.info.Inline)
			require.Equal(t, "box", s.info.Target.Registry)
			require.Equal(t, "gear", s.info.Target.Plugin)
			if s.what == "phase start" {
				open = s.info.Target
				continue
			}
			require.Equal(t, "phase done", s.what)
			require.Same(t, open, s.info.Target, "one target for the start and the end")
			order = append(order, fmt.Sprintf("%s %s %d %v %s", open.Operation, open.Version, open.Mount, s.result.Duration, s.result.Code))
			if open.Operation == "OnClose" {
				cleanups[open]++
			}
		}
		require.Equal(t, []string{
			"resolve  0 0s ", "check 1.0.0 0 0s ", "construct 1.0.0 1 0s ", "init 1.0.0 1 0s ", "probe 1.0.0 1 1s ", "drain 1.0.0 1 0s ", "close 1.0.0 1 0s ",
			"OnClose 1.0.0 1 0s ERROR", "OnClose 1.0.0 1 0s ", "resolve  0 0s NOT_FOUND",
		}, order)
		require.Len(t, cleanups, 1, "one target for one operation of one instance")
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestTargets(t *testing.T) {
	t.Parallel()
	hooks, take := watching()
	p := spurPlugin("gear", "v1.0.0", nil)
	p.Exports = map[string]any{"left": func() {}, "right": func() {}}
	r := gears(t, plugreg.Config{Name: "box"}, p)
	a, b := mustOpen(t, r, "gear"), mustOpen(t, r, "gear")
	view, err := plugreg.As[tagger](a)
	require.NoError(t, err)
	r.SetHooks(hooks)
	ctx := t.Context()
	var want []plugreg.Target
	for range 2 {
		for mount, h := range []*plugreg.Handle[gear]{a, b} {
			require.NoError(t, h.Do(ctx, func(context.Context, gear) error { return nil }))
			require.NoError(t, h.DoInline(ctx, func(context.Context, gear) error { return nil }))
			want = append(want, plugreg.Target{Registry: "box", Plugin: "gear", Version: "1.0.0", Mount: uint64(mount) + 1, Operation: "call"})
			for _, name := range []string{"left", "right"} {
				require.NoError(t, plugreg.DoExport(ctx, h, name, func(context.Context, func()) error { return nil }))
				want = append(want, plugreg.Target{Registry: "box", Plugin: "gear", Version: "1.0.0", Mount: uint64(mount) + 1, Operation: name})
			}
		}
		require.NoError(t, view.Do(ctx, func(context.Context, tagger) error { return nil }))
	}
	targets := map[*plugreg.Target]int{}
	inline := 0
	for _, s := range take() {
		targets[s.info.Target]++
		if s.info.Inline {
			inline++
		}
	}
	require.Equal(t, 8, inline)
	require.Len(t, targets, 6, "one for each operation of each instance, whatever the view")
	for _, w := range want {
		found := 0
		for got := range targets {
			if got.Registry == w.Registry && got.Plugin == w.Plugin && got.Version == w.Version && got.Mount == w.Mount && got.Operation == w.Operation && !got.Phase {
				found++
			}
		}
		require.Equal(t, 1, found, w)
	}
	require.NoError(t, r.Close(ctx))
}

func TestCallResults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hooks, take := watching()
		r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: 10 * time.Second, Breaker: unbroken()}}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		r.SetHooks(hooks)
		ctx := t.Context()
		run := func(err error, want ...seen) {
			t.Helper()
			got := take()
			require.Len(t, got, len(want)+1)
			require.Equal(t, "start", got[0].what)
			for i, w := range want {
				require.Equal(t, w.what, got[i+1].what)
				require.Equal(t, w.result.Duration, got[i+1].result.Duration)
				require.Equal(t, w.result.Code, got[i+1].result.Code)
				require.Same(t, got[0].info.Target, got[i+1].info.Target)
				if w.what == "done" {
					require.Equal(t, err, got[i+1].result.Err, "what the caller got")
				} else {
					require.Equal(t, w.result.Err, got[i+1].result.Err)
				}
			}
		}
		result := func(what, code string, d time.Duration) seen {
			return seen{what: what, result: plugreg.CallResult{Code: code, Duration: d}}
		}
		wait := func(d time.Duration, err error) func(context.Context, gear) error {
			return func(context.Context, gear) error { <-time.After(d); return err }
		}
		run(h.Do(ctx, wait(time.Second, nil)), result("done", "", time.Second))
		run(h.Do(ctx, wait(time.Second, errTooth)), result("done", "ERROR", time.Second))
		run(h.DoInline(ctx, wait(2*time.Second, errTooth)), result("done", "ERROR", 2*time.Second))
		run(h.Do(ctx, func(context.Context, gear) error { panic("stuck") }), result("done", "PANIC", 0))
		gone, cancel := context.WithCancelCause(ctx)
		cancel(plugreg.ErrClosed) // a cause with a code of its own
		run(h.Do(gone, wait(0, nil)), result("done", "CLOSED", 0))
		run(h.DoInline(gone, wait(0, nil)), result("done", "CLOSED", 0))
		require.EqualValues(t, 2, h.Sandbox().State().Failures["CLOSED"], "what is counted is what hooks see")

		err := h.Do(ctx, wait(15*time.Second, errTooth))
		<-time.After(6 * time.Second)
		late := result("late", "ERROR", 15*time.Second)
		late.result.Err = errTooth
		run(err, result("done", "TIMEOUT", 10*time.Second), late)
		short, cancelShort := context.WithTimeout(ctx, time.Second)
		defer cancelShort()
		err = h.Do(short, wait(3*time.Second, nil))
		<-time.After(3 * time.Second)
		run(err, result("done", "DEADLINE", time.Second), result("late", "", 3*time.Second))

		require.ErrorIs(t, plugreg.DoExport(ctx, h, "none", func(context.Context, func()) error { return nil }), plugreg.ErrNotFound)
		lease, err := h.Acquire(ctx)
		require.NoError(t, err)
		lease.Release()
		require.Empty(t, take(), "neither is a call")
		r.SetHooks(nil)
		require.NoError(t, r.Close(ctx))
		require.ErrorIs(t, h.Do(ctx, nil), plugreg.ErrClosed)
	})
}

// TestHooksMayCancel has the context that CallStart returns decide, as the caller's would.
func TestHooksMayCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		r.SetHooks(&plugreg.Hooks{CallStart: func(ctx context.Context, _ plugreg.CallInfo) context.Context {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(errChanged)
			return ctx
		}})
		for _, do := range []func(context.Context, func(context.Context, gear) error) error{h.Do, h.DoInline} {
			err := do(t.Context(), func(context.Context, gear) error { return errTooth })
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, errChanged)
			require.NotErrorIs(t, err, errTooth)
		}
		requireQuiet(t, h.Sandbox().State())
		r.SetHooks(nil)
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestHooksOfACallGiveContextsThatChain derives from the hooks' context everything that a plugin may.
func TestHooksOfACallGiveContextsThatChain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := gears(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: time.Minute}}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		j := new(journal)
		r.SetHooks(marking(j, "a"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := h.DoInline(ctx, func(ctx context.Context, _ gear) error {
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			return h.DoInline(derived, func(ctx context.Context, _ gear) error {
				require.Equal(t, "aa", trail(ctx))
				over := make(chan struct{})
				context.AfterFunc(ctx, func() { close(over) })
				<-over
				return ctx.Err()
			})
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		r.SetHooks(nil)
		require.NoError(t, r.Close(t.Context()))
	})
}
