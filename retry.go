// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/plugreg/plugreg/internal/retry"
)

// RetryConfig says what is tried again. Each attempt is let in anew, holds the plugin only while it runs, and is
// observed by hooks on its own. No attempt follows one whose code still runs, one after which the breaker is not
// closed, one that the rest of Timeout leaves no room for, or one beyond the Budget. A refusal is not retried: MaxQueue
// is how a call waits for a place, which takes time besides that of the attempts. Zero stands for the default.
//
// It holds for all calls of the plugin: say yes only to errors after which nothing was done, or where all that the
// plugin does may be done twice. After a time-out nobody knows: a retried charge may be charged twice.
type RetryConfig struct {
	// Attempts is the number of attempts at most, the first included. Zero: 1, which is no retry.
	Attempts int
	// AttemptTimeout bounds one attempt; Timeout bounds all with what is waited in between. Zero: what is left of
	// Timeout. Longer than Timeout is refused. After one that timed out, its code gets AbandonGrace to return.
	AttemptTimeout time.Duration
	// BaseDelay is waited before the first retry. Zero: 200ms. Negative: nothing is waited.
	BaseDelay time.Duration
	// Multiplier is by how much the delay grows from retry to retry; at least 1. Zero: 2.
	Multiplier float64
	// MaxDelay is the longest delay. Zero: 30s.
	MaxDelay time.Duration
	// Jitter is the share of a delay that is random, so that callers who failed together do not come back together.
	// Zero: 1, all of it. Negative: none.
	Jitter float64
	// Budget is how many retries there may be for one call, over all calls: so that retries do not multiply an outage.
	// Besides, 3 in any 10s are always possible. Zero: 0.2. Negative: no limit.
	Budget float64
	// RetryIf says of an error of class [ClassFailure] whether to try again. It is asked on the goroutine of the
	// plugin's code, for a *[TimeoutError] on the caller's; a panic in it is a no. Nil: only what Classify calls
	// [ClassRecoverable] is.
	RetryIf func(error) bool
}

// over fills what c leaves at zero from base; what it inherits fits into the timeout.
func (c RetryConfig) over(base RetryConfig, timeout time.Duration) RetryConfig {
	fill(&c.Attempts, base.Attempts)
	if c.AttemptTimeout == 0 && (timeout <= 0 || base.AttemptTimeout < timeout) {
		c.AttemptTimeout = base.AttemptTimeout
	}
	fill(&c.BaseDelay, base.BaseDelay)
	fill(&c.Multiplier, base.Multiplier)
	fill(&c.MaxDelay, base.MaxDelay)
	fill(&c.Jitter, base.Jitter)
	fill(&c.Budget, base.Budget)
	if c.RetryIf == nil {
		c.RetryIf = base.RetryIf
	}
	return c
}

// check files what makes no sense; timeout is a call's, classified says that somebody calls errors ClassRecoverable.
func (c RetryConfig) check(f *faults, field string, timeout time.Duration, classified bool) {
	if c.Attempts > 1 && c.RetryIf == nil && !classified {
		f.missing(field+".Attempts", fmt.Sprint(c.Attempts), "RetryIf or Classify", "nothing would ever be retried: say which errors may be")
	}
	if c.AttemptTimeout > 0 && timeout > 0 && c.AttemptTimeout > timeout {
		f.bad(field+".AttemptTimeout", c.AttemptTimeout.String(), fmt.Sprintf("at most the Timeout of %v", timeout), "Timeout is for all attempts together")
	}
	if r := c.retrier(); r != nil && timeout > 0 && time.Duration(float64(r.backoff.Base)*(1-r.backoff.Jitter)) >= timeout {
		f.bad(field+".BaseDelay", r.backoff.Base.String(), fmt.Sprintf("less than the Timeout of %v", timeout), "no retry would ever come about")
	}
	if c.Multiplier != 0 && !(c.Multiplier >= 1) {
		f.bad(field+".Multiplier", fmt.Sprint(c.Multiplier), "1 or more", "")
	}
	if c.MaxDelay < 0 {
		f.bad(field+".MaxDelay", c.MaxDelay.String(), "0 or more", "")
	}
	if c.Attempts < 0 {
		f.bad(field+".Attempts", fmt.Sprint(c.Attempts), "0 or more", "")
	}
	if c.Attempts == 0 && c.RetryIf != nil {
		f.missing(field+".Attempts", "0", "2 or more where there is a RetryIf", "1 is no retry")
	}
	if !(c.Jitter <= 1) {
		f.bad(field+".Jitter", fmt.Sprint(c.Jitter), "at most 1", "")
	}
	if c.Budget != c.Budget {
		f.bad(field+".Budget", "NaN", "retries for one call", "")
	}
}

// retrier is a RetryConfig at work; nil where there is one attempt.
type retrier struct {
	attempts int
	limit    time.Duration // of an attempt; zero: none of its own
	backoff  retry.Backoff
	budget   *retry.Budget // nil: no limit; guarded by Sandbox.mu
	retryIf  func(error) bool
}

func (c RetryConfig) retrier() *retrier {
	if c.Attempts <= 1 {
		return nil
	}
	r := &retrier{attempts: c.Attempts, limit: max(c.AttemptTimeout, 0), retryIf: c.RetryIf, backoff: retry.Backoff{
		Base: orDefault(c.BaseDelay, 200*time.Millisecond), Multiplier: cmp.Or(c.Multiplier, 2),
		Jitter: orDefault(c.Jitter, 1), Max: cmp.Or(c.MaxDelay, 30*time.Second)}}
	if b := orDefault(c.Budget, 0.2); b > 0 {
		r.budget = retry.NewBudget(b, 3, 10*time.Second)
	}
	return r
}

// again asks the host whether err is worth another attempt.
func (r *retrier) again(class Class, err error) (yes bool) {
	switch {
	case class == ClassRecoverable:
		return true
	case class != ClassFailure || r.retryIf == nil:
		return false
	}
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	return r.retryIf(err)
}

// bound is the time that an attempt has, zero for any, and the limit that it is the rest of.
type bound struct{ limit, shown time.Duration }

// tried is what came of one attempt.
type tried struct {
	outcome
	s     *Sandbox
	held  admission       // what it had, by which its outcome is known
	ended <-chan struct{} // closed when its code has returned; nil where it has
	in    bool            // it was let in
}

// series is one call with all its attempts.
type series struct {
	s     *Sandbox // that of the first attempt, whose rules hold
	rule  *retrier
	began time.Time
	n     int   // the number of the attempt
	last  tried // that was let in

	inside bool // in an attempt, which settles the call itself where it ends the goroutine
}

// attempts makes the attempts of one call. Each finds its own way in: the plugin may have been replaced in between. It
// is the last one's sandbox that learns how the call ended. try asks for its bound once it was let in.
func attempts(ctx context.Context, s *Sandbox, try func(n int, b func() bound) tried) error {
	x := &series{s: s, rule: s.retry, began: time.Now()}
	defer x.settle()
	for x.n = 1; ; x.n++ {
		x.inside = true
		t := try(x.n, x.bound)
		x.inside = false
		if !t.in {
			if x.n == 1 {
				return t.err
			}
			return x.last.err // what the last attempt met says more than that there is no way in
		}
		if x.last = t; x.n > 1 {
			t.s.retries.Add(1)
		}
		if t.err == nil || x.n >= x.rule.attempts || !x.ended(ctx) || !x.may() {
			return t.err
		}
		if err := x.rest(ctx); err != nil {
			if err == errNoRetry {
				return t.err
			}
			return errors.Join(err, t.err) // which asks neither for its text: that is the plugin's code
		}
	}
}

// settle has the breaker learn how the call ended, whatever ended it.
func (x *series) settle() {
	if t := &x.last; t.in && !x.inside {
		t.s.settleBreaker(settlement{admission: t.held, class: t.class, call: true})
	}
}

// left is what the call has left of its time; meaningless where it has any.
func (x *series) left() time.Duration { return x.s.limits.call - time.Since(x.began) }

func (x *series) bound() bound {
	if total := x.s.limits.call; total > 0 && (x.rule.limit == 0 || x.left() < x.rule.limit) {
		return bound{max(x.left(), 1), total}
	}
	return bound{x.rule.limit, x.rule.limit}
}

// ended waits for the code of an attempt that timed out, for as long as the call has time; false where it goes on, or
// where the caller gives up.
func (x *series) ended(ctx context.Context) bool {
	if x.last.ended == nil {
		return ctx.Err() == nil
	}
	patience := x.last.s.limits.grace
	if x.s.limits.call > 0 {
		patience = min(patience, x.left())
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-x.last.ended:
		return ctx.Err() == nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// may says whether the error is worth another attempt, and whether the breaker lets it be. What plugin code returned
// was judged where it ran.
func (x *series) may() bool {
	t := &x.last
	again := t.again
	if t.own {
		again = x.rule.again(t.class, t.err)
	}
	return again && t.s.door.Load()&(flagOpen|flagHalf|flagDisabled|flagDraining) == 0
}

// errNoRetry ends the attempts; it never reaches a user.
var errNoRetry = errors.New("no retry")

// rest waits before the next attempt, where there is time and budget for it.
func (x *series) rest(ctx context.Context) error {
	delay := x.rule.backoff.Delay(x.n, rand.Float64())
	if x.s.limits.call > 0 && delay >= x.left() || !x.s.spend(x.rule) {
		return errNoRetry
	}
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-x.last.s.draining:
		if x.last.s.home == nil {
			return errNoRetry
		}
		return nil // there may be another route
	case <-ctx.Done():
		return leftError(ctx, x.s.call)
	}
}

// spend takes one retry out of the budget.
func (s *Sandbox) spend(rule *retrier) bool {
	if rule.budget == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return rule.budget.Take(time.Now(), s.door.Admitted()-s.retries.Load())
}

// way is where one attempt goes.
type way[T any] struct {
	*route[T]
	admission
}

// next is first itself for the first attempt, for each after that what enter finds.
func (first *way[T]) next(n int, enter func() (*route[T], admission, error)) (way[T], error) {
	if n == 1 {
		return *first, nil
	}
	r, a, err := enter()
	return way[T]{r, a}, err
}

// retrying is Do where there may be several attempts; the first was let in on r.
func (h *Handle[T]) retrying(ctx context.Context, r *route[T], a admission, call func(context.Context, T) error) error {
	first := &way[T]{r, a}
	return attempts(ctx, r.in.sb, func(n int, b func() bound) tried {
		w, err := first.next(n, func() (*route[T], admission, error) { return h.enter(ctx) })
		if err != nil {
			return tried{outcome: outcome{err: err}}
		}
		return w.in.sb.tryDetached(ctx, w.admission, w.in.sb.call, n, b(), func(ctx context.Context) error { return call(ctx, w.value) })
	})
}

// retryingInline is the same for DoInline.
func (h *Handle[T]) retryingInline(ctx context.Context, r *route[T], a admission, call func(context.Context, T) error) error {
	first := &way[T]{r, a}
	return attempts(ctx, r.in.sb, func(n int, b func() bound) tried {
		w, err := first.next(n, func() (*route[T], admission, error) { return h.enter(ctx) })
		if err != nil {
			return tried{outcome: outcome{err: err}}
		}
		return w.in.sb.tryInline(ctx, w.in.sb.call, w.admission, n, b(), func(ctx context.Context) error { return call(ctx, w.value) })
	})
}
