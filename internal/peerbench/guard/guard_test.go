// SPDX-License-Identifier: Apache-2.0

// Package guard measures what protecting a call of a trivial method costs, and what refusing one costs.
package guard

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Plugin is what the calls go to.
type Plugin interface {
	Do(x int) (int, error)
}

type adder struct{ a int }

//go:noinline
func (p *adder) Do(x int) (int, error) { return p.a + x, nil }

// A caller is one guarded plugin, ready to be called.
type caller func(x int) (int, error)

// peer is one contender. A function it has no counterpart for is nil. To add one, append it to peers in an init
// function.
type peer struct {
	name   string
	guard  func(tb testing.TB, p Plugin) caller // lets every call through
	reject func(tb testing.TB, p Plugin) caller // refuses every call with an error
}

func BenchmarkGuard(b *testing.B) {
	each(b, func(p peer) func(testing.TB, Plugin) caller { return p.guard }, func(b *testing.B, call caller) {
		for b.Loop() {
			if y, err := call(1); y != 2 || err != nil {
				b.Fatal(y, err)
			}
		}
	})
}

// BenchmarkGuardParallel calls through one guard from all cores.
func BenchmarkGuardParallel(b *testing.B) {
	each(b, func(p peer) func(testing.TB, Plugin) caller { return p.guard }, func(b *testing.B, call caller) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if y, err := call(1); y != 2 || err != nil {
					b.Error(y, err)
				}
			}
		})
	})
}

// BenchmarkReject calls through a guard that refuses.
func BenchmarkReject(b *testing.B) {
	each(b, func(p peer) func(testing.TB, Plugin) caller { return p.reject }, func(b *testing.B, call caller) {
		for b.Loop() {
			if _, err := call(1); err == nil {
				b.Fatal("not refused")
			}
		}
	})
}

func each(b *testing.B, way func(peer) func(testing.TB, Plugin) caller, f func(b *testing.B, call caller)) {
	for _, p := range peers {
		if way(p) == nil {
			continue
		}
		b.Run(p.name, func(b *testing.B) {
			call := way(p)(b, &adder{1})
			b.ReportAllocs()
			b.ResetTimer()
			f(b, call)
		})
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGuardsPassResultsAndRefusals(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			if p.guard != nil {
				y, err := p.guard(t, &adder{1})(41)
				require.NoError(t, err)
				require.Equal(t, 42, y)
			}
			if p.reject != nil {
				reached := false
				_, err := p.reject(t, pluginFunc(func(int) (int, error) { reached = true; return 0, nil }))(41)
				require.Error(t, err)
				require.False(t, reached, "a refused call reached the plugin")
			}
		})
	}
}

func TestGuardsPassErrors(t *testing.T) {
	fault := errors.New("fault")
	for _, p := range peers {
		if p.guard == nil {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			_, err := p.guard(t, pluginFunc(func(int) (int, error) { return 0, fault }))(1)
			require.ErrorIs(t, err, fault)
		})
	}
}

func TestBreakerOpensAtFiveFailuresAndClosesOnSuccess(t *testing.T) {
	t.Parallel()
	var cb breaker
	fails := pluginFunc(func(int) (int, error) { return 0, context.Canceled })
	for range 4 {
		_, err := cb.do(fails, 1)
		require.ErrorIs(t, err, context.Canceled)
	}
	_, err := cb.do(&adder{1}, 1)
	require.NoError(t, err, "four failures leave it closed")
	for range 5 {
		_, err = cb.do(fails, 1)
		require.ErrorIs(t, err, context.Canceled, "a success starts the count anew")
	}
	_, err = cb.do(&adder{1}, 1)
	require.ErrorIs(t, err, errOpen)
}

func TestRecoveredTurnsAPanicIntoAnError(t *testing.T) {
	t.Parallel()
	_, err := recovered(pluginFunc(func(int) (int, error) { panic("fault") }), 1)
	require.EqualError(t, err, "panic: fault")
}

func TestInGoroutineReturnsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	stuck := pluginFunc(func(int) (int, error) {
		cancel()
		<-release
		return 0, nil
	})
	_, err := inGoroutine(ctx, stuck, 1)
	require.ErrorIs(t, err, context.Canceled)
}

type pluginFunc func(x int) (int, error)

func (f pluginFunc) Do(x int) (int, error) { return f(x) }
