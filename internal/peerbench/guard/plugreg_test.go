// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func init() {
	unlimited := plugreg.SandboxConfig{Timeout: -1}
	peers = append(peers,
		peer{name: "plugreg-inline", guard: func(tb testing.TB, p Plugin) caller { return inline(tb, p, unlimited) }, reject: closed},
		peer{name: "plugreg-inline-deadline", guard: func(tb testing.TB, p Plugin) caller { return inline(tb, p, plugreg.SandboxConfig{}) }},
		peer{name: "plugreg-detached", guard: detached},
		peer{name: "plugreg-call", guard: called},
	)
}

// closable is plugreg's contract: like every contract there, it can be closed.
type closable interface {
	Plugin
	io.Closer
}

type closablePlugin struct {
	Plugin
	plugreg.NoClose
}

// mount opens a handle to p that is closed with the test.
func mount(tb testing.TB, p Plugin, cfg plugreg.SandboxConfig) *plugreg.Handle[closable] {
	r, err := plugreg.New[closable](plugreg.Config{Sandbox: cfg})
	require.NoError(tb, err)
	r.MustRegister(plugreg.Plugin[closable]{
		Name: "adder", Version: "1.0.0", Prototype: (*closablePlugin)(nil),
		New: func(context.Context, *plugreg.Env) (closable, error) { return &closablePlugin{Plugin: p}, nil },
	})
	h, err := r.Open(context.Background(), "adder", "^1", nil)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, h.Close(context.Background()))
		require.NoError(tb, r.Close(context.Background()))
	})
	return h
}

func inline(tb testing.TB, p Plugin, cfg plugreg.SandboxConfig) caller {
	h, ctx := mount(tb, p, cfg), tb.Context()
	return func(x int) (y int, err error) {
		err = h.DoInline(ctx, func(_ context.Context, p closable) (err error) {
			y, err = p.Do(x)
			return err
		})
		return y, err
	}
}

// closed refuses because its handle is closed.
func closed(tb testing.TB, p Plugin) caller {
	h, ctx := mount(tb, p, plugreg.SandboxConfig{Timeout: -1}), tb.Context()
	require.NoError(tb, h.Close(ctx))
	return func(x int) (y int, err error) {
		err = h.DoInline(ctx, func(_ context.Context, p closable) (err error) {
			y, err = p.Do(x)
			return err
		})
		return y, err
	}
}

func detached(tb testing.TB, p Plugin) caller {
	h, ctx := mount(tb, p, plugreg.SandboxConfig{}), tb.Context()
	return func(x int) (int, error) {
		var y int
		err := h.Do(ctx, func(_ context.Context, p closable) (err error) {
			y, err = p.Do(x)
			return err
		})
		if err != nil {
			return 0, err // y is not the caller's any more where the call was abandoned
		}
		return y, nil
	}
}

func called(tb testing.TB, p Plugin) caller {
	h, ctx := mount(tb, p, plugreg.SandboxConfig{}), tb.Context()
	return func(x int) (int, error) {
		return plugreg.Call(ctx, h, func(_ context.Context, p closable) (int, error) { return p.Do(x) })
	}
}
