// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// sharers is a registry of plugins with the same settings that all use the same resources, and one, "free", that uses
// none.
func sharers(t testing.TB, cfg plugreg.Config, uses []string, names ...string) (*plugreg.Registry[gear], map[string]*plugreg.Handle[gear]) {
	t.Helper()
	ps := []plugreg.Plugin[gear]{spurPlugin("free", "1.0.0", nil)}
	for _, name := range names {
		p := spurPlugin(name, "1.0.0", nil)
		p.Uses = uses
		ps = append(ps, p)
	}
	r := gears(t, cfg, ps...)
	hs := map[string]*plugreg.Handle[gear]{}
	for _, p := range ps {
		hs[p.Name] = mustOpen(t, r, p.Name)
	}
	return r, hs
}

// detachedBy and inlineBy are calls of h as a doer.
func detachedBy(h *plugreg.Handle[gear]) doer {
	return func(ctx context.Context, call func(context.Context) error) error {
		return h.Do(ctx, func(ctx context.Context, _ gear) error { return call(ctx) })
	}
}

func inlineBy(h *plugreg.Handle[gear]) doer {
	return func(ctx context.Context, call func(context.Context) error) error {
		return h.DoInline(ctx, func(ctx context.Context, _ gear) error { return call(ctx) })
	}
}

func mustAcquire(t testing.TB, h *plugreg.Handle[gear]) *plugreg.Lease[gear] {
	t.Helper()
	l, err := h.Acquire(t.Context())
	require.NoError(t, err)
	return l
}

// requireScarce asserts that h's plugin is refused because of a resource.
func requireScarce(t testing.TB, err error, plugin, resource string, limit int) {
	t.Helper()
	requireRejected(t, err, plugreg.RejectedError{Plugin: plugin, Version: "1.0.0", Resource: resource,
		Reason: fmt.Sprintf("%d calls use it", limit), Err: plugreg.ErrSaturated})
}

// using is the state of a registry's resources: those who use each, those who wait.
func using(r *plugreg.Registry[gear]) map[string][2]int {
	m := map[string][2]int{}
	for _, s := range r.Inspect().Resources {
		m[s.Name] = [2]int{int(s.InFlight), s.Waiting}
	}
	return m
}

func TestTwoPluginsShareOneLimit(t *testing.T) {
	t.Parallel()
	r, hs := sharers(t, plugreg.Config{Resources: map[string]plugreg.Resource{"cache:fallback": {MaxConcurrent: 2}}}, []string{"cache:fallback"}, "a", "b")
	la, lb := mustAcquire(t, hs["a"]), mustAcquire(t, hs["b"])
	for _, name := range []string{"a", "b"} {
		h := hs[name]
		_, callErr := plugreg.Call(t.Context(), h, func(context.Context, gear) (int, error) { return 1, nil })
		_, leaseErr := h.Acquire(t.Context())
		for _, err := range []error{detachedBy(h)(t.Context(), atOnce), inlineBy(h)(t.Context(), atOnce), callErr, leaseErr} {
			requireScarce(t, err, name, "cache:fallback", 2)
			require.EqualError(t, err, fmt.Sprintf("plugin %q 1.0.0: resource %q: saturated: 2 calls use it", name, "cache:fallback"))
			require.Equal(t, "SATURATED", plugreg.CodeOf(err))
		}
		require.Equal(t, plugreg.SandboxState{Calls: 1, InFlight: 1, ErrorLimit: 0.5}, h.Sandbox().State(), "a refusal is no call, and keeps no place")
	}
	require.NoError(t, detachedBy(hs["free"])(t.Context(), atOnce), "who does not use it is not concerned")
	lb.Release()
	require.NoError(t, detachedBy(hs["a"])(t.Context(), atOnce), "a permit is anybody's")
	require.NoError(t, inlineBy(hs["b"])(t.Context(), atOnce))
	la.Release()
	require.Equal(t, map[string][2]int{"cache:fallback": {0, 0}}, using(r))
	require.NoError(t, r.Close(t.Context()))
}

func TestSharedLimitIsExactUnderContention(t *testing.T) {
	t.Parallel()
	const callers, calls, limit = 64, 100, 3
	all := map[string]plugreg.Resource{"x": {MaxConcurrent: limit}, "y": {MaxConcurrent: 2 * limit}}
	r, hs := sharers(t, plugreg.Config{Resources: all}, []string{"y", "x"}, "a", "b")
	doers := []doer{detachedBy(hs["a"]), inlineBy(hs["a"]), detachedBy(hs["b"]), inlineBy(hs["b"])}
	c, g := new(crowd), newGate()
	over := c.fillUp(t, doers[0], limit, g)
	var refused atomic.Int64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := range calls {
				if err := doers[(caller+n)%len(doers)](context.Background(), c.visit); err != nil {
					e, ok := errors.AsType[*plugreg.RejectedError](err)
					if !ok || e.Resource != "x" {
						t.Error(err)
					}
					refused.Add(1)
				}
			}
		})
	}
	spin(t, func() bool { return refused.Load() > 0 })
	g.open()
	wg.Wait()
	for range limit {
		require.NoError(t, <-over)
	}
	require.EqualValues(t, limit, c.peak.Load())
	require.EqualValues(t, callers*calls+limit, c.total.Load()+refused.Load())
	require.Equal(t, map[string][2]int{"x": {0, 0}, "y": {0, 0}}, using(r))
	require.EqualValues(t, c.total.Load(), hs["a"].Sandbox().State().Calls+hs["b"].Sandbox().State().Calls)
	for range limit {
		defer mustAcquire(t, hs["b"]).Release()
	}
}

func TestAFullResourceCostsNoPlace(t *testing.T) {
	t.Parallel()
	r, hs := sharers(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{MaxConcurrent: 2},
		Resources: map[string]plugreg.Resource{"a-first": {MaxConcurrent: 9}, "b-full": {MaxConcurrent: 1}, "c-last": {MaxConcurrent: 9}}},
		[]string{"c-last", "b-full", "a-first", "unlimited"}, "one", "two")
	held := mustAcquire(t, hs["one"])
	for range 50 {
		requireScarce(t, detachedBy(hs["two"])(t.Context(), atOnce), "two", "b-full", 1)
		requireScarce(t, inlineBy(hs["two"])(t.Context(), atOnce), "two", "b-full", 1)
	}
	require.Equal(t, plugreg.SandboxState{ErrorLimit: 0.5}, hs["two"].Sandbox().State())
	require.Equal(t, map[string][2]int{"a-first": {1, 0}, "b-full": {1, 0}, "c-last": {1, 0}}, using(r), "what came before it in the order was given back")
	held.Release()
	require.NoError(t, detachedBy(hs["two"])(t.Context(), func(ctx context.Context) error {
		require.Equal(t, map[string][2]int{"a-first": {1, 0}, "b-full": {1, 0}, "c-last": {1, 0}}, using(r))
		return nil
	}))
	require.Equal(t, map[string][2]int{"a-first": {0, 0}, "b-full": {0, 0}, "c-last": {0, 0}}, using(r))
	require.NoError(t, r.Close(t.Context()))
}

func TestAbandonedCallsKeepTheirPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, hs := sharers(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: time.Second}, Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 1}}},
			[]string{"cache"}, "hung", "well")
		g := newGate()
		require.ErrorIs(t, detachedBy(hs["hung"])(t.Context(), func(context.Context) error { g.wait(); return nil }), context.DeadlineExceeded)
		for range 10 {
			<-time.After(time.Minute)
			require.EqualValues(t, 1, hs["hung"].Sandbox().State().Abandoned)
			requireScarce(t, detachedBy(hs["well"])(t.Context(), atOnce), "well", "cache", 1)
		}
		g.open()
		synctest.Wait()
		require.Equal(t, map[string][2]int{"cache": {0, 0}}, using(r))
		require.NoError(t, detachedBy(hs["well"])(t.Context(), atOnce))
		require.NoError(t, detachedBy(hs["hung"])(t.Context(), atOnce))
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestLeasesHoldTheirPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, hs := sharers(t, plugreg.Config{Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 1}}}, []string{"cache"}, "a", "b")
		l := mustAcquire(t, hs["a"])
		closed := make(chan error)
		go func() { closed <- hs["a"].Close(context.Background()) }()
		require.ErrorIs(t, <-closed, plugreg.ErrStranded)
		requireScarce(t, detachedBy(hs["b"])(t.Context(), atOnce), "b", "cache", 1)
		l.Release()
		l.Release()
		<-hs["a"].Done()
		require.Equal(t, map[string][2]int{"cache": {0, 0}}, using(r), "given back once")
		require.NoError(t, detachedBy(hs["b"])(t.Context(), atOnce))
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestEveryWayOutGivesThePermitBack leaves a limit of one whole, whatever the code does.
func TestEveryWayOutGivesThePermitBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, hs := sharers(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: 5 * time.Millisecond, Breaker: unbroken(), MaxAbandoned: -1},
			Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 1}}}, []string{"cache"}, "a", "b")
		for kind := range faultKinds {
			for name, do := range map[string]doer{"Do": detachedBy(hs["a"]), "DoInline": inlineBy(hs["a"])} {
				g := newGate()
				time.AfterFunc(time.Second, g.open)
				apart(func() { fault(kind, g, do) })
				<-time.After(2 * time.Second)
				synctest.Wait()
				require.Equal(t, map[string][2]int{"cache": {0, 0}}, using(r), "%s, %d", name, kind)
				require.NoError(t, detachedBy(hs["b"])(t.Context(), atOnce), "%s, %d", name, kind)
			}
		}
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestOneHangingPluginLeavesTheOthersTheirShare has six plugins fall back on one cache, in which the calls of one hang.
// With a limit of its own it cannot take all of the cache; without one the others' callers are refused at once, instead
// of hanging in it too.
func TestOneHangingPluginLeavesTheOthersTheirShare(t *testing.T) {
	t.Parallel()
	const limit = 4
	names := []string{"billing", "catalog", "fraud", "search", "shipping", "stock"}
	scene := func(t *testing.T, own int, check func(name string, err error)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			cfg := plugreg.Config{Resources: map[string]plugreg.Resource{"cache:fallback": {MaxConcurrent: limit}},
				SandboxFor: func(i plugreg.Info) *plugreg.SandboxConfig {
					if i.Name == "search" {
						return &plugreg.SandboxConfig{MaxConcurrent: own, Timeout: time.Hour}
					}
					return nil
				}}
			r, hs := sharers(t, cfg, []string{"cache:fallback"}, names...)
			g, c := newGate(), new(crowd)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() { _ = detachedBy(hs["search"])(context.Background(), c.until(g)) })
			}
			synctest.Wait()
			for range 10 {
				for _, name := range names {
					if name == "search" {
						continue
					}
					for _, do := range []doer{detachedBy(hs[name]), inlineBy(hs[name])} {
						require.Zero(t, took(func() { check(name, do(t.Context(), c.visit)) }), "nobody waits for the one that hangs")
					}
				}
			}
			require.LessOrEqual(t, c.peak.Load(), int64(limit))
			for _, name := range names {
				require.Equal(t, plugreg.BreakerClosed, hs[name].Sandbox().State().Breaker, "no neighbour is blamed")
			}
			require.EqualValues(t, min(own, limit), using(r)["cache:fallback"][0])
			g.open()
			wg.Wait()
			require.Zero(t, using(r)["cache:fallback"][0])
			require.NoError(t, r.Close(t.Context()))
		})
	}
	t.Run("a limit of its own", func(t *testing.T) {
		t.Parallel()
		scene(t, 2, func(name string, err error) { require.NoError(t, err, name) })
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		scene(t, 1000, func(name string, err error) { requireScarce(t, err, name, "cache:fallback", limit) })
	})
}

// sharing has one call of "a" hold all of a resource with a queue of 10s, and tells how "b" fares.
func sharing(t *testing.T, scene func(t *testing.T, r *plugreg.Registry[gear], hs map[string]*plugreg.Handle[gear], held *plugreg.Lease[gear])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, hs := sharers(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{MaxConcurrent: 20},
			Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 1, MaxQueue: 10 * time.Second}}}, []string{"cache"}, "a", "b")
		held := mustAcquire(t, hs["a"])
		scene(t, r, hs, held)
		held.Release()
		require.Equal(t, map[string][2]int{"cache": {0, 0}}, using(r))
		requireQuiet(t, hs["b"].Sandbox().State())
		require.NoError(t, r.Close(context.Background()))
	})
}

func TestQueueOfAResource(t *testing.T) {
	t.Parallel()
	t.Run("in the order of coming, whoever they are", func(t *testing.T) {
		t.Parallel()
		sharing(t, func(t *testing.T, r *plugreg.Registry[gear], hs map[string]*plugreg.Handle[gear], held *plugreg.Lease[gear]) {
			j := new(journal)
			var all []<-chan queueing
			for n := range 8 {
				name := []string{"a", "b"}[n%2]
				all = append(all, queueUp(t.Context(), detachedBy(hs[name]), func(context.Context) error { j.add("%d", n); return nil }))
				require.Equal(t, [2]int{1, n + 1}, using(r)["cache"])
				<-time.After(time.Second)
			}
			held.Release()
			for n, over := range all {
				o := <-over
				require.NoError(t, o.err)
				require.Equal(t, time.Duration(8-n)*time.Second, o.took)
			}
			require.Equal(t, "01234567", strings.Join(j.take(), ""))
		})
	})
	t.Run("for MaxQueue exactly", func(t *testing.T) {
		t.Parallel()
		sharing(t, func(t *testing.T, r *plugreg.Registry[gear], hs map[string]*plugreg.Handle[gear], held *plugreg.Lease[gear]) {
			for _, do := range []doer{detachedBy(hs["b"]), inlineBy(hs["b"])} {
				o := <-queueUp(t.Context(), do, func(context.Context) error { t.Error("it was refused"); return nil })
				require.Equal(t, 10*time.Second, o.took)
				requireScarce(t, o.err, "b", "cache", 1)
			}
			require.Equal(t, plugreg.SandboxState{ErrorLimit: 0.5}, hs["b"].Sandbox().State())
		})
	})
	t.Run("until the caller leaves", func(t *testing.T) {
		t.Parallel()
		sharing(t, func(t *testing.T, r *plugreg.Registry[gear], hs map[string]*plugreg.Handle[gear], held *plugreg.Lease[gear]) {
			for _, do := range []doer{detachedBy(hs["b"]), inlineBy(hs["b"])} {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errChanged)
				o := <-queueUp(ctx, do, func(context.Context) error { t.Error("it has gone"); return nil })
				cancel()
				require.Equal(t, time.Second, o.took)
				require.ErrorIs(t, o.err, context.DeadlineExceeded)
				require.ErrorIs(t, o.err, errChanged)
				require.NotErrorIs(t, o.err, plugreg.ErrSaturated)
			}
			require.Equal(t, plugreg.SandboxState{ErrorLimit: 0.5}, hs["b"].Sandbox().State())
		})
	})
	t.Run("until the plugin takes no more calls", func(t *testing.T) {
		t.Parallel()
		for name, tt := range map[string]struct {
			stop func(h *plugreg.Handle[gear])
			want error
		}{
			"disabled": {func(h *plugreg.Handle[gear]) { h.Sandbox().Disable("maintenance") }, plugreg.ErrDisabled},
			"closed":   {func(h *plugreg.Handle[gear]) { go h.Close(context.Background()) }, plugreg.ErrClosed},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				sharing(t, func(t *testing.T, r *plugreg.Registry[gear], hs map[string]*plugreg.Handle[gear], held *plugreg.Lease[gear]) {
					var all []<-chan queueing
					for _, do := range []doer{detachedBy(hs["b"]), inlineBy(hs["b"])} {
						all = append(all, queueUp(t.Context(), do, func(context.Context) error { t.Error("nobody is let in"); return nil }))
					}
					pass(5 * time.Second)
					tt.stop(hs["b"])
					for _, over := range all {
						o := <-over
						require.ErrorIs(t, o.err, tt.want)
						require.Equal(t, 5*time.Second, o.took, "at once")
					}
					require.Equal(t, [2]int{1, 0}, using(r)["cache"])
				})
			})
		}
	})
	t.Run("a caller without a context", func(t *testing.T) {
		t.Parallel()
		sharing(t, func(t *testing.T, r *plugreg.Registry[gear], hs map[string]*plugreg.Handle[gear], held *plugreg.Lease[gear]) {
			var none context.Context
			for _, do := range []doer{detachedBy(hs["b"]), inlineBy(hs["b"])} {
				require.Panics(t, func() { _ = do(none, atOnce) }, "the host's own mistake")
				require.Equal(t, plugreg.SandboxState{ErrorLimit: 0.5}, hs["b"].Sandbox().State(), "it costs no place")
			}
		})
	})
}

// TestAProbeThatAResourceRefusedMayComeAgain has the breaker's only permit come back with the refusal.
func TestAProbeThatAResourceRefusedMayComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, hs := sharers(t, plugreg.Config{Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 1}}}, []string{"cache"}, "a", "b")
		for range 3 {
			require.Equal(t, errTooth, detachedBy(hs["a"])(t.Context(), func(context.Context) error { return errTooth }))
		}
		held := mustAcquire(t, hs["b"])
		<-time.After(10 * time.Second)
		synctest.Wait()
		for range 5 {
			requireScarce(t, detachedBy(hs["a"])(t.Context(), atOnce), "a", "cache", 1)
			require.Equal(t, plugreg.BreakerHalfOpen, hs["a"].Sandbox().State().Breaker, "it proves nothing")
		}
		held.Release()
		require.NoError(t, detachedBy(hs["a"])(t.Context(), atOnce))
		require.Equal(t, plugreg.BreakerClosed, hs["a"].Sandbox().State().Breaker)
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestNestedCallsTakePermitsOfTheirOwn says what happens where the limit leaves no room for the depth.
func TestNestedCallsTakePermitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	r, hs := sharers(t, plugreg.Config{Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 2}}}, []string{"cache"}, "a", "b")
	for range 10 {
		err := detachedBy(hs["a"])(t.Context(), func(ctx context.Context) error {
			return inlineBy(hs["b"])(ctx, func(ctx context.Context) error { return detachedBy(hs["a"])(ctx, atOnce) })
		})
		requireScarce(t, err, "a", "cache", 2)
	}
	for _, name := range []string{"a", "b"} {
		require.Equal(t, plugreg.BreakerClosed, hs[name].Sandbox().State().Breaker, "a refusal on the way is nobody's failure")
	}
	require.Equal(t, map[string][2]int{"cache": {0, 0}}, using(r))
	require.NoError(t, r.Close(t.Context()))
}

func TestSaturationNamesTheResource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		r, hs := sharers(t, plugreg.Config{Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 1}}, Hooks: &plugreg.Hooks{
			Saturation: func(_ context.Context, s plugreg.SaturationInfo) {
				j.add("%s %q %v", s.Target.Plugin, s.Resource, s.Abandoned)
			}}},
			[]string{"cache"}, "a", "b")
		held := mustAcquire(t, hs["a"])
		requireScarce(t, detachedBy(hs["b"])(t.Context(), atOnce), "b", "cache", 1)
		synctest.Wait()
		require.Equal(t, []string{`b "cache" false`}, j.take())
		held.Release()
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestFaultyResourcesAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := plugreg.New[gear](plugreg.Config{Resources: map[string]plugreg.Resource{
		"zero": {}, "negative": {MaxConcurrent: -1}, "huge": {MaxConcurrent: 1 << 40}, "queue": {MaxConcurrent: 1, MaxQueue: -1},
		"": {MaxConcurrent: 1}, "white space": {MaxConcurrent: 1}, strings.Repeat("x", 200): {MaxConcurrent: 1}, "fine:one": {MaxConcurrent: 1}}})
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	for _, part := range []string{
		`Config.Resources["zero"].MaxConcurrent: want 1 to`, `have 0`,
		`Config.Resources["negative"].MaxConcurrent: want 1 to`, `have -1`,
		`Config.Resources["huge"].MaxConcurrent: want 1 to`, `have 1099511627776`,
		`Config.Resources["queue"].MaxQueue: want 0 or more, have -1ns`,
		`Config.Resources[""]: `, `Config.Resources["white space"]: `, `Config.Resources["xxxx`,
		"leave the resource out where it has no limit",
	} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "fine:one")
}

func TestInspectionListsResources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, hs := sharers(t, plugreg.Config{Resources: map[string]plugreg.Resource{
			"db": {MaxConcurrent: 3}, "cache:fallback": {MaxConcurrent: 1, MaxQueue: time.Minute}, "unused": {MaxConcurrent: 7}}},
			[]string{"db", "cache:fallback"}, "a", "b")
		held := mustAcquire(t, hs["a"])
		waits := queueUp(t.Context(), detachedBy(hs["b"]), atOnce)
		in := r.Inspect()
		require.Equal(t, []plugreg.ResourceState{{Name: "cache:fallback", Limit: 1, InFlight: 1, Waiting: 1}, {Name: "db", Limit: 3, InFlight: 1},
			{Name: "unused", Limit: 7}}, in.Resources, "by name")
		doc, err := json.Marshal(in)
		require.NoError(t, err)
		require.Contains(t, string(doc), `"resources":[{"name":"cache:fallback","limit":1,"in_flight":1,"waiting":1},`+
			`{"name":"db","limit":3,"in_flight":1,"waiting":0},`)
		require.Equal(t, []string{"cache:fallback", "db"}, in.Plugins[0].Uses)
		held.Release()
		require.NoError(t, (<-waits).err)
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestRefusalsByAResourceAreMadeBeforehand(t *testing.T) { // not parallel: AllocsPerRun counts for the whole process
	ctx := t.Context()
	r, hs := sharers(t, plugreg.Config{Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 1}}}, []string{"cache"}, "a", "b")
	held := mustAcquire(t, hs["a"])
	call := func(context.Context, gear) error { return nil }
	first := hs["b"].Do(ctx, call)
	requireScarce(t, first, "b", "cache", 1)
	for name, do := range map[string]func(context.Context, func(context.Context, gear) error) error{"Do": hs["b"].Do, "DoInline": hs["b"].DoInline} {
		var err error
		got := testing.AllocsPerRun(200, func() { err = do(ctx, call) })
		require.Same(t, first, err, name)
		if !underRace {
			require.Zero(t, got, name)
		}
	}
	held.Release()
	require.NoError(t, r.Close(ctx))
}

// TestTheHostsMapOfResourcesIsItsOwn changes it afterwards.
func TestTheHostsMapOfResourcesIsItsOwn(t *testing.T) {
	t.Parallel()
	all := map[string]plugreg.Resource{"cache": {MaxConcurrent: 1}}
	r, hs := sharers(t, plugreg.Config{Resources: all}, []string{"cache"}, "a")
	all["cache"] = plugreg.Resource{MaxConcurrent: 100}
	clear(all)
	held := mustAcquire(t, hs["a"])
	requireScarce(t, detachedBy(hs["a"])(t.Context(), atOnce), "a", "cache", 1)
	held.Release()
	require.Len(t, r.Inspect().Resources, 1)
	require.NoError(t, r.Close(t.Context()))
}
