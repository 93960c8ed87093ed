// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"slices"
)

// compatible says which of the entries, which may otherwise be added, break the policy against what stands beside them
// by precedence: registered, unregistered meanwhile, or added with them. Call with mu held.
func (c *core) compatible(entries []*entry) (errs []error) {
	families := c.families
	if len(entries) > 1 {
		families = c.familiesWith(entries)
	}
	for _, e := range entries {
		if f := families[e.name]; f != nil {
			errs = c.fits(e, f.entries, errs)
		}
	}
	return errs
}

// familiesWith are the families of the entries as they would be with them.
func (c *core) familiesWith(entries []*entry) map[string]*family {
	all := make(map[string]*family, len(entries))
	for _, e := range entries {
		f := all[e.name]
		if f == nil {
			f = new(family)
			if old := c.families[e.name]; old != nil {
				f.entries = slices.Clone(old.entries)
			}
			all[e.name] = f
		}
		if i, found := f.find(e.ver); !found {
			f.entries = slices.Insert(f.entries, i, e)
		}
	}
	return all
}

// fits adds what is wrong between e and its neighbours among all, which are sorted and hold it where it comes in a
// batch. A pair of two that are added is the later one's fault.
func (c *core) fits(e *entry, all []*entry, errs []error) []error {
	i, found := (&family{entries: all}).find(e.ver)
	if found && all[i] != e {
		return errs // the same contract again, or it would not have been admitted
	}
	before, after := all[:i], all[i:]
	if found {
		after = after[1:]
	}
	if release := releaseBefore(before); release != nil {
		errs = c.follows(release, e, e, errs)
	}
	if e.ver.IsPre() {
		return errs // never what others are compared with
	}
	for _, next := range after {
		if c.bySign[next.desc.signature] == next { // else it has its own turn
			errs = c.follows(e, next, e, errs)
		}
		if !next.ver.IsPre() {
			break
		}
	}
	return errs
}

// releaseBefore is the newest release of what is sorted by precedence, nil where there is none.
func releaseBefore(entries []*entry) *entry {
	for _, e := range slices.Backward(entries) {
		if !e.ver.IsPre() {
			return e
		}
	}
	return nil
}

// follows adds an error about e where after may not follow before. Versions of two generations stand side by side.
func (c *core) follows(before, after, e *entry, errs []error) []error {
	p := c.policyFor(before, after)
	if before.shapes.digest == after.shapes.digest || p == Unchecked || !oneGeneration(before.ver, after.ver) {
		return errs // no policy objects
	}
	old, now := before.view(), after.view()
	r := p.judge(&old, &now, Diff(old, now), p, p.exact(before.ver, after.ver, true)).besideEachOther()
	fix := ""
	if e == before {
		r.Allowed = ""
		fix = fmt.Sprintf("%s is there already: leave out of %s what it does not have", after.version, before.version)
	}
	if err := r.Err(); err != nil {
		return append(errs, &PluginError{Plugin: e.name, Version: e.version, Field: "register", Err: err, Fix: fix})
	}
	return errs
}

// policyFor is the strictest policy that has a say between two versions; the registry's stands for those that declare
// none.
func (c *core) policyFor(a, b *entry) Policy {
	fallback := strictest(Backward, c.cfg.Policy)
	return max(c.cfg.MinPolicy, strictest(fallback, a.policy), strictest(fallback, b.policy))
}

// view is the contract without a copy: what it holds must not be changed.
func (e *entry) view() Contract {
	return Contract{Name: e.name, Version: e.version, Policy: e.policy, Shapes: e.shapes.list, Requires: dependencies(e.requires), Uses: e.uses}
}
