// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestLifeInOrder(t *testing.T) {
	t.Parallel()
	// life is what both forms of Init have in common.
	life := func(j *journal, env *plugreg.Env) spur {
		j.add("new %s %s", env.Name(), env.Version())
		closing := newGate()
		env.OnClose(func() error { j.add("first clean-up"); return nil })
		env.OnClose(func() error { j.add("second clean-up"); return nil })
		env.Go(func(ctx context.Context) {
			<-ctx.Done()
			closing.wait()
			j.add("goroutine")
		})
		return spur{close: func() error {
			j.add("close, life over: %v", env.Context().Err() != nil)
			closing.open()
			return nil
		}}
	}
	forms := map[string]func(j *journal) plugreg.Plugin[gear]{
		"with a context": func(j *journal) plugreg.Plugin[gear] {
			return wormPlugin("gear", "1.0.0", func(ctx context.Context, env *plugreg.Env) (gear, error) {
				g := &worm{spur: life(j, env)}
				g.init = func(got context.Context, settings map[string]any) error {
					j.add("init %v, start over: %v", settings, ctx.Err() != nil)
					settings["teeth"] = 0 // a copy
					return got.Err()
				}
				g.probe = func(ctx context.Context) error { j.add("probe"); return ctx.Err() }
				return g, nil
			})
		},
		"without": func(j *journal) plugreg.Plugin[gear] {
			return plugreg.Plugin[gear]{Name: "gear", Version: "1.0.0", Prototype: (*bevel)(nil),
				New: func(_ context.Context, env *plugreg.Env) (gear, error) {
					return &bevel{life(j, env), func(settings map[string]any) error {
						j.add("init %v, start over: true", settings)
						j.add("probe") // it has none
						return nil
					}}, nil
				}}
		},
	}
	for name, plugin := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := new(journal)
				r := gears(t, plugreg.Config{Trust: func(c plugreg.Contract) error { j.add("trust %s %s", c.Name, c.Version); return nil }}, plugin(j))
				settings := map[string]any{"teeth": 12}
				h, err := r.Open(t.Context(), "gear", "", settings)
				require.NoError(t, err)
				require.Equal(t, map[string]any{"teeth": 12}, settings)
				in := newGate()
				go func() {
					_ = h.Do(context.Background(), func(context.Context, gear) error {
						j.add("call begins")
						in.open()
						<-time.After(time.Second)
						j.add("call ends")
						return nil
					})
				}()
				in.wait()
				require.NoError(t, h.Close(t.Context()))
				<-h.Done()
				require.Equal(t, []string{
					"trust gear 1.0.0", "new gear 1.0.0", "init map[teeth:12], start over: true", "probe", "call begins", "call ends",
					"close, life over: true", "goroutine", "second clean-up", "first clean-up",
				}, j.take())
				require.NoError(t, r.Close(t.Context()))
				require.Empty(t, j.take())
			})
		})
	}
}

func TestCloseOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
			env.OnClose(func() error { j.add("clean-up"); return nil })
			return &spur{close: func() error { j.add("close"); return errTooth }}, nil
		}))
		h := mustOpen(t, r, "gear")
		view, err := plugreg.As[interface{ Tag() string }](h)
		require.NoError(t, err)
		require.NoError(t, view.Close(t.Context()), "a view owns nothing")
		require.NoError(t, view.Do(t.Context(), func(_ context.Context, g interface{ Tag() string }) error { g.Tag(); return nil }))
		lease, err := h.Acquire(t.Context())
		require.NoError(t, err)
		errs := make(chan error, 17)
		for range 16 {
			go func() { errs <- h.Close(context.Background()) }()
		}
		synctest.Wait()
		lease.Release()
		errs <- h.Close(t.Context())
		for range 17 {
			err := <-errs
			require.ErrorIs(t, err, errTooth)
			require.EqualError(t, err, `close "gear" 1.0.0: a tooth is missing`)
		}
		require.Equal(t, []string{"close", "clean-up"}, j.take())
		require.ErrorIs(t, view.Do(t.Context(), nil), plugreg.ErrClosed)
		require.NoError(t, r.Close(t.Context()), "it was closed before")
	})
}

func TestStartIsBounded(t *testing.T) {
	t.Parallel()
	idle := func(d time.Duration) { <-time.After(d) }
	for _, tt := range []struct {
		name             string
		new, init, probe time.Duration
		want             string
		undone           time.Duration // when the code that goes on is back
	}{
		{"new", 70 * time.Second, 0, 0, "construct", 70 * time.Second},
		{"init", 30 * time.Second, 31 * time.Second, 0, "init", 61 * time.Second},
		{"probe", 20 * time.Second, 20 * time.Second, 30 * time.Second, "probe", 70 * time.Second},
		{"none", 20 * time.Second, 20 * time.Second, 19 * time.Second, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began, j := time.Now(), new(journal)
				r := gears(t, plugreg.Config{}, wormPlugin("gear", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
					env.OnClose(func() error { j.add("clean-up after %v", time.Since(began)); return nil })
					env.Go(func(ctx context.Context) { <-ctx.Done(); j.add("life over after %v", time.Since(began)) })
					idle(tt.new)
					return &worm{
						spur:  spur{close: func() error { j.add("close after %v", time.Since(began)); return nil }},
						init:  func(context.Context, map[string]any) error { idle(tt.init); return nil },
						probe: func(context.Context) error { idle(tt.probe); return nil },
					}, nil
				}))
				h, err := r.Open(t.Context(), "gear", "", nil)
				if tt.want == "" {
					require.NoError(t, err)
					require.EqualValues(t, 0, h.Sandbox().State().Calls, "the start is no call")
					require.NoError(t, r.Close(t.Context()))
					return
				}
				require.Nil(t, h)
				var e *plugreg.TimeoutError
				require.ErrorAs(t, err, &e)
				require.Equal(t, plugreg.TimeoutError{Plugin: "gear", Version: "1.0.0", Operation: tt.want, After: time.Minute, Abandoned: true}, *e)
				require.Equal(t, time.Minute, time.Since(began))
				synctest.Wait()
				require.Equal(t, []string{"life over after 1m0s"}, j.take())
				<-time.After(time.Hour)
				require.Equal(t, []string{fmt.Sprintf("close after %v", tt.undone), fmt.Sprintf("clean-up after %v", tt.undone)}, j.take())
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

func TestStartThatFails(t *testing.T) {
	t.Parallel()
	type other struct{ spur }
	for _, tt := range []struct {
		name string
		new  func(j *journal) (gear, error)
		want string
		is   error
		then []string
	}{
		{"error", func(*journal) (gear, error) { return nil, errTooth }, "a tooth is missing", errTooth, nil},
		{"value with an error", func(j *journal) (gear, error) { return closeJournal(j), errTooth }, "a tooth is missing", errTooth, nil},
		{"nil", func(*journal) (gear, error) { return nil, nil }, `New: contract violation; want an instance or an error, have nil and no error`, plugreg.ErrContract, nil},
		{"typed nil", func(*journal) (gear, error) { return (*worm)(nil), nil }, `have a nil *plugreg_test.worm and no error`, plugreg.ErrContract, nil},
		{"typed nil of another type", func(*journal) (gear, error) { return (*spur)(nil), nil }, `have a nil *plugreg_test.spur and no error`, plugreg.ErrContract, nil},
		{"another type", func(j *journal) (gear, error) { return &other{closeJournal(j).spur}, nil },
			`want *plugreg_test.worm, the type of Prototype, have *plugreg_test.other`, plugreg.ErrContract, []string{"close"}},
		{"init", func(j *journal) (gear, error) {
			g := closeJournal(j)
			g.init = func(context.Context, map[string]any) error { return errTooth }
			return g, nil
		}, "a tooth is missing", errTooth, []string{"close"}},
		{"probe", func(j *journal) (gear, error) {
			g := closeJournal(j)
			g.probe = func(context.Context) error { panic(errTooth) }
			return g, nil
		}, "panic in probe: a tooth is missing", errTooth, []string{"close"}},
		{"close too", func(j *journal) (gear, error) {
			g := closeJournal(j)
			g.probe = func(context.Context) error { return errTooth }
			g.close = func() error { j.add("close"); return errChanged }
			return g, nil
		}, "close \"gear\" 1.0.0: the caller changed its mind", errChanged, []string{"close"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := new(journal)
				r := gears(t, plugreg.Config{}, wormPlugin("gear", "1.0.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
					env.OnClose(func() error { j.add("clean-up"); return nil })
					env.Go(func(ctx context.Context) { <-ctx.Done() })
					return tt.new(j)
				}))
				h, err := r.Open(t.Context(), "gear", "", nil)
				require.Nil(t, h)
				require.ErrorIs(t, err, tt.is)
				require.ErrorContains(t, err, `open "gear" 1.0.0: `)
				require.ErrorContains(t, err, tt.want)
				require.Equal(t, append(tt.then, "clean-up"), j.take())
				require.Empty(t, r.Inspect().Plugins[0].Mounts)
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

func closeJournal(j *journal) *worm {
	return &worm{spur: spur{close: func() error { j.add("close"); return nil }}}
}

// TestLateNew has New return after its caller has left.
func TestLateNew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(j *journal) (gear, error)
		want []string
	}{
		{"value", func(j *journal) (gear, error) { return closeJournal(j), nil }, []string{"close", "clean-up"}},
		{"value of another type", func(j *journal) (gear, error) { return &closeJournal(j).spur, nil }, []string{"close", "clean-up"}},
		{"typed nil", func(*journal) (gear, error) { return (*worm)(nil), nil }, []string{"clean-up"}},
		{"value with an error", func(j *journal) (gear, error) { return closeJournal(j), errTooth }, []string{"clean-up"}},
		{"panic", func(*journal) (gear, error) { panic("late") }, []string{"clean-up"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, release := new(journal), newGate()
				r := gears(t, plugreg.Config{}, wormPlugin("gear", "1.0.0", func(ctx context.Context, env *plugreg.Env) (gear, error) {
					env.OnClose(func() error { j.add("clean-up"); return nil })
					release.wait()
					require.ErrorIs(t, ctx.Err(), context.Canceled)
					require.Error(t, env.Context().Err())
					return tt.end(j)
				}))
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				_, err := r.Open(ctx, "gear", "", nil)
				require.ErrorIs(t, err, context.Canceled)
				require.Empty(t, j.take())
				release.open()
				synctest.Wait()
				require.Equal(t, tt.want, j.take())
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

// TestLateNewThatFailsToClose tells the log, for its opener has gone.
func TestLateNewThatFailsToClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		r := gears(t, plugreg.Config{Logger: newPlainLog(j, "plugin", "error")}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			<-time.After(2 * time.Minute)
			return &spur{close: func() error { return errTooth }}, nil
		}))
		_, err := r.Open(t.Context(), "gear", "", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		<-time.After(2 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{`ERROR: plugreg: what a late construct left behind failed to close; gear; close "gear" 1.0.0: a tooth is missing`}, j.take())
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestSettingsNobodyReads(t *testing.T) {
	t.Parallel()
	set := map[string]any{"teeth": 12, "bore": 3}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		var closes atomic.Int32
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			return &spur{close: func() error { closes.Add(1); return nil }}, nil
		}))
		_, err := r.Open(t.Context(), "gear", "", set)
		require.ErrorIs(t, err, plugreg.ErrContract)
		require.ErrorContains(t, err, `["bore" "teeth"]`)
		require.EqualValues(t, 1, closes.Load())
		h, err := r.Open(t.Context(), "gear", "", map[string]any{})
		require.NoError(t, err)
		require.NoError(t, h.Close(t.Context()))
	})
	type options struct {
		Teeth int `json:"teeth"`
		Bore  int `json:"bore"`
	}
	t.Run("read", func(t *testing.T) {
		t.Parallel()
		var got options
		r := gears(t, plugreg.Config{}, plugreg.Configured(spurPlugin("gear", "1.0.0", nil), options{Teeth: 8, Bore: 2},
			func(_ context.Context, _ *plugreg.Env, o options) (gear, error) { got = o; return &spur{}, nil }))
		_, err := r.Open(t.Context(), "gear", "", set)
		require.NoError(t, err)
		require.Equal(t, options{12, 3}, got)
		_, err = r.Open(t.Context(), "gear", "", nil)
		require.NoError(t, err)
		require.Equal(t, options{8, 2}, got, "the defaults are as they were")
		_, err = r.Open(t.Context(), "gear", "", map[string]any{"tooth": 1})
		require.ErrorIs(t, err, plugreg.ErrContract)
		require.ErrorContains(t, err, "tooth")
		require.NoError(t, r.Close(t.Context()))
	})
	t.Run("a constructor that is missing", func(t *testing.T) {
		t.Parallel()
		p := plugreg.Configured[gear, options](spurPlugin("gear", "1.0.0", nil), options{}, nil)
		require.Nil(t, p.New)
		_, err := plugreg.MustNew[gear](plugreg.Config{}).Register(p)
		require.ErrorIs(t, err, plugreg.ErrInvalid)
	})
	t.Run("init", func(t *testing.T) {
		t.Parallel()
		var none, some map[string]any
		r := gears(t, plugreg.Config{}, wormPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			return &worm{init: func(_ context.Context, settings map[string]any) error { none, some = some, settings; return nil }}, nil
		}))
		for _, settings := range []map[string]any{nil, set} {
			_, err := r.Open(t.Context(), "gear", "", settings)
			require.NoError(t, err)
		}
		require.Nil(t, none)
		require.Equal(t, set, some)
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestOpenMeetsUnregister(t *testing.T) {
	t.Parallel()
	var r *plugreg.Registry[gear]
	var closes atomic.Int32
	r = gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
		d, err := r.Resolve("gear", "")
		return &spur{close: func() error { closes.Add(1); return nil }}, errors.Join(err, r.Unregister(d))
	}))
	_, err := r.Open(t.Context(), "gear", "", nil)
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.EqualValues(t, 1, closes.Load())
	require.NoError(t, r.Close(t.Context()))
}
