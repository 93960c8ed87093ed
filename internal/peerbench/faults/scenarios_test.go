// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

var errFault = errors.New("fault")

// culprit is looked for in stacks.
//
//go:noinline
func culprit(value any) { panic(value) }

func panicking(value any) func(*testing.T, peer) string {
	return func(t *testing.T, p peer) string {
		g := ready(t, p, setup{failures: 1, rest: time.Minute, deadline: 50 * time.Millisecond})
		return ended(g, func(context.Context) error { culprit(value); return nil })
	}
}

func exiting(t *testing.T, p peer) string {
	g := ready(t, p, setup{failures: 1, rest: time.Minute, deadline: 50 * time.Millisecond})
	return ended(g, func(context.Context) error { runtime.Goexit(); return nil })
}

// ended tells how a call ends, and whether the breaker counts it.
func ended(g guard, f func(context.Context) error) string {
	e, back := within(forever, try(g, f))
	if !back {
		return "caller never comes back"
	}
	switch {
	case g.open == nil:
		return e.String()
	case g.open():
		return e.String() + "; counted"
	}
	return e.String() + "; not counted"
}

func (e end) String() string {
	switch how := e.how(); {
	case e.after >= time.Millisecond:
		return fmt.Sprintf("%s after %d ms", how, e.after.Round(time.Millisecond).Milliseconds())
	default:
		return how
	}
}

func (e end) how() string {
	p, caught := errors.AsType[*plugreg.PanicError](e.err)
	switch {
	case e.panicked && strings.Contains(e.stack, "faults.culprit"):
		return "panic escapes"
	case e.panicked:
		return "panic escapes without its stack"
	case e.exited:
		return "caller's goroutine ends"
	case e.err == nil:
		return "no error"
	case caught && strings.Contains(p.Stack(), "faults.culprit"):
		return "error with its stack"
	}
	return "error"
}

func permitsAfter(fault func()) func(*testing.T, peer) string {
	return func(t *testing.T, p peer) string {
		const permits = 2
		g := ready(t, p, setup{permits: permits, deadline: 50 * time.Millisecond})
		for range permits {
			within(forever, try(g, func(context.Context) error { fault(); return nil }))
		}
		return fmt.Sprintf("%d of %d permits left", fits(g, permits), permits)
	}
}

// fits returns how many of n calls get in at a time.
func fits(g guard, n int) int32 {
	leave := make(chan struct{})
	inside, all := enter(g, n, leave)
	synctest.Wait()
	fit := inside.Load()
	close(leave)
	for _, c := range all {
		within(forever, c)
	}
	return fit
}

// enter makes n calls that stay until they are to leave.
func enter(g guard, n int, leave <-chan struct{}) (inside *atomic.Int32, all []<-chan end) {
	inside = new(atomic.Int32)
	for range n {
		all = append(all, try(g, func(context.Context) error {
			inside.Add(1)
			defer inside.Add(-1)
			<-leave
			return nil
		}))
	}
	return inside, all
}

func ignoring(t *testing.T, p peer) string {
	g := ready(t, p, setup{deadline: 50 * time.Millisecond})
	e, _ := within(forever, try(g, func(context.Context) error { <-time.After(500 * time.Millisecond); return nil }))
	return fmt.Sprintf("caller back after %d ms", e.after.Round(time.Millisecond).Milliseconds())
}

func abandoning(t *testing.T, p peer) string {
	const callers = 12
	g := ready(t, p, setup{permits: 4, deadline: 50 * time.Millisecond})
	leave := make(chan struct{})
	t.Cleanup(func() { close(leave) })
	running, all := new(atomic.Int32), []<-chan end(nil)
	for range callers {
		inside, calls := enter(g, 1, leave)
		<-time.After(100 * time.Millisecond)
		running.Add(inside.Load())
		all = append(all, calls...)
	}
	stuck := 0
	for _, c := range all {
		if _, back := within(time.Minute, c); !back {
			stuck++
		}
	}
	if stuck > 0 {
		return fmt.Sprintf("%d run, %d callers never come back", running.Load(), stuck)
	}
	return fmt.Sprintf("%d run, all %d callers are back", running.Load(), callers)
}

// probing opens the breaker, has the call that probes it go wrong, and looks whether healthy calls close it.
func probing(fault func(never <-chan struct{})) func(*testing.T, peer) string {
	return func(t *testing.T, p peer) string {
		g := ready(t, p, setup{failures: 1, rest: 10 * time.Second, deadline: 50 * time.Millisecond})
		never := make(chan struct{})
		t.Cleanup(func() { close(never) })
		within(forever, try(g, fail))
		require.True(t, g.open(), "one failure opens it")
		<-time.After(11 * time.Second)
		var probed atomic.Bool
		within(time.Second, try(g, func(context.Context) error { probed.Store(true); fault(never); return nil }))
		require.True(t, probed.Load(), "a call probes it")
		for range 360 {
			<-time.After(10 * time.Second)
			if e, back := within(time.Second, try(g, succeed)); back && e.err == nil && !g.open() {
				return "heals"
			}
		}
		return "refuses for ever"
	}
}

// soon is how long something may take in real time that should take none.
const soon = 5 * time.Second

func reentering(t *testing.T, p peer) string {
	var g guard
	told := make(chan struct{}, 1)
	g = ready(t, p, setup{failures: 1, rest: time.Minute, changed: func() {
		g.open()
		_ = g.call(context.Background(), succeed)
		told <- struct{}{}
	}})
	back := try(g, fail)
	if _, returned := within(soon, told); !returned {
		return "deadlock"
	}
	if _, ended := within(soon, back); !ended {
		return "returns, and the call does not"
	}
	return "returns"
}

func listening(t *testing.T, p peer) string {
	told := make(chan struct{}, 1)
	g := ready(t, p, setup{failures: 1, rest: time.Minute, changed: func() {
		told <- struct{}{}
		panic("fault of the listener")
	}})
	e, back := within(soon, try(g, fail))
	_, called := within(soon, told)
	require.True(t, called, "the listener is called")
	opened := make(chan bool, 1)
	go func() { opened <- g.open() }()
	open, answers := within(soon, opened)
	switch how := map[bool]string{true: "panic escapes to the call", false: "contained"}[e.panicked]; {
	case !back || !answers:
		return "deadlock"
	case open:
		return how + "; open"
	default:
		return how + "; stays closed"
	}
}

// spacing has calls fail after 19 s each. A guard that tells by its deadline that this could never open it may refuse.
func spacing(window time.Duration) func(*testing.T, peer) string {
	return func(t *testing.T, p peer) string {
		g, err := p.make(t, setup{failures: 3, window: window, rest: time.Minute, deadline: 20 * time.Second})
		if err != nil {
			require.ErrorContains(t, err, "Window")
			return "setup refused: it could never open"
		}
		for n := range 10 {
			within(forever, try(g, func(context.Context) error { <-time.After(19 * time.Second); return errFault }))
			if g.open() {
				return fmt.Sprintf("opens at failure %d", n+1)
			}
		}
		return "never opens"
	}
}

// refusing counts on the bulkhead being within the breaker.
func refusing(t *testing.T, p peer) string {
	g := ready(t, p, setup{failures: 3, rest: time.Minute, permits: 2})
	leave := make(chan struct{})
	inside, all := enter(g, 2, leave)
	synctest.Wait()
	require.EqualValues(t, 2, inside.Load())
	for range 5 {
		e, _ := within(forever, try(g, succeed))
		require.Error(t, e.err, "there is no room")
	}
	seen := state(g)
	close(leave)
	for _, c := range all {
		within(forever, c)
	}
	return seen
}

func diluting(t *testing.T, p peer) string {
	g := ready(t, p, setup{failures: 3, window: 30 * time.Second, rest: time.Minute})
	for range 2 {
		within(forever, try(g, fail))
	}
	for range 1000 {
		e, _ := within(forever, try(g, succeed))
		require.NoError(t, e.err)
	}
	within(forever, try(g, fail))
	return state(g)
}

// leaving has callers cancel calls that honour it.
func leaving(t *testing.T, p peer) string {
	g := ready(t, p, setup{failures: 3, rest: time.Minute})
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		back := tryAs(ctx, g, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		synctest.Wait()
		cancel()
		e, _ := within(forever, back)
		require.Error(t, e.err)
	}
	return state(g)
}

func state(g guard) string {
	if g.open() {
		return "opens"
	}
	return "stays closed"
}
