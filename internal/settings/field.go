// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/plugreg/plugreg/internal/tag"
)

// plan is what there is to set in a struct type.
type plan struct {
	fields []*field          // by name
	byKey  map[string]*field // by name and by every alias
	// settles says that tags, here or in structs below, ask for something where keys are missing. Without it, nothing
	// is opened for missing keys, hence no embedded pointer replaced.
	settles bool
}

type field struct {
	name     string
	named    bool // by a tag, which wins over a name that is Go's
	index    []int
	typ      reflect.Type
	quoted   bool // `json:",string"`
	declared reflect.StructField
	options  tag.Options // zero where they are wrong
}

// planOf makes the plan of t, and reports malformed tags, once in a decoder's life.
func (d *decoder) planOf(t reflect.Type) *plan {
	if p, ok := d.plans[t]; ok {
		return p
	}
	p := &plan{byKey: map[string]*field{}}
	d.plans[t] = p
	for name, candidates := range fieldsOf(t) {
		if f := dominant(candidates); f != nil {
			p.fields = append(p.fields, f)
			p.byKey[name] = f
		}
	}
	slices.SortFunc(p.fields, func(a, b *field) int { return strings.Compare(a.name, b.name) })
	for _, f := range p.fields {
		if err := p.addOptions(f); err != nil {
			d.fault(Error{Have: "an unusable tag on a field of " + typeName(t), Err: err}, segment{key: f.name})
		}
		p.settles = p.settles || f.options.Required || f.options.HasDefault
		if f.nests() {
			d.below(segment{key: f.name}, func() { p.settles = d.planOf(f.typ).settles || p.settles })
		}
	}
	return p
}

// nests reports whether f is a struct that is decoded by its fields.
func (f *field) nests() bool { return f.typ.Kind() == reflect.Struct && !decodesItself(f.typ) }

func (p *plan) addOptions(f *field) error {
	parsed, err := tag.Of(f.declared)
	if err != nil {
		return err
	}
	if parsed.HasDefault {
		if err := tag.SetDefault(reflect.New(f.typ).Elem(), parsed.Default); err != nil {
			return fmt.Errorf("default %q does not fit %s: %w", parsed.Default, expect(f.typ), err)
		}
	}
	for _, alias := range parsed.Aliases {
		if other := p.byKey[alias]; other != nil {
			return fmt.Errorf("alias: the key %q is also that of the field %q", alias, other.name)
		}
		p.byKey[alias] = f
	}
	f.options = parsed
	return nil
}

// embedded is a struct whose fields are looked for in another, found by index.
type embedded struct {
	typ   reflect.Type
	index []int
}

// fieldsOf finds the settable fields of t and of what it inlines, by wire name, the shallowest first.
func fieldsOf(t reflect.Type) map[string][]*field {
	found := map[string][]*field{}
	seen := map[reflect.Type]bool{}
	for level := []embedded{{typ: t}}; len(level) > 0; {
		var next []embedded
		times := map[reflect.Type]int{}
		for _, e := range level {
			// Twice at one level is enough for a conflict; deeper down it is hidden by the first.
			if times[e.typ]++; !seen[e.typ] && times[e.typ] <= 2 {
				next = append(next, e.collect(found)...)
			}
		}
		for typ := range times {
			seen[typ] = true
		}
		level = next
	}
	return found
}

// collect adds the fields of e to found and returns what e inlines.
func (e embedded) collect(found map[string][]*field) (inlined []embedded) {
	for i := range e.typ.NumField() {
		sf := e.typ.Field(i)
		name, ok := tag.WireName(sf)
		index := append(slices.Clone(e.index), i)
		switch {
		case !ok:
		case name == "" && (sf.IsExported() || sf.Type.Kind() == reflect.Struct): // a pointer to another could not be allocated
			inlined = append(inlined, embedded{target(sf.Type), index})
		case name != "" && sf.IsExported():
			written := strings.Split(sf.Tag.Get("json"), ",")
			f := &field{name: name, named: name == written[0], index: index, typ: sf.Type, declared: sf}
			f.quoted = slices.Contains(written[1:], "string") && quotable(sf.Type)
			found[name] = append(found[name], f)
		}
	}
	return inlined
}

// quotable reports whether the option string has a meaning for t: scalars that do not read strings themselves.
func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	k := t.Kind()
	if t == durationType || decodesItself(t) {
		return false
	}
	return k == reflect.Bool || k == reflect.String || isInteger(k) || isFloat(k)
}

// dominant is the field that a name stands for: the shallowest, there the one with a tag; none where that is not one alone.
func dominant(candidates []*field) *field {
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
