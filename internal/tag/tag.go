// SPDX-License-Identifier: Apache-2.0

// Package tag reads what the tags of a struct's field say: the options of the plugreg tag, and the name in JSON.
//
// Invariant: there is one grammar and one set of defaults. Whoever describes a type and whoever fills one accept the same
// tags and mean the same by them, and an option that is written down is either returned or an error, never lost.
//
// # Grammar
//
// The value of a plugreg tag is empty, or options separated by commas, without spaces:
//
//   - required: the field must be given. It takes no value, and no default beside it.
//   - default=<text>: what stands for a value that is not given, once; see [SetDefault] for the types that can have one.
//   - alias=<wire name>: a further name in JSON, not empty. It may be repeated with other names.
//
// A value that begins with a single quote ends at the next one and may hold commas; two quotes in it stand for one. In
// other values a quote is a letter like any other.
//
// All functions are safe for concurrent use and keep nothing between calls.
package tag

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Key is what the options stand behind in a struct tag.
const Key = "plugreg"

const help = "known options are required, default=<text>, alias=<wire name>; put a value with commas into single quotes"

// Options is what a plugreg tag says about a field. The zero value says nothing.
type Options struct {
	Required   bool     // the field must be given; never together with HasDefault
	HasDefault bool     // there is a default, which may be empty
	Default    string   // its text, without quotes; not checked against a type
	Aliases    []string // further names in JSON in order of appearance: not empty, none twice
}

// IsZero reports whether o says nothing.
func (o Options) IsZero() bool { return !o.Required && !o.HasDefault && len(o.Aliases) == 0 }

// Of returns the options of a field. Besides the errors of [Parse], it is one if plugreg is there twice, or in a part of
// the tag that reflection does not read because what precedes it is not well formed.
func Of(f reflect.StructField) (Options, error) {
	value, err := lookup(string(f.Tag))
	if err != nil {
		return Options{}, err
	}
	return Parse(value)
}

// Parse reads the value of a plugreg tag by the grammar of the package comment. The error quotes it and says what is
// wrong; there are no options then.
func Parse(value string) (Options, error) {
	if !utf8.ValidString(value) {
		return Options{}, fmt.Errorf("plugreg tag %q is not valid UTF-8; write it in UTF-8", value)
	}
	var o Options
	for rest, more := value, value != ""; more; {
		var err error
		if rest, more, err = o.next(rest); err != nil {
			return Options{}, fmt.Errorf("plugreg tag %q: %w; %s", value, err, help)
		}
	}
	if o.Required && o.HasDefault {
		return Options{}, fmt.Errorf("plugreg tag %q: a required field cannot have a default; drop one of the two", value)
	}
	return o, nil
}

// next adds the first option of text. There is another one, in rest, if a comma follows.
func (o *Options) next(text string) (rest string, more bool, err error) {
	name, value, assigned := text, "", false
	if end := strings.IndexAny(text, "=,"); end >= 0 {
		name, assigned = text[:end], text[end] == '='
	}
	rest = text[len(name):]
	if assigned {
		if value, rest, err = cutValue(rest[1:]); err != nil {
			return "", false, fmt.Errorf("%s: %w", name, err)
		}
	}
	rest, more = strings.CutPrefix(rest, ",")
	return rest, more, o.add(name, value, assigned)
}

// cutValue divides text behind its first value; the rest is empty or begins with a comma.
func cutValue(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, "'") {
		value, _, _ = strings.Cut(text, ",")
		return value, text[len(value):], nil
	}
	for rest = text; strings.HasPrefix(rest, "'"); {
		part, after, closed := strings.Cut(rest[1:], "'")
		if !closed {
			return "", "", errors.New("a quoted value does not end")
		}
		if rest = after; strings.HasPrefix(rest, "'") {
			part += "'"
		}
		value += part
	}
	if rest != "" && rest[0] != ',' {
		return "", "", fmt.Errorf("a comma must follow a quoted value, not %q", rest)
	}
	return value, rest, nil
}

func (o *Options) add(name, value string, assigned bool) error {
	switch name {
	case "required":
		if assigned {
			return errors.New("required takes no value")
		}
		if o.Required {
			return errors.New("required is given twice")
		}
		o.Required = true
	case "default":
		if !assigned {
			return errors.New("default needs a value")
		}
		if o.HasDefault {
			return errors.New("default is given twice")
		}
		o.HasDefault, o.Default = true, value
	case "alias":
		if value == "" {
			return errors.New("alias needs a value")
		}
		if slices.Contains(o.Aliases, value) {
			return fmt.Errorf("alias %q is given twice", value)
		}
		o.Aliases = append(o.Aliases, value)
	default:
		return fmt.Errorf("unknown option %q", name)
	}
	return nil
}

// lookup finds the value behind Key as reflection does, but says so where it finds less than was written.
func lookup(tag string) (value string, err error) {
	found := false
	key, quoted, rest, ok := cutPair(tag)
	for ; ok; key, quoted, rest, ok = cutPair(rest) {
		if key != Key {
			continue
		}
		if found {
			return "", fmt.Errorf("tag %q has plugreg twice, and the second has no effect; join the two with a comma", tag)
		}
		if value, err = strconv.Unquote(quoted); err != nil {
			return "", malformed(tag)
		}
		found = true
	}
	if strings.Contains(rest, Key+":") {
		return "", malformed(tag)
	}
	return value, nil
}

func malformed(tag string) error {
	return fmt.Errorf("tag %q is malformed, so its plugreg part has no effect; write plugreg:\"…\", with one space between keys", tag)
}

// cutPair cuts the first key:"value" off tag. The value keeps its quotes and is not checked, since reflection reads on
// behind one that it cannot unquote. Where there is no pair, rest is all of tag.
func cutPair(tag string) (key, quoted, rest string, ok bool) {
	key, rest, _ = strings.Cut(strings.TrimLeft(tag, " "), ":")
	if key == "" || strings.ContainsFunc(key, badInKey) || !strings.HasPrefix(rest, `"`) {
		return "", "", tag, false
	}
	for end := 1; end < len(rest); end++ {
		switch rest[end] {
		case '\\':
			end++
		case '"':
			return key, rest[:end+1], rest[end+1:], true
		}
	}
	return "", "", tag, false
}

func badInKey(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f }
