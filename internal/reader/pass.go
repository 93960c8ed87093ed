// SPDX-License-Identifier: Apache-2.0

package reader

import "bytes"

// pass passes by one value, which was counted, and reports whether it was JSON. What is wrong in it is a fault at its
// place.
//
// Passing by is quick as long as nothing is wrong. Else the value is read once more, for the places.
func (d *input) pass() bool {
	if d.broken != nil {
		return false
	}
	pos, depth, values, at := d.pos, d.depth, d.values, len(d.at)
	if d.spare == nil {
		d.spare = make([][]byte, 0, 32)
	}
	if d.quick(d.spare) {
		return true
	}
	d.broken, d.stopped, d.flaw = nil, false, ""
	d.pos, d.depth, d.values, d.at = pos, depth, values, d.at[:at]
	was := d.passing
	d.passing = true
	d.any(d.peek())
	d.passing = was
	return d.broken == nil
}

// quick passes by a value without keeping track of where it is, and reports whether all was well.
func (d *input) quick(spare [][]byte) bool {
	switch c := d.peek(); c {
	case '{':
		return d.quickObject(keySet{few: spare[:0]})
	case '[':
		d.enter()
		for first := true; d.more(']', first); first = false {
			if d.next(); !d.quick(spare) {
				return false
			}
		}
	case '"':
		d.text()
	case 't':
		d.literal("true")
	case 'f':
		d.literal("false")
	case 'n':
		d.literal("null")
	default:
		d.number()
	}
	return d.broken == nil && d.flaw == ""
}

func (d *input) quickObject(keys keySet) bool {
	d.enter()
	for first := true; d.more('}', first); first = false {
		key := d.key()
		if d.broken != nil || d.flaw != "" {
			return false
		}
		if len(d.scratch) > 0 && len(key) > 0 && &key[0] == &d.scratch[0] {
			key = bytes.Clone(key)
		}
		if !keys.add(key) {
			return false
		}
		if d.next(); !d.quick(keys.few[len(keys.few):]) {
			return false
		}
	}
	return d.broken == nil
}

// keySet is the keys of one object. A few are compared one by one.
type keySet struct {
	few  [][]byte
	many map[string]bool
}

// add reports whether key is new. It keeps key, which must not change.
func (s *keySet) add(key []byte) bool {
	const few = 16
	if s.many != nil {
		if s.many[string(key)] {
			return false
		}
		s.many[string(key)] = true
		return true
	}
	for _, k := range s.few {
		if bytes.Equal(k, key) {
			return false
		}
	}
	if s.few = append(s.few, key); len(s.few) > few {
		s.many = map[string]bool{}
		for _, k := range s.few {
			s.many[string(k)] = true
		}
	}
	return true
}
