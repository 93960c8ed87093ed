// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/plugreg/plugreg/internal/reader"
)

// Env is what a constructor gets: who it is, its settings, its dependencies, and what must end with the instance. The
// zero Env is usable, for constructors that are called by hand: it has no settings and no dependencies, and whoever
// made it calls [Env.Close] after the instance's own Close.
//
// An Env is safe for concurrent use, also after the constructor has returned.
type Env struct {
	name, version string
	settings      map[string]any
	deps          map[string]*mount // by name; nil: optional and absent
	owned         bool              // by a mount, which closes it; the functions below are set then
	newLogger     func() *slog.Logger
	guard         func(f func(context.Context) error) error
	goes          *failures                  // counts goroutines of Go; nil: nobody does
	labels        *labels                    // of goroutines of Go; nil: none
	failed        func(op string, err error) // something that no caller waits for

	logger atomic.Pointer[slog.Logger] // what newLogger made

	mu      sync.Mutex // guards what follows
	ctx     context.Context
	cancel  context.CancelFunc
	closers []func() error
	closed  bool
	active  int           // goroutines of Go
	idle    chan struct{} // closed when active comes down to zero; nil while nobody waits
	read    map[string]bool
	decoded atomic.Bool
	started atomic.Bool // the instance serves
}

// Name returns the plugin's name; empty for the zero Env.
func (e *Env) Name() string { return e.name }

// Version returns the plugin's version in its SemVer form; empty for the zero Env.
func (e *Env) Version() string { return e.version }

// Logger returns the host's logger with the plugin's name and version; for the zero Env one that discards. Never nil.
func (e *Env) Logger() *slog.Logger {
	if log := e.logger.Load(); log != nil {
		return log
	}
	log := slog.New(slog.DiscardHandler)
	if e.newLogger != nil { // asked here, for the host's handler runs on the plugin's guarded goroutine then
		log = e.newLogger()
	}
	e.logger.CompareAndSwap(nil, log)
	return e.logger.Load()
}

// Context returns the context of the instance's life: it ends when its last call was drained, before its Close.
func (e *Env) Context() context.Context {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.context()
}

func (e *Env) context() context.Context {
	if e.ctx == nil {
		e.ctx, e.cancel = context.WithCancel(context.Background())
	}
	return e.ctx
}

// Decode writes the settings of the mount over *into, a pointer to a struct (or a map with string keys) that holds the
// defaults. It is strict: it lists every unknown key and every value that does not fit with its path, and leaves *into
// as it was then. The error matches [ErrContract]. Keys are the names that encoding/json uses, case-sensitive; a
// time.Duration is written as "5s".
func (e *Env) Decode(into any) error {
	read, err := reader.Settings(into, e.settings)
	if err != nil {
		return &PluginError{Plugin: e.name, Version: e.version, Field: "settings", Err: fmt.Errorf("%w: %w", ErrContract, err)}
	}
	e.decoded.Store(true)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.read == nil {
		e.read = map[string]bool{}
	}
	for _, key := range read {
		e.read[key] = true
	}
	return nil
}

// Go runs f on a goroutine that belongs to the instance: ctx is [Env.Context], and the instance's closing waits for f
// after its Close, for CloseTimeout at most. A panic in f is recovered, logged and counted as a failure of the phase
// "env.Go", and so is a runtime.Goexit. After the closing began, f still runs, with a context that has ended.
func (e *Env) Go(f func(ctx context.Context)) {
	e.mu.Lock()
	ctx := e.context()
	e.active++
	e.mu.Unlock()
	if e.goes != nil {
		e.goes.runs.Add(1)
	}
	go e.run(ctx, f, e.started.Load())
}

// run is a goroutine of Go. One that the start of the instance begins inherits the labels of that, so that it is known
// should it end the process.
func (e *Env) run(ctx context.Context, f func(context.Context), started bool) {
	returned := false
	defer func() {
		defer e.ran() // whatever the host's log does with the failure
		if !returned {
			e.report(phaseGo, caught(&Target{Plugin: e.name, Version: e.version, Operation: phaseGo}, recover()))
		}
	}()
	if e.labels != nil && started {
		e.labels.current.Load().Apply()
	}
	f(ctx)
	returned = true
}

// ran counts a goroutine off, whatever the host's log did with its failure.
func (e *Env) ran() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.active--; e.active == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
}

func (e *Env) report(op string, err error) {
	if e.failed != nil {
		e.failed(op, err)
	}
}

// OnClose has f called when the instance ends, after its Close and after what [Env.Go] started, last registered first;
// also where the constructor fails after this. Once that is over, f is called at once.
func (e *Env) OnClose(f func() error) {
	e.mu.Lock()
	if !e.closed {
		e.closers = append(e.closers, f)
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()
	if err := e.guarded(f); err != nil {
		e.report(phaseOnClose, err)
	}
}

// Close ends what the constructor was given: it cancels [Env.Context], waits for what [Env.Go] started until ctx ends,
// and calls what [Env.OnClose] registered, last first, each of them even if another fails. A registry does that for the
// instances that it mounts, where a call of Close by hand is refused with [ErrMounted]; a second Close does nothing.
func (e *Env) Close(ctx context.Context) error {
	if e.owned {
		return &PluginError{Plugin: e.name, Version: e.version, Field: "env.Close", Err: ErrMounted, Fix: "leave it to the handle's Close"}
	}
	return e.close(ctx)
}

func (e *Env) close(ctx context.Context) error {
	e.end()
	joined := e.join(ctx)
	errs := []error{joined}
	for f, ok := e.pop(); ok; f, ok = e.pop() {
		errs = append(errs, e.guarded(f))
	}
	if joined == nil { // a clean-up may have started something
		errs = append(errs, e.join(ctx))
	}
	return errors.Join(errs...)
}

// end cancels the life of the instance.
func (e *Env) end() {
	e.mu.Lock()
	e.context()
	cancel := e.cancel
	e.mu.Unlock()
	cancel()
}

// join waits for the goroutines of Go.
func (e *Env) join(ctx context.Context) error {
	e.mu.Lock()
	if e.active == 0 {
		e.mu.Unlock()
		return nil
	}
	if e.idle == nil {
		e.idle = make(chan struct{})
	}
	idle := e.idle
	e.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.active > 0 {
			return &PluginError{Plugin: e.name, Version: e.version, Field: phaseGo, Err: ErrStranded, Want: "none",
				Have: fmt.Sprintf("%d goroutines that go on after the context ended", e.active), Fix: "return when ctx ends"}
		}
	}
	return nil
}

// pop takes the last closer; none left means closed.
func (e *Env) pop() (func() error, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(e.closers) - 1
	if n < 0 {
		e.closed = true
		return nil, false
	}
	f := e.closers[n]
	e.closers = e.closers[:n]
	return f, true
}

func (e *Env) guarded(f func() error) error {
	call := func(context.Context) error { return f() }
	if e.guard != nil {
		return e.guard(call)
	}
	op := &Target{Plugin: e.name, Version: e.version, Operation: phaseOnClose, stats: new(failures)}
	return newSandbox(op, SandboxConfig{Timeout: -1}, new(hookCell)).Run(context.Background(), call)
}

// leftover refuses settings that nobody reads, neither by Decode nor by Init: they would be lost without a word.
func (e *Env) leftover(instance any) error {
	if len(e.settings) == 0 || e.decoded.Load() {
		return nil
	}
	switch instance.(type) {
	case Initializer, plainInitializer:
		return nil
	}
	return &PluginError{Plugin: e.name, Version: e.version, Field: "settings", Err: ErrContract, Have: fmt.Sprintf("%q", slices.Sorted(maps.Keys(e.settings))),
		Want: "none, for the plugin reads no settings", Fix: "leave them out, or have New call env.Decode"}
}

// Require hands out a plugin that the caller's plugin lists in Requires, as a view by C. All dependants of that name
// share one mount of it, which stays open until the last of them has closed; the handle needs no Close. An optional
// dependency that is not registered is an error that matches [ErrNotFound]; a name that is not listed, or a view that
// the dependency does not offer, one that matches [ErrDependency].
func Require[C any](env *Env, name string) (*Handle[C], error) {
	fail := func(err error, want, have, fix string) (*Handle[C], error) {
		return nil, &PluginError{Plugin: env.name, Version: env.version, Field: fmt.Sprintf("Requires[%q]", name), Err: err, Want: want, Have: have, Fix: fix}
	}
	m, listed := env.deps[name]
	switch {
	case !listed:
		return fail(ErrDependency, "a name that the plugin lists in Requires", fmt.Sprintf("%q, and the list is %q", name, slices.Sorted(maps.Keys(env.deps))), "add it to Plugin.Requires")
	case m == nil:
		return fail(ErrNotFound, "", "", "it is optional: go on without it")
	}
	h, err := viewOf[C](m)
	if err != nil {
		return fail(fmt.Errorf("%w: %w", ErrDependency, err), "", "", "set Requirement.As, so that this is found before anything is built")
	}
	return h, nil
}
