// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"cmp"
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/plugreg/plugreg/internal/tag"
)

// Append appends v, which must be of the plan's type, as JSON, and returns the longer slice. It writes what
// encoding/json writes without HTML escaping, except that
//
//   - a field is written even though omitempty or omitzero would leave it out, if Read would fill or refuse it then;
//   - MarshalJSON and MarshalText of a pointer's are called wherever v holds a value, also in maps and interfaces;
//   - what Read would refuse is an error: strings that are no Unicode, also in what MarshalJSON writes, NaN and the
//     infinities, two keys of a map with one text, values in interfaces with methods, and what passes a bound of the
//     package comment, as cycles do.
//
// The error is an [*Error] with the path of the first of these, and dst is returned as it was. Append does not panic; a
// panic in a method of v's types is an error.
func (p *Plan) Append(dst []byte, v reflect.Value) ([]byte, error) {
	if !v.IsValid() || v.Type() != p.root.typ {
		return dst, &Error{Have: "a value that is " + settable(v), Want: "one of type " + typeName(p.root.typ), payload: true}
	}
	w := output{out: slices.Grow(dst, 512)}
	w.value(p.root, addressable(v))
	if size := len(w.out) - len(dst); size > maxBytes {
		w.failAt(nil, Error{Have: fmt.Sprintf("%d bytes", size), Want: "at most 16 MiB"})
	}
	if w.err != nil {
		return dst, w.err
	}
	return w.out, nil
}

// output writes one payload.
type output struct {
	out    []byte
	at     path
	depth  int // objects and lists
	hops   int // pointers and interfaces, which may form a cycle without any of the former
	values int
	err    *Error
	other  map[reflect.Type]*node // of what was found in interfaces
}

// addressable is v or a copy of it, whose pointer's methods can be called.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	fresh := reflect.New(v.Type()).Elem()
	fresh.Set(v)
	return fresh
}

func (w *output) fail(e Error) { w.failAt(w.at, e) }

func (w *output) failAt(at path, e Error) {
	if w.err == nil {
		e.Path, e.payload = at.String(), true
		w.err = &e
	}
}

func (w *output) value(n *node, v reflect.Value) {
	switch {
	case w.err != nil:
	case n.writes == asJSON:
		w.selfJSON(v) // counts for itself
	case n.writes == asText:
		w.count(1)
		w.selfText(v)
	case n.nilable && v.IsNil():
		w.count(1)
		w.out = append(w.out, "null"...)
	default:
		w.plain(n, v)
	}
}

// count adds to the values, of which Read takes no more than so many.
func (w *output) count(values int) {
	if w.values += values; w.values > maxValues {
		w.failAt(w.at.start(), Error{Have: "more than 1,000,000 values", Want: "at most 1,000,000"})
	}
}

func (w *output) plain(n *node, v reflect.Value) {
	switch n.op {
	case opPointer:
		w.hop(func() { w.value(n.elem, v.Elem()) })
		return
	case opAny:
		w.hop(func() { w.dynamic(v.Elem()) })
		return
	}
	w.count(1)
	switch n.op {
	case opStruct:
		w.enter('{', '}', func() { w.structure(n, v) })
	case opMap:
		w.enter('{', '}', func() { w.mapping(n, v) })
	case opSlice, opArray, opBytes:
		w.list(n, v)
	case opNever:
		why := n.why
		if why == nil {
			why = errors.New("JSON cannot carry it")
		}
		w.fail(Error{Have: typeName(n.typ), Want: "what can be read again", Err: why})
	default:
		w.scalar(n, v)
	}
}

func (w *output) hop(write func()) {
	const most = 1000
	if w.hops++; w.hops > most {
		w.fail(Error{Have: "a thousand pointers to pointers", Want: "a value", Fix: "look for a pointer that leads to itself"})
		return
	}
	write()
	w.hops--
}

func (w *output) enter(begin, end byte, write func()) {
	if w.depth++; w.depth > maxLevels {
		w.failAt(w.at.start(), Error{
			Have: "values nested more than 100 deep", Want: "at most 100 levels", Fix: "look for a value that contains itself",
		})
		return
	}
	w.out = append(w.out, begin)
	write()
	w.out = append(w.out, end)
	w.depth--
}

func (w *output) scalar(n *node, v reflect.Value) {
	switch n.op {
	case opBool:
		w.out = strconv.AppendBool(w.out, v.Bool())
	case opInt:
		w.out = strconv.AppendInt(w.out, v.Int(), 10)
	case opUint:
		w.out = strconv.AppendUint(w.out, v.Uint(), 10)
	case opFloat:
		w.float(v.Float(), n.bits)
	case opNumber:
		text := cmp.Or(v.String(), "0") // what encoding/json writes for none
		if !tag.IsNumber(text) {
			w.fail(Error{Have: describe(v), Want: "a number as JSON writes it"})
		}
		w.out = append(w.out, text...)
	default:
		w.text(v.String())
	}
}

// float writes the shortest text that is read as f again, with an exponent where encoding/json has one.
func (w *output) float(f float64, bits int) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.fail(Error{Have: strconv.FormatFloat(f, 'g', -1, bits), Want: "a finite number"})
		return
	}
	format, abs := byte('f'), math.Abs(f)
	if abs != 0 && (bits == 64 && (abs < 1e-6 || abs >= 1e21) || bits == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21)) {
		format = 'e'
	}
	w.out = strconv.AppendFloat(w.out, f, format, -1, bits)
	if n := len(w.out); format == 'e' && n >= 4 && w.out[n-4] == 'e' && w.out[n-3] == '-' && w.out[n-2] == '0' {
		w.out[n-2] = w.out[n-1] // e-09 becomes e-9
		w.out = w.out[:n-1]
	}
}

func (w *output) list(n *node, v reflect.Value) {
	if n.base64 {
		w.out = append(w.out, '"')
		w.out = base64.StdEncoding.AppendEncode(w.out, v.Bytes())
		w.out = append(w.out, '"')
		return
	}
	w.enter('[', ']', func() {
		w.at = append(w.at, segment{list: true})
		top := len(w.at) - 1
		for i := 0; i < v.Len() && w.err == nil; i++ {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.at[top].index = i
			w.value(n.elem, v.Index(i))
		}
		w.at = w.at[:top]
	})
}

// member is an element of a map with the text of its key, which need not be equal to itself, so cannot be used to find
// it.
type member struct {
	text    string
	element reflect.Value
}

func (w *output) mapping(n *node, v reflect.Value) {
	members := make([]member, 0, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		members = append(members, member{w.mapKey(iter.Key()), iter.Value()})
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.text, b.text) })
	w.at = append(w.at, segment{})
	top := len(w.at) - 1
	element := reflect.New(n.elem.typ).Elem()
	for i, m := range members {
		if w.err != nil {
			return
		}
		w.at[top].key = m.text
		if i > 0 {
			w.out = append(w.out, ',')
			if members[i-1].text == m.text {
				w.fail(Error{Have: fmt.Sprintf("two keys that are written as %q", m.text), Want: "keys that can be told apart"})
			}
		}
		w.text(m.text)
		w.out = append(w.out, ':')
		element.Set(m.element)
		w.value(n.elem, element)
	}
	w.at = w.at[:top]
}

func (w *output) mapKey(key reflect.Value) (text string) {
	if key.Kind() == reflect.String {
		return key.String()
	}
	if to, ok := key.Interface().(encoding.TextMarshaler); ok {
		if key.Kind() == reflect.Pointer && key.IsNil() {
			return ""
		}
		return string(w.own("MarshalText", key, to.MarshalText))
	}
	text, _ = numberText(key)
	return text
}

// dynamic writes what was found in an interface.
func (w *output) dynamic(v reflect.Value) {
	t := v.Type()
	n, ok := w.other[t]
	if !ok {
		p, err := PlanOf(t, Options{})
		if err != nil {
			w.fail(Error{Have: typeName(t) + " in an interface", Want: "what JSON can carry", Err: err})
			return
		}
		if w.other == nil {
			w.other = map[reflect.Type]*node{}
		}
		n = p.root
		w.other[t] = n
	}
	w.value(n, addressable(v))
}
