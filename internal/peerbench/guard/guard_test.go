// SPDX-License-Identifier: Apache-2.0

// Package guard measures what protecting a call of a trivial method costs, what refusing one costs, what a call costs
// that fails or panics, and what a goroutine costs that is counted and recovered.
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
	guard  way // lets every call through
	reject way // refuses every call with an error
	fail   way // lets calls through that fail, and counts that, but not so far that it would refuse any
	panics way // turns a panic into an error, and does not refuse after any number of them

	stack func(error) string // what an error of panics knows of the stack of that panic; nil: nothing
}

// A way guards a plugin.
type way func(tb testing.TB, p Plugin) caller

func guardOf(p peer) way  { return p.guard }
func rejectOf(p peer) way { return p.reject }
func failOf(p peer) way   { return p.fail }
func panicOf(p peer) way  { return p.panics }

var errFault = errors.New("fault")

type failing struct{ err error }

//go:noinline
func (p *failing) Do(int) (int, error) { return 0, p.err }

type panicking struct{ value any }

//go:noinline
func (p *panicking) Do(int) (int, error) { panic(p.value) }

func BenchmarkGuard(b *testing.B) { each(b, guardOf, &adder{1}, serially(2, false)) }

// BenchmarkGuardParallel calls through one guard from all cores.
func BenchmarkGuardParallel(b *testing.B) { each(b, guardOf, &adder{1}, parallel(2, false)) }

// BenchmarkReject calls through a guard that refuses.
func BenchmarkReject(b *testing.B) { each(b, rejectOf, &adder{1}, serially(0, true)) }

// BenchmarkRejectParallel has all cores refused by one guard.
func BenchmarkRejectParallel(b *testing.B) { each(b, rejectOf, &adder{1}, parallel(0, true)) }

// BenchmarkFail calls what returns an error, through a guard that counts failures and lets calls in all the same.
func BenchmarkFail(b *testing.B) { each(b, failOf, &failing{errFault}, serially(0, true)) }

// BenchmarkPanic calls what panics.
func BenchmarkPanic(b *testing.B) { each(b, panicOf, &panicking{"fault"}, serially(0, true)) }

func each(b *testing.B, by func(peer) way, to Plugin, f func(b *testing.B, call caller)) {
	for _, p := range peers {
		if by(p) == nil {
			continue
		}
		b.Run(p.name, func(b *testing.B) {
			call := by(p)(b, to)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, call)
		})
	}
}

// serially calls one after the other: each call returns want, and an error where it fails.
func serially(want int, fails bool) func(b *testing.B, call caller) {
	return func(b *testing.B, call caller) {
		for b.Loop() {
			if y, err := call(1); y != want || (err != nil) != fails {
				b.Fatal(y, err)
			}
		}
	}
}

// parallel is serially from all cores.
func parallel(want int, fails bool) func(b *testing.B, call caller) {
	return func(b *testing.B, call caller) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if y, err := call(1); y != want || (err != nil) != fails {
					b.Error(y, err)
				}
			}
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
	for _, p := range peers {
		if p.guard == nil {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			_, err := p.guard(t, &failing{errFault})(1)
			require.ErrorIs(t, err, errFault)
		})
	}
}

func TestFailuresAreCountedAndPassed(t *testing.T) {
	for _, p := range peers {
		if p.fail == nil {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			call := p.fail(t, &failing{errFault})
			for range 10_000 {
				_, err := call(1)
				require.ErrorIs(t, err, errFault)
			}
		})
	}
}

func TestPanicsAreErrorsWithTheirStack(t *testing.T) {
	for _, p := range peers {
		if p.panics == nil {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			call := p.panics(t, &panicking{"fault"})
			for range 100 {
				y, err := call(1)
				require.ErrorContains(t, err, "fault")
				require.Zero(t, y)
				if p.stack != nil {
					require.Contains(t, p.stack(err), "guard.(*panicking).Do")
				}
			}
			_, err := p.panics(t, &panicking{errFault})(1)
			require.ErrorContains(t, err, "fault")
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
	_, err := recovered(&panicking{"fault"}, 1)
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
