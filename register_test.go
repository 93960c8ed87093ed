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
				r := plugreg.MustNew[io.Closer](plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: 5 * time.Second}})
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
