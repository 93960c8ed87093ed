// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/plugreg/plugreg/internal/near"
	"github.com/plugreg/plugreg/internal/tag"
)

// run is one reading, whatever its source: where it is, what it found, and which keys the open structs have got.
type run struct {
	at          path // of the value being read
	faults      []fault
	unlisted    int
	adjustments []adjusted
	given       []string // by field, "" for none: of all open structs, one behind the other
	json        bool     // the source is a payload, not settings
	open        bool     // unknown keys are dropped
	stopped     bool     // a bound was passed; the rest is not looked at
}

func (r *run) err() error {
	slices.SortStableFunc(r.faults, func(a, b fault) int { return slices.CompareFunc(a.at, b.at, segment.compare) })
	var errs []error
	for _, f := range r.faults {
		errs = append(errs, f.err)
	}
	if r.unlisted > 0 {
		errs = append(errs, &Error{Have: fmt.Sprintf("%d more faults", r.unlisted), Want: "none", payload: r.json})
	}
	return errors.Join(errs...)
}

// maxFaults of a payload are listed; the others are counted, since a stranger may send a million.
const maxFaults = 1000

func (r *run) full() bool { return r.json && len(r.faults) >= maxFaults }

// fault records e at the current path, followed by more.
func (r *run) fault(e Error, more ...segment) {
	if r.full() {
		r.unlisted++
		return
	}
	at := slices.Concat(r.at, path(more))
	e.Path, e.payload = at.String(), r.json
	r.faults = append(r.faults, fault{at, &e})
}

func (r *run) adjust(kind Kind, detail string) {
	r.adjustments = append(r.adjustments, adjusted{slices.Clone(r.at), Adjustment{kind, r.at.String(), detail}})
}

// needed reports whether the value at the current path cannot be left out.
func (r *run) needed() bool {
	last := len(r.at) - 1
	return last < 0 || r.at[last].list || r.at[last].must
}

// adjusted is an Adjustment that can be sorted as faults are.
type adjusted struct {
	at path
	Adjustment
}

func (r *run) adjusted() []Adjustment {
	slices.SortStableFunc(r.adjustments, func(a, b adjusted) int {
		return cmp.Or(slices.CompareFunc(a.at, b.at, segment.compare), cmp.Compare(a.Kind, b.Kind))
	})
	var list []Adjustment
	for _, a := range r.adjustments {
		list = append(list, a.Adjustment)
	}
	return list
}

// below runs read one level deeper.
func (r *run) below(s segment, read func()) {
	if !r.stopped {
		r.at = append(r.at, s)
		read()
		r.at = r.at[:len(r.at)-1]
	}
}

// opening is one struct while it is filled. Both sources hand it keys, in any order, and close it.
type opening struct {
	*run
	dst    reflect.Value
	layout *layout
	base   int // where its part of run.given begins
}

func (r *run) opened(dst reflect.Value, l *layout) opening {
	base := len(r.given)
	r.given = slices.Grow(r.given, len(l.fields))[:base+len(l.fields)]
	clear(r.given[base:])
	return opening{run: r, dst: dst, layout: l, base: base}
}

// claim takes key for f, and reports whether it is the first one to mean f. The current path ends with key.
func (o *opening) claim(f *field, key string) bool {
	first := &o.given[o.base+f.at]
	if *first != "" {
		o.repeated(*first, key)
		return false
	}
	*first = key
	if o.json && key != f.name {
		last := len(o.at) - 1
		o.at[last] = segment{key: f.name}
		o.adjust(Aliased, key)
		o.at[last] = segment{key: key}
	}
	return true
}

// repeated reports key where first has been before, which may be the same.
func (r *run) repeated(first, key string) {
	have := fmt.Sprintf("the keys %q and %q, which mean the same", first, key)
	if first == key {
		have = fmt.Sprintf("the key %q again", key)
	}
	r.fault(Error{Have: have, Fix: "leave one of them out"})
}

// unknown reports or drops a key, at the end of the current path, that no field has. The detail says more about the
// key.
func (o *opening) unknown(key, detail string) {
	if o.run.open {
		o.adjust(Dropped, "")
		return
	}
	const most = 8
	if r := o.run; r.full() {
		r.unlisted++
		return
	}
	keys := slices.Sorted(maps.Keys(o.layout.byKey))
	fault := Error{Have: "an unknown key" + detail, Want: "no key here"}
	if len(keys) > 0 {
		fault.Want = "one of " + quoteAll(keys[:min(most, len(keys))])
	}
	if len(keys) > most {
		fault.Want += fmt.Sprintf(" and %d more", len(keys)-most)
	}
	if likely := near.Names(key, maps.Keys(o.layout.byKey), 2); len(likely) > 0 {
		fault.Fix = "did you mean " + strings.ReplaceAll(quoteAll(likely), ",", " or") + "?"
	}
	o.fault(fault)
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	return strings.Join(quoted, ", ")
}

// place is the field's place in dst, ready to be written to: embedded pointers on the way are replaced by copies, since
// the default's are not to be written through.
func (o *opening) place(f *field) reflect.Value {
	v := o.dst.Field(f.index[0])
	for _, i := range f.index[1:] {
		if v.Kind() == reflect.Pointer {
			fresh := reflect.New(v.Type().Elem())
			if !v.IsNil() {
				fresh.Elem().Set(v.Elem())
			}
			v.Set(fresh)
			v = fresh.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// close settles the fields that were not given, and ends the opening.
func (o *opening) close() {
	if o.layout.settles || o.layout.complete {
		for _, f := range o.layout.fields {
			if o.given[o.base+f.at] == "" {
				o.below(segment{key: f.name}, func() { o.missing(f) })
			}
		}
	}
	o.given = o.given[:o.base]
}

// missing settles a field without a key. What is behind a nil embedded pointer does not exist, hence lacks nothing.
func (o *opening) missing(f *field) {
	v := reach(o.dst, f)
	switch {
	case !v.IsValid():
	case f.options.Required:
		o.fault(Error{Have: "no value", Want: o.expect(f.typ), Fix: "add the key, which is required"})
	case f.payload.must:
		o.fault(Error{Have: "no value", Want: o.expect(f.typ), Fix: "add the key, which is written even for an empty value"})
	case f.options.HasDefault:
		if v.IsZero() {
			o.fill(f)
		}
	case f.inner != nil && f.inner.settles:
		inner := o.run.opened(o.place(f), f.inner)
		inner.close()
	}
}

// fill sets the default. What several values could share is made anew for each of them.
func (o *opening) fill(f *field) {
	if f.preset.IsValid() {
		o.place(f).Set(f.preset)
	} else {
		_ = tag.SetDefault(o.place(f), f.options.Default) // layoutOf has reported the error
	}
	if o.json {
		o.adjust(Filled, f.options.Default)
	}
}

// reach is a field's place for reading, and invalid behind an embedded pointer that is nil.
func reach(v reflect.Value, f *field) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	v, err := v.FieldByIndexErr(f.index)
	if err != nil {
		return reflect.Value{}
	}
	return v
}
