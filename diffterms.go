// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"reflect"
	"slices"
	"strings"
)

// wire compares what a field is called in JSON.
func (s *structs) wire(path string, f, g *Field) {
	switch {
	case f.Wire == g.Wire:
	case g.Wire == "-":
		s.add(wireRemoved, path, f.Wire, "")
	case f.Wire == "-" && s.demanded(g):
		s.add(requiredFieldAdded, path, "", g.Wire)
	case f.Wire == "-":
		s.add(wireAdded, path, "", g.Wire)
	case f.onWire() && slices.Contains(g.Aliases, f.Wire):
		s.add(wireAliased, path, f.Wire, g.Wire)
	default:
		s.add(wireRenamed, path, f.Wire, g.Wire)
	}
}

// terms compares what readers and writers agree on about a field beside its name and type.
func (s *structs) terms(path string, f, g *Field) {
	for _, a := range without(g.Aliases, f.Aliases) {
		if a != f.Wire {
			s.add(aliasAdded, path, "", a)
		}
	}
	for _, a := range without(f.Aliases, g.Aliases) {
		if a != g.Wire {
			s.add(aliasRemoved, path, a, "")
		}
	}
	if !f.onWire() || !g.onWire() {
		return
	}
	switch {
	case !f.Required && g.Required:
		s.add(requiredAdded, path, "", "")
	case f.Required && !g.Required:
		s.add(requiredDropped, path, "", "")
	case f.Default != g.Default:
		s.add(defaultChanged, path, f.Default, g.Default)
	}
	if f.Tag == g.Tag {
		return
	}
	a, b := jsonOptions(f.Tag), jsonOptions(g.Tag)
	if a.quoted != b.quoted {
		s.add(encodingChanged, path, f.Tag, g.Tag)
	}
	if a.omits != b.omits {
		s.add(presenceChanged, path, f.Tag, g.Tag)
	}
}

// wireOptions are the options of a json tag that change what is written.
type wireOptions struct {
	omits  [2]bool // omitempty, omitzero
	quoted bool
}

func jsonOptions(tag string) (o wireOptions) {
	_, rest, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	for option := range strings.SplitSeq(rest, ",") {
		switch option {
		case "omitempty":
			o.omits[0] = true
		case "omitzero":
			o.omits[1] = true
		case "string":
			o.quoted = true
		}
	}
	return o
}
