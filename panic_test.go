// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// TestHostileCode has each callback misbehave in each way, alone, in a session that comes by all of them. Afterwards the registry serves a good
// plugin, all counts are zero, and nothing goes on: the bubble of the test fails if a goroutine is left in it.
func TestHostileCode(t *testing.T) {
	t.Parallel()
	for _, cb := range callbacks {
		t.Run(cb.name, func(t *testing.T) {
			t.Parallel()
			for _, way := range ways {
				if way.err && !cb.fails {
					continue
				}
				t.Run(way.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						s := newSession(cb.name, way)
						s.run(t)
						require.NotZero(t, s.hits.Load(), "the session comes by it")
						requireOutcome(t, s, cb, way)
						s.aftermath(t)
					})
				})
			}
		})
	}
}

// callback is code of a host or a plugin that the registry calls.
type callback struct {
	name  string
	step  string // of the session that fails with it; empty: none
	fails bool   // it can return an error
	// inline code ends its caller's goroutine with its own, and stays as long as it likes.
	inline bool
	// observer is a hook: nothing but the count of panics changes by one.
	observer bool
	// codes are those of CodeOf where they are not what one would expect of the way.
	codes map[string]string
}

var callbacks = []callback{
	{name: "Trust", step: "open", fails: true, codes: map[string]string{"error": "UNTRUSTED"}},
	{name: "SandboxFor", step: "open"},
	{name: "New", step: "open", fails: true},
	{name: "Init", step: "open", fails: true},
	{name: "Probe", step: "open", fails: true},
	{name: "Init without a context", step: "open bevel", fails: true},
	{name: "build", step: "open configured", fails: true},
	{name: "UnmarshalText", step: "open configured", fails: true, codes: map[string]string{"error": "CONTRACT", "panic": "CONTRACT", "nil panic": "CONTRACT"}},
	{name: "Do", step: "Do", fails: true},
	{name: "DoInline", step: "DoInline", fails: true, inline: true},
	{name: "Call", step: "Call", fails: true},
	{name: "CallInline", step: "CallInline", fails: true, inline: true},
	{name: "DoExport", step: "DoExport", fails: true},
	{name: "exported function", step: "DoExport", fails: true},
	{name: "late call", fails: true},
	{name: "Close", step: "close", fails: true},
	{name: "OnClose", step: "close", fails: true},
	{name: "OnClose after the end", fails: true},
	{name: "env.Go"},
	{name: "func() Plugin", step: "register made"},
	{name: "Name", step: "register ready"},
	{name: "Version", step: "register ready"},
	{name: "Exports", step: "register ready"},
	{name: "discovery"},
	{name: "CallStart", observer: true, inline: true},
	{name: "CallDone", observer: true, inline: true},
	{name: "CallLate", observer: true},
	{name: "PhaseStart", observer: true},
	{name: "PhaseDone", observer: true},
	{name: "TraceID", observer: true, inline: true},
	{name: "log of LogHooks: Handle", observer: true, inline: true},
	{name: "log of LogHooks: Enabled", observer: true, inline: true},
	{name: "log of the registry: Handle", observer: true},
	{name: "log of a plugin: Handle", step: "open"},
	{name: "log of a plugin: WithAttrs", step: "open", codes: map[string]string{"panic": "", "nil panic": "", "a panic of spite": ""}},
}

// way is how a callback misbehaves.
type way struct {
	name string
	err  bool   // it returns an error
	code string // what CodeOf makes of it in a detached call; empty: no failure, or one that cannot be looked at
	do   func(s *session, ctx context.Context) error
}

var ways = []way{
	{"error", true, "ERROR", func(*session, context.Context) error { return errTooth }},
	{"panic", false, "PANIC", func(*session, context.Context) error { panic(errTooth) }},
	{"nil panic", false, "PANIC", func(*session, context.Context) error { panic(nil) }},
	{"a panic of spite", false, "PANIC", func(*session, context.Context) error { panic(&spiteful{bang, bang, bang}) }},
	{"exit", false, "GOEXIT", func(*session, context.Context) error { runtime.Goexit(); return nil }},
	{"hang until cancelled", false, "TIMEOUT", func(s *session, ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-s.release.c:
		}
		return nil
	}},
	{"hang", false, "TIMEOUT", func(s *session, _ context.Context) error { s.release.wait(); return nil }},
	{"re-entry", false, "", func(s *session, ctx context.Context) error { return s.reenter(ctx) }},
	{"error whose Is panics", true, "", func(*session, context.Context) error { return &spiteful{nothing, bang, nothing} }},
	{"error whose Unwrap panics", true, "", func(*session, context.Context) error { return &spiteful{nothing, nothing, bang} }},
	{"error whose text panics", true, "", func(*session, context.Context) error { return &spiteful{bang, nothing, nothing} }},
	{"error whose Is exits", true, "", func(*session, context.Context) error { return &spiteful{nothing, runtime.Goexit, nothing} }},
	{"error whose text exits", true, "", func(*session, context.Context) error { return &spiteful{runtime.Goexit, nothing, nothing} }},
	{"error whose Is hangs", true, "", func(s *session, _ context.Context) error { return &spiteful{nothing, s.release.wait, nothing} }},
	{"error whose text hangs", true, "", func(s *session, _ context.Context) error { return &spiteful{s.release.wait, nothing, nothing} }},
}

func nothing() {}
func bang()    { panic("bang") }

// requireOutcome asserts which step of the session failed, and how.
func requireOutcome(t *testing.T, s *session, cb callback, way way) {
	t.Helper()
	if way.name == "re-entry" {
		require.NoError(t, s.reentered())
		for name, step := range s.steps {
			require.False(t, step.gone, name)
			require.NoError(t, step.err, name)
		}
		return
	}
	want := way.code
	if code, other := cb.codes[way.name]; other {
		want = code
	}
	if cb.observer {
		requireObserver(t, s, cb, way)
		return
	}
	if cb.step == "" || want == "" && way.code == "" {
		return
	}
	step, there := s.steps[cb.step]
	require.True(t, there)
	switch {
	case cb.inline && want == "GOEXIT":
		require.True(t, step.gone, "the caller's goroutine ended with the code on it")
	case cb.inline && want == "TIMEOUT":
		require.False(t, step.gone)
		require.NoError(t, step.err, "late, but a success")
	case want == "":
		require.NoError(t, step.err)
	default:
		require.False(t, step.gone)
		require.Error(t, step.err)
		require.Equal(t, want, plugreg.CodeOf(step.err))
		if way.name == "error" || way.name == "panic" && want == "PANIC" {
			require.ErrorIs(t, step.err, errTooth)
		}
	}
	for name, other := range s.steps {
		switch {
		case name == cb.step, strings.HasPrefix(cb.step, "open"):
		case name == "close" && way.name == "hang" && !cb.inline && strings.Contains("Do Call DoExport", cb.step):
			require.ErrorIs(t, other.err, plugreg.ErrStranded, "the call is inside")
		default:
			require.NoError(t, other.err, "%s must not fail for it", name)
		}
	}
}

// requireObserver asserts that no step failed, and that panics were counted.
func requireObserver(t *testing.T, s *session, cb callback, way way) {
	t.Helper()
	gone := 0
	for name, step := range s.steps {
		if name == "close" && cb.name == "log of the registry: Handle" && strings.HasPrefix(way.name, "hang") {
			require.ErrorIs(t, step.err, plugreg.ErrStranded, "the goroutine that failed is in the log")
			continue
		}
		require.NoError(t, step.err, name)
		if step.gone {
			gone++
		}
	}
	if cb.inline && way.code == "GOEXIT" {
		require.NotZero(t, gone, "the hook ended the goroutine of the caller")
	} else {
		require.Zero(t, gone)
	}
	if way.code == "PANIC" {
		require.NotZero(t, s.r.Inspect().HookPanics)
	}
}

// TestFailuresAreCounted looks at what is counted where nobody else is told.
func TestFailuresAreCounted(t *testing.T) {
	t.Parallel()
	for _, way := range ways[:7] {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSession("discovery", way)
				s.run(t)
				p := s.r.Inspect().Plugins[0]
				require.Equal(t, "bad", p.Name)
				if way.err { // a probe cannot fail that way
					return
				}
				require.EqualValues(t, 1, p.Phases["discover"].Failures[way.code])
				require.NotEmpty(t, p.ProbeFailure)
				require.Equal(t, "nothing found", s.found)
				s.aftermath(t)
			})
		})
	}
	for _, way := range ways[1:5] {
		t.Run("env.Go "+way.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSession("env.Go", way)
				s.run(t)
				require.EqualValues(t, 1, s.r.Inspect().Plugins[0].Phases["env.Go"].Failures[way.code])
				s.aftermath(t)
			})
		})
	}
}

// TestStrandedByGo has what env.Go started outlive its instance.
func TestStrandedByGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSession("env.Go", ways[6])
		s.run(t)
		require.ErrorIs(t, s.steps["close"].err, plugreg.ErrStranded)
		s.aftermath(t)
	})
}

// TestManyAtOnce has all of a plugin's code fail at once, over and over, on one registry.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		random := 0
		r := gears(t, plugreg.Config{}, wormPlugin("bad", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
			random++
			n := random
			env.OnClose(func() error { j.add("clean-up"); panic(n) })
			env.Go(func(ctx context.Context) { <-ctx.Done(); panic(n) })
			if n%3 == 0 {
				panic(n)
			}
			return &worm{spur: spur{close: func() error { j.add("close"); panic(n) }},
				init: func(context.Context, map[string]any) error {
					if n%3 == 1 {
						runtime.Goexit()
					}
					return nil
				},
				probe: func(context.Context) error { return fmt.Errorf("%d: %w", n, errTooth) }}, nil
		}))
		var all error
		for range 30 {
			_, err := r.Open(t.Context(), "bad", "", nil)
			require.Error(t, err)
			all = errors.Join(all, err)
		}
		require.ErrorIs(t, all, errTooth)
		require.ErrorIs(t, all, plugreg.ErrGoexit)
		closes, cleanups := 0, 0
		for _, line := range j.take() {
			if line == "close" {
				closes++
			} else {
				cleanups++
			}
		}
		require.Equal(t, 20, closes)
		require.Equal(t, 30, cleanups)
		<-time.After(time.Hour)
		require.Zero(t, r.Inspect().Closing)
		require.NoError(t, r.Close(t.Context()))
	})
}
