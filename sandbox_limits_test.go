// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// took is how long f takes by the bubble's clock.
func took(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func TestSandboxConfig(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, cfg plugreg.SandboxConfig, build builder) (*plugreg.Registry[gear], *plugreg.Handle[gear], error) {
		r := gears(t, plugreg.Config{Sandbox: cfg}, wormPlugin("gear", "1.0.0", build))
		h, err := r.Open(t.Context(), "gear", "", nil)
		return r, h, err
	}
	plain := func(context.Context, *plugreg.Env) (gear, error) { return &worm{}, nil }
	const never = 1000 * time.Hour // when the test lets go what hangs
	for _, tt := range []struct {
		name  string
		set   func(*plugreg.SandboxConfig, time.Duration)
		zero  time.Duration                                                              // what the zero value stands for
		other time.Duration                                                              // what a negative one comes to
		try   func(t *testing.T, cfg plugreg.SandboxConfig, release *gate) time.Duration // how long the limit took to act
	}{
		{"StartTimeout", func(c *plugreg.SandboxConfig, d time.Duration) { c.StartTimeout = d }, time.Minute, never,
			func(t *testing.T, cfg plugreg.SandboxConfig, release *gate) time.Duration {
				return took(func() {
					r, _, _ := open(t, cfg, func(context.Context, *plugreg.Env) (gear, error) { release.wait(); return &worm{}, nil })
					defer func() { go r.Close(context.Background()) }()
				})
			}},
		{"Timeout", func(c *plugreg.SandboxConfig, d time.Duration) { c.Timeout = d }, 30 * time.Second, never,
			func(t *testing.T, cfg plugreg.SandboxConfig, release *gate) time.Duration {
				s, err := plugreg.NewSandbox("gear", cfg)
				require.NoError(t, err)
				return took(func() { _ = s.Run(t.Context(), func(context.Context) error { release.wait(); return nil }) })
			}},
		{"DrainTimeout", func(c *plugreg.SandboxConfig, d time.Duration) { c.DrainTimeout = d }, 30 * time.Second, never,
			func(t *testing.T, cfg plugreg.SandboxConfig, release *gate) time.Duration {
				_, h, err := open(t, cfg, plain)
				require.NoError(t, err)
				lease, err := h.Acquire(t.Context())
				require.NoError(t, err)
				go func() { release.wait(); lease.Release() }()
				return took(func() { _ = h.Close(context.Background()) })
			}},
		{"CloseTimeout", func(c *plugreg.SandboxConfig, d time.Duration) { c.CloseTimeout = d }, 10 * time.Second, never,
			func(t *testing.T, cfg plugreg.SandboxConfig, release *gate) time.Duration {
				_, h, err := open(t, cfg, func(context.Context, *plugreg.Env) (gear, error) {
					return &worm{spur: spur{close: func() error { release.wait(); return nil }}}, nil
				})
				require.NoError(t, err)
				return took(func() { _ = h.Close(context.Background()) })
			}},
		{"AbandonGrace", func(c *plugreg.SandboxConfig, d time.Duration) { c.AbandonGrace = d }, time.Second, 0,
			func(t *testing.T, cfg plugreg.SandboxConfig, release *gate) time.Duration {
				s, err := plugreg.NewSandbox("gear", cfg)
				require.NoError(t, err)
				_ = s.Run(t.Context(), func(context.Context) error { release.wait(); return nil })
				return took(func() {
					for synctest.Wait(); s.State().Abandoned == 0; synctest.Wait() {
						<-time.After(time.Millisecond)
					}
				})
			}},
	} {
		for value, want := range map[time.Duration]time.Duration{0: tt.zero, 7 * time.Second: 7 * time.Second, -1: tt.other} {
			t.Run(tt.name+"="+value.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					release := newGate()
					time.AfterFunc(never, release.open)
					var cfg plugreg.SandboxConfig
					tt.set(&cfg, value)
					require.Equal(t, want, tt.try(t, cfg, release))
					release.open()
				})
			})
		}
	}
}

func TestSandboxConfigOfWhom(t *testing.T) {
	t.Parallel()
	second, two, three := time.Second, 2*time.Second, 3*time.Second
	limits := func(h *plugreg.Handle[gear]) (limit time.Duration) {
		_ = h.DoInline(context.Background(), func(ctx context.Context, _ gear) error {
			if until, ok := ctx.Deadline(); ok {
				limit = time.Until(until)
			}
			return nil
		})
		return limit
	}
	for _, tt := range []struct {
		name     string
		registry plugreg.SandboxConfig
		plugin   *plugreg.SandboxConfig
		word     *plugreg.SandboxConfig
		want     time.Duration
	}{
		{"nobody's", plugreg.SandboxConfig{}, nil, nil, 30 * second},
		{"the registry's", plugreg.SandboxConfig{Timeout: second}, nil, nil, second},
		{"the plugin's", plugreg.SandboxConfig{Timeout: second}, &plugreg.SandboxConfig{Timeout: two}, nil, two},
		{"the plugin's, without a limit", plugreg.SandboxConfig{Timeout: second}, &plugreg.SandboxConfig{Timeout: -1}, nil, 0},
		{"the registry's where the plugin has none", plugreg.SandboxConfig{Timeout: second}, &plugreg.SandboxConfig{DrainTimeout: two}, nil, second},
		{"the host's", plugreg.SandboxConfig{Timeout: second}, &plugreg.SandboxConfig{Timeout: two}, &plugreg.SandboxConfig{Timeout: three}, three},
		{"the host's as it is", plugreg.SandboxConfig{Timeout: second}, &plugreg.SandboxConfig{Timeout: two}, &plugreg.SandboxConfig{}, 30 * second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := spurPlugin("gear", "v1.2.3", nil)
				p.Sandbox = tt.plugin
				cfg := plugreg.Config{Sandbox: tt.registry}
				var asked plugreg.Info
				cfg.SandboxFor = func(i plugreg.Info) *plugreg.SandboxConfig {
					asked = i
					return tt.word
				}
				r := gears(t, cfg, p)
				require.Equal(t, tt.want, limits(mustOpen(t, r, "gear")))
				require.Equal(t, "gear", asked.Name)
				require.Equal(t, "1.2.3", asked.Version)
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

func TestSandboxAlone(t *testing.T) {
	t.Parallel()
	t.Run("a name that is none", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"", "a b", "-a", string(make([]byte, 200))} {
			s, err := plugreg.NewSandbox(name, plugreg.SandboxConfig{})
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Nil(t, s)
		}
	})
	t.Run("close waits", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{})
			require.NoError(t, err)
			release := newGate()
			time.AfterFunc(5*time.Second, release.open)
			go func() { _ = s.Run(context.Background(), func(context.Context) error { release.wait(); return nil }) }()
			synctest.Wait()
			over := make(chan time.Duration, 16)
			for range 16 { // a wake-up is for all of them
				go func() { over <- took(func() { require.NoError(t, s.Close(context.Background())) }) }()
			}
			short, cancel := context.WithTimeoutCause(t.Context(), time.Second, errChanged)
			defer cancel()
			err = s.Close(short)
			require.ErrorIs(t, err, plugreg.ErrStranded)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, err, errChanged)
			require.ErrorContains(t, err, "1 of them")
			require.True(t, s.State().Draining)
			require.ErrorIs(t, s.Run(t.Context(), nil), plugreg.ErrClosed)
			require.ErrorIs(t, s.RunInline(t.Context(), nil), plugreg.ErrClosed)
			for range 16 {
				require.Equal(t, 5*time.Second, <-over)
			}
			requireQuiet(t, s.State())
			ended, stop := context.WithCancel(t.Context())
			stop()
			require.NoError(t, s.Close(ended), "it is closed")
		})
	})
	t.Run("close from inside", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, err := plugreg.NewSandbox("gear", plugreg.SandboxConfig{})
			require.NoError(t, err)
			for _, run := range []doer{s.Run, s.RunInline} {
				require.Zero(t, took(func() {
					err = run(t.Context(), func(ctx context.Context) error {
						derived, cancel := context.WithTimeout(ctx, time.Second)
						defer cancel()
						return s.Close(derived)
					})
				}))
			}
			require.ErrorIs(t, err, plugreg.ErrClosed, "the first one closed it")
			require.NoError(t, s.Close(t.Context()))
		})
	})
	t.Run("close of a mounted one", func(t *testing.T) {
		t.Parallel()
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		require.ErrorIs(t, h.Sandbox().Close(t.Context()), plugreg.ErrMounted)
		require.NoError(t, h.DoInline(t.Context(), func(context.Context, gear) error { return nil }))
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Acquire(gone)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, h.Sandbox().State().Calls, "who has gone gets no lease")

		lease, err := h.Acquire(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, lease.Value().Turn(2))
		require.Equal(t, plugreg.SandboxState{Calls: 1, InFlight: 1, ErrorLimit: 0.5}, h.Sandbox().State())
		select {
		case <-lease.Draining():
			require.Fail(t, "nobody closes it")
		default:
		}
		closed := make(chan error)
		go func() { closed <- h.Close(context.Background()) }()
		<-lease.Draining()
		_, err = h.Acquire(t.Context())
		require.ErrorIs(t, err, plugreg.ErrClosed)
		<-time.After(5 * time.Second)
		synctest.Wait()
		select {
		case <-closed:
			require.Fail(t, "closed under a lease")
		default:
		}
		lease.Release()
		lease.Release()
		require.NoError(t, <-closed)
		require.Equal(t, plugreg.SandboxState{Calls: 1, ErrorLimit: 0.5, Draining: true}, h.Sandbox().State(), "released once")
		require.NoError(t, r.Close(t.Context()))
	})
}
