// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func testSandbox(t *testing.T, cfg SandboxConfig) *Sandbox {
	t.Helper()
	s, err := NewSandbox("gear", cfg)
	require.NoError(t, err)
	return s
}

func TestSaturated(t *testing.T) {
	t.Parallel()
	s := testSandbox(t, SandboxConfig{})
	s.door.Init(1)
	ctx, nop := t.Context(), func(context.Context) error { return nil }
	require.NoError(t, s.RunInline(ctx, func(ctx context.Context) error {
		for _, run := range []func(context.Context, func(context.Context) error) error{s.Run, s.RunInline} {
			err := run(ctx, nop)
			require.ErrorIs(t, err, ErrSaturated)
			require.Equal(t, "SATURATED", CodeOf(err))
		}
		return nil
	}))
	require.Equal(t, SandboxState{Calls: 1, ErrorLimit: 0.5}, s.State(), "a rejection is no call")
	require.NoError(t, s.Run(ctx, nop))
}

// TestStrandRunsOnce races the last calls to leave with the one who leaves the rest to them.
func TestStrandRunsOnce(t *testing.T) {
	t.Parallel()
	const workers, rounds = 8, 1000
	for range rounds {
		s := testSandbox(t, SandboxConfig{})
		var runs atomic.Int32
		var wg sync.WaitGroup
		for range workers {
			st, err := s.enter(t.Context())
			require.NoError(t, err)
			wg.Go(func() { s.leave(st) })
		}
		s.refuse()
		wg.Go(func() { s.strand(func() { runs.Add(1) }) })
		wg.Wait()
		require.EqualValues(t, 1, runs.Load())
		s.left()
		require.EqualValues(t, 1, runs.Load())
	}
}

// TestWaitLosesNoWakeUp has several wait while calls leave and others are refused, each of which wakes somebody up for nothing.
func TestWaitLosesNoWakeUp(t *testing.T) {
	t.Parallel()
	for range 500 {
		s := testSandbox(t, SandboxConfig{})
		var wg sync.WaitGroup
		for range 8 {
			st, err := s.enter(t.Context())
			require.NoError(t, err)
			wg.Go(func() { s.leave(st) })
		}
		s.refuse()
		for range 4 {
			wg.Go(func() { require.True(t, wait[int](s, nil)) })
			wg.Go(func() {
				_, err := s.enter(t.Context())
				require.ErrorIs(t, err, ErrClosed)
			})
		}
		wg.Wait()
		require.Zero(t, s.door.InFlight())
	}
}

// TestRunnerEvents steps a runner through what timers, callers and code do at one moment.
func TestRunnerEvents(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) *runner {
		s := testSandbox(t, SandboxConfig{})
		st, err := s.enter(t.Context())
		require.NoError(t, err)
		return s.ready(t.Context(), job{op: s.call, limit: time.Minute, admission: st}, nil)
	}
	t.Run("the deadline passes after the end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := begin(t)
			r.end()
			r.expire()
			require.Equal(t, SandboxState{Calls: 1, ErrorLimit: 0.5}, r.s.State())
			<-r.done
			require.Zero(t, len(r.done), "nobody is told twice")
		})
	})
	t.Run("the caller leaves after the deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := begin(t)
			r.expire()
			require.False(t, r.leave(t.Context()))
			require.True(t, r.ctx.Expired())
			r.end()
			require.Equal(t, SandboxState{Calls: 1, Failures: map[string]uint64{"TIMEOUT": 1}, ErrorLimit: 0.5}, r.s.State())
		})
	})
	t.Run("the deadline passes before the grace began", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := begin(t)
			require.True(t, r.state.CompareAndSwap(running, left))
			r.expire()
			require.Zero(t, r.s.State().Abandoned)
			r.grace()
			r.expire()
			require.Zero(t, r.s.State().Abandoned, "its grace is not over")
			<-time.After(time.Second)
			synctest.Wait()
			require.EqualValues(t, 1, r.s.State().Abandoned)
			r.expire()
			require.EqualValues(t, 1, r.s.State().Abandoned, "once")
			r.end()
			require.Equal(t, SandboxState{Calls: 1, ErrorLimit: 0.5}, r.s.State())
		})
	})
	t.Run("the code returns before the grace began", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := begin(t)
			require.True(t, r.state.CompareAndSwap(running, expired))
			r.end()
			r.grace()
			require.False(t, r.timer.Stop(), "no timer outlives it")
			r.abandon()
			require.Equal(t, SandboxState{Calls: 1, ErrorLimit: 0.5}, r.s.State())
		})
	})
	t.Run("a runner whose timer may fire is not used again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := begin(t)
			r.end()
			<-r.done
			r.timer.Stop() // as if it fired
			r.finish()
			require.NotNil(t, r.ctx, "what it holds is left alone")
		})
	})
}

func TestStartWithoutTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := newCore(reflect.TypeFor[interface{ Close() error }](), Config{})
		require.NoError(t, err)
		in := &instance{core: c, entry: &entry{name: "gear", version: "1.0.0"}, mount: 1}
		in.sb = newSandbox(in.operation(opCall), SandboxConfig{}, &c.hooks)
		b := newBuilding(in, nil)
		<-time.After(time.Minute)
		returned, err := b.phase(t.Context(), phaseInit, nothing, func(context.Context) error { panic("there is no time for it") })
		require.True(t, returned)
		require.Equal(t, &TimeoutError{Plugin: "gear", Version: "1.0.0", Operation: "init", After: time.Minute}, err)
	})
}

func TestClosedWhileOpening(t *testing.T) {
	t.Parallel()
	c, err := newCore(reflect.TypeFor[interface{ Close() error }](), Config{Name: "box"})
	require.NoError(t, err)
	require.NoError(t, c.close(t.Context()))
	_, err = c.mountEntry(t.Context(), &entry{name: "gear"}, nil)
	require.ErrorIs(t, err, ErrClosed)
	_, err = c.acquire(t.Context(), &plan{}, dependencyKey{c, "gear"}, demand{})
	require.ErrorIs(t, err, ErrClosed)
	require.Zero(t, c.tasks.Len())
}

func TestInside(t *testing.T) {
	t.Parallel()
	outer, inner, hooked := testSandbox(t, SandboxConfig{}), testSandbox(t, SandboxConfig{}), testSandbox(t, SandboxConfig{})
	in := func(ctx context.Context, s *Sandbox) bool {
		return inside(ctx, func(x *Sandbox) bool { return x == s })
	}
	require.False(t, in(t.Context(), outer))
	require.NoError(t, outer.Run(&hookContext{t.Context(), hooked}, func(ctx context.Context) error {
		require.True(t, in(ctx, outer))
		require.True(t, in(ctx, hooked))
		require.False(t, in(ctx, inner))
		return inner.RunInline(context.WithValue(&hookContext{ctx, inner}, builderKey{}, 1), func(ctx context.Context) error {
			for _, s := range []*Sandbox{outer, inner, hooked} {
				require.True(t, in(ctx, s))
			}
			return nil
		})
	}))
}

// rude is an error whose Is does anything.
type rude func()

func (rude) Error() string   { return "rude" }
func (r rude) Is(error) bool { r(); return false }

func TestFailuresOfRudeErrors(t *testing.T) {
	t.Parallel()
	var f failures
	require.Nil(t, f.counts())
	require.Equal(t, "ERROR", f.add(rude(func() { panic("no") })))
	require.Equal(t, "ERROR", f.add(errors.New("plain")))
	over := make(chan struct{})
	go func() {
		defer close(over)
		f.add(rude(runtime.Goexit))
	}()
	<-over
	got := f.counts()
	require.Equal(t, map[string]uint64{"ERROR": 2, "GOEXIT": 1}, got)
	got["ERROR"] = 0
	require.EqualValues(t, 2, f.counts()["ERROR"], "a copy")
}

func TestWaitsForEachOther(t *testing.T) {
	t.Parallel()
	slots := map[string]*slot{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		slots[name] = &slot{entry: &entry{name: name}}
	}
	var dones []func()
	add := func(by, on string) error {
		done, err := slots[by].waitsFor(slots[on])
		dones = append(dones, done)
		return err
	}
	for _, edge := range []string{"ab", "ac", "bd", "cd", "ab"} { // two ways to d
		require.NoError(t, add(edge[:1], edge[1:]))
	}
	require.NoError(t, add("e", "a"), "nobody waits for e")
	require.ErrorIs(t, add("d", "a"), ErrReentrant)
	require.ErrorIs(t, add("d", "d"), ErrReentrant)
	require.ErrorIs(t, add("c", "a"), ErrReentrant)
	for _, done := range dones {
		done()
	}
	require.NoError(t, add("d", "a"), "nobody waits any more")
	done, err := (*slot)(nil).waitsFor(slots["a"])
	require.NoError(t, err, "nobody builds the host's own mounts")
	done()
}

func TestIsNil(t *testing.T) {
	t.Parallel()
	for _, v := range []any{(*int)(nil), map[int]int(nil), (func())(nil), (chan int)(nil), []int(nil)} {
		require.True(t, isNil(v), "%T", v)
	}
	for _, v := range []any{new(int), 0, "", struct{}{}, [0]int{}, []int{}} {
		require.False(t, isNil(v), "%T", v)
	}
}
