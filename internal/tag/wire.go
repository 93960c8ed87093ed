// SPDX-License-Identifier: Apache-2.0

package tag

import (
	"reflect"
	"strings"
	"unicode"
)

// WireName is the name of a struct's field in JSON as package encoding/json has it. It is empty for an embedded struct whose
// fields are inlined. Where ok is not set the field is left out, and there is no name; "-" is a name like others, from
// `json:"-,"`.
func WireName(f reflect.StructField) (name string, ok bool) {
	inlines := embedsStruct(f)
	tagged := f.Tag.Get("json")
	if tagged == "-" || !f.IsExported() && !inlines {
		return "", false
	}
	name, _, _ = strings.Cut(tagged, ",")
	switch {
	case isWireName(name):
		return name, true
	case inlines:
		return "", true
	}
	return f.Name, true
}

func embedsStruct(f reflect.StructField) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct
}

// isWireName reports whether encoding/json takes a name from a tag; it goes by the field's own instead of others.
func isWireName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r)
	})
}
