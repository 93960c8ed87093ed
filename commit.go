// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"slices"

	"github.com/plugreg/plugreg/internal/version"
)

// commit adds all entries or none.
func (c *core) commit(entries ...*entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := c.add(entries); err != nil {
		return err
	}
	c.announce()
	return nil
}

func (c *core) add(entries []*entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.open(); err != nil {
		return &PluginError{Plugin: entries[0].name, Version: entries[0].version, Field: "register", Err: err}
	}
	errs := batchErrors(entries)
	for _, e := range entries {
		errs = append(errs, c.admit(e))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := errors.Join(c.compatible(entries)...); err != nil {
		return err
	}
	for _, e := range entries {
		c.insert(e)
	}
	if len(entries) > 1 {
		c.index.promote()
	}
	return nil
}

// open says whether the registry may still change. Call with mu held.
func (c *core) open() error {
	switch {
	case c.closed:
		return fmt.Errorf("registry %q: %w", c.name, ErrClosed)
	case c.sealed:
		return fmt.Errorf("registry %q: %w", c.name, ErrSealed)
	}
	return nil
}

// admit says whether e may be added to what is registered. Call with mu held.
func (c *core) admit(e *entry) error {
	if f := c.families[e.name]; f != nil {
		if i, found := f.find(e.ver); found {
			return c.admitAgain(e, f.entries[i])
		}
	}
	if other := c.bySign[e.desc.signature]; other != nil {
		return e.collides(other)
	}
	return nil
}

// admitAgain says whether e may be added where old has its version already.
func (c *core) admitAgain(e, old *entry) error {
	switch {
	case old.digest != e.digest:
		return e.republished(old)
	case !old.gone && c.cfg.Duplicates == Reject:
		return e.duplicate(old)
	}
	return nil
}

// batchErrors says which entries of a batch cannot stand beside each other.
func batchErrors(entries []*entry) (errs []error) {
	if len(entries) < 2 {
		return nil
	}
	type identity struct {
		name string
		ver  version.Version // without build metadata
	}
	byID, bySign := make(map[identity]*entry, len(entries)), make(map[uint64]*entry, len(entries))
	for _, e := range entries {
		id := identity{e.name, e.ver}
		id.ver.Build = ""
		switch old, other := byID[id], bySign[e.desc.signature]; {
		case old != nil && old.digest != e.digest:
			errs = append(errs, e.republished(old))
		case old != nil:
			errs = append(errs, e.duplicate(old))
		case other != nil:
			errs = append(errs, e.collides(other))
		}
		byID[id], bySign[e.desc.signature] = e, e
	}
	return errs
}

func (e *entry) republished(old *entry) error {
	return e.refused(ErrRepublished, fmt.Sprintf("%s with %v, registered at %s", old.version, old.digest, where(old.site)),
		fmt.Sprintf("the same contract again, not %v from %s", e.digest, where(e.site)), "give the changed plugin a new version")
}

func (e *entry) collides(other *entry) error {
	return e.refused(ErrInvalid, fmt.Sprintf("the signature of %q %s", other.name, other.version), "one of its own", "the hashes collide: change its version or its name")
}

func (e *entry) duplicate(old *entry) error {
	return e.refused(ErrDuplicate, "a registration at "+where(old.site), "one registration, not another at "+where(e.site), "")
}

func (e *entry) refused(err error, have, want, fix string) error {
	return &PluginError{Plugin: e.name, Version: e.version, Field: "register", Err: err, Have: have, Want: want, Fix: fix}
}

// insert adds an entry that was admitted. Call with mu held.
func (c *core) insert(e *entry) {
	f := c.families[e.name]
	if f == nil {
		f = new(family)
		f.entries = f.first[:0]
		c.families[e.name] = f
	}
	i, found := f.find(e.ver)
	if found {
		old := f.entries[i]
		e.totals.inherit(&old.totals)
		if old.gone {
			f.live++
		}
		f.entries[i] = e
	} else {
		f.live++
		f.entries = slices.Insert(f.entries, i, e)
	}
	c.bySign[e.desc.signature] = e
	c.index.put(e)
	if len(f.entries) > 1 {
		c.resolved.Clear()
	}
}
