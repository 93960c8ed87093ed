// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"github.com/plugreg/plugreg/internal/promote"
	"github.com/plugreg/plugreg/internal/reader"
	"github.com/plugreg/plugreg/internal/shape"
	"github.com/plugreg/plugreg/internal/task"
	"github.com/plugreg/plugreg/internal/version"
)

// core is a registry without its type parameter.
type core struct {
	cfg          Config
	name         string
	contractType reflect.Type
	imports      []*core
	walk         shape.Options
	shapes       shapeCache
	hooks        hookCell
	resolved     promote.Cache[question, TypeDescriptor]
	host         *Sandbox // guards what belongs to no instance
	quiet        *Sandbox // the same for registration, which is no phase of a life
	news         news
	notices      notices
	resources    map[string]*resource
	incomplete   bool    // Config.Sandbox makes sense only together with what plugins ask for
	crashes      []Crash // of this registry's plugins, from Config.CrashFile
	tasks        task.Group
	leaks        *leakWatch
	life         context.Context // ends when Close begins
	end          context.CancelFunc

	mu       sync.Mutex // guards what follows
	index    index
	families map[string]*family
	bySign   map[uint64]*entry // by TypeDescriptor.signature; the unregistered ones too
	mounts   map[*mount]struct{}
	shared   map[string]*slot // the mounts of dependencies, by name
	failed   map[TypeDescriptor]string
	sealed   bool
	closed   bool
	serial   uint64        // of the last mount
	closing  chan struct{} // closed when all that was mounted has been closed; nil before Close
	closeErr error         // set before closing is closed
}

// index is what a registry shows to look-ups.
type index interface {
	put(e *entry)
	remove(d TypeDescriptor)
	promote()
	construct(ctx context.Context, e *entry, env *Env) (io.Closer, error)
}

// family is all versions of one name that were ever registered, by precedence: identity is name and precedence, so
// build metadata makes no other version.
type family struct {
	entries []*entry
	live    int       // those that are not gone
	first   [1]*entry // what entries holds at first, for most names have one version
}

// find is where a version is, or belongs.
func (f *family) find(v version.Version) (i int, found bool) {
	return slices.BinarySearchFunc(f.entries, v, func(e *entry, v version.Version) int { return e.ver.Compare(v) })
}

// registered lists those that are not gone, oldest first.
func (f *family) registered() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, e := range f.entries {
			if !e.gone && !yield(e) {
				return
			}
		}
	}
}

func newCore(contract reflect.Type, cfg Config) (*core, error) {
	imports, err := checkConfig(contract, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Name == "" {
		cfg.Name = shape.LocalName(contract)
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = 64
	}
	cfg.Sandbox = cfg.Sandbox.own()
	cfg.Settings = maps.Clone(cfg.Settings)
	for name, s := range cfg.Settings {
		cfg.Settings[name] = reader.Clone(s)
	}
	c := &core{
		cfg: cfg, name: cfg.Name, contractType: contract, imports: imports,
		walk:     shape.Options{Open: slices.Clone(cfg.OpenPackages), PathAliases: maps.Clone(cfg.PathAliases)},
		families: make(map[string]*family, cfg.Capacity), bySign: make(map[uint64]*entry, cfg.Capacity),
		mounts: map[*mount]struct{}{}, shared: map[string]*slot{},
		failed: map[TypeDescriptor]string{},
	}
	whole := faults{}
	cfg.Sandbox.check(&whole, "Config.Sandbox")
	c.incomplete = len(whole.list) > 0 && cfg.SandboxFor == nil
	c.notices.tasks, c.resources = &c.tasks, newResources(cfg.Resources)
	if cfg.CrashFile != "" {
		if c.crashes, err = crashesOf(cfg.CrashFile); err != nil {
			return nil, &PluginError{Field: "Config.CrashFile", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
		}
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.leaks = newLeakWatch(c)
	c.hooks.set(cfg.Hooks)
	c.resolved.Init(resolveBound)
	op := &Target{Registry: c.name, Operation: opCall, stats: new(failures)}
	own := SandboxConfig{StartTimeout: cfg.Sandbox.StartTimeout, Timeout: cfg.Sandbox.Timeout, CloseTimeout: cfg.Sandbox.CloseTimeout, Labels: LabelNone}
	c.host, c.quiet = newSandbox(op, own, &c.hooks), newSandbox(op, own, new(hookCell))
	return c, nil
}

// checkConfig reports all faults at once, and returns what is imported.
func checkConfig(contract reflect.Type, cfg Config) (imports []*core, err error) {
	f := faults{}
	if contract.Kind() != reflect.Interface {
		f.bad("contract "+contract.String(), contract.Kind().String(), "an interface", "give the interface that host and plugins meet at")
	}
	f.text("Config.Name", cfg.Name)
	if cfg.Capacity < 0 {
		f.bad("Config.Capacity", fmt.Sprint(cfg.Capacity), "0 or more", "")
	}
	if cfg.Duplicates > Replace {
		f.bad("Config.Duplicates", fmt.Sprint(cfg.Duplicates), "Reject or Replace", "")
	}
	if cfg.Policy > Strict || cfg.MinPolicy > Strict {
		f.bad("Config.Policy and MinPolicy", fmt.Sprintf("%v and %v", cfg.Policy, cfg.MinPolicy), "Default to Strict", "")
	}
	if cfg.SnapshotTTL < 0 {
		f.bad("Config.SnapshotTTL", cfg.SnapshotTTL.String(), "0 or more", "")
	}
	f.partial = true // a plugin may have the rest
	cfg.Sandbox.check(&f, "Config.Sandbox")
	checkResources(&f, cfg.Resources)
	for _, name := range slices.Sorted(maps.Keys(cfg.Settings)) {
		f.add(fmt.Sprintf("Config.Settings[%q]", clip(name, 64)), checkName(name))
	}
	for i, s := range cfg.Imports {
		c := coreOf(s)
		if c == nil {
			f.bad(fmt.Sprintf("Config.Imports[%d]", i), fmt.Sprintf("%T without a registry", s), "a registry made by New", "")
		}
		imports = append(imports, c)
	}
	if err := f.join(); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return imports, nil
}

// coreOf returns the registry behind s, nil where there is none: a nil registry, a zero one, or a struct that embeds
// such.
func coreOf(s Source) (c *core) {
	defer func() { _ = recover() }() // a nil pointer to a struct that embeds a registry
	return s.source()
}

func (c *core) unregister(d TypeDescriptor) error {
	if err := c.withdraw(d); err != nil {
		return err
	}
	c.announce()
	return nil
}

func (c *core) withdraw(d TypeDescriptor) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.find(d)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return &PluginError{Plugin: e.name, Version: e.version, Field: "unregister", Err: err}
	}
	for m := range c.mounts {
		if m.entry.desc == d {
			return &PluginError{Plugin: e.name, Version: e.version, Field: "unregister", Err: ErrMounted, Fix: "close its handles first"}
		}
	}
	f := c.families[e.name]
	i, _ := f.find(e.ver)
	f.entries[i] = e.tombstone()
	f.live--
	c.bySign[d.signature] = f.entries[i]
	e.gone = true // for an Open on its way
	c.index.remove(d)
	delete(c.failed, d)
	c.resolved.Clear()
	return nil
}

// tombstone is what is kept of an entry that is unregistered: what it was, nothing that it could do.
func (e *entry) tombstone() *entry {
	t := &entry{name: e.name, version: e.version, ver: e.ver, desc: e.desc, digest: e.digest, shapes: e.shapes,
		policy: e.policy, requires: e.requires, uses: e.uses, site: e.site, gone: true}
	t.totals.inherit(&e.totals)
	return t
}

// find returns the registered entry of d. Call with mu held.
func (c *core) find(d TypeDescriptor) (*entry, error) {
	e := c.bySign[d.signature]
	if e == nil || e.desc != d || e.gone {
		return nil, &PluginError{Field: "descriptor " + d.String(), Err: ErrNotFound, Want: fmt.Sprintf("one that registry %q handed out", c.name)}
	}
	return e, nil
}

func (c *core) contract(d TypeDescriptor) (Contract, bool) {
	c.mu.Lock()
	e := c.bySign[d.signature]
	c.mu.Unlock()
	if e == nil || e.desc != d {
		return Contract{}, false
	}
	return e.contract(), true
}

func (c *core) history(name string) []Contract {
	c.mu.Lock()
	var entries []*entry
	if f := c.families[name]; f != nil {
		entries = slices.Clone(f.entries)
	}
	c.mu.Unlock()
	var all []Contract
	for _, e := range entries {
		all = append(all, e.contract())
	}
	return all
}

func (c *core) seal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = true
	c.index.promote()
}

// sorted lists the registered entries by name and precedence.
func (c *core) sorted() []*entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list()
}

// list is sorted for who holds mu.
func (c *core) list() (all []*entry) {
	for _, name := range c.names() {
		all = slices.AppendSeq(all, c.families[name].registered())
	}
	return all
}

// where formats a call site.
func where(pc uintptr) string {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// log writes through the host's handler, which may panic.
func (c *core) log(level slog.Level, msg string, args ...any) {
	if c.cfg.Logger == nil {
		return
	}
	defer c.hooks.recovered()
	c.cfg.Logger.Log(context.Background(), level, msg, args...)
}
