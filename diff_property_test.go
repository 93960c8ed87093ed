// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"cmp"
	"fmt"
	"go/token"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// diffMaker makes contracts that no Go program has, and changes them.
type diffMaker struct{ *rand.Rand }

func pick[E any](m diffMaker, list ...E) E { return list[m.IntN(len(list))] }

func (m diffMaker) chance(percent int) bool { return m.IntN(100) < percent }

var diffShapes = []string{
	"contract", "plugin", "config", "data:X", "data:Page[X]", "data:Page[int]", "data:Y", "export:f", "requires:c", ".X", ".Y", ".Z", ".hid", ".Page[.X]", ".Page[int]",
	"example.com/far.Type",
}

func (m diffMaker) typ() string {
	base := pick(m, "int", "int32", "int64", "string", "float32", "float64", ".X", ".Y", ".Z", ".hid", "data:X", "data:Y", ".Page[.X]", "data:Page[X]", "contract", "example.com/far.Type",
		"time.Time", `struct{ A .X "json:\".X\"" }`, "func(....X) .Y")
	return pick(m, "", "", "", "*", "[]", "[4]", "map[string]", "map[.X]", "chan ", "func(...") + base
}

func (m diffMaker) tag() string {
	return pick(m, "", "", `json:"a"`, `json:"a,omitempty"`, `json:",omitzero"`, `json:"b,string"`, `xml:"x"`, `json:`)
}

func (m diffMaker) field(position int) plugreg.Field {
	f := plugreg.Field{
		Name: pick(m, "A", "B", "C", "D", "E", "a", "b", "_", "X", "Y", "Z", "hid"), Type: m.typ(), Tag: m.tag(), Position: position,
		Required: m.chance(15), Default: pick(m, "", "", "", "5"),
	}
	if m.chance(15) {
		f.Aliases = []string{pick(m, "a", "b", "c"), "z"}[:1+m.IntN(2)]
	}
	switch f.Name {
	case "X", "Y", "Z", "hid":
		f.Embedded, f.Type = m.chance(80), pick(m, ".", "*.", ".", "data:")+f.Name
		f.Wire = pick(m, "", "", "", "-", "w")
	case "_", "a", "b":
		f.Wire = pick(m, "-", "-", "-", "a")
	default:
		f.Wire = pick(m, f.Name, f.Name, f.Name, "a", "b", "-")
	}
	return f
}

func (m diffMaker) fields() (list []plugreg.Field) {
	position, seen := 0, map[string]bool{}
	for range m.IntN(6) {
		position += 1 + m.IntN(5)/4
		f := m.field(position)
		if f.Name == "_" || !seen[f.Name] {
			list = append(list, f)
		}
		seen[f.Name] = true
	}
	return list
}

func (m diffMaker) methods(isInterface bool) (list []plugreg.Method) {
	for _, name := range []string{"Do", "More", "MarshalJSON", "UnmarshalJSON", ".seal"} {
		if m.chance(25) {
			list = append(list, plugreg.Method{Name: name, Type: "func(" + m.typ() + ")", Pointer: !isInterface && m.chance(40)})
		}
	}
	return list
}

func (m diffMaker) shape(name string) plugreg.Shape {
	role := pick(m, plugreg.RoleBoth, plugreg.RoleProvides, plugreg.RoleRequires, plugreg.RoleConfig, plugreg.RoleData, plugreg.RoleExport)
	s := plugreg.Shape{Name: name, Role: role, Kind: pick(m, "struct", "struct", "struct", "interface", m.typ()), Comparable: m.chance(50), GoType: pick(m, "p.A", "p.B")}
	if s.Kind == "struct" {
		s.Fields = m.fields()
	}
	s.Methods = m.methods(s.Kind == "interface")
	return s
}

func (m diffMaker) contract() plugreg.Contract {
	c := plugreg.Contract{Name: "acme.random", Version: pick(m, "0.1.0", "1.0.0", "1.1.0-rc.1", "1.1.0", "2.0.0"), Policy: pick(m, plugreg.Default, plugreg.Default, plugreg.Full)}
	for _, name := range diffShapes {
		if m.chance(35) {
			c.Shapes = append(c.Shapes, m.shape(name))
		}
	}
	for _, name := range []string{"x", "y"} {
		if m.chance(30) {
			c.Requires = append(c.Requires, plugreg.Dependency{Name: name, Constraint: pick(m, "", "^1"), Optional: m.chance(50)})
			c.Uses = append(c.Uses, name)
		}
	}
	return c
}

// mutate changes one thing of a copy, or nothing.
func (m diffMaker) mutate(t testing.TB, c plugreg.Contract) plugreg.Contract {
	c = diffCopy(t, c)
	if m.chance(10) || len(c.Shapes) == 0 {
		other := m.contract()
		c.Policy, c.Requires, c.Uses = other.Policy, other.Requires, other.Uses
		return c
	}
	i := m.IntN(len(c.Shapes))
	s := &c.Shapes[i]
	switch m.IntN(9) {
	case 0:
		c.Shapes = slices.Delete(c.Shapes, i, i+1)
	case 1:
		if name := pick(m, diffShapes...); !slices.ContainsFunc(c.Shapes, func(s plugreg.Shape) bool { return s.Name == name }) {
			c.Shapes = append(c.Shapes, m.shape(name))
		}
	case 2:
		s.Methods = m.methods(s.Kind == "interface")
	case 3:
		s.Comparable = !s.Comparable
	case 4:
		other := m.shape(s.Name)
		s.Role, s.GoType = other.Role, other.GoType
	case 5:
		*s = m.shape(s.Name)
	default:
		m.mutateField(s)
	}
	return c
}

func (m diffMaker) mutateField(s *plugreg.Shape) {
	if len(s.Fields) == 0 {
		return
	}
	i := m.IntN(len(s.Fields))
	f, other := &s.Fields[i], m.field(s.Fields[i].Position)
	switch m.IntN(8) {
	case 0:
		s.Fields = slices.Delete(s.Fields, i, i+1)
	case 1:
		f.Type, f.Embedded = other.Type, other.Embedded
	case 2:
		f.Tag = other.Tag
	case 3:
		f.Wire = other.Wire
	case 4:
		f.Default, f.Required = other.Default, other.Required
	case 5:
		f.Aliases = other.Aliases
	case 6:
		for j := i; j < len(s.Fields); j++ {
			s.Fields[j].Position++
		}
	default:
		j := m.IntN(len(s.Fields))
		s.Fields[i], s.Fields[j] = s.Fields[j], s.Fields[i]
		s.Fields[i].Position, s.Fields[j].Position = s.Fields[j].Position, s.Fields[i].Position
	}
}

// diffCopy takes the way of a document, which checks that c could be one.
func diffCopy(t testing.TB, c plugreg.Contract) plugreg.Contract {
	doc, err := c.MarshalJSON()
	require.NoError(t, err)
	c, err = plugreg.ParseContract(doc)
	require.NoError(t, err, "%s", doc)
	return c
}

func TestDiffProperties(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			m := diffMaker{rand.New(rand.NewPCG(seed, 1))}
			for range 60 {
				a := diffCopy(t, m.contract())
				b := a
				for range 1 + m.IntN(2) {
					b = diffCopy(t, m.mutate(t, b))
				}
				requireDiffProperties(t, a, b, m.Rand)
			}
			requireDiffProperties(t, diffCopy(t, m.contract()), diffCopy(t, m.contract()), m.Rand)
		})
	}
}

// FuzzDiff compares any two documents.
func FuzzDiff(f *testing.F) {
	docs := goldenFiles(f)
	for name, doc := range docs {
		for _, bare := range [][]byte{computed.ReplaceAll(doc, nil), bytes.ReplaceAll(computed.ReplaceAll(doc, nil), []byte("int"), []byte("int64"))} {
			f.Add(computed.ReplaceAll(docs["payment"], nil), bare, uint64(len(name)))
		}
	}
	f.Fuzz(func(t *testing.T, a, b []byte, seed uint64) {
		old, err := plugreg.ParseContract(a)
		if err != nil {
			return
		}
		now, err := plugreg.ParseContract(b)
		if err != nil {
			now = old
		}
		random := rand.New(rand.NewPCG(seed, seed))
		requireDiffProperties(t, old, now, random)
		m := diffMaker{random}
		if now = m.mutate(t, old); len(now.Shapes) > 0 {
			requireDiffProperties(t, old, now, random)
		}
	})
}

func requireDiffProperties(t testing.TB, a, b plugreg.Contract, random *rand.Rand) {
	before, after := matrixText(t, a), matrixText(t, b)
	changes := plugreg.Diff(a, b)
	require.Equal(t, before+after, matrixText(t, a)+matrixText(t, b), "arguments are modified")
	require.Empty(t, plugreg.Diff(a, a))
	require.Empty(t, plugreg.Diff(b, b))
	requireSortedChanges(t, changes)
	require.Equal(t, changes, plugreg.Diff(diffShuffled(t, a, random), diffShuffled(t, b, random)), "the order of lists matters:\n%s\n%s", before, after)
	requireDiffSeesDigests(t, a, b, changes)
	requireMirrored(t, a, b, changes)
	requireChain(t, a, b)
}

func requireSortedChanges(t testing.TB, changes plugreg.Changes) {
	require.True(t, slices.IsSortedFunc(changes, func(x, y plugreg.Change) int {
		return cmp.Or(strings.Compare(x.Path, y.Path), strings.Compare(string(x.Rule), string(y.Rule)))
	}), "%v", changes)
	for i, c := range changes {
		require.Contains(t, plugreg.Rules(), c.Rule)
		require.Equal(t, c.Rule.Severity(), c.Severity)
		require.NotEmpty(t, c.Path)
		require.NotContains(t, c.String(), "\n")
		if i > 0 {
			require.NotEqual(t, changes[i-1], c, "reported twice")
		}
	}
}

// diffShuffled has everything whose order has no meaning in another one.
func diffShuffled(t testing.TB, c plugreg.Contract, random *rand.Rand) plugreg.Contract {
	c = diffCopy(t, c)
	shuffle := func(n int, swap func(i, j int)) { random.Shuffle(n, swap) }
	shuffle(len(c.Shapes), func(i, j int) { c.Shapes[i], c.Shapes[j] = c.Shapes[j], c.Shapes[i] })
	shuffle(len(c.Requires), func(i, j int) { c.Requires[i], c.Requires[j] = c.Requires[j], c.Requires[i] })
	shuffle(len(c.Uses), func(i, j int) { c.Uses[i], c.Uses[j] = c.Uses[j], c.Uses[i] })
	for _, s := range c.Shapes {
		shuffle(len(s.Methods), func(i, j int) { s.Methods[i], s.Methods[j] = s.Methods[j], s.Methods[i] })
	}
	return c
}

// diffAside are the rules about what is in no digest of shapes.
var diffAside = []plugreg.Rule{
	"go-type-changed", "policy-changed", "requirement-added", "requirement-changed", "requirement-removed", "resource-added", "resource-removed",
}

func requireDiffSeesDigests(t testing.TB, a, b plugreg.Contract, changes plugreg.Changes) {
	shapes := slices.ContainsFunc(changes, func(c plugreg.Change) bool { return !slices.Contains(diffAside, c.Rule) })
	require.Equal(t, a.ShapesDigest() != b.ShapesDigest(), shapes, "%v\n%s\n%s", changes, matrixText(t, a), matrixText(t, b))
	if !shapes {
		require.Equal(t, plugreg.Cosmetic, changes.Severity())
	}
}

// diffMirror are the rules of what is found in the other direction.
var diffMirror = map[plugreg.Rule][]plugreg.Rule{
	"type-added":           {"type-removed", "type-waived", "private-type-changed"},
	"type-removed":         {"type-added"},
	"type-waived":          {"type-added", "private-type-changed"},
	"private-type-changed": {"private-type-changed", "type-added"},
	"comparability-gained": {"comparability-lost"},
	"comparability-lost":   {"comparability-gained"},
	"requirement-added":    {"requirement-removed"},
	"requirement-removed":  {"requirement-added"},
	"requirement-changed":  {"requirement-changed"},
	"resource-added":       {"resource-removed"},
	"resource-removed":     {"resource-added"},
	"policy-changed":       {"policy-changed"},
	"go-type-changed":      {"go-type-changed"},
	"role-changed":         {"role-changed"},
	"kind-changed":         {"kind-changed"},
	"embedding-added":      {"embedding-removed"},
	"embedding-removed":    {"embedding-added"},
	"receiver-widened":     {"receiver-narrowed"},
	"receiver-narrowed":    {"receiver-widened"},
	"method-added":         {"method-removed", "private-method-changed"},
	"method-demanded":      {"method-removed", "method-waived", "private-method-changed"},
	"codec-added":          {"codec-removed"},
	"codec-removed":        {"codec-added"},
	"receiver-moved":       {"receiver-moved"},
	"method-removed":       {"method-added", "method-demanded", "presence-changed", "private-method-changed"},
	"method-waived":        {"method-demanded"},
	"fields-reordered":     {"fields-reordered"},
	"field-added":          {"field-removed", "field-renamed", "field-promoted", "field-inlined", "embedding-replaced", "wire-removed"},
	"wire-added":           {"wire-removed"},
	"wire-renamed":         {"wire-renamed", "wire-aliased"},
	"field-widened":        {"field-retyped"},
	"underlying-widened":   {"underlying-changed"},
}

func requireMirrored(t testing.TB, a, b plugreg.Contract, changes plugreg.Changes) {
	back := plugreg.Diff(b, a)
	for _, c := range changes {
		mirror, ok := diffMirror[c.Rule]
		if !ok || diffLosesPrivately(c) {
			continue
		}
		require.True(t, slices.ContainsFunc(back, func(d plugreg.Change) bool { return d.Path == c.Path && slices.Contains(mirror, d.Rule) }),
			"%v\nis not in\n%v\n%s\n%s", c, back, matrixText(t, a), matrixText(t, b))
	}
}

// diffLosesPrivately is the exception: of an unexported embedded field that goes, what it brought in is found one by one.
func diffLosesPrivately(c plugreg.Change) bool {
	return c.Rule == "field-added" && !token.IsExported(c.Path[strings.LastIndexByte(c.Path, '.')+1:])
}

// requireChain asserts that what a policy allows the laxer ones allow.
func requireChain(t testing.TB, a, b plugreg.Contract) {
	a.Policy, b.Policy, b.Name = plugreg.Default, plugreg.Default, a.Name
	allowed := true
	for p := plugreg.Unchecked; p <= plugreg.Strict; p++ {
		r := p.Check(a, b)
		require.NotEqual(t, plugreg.Unknown, r.Shape)
		if p <= plugreg.Forward {
			require.Equal(t, plugreg.Compatible, r.Shape)
		}
		require.True(t, allowed || r.Shape == plugreg.Incompatible, "%v", r)
		allowed = r.Shape == plugreg.Compatible
		require.Equal(t, p != plugreg.Unchecked && p != plugreg.Strict && allowed, r.Allowed != "" && p != plugreg.Unchecked && p != plugreg.Strict, "%v", r)
	}
}
