// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package shape_test

import (
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape"
	"github.com/plugreg/plugreg/internal/shape/internal/fixa"
)

// _Ctype_int has a name as cgo makes them.
type _Ctype_int int32

type (
	deepHooks struct{ Hooks []hook }
	hook      struct {
		Name string
		Fn   func(int)
	}
	base  struct{ Done chan int }
	base2 struct{ A int }

	textKey  struct{ A int }
	plainKey struct{ A int }
	selfMade struct{ F func() }
	selfText struct{ F func() }
)

func (textKey) MarshalText() ([]byte, error)   { return nil, nil }
func (*selfMade) MarshalJSON() ([]byte, error) { return nil, nil }
func (selfText) MarshalText() ([]byte, error)  { return nil, nil }

func localTypes() (first, second, generic reflect.Type) {
	type local struct{ A int }
	first = reflect.TypeFor[local]()
	generic = reflect.TypeFor[box[local]]()
	{
		type local struct{ B int }
		second = reflect.TypeFor[local]()
	}
	return first, second, generic
}

// structOf has an int field for each tag.
func structOf(tags ...string) reflect.Type {
	var fields []reflect.StructField
	for i, tag := range tags {
		fields = append(fields, reflect.StructField{Name: "F" + strconv.Itoa(i), Type: reflect.TypeFor[int](), Tag: reflect.StructTag(tag)})
	}
	return reflect.StructOf(fields)
}

func TestProblems(t *testing.T) {
	t.Parallel()
	first, second, generic := localTypes()
	const serial = ` cannot be serialised; tag the field json:"-", or give the type a MarshalJSON or MarshalText method`
	const help = "; known options are required, default=<text>, alias=<wire name>; put a value with commas into single quotes"
	for _, tt := range []struct {
		name  string
		roots []shape.Root
		opts  shape.Options
		want  []string
	}{
		{"roots", []shape.Root{
			{Name: "nil", Role: shape.Data}, {Name: "role", Role: "other", Type: reflect.TypeFor[int]()}, root[int]("", shape.Data),
			root[int](".dot", shape.Data), root[int]("\xff", shape.Data), root[int]("a\nb", shape.Data),
			root[int]("twice", shape.Data), root[string]("twice", shape.Data),
		}, shape.Options{PathAliases: map[string]string{"p": "", "q": ".x", "r": "a[b]", "s": "\x01", "fine": "a/b.c-d"}}, []string{
			`path alias "" for "p": not a usable name; use letters, digits and slashes`,
			`path alias ".x" for "q": not a usable name; use letters, digits and slashes`,
			`path alias "\x01" for "s": not a usable name; use letters, digits and slashes`,
			`path alias "a[b]" for "r": not a usable name; use letters, digits and slashes`,
			`root "": not a usable name; give one in valid UTF-8 without control characters or a leading dot`,
			`root ".dot": not a usable name; give one in valid UTF-8 without control characters or a leading dot`,
			`root "\xff": not a usable name; give one in valid UTF-8 without control characters or a leading dot`,
			`root "a\nb": not a usable name; give one in valid UTF-8 without control characters or a leading dot`,
			`root "nil": has no type; give a value or a typed nil such as (*T)(nil)`,
			`root "role": unknown role "other"; want one of ["both" "provides" "requires" "config" "data" "export"]`,
			`root "twice": is given twice; give each root a name of its own`,
		}},
		{"local types with one name", []shape.Root{
			{Name: "config", Role: shape.Config, Type: first}, {Name: "data:x", Role: shape.Data, Type: second},
		}, shape.Options{}, []string{
			"data:x: " + here + ".local is the name of two types, so one is declared inside a function; declare it at package level",
		}},
		{"local type as an argument", []shape.Root{{Name: "config", Role: shape.Config, Type: generic}}, shape.Options{}, []string{
			"config: " + here + ".local·1 is declared inside a function; declare it at package level",
		}},
		{"types of a platform", []shape.Root{root[struct {
			A _Ctype_int
			B map[string]syscall.Errno
			C box[syscall.Errno]
		}]("config", shape.Config)}, shape.Options{}, []string{
			"config.A: " + here + "._Ctype_int depends on the platform; use a Go type of your own",
			"config.B: syscall.Errno depends on the platform; use a Go type of your own",
		}},
		{"type of a platform as an argument", []shape.Root{root[box[syscall.Errno]]("config", shape.Config)}, shape.Options{}, []string{
			"config.V: syscall.Errno depends on the platform; use a Go type of your own",
			"config: syscall.Errno depends on the platform; use a Go type of your own",
		}},
		{"what cannot be serialised", []shape.Root{root[struct {
			Deep deepHooks
			base
			Map   map[string]map[plainKey]complex64
			Ptr   ***unsafe.Pointer
			Array [2]chan<- int
			Fn    func()
			Fn2   func()
			C     complex128
		}]("config", shape.Config), root[func()]("data:f", shape.Data)}, shape.Options{}, []string{
			"config.Array[]: chan<- int" + serial,
			"config.C: complex128" + serial,
			"config.Deep.Hooks[].Fn: func(int)" + serial,
			"config.Fn2: func()" + serial,
			"config.Fn: func()" + serial,
			"config.Map[]: a map with keys of type " + here + ".plainKey cannot be serialised; use strings, integers or keys with a MarshalText method",
			"config.Map[][]: complex64" + serial,
			"config.Ptr: unsafe.Pointer" + serial,
			"config.base.Done: chan int" + serial,
			"data:f: func()" + serial,
		}},
		{"tags", []shape.Root{root[struct {
			A      int `plugreg:"optional"`
			B      int `plugreg:"default=x"`
			C      int "json:\"\xff\""
			E      int `json:"-" plugreg:"required"`
			f      int `plugreg:"required"`
			hidden `plugreg:"alias=x"`
			G      int `json:"-,"`
			H      struct {
				X int `plugreg:"required"`
			}
			I     int                  `plugreg:"required,default=1"`
			J     *int                 `plugreg:"default=5"`
			K     map[string]*fixa.Row `plugreg:"default=x"`
			base2 `json:"base" plugreg:"required"`
		}]("config", shape.Config)}, shape.Options{}, []string{
			`config.A: plugreg tag "optional": unknown option "optional"` + help,
			`config.B: default "x" does not fit type int: strconv.ParseInt: parsing "x": invalid syntax`,
			`config.C: tag "json:\"\xff\"" is not valid UTF-8; write it in UTF-8`,
			`config.E: plugreg options on a field that is not in JSON have no effect; drop them or export the field`,
			`config.G: the wire name "-" means that a field is left out; choose another`,
			`config.H: field X of an unnamed struct has a plugreg tag, which is read in named structs only; give the struct a name`,
			`config.I: plugreg tag "required,default=1": a required field cannot have a default; drop one of the two`,
			`config.K: default "x" does not fit type map[string]*` + pathA + `.Row: a default needs a bool, number, string, time.Duration, encoding.TextUnmarshaler or a pointer to one`,
			`config.base2: plugreg options on a field that is not exported have no effect; drop them or export the field`,
			`config.f: plugreg options on a field that is not in JSON have no effect; drop them or export the field`,
			`config.hidden: plugreg options on an inlined struct have no effect; set them on its fields or give it a json name`,
		}},
		// go vet knows that these are wrong, hence the detour.
		{"malformed tags", []shape.Root{{Name: "config", Role: shape.Config, Type: structOf(
			`json:"x"`, `json:"x"`, `json:"d"  plugreg:default=5`, `plugreg: "required"`, `doc:"plugreg:" x`, `doc:'plugreg:'`,
			`plugreg:"alias=\xff"`, `plugreg:"required" plugreg:"alias=x"`,
		)}, {Name: "data:x", Role: shape.Data, Type: reflect.SliceOf(structOf(`plugreg: "required"`))}}, shape.Options{}, []string{
			`config.F1: wire name "x" is that of field F0 too; rename one in its json tag or alias`,
			`config.F2: tag "json:\"d\"  plugreg:default=5" is malformed, so its plugreg part has no effect; write plugreg:"…", with one space between keys`,
			`config.F3: tag "plugreg: \"required\"" is malformed, so its plugreg part has no effect; write plugreg:"…", with one space between keys`,
			`config.F5: tag "doc:'plugreg:'" is malformed, so its plugreg part has no effect; write plugreg:"…", with one space between keys`,
			`config.F6: plugreg tag "alias=\xff" is not valid UTF-8; write it in UTF-8`,
			`config.F7: tag "plugreg:\"required\" plugreg:\"alias=x\"" has plugreg twice, and the second has no effect; join the two with a comma`,
			`data:x: field F0 of an unnamed struct: tag "plugreg: \"required\"" is malformed, so its plugreg part has no effect; write plugreg:"…", with one space between keys`,
		}},
		{"argument with a bracket in a tag", []shape.Root{root[func(box[struct {
			A int `x:"]"`
		}], box[struct {
			A int `x:"[a.b"`
		}])]("export:f", shape.Export)}, shape.Options{}, []string{
			`export:f: the name "shape_test.box[struct { A int \"x:\\\"[a.b\\\"\" }]" of a type in package ` + here + ` is not readable; declare a named type for its argument`,
			`export:f: the name "shape_test.box[struct { A int \"x:\\\"]\\\"\" }]" of a type in package ` + here + ` is not readable; declare a named type for its argument`,
		}},
		{"wire names", []shape.Root{root[struct {
			C int `plugreg:"alias=D"`
			D int
			E int `plugreg:"alias=e,alias=e"`
			F int `plugreg:"alias=F"`
			G int `json:"-"`
			H int `json:"-"`
		}]("config", shape.Config)}, shape.Options{}, []string{
			`config.D: wire name "D" is that of field C too; rename one in its json tag or alias`,
			`config.E: plugreg tag "alias=e,alias=e": alias "e" is given twice` + help,
			`config.F: wire name "F" is that of field F too; rename one in its json tag or alias`,
		}},
		{"aliases of what is embedded", []shape.Root{root[struct {
			A int `plugreg:"alias=inner,alias=free"`
			B int `plugreg:"alias=Deep"`
			C int `json:"former"`
			D int `plugreg:"alias=former"`
			inlined
		}]("config", shape.Config)}, shape.Options{}, []string{
			`config.A: alias "inner" is a name of a field of an embedded struct too; rename one of them`,
			`config.B: alias "Deep" is a name of a field of an embedded struct too; rename one of them`,
			`config.C: wire name "former" is an alias in an embedded struct too; rename one of them`,
			`config.D: alias "former" is a name of a field of an embedded struct too; rename one of them`,
			`config.D: wire name "former" is that of field C too; rename one in its json tag or alias`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			shapes, err := shape.Walk(tt.roots, tt.opts)
			require.Nil(t, shapes)
			require.EqualError(t, err, strings.Join(tt.want, "\n"))
		})
	}
}

func TestSerialisable(t *testing.T) {
	t.Parallel()
	walk(t, []shape.Root{root[struct {
		A     any
		E     error
		Keys  map[textKey]int
		Ints  map[uint8]map[uintptr]map[int]bool
		Made  selfMade
		PMade []*selfMade
		Text  selfText
		When  time.Time
		Left  func() `json:"-"`
		own   chan int
		Ptr   uintptr
		Self  *fixa.Row
	}]("config", shape.Config)}, shape.Options{})
	walk(t, []shape.Root{root[deepHooks]("plugin", shape.Provides), root[func(chan int) deepHooks]("export:f", shape.Export)}, shape.Options{})
}

type inlined struct {
	Inner int `json:"inner" plugreg:"alias=former"`
	*deeper
	hidden int
}

type deeper struct {
	Deep  int
	Again *inlined `json:"-"`
}
