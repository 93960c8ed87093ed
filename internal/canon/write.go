// SPDX-License-Identifier: Apache-2.0

package canon

import (
	"fmt"
	"strconv"
)

// ObjectWriter writes one object in canonical form, member by member:
//
//	o := canon.Open(dst)
//	o.String("name", c.Name)
//	canon.List(o, "requires", c.Requires, Dependency.append)
//	return o.Close()
//
// Its methods panic on a key that does not sort behind the one before, is empty, or is not made of printable ASCII that
// needs no escape: keys are constants of the program, so any test that writes the object finds it.
// It belongs to one goroutine.
type ObjectWriter struct {
	dst  []byte
	last string
}

// Open begins an object behind dst, which the writer owns until Close.
func Open(dst []byte) *ObjectWriter {
	return &ObjectWriter{dst: append(dst, '{')}
}

// Close ends the object and returns dst with the object appended. The writer must not be used after it.
func (o *ObjectWriter) Close() []byte { return append(o.dst, '}') }

// String writes a string, which must be Valid.
func (o *ObjectWriter) String(key, s string) {
	o.key(key)
	o.dst = AppendString(o.dst, s)
}

// Int writes an integer.
func (o *ObjectWriter) Int(key string, n int64) {
	o.key(key)
	o.dst = strconv.AppendInt(o.dst, n, 10)
}

// Bool writes true or false.
func (o *ObjectWriter) Bool(key string, b bool) {
	o.key(key)
	o.dst = strconv.AppendBool(o.dst, b)
}

// Strings writes an array of strings, all of which must be Valid.
func (o *ObjectWriter) Strings(key string, list []string) {
	List(o, key, list, func(s string, dst []byte) []byte { return AppendString(dst, s) })
}

// Object writes what appendTo appends, which must be one canonical value.
func (o *ObjectWriter) Object(key string, appendTo func(dst []byte) []byte) {
	o.key(key)
	o.dst = appendTo(o.dst)
}

// List writes an array; each appends one canonical value for an element.
func List[E any](o *ObjectWriter, key string, list []E, each func(e E, dst []byte) []byte) {
	o.key(key)
	o.dst = append(o.dst, '[')
	for i, e := range list {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.dst = each(e, o.dst)
	}
	o.dst = append(o.dst, ']')
}

func (o *ObjectWriter) key(key string) {
	for i := range len(key) {
		if c := key[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			panic(fmt.Sprintf("canon: key %q holds characters that are not printable ASCII or need an escape", key))
		}
	}
	if key <= o.last {
		panic(fmt.Sprintf("canon: key %q written behind %q; write keys in ascending order", key, o.last))
	}
	if o.last != "" {
		o.dst = append(o.dst, ',')
	}
	o.last = key
	o.dst = append(o.dst, '"')
	o.dst = append(o.dst, key...)
	o.dst = append(o.dst, '"', ':')
}
