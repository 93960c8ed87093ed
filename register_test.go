// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

type closer struct{ plugreg.NoClose }

type wider struct{ closer }

func (*wider) More() {}

func closerPlugin(name, version string, proto io.Closer) plugreg.Plugin[io.Closer] {
	return plugreg.Plugin[io.Closer]{Name: name, Version: version, Prototype: proto,
		New: func(context.Context, *plugreg.Env) (io.Closer, error) { return new(closer), nil }}
}

func TestABatchMayNotContradictItself(t *testing.T) {
	t.Parallel()
	for _, policy := range []plugreg.DuplicatePolicy{plugreg.Reject, plugreg.Replace} {
		r := plugreg.MustNew[io.Closer](plugreg.Config{Duplicates: policy})
		a, b := closerPlugin("a", "1.0.0", (*closer)(nil)), closerPlugin("a", "1.0.0", (*wider)(nil))
		_, err := r.RegisterAll(a, b)
		require.ErrorIs(t, err, plugreg.ErrRepublished)
		require.NotErrorIs(t, err, plugreg.ErrDuplicate)
		_, err = r.RegisterAll(a, a)
		require.ErrorIs(t, err, plugreg.ErrDuplicate, "a batch is one registration: twins are a slip, whatever the policy")
		_, err = r.Resolve("a", "")
		require.ErrorIs(t, err, plugreg.ErrNotFound)
		ds, err := r.RegisterAll()
		require.NoError(t, err)
		require.Empty(t, ds)
	}
}

type embedding struct{ *plugreg.Registry[io.Closer] }

func TestImportsAreRegistriesThatNewMade(t *testing.T) {
	t.Parallel()
	from := plugreg.MustNew[io.Closer](plugreg.Config{})
	from.MustRegister(closerPlugin("dep", "1.0.0", (*closer)(nil)))
	for name, s := range map[string]plugreg.Source{"a registry": from, "what embeds one": embedding{from}} {
		r, err := plugreg.New[io.Closer](plugreg.Config{Imports: []plugreg.Source{s}})
		require.NoError(t, err, name)
		p := closerPlugin("root", "1.0.0", (*closer)(nil))
		p.Requires = []plugreg.Requirement{{Name: "dep"}}
		r.MustRegister(p)
		_, err = r.Open(t.Context(), "root", "", nil)
		require.NoError(t, err, name)
		require.NoError(t, r.Close(t.Context()))
	}
	for _, s := range []plugreg.Source{nil, (*plugreg.Registry[io.Closer])(nil), new(plugreg.Registry[io.Closer]), embedding{}, &embedding{}, (*embedding)(nil)} {
		_, err := plugreg.New[io.Closer](plugreg.Config{Imports: []plugreg.Source{s}})
		require.ErrorIs(t, err, plugreg.ErrInvalid, "%T", s)
		require.ErrorContains(t, err, "Config.Imports[0]: want a registry made by New")
	}
	require.NoError(t, from.Close(t.Context()))
}

// The types of settings whose text a tag gives: reading it is the only code of a plugin that registration runs.
type (
	exits  struct{}
	panics struct{}
	hangs  struct{}
	fails  struct{}
)

func (*exits) UnmarshalText([]byte) error  { runtime.Goexit(); return nil }
func (*panics) UnmarshalText([]byte) error { panic("no") }
func (*fails) UnmarshalText([]byte) error  { return errors.New("not that") }
func (*hangs) UnmarshalText([]byte) error  { <-time.After(time.Hour); return nil } // of the bubble's time

func TestRegisterIsNotHurtByUnmarshalText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config any
		want   string
	}{
		{"Goexit", struct {
			F exits `plugreg:"default=x"`
		}{}, "goroutine ended by runtime.Goexit"},
		{"panic", struct {
			F panics `plugreg:"default=x"`
		}{}, "panic"},
		{"hang", struct {
			F hangs `plugreg:"default=x"`
		}{}, "register took longer than 5s"},
		{"error", struct {
			F fails `plugreg:"default=x"`
		}{}, "not that"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := plugreg.MustNew[io.Closer](plugreg.Config{Sandbox: plugreg.SandboxConfig{StartTimeout: 5 * time.Second}})
				p := closerPlugin("a", "1.0.0", (*closer)(nil))
				p.Config = tt.config
				_, err := r.Register(p)
				require.ErrorIs(t, err, plugreg.ErrInvalid)
				require.ErrorContains(t, err, `plugin "a" 1.0.0: contract: `)
				require.ErrorContains(t, err, tt.want)
				p.Config = nil
				_, err = r.Register(p)
				require.NoError(t, err, "the registry goes on")
				<-time.After(2 * time.Hour)
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

func TestAReplacedPluginThatIsUnregisteredDoesNotServe(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[io.Closer](plugreg.Config{Duplicates: plugreg.Replace})
	p := closerPlugin("a", "1.0.0", (*closer)(nil))
	inside, goOn := make(chan struct{}), make(chan struct{})
	p.New = func(context.Context, *plugreg.Env) (io.Closer, error) {
		close(inside)
		<-goOn
		return new(closer), nil
	}
	d := r.MustRegister(p)
	opened := make(chan error)
	go func() {
		_, err := r.Open(context.WithoutCancel(t.Context()), "a", "", nil)
		opened <- err
	}()
	<-inside
	r.MustRegister(closerPlugin("a", "1.0.0", (*closer)(nil)))
	require.NoError(t, r.Unregister(d))
	close(goOn)
	require.ErrorIs(t, <-opened, plugreg.ErrNotFound)
	require.NoError(t, r.Close(t.Context()))
}

type readyCloser struct{ closed int }

func (*readyCloser) Name() string            { return "ready" }
func (*readyCloser) Version() string         { return "v1.0.0" }
func (*readyCloser) Exports() map[string]any { return nil }
func (c *readyCloser) Close() error          { c.closed++; return nil }

func TestAWrongSettingDoesNotCostAReadyInstance(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[io.Closer](plugreg.Config{})
	ready := new(readyCloser)
	_, err := r.RegisterAny(ready)
	require.NoError(t, err)
	_, err = r.Open(t.Context(), "ready", "", map[string]any{"typo": 1})
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.ErrorContains(t, err, `have ["typo"]`)
	h, err := r.Open(t.Context(), "ready", "", nil)
	require.NoError(t, err)
	require.Zero(t, ready.closed)
	require.NoError(t, h.Close(t.Context()))
	require.Equal(t, 1, ready.closed)
	require.NoError(t, r.Close(t.Context()))
}

func TestSettingsWhoseFaultIsSwallowedAreNotTaken(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[io.Closer](plugreg.Config{})
	p := closerPlugin("a", "1.0.0", (*closer)(nil))
	p.New = func(_ context.Context, env *plugreg.Env) (io.Closer, error) {
		_ = env.Decode(new(struct{ Port int }))
		return new(closer), nil
	}
	r.MustRegister(p)
	_, err := r.Open(t.Context(), "a", "", map[string]any{"Prot": 1})
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.NoError(t, r.Close(t.Context()))
}

func TestCloseOfAClosedRegistryLooksAtNoContext(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[io.Closer](plugreg.Config{})
	require.NoError(t, r.Close(t.Context()))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		require.NoError(t, r.Close(ended))
	}
	_, err := plugreg.Discover[io.Closer](t.Context(), r, func(io.Closer) bool { panic("asked after Close") })
	require.ErrorIs(t, err, plugreg.ErrClosed)
}

func TestCountsOfCallsNeverFall(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[io.Closer](plugreg.Config{})
	r.MustRegister(closerPlugin("a", "1.0.0", (*closer)(nil)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			h, err := r.Open(context.WithoutCancel(t.Context()), "a", "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			for range 10 {
				_ = h.DoInline(context.WithoutCancel(t.Context()), func(context.Context, io.Closer) error { return nil })
			}
			_ = h.Close(context.WithoutCancel(t.Context()))
		}
	}()
	var last uint64
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		now := r.Inspect().Plugins[0].Calls.Calls
		require.GreaterOrEqual(t, now, last)
		last = now
	}
	require.Equal(t, uint64(2000), last)
	require.NoError(t, r.Close(t.Context()))
}

func TestAStrandedMountHasAnotherChanceAtTheRegistrysClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := plugreg.MustNew[io.Closer](plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: time.Second, DrainTimeout: time.Second}})
		r.MustRegister(closerPlugin("a", "1.0.0", (*closer)(nil)))
		h, err := r.Open(t.Context(), "a", "", nil)
		require.NoError(t, err)
		goOn := make(chan struct{})
		_ = h.Do(t.Context(), func(context.Context, io.Closer) error { <-goOn; return nil })
		require.ErrorIs(t, h.Close(t.Context()), plugreg.ErrStranded)
		time.AfterFunc(time.Second/2, func() { close(goOn) })
		require.NoError(t, r.Close(t.Context()), "the call came out")
		<-h.Done()
	})
}
