// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// reached is what embedded structs bring into a struct, as far as their types are described.
type reached struct {
	fields map[string]via  // that can be selected, by name, those of the struct itself aside
	wires  map[string]via  // that are in JSON, by name there, those of the struct itself included
	owners map[string]bool // the types that are embedded, directly or not
}

// maxEmbedding bounds what a foreign document can ask for: structs that are embedded in each other deeper are not looked at.
const maxEmbedding = 100

// via is a field that is reached through an embedded one.
type via struct {
	Field
	owner   string // the type that declares it; empty for the struct itself
	through string // the outermost embedded field on the way
	pointed bool   // a pointer is on the way, and nothing is there where that is nil
}

func hasEmbedded(s *Shape) bool {
	for i := range s.Fields {
		if s.Fields[i].Embedded {
			return true
		}
	}
	return false
}

// reach resolves names as Go resolves selectors, and names in JSON as encoding/json does: what is less deep hides what
// is deeper; of names at one depth none is visible in Go, and in JSON the one that a tag gives, if it is alone.
func (d *differ) reach(s *Shape, side map[string]*Shape) *reached {
	r := &reached{fields: map[string]via{}, wires: map[string]via{}, owners: map[string]bool{}}
	var level []via
	wired := names{}
	taken := make(map[string]bool, len(s.Fields)) // names in Go that are hidden from now on
	for i := range s.Fields {
		v := via{Field: s.Fields[i], through: s.Fields[i].Name}
		taken[v.Name] = true
		wired.offer(v)
		if v.Embedded {
			level = append(level, v)
		}
	}
	takenWires := map[string]bool{}
	wired.settle(r.wires, takenWires)
	for depth := 0; len(level) > 0 && depth < maxEmbedding; depth++ {
		selectable, wired := names{}, names{}
		var next []via
		times := map[string]int{}
		for _, e := range level {
			owner := d.ownerOf(&e.Field)
			if times[owner]++; !r.owners[owner] && times[owner] <= 2 { // twice at one depth is enough to be ambiguous
				next = append(next, embed(e, owner, d.counterpart(owner, side), selectable, wired)...)
			}
		}
		for owner := range times {
			r.owners[owner] = true
		}
		selectable.settle(r.fields, taken)
		wired.settle(r.wires, takenWires)
		level = next
	}
	return r
}

// ownerOf is the type that an embedded field embeds.
func (d *differ) ownerOf(f *Field) string { return strings.TrimPrefix(d.plain(f.Type), "*") }

// embed offers the fields of an embedded struct, and returns what that one embeds. Of types that are not described
// nothing is known.
func embed(e via, owner string, s *Shape, selectable, wired names) (next []via) {
	if s == nil || s.Kind != "struct" {
		return nil
	}
	for i := range s.Fields {
		v := via{Field: s.Fields[i], owner: owner, through: e.through, pointed: e.pointed || strings.HasPrefix(e.Type, "*")}
		selectable.put(v.Name, v, false)
		if e.Wire == "" {
			wired.offer(v)
		} else {
			v.Wire = "-" // what holds it has a name in JSON, so nothing in there is inlined
		}
		if v.Embedded {
			next = append(next, v)
		}
	}
	return next
}

// names collects candidates of one depth.
type names map[string][]candidate

type candidate struct {
	via
	tagged bool
}

func (n names) put(name string, v via, tagged bool) { n[name] = append(n[name], candidate{v, tagged}) }

func (n names) offer(v via) {
	if v.onWire() {
		written, _, _ := strings.Cut(reflect.StructTag(v.Tag).Get("json"), ",")
		n.put(v.Wire, v, written == v.Wire)
	}
}

// settle adds the names that are neither taken nor ambiguous, and takes all of them.
func (n names) settle(visible map[string]via, taken map[string]bool) {
	for name, list := range n {
		if taken[name] {
			continue
		}
		best := list
		if len(list) > 1 {
			best = slices.DeleteFunc(slices.Clone(list), func(c candidate) bool { return !c.tagged })
		}
		if len(best) == 1 {
			visible[name] = best[0].via
		}
	}
	for name := range n {
		taken[name] = true
	}
}

// promoted compares what can be selected through embedded structs. What an embedded type itself lost is reported there.
func (s *structs) promoted() {
	for _, name := range slices.Sorted(maps.Keys(s.before.fields)) {
		was := s.before.fields[name]
		path := s.path + "." + name
		is, direct := s.after.fields[name], s.now.find(name, 0)
		switch {
		case !token.IsExported(name) || s.reported(was):
		case direct != nil && s.same(was.Type, direct.Type), is.owner != "" && s.same(was.Type, is.Type):
		case direct != nil:
			s.add(fieldRetyped, path, was.Type, direct.Type)
		case is.owner != "" && is.owner != was.owner:
			s.add(fieldRetyped, path, was.Type, is.Type)
		case is.owner == "" && (!s.after.owners[was.owner] || s.keeps(was.owner, func(f *Field) bool { return f.Name == name })):
			s.add(fieldRemoved, path, was.Type, "")
		}
	}
}

// inlined compares what embedded structs bring into the JSON of the whole.
func (s *structs) inlined() {
	for _, wire := range slices.Sorted(maps.Keys(s.before.wires)) {
		was := s.before.wires[wire]
		is, ok := s.after.wires[wire]
		path := s.path + "." + was.Name
		switch {
		case was.owner == "" || s.reported(was) || ok && is.owner == was.owner:
		case !ok && s.after.owners[was.owner] && !s.keeps(was.owner, func(f *Field) bool { return f.Wire == wire }):
		case !ok:
			s.add(wireRemoved, path, wire, "")
		case !s.same(was.Type, is.Type):
			s.add(fieldRetyped, path, was.Type, is.Type)
		default:
			s.terms(path, &was.Field, &is.Field)
		}
	}
	for _, wire := range slices.Sorted(maps.Keys(s.after.wires)) {
		is := s.after.wires[wire]
		if _, had := s.before.wires[wire]; !had && is.owner != "" && !is.pointed && !s.before.owners[is.owner] && s.demanded(&is.Field) {
			s.add(requiredFieldAdded, s.path+"."+is.Name, "", is.Type)
		}
	}
}

// inlinedBefore reports whether an embedded struct brought that name into JSON; then it is compared as such.
func (s *structs) inlinedBefore(wire string) bool {
	return s.before != nil && s.before.wires[wire].owner != ""
}

// reported says that the embedded field through which was is reached has been reported as gone, or as not embedded.
func (s *structs) reported(was via) bool {
	g := s.now.find(was.through, 0)
	return token.IsExported(was.through) && (g == nil || !g.Embedded)
}

// keeps reports whether a type of the new contract still has such a field.
func (s *structs) keeps(owner string, field func(*Field) bool) bool {
	n := s.counterpart(owner, s.new)
	return n != nil && slices.ContainsFunc(n.Fields, func(f Field) bool { return field(&f) })
}

// bringsUnknown reports whether f embeds a type that is not described, so that nobody knows what went with it.
func (s *structs) bringsUnknown(f *Field) bool {
	owner := s.ownerOf(f)
	return f.Embedded && s.counterpart(owner, s.old) == nil && strings.Contains(owner, ".")
}

// hidesUnknown reports whether the new field f embeds a type that is not described, beside others that are: what it brings
// in may hide what they do.
func (s *structs) hidesUnknown(f *Field) bool {
	owner := s.ownerOf(f)
	return s.counterpart(owner, s.new) == nil && strings.Contains(owner, ".") && len(s.before.owners) > 0
}

// equalEmbedded reports whether all that two equal structs embed is equal too, at every depth.
func (d *differ) equalEmbedded(o, n *Shape) bool {
	for i := range o.Fields {
		if f := &o.Fields[i]; f.Embedded && !d.equalOwner(d.ownerOf(f), 0) {
			return false
		}
	}
	return true
}

func (d *differ) equalOwner(owner string, depth int) bool {
	if same, known := d.unchanged[owner]; known {
		return same
	}
	if depth > maxEmbedding {
		return false
	}
	if d.unchanged == nil {
		d.unchanged = map[string]bool{}
	}
	d.unchanged[owner] = true // a struct that embeds itself is no worse for it
	o, n := d.counterpart(owner, d.old), d.counterpart(owner, d.new)
	same := o == nil && n == nil || o != nil && n != nil && o.Kind == n.Kind && d.equalFields(o, n)
	for i := 0; same && o != nil && i < len(o.Fields); i++ {
		if f := &o.Fields[i]; f.Embedded {
			same = d.equalOwner(d.ownerOf(f), depth+1)
		}
	}
	d.unchanged[owner] = same
	return same
}

// survives reports whether all that an embedded struct brought in can still be selected.
func (s *structs) survives(f *Field) bool {
	selectable := false
	for name, was := range s.before.fields {
		if was.through != f.Name || !token.IsExported(name) {
			continue
		}
		selectable = true
		if g := s.now.find(name, 0); (g == nil || !s.same(g.Type, was.Type)) && !s.same(s.after.fields[name].Type, was.Type) {
			return false
		}
	}
	return selectable || !token.IsExported(f.Name)
}
