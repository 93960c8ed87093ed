// SPDX-License-Identifier: Apache-2.0

package reader

import "reflect"

// Clone copies src with all maps and slices in it, also typed ones and those in arrays, at any depth, so that a later
// change to src is not seen in the copy. Structs, pointers, functions and scalars are kept as they are, with what they
// refer to.
//
// There is no depth limit: what appears at several places in src is copied once, so that a map which contains itself
// becomes a copy which contains itself. Clone of nil is nil. The caller must keep src unchanged during the call.
func Clone(src map[string]any) map[string]any {
	return cloneValue(reflect.ValueOf(src)).Interface().(map[string]any)
}

// cloner keeps a list of copies to be filled rather than recurse, since depth is up to the caller.
type cloner struct {
	copies  map[identity]reflect.Value
	pending []pair
}

// identity tells maps and slices apart; slices of one array may differ in length or in type alone.
type identity struct {
	at     uintptr
	length int
	typ    reflect.Type
}

type pair struct{ from, to reflect.Value }

func cloneValue(v reflect.Value) reflect.Value {
	c := cloner{copies: map[identity]reflect.Value{}}
	root := c.copyOf(v)
	for len(c.pending) > 0 {
		next := c.pending[len(c.pending)-1]
		c.pending = c.pending[:len(c.pending)-1]
		c.fill(next)
	}
	return root
}

// copyOf returns what stands for v in the copy: for a map or slice a new one, still empty.
func (c *cloner) copyOf(v reflect.Value) reflect.Value {
	v = concrete(v)
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		if v.IsNil() {
			return v
		}
	case reflect.Array:
		// An array is complete before it is put anywhere, so this recurses: as deep as arrays alone are nested.
		to := reflect.New(v.Type()).Elem()
		c.fill(pair{v, to})
		return to
	default:
		return v
	}
	id := identity{v.Pointer(), v.Len(), v.Type()}
	to, ok := c.copies[id]
	if !ok {
		to = emptyLike(v)
		c.copies[id] = to
		c.pending = append(c.pending, pair{v, to})
	}
	return to
}

func emptyLike(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Map {
		return reflect.MakeMapWithSize(v.Type(), v.Len())
	}
	return reflect.MakeSlice(v.Type(), v.Len(), v.Len())
}

func (c *cloner) fill(p pair) {
	switch {
	case p.from.Kind() == reflect.Map:
		for iter := p.from.MapRange(); iter.Next(); {
			p.to.SetMapIndex(iter.Key(), c.element(iter.Value()))
		}
	case isContainer(p.from.Type().Elem()):
		for i := range p.from.Len() {
			p.to.Index(i).Set(c.element(p.from.Index(i)))
		}
	default:
		reflect.Copy(p.to, p.from)
	}
}

// element is copyOf, except that a nil interface stays one: an invalid value would delete a map's key.
func (c *cloner) element(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Interface && v.IsNil() {
		return v
	}
	return c.copyOf(v)
}

// concrete is the value in an interface, else v; invalid where the interface is nil.
func concrete(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}

// isContainer reports whether values of type t are, or may be, maps, slices or arrays.
func isContainer(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Interface:
		return true
	}
	return false
}
