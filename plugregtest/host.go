// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/plugreg/plugreg"
)

// host is a registry with the plugin and what it depends on, for one scenario: goroutines are told by its name.
type host[T io.Closer] struct {
	*checker[T]
	span // with the labels that the registry gives to the plugin's code
	id   string
	r    *plugreg.Registry[T]

	script func(env *plugreg.Env) // takes the place of New; nil: New

	mu       sync.Mutex // guards what follows
	made     []made[T]
	failed   []failure
	hung     bool // code of the plugin did not return
	stranded bool // a goroutine of env.Go did not
}

// made is what a call of New returned.
type made[T io.Closer] struct {
	value T
	err   error
}

// failure is a phase that failed.
type failure struct {
	phase string
	err   error
}

// errScripted ends a start after its script.
var errScripted = errors.New("this start was not meant to succeed")

// newHost registers everything. slow is by how much longer than Patience a step may take that checks several.
func (c *checker[T]) newHost(slow int) (*host[T], error) {
	h := &host[T]{checker: c, id: fmt.Sprintf("plugregtest-%016x", rand.Uint64())}
	h.span = c.whole.labelled(pprof.Labels("registry", h.id, "plugin", c.p.Name))
	r, err := plugreg.New[T](h.config(slow))
	if err != nil {
		return nil, err
	}
	h.r = r
	if _, err := r.RegisterAll(c.opts.Dependencies...); err != nil {
		return nil, fmt.Errorf("dependencies: %w", err)
	}
	return h, nil
}

// config is the author's, but for what Check itself relies on.
func (h *host[T]) config(slow int) plugreg.Config {
	cfg := h.opts.Host
	cfg.Name, cfg.Sandbox, cfg.LeakSweep, cfg.CrashFile, cfg.OnSnapshot = h.id, bare(h.patience), -1, "", nil
	limits := h.limits(slow)
	cfg.SandboxFor = func(p plugreg.Info) *plugreg.SandboxConfig {
		if p.Name == h.p.Name {
			return &limits
		}
		return nil
	}
	cfg.Hooks = plugreg.JoinHooks(cfg.Hooks, &plugreg.Hooks{PhaseDone: h.phaseDone})
	return cfg
}

// limits keep of what the plugin asks for how many calls it takes at a time.
func (h *host[T]) limits(slow int) plugreg.SandboxConfig {
	cfg := bare(h.patience)
	if slow > 1 {
		cfg.StartTimeout, cfg.CloseTimeout = -1, time.Duration(slow)*h.patience
	}
	if own := h.p.Sandbox; own != nil && own.MaxConcurrent > 0 {
		cfg.MaxConcurrent, cfg.MaxQueue = own.MaxConcurrent, h.patience
	}
	return cfg
}

func (h *host[T]) phaseDone(_ context.Context, info plugreg.CallInfo, result plugreg.CallResult) {
	if result.Err != nil && info.Target.Plugin == h.p.Name {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.failed = append(h.failed, failure{info.Target.Operation, result.Err})
	}
}

// register adds the plugin, whose New is watched.
func (h *host[T]) register() (plugreg.TypeDescriptor, error) {
	p := h.p
	if p.New != nil {
		p.New = h.construct
	}
	return h.r.Register(p)
}

func (h *host[T]) construct(ctx context.Context, env *plugreg.Env) (v T, err error) {
	if h.script != nil {
		h.script(env)
		return v, errScripted
	}
	v, err = h.p.New(ctx, env)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.made = append(h.made, made[T]{v, err})
	return v, err
}

// mounted makes a host that is ready to open the plugin, which was registered before.
func (c *checker[T]) mounted(slow int) *host[T] {
	h, err := c.newHost(slow)
	if err == nil {
		_, err = h.register()
	}
	if err != nil { // it worked before
		c.file(Violation{Rule: ContractStable, Operation: "Register", When: "again", Want: "what it was the first time", Have: c.fateOf(err).have, Err: err})
		return nil
	}
	return h
}

// open mounts the plugin with these settings. What goes wrong is a violation.
func (h *host[T]) open(when string, settings map[string]any) (*plugreg.Handle[T], bool) {
	handle, err := h.tryOpen(settings)
	if err == nil {
		return handle, true
	}
	if h.stopped() || !h.wellMade(when) {
		return nil, false
	}
	failed := h.failures()
	for _, f := range failed {
		h.judgePhase(f, when)
	}
	if len(failed) == 0 {
		h.judge(Violation{Rule: Opens, Operation: "Open", When: when}, err)
	}
	return nil, false
}

func (h *host[T]) tryOpen(settings map[string]any) (*plugreg.Handle[T], error) {
	return h.r.Open(h.ctx, h.p.Name, h.constraint, settings)
}

// wellMade checks what New returned last, where it returned no error.
func (h *host[T]) wellMade(when string) bool {
	last, ok := h.last()
	return !ok || last.err != nil || h.checkType(when, last.value)
}

// checkType files an instance that is none of the Prototype's type.
func (h *host[T]) checkType(when string, v T) bool {
	have, want := reflect.TypeOf(v), reflect.TypeOf(h.p.Prototype)
	bad := Violation{Rule: PrototypeType, Operation: "New", When: when, Want: "an instance of type " + want.String()}
	switch {
	case have == nil:
		bad.Have, bad.Fix = "nil and no error", "return an error where there is no instance"
	case isNil(v):
		bad.Have, bad.Fix = fmt.Sprintf("a nil %v and no error", have), "return an error where there is no instance"
	case have != want:
		bad.Have, bad.Fix = have.String(), "return the type of Prototype, or change Prototype"
	default:
		return true
	}
	h.file(bad)
	return false
}

func (h *host[T]) last() (m made[T], ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.made); n > 0 {
		return h.made[n-1], true
	}
	return m, false
}

// leftover is the rule that a goroutine breaks which goes on after the plugin failed to open.
func (h *host[T]) leftover() Rule {
	if last, ok := h.last(); ok && last.err == nil { // then it was closed again
		return NoGoroutineLeft
	}
	return FailsCleanly
}

func (h *host[T]) failures() []failure {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.failed
	h.failed = nil
	return all
}

// close ends a mount. What goes wrong is a violation.
func (h *host[T]) close(handle *plugreg.Handle[T], when string) (ok bool) {
	err := handle.Close(h.late)
	if h.stopped() {
		return false
	}
	failed := h.failures()
	for _, f := range failed {
		h.judgePhase(f, when)
	}
	if err != nil && len(failed) == 0 { // nothing but the wait for env.Go is no phase
		h.setStranded()
	}
	return err == nil
}

func (h *host[T]) setStranded() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stranded = true
}

// ruleOf reads the name that hooks give to a step of a life.
func ruleOf(phase string) (Rule, string) {
	switch phase {
	case "construct":
		return Opens, "New"
	case "init":
		return Opens, "Init"
	case "probe":
		return Opens, "Probe"
	case "close":
		return Closes, "Close"
	case "OnClose":
		return Closes, "env.OnClose"
	}
	return Opens, "Open"
}

func (h *host[T]) judgePhase(f failure, when string) {
	if f.phase == "drain" { // a call hangs, which was judged itself
		return
	}
	rule, operation := ruleOf(f.phase)
	h.judge(Violation{Rule: rule, Operation: operation, When: when}, f.err)
}

// mustReturn files err only where the code did not return, or not by itself: an error is as good as none.
func (h *host[T]) mustReturn(v Violation, err error) (returned bool) {
	if err == nil {
		return true
	}
	if f := h.fateOf(err); f.panic == nil && !f.goexit && !f.hung {
		return true
	}
	v.Want = "a return, with or without an error"
	return h.judge(v, err)
}

// judge files err, if there is one, as a violation of v's rule, or of NoPanic where that is what it comes from. It
// reports whether there is none.
func (h *host[T]) judge(v Violation, err error) (ok bool) {
	if err == nil || h.stopped() {
		return err == nil
	}
	f := h.fateOf(err)
	if f.hung {
		h.setHung()
	}
	if v.Want == "" {
		v.Want = "nil"
	}
	if (f.panic != nil || f.goexit) && !v.Rule.absorbs() {
		v.Rule, v.Want, v.Fix = NoPanic, "a return, with or without an error", ""
	}
	v.Have, v.Stack, v.Err = f.have, f.stack(), f.err
	h.file(v)
	return false
}

func (h *host[T]) isHung() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hung
}

func (h *host[T]) setHung() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hung = true
}

// end closes the registry, and files the goroutines that are left, under rule.
func (h *host[T]) end(rule Rule, when string) {
	closing, cancel := context.WithTimeout(h.late, h.grace)
	defer cancel()
	_ = h.r.Close(closing) // each mount was closed before, or reported
	h.workers()
	h.mu.Lock()
	hung, stranded := h.hung, h.stranded
	h.mu.Unlock()
	if hung || h.stopped() || h.broken(rule) {
		return
	}
	left := h.goroutines(func(stack) bool { return true })
	switch {
	case h.stopped():
	case len(left) > 0:
		h.file(Violation{Rule: rule, Operation: "Close", When: when, Want: "no goroutine of the plugin", Have: number(left),
			Stack: text(left), Fix: "have it end with env.Context(), or in Close, and wait for it"})
	case stranded: // it gave itself other labels
		h.file(Violation{Rule: rule, Operation: "Close", When: when, Want: "no goroutine of the plugin", Have: "one of env.Go that goes on",
			Fix: "return when its ctx ends"})
	}
}

// workers files what went wrong in goroutines of env.Go, which have no caller to tell.
func (h *host[T]) workers() {
	for _, p := range h.r.Inspect().Plugins {
		if failed := p.Phases["env.Go"].Failures; p.Name == h.p.Name && len(failed) > 0 {
			h.file(Violation{Rule: NoPanic, Operation: "env.Go", Want: "a return", Have: strings.TrimPrefix(fmt.Sprint(failed), "map")})
		}
	}
}

func isNil(v any) bool {
	switch x := reflect.ValueOf(v); x.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice:
		return x.IsNil()
	}
	return false
}
