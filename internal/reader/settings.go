// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"reflect"
	"slices"
	"strings"
)

const (
	maxDepth      = 100     // keys and indexes in a path
	maxContainers = 1 << 16 // maps and lists visited in one call
)

// Settings sets the fields of dst, a non-nil pointer to a struct or to a map with string keys, from src, by the rules
// of the package comment. A nil src has no keys.
//
// It returns the paths of the keys that were used, sorted, as given: to the leaves, such as `level` and `retry.max`. A
// list and a value in an interface are leaves, and so is an empty map.
//
// The error joins all faults in order of path, each an [*Error]; dst is then exactly as it was and no path is returned.
// Settings does not panic, but does not contain a runtime.Goexit in UnmarshalJSON or UnmarshalText. Calls may run
// concurrently on one src and on dsts that share defaults, as long as nobody changes them.
func Settings(dst any, src map[string]any) (read []string, err error) {
	target, err := targetOf(dst)
	if err != nil {
		return nil, err
	}
	work := reflect.New(target.Type()).Elem()
	work.Set(target)
	d := decoder{layouts: layouts{}}
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

// decoder reads settings: Go values, over defaults.
type decoder struct {
	run
	read       []string
	layouts    layouts
	containers int
	inside     int // a leaf, when above zero: what is in there is no leaf of its own
}

// within decodes one level of src below the current path.
func (d *decoder) within(s segment, decode func()) {
	if len(d.at) >= maxDepth && !d.stopped {
		d.stop("values nested more than 100 deep", "at most 100 levels", "look for a map or list that contains itself")
	}
	d.below(s, decode)
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
	at := d.at.start()
	d.faults, d.stopped = append(d.faults, fault{at, &Error{Path: at.String(), Have: have, Want: want, Fix: fix}}), true
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
