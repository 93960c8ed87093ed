// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func init() {
	unlimited := plugreg.SandboxConfig{Timeout: -1}
	limited := plugreg.SandboxConfig{Timeout: -1, MaxConcurrent: 64}
	labelled := plugreg.SandboxConfig{Timeout: -1, Labels: plugreg.LabelAll}
	everything := plugreg.SandboxConfig{MaxConcurrent: 64, Labels: plugreg.LabelAll}
	// The streak's window is short, for every failure within it is kept.
	counting := plugreg.SandboxConfig{Timeout: -1, Breaker: plugreg.BreakerConfig{ConsecutiveFailures: never, Window: time.Millisecond, MinCalls: never}}
	tolerant := plugreg.SandboxConfig{Timeout: -1, Breaker: plugreg.BreakerConfig{ConsecutiveFailures: -1, ConsecutivePanics: -1, ErrorRate: -1}}
	late := tolerant
	late.Timeout = 0
	peers = append(peers,
		peer{name: "plugreg-inline", guard: with(unlimited, inline), fail: with(counting, inline), panics: with(tolerant, inline), stack: panicStack},
		peer{name: "plugreg-inline-bulkhead", guard: with(limited, inline)},
		peer{name: "plugreg-inline-labels", guard: with(labelled, inline)},
		peer{name: "plugreg-inline-resource", guard: resource},
		peer{name: "plugreg-inline-deadline", guard: with(plugreg.SandboxConfig{}, inline)},
		peer{name: "plugreg-inline-everything", guard: with(everything, inline)},
		peer{name: "plugreg-detached", guard: with(plugreg.SandboxConfig{}, detached), panics: with(late, detached), stack: panicStack},
		peer{name: "plugreg-detached-everything", guard: with(everything, detached)},
		peer{name: "plugreg-call", guard: with(plugreg.SandboxConfig{}, called)},
		peer{name: "plugreg-closed", reject: closed},
		peer{name: "plugreg-open", reject: open},
		peer{name: "plugreg-disabled", reject: disabled},
		peer{name: "plugreg-saturated", reject: saturated},
	)
}

func panicStack(err error) string { return err.(*plugreg.PanicError).Stack() }

// closable is plugreg's contract: like every contract there, it can be closed.
type closable interface {
	Plugin
	io.Closer
}

type closablePlugin struct {
	Plugin
	plugreg.NoClose
}

type handle = *plugreg.Handle[closable]

// mount opens a handle to p that is closed with the test.
func mount(tb testing.TB, p Plugin, cfg plugreg.Config, uses ...string) handle {
	return mountNew(tb, cfg, func(context.Context, *plugreg.Env) (closable, error) { return &closablePlugin{Plugin: p}, nil }, uses...)
}

func mountNew(tb testing.TB, cfg plugreg.Config, build plugreg.Constructor[closable], uses ...string) handle {
	r, err := plugreg.New[closable](cfg)
	require.NoError(tb, err)
	r.MustRegister(plugreg.Plugin[closable]{Name: "adder", Version: "1.0.0", Prototype: (*closablePlugin)(nil), New: build, Uses: uses})
	h, err := r.Open(context.Background(), "adder", "^1", nil)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, h.Close(context.Background()))
		require.NoError(tb, r.Close(context.Background()))
	})
	return h
}

// with calls a plugin that is mounted with those limits.
func with(cfg plugreg.SandboxConfig, by func(testing.TB, handle) caller) way {
	return func(tb testing.TB, p Plugin) caller { return by(tb, mount(tb, p, plugreg.Config{Sandbox: cfg})) }
}

func inline(tb testing.TB, h handle) caller {
	ctx := tb.Context()
	return func(x int) (y int, err error) {
		err = h.DoInline(ctx, func(_ context.Context, p closable) (err error) {
			y, err = p.Do(x)
			return err
		})
		return y, err
	}
}

func detached(tb testing.TB, h handle) caller {
	ctx := tb.Context()
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

func called(tb testing.TB, h handle) caller {
	ctx := tb.Context()
	return func(x int) (int, error) {
		return plugreg.Call(ctx, h, func(_ context.Context, p closable) (int, error) { return p.Do(x) })
	}
}

// resource takes a permit of a resource that plugins share.
func resource(tb testing.TB, p Plugin) caller {
	return inline(tb, mount(tb, p, plugreg.Config{
		Sandbox:   plugreg.SandboxConfig{Timeout: -1},
		Resources: map[string]plugreg.Resource{"cache": {MaxConcurrent: 64}},
	}, "cache"))
}

// closed refuses because its handle is closed.
func closed(tb testing.TB, p Plugin) caller {
	h := mount(tb, p, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: -1}})
	require.NoError(tb, h.Close(tb.Context()))
	return refusing(tb, h, plugreg.ErrClosed)
}

// open refuses because its breaker does.
func open(tb testing.TB, p Plugin) caller {
	h := mount(tb, p, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: -1,
		Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 1, OpenFor: time.Hour, DisableAfterOpenings: -1}}})
	require.ErrorIs(tb, h.DoInline(tb.Context(), func(context.Context, closable) error { return errFault }), errFault)
	return refusing(tb, h, plugreg.ErrOpen)
}

func disabled(tb testing.TB, p Plugin) caller {
	h := mount(tb, p, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: -1}})
	h.Sandbox().Disable("")
	return refusing(tb, h, plugreg.ErrDisabled)
}

// saturated refuses because a lease holds its one place.
func saturated(tb testing.TB, p Plugin) caller {
	h := mount(tb, p, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: -1, MaxConcurrent: 1}})
	l, err := h.Acquire(tb.Context())
	require.NoError(tb, err)
	tb.Cleanup(l.Release)
	return refusing(tb, h, plugreg.ErrSaturated)
}

// refusing makes sure that it is for the reason meant that calls are refused.
func refusing(tb testing.TB, h handle, why error) caller {
	call := inline(tb, h)
	_, err := call(1)
	require.ErrorIs(tb, err, why)
	return call
}
