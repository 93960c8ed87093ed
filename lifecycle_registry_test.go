// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestRegistryCloseEndsAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var closes atomic.Int32
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			n := closes.Add(0)
			return &spur{close: func() error {
				closes.Add(1)
				if n == 0 {
					return errTooth
				}
				return nil
			}}, nil
		}))
		var hs []*plugreg.Handle[gear]
		for range 5 {
			hs = append(hs, mustOpen(t, r, "gear"))
		}
		errs := make(chan error, 8)
		for range cap(errs) {
			go func() { errs <- r.Close(context.Background()) }()
		}
		for range cap(errs) {
			require.ErrorIs(t, <-errs, errTooth, "each of them gets what went wrong")
		}
		require.EqualValues(t, 5, closes.Load())
		for _, h := range hs {
			<-h.Done()
			require.ErrorIs(t, h.Do(t.Context(), nil), plugreg.ErrClosed)
			require.ErrorIs(t, h.Close(t.Context()), errTooth)
		}
		_, err := r.Open(t.Context(), "gear", "", nil)
		require.ErrorIs(t, err, plugreg.ErrClosed)
		_, err = r.Register(spurPlugin("gear", "2.0.0", nil))
		require.ErrorIs(t, err, plugreg.ErrClosed)
		_, err = r.Resolve("gear", "")
		require.NoError(t, err, "look-ups go on")
		in := r.Inspect()
		require.True(t, in.Closed)
		require.Zero(t, in.Closing)
	})
}

// TestRegistryCloseMeetsOpen closes while New runs: the start ends early, and nothing of it is left.
func TestRegistryCloseMeetsOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		honour bool
	}{{"honoured", true}, {"ignored", false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, in, release := new(journal), newGate(), newGate()
				r := gears(t, plugreg.Config{}, wormPlugin("gear", "1.0.0", func(ctx context.Context, env *plugreg.Env) (gear, error) {
					env.OnClose(func() error { j.add("clean-up"); return nil })
					in.open()
					if tt.honour {
						<-ctx.Done()
						j.add("%v", context.Cause(ctx))
						return nil, ctx.Err()
					}
					release.wait()
					return closeJournal(j), nil
				}))
				failed := make(chan error)
				go func() {
					_, err := r.Open(context.Background(), "gear", "", nil)
					failed <- err
				}()
				in.wait()
				closed := make(chan error)
				go func() { closed <- r.Close(context.Background()) }()
				err := <-failed
				require.ErrorIs(t, err, context.Canceled)
				if !tt.honour {
					require.ErrorIs(t, err, plugreg.ErrClosed, "the cause")
				}
				require.NoError(t, <-closed)
				release.open()
				synctest.Wait()
				lines := j.take()
				require.Equal(t, "clean-up", lines[len(lines)-1])
				require.Len(t, lines, 2)
			})
		})
	}
}

// TestRegistryCloseUnderLoad closes a registry in which many open, call and close. Whatever was opened is closed, once.
func TestRegistryCloseUnderLoad(t *testing.T) {
	t.Parallel()
	for range 20 {
		var built, closed atomic.Int64
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
			built.Add(1)
			env.Go(func(ctx context.Context) { <-ctx.Done() })
			return &spur{close: func() error { closed.Add(1); return nil }}, nil
		}))
		var wg sync.WaitGroup
		var opens atomic.Int64
		for worker := range 8 {
			wg.Go(func() {
				for round := 0; ; round++ {
					h, err := r.Open(context.Background(), "gear", "", nil)
					if err != nil {
						require.True(t, errors.Is(err, plugreg.ErrClosed) || errors.Is(err, context.Canceled), err)
						return
					}
					opens.Add(1)
					if err := h.DoInline(context.Background(), func(context.Context, gear) error { return nil }); err != nil {
						require.ErrorIs(t, err, plugreg.ErrClosed)
					}
					if (worker+round)%3 != 0 {
						require.NoError(t, h.Close(context.Background()))
					}
				}
			})
		}
		spin(t, func() bool { return opens.Load() > 8 })
		require.NoError(t, r.Close(t.Context()))
		require.Empty(t, r.Inspect().Plugins[0].Mounts, "all is closed when Close returns")
		wg.Wait()
		spin(t, func() bool { return built.Load() == closed.Load() }) // a New that its opener left undoes itself
	}
}

// TestRegistryCloseFromNew has a constructor end the registry that it is built for.
func TestRegistryCloseFromNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r *plugreg.Registry[gear]
		var closes atomic.Int32
		r = gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(ctx context.Context, _ *plugreg.Env) (gear, error) {
			require.NoError(t, r.Close(ctx))
			return &spur{close: func() error { closes.Add(1); return nil }}, nil
		}))
		_, err := r.Open(t.Context(), "gear", "", nil)
		require.Error(t, err)
		require.NoError(t, r.Close(t.Context()))
		synctest.Wait()
		require.EqualValues(t, 1, closes.Load())
	})
}

// TestRegistryCloseFromAHookOfTheStart has hooks of phases that belong to no instance end the registry with the context that they got.
func TestRegistryCloseFromAHookOfTheStart(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"resolve", "check"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var inner error
				r := gears(t, plugreg.Config{Trust: func(plugreg.Contract) error { return nil }}, spurPlugin("gear", "1.0.0", nil))
				r.SetHooks(&plugreg.Hooks{PhaseStart: func(ctx context.Context, c plugreg.CallInfo) context.Context {
					if c.Target.Operation == phase {
						inner = r.Close(ctx)
					}
					return ctx
				}})
				require.Zero(t, took(func() {
					_, err := r.Open(t.Context(), "gear", "", nil)
					require.Error(t, err)
				}))
				require.NoError(t, inner)
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

func TestOpenWithAContextThatEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var built atomic.Int32
		r := gears(t, plugreg.Config{Trust: func(plugreg.Contract) error { built.Add(100); return nil }},
			spurPlugin("gear", "1.0.0", func(ctx context.Context, _ *plugreg.Env) (gear, error) {
				built.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			}))
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.Open(gone, "gear", "", nil)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, built.Load(), "nobody's code ran")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Equal(t, time.Second, took(func() { _, err = r.Open(ctx, "gear", "", nil) }))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualValues(t, 101, built.Load())
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestTrust(t *testing.T) {
	t.Parallel()
	var built atomic.Int32
	r := gears(t, plugreg.Config{Trust: func(c plugreg.Contract) error {
		if c.Version == "1.0.0" {
			return errTooth
		}
		return nil
	}}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) { built.Add(1); return &spur{}, nil }))
	_, err := r.Open(t.Context(), "gear", "", nil)
	require.ErrorIs(t, err, plugreg.ErrUntrusted)
	require.ErrorIs(t, err, errTooth)
	require.Zero(t, built.Load())
	r.MustRegister(spurPlugin("gear", "1.0.1", nil))
	mustOpen(t, r, "gear")
	require.Equal(t, plugreg.Stats{Calls: 1, Failures: oneOf("UNTRUSTED")}, r.Inspect().Plugins[0].Phases["check"])
	require.NoError(t, r.Close(t.Context()))
}

// TestRegistryCloseWaitsForItsLog has what the registry started on its own account go on after all is closed.
func TestRegistryCloseWaitsForItsLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := newGate()
		log := newPlainLog(new(journal))
		log.Handler().(*plainLog).before = release.wait
		r := gears(t, plugreg.Config{Logger: log}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		lease, err := h.Acquire(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, h.Close(t.Context()), plugreg.ErrStranded)
		lease.Release()
		<-h.Done()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errChanged)
		defer cancel()
		err = r.Close(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errChanged)
		require.ErrorContains(t, err, "closing goes on")
		release.open()
		require.NoError(t, r.Close(t.Context()))
	})
}

// TestTrustOfDependencies asks for all that an Open would build, before anything is.
func TestTrustOfDependencies(t *testing.T) {
	t.Parallel()
	j := new(journal)
	r := gears(t, plugreg.Config{Trust: func(c plugreg.Contract) error {
		j.add("trust %s", c.Name)
		if c.Name == "db" {
			return errTooth
		}
		return nil
	}}, noted(j, "a", "1.0.0", "b"), noted(j, "b", "1.0.0", "cache", "db"), noted(j, "cache", "1.0.0"), noted(j, "db", "1.0.0"))
	_, err := r.Open(t.Context(), "a", "", nil)
	require.ErrorIs(t, err, plugreg.ErrUntrusted)
	require.ErrorIs(t, err, errTooth)
	require.EqualError(t, err, `plugin "a" 1.0.0: dependency "db": plugin "db" 1.0.0: check: not trusted: a tooth is missing`)
	require.Equal(t, []string{"trust a", "trust b", "trust cache", "trust db"}, j.take())
	require.NoError(t, r.Close(t.Context()))
}
