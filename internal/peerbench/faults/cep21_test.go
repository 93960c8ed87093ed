// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"testing"
	"time"

	"github.com/cep21/circuit/v4"
	"github.com/cep21/circuit/v4/closers/hystrix"
	"github.com/cep21/circuit/v4/closers/simplelogic"
)

// cep21Peer has the breakers that come with the library, for a circuit has none by itself.
func cep21Peer(name string, by func(*circuit.Circuit, context.Context, func(context.Context) error) error) peer {
	return peer{name: name, has: everything, make: func(_ *testing.T, s setup) (guard, error) {
		c := circuit.NewCircuitFromConfig("plugin", cep21Config(s))
		return guard{
			call: func(ctx context.Context, f func(context.Context) error) error { return by(c, ctx, f) },
			open: c.IsOpen,
		}, nil
	}}
}

func cep21Execute(c *circuit.Circuit, ctx context.Context, f func(context.Context) error) error {
	return c.Execute(ctx, f, nil)
}

func cep21Go(c *circuit.Circuit, ctx context.Context, f func(context.Context) error) error {
	return c.Go(ctx, f, nil)
}

func cep21Config(s setup) circuit.Config {
	cfg := circuit.Config{Execution: circuit.ExecutionConfig{Timeout: -1, MaxConcurrentRequests: -1}}
	if s.deadline > 0 {
		cfg.Execution.Timeout = s.deadline
	}
	if s.permits > 0 {
		cfg.Execution.MaxConcurrentRequests = int64(s.permits)
	}
	if s.failures > 0 {
		cfg.General.OpenToClosedFactory = hystrix.CloserFactory(hystrix.ConfigureCloser{SleepWindow: s.rest})
		cfg.General.ClosedToOpenFactory = simplelogic.ConsecutiveErrOpenerFactory(simplelogic.ConfigConsecutiveErrOpener{ErrorThreshold: int64(s.failures)})
	}
	if s.failures > 0 && s.window > 0 {
		cfg.General.ClosedToOpenFactory = hystrix.OpenerFactory(hystrix.ConfigureOpener{RequestVolumeThreshold: int64(s.failures), RollingDuration: s.window})
	}
	if s.changed != nil {
		cfg.Metrics.Circuit = []circuit.Metrics{cep21Listener(s.changed)}
	}
	return cfg
}

type cep21Listener func()

func (l cep21Listener) Opened(context.Context, time.Time) { l() }
func (l cep21Listener) Closed(context.Context, time.Time) { l() }
