// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"go/token"
	"strings"

	"github.com/plugreg/plugreg/internal/shape"
)

// shapeIndex has the shapes by name.
func shapeIndex(list []Shape) map[string]*Shape {
	m := make(map[string]*Shape, len(list))
	for i := range list {
		m[list[i].Name] = &list[i]
	}
	return m
}

// findListed finds the types that one side lists as payloads and the other only reaches: one type under two names,
// because it was listed meanwhile or is not any more. Documents may list types such that two of one side would become
// one; in those nothing is taken for the same.
func (d *differ) findListed(old, new []Shape) {
	if !listsMore(d.old, d.new) && !listsMore(d.new, d.old) {
		return
	}
	d.listed = map[string]string{}
	d.addListings(d.old, d.new)
	d.addListings(d.new, d.old)
	d.twins = make(map[string][2]*Shape, len(old))
	for side, list := range [...][]Shape{old, new} {
		for i := range list {
			name := d.plain(list[i].Name)
			pair := d.twins[name]
			if pair[side] != nil {
				d.listed, d.twins = nil, nil
				return
			}
			pair[side] = &list[i]
			d.twins[name] = pair
		}
	}
}

// listsMore reports whether one side lists a payload that the other does not.
func listsMore(side, other map[string]*Shape) bool {
	for name := range side {
		if strings.HasPrefix(name, "data:") && other[name] == nil {
			return true
		}
	}
	return false
}

// addListings adds the payloads of one side that the other side has as nested types of its own packages.
func (d *differ) addListings(side, other map[string]*Shape) {
	mine, others := localNames(side), localNames(other)
	for name := range side {
		local, ok := strings.CutPrefix(name, "data:")
		if ok && other[name] == nil && mine[local] == nil && len(others[local]) == 1 { // else it is not without doubt the same type
			d.listed[others[local][0]] = name
		}
	}
}

// counterpart is the shape of the same type on the other side.
func (d *differ) counterpart(name string, other map[string]*Shape) *Shape {
	if s := other[name]; s != nil || len(d.listed) == 0 {
		return s
	}
	for _, s := range d.twins[d.plain(name)] {
		if s != nil && other[s.Name] == s {
			return s
		}
	}
	return nil
}

// localNames has the nested types of own packages by the names that they have as listed payloads.
func localNames(side map[string]*Shape) map[string][]string {
	m := map[string][]string{}
	for name := range side {
		if strings.HasPrefix(name, ".") {
			local := shape.MapWords(name, localName)
			m[local] = append(m[local], name)
		}
	}
	return m
}

// localName leaves out the package before a name; a generic type is taken apart first.
func localName(word string) string {
	if strings.Contains(word, "[") {
		return word
	}
	return word[strings.LastIndexAny(word, ".:/")+1:]
}

// same compares type texts.
func (d *differ) same(a, b string) bool {
	return a == b || len(d.listed) > 0 && d.plain(a) == d.plain(b)
}

// plain writes one name, that of the payload, for each type that has two.
func (d *differ) plain(text string) string {
	if len(d.listed) == 0 {
		return text
	}
	return shape.MapWords(text, func(name string) string {
		if long, ok := d.listed[name]; ok {
			return long
		}
		return name
	})
}

// isRootName reports whether a shape is what a contract is made of, and not what that reaches.
func isRootName(name string) bool {
	kind, _, named := strings.Cut(name, ":")
	if named {
		return kind == "data" || kind == "export" || kind == "requires"
	}
	return name == "contract" || name == "plugin" || name == "config"
}

// isExportedName looks at the last part of a type's name, arguments aside.
func isExportedName(name string) bool {
	name, _, _ = strings.Cut(name, "[")
	dot := strings.LastIndexByte(name, '.')
	return dot < 0 || token.IsExported(name[dot+1:])
}
