// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// opCall is the operation of a call that is no export's.
const opCall = "call"

// The phases of a plugin's life, as [Target].Operation names them.
const (
	phaseRegister  = "register"
	phaseResolve   = "resolve"
	phaseCheck     = "check"
	phaseConstruct = "construct"
	phaseInit      = "init"
	phaseProbe     = "probe"
	phaseDrain     = "drain"
	phaseClose     = "close"
	phaseDiscover  = "discover"
	phaseOnClose   = "OnClose"
	phaseGo        = "env.Go" // is counted, but not observed by hooks
)

// Hooks observe calls and phases. Every field may be nil. CallStart and CallDone run on the goroutine of the caller
// whom they observe, the hooks of phases on one of their own that is waited for; with no lock held, concurrently with
// others. So a slow hook delays only what it observes. A panic in a hook is recovered and counted in
// [Inspection].HookPanics; nothing else changes by it. A hook may call back into the registry; with the context that it
// got, Close does not wait for what the hook is part of. One of a call that ends its goroutine with runtime.Goexit ends
// the caller's; what the caller holds is settled all the same.
type Hooks struct {
	// CallStart runs before a call that was let in. The context that it returns is the one that the plugin and CallDone
	// get; where it panics or returns nil, ctx stays as it was.
	CallStart func(ctx context.Context, call CallInfo) context.Context
	// CallDone runs once for every CallStart, also where that was nil or panicked, when the caller gets its result. The
	// call holds the plugin no more then.
	CallDone func(ctx context.Context, call CallInfo, result CallResult)
	// CallLate runs on the plugin's goroutine when code returns whose caller had left; its CallDone ran long before.
	// It is given for calls and phases alike.
	CallLate func(ctx context.Context, call CallInfo, result CallResult)
	// PhaseStart and PhaseDone are the same for the phases: resolve, check, construct, init, probe, discover, drain,
	// close, and OnClose for each function of [Env.OnClose].
	PhaseStart func(ctx context.Context, phase CallInfo) context.Context
	PhaseDone  func(ctx context.Context, phase CallInfo, result CallResult)

	// Breaker runs after a breaker changed its state, and Saturation after a plugin or a shared resource turned out to
	// have as many calls inside as it may have: once until it was told, which under load is thousands of times a
	// second. They run one at a time for a registry, in the order of what happened, on a goroutine of their own: no
	// call waits for them, but [Registry.Close] does. While one is slow, changes of a breaker may be told together.
	Breaker    func(ctx context.Context, change BreakerInfo)
	Saturation func(ctx context.Context, full SaturationInfo)

	joined []Hooks // what JoinHooks put together; they come before the fields above
}

// Target is what a call or a phase is made on. There is one for the calls and one for each export of an instance, so an
// adapter can cache by its pointer what it needs for them; phases have one of their own each time. It is immutable.
type Target struct {
	// Registry is the name of the registry; empty for a sandbox that stands alone.
	Registry string
	// Plugin and Version name the plugin; Version is empty where none is known yet.
	Plugin, Version string
	// Mount is the number of the mount, from 1; zero where there is none yet.
	Mount uint64
	// Operation is "call", the name of an export, or that of a phase.
	Operation string
	// Phase says that Operation is a phase of the plugin's life, not a call of the host's.
	Phase bool
	stats *failures
}

// CallInfo says what is called and how.
type CallInfo struct {
	// Target is what is called. Never nil.
	Target *Target
	// Inline says that the plugin's code runs on the caller's goroutine.
	Inline bool
	// Attempt is the number of the attempt, from 1, where a call may have several; zero where it has but one.
	Attempt int
}

// CallResult says how a call or a phase ended.
type CallResult struct {
	// Err is what the caller gets; nil for a success.
	Err error
	// Code is [CodeOf] Err; empty for a success.
	Code string
	// Duration is the time from the start until the caller had its result, or until the code returned for CallLate.
	Duration time.Duration

	text string // of Err, taken on the goroutine of the code that it is from; empty where it was not
}

// JoinHooks returns hooks that call all of hs: the starting ones in the order given, each with the context that the one
// before returned, the others in reverse. A nil is skipped. Each is recovered on its own, so one that panics hides no
// other.
func JoinHooks(hs ...*Hooks) *Hooks {
	out := new(Hooks)
	for _, h := range hs {
		out.joined = append(out.joined, h.flat()...)
	}
	return out
}

// flat returns copies of h's parts in order, so that what a host changes later is not seen by calls.
func (h *Hooks) flat() []Hooks {
	if h == nil {
		return nil
	}
	own := *h
	own.joined = nil
	list := append([]Hooks(nil), h.joined...)
	if own.CallStart != nil || own.CallDone != nil || own.CallLate != nil || own.PhaseStart != nil || own.PhaseDone != nil ||
		own.Breaker != nil || own.Saturation != nil {
		list = append(list, own)
	}
	return list
}

// hookCell holds the hooks of a registry or a sandbox; a call takes one snapshot of it.
type hookCell struct {
	list   atomic.Pointer[[]Hooks] // nil: none
	panics atomic.Uint64
}

func (c *hookCell) set(h *Hooks) {
	if list := h.flat(); len(list) > 0 {
		c.list.Store(&list)
		return
	}
	c.list.Store(nil)
}

func (c *hookCell) load() *[]Hooks { return c.list.Load() }

// observation is one observed call or phase.
type observation struct {
	outcome // set before done
	cell    *hookCell
	hooks   []Hooks
	info    CallInfo
	ctx     context.Context // what CallStart made of the caller's
	began   time.Time       // zero where a starting hook ended the goroutine
	begun   int             // how many hooks were started
}

// start runs the starting hooks and returns the context for the plugin.
func (o *observation) start(ctx context.Context, s *Sandbox) context.Context {
	o.ctx = &hookContext{ctx, s}
	for i := range o.hooks {
		o.begun = i + 1 // also where the hook ends the goroutine
		h := o.hooks[i].CallStart
		if o.info.Target.Phase {
			h = o.hooks[i].PhaseStart
		}
		if h != nil {
			o.startOne(h)
		}
	}
	o.began = time.Now()
	return o.ctx
}

// hookContext tells what a hook calls which sandbox the hook runs for, see inside.
type hookContext struct {
	context.Context
	s *Sandbox
}

type hookKey struct{}

func (c *hookContext) Value(key any) any {
	if _, ok := key.(hookKey); ok {
		return c
	}
	return c.Context.Value(key)
}

func (o *observation) startOne(h func(context.Context, CallInfo) context.Context) {
	o.contain(func() {
		if ctx := h(o.ctx, o.info); ctx != nil {
			o.ctx = ctx
		}
	})
}

// contain runs a hook, recovered. That of a phase gets a goroutine of its own, for the registry's goroutines must not
// end with it.
func (o *observation) contain(hook func()) {
	if !o.info.Target.Phase {
		defer o.cell.recovered()
		hook()
		return
	}
	o.cell.guarded(hook)
}

// done runs the ending hooks.
func (o *observation) done() {
	o.endFrom(o.begun-1, o.result(o.outcome), func(h *Hooks) endHook {
		if o.info.Target.Phase {
			return h.PhaseDone
		}
		return h.CallDone
	})
}

type endHook = func(context.Context, CallInfo, CallResult)

// endFrom runs ending hooks from the i-th down, each whatever the one before it does.
func (o *observation) endFrom(i int, r CallResult, which func(*Hooks) endHook) {
	if i < 0 {
		return
	}
	defer o.endFrom(i-1, r, which)
	if h := which(&o.hooks[i]); h != nil {
		o.contain(func() { h(o.ctx, o.info, r) })
	}
}

// late runs the hooks for code that returned after its caller had left.
func (o *observation) late(out outcome) {
	o.endFrom(o.begun-1, o.result(out), func(h *Hooks) endHook { return h.CallLate })
}

func (o *observation) result(out outcome) CallResult {
	r := CallResult{Err: out.err, Code: out.code, text: out.text}
	if !o.began.IsZero() {
		r.Duration = time.Since(o.began)
	}
	return r
}

// guarded runs a hook on a goroutine of its own and waits for it: neither a panic nor the end of that goroutine reaches
// the caller.
func (c *hookCell) guarded(hook func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		returned := false
		defer func() {
			if v := recover(); v != nil || !returned {
				c.panics.Add(1)
			}
		}()
		hook()
		returned = true
	}()
	<-over
}

func (c *hookCell) recovered() {
	if v := recover(); v != nil {
		c.panics.Add(1)
	}
}

// observed runs a phase of the registry's own code under the hooks.
func (c *core) observed(t *Target, f func() error) { c.host.observed(t, f) }

func (s *Sandbox) observed(t *Target, f func() error) {
	t.stats.runs.Add(1)
	o := new(observation)
	if h := s.hooks.load(); h != nil {
		o = &observation{cell: s.hooks, hooks: *h, info: CallInfo{Target: t}}
		o.start(context.Background(), s)
	}
	if o.err = f(); o.err != nil {
		o.code = t.stats.add(o.err)
	}
	o.done()
}

// failures counts what failed, by code. It is written on failures alone.
type failures struct {
	runs   atomic.Uint64 // of a phase; calls are counted by their stripes
	mu     sync.Mutex    // guards byCode
	byCode map[string]uint64
}

// add counts err, also where one of its methods ends the goroutine, and returns its code.
func (f *failures) add(err error) (code string) {
	code = "GOEXIT"
	defer func() { f.addCode(code) }()
	code = safeCode(err)
	return code
}

func (f *failures) addCode(code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byCode == nil {
		f.byCode = map[string]uint64{}
	}
	f.byCode[code]++
}

// counts returns a copy, nil where nothing failed.
func (f *failures) counts() map[string]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.byCode)
}

// safeCode is CodeOf for errors of plugins, whose own methods may panic.
func safeCode(err error) (code string) {
	defer func() {
		if recover() != nil {
			code = "ERROR"
		}
	}()
	return CodeOf(err)
}
