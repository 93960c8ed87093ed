// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/plugreg/plugreg"
)

// lives opens and closes an instance as a host does. It reports whether more can be learned from instances.
func (c *checker[T]) lives() bool {
	h := c.mounted(1)
	if h == nil {
		return false
	}
	handle, ok := h.open("", c.opts.Settings)
	if !ok {
		h.end(h.leftover(), "after a start that failed")
		return false
	}
	h.onlyEnvGo()
	if h.close(handle, "before any call") {
		last, _ := h.last()
		h.closeAgain(last.value, "a second time, after its handle did")
	}
	h.end(NoGoroutineLeft, "before any call")
	return !h.isHung()
}

// onlyEnvGo files goroutines of the mounted instance that nobody but the plugin knows of.
func (h *host[T]) onlyEnvGo() {
	if h.broken(OnlyEnvGo) {
		return
	}
	if raw := h.goroutines(func(s stack) bool { return !s.Cut && !s.ofEnv() }); len(raw) > 0 && !h.stopped() {
		h.file(Violation{Rule: OnlyEnvGo, Operation: "New", When: "with Init and Probe", Want: "no goroutine but those of env.Go", Have: number(raw),
			Stack: text(raw), Fix: "start it by env.Go"})
	}
}

// ofEnv reports whether env.Go started it.
func (s stack) ofEnv() bool {
	own := reflect.TypeFor[plugreg.Env]().PkgPath() + ".(*Env)."
	for _, f := range s.Frames {
		if f.Func == own+"run" || strings.HasPrefix(f.Func, own+"Go") {
			return true
		}
	}
	return false
}

// noClose mends a CloseIdempotent.
const noClose = "let it return nil where there is nothing left to do"

func (h *host[T]) closeAgain(v T, when string) {
	err := h.patiently(h.span, func(context.Context) error { return v.Close() })
	h.judge(Violation{Rule: CloseIdempotent, Operation: "Close", When: when, Fix: noClose}, err)
}

// disposeOf closes an instance twice when the life of env ends, before what it started is waited for: as a registry
// does. One whose start has failed may return errors.
func (h *host[T]) disposeOf(v T, env *plugreg.Env, started bool, when string) {
	judge := h.mustReturn
	if started {
		judge = h.judge
	}
	env.Go(func(ctx context.Context) {
		<-ctx.Done()
		for _, close := range [...]Violation{{Rule: Closes, Operation: "Close", When: when}, {Rule: CloseIdempotent, Operation: "Close", When: "a second time " + when, Fix: noClose}} {
			err := h.patiently(h.span, func(context.Context) error { return v.Close() })
			if !judge(close, err) || h.stopped() {
				return
			}
		}
	})
}

// constructBy makes an instance by hand; ok is false where there is none.
func (h *host[T]) constructBy(run runner, env *plugreg.Env, rule Rule, when string) (v T, ok bool) {
	result := make(chan made[T], 1)
	err := run(h.span, func(ctx context.Context) error {
		v, err := h.p.New(ctx, env)
		result <- made[T]{v, err}
		return err
	})
	h.mustReturn(Violation{Rule: rule, Operation: "New", When: when}, err)
	select {
	case m := <-result:
		h.none(m, when)
		return m.value, m.err == nil && h.checkType(when, m.value)
	default:
		return v, false
	}
}

// none files an instance that came with an error.
func (h *host[T]) none(m made[T], when string) {
	if m.err != nil && any(m.value) != nil && !isNil(m.value) {
		h.file(Violation{Rule: FailsCleanly, Operation: "New", When: when, Want: "nil beside the error", Have: fmt.Sprintf("an instance of type %T", m.value),
			Fix: "close it, and return nil", Err: m.err})
	}
}

// initBy calls Init, in either form, if there is one.
func (h *host[T]) initBy(run runner, v T, settings map[string]any) error {
	return run(h.span, func(ctx context.Context) error {
		switch x := any(v).(type) {
		case plugreg.Initializer:
			return x.Init(ctx, clone(settings))
		case interface{ Init(map[string]any) error }:
			return x.Init(clone(settings))
		}
		return nil
	})
}

// byHand takes an instance through its life with a zero Env, which has no settings and no dependencies.
func (c *checker[T]) byHand() {
	h := c.mounted(1)
	if h == nil {
		return
	}
	const when = "with a zero Env"
	env, rule := new(plugreg.Env), FailsCleanly
	if v, ok := h.constructBy(h.patiently, env, rule, when); ok {
		err := h.initBy(h.patiently, v, c.opts.Settings)
		h.mustReturn(Violation{Rule: rule, Operation: "Init", When: when}, err)
		h.disposeOf(v, env, err == nil, when)
		rule = NoGoroutineLeft
	}
	h.endEnv(env, when)
	h.end(rule, when)
}

// endEnv closes a zero Env.
func (h *host[T]) endEnv(env *plugreg.Env, when string) {
	err := h.run(h.unbound, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 3*h.patience)
		defer cancel()
		return env.Close(ctx)
	})
	if errors.Is(err, plugreg.ErrStranded) {
		h.setStranded()
		return
	}
	h.judge(Violation{Rule: Closes, Operation: "env.OnClose", When: when}, err)
}

// bench runs script with an env that a registry has made, in the place of New, and then has it undone. script returns
// the rule that what is left behind breaks.
func (c *checker[T]) bench(when string, script func(h *host[T], env *plugreg.Env) Rule) {
	h := c.mounted(4)
	if h == nil {
		return
	}
	rule := make(chan Rule, 1)
	h.script = func(env *plugreg.Env) { rule <- script(h, env) }
	_, err := h.tryOpen(c.opts.Settings)
	if h.stopped() {
		h.end(FailsCleanly, when)
		return
	}
	for _, f := range h.failures() {
		if f.phase == "OnClose" {
			h.judgePhase(f, when)
		}
	}
	if errors.Is(err, plugreg.ErrStranded) {
		h.setStranded()
	}
	select {
	case r := <-rule:
		h.end(r, when)
	default: // a dependency does not open again
		h.judge(Violation{Rule: Opens, Operation: "Open", When: "again"}, err)
		h.end(FailsCleanly, when)
	}
}

// impatient gives New, Init and Probe contexts that end too early.
func (c *checker[T]) impatient() {
	proto := any(c.p.Prototype)
	_, initializes := proto.(plugreg.Initializer)
	_, probes := proto.(plugreg.Prober)
	for _, w := range c.ways() {
		c.bench("after New "+w.when, func(h *host[T], env *plugreg.Env) Rule { return h.newEnds(w, env) })
		if initializes {
			c.bench("after Init "+w.when, func(h *host[T], env *plugreg.Env) Rule { return h.initEnds(w, env, c.opts.Settings) })
		}
		if probes {
			c.bench("after Probe "+w.when, func(h *host[T], env *plugreg.Env) Rule { return h.probeEnds(w, env) })
		}
	}
}

func (h *host[T]) newEnds(w way, env *plugreg.Env) Rule {
	v, ok := h.constructBy(w.run, env, ContextHonoured, w.when)
	if !ok {
		return FailsCleanly
	}
	h.disposeOf(v, env, false, "after New "+w.when)
	return NoGoroutineLeft
}

func (h *host[T]) initEnds(w way, env *plugreg.Env, settings map[string]any) Rule {
	v, ok := h.constructBy(h.patiently, env, Opens, "")
	if ok {
		err := h.initBy(w.run, v, settings)
		h.mustReturn(Violation{Rule: ContextHonoured, Operation: "Init", When: w.when}, err)
		h.disposeOf(v, env, false, "after Init "+w.when)
		return NoGoroutineLeft
	}
	return FailsCleanly
}

func (h *host[T]) probeEnds(w way, env *plugreg.Env) Rule {
	v, ok := h.constructBy(h.patiently, env, Opens, "")
	if !ok {
		return FailsCleanly
	}
	started := h.judge(Violation{Rule: Opens, Operation: "Init"}, h.initBy(h.patiently, v, h.opts.Settings))
	if started {
		err := w.run(h.span, func(ctx context.Context) error { return any(v).(plugreg.Prober).Probe(ctx) })
		h.mustReturn(Violation{Rule: ContextHonoured, Operation: "Probe", When: w.when}, err)
	}
	h.disposeOf(v, env, started, "after Probe "+w.when)
	return NoGoroutineLeft
}

// initFails closes an instance right after an Init that failed, where one can be made to.
func (c *checker[T]) initFails() {
	switch any(c.p.Prototype).(type) {
	case plugreg.Initializer, interface{ Init(map[string]any) error }:
		const when = "with an unknown setting"
		settings := with(c.opts.Settings, unknownKey, true)
		c.bench("after Init "+when, func(h *host[T], env *plugreg.Env) Rule { return h.initEnds(way{when, h.ended}, env, settings) })
	}
}

// twins opens two instances, and ends one of them.
func (c *checker[T]) twins() {
	h := c.mounted(1)
	if h == nil {
		return
	}
	defer h.end(NoGoroutineLeft, "after two instances")
	const rule = IndependentInstances
	a, ok := h.open("", c.opts.Settings)
	if !ok {
		return
	}
	first, _ := h.last()
	b, err := h.tryOpen(c.opts.Settings)
	h.failures()
	if !h.judge(Violation{Rule: rule, Operation: "New", When: "while another instance is open"}, err) {
		h.close(a, "")
		return
	}
	second, _ := h.last()
	same := identical(first.value, second.value)
	if same {
		h.file(Violation{Rule: rule, Operation: "New", When: "called twice", Want: "two instances", Have: "one", Fix: "make a new one each time"})
	}
	h.close(a, "while another instance is open")
	if c.works && !same {
		h.judge(Violation{Rule: rule, Operation: "Call", When: "after another instance was closed"}, b.Do(h.ctx, c.opts.Call))
	}
	err = b.Close(h.late)
	if failed := h.failures(); len(failed) > 0 && !same && !c.broken(Closes) {
		h.judge(Violation{Rule: rule, Operation: "Close", When: "after another instance was closed"}, err)
	}
}

// identical reports whether a and b are one thing. Pointers to what has no size may be equal by chance.
func identical(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.Kind() != y.Kind() {
		return false
	}
	switch x.Kind() {
	case reflect.Pointer:
		return x.Type().Elem().Size() > 0 && x.Pointer() == y.Pointer()
	case reflect.Map, reflect.Chan:
		return x.Pointer() == y.Pointer()
	}
	return false
}
