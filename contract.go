// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/plugreg/plugreg/internal/shape"
	"github.com/plugreg/plugreg/internal/version"
)

// Role says on which side of the boundary a type of a contract stands.
type Role string

// The roles, by priority: a nested type that several roots reach has the role that stands first here.
const (
	// RoleBoth is an interface that the host calls and that plugins implement: its methods may neither grow nor shrink.
	RoleBoth Role = "both"
	// RoleProvides is a concrete type of the plugin, or an interface that an unexported method seals: it may grow.
	RoleProvides Role = "provides"
	// RoleRequires is an interface that the plugin needs of another: it may shrink.
	RoleRequires Role = "requires"
	// RoleConfig is the type of a plugin's settings.
	RoleConfig Role = "config"
	// RoleData is the type of a payload.
	RoleData Role = "data"
	// RoleExport is a function that the plugin offers by name.
	RoleExport Role = "export"
)

// Contract is the full description of one version of a plugin: all types that cross the boundary. It is data: what Go
// made of it can be written as canonical JSON (see testdata/contracts/README.md), and what any language wrote can be
// read by [ParseContract]. The methods do not change it; the zero Contract has no name and no shapes.
type Contract struct {
	// Name and Version identify the plugin; Version is in its SemVer form.
	Name, Version string
	// Policy is what the plugin declares about its changes.
	Policy Policy
	// Shapes describe the types, sorted by name.
	Shapes []Shape
	// Requires are the plugins that this one needs, sorted by name.
	Requires []Dependency
	// Uses are the shared resources that it uses, sorted.
	Uses []string
}

// Dependency is a plugin that another one needs. The interface that is needed of it is the shape "requires:<Name>".
type Dependency struct {
	// Name is the name of the plugin that is required.
	Name string `json:"name"`
	// Constraint says which versions will do, as it was written.
	Constraint string `json:"constraint"`
	// Optional says that the plugin starts also without it.
	Optional bool `json:"optional"`
}

// Shape describes one type; it refers to other types by name.
type Shape struct {
	// Name is "contract", "plugin", "config", "data:<Name>", "export:<name>" or "requires:<name>" for the types that
	// the contract is made of, else the type as every type text writes it: ".Name" in the packages of those, path and
	// name elsewhere.
	Name string
	// Role says on which side of the boundary the type stands.
	Role Role
	// Kind is "struct", "interface", or the type written out.
	Kind string
	// GoType is the package path, or the alias for it, and the name in Go. It is for people and no part of any digest.
	GoType string
	// Comparable says that == is defined: of the pointer for a plugin that is used by pointer, of the struct for
	// settings and payloads.
	Comparable bool
	// Fields are those of a struct, in order of declaration. Of a plugin's own type only the exported ones are here.
	Fields []Field
	// Methods are sorted by name.
	Methods []Method
}

// Field describes one field of a struct.
type Field struct {
	// Name is the name in Go.
	Name string
	// Wire is the name in JSON: "-" where the field is left out, empty where it is an embedded struct whose fields
	// stand in its place.
	Wire string
	// Type is the type written out, with full package paths.
	Type string
	// Tag is the tag as declared.
	Tag string
	// Default is the text of the value that stands for an absent one, from the plugreg tag; empty: the type's zero
	// value.
	Default string
	// Aliases are further names in JSON that a reader accepts, from the plugreg tag.
	Aliases []string
	// Position is the index in the declared struct, from 0.
	Position int
	// Required says that a payload must hold the field, from the plugreg tag.
	Required bool
	// Embedded says that the field is declared without a name of its own.
	Embedded bool
	// Signature is the SHA-256 of "<Name>|<Type>|<Position>".
	Signature Digest
}

// Method describes one method.
type Method struct {
	// Name is the name in Go; an unexported one has its package before it.
	Name string
	// Type is the function type written out, without receiver.
	Type string
	// Pointer says that only the pointer has the method.
	Pointer bool
	// Signature is the SHA-256 of "<Name>|<Type>|pointer" or "<Name>|<Type>|value".
	Signature Digest
}

// Description says what [ContractOf] is to describe beyond a type, and how.
type Description struct {
	// Data are values of payload types, as in [Plugin].
	Data []any
	// Open are paths of packages whose types are described though no described type is declared there.
	Open []string
	// PathAliases map package paths to those that the contract shows instead.
	PathAliases map[string]string
	// Policy is what the contract declares.
	Policy Policy
}

// ContractOf describes T by reflection: an interface is what host and plugin meet at, any other type is a payload, and
// either is the shape "contract". The error matches [ErrInvalid] and joins all that is wrong with the name, the version
// and the types.
func ContractOf[T any](name, ver string, opts ...Description) (Contract, error) {
	f := faults{plugin: name, version: ver}
	f.add("Name", checkName(name))
	v, err := version.Parse(ver)
	f.badVersion(err)
	t := reflect.TypeFor[T]()
	roots := []shape.Root{{Name: "contract", Role: shape.Data, Type: t}}
	if t.Kind() == reflect.Interface {
		roots[0].Role = shape.Both
	}
	c := Contract{Name: name, Version: v.String()}
	var walk shape.Options
	for _, o := range opts {
		roots = append(roots, dataRoots(o.Data)...)
		walk.Open = append(walk.Open, o.Open...)
		if walk.PathAliases == nil {
			walk.PathAliases = map[string]string{}
		}
		maps.Copy(walk.PathAliases, o.PathAliases)
		c.Policy = max(c.Policy, o.Policy)
	}
	if c.Policy > Strict {
		f.badPolicy(c.Policy)
	}
	op := &Target{Plugin: name, Version: ver, Operation: phaseRegister, Phase: true, stats: new(failures)}
	shapes, err := describeShapes(newSandbox(op, SandboxConfig{}, new(hookCell)), op, roots, walk)
	f.add("contract", err)
	if err := f.join(); err != nil {
		return Contract{}, err
	}
	c.Shapes = shapes.list
	return c, nil
}

// ShapesDigest is the digest of the shapes alone: two plugins with equal ones cannot be told apart at the boundary. It
// is the SHA-256 of "plugreg/shapes/v1", a zero byte and the canonical JSON of the sorted pairs of shape name and shape
// hash.
func (c Contract) ShapesDigest() Digest { return digestShapes(c.Shapes) }

// Digest is the digest of all that the contract says: the SHA-256 of "plugreg/contract/v1", a zero byte and the
// canonical JSON of name, policy, requires, shapes digest, uses and version.
func (c Contract) Digest() Digest {
	return digestOf(c.Name, c.Version, c.Policy, sortedDependencies(c.Requires), slices.Sorted(slices.Values(c.Uses)), c.ShapesDigest().String())
}

// Descriptor returns the key of the contract. The error matches [ErrInvalid] where Version is none.
func (c Contract) Descriptor() (TypeDescriptor, error) {
	v, err := version.Parse(c.Version)
	if err != nil {
		f := faults{plugin: c.Name}
		f.badVersion(err)
		return TypeDescriptor{}, f.join()
	}
	return descriptorOf(hashName(c.Name), v, c.Digest()), nil
}

// CompatKey returns "<Name>@<major>.<minor>": versions that share it differ in patches alone. A Version that cannot be
// read counts as 0.0.
func (c Contract) CompatKey() string {
	v, _ := version.Parse(c.Version)
	return c.Name + "@" + strconv.FormatUint(v.Major, 10) + "." + strconv.FormatUint(v.Minor, 10)
}

// Shape returns a copy of the shape of that name, false where there is none.
func (c Contract) Shape(name string) (Shape, bool) {
	i := slices.IndexFunc(c.Shapes, func(s Shape) bool { return s.Name == name })
	if i < 0 {
		return Shape{}, false
	}
	return cloneShapes(c.Shapes[i : i+1])[0], true
}

// shapes are the part of a contract that depends on types alone; plugins of the same types share it. It does not
// change.
type shapes struct {
	roots  []shape.Root
	list   []Shape
	digest Digest
	text   string // of digest
}

// shapeCache remembers shapes by type. It belongs to one registry and grows with the number of its plugins' types.
type shapeCache struct{ m sync.Map }

func (sc *shapeCache) of(c *core, impl reflect.Type, p *plain, requires []requirement) (*shapes, error) {
	key := p.shapesKey(impl, requires)
	if s, ok := sc.m.Load(key); ok {
		return s.(*shapes), nil
	}
	roots := []shape.Root{{Name: "contract", Role: shape.Both, Type: c.contractType}, {Name: "plugin", Role: shape.Provides, Type: impl}}
	if p.config != nil {
		t := reflect.TypeOf(p.config)
		if t.Kind() != reflect.Struct && (t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct) {
			return nil, fmt.Errorf("config: want a struct or a pointer to one, have %v", t)
		}
		roots = append(roots, shape.Root{Name: "config", Role: shape.Config, Type: t})
	}
	roots = append(roots, dataRoots(p.data)...)
	for _, name := range slices.Sorted(maps.Keys(p.exports)) {
		roots = append(roots, shape.Root{Name: "export:" + name, Role: shape.Export, Type: reflect.TypeOf(p.exports[name])})
	}
	for _, q := range requires {
		if q.as != nil {
			roots = append(roots, shape.Root{Name: "requires:" + q.Name, Role: shape.Requires, Type: q.as})
		}
	}
	op := &Target{Registry: c.name, Plugin: p.name, Version: p.version, Operation: phaseRegister, Phase: true, stats: new(failures)}
	s, err := describeShapes(c.quiet, op, roots, c.walk)
	if err == nil {
		sc.m.Store(key, s)
	}
	return s, err
}

func dataRoots(values []any) (roots []shape.Root) {
	for _, v := range values {
		t := reflect.TypeOf(v)
		roots = append(roots, shape.Root{Name: "data:" + shape.LocalName(t), Role: shape.Data, Type: t})
	}
	return roots
}

// describeShapes walks the roots. That runs UnmarshalText of field types that have a default, so it is done in a
// sandbox.
func describeShapes(guard *Sandbox, op *Target, roots []shape.Root, walk shape.Options) (*shapes, error) {
	var found []shape.Shape
	_, err := guard.detached(context.Background(), job{op: op, limit: guard.limits.start, call: func(context.Context) (err error) {
		found, err = shape.Walk(roots, walk)
		return err
	}})
	if err != nil {
		return nil, err
	}
	s := &shapes{roots: roots, list: shapesOf(found)}
	s.digest = digestShapes(s.list)
	s.text = s.digest.String()
	return s, nil
}

func shapesOf(found []shape.Shape) []Shape {
	list := make([]Shape, len(found))
	for i, f := range found {
		list[i] = shapeOf(f)
	}
	return list
}

func shapeOf(f shape.Shape) Shape {
	s := Shape{Name: f.Name, Role: Role(f.Role), Kind: f.Kind, GoType: f.GoType, Comparable: f.Comparable}
	for _, x := range f.Fields {
		s.Fields = append(s.Fields, Field{Name: x.Name, Wire: x.Wire, Type: x.Type, Tag: x.Tag, Default: x.Default, Aliases: x.Aliases,
			Position: x.Position, Required: x.Required, Embedded: x.Embedded, Signature: fieldSignature(x.Name, x.Type, x.Position)})
	}
	for _, x := range f.Methods {
		s.Methods = append(s.Methods, Method{Name: x.Name, Type: x.Type, Pointer: x.Pointer, Signature: methodSignature(x.Name, x.Type, x.Pointer)})
	}
	return s
}

func fieldSignature(name, typ string, position int) Digest {
	return sha256.Sum256([]byte(name + "|" + typ + "|" + strconv.Itoa(position)))
}

func methodSignature(name, typ string, pointer bool) Digest {
	receiver := "value"
	if pointer {
		receiver = "pointer"
	}
	return sha256.Sum256([]byte(name + "|" + typ + "|" + receiver))
}

func cloneShapes(list []Shape) []Shape {
	out := slices.Clone(list)
	for i := range out {
		out[i].Methods = slices.Clone(out[i].Methods)
		out[i].Fields = slices.Clone(out[i].Fields)
		for j := range out[i].Fields {
			out[i].Fields[j].Aliases = slices.Clone(out[i].Fields[j].Aliases)
		}
	}
	return out
}

func dependencies(list []requirement) []Dependency {
	var out []Dependency
	for _, q := range list {
		out = append(out, Dependency{Name: q.Name, Constraint: q.Constraint, Optional: q.Optional})
	}
	return out
}

func sortedDependencies(list []Dependency) []Dependency {
	return slices.SortedFunc(slices.Values(list), func(a, b Dependency) int { return strings.Compare(a.Name, b.Name) })
}
