// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// leaver leaves goroutines behind, until it is told to let go.
type leaver struct{ stop chan struct{} }

// newLeaver lets go when the test ends, in its bubble.
func newLeaver() *leaver { return &leaver{make(chan struct{})} }

func (l *leaver) letGo() {
	close(l.stop)
	synctest.Wait()
}

//go:noinline
func (l *leaver) linger() { <-l.stop }

//go:noinline
func (l *leaver) linger2() { <-l.stop }

// leave is plugin code that leaves n goroutines behind.
func (l *leaver) leave(n int) func(context.Context) error {
	return func(context.Context) error {
		for range n {
			go l.linger()
		}
		return nil
	}
}

// leaveOn is leave for a gear.
func (l *leaver) leaveOn(n int) func(context.Context, gear) error {
	return func(ctx context.Context, _ gear) error { return l.leave(n)(ctx) }
}

// leaks looks, in a bubble whose goroutines have come to rest.
func leaks(t *testing.T, look func(context.Context) ([]plugreg.Leak, error)) []plugreg.Leak {
	t.Helper()
	synctest.Wait()
	all, err := look(t.Context())
	require.NoError(t, err)
	return all
}

func TestLeaksOfASandbox(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  plugreg.SandboxConfig
		run  func(s *plugreg.Sandbox, ctx context.Context, call func(context.Context) error) error
		want int
	}{
		{"detached", plugreg.SandboxConfig{}, (*plugreg.Sandbox).Run, 3},
		{"detached, without a deadline", plugreg.SandboxConfig{Timeout: -1}, (*plugreg.Sandbox).Run, 3},
		{"detached, all labelled", plugreg.SandboxConfig{Labels: plugreg.LabelAll}, (*plugreg.Sandbox).Run, 3},
		{"detached, retried", plugreg.SandboxConfig{Retry: plugreg.RetryConfig{Attempts: 2, RetryIf: func(error) bool { return true }}}, (*plugreg.Sandbox).Run, 3},
		{"inline, all labelled", plugreg.SandboxConfig{Labels: plugreg.LabelAll}, (*plugreg.Sandbox).RunInline, 3},
		{"inline without a deadline, all labelled", plugreg.SandboxConfig{Labels: plugreg.LabelAll, Timeout: -1}, (*plugreg.Sandbox).RunInline, 3},
		{"inline", plugreg.SandboxConfig{}, (*plugreg.Sandbox).RunInline, 0},
		{"detached, nothing labelled", plugreg.SandboxConfig{Labels: plugreg.LabelNone}, (*plugreg.Sandbox).Run, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, err := plugreg.NewSandbox("leaver", test.cfg)
				require.NoError(t, err)
				l := newLeaver()
				require.NoError(t, test.run(s, t.Context(), l.leave(test.want)))
				all := leaks(t, s.Leaks)
				if test.want > 0 {
					require.Len(t, all, 1)
					require.True(t, strings.HasPrefix(all[0].Stack, "github.com/plugreg/plugreg_test.(*leaver).linger\n\t"), all[0].Stack)
					all[0].Stack = ""
					require.Equal(t, "leaver", all[0].Plugin)
					require.Equal(t, test.want, all[0].Count)
					require.Equal(t, time.Second, all[0].Age)
					require.False(t, all[0].Held || all[0].Inferred || all[0].Closed)
				} else {
					require.Empty(t, all)
				}
				l.letGo()
				require.Empty(t, leaks(t, s.Leaks))
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

// What a call started belongs to it as long as it is inside, also after its caller left.
func TestACallInsideExcusesWhatItStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := plugreg.NewSandbox("leaver", plugreg.SandboxConfig{Timeout: time.Second})
		require.NoError(t, err)
		l, inside := newLeaver(), make(chan struct{})
		require.Error(t, s.Run(t.Context(), func(context.Context) error {
			go l.linger()
			<-inside
			return nil
		}))
		for range 3 {
			require.Empty(t, leaks(t, s.Leaks))
		}
		close(inside)
		require.Len(t, leaks(t, s.Leaks), 1)
		l.letGo()
	})
}

// Calls that come and go while it looks are no leaks, nor is what they start and wait for.
func TestABusySandboxLeaksNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := plugreg.NewSandbox("busy", plugreg.SandboxConfig{})
		require.NoError(t, err)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
				}
				_ = s.Run(context.Background(), func(ctx context.Context) error {
					done := make(chan struct{})
					go func() {
						<-time.After(300 * time.Millisecond)
						close(done)
					}()
					<-done
					return nil
				})
			}
		}()
		for range 10 {
			require.Empty(t, leaks(t, s.Leaks))
			<-time.After(170 * time.Millisecond)
		}
		close(stop)
		<-stopped
	})
}

func TestLeaksWhoseContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := plugreg.NewSandbox("leaver", plugreg.SandboxConfig{})
		require.NoError(t, err)
		l := newLeaver()
		require.NoError(t, s.Run(t.Context(), l.leave(1)))
		synctest.Wait()
		ended, cancel := context.WithCancelCause(t.Context())
		cancel(errChanged)
		_, err = s.Leaks(ended)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errChanged)
		short, cancel2 := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel2()
		began := time.Now()
		all, err := s.Leaks(short)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, all)
		require.Equal(t, 500*time.Millisecond, time.Since(began))
		l.letGo()

		r := gears(t, plugreg.Config{})
		_, err = r.Leaks(ended)
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, r.Close(t.Context()))
	})
}

// Whose they are, which phase began them, and whether the instance may still end them.
func TestLeaksOfARegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLeaver()
		r := gears(t, plugreg.Config{},
			spurPlugin("alpha", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
				go l.linger2()
				return &spur{}, nil
			}),
			spurPlugin("beta", "2.1.0", func(_ context.Context, env *plugreg.Env) (gear, error) {
				env.Go(func(ctx context.Context) { <-ctx.Done() })
				return &spur{}, nil
			}))
		alpha, beta, again := mustOpen(t, r, "alpha"), mustOpen(t, r, "beta"), mustOpen(t, r, "beta")
		require.NoError(t, beta.Do(t.Context(), l.leaveOn(2)))
		require.NoError(t, again.Do(t.Context(), l.leaveOn(5)))
		require.NoError(t, alpha.Do(t.Context(), l.leaveOn(1)))
		all := leaks(t, r.Leaks)
		type line struct {
			plugin, version string
			mount           uint64
			phase           string
			count           int
			held            bool
		}
		var got []line
		for _, x := range all {
			got = append(got, line{x.Plugin, x.Version, x.Mount, x.Phase, x.Count, x.Held})
			require.False(t, x.Inferred || x.Closed)
		}
		require.ElementsMatch(t, []line{{"alpha", "1.0.0", 1, "", 1, false}, {"alpha", "1.0.0", 1, "construct", 1, true},
			{"beta", "2.1.0", 2, "", 2, false}, {"beta", "2.1.0", 3, "", 5, false}}, got)
		require.Equal(t, []string{"alpha", "alpha", "beta", "beta"}, []string{got[0].plugin, got[1].plugin, got[2].plugin, got[3].plugin})
		require.Equal(t, uint64(3), got[3].mount)

		own := leaks(t, beta.Sandbox().Leaks)
		require.Len(t, own, 1)
		require.Equal(t, 2, own[0].Count)
		l.letGo()
		require.Empty(t, leaks(t, r.Leaks))
		require.NoError(t, r.Close(t.Context()))
	})
}

// What a goroutine of env.Go starts is held by it while it goes on, and not afterwards.
func TestLeaksOfAWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, began, end := newLeaver(), make(chan struct{}), make(chan struct{})
		var env *plugreg.Env
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(_ context.Context, e *plugreg.Env) (gear, error) {
			env = e
			return &spur{}, nil
		}))
		h := mustOpen(t, r, "gear")
		env.Go(func(context.Context) {
			go l.linger()
			close(began)
			<-end
		})
		<-began
		held := leaks(t, r.Leaks)
		require.Len(t, held, 1)
		require.True(t, held[0].Held)
		require.Empty(t, held[0].Phase)
		close(end)
		left := leaks(t, h.Sandbox().Leaks)
		require.Len(t, left, 1)
		require.False(t, left[0].Held)
		l.letGo()
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestLeakIgnore(t *testing.T) {
	t.Parallel()
	const linger = "github.com/plugreg/plugreg_test.(*leaver).linger"
	for name, cfg := range map[string]plugreg.Config{
		"the registry's": {Sandbox: plugreg.SandboxConfig{LeakIgnore: []string{"x.", linger}}},
		"the host's last word": {SandboxFor: func(plugreg.Info) *plugreg.SandboxConfig {
			return &plugreg.SandboxConfig{LeakIgnore: []string{linger}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLeaver()
				r := gears(t, cfg, spurPlugin("gear", "1.0.0", nil))
				h := mustOpen(t, r, "gear")
				require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error {
					go l.linger()
					go func() { l.linger() }() // runs in it
					return nil
				}))
				require.Empty(t, leaks(t, r.Leaks))
				l.letGo()
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
	t.Run("a sandbox's own", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, err := plugreg.NewSandbox("leaver", plugreg.SandboxConfig{LeakIgnore: []string{linger}})
			require.NoError(t, err)
			l := newLeaver()
			require.NoError(t, s.Run(t.Context(), l.leave(1)))
			require.Empty(t, leaks(t, s.Leaks))
			l.letGo()
		})
	})
}

// Two who ask at a time, and calls beside them: nobody misses anything.
func TestLeaksAskedForByMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLeaver()
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		s, err := plugreg.NewSandbox("leaver", plugreg.SandboxConfig{})
		require.NoError(t, err)
		require.NoError(t, h.Do(t.Context(), l.leaveOn(4)))
		require.NoError(t, s.Run(t.Context(), l.leave(4)))
		synctest.Wait()
		counts := make(chan int, 16)
		for i := range 8 {
			look := r.Leaks
			if i%2 == 0 {
				look = s.Leaks
			}
			go func() {
				all, err := look(context.Background())
				if err != nil || len(all) != 1 {
					counts <- -1
					return
				}
				counts <- all[0].Count
			}()
			require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }))
		}
		for range 8 {
			require.Equal(t, 4, <-counts)
		}
		l.letGo()
		require.NoError(t, r.Close(t.Context()))
	})
}

// Without a label, code of the plugin's package is a sign, where the host has no code there. The plugin is a gzip.Reader;
// somebody else's waits in a goroutine of the test's.
func TestInferredLeaks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, err := plugreg.New[io.Closer](plugreg.Config{})
		require.NoError(t, err)
		var packed bytes.Buffer
		require.NoError(t, gzip.NewWriter(&packed).Close())
		build := func(context.Context, *plugreg.Env) (io.Closer, error) {
			return gzip.NewReader(bytes.NewReader(packed.Bytes()))
		}
		_, err = r.Register(plugreg.Plugin[io.Closer]{Name: "zip", Version: "1.0.0", Prototype: (*gzip.Reader)(nil), New: build})
		require.NoError(t, err)
		h, err := r.Open(t.Context(), "zip", "", nil)
		require.NoError(t, err)
		from, to := io.Pipe()
		go unzip(from)
		all := leaks(t, r.Leaks)
		require.Len(t, all, 1)
		require.Contains(t, all[0].Stack, "plugreg_test.unzip\n")
		require.True(t, all[0].Inferred)
		require.Equal(t, "zip", all[0].Plugin)
		require.Equal(t, all, leaks(t, h.Sandbox().Leaks))

		other, err := r.Open(t.Context(), "zip", "", nil)
		require.NoError(t, err)
		go unzip(from)
		go unzip2(from)
		all = leaks(t, r.Leaks)
		require.Len(t, all, 1)
		require.Equal(t, plugreg.Leak{Count: 3, Age: time.Second, Stack: all[0].Stack, Inferred: true}, all[0], "of one of two mounts")
		require.Contains(t, all[0].Stack, "plugreg_test.unzip\n")
		require.Empty(t, leaks(t, other.Sandbox().Leaks))
		require.NoError(t, to.Close())
		synctest.Wait()
		require.Empty(t, leaks(t, r.Leaks))
		require.NoError(t, r.Close(t.Context()))
	})
}

//go:noinline
func unzip(r io.Reader) { _ = new(gzip.Reader).Reset(r) }

//go:noinline
func unzip2(r io.Reader) { _ = new(gzip.Reader).Reset(r) }

func TestLeakAsJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(plugreg.Leak{Plugin: "p", Version: "1.0.0", Mount: 2, Phase: "init", Count: 3, Age: time.Second, Stack: "main.f\n"})
	require.NoError(t, err)
	require.JSONEq(t, `{"plugin":"p","version":"1.0.0","mount":2,"phase":"init","count":3,"age_ns":1000000000,"stack":"main.f\n"}`, string(text))
	text, err = json.Marshal(plugreg.Leak{})
	require.NoError(t, err)
	require.JSONEq(t, `{"count":0,"age_ns":0,"stack":""}`, string(text))
}
