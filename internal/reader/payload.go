// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/plugreg/plugreg/internal/tag"
)

// value reads one value into dst, which is zero and settable.
func (d *input) value(n *node, dst reflect.Value) { d.fill(n, dst, d.next()) }

// fill reads the value that begins with c, which may be there for what a pointer points to.
func (d *input) fill(n *node, dst reflect.Value, c byte) {
	switch {
	case n.reads == asJSON:
		d.selfJSON(n, dst)
	case c == 'n':
		d.null(n, dst)
	case n.reads == asText:
		d.selfText(n, dst, c)
	default:
		d.plain(n, dst, c)
	}
}

func (d *input) plain(n *node, dst reflect.Value, c byte) {
	switch n.op {
	case opPointer:
		fresh := reflect.New(n.elem.typ)
		d.fill(n.elem, fresh.Elem(), c)
		dst.Set(fresh)
	case opStruct:
		d.object(n, dst, c)
	case opMap:
		d.mapping(n, dst, c)
	case opSlice, opBytes:
		d.slice(n, dst, c)
	case opArray:
		d.array(n, dst, c)
	case opAny:
		if v := d.any(c); v != nil {
			dst.Set(reflect.ValueOf(v))
		}
	case opNever:
		d.mismatch(n, c, n.why)
	default:
		d.scalar(n, dst, c)
	}
}

func (d *input) scalar(n *node, dst reflect.Value, c byte) {
	number := c == '-' || c-'0' <= 9
	switch {
	case n.op == opString && c == '"':
		dst.SetString(string(d.sound(d.text())))
	case n.op == opBool && c == 't':
		d.literal("true")
		dst.SetBool(true)
	case n.op == opBool && c == 'f':
		d.literal("false")
	case n.op == opInt && number, n.op == opUint && number:
		d.integer(n, dst)
	case n.op == opFloat && number:
		d.float(n, dst)
	case n.op == opNumber && (number || c == '"'):
		d.jsonNumber(n, dst, c)
	default:
		d.mismatch(n, c, nil)
	}
}

// sound reports the flaw of a string that has one.
func (d *input) sound(text []byte) []byte {
	if d.flaw != "" {
		d.fault(Error{Have: d.flaw, Want: "valid Unicode"})
		d.flaw = ""
	}
	return text
}

func (d *input) integer(n *node, dst reflect.Value) {
	token := d.number()
	if d.broken != nil {
		return
	}
	if v, ok := small(token); ok {
		if n.op == opInt && !dst.OverflowInt(v) {
			dst.SetInt(v)
			return
		}
		if n.op == opUint && v >= 0 && !dst.OverflowUint(uint64(v)) {
			dst.SetUint(uint64(v))
			return
		}
	}
	if !setInteger(dst, string(token)) {
		d.refuse(n, json.Number(token), nil)
	}
}

// small is the value of digits that any int64 can hold.
func small(token []byte) (v int64, ok bool) {
	digits := token
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		v = v*10 + int64(c)
	}
	if len(digits) < len(token) {
		v = -v
	}
	return v, len(digits) > 0
}

func (d *input) float(n *node, dst reflect.Value) {
	token := d.number()
	if d.broken != nil {
		return
	}
	f, err := strconv.ParseFloat(string(token), n.bits)
	if err != nil {
		d.refuse(n, json.Number(token), nil)
		return
	}
	dst.SetFloat(f)
}

func (d *input) jsonNumber(n *node, dst reflect.Value, c byte) {
	if c != '"' {
		dst.SetString(string(d.number()))
		return
	}
	text := string(d.sound(d.text()))
	if !tag.IsNumber(text) {
		d.refuse(n, text, nil)
		return
	}
	dst.SetString(text)
}

func (d *input) null(n *node, dst reflect.Value) {
	d.literal("null")
	if !n.nilable {
		d.refuse(n, nil, nil)
		return
	}
	dst.SetZero()
}

// mismatch passes by a value, which begins with c, and reports that it is of the wrong kind.
func (d *input) mismatch(n *node, c byte, cause error) {
	var have any
	start := d.pos
	switch {
	case c == '{':
		have = map[string]any(nil)
	case c == '[':
		have = []any(nil)
	case c == '"':
		have = string(d.text())
		d.flaw = ""
	case c == 't', c == 'f':
		have = c == 't'
	default:
		have = json.Number(d.number())
	}
	if d.broken == nil {
		d.pos = start
	}
	if d.pass() {
		d.refuse(n, have, cause)
	}
}

// refuse reports a value by what JSON calls it.
func (d *input) refuse(n *node, have any, cause error) {
	var text string
	switch have := have.(type) {
	case nil:
		text = "null"
	case string:
		text = "string " + strconv.Quote(shorten(have))
	case json.Number:
		text = "number " + shorten(string(have))
	case bool:
		text = "bool " + strconv.FormatBool(have)
	case []any:
		text = "a list"
	default:
		text = "an object"
	}
	fix := advice(n.typ, reflect.ValueOf(have))
	switch {
	case have == nil && d.needed():
		fix = writeValue
	case have == nil:
		fix = leaveOut
	case n.typ == durationType:
		fix = "write nanoseconds"
	}
	d.fault(Error{Have: text, Want: d.expect(n.typ), Fix: fix, Err: cause})
}

// quoted reads a value that is written in a string, as the option string has it.
func (d *input) quoted(n *node, dst reflect.Value) {
	c := d.next()
	if c == 'n' {
		d.null(n, dst)
		return
	}
	want := d.expect(n.typ) + ", as JSON in a string"
	if c != '"' {
		d.pass()
		d.fault(Error{Have: "a value without quotes", Want: want, Fix: "write it in quotes"})
		return
	}
	inner := append([]byte(nil), d.sound(d.text())...)
	if d.broken != nil {
		return
	}
	if !json.Valid(inner) || inner[0] <= ' ' || inner[len(inner)-1] <= ' ' {
		d.fault(Error{Have: "string " + strconv.Quote(shorten(string(inner))), Want: want})
		return
	}
	data, pos := d.data, d.pos
	d.data, d.pos = inner, 0
	d.fill(n, dst, d.peek())
	if d.broken == nil { // a bound may be passed in there
		d.data, d.pos = data, pos
	}
}

// selfJSON gives a value's bytes to its own UnmarshalJSON.
func (d *input) selfJSON(n *node, dst reflect.Value) {
	start := d.pos
	if faults := len(d.faults); !d.pass() || len(d.faults) > faults {
		return
	}
	raw := d.data[start:d.pos:d.pos]
	to := dst.Addr().Interface().(json.Unmarshaler)
	if err := tag.Guard("UnmarshalJSON", func() error { return to.UnmarshalJSON(raw) }); err != nil {
		d.fault(Error{Have: excerpt(raw), Want: d.expect(n.typ), Err: err})
	}
}

// excerpt shows raw JSON.
func excerpt(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	return shorten(string(raw))
}

// selfText gives a string to the type's own UnmarshalText.
func (d *input) selfText(n *node, dst reflect.Value, c byte) {
	if c != '"' {
		d.mismatch(n, c, nil)
		return
	}
	faults := len(d.faults)
	text := d.sound(d.text())
	if d.broken != nil || len(d.faults) > faults {
		return
	}
	to := dst.Addr().Interface().(encoding.TextUnmarshaler)
	if err := tag.Guard("UnmarshalText", func() error { return to.UnmarshalText(text) }); err != nil {
		d.refuse(n, string(text), err)
	}
}

func (d *input) bytes(n *node, dst reflect.Value) {
	text := d.sound(d.text())
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	size, err := base64.StdEncoding.Decode(data, text)
	if err != nil {
		d.fault(Error{Have: "string " + strconv.Quote(shorten(string(text))), Want: "base64 or a list of bytes", Err: err})
		return
	}
	dst.SetBytes(data[:size:size])
}

var errEndless = errors.New("a pointer to nothing but pointers cannot be allocated")

func errInterface(t fmt.Stringer) error {
	return fmt.Errorf("JSON cannot say which implementation of %s to make; use a type of its own or any", t)
}
