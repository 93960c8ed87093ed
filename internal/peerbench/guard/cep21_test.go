// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"testing"
	"time"

	"github.com/cep21/circuit/v4"
	"github.com/cep21/circuit/v4/closers/hystrix"
	"github.com/stretchr/testify/require"
)

func init() {
	peers = append(peers,
		peer{name: "cep21-execute",
			guard:  func(tb testing.TB, p Plugin) caller { return cep21Execute(tb, p, cep21Circuit(20)) },
			reject: func(tb testing.TB, p Plugin) caller { return cep21Execute(tb, p, cep21Open(tb)) },
			fail:   func(tb testing.TB, p Plugin) caller { return cep21Execute(tb, p, cep21Circuit(never)) }},
		peer{name: "cep21-go", guard: func(tb testing.TB, p Plugin) caller { return cep21Go(tb, p, cep21Circuit(20)) }},
	)
}

// cep21Circuit has the limit that the other bulkheads have, and a breaker, which it has not by itself. It may open from
// that many calls within 10 seconds on.
func cep21Circuit(volume int64) *circuit.Circuit {
	return circuit.NewCircuitFromConfig("adder", circuit.Config{
		General: circuit.GeneralConfig{
			ClosedToOpenFactory: hystrix.OpenerFactory(hystrix.ConfigureOpener{RequestVolumeThreshold: volume}),
			OpenToClosedFactory: hystrix.CloserFactory(hystrix.ConfigureCloser{SleepWindow: time.Hour}),
		},
		Execution: circuit.ExecutionConfig{Timeout: time.Second, MaxConcurrentRequests: 64},
	})
}

func cep21Open(tb testing.TB) *circuit.Circuit {
	c := cep21Circuit(20)
	c.OpenCircuit(tb.Context())
	require.True(tb, c.IsOpen())
	return c
}

func cep21Execute(tb testing.TB, p Plugin, c *circuit.Circuit) caller {
	ctx := tb.Context()
	return func(x int) (y int, err error) {
		err = c.Execute(ctx, func(context.Context) (err error) {
			y, err = p.Do(x)
			return err
		}, nil)
		return y, err
	}
}

func cep21Go(tb testing.TB, p Plugin, c *circuit.Circuit) caller {
	ctx := tb.Context()
	return func(x int) (int, error) {
		var y int
		err := c.Go(ctx, func(context.Context) (err error) {
			y, err = p.Do(x)
			return err
		}, nil)
		if err != nil {
			return 0, err // y is not the caller's any more where the call was left behind
		}
		return y, nil
	}
}
