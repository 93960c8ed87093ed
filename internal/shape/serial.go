// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"encoding"
	"fmt"
	"reflect"

	"github.com/plugreg/plugreg/internal/tag"
)

// serial checks that a type can be written as JSON, as far as its type can tell: what an interface holds is not known
// before run time. Opaque types are looked into as well, since they must be written too.
type serial struct {
	report func(at *step, err error)
	seen   map[reflect.Type]bool
}

func (s *serial) check(t reflect.Type, at *step) {
	if s.seen[t] || encodesItself(t) {
		return
	}
	s.seen[t] = true
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		s.refuse(t, at)
		delete(s.seen, t) // every place is reported
	case reflect.Pointer:
		s.check(t.Elem(), at)
	case reflect.Slice, reflect.Array:
		s.check(t.Elem(), at.then("[]"))
	case reflect.Map:
		s.key(t.Key(), at)
		s.check(t.Elem(), at.then("[]"))
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if _, ok := tag.WireName(f); ok {
				s.check(f.Type, at.then("."+f.Name))
			}
		}
	}
}

func (s *serial) refuse(t reflect.Type, at *step) {
	s.report(at, fmt.Errorf("%s cannot be serialised; tag the field json:\"-\", or give the type a MarshalJSON or MarshalText method", TypeText(t)))
}

func (s *serial) key(t reflect.Type, at *step) {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return
	}
	if !t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		s.report(at, fmt.Errorf("a map with keys of type %s cannot be serialised; use strings, integers or keys with a MarshalText method", TypeText(t)))
	}
}

// encodesItself reports whether a value of t or a pointer to it writes its own JSON.
func encodesItself(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return true
	}
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) ||
		p.Implements(reflect.TypeFor[interface{ MarshalJSON() ([]byte, error) }]())
}
