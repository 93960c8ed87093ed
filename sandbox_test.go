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

// road is one of the ways to call plugin code.
type road struct {
	name   string
	inline bool
	op     string
	sees   string // the version that errors show
	open   func(t *testing.T, cfg plugreg.SandboxConfig) (do doer, state func() plugreg.SandboxState, end func(ctx context.Context) error)
}

// who is how messages name the plugin.
func (r road) who() string { return strings.TrimSpace(`plugin "gear" ` + r.sees) }

type doer func(ctx context.Context, call func(context.Context) error) error

const sweepExport = "sweep"

// roads are all of them.
func roads() []road {
	alone := func(run func(*plugreg.Sandbox) doer) func(*testing.T, plugreg.SandboxConfig) (doer, func() plugreg.SandboxState, func(context.Context) error) {
		return func(t *testing.T, cfg plugreg.SandboxConfig) (doer, func() plugreg.SandboxState, func(context.Context) error) {
			s, err := plugreg.NewSandbox("gear", cfg)
			require.NoError(t, err)
			return run(s), s.State, s.Close
		}
	}
	mounted := func(do func(*plugreg.Handle[gear]) doer) func(*testing.T, plugreg.SandboxConfig) (doer, func() plugreg.SandboxState, func(context.Context) error) {
		return func(t *testing.T, cfg plugreg.SandboxConfig) (doer, func() plugreg.SandboxState, func(context.Context) error) {
			p := spurPlugin("gear", "1.0.0", nil)
			p.Exports = map[string]any{sweepExport: func(n int) int { return -n }}
			r := gears(t, plugreg.Config{Sandbox: cfg}, p)
			h := mustOpen(t, r, "gear")
			return do(h), h.Sandbox().State, r.Close
		}
	}
	return []road{
		{"Run", false, "call", "", alone(func(s *plugreg.Sandbox) doer { return s.Run })},
		{"RunInline", true, "call", "", alone(func(s *plugreg.Sandbox) doer { return s.RunInline })},
		{"Do", false, "call", "1.0.0", mounted(func(h *plugreg.Handle[gear]) doer {
			return func(ctx context.Context, call func(context.Context) error) error {
				return h.Do(ctx, func(ctx context.Context, g gear) error { return check(g.Turn(1) == 2, call(ctx)) })
			}
		})},
		{"DoInline", true, "call", "1.0.0", mounted(func(h *plugreg.Handle[gear]) doer {
			return func(ctx context.Context, call func(context.Context) error) error {
				return h.DoInline(ctx, func(ctx context.Context, g gear) error { return check(g.Turn(1) == 2, call(ctx)) })
			}
		})},
		{"Call", false, "call", "1.0.0", mounted(func(h *plugreg.Handle[gear]) doer {
			return func(ctx context.Context, call func(context.Context) error) error {
				n, err := plugreg.Call(ctx, h, func(ctx context.Context, g gear) (int, error) { return g.Turn(6), call(ctx) })
				return check((n == 7) == (err == nil) && (n == 0) == (err != nil), err)
			}
		})},
		{"CallInline", true, "call", "1.0.0", mounted(func(h *plugreg.Handle[gear]) doer {
			return func(ctx context.Context, call func(context.Context) error) error {
				n, err := plugreg.CallInline(ctx, h, func(ctx context.Context, g gear) (int, error) { return g.Turn(6), call(ctx) })
				return check((n == 7) == (err == nil) && (n == 0) == (err != nil), err)
			}
		})},
		{"DoExport", false, sweepExport, "1.0.0", mounted(func(h *plugreg.Handle[gear]) doer {
			return func(ctx context.Context, call func(context.Context) error) error {
				return plugreg.DoExport(ctx, h, sweepExport, func(ctx context.Context, sweep func(int) int) error { return check(sweep(2) == -2, call(ctx)) })
			}
		})},
	}
}

var errWrongResult = errors.New("a wrong result")

func check(ok bool, err error) error {
	if !ok {
		return errWrongResult
	}
	return err
}

// visit is one call on one road.
type visit struct {
	*testing.T
	road    road
	do      doer
	state   func() plugreg.SandboxState
	release *gate // ends what hangs
}

// call makes the call; gone says that it ended the caller's goroutine.
func (v *visit) call(ctx context.Context, f func(context.Context) error) (err error, gone bool) {
	gone = !apart(func() { err = v.do(ctx, f) })
	return err, gone
}

// travel tries scene on every road, in a bubble of its own, and asserts that nothing is left and that the failures are those of want; inline
// calls may fail otherwise than detached ones.
func travel(t *testing.T, cfg plugreg.SandboxConfig, detached, inline map[string]uint64, scene func(v *visit)) {
	t.Helper()
	for _, r := range roads() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				do, state, end := r.open(t, cfg)
				v := &visit{t, r, do, state, newGate()}
				scene(v)
				v.release.open()
				synctest.Wait()
				requireQuiet(t, state())
				want := detached
				if r.inline {
					want = inline
				}
				require.Equal(t, want, state().Failures)
				require.EqualValues(t, 1, state().Calls)
				require.NoError(t, do(t.Context(), func(context.Context) error { return nil }), "a call afterwards")
				require.NoError(t, end(context.Background()))
				require.ErrorIs(t, do(t.Context(), func(context.Context) error { return nil }), plugreg.ErrClosed)
				require.True(t, state().Draining)
			})
		})
	}
}

// one is the count of a single failure.
func oneOf(code string) map[string]uint64 { return map[string]uint64{code: 1} }

// requireTimeout asserts every field of a TimeoutError.
func (v *visit) requireTimeout(err error, after time.Duration, abandoned bool) {
	v.Helper()
	var e *plugreg.TimeoutError
	require.ErrorAs(v, err, &e)
	require.Equal(v, plugreg.TimeoutError{Plugin: "gear", Version: v.road.sees, Operation: v.road.op, After: after, Abandoned: abandoned}, *e)
	require.ErrorIs(v, err, context.DeadlineExceeded)
	require.NotErrorIs(v, err, context.Canceled)
	require.True(v, e.Timeout())
	require.Equal(v, "TIMEOUT", plugreg.CodeOf(err))
	if abandoned {
		require.EqualError(v, err, fmt.Sprintf("%s: %s took longer than %v and still runs", v.road.who(), v.road.op, after))
	} else {
		require.EqualError(v, err, fmt.Sprintf("%s: %s took longer than %v", v.road.who(), v.road.op, after))
	}
}

func (v *visit) requirePanic(err error) *plugreg.PanicError {
	v.Helper()
	var e *plugreg.PanicError
	require.ErrorAs(v, err, &e)
	require.Equal(v, "gear", e.Plugin)
	require.Equal(v, v.road.sees, e.Version)
	require.Equal(v, v.road.op, e.Operation)
	require.Equal(v, "PANIC", plugreg.CodeOf(err))
	return e
}

var errTooth = errors.New("a tooth is missing")

func TestWaysOutByReturn(t *testing.T) {
	t.Parallel()
	t.Run("success", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{}, nil, nil, func(v *visit) {
			var inside plugreg.SandboxState
			var seen context.Context
			err, gone := v.call(v.Context(), func(ctx context.Context) error {
				inside, seen = v.state(), ctx
				require.NoError(v, ctx.Err())
				return nil
			})
			require.False(v, gone)
			require.NoError(v, err)
			require.EqualValues(v, 1, inside.InFlight)
			require.Error(v, seen.Err(), "the context of the call ends with it")
		})
	})
	t.Run("error", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{}, oneOf("ERROR"), oneOf("ERROR"), func(v *visit) {
			err, _ := v.call(v.Context(), func(context.Context) error { return errTooth })
			require.Same(v, errTooth, err)
		})
	})
	t.Run("error with a code", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{}, oneOf("CONTRACT"), oneOf("CONTRACT"), func(v *visit) {
			err, _ := v.call(v.Context(), func(context.Context) error { return fmt.Errorf("bad teeth: %w", plugreg.ErrContract) })
			require.EqualError(v, err, "bad teeth: contract violation")
		})
	})
	t.Run("a foreign deadline's error", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{}, oneOf("DEADLINE"), oneOf("DEADLINE"), func(v *visit) {
			err, _ := v.call(v.Context(), func(context.Context) error { return context.DeadlineExceeded })
			require.Equal(v, context.DeadlineExceeded, err)
		})
	})
}

func TestWaysOutByPanic(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		value func() any
		check func(v *visit, e *plugreg.PanicError)
	}{
		{"value", func() any { return "stuck" }, func(v *visit, e *plugreg.PanicError) {
			require.Equal(v, "stuck", e.Value)
			require.EqualError(v, e, fmt.Sprintf("%s: panic in %s: stuck", v.road.who(), v.road.op))
			require.Contains(v, e.Stack(), "TestWaysOutByPanic")
			require.NoError(v, e.Unwrap())
		}},
		{"error", func() any { return fmt.Errorf("broken: %w", errTooth) }, func(v *visit, e *plugreg.PanicError) {
			require.ErrorIs(v, e, errTooth)
		}},
		{"nil", func() any { return nil }, func(v *visit, e *plugreg.PanicError) {
			require.IsType(v, (*runtime.PanicNilError)(nil), e.Value)
		}},
		{"error of the runtime", func() any {
			var none *spur
			_ = none.tag
			return nil
		}, func(v *visit, e *plugreg.PanicError) {
			var err runtime.Error
			require.ErrorAs(v, e, &err)
		}},
		{"goexit's own error", func() any { return plugreg.ErrGoexit }, func(v *visit, e *plugreg.PanicError) {
			require.ErrorIs(v, e, plugreg.ErrGoexit)
		}},
	} {
		for name, cfg := range withAndWithoutLimit {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				t.Parallel()
				travel(t, cfg, oneOf("PANIC"), oneOf("PANIC"), func(v *visit) {
					err, gone := v.call(v.Context(), func(context.Context) error { panic(tt.value()) })
					require.False(v, gone)
					tt.check(v, v.requirePanic(err))
				})
			})
		}
	}
}

var withAndWithoutLimit = map[string]plugreg.SandboxConfig{"limited": {}, "unlimited": {Timeout: -1}}

func TestWaysOutByGoexit(t *testing.T) {
	t.Parallel()
	for name, cfg := range withAndWithoutLimit {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			travel(t, cfg, oneOf("GOEXIT"), oneOf("GOEXIT"), func(v *visit) {
				err, gone := v.call(v.Context(), func(context.Context) error {
					runtime.Goexit()
					return nil
				})
				require.Equal(v, v.road.inline, gone, "an inline Goexit is the caller's own")
				if gone {
					return
				}
				require.ErrorIs(v, err, plugreg.ErrGoexit)
				var e *plugreg.PluginError
				require.ErrorAs(v, err, &e)
				require.Equal(v, plugreg.PluginError{Plugin: "gear", Version: v.road.sees, Field: v.road.op, Err: plugreg.ErrGoexit}, *e)
			})
		})
	}
}

func TestWaysOutByDeadline(t *testing.T) {
	t.Parallel()
	cfg := plugreg.SandboxConfig{Timeout: time.Second}
	t.Run("honoured", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("TIMEOUT"), oneOf("TIMEOUT"), func(v *visit) {
			began := time.Now()
			err, _ := v.call(v.Context(), func(ctx context.Context) error {
				until, ok := ctx.Deadline()
				require.True(v, ok)
				require.Equal(v, began.Add(time.Second), until)
				<-ctx.Done()
				return fmt.Errorf("gave up: %w", ctx.Err())
			})
			require.Equal(v, time.Second, time.Since(began))
			v.requireTimeout(err, time.Second, !v.road.inline)
		})
	})
	t.Run("honoured by the clock", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("TIMEOUT"), oneOf("TIMEOUT"), func(v *visit) {
			err, _ := v.call(v.Context(), func(ctx context.Context) error {
				until, _ := ctx.Deadline()
				<-time.After(time.Until(until))
				return context.DeadlineExceeded
			})
			var e *plugreg.TimeoutError // abandoned or not: the call and the timer come at one instant
			require.ErrorAs(v, err, &e)
			require.Equal(v, time.Second, e.After)
		})
	})
	t.Run("answered otherwise", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("TIMEOUT"), oneOf("ERROR"), func(v *visit) {
			err, _ := v.call(v.Context(), func(ctx context.Context) error {
				<-ctx.Done()
				return errTooth
			})
			if v.road.inline {
				require.Same(v, errTooth, err)
				return
			}
			v.requireTimeout(err, time.Second, true)
		})
	})
	t.Run("answered by a panic", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("TIMEOUT"), oneOf("PANIC"), func(v *visit) {
			err, _ := v.call(v.Context(), func(ctx context.Context) error {
				<-ctx.Done()
				panic(ctx.Err())
			})
			if v.road.inline {
				require.ErrorIs(v, v.requirePanic(err), context.DeadlineExceeded)
				return
			}
			v.requireTimeout(err, time.Second, true)
		})
	})
	t.Run("ignored", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("TIMEOUT"), nil, func(v *visit) {
			if v.road.inline { // late, but a success
				err, _ := v.call(v.Context(), func(context.Context) error {
					<-time.After(5 * time.Second)
					return nil
				})
				require.NoError(v, err)
				return
			}
			began := time.Now()
			err, _ := v.call(v.Context(), func(context.Context) error {
				v.release.wait()
				return errTooth // nobody hears of it
			})
			require.Equal(v, time.Second, time.Since(began))
			v.requireTimeout(err, time.Second, true)
		})
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{Timeout: -1}, nil, nil, func(v *visit) {
			ctx := context.WithValue(context.Background(), errTooth, 1)
			err, _ := v.call(ctx, func(got context.Context) error {
				_, ok := got.Deadline()
				require.False(v, ok)
				require.Equal(v, 1, got.Value(errTooth))
				require.Equal(v, v.road.inline, got == ctx, "the caller's own context costs nothing")
				<-time.After(100 * time.Hour)
				return got.Err()
			})
			require.NoError(v, err)
		})
	})
}
