// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"cmp"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

const plugregName = "plugreg"

// plugregPeer calls a mounted plugin by Handle.Do. What the setup does not ask for is left to the defaults, or off where
// the others have none.
func plugregPeer() peer {
	return peer{name: plugregName, has: everything, make: func(t *testing.T, s setup) (guard, error) {
		r, err := plugreg.New[closable](plugregConfig(s))
		if err != nil {
			return guard{}, err
		}
		r.MustRegister(plugreg.Plugin[closable]{Name: "plugin", Version: "1.0.0", Prototype: (*plugin)(nil),
			New: func(context.Context, *plugreg.Env) (closable, error) { return new(plugin), nil }})
		h, err := r.Open(t.Context(), "plugin", "^1", nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
		return guard{
			call: func(ctx context.Context, f func(context.Context) error) error {
				return h.Do(ctx, func(ctx context.Context, _ closable) error { return f(ctx) })
			},
			open: func() bool { return h.Sandbox().State().Breaker != plugreg.BreakerClosed },
		}, nil
	}}
}

func plugregConfig(s setup) plugreg.Config {
	cfg := plugreg.Config{Sandbox: plugreg.SandboxConfig{
		Timeout:       cmp.Or(s.deadline, -1),
		MaxConcurrent: s.permits,
		Breaker:       plugreg.BreakerConfig{ConsecutiveFailures: cmp.Or(s.failures, -1), Window: s.window, OpenFor: s.rest},
	}}
	if s.changed != nil {
		cfg.Hooks = &plugreg.Hooks{Breaker: func(context.Context, plugreg.BreakerInfo) { s.changed() }}
	}
	return cfg
}

// closable is the contract: all that is called is given with the call.
type closable interface{ Close() error }

type plugin struct{ plugreg.NoClose }
