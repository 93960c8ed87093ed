// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

var errChanged = errors.New("the caller changed its mind")

// requireLeft asserts what a caller gets whose own context ended.
func (v *visit) requireLeft(err, own error, causes ...error) {
	v.Helper()
	require.ErrorIs(v, err, own)
	var e *plugreg.TimeoutError
	require.NotErrorAs(v, err, &e)
	text := v.road.who() + ": caller left " + v.road.op + ": " + own.Error()
	for _, cause := range causes {
		require.ErrorIs(v, err, cause)
		text += ": " + cause.Error()
	}
	require.EqualError(v, err, text)
}

func TestWaysOutByTheCaller(t *testing.T) {
	t.Parallel()
	cfg := plugreg.SandboxConfig{Timeout: time.Minute}
	t.Run("cancelled, honoured", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("CANCELED"), oneOf("CANCELED"), func(v *visit) {
			ctx, cancel := context.WithCancel(v.Context())
			time.AfterFunc(time.Second, cancel)
			began := time.Now()
			err, _ := v.call(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
			require.Equal(v, time.Second, time.Since(began))
			require.ErrorIs(v, err, context.Canceled)
		})
	})
	t.Run("cancelled, ignored", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("CANCELED"), nil, func(v *visit) {
			ctx, cancel := context.WithCancelCause(v.Context())
			time.AfterFunc(time.Second, func() { cancel(errChanged) })
			if v.road.inline {
				time.AfterFunc(2*time.Second, v.release.open)
			}
			began := time.Now()
			var seen error
			err, _ := v.call(ctx, func(ctx context.Context) error {
				v.release.wait()
				seen = ctx.Err()
				return nil
			})
			if v.road.inline { // it stays, and the call is a success
				require.NoError(v, err)
				require.Equal(v, 2*time.Second, time.Since(began))
				return
			}
			require.Equal(v, time.Second, time.Since(began))
			v.requireLeft(err, context.Canceled, errChanged)
			v.release.open()
			synctest.Wait()
			require.Equal(v, context.Canceled, seen)
		})
	})
	t.Run("a deadline of its own", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("DEADLINE"), oneOf("DEADLINE"), func(v *visit) {
			ctx, cancel := context.WithTimeoutCause(v.Context(), time.Second, errChanged)
			defer cancel()
			began := time.Now()
			var until time.Time
			err, _ := v.call(ctx, func(ctx context.Context) error {
				until, _ = ctx.Deadline()
				if v.road.inline {
					<-ctx.Done()
					return ctx.Err()
				}
				v.release.wait()
				return nil
			})
			require.Equal(v, time.Second, time.Since(began))
			if v.road.inline {
				require.Equal(v, context.DeadlineExceeded, err)
			} else {
				v.requireLeft(err, context.DeadlineExceeded, errChanged)
			}
			v.release.open()
			synctest.Wait()
			require.Equal(v, began.Add(time.Second), until)
		})
	})
	t.Run("the same deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, err := plugreg.NewSandbox("gear", cfg)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			release := newGate()
			err = s.Run(ctx, func(context.Context) error { release.wait(); return nil })
			require.ErrorIs(t, err, context.DeadlineExceeded) // whoever is first has it
			synctest.Wait()
			require.Zero(t, s.State().Abandoned, "the grace begins when the caller leaves, and not when either timer fires")
			<-time.After(time.Second)
			synctest.Wait()
			require.EqualValues(t, 1, s.State().Abandoned)
			release.open()
			synctest.Wait()
			requireQuiet(t, s.State())
		})
	})
	t.Run("gone before", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, oneOf("CANCELED"), oneOf("CANCELED"), func(v *visit) {
			ctx, cancel := context.WithCancelCause(v.Context())
			cancel(errChanged)
			err, _ := v.call(ctx, func(context.Context) error {
				v.Error("there was no call to make")
				return nil
			})
			v.requireLeft(err, context.Canceled, errChanged)
		})
	})
	t.Run("gone before, without a limit", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{Timeout: -1}, oneOf("DEADLINE"), oneOf("DEADLINE"), func(v *visit) {
			ctx, cancel := context.WithDeadline(v.Context(), time.Now())
			defer cancel()
			err, _ := v.call(ctx, func(context.Context) error {
				v.Error("there was no call to make")
				return nil
			})
			v.requireLeft(err, context.DeadlineExceeded)
		})
	})
	t.Run("cancelled without a limit", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{Timeout: -1, AbandonGrace: -1}, oneOf("CANCELED"), oneOf("CANCELED"), func(v *visit) {
			ctx, cancel := context.WithCancel(v.Context())
			time.AfterFunc(time.Second, cancel)
			err, _ := v.call(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
			require.ErrorIs(v, err, context.Canceled)
		})
	})
	t.Run("without a context", func(t *testing.T) {
		t.Parallel()
		travel(t, cfg, nil, nil, func(v *visit) {
			var none context.Context
			require.Panics(v, func() { _ = v.do(none, func(context.Context) error { return nil }) }, "the host's own mistake")
		})
	})
}

// spiteful is an error whose methods do harm.
type spiteful struct{ text, is, unwrap func() }

func (e *spiteful) Error() string { e.text(); return "spite" }
func (e *spiteful) Is(error) bool { e.is(); return false }
func (e *spiteful) Unwrap() error { e.unwrap(); return nil }

func TestErrorsThatDoHarm(t *testing.T) {
	t.Parallel()
	harmless := func() {}
	bang := func() { panic("bang") }
	for _, tt := range []struct {
		name string
		err  *spiteful
	}{
		{"Is", &spiteful{harmless, bang, harmless}},
		{"Unwrap", &spiteful{harmless, harmless, bang}},
	} {
		t.Run(tt.name+" panics", func(t *testing.T) {
			t.Parallel()
			travel(t, plugreg.SandboxConfig{}, oneOf("PANIC"), oneOf("PANIC"), func(v *visit) {
				err, gone := v.call(v.Context(), func(context.Context) error { return tt.err })
				require.False(v, gone)
				require.Equal(v, "bang", v.requirePanic(err).Value)
			})
		})
	}
	for _, tt := range []struct {
		name string
		err  *spiteful
	}{
		{"Is", &spiteful{harmless, runtime.Goexit, harmless}},
		{"Unwrap", &spiteful{harmless, harmless, runtime.Goexit}},
	} {
		t.Run(tt.name+" ends the goroutine", func(t *testing.T) {
			t.Parallel()
			travel(t, plugreg.SandboxConfig{}, oneOf("GOEXIT"), oneOf("GOEXIT"), func(v *visit) {
				err, gone := v.call(v.Context(), func(context.Context) error { return tt.err })
				require.Equal(v, v.road.inline, gone)
				if !gone {
					require.ErrorIs(v, err, plugreg.ErrGoexit)
				}
			})
		})
	}
	t.Run("Error panics", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{}, oneOf("ERROR"), oneOf("ERROR"), func(v *visit) {
			err, _ := v.call(v.Context(), func(context.Context) error { return &spiteful{bang, harmless, harmless} })
			require.IsType(v, (*spiteful)(nil), err, "nobody asked for its text")
		})
	})
	t.Run("Is hangs", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{Timeout: time.Second}, oneOf("TIMEOUT"), oneOf("ERROR"), func(v *visit) {
			if v.road.inline {
				time.AfterFunc(time.Hour, v.release.open)
			}
			began := time.Now()
			err, _ := v.call(v.Context(), func(context.Context) error { return &spiteful{harmless, v.release.wait, harmless} })
			if !v.road.inline {
				require.Equal(v, time.Second, time.Since(began), "it is the plugin's goroutine that hangs")
				v.requireTimeout(err, time.Second, true)
			}
		})
	})
	t.Run("Is panics after the deadline", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{Timeout: time.Second}, oneOf("TIMEOUT"), oneOf("PANIC"), func(v *visit) {
			err, _ := v.call(v.Context(), func(ctx context.Context) error {
				<-ctx.Done()
				return &spiteful{harmless, bang, harmless}
			})
			if v.road.inline {
				v.requirePanic(err)
			}
		})
	})
	t.Run("a panic's value", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{}, oneOf("PANIC"), oneOf("PANIC"), func(v *visit) {
			err, _ := v.call(v.Context(), func(context.Context) error { panic(&spiteful{bang, bang, bang}) })
			e := v.requirePanic(err)
			require.IsType(v, (*spiteful)(nil), e.Value)
			require.Contains(v, e.Error(), "PANIC=")
		})
	})
}

func TestAbandoned(t *testing.T) {
	t.Parallel()
	leave := map[string]func(ctx context.Context) (context.Context, context.CancelFunc){
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
		"caller": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(10*time.Second, cancel)
			return ctx, cancel
		},
	}
	lates := map[string]func() error{
		"returns": func() error { return nil },
		"fails":   func() error { return errTooth },
		"panics":  func() error { panic("late") },
		"exits":   func() error { runtime.Goexit(); return nil },
	}
	for reason, derive := range leave {
		for late, end := range lates {
			t.Run(reason+", "+late, func(t *testing.T) {
				t.Parallel()
				code := map[string]string{"deadline": "TIMEOUT", "caller": "CANCELED"}[reason]
				cfg := plugreg.SandboxConfig{Timeout: 10 * time.Second, AbandonGrace: 3 * time.Second}
				if reason == "caller" {
					cfg.Timeout = 11 * time.Second // passes within the grace, and must not cut it short
				}
				travel(t, cfg, oneOf(code), oneOf(code), func(v *visit) {
					ctx, cancel := derive(v.Context())
					defer cancel()
					if v.road.inline { // an inline caller cannot leave
						_, _ = v.call(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
						return
					}
					err, _ := v.call(ctx, func(context.Context) error { v.release.wait(); return end() })
					require.Error(v, err)
					require.EqualValues(v, 1, v.state().InFlight)
					<-time.After(3*time.Second - 1)
					synctest.Wait()
					require.Zero(v, v.state().Abandoned, "within its grace")
					<-time.After(1)
					synctest.Wait()
					require.EqualValues(v, 1, v.state().Abandoned)
					require.EqualValues(v, 1, v.state().InFlight, "it keeps its lease")
				})
			})
		}
	}
	t.Run("within its grace", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{Timeout: time.Second}, oneOf("TIMEOUT"), oneOf("TIMEOUT"), func(v *visit) {
			_, _ = v.call(v.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			synctest.Wait()
			requireQuiet(v, v.state())
			<-time.After(2 * time.Second)
			synctest.Wait()
			requireQuiet(v, v.state())
		})
	})
	t.Run("without a grace", func(t *testing.T) {
		t.Parallel()
		travel(t, plugreg.SandboxConfig{Timeout: time.Second, AbandonGrace: -1}, oneOf("TIMEOUT"), nil, func(v *visit) {
			if v.road.inline {
				_, _ = v.call(v.Context(), func(context.Context) error { return nil })
				return
			}
			_, _ = v.call(v.Context(), func(context.Context) error { v.release.wait(); return nil })
			require.EqualValues(v, 1, v.state().Abandoned, "before the caller is back")
		})
	})
}
