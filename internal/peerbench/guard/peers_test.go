// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/require"
)

var peers = []peer{
	{name: "limit-direct", guard: func(_ testing.TB, p Plugin) caller {
		return func(x int) (int, error) { return p.Do(x) }
	}},
	{name: "limit-recover", guard: recovering(recovered), panics: recovering(recovered)},
	{name: "limit-recover-callers", panics: recovering(recoveredWithCallers), stack: func(err error) string { return err.(*callersError).stack() }},
	{name: "recover-debug-stack", panics: recovering(recoveredWithText), stack: error.Error},
	{name: "limit-recover-atomic-breaker",
		guard: func(_ testing.TB, p Plugin) caller {
			var cb breaker
			return func(x int) (int, error) { return cb.do(p, x) }
		},
		reject: func(_ testing.TB, p Plugin) caller {
			var cb breaker
			cb.failures.Store(5)
			return func(x int) (int, error) { return cb.do(p, x) }
		}},
	{name: "gobreaker", guard: gobreakerGuard, reject: gobreakerReject, fail: gobreakerFail},
	{name: "failsafe-breaker",
		guard: func(_ testing.TB, p Plugin) caller {
			return failsafeGuard(p, failsafe.With(circuitbreaker.NewWithDefaults[int]()))
		},
		reject: func(_ testing.TB, p Plugin) caller {
			cb := circuitbreaker.NewBuilder[int]().WithDelay(time.Hour).Build()
			cb.Open()
			return failsafeGuard(p, failsafe.With(cb))
		},
		fail: func(_ testing.TB, p Plugin) caller {
			return failsafeGuard(p, failsafe.With(circuitbreaker.NewBuilder[int]().WithFailureThresholdPeriod(never, 10*time.Second).Build()))
		}},
	{name: "failsafe-bulkhead", reject: func(tb testing.TB, p Plugin) caller {
		full := bulkhead.New[int](1)
		require.True(tb, full.TryAcquirePermit())
		return failsafeGuard(p, failsafe.With(full))
	}},
	{name: "failsafe-breaker-bulkhead", guard: func(_ testing.TB, p Plugin) caller {
		return failsafeGuard(p, failsafe.With(circuitbreaker.NewWithDefaults[int](), bulkhead.New[int](64)))
	}},
	{name: "failsafe-breaker-bulkhead-timeout", guard: func(_ testing.TB, p Plugin) caller {
		return failsafeGuard(p, failsafe.With(
			circuitbreaker.NewWithDefaults[int](), bulkhead.New[int](64), timeout.New[int](time.Second)))
	}},
	{name: "context-with-timeout", guard: func(tb testing.TB, p Plugin) caller { // no guard: a deadline's price
		parent := tb.Context()
		return func(x int) (int, error) {
			_, cancel := context.WithTimeout(parent, time.Second)
			defer cancel()
			return p.Do(x)
		}
	}},
	{name: "goroutine-ctx", guard: func(tb testing.TB, p Plugin) caller {
		ctx := tb.Context()
		return func(x int) (int, error) { return inGoroutine(ctx, p, x) }
	}},
	{name: "goroutine-ctx-timeout", guard: func(tb testing.TB, p Plugin) caller {
		parent := tb.Context()
		return func(x int) (int, error) {
			ctx, cancel := context.WithTimeout(parent, time.Second)
			defer cancel()
			return inGoroutine(ctx, p, x)
		}
	}},
}

// never is a number of failures that is counted up to and not reached.
const never = 1 << 30

func recovering(call func(Plugin, int) (int, error)) way {
	return func(_ testing.TB, p Plugin) caller {
		return func(x int) (int, error) { return call(p, x) }
	}
}

func recovered(p Plugin, x int) (y int, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return p.Do(x)
}

// callersError knows where a panic came from and says it when it is asked.
type callersError struct {
	value any
	pcs   []uintptr
}

func (e *callersError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

func (e *callersError) stack() string {
	var all []string
	for frames := runtime.CallersFrames(e.pcs); ; {
		f, more := frames.Next()
		all = append(all, f.Function)
		if !more {
			return strings.Join(all, "\n")
		}
	}
}

func recoveredWithCallers(p Plugin, x int) (y int, err error) {
	defer func() {
		if v := recover(); v != nil {
			var pcs [64]uintptr
			err = &callersError{v, append([]uintptr(nil), pcs[:runtime.Callers(1, pcs[:])]...)}
		}
	}()
	return p.Do(x)
}

func recoveredWithText(p Plugin, x int) (y int, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return p.Do(x)
}

// breaker counts consecutive failures and opens at 5. Successful calls only
// read it, and it has its cache lines for itself: they do not contend.
type breaker struct {
	failures atomic.Int32
	_        [124]byte
}

var errOpen = errors.New("open")

func (b *breaker) do(p Plugin, x int) (int, error) {
	failures := b.failures.Load()
	if failures >= 5 {
		return 0, errOpen
	}
	y, err := recovered(p, x)
	if err != nil {
		b.failures.Add(1)
	} else if failures > 0 {
		b.failures.Store(0)
	}
	return y, err
}

func gobreakerGuard(_ testing.TB, p Plugin) caller {
	return gobreakerCaller(p, gobreaker.NewCircuitBreaker[int](gobreaker.Settings{}))
}

func gobreakerReject(tb testing.TB, p Plugin) caller {
	cb := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		Timeout:     time.Hour,
		ReadyToTrip: func(gobreaker.Counts) bool { return true },
	})
	if _, err := cb.Execute(func() (int, error) { return 0, errOpen }); err == nil {
		tb.Fatal("no failure to open the breaker with")
	}
	return gobreakerCaller(p, cb)
}

func gobreakerFail(_ testing.TB, p Plugin) caller {
	return gobreakerCaller(p, gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= never },
	}))
}

func gobreakerCaller(p Plugin, cb *gobreaker.CircuitBreaker[int]) caller {
	return func(x int) (int, error) {
		return cb.Execute(func() (int, error) { return p.Do(x) })
	}
}

func failsafeGuard(p Plugin, ex failsafe.Executor[int]) caller {
	return func(x int) (int, error) {
		return ex.Get(func() (int, error) { return p.Do(x) })
	}
}

// inGoroutine returns when ctx ends, even if the plugin does not.
func inGoroutine(ctx context.Context, p Plugin, x int) (int, error) {
	type result struct {
		y   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		y, err := p.Do(x)
		done <- result{y, err}
	}()
	select {
	case r := <-done:
		return r.y, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
