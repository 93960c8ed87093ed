// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugreg/plugreg/internal/callctx"
	"github.com/plugreg/plugreg/internal/stripe"
)

// job is one piece of plugin code to be run on a goroutine of its own.
type job struct {
	op    *Target
	limit time.Duration  // zero: none
	shown time.Duration  // the limit that a TimeoutError names; zero: limit
	st    *stripe.Stripe // nil where the job holds no lease
	call  func(context.Context) error
	late  func(error) // runs after call on its goroutine where the caller has left
}

// Who ends a detached call, and whether anybody still waits for it.
const (
	running  uint32 = iota
	finished        // the code returned while its caller waited
	expired         // its time ran out first
	left            // its caller's context ended first
	overdue         // and its grace is over too: it counts as abandoned
	ended           // it returned after all
)

// runner is one detached call. A runner that finished is used again; one whose caller left never is.
type runner struct {
	job
	outcome
	s        *Sandbox
	start    func() // r.run, made once
	done     chan struct{}
	timer    *time.Timer // the deadline, then the grace
	deadline time.Time   // zero: none
	state    atomic.Uint32
	ctx      *callctx.Context
	obs      *observation

	mu  sync.Mutex // guards what follows, and the states after expired and left
	due time.Time  // the end of the grace; zero before it began
}

func newRunner(s *Sandbox) *runner {
	r := &runner{s: s, done: make(chan struct{}, 1)}
	r.start = r.run
	r.timer = time.AfterFunc(time.Hour, r.expire)
	r.timer.Stop()
	return r
}

// detached runs j on a goroutine of its own and returns when it returns, when its time is over or when ctx ends;
// returned is false where the code still runs then.
func (s *Sandbox) detached(ctx context.Context, j job) (returned bool, err error) {
	if j.op.Phase {
		j.op.stats.runs.Add(1)
	}
	h := s.hooks.load()
	if h == nil {
		return s.run(ctx, j, nil)
	}
	o := &observation{cell: s.hooks, hooks: *h, info: CallInfo{Target: j.op}}
	ctx = s.observe(ctx, o, j.st)
	defer o.done()
	return s.run(ctx, j, o)
}

// observe runs the starting hooks of a call that was admitted; one that calls runtime.Goexit leaves no admission
// behind.
func (s *Sandbox) observe(ctx context.Context, o *observation, st *stripe.Stripe) context.Context {
	started := false
	defer func() {
		if !started && st != nil {
			s.leave(st)
		}
	}()
	ctx = o.start(ctx, s)
	started = true
	return ctx
}

// run is detached below the hooks.
func (s *Sandbox) run(ctx context.Context, j job, o *observation) (returned bool, err error) {
	var out outcome
	if o != nil {
		defer func() { o.outcome = out }()
	}
	r := s.ready(ctx, j, o)
	if r == nil {
		out.leave(ctx, j.op)
		return true, out.err
	}
	go r.start()
	if parent := ctx.Done(); parent == nil {
		<-r.done
	} else {
		select {
		case <-r.done:
		case <-parent:
			if r.leave() {
				out.leave(ctx, j.op)
				return false, out.err
			}
			<-r.done
		}
	}
	if r.state.Load() != finished {
		out = outcome{err: r.op.timeout(r.shows(), true), code: codeTimeout}
		return false, out.err
	}
	out = r.finish()
	return true, out.err
}

// ready sets a runner up. There is none where ctx has ended; the admission is given back then, and also where a method
// of ctx panics.
func (s *Sandbox) ready(ctx context.Context, j job, o *observation) (r *runner) {
	defer func() {
		if r == nil && j.st != nil {
			s.leave(j.st)
		}
	}()
	if ctx.Err() != nil {
		return nil
	}
	if r, _ = s.pool.Get().(*runner); r == nil {
		r = newRunner(s)
	}
	r.begin(ctx, j, o)
	return r
}

// begin sets the runner up for one call.
func (r *runner) begin(ctx context.Context, j job, o *observation) {
	c := new(callctx.Context)
	r.job, r.ctx, r.obs = j, c, o
	r.state.Store(running)
	if j.limit <= 0 {
		c.Init(ctx, time.Time{}, true, r.s)
		return
	}
	r.deadline = time.Now().Add(j.limit)
	c.Init(ctx, r.deadline, true, r.s)
	r.timer.Reset(j.limit)
}

// finish hands the result over and the runner back, unless its timer is about to fire.
func (r *runner) finish() outcome {
	out := r.outcome
	if r.limit <= 0 || r.timer.Stop() {
		r.job, r.outcome, r.ctx, r.obs, r.deadline = job{}, outcome{}, nil, nil, time.Time{}
		r.s.pool.Put(r)
	}
	return out
}

// run is the goroutine of a call. What the code and the methods of its error do, end runs.
func (r *runner) run() {
	defer r.end()
	returned := false
	defer func() {
		if !returned {
			r.err = caught(r.op, recover())
		}
		r.judge(r.op, r.overtime(returned), r.shows(), r.obs != nil)
	}()
	r.err = r.call(r.ctx)
	returned = true
}

// overtime says that the code returned at its deadline, before the timer's goroutine came to it.
func (r *runner) overtime(returned bool) bool {
	return returned && r.err != nil && !r.deadline.IsZero() && !time.Now().Before(r.deadline)
}

// end settles a call that has returned. After it signalled done the runner is another call's.
func (r *runner) end() {
	if !r.state.CompareAndSwap(running, finished) {
		r.endLate()
		return
	}
	r.ctx.Finish()
	if r.code != "" {
		r.op.stats.addCode(r.code)
	}
	if r.st != nil {
		r.s.leave(r.st)
	}
	r.done <- struct{}{}
}

// endLate settles what is left to settle where the caller has gone: the lease, and what the code left behind.
func (r *runner) endLate() {
	r.mu.Lock()
	if r.state.Swap(ended) == overdue {
		r.s.abandoned.Add(-1)
	}
	r.timer.Stop()
	r.mu.Unlock()
	if r.st != nil {
		r.s.leave(r.st)
	}
	if r.late != nil {
		defer func() { r.late(r.err) }()
	}
	if r.obs != nil {
		r.obs.late(r.outcome)
	}
}

// leave lets the caller go because its context ended; false where the call ended before.
func (r *runner) leave() bool {
	if !r.state.CompareAndSwap(running, left) {
		return false
	}
	r.ctx.Orphan()
	r.grace()
	return true
}

// expire is the timer's function: the deadline, and once the caller has gone the end of the grace.
func (r *runner) expire() {
	if !r.state.CompareAndSwap(running, expired) {
		r.abandon()
		return
	}
	r.op.stats.addCode(codeTimeout)
	r.ctx.Expire()
	r.grace()
	r.done <- struct{}{}
}

// grace begins when the caller has gone, unless the code has returned meanwhile.
func (r *runner) grace() {
	g := r.s.limits.grace
	r.mu.Lock()
	r.due = time.Now().Add(g)
	if g > 0 && r.state.Load() != ended {
		r.timer.Reset(g)
	}
	r.mu.Unlock()
	if g <= 0 {
		r.abandon()
	}
}

// abandon counts the call as abandoned where it still runs and its grace is over: a deadline that passes after the
// caller left comes here too.
func (r *runner) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due.IsZero() || time.Now().Before(r.due) {
		return
	}
	if r.state.CompareAndSwap(expired, overdue) || r.state.CompareAndSwap(left, overdue) {
		r.s.abandoned.Add(1)
	}
}

func (t *Target) timeout(after time.Duration, abandoned bool) error {
	return &TimeoutError{Plugin: t.Plugin, Version: t.Version, Operation: t.Operation, After: after, Abandoned: abandoned}
}

func (j *job) shows() time.Duration { return cmp.Or(j.shown, j.limit) }

// outcome is how a call ended, with the code of its error and, for hooks, its text.
type outcome struct {
	err        error
	code, text string
}

// leave makes out that of a caller whose own context ended first.
func (out *outcome) leave(ctx context.Context, op *Target) {
	out.err = leftError(ctx, op)
	out.code = op.stats.add(out.err)
}

func leftError(ctx context.Context, op *Target) error {
	return fmt.Errorf("%scaller left %s: %w", whose(op.Plugin, op.Version), op.Operation, endOf(ctx))
}

// judge asks the error what it is, on the goroutine of the code that it is from, for its methods belong to that code:
// one that panics or ends the goroutine takes the error's place. An error that comes of the call's own deadline is a
// TimeoutError.
func (out *outcome) judge(op *Target, overtime bool, limit time.Duration, watched bool) {
	if out.err == nil {
		return
	}
	judged := false
	defer func() {
		if !judged {
			out.err = caught(op, recover())
			out.code = CodeOf(out.err)
		}
	}()
	if overtime && errors.Is(out.err, context.DeadlineExceeded) {
		out.err = op.timeout(limit, false)
	}
	out.code = CodeOf(out.err)
	judged = true
	if watched { // last: it may end the goroutine, and changes nothing by it
		out.text = clip(safeText(out.err), 1024)
	}
}

// endOf returns the error of a context that has ended, with its cause where that is another.
func endOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}
