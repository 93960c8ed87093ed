// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"slices"

	"github.com/plugreg/plugreg/internal/shape"
)

// trusted compares the contracts of all that an Open would build with what was registered, and shows them to the host,
// before any code of it runs.
func (p *plan) trusted(ctx context.Context, c *core) error {
	if err := c.verified(ctx, p.root); err != nil {
		return err
	}
	for _, key := range p.keys() {
		if err := key.core.verified(ctx, p.picks[key]); err != nil {
			return &PluginError{Plugin: p.root.name, Version: p.root.version, Field: fmt.Sprintf("dependency %q", key.name), Err: err}
		}
	}
	return nil
}

// verified describes a plugin anew before the host is asked about it.
func (c *core) verified(ctx context.Context, e *entry) error {
	now, err := c.recomputed(e)
	if err != nil {
		return &PluginError{Plugin: e.name, Version: e.version, Field: phaseCheck, Err: err, Fix: "register what changed under a new version"}
	}
	return c.trusts(ctx, e, func() Contract { return now })
}

// trusts asks the host whether a plugin's code may run.
func (c *core) trusts(ctx context.Context, e *entry, contract func() Contract) error {
	if c.cfg.Trust == nil {
		return nil
	}
	return c.check(ctx, e, func() error {
		if err := c.cfg.Trust(contract()); err != nil {
			return fmt.Errorf("%w: %w", ErrUntrusted, err)
		}
		return nil
	})
}

// recomputed describes a plugin anew, from its types, and compares that with what was registered. No code of the plugin
// runs for it.
func (c *core) recomputed(e *entry) (Contract, error) {
	walk := c.walk
	walk.Untried = true
	found, err := shape.Walk(e.shapes.roots, walk)
	if err != nil {
		return Contract{}, fmt.Errorf("%w: %w", ErrContract, err)
	}
	now := e.view()
	now.Shapes = shapesOf(found)
	now.Uses = slices.Clone(now.Uses)
	if have := now.Digest(); have != e.digest {
		return Contract{}, fmt.Errorf("%w: the plugin's types and terms have the digest %v, and %v was registered", ErrContract, have, e.digest)
	}
	return now, nil
}
