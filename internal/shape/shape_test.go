// SPDX-License-Identifier: Apache-2.0

package shape_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape"
	"github.com/plugreg/plugreg/internal/shape/internal/fixa"
	"github.com/plugreg/plugreg/internal/shape/internal/fixb"
)

const (
	pathA = "github.com/plugreg/plugreg/internal/shape/internal/fixa"
	pathB = "github.com/plugreg/plugreg/internal/shape/internal/fixb"
)

func root[T any](name string, role shape.Role) shape.Root {
	return shape.Root{Name: name, Role: role, Type: reflect.TypeFor[T]()}
}

// whole is a complete plugin in the given package.
func wholeA() []shape.Root {
	return []shape.Root{
		root[fixa.Sink]("contract", shape.Both), root[*fixa.Kafka]("plugin", shape.Provides), root[fixa.Settings]("config", shape.Config),
		root[fixa.Row]("data:Row", shape.Data), root[fixa.Handler]("export:handle", shape.Export),
		root[func(fixa.Private, ...int) func()]("export:make", shape.Export), root[*io.Closer]("requires:closer", shape.Requires),
	}
}

func wholeB() []shape.Root {
	return []shape.Root{
		root[fixb.Sink]("contract", shape.Both), root[*fixb.Kafka]("plugin", shape.Provides), root[fixb.Settings]("config", shape.Config),
		root[fixb.Row]("data:Row", shape.Data), root[fixb.Handler]("export:handle", shape.Export),
		root[func(fixb.Private, ...int) func()]("export:make", shape.Export), root[*io.Closer]("requires:closer", shape.Requires),
	}
}

func walk(t *testing.T, roots []shape.Root, opts shape.Options) []shape.Shape {
	t.Helper()
	shapes, err := shape.Walk(roots, opts)
	require.NoError(t, err)
	require.True(t, slices.IsSortedFunc(shapes, func(a, b shape.Shape) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}), "sorted and without duplicates")
	return shapes
}

// described returns one shape without the information that no comparison uses.
func described(t *testing.T, shapes []shape.Shape, name string) shape.Shape {
	t.Helper()
	i := slices.IndexFunc(shapes, func(s shape.Shape) bool { return s.Name == name })
	require.GreaterOrEqual(t, i, 0, "%s is not described", name)
	s := shapes[i]
	s.GoType = ""
	return s
}

func withoutGoTypes(shapes []shape.Shape) []shape.Shape {
	for i := range shapes {
		shapes[i].GoType = ""
	}
	return shapes
}

func TestWalkWhole(t *testing.T) {
	t.Parallel()
	shapes := walk(t, wholeA(), shape.Options{})
	var names []string
	roles := map[string]shape.Role{}
	for _, s := range shapes {
		names = append(names, s.Name)
		roles[s.Name] = s.Role
	}
	require.Equal(t, []string{
		".Ack", ".Base", ".Extra", ".ID", ".Index[string]", ".Level", ".Levels", ".Money", ".Named", ".Page[data:Row,string]", ".Private",
		".Sealed", ".Tag", ".Visitor", "config", "contract", "data:Row", "export:handle", "export:make", "plugin", "requires:closer",
	}, names)
	require.Equal(t, shape.Both, roles[".Ack"], "reached from contract and plugin")
	require.Equal(t, shape.Provides, roles[".Base"], "reached from plugin and data")
	require.Equal(t, shape.Config, roles[".Levels"])
	require.Equal(t, shape.Data, roles[".Tag"])
	require.Equal(t, shape.Export, roles[".Private"])
	require.Equal(t, shape.Both, roles[".Visitor"], "a nested interface")
	require.Equal(t, shape.Provides, roles[".Sealed"], "a nested interface with an unexported method")
	require.Equal(t, shape.Requires, roles["requires:closer"])
}

func TestWalkShapes(t *testing.T) {
	t.Parallel()
	shapes := walk(t, wholeA(), shape.Options{})
	for _, want := range []shape.Shape{
		{Name: "contract", Role: shape.Both, Kind: "interface", Comparable: true, Methods: []shape.Method{
			{Name: "Close", Type: "func() error"},
			{Name: "Flush", Type: "func(time.Duration) error"},
			{Name: "Write", Type: "func(context.Context, ...data:Row) (.Ack, error)"},
		}},
		{
			Name: "plugin", Role: shape.Provides, Kind: "struct", Comparable: true,
			Fields: []shape.Field{{Name: "Base", Type: ".Base", Embedded: true}, {Name: "Topic", Wire: "Topic", Type: "string", Position: 1}},
			Methods: []shape.Method{
				{Name: "Close", Type: "func() error", Pointer: true},
				{Name: "Flush", Type: "func(time.Duration) error"},
				{Name: "Write", Type: "func(context.Context, ...data:Row) (.Ack, error)", Pointer: true},
			},
		},
		{Name: "config", Role: shape.Config, Kind: "struct", Fields: []shape.Field{
			{Name: "Addr", Wire: "addr", Type: "string", Tag: `json:"addr" plugreg:"default=localhost:9092"`, Default: "localhost:9092"},
			{Name: "Timeout", Wire: "timeout", Type: "time.Duration", Tag: `json:"timeout" plugreg:"default=3s"`, Default: "3s", Position: 1},
			{Name: "Levels", Wire: "levels", Type: ".Levels", Tag: `json:"levels"`, Position: 2},
		}},
		{Name: ".Levels", Role: shape.Config, Kind: "map[string].Level"},
		{Name: ".ID", Role: shape.Data, Kind: "string", Comparable: true, Methods: []shape.Method{{Name: "String", Type: "func() string"}}},
		{Name: ".Sealed", Role: shape.Provides, Kind: "interface", Comparable: true, Methods: []shape.Method{
			{Name: ".sealed", Type: "func()"}, {Name: "Name", Type: "func() string"},
		}},
		{Name: "export:handle", Role: shape.Export, Kind: "func(context.Context, *data:Row) (.Visitor, error)"},
		{Name: "export:make", Role: shape.Export, Kind: "func(.Private, ...int) func()"},
		{Name: "requires:closer", Role: shape.Requires, Kind: "interface", Comparable: true, Methods: []shape.Method{{Name: "Close", Type: "func() error"}}},
		{Name: ".Base", Role: shape.Provides, Kind: "struct", Comparable: true,
			Fields: []shape.Field{{Name: "Open", Wire: "Open", Type: "bool"}}, Methods: []shape.Method{{Name: "Close", Type: "func() error", Pointer: true}}},
		{Name: ".Page[data:Row,string]", Role: shape.Data, Kind: "struct", Fields: []shape.Field{
			{Name: "Items", Wire: "Items", Type: "[]data:Row"},
			{Name: "Index", Wire: "Index", Type: "map[string].Index[string]", Position: 1},
			{Name: "Last", Wire: "Last", Type: "*.Page[data:Row,string]", Position: 2},
		}},
	} {
		require.Equal(t, want, described(t, shapes, want.Name))
	}
}

func TestWalkFields(t *testing.T) {
	t.Parallel()
	type short struct {
		name, wire, typ, def string
		required, embedded   bool
		aliases              []string
	}
	var got []short
	for i, f := range described(t, walk(t, wholeA(), shape.Options{}), "data:Row").Fields {
		require.Equal(t, i, f.Position)
		got = append(got, short{f.Name, f.Wire, f.Type, f.Default, f.Required, f.Embedded, f.Aliases})
	}
	require.Equal(t, []short{
		{name: "ID", wire: "id", typ: ".ID", required: true},
		{name: "Note", wire: "Note", typ: "string"},
		{name: "Price", wire: "price", typ: ".Money", def: "5", aliases: []string{"cost", "a,b"}},
		{name: "Tags", wire: "tags", typ: "map[string][].Tag"},
		{name: "Next", wire: "next", typ: "*data:Row"},
		{name: "Fixed", wire: "fixed", typ: "[4].Tag"},
		{name: "When", wire: "when", typ: "time.Time"},
		{name: "TTL", wire: "ttl", typ: "time.Duration", def: "1m30s"},
		{name: "Page", wire: "page", typ: ".Page[data:Row,string]"},
		{name: "Any", wire: "any", typ: "any"},
		{name: "Inline", wire: "inline", typ: "struct{ A int; .b int }"},
		{name: "Hidden", wire: "-", typ: "chan<- int"},
		{name: "Same", wire: "same", typ: "*.Money"},
		{name: "internal", wire: "-", typ: "int"},
		{name: "_", wire: "-", typ: "int"},
		{name: "Base", typ: ".Base", embedded: true},
		{name: "Extra", typ: "*.Extra", embedded: true},
		{name: "Named", wire: "named", typ: ".Named", embedded: true},
	}, got)
}

func TestGoType(t *testing.T) {
	t.Parallel()
	types := map[string]string{}
	for _, s := range walk(t, wholeA(), shape.Options{}) {
		types[s.Name] = s.GoType
	}
	require.Equal(t, "*"+pathA+".Kafka", types["plugin"])
	require.Equal(t, pathA+".Page["+pathA+".Row,string]", types[".Page[data:Row,string]"])
	require.Equal(t, "func("+pathA+".Private, ...int) func()", types["export:make"])
}

func TestSideBySide(t *testing.T) {
	t.Parallel()
	a, b := walk(t, wholeA(), shape.Options{}), walk(t, wholeB(), shape.Options{})
	require.NotEqual(t, a, b, "the Go types differ")
	require.Equal(t, withoutGoTypes(a), withoutGoTypes(b))
}

func TestDeterministic(t *testing.T) {
	t.Parallel()
	want := walk(t, wholeA(), shape.Options{})
	for seed := range uint64(200) {
		roots := wholeA()
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(roots), func(i, j int) { roots[i], roots[j] = roots[j], roots[i] })
		require.Equal(t, want, walk(t, roots, shape.Options{}), "seed %d", seed)
	}
}

func TestRootsInTwoRoles(t *testing.T) {
	t.Parallel()
	config, data := root[fixa.Tag]("config", shape.Config), root[fixa.Tag]("data:Tag", shape.Data)
	row := root[[]fixa.Tag]("data:list", shape.Data)
	for _, tt := range []struct {
		roots []shape.Root
		want  string
	}{
		{[]shape.Root{config, data, row}, "[]config"},
		{[]shape.Root{data, config, row}, "[]data:Tag"},
	} {
		shapes := walk(t, tt.roots, shape.Options{})
		require.Equal(t, tt.want, described(t, shapes, "data:list").Kind)
		require.Equal(t, "struct", described(t, shapes, "config").Kind)
		require.Equal(t, shape.Data, described(t, shapes, "data:Tag").Role)
	}
}

type settings struct {
	At  time.Time
	URL *url.URL
	A   fixa.Tag
}

func TestOpaqueOpenAndAliases(t *testing.T) {
	t.Parallel()
	roots := []shape.Root{root[settings]("config", shape.Config)}
	names := func(opts shape.Options) (names []string) {
		for _, s := range walk(t, roots, opts) {
			names = append(names, s.Name)
		}
		return names
	}
	require.Equal(t, []string{"config"}, names(shape.Options{}), "all else is opaque")
	require.Equal(t, []string{"config", "net/url.URL", "net/url.Userinfo", "net/url.Values"}, names(shape.Options{Open: []string{"net/url", "not/used"}}))

	opened := shape.Options{Open: []string{pathA}, PathAliases: map[string]string{pathA: "acme/fix", "time": "clock"}}
	require.Subset(t, names(opened), []string{"acme/fix.Tag", "acme/fix.Row", "acme/fix.Page[acme/fix.Row,string]", "config"})
	config := described(t, walk(t, roots, opened), "config")
	require.Equal(t, "clock.Time", config.Fields[0].Type)
	require.Equal(t, "*net/url.URL", config.Fields[1].Type)

	own := walk(t, wholeA(), shape.Options{PathAliases: map[string]string{pathA: "v2"}})
	require.Equal(t, "func(context.Context, ...data:Row) (v2.Ack, error)", described(t, own, "contract").Methods[2].Type, "an alias goes before the own rule")
	require.Equal(t, "v2.sealed", described(t, own, "v2.Sealed").Methods[1].Name)
}

type embedsBoth struct {
	A fixa.Base
	B fixb.Base
}

func TestTwoTypesWithOneName(t *testing.T) {
	t.Parallel()
	roots := []shape.Root{
		root[embedsBoth]("config", shape.Config), root[fixa.Row]("data:A", shape.Data), root[fixb.Level]("data:B", shape.Data),
	}
	_, err := shape.Walk(roots, shape.Options{})
	require.EqualError(t, err, "config.B: "+pathA+".Base and "+pathB+`.Base would both be written ".Base"; `+
		"rename one of them, or give one of the packages a path alias")
	shapes := walk(t, roots, shape.Options{PathAliases: map[string]string{pathB: "b"}})
	require.Equal(t, []string{".Base", "b.Base"}, []string{described(t, shapes, "config").Fields[0].Type, described(t, shapes, "config").Fields[1].Type})

	_, err = shape.Walk([]shape.Root{root[embedsBoth]("config", shape.Config)}, shape.Options{PathAliases: map[string]string{pathA: "x", pathB: "x"}})
	require.ErrorContains(t, err, `would both be written "x.Base"`)
	_, err = shape.Walk([]shape.Root{root[fixa.Level]("int", shape.Data), root[fixa.Base]("bool", shape.Data)}, shape.Options{})
	require.ErrorContains(t, err, `bool.Open: bool and root "bool" would both be written "bool"`)
}

func TestRootForms(t *testing.T) {
	t.Parallel()
	type pair struct {
		kind       string
		comparable bool
		methods    int
		fields     int
	}
	for _, tt := range []struct {
		name string
		root shape.Root
		want pair
	}{
		{"value with its own methods only", root[fixa.Recorder]("r", shape.Provides), pair{"struct", false, 1, 1}},
		{"pointer with all", root[*fixa.Recorder]("r", shape.Provides), pair{"struct", true, 2, 1}},
		{"interface", root[io.Reader]("r", shape.Both), pair{"interface", true, 1, 0}},
		{"pointer to an interface", root[*io.Reader]("r", shape.Requires), pair{"interface", true, 1, 0}},
		{"error", root[error]("r", shape.Both), pair{"interface", true, 1, 0}},
		{"unnamed interface", root[interface{ M() }]("r", shape.Both), pair{"interface", true, 1, 0}},
		{"unnamed struct", root[struct {
			A int `plugreg:"default=5"`
			b int
		}]("r", shape.Config), pair{"struct", true, 0, 2}},
		{"pointer to an unnamed struct", root[*struct{ A, B int }]("r", shape.Config), pair{"struct", true, 0, 2}},
		{"pointer to a pointer", root[**fixa.Tag]("r", shape.Data), pair{"**.Tag", true, 0, 0}},
		{"slice", root[[]fixa.Tag]("r", shape.Data), pair{"[].Tag", false, 0, 0}},
		{"map of slices", root[map[string][]fixa.Tag]("r", shape.Data), pair{"map[string][].Tag", false, 0, 0}},
		{"predeclared", root[int]("r", shape.Data), pair{"int", true, 0, 0}},
		{"pointer to predeclared", root[*int]("r", shape.Data), pair{"*int", true, 0, 0}},
		{"pointer to a slice", root[*[]int]("r", shape.Data), pair{"*[]int", true, 0, 0}},
		{"map", root[map[string]any]("r", shape.Config), pair{"map[string]any", false, 0, 0}},
		{"defined slice", root[url.Values]("r", shape.Data), pair{"map[string][]string", false, 6, 0}},
		{"pointer to a defined slice", root[*url.Values]("r", shape.Data), pair{"map[string][]string", false, 6, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := described(t, walk(t, []shape.Root{tt.root}, shape.Options{}), "r")
			require.Equal(t, tt.want, pair{s.Kind, s.Comparable, len(s.Methods), len(s.Fields)})
		})
	}
	sealed := described(t, walk(t, []shape.Root{root[fixa.Sealed]("contract", shape.Both)}, shape.Options{}), "contract")
	require.Equal(t, shape.Provides, sealed.Role)
	sealed = described(t, walk(t, []shape.Root{root[fixa.Sealed]("requires:x", shape.Requires)}, shape.Options{}), "requires:x")
	require.Equal(t, shape.Requires, sealed.Role)
	none, err := shape.Walk(nil, shape.Options{})
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestLocalName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Row", shape.LocalName(reflect.TypeFor[**fixa.Row]()))
	require.Equal(t, "Page[Row,[]Duration]", shape.LocalName(reflect.TypeFor[fixa.Page[fixa.Row, []time.Duration]]()))
	require.Equal(t, "map[string]Row", shape.LocalName(reflect.TypeFor[map[string]fixa.Row]()))
	require.Equal(t, "func(Context) error", shape.LocalName(reflect.TypeFor[func(context.Context) error]()))
	require.Equal(t, "nil", shape.LocalName(nil))
}

func BenchmarkWalk(b *testing.B) {
	roots := wholeA()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := shape.Walk(roots, shape.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Settings and payloads are read through a pointer, so a value and a pointer to it are the same; what a plugin provides
// has the methods of what it hands out.
func TestMethodsOfValuesAndPointers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		role shape.Role
		same bool
	}{{shape.Data, true}, {shape.Config, true}, {shape.Provides, false}} {
		value := walk(t, []shape.Root{root[touched]("x", tt.role)}, shape.Options{})
		pointer := walk(t, []shape.Root{root[*touched]("x", tt.role)}, shape.Options{})
		require.Len(t, pointer[0].Methods, 1)
		require.Equal(t, tt.same, len(value[0].Methods) == 1, tt.role)
	}
}

type touched struct{ n int }

func (t *touched) Touch() { t.n++ }
