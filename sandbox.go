// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugreg/plugreg/internal/baseline"
	"github.com/plugreg/plugreg/internal/breaker"
	"github.com/plugreg/plugreg/internal/bulkhead"
	"github.com/plugreg/plugreg/internal/task"
)

// SandboxState is what a sandbox says of itself at one moment.
type SandboxState struct {
	// Calls counts the calls and leases that were let in, those still inside included; each attempt is a call.
	Calls uint64 `json:"calls"`
	// Failures counts the calls that failed, by the code of [CodeOf]; nil where none did.
	Failures map[string]uint64 `json:"failures,omitempty"`
	// Retries counts the attempts after the first.
	Retries uint64 `json:"retries,omitempty"`
	// InFlight is the number of calls and leases inside, abandoned calls included, and Waiting of those that queue.
	InFlight int64 `json:"in_flight"`
	Waiting  int   `json:"waiting,omitempty"`
	// Abandoned is the number of calls inside whose caller left longer than AbandonGrace ago.
	Abandoned int64 `json:"abandoned"`
	// Breaker is what the breaker does, and Reason why; that is empty while it is closed.
	Breaker BreakerState `json:"breaker"`
	Reason  string       `json:"reason,omitempty"`
	// ErrorLimit is the share of failures above which the breaker opens now; zero: none. It changes where a baseline is
	// learned.
	ErrorLimit float64 `json:"error_limit,omitempty"`
	// Faulty says that faults are injected, see [Sandbox.Inject].
	Faulty bool `json:"faulty,omitempty"`
	// Draining says that no more calls are let in.
	Draining bool `json:"draining"`
}

// Sandbox is the guard around one plugin instance, and the one place through which all its code is called: whatever
// that code does (return, fail, panic, call runtime.Goexit, run over its time, hang after its caller left), the caller
// gets an error, and the call is settled once. A registry makes its own; [NewSandbox] makes one that stands alone. It
// has no goroutine of its own, and a timer only while its breaker is not closed.
//
// A Sandbox is safe for concurrent use.
type Sandbox struct {
	door    bulkhead.Bulkhead // its flags are zero on the fast path
	streaks atomic.Bool       // the breaker has counted failures that a success is to end
	watched bool              // attempts are timed, whether there are hooks or not
	timeout time.Duration     // of a call; zero: none
	hooks   *hookCell
	call    *Target
	inlined *labels // of inline calls; nil: none
	retry   *retrier
	home    *core // nil where it stands alone
	limits  limits
	cfg     SandboxConfig
	labels  *labels // nil: none
	slow    time.Duration
	shared  []*resource

	pool      sync.Pool // of *runner; its own, for timers and channels belong to one synctest bubble
	draining  chan struct{}
	drained   chan struct{}
	onLast    atomic.Pointer[func()]
	saturated error
	capped    error
	closed    error
	scarce    map[*resource]error
	why       atomic.Pointer[RejectedError] // of who meets an open or disabled breaker
	injected  atomic.Pointer[injector]

	notices    *notices
	onBreaker  func(BreakerInfo) // the registry's log; may be nil
	saturating atomic.Bool
	leased     atomic.Uint64 // leases that Acquire took
	retries    atomic.Uint64 // attempts after the first

	mu          sync.Mutex // guards what follows; no code of others runs under it
	machine     *breaker.Machine
	state       BreakerState // that of the machine which was told of last
	reason      string       // why it is not closed
	baseline    *baseline.Baseline
	minutes     int
	paused      bool    // the baseline learns nothing
	rate        float64 // of errors, above which the breaker opens
	failed      uint64  // attempts that count against the plugin
	neutral     uint64  // attempts that count for nothing
	most        uint64  // what counted returned last
	abandoned   int
	cappedSince time.Time // zero: MaxAbandoned is not reached
	timer       *time.Timer
	armed       time.Time     // for when; zero: the timer rests
	ended       bool          // nothing is armed any more
	turned      chan struct{} // see turning; nil while nobody waits
}

// codeTimeout is what [CodeOf] says of a [TimeoutError].
const codeTimeout = "TIMEOUT"

// NewSandbox returns a sandbox under the name that its errors show. A name that is no plugin name, and limits that make
// no sense or could never take effect, are [PluginError]s, joined.
func NewSandbox(name string, cfg SandboxConfig) (*Sandbox, error) {
	f, cfg := faults{plugin: name}, cfg.own()
	f.add("name", checkName(name))
	cfg.check(&f, "SandboxConfig")
	if err := f.join(); err != nil {
		return nil, err
	}
	return newSandbox(&Target{Plugin: name, Operation: opCall, stats: new(failures)}, cfg, new(hookCell)), nil
}

// newSandbox makes one of a configuration that was checked.
func newSandbox(call *Target, cfg SandboxConfig, hooks *hookCell) *Sandbox {
	l := cfg.limits()
	rules, now := cfg.Breaker.rules(l.call, l.grace), time.Now()
	s := &Sandbox{timeout: l.call, limits: l, cfg: cfg, hooks: hooks, call: call, retry: cfg.Retry.retrier(),
		draining: make(chan struct{}), drained: make(chan struct{}, 1), notices: &notices{tasks: new(task.Group)}, machine: breaker.New(rules),
		closed:    &PluginError{Plugin: call.Plugin, Version: call.Version, Field: opCall, Err: ErrClosed},
		saturated: call.rejected(ErrSaturated, fmt.Sprintf("%d calls inside", l.concurrent)),
		capped:    call.rejected(ErrSaturated, fmt.Sprintf("%d calls inside that were abandoned", l.abandoned))}
	if cfg.Labels != LabelNone {
		s.labels = newLabels(call)
	}
	if cfg.Labels == LabelAll {
		s.inlined = s.labels
	}
	if rules.SlowRate > 0 {
		s.slow, s.watched = cfg.Breaker.SlowCall, true
	}
	if cfg.Breaker.learns() {
		learns := cfg.Breaker.Baseline.rules()
		s.baseline, s.minutes = baseline.New(learns), learns.Minutes
		s.baseline.Resume(now, baseline.Totals{})
	}
	s.rate = rules.ErrorRate
	s.door.Init(l.concurrent)
	s.beginRates(now)
	return s
}

// uses has calls take permits of rs as well. It comes before the first call.
func (s *Sandbox) uses(rs []*resource) {
	if len(rs) == 0 {
		return
	}
	s.shared, s.scarce = rs, make(map[*resource]error, len(rs))
	for _, r := range rs {
		e := s.call.rejected(ErrSaturated, fmt.Sprintf("%d calls use it", r.limit))
		e.Resource = r.name
		s.scarce[r] = e
	}
	s.door.Set(flagShared)
}

// Run calls on a goroutine of its own and returns at the deadline, whatever call does: call may outlive Run, so what it
// captured is not the caller's any more after a [TimeoutError]. It returns what call returned, a *[PanicError],
// [ErrGoexit], a *[TimeoutError], an error that matches ctx's own where ctx ended first, or [ErrClosed].
func (s *Sandbox) Run(ctx context.Context, call func(context.Context) error) error {
	if s.retry != nil {
		return attempts(ctx, s, func(n int, b func() bound) tried {
			a, err := s.enter(ctx)
			if err != nil {
				return tried{outcome: outcome{err: err}}
			}
			return s.tryDetached(ctx, a, s.call, n, b(), call)
		})
	}
	a, err := s.enter(ctx)
	if err != nil {
		return err
	}
	_, out := s.detach(ctx, job{op: s.call, limit: s.timeout, admission: a, call: call})
	return out.err
}

// RunInline calls on the caller's goroutine: contained, but not cut off, for a goroutine cannot be left by its own
// code. call does not escape. It returns what Run does, but for runtime.Goexit, which ends the caller's goroutine as Go
// prescribes; the call is settled all the same.
func (s *Sandbox) RunInline(ctx context.Context, call func(context.Context) error) error {
	if s.retry != nil {
		return attempts(ctx, s, func(n int, b func() bound) tried {
			a, err := s.enter(ctx)
			if err != nil {
				return tried{outcome: outcome{err: err}}
			}
			return s.tryInline(ctx, s.call, a, n, b(), call)
		})
	}
	a, err := s.enter(ctx)
	if err != nil {
		return err
	}
	return s.inline(ctx, s.call, a, call)
}

// State returns what the sandbox knows of itself now.
func (s *Sandbox) State() SandboxState {
	w := s.door.Load()
	state := SandboxState{Calls: s.door.Admitted(), Failures: s.call.stats.counts(), InFlight: s.door.InFlight(), Waiting: s.door.Waiting(),
		Draining: w&flagDraining != 0, Faulty: w&flagFaulty != 0}
	s.mu.Lock()
	defer s.mu.Unlock()
	state.Retries, state.Abandoned = s.retries.Load(), int64(s.abandoned)
	state.Breaker, state.Reason, state.ErrorLimit = s.state, s.reason, s.rate
	return state
}

// Close lets no more calls in and waits for those inside, at most until ctx ends: then the error matches [ErrStranded]
// and ctx's own. It may be called more than once; with the context of a call inside it does not wait. On the sandbox of
// a mounted plugin it is refused with [ErrMounted]: close the handle.
func (s *Sandbox) Close(ctx context.Context) error {
	if s.home != nil {
		return &PluginError{Plugin: s.call.Plugin, Version: s.call.Version, Field: "sandbox", Err: ErrMounted, Fix: "close the handle"}
	}
	s.refuse()
	if inside(ctx, func(x *Sandbox) bool { return x == s }) {
		return nil
	}
	if wait(s, ctx.Done()) && s.notices.tasks.Wait(ctx) == nil {
		return nil
	}
	return fmt.Errorf("plugin %q: %w: %d of them: %w", s.call.Plugin, ErrStranded, s.door.InFlight(), endOf(ctx))
}
