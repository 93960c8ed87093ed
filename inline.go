// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"time"

	"github.com/plugreg/plugreg/internal/callctx"
	"github.com/plugreg/plugreg/internal/label"
)

// aside is what few inline calls need; it is nil for the others.
type aside struct {
	outcome               // where there was more to settle than a success that nobody watches
	obs     *observation  // nil: nobody watches
	shown   time.Duration // the limit that a TimeoutError names
	attempt int           // from 1; zero where a call has but one
	caller  context.Context
}

// inline runs call on this goroutine. A closure given to it does not escape.
func (s *Sandbox) inline(ctx context.Context, op *Target, a admission, call func(context.Context) error) error {
	if s.hooks.load() != nil || s.watched || a.word&flagFaulty != 0 {
		return s.inlineAside(ctx, op, a, s.timeout, &aside{shown: s.timeout}, call)
	}
	if s.timeout > 0 {
		return s.inlineTimed(ctx, op, a, s.timeout, nil, call)
	}
	return s.inlinePlain(ctx, op, a, nil, call)
}

// tryInline is inline for one attempt of several.
func (s *Sandbox) tryInline(ctx context.Context, op *Target, a admission, n int, b bound, call func(context.Context) error) tried {
	x := aside{shown: b.shown, attempt: n}
	if err := s.inlineAside(ctx, op, a, b.limit, &x, call); err == nil {
		x.outcome = outcome{}
	}
	return tried{outcome: x.outcome, s: s, held: a, in: true}
}

// inlineAside is inline for what is rarer: hooks, faults, slow calls and attempts.
func (s *Sandbox) inlineAside(ctx context.Context, op *Target, a admission, limit time.Duration, x *aside, call func(context.Context) error) error {
	x.caller = ctx
	if o := s.observation(CallInfo{Target: op, Inline: true, Attempt: x.attempt}); o != nil {
		ctx = s.observeInline(ctx, o, a)
		x.obs = o
	}
	inner := func(ctx context.Context) error { return s.faulty(ctx, call) }
	if limit > 0 {
		return s.inlineTimed(ctx, op, a, limit, x, inner)
	}
	return s.inlinePlain(ctx, op, a, x, inner)
}

// observeInline runs the starting hooks; where one of them ends the goroutine, the ending ones run as well.
func (s *Sandbox) observeInline(ctx context.Context, o *observation, a admission) context.Context {
	o.outcome = unwound()
	started := false
	defer func() {
		if !started {
			o.done()
		}
	}()
	ctx = s.observe(ctx, o, a)
	started = true
	return ctx
}

func (s *Sandbox) inlinePlain(ctx context.Context, op *Target, a admission, x *aside, call func(context.Context) error) (err error) {
	if s.inlined != nil {
		s.inlined.current.Load().Apply()
	}
	how := outside
	defer func() {
		if how == byItself && err == nil && s.unwatched(a, x) {
			s.leave(a)
		} else if how == outside {
			s.unwind(a, x)
		} else {
			end := ending{err: err, how: how}
			if how == unreturned {
				end.value = recover()
			}
			err = s.book(ctx, op, a, x, end)
		}
		s.unlabel(ctx, x)
	}()
	if ctx.Err() != nil {
		how = early
		return leftError(ctx, op)
	}
	how = unreturned
	err = call(ctx)
	how = byItself
	return err
}

func (s *Sandbox) inlineTimed(ctx context.Context, op *Target, a admission, limit time.Duration, x *aside, call func(context.Context) error) (err error) {
	c := new(callctx.Context)
	c.Init(ctx, time.Now().Add(limit), false, s)
	c.SetLean() // nothing but Finish ends it from here
	if s.inlined != nil {
		set := s.inlined.current.Load()
		c.SetLabels(set)
		set.Apply()
	}
	how := outside
	defer func() {
		if how == byItself && err == nil && s.unwatched(a, x) {
			s.leave(a) // first, for a method of the caller's context may panic
			c.Finish()
		} else if how == outside {
			s.unwind(a, x)
		} else {
			end := ending{err: err, how: how}
			if how == unreturned {
				end.value = recover()
			}
			err = s.bookTimed(ctx, op, a, x, end, c)
		}
		s.unlabel(ctx, x)
	}()
	if ctx.Err() != nil {
		how = early
		return leftError(ctx, op)
	}
	how = unreturned
	err = call(c)
	how = byItself
	return err
}

// unlabel gives the caller's goroutine the labels back that its context carries. There is nothing to give back where the
// goroutine ends before.
func (s *Sandbox) unlabel(ctx context.Context, x *aside) {
	if s.inlined == nil {
		return
	}
	if x != nil && x.caller != nil {
		ctx = x.caller // not what a hook made of it
	}
	label.Restore(ctx)
}

// unwatched says that a success needs no booking.
func (s *Sandbox) unwatched(a admission, x *aside) bool {
	return a.more == nil && (x == nil || x.obs == nil) && !s.streaks.Load()
}

// How inline code came to its end.
const (
	outside    = iota // a method of the caller's context panicked
	unreturned        // the code panicked, or ended the goroutine
	byItself          // it returned
	early             // it was not called at all, for the caller had left
)

type ending struct {
	err      error
	value    any // what it panicked with
	how      int
	overtime bool // it returned at its deadline
}

// unwind gives back what a call held whose caller's goroutine panics outside of it.
func (s *Sandbox) unwind(a admission, x *aside) {
	if x != nil && x.obs != nil {
		x.obs.outcome = unwound()
		defer x.obs.done()
	}
	s.cancel(a)
}

// bookTimed is book for a call with a context of its own. Where a method of the caller's context panics, all is given back
// nevertheless.
func (s *Sandbox) bookTimed(ctx context.Context, op *Target, a admission, x *aside, end ending, c *callctx.Context) error {
	looked := false
	defer func() {
		if !looked {
			s.unwind(a, x)
		}
	}()
	end.overtime = end.how == byItself && end.err != nil && c.Err() != nil && c.Expired()
	c.Finish()
	looked = true
	return s.book(ctx, op, a, x, end)
}

// book settles what is more than a success that nobody waits for. All is given back whatever the error's methods do, and
// before a hook could wait for it.
func (s *Sandbox) book(ctx context.Context, op *Target, a admission, x *aside, end ending) error {
	if x == nil {
		x = &aside{shown: s.timeout}
	}
	x.err = end.err
	if end.how == unreturned {
		x.err = x.caught(op, end.value)
	}
	if x.obs != nil {
		defer func() {
			x.obs.outcome = x.outcome
			x.obs.done()
		}()
	}
	defer s.booked(ctx, op, a, x)
	if end.how == early {
		x.class, x.own, x.code = ClassCallerFault, true, safeCode(x.err)
		return x.err
	}
	x.judge(s, ctx, op, end.overtime, x.shown, x.obs != nil)
	return x.err
}

func (s *Sandbox) booked(ctx context.Context, op *Target, a admission, x *aside) {
	if x.code != "" {
		op.stats.addCode(x.code)
	}
	slow := false
	defer func() { // also where a method of ctx panics
		s.settleBreaker(settlement{admission: a, class: x.class, panicked: x.panicked, slow: slow, attempt: true, call: x.attempt == 0 || x.gone, detail: x.detail})
		s.leave(a)
	}()
	slow = s.slow > 0 && s.slowness(ctx, x.class, x.obs)
}
