// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugreg/plugreg/internal/callctx"
	"github.com/plugreg/plugreg/internal/stripe"
)

// SandboxConfig says how plugin code is contained. Zero stands for the default, a negative value switches the limit
// off.
type SandboxConfig struct {
	// StartTimeout bounds New, Init and Probe together, and the code of a plugin that registration runs. Zero: 60s.
	StartTimeout time.Duration
	// Timeout bounds one call. A detached call is back by then, whatever the plugin does; an inline call sees its
	// context end. Zero: 30s. Negative: a call ends when it ends, and an inline call gets the caller's own context.
	Timeout time.Duration
	// DrainTimeout is how long a closing instance waits for the calls inside before it is stranded. Zero: 30s.
	// Negative: as long as they take.
	DrainTimeout time.Duration
	// CloseTimeout bounds Close, the wait for what env.Go started, and each function of env.OnClose, one by one. Zero:
	// 10s.
	CloseTimeout time.Duration
	// AbandonGrace is how long a call may go on after its caller left before it counts as abandoned: time for plugin
	// code that honours its context to return. Zero: 1s. Negative: it counts at once.
	AbandonGrace time.Duration
}

// SandboxState is what a sandbox says of itself at one moment.
type SandboxState struct {
	// Calls counts the calls and leases that were let in, those still inside included.
	Calls uint64 `json:"calls"`
	// Failures counts the calls that failed, by the code of [CodeOf]; nil where none did.
	Failures map[string]uint64 `json:"failures,omitempty"`
	// InFlight is the number of calls and leases inside, abandoned calls included.
	InFlight int64 `json:"in_flight"`
	// Abandoned is the number of calls inside whose caller left longer than AbandonGrace ago.
	Abandoned int64 `json:"abandoned"`
	// Draining says that no more calls are let in.
	Draining bool `json:"draining"`
}

// Sandbox is the guard around one plugin instance, and the one place through which all its code is called: whatever
// that code does (return, fail, panic, call runtime.Goexit, run over its time, hang after its caller left), the caller
// gets an error, and the call is settled once. A registry makes its own; [NewSandbox] makes one that stands alone.
//
// A Sandbox is safe for concurrent use.
type Sandbox struct {
	flags   atomic.Uint32 // zero on the fast path
	timeout time.Duration // of a call; zero: none
	hooks   *hookCell
	call    *Target
	home    *core // nil where it stands alone
	limits  limits
	calls   stripe.Set

	abandoned atomic.Int64
	pool      sync.Pool // of *runner; its own, for timers and channels belong to one synctest bubble
	draining  chan struct{}
	drained   chan struct{}
	onLast    atomic.Pointer[func()]
	saturated error
	closed    error
}

// flagDraining refuses what comes.
const flagDraining uint32 = 1

// codeTimeout is what [CodeOf] says of a [TimeoutError].
const codeTimeout = "TIMEOUT"

// errDraining tells a handle to take the new route; it never reaches a user.
var errDraining = errors.New("draining")

// NewSandbox returns a sandbox under the name that its errors show. A name that is no plugin name is a [PluginError].
func NewSandbox(name string, cfg SandboxConfig) (*Sandbox, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	return newSandbox(&Target{Plugin: name, Operation: opCall, stats: new(failures)}, cfg, new(hookCell)), nil
}

func newSandbox(call *Target, cfg SandboxConfig, hooks *hookCell) *Sandbox {
	l := cfg.limits()
	s := &Sandbox{timeout: l.call, limits: l, hooks: hooks, call: call,
		draining: make(chan struct{}), drained: make(chan struct{}, 1),
		saturated: &PluginError{Plugin: call.Plugin, Version: call.Version, Field: opCall, Err: ErrSaturated},
		closed:    &PluginError{Plugin: call.Plugin, Version: call.Version, Field: opCall, Err: ErrClosed}}
	s.calls.Init(0)
	return s
}

// Run calls on a goroutine of its own and returns at the deadline, whatever call does: call may outlive Run, so what it
// captured is not the caller's any more after a [TimeoutError]. It returns what call returned, a *[PanicError],
// [ErrGoexit], a *[TimeoutError], an error that matches ctx's own where ctx ended first, or [ErrClosed].
func (s *Sandbox) Run(ctx context.Context, call func(context.Context) error) error {
	st, err := s.enter()
	if err != nil {
		return err
	}
	_, err = s.detached(ctx, job{op: s.call, limit: s.timeout, st: st, call: call})
	return err
}

// RunInline calls on the caller's goroutine: contained, but not cut off, for a goroutine cannot be left by its own
// code. call does not escape. It returns what Run does, but for runtime.Goexit, which ends the caller's goroutine as Go
// prescribes; the call is settled all the same.
func (s *Sandbox) RunInline(ctx context.Context, call func(context.Context) error) error {
	st, err := s.enter()
	if err != nil {
		return err
	}
	return s.inline(ctx, s.call, st, call)
}

// State returns what the sandbox knows of itself now.
func (s *Sandbox) State() SandboxState {
	return SandboxState{
		Calls: s.calls.Admitted(), Failures: s.call.stats.counts(), InFlight: s.calls.InFlight(),
		Abandoned: s.abandoned.Load(), Draining: s.flags.Load()&flagDraining != 0,
	}
}

// Close lets no more calls in and waits for those inside, at most until ctx ends: then the error matches [ErrStranded]
// and ctx's own. It may be called more than once; with the context of a call inside it does not wait. On the sandbox of
// a mounted plugin it is refused with [ErrMounted]: close the handle.
func (s *Sandbox) Close(ctx context.Context) error {
	if s.home != nil {
		return &PluginError{Plugin: s.call.Plugin, Version: s.call.Version, Field: "sandbox", Err: ErrMounted, Fix: "close the handle"}
	}
	s.refuse()
	if inside(ctx, func(x *Sandbox) bool { return x == s }) || wait(s, ctx.Done()) {
		return nil
	}
	return fmt.Errorf("plugin %q: %w: %d of them: %w", s.call.Plugin, ErrStranded, s.calls.InFlight(), endOf(ctx))
}

// enter is take for those who know no other route.
func (s *Sandbox) enter() (*stripe.Stripe, error) {
	st, err := s.take()
	if err == errDraining {
		err = s.closed
	}
	return st, err
}

// take admits one call or lease.
func (s *Sandbox) take() (*stripe.Stripe, error) {
	st := s.calls.Take()
	if st == nil {
		return nil, s.saturated
	}
	if s.flags.Load() != 0 {
		st.Withdraw() // what was refused is not counted
		s.left()
		return nil, errDraining
	}
	return st, nil
}

// leave gives one admission back. The flags are read after the count went down, and a drain reads the counts after it
// set its flag: one of the two sees the other.
func (s *Sandbox) leave(st *stripe.Stripe) {
	st.Leave()
	if s.flags.Load() != 0 {
		s.left()
	}
}

func (s *Sandbox) left() {
	if s.calls.InFlight() != 0 {
		return
	}
	select {
	case s.drained <- struct{}{}:
	default:
	}
	if f := s.onLast.Swap(nil); f != nil {
		(*f)()
	}
}

// refuse lets no more calls in.
func (s *Sandbox) refuse() {
	if s.setFlag(flagDraining) {
		close(s.draining)
	}
}

// wait returns true once nobody is inside, false if something comes through give before. Call refuse before.
func wait[E any](s *Sandbox, give <-chan E) bool {
	for s.calls.InFlight() != 0 {
		select {
		case <-s.drained:
		case <-give:
			return s.calls.InFlight() == 0
		}
	}
	s.left() // there may be more than one who waits
	return true
}

// strand leaves it to the last call inside to run f, on its own goroutine, so f must not block. f runs once, also where
// nobody is inside any more: the last call looks for f after it left, and strand looks for the last call after f is
// there. Call refuse before.
func (s *Sandbox) strand(f func()) {
	s.onLast.Store(&f)
	s.left()
}

// setFlag reports whether the flag was not set before.
func (s *Sandbox) setFlag(flag uint32) bool { return s.flags.Or(flag)&flag == 0 }

// inline runs call on this goroutine. A closure given to it does not escape.
func (s *Sandbox) inline(ctx context.Context, op *Target, st *stripe.Stripe, call func(context.Context) error) error {
	if h := s.hooks.load(); h != nil {
		return s.inlineObserved(ctx, h, op, st, call)
	}
	if s.timeout > 0 {
		return s.inlineTimed(ctx, op, st, nil, call)
	}
	return s.inlinePlain(ctx, op, st, nil, call)
}

func (s *Sandbox) inlineObserved(ctx context.Context, h *[]Hooks, op *Target, st *stripe.Stripe, call func(context.Context) error) error {
	o := observation{cell: s.hooks, hooks: *h, info: CallInfo{Target: op, Inline: true}}
	ctx = s.observe(ctx, &o, st)
	if s.timeout > 0 {
		return s.inlineTimed(ctx, op, st, &o, call)
	}
	return s.inlinePlain(ctx, op, st, &o, call)
}

func (s *Sandbox) inlinePlain(ctx context.Context, op *Target, st *stripe.Stripe, o *observation, call func(context.Context) error) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = caught(op, recover())
		}
		err = s.settle(op, st, o, err, false)
	}()
	if ctx.Err() != nil {
		returned = true
		return leftError(ctx, op)
	}
	err = call(ctx)
	returned = true
	return err
}

func (s *Sandbox) inlineTimed(ctx context.Context, op *Target, st *stripe.Stripe, o *observation, call func(context.Context) error) (err error) {
	c := new(callctx.Context)
	c.Init(ctx, time.Now().Add(s.timeout), false, s)
	returned := false
	defer func() {
		overtime := returned && err != nil && c.Err() != nil && c.Expired()
		if !returned {
			err = caught(op, recover())
		}
		c.Finish()
		err = s.settle(op, st, o, err, overtime)
	}()
	if ctx.Err() != nil {
		returned = true
		return leftError(ctx, op)
	}
	err = call(c)
	returned = true
	return err
}

// settle gives the admission of a call back and books its outcome; a success that nobody watches needs no booking.
func (s *Sandbox) settle(op *Target, st *stripe.Stripe, o *observation, err error, overtime bool) error {
	if err == nil && o == nil {
		s.leave(st)
		return nil
	}
	return s.book(op, st, o, err, overtime)
}

// book is settle's slow path. The admission is given back whatever the error's methods do, and before a hook could wait
// for it.
func (s *Sandbox) book(op *Target, st *stripe.Stripe, o *observation, err error, overtime bool) error {
	out := outcome{err: err}
	if o != nil {
		defer func() {
			o.outcome = out
			o.done()
		}()
	}
	defer func() {
		if out.code != "" {
			op.stats.addCode(out.code)
		}
		s.leave(st)
	}()
	out.judge(op, overtime, s.timeout, o != nil)
	return out.err
}

// caught makes an error of what a deferred function recovered.
func caught(op *Target, v any) error {
	if v == nil { // a nil panic is a *runtime.PanicNilError
		return &PluginError{Plugin: op.Plugin, Version: op.Version, Field: op.Operation, Err: ErrGoexit}
	}
	return newPanicError(op, v)
}

// limits are the durations of a SandboxConfig with the defaults filled in; zero: none.
type limits struct{ start, call, drain, close, grace time.Duration }

func (c SandboxConfig) limits() limits {
	or := func(d, def time.Duration) time.Duration {
		if d == 0 {
			return def
		}
		return max(d, 0)
	}
	return limits{
		start: or(c.StartTimeout, time.Minute), call: or(c.Timeout, 30*time.Second), drain: or(c.DrainTimeout, 30*time.Second),
		close: or(c.CloseTimeout, 10*time.Second), grace: or(c.AbandonGrace, time.Second),
	}
}

// over fills what c leaves at zero from base.
func (c SandboxConfig) over(base SandboxConfig) SandboxConfig {
	for _, f := range [...]struct{ to, from *time.Duration }{
		{&c.StartTimeout, &base.StartTimeout}, {&c.Timeout, &base.Timeout}, {&c.DrainTimeout, &base.DrainTimeout},
		{&c.CloseTimeout, &base.CloseTimeout}, {&c.AbandonGrace, &base.AbandonGrace},
	} {
		if *f.to == 0 {
			*f.to = *f.from
		}
	}
	return c
}
