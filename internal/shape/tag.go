// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	tagKey  = "plugreg"
	tagHelp = "known options are required, default=<text>, alias=<wire name>; put a value with commas into single quotes"
)

// fieldOptions is what a plugreg tag says about a field.
type fieldOptions struct {
	required   bool
	hasDefault bool
	text       string // of the default
	aliases    []string
}

// parseTag reads the value of a plugreg tag: options separated by commas. A value that starts with a single quote ends
// at the next one and may hold commas; a doubled quote in it stands for one. An empty tag has no options.
func parseTag(tag string) (fieldOptions, error) {
	var o fieldOptions
	if tag == "" {
		return o, nil
	}
	for rest, more := tag, true; more; {
		var (
			name, value string
			err         error
		)
		if name, value, rest, more, err = nextOption(rest); err == nil {
			err = o.set(name, value)
		}
		if err != nil {
			return fieldOptions{}, fmt.Errorf("plugreg tag %q: %w; %s", tag, err, tagHelp)
		}
	}
	if o.required && o.hasDefault {
		return fieldOptions{}, fmt.Errorf("plugreg tag %q: a required field cannot have a default; drop one of the two", tag)
	}
	return o, nil
}

// nextOption cuts the first option off s. The name keeps its "=", so that an option without a value is another name.
func nextOption(s string) (name, value, rest string, more bool, err error) {
	end := strings.IndexAny(s, "=,")
	switch {
	case end < 0:
		return s, "", "", false, nil
	case s[end] == ',':
		return s[:end], "", s[end+1:], true, nil
	}
	name, s = s[:end+1], s[end+1:]
	if strings.HasPrefix(s, "'") {
		value, rest, more, err = quotedValue(s[1:])
		return name, value, rest, more, err
	}
	value, rest, more = strings.Cut(s, ",")
	return name, value, rest, more, nil
}

// quotedValue reads up to the closing quote; the opening one is gone.
func quotedValue(s string) (value, rest string, more bool, err error) {
	var b strings.Builder
	for {
		part, after, closed := strings.Cut(s, "'")
		if !closed {
			return "", "", false, errors.New("a quoted value does not end")
		}
		b.WriteString(part)
		if !strings.HasPrefix(after, "'") {
			if after != "" && after[0] != ',' {
				return "", "", false, errors.New("a comma must follow a quoted value")
			}
			rest, more = strings.CutPrefix(after, ",")
			return b.String(), rest, more, nil
		}
		b.WriteByte('\'')
		s = after[1:]
	}
}

func (o *fieldOptions) set(name, value string) error {
	switch {
	case name == "required" && !o.required:
		o.required = true
	case name == "default=" && !o.hasDefault:
		o.hasDefault, o.text = true, value
	case name == "required" || name == "default=":
		return fmt.Errorf("option %q is given twice", name)
	case name == "alias=" && value != "":
		o.aliases = append(o.aliases, value)
	case name == "alias=":
		return errors.New("an alias is empty")
	default:
		return fmt.Errorf("unknown option %q", name)
	}
	return nil
}

// optionsOf reads the plugreg options of a field. Where reflection would ignore a tag that is not well formed, it is an
// error: a mark that is silently lost changes what a payload means.
func optionsOf(tag reflect.StructTag) (fieldOptions, error) {
	if !utf8.ValidString(string(tag)) {
		return fieldOptions{}, fmt.Errorf("tag %q is not valid UTF-8; write it in UTF-8", tag)
	}
	value, ok := tag.Lookup(tagKey)
	if !ok && strings.Contains(unreadable(string(tag)), tagKey+":") {
		return fieldOptions{}, fmt.Errorf("tag %q is malformed, so its plugreg part has no effect; write plugreg:\"…\", with one space between keys", tag)
	}
	if !utf8.ValidString(value) {
		return fieldOptions{}, fmt.Errorf("plugreg tag %q is not valid UTF-8; write it in UTF-8", value)
	}
	return parseTag(value)
}

// unreadable is the part of a tag behind its leading key:"value" pairs.
func unreadable(tag string) string {
	for {
		tag = strings.TrimLeft(tag, " ")
		key, rest, ok := strings.Cut(tag, ":")
		if !ok || key == "" || strings.ContainsFunc(key, badKeyRune) {
			return tag
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil || quoted[0] != '"' {
			return tag
		}
		tag = rest[len(quoted):]
	}
}

func badKeyRune(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f }

// WireName is the name of a struct's field in JSON as package encoding/json has it: "-" for a field that is left out, ""
// for an embedded struct whose fields are inlined.
func WireName(f reflect.StructField) string {
	t := f.Type
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	structure := t.Kind() == reflect.Struct
	if !f.IsExported() && !(f.Anonymous && structure) {
		return "-"
	}
	tag := f.Tag.Get("json")
	if tag == "-" {
		return "-"
	}
	name, _, _ := strings.Cut(tag, ",")
	switch {
	case validWireName(name):
		return name
	case f.Anonymous && structure:
		return ""
	}
	return f.Name
}

// validWireName reports whether encoding/json takes the name from a tag; it ignores others.
func validWireName(s string) bool {
	for _, r := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return s != ""
}
