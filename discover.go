// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
)

// Match is a plugin that [Discover] found. The zero Match stands for none. A Match is a value and safe for concurrent
// use.
type Match[C any] struct {
	// Info is what the plugin says of itself; its Descriptor is the key.
	Info
	open func(ctx context.Context, settings map[string]any) (*Handle[C], error)
}

// Open mounts the plugin that was found, as [Registry.Open] does, and returns the owning handle as C. The error matches
// [ErrNotFound] where the plugin was unregistered meanwhile, or for the zero Match, and [ErrContract] where another
// registration took its place whose type does not implement C.
func (m Match[C]) Open(ctx context.Context, settings map[string]any) (*Handle[C], error) {
	if m.open == nil {
		return nil, &PluginError{Field: "match", Err: ErrNotFound, Want: "one that Discover returned"}
	}
	return m.open(ctx, settings)
}

// Discover finds plugins by what they can do, not by name: of each name the newest release whose concrete type
// implements C, where every probe returns true for that one; in order of names. Probes are asked in the sandbox on the
// plugin's Prototype, which other discoveries may use at the same time, or on a fresh zero value where that is a nil
// pointer; nothing is constructed. A probe that fails in any way, and a plugin that is not trusted, excludes that
// plugin and shows in the hooks and in [Inspection]. The error matches [ErrInvalid] where C is no interface or a probe
// is nil, [ErrClosed], or ctx's own where that ended.
func Discover[C any, T io.Closer](ctx context.Context, r *Registry[T], probes ...func(C) bool) ([]Match[C], error) {
	want := reflect.TypeFor[C]()
	if want.Kind() != reflect.Interface {
		return nil, &PluginError{Field: "capability", Have: want.String(), Want: "an interface"}
	}
	if i := slices.IndexFunc(probes, func(p func(C) bool) bool { return p == nil }); i >= 0 {
		return nil, &PluginError{Field: fmt.Sprintf("probe %d", i), Have: "nil", Want: "a function"}
	}
	done, err := r.core.starting()
	if err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	done() // what comes next is guarded, and may close the registry
	var found []Match[C]
	for _, e := range r.core.capable(want) {
		if ctx.Err() != nil {
			break
		}
		if r.core.ask(ctx, e, questions(e, probes)) {
			found = append(found, matchOf[C](r.core, e))
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	return found, nil
}

// questions puts the probes to a sample of e; nil where there are none.
func questions[C any](e *entry, probes []func(C) bool) func() bool {
	if len(probes) == 0 {
		return nil
	}
	return func() bool {
		sample := e.sample().(C)
		return !slices.ContainsFunc(probes, func(p func(C) bool) bool { return !p(sample) })
	}
}

func matchOf[C any](c *core, e *entry) Match[C] {
	return Match[C]{e.info(), func(ctx context.Context, set map[string]any) (*Handle[C], error) {
		return openAs[C](ctx, c, e.name, set, func() (*entry, error) {
			now, err := c.entryOf(e.desc)
			if err != nil {
				return nil, err
			}
			if want := reflect.TypeFor[C](); !now.impl.Implements(want) { // it was replaced
				return nil, &PluginError{Plugin: now.name, Version: now.version, Field: "capability", Err: ErrContract, Have: lacks(now.impl, want)}
			}
			return now, nil
		})
	}}
}

// capable lists the newest release of each name that implements want.
func (c *core) capable(want reflect.Type) []*entry {
	var found []*entry
	for _, e := range c.sorted() {
		if e.ver.IsPre() || !e.impl.Implements(want) {
			continue
		}
		if n := len(found) - 1; n >= 0 && found[n].name == e.name {
			found[n] = e
			continue
		}
		found = append(found, e)
	}
	return found
}

// sample is the value that probes are asked on.
func (e *entry) sample() any {
	if v := reflect.ValueOf(e.proto); v.Kind() == reflect.Pointer && v.IsNil() {
		return reflect.New(e.impl.Elem()).Interface()
	}
	return e.proto
}

// ask runs the probes of one plugin, trust first; what fails is kept for Inspect. A nil probe is no question: true.
func (c *core) ask(ctx context.Context, e *entry, probe func() bool) bool {
	answer := true
	err := c.trusts(ctx, e, e.contract)
	if err == nil && probe != nil {
		var cfg SandboxConfig
		if cfg, err = c.limitsOf(ctx, e); err == nil {
			_, err = c.host.detached(ctx, job{op: c.phase(e, 0, phaseDiscover), limit: cfg.limits().call, call: func(context.Context) error {
				answer = probe()
				return nil
			}})
		}
	}
	if err == nil {
		c.setFailed(e, "")
		return answer
	}
	if ctx.Err() == nil { // else it is the caller who failed
		c.setFailed(e, c.textOf(err))
	}
	return false // a probe that still runs may yet write answer
}

// setFailed keeps why a discovery left e out; an empty text forgets it.
func (c *core) setFailed(e *entry, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.bySign[e.desc.signature]; text == "" || now.gone {
		delete(c.failed, e.desc)
		return
	}
	c.failed[e.desc] = text
}
