// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
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
			key, err := d.convertKey(t.Key(), e.key)
			if err != nil {
				d.fault(Error{Have: "the key " + describe(e.key), Want: "a key for " + typeName(t), Err: err})
				return
			}
			if other, twice := first[key.Interface()]; twice {
				d.repeated(other, e.text)
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
func (r *run) convertKey(t reflect.Type, key reflect.Value) (reflect.Value, error) {
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
			return key, fmt.Errorf("keys are %s", r.expect(t))
		}
	default:
		return key, errors.New("keys of this type do not fit")
	}
	return fresh.Elem(), nil
}

// keyText shows a key in a path. Keys that are neither strings nor numbers only occur in maps that are taken as they
// are.
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

// structure decodes given into the struct dst and settles the fields that are not given.
func (d *decoder) structure(dst reflect.Value, given []entry) {
	s := d.opened(dst, d.layouts.of(&d.run, dst.Type()))
	for _, e := range given {
		d.within(segment{key: e.text}, func() {
			f := s.layout.byKey[e.text]
			switch {
			case e.key.Kind() != reflect.String && e.key.IsValid():
				s.unknown(e.text, ", "+describe(e.key))
			case e.key.Kind() != reflect.String || f == nil:
				s.unknown(e.text, "")
			case s.claim(f, e.text):
				d.at[len(d.at)-1].must = f.options.Required
				d.field(s.place(f), f, e.value)
			}
		})
	}
	s.close()
}

// field decodes the value of a field, which the option string lets be JSON in a string.
func (d *decoder) field(dst reflect.Value, f *field, src reflect.Value) {
	src = concrete(src)
	if f.quoted && isText(src) && target(f.typ) != durationType {
		inner, err := parseJSON(src.String())
		if err != nil {
			d.fault(Error{Have: describe(src), Want: d.expect(f.typ) + ", as JSON in a string", Err: err})
			return
		}
		src = reflect.ValueOf(inner)
	}
	d.value(dst, src)
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
