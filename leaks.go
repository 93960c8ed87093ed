// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// Leak is a number of goroutines that outlived what started them, with the same functions on their stacks: two looks at
// the process, at least a second apart, both saw as many of them, and each time no call was inside from the time when
// they were started.
type Leak struct {
	// Plugin and Version name whose they are. Both are empty where they run code of several mounts, and nothing tells
	// of which; Version also where the sandbox stands alone.
	Plugin  string `json:"plugin,omitempty"`
	Version string `json:"version,omitempty"`
	// Mount is the number of the mount, see [MountInspection]; zero where there is none, or it is not known.
	Mount uint64 `json:"mount,omitempty"`
	// Closed says that the instance has ended.
	Closed bool `json:"closed,omitempty"`
	// Phase is the phase of the instance's life that started them, such as "construct"; empty for calls, and for
	// [Env.Go] after the start.
	Phase string `json:"phase,omitempty"`
	// Count is how many there are, at least.
	Count int `json:"count"`
	// Age is the time since they were seen first; they are older. In JSON it is nanoseconds.
	Age time.Duration `json:"age_ns"`
	// Stack is what most of them do: functions and places, innermost first, as in a traceback.
	Stack string `json:"stack"`
	// Held says that the instance may yet end them: it is open, and its start began them, or a goroutine of
	// [Env.Go] from the same time goes on.
	Held bool `json:"held,omitempty"`
	// Inferred says that they carry no label of the plugin's, and are known by the package of functions on their
	// stacks: callbacks of timers, finalizers, pools that run code of the plugin's. A weaker sign than a label.
	Inferred bool `json:"inferred,omitempty"`
	// Proven says that nothing can ever wake them, by a garbage collection of the runtime's. It takes a binary that was
	// built with GOEXPERIMENT=goroutineleakprofile; false says nothing.
	Proven bool `json:"proven,omitempty"`

	id    string // of the labels; empty where it is not known
	entry *entry // nil where there is none
}

// leakGrace is how far apart the two looks at a goroutine are at least.
const leakGrace = time.Second

// Leaks returns the goroutines that the sandbox's calls left behind, the most numerous first; nil where there are none.
// Those of [Env.Go] and of calls inside are not among them, however long they take, nor are those of shared pools of
// the standard library, nor those that [SandboxConfig].LeakIgnore names. Where it sees something suspicious it looks
// again after a second. Under [LabelNone] it finds nothing.
//
// It knows goroutines by the labels that they inherit. So it does not see what inline calls start (but under
// [LabelAll]), what runs on a goroutine that was there before (a worker pool), what a timer starts, and what plugin
// code gave other labels. On the sandbox of a mounted plugin it sees those nevertheless where functions of the plugin's
// package are on the stack, see [Leak.Inferred], unless that package is main, the contract's, or the one that
// registered the plugin.
//
// The error matches ctx's own where that ended first; what was known by then is returned with it.
func (s *Sandbox) Leaks(ctx context.Context) ([]Leak, error) {
	if s.home != nil {
		all, err := s.home.leakWatch().ask(ctx)
		return slices.DeleteFunc(all, func(l Leak) bool { return s.labels == nil || l.id != s.labels.id }), err
	}
	if s.labels == nil {
		return nil, ctx.Err()
	}
	x := &suspect{name: s.call.Plugin, labels: s.labels, owner: goroutines.Owner{ID: s.labels.id, Ignore: s.cfg.LeakIgnore}}
	census := newCensus()
	return look(ctx, func() (finding, error) {
		s.mu.Lock()
		x.advance()
		s.mu.Unlock()
		return sweep(census, []*suspect{x})
	})
}

// Leaks returns the goroutines that the registry's plugins left behind: of all mounts and of the instances that were
// closed since the registry was made (the last 4,096 that left something). By plugin, version and mount, then the most
// numerous first; last, in one Leak with an empty Plugin, those of which nothing tells whose they are. See
// [Sandbox.Leaks] for what it sees, and for the error. Also after [Registry.Close].
func (r *Registry[T]) Leaks(ctx context.Context) ([]Leak, error) { return r.core.leakWatch().ask(ctx) }

// suspect is one instance, or a sandbox that stands alone.
type suspect struct {
	name, version string
	entry         *entry // nil where it stands alone
	mount         uint64
	labels        *labels
	owner         goroutines.Owner
}

// advance begins a new epoch, so that what the calls until now started can be told from what runs. One sweep at a time
// calls it.
func (x *suspect) advance() {
	if !x.owner.Closed {
		x.owner.Epoch = x.labels.advance()
	}
}

// suspect returns nil where nothing is labelled.
func (in *instance) suspect(closed bool) *suspect {
	l := in.sb.labels
	if l == nil {
		return nil
	}
	return &suspect{name: in.entry.name, version: in.entry.version, entry: in.entry, mount: in.mount, labels: l,
		owner: goroutines.Owner{ID: l.id, Package: in.core.packageOf(in.entry), Closed: closed, Ignore: in.sb.cfg.LeakIgnore}}
}

// packageOf is the package whose functions are the plugin's and nobody else's; empty where the host may have code
// there.
func (c *core) packageOf(e *entry) string {
	t := e.impl
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := t.PkgPath()
	if path == c.contractType.PkgPath() {
		return ""
	}
	if f := runtime.FuncForPC(e.site - 1); f != nil && path == goroutines.PackageOf(f.Name()) {
		return ""
	}
	return path
}

// newCensus knows the functions below which plugin code runs.
func newCensus() *goroutines.Census {
	here := reflect.TypeFor[core]().PkgPath()
	return goroutines.NewCensus(goroutines.Rules{
		Calls:   []string{here + ".(*runner).run"},
		Plain:   []string{here + ".(*Sandbox).inlinePlain", here + ".(*Sandbox).inlineTimed"},
		Workers: []string{here + ".(*Env).run"},
		Shared:  append(goroutines.SharedPools(), here+".", here+"/internal/"), // what this package starts on a plugin's goroutine
	}, leakGrace)
}

// finding is what one look at the process saw.
type finding struct {
	goroutines.Report
	suspects []*suspect
}

func sweep(census *goroutines.Census, suspects []*suspect) (finding, error) {
	owners := make([]goroutines.Owner, len(suspects))
	for i, x := range suspects {
		owners[i] = x.owner
	}
	p, err := goroutines.Read(goroutines.All)
	if err != nil {
		return finding{}, err
	}
	return finding{census.Sweep(time.Now(), p, owners), suspects}, nil
}

// look looks once, and where that leaves a suspicion, again.
func look(ctx context.Context, sweep func() (finding, error)) ([]Leak, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("leaks: %w", endOf(ctx))
	}
	f, err := sweep()
	if err != nil {
		return nil, fmt.Errorf("leaks: %w", err)
	}
	if f.Suspects > 0 {
		again := time.NewTimer(leakGrace)
		defer again.Stop()
		select {
		case <-again.C:
			if f, err = sweep(); err != nil {
				return nil, fmt.Errorf("leaks: %w", err)
			}
		case <-ctx.Done():
			return f.leaks(), fmt.Errorf("leaks: %w", endOf(ctx))
		}
	}
	if len(f.Leaks) > 0 {
		if p, err := goroutines.Read(goroutines.Proven); err == nil { // most binaries have no such profile
			f.Prove(p)
		}
	}
	return f.leaks(), nil
}

// leaks is the finding for people; what is nobody's is one Leak.
func (f *finding) leaks() (all []Leak) {
	byID := make(map[string]*suspect, len(f.suspects))
	for _, x := range f.suspects {
		byID[x.owner.ID] = x
	}
	var unknown Leak
	most := 0
	for _, l := range f.Leaks {
		stack := func() string { return goroutines.Format(l.Frames) }
		if x := byID[l.Owner]; x != nil {
			all = append(all, Leak{Plugin: x.name, Version: x.version, Mount: x.mount, Closed: x.owner.Closed, Phase: l.Phase, Count: l.Count, Age: l.Age,
				Stack: stack(), Held: x.holds(&l), Inferred: l.ByFrames, Proven: l.Proven == l.Count, id: l.Owner, entry: x.entry})
			continue
		}
		proven := l.Proven == l.Count && (unknown.Proven || unknown.Count == 0)
		unknown = Leak{Count: unknown.Count + l.Count, Age: max(unknown.Age, l.Age), Stack: unknown.Stack, Inferred: true, Proven: proven}
		if l.Count > most {
			most, unknown.Stack = l.Count, stack()
		}
	}
	slices.SortStableFunc(all, func(a, b Leak) int {
		return cmp.Or(strings.Compare(a.Plugin, b.Plugin), strings.Compare(a.Version, b.Version), cmp.Compare(a.Mount, b.Mount), b.Count-a.Count)
	})
	if unknown.Count > 0 {
		all = append(all, unknown)
	}
	return all
}

// holds says that an instance which is open may still mean to end the goroutines.
func (x *suspect) holds(l *goroutines.Leak) bool {
	return !x.owner.Closed && (l.Held || x.entry != nil && l.Phase != "")
}

// leakWatch returns the one of the registry.
func (c *core) leakWatch() *leakWatch { return c.leaks }
