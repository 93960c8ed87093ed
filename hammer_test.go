// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

const (
	hammers = 8
	rounds  = 1000
)

// hammer runs work on 8 goroutines and waits for them.
func hammer(work func(g int)) {
	var all sync.WaitGroup
	for g := range hammers {
		all.Go(func() { work(g) })
	}
	all.Wait()
}

// Each goroutine has names of its own, so that an oracle of its own knows every answer, whatever the others do meanwhile.
func TestHammerAgainstOracles(t *testing.T) {
	t.Parallel()
	for _, duplicates := range []plugreg.DuplicatePolicy{plugreg.Reject, plugreg.Replace} {
		r := newLibraries(t, plugreg.Config{Duplicates: duplicates, Policy: plugreg.Unchecked})
		var observed atomic.Int64
		hooks := &plugreg.Hooks{CallDone: func(context.Context, plugreg.CallInfo, plugreg.CallResult) { observed.Add(1) }}
		hammer(func(g int) {
			rng, o := seeded(g), newOracle(duplicates == plugreg.Replace)
			prefix := fmt.Sprintf("g%d.", g)
			s := newModelRun(t, r, o, rng.IntN, prefix+"a", prefix+"b")
			for i := range rounds / 2 {
				s.step()
				switch {
				case i%100 == 50:
					requireOwn(t, r, o, prefix)
				case i%10 == g:
					r.SetHooks(hooks)
				case i%10 == g-1:
					r.SetHooks(nil)
				}
			}
			s.finish()
			requireOwn(t, r, o, prefix)
		})
		require.Zero(t, r.Inspect().HookPanics)
		for _, p := range r.Inspect().Plugins {
			require.Zero(t, p.Calls.InFlight)
			require.Empty(t, p.Calls.Failures)
			require.Empty(t, p.Mounts)
		}
	}
}

// requireOwn compares one goroutine's part of all listings with its oracle.
func requireOwn(t *testing.T, r *plugreg.Registry[library], o *oracle, prefix string) {
	own := func(all []string) []string {
		names := []string{}
		for _, name := range all {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		return names
	}
	require.Equal(t, o.list(), own(listed(r)))
	var inspected []string
	for _, p := range r.Inspect().Plugins {
		inspected = append(inspected, p.Name+" "+p.Version)
	}
	require.Equal(t, o.list(), own(inspected))
	ms, err := plugreg.Discover[interface{ Maps() int }](context.Background(), r)
	require.NoError(t, err)
	want := []string{}
	for _, name := range []string{prefix + "a", prefix + "b"} {
		newest := ""
		for _, place := range []int{0, 3, 4, 5, 7} {
			if e := o.entries[identity{name, place}]; e != nil && !e.gone && e.atlas {
				newest = name + " " + e.version.text
			}
		}
		if newest != "" {
			want = append(want, newest)
		}
	}
	require.Equal(t, want, own(matchNames(ms)))
}

// What one goroutine has registered, and said so, is seen by all that look later; what it has unregistered is not.
func TestHammerOnSharedNames(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	var next, newest atomic.Int64 // minor versions of "rising": the next to register, and the newest that Register returned for
	var keys [hammers]atomic.Pointer[plugreg.TypeDescriptor]
	var dead [hammers]atomic.Pointer[plugreg.TypeDescriptor]
	hammer(func(g int) {
		rng := seeded(g)
		for i := range rounds {
			switch rng.IntN(8) {
			case 0:
				minor := next.Add(1)
				key, err := r.Register(shelfPlugin("rising", fmt.Sprintf("1.%d.0", minor)))
				require.NoError(t, err)
				keys[g].Store(&key)
				for old := newest.Load(); old < minor && !newest.CompareAndSwap(old, minor); old = newest.Load() {
				}
			case 1:
				key, err := r.Register(shelfPlugin(fmt.Sprintf("passing-%d-%d", g, i), "1.0.0"))
				require.NoError(t, err)
				_, ok := r.Lookup(key)
				require.True(t, ok)
				require.NoError(t, r.Unregister(key))
				dead[g].Store(&key)
			case 2, 3:
				atLeast := newest.Load()
				if atLeast == 0 {
					continue
				}
				key, err := r.Resolve("rising", "^1")
				require.NoError(t, err)
				c, ok := r.Contract(key)
				require.True(t, ok)
				var minor int64
				_, err = fmt.Sscanf(c.Version, "1.%d.0", &minor)
				require.NoError(t, err)
				require.GreaterOrEqual(t, minor, atLeast)
			case 4, 5:
				if key := keys[rng.IntN(hammers)].Load(); key != nil {
					_, ok := r.Lookup(*key)
					require.True(t, ok)
				}
			default:
				if key := dead[rng.IntN(hammers)].Load(); key != nil {
					_, ok := r.Lookup(*key)
					require.False(t, ok)
					require.ErrorIs(t, r.Unregister(*key), plugreg.ErrNotFound)
				}
			}
		}
	})
	require.Len(t, listed(r), int(next.Load()))
	require.Equal(t, fmt.Sprintf("1.%d.0", next.Load()), resolved(r, "rising", ""))
}

// One registration of many wins, and all others are told.
func TestHammerOnOneVersion(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	for i := range 100 {
		var won, lost atomic.Int64
		hammer(func(int) {
			_, err := r.Register(shelfPlugin("acme", fmt.Sprintf("1.0.%d", i)))
			if err == nil {
				won.Add(1)
				return
			}
			require.ErrorIs(t, err, plugreg.ErrDuplicate)
			lost.Add(1)
		})
		require.EqualValues(t, 1, won.Load())
		require.EqualValues(t, hammers-1, lost.Load())
	}
}

// An older version serves whoever asks while the newest comes and goes: nothing fails for want of a plugin.
func TestHammerOpenWhileTheNewestComesAndGoes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	var over atomic.Bool
	var served [2]atomic.Int64
	hammer(func(g int) {
		if g == 0 {
			defer over.Store(true)
			for range rounds {
				key, err := r.Register(shelfPlugin("acme", "2.0.0"))
				require.NoError(t, err)
				for err = plugreg.ErrMounted; errors.Is(err, plugreg.ErrMounted); err = r.Unregister(key) {
					runtime.Gosched()
				}
				require.NoError(t, err)
			}
			return
		}
		for !over.Load() {
			if g > 2 { // more that open would keep the newest mounted all the time
				_, err := r.Resolve("acme", "")
				require.NoError(t, err)
				runtime.Gosched()
				continue
			}
			h, err := r.Open(ctx, "acme", "", nil)
			if err != nil { // it was unregistered while it was built; that is told apart from a plugin that was never there
				require.ErrorIs(t, err, plugreg.ErrNotFound)
				require.ErrorContains(t, err, "an unregistration meanwhile")
				continue
			}
			version := h.Version()
			require.Equal(t, "acme "+version+"/", found(t, h))
			served[version[0]-'1'].Add(1)
			require.NoError(t, h.Close(ctx))
		}
	})
	require.Equal(t, "1.0.0", resolved(r, "acme", ""))
	require.NotZero(t, served[0].Load()+served[1].Load())
}

// Calls, leases and views go on while handles close: each is served or refused, none is lost or counted twice.
func TestHammerCallsWhileHandlesClose(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	p := atlasPlugin("acme", "1.0.0")
	p.Exports = map[string]any{"one": func() int { return 1 }}
	r.MustRegister(p)
	var current atomic.Pointer[plugreg.Handle[library]]
	current.Store(openLibrary(t, r, "acme"))
	var served, refused atomic.Int64
	count := func(err error) {
		if err == nil {
			served.Add(1)
			return
		}
		require.ErrorIs(t, err, plugreg.ErrClosed)
		refused.Add(1)
	}
	hammer(func(g int) {
		for i := range rounds {
			h := current.Load()
			switch {
			case g == 0 && i%10 == 0:
				next, err := r.Open(ctx, "acme", "", nil)
				require.NoError(t, err)
				old := current.Swap(next)
				require.NoError(t, old.Close(ctx))
				<-old.Done()
				require.Zero(t, old.Sandbox().State().InFlight)
			case g%4 == 0:
				_, err := plugreg.CallInline(ctx, h, func(_ context.Context, l library) (string, error) { return l.Find("") })
				count(err)
			case g%4 == 1:
				_, err := plugreg.Call(ctx, h, func(_ context.Context, l library) (string, error) { return l.Find("") })
				count(err)
			case g%4 == 2:
				l, err := h.Acquire(ctx)
				if err == nil {
					l.Release()
				}
				count(err)
			default:
				count(plugreg.DoExport(ctx, h, "one", func(_ context.Context, one func() int) error { one(); return nil }))
				view, err := plugreg.As[interface{ Maps() int }](h)
				if err == nil {
					err = view.DoInline(ctx, func(_ context.Context, m interface{ Maps() int }) error { m.Maps(); return nil })
				}
				if err != nil {
					require.ErrorIs(t, err, plugreg.ErrClosed)
				} else {
					served.Add(1)
				}
			}
		}
	})
	require.NoError(t, current.Load().Close(ctx))
	stats := r.Inspect().Plugins[0].Calls
	require.EqualValues(t, served.Load(), stats.Calls, "what was refused is not counted, what was served is, once")
	require.Empty(t, stats.Failures)
	require.Zero(t, stats.InFlight)
	require.NotZero(t, served.Load())
}

// Registering is linear, also where every plugin is looked up at once: four times the plugins cost about four times the memory
// and the allocations.
func TestRegistrationIsLinear(t *testing.T) {
	for _, look := range []bool{false, true} {
		few, fewBytes := registrationCost(t, 2500, look)
		many, manyBytes := registrationCost(t, 10_000, look)
		require.Less(t, many/few, 4.4, "allocations, with look-ups: %v", look)
		require.Less(t, manyBytes/fewBytes, 5.5, "bytes, with look-ups: %v", look)
	}
}

// registrationCost is the number of allocations and of bytes allocated for n registrations one by one.
func registrationCost(t *testing.T, n int, look bool) (allocs, bytes float64) {
	ps := make([]plug, n)
	for i := range ps {
		ps[i] = shelfPlugin(fmt.Sprint("acme.mod", i), "1.2.3")
	}
	r := newLibraries(t, plugreg.Config{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range ps {
		key, err := r.Register(ps[i])
		if err != nil {
			require.NoError(t, err)
		}
		if look {
			if _, ok := r.Lookup(key); !ok {
				require.Fail(t, "not found", "%d", i)
			}
		}
	}
	runtime.ReadMemStats(&after)
	require.Len(t, listed(r), n)
	return float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)
}
