// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugreg/plugreg/internal/callctx"
	"github.com/plugreg/plugreg/internal/label"
)

// job is one piece of plugin code to be run on a goroutine of its own.
type job struct {
	op        *Target
	limit     time.Duration // zero: none
	shown     time.Duration // the limit that a TimeoutError names; zero: limit
	call      func(context.Context) error
	admission             // of a call; empty for what needs no place
	attempt   int         // from 1; zero where a call has but one
	late      func(error) // runs after call on its goroutine where the caller has left
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
	parent   context.Context // the caller's
	ctx      *callctx.Context
	labels   *label.Set // nil: none
	obs      *observation
	slow     bool // the attempt took long, where that matters

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
	returned, out := s.detach(ctx, j)
	return returned, out.err
}

func (s *Sandbox) detach(ctx context.Context, j job) (returned bool, out outcome) {
	if j.op.Phase {
		j.op.stats.runs.Add(1)
	}
	o := s.observation(CallInfo{Target: j.op, Attempt: j.attempt})
	if o == nil {
		return s.run(ctx, j, nil)
	}
	o.outcome = unwound()
	defer o.done()
	ctx = s.observe(ctx, o, j.admission)
	returned, out = s.run(ctx, j, o)
	o.outcome = out
	return returned, out
}

// tryDetached is one attempt of several. ended tells when code that was left has returned.
func (s *Sandbox) tryDetached(ctx context.Context, a admission, op *Target, n int, b bound, call func(context.Context) error) tried {
	ended := make(chan struct{})
	returned, out := s.detach(ctx, job{op: op, limit: b.limit, shown: b.shown, admission: a, attempt: n, call: call, late: func(error) { close(ended) }})
	t := tried{outcome: out, s: s, held: a, in: true}
	if !returned {
		t.ended = ended
	}
	return t
}

// observation is one for a call or a phase; nil where nobody watches.
func (s *Sandbox) observation(info CallInfo) *observation {
	h := s.hooks.load()
	if h == nil {
		if !s.watched || info.Target.Phase {
			return nil
		}
		h = new([]Hooks)
	}
	return &observation{cell: s.hooks, hooks: *h, info: info}
}

// observe runs the starting hooks of a call that was admitted; one that calls runtime.Goexit leaves no admission
// behind.
func (s *Sandbox) observe(ctx context.Context, o *observation, a admission) context.Context {
	started := false
	defer func() {
		if !started {
			s.cancel(a)
		}
	}()
	ctx = o.start(ctx, s)
	started = true
	return ctx
}

// cancel gives back what was admitted for a call that does not come about.
func (s *Sandbox) cancel(a admission) {
	if a.st != nil {
		s.settleBreaker(settlement{admission: a, class: ClassCallerFault, attempt: true, call: true})
		s.leave(a)
	}
}

// run is detach below the hooks.
func (s *Sandbox) run(ctx context.Context, j job, o *observation) (returned bool, out outcome) {
	r := s.ready(ctx, j, o)
	if r == nil {
		out.leave(ctx, j.op)
		return true, out
	}
	go r.start()
	if parent := ctx.Done(); parent == nil {
		<-r.done
	} else {
		select {
		case <-r.done:
		case <-parent:
			if r.leave(ctx) {
				out.leave(ctx, j.op)
				return false, out
			}
			<-r.done
		}
	}
	if r.state.Load() != finished {
		return false, outcome{err: r.op.timeout(r.shows(), true), code: codeTimeout, class: ClassFailure, own: true}
	}
	return true, r.finish()
}

// ready sets a runner up. There is none where ctx has ended; the admission is given back then, and also where a method
// of ctx panics.
func (s *Sandbox) ready(ctx context.Context, j job, o *observation) (r *runner) {
	defer func() {
		if r == nil {
			s.cancel(j.admission)
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
	r.job, r.parent, r.ctx, r.obs, r.slow = j, ctx, c, o, false
	if r.labels = r.s.labels.of(j.op); r.labels != nil {
		c.SetLabels(r.labels)
	}
	r.state.Store(running)
	if j.limit > 0 {
		r.deadline = time.Now().Add(j.limit)
	}
	c.Init(ctx, r.deadline, true, r.s)
	c.SetLean() // run watches the caller's context
	if j.limit > 0 {
		r.timer.Reset(j.limit)
	}
}

// finish hands the result over and the runner back, unless its timer is about to fire.
func (r *runner) finish() outcome {
	out := r.outcome
	if r.limit <= 0 || r.timer.Stop() {
		r.job, r.outcome, r.parent, r.ctx, r.labels, r.obs, r.deadline = job{}, outcome{}, nil, nil, nil, nil, time.Time{}
		r.s.pool.Put(r)
	}
	return out
}

// run is the goroutine of a call. What the code and the methods of its error do, end runs.
func (r *runner) run() {
	defer r.end()
	if r.labels != nil {
		r.labels.Apply()
	}
	returned := false
	defer func() {
		if !returned {
			r.err = r.caught(r.op, recover())
		}
		r.judge(r.s, r.parent, r.op, r.overtime(returned), r.shows(), r.obs != nil)
		if r.st != nil {
			r.slow = r.s.slowness(r.parent, r.class, r.obs)
		}
	}()
	if r.word&flagFaulty != 0 {
		r.err = r.s.faulty(r.ctx, r.call)
	} else {
		r.err = r.call(r.ctx)
	}
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
		r.settle(r.outcome, r.slow)
		r.s.leave(r.admission)
	}
	r.done <- struct{}{}
}

// settle has the breaker learn how the attempt ended for its caller: once, by whoever ended it. The runner's own outcome is
// the code's to write until it has returned.
func (r *runner) settle(out outcome, slow bool) {
	if r.st != nil {
		r.s.settleBreaker(settlement{admission: r.admission, class: out.class, panicked: out.panicked, slow: slow, attempt: true, call: r.attempt == 0, detail: out.detail})
	}
}

// endLate settles what is left to settle where the caller has gone: the lease, and what the code left behind.
func (r *runner) endLate() {
	r.mu.Lock()
	was := r.state.Swap(ended)
	r.timer.Stop()
	r.mu.Unlock()
	if was == overdue && r.st != nil {
		r.s.abandon(-1)
	}
	if r.st != nil {
		r.s.leave(r.admission)
	}
	if r.late != nil {
		defer func() { r.late(r.err) }()
	}
	if r.obs != nil {
		r.obs.late(r.outcome)
	}
}

// leave lets the caller go because its context ended; false where the call ended before.
func (r *runner) leave(ctx context.Context) bool {
	if !r.state.CompareAndSwap(running, left) {
		return false
	}
	slow := false
	defer func() { // whatever the methods of ctx do
		r.settle(outcome{class: ClassCallerFault}, slow)
		r.grace()
	}()
	r.ctx.Orphan()
	slow = r.s.tooLate(ctx)
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
	r.settle(outcome{class: ClassFailure}, r.s.slow > 0 && time.Since(r.obs.began) >= r.s.slow)
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
	if (r.state.CompareAndSwap(expired, overdue) || r.state.CompareAndSwap(left, overdue)) && r.st != nil {
		r.s.abandon(1)
	}
}

// abandon counts abandoned calls.
func (s *Sandbox) abandon(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandoned += n
	s.apply(time.Now())
}

func (t *Target) timeout(after time.Duration, abandoned bool) error {
	return &TimeoutError{Plugin: t.Plugin, Version: t.Version, Operation: t.Operation, After: after, Abandoned: abandoned}
}

func (j *job) shows() time.Duration { return cmp.Or(j.shown, j.limit) }
