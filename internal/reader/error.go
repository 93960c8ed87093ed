// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/plugreg/plugreg/internal/tag"
)

// Error is one fault in settings or in a payload. Its fields are for reading; a zero field is not known and not
// printed. It comes joined with others, so use errors.As. Safe for concurrent reading.
type Error struct {
	Path string // where, such as `retry.max`, `outputs[3].format` or `labels["a.b"]`; zero: the settings or the payload as a whole
	Have string // what was found: scalars with their value, strings cut after 40 letters, which may show a part of a secret
	Want string // what was expected, with type and range, or the keys that are known
	Fix  string // what to write instead
	Err  error  // what the value's own type or parser said

	payload bool // not settings
}

// Error says where, what was found, what was expected, the cause and the fix, in this order.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Path == "" && e.payload:
		b.WriteString("payload")
	case e.Path == "":
		b.WriteString("settings")
	case e.payload:
		b.WriteString("field " + e.Path)
	default:
		b.WriteString("setting " + e.Path)
	}
	divider := ": "
	for _, part := range []struct{ word, text string }{{"have ", e.Have}, {"want ", e.Want}} {
		if part.text != "" {
			b.WriteString(divider + part.word + part.text)
			divider = ", "
		}
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

type fault struct {
	at  path
	err *Error
}

type path []segment

// segment is a key, or an index where key is empty and list is set; every index in the path of a type is negative.
type segment struct {
	key   string
	index int
	list  bool
	must  bool // the key has to be there
}

func (s segment) compare(other segment) int {
	return cmp.Or(strings.Compare(s.key, other.key), cmp.Compare(s.index, other.index))
}

// start is the beginning of p, which says enough about what goes on for too long.
func (p path) start() path { return slices.Clone(p[:min(len(p), 8)]) }

func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.list && s.index < 0:
			b.WriteString("[]")
		case s.list:
			fmt.Fprintf(&b, "[%d]", s.index)
		case !plainKey(s.key):
			fmt.Fprintf(&b, "[%q]", s.key)
		case i > 0:
			b.WriteString("." + s.key)
		default:
			b.WriteString(s.key)
		}
	}
	return b.String()
}

// plainKey reports whether key reads unambiguously without quotes.
func plainKey(key string) bool {
	return key != "" && utf8.ValidString(key) && !strings.ContainsFunc(key, func(r rune) bool {
		return r <= ' ' || strings.ContainsRune(`.[]"`, r) || !strconv.IsPrint(r)
	})
}

// describe shows a value with its type: scalars whole, strings cut, and of the rest only the type and length, for they
// may be large, endless or of a type whose own String panics.
func describe(v reflect.Value) string {
	if !v.IsValid() {
		return "nil"
	}
	name := typeName(v.Type())
	switch v.Kind() {
	case reflect.String:
		if isText(v) {
			return name + " " + strconv.Quote(shorten(v.String()))
		}
		return name + " " + shorten(v.String())
	case reflect.Bool:
		return fmt.Sprintf("%s %t", name, v.Bool())
	case reflect.Map, reflect.Slice, reflect.Array:
		return fmt.Sprintf("%s of %d", name, v.Len())
	}
	if text, ok := numberText(v); ok {
		return name + " " + text
	}
	return name
}

func shorten(s string) string {
	const most = 40
	letters := 0
	for i := range s {
		if letters++; letters > most {
			return s[:i] + "…"
		}
	}
	return s
}

// expect names what a field of type t takes.
func (r *run) expect(t reflect.Type) string {
	name := typeName(t)
	switch {
	case t == durationType && !r.json:
		return `time.Duration in a string, such as "5s"`
	case decodesJSON(t):
		return name
	case decodesText(t):
		return name + " in a string"
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		least := int64(-1) << (t.Bits() - 1)
		return fmt.Sprintf("%s, a whole number from %d to %d", name, least, -(least + 1))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return fmt.Sprintf("%s, a whole number from 0 to %d", name, ^uint64(0)>>(64-t.Bits()))
	case reflect.Float32:
		return name + ", a number from -3.4028235e+38 to 3.4028235e+38"
	case reflect.Float64:
		return name + ", a number from -1.7976931348623157e+308 to 1.7976931348623157e+308"
	case reflect.Slice:
		return "a list for " + name
	case reflect.Array:
		return fmt.Sprintf("a list of exactly %d for %s", t.Len(), name)
	case reflect.Map, reflect.Struct:
		if r.json {
			return "an object for " + name
		}
		return "a map for " + name
	}
	return name
}

// What to do about null: a key that has to be there cannot be left out.
const (
	leaveOut   = "leave the key out"
	writeValue = "write a value"
)

// advice is what to write in place of src for a field of type t, where that is plain.
func advice(t reflect.Type, src reflect.Value) string {
	_, number := numberText(src)
	text := isText(src)
	switch {
	case !src.IsValid():
		return leaveOut + " to keep the default"
	case t == durationType && (number || text):
		return `write a number and its unit, such as "5s"`
	case t.Kind() == reflect.String && t != numberType && number:
		return "write it in quotes"
	case text && quotedByMistake(t.Kind(), src.String()):
		return "write it without quotes"
	case t.Kind() == reflect.Slice && t.Elem() == src.Type():
		return "write it in a list, even if there is only one"
	}
	return ""
}

func quotedByMistake(kind reflect.Kind, text string) bool {
	if kind == reflect.Bool {
		return text == "true" || text == "false"
	}
	return tag.IsNumber(text) && (isInteger(kind) || isFloat(kind))
}

// typeName is the type as a user of the package would write it.
func typeName(t reflect.Type) string {
	return strings.ReplaceAll(t.String(), "interface {}", "any")
}
