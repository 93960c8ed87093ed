// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestRules(t *testing.T) {
	t.Parallel()
	rules := plugreg.Rules()
	require.NotEmpty(t, rules)
	require.True(t, slices.IsSorted(rules), "they are searched by halves")
	require.Len(t, slices.Compact(slices.Clone(rules)), len(rules))
	for _, r := range rules {
		require.Regexp(t, `^[a-z]+(-[a-z]+)+$`, string(r))
		require.Regexp(t, `^[a-z].*[^.;]$`, r.Explain(), "one sentence, in lower case, without a full stop")
	}
	rules[0] = "scribbled"
	require.NotEqual(t, rules[0], plugreg.Rules()[0])
	for _, none := range []plugreg.Rule{"", "a", "field", "zzz"} {
		require.Empty(t, none.Explain())
		require.Equal(t, plugreg.Cosmetic, none.Severity())
	}
	require.Equal(t, plugreg.Breaking, plugreg.Rule("field-removed").Severity())
}

func TestSeverityText(t *testing.T) {
	t.Parallel()
	for s, name := range map[plugreg.Severity]string{plugreg.Cosmetic: "cosmetic", plugreg.Additive: "additive", plugreg.Breaking: "breaking"} {
		require.Equal(t, name, s.String())
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back plugreg.Severity
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, s, back)
	}
	_, err := plugreg.Severity(3).MarshalText()
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.EqualError(t, err, "severity: want one of cosmetic, additive, breaking, have severity(3)")
	s := plugreg.Additive
	err = s.UnmarshalText([]byte("Breaking"))
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.EqualError(t, err, `severity: want one of cosmetic, additive, breaking, have "Breaking"`)
	require.Equal(t, plugreg.Additive, s)
}

func TestChangeString(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change plugreg.Change
		want   string
	}{
		{plugreg.Change{Rule: "field-retyped", Path: "contract.A", Old: "int", New: "string", Affects: "caller", Severity: plugreg.Breaking},
			`breaking field-retyped at contract.A: was "int", is "string" (caller)`},
		{plugreg.Change{Rule: "field-added", Path: "contract.A", New: "int", Affects: "caller", Severity: plugreg.Additive}, `additive field-added at contract.A: is "int" (caller)`},
		{plugreg.Change{Rule: "resource-removed", Path: "uses:db", Old: "db", Affects: "host"}, `cosmetic resource-removed at uses:db: was "db"`},
		{plugreg.Change{Rule: "comparability-lost", Path: "config", Affects: "caller", Severity: plugreg.Breaking}, `breaking comparability-lost at config (caller)`},
		{plugreg.Change{Rule: "x", Path: "a\nb", New: "c\nd" + strings.Repeat("e", 300)}, `cosmetic x at "a\nb": is "c\nd` + strings.Repeat("e", 253) + `…"`},
		{plugreg.Change{Rule: "x", Path: strings.Repeat("e", 600)}, `cosmetic x at ` + strings.Repeat("e", 512) + `…`},
	} {
		require.Equal(t, tt.want, tt.change.String())
	}
	list := plugreg.Changes{{Rule: "a", Path: "b", Severity: plugreg.Additive}, {Rule: "c", Path: "d"}}
	require.Equal(t, "additive a at b\ncosmetic c at d", list.String())
	require.Equal(t, plugreg.Additive, list.Severity())
	require.Empty(t, plugreg.Changes(nil).String())
	require.Equal(t, plugreg.Cosmetic, plugreg.Changes{}.Severity())
	doc, err := json.Marshal(list)
	require.NoError(t, err)
	var back plugreg.Changes
	require.NoError(t, json.Unmarshal(doc, &back))
	require.Equal(t, list, back)
}

// diffStruct is a contract of one payload that has these fields; names of types lead to the other shapes.
func diffStruct(fields []plugreg.Field, others ...plugreg.Shape) plugreg.Contract {
	for i := range fields {
		fields[i].Position = i
	}
	shapes := append([]plugreg.Shape{{Name: "contract", Role: plugreg.RoleData, Kind: "struct", Fields: fields}}, others...)
	return plugreg.Contract{Name: "acme.diff", Version: "1.0.0", Shapes: shapes}
}

func diffBase(name string, role plugreg.Role, fields ...plugreg.Field) plugreg.Shape {
	return plugreg.Shape{Name: name, Role: role, Kind: "struct", Fields: fields}
}

func diffField(name, typ string) plugreg.Field {
	return plugreg.Field{Name: name, Wire: name, Type: typ}
}

func diffEmbed(name, typ string) plugreg.Field {
	return plugreg.Field{Name: name, Type: typ, Embedded: true}
}

func diffFound(c plugreg.Changes) (list []string) {
	for _, x := range c {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%v %s %s>%s", x.Rule, x.Path, x.Old, x.New)))
	}
	return list
}

// What documents can say and the types of the matrix do not.
func TestDiffOfDocuments(t *testing.T) {
	t.Parallel()
	type fields = []plugreg.Field
	base := diffBase(".Base", plugreg.RoleData, diffField("ID", "int"))
	required := diffField("ID", "int")
	required.Required = true
	demanding := diffBase(".Base", plugreg.RoleData, required)
	tagged := diffField("ID", "string")
	tagged.Tag = `json:"ID"`
	for _, tt := range []struct {
		name     string
		old, new plugreg.Contract
		want     []string
	}{
		{"names of other languages are in JSON, so they count", diffStruct(fields{diffField("amount", "int")}), diffStruct(nil), []string{"field-removed contract.amount int>"}},
		{"unexported field changes its type", diffStruct(fields{{Name: "a", Wire: "-", Type: "int"}}), diffStruct(fields{{Name: "a", Wire: "-", Type: "string", Tag: "x"}}),
			[]string{"private-fields-changed contract a int>a string `x`"}},
		{"only the terms of an unexported field", diffStruct(fields{{Name: "a", Wire: "-", Type: "int"}}), diffStruct(fields{{Name: "a", Wire: "-", Type: "int", Default: "1"}}),
			[]string{"private-fields-changed contract 0 a>0 a"}},
		{"order of aliases", diffStruct(fields{{Name: "A", Wire: "A", Type: "int", Aliases: []string{"b", "c"}}}), diffStruct(fields{{Name: "A", Wire: "A", Type: "int", Aliases: []string{"c", "b"}}}),
			[]string{"tag-changed contract.A >"}},
		{"required, but not in JSON", diffStruct(fields{{Name: "A", Wire: "-", Type: "int"}}), diffStruct(fields{{Name: "A", Wire: "-", Type: "int", Required: true}}),
			[]string{"tag-changed contract.A >"}},
		{"name in JSON becomes that of an alias", diffStruct(fields{{Name: "A", Wire: "a", Type: "int", Aliases: []string{"b"}}}), diffStruct(fields{{Name: "A", Wire: "b", Type: "int", Aliases: []string{"a"}}}),
			[]string{"wire-aliased contract.A a>b"}},
		{"embedded struct is new and asks for more", diffStruct(nil), diffStruct(fields{diffEmbed("Base", ".Base")}, demanding),
			[]string{"type-added .Base >struct", "field-added contract.Base >.Base", "required-field-added contract.ID >int"}},
		{"embedded pointer is new", diffStruct(nil), diffStruct(fields{diffEmbed("Base", "*.Base")}, demanding),
			[]string{"type-added .Base >struct", "field-added contract.Base >*.Base"}},
		{"embedded struct asks for more", diffStruct(fields{diffEmbed("Base", ".Base")}, base), diffStruct(fields{diffEmbed("Base", ".Base")}, demanding),
			[]string{"required-added .Base.ID >"}},
		{"tag wins over ambiguity", diffStruct(fields{diffEmbed("Base", ".Base")}, base),
			diffStruct(fields{diffEmbed("Base", ".Base"), diffEmbed("Tagged", ".Tagged")}, base, diffBase(".Tagged", plugreg.RoleData, tagged)), []string{
				"type-added .Tagged >struct", "field-removed contract.ID int>", "field-retyped contract.ID int>string", "field-added contract.Tagged >.Tagged"}},
		{"promoted by another", diffStruct(fields{diffEmbed("base", ".base")}, diffBase(".base", plugreg.RoleData, diffField("ID", "int"))),
			diffStruct(fields{diffEmbed("Other", ".Other")}, diffBase(".Other", plugreg.RoleData, diffField("ID", "string"))), []string{
				"type-added .Other >struct", "private-type-changed .base struct>", "field-retyped contract.ID int>string",
				"field-added contract.Other >.Other"}},
		{"hidden by a field of another type", diffStruct(fields{diffEmbed("Base", ".Base")}, base), diffStruct(fields{diffEmbed("Base", ".Base"), diffField("ID", "string")}, base), []string{
			"field-added contract.ID >string", "field-retyped contract.ID int>string"}},
		{"inner embedded struct lost", diffStruct(fields{diffEmbed("Mid", ".Mid")}, base, diffBase(".Mid", plugreg.RoleData, diffEmbed("Base", ".Base"))),
			diffStruct(fields{diffEmbed("Mid", ".Mid")}, base, diffBase(".Mid", plugreg.RoleData)), []string{
				"field-removed .Mid.Base .Base>", "field-removed contract.ID int>", "wire-removed contract.ID ID>"}},
		{"unexported embedded struct with a name in JSON", diffStruct(fields{{Name: "base", Wire: "b", Type: ".base", Embedded: true}}, diffBase(".base", plugreg.RoleData)), diffStruct(nil), []string{
			"private-type-changed .base struct>", "wire-removed contract.base b>"}},
		{"embedded type of which nothing is known", diffStruct(fields{diffEmbed("far", "example.com/x.far")}), diffStruct(nil), []string{"field-removed contract.far example.com/x.far>"}},
		{"embedded predeclared type", diffStruct(fields{{Name: "int", Wire: "-", Type: "int", Embedded: true}}), diffStruct(nil), []string{"embedding-replaced contract.int int>"}},
		{"recursion that asks for nothing", diffStruct(nil, diffBase(".Base", plugreg.RoleData, diffField("Self", ".Base"))),
			diffStruct(fields{diffField("B", ".Base")}, diffBase(".Base", plugreg.RoleData, diffField("Self", ".Base"))), []string{"field-added contract.B >.Base"}},
		{"type that two ways lead to hidden and shown", diffStruct(fields{{Name: "a", Wire: "-", Type: ".T"}}, diffBase(".T", plugreg.RoleData)),
			diffStruct(fields{{Name: "a", Wire: "-", Type: ".T"}, diffField("B", ".T")}, diffBase(".T", plugreg.RoleData)),
			[]string{"type-added .T >struct", "field-added contract.B >.T"}},
		{"type hidden from now on", diffStruct(fields{diffField("B", ".T")}, diffBase(".T", plugreg.RoleData)), diffStruct(fields{{Name: "B", Wire: "B", Type: "int"}, {Name: "a", Wire: "-", Type: ".T"}}, diffBase(".T", plugreg.RoleData)),
			[]string{"type-removed .T struct>", "private-fields-changed contract >a .T", "field-retyped contract.B .T>int"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, diffFound(plugreg.Diff(tt.old, tt.new)))
			require.Empty(t, plugreg.Diff(tt.old, tt.old))
			require.Empty(t, plugreg.Diff(tt.new, tt.new))
		})
	}
}

// A type that is listed as a payload meanwhile has another name in type texts, in whatever stands around it.
func TestDiffOfListedTypes(t *testing.T) {
	t.Parallel()
	x := func(name string) plugreg.Shape { return diffBase(name, plugreg.RoleData, diffField("A", "int")) }
	for _, tt := range []struct {
		name, old, new string
		shapes         [2][]plugreg.Shape
		want           []string
	}{
		{"pointer", "*.X", "*data:X", [2][]plugreg.Shape{{x(".X")}, {x("data:X")}}, []string{"type-added data:X >struct"}},
		{"not any more", "map[data:X]data:X", "map[.X].X", [2][]plugreg.Shape{{x("data:X")}, {x(".X")}}, []string{"type-removed data:X struct>"}},
		{"variadic", "func(....X) (.X, error)", "func(...data:X) (data:X, error)", [2][]plugreg.Shape{{x(".X")}, {x("data:X")}}, []string{"type-added data:X >struct"}},
		{"generic", "[].P[.X]", "[]data:P[X]", [2][]plugreg.Shape{{x(".X"), x(".P[.X]")}, {x("data:X"), x("data:P[X]")}}, []string{"type-added data:P[X] >struct", "type-added data:X >struct"}},
		{"argument of another package", ".P[time.Time]", "data:P[Time]", [2][]plugreg.Shape{{x(".P[time.Time]")}, {x("data:P[Time]")}}, []string{"type-added data:P[Time] >struct"}},
		{"text in quotes is none", `struct{ A .X ".X" }`, `struct{ A data:X "data:X" }`, [2][]plugreg.Shape{{x(".X")}, {x("data:X")}},
			[]string{`field-retyped contract.F struct{ A .X ".X" }>struct{ A data:X "data:X" }`, "type-added data:X >struct"}},
		{"escapes and ends", `.P["a\"]"] "\`, `data:P["a\"]"] "\`, [2][]plugreg.Shape{{x(`.P["a\"]"]`)}, {x(`data:P["a\"]"]`)}}, []string{`type-added data:P["a\"]"] >struct`}},
		{"bracket without an end", ".X[", "data:X[", [2][]plugreg.Shape{{x(".X")}, {x("data:X")}}, []string{"type-added data:X >struct"}},
		{"two types, each with its name", ".X", "data:X", [2][]plugreg.Shape{{x(".X")}, {x(".X"), x("data:X")}},
			[]string{"field-retyped contract.F .X>data:X", "type-added data:X >struct"}},
		{"two types that would be one", ".P[.X]", ".P[data:X]", [2][]plugreg.Shape{{x(".X"), x(".P[.X]"), x(".P[data:X]")}, {x("data:X"), x(".P[data:X]")}},
			[]string{"type-removed .P[.X] struct>", "type-removed .X struct>", "field-retyped contract.F .P[.X]>.P[data:X]", "type-added data:X >struct"}},
		{"embedded", ".X", "data:X", [2][]plugreg.Shape{{x(".X")}, {x("data:X")}}, []string{"type-added data:X >struct"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			field := plugreg.Field{Name: "F", Wire: "F", Type: tt.old, Embedded: tt.name == "embedded"}
			old := diffStruct([]plugreg.Field{field}, tt.shapes[0]...)
			field.Type = tt.new
			require.Equal(t, tt.want, diffFound(plugreg.Diff(old, diffStruct([]plugreg.Field{field}, tt.shapes[1]...))))
		})
	}
}

// What a contract asks of others may be asked in part by an interface within an interface.
func TestDiffOfRequirements(t *testing.T) {
	t.Parallel()
	iface := func(name string, role plugreg.Role, method string) plugreg.Shape {
		return plugreg.Shape{Name: name, Role: role, Kind: "interface", Methods: []plugreg.Method{{Name: "Do", Type: method}}}
	}
	root := iface("contract", plugreg.RoleBoth, "func()")
	old := plugreg.Contract{Shapes: []plugreg.Shape{root, iface("requires:c", plugreg.RoleRequires, "func(.Used) .Shared"),
		iface(".Used", plugreg.RoleBoth, "func()"), iface(".Shared", plugreg.RoleBoth, "func()"), iface("data:D", plugreg.RoleData, "func() .Shared")}}
	require.Equal(t, []string{"type-removed .Shared interface>", "type-waived .Used interface>", "type-removed data:D interface>", "type-waived requires:c interface>"},
		diffFound(plugreg.Diff(old, plugreg.Contract{Shapes: []plugreg.Shape{root}})))
	a := plugreg.Contract{Requires: []plugreg.Dependency{{Name: "a"}, {Name: "b", Constraint: "^1"}}, Uses: []string{"x", "y"}}
	b := plugreg.Contract{Requires: []plugreg.Dependency{{Name: "b", Constraint: "^1", Optional: true}, {Name: "c"}}, Uses: []string{"y", "z"}}
	require.Equal(t, []string{"requirement-removed requires:a *>", "requirement-changed requires:b ^1>^1, optional", "requirement-added requires:c >*", "resource-removed uses:x x>", "resource-added uses:z >z"},
		diffFound(plugreg.Diff(a, b)))
}

// A foreign document may embed more deeply than any program.
func TestDiffOfDeepEmbedding(t *testing.T) {
	t.Parallel()
	deep := func(leaf string) plugreg.Contract {
		shapes := make([]plugreg.Shape, 3000)
		for i := range shapes {
			shapes[i] = diffBase(fmt.Sprintf(".T%d", i), plugreg.RoleData, diffEmbed(fmt.Sprintf("T%d", i+1), fmt.Sprintf(".T%d", i+1)))
		}
		shapes = append(shapes, diffBase(".T3000", plugreg.RoleData, diffField("Leaf", leaf)))
		return diffStruct([]plugreg.Field{diffEmbed("T0", ".T0")}, shapes...)
	}
	require.Equal(t, []string{"field-retyped .T3000.Leaf int>string"}, diffFound(plugreg.Diff(deep("int"), deep("string"))))
}

// What did not change is not resolved again for each struct that embeds it: a document of many such is foreign input.
func TestDiffOfEqualEmbeddingIsCheap(t *testing.T) {
	big := plugreg.Shape{Name: ".Big", Role: plugreg.RoleData, Kind: "struct"}
	for i := range 500 {
		name := fmt.Sprint("F", i)
		big.Fields = append(big.Fields, plugreg.Field{Name: name, Wire: name, Type: "int", Position: i})
	}
	c := plugreg.Contract{Name: "acme.big", Version: "1.0.0", Shapes: []plugreg.Shape{big}}
	for i := range 500 {
		c.Shapes = append(c.Shapes, plugreg.Shape{Name: fmt.Sprint("data:S", i), Role: plugreg.RoleData, Kind: "struct",
			Fields: []plugreg.Field{{Name: "Big", Type: ".Big", Embedded: true}}})
	}
	require.Empty(t, plugreg.Diff(c, c))
	require.Less(t, testing.AllocsPerRun(1, func() { plugreg.Diff(c, c) }), 1000.0)
}
