// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/plugreg/plugreg/internal/tag"
)

func (w *output) structure(n *node, v reflect.Value) {
	w.at = append(w.at, segment{})
	top := len(w.at) - 1
	first := true
	for _, f := range n.layout.fields {
		if w.err != nil {
			return
		}
		place := reach(v, f)
		w.at[top].key = f.name
		if !place.IsValid() || w.omits(f, place) {
			continue
		}
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		w.out = append(w.out, f.payload.label...)
		if f.payload.quotes {
			w.quoted(f.payload.node, place)
		} else {
			w.value(f.payload.node, place)
		}
	}
	w.at = w.at[:top]
}

func (w *output) omits(f *field, v reflect.Value) bool {
	p := &f.payload
	return !p.always && (p.omitEmpty && isEmpty(v) || p.omitZero && w.isZero(v))
}

// isEmpty is what omitempty goes by.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

type zeroer interface{ IsZero() bool }

// isZero is what omitzero goes by: the type's own opinion, where it has one.
func (w *output) isZero(v reflect.Value) (zero bool) {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() || !v.Type().Implements(reflect.TypeFor[zeroer]()) {
			return v.IsNil()
		}
		if inner := v.Elem(); inner.Kind() == reflect.Pointer && inner.IsNil() {
			return true
		}
	case reflect.Pointer:
		if v.IsNil() {
			return true
		}
	}
	own, ok := v.Interface().(zeroer)
	if kind := v.Kind(); !ok && kind != reflect.Pointer && kind != reflect.Interface {
		own, ok = v.Addr().Interface().(zeroer)
	}
	if !ok {
		return v.IsZero()
	}
	if err := tag.Guard("IsZero", func() error { zero = own.IsZero(); return nil }); err != nil {
		w.fail(Error{Have: "a value of type " + typeName(v.Type()), Err: err})
	}
	return zero
}

// quoted writes a scalar in a string.
func (w *output) quoted(n *node, v reflect.Value) {
	for ; n.op == opPointer; n, v = n.elem, v.Elem() {
		if v.IsNil() {
			w.out = append(w.out, "null"...)
			return
		}
	}
	w.count(1)
	before := len(w.out)
	w.scalar(n, v)
	if w.err == nil {
		inner := string(w.out[before:])
		w.out = w.out[:before]
		w.text(inner)
	}
}

// text writes a string as encoding/json does, but does not replace what is no Unicode.
func (w *output) text(s string) {
	easy := 0
	for easy < len(s) && verbatim[s[easy]] {
		easy++
	}
	if easy < len(s) && !utf8.ValidString(s) {
		w.fail(Error{Have: "a string that is not valid UTF-8", Want: "valid Unicode", Fix: "use []byte for bytes"})
		return
	}
	w.out = append(w.out, '"')
	start := 0
	for i := easy; i < len(s); i++ {
		c := s[i]
		if verbatim[c] || c >= utf8.RuneSelf && !separates(s[i:]) {
			continue
		}
		w.out = append(w.out, s[start:i]...)
		if c >= utf8.RuneSelf {
			w.out = append(w.out, `\u202`...)
			i += 2
			w.out = append(w.out, '0'+s[i]&15)
		} else {
			w.escape(c)
		}
		start = i + 1
	}
	w.out = append(append(w.out, s[start:]...), '"')
}

// separates reports whether s begins with a line or paragraph separator, which encoding/json escapes for the sake of
// JavaScript.
func separates(s string) bool {
	return strings.HasPrefix(s, "\u2028") || strings.HasPrefix(s, "\u2029")
}

func (w *output) escape(c byte) {
	const plain, letters, hex = "\"\\\b\f\n\r\t", `"\bfnrt`, "0123456789abcdef"
	if i := strings.IndexByte(plain, c); i >= 0 {
		w.out = append(w.out, '\\', letters[i])
		return
	}
	w.out = append(w.out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// own runs a method of the type's own, whose name is for its error.
func (w *output) own(name string, v reflect.Value, call func() ([]byte, error)) (data []byte) {
	err := tag.Guard(name, func() (err error) {
		data, err = call()
		return err
	})
	if err != nil {
		w.fail(Error{Have: "a value of type " + typeName(v.Type()), Err: err})
	}
	return data
}

func (w *output) selfText(v reflect.Value) {
	text := w.own("MarshalText", v, v.Addr().Interface().(encoding.TextMarshaler).MarshalText)
	w.text(string(text))
}

// selfJSON writes what the type's own method returns, if Read would take it.
func (w *output) selfJSON(v reflect.Value) {
	raw := w.own("MarshalJSON", v, v.Addr().Interface().(json.Marshaler).MarshalJSON)
	if w.err != nil {
		return
	}
	d := newInput(raw)
	d.limit(len(raw))
	d.at, d.depth = append(d.at, w.at...), w.depth
	d.next()
	d.pass()
	d.end()
	if err := d.verdict(); err != nil {
		w.fail(Error{Have: "what MarshalJSON of " + typeName(v.Type()) + " writes", Want: "JSON that can be read", Err: err})
		return
	}
	w.count(d.values)
	w.out = appendCompact(w.out, raw)
}

// appendCompact leaves out the white space of valid JSON.
func appendCompact(dst, raw []byte) []byte {
	inside := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inside && c == '\\':
			dst = append(dst, c)
			i++
			c = raw[i]
		case c == '"':
			inside = !inside
		case !inside && c <= ' ':
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
