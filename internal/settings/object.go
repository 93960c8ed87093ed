// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/plugreg/plugreg/internal/near"
	"github.com/plugreg/plugreg/internal/tag"
)

// object decodes a map over a struct or map.
func (d *decoder) object(dst, src reflect.Value) {
	t := dst.Type()
	switch {
	case src.Kind() == reflect.Struct && t.Kind() == reflect.Struct && src.Type().ConvertibleTo(t):
		d.asLeaf(func() { dst.Set(src.Convert(t)) })
		return
	case src.Kind() != reflect.Map:
		d.mismatch(dst, src, nil)
		return
	case src.Len() == 0:
		d.asLeaf(func() {})
	}
	if !d.enter() {
		return
	}
	if t.Kind() == reflect.Map {
		d.mapping(dst, entries(src))
		return
	}
	d.structure(dst, entries(src))
}

// mapping merges given into a copy of the map dst.
func (d *decoder) mapping(dst reflect.Value, given []entry) {
	t := dst.Type()
	merged := reflect.MakeMapWithSize(t, dst.Len()+len(given))
	for iter := dst.MapRange(); iter.Next(); {
		merged.SetMapIndex(iter.Key(), iter.Value())
	}
	first := map[any]string{}
	for _, e := range given {
		d.within(segment{key: e.text}, func() {
			key, err := convertKey(t.Key(), e.key)
			if err != nil {
				d.fault(Error{Have: "the key " + describe(e.key), Want: "a key for " + typeName(t), Err: err})
				return
			}
			if other, twice := first[key.Interface()]; twice {
				d.fault(Error{Have: fmt.Sprintf("the keys %q and %q, which mean the same", other, e.text), Fix: "leave one of them out"})
				return
			}
			first[key.Interface()] = e.text
			element := reflect.New(t.Elem()).Elem()
			if old := merged.MapIndex(key); old.IsValid() {
				element.Set(old)
			}
			d.value(element, e.value)
			merged.SetMapIndex(key, element)
		})
	}
	dst.Set(merged)
}

// convertKey makes a key of type t from one of src.
func convertKey(t reflect.Type, key reflect.Value) (reflect.Value, error) {
	fresh := reflect.New(t)
	text, isText := "", key.IsValid() && key.Kind() == reflect.String
	if isText {
		text = key.String()
	}
	number, isNumber := numberText(key)
	switch {
	case !key.IsValid() && t.Kind() == reflect.Interface: // the key nil
	case key.IsValid() && key.Type().AssignableTo(t):
		fresh.Elem().Set(key)
	case isText && decodesText(t):
		if err := fromText(fresh.Interface().(encoding.TextUnmarshaler), text); err != nil {
			return key, err
		}
		if !fresh.Elem().Comparable() {
			return key, errors.New("UnmarshalText made a key that cannot be compared")
		}
	case isText && t.Kind() == reflect.String:
		fresh.Elem().SetString(text)
	case isInteger(t.Kind()) && (isNumber || isText) && !decodesText(t):
		if isText {
			number = text
		}
		if !setInteger(fresh.Elem(), number) {
			return key, fmt.Errorf("keys are %s", expect(t))
		}
	default:
		return key, errors.New("keys of this type do not fit")
	}
	return fresh.Elem(), nil
}

// keyText shows a key in a path. Keys that are neither strings nor numbers only occur in maps that are taken as they are.
func keyText(key reflect.Value) string {
	if text, ok := numberText(key); ok {
		return text
	}
	if !key.IsValid() {
		return "nil"
	}
	if key.Kind() == reflect.String {
		return key.String()
	}
	return typeName(key.Type())
}

// opening is one struct while it is decoded.
type opening struct {
	*decoder
	dst  reflect.Value
	plan *plan
}

// structure decodes given into the struct dst and settles the fields that are not given.
func (d *decoder) structure(dst reflect.Value, given []entry) {
	s := opening{decoder: d, dst: dst, plan: d.planOf(dst.Type())}
	first := map[*field]string{}
	for _, e := range given {
		d.within(segment{key: e.text}, func() {
			f := s.plan.byKey[e.text]
			other, twice := first[f]
			switch {
			case e.key.Kind() != reflect.String || f == nil:
				s.unknown(e)
			case twice:
				d.fault(Error{Have: fmt.Sprintf("the keys %q and %q, which mean the same", other, e.text), Fix: "leave one of them out"})
			default:
				first[f] = e.text
				s.given(f, e.value)
			}
		})
	}
	for _, f := range s.plan.fields {
		if _, ok := first[f]; !ok {
			d.below(segment{key: f.name}, func() { s.missing(f) })
		}
	}
}

func (s *opening) unknown(e entry) {
	const most = 8
	keys := slices.Sorted(maps.Keys(s.plan.byKey))
	fault := Error{Have: "an unknown key", Want: "no key here"}
	if e.key.IsValid() && e.key.Kind() != reflect.String {
		fault.Have += ", " + describe(e.key)
	}
	if len(keys) > 0 {
		fault.Want = "one of " + quoteAll(keys[:min(most, len(keys))])
	}
	if len(keys) > most {
		fault.Want += fmt.Sprintf(" and %d more", len(keys)-most)
	}
	if likely := near.Names(e.text, maps.Keys(s.plan.byKey), 2); len(likely) > 0 {
		fault.Fix = "did you mean " + strings.ReplaceAll(quoteAll(likely), ",", " or") + "?"
	}
	s.fault(fault)
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	return strings.Join(quoted, ", ")
}

func (s *opening) given(f *field, src reflect.Value) {
	src = concrete(src)
	if f.quoted && isText(src) {
		inner, err := parseJSON(src.String())
		if err != nil {
			s.fault(Error{Have: describe(src), Want: expect(f.typ) + ", as JSON in a string", Err: err})
			return
		}
		src = reflect.ValueOf(inner)
	}
	s.value(s.open(f), src)
}

func parseJSON(text string) (v any, err error) {
	if err := json.Unmarshal([]byte(text), new(json.RawMessage)); err != nil {
		return nil, err // a decoder alone would not look at what follows the value
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&v)
	return v, err
}

// open is the field's place in dst, ready to be written to: embedded pointers on the way are replaced by copies, since the
// default's are not to be written through.
func (s *opening) open(f *field) reflect.Value {
	v := s.dst
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			fresh := reflect.New(v.Type().Elem())
			if !v.IsNil() {
				fresh.Elem().Set(v.Elem())
			}
			v.Set(fresh)
			v = fresh.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// reach is the field's place for reading, and invalid behind an embedded pointer that is nil.
func (s *opening) reach(f *field) reflect.Value {
	v, err := s.dst.FieldByIndexErr(f.index)
	if err != nil {
		return reflect.Value{}
	}
	return v
}

// missing settles a field that has no key in src. What is behind a nil embedded pointer does not exist, hence lacks nothing.
func (s *opening) missing(f *field) {
	v := s.reach(f)
	switch {
	case !v.IsValid():
	case f.options.Required:
		s.fault(Error{Have: "no value", Want: expect(f.typ), Fix: "add the key, which is required"})
	case f.options.HasDefault:
		if v.IsZero() {
			_ = tag.SetDefault(s.open(f), f.options.Default) // planOf has reported the error
		}
	case f.nests() && s.planOf(f.typ).settles:
		s.structure(s.open(f), nil)
	}
}
