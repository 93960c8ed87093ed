// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/plugreg/plugreg/internal/shape"
	"github.com/plugreg/plugreg/internal/tag"
)

// matched says which shape of a contract describes which Go type.
type matched struct {
	shapes map[string]*Shape
	types  map[string]reflect.Type // by name of the shape
	errs   []error
}

// match finds the payload of the contract that t is, and what describes the types within. The error lists what the
// contract says otherwise.
func match(c Contract, t reflect.Type) (root string, m *matched, err error) {
	m = &matched{shapes: shapeIndex(c.Shapes), types: map[string]reflect.Type{}}
	root = "data:" + shape.LocalName(t)
	if m.shapes[root] == nil {
		if s := m.shapes["contract"]; s == nil || s.Role != RoleData {
			return "", nil, fmt.Errorf("it describes no payload %q: list the type in Plugin.Data", root)
		}
		root = "contract"
	}
	m.shape(root, described(t))
	return root, m, errors.Join(m.errs...)
}

// described is what a payload type is described as: a pointer to a struct or to a named type is just a way to hand it
// over.
func described(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		if e := t.Elem(); e.PkgPath() != "" || e.Kind() == reflect.Struct {
			return e
		}
	}
	return t
}

func (m *matched) fail(format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf(format, args...))
}

// shape compares a type with what describes it.
func (m *matched) shape(name string, t reflect.Type) {
	s := m.shapes[name]
	if s == nil {
		return // opaque
	}
	if known, ok := m.types[name]; ok {
		if known != t {
			m.fail("%s describes both %v and %v", name, known, t)
		}
		return
	}
	m.types[name] = t
	m.codecs(s, t)
	isStruct := t.Kind() == reflect.Struct
	switch {
	case s.Kind == "struct" && isStruct:
		m.fields(s, t)
	case s.Kind == "interface" && t.Kind() == reflect.Interface: // such as a field that is not in JSON has
	case s.Kind == "struct" || isStruct:
		m.fail("%s is %s, and %v is %v", name, s.Kind, t, t.Kind())
	default:
		m.literal(s.Kind, t)
	}
}

// codecs compares the methods by which a type writes and reads itself. Whichever way a payload is handed over, those of
// the pointer count; only a plugin's own type may be described as a value, without them.
func (m *matched) codecs(s *Shape, t reflect.Type) {
	if t.Kind() == reflect.Interface {
		return
	}
	p := reflect.PointerTo(t)
	if ownType := isRootName(s.Name) && s.Role != RoleData && s.Role != RoleConfig; ownType && !slices.ContainsFunc(s.Methods, func(m Method) bool { return m.Pointer }) {
		p = t
	}
	var found []string
	for _, codec := range [...]struct {
		name string
		typ  reflect.Type
	}{
		{"MarshalJSON", reflect.TypeFor[json.Marshaler]()}, {"MarshalText", reflect.TypeFor[encoding.TextMarshaler]()},
		{"UnmarshalJSON", reflect.TypeFor[json.Unmarshaler]()}, {"UnmarshalText", reflect.TypeFor[encoding.TextUnmarshaler]()},
	} {
		if p.Implements(codec.typ) {
			found = append(found, codec.name)
		}
	}
	if was, is := codedBy(s), codedByText(found); was != is {
		m.fail("%s is written and read by %s, and %v by %s", s.Name, was, t, is)
	}
}

func (m *matched) fields(s *Shape, t reflect.Type) {
	there := make([]bool, t.NumField())
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Position < 0 || f.Position >= len(there) || t.Field(f.Position).Name != f.Name {
			m.fail("%s has a field %s at position %d, and %v has none there", s.Name, f.Name, f.Position, t)
			return
		}
		there[f.Position] = true
		m.field(s.Name, f, t.Field(f.Position))
	}
	for i, known := range there {
		if f := t.Field(i); !known && (f.IsExported() || f.Anonymous || s.Role != RoleProvides) {
			m.fail("%v has a field %s at position %d, and %s has none there", t, f.Name, i, s.Name)
		}
	}
}

// field compares a field with its description, of which a document may say anything.
func (m *matched) field(owner string, f *Field, g reflect.StructField) {
	wire, ok := tag.WireName(g)
	if !ok {
		wire = "-"
	}
	o, err := tag.Of(g)
	switch {
	case string(g.Tag) != f.Tag:
		m.fail("%s.%s has the tag %s, and in the Go type it is %s", owner, f.Name, quoteText(f.Tag), quoteText(string(g.Tag)))
	case err != nil:
		m.errs = append(m.errs, err)
	case f.Embedded != g.Anonymous || f.Wire != wire || f.Required != o.Required || f.Default != o.Default || !slices.Equal(f.Aliases, o.Aliases):
		m.fail("%s.%s is described otherwise than its tag %s says", owner, f.Name, quoteText(f.Tag))
	}
	m.text(f.Type, g.Type)
}

// text compares a type text with a type, and follows both to the named types within. Packages are left out of it, for a
// contract may show others than Go has.
func (m *matched) text(text string, t reflect.Type) {
	switch {
	case t.Name() == "":
		m.literal(text, t)
	case !m.called(text, t):
		m.fail("%s is not %v", quoteText(text), t)
	default:
		m.shape(text, t)
	}
}

// called reports whether text names the type t.
func (m *matched) called(text string, t reflect.Type) bool {
	switch {
	case t.PkgPath() == "":
		return text == t.Name()
	case text == "contract" || text == "plugin" || text == "config":
		return m.shapes[text] != nil // whatever its name is
	case strings.Contains(text, "["):
		return m.local(text) == shape.LocalName(t)
	}
	return localName(text) == t.Name()
}

// local leaves the packages out of a type text, as [shape.LocalName] does.
func (m *matched) local(text string) string {
	return shape.MapWords(text, func(word string) string {
		if t := m.types[word]; t != nil && t.Name() != "" && isRootName(word) {
			return shape.LocalName(t)
		}
		return localName(word)
	})
}

// literal compares a type that is written out.
func (m *matched) literal(text string, t reflect.Type) {
	prefix, rest := "", text
	switch t.Kind() {
	case reflect.Pointer:
		prefix = "*"
	case reflect.Slice:
		prefix = "[]"
	case reflect.Array:
		prefix = fmt.Sprintf("[%d]", t.Len())
	case reflect.Map:
		key, elem, ok := cutKey(text)
		if !ok {
			m.fail("%s is not %v", quoteText(text), t)
			return
		}
		m.text(key, t.Key())
		rest = elem
	case reflect.Struct:
		m.members(text, t)
		return
	case reflect.Interface, reflect.Func, reflect.Chan:
		return // nothing that a payload is read by
	default:
		if text != t.Kind().String() {
			m.fail("%s is not made of %v", quoteText(text), t.Kind())
		}
		return
	}
	elem, ok := strings.CutPrefix(rest, prefix)
	if !ok {
		m.fail("%s is not %v", quoteText(text), t)
		return
	}
	m.text(elem, t.Elem())
}

// members compares a struct that is written out.
func (m *matched) members(text string, t reflect.Type) {
	if m.local(text) != shape.LocalName(t) {
		m.fail("%s is not %v", quoteText(text), t)
		return
	}
	rest := strings.TrimPrefix(text, "struct{ ")
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			rest = strings.TrimPrefix(rest, "embedded ")
		}
		_, rest, _ = strings.Cut(rest, " ") // the name
		n := typeEnd(rest)
		m.text(rest[:n], f.Type)
		if rest = rest[n:]; f.Tag != "" {
			rest = strings.TrimPrefix(rest, " ")
			rest = rest[shape.QuotedLen(rest):]
		}
		rest = strings.TrimPrefix(rest, "; ")
	}
}

// typeEnd is the length of the type text that text, a member of a struct that is written out, begins with.
func typeEnd(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '"':
			if depth == 0 {
				return max(0, i-1) // the tag, and a space before it
			}
			i += shape.QuotedLen(text[i:]) - 1
		case ';':
			if depth == 0 {
				return i
			}
		}
		if depth < 0 {
			return max(0, i-1) // the end of the struct, and a space before it
		}
	}
	return len(text)
}

// cutKey takes a map's type text apart.
func cutKey(text string) (key, elem string, ok bool) {
	rest, ok := strings.CutPrefix(text, "map")
	n := 0
	if ok && strings.HasPrefix(rest, "[") {
		n = shape.BracketLen(rest)
	}
	if n == 0 {
		return "", "", false
	}
	return rest[1 : n-1], rest[n:], true
}
