// SPDX-License-Identifier: Apache-2.0

// Package canon writes and reads canonical JSON: one spelling for one document, so that every language computes the same
// digest of it.
//
// The form is RFC 8785 restricted to ASCII keys, strings, integers, booleans, arrays and objects: no floats, no null, no
// white space. Keys are sorted by bytes, which for ASCII is the order that the RFC asks for. Integers are exact in the
// whole range of int64; a reader that has doubles only is exact up to 2^53-1 on either side of zero.
//
// The invariant: Parse accepts any spelling of such a document and nothing else, Append writes the one canonical spelling,
// and parsing that gives the same document again.
//
// A document is written by ObjectWriter, which panics on keys out of order, so that a wrong order cannot leave a test.
// A foreign one is read by Parse within limits, and then by Decode, which checks every key.
//
// Values are immutable and safe for concurrent use. Writers and readers of objects belong to one goroutine.
package canon

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Kind says what a Value is. The zero value is the kind of a Value that was not parsed.
type Kind uint8

// The kinds.
const (
	Invalid Kind = iota // no value
	Object              // keys with values
	Array               // values in order
	String              // valid UTF-8
	Integer             // an int64
	Bool                // true or false
)

var kindNames = [...]string{"no value", "an object", "an array", "a string", "an integer", "a bool"}

// String is the kind with its article, for messages.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Value is a parsed document or a part of one. The zero value holds nothing and has the kind Invalid.
type Value struct {
	kind  Kind
	key   string  // of a member of an object
	text  string  // of a string
	num   int64   // of an integer; 1 for true
	items []Value // of an array or object, in the order of the document
}

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// Limits bound what Parse reads. Zero or less is the default of a field.
type Limits struct {
	Bytes  int // length of the document; default 16 MiB
	Depth  int // arrays and objects within each other, at most 10,000; default 64
	Values int // values of every kind, the document itself included; default 1,000,000
}

const (
	defaultBytes  = 16 << 20
	defaultDepth  = 64
	defaultValues = 1_000_000
	maxDepth      = 10_000 // what the stack of the parser is made for
)

func (l Limits) withDefaults() Limits {
	pick := func(n, standard int) int {
		if n <= 0 {
			return standard
		}
		return n
	}
	return Limits{
		Bytes: pick(l.Bytes, defaultBytes), Depth: min(pick(l.Depth, defaultDepth), maxDepth), Values: pick(l.Values, defaultValues),
	}
}

// What Parse refuses because of its limits; an *Error wraps them.
var (
	ErrBytes  = errors.New("the document is too long")
	ErrDepth  = errors.New("arrays and objects are nested too deeply")
	ErrValues = errors.New("the document has too many values")
)

// Error says where Parse found something that it does not accept.
type Error struct {
	Offset int    // in bytes, from 0
	Path   string // of the value concerned, "$.shapes[3].name"; "$" is the document
	Err    error  // what is wrong, never nil
}

// Error names offset, path and cause.
func (e *Error) Error() string { return fmt.Sprintf("byte %d, %s: %v", e.Offset, e.Path, e.Err) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Valid reports whether AppendString can write s: whether it is valid UTF-8.
func Valid(s string) bool { return utf8.ValidString(s) }

// AppendString appends s as a JSON string with the fewest escapes: \b \t \n \f \r \" \\, and \u00xx for other control
// characters below U+0020. All else is literal. s must be Valid, or what is written is no JSON.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[done:i]...)
		dst = appendEscape(dst, s[i])
		done = i + 1
	}
	dst = append(dst, s[done:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	const short, letters, hex = "\b\t\n\f\r\"\\", "btnfr\"\\", "0123456789abcdef"
	for i := range len(short) {
		if c == short[i] {
			return append(dst, '\\', letters[i])
		}
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// Append appends the canonical spelling of v. It panics if v holds nothing.
func Append(dst []byte, v Value) []byte {
	switch v.kind {
	case Object:
		return appendObject(dst, v.items)
	case Array:
		dst = append(dst, '[')
		for i, item := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = Append(dst, item)
		}
		return append(dst, ']')
	case String:
		return AppendString(dst, v.text)
	case Integer:
		return strconv.AppendInt(dst, v.num, 10)
	case Bool:
		return strconv.AppendBool(dst, v.num != 0)
	}
	panic("canon: Append of a Value that holds nothing; use one that Parse returned")
}

func appendObject(dst []byte, members []Value) []byte {
	byKey := func(a, b Value) int { return cmp.Compare(a.key, b.key) }
	if !slices.IsSortedFunc(members, byKey) {
		members = slices.SortedFunc(slices.Values(members), byKey)
	}
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, m.key), ':')
		dst = Append(dst, m)
	}
	return append(dst, '}')
}
