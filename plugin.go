// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/plugreg/plugreg/internal/version"
)

// Plugin is one version of a plugin, as it is registered. It is copied; what it points to must not change afterwards.
type Plugin[T io.Closer] struct {
	// Name is the plugin's name: a letter or digit, then up to 127 letters, digits, dots, dashes and underscores, all
	// ASCII.
	Name string
	// Version is its version by SemVer 2.0.0, strict but for one leading v, which is dropped: "1.2.3", "v1.2.3-rc.1".
	// Major and minor are at most 65535, patch at most 4294967295.
	Version string
	// Prototype is a value of the concrete type that New returns, usually a typed nil such as (*Sink)(nil): the
	// compiler proves by it that the type satisfies T, the contract describes it, and capability probes are asked on it
	// (on a fresh zero value where it is a nil pointer). It is never closed.
	Prototype T
	// New builds an instance. See [Configured] for one that takes typed settings.
	New Constructor[T]
	// Config is a struct, or a pointer to one, that holds the defaults of the plugin's settings; its fields are in the
	// contract. Nil: none.
	Config any
	// Data are values of the payload types that cross the boundary; their fields are in the contract, under the type's
	// name. Types of other packages than those of T, Prototype, Config and Data are known to the contract by name alone
	// (see [Config].OpenPackages), so list here what T's methods take from elsewhere.
	Data []any
	// Exports are functions that the plugin offers by name beyond T, see [DoExport]; their signatures are in the
	// contract. The names follow the rule of Name.
	Exports map[string]any
	// Requires are the plugins that this one needs, see [Require].
	Requires []Requirement
	// Uses names the shared resources that the plugin uses, such as "cache:fallback"; the rule is that of Name, and
	// colons are allowed.
	Uses []string
	// Policy is what the plugin declares about its own changes; zero: Default, which leaves it to [Config].Policy. It is
	// part of the contract.
	Policy Policy
	// Sandbox asks for limits; what it leaves at zero comes from [Config].Sandbox. Nil: all of them. The host's
	// SandboxFor has the last word.
	Sandbox *SandboxConfig
	// Summary says in a line what the plugin is for. May be empty.
	Summary string
	// Deprecated says why not to use this version any more, and what instead; empty: it is not deprecated.
	Deprecated string
	// Labels are for the host's own purposes; keys follow the rule of Name, with slashes allowed, values are printable.
	Labels map[string]string
}

// Requirement is a plugin that another one needs.
type Requirement struct {
	// Name is the name of the plugin that is required.
	Name string
	// Constraint says which versions will do, as in [Registry.Resolve]; empty: any release.
	Constraint string
	// As is a nil pointer to the interface that is needed of it, such as (*Cache)(nil): checked before anything is
	// built, and part of the contract. Nil: whatever it is.
	As any
	// Optional lets the plugin start also where no plugin of that name is registered.
	Optional bool
}

// Info is what a plugin says of itself.
type Info struct {
	// Name and Version identify the plugin; Version is in its SemVer form, without a leading v.
	Name    string `json:"name"`
	Version string `json:"version"`
	// Summary, Deprecated and Labels are those of [Plugin]. Labels is a copy.
	Summary    string            `json:"summary,omitempty"`
	Deprecated string            `json:"deprecated,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	// Descriptor is the plugin's key.
	Descriptor TypeDescriptor `json:"descriptor"`
}

// plain is a Plugin without its type parameter.
type plain struct {
	name, version       string
	proto               any
	hasNew              bool
	config              any
	data                []any
	exports             map[string]any
	requires            []Requirement
	uses                []string
	policy              Policy
	sandbox             *SandboxConfig
	summary, deprecated string
	labels              map[string]string
}

func (p *Plugin[T]) plain() plain {
	return plain{p.Name, p.Version, p.Prototype, p.New != nil, p.Config, p.Data, p.Exports, p.Requires, p.Uses, p.Policy,
		p.Sandbox, p.Summary, p.Deprecated, p.Labels}
}

// entry is a registered plugin. It does not change once it is committed, but for gone.
type entry struct {
	name, version string // the SemVer form
	ver           version.Version
	desc          TypeDescriptor
	digest        Digest
	shapes        *shapes
	policy        Policy
	requires      []requirement
	uses          []string
	impl          reflect.Type
	proto         any
	exports       map[string]any
	sandbox       *SandboxConfig
	summary       string
	deprecated    string
	labels        map[string]string
	site          uintptr // of the registration
	gone          bool    // unregistered; guarded by core.mu

	ctor   any // the Constructor[T]
	totals totals
}

// requirement is a Requirement that was read.
type requirement struct {
	Requirement
	fits version.Constraint
	as   reflect.Type // nil: anything
}

func (e *entry) info() Info {
	return Info{Name: e.name, Version: e.version, Summary: e.summary, Deprecated: e.deprecated, Labels: maps.Clone(e.labels), Descriptor: e.desc}
}

func (e *entry) contract() Contract {
	c := Contract{Name: e.name, Version: e.version, Policy: e.policy, Shapes: cloneShapes(e.shapes.list), Requires: dependencies(e.requires), Uses: slices.Clone(e.uses)}
	return c
}

// describe checks everything that needs no other plugin and makes the entry; all faults are joined.
func (c *core) describe(p plain, site uintptr) (*entry, error) {
	f := faults{plugin: p.name, version: p.version}
	e := &entry{name: p.name, policy: p.policy, site: site, proto: p.proto, impl: reflect.TypeOf(p.proto),
		summary: p.summary, deprecated: p.deprecated}
	f.add("Name", checkName(p.name))
	ver, err := version.Parse(p.version)
	f.badVersion(err)
	e.ver, e.version = ver, strings.TrimPrefix(p.version, "v") // strict parsing leaves no other spelling
	if e.impl == nil {
		f.bad("Prototype", "an untyped nil", "a value of the concrete type that New returns", "write (*YourType)(nil)")
	}
	if !p.hasNew {
		f.bad("New", "nil", "a constructor", "set Plugin.New")
	}
	if p.policy > Strict {
		f.badPolicy(p.policy)
	}
	e.exports = f.exports(p.exports)
	e.requires = f.requires(p.name, p.requires)
	e.uses = f.uses(p.uses)
	e.labels = f.labels(p.labels)
	f.text("Summary", p.summary)
	f.text("Deprecated", p.deprecated)
	if p.sandbox != nil {
		own := p.sandbox.own()
		own.over(c.cfg.Sandbox).check(&f, "Sandbox")
		e.sandbox = &own
	} else if c.incomplete {
		c.cfg.Sandbox.check(&f, "Config.Sandbox")
	}
	if err := f.join(); err != nil {
		return nil, err
	}
	e.shapes, err = c.shapes.of(c, e.impl, &p, e.requires)
	if err != nil {
		return nil, &PluginError{Plugin: p.name, Version: p.version, Field: "contract", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	e.digest = digestOf(e.name, e.version, e.policy, dependencies(e.requires), e.uses, e.shapes.text)
	e.desc = descriptorOf(hashName(e.name), e.ver, e.digest)
	return e, nil
}

// shapesKey identifies a set of types whose shapes were computed before.
type shapesKey struct {
	impl, config reflect.Type
	rest         string // names and types of data, exports and requirements
}

func (p *plain) shapesKey(impl reflect.Type, requires []requirement) shapesKey {
	key := shapesKey{impl: impl, config: reflect.TypeOf(p.config)}
	if len(p.data) == 0 && len(p.exports) == 0 && len(requires) == 0 {
		return key
	}
	var b []byte
	add := func(kind byte, name string, t reflect.Type) {
		b = append(append(append(b, kind), name...), 0)
		if t != nil {
			b = binary.LittleEndian.AppendUint64(b, uint64(reflect.ValueOf(t).Pointer()))
		}
	}
	for _, v := range p.data {
		add('d', "", reflect.TypeOf(v))
	}
	for _, name := range slices.Sorted(maps.Keys(p.exports)) {
		add('e', name, reflect.TypeOf(p.exports[name]))
	}
	for _, q := range requires {
		add('r', q.Name, q.as)
	}
	key.rest = string(b)
	return key
}
