// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"testing"

	"github.com/sony/gobreaker/v2"
)

func gobreakerPeer() peer {
	return peer{name: "gobreaker", has: aBreaker, make: func(_ *testing.T, s setup) (guard, error) {
		cb := gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
			Interval: s.window, Timeout: s.rest,
			ReadyToTrip: func(c gobreaker.Counts) bool { return s.failures > 0 && c.ConsecutiveFailures >= uint32(s.failures) },
			OnStateChange: func(string, gobreaker.State, gobreaker.State) {
				if s.changed != nil {
					s.changed()
				}
			},
		})
		return guard{
			call: func(ctx context.Context, f func(context.Context) error) error {
				_, err := cb.Execute(func() (struct{}, error) { return struct{}{}, f(ctx) })
				return err
			},
			open: func() bool { return cb.State() != gobreaker.StateClosed },
		}, nil
	}}
}
