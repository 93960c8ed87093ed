// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// SandboxConfig says how plugin code is contained. Zero stands for the default, a negative value switches the limit
// off. A limit that could never take effect is refused with the reason.
type SandboxConfig struct {
	// StartTimeout bounds New, Init and Probe together, and the code of a plugin that registration runs. Zero: 60s.
	StartTimeout time.Duration
	// Timeout bounds one call with all its attempts. A detached call is back by then, whatever the plugin does; an
	// inline call sees its context end. What is waited for a place comes before, see MaxQueue. Zero: 30s. Negative: a
	// call ends when it ends, and an inline call gets the caller's own context.
	Timeout time.Duration
	// DrainTimeout is how long a closing instance waits for the calls inside before it is stranded. Zero: 30s.
	// Negative: as long as they take.
	DrainTimeout time.Duration
	// CloseTimeout bounds Close, the wait for what env.Go started, and each function of env.OnClose, one by one. Zero:
	// 10s.
	CloseTimeout time.Duration
	// MaxConcurrent is the number of calls and leases that may be inside at a time, exactly; the others are refused
	// with [ErrSaturated]. Zero or negative: no limit.
	MaxConcurrent int
	// MaxQueue is how long a call waits for its turn where MaxConcurrent are inside; who waits longest is next. Zero or
	// negative: it is refused at once.
	MaxQueue time.Duration
	// MaxAbandoned is the number of abandoned calls at which no more calls are let in, until one of them ends. An
	// abandoned call keeps its place: see AbandonGrace. Zero: 8, or MaxConcurrent where that is less. Negative: no
	// limit.
	MaxAbandoned int
	// AbandonGrace is how long a call may go on after its caller left before it counts as abandoned: time for plugin
	// code that honours its context to return. Zero: 1s. Negative: it counts at once.
	AbandonGrace time.Duration
	// AbandonLimit is how long MaxAbandoned may be reached before the plugin is disabled, see [Sandbox.Enable]. Zero:
	// 5m. Negative: it is not.
	AbandonLimit time.Duration
	// Retry says what is tried again. Zero: nothing.
	Retry RetryConfig
	// Breaker says when a failing plugin is given a rest. Zero: the defaults.
	Breaker BreakerConfig
	// Classify tells what kind of failure an error is; nil, or [ClassAuto] from it, leaves that to the built-in rules.
	// It is asked on the goroutine of the plugin's code, also about a *[PanicError] and [ErrGoexit], but not about the
	// sandbox's own *[TimeoutError] nor about a caller who left. A panic in it counts as ClassAuto.
	Classify func(error) Class
	// Labels says which goroutines carry profiler labels of the plugin. Zero: those of detached calls.
	Labels LabelMode
	// LeakIgnore are prefixes of function names, such as "net/http.(*persistConn)": goroutines that such a function
	// started or runs in belong to the process, not to the plugin that happened to need them first. See
	// [Sandbox.Leaks].
	LeakIgnore []string
}

// limits are the numbers of a SandboxConfig with the defaults filled in; zero: none.
type limits struct {
	start, call, drain, close, grace, queue, abandonFor time.Duration
	concurrent, abandoned                               int
}

// orDefault reads a field: zero is the default, negative is none, which is zero.
func orDefault[N int | time.Duration | float64](n, def N) N {
	if n == 0 {
		return def
	}
	return max(n, 0)
}

func (c SandboxConfig) limits() limits {
	l := limits{
		start: orDefault(c.StartTimeout, time.Minute), call: orDefault(c.Timeout, 30*time.Second),
		drain: orDefault(c.DrainTimeout, 30*time.Second), close: orDefault(c.CloseTimeout, 10*time.Second),
		grace: orDefault(c.AbandonGrace, time.Second), queue: max(c.MaxQueue, 0),
		abandonFor: orDefault(c.AbandonLimit, 5*time.Minute), concurrent: max(c.MaxConcurrent, 0),
		abandoned: orDefault(c.MaxAbandoned, 8),
	}
	if l.concurrent > 0 && l.abandoned > l.concurrent { // else the cap could not be reached
		l.abandoned = l.concurrent
	}
	return l
}

// over fills what c leaves at zero from base.
func (c SandboxConfig) over(base SandboxConfig) SandboxConfig {
	fill(&c.StartTimeout, base.StartTimeout)
	fill(&c.Timeout, base.Timeout)
	fill(&c.DrainTimeout, base.DrainTimeout)
	fill(&c.CloseTimeout, base.CloseTimeout)
	fill(&c.MaxConcurrent, base.MaxConcurrent)
	fill(&c.MaxQueue, base.MaxQueue)
	fill(&c.MaxAbandoned, base.MaxAbandoned)
	fill(&c.AbandonGrace, base.AbandonGrace)
	fill(&c.AbandonLimit, base.AbandonLimit)
	fill(&c.Labels, base.Labels)
	if c.Classify == nil {
		c.Classify = base.Classify
	}
	if c.LeakIgnore == nil {
		c.LeakIgnore = base.LeakIgnore
	}
	c.Retry = c.Retry.over(base.Retry, c.limits().call)
	c.Breaker = c.Breaker.over(base.Breaker)
	return c
}

// fill sets what is zero.
func fill[V comparable](to *V, from V) { *to = cmp.Or(*to, from) }

// own returns a copy that what the host does with c later does not reach.
func (c SandboxConfig) own() SandboxConfig {
	c.LeakIgnore = slices.Clone(c.LeakIgnore)
	if c.Breaker.Baseline != nil {
		b := *c.Breaker.Baseline
		c.Breaker.Baseline = &b
	}
	return c
}

// check files what could never take effect, or would do so at once. What makes sense only beside a field that is not set
// is f.missing's.
func (c SandboxConfig) check(f *faults, field string) {
	l := c.limits()
	if l.queue > 0 && c.MaxConcurrent == 0 {
		f.missing(field+".MaxQueue", l.queue.String(), "a MaxConcurrent that it waits for", "set MaxConcurrent too")
	}
	if c.MaxConcurrent > maxConcurrent {
		f.bad(field+".MaxConcurrent", fmt.Sprint(c.MaxConcurrent), fmt.Sprintf("at most %d", maxConcurrent), "a negative number is no limit")
	}
	if c.Labels > LabelNone {
		f.bad(field+".Labels", fmt.Sprint(uint8(c.Labels)), "LabelDetached, LabelAll or LabelNone", "")
	}
	if slices.Contains(c.LeakIgnore, "") {
		f.bad(field+".LeakIgnore", `""`, "prefixes of function names", "an empty one would hide all")
	}
	c.Retry.check(f, field+".Retry", l.call, c.Classify != nil)
	attempt := l.call
	if r := max(c.Retry.AttemptTimeout, 0); r > 0 && c.Retry.Attempts > 1 && (attempt == 0 || r < attempt) {
		attempt = r
	}
	c.Breaker.check(f, field+".Breaker", l.call, attempt)
}
