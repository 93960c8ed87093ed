// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/plugreg/plugreg/internal/breaker"
	"github.com/plugreg/plugreg/internal/bulkhead"
)

// Disable refuses all calls with [ErrDisabled] until Enable; those inside go on. reason is for people, and takes the place
// of another one.
func (s *Sandbox) Disable(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason = clip(cmp.Or(reason, "by the host"), 1024)
	s.machine.Disable(reason)
	s.apply(time.Now())
	s.why.Store(s.call.rejected(ErrDisabled, reason)) // also where it was disabled before
	s.reason = reason
}

// Enable closes the breaker, whatever it does, and forgets what led to it; abandoned calls still count. Where
// MaxAbandoned is reached, calls go on being refused until one of those inside ends.
func (s *Sandbox) Enable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.machine.Enable(now)
	s.beginRates(now)
	s.cappedSince = time.Time{}
	s.apply(now)
}

// probe asks for a half-open permit, which is good for a period of the breaker.
func (s *Sandbox) probe() (lease *breaker.Lease, period uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	lease = s.machine.Probe(now)
	s.apply(now)
	return lease, s.machine.Gen()
}

// holds reports whether a permit is out still.
func (s *Sandbox) holds(lease *breaker.Lease) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.machine.Holds(lease)
}

// turning returns a channel that is closed when the breaker changes, or calls are refused for another reason, from now on.
func (s *Sandbox) turning() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turned == nil {
		s.turned = make(chan struct{})
	}
	return s.turned
}

// turn has those look again who wait for something else than the sandbox's own places. Call with mu held.
func (s *Sandbox) turn() {
	if s.turned != nil {
		close(s.turned)
		s.turned = nil
	}
}

// beginRates has rates be those of the calls from now on. Call with mu held, or before the first call.
func (s *Sandbox) beginRates(now time.Time) {
	s.machine.Settle(now, breaker.Settlement{Gen: s.machine.Gen(), Kind: breaker.Neutral, Attempt: true, Calls: s.counted()})
}

// counted is the number of calls that rates are shares of: not of leases, and not of what was nobody's fault. It never
// falls. Call with mu held, or before the first call.
func (s *Sandbox) counted() uint64 {
	s.most = max(s.most, s.door.Admitted()-s.neutral-s.leased.Load())
	return s.most
}

// settlement is how a call or an attempt ended, for the breaker.
type settlement struct {
	admission
	class         Class
	panicked      bool
	slow          bool
	attempt, call bool
	detail        string
}

// settleBreaker has the breaker learn of an end. A plain success needs to be told only where failures were counted before.
func (s *Sandbox) settleBreaker(x settlement) {
	ok := x.class == ClassAuto
	lease := x.lease()
	if ok && !x.slow && lease == nil && !s.streaks.Load() {
		return
	}
	kind := breaker.Success
	switch {
	case x.class == ClassFatal:
		kind = breaker.Fatal
	case x.class.fails() && x.panicked:
		kind = breaker.Panic
	case x.class.fails():
		kind = breaker.Failure
	case !ok:
		kind = breaker.Neutral
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind == breaker.Neutral && x.attempt {
		s.neutral++
	}
	now, calls := time.Now(), s.counted()
	s.machine.Settle(now, breaker.Settlement{Gen: x.word.Stamp(), Lease: lease, Kind: kind, Slow: x.slow,
		Attempt: x.attempt, Call: x.call, Calls: calls, Detail: x.detail})
	if kind != breaker.Success && kind != breaker.Neutral && x.attempt {
		s.failed++
		s.learn(now, calls)
	}
	s.apply(now)
}

// slowness says that an attempt has taken long, where that matters: longer than SlowCall, or than its caller gave it.
func (s *Sandbox) slowness(ctx context.Context, class Class, o *observation) bool {
	return s.slow > 0 && (time.Since(o.began) >= s.slow || class == ClassCallerFault && s.tooLate(ctx))
}

// tooLate says that the caller's own deadline has passed, where that matters.
func (s *Sandbox) tooLate(ctx context.Context) bool {
	return s.slow > 0 && ctx.Err() == context.DeadlineExceeded
}

// tick is the timer's function.
func (s *Sandbox) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.machine.Tick(now)
	if d := s.limits.abandonFor; d > 0 && !s.cappedSince.IsZero() && now.Sub(s.cappedSince) >= d {
		s.machine.Disable(fmt.Sprintf("%d abandoned calls for %v", s.abandoned, d))
		s.cappedSince = time.Time{}
	}
	s.apply(now)
}

// apply shows the world what the breaker and the abandoned calls come to. Call with mu held.
func (s *Sandbox) apply(now time.Time) {
	state := BreakerState(s.machine.State())
	if state != s.state {
		s.changed(now, state)
	}
	old := s.door.Load()
	set := [...]bulkhead.Word{BreakerClosed: 0, BreakerOpen: flagOpen, BreakerHalfOpen: flagHalf, BreakerDisabled: flagDisabled}[state]
	if state == BreakerHalfOpen && s.machine.Permits() == 0 {
		set = flagOpen | flagProbing // so that a refusal looks no further
	}
	if n := s.limits.abandoned; n > 0 && s.abandoned >= n {
		set |= flagCapped
		if s.cappedSince.IsZero() && state != BreakerDisabled {
			s.cappedSince = now
			s.tellSaturation("", true)
		}
	} else {
		s.cappedSince = time.Time{}
	}
	s.door.Mark(set, (flagOpen|flagHalf|flagProbing|flagDisabled|flagCapped)&^set, s.machine.Gen())
	if set&^old&flagsRefusing != 0 {
		s.turn()
	}
	s.streaks.Store(s.machine.Streaks())
	s.arm(now)
}

// changed makes the refusal that goes with a new state before its flag is set, and tells of it.
func (s *Sandbox) changed(now time.Time, state BreakerState) {
	from, reason := s.state, s.machine.Reason()
	s.state, s.reason = state, reason
	switch state {
	case BreakerDisabled:
		s.why.Store(s.call.rejected(ErrDisabled, reason))
	case BreakerOpen:
		s.why.Store(s.call.rejected(ErrOpen, reason))
	}
	s.pause(now, state != BreakerClosed || s.injected.Load() != nil)
	s.tellBreaker(from, state, reason)
}

// arm has the timer fire when there is something to do next; it rests otherwise.
func (s *Sandbox) arm(now time.Time) {
	next := s.machine.Next()
	if d := s.limits.abandonFor; d > 0 && !s.cappedSince.IsZero() && s.state != BreakerDisabled {
		if end := s.cappedSince.Add(d); next.IsZero() || end.Before(next) {
			next = end
		}
	}
	switch {
	case s.ended || next.IsZero():
		if s.timer != nil {
			s.timer.Stop()
		}
		next = time.Time{}
	case next.Equal(s.armed):
	case s.timer == nil:
		s.timer = time.AfterFunc(max(next.Sub(now), 0), s.tick)
	default:
		s.timer.Reset(max(next.Sub(now), 0))
	}
	s.armed = next
}
