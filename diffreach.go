// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"strings"

	"github.com/plugreg/plugreg/internal/shape"
)

// hidden returns the types that only unexported members lead to.
func hidden(side map[string]*Shape) map[string]bool {
	var first []string
	for _, s := range side {
		for i := range s.Fields {
			if f := &s.Fields[i]; !f.public() {
				first = named(first, side, f.Type)
			}
		}
		for i := range s.Methods {
			if m := &s.Methods[i]; m.private() {
				first = named(first, side, m.Type)
			}
		}
	}
	if first == nil {
		return nil
	}
	return onlyBehind(side, first, true, isRootName)
}

// onlyRequired reports whether an old type served nothing but what was needed of other plugins.
func (d *differ) onlyRequired(name string) bool {
	if d.waived == nil {
		needed := func(name string) bool { return strings.HasPrefix(name, "requires:") }
		var first []string
		for name := range d.old {
			if needed(name) {
				first = append(first, name)
			}
		}
		d.waived = onlyBehind(d.old, first, false, func(name string) bool { return isRootName(name) && !needed(name) })
	}
	return d.waived[name]
}

// onlyBehind returns the types that nothing leads to but the first ones; fixed ones are reached in any case.
func onlyBehind(side map[string]*Shape, first []string, private bool, fixed func(string) bool) map[string]bool {
	behind := reachable(side, first, private)
	var start []string
	for name := range side {
		if fixed(name) || !behind[name] {
			start = append(start, name)
		}
	}
	for name := range reachable(side, start, false) {
		delete(behind, name)
	}
	return behind
}

// serial returns the types that settings and payloads lead to through what is in JSON.
func serial(side map[string]*Shape) map[string]bool {
	var first []string
	for name, s := range side {
		if isRootName(name) && (s.Role == RoleConfig || s.Role == RoleData) {
			first = append(first, name)
		}
	}
	return closure(side, first, func(f *Field) bool { return f.Wire != "-" }, func(*Method) bool { return false })
}

// reachable returns what the first types lead to, themselves included: through public members, or through all.
func reachable(side map[string]*Shape, first []string, private bool) map[string]bool {
	return closure(side, first, func(f *Field) bool { return private || f.public() }, func(m *Method) bool { return private || !m.private() })
}

// closure returns what the first types lead to, themselves included, through the members that are followed.
func closure(side map[string]*Shape, first []string, field func(*Field) bool, method func(*Method) bool) map[string]bool {
	reached := make(map[string]bool, len(side))
	for queue := first; len(queue) > 0; {
		name := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if reached[name] {
			continue
		}
		reached[name] = true
		s := side[name]
		queue = named(queue, side, s.Kind)
		for i := range s.Fields {
			if field(&s.Fields[i]) {
				queue = named(queue, side, s.Fields[i].Type)
			}
		}
		for i := range s.Methods {
			if method(&s.Methods[i]) {
				queue = named(queue, side, s.Methods[i].Type)
			}
		}
	}
	return reached
}

// named adds the described types that a type text names.
func named(to []string, side map[string]*Shape, text string) []string {
	shape.MapWords(text, func(name string) string {
		if side[name] != nil {
			to = append(to, name)
		}
		return name
	})
	return to
}
