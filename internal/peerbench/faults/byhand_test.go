// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"testing"
)

// byHandPeer is what hosts write that want to be back in time.
func byHandPeer() peer {
	return peer{name: "goroutine and context", has: aDeadline, make: func(_ *testing.T, s setup) (guard, error) {
		return guard{call: func(ctx context.Context, f func(context.Context) error) error {
			if s.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, s.deadline)
				defer cancel()
			}
			done := make(chan error, 1)
			go func() { done <- f(ctx) }()
			select {
			case err := <-done:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}}, nil
	}}
}
