// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// plainLog writes records as "level: message" with the attributes named, one a line of the journal.
type plainLog struct {
	slog.Handler
	j      *journal
	keys   []string
	before func() // runs before a record is written; may be nil
}

func newPlainLog(j *journal, keys ...string) *slog.Logger {
	return slog.New(&plainLog{Handler: slog.DiscardHandler, j: j, keys: keys})
}

func (l *plainLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *plainLog) WithAttrs([]slog.Attr) slog.Handler       { return l }

func (l *plainLog) Handle(_ context.Context, rec slog.Record) error {
	if l.before != nil {
		l.before()
	}
	line := rec.Level.String() + ": " + rec.Message
	rec.Attrs(func(a slog.Attr) bool {
		for _, key := range l.keys {
			if a.Key == key {
				line += "; " + a.Value.String()
			}
		}
		return true
	})
	l.j.add("%s", line)
	return nil
}

func TestStranded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, j := time.Now(), new(journal)
		note := func(what string) { j.add("%v: %s", time.Since(began), what) }
		r := gears(t, plugreg.Config{Logger: newPlainLog(j, "plugin", "error"), Sandbox: plugreg.SandboxConfig{Timeout: -1, DrainTimeout: 5 * time.Second}},
			spurPlugin("gear", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
				env.Go(func(ctx context.Context) { <-ctx.Done(); note("life over") })
				env.OnClose(func() error { note("clean-up"); return errChanged })
				return &spur{close: func() error { note("close"); return nil }}, nil
			}))
		h := mustOpen(t, r, "gear")
		first, err := h.Acquire(t.Context())
		require.NoError(t, err)
		in := newGate()
		go func() {
			_ = h.Do(context.Background(), func(context.Context, gear) error {
				in.open()
				<-time.After(20 * time.Second)
				note("call returns")
				return nil
			})
		}()
		in.wait()
		err = h.Close(t.Context())
		require.ErrorIs(t, err, plugreg.ErrStranded)
		require.ErrorContains(t, err, "2 of them after 5s")
		synctest.Wait()
		mount := r.Inspect().Plugins[0].Mounts[0]
		require.True(t, mount.Stranded)
		require.EqualValues(t, 2, mount.Sandbox.InFlight)
		require.Same(t, err, h.Close(t.Context()), "a second Close returns likewise")
		<-time.After(5 * time.Second)
		first.Release() // not the last one
		synctest.Wait()
		select {
		case <-h.Done():
			require.Fail(t, "the call is inside")
		default:
		}
		<-h.Done()
		require.NoError(t, r.Close(t.Context()))
		require.ElementsMatch(t, []string{
			"5s: life over",
			`WARN: plugreg: an instance is stranded; gear; plugin "gear" 1.0.0: drain: calls still inside; have 2 of them after 5s (the last of them closes the instance)`,
		}, j.lines[:2])
		require.Equal(t, []string{
			"20s: call returns", "20s: close", "20s: clean-up",
			"ERROR: plugreg: a stranded instance failed to close; gear; the caller changed its mind",
		}, j.take()[2:])
		require.Empty(t, r.Inspect().Plugins[0].Mounts)
	})
}

// TestStrandedByItsRelease has the registry end before the last lease of a stranded instance does.
func TestStrandedByItsRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var closes atomic.Int32
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			return &spur{close: func() error { closes.Add(1); return nil }}, nil
		}))
		h := mustOpen(t, r, "gear")
		leases := make([]*plugreg.Lease[gear], 32)
		for i := range leases {
			var err error
			leases[i], err = h.Acquire(t.Context())
			require.NoError(t, err)
		}
		require.ErrorIs(t, r.Close(t.Context()), plugreg.ErrStranded)
		require.Zero(t, closes.Load())
		for _, l := range leases {
			go l.Release()
		}
		<-h.Done()
		require.EqualValues(t, 1, closes.Load())
	})
}

// TestRegistryCloseAfterStranded closes the registry when a handle's Close has given up on calls inside: they get another DrainTimeout.
func TestRegistryCloseAfterStranded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		released time.Duration // after the handle's Close
		want     error
		took     time.Duration
	}{
		{"released in time", 20 * time.Second, errTooth, 20 * time.Second},
		{"not released", time.Hour, plugreg.ErrStranded, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
					return &spur{close: func() error { return errTooth }}, nil
				}))
				h := mustOpen(t, r, "gear")
				lease, err := h.Acquire(t.Context())
				require.NoError(t, err)
				require.ErrorIs(t, h.Close(t.Context()), plugreg.ErrStranded)
				time.AfterFunc(tt.released, lease.Release)
				require.Equal(t, tt.took, took(func() { err = r.Close(t.Context()) }))
				require.ErrorIs(t, err, tt.want)
				<-h.Done()
			})
		})
	}
}

// asked is an error that answers once whether it is ErrStranded, and hangs when it is asked again.
type asked struct {
	times   atomic.Int32
	release *gate
}

func (*asked) Error() string { return "asked" }

func (e *asked) Is(target error) bool {
	if target == plugreg.ErrStranded && e.times.Add(1) > 1 {
		e.release.wait()
	}
	return false
}

// TestRegistryCloseAsksNoError has a plugin's own error come from a handle that is being closed already. The sandbox asked it once, guarded.
func TestRegistryCloseAsksNoError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		own := &asked{release: newGate()}
		time.AfterFunc(time.Hour, own.release.open)
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			return &spur{close: func() error { <-time.After(5 * time.Second); return own }}, nil
		}))
		h := mustOpen(t, r, "gear")
		go func() { _ = h.Close(context.Background()) }()
		synctest.Wait()
		var err error
		require.Equal(t, 5*time.Second, took(func() { err = r.Close(t.Context()) }))
		require.EqualValues(t, 1, own.times.Load())
		require.ErrorIs(t, err, own)
	})
}

func TestEachStepOfTheEndIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, j, release := time.Now(), new(journal), newGate()
		note := func(what string) { j.add("%v: %s", time.Since(began), what) }
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
			env.OnClose(func() error { note("first clean-up"); return errTooth })
			env.OnClose(func() error { note("second clean-up"); release.wait(); return nil })
			env.OnClose(func() error { note("third clean-up"); panic("third") })
			env.Go(func(ctx context.Context) { <-ctx.Done(); note("goroutine"); release.wait() })
			return &spur{close: func() error { note("close"); release.wait(); return nil }}, nil
		}))
		h := mustOpen(t, r, "gear")
		err := h.Close(t.Context())
		require.Equal(t, 30*time.Second, time.Since(began))
		require.ElementsMatch(t, []string{"0s: close", "0s: goroutine"}, j.lines[:2])
		require.Equal(t, []string{"20s: third clean-up", "20s: second clean-up", "30s: first clean-up"}, j.take()[2:])
		var slow *plugreg.TimeoutError
		require.ErrorAs(t, err, &slow)
		require.Equal(t, plugreg.TimeoutError{Plugin: "gear", Version: "1.0.0", Operation: "close", After: 10 * time.Second, Abandoned: true}, *slow)
		require.ErrorIs(t, err, plugreg.ErrStranded, "of env.Go")
		require.ErrorIs(t, err, errTooth)
		require.ErrorContains(t, err, "panic in OnClose: third")
		require.ErrorContains(t, err, "OnClose took longer than 10s and still runs")
		require.ErrorContains(t, err, "1 goroutines that go on")
		release.open()
		synctest.Wait()
		phases := r.Inspect().Plugins[0].Phases
		require.Equal(t, plugreg.Stats{Calls: 1, Failures: oneOf("TIMEOUT")}, phases["close"])
		require.Equal(t, plugreg.Stats{Calls: 3, Failures: map[string]uint64{"TIMEOUT": 1, "ERROR": 1, "PANIC": 1}}, phases["OnClose"])
		require.Equal(t, plugreg.Stats{Calls: 1}, phases["env.Go"])
		require.Equal(t, plugreg.Stats{Calls: 1}, phases["construct"])
		require.Equal(t, plugreg.Stats{Calls: 1}, phases["drain"])
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestCloseThatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			return &spur{close: func() error { <-time.After(5 * time.Second); return nil }}, nil
		}))
		h := mustOpen(t, r, "gear")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errChanged)
		defer cancel()
		err := h.Close(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errChanged)
		require.ErrorContains(t, err, "an end that goes on without its caller")
		require.ErrorIs(t, h.Do(t.Context(), nil), plugreg.ErrClosed)
		rerr := r.Close(ctx)
		require.ErrorIs(t, rerr, context.DeadlineExceeded)
		require.ErrorIs(t, rerr, errChanged)
		began := time.Now()
		<-h.Done()
		require.Equal(t, 4*time.Second, time.Since(began))
		for range 32 {
			require.NoError(t, h.Close(ctx), "what is over is over, whatever ctx is")
		}
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestCloseFromInside has plugin code close what it runs in: it must not wait for itself.
func TestCloseFromInside(t *testing.T) {
	t.Parallel()
	type closer func(ctx context.Context) error
	ways := map[string]func(t *testing.T, r *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) error{
		"Do": func(t *testing.T, _ *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) error {
			return h.Do(t.Context(), func(ctx context.Context, _ gear) error { return end(ctx) })
		},
		"DoInline": func(t *testing.T, _ *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) error {
			return h.DoInline(t.Context(), func(ctx context.Context, _ gear) error { return end(ctx) })
		},
		"a derived context": func(t *testing.T, _ *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) error {
			return h.Do(t.Context(), func(ctx context.Context, _ gear) error {
				ctx, cancel := context.WithTimeout(context.WithValue(ctx, errTooth, 1), time.Hour)
				defer cancel()
				return end(ctx)
			})
		},
		"export": func(t *testing.T, _ *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) error {
			return plugreg.DoExport(t.Context(), h, "end", func(ctx context.Context, f func(context.Context, func(context.Context) error) error) error {
				return f(ctx, end)
			})
		},
		"another plugin's call": func(t *testing.T, r *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) error {
			other := mustOpen(t, r, "other")
			return h.Do(t.Context(), func(ctx context.Context, _ gear) error {
				return other.Do(ctx, func(ctx context.Context, _ gear) error { return end(ctx) })
			})
		},
		"CallStart": func(t *testing.T, r *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) (err error) {
			r.SetHooks(&plugreg.Hooks{CallStart: func(ctx context.Context, _ plugreg.CallInfo) context.Context { err = end(ctx); return nil }})
			return errors.Join(h.DoInline(t.Context(), func(context.Context, gear) error { return nil }), err)
		},
		"CallDone": func(t *testing.T, r *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) (err error) {
			r.SetHooks(&plugreg.Hooks{CallDone: func(ctx context.Context, _ plugreg.CallInfo, _ plugreg.CallResult) { err = end(ctx) }})
			return errors.Join(h.DoInline(t.Context(), func(context.Context, gear) error { return nil }), err)
		},
		"PhaseStart and PhaseDone": func(t *testing.T, r *plugreg.Registry[gear], h *plugreg.Handle[gear], end closer) error {
			var mu sync.Mutex
			var errs []error
			note := func(err error) {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
			r.SetHooks(&plugreg.Hooks{
				PhaseStart: func(ctx context.Context, _ plugreg.CallInfo) context.Context { note(end(ctx)); return ctx },
				PhaseDone:  func(ctx context.Context, _ plugreg.CallInfo, _ plugreg.CallResult) { note(end(ctx)) },
			})
			err := h.Close(t.Context()) // drain and close, either of them with two hooks
			require.Len(t, errs, 4)
			return errors.Join(err, errors.Join(errs...))
		},
	}
	for name, way := range ways {
		for _, what := range []string{"handle", "registry"} {
			t.Run(name+" closes the "+what, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var closes atomic.Int32
					p := spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
						return &spur{close: func() error { closes.Add(1); return nil }}, nil
					})
					p.Exports = map[string]any{"end": func(ctx context.Context, end func(context.Context) error) error { return end(ctx) }}
					r := gears(t, plugreg.Config{}, p, spurPlugin("other", "1.0.0", nil))
					h := mustOpen(t, r, "gear")
					end := h.Close
					if what == "registry" {
						end = r.Close
					}
					require.Zero(t, took(func() { require.NoError(t, way(t, r, h, end)) }))
					<-h.Done()
					require.EqualValues(t, 1, closes.Load())
					require.NoError(t, r.Close(t.Context()))
				})
			})
		}
	}
}

// TestCloseFromTheEnd has what runs while an instance ends ask for that end: there is no context to see that by, but time is bounded.
func TestCloseFromTheEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		build func(h **plugreg.Handle[gear], errs chan error) builder
		want  error
		after time.Duration
	}{
		{"Close", func(h **plugreg.Handle[gear], errs chan error) builder {
			return func(context.Context, *plugreg.Env) (gear, error) {
				return &spur{close: func() error { errs <- (*h).Close(context.Background()); return nil }}, nil
			}
		}, context.DeadlineExceeded, 10 * time.Second},
		{"OnClose", func(h **plugreg.Handle[gear], errs chan error) builder {
			return func(_ context.Context, env *plugreg.Env) (gear, error) {
				env.OnClose(func() error { errs <- (*h).Close(context.Background()); return nil })
				return &spur{}, nil
			}
		}, context.DeadlineExceeded, 10 * time.Second},
		{"env.Go", func(h **plugreg.Handle[gear], errs chan error) builder {
			return func(_ context.Context, env *plugreg.Env) (gear, error) {
				env.Go(func(ctx context.Context) { <-ctx.Done(); errs <- (*h).Close(context.Background()) })
				return &spur{}, nil
			}
		}, plugreg.ErrStranded, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var h *plugreg.Handle[gear]
				errs := make(chan error, 1)
				r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", tt.build(&h, errs)))
				h = mustOpen(t, r, "gear")
				var err error
				require.Equal(t, tt.after, took(func() { err = h.Close(t.Context()) }))
				require.ErrorIs(t, err, tt.want)
				require.Equal(t, err, <-errs, "they got the same")
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

// TestCloseFromAGoroutine has env.Go's code end its instance: its context ends with that, and so does the wait.
func TestCloseFromAGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, opened, errs := (*plugreg.Handle[gear])(nil), newGate(), make(chan error, 1)
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
			env.Go(func(ctx context.Context) { opened.wait(); errs <- h.Close(ctx) })
			return &spur{}, nil
		}))
		h = mustOpen(t, r, "gear")
		opened.open()
		require.ErrorIs(t, <-errs, context.Canceled)
		<-h.Done()
		require.NoError(t, h.Close(t.Context()))
		require.NoError(t, r.Close(t.Context()))
	})
}
