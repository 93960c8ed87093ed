// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"reflect"
	"runtime"
	"time"

	"github.com/plugreg/plugreg/internal/promote"
)

// Registry holds plugins that satisfy the contract T, an interface: what is registered, what is mounted, and how it is
// guarded. Make one with [New].
//
// A Registry is safe for concurrent use. It starts no goroutine but those of plugin code that it guards and of
// closing what was mounted; its Close ends them.
type Registry[T io.Closer] struct {
	// index is the published form of a map[TypeDescriptor]Constructor[T]; it is written under core.mu.
	index promote.Map[TypeDescriptor, Constructor[T]]
	core  *core
}

// Config says how a registry behaves. The zero value is usable. It is copied by [New], which reports all faults at
// once.
type Config struct {
	// Name is the registry's name in errors, logs and metrics; empty: the contract's type name.
	Name string
	// Capacity is the number of plugins to make room for at once; zero: 64. Negative is a fault.
	Capacity int
	// Duplicates says what registering the same version with the same contract again does; zero: Reject.
	Duplicates DuplicatePolicy
	// Policy is that of plugins which declare none; zero: Backward. A version that breaks it against the versions
	// beside it is refused, see [Registry.Register].
	Policy Policy
	// MinPolicy is the least strict policy that plugins may declare: for a laxer one it stands in. Zero: no floor.
	MinPolicy Policy
	// Sandbox holds the limits of every plugin, where a plugin does not ask for others.
	Sandbox SandboxConfig
	// SandboxFor has the last word on a plugin's limits: what it returns is used as it is, nil leaves them as they are.
	// It is asked at each mount, guarded as plugin code is, and must be safe for concurrent use. May be nil.
	SandboxFor func(Info) *SandboxConfig
	// Resources are limits that several plugins share, by the names in [Plugin].Uses. A name that is not here has no
	// limit. May be nil.
	Resources map[string]Resource
	// CrashFile is a file that [WatchCrashes] wrote, see [ReadCrash]: the versions whose code ended the process before
	// start disabled, until [Sandbox.Enable]. Where it was a goroutine that the version's own start began, Open refuses
	// it with [ErrDisabled], for starting it could end the process again. Empty, or a file that does not exist: none.
	CrashFile string
	// LeakSweep is how often goroutines that plugins left behind are looked for while anything is mounted, where the
	// number of goroutines has grown: a look takes about 3 ms for 1,000 goroutines of the process, and holds them for a
	// fraction of that. What is found is logged and counted in [PluginInspection].Leaked. Zero: only a second after an
	// instance has ended, and where [Registry.Leaks] asks. Negative: only where that asks.
	LeakSweep time.Duration
	// Settings are those of this registry's plugins where they are mounted because another requires them, by plugin
	// name. May be nil.
	Settings map[string]map[string]any
	// Imports are registries whose plugins may be required by those of this one. A name is looked for here first, then
	// in the order of Imports.
	Imports []Source
	// Trust is asked before any code of a plugin runs for a mount or a capability probe; an error refuses the plugin.
	// For a mount the contract was described anew, and has the digest that was registered. See [TrustSnapshot]. It must
	// be safe for concurrent use, and is guarded as plugin code is. May be nil: all are trusted. (Registration comes
	// before: RegisterAny asks a ready instance for its name, and Register may call UnmarshalText.)
	Trust func(Contract) error
	// Hooks observe calls and phases; nil: none. See SetHooks.
	Hooks *Hooks
	// Logger is handed to plugins, with their name and version, and gets what the registry has to say (panics of
	// env.Go, stranded instances). Its handler must not call the registry's Close. Nil: nothing is logged.
	Logger *slog.Logger
	// PathAliases map package paths to those that contracts show instead: a module's /v2, or a package that moved. May
	// be nil.
	PathAliases map[string]string
	// OpenPackages are paths of packages that are not a plugin's own, whose types contracts describe nevertheless. May
	// be nil.
	OpenPackages []string
	// SnapshotTTL is how long the registry's snapshots are evidence; zero: 72 hours. Negative is a fault.
	SnapshotTTL time.Duration
	// OnSnapshot gets a snapshot after each change of what is registered: one for a RegisterAll, and one for several
	// changes where they come while it runs. It is called before Register and the like return, unless it is running
	// already; then it is called again when that call returns. There is one call at a time, guarded as plugin code is,
	// and none after Close; what goes wrong in it is logged. Nil: no snapshot is made.
	OnSnapshot func(Snapshot)
}

// DuplicatePolicy says what happens to a second registration of one version with one contract.
type DuplicatePolicy uint8

const (
	// Reject refuses the second registration with [ErrDuplicate]. The default.
	Reject DuplicatePolicy = iota
	// Replace lets the second registration take the first one's place: what is mounted stays, the next Open builds the
	// new one. Another contract under the same version is refused all the same, with [ErrRepublished].
	Replace
)

// Source is a registry whose plugins another one may require: a *[Registry] that [New] made, or a type that embeds one.
type Source interface{ source() *core }

// New returns a registry for plugins that satisfy T, which must be an interface. The error matches [ErrInvalid] and
// joins all faults of T and cfg.
func New[T io.Closer](cfg Config) (*Registry[T], error) {
	r := new(Registry[T])
	c, err := newCore(reflect.TypeFor[T](), cfg)
	if err != nil {
		return nil, err
	}
	r.core = c
	r.index.Init(func(d TypeDescriptor) uint64 { return d.signature })
	r.index.Reserve(c.cfg.Capacity)
	c.index = r
	return r, nil
}

// MustNew is New for variables and start-up code: it panics with New's error.
func MustNew[T io.Closer](cfg Config) *Registry[T] {
	r, err := New[T](cfg)
	if err != nil {
		panic(err)
	}
	return r
}

// Register checks p and adds it. Nothing is constructed, and no code of p runs, but for UnmarshalText of settings types
// with a default in their tag, once for each set of types and guarded.
//
// The contract is compared with those of the versions next to it by precedence, unregistered ones included,
// pre-releases aside: the release before it and the version after it. Under the strictest policy that either of the two
// or [Config].MinPolicy declares, the later one must be [Compatible] with the earlier one. Backward, Full and Strict
// compare within one major version (one minor, while that is 0); of Strict only the shapes count here, for versions
// that stand side by side are not one version.
//
// The error is a *[PluginError] or several joined: it matches [ErrInvalid] for what does not fit, [ErrDuplicate] with
// both call sites, [ErrRepublished], [ErrContract] with an *[IncompatibleError] that has the report, [ErrSealed] or
// [ErrClosed]; nothing was changed then.
func (r *Registry[T]) Register(p Plugin[T]) (TypeDescriptor, error) { return r.register(&p, caller()) }

// MustRegister is Register for start-up code: it panics with Register's error.
func (r *Registry[T]) MustRegister(p Plugin[T]) TypeDescriptor {
	d, err := r.register(&p, caller())
	if err != nil {
		panic(err)
	}
	return d
}

// RegisterAll registers all of ps or none; the errors of all are joined. The descriptors come in the order of ps.
func (r *Registry[T]) RegisterAll(ps ...Plugin[T]) ([]TypeDescriptor, error) {
	site := caller()
	entries, errs := make([]*entry, len(ps)), make([]error, len(ps))
	for i := range ps {
		entries[i], errs[i] = r.describe(&ps[i], site)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := r.core.commit(entries...); err != nil {
		return nil, err
	}
	ds := make([]TypeDescriptor, len(entries))
	for i, e := range entries {
		ds[i] = e.desc
	}
	return ds, nil
}

// register describes and commits one plugin.
func (r *Registry[T]) register(p *Plugin[T], site uintptr) (TypeDescriptor, error) {
	e, err := r.describe(p, site)
	if err != nil {
		return TypeDescriptor{}, err
	}
	if err := r.core.commit(e); err != nil {
		return TypeDescriptor{}, err
	}
	return e.desc, nil
}

// describe makes the entry of a plugin.
func (r *Registry[T]) describe(p *Plugin[T], site uintptr) (*entry, error) {
	e, err := r.core.describe(p.plain(), site)
	if err != nil {
		return nil, err
	}
	e.ctor = p.New
	return e, nil
}

// Unregister removes the plugin of that descriptor. Its contract is kept, so that what was written under it can still
// be read, and so that the version cannot come back as another. The error matches [ErrNotFound], or [ErrMounted] while
// the plugin serves.
func (r *Registry[T]) Unregister(d TypeDescriptor) error { return r.core.unregister(d) }

// Lookup returns the constructor that was registered under d; false where there is none. It takes no lock and
// allocates nothing once the registry is sealed, mounted from or looked up in for a while.
func (r *Registry[T]) Lookup(d TypeDescriptor) (Constructor[T], bool) {
	return r.index.Find(d.signature, d)
}

// Resolve returns the newest plugin of that name whose version satisfies the constraint: "^1.2", "~1.2.3", ">=1.2, <2",
// "1.x", "1.2 - 1.4", "^1 || ^3"; empty is "*". A pre-release satisfies only a constraint that names one of the same
// major.minor.patch. The error matches [ErrNotFound] and explains why no version fits, or [ErrInvalid] for a constraint
// that cannot be read.
func (r *Registry[T]) Resolve(name, constraint string) (TypeDescriptor, error) {
	if d, ok := r.core.resolved.Find(question{name, constraint}); ok {
		return d, nil
	}
	return r.core.resolve(name, constraint)
}

// Contract returns a copy of the contract that was registered under d, also after Unregister; false where there never
// was one.
func (r *Registry[T]) Contract(d TypeDescriptor) (Contract, bool) { return r.core.contract(d) }

// History returns copies of the contracts of all versions of that name which were ever registered, also of those that
// were unregistered since, oldest first: what [NewCodec] and [CheckHistory] want. Nil where there are none.
func (r *Registry[T]) History(name string) []Contract { return r.core.history(name) }

// Plugins lists the registered plugins by name, and those of one name by precedence, oldest first. The list is that of
// the moment when the iteration begins.
func (r *Registry[T]) Plugins() iter.Seq2[TypeDescriptor, Info] {
	return func(yield func(TypeDescriptor, Info) bool) {
		for _, e := range r.core.sorted() {
			if !yield(e.desc, e.info()) {
				return
			}
		}
	}
}

// SetHooks replaces the hooks; nil removes them. A call sees the hooks of the moment when it began, from its start to
// its end. What h holds is copied.
func (r *Registry[T]) SetHooks(h *Hooks) { r.core.hooks.set(h) }

// Seal refuses registration and unregistration from now on, with [ErrSealed]. It cannot be undone.
func (r *Registry[T]) Seal() { r.core.seal() }

// Close closes everything that is mounted, dependants before what they require, and ends the registry: what registers
// or opens returns [ErrClosed] from now on, look-ups go on. It waits until all is closed or ctx ends, when the error
// matches ctx's own and what is left goes on closing. Plugin code that was abandoned is not waited for: what it leaves
// behind is closed when it returns. The errors of all are joined. Calling it again waits likewise. From inside code of
// a mounted plugin it does not wait.
func (r *Registry[T]) Close(ctx context.Context) error { return r.core.close(ctx) }

// Snapshot describes all that is registered now, as evidence for others: see [Gate] and [TrustSnapshot]. It expires
// after [Config].SnapshotTTL.
func (r *Registry[T]) Snapshot() Snapshot { return r.core.snapshot() }

// Sandbox returns the guard of a mount, by its number in [MountInspection]: also of one that was opened because others
// require it, to enable, disable or drill it. False where no such mount is open.
func (r *Registry[T]) Sandbox(mount uint64) (*Sandbox, bool) { return r.core.sandboxOf(mount) }

// Inspect returns what the registry holds and counts, as one value that can be written as JSON.
func (r *Registry[T]) Inspect() Inspection { return r.core.inspect() }

func (r *Registry[T]) source() *core { return r.core }

// The core's view of the index. Call with core.mu held.
func (r *Registry[T]) put(e *entry)            { r.index.Store(e.desc, e.ctor.(Constructor[T])) }
func (r *Registry[T]) remove(d TypeDescriptor) { r.index.Remove(d) }
func (r *Registry[T]) promote()                { r.index.Promote() }

// construct calls the constructor for the core, which does not know T.
func (r *Registry[T]) construct(ctx context.Context, e *entry, env *Env) (io.Closer, error) {
	return e.ctor.(Constructor[T])(ctx, env)
}

// caller returns the call site of the exported method that calls it.
func caller() uintptr {
	var pc [1]uintptr
	runtime.Callers(3, pc[:])
	return pc[0]
}
