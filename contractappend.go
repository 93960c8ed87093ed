// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/plugreg/plugreg/internal/canon"
)

// sorted returns c with everything in canonical order, without touching what c holds.
func (c Contract) sorted() Contract {
	c.Requires = sortedDependencies(c.Requires)
	c.Uses = slices.Sorted(slices.Values(c.Uses))
	c.Shapes = slices.SortedStableFunc(slices.Values(c.Shapes), func(a, b Shape) int { return strings.Compare(a.Name, b.Name) })
	for i, s := range c.Shapes {
		c.Shapes[i].Methods = slices.SortedStableFunc(slices.Values(s.Methods), func(a, b Method) int { return strings.Compare(a.Name, b.Name) })
	}
	return c
}

// areSorted reports whether shapes are in canonical order, as those of [ContractOf] and [ParseContract] are.
func areSorted(list []Shape) bool {
	for i := range list {
		if i > 0 && list[i-1].Name > list[i].Name {
			return false
		}
		methods := list[i].Methods
		for j := 1; j < len(methods); j++ {
			if methods[j-1].Name > methods[j].Name {
				return false
			}
		}
	}
	return true
}

func (d Dependency) append(dst []byte) []byte {
	o := canon.Open(dst)
	o.String("constraint", d.Constraint)
	o.String("name", d.Name)
	o.Bool("optional", d.Optional)
	return o.Close()
}

// append writes the shape; what is derived from the rest, or no part of the digest, only where full is set. Shapes are
// most of what a digest costs, so they and what they hold are written by hand; a test holds that it is canonical.
func (s *Shape) append(dst []byte, full bool) []byte {
	dst = strconv.AppendBool(append(dst, `{"comparable":`...), s.Comparable)
	dst = append(dst, `,"fields":[`...)
	for i := range s.Fields {
		dst = s.Fields[i].append(comma(dst, i), full)
	}
	dst = append(dst, ']')
	if full {
		dst = canon.AppendString(append(dst, `,"go_type":`...), s.GoType)
	}
	dst = canon.AppendString(append(dst, `,"kind":`...), s.Kind)
	dst = append(dst, `,"methods":[`...)
	for i := range s.Methods {
		dst = s.Methods[i].append(comma(dst, i), full)
	}
	dst = canon.AppendString(append(dst, `],"name":`...), s.Name)
	dst = canon.AppendString(append(dst, `,"role":`...), string(s.Role))
	return append(dst, '}')
}

func comma(dst []byte, index int) []byte {
	if index == 0 {
		return dst
	}
	return append(dst, ',')
}

func (f *Field) append(dst []byte, full bool) []byte {
	dst = appendStrings(append(dst, `{"aliases":`...), f.Aliases)
	dst = canon.AppendString(append(dst, `,"default":`...), f.Default)
	dst = strconv.AppendBool(append(dst, `,"embedded":`...), f.Embedded)
	dst = canon.AppendString(append(dst, `,"name":`...), f.Name)
	dst = strconv.AppendInt(append(dst, `,"position":`...), int64(f.Position), 10)
	dst = strconv.AppendBool(append(dst, `,"required":`...), f.Required)
	if full {
		dst = canon.AppendString(append(dst, `,"signature":`...), fieldSignature(f.Name, f.Type, f.Position).String())
	}
	dst = canon.AppendString(append(dst, `,"tag":`...), f.Tag)
	dst = canon.AppendString(append(dst, `,"type":`...), f.Type)
	dst = canon.AppendString(append(dst, `,"wire":`...), f.Wire)
	return append(dst, '}')
}

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		dst = canon.AppendString(comma(dst, i), s)
	}
	return append(dst, ']')
}

func (m *Method) append(dst []byte, full bool) []byte {
	dst = canon.AppendString(append(dst, `{"name":`...), m.Name)
	dst = strconv.AppendBool(append(dst, `,"pointer":`...), m.Pointer)
	if full {
		dst = canon.AppendString(append(dst, `,"signature":`...), methodSignature(m.Name, m.Type, m.Pointer).String())
	}
	dst = canon.AppendString(append(dst, `,"type":`...), m.Type)
	return append(dst, '}')
}

// digests hashes the shapes once for both digests.
func (c Contract) digests() (contract, shapes Digest) {
	shapes = c.ShapesDigest()
	return digestOf(c.Name, c.Version, c.Policy, sortedDependencies(c.Requires), slices.Sorted(slices.Values(c.Uses)), shapes.String()), shapes
}

// digestShapes hashes each shape alone and then the sorted list of names and hashes, so that neither recursion nor
// order matters.
func digestShapes(list []Shape) Digest {
	if !areSorted(list) {
		list = Contract{Shapes: list}.sorted().Shapes
	}
	const perShape = 128 // a name and a hash
	doc := append(make([]byte, 0, len(shapesTag)+(1+len(list))*perShape), shapesTag+"\x00["...)
	buf := append(make([]byte, 0, 2<<10), shapeTag+"\x00"...)
	for i := range list {
		s := &list[i]
		buf = s.append(buf[:len(shapeTag)+1], false)
		sum := sha256.Sum256(buf)
		doc = canon.AppendString(append(comma(doc, i), '['), s.Name)
		doc = hex.AppendEncode(append(doc, `,"sha256:`...), sum[:])
		doc = append(doc, `"]`...)
	}
	return sha256.Sum256(append(doc, ']'))
}

// digestOf hashes a contract, given its lists sorted and the text of its shapes' digest. It is part of every
// registration, so it writes the object by hand; a test holds it against the one that [canon] writes.
func digestOf(name, ver string, p Policy, requires []Dependency, uses []string, shapes string) Digest {
	var needs []byte // apart, so that buf stays on the stack
	for i, d := range requires {
		needs = d.append(comma(needs, i))
	}
	var buf [512]byte
	dst := append(buf[:0], contractTag+"\x00"+`{"name":`...)
	dst = canon.AppendString(dst, name)
	dst = canon.AppendString(append(dst, `,"policy":`...), p.String())
	dst = append(append(dst, `,"requires":[`...), needs...)
	dst = canon.AppendString(append(dst, `],"shapes":`...), shapes)
	dst = appendStrings(append(dst, `,"uses":`...), uses)
	dst = canon.AppendString(append(dst, `,"version":`...), ver)
	return sha256.Sum256(append(dst, '}'))
}
