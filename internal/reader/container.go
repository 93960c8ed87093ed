// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// object reads an object into a struct. The path has one place for all of its keys.
func (d *input) object(n *node, dst reflect.Value, c byte) {
	if c != '{' {
		d.mismatch(n, c, nil)
		return
	}
	d.enter()
	o := d.opened(dst, n.layout)
	d.at = append(d.at, segment{})
	top := len(d.at) - 1
	var dropped keySet
	for next, first := 0, true; d.more('}', first); first = false {
		key := d.key()
		if d.broken != nil {
			break
		}
		f := n.layout.match(key, next)
		if f == nil || d.flaw != "" {
			d.unknown(&o, &dropped, key)
			continue
		}
		next = f.at + 1
		name := f.name
		if string(key) != name {
			name = string(key)
		}
		d.at[top].key = name
		if o.claim(f, name) {
			d.member(f, o.place(f))
		} else {
			d.next()
			d.pass()
		}
	}
	d.at = d.at[:top]
	if d.broken == nil {
		o.close()
	}
}

// match finds the field of a key. Writers mostly keep to one order, so the next field is the best guess.
func (l *layout) match(key []byte, next int) *field {
	if next < len(l.fields) && l.fields[next].name == string(key) {
		return l.fields[next]
	}
	return l.byKey[string(key)]
}

func (d *input) member(f *field, dst reflect.Value) {
	d.at[len(d.at)-1].must = f.payload.must
	if f.payload.widened != "" {
		d.adjust(Widened, f.payload.widened)
	}
	if f.payload.quoted {
		d.quoted(f.payload.node, dst)
	} else {
		d.value(f.payload.node, dst)
	}
}

// unknown deals with a key that no field has, and passes by its value.
func (d *input) unknown(o *opening, dropped *keySet, key []byte) {
	name := string(key)
	d.at[len(d.at)-1].key = name
	switch {
	case d.flaw != "":
		d.sound(nil)
	case dropped.add([]byte(name)):
		o.unknown(name, "")
	default:
		d.repeated(name, name)
	}
	d.next()
	d.pass()
}

func (d *input) mapping(n *node, dst reflect.Value, c byte) {
	if c != '{' {
		d.mismatch(n, c, nil)
		return
	}
	d.enter()
	made := reflect.MakeMap(n.typ)
	key, element := reflect.New(n.typ.Key()).Elem(), reflect.New(n.elem.typ).Elem()
	d.at = append(d.at, segment{})
	top := len(d.at) - 1
	for first := true; d.more('}', first); first = false {
		text := string(d.key())
		d.at[top].key = text
		d.sound(nil)
		fits := d.mapKey(n, key, text)
		element.SetZero()
		d.value(n.elem, element)
		if before := made.Len(); fits && d.broken == nil {
			if made.SetMapIndex(key, element); made.Len() == before {
				d.fault(Error{Have: fmt.Sprintf("the key %q again, or one that means the same", text), Fix: "leave one of them out"})
			}
		}
	}
	d.at = d.at[:top]
	dst.Set(made)
}

// mapKey sets key to what text means, and reports whether it means something.
func (d *input) mapKey(n *node, key reflect.Value, text string) bool {
	if n.stringKeys {
		key.SetString(text)
		return true
	}
	if d.broken != nil {
		return false
	}
	made, err := d.convertKey(n.typ.Key(), reflect.ValueOf(text))
	if err != nil {
		d.fault(Error{Have: "the key " + strconv.Quote(text), Want: "a key for " + typeName(n.typ), Err: err})
		return false
	}
	key.Set(made)
	return true
}

func (d *input) slice(n *node, dst reflect.Value, c byte) {
	switch {
	case c == '"' && n.op == opBytes:
		d.bytes(n, dst)
		return
	case c != '[':
		d.mismatch(n, c, nil)
		return
	}
	d.enter()
	i := 0
	d.at = append(d.at, segment{list: true})
	top := len(d.at) - 1
	for ; d.more(']', i == 0); i++ {
		if i == dst.Cap() {
			dst.Grow(max(4, i))
		}
		dst.SetLen(i + 1)
		d.at[top].index = i
		d.value(n.elem, dst.Index(i))
	}
	d.at = d.at[:top]
	if i == 0 {
		dst.Set(reflect.MakeSlice(n.typ, 0, 0))
	}
}

func (d *input) array(n *node, dst reflect.Value, c byte) {
	if c != '[' {
		d.mismatch(n, c, nil)
		return
	}
	d.enter()
	i := 0
	d.at = append(d.at, segment{list: true})
	top := len(d.at) - 1
	for ; d.more(']', i == 0); i++ {
		d.at[top].index = i
		if i < dst.Len() {
			d.value(n.elem, dst.Index(i))
			continue
		}
		d.next()
		d.pass()
	}
	d.at = d.at[:top]
	if i != dst.Len() && d.broken == nil {
		d.fault(Error{Have: fmt.Sprintf("a list of %d", i), Want: d.expect(n.typ)})
	}
}

// any reads a value that begins with c into what encoding/json makes of it in an interface.
func (d *input) any(c byte) any {
	switch c {
	case '{':
		return d.anyObject()
	case '[':
		return d.anyList()
	case '"':
		return string(d.sound(d.text()))
	case 't':
		d.literal("true")
		return true
	case 'f':
		d.literal("false")
		return false
	case 'n':
		d.literal("null")
		return nil
	}
	token := d.number()
	f, err := strconv.ParseFloat(string(token), 64)
	if err != nil && d.broken == nil && !d.passing {
		d.refuse(&node{typ: reflect.TypeFor[float64]()}, json.Number(token), nil)
	}
	return f
}

func (d *input) anyObject() map[string]any {
	d.enter()
	made := map[string]any{}
	d.at = append(d.at, segment{})
	top := len(d.at) - 1
	for first := true; d.more('}', first); first = false {
		key := string(d.key())
		d.at[top].key = key
		d.sound(nil)
		if _, twice := made[key]; twice {
			d.repeated(key, key)
		}
		made[key] = d.any(d.next())
	}
	d.at = d.at[:top]
	return made
}

func (d *input) anyList() []any {
	d.enter()
	made := []any{}
	d.at = append(d.at, segment{list: true})
	top := len(d.at) - 1
	for d.more(']', len(made) == 0) {
		d.at[top].index = len(made)
		made = append(made, d.any(d.next()))
	}
	d.at = d.at[:top]
	return made
}
