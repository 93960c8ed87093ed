// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/plugreg/plugreg/internal/shape"
)

// Inspection is what a registry holds and counts at one moment, as a value that can be written as JSON. It shares
// nothing with the registry.
type Inspection struct {
	// Registry is the registry's name, and Contract the type that its plugins satisfy, with its package path.
	Registry string `json:"registry"`
	Contract string `json:"contract"`
	// Sealed and Closed say whether it may still change.
	Sealed bool `json:"sealed"`
	Closed bool `json:"closed"`
	// Plugins are those that are registered, by name and precedence. Never nil.
	Plugins []PluginInspection `json:"plugins"`
	// Resources are those of [Config].Resources, by name.
	Resources []ResourceState `json:"resources,omitempty"`
	// HookPanics counts the panics of hooks and of the host's logger.
	HookPanics uint64 `json:"hook_panics"`
	// Closing is the number of goroutines that open or close something.
	Closing int `json:"closing"`
}

// PluginInspection is what is known of one plugin version.
type PluginInspection struct {
	// Info is what the plugin says of itself.
	Info
	// Digest is that of its contract.
	Digest Digest `json:"digest"`
	// Requires are the plugins that it needs, and Uses the shared resources, as in its contract.
	Requires []Dependency `json:"requires,omitempty"`
	Uses     []string     `json:"uses,omitempty"`
	// ProbeFailure is why the plugin was left out of the last discovery that asked it; empty where it answered.
	ProbeFailure string `json:"probe_failure,omitempty"`
	// Mounts are those that it serves, in the order in which they were opened.
	Mounts []MountInspection `json:"mounts,omitempty"`
	// Calls are those of all its instances, closed ones included.
	Calls Stats `json:"calls"`
	// Phases are those of its life, by the phase's name.
	Phases map[string]Stats `json:"phases,omitempty"`
	// Leaked is the number of goroutines that its instances, closed ones included, had left behind when they were looked
	// for last: see [Config].LeakSweep, and [Registry.Leaks] for where they are.
	Leaked int `json:"leaked,omitempty"`
}

// MountInspection is what is known of one mount.
type MountInspection struct {
	// ID is the number of the mount, counted from 1 in the registry.
	ID uint64 `json:"id"`
	// Dependency says that it was mounted because others require it.
	Dependency bool `json:"dependency,omitempty"`
	// Stranded says that its end waits for calls that did not return within DrainTimeout.
	Stranded bool `json:"stranded,omitempty"`
	// Goroutines is the number of those that [Env.Go] started and that have not ended.
	Goroutines int `json:"goroutines,omitempty"`
	// Settings names the settings that the plugin decoded, sorted. Their values are not shown.
	Settings []string `json:"settings,omitempty"`
	// Sandbox is the state of its guard.
	Sandbox SandboxState `json:"sandbox"`
}

// Stats counts calls or runs of a phase.
type Stats struct {
	// Calls counts what was begun; leases count as calls.
	Calls uint64 `json:"calls"`
	// Failures counts what failed, by the code of [CodeOf]; nil where nothing did.
	Failures map[string]uint64 `json:"failures,omitempty"`
	// InFlight is the number of those that have not ended; zero for phases.
	InFlight int64 `json:"in_flight"`
}

// inspect takes what the registry holds in one step, and then asks its parts what they count.
func (c *core) inspect() Inspection {
	c.mu.Lock()
	in := Inspection{Registry: c.name, Contract: shape.TypeText(c.contractType), Sealed: c.sealed, Closed: c.closed,
		HookPanics: c.hooks.panics.Load(), Closing: c.tasks.Len()}
	failed := maps.Clone(c.failed)
	mounts := slices.SortedFunc(maps.Keys(c.mounts), func(a, b *mount) int { return cmp.Compare(a.id, b.id) })
	entries := c.list()
	in.Plugins = make([]PluginInspection, len(entries))
	for i, e := range entries { // in the same step as the mounts, so that no call is counted there and here
		in.Plugins[i].Calls, in.Plugins[i].Phases = e.totals.stats()
	}
	c.mu.Unlock()
	in.Resources = c.resourceStates()
	serving := map[TypeDescriptor][]*mount{}
	for _, m := range mounts {
		serving[m.entry.desc] = append(serving[m.entry.desc], m)
	}
	for i, e := range entries {
		p := &in.Plugins[i]
		p.Info, p.Digest, p.Requires, p.Uses, p.ProbeFailure = e.info(), e.digest, dependencies(e.requires), slices.Clone(e.uses), failed[e.desc]
		p.Leaked = c.leaks.leaked(e.desc)
		for _, m := range serving[e.desc] {
			x := m.inspect()
			p.Mounts = append(p.Mounts, x)
			p.Calls.add(x.Sandbox)
		}
	}
	return in
}

func (c *core) sandboxOf(id uint64) (*Sandbox, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for m := range c.mounts {
		if m.id == id {
			return m.in.sb, true
		}
	}
	return nil, false
}

func (m *mount) inspect() MountInspection {
	in := m.in
	x := MountInspection{ID: m.id, Dependency: m.shared, Stranded: in.stranded.Load(), Sandbox: in.sb.State()}
	in.env.mu.Lock()
	defer in.env.mu.Unlock()
	x.Goroutines = in.env.active
	x.Settings = slices.Sorted(maps.Keys(in.env.read))
	return x
}

// totals are the counts of a plugin version, over all its instances and over all registrations of it: one that takes
// the place of another shares the counts, because instances of both go on counting.
type totals struct{ shared atomic.Pointer[counts] }

type counts struct {
	mu      sync.Mutex // guards what follows
	phases  map[string]*failures
	retired Stats // calls of instances that were closed
}

// counts are made when they are needed first: most plugins of a large registry never are.
func (t *totals) counts() *counts {
	if t.shared.Load() == nil {
		t.shared.CompareAndSwap(nil, &counts{phases: map[string]*failures{}})
	}
	return t.shared.Load()
}

// inherit has t count where old does.
func (t *totals) inherit(old *totals) { t.shared.Store(old.counts()) }

// of returns the counter of a phase.
func (t *totals) of(op string) *failures {
	c := t.counts()
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.phases[op]
	if f == nil {
		f = new(failures)
		c.phases[op] = f
	}
	return f
}

// retire adds the calls of an instance that is gone.
func (t *totals) retire(s SandboxState) {
	c := t.counts()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired.add(s)
}

func (t *totals) stats() (calls Stats, phases map[string]Stats) {
	c := t.counts()
	c.mu.Lock()
	defer c.mu.Unlock()
	calls = c.retired
	calls.Failures = maps.Clone(c.retired.Failures)
	for op, f := range c.phases {
		n := f.runs.Load()
		if n == 0 {
			continue
		}
		if phases == nil {
			phases = map[string]Stats{}
		}
		phases[op] = Stats{Calls: n, Failures: f.counts()}
	}
	return calls, phases
}

func (s *Stats) add(state SandboxState) {
	s.Calls += state.Calls
	s.InFlight += state.InFlight
	for code, n := range state.Failures {
		if s.Failures == nil {
			s.Failures = map[string]uint64{}
		}
		s.Failures[code] += n
	}
}

// entryOf returns the registered entry of d.
func (c *core) entryOf(d TypeDescriptor) (*entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("registry %q: %w", c.name, ErrClosed)
	}
	return c.find(d)
}

// resolveObserved is the phase that finds the plugin of an Open.
func (c *core) resolveObserved(name string, resolve func() (*entry, error)) (e *entry, err error) {
	if c.hooks.load() == nil {
		return resolve()
	}
	c.observed(&Target{Registry: c.name, Plugin: name, Operation: phaseResolve, Phase: true, stats: new(failures)}, func() error {
		e, err = resolve()
		return err
	})
	return e, err
}

// textOf is the text of an error that may be a plugin's, whose Error method may do anything.
func (c *core) textOf(err error) string {
	text, op := "", &Target{Registry: c.name, Operation: "error text", Phase: true, stats: new(failures)}
	if _, failed := c.host.run(context.Background(), job{op: op, limit: c.host.limits.call, call: func(context.Context) error {
		text = clip(safeText(err), 1024)
		return nil
	}}, nil); failed.err != nil {
		return "an error whose text fails: " + safeCode(failed.err)
	}
	return text
}

// safeText is the text of an error of a plugin, whose Error method may panic.
func safeText(err error) string { return fmt.Sprintf("%v", err) }
