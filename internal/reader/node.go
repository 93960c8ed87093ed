// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// op is what JSON makes of a kind of type.
type op uint8

const (
	opNever op = iota // cannot be read; written by the type itself, if at all
	opBool
	opInt
	opUint
	opFloat
	opString
	opNumber // json.Number
	opPointer
	opStruct
	opMap
	opSlice
	opBytes
	opArray
	opAny
)

// own is how a type reads or writes itself.
type own uint8

const (
	byKind own = iota
	asJSON     // with UnmarshalJSON, MarshalJSON
	asText     // with UnmarshalText, MarshalText
)

// node is how one type is read and written.
type node struct {
	typ        reflect.Type
	op         op
	reads      own
	writes     own
	bits       int     // of numbers
	nilable    bool    // takes null
	stringKeys bool    // of a map: keys are set as they are
	base64     bool    // of bytes: written in a string
	why        error   // of opNever
	elem       *node   // of pointers, lists and maps
	layout     *layout // of structs
}

// payloadField is what a plan knows about a field.
type payloadField struct {
	node      *node
	quoted    bool   // in what is read
	widened   string // the writer's type
	omitEmpty bool
	omitZero  bool
	always    bool   // never omitted: its value is never empty, or without a key the reader would fill or refuse it
	must      bool   // refused if absent
	label     string // name and colon, as they are written
	quotes    bool   // in what is written
}

var (
	toJSONType = reflect.TypeFor[json.Marshaler]()
	toTextType = reflect.TypeFor[encoding.TextMarshaler]()
)

func encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(toJSONType) || p.Implements(toTextType)
}

// compiler makes the nodes of one plan.
type compiler struct {
	run
	layouts layouts
	nodes   map[reflect.Type]*node
	options Options
}

func (c *compiler) node(t reflect.Type) *node {
	if n, ok := c.nodes[t]; ok {
		return n
	}
	n := &node{typ: t, op: opOf(t), reads: ownOf(t, fromJSONType, fromTextType), writes: ownOf(t, toJSONType, toTextType)}
	c.nodes[t] = n
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		n.nilable = true
	case reflect.Float32, reflect.Float64:
		n.bits = t.Bits()
	}
	if n.reads == byKind || n.writes == byKind {
		c.complete(n)
	}
	return n
}

func ownOf(t, jsonType, textType reflect.Type) own {
	switch p := reflect.PointerTo(t); {
	case p.Implements(jsonType):
		return asJSON
	case p.Implements(textType):
		return asText
	}
	return byKind
}

func opOf(t reflect.Type) op {
	switch k := t.Kind(); {
	case t == numberType:
		return opNumber
	case k == reflect.Bool:
		return opBool
	case isUnsigned(k):
		return opUint
	case isInteger(k):
		return opInt
	case isFloat(k):
		return opFloat
	case k == reflect.String:
		return opString
	case k == reflect.Pointer && target(t).Kind() != reflect.Pointer:
		return opPointer
	case k == reflect.Struct:
		return opStruct
	case k == reflect.Map:
		return opMap
	case k == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return opBytes
	case k == reflect.Slice:
		return opSlice
	case k == reflect.Array:
		return opArray
	case k == reflect.Interface && t.NumMethod() == 0:
		return opAny
	}
	return opNever
}

// complete adds what a type holds.
func (c *compiler) complete(n *node) {
	t := n.typ
	switch n.op {
	case opPointer:
		n.elem = c.node(t.Elem())
	case opSlice, opArray, opBytes:
		n.elem = c.element(t)
		n.base64 = n.op == opBytes && !encodesItself(t.Elem())
	case opMap:
		c.key(n)
		n.elem = c.element(t)
	case opStruct:
		c.structure(n)
	case opNever:
		c.never(n)
	}
}

func (c *compiler) element(t reflect.Type) (elem *node) {
	c.below(segment{list: true, index: -1}, func() { elem = c.node(t.Elem()) })
	return elem
}

func (c *compiler) never(n *node) {
	switch {
	case n.typ.Kind() == reflect.Interface:
		n.why = errInterface(n.typ)
	case n.typ.Kind() == reflect.Pointer:
		n.why = errEndless
	case n.reads == byKind && n.writes == byKind:
		delete(c.nodes, n.typ) // every place is reported
		c.fault(Error{
			Have: typeName(n.typ), Want: "a type that JSON can carry",
			Fix: `tag the field json:"-", or give the type MarshalJSON and UnmarshalJSON`,
		})
	}
}

func (c *compiler) key(n *node) {
	key := n.typ.Key()
	n.stringKeys = key.Kind() == reflect.String && !decodesText(key)
	if n.stringKeys || isInteger(key.Kind()) || decodesText(key) || key.Kind() == reflect.String || key.Implements(toTextType) {
		return
	}
	c.fault(Error{
		Have: typeName(n.typ), Want: "a map with keys that JSON can carry",
		Fix: "use strings, integers, or keys with MarshalText and UnmarshalText",
	})
}

func (c *compiler) structure(n *node) {
	n.layout = c.layouts.of(&c.run, n.typ)
	n.layout.complete = c.options.Complete && n.writes == byKind
	for _, name := range n.layout.blocked {
		c.fault(Error{
			Have: "an embedded field of a private type that JSON would write and cannot read", Want: "fields that can be set",
			Fix: "export its type, embed it by value without a json name, or tag it json:\"-\"",
		}, segment{key: name})
	}
	for _, f := range n.layout.fields {
		c.below(segment{key: f.name}, func() { c.field(n, f) })
	}
}

func (c *compiler) field(owner *node, f *field) {
	written, ok := c.options.Written[Key{owner.typ, f.name}]
	if !ok {
		written = c.options.Written[Key{f.owner, f.name}]
	}
	p := &f.payload
	p.node = c.node(f.typ)
	p.label = `"` + f.name + `":`
	p.quoted = f.quoted && !written.NotQuoted || written.Quoted && quotable(f.typ)
	p.widened = written.Widened
	settles := f.options.Required || f.options.HasDefault || f.inner != nil && f.inner.settles
	p.always = settles || !p.omitZero && !(p.omitEmpty && canBeEmpty(f.typ))
	p.must = f.options.Required || owner.layout.complete && p.always
}

// canBeEmpty reports whether omitempty has an effect on a field of type t.
func canBeEmpty(t reflect.Type) bool {
	return t.Kind() != reflect.Struct && (t.Kind() != reflect.Array || t.Len() == 0)
}
