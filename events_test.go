// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// evTrip fails often enough to open the breaker.
func evTrip(t *testing.T, h *plugreg.Handle[gear]) {
	t.Helper()
	for range 3 {
		require.ErrorIs(t, h.Do(t.Context(), func(context.Context, gear) error { return errTooth }), errTooth)
	}
}

// Changes of a breaker are told in order, with the reason, after they happened and to all hooks.
func TestBreakerHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		tell := func(name string) *plugreg.Hooks {
			return &plugreg.Hooks{Breaker: func(_ context.Context, b plugreg.BreakerInfo) {
				j.add("%s %s %s: %v → %v (%s)", name, b.Target.Plugin, b.Target.Version, b.From, b.To, b.Reason)
			}}
		}
		r := gears(t, plugreg.Config{Hooks: plugreg.JoinHooks(tell("a"), tell("b"))}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		evTrip(t, h)
		pass(10 * time.Second)
		require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }))
		h.Sandbox().Disable("enough")
		h.Sandbox().Enable()
		synctest.Wait()
		var want []string
		for _, change := range []string{"closed → open (3 failures in a row)", "open → half-open (3 failures in a row)", "half-open → closed ()",
			"closed → disabled (enough)", "disabled → closed ()"} {
			want = append(want, "a gear 1.0.0: "+change, "b gear 1.0.0: "+change)
		}
		require.Equal(t, want, j.take())
		require.NoError(t, r.Close(t.Context()))
	})
}

// A hook may do what it likes: no call waits for it, and no other hook is lost.
func TestHostileBreakerHooks(t *testing.T) {
	t.Parallel()
	for name, hostile := range map[string]func(h *plugreg.Handle[gear], ctx context.Context, release *gate){
		"panic":     func(*plugreg.Handle[gear], context.Context, *gate) { panic("hook") },
		"nil panic": func(*plugreg.Handle[gear], context.Context, *gate) { panic(nil) },
		"Goexit":    func(*plugreg.Handle[gear], context.Context, *gate) { runtime.Goexit() },
		"hang":      func(_ *plugreg.Handle[gear], _ context.Context, release *gate) { release.wait() },
		"enable":    func(h *plugreg.Handle[gear], _ context.Context, _ *gate) { h.Sandbox().Enable() },
		"call": func(h *plugreg.Handle[gear], ctx context.Context, _ *gate) {
			_ = h.Do(ctx, func(context.Context, gear) error { return nil })
		},
		"state": func(h *plugreg.Handle[gear], _ context.Context, _ *gate) { h.Sandbox().State() },
		"close": func(h *plugreg.Handle[gear], ctx context.Context, _ *gate) { _ = h.Close(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var h *plugreg.Handle[gear]
				var seen atomic.Int32
				release := newGate()
				r := gears(t, plugreg.Config{Hooks: plugreg.JoinHooks(
					&plugreg.Hooks{Breaker: func(ctx context.Context, b plugreg.BreakerInfo) {
						if b.To == plugreg.BreakerOpen {
							hostile(h, ctx, release)
						}
					}},
					&plugreg.Hooks{Breaker: func(context.Context, plugreg.BreakerInfo) { seen.Add(1) }},
				)}, spurPlugin("gear", "1.0.0", nil))
				h = mustOpen(t, r, "gear")
				began := time.Now()
				evTrip(t, h)
				require.Zero(t, time.Since(began), "nobody waits for a hook")
				release.open()
				synctest.Wait()
				require.Positive(t, seen.Load())
				h.Sandbox().Enable()
				synctest.Wait()
				if name != "close" {
					require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }))
				}
				panics := uint64(0)
				if name == "panic" || name == "nil panic" || name == "Goexit" {
					panics = 1
				}
				require.Equal(t, panics, r.Inspect().HookPanics)
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

// While a hook hangs the plugin goes on, and what is told meanwhile waits, up to a bound.
func TestSlowHookDelaysOnlyNotices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := newGate()
		var told, last atomic.Int32
		r := gears(t, plugreg.Config{Hooks: &plugreg.Hooks{Breaker: func(_ context.Context, b plugreg.BreakerInfo) {
			told.Add(1)
			last.Store(int32(b.To))
			release.wait()
		}}}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		h.Sandbox().Disable("drill")
		synctest.Wait() // it runs, and hangs
		for range 500 {
			h.Sandbox().Disable("drill")
			h.Sandbox().Enable()
			require.NoError(t, h.DoInline(t.Context(), func(context.Context, gear) error { return nil }))
		}
		synctest.Wait()
		require.EqualValues(t, 1, told.Load())
		release.open()
		synctest.Wait()
		require.EqualValues(t, 257, told.Load(), "one that ran, and as many as may wait")
		require.Equal(t, plugreg.BreakerClosed, plugreg.BreakerState(last.Load()), "the last state is told, however many there were before")
		require.NoError(t, r.Close(t.Context()))
	})
}

// A limit that is reached is told once until that was heard, with what it is.
func TestSaturationHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		p := spurPlugin("gear", "1.0.0", nil)
		p.Uses = []string{"cache:fallback"}
		other := spurPlugin("other", "1.0.0", nil)
		other.Uses = p.Uses
		r := gears(t, plugreg.Config{
			Resources: map[string]plugreg.Resource{"cache:fallback": {MaxConcurrent: 2}},
			Sandbox:   plugreg.SandboxConfig{MaxConcurrent: 2, MaxAbandoned: 1, Timeout: time.Second},
			Hooks: &plugreg.Hooks{Saturation: func(_ context.Context, s plugreg.SaturationInfo) {
				j.add("%s %q %t", s.Target.Plugin, s.Resource, s.Abandoned)
			}},
		}, p, other)
		h, o := mustOpen(t, r, "gear"), mustOpen(t, r, "other")
		release := newGate()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				_ = h.DoInline(t.Context(), func(context.Context, gear) error { release.wait(); return nil })
			})
		}
		synctest.Wait()
		nop := func(context.Context, gear) error { return nil }
		for range 5 {
			require.ErrorIs(t, h.DoInline(t.Context(), nop), plugreg.ErrSaturated)
			require.ErrorIs(t, o.DoInline(t.Context(), nop), plugreg.ErrSaturated)
			synctest.Wait()
		}
		seen := strings.Join(j.take(), "\n")
		require.Equal(t, 5, strings.Count(seen, `gear "" false`))
		require.Equal(t, 5, strings.Count(seen, `other "cache:fallback" false`))
		release.open()
		wg.Wait()
		stuck := newGate()
		require.ErrorIs(t, o.Do(t.Context(), func(context.Context, gear) error { stuck.wait(); return nil }), context.DeadlineExceeded)
		pass(time.Second)
		require.ErrorIs(t, o.DoInline(t.Context(), nop), plugreg.ErrSaturated)
		require.Equal(t, []string{`other "" true`}, j.take())
		stuck.open()
		require.NoError(t, r.Close(t.Context()))
	})
}

// What a breaker does is logged, at a level that fits; a handler that misbehaves changes nothing.
func TestBreakerIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var lines []string
		log := slog.New(evHandler(func(r slog.Record) {
			mu.Lock()
			defer mu.Unlock()
			text := fmt.Sprintf("%v %s", r.Level, r.Message)
			r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
			lines = append(lines, text)
			if strings.Contains(text, "half-open") {
				runtime.Goexit()
			}
		}))
		r := gears(t, plugreg.Config{Logger: log}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		evTrip(t, h)
		pass(10 * time.Second)
		h.Sandbox().Disable("enough")
		synctest.Wait()
		mu.Lock()
		require.Equal(t, []string{
			"WARN plugreg: breaker open registry=gear plugin=gear version=1.0.0 mount=1 from=closed reason=3 failures in a row",
			"INFO plugreg: breaker half-open registry=gear plugin=gear version=1.0.0 mount=1 from=open reason=3 failures in a row",
			"ERROR plugreg: breaker disabled registry=gear plugin=gear version=1.0.0 mount=1 from=half-open reason=enough",
		}, lines)
		mu.Unlock()
		require.NoError(t, r.Close(t.Context()))
	})
}

type evHandler func(slog.Record)

func (evHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h evHandler) Handle(_ context.Context, r slog.Record) error {
	h(r)
	return nil
}
func (h evHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h evHandler) WithGroup(string) slog.Handler      { return h }
