// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plugreg/plugreg/internal/near"
	"github.com/plugreg/plugreg/internal/version"
)

// question is a key of the resolve cache.
type question struct{ name, constraint string }

// resolveBound is the number of answers that Resolve remembers.
const resolveBound = 4096

// resolve answers what the cache does not know.
func (c *core) resolve(name, constraint string) (TypeDescriptor, error) {
	fits, err := version.ParseConstraint(constraint)
	if err != nil {
		return TypeDescriptor{}, &PluginError{Plugin: name, Field: "constraint", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.newest(name, fits)
	if err != nil {
		return TypeDescriptor{}, err
	}
	c.resolved.Add(question{strings.Clone(name), strings.Clone(constraint)}, e.desc)
	return e.desc, nil
}

// newest returns the newest version of name that satisfies all constraints. Call with mu held.
func (c *core) newest(name string, fits ...version.Constraint) (*entry, error) {
	f := c.families[name]
	if f == nil || f.live == 0 {
		return nil, c.unknown(name)
	}
	for _, e := range slices.Backward(f.entries) {
		if !e.gone && !slices.ContainsFunc(fits, func(k version.Constraint) bool { return !k.Match(e.ver) }) {
			return e, nil
		}
	}
	return nil, &PluginError{Plugin: name, Field: "resolve", Err: ErrNotFound, Want: wanted(fits), Have: unfit(slices.Collect(f.registered()), fits)}
}

// has reports whether a plugin of that name is registered.
func (c *core) has(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.families[name]
	return f != nil && f.live > 0
}

// names lists the names that are registered. Call with mu held.
func (c *core) names() []string {
	var names []string
	for name, f := range c.families {
		if f.live > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// unknown is the error for a name that is not registered. Call with mu held.
func (c *core) unknown(name string) error {
	have, like := c.known(name)
	return &PluginError{Plugin: clip(name, 160), Field: "resolve", Err: ErrNotFound, Want: "a registered name", Have: have, Fix: like}
}

// known lists what is registered instead of name, and what may be meant. Call with mu held.
func (c *core) known(name string) (have, fix string) {
	all := c.names()
	if len(all) == 0 {
		return fmt.Sprintf("no plugin at all in registry %q", c.name), ""
	}
	have = fmt.Sprintf("%q", all[:min(len(all), 8)])
	if more := len(all) - 8; more > 0 {
		have += fmt.Sprintf(" and %d more", more)
	}
	if like := near.Names(name, slices.Values(all), 3); len(like) > 0 {
		fix = fmt.Sprintf("did you mean %q?", like[0])
	}
	return have, fix
}

func wanted(fits []version.Constraint) string {
	texts := make([]string, len(fits))
	for i, k := range fits {
		texts[i] = fmt.Sprintf("%q", k.String())
	}
	return "a version that satisfies " + strings.Join(texts, " and ")
}

// unfit says for the newest versions why they do not do.
func unfit(family []*entry, fits []version.Constraint) string {
	const most = 5
	var why []string
	for _, e := range slices.Backward(family[max(0, len(family)-most):]) {
		for _, k := range fits {
			if w := k.Why(e.ver); w != "" {
				why = append(why, w)
				break
			}
		}
	}
	if n := len(family) - most; n > 0 {
		why = append(why, fmt.Sprintf("and %d older versions", n))
	}
	return strings.Join(why, "; ")
}
