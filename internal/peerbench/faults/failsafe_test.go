// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"testing"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/timeout"
)

// failsafePeer composes the policies in the order that its documentation calls typical: the breaker outermost, the
// timeout innermost.
func failsafePeer() peer {
	return peer{name: "failsafe-go", has: everything, make: func(_ *testing.T, s setup) (guard, error) {
		var g guard
		var policies []failsafe.Policy[any]
		if s.failures > 0 {
			cb := failsafeBreaker(s)
			g.open = func() bool { return !cb.IsClosed() }
			policies = append(policies, cb)
		}
		if s.permits > 0 {
			policies = append(policies, bulkhead.New[any](uint(s.permits)))
		}
		if s.deadline > 0 {
			policies = append(policies, timeout.New[any](s.deadline))
		}
		ex := failsafe.With(policies...)
		g.call = func(ctx context.Context, f func(context.Context) error) error {
			return ex.WithContext(ctx).RunWithExecution(func(e failsafe.Execution[any]) error { return f(e.Context()) })
		}
		return g, nil
	}}
}

func failsafeBreaker(s setup) circuitbreaker.CircuitBreaker[any] {
	b := circuitbreaker.NewBuilder[any]().WithDelay(s.rest).WithSuccessThreshold(1)
	if s.window > 0 {
		b = b.WithFailureThresholdPeriod(uint(s.failures), s.window)
	} else {
		b = b.WithFailureThreshold(uint(s.failures))
	}
	if s.changed != nil {
		b = b.OnStateChanged(func(circuitbreaker.StateChangedEvent) { s.changed() })
	}
	return b.Build()
}
