// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/plugreg/plugreg/internal/tag"
)

// layout is what there is to set in a struct type, from whatever source.
type layout struct {
	fields []*field          // in the order in which encoding/json writes them
	byKey  map[string]*field // by name and by every alias
	// settles says that tags, here or in structs below, ask for something where keys are missing. Without it, nothing
	// is opened for missing keys, hence no embedded pointer replaced.
	settles  bool
	complete bool     // fields may be demanded that no tag does
	blocked  []string // names of embedded structs that encoding/json writes and nobody can set
}

type field struct {
	name     string
	at       int  // position among the layout's fields
	named    bool // by a tag, which wins over a name that is Go's
	index    []int
	typ      reflect.Type
	owner    reflect.Type // the struct that declares it
	quoted   bool         // `json:",string"`
	declared reflect.StructField
	options  tag.Options   // zero where they are wrong
	inner    *layout       // of a struct that is read by its fields
	preset   reflect.Value // the default, where values of the type cannot share anything

	payload payloadField // used by plans alone
}

// layouts makes layouts and has one for each type that it has met. Malformed tags are faults at the place of the first.
type layouts map[reflect.Type]*layout

func (l layouts) of(r *run, t reflect.Type) *layout {
	if made, ok := l[t]; ok {
		return made
	}
	made := &layout{byKey: map[string]*field{}}
	l[t] = made
	found := collector{fields: map[string][]*field{}, layout: made}
	found.collectAll(t)
	for name, candidates := range found.fields {
		if f := dominant(candidates); f != nil {
			made.fields = append(made.fields, f)
			made.byKey[name] = f
		}
	}
	slices.SortFunc(made.fields, func(a, b *field) int { return strings.Compare(a.name, b.name) })
	for _, f := range made.fields {
		if err := made.addOptions(f); err != nil {
			r.fault(Error{Have: "an unusable tag on a field of " + typeName(t), Err: err}, segment{key: f.name})
		}
		made.settles = made.settles || f.options.Required || f.options.HasDefault
		if f.typ.Kind() == reflect.Struct && !decodesItself(f.typ) {
			r.below(segment{key: f.name}, func() { f.inner = l.of(r, f.typ) })
			made.settles = made.settles || f.inner.settles
		}
	}
	slices.SortFunc(made.fields, func(a, b *field) int { return slices.Compare(a.index, b.index) })
	for i, f := range made.fields {
		f.at = i
	}
	return made
}

func (l *layout) addOptions(f *field) error {
	parsed, err := tag.Of(f.declared)
	if err != nil {
		return err
	}
	if parsed.HasDefault {
		made := reflect.New(f.typ).Elem()
		if err := tag.SetDefault(made, parsed.Default); err != nil {
			asInSettings := (&run{}).expect(f.typ)
			return fmt.Errorf("default %q does not fit %s: %w", parsed.Default, asInSettings, err)
		}
		if f.typ.Kind() != reflect.Pointer && !decodesItself(f.typ) {
			f.preset = made
		}
	}
	for _, alias := range parsed.Aliases {
		if other := l.byKey[alias]; other != nil {
			return fmt.Errorf("alias: the key %q is also that of the field %q", alias, other.name)
		}
		l.byKey[alias] = f
	}
	f.options = parsed
	return nil
}

// embedded is a struct whose fields are looked for in another, found by index.
type embedded struct {
	typ   reflect.Type
	index []int
}

// collector finds the settable fields of a struct and of what it inlines, by wire name, the shallowest first.
type collector struct {
	fields map[string][]*field
	layout *layout
}

func (c *collector) collectAll(t reflect.Type) {
	seen := map[reflect.Type]bool{}
	for level := []embedded{{typ: t}}; len(level) > 0; {
		var next []embedded
		times := map[reflect.Type]int{}
		for _, e := range level {
			// Twice at one level is enough for a conflict; deeper down it is hidden by the first.
			if times[e.typ]++; !seen[e.typ] && times[e.typ] <= 2 {
				next = append(next, c.collect(e)...)
			}
		}
		for typ := range times {
			seen[typ] = true
		}
		level = next
	}
}

// collect adds the fields of e and returns what e inlines.
func (c *collector) collect(e embedded) (inlined []embedded) {
	for i := range e.typ.NumField() {
		sf := e.typ.Field(i)
		name, ok := tag.WireName(sf)
		index := append(e.index[:len(e.index):len(e.index)], i)
		switch {
		case !ok:
		case name == "" && (sf.IsExported() || sf.Type.Kind() == reflect.Struct):
			inlined = append(inlined, embedded{target(sf.Type), index})
		case name != "" && sf.IsExported():
			c.fields[name] = append(c.fields[name], newField(e.typ, sf, name, index))
		default: // a pointer to another package's private struct could not be allocated, nor a field with a name be set
			c.layout.blocked = append(c.layout.blocked, sf.Name)
		}
	}
	return inlined
}

func newField(owner reflect.Type, sf reflect.StructField, name string, index []int) *field {
	written, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
	f := &field{name: name, named: name == written, index: index, typ: sf.Type, owner: owner, declared: sf}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "string":
			if scalar := scalarOf(sf.Type); isScalar(scalar.Kind()) {
				f.quoted = quotable(sf.Type)
				f.payload.quotes = !encodesItself(scalar)
			}
		case "omitempty":
			f.payload.omitEmpty = true
		case "omitzero":
			f.payload.omitZero = true
		}
	}
	return f
}

// scalarOf is what the option string looks at: t or what it points to.
func scalarOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		return t.Elem()
	}
	return t
}

func isScalar(k reflect.Kind) bool {
	return k == reflect.Bool || k == reflect.String || isInteger(k) || isFloat(k)
}

// quotable reports whether the option string has a meaning for who reads a t: for scalars that do not read themselves.
func quotable(t reflect.Type) bool {
	t = scalarOf(t)
	return isScalar(t.Kind()) && !decodesItself(t)
}

// dominant is the field that a name stands for: the shallowest, there the one with a tag; none where that is not one
// alone.
func dominant(candidates []*field) *field {
	if len(candidates) == 1 {
		return candidates[0]
	}
	var best []*field
	for _, named := range []bool{true, false} {
		for _, f := range candidates {
			if len(f.index) == len(candidates[0].index) && f.named == named {
				best = append(best, f)
			}
		}
		if len(best) > 0 {
			break
		}
	}
	if len(best) != 1 {
		return nil
	}
	return best[0]
}
