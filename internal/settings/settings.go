// SPDX-License-Identifier: Apache-2.0

// Package settings decodes a map of settings strictly over a struct, or map, of defaults.
//
// Invariant: Decode is all or nothing. It returns an error, and then neither dst nor anything that dst refers to has
// changed; or every key of src has been used, and then nothing that dst refers to was changed in place, so that several
// decoders may share one set of defaults.
//
// # Keys
//
// A field's key is its encoding/json wire name: the name in the json tag, else the field's. Case counts. Embedded structs
// without a name of their own are inlined, and one name at two places is settled, as there. Not settable, hence unknown:
// unexported fields, `json:"-"`, and what an embedded pointer to an unexported struct holds. The option `json:",string"`
// also takes the value as a string that holds JSON.
//
// The tag plugreg has the grammar of package tag. `required`: the key must be given, whatever the defaults hold. `default=5`:
// the value of a field that is zero and whose key is missing. `alias=old`: another key for the field. A malformed tag is an
// error. Tags of fields without a key are not read.
//
// # Merging
//
// Keys that are given replace, others keep the default: in structs, in maps, in maps of structs, and behind pointers, which
// are allocated anew. A missing struct is one whose keys are all missing, a missing pointer stays as it is. Lists replace,
// and so does a value of exactly the field's type, a map or list in an interface, and a type that decodes itself, which
// starts from zero: what it holds could not be copied safely. Maps and lists of src are stored as copies; structs, pointers
// and functions as they are.
//
// # Values
//
//   - bool and string: their kind, named or not. A json.Number is a number.
//   - integers: any whole number within range, from any Go number or json.Number, also 5.0 and 5e3; never rounded.
//   - floats: any number within range, rounded to the nearest.
//   - time.Duration: a string such as "5s". Numbers are refused, for nobody knows their unit.
//   - lists: any slice or array; arrays take exactly their length. Bytes also take base64 in a string, as encoding/json writes it.
//   - maps: keys are strings, integers or encoding.TextUnmarshaler, in src as such or as strings.
//   - json.Unmarshaler gets the value as JSON. encoding.TextUnmarshaler gets a string; where a type is both, a string that it
//     refuses as JSON. Their panics are errors. The type of dst itself is always decoded by its fields.
//   - nil: sets pointers, maps, slices and interfaces to nil, is JSON's null to a json.Unmarshaler, else is an error. A typed nil
//     map is an empty one.
//   - anything else: a value that is assignable, or of the same kind and convertible.
//
// Values may be nested 100 deep and hold 65,536 maps and lists, counted along every way to them, so that one that
// contains itself is an error rather than an endless loop.
package settings

import (
	"errors"
	"reflect"
	"slices"
	"strings"
)

const (
	maxDepth      = 100     // keys and indexes in a path
	maxContainers = 1 << 16 // maps and lists visited in one call
)

// Decode sets the fields of dst, a non-nil pointer to a struct or to a map with string keys, from src, by the rules of
// the package comment. A nil src has no keys.
//
// It returns the paths of the keys that were used, sorted, as given: to the leaves, such as `level` and `retry.max`. A list and
// a value in an interface are leaves, and so is an empty map.
//
// The error joins all faults in order of path, each an [*Error]; dst is then exactly as it was and no path is returned.
// Decode does not panic, but does not contain a runtime.Goexit in UnmarshalJSON or UnmarshalText. Calls may run
// concurrently on one src and on dsts that share defaults, as long as nobody changes them.
func Decode(dst any, src map[string]any) (read []string, err error) {
	target, err := targetOf(dst)
	if err != nil {
		return nil, err
	}
	work := reflect.New(target.Type()).Elem()
	work.Set(target)
	d := decoder{plans: map[reflect.Type]*plan{}}
	d.object(work, reflect.ValueOf(src))
	if err := d.err(); err != nil {
		return nil, err
	}
	target.Set(work)
	slices.Sort(d.read)
	return d.read, nil
}

func targetOf(dst any) (reflect.Value, error) {
	fault := &Error{
		Have: describe(reflect.ValueOf(dst)),
		Want: "a non-nil pointer to a struct or to a map with string keys",
		Fix:  "pass the address of a variable, such as &cfg",
	}
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer {
		return v, fault
	}
	if v.IsNil() {
		fault.Have = "a nil " + typeName(v.Type())
		return v, fault
	}
	t := v.Type().Elem()
	if t.Kind() == reflect.Struct || t.Kind() == reflect.Map && t.Key().Kind() == reflect.String {
		return v.Elem(), nil
	}
	return v, fault
}

// decoder is the state of one call of Decode.
type decoder struct {
	at         path // of the value being decoded
	faults     []fault
	read       []string
	plans      map[reflect.Type]*plan
	containers int
	inside     int  // a leaf, when above zero: what is in there is no leaf of its own
	stopped    bool // a bound was passed; the rest is not looked at
}

func (d *decoder) err() error {
	slices.SortStableFunc(d.faults, func(a, b fault) int { return slices.CompareFunc(a.at, b.at, segment.compare) })
	var errs []error
	for _, f := range d.faults {
		errs = append(errs, f.err)
	}
	return errors.Join(errs...)
}

// fault records e at the current path, followed by more.
func (d *decoder) fault(e Error, more ...segment) {
	at := slices.Concat(d.at, path(more))
	e.Path = at.String()
	d.faults = append(d.faults, fault{at, &e})
}

// within decodes one level of src below the current path.
func (d *decoder) within(s segment, decode func()) {
	if len(d.at) >= maxDepth && !d.stopped {
		d.stop("values nested more than 100 deep", "at most 100 levels", "look for a map or list that contains itself")
	}
	d.below(s, decode)
}

// below is within for what is not in src, which is as deep as its type.
func (d *decoder) below(s segment, decode func()) {
	if !d.stopped {
		d.at = append(d.at, s)
		decode()
		d.at = d.at[:len(d.at)-1]
	}
}

// enter counts a map or list and reports whether it may be looked into.
func (d *decoder) enter() bool {
	if d.containers++; d.containers > maxContainers && !d.stopped {
		d.stop("more than 65,536 maps and lists", "at most 65,536", "look for maps or lists that are repeated in each other")
	}
	return !d.stopped
}

// stop reports only the beginning of the path: the whole of it says nothing more about a cycle.
func (d *decoder) stop(have, want, fix string) {
	at := slices.Clone(d.at[:min(len(d.at), 8)])
	e := &Error{Path: at.String(), Have: have, Want: want, Fix: fix}
	d.faults, d.stopped = append(d.faults, fault{at, e}), true
}

// asLeaf marks the current path as read, and runs decode without marking anything below.
func (d *decoder) asLeaf(decode func()) {
	if d.inside == 0 && len(d.at) > 0 {
		d.read = append(d.read, d.at.String())
	}
	d.inside++
	decode()
	d.inside--
}

// entry is a key of src with its value.
type entry struct {
	text  string // the key as paths show it
	key   reflect.Value
	value reflect.Value
}

// entries lists a map by text of the keys, so that faults do not depend on the order of a map.
func entries(src reflect.Value) []entry {
	list := make([]entry, 0, src.Len())
	for iter := src.MapRange(); iter.Next(); {
		key := concrete(iter.Key())
		list = append(list, entry{keyText(key), key, iter.Value()})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return strings.Compare(a.text, b.text) })
	return list
}
