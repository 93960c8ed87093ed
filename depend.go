// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plugreg/plugreg/internal/version"
)

// plan says which version of each dependency an Open takes: the newest that all who ask for it accept, directly or not.
type plan struct {
	root  *entry
	picks map[dependencyKey]*entry
	from  map[wish]*core // who provides; nil: an optional one that nobody has

	steps  int
	broken map[*entry]error // what cannot be had, whatever is picked beside it
	first  error            // the first conflict between demands
}

// planSteps bounds the search: constraints on a few versions each settle in tens of steps.
const planSteps = 100_000

// dependencyKey is a dependency: names are only unique within a registry.
type dependencyKey struct {
	core *core
	name string
}

// wish is a name in the Requires of an entry.
type wish struct {
	by   *entry
	name string
}

// demand is one dependant's word on a dependency.
type demand struct {
	by   *entry
	need requirement
}

func (d demand) String() string {
	return fmt.Sprintf("%q %s wants %q", d.by.name, d.by.version, d.need.fits.String())
}

// open is a demand that has no pick yet, and how it came about: the path leads from the root to the dependant.
type open struct {
	demand
	path []dependencyKey
}

// plan resolves what e requires, before anything is built. It tries the newest versions first and goes back where
// demands contradict each other. What is missing, cyclic or of another type is no reason to take an older version in
// silence: that is an error.
func (c *core) plan(e *entry) (*plan, error) {
	p := &plan{root: e, picks: map[dependencyKey]*entry{}, from: map[wish]*core{}, broken: map[*entry]error{}}
	solved := p.solve(opens(e, []dependencyKey{{c, e.name}}))
	if err := p.broken[e]; err != nil {
		return nil, err
	}
	if !solved {
		return nil, p.fault()
	}
	for _, key := range p.keys() {
		if err := p.broken[p.picks[key]]; err != nil {
			return nil, err
		}
		if best, err := key.core.pick(key.name, p.demands(key)); err == nil && best != p.picks[key] && p.broken[best] != nil {
			return nil, p.broken[best]
		}
	}
	return p, nil
}

// fault is why there is no solution: what is broken comes before what contradicts.
func (p *plan) fault() error {
	if len(p.broken) == 0 {
		return p.first
	}
	entries := make([]*entry, 0, len(p.broken))
	for e := range p.broken {
		entries = append(entries, e)
	}
	newest := slices.MinFunc(entries, func(a, b *entry) int {
		return cmp.Or(strings.Compare(a.name, b.name), b.ver.Compare(a.ver))
	})
	return p.broken[newest]
}

// solve picks for all of pending; false where that cannot be done with the picks made before.
func (p *plan) solve(pending []open) bool {
	if len(pending) == 0 {
		return true
	}
	if p.steps++; p.steps > planSteps {
		p.first = cmp.Or(p.first, p.fail(pending[0], fmt.Errorf("no solution within %d steps; narrow the constraints", planSteps)))
		return false
	}
	o, rest := pending[0], pending[1:]
	from, err := o.path[len(o.path)-1].core.provider(o.need)
	if err != nil {
		return p.breaks(o, err)
	}
	p.from[wish{o.by, o.need.Name}] = from
	if from == nil {
		return p.solve(rest)
	}
	key := dependencyKey{from, o.need.Name}
	if slices.Contains(o.path, key) {
		return p.breaks(o, errors.New("a cycle; break it, or have one of them take the other when it is called"))
	}
	if pick := p.picks[key]; pick != nil {
		return p.fits(o, key, pick) && p.solve(rest)
	}
	return p.choose(o, key, rest)
}

// fits says whether a pick that was made before will do.
func (p *plan) fits(o open, key dependencyKey, pick *entry) bool {
	if !o.need.fits.Match(pick.ver) {
		_, err := key.core.pick(key.name, p.demands(key)) // o is one of them
		p.conflict(o, err)
		return false
	}
	if err := o.need.offered(pick); err != nil {
		return p.breaks(o, err)
	}
	return true
}

// choose tries the versions of a dependency, the newest first.
func (p *plan) choose(o open, key dependencyKey, rest []open) bool {
	candidates, err := key.core.candidates(key.name, o.demand)
	if err != nil {
		p.conflict(o, err)
		return false
	}
	for _, e := range candidates {
		if err := o.need.offered(e); err != nil {
			p.breaks(o, err)
			continue
		}
		p.picks[key] = e
		if p.solve(append(opens(e, append(slices.Clone(o.path), key)), rest...)) {
			return true
		}
		delete(p.picks, key)
		if p.steps > planSteps {
			return false
		}
	}
	return false
}

// opens are the demands of an entry that was picked.
func opens(e *entry, path []dependencyKey) []open {
	list := make([]open, len(e.requires))
	for i, need := range e.requires {
		list[i] = open{demand{e, need}, path}
	}
	return list
}

// breaks notes that the dependant of o cannot be had.
func (p *plan) breaks(o open, err error) bool {
	if p.broken[o.by] == nil {
		p.broken[o.by] = p.fail(o, err)
	}
	return false
}

// conflict notes that o contradicts what others demand.
func (p *plan) conflict(o open, err error) {
	if p.first == nil && err != nil {
		p.first = p.fail(o, err)
	}
}

// fail says what is wrong with a demand, and how it came about.
func (p *plan) fail(o open, err error) error {
	var names []string
	for _, key := range o.path {
		names = append(names, key.name)
	}
	return &PluginError{Plugin: p.root.name, Version: p.root.version, Field: "dependency " + strings.Join(append(names, o.need.Name), " → "),
		Err: fmt.Errorf("%w: %w", ErrDependency, err)}
}

// keys are the dependencies that were picked, in order of names.
func (p *plan) keys() []dependencyKey {
	list := make([]dependencyKey, 0, len(p.picks))
	for key := range p.picks {
		list = append(list, key)
	}
	slices.SortFunc(list, func(a, b dependencyKey) int { return strings.Compare(a.name, b.name) })
	return list
}

// demands are those that the root and the picks make on a dependency.
func (p *plan) demands(key dependencyKey) (list []demand) {
	ask := func(e *entry) {
		for _, need := range e.requires {
			if need.Name == key.name && p.from[wish{e, need.Name}] == key.core {
				list = append(list, demand{e, need})
			}
		}
	}
	ask(p.root)
	for _, k := range p.keys() {
		ask(p.picks[k])
	}
	return list
}

// offered says what e lacks of the interface that is needed; nil where it lacks nothing.
func (r requirement) offered(e *entry) error {
	if r.as == nil || e.impl.Implements(r.as) {
		return nil
	}
	return fmt.Errorf("%q %s is a %v: %s", e.name, e.version, e.impl, lacks(e.impl, r.as))
}

// provider returns the registry that has a plugin of that name: this one, or an import; nil for an optional one that
// nobody has.
func (c *core) provider(need requirement) (*core, error) {
	for _, from := range append([]*core{c}, c.imports...) {
		if from.has(need.Name) {
			return from, nil
		}
	}
	if need.Optional {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return nil, c.unknown(need.Name)
}

// candidates lists the versions that a demand accepts, the newest first; where one is mounted for others already, that
// one alone.
func (c *core) candidates(name string, d demand) ([]*entry, error) {
	newest, err := c.pick(name, []demand{d})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.shared[name]; s != nil && !s.ending {
		return []*entry{s.entry}, nil
	}
	list := []*entry{newest}
	for _, e := range slices.Backward(c.families[name].entries) {
		if e != newest && !e.gone && d.need.fits.Match(e.ver) {
			list = append(list, e)
		}
	}
	return list, nil
}

// pick returns the newest version that all demands accept; where one is mounted for others already, that one or none.
func (c *core) pick(name string, asked []demand) (*entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fits := make([]version.Constraint, len(asked))
	for i, d := range asked {
		fits[i] = d.need.fits
	}
	if s := c.shared[name]; s != nil && !s.ending {
		if err := s.serves(asked); err != nil {
			return nil, err
		}
		return s.entry, nil
	}
	e, err := c.newest(name, fits...)
	if err != nil {
		return nil, fmt.Errorf("%w (asked: %s)", err, list(asked))
	}
	return e, nil
}

func list(asked []demand) string {
	texts := make([]string, len(asked))
	for i, d := range asked {
		texts[i] = d.String()
	}
	return strings.Join(texts, ", ")
}
