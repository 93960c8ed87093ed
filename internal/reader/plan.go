// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"fmt"
	"reflect"
)

// Plan is how JSON payloads of one Go type are read and written, with all that its tags say. It never changes, so it is
// safe for concurrent use. The zero value is of no use; PlanOf makes one.
type Plan struct {
	root *node
	open bool
}

// Options say who wrote the payloads. The zero value is a writer of the reader's own version, or of one with more
// fields.
type Options struct {
	// Closed makes unknown keys faults, all of which are listed. Else they are dropped, each with an Adjustment.
	Closed bool
	// Complete makes every field that [Plan.Append] always writes one that must be there, in each object that is; all that
	// lack are listed. Else the tag required alone says so. Nothing is demanded of a struct that writes itself by
	// MarshalJSON or MarshalText and is read by its fields, for nobody knows what it writes.
	Complete bool
	// Written is what the writer did otherwise, by field; nil: nothing. Keys that no field has are of no effect.
	Written map[Key]Written
}

// Key names a field: the struct type, either the one that declares it or the one that inlines it, which counts first
// where both are there, and its name in JSON, as the reader has it.
type Key struct {
	Type reflect.Type
	Wire string
}

// Written is what a writer did otherwise with one field. The zero value is nothing.
type Written struct {
	Quoted    bool // the writer has the json option string, the reader has not
	NotQuoted bool // the reader has it, the writer has not; Quoted counts first
	// Widened is the writer's narrower type, such as "int32": where the field is present, this is an Adjustment. Empty:
	// the types are the same.
	Widened string
}

// Kind is what sort of Adjustment one is. The zero value is none.
type Kind uint8

// What Read does without being told so by the payload.
const (
	Dropped Kind = iota + 1 // an unknown field was left out
	Filled                  // a field was absent, and has its default now; Detail: the default's text
	Aliased                 // a field was found by an older name; Detail: that name
	Widened                 // a value was written by a narrower type; Detail: that type
)

// Adjustment is a difference between a payload and what was read from it.
type Adjustment struct {
	Kind   Kind
	Path   string // where, such as `lines[3].amount`, by the keys in the payload; of a field that is absent or Aliased by its name
	Detail string // as Kind says; may be empty
}

// PlanOf makes the plan of t and of all that t can hold. The error joins all faults in order of path, each an [*Error]:
// tags that cannot be used, and types that JSON cannot carry. The path of a list's or map's element ends with `[]`.
func PlanOf(t reflect.Type, o Options) (*Plan, error) {
	if t == nil {
		return nil, &Error{Have: "no type", Want: "a type", payload: true}
	}
	c := compiler{layouts: layouts{}, nodes: map[reflect.Type]*node{}, options: o}
	c.json = true
	root := c.node(t)
	if err := c.err(); err != nil {
		return nil, err
	}
	return &Plan{root: root, open: !o.Closed}, nil
}

// Read reads data, one JSON value with nothing behind it but white space, into dst, which must be settable and of the
// plan's type. It starts from zero, whatever dst holds. What it returns is sorted by path.
//
// The error joins all faults in order of path, each an [*Error]; there are no adjustments then and dst is unchanged.
// Where data is no JSON, or passes a bound of the package comment, that is the only one. Read does not keep data, and
// does not panic; UnmarshalJSON and UnmarshalText get parts of it, which they must not change.
func (p *Plan) Read(data []byte, dst reflect.Value) ([]Adjustment, error) {
	if err := p.fits(dst); err != nil {
		return nil, err
	}
	d := newInput(data)
	d.limit(len(data))
	return p.read(d, dst, d.end)
}

// read reads a value at d's position, checks what follows by calling then, and sets dst if there is no fault.
func (p *Plan) read(d *input, dst reflect.Value, then func()) ([]Adjustment, error) {
	d.open = p.open
	fresh := reflect.New(p.root.typ).Elem()
	d.value(p.root, fresh)
	then()
	if err := d.verdict(); err != nil {
		return nil, err
	}
	dst.Set(fresh)
	return d.adjusted(), nil
}

func (p *Plan) fits(dst reflect.Value) error {
	if dst.IsValid() && dst.CanSet() && dst.Type() == p.root.typ {
		return nil
	}
	want := "one that can be set, of type " + typeName(p.root.typ)
	return &Error{Have: "a destination that is " + settable(dst), Want: want, payload: true}
}

func settable(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	return fmt.Sprintf("of type %s, settable: %t", typeName(v.Type()), v.CanSet())
}
