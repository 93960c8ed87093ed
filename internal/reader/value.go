// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/plugreg/plugreg/internal/tag"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	numberType   = reflect.TypeFor[json.Number]()
	fromJSONType = reflect.TypeFor[json.Unmarshaler]()
	fromTextType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func decodesJSON(t reflect.Type) bool   { return reflect.PointerTo(t).Implements(fromJSONType) }
func decodesText(t reflect.Type) bool   { return reflect.PointerTo(t).Implements(fromTextType) }
func decodesItself(t reflect.Type) bool { return decodesJSON(t) || decodesText(t) }

// value decodes src over dst, which holds the default. It replaces what dst refers to and never changes it in place.
func (d *decoder) value(dst, src reflect.Value) {
	src = concrete(src)
	t := dst.Type()
	switch {
	case !src.IsValid():
		d.asLeaf(func() { d.null(dst) })
	case src.Type().AssignableTo(t) && takenWhole(t):
		d.asLeaf(func() { d.take(dst, src) })
	case t.Kind() == reflect.Pointer:
		d.pointer(dst, src)
	case decodesItself(t):
		d.asLeaf(func() { d.self(dst, src) })
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		d.object(dst, src)
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		d.asLeaf(func() { d.list(dst, src) })
	default:
		d.asLeaf(func() { d.scalar(dst, src) })
	}
}

// takenWhole reports whether an assignable value replaces one of type t: all but maps, which merge, and lists, whose
// elements are copied one by one.
func takenWhole(t reflect.Type) bool {
	return !isContainer(t) || t.Kind() == reflect.Interface || decodesItself(t)
}

func (d *decoder) mismatch(dst, src reflect.Value, cause error) {
	fix := advice(dst.Type(), src)
	if !src.IsValid() && d.needed() {
		fix = writeValue
	}
	d.fault(Error{Have: describe(src), Want: d.expect(dst.Type()), Fix: fix, Err: cause})
}

func (d *decoder) null(dst reflect.Value) {
	switch t := dst.Type(); {
	case t.Kind() != reflect.Pointer && decodesJSON(t):
		d.self(dst, reflect.Value{})
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || t.Kind() == reflect.Map || t.Kind() == reflect.Slice:
		dst.SetZero()
	default:
		d.mismatch(dst, reflect.Value{}, nil)
	}
}

// take stores src itself, but no map or list of the caller's.
func (d *decoder) take(dst, src reflect.Value) {
	t := src.Type()
	switch {
	case !isContainer(t) || t.Kind() != reflect.Array && src.IsNil():
	case decodesItself(t):
		src = cloneValue(src)
	default: // decoded into its own type, which is a copy with all bounds checked
		fresh := reflect.New(t).Elem()
		if t.Kind() == reflect.Map {
			d.object(fresh, src)
		} else {
			d.list(fresh, src)
		}
		src = fresh
	}
	dst.Set(src)
}

func (d *decoder) pointer(dst, src reflect.Value) {
	t := dst.Type()
	if target(t).Kind() == reflect.Pointer {
		d.mismatch(dst, src, errors.New("a pointer to nothing but pointers cannot be allocated"))
		return
	}
	fresh := reflect.New(t.Elem())
	if !dst.IsNil() {
		fresh.Elem().Set(dst.Elem())
	}
	d.value(fresh.Elem(), src)
	dst.Set(fresh)
}

// target is what t points to in the end; a pointer only where there is no end, as in `type P *P`.
func target(t reflect.Type) reflect.Type {
	for range maxDepth {
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

// self lets a type with UnmarshalJSON or UnmarshalText decode src. It starts from zero, since user code may write to
// anything that a default refers to.
func (d *decoder) self(dst, src reflect.Value) {
	var err error
	t := dst.Type()
	if decodesJSON(t) {
		var plain any
		d.value(reflect.ValueOf(&plain).Elem(), src) // bounds what is about to be marshaled
		if d.stopped {
			return
		}
		fresh := reflect.New(t)
		if err = fromJSON(fresh.Interface().(json.Unmarshaler), plain); err == nil {
			dst.Set(fresh.Elem())
			return
		}
	}
	if isText(src) && decodesText(t) {
		fresh := reflect.New(t)
		if err = fromText(fresh.Interface().(encoding.TextUnmarshaler), src.String()); err == nil {
			dst.Set(fresh.Elem())
			return
		}
	}
	d.mismatch(dst, src, err)
}

func fromJSON(to json.Unmarshaler, v any) error {
	return tag.Guard("UnmarshalJSON", func() error {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false) // a json.RawMessage keeps the text
		if err := encoder.Encode(v); err != nil {
			return err
		}
		return to.UnmarshalJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	})
}

func fromText(to encoding.TextUnmarshaler, text string) error {
	return tag.Guard("UnmarshalText", func() error { return to.UnmarshalText([]byte(text)) })
}

func (d *decoder) list(dst, src reflect.Value) {
	t, kind := dst.Type(), src.Kind()
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && isText(src):
		d.base64(dst, src)
		return
	case kind != reflect.Slice && kind != reflect.Array, t.Kind() == reflect.Array && t.Len() != src.Len():
		d.mismatch(dst, src, nil)
		return
	case kind == reflect.Slice && src.IsNil() && t.Kind() == reflect.Slice:
		dst.SetZero()
		return
	}
	if !d.enter() {
		return
	}
	fresh := reflect.New(t).Elem()
	if t.Kind() == reflect.Slice {
		fresh.Set(reflect.MakeSlice(t, src.Len(), src.Len()))
	}
	if t.Elem() == src.Type().Elem() && !isContainer(t.Elem()) {
		reflect.Copy(fresh, src)
	} else {
		for i := range src.Len() {
			d.within(segment{index: i, list: true}, func() { d.value(fresh.Index(i), src.Index(i)) })
		}
	}
	dst.Set(fresh)
}

func (d *decoder) base64(dst, src reflect.Value) {
	data, err := base64.StdEncoding.DecodeString(src.String())
	if err != nil {
		d.fault(Error{Have: describe(src), Want: "base64 or a list of bytes", Err: err})
		return
	}
	fresh := reflect.MakeSlice(dst.Type(), len(data), len(data))
	for i, b := range data {
		fresh.Index(i).SetUint(uint64(b)) // not reflect.Copy: the elements may be of a named type
	}
	dst.Set(fresh)
}

func (d *decoder) scalar(dst, src reflect.Value) {
	var cause error
	t, kind := dst.Type(), dst.Kind()
	text, number := numberText(src)
	ok := false
	switch {
	case t == durationType:
		ok, cause = setDuration(dst, src)
	case isInteger(kind):
		ok = number && setInteger(dst, text)
	case isFloat(kind):
		ok = number && setFloat(dst, text)
	case t == numberType:
		ok = setNumber(dst, src)
	case kind == reflect.Bool && src.Kind() == kind:
		dst.SetBool(src.Bool())
		ok = true
	case kind == reflect.String && isText(src):
		dst.SetString(src.String())
		ok = true
	case kind == src.Kind() && kind != reflect.String && src.Type().ConvertibleTo(t):
		dst.Set(src.Convert(t))
		ok = true
	}
	if !ok {
		d.mismatch(dst, src, cause)
	}
}

func setDuration(dst, src reflect.Value) (ok bool, cause error) {
	if !isText(src) {
		return false, nil
	}
	parsed, err := time.ParseDuration(src.String())
	if err == nil {
		dst.SetInt(int64(parsed))
	}
	return err == nil, err
}

// setNumber takes what encoding/json takes for a json.Number: numbers, and strings that hold one.
func setNumber(dst, src reflect.Value) bool {
	text, _ := numberText(src)
	if src.Kind() == reflect.String {
		text = src.String()
	}
	if !tag.IsNumber(text) {
		return false
	}
	dst.SetString(text)
	return true
}
