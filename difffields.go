// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// fields compares two structs: what code can name, by the names in Go, and what is on the wire of each.
func (d *differ) fields(path string, o, n *Shape) {
	embedding := hasEmbedded(o) || hasEmbedded(n)
	if d.equalFields(o, n) && (!embedding || d.equalEmbedded(o, n)) {
		return
	}
	s := structs{differ: d, path: path, o: o, n: n, was: fieldsOf{shape: o}, now: fieldsOf{shape: n}}
	if embedding {
		s.before, s.after = d.reach(o, d.old), d.reach(n, d.new)
	}
	found := len(d.found)
	s.lost()
	s.gained()
	s.private()
	if embedding {
		s.promoted()
		s.inlined()
	}
	s.order()
	if len(d.found) == found && !d.equalFields(o, n) { // a gap that unexported fields leave, or a place among them
		d.add(privateChanged, path, positions(o), positions(n))
	}
}

// structs is one comparison of two versions of a struct.
type structs struct {
	*differ
	path          string
	o, n          *Shape
	was, now      fieldsOf
	before, after *reached          // through embedded structs; nil where there are none
	aliased       map[string]*Field // new fields of new names, by alias; nil until somebody asks
	renamed       map[string]bool   // new names of fields that had another
}

// fieldsOf finds the public fields of a struct.
type fieldsOf struct {
	shape  *Shape
	byName map[string]*Field // nil until it is needed
}

// find looks at the given index first, where the field of that name most often is.
func (m *fieldsOf) find(name string, index int) *Field {
	if fields := m.shape.Fields; index < len(fields) && fields[index].Name == name && fields[index].public() {
		return &fields[index]
	}
	if m.byName == nil {
		m.byName = make(map[string]*Field, len(m.shape.Fields))
		for i := range m.shape.Fields {
			if f := &m.shape.Fields[i]; f.public() {
				m.byName[f.Name] = f
			}
		}
	}
	return m.byName[name]
}

// public fields are those that code elsewhere can name, that are in JSON, and the embedded ones, which bring in others.
func (f *Field) public() bool {
	return f.Name != "_" && (token.IsExported(f.Name) || f.Embedded || f.Wire != "-") && f.Type != noCloseText
}

// noCloseText is embedded to have a Close, and for nothing else: a Close of one's own may take its place.
const noCloseText = "github.com/plugreg/plugreg.NoClose"

// onWire reports whether the field has a name of its own in JSON.
func (f *Field) onWire() bool { return f.Wire != "" && f.Wire != "-" && f.Name != "_" }

// equal compares all but the places of two fields.
func (d *differ) equal(f, g *Field) bool {
	return f.Name == g.Name && d.same(f.Type, g.Type) && f.Embedded == g.Embedded && f.equalTerms(g)
}

func (f *Field) equalTerms(g *Field) bool {
	return f.Wire == g.Wire && f.Tag == g.Tag && f.Default == g.Default && f.Required == g.Required && slices.Equal(f.Aliases, g.Aliases)
}

func (d *differ) equalFields(o, n *Shape) bool {
	if len(o.Fields) != len(n.Fields) {
		return false
	}
	for i := range o.Fields {
		if f, g := &o.Fields[i], &n.Fields[i]; f.Position != g.Position || !d.equal(f, g) {
			return false
		}
	}
	return true
}

// positions is the layout of a struct as far as it is described.
func positions(s *Shape) string {
	list := make([]string, len(s.Fields))
	for i := range s.Fields {
		list[i] = fmt.Sprint(s.Fields[i].Position, " ", s.Fields[i].Name)
	}
	return strings.Join(list, ", ")
}

// lost looks at the fields of the old version.
func (s *structs) lost() {
	for i := range s.o.Fields {
		f := &s.o.Fields[i]
		if !f.public() {
			continue
		}
		switch g := s.now.find(f.Name, i); {
		case g == nil:
			s.gone(s.path+"."+f.Name, f)
		case !s.equal(f, g):
			s.field(s.path+"."+f.Name, f, g)
		}
	}
}

// gone finds out what became of a field that the new version does not declare.
func (s *structs) gone(path string, f *Field) {
	if g := s.successor(f); g != nil {
		if s.renamed == nil {
			s.renamed = map[string]bool{}
		}
		s.renamed[g.Name] = true
		s.add(fieldRenamed, path, f.Name, g.Name)
		s.terms(path, f, g)
		return
	}
	switch {
	case s.after != nil && f.Type != "" && s.same(s.after.fields[f.Name].Type, f.Type):
		s.add(fieldPromoted, path, f.Type, s.after.fields[f.Name].owner)
	case s.bringsUnknown(f):
		s.add(fieldRemoved, path, f.Type, "")
	case f.Embedded && !token.IsExported(f.Name) && f.onWire():
		s.add(wireRemoved, path, f.Wire, "")
	case f.Embedded && !token.IsExported(f.Name):
		if s.survives(f) { // else what is lost is found one by one
			s.add(embeddingReplaced, path, f.Type, "")
		}
	case f.Embedded && s.survives(f):
		s.add(fieldInlined, path, f.Type, "")
	default:
		s.add(fieldRemoved, path, f.Type, "")
	}
}

// successor is the field that has an alias for f, where names in JSON are all that counts. One field succeeds one.
func (s *structs) successor(f *Field) *Field {
	if s.o.Role != RoleData && s.o.Role != RoleConfig || !f.onWire() {
		return nil
	}
	if s.aliased == nil {
		s.aliased = map[string]*Field{}
		for i := range s.n.Fields {
			g := &s.n.Fields[i]
			for _, a := range g.Aliases {
				if s.aliased[a] == nil && s.was.find(g.Name, i) == nil {
					s.aliased[a] = g
				}
			}
		}
	}
	if g := s.aliased[f.Wire]; g != nil && !s.renamed[g.Name] && s.same(f.Type, g.Type) {
		return g
	}
	return nil
}

// field compares two versions of one field.
func (s *structs) field(path string, f, g *Field) {
	if !s.same(f.Type, g.Type) {
		r := fieldRetyped
		if widens(f.Type, g.Type) {
			r = fieldWidened
		}
		s.add(r, path, f.Type, g.Type)
	}
	switch {
	case f.Embedded && !g.Embedded:
		s.add(embeddingRemoved, path, "", "")
	case !f.Embedded && g.Embedded:
		s.add(embeddingAdded, path, "", "")
	}
	before := len(s.found)
	s.wire(path, f, g)
	s.terms(path, f, g)
	if before == len(s.found) && !f.equalTerms(g) {
		s.add(tagChanged, path, f.Tag, g.Tag)
	}
}

// gained looks at the fields that are new.
func (s *structs) gained() {
	for i := range s.n.Fields {
		f := &s.n.Fields[i]
		if !f.public() || s.renamed[f.Name] || s.was.find(f.Name, i) != nil {
			continue
		}
		r := fieldAdded
		switch {
		case f.Embedded && s.hidesUnknown(f):
			r = embeddingUnknown
		case f.onWire() && !s.inlinedBefore(f.Wire) && s.demanded(f):
			r = requiredFieldAdded
		}
		s.add(r, s.path+"."+f.Name, "", f.Type)
	}
}

// demanded reports whether a payload has to hold the field.
func (d *differ) demanded(f *Field) bool { return f.Required || d.demands(f.Type, map[string]bool{}) }

// demands reports whether a payload that lacks a struct of that type lacks something required within it: a struct that is
// absent is one whose fields are all absent. One that reads itself asks for nothing.
func (d *differ) demands(typ string, seen map[string]bool) bool {
	shape := d.new[typ]
	if shape == nil || shape.Kind != "struct" || seen[typ] {
		return false
	}
	seen[typ] = true
	if slices.ContainsFunc(shape.Methods, func(m Method) bool { return m.Name == "UnmarshalJSON" || m.Name == "UnmarshalText" }) {
		return false
	}
	return slices.ContainsFunc(shape.Fields, func(f Field) bool { return f.public() && f.Wire != "-" && (f.Required || d.demands(f.Type, seen)) })
}

// private compares the fields that code elsewhere cannot name, in whatever order.
func (s *structs) private() {
	if was, is := s.privateText(s.o), s.privateText(s.n); was != is {
		s.add(privateChanged, s.path, was, is)
	}
}

func (s *structs) privateText(shape *Shape) string {
	var list []string
	for i := range shape.Fields {
		f := &shape.Fields[i]
		if f.public() {
			continue
		}
		text := f.Name + " " + s.plain(f.Type)
		if f.Tag != "" {
			text += " `" + f.Tag + "`"
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}

// order reports the fields that both versions have, where they stand in another order.
func (s *structs) order() {
	if slices.EqualFunc(s.o.Fields, s.n.Fields, func(f, g Field) bool { return f.Name == g.Name }) {
		return
	}
	was, is := common(s.o, s.n), common(s.n, s.o)
	if !slices.Equal(was, is) {
		s.add(fieldsReordered, s.path, strings.Join(was, ", "), strings.Join(is, ", "))
	}
}

func common(s, other *Shape) []string {
	there := make(map[string]bool, len(other.Fields))
	for i := range other.Fields {
		there[other.Fields[i].Name] = true
	}
	list := make([]string, 0, len(s.Fields))
	for i := range s.Fields {
		if name := s.Fields[i].Name; name != "_" && there[name] {
			list = append(list, name)
		}
	}
	return list
}
