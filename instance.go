// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/plugreg/plugreg/internal/reader"
)

// instance is one built plugin with its guard. It is not generic: one instance serves the handles of several views.
type instance struct {
	core     *core
	entry    *entry
	mount    uint64
	env      *Env
	sb       *Sandbox
	value    io.Closer // nil until New has returned one
	exports  map[string]export
	stranded atomic.Bool
	after    func() // runs at the end of finish
	err      error  // of finish
	tally    failures
}

// build makes an instance: trust, New, Init, Probe, all within the StartTimeout. Where a step fails, the half-built
// instance is undone; the dependencies are released once no code of it runs any more.
func (m *mount) build(ctx context.Context, deps map[string]*mount) (*instance, error) {
	c, e := m.core, m.entry
	cfg, err := c.limitsOf(ctx, e)
	if err != nil {
		m.releaseDeps()
		return nil, err
	}
	in := &instance{core: c, entry: e, mount: m.id}
	in.after = func() { // where it never served
		e.totals.retire(in.sb.State())
		m.releaseDeps()
	}
	in.sb = newSandbox(in.operation(opCall), cfg, &c.hooks)
	in.sb.home, in.sb.notices = c, &c.notices
	in.sb.uses(c.used(e.uses))
	if c.cfg.Logger != nil {
		in.sb.onBreaker = c.logBreaker
	}
	if err := in.afterCrash(); err != nil {
		m.releaseDeps()
		return nil, err
	}
	in.env = c.newEnv(in, reader.Clone(m.settings), deps)
	in.exports = make(map[string]export, len(e.exports))
	for name, fn := range e.exports {
		in.exports[name] = export{fn, in.operation(name)}
	}
	err = newBuilding(in, m.settings).run(ctx)
	in.env.started.Store(err == nil)
	return in, err
}

// afterCrash disables what ended the process before, see Config.CrashFile. Where its start did, it is not started again.
func (in *instance) afterCrash() error {
	for _, crash := range in.core.crashes {
		if crash.Registry != in.core.name || crash.Plugin != in.entry.name || crash.Version != in.entry.version {
			continue
		}
		line, _, _ := strings.Cut(crash.Reason, "\n")
		reason := fmt.Sprintf("it ended the process before (%s), says %s", clip(line, 256), in.core.cfg.CrashFile)
		if crash.Phase != "" {
			return in.sb.call.rejected(ErrDisabled, reason+", in the phase "+crash.Phase+": remove the file to start it nevertheless")
		}
		in.sb.Disable(reason)
	}
	return nil
}

// limitsOf says how a plugin is to be contained: the host has the last word.
func (c *core) limitsOf(ctx context.Context, e *entry) (SandboxConfig, error) {
	cfg := c.cfg.Sandbox
	if e.sandbox != nil {
		cfg = e.sandbox.over(cfg)
	}
	if c.cfg.SandboxFor == nil {
		return cfg, nil
	}
	var word *SandboxConfig
	err := c.check(ctx, e, func() error {
		word = c.cfg.SandboxFor(e.info())
		return nil
	})
	if err == nil {
		if word != nil {
			cfg = word.own()
		}
		f := faults{plugin: e.name, version: e.version}
		cfg.check(&f, "SandboxFor")
		err = f.join()
	}
	return cfg, err
}

// check asks the host something about a plugin, guarded.
func (c *core) check(ctx context.Context, e *entry, ask func() error) error {
	_, err := c.host.detached(ctx, job{op: c.phase(e, 0, phaseCheck), limit: c.host.limits.call, call: func(context.Context) error { return ask() }})
	if err != nil {
		return &PluginError{Plugin: e.name, Version: e.version, Field: phaseCheck, Err: err}
	}
	return nil
}

func (c *core) newEnv(in *instance, set map[string]any, deps map[string]*mount) *Env {
	env := &Env{name: in.entry.name, version: in.entry.version, settings: set, deps: deps, owned: true}
	if c.cfg.Logger != nil {
		env.newLogger = func() *slog.Logger { return c.logger(in.entry) }
	}
	clean := in.phase(phaseOnClose)
	env.guard = func(f func(context.Context) error) error {
		_, err := in.sb.detached(context.Background(), job{op: clean, limit: in.sb.limits.close, call: f})
		return err
	}
	env.goes, env.labels = in.entry.totals.of(phaseGo), in.sb.labels
	env.failed = func(op string, err error) {
		if op == phaseGo { // the others were counted where they ran
			in.entry.totals.of(op).add(err)
		}
		c.tellHere(op, in.entry, err)
	}
	return env
}

// building is an instance on its way.
type building struct {
	in       *instance
	made     io.Closer // what New returned
	settings map[string]any
	deadline time.Time // of all steps; meaningless where StartTimeout is off
}

func newBuilding(in *instance, set map[string]any) *building {
	return &building{in: in, settings: set, deadline: time.Now().Add(in.sb.limits.start)}
}

// run takes the steps. After a failure the instance is undone before run returns, unless its code still runs: then it
// is undone when that code returns.
func (b *building) run(ctx context.Context) error {
	for _, step := range [...]func(context.Context) (returned bool, err error){b.construct, b.check, b.init, b.probe, b.settled} {
		returned, err := step(ctx)
		if err == nil {
			continue
		}
		err = b.in.stepError("open", err)
		if returned {
			return errors.Join(err, b.in.undo())
		}
		b.in.env.end()
		return err
	}
	return nil
}

// phase runs one step within what is left of the time. One that returns after its caller has left ends the instance.
func (b *building) phase(ctx context.Context, op string, late func(error), f func(context.Context) error) (returned bool, err error) {
	limit, t := b.in.sb.limits.start, b.in.phase(op)
	j := job{op: t, shown: limit, call: f, late: func(err error) {
		done := b.in.core.tasks.Begin()
		defer done()
		late(err)
		b.in.finish()
		if b.in.err != nil {
			b.in.core.tell(slog.LevelError, "what a late "+op+" left behind failed to close", b.in.entry, b.in.err)
		}
	}}
	if limit > 0 {
		if j.limit = time.Until(b.deadline); j.limit <= 0 {
			return true, t.timeout(limit, false) // the step before took all of it
		}
	}
	return b.in.sb.detached(ctx, j)
}

// construct runs New. One that returns after its caller has left finds its instance closed and its env undone.
func (b *building) construct(ctx context.Context) (bool, error) {
	var made io.Closer
	keep := func(err error) {
		if err == nil {
			b.in.take(made)
		}
	}
	returned, err := b.phase(ctx, phaseConstruct, keep, func(ctx context.Context) (err error) {
		made, err = b.in.core.index.construct(ctx, b.in.entry, b.in.env)
		return err
	})
	if returned && err == nil {
		b.made = made
		b.in.take(made)
	}
	return returned, err
}

// take keeps what New returned, so that it is closed, whatever is wrong with it.
func (in *instance) take(made io.Closer) {
	if made != nil && !isNil(made) {
		in.value = made
	}
}

func (b *building) check(context.Context) (bool, error) {
	return true, checkInstance(b.made, b.in.entry)
}

func (b *building) init(ctx context.Context) (bool, error) {
	var call func(context.Context) error
	switch v := b.in.value.(type) {
	case Initializer:
		call = func(ctx context.Context) error { return v.Init(ctx, reader.Clone(b.settings)) }
	case plainInitializer:
		call = func(context.Context) error { return v.Init(reader.Clone(b.settings)) }
	default:
		return true, nil
	}
	return b.phase(ctx, phaseInit, nothing, call)
}

func (b *building) probe(ctx context.Context) (bool, error) {
	p, ok := b.in.value.(Prober)
	if !ok {
		return true, nil
	}
	return b.phase(ctx, phaseProbe, nothing, p.Probe)
}

// settled refuses settings that nobody has read: they would be lost without a word.
func (b *building) settled(context.Context) (bool, error) {
	return true, b.in.env.leftover(b.in.value)
}

func nothing(error) {}

// undo ends an instance that never served and that no code runs in; its steps are bounded.
func (in *instance) undo() error {
	done := in.core.tasks.Begin()
	defer done()
	return in.dispose()
}

// dispose ends an instance: no more calls, the last call out, its life over, Close, clean-up. Where calls stay inside
// past the DrainTimeout, the last of them leads to the rest, and the error matches ErrStranded.
func (in *instance) dispose() error {
	in.sb.refuse()
	if err := in.drain(); err != nil {
		in.stranded.Store(true)
		in.env.end()
		in.core.tell(slog.LevelWarn, "an instance is stranded", in.entry, err)
		in.sb.strand(func() { in.core.tasks.Go(in.finish) })
		return err
	}
	in.finish()
	return in.err
}

// drain waits for the calls inside.
func (in *instance) drain() error {
	var late <-chan time.Time
	if in.sb.limits.drain > 0 {
		t := time.NewTimer(in.sb.limits.drain)
		defer t.Stop()
		late = t.C
	}
	var err error
	in.sb.observed(in.phase(phaseDrain), func() error {
		if !wait(in.sb, late) {
			err = &PluginError{Plugin: in.entry.name, Version: in.entry.version, Field: phaseDrain, Err: ErrStranded,
				Have: fmt.Sprintf("%d of them after %v", in.sb.door.InFlight(), in.sb.limits.drain), Fix: "the last of them closes the instance"}
		}
		return err
	})
	return err
}

// finish closes the instance and what its constructor was given. It runs once: dispose, the last call of a stranded
// instance, or the late end of a step of its start leads to it, and to each of them one way alone.
func (in *instance) finish() {
	in.env.end()
	var errs []error
	if in.value != nil {
		_, err := in.sb.detached(context.Background(), job{op: in.phase(phaseClose), limit: in.sb.limits.close,
			call: func(context.Context) error { return in.value.Close() }})
		if err != nil {
			errs = append(errs, in.stepError("close", err))
		}
	}
	ctx, cancel := context.Background(), func() {}
	if l := in.sb.limits.close; l > 0 {
		ctx, cancel = context.WithTimeout(ctx, l)
	}
	defer cancel()
	errs = append(errs, in.env.close(ctx))
	in.err = errors.Join(errs...)
	if in.stranded.Swap(false) && in.err != nil {
		in.core.tell(slog.LevelError, "a stranded instance failed to close", in.entry, in.err)
	}
	in.core.leaks.ended(in)
	in.after()
}

// stepError is what went wrong at a step of an instance's life. It leaves the methods of err, which are the plugin's,
// to whoever asks for its text.
type stepError struct {
	step, name, version string
	err                 error
}

func (in *instance) stepError(step string, err error) error {
	return &stepError{step, in.entry.name, in.entry.version, err}
}

func (e *stepError) Error() string {
	return fmt.Sprintf("%s %q %s: %v", e.step, e.name, e.version, e.err)
}

func (e *stepError) Unwrap() error { return e.err }

// operation is the target of calls, phase that of a step of the instance's life.
func (in *instance) operation(op string) *Target {
	return &Target{Registry: in.core.name, Plugin: in.entry.name, Version: in.entry.version, Mount: in.mount, Operation: op, stats: &in.tally}
}

func (in *instance) phase(op string) *Target { return in.core.phase(in.entry, in.mount, op) }

func (c *core) phase(e *entry, mount uint64, op string) *Target {
	return &Target{Registry: c.name, Plugin: e.name, Version: e.version, Mount: mount, Operation: op, Phase: true, stats: e.totals.of(op)}
}

// exportNames lists the exports for messages.
func (in *instance) exportNames() []string { return slices.Sorted(maps.Keys(in.exports)) }
