// SPDX-License-Identifier: Apache-2.0

package canon

import (
	"errors"
	"fmt"
	"strconv"
)

// maxProblems bounds what Decode lists: a foreign document must not make a message of unbounded size.
const maxProblems = 50

// ObjectReader reads the members of one object by key. It collects what is wrong instead of returning it, so that the call
// site is a list of assignments and the message names every fault:
//
//	err := canon.Decode(v, func(o *canon.ObjectReader) {
//		c.Name = o.String("name")
//		c.Shapes = canon.Objects(o, "shapes", readShape)
//		c.Policy = o.StringOr("policy", "default")
//	})
//
// A method for a required key reports one that is missing or of another kind and returns the zero value. A key that nobody
// asked for is reported as unknown. It belongs to one goroutine and to the call that it was passed to.
type ObjectReader struct {
	members []Value
	asked   []bool
	up      *ObjectReader // nil for the document
	key     string        // in up
	index   int           // in the array under key, or -1
	faults  *faults
}

type faults struct {
	errs []error
	more int
}

// Decode reads the object v by read. It returns what was wrong, one error a fault with its path: first what read asked for,
// in that order, and behind each object the keys in it that nobody asked for. At most 50 faults are spelled out.
func Decode(v Value, read func(o *ObjectReader)) error {
	f := &faults{}
	o := &ObjectReader{index: -1, faults: f}
	o.run(v, read)
	if f.more > 0 {
		f.errs = append(f.errs, fmt.Errorf("and %d more", f.more))
	}
	return errors.Join(f.errs...)
}

// run reads v, which stands at o's place.
func (o *ObjectReader) run(v Value, read func(o *ObjectReader)) {
	if v.kind != Object {
		o.faults.add(o.path(), fmt.Errorf("want %v, found %v", Object, v.kind))
		return
	}
	o.members, o.asked = v.items, make([]bool, len(v.items))
	read(o)
	for i, asked := range o.asked {
		if !asked {
			o.faults.add(o.path()+keyPath(v.items[i].key), errors.New("unknown key"))
		}
	}
}

func (f *faults) add(path string, err error) {
	if len(f.errs) == maxProblems {
		f.more++
		return
	}
	f.errs = append(f.errs, fmt.Errorf("%s: %w", path, err))
}

// path is where the object stands in the document.
func (o *ObjectReader) path() string {
	if o.up == nil {
		return "$"
	}
	path := o.up.path() + keyPath(o.key)
	if o.index >= 0 {
		path += "[" + strconv.Itoa(o.index) + "]"
	}
	return path
}

// Fail reports that the value under key is wrong. An empty key is the object itself.
func (o *ObjectReader) Fail(key string, err error) {
	path := o.path()
	if key != "" {
		path += keyPath(key)
	}
	o.faults.add(path, err)
}

// Has reports whether the object has key. It does not count as asking for it.
func (o *ObjectReader) Has(key string) bool { return o.find(key) >= 0 }

func (o *ObjectReader) find(key string) int {
	for i := range o.members {
		if o.members[i].key == key {
			return i
		}
	}
	return -1
}

// get returns the value under key if it is there and of the kind.
func (o *ObjectReader) get(key string, kind Kind) (Value, bool) {
	i := o.find(key)
	if i < 0 {
		o.Fail(key, fmt.Errorf("missing; want %v", kind))
		return Value{}, false
	}
	o.asked[i] = true
	v := o.members[i]
	if v.kind != kind {
		o.Fail(key, fmt.Errorf("want %v, found %v", kind, v.kind))
		return Value{}, false
	}
	return v, true
}

// String returns the string under a required key.
func (o *ObjectReader) String(key string) string {
	v, _ := o.get(key, String)
	return v.text
}

// Int returns the integer under a required key.
func (o *ObjectReader) Int(key string) int64 {
	v, _ := o.get(key, Integer)
	return v.num
}

// Bool returns the bool under a required key.
func (o *ObjectReader) Bool(key string) bool {
	v, _ := o.get(key, Bool)
	return v.num != 0
}

// StringOr returns the string under an optional key, otherwise absent.
func (o *ObjectReader) StringOr(key, absent string) string {
	if !o.Has(key) {
		return absent
	}
	return o.String(key)
}

// IntOr returns the integer under an optional key, otherwise absent.
func (o *ObjectReader) IntOr(key string, absent int64) int64 {
	if !o.Has(key) {
		return absent
	}
	return o.Int(key)
}

// BoolOr returns the bool under an optional key, otherwise absent.
func (o *ObjectReader) BoolOr(key string, absent bool) bool {
	if !o.Has(key) {
		return absent
	}
	return o.Bool(key)
}

// Strings returns the array of strings under a required key, nil if it is empty. Elements of another kind are reported.
func (o *ObjectReader) Strings(key string) []string {
	v, _ := o.get(key, Array)
	var list []string
	for i, item := range v.items {
		if item.kind != String {
			o.faults.add(o.path()+keyPath(key)+"["+strconv.Itoa(i)+"]", fmt.Errorf("want %v, found %v", String, item.kind))
		}
		list = append(list, item.text)
	}
	return list
}

// Object reads the object under a required key by read, which is not called if there is none.
func (o *ObjectReader) Object(key string, read func(o *ObjectReader)) {
	if v, ok := o.get(key, Object); ok {
		o.member(key, -1).run(v, read)
	}
}

// Objects returns the array of objects under a required key, nil if it is empty. read is called once for each element that
// is an object; others are reported and leave a zero element.
func Objects[E any](o *ObjectReader, key string, read func(o *ObjectReader) E) []E {
	v, _ := o.get(key, Array)
	if len(v.items) == 0 {
		return nil
	}
	list := make([]E, len(v.items))
	for i, item := range v.items {
		o.member(key, i).run(item, func(m *ObjectReader) { list[i] = read(m) })
	}
	return list
}

func (o *ObjectReader) member(key string, index int) *ObjectReader {
	return &ObjectReader{up: o, key: key, index: index, faults: o.faults}
}
