// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/plugreg/plugreg"
)

// Options say what [Check] cannot know by itself. The zero value checks what is possible without it: the life of
// instances, without a call. Options are not changed, and may be used by several checks at a time if what they refer to
// may.
type Options[T io.Closer] struct {
	// Settings are those that instances are opened with; they must be right. May be nil.
	Settings map[string]any
	// Call is a typical call, which is to succeed, on whatever instance, any number of times. It must pass ctx on to
	// the plugin, where the plugin takes one. Nil: no call is made.
	Call func(ctx context.Context, plugin T) error
	// Sequential says that calls must not be made at the same time: ConcurrentCalls is left out then.
	Sequential bool
	// Probes are capability probes as for [plugreg.Discover]; each must return true. May be nil.
	Probes []func(plugin T) bool
	// Dependencies are registered beside the plugin: what it requires of its own contract T. May be nil.
	Dependencies []plugreg.Plugin[T]
	// Host is the configuration of the registries that the plugin is registered with; what matters are Imports, the
	// Settings of dependencies, Resources, OpenPackages and PathAliases. Name, Sandbox, SandboxFor, LeakSweep,
	// CrashFile and OnSnapshot are Check's own, but for Sandbox.LeakIgnore. The registries share all that it refers to.
	Host plugreg.Config
	// Patience is how long a step of an instance's life, or a call, may take. Code whose context has ended gets a fifth
	// of it. Zero: 5s. Negative is a fault.
	Patience time.Duration
	// Except are rules that the plugin does not keep for good reasons. May be nil.
	Except []Rule
}

// The numbers of ConcurrentCalls.
const (
	callers = 16
	calls   = 50
)

// Check opens, calls and closes p in many ways, and looks for all that a host would mind. It returns nil or a
// *[Violation] for each rule that p breaks, joined, in the order of [Rules]. Where ctx ends before all is done, an
// error that matches ctx's own comes after those that were found. Options that make no sense, or Dependencies that
// cannot be registered, are a *[plugreg.PluginError], joined where there are several; nothing was checked then.
//
// It takes little time for a plugin that is in order. What does not return is reported after Patience and left behind;
// so is a goroutine that goes on.
//
// Check is safe for concurrent use, also with one p. In a bubble of testing/synctest it works where the plugin itself
// does, and waits for nothing there.
func Check[T io.Closer](ctx context.Context, p plugreg.Plugin[T], opts Options[T]) error {
	c, err := newChecker(p, opts)
	if err != nil {
		return err
	}
	var end func()
	c.whole, end = c.spanOf(ctx)
	defer end()
	if err := c.describe(); err != nil {
		return err
	}
	c.all()
	errs := c.sorted()
	if c.stopped() {
		errs = append(errs, fmt.Errorf("plugin %q %s: the check was not finished: %w", p.Name, p.Version, ctx.Err()))
	}
	return errors.Join(errs...)
}

// checker is one Check on its way.
type checker[T io.Closer] struct {
	findings
	*guard
	whole      span // of the check
	p          plugreg.Plugin[T]
	opts       Options[T]
	contract   plugreg.Contract
	constraint string // which p alone satisfies
	works      bool   // Options.Call does
}

func newChecker[T io.Closer](p plugreg.Plugin[T], opts Options[T]) (*checker[T], error) {
	var errs []error
	if opts.Patience < 0 {
		errs = append(errs, &plugreg.PluginError{Plugin: p.Name, Version: p.Version, Field: "Options.Patience", Have: opts.Patience.String(), Want: "0 or more"})
	}
	for _, r := range opts.Except {
		if !slices.Contains(Rules(), r) {
			errs = append(errs, &plugreg.PluginError{Plugin: p.Name, Version: p.Version, Field: "Options.Except", Have: fmt.Sprintf("%q", r), Want: "one of Rules"})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if opts.Patience == 0 {
		opts.Patience = 5 * time.Second
	}
	g, err := newGuard(p.Name, opts.Patience)
	if err != nil { // registering it will say what is wrong with the name
		g, err = newGuard("plugin", opts.Patience)
	}
	return &checker[T]{findings: findings{plugin: p.Name, version: p.Version, except: opts.Except}, guard: g, p: p, opts: opts}, err
}

// stopped reports whether the check is over before its end.
func (c *checker[T]) stopped() bool { return c.whole.ctx.Err() != nil }

// describe has the plugin registered and keeps its contract. The error is one of the options.
func (c *checker[T]) describe() error {
	h, err := c.newHost(1)
	if err != nil {
		return err
	}
	d, err := h.register()
	if err != nil {
		c.refused(err)
		return nil
	}
	c.contract, _ = h.r.Contract(d)
	release, _, _ := strings.Cut(c.contract.Version, "+")
	c.constraint = "=" + release
	return nil
}

// refused files each of the faults that a registry found.
func (c *checker[T]) refused(err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			c.refused(one)
		}
		return
	}
	v := Violation{Rule: Registers, Operation: "Register", Want: "no fault", Have: c.fateOf(err).have, Err: err}
	if e, ok := errors.AsType[*plugreg.PluginError](err); ok {
		v.Operation = e.Field
	}
	c.file(v)
}

// all takes the steps. Most of them make no sense where an instance can be neither opened nor closed.
func (c *checker[T]) all() {
	if c.broken(Registers) || c.contract.Name == "" {
		return
	}
	c.probes()
	before := c.config()
	c.roundTrip(before)
	if c.lives() {
		for _, step := range [...]func(){c.byHand, c.calls, c.concurrent, c.twins, c.initFails, c.impatient, c.knowsKeys, c.refuses} {
			if !c.stopped() {
				step()
			}
		}
	}
	c.unchanged(before)
}

// probes asks the capability probes as Discover does.
func (c *checker[T]) probes() {
	for i, probe := range c.opts.Probes {
		operation := fmt.Sprintf("Probes[%d]", i)
		h := &host[T]{checker: c}
		answer := make(chan bool, 1)
		err := c.patiently(c.whole, func(context.Context) error {
			answer <- probe(c.sample())
			return nil
		})
		v := Violation{Rule: CapabilityProbes, Operation: operation, Want: "true", Fix: "answer without what New sets up"}
		if h.judge(v, err) && !<-answer {
			v.Have = "false"
			c.file(v)
		}
	}
}

// sample is the value that capability probes are asked on.
func (c *checker[T]) sample() T {
	if v := reflect.ValueOf(c.p.Prototype); v.Kind() == reflect.Pointer && v.IsNil() {
		return reflect.New(v.Type().Elem()).Interface().(T)
	}
	return c.p.Prototype
}

// unchanged looks at what plugin code could have written to.
func (c *checker[T]) unchanged(before config) {
	h := c.mounted(1)
	if h == nil || c.stopped() {
		return
	}
	d, err := h.r.Resolve(c.p.Name, c.constraint)
	if now, ok := h.r.Contract(d); err == nil && ok && now.Digest() != c.contract.Digest() {
		c.file(Violation{Rule: ContractStable, Operation: "Register", When: "again", Want: c.contract.Digest().String(), Have: now.Digest().String(),
			Fix: "write to nothing that Plugin refers to"})
	}
	if now := c.config(); now.err == nil && before.err == nil && now.text != before.text {
		c.file(Violation{Rule: IndependentInstances, Operation: "Config", When: "after instances have used it", Want: before.text, Have: now.text,
			Fix: "copy what the defaults refer to before writing to it"})
	}
}
