// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package shape_test

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape"
	"github.com/plugreg/plugreg/internal/shape/internal/fixa"
	"github.com/plugreg/plugreg/internal/shape/internal/fixb"
)

// box and friends are own types of this test's package.
type (
	box[T any]     struct{ V T }
	pair[K, V any] struct {
		A K
		B V
	}
	hidden struct{ X int }
	Shown  struct{ X int }
)

const here = "github.com/plugreg/plugreg/internal/shape_test"

// TestTypeTexts checks each type twice: as a message has it, and within a contract whose own packages are those of fixa
// and of this test.
func TestTypeTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typ        reflect.Type
		full, text string
	}{
		{reflect.TypeFor[int](), "int", "int"},
		{reflect.TypeFor[byte](), "uint8", "uint8"},
		{reflect.TypeFor[rune](), "int32", "int32"},
		{reflect.TypeFor[error](), "error", "error"},
		{reflect.TypeFor[any](), "any", "any"},
		{reflect.TypeFor[struct{}](), "struct{}", "struct{}"},
		{reflect.TypeFor[unsafe.Pointer](), "unsafe.Pointer", "unsafe.Pointer"},
		{reflect.TypeFor[time.Duration](), "time.Duration", "time.Duration"},
		{reflect.TypeFor[*fixa.Row](), "*" + pathA + ".Row", "*data:Row"},
		{reflect.TypeFor[**hidden](), "**" + here + ".hidden", "**.hidden"},
		{reflect.TypeFor[[]fixa.Tag](), "[]" + pathA + ".Tag", "[].Tag"},
		{reflect.TypeFor[[4][0]fixa.Tag](), "[4][0]" + pathA + ".Tag", "[4][0].Tag"},
		{reflect.TypeFor[map[fixa.ID]map[int]fixb.ID](), "map[" + pathA + ".ID]map[int]" + pathB + ".ID", "map[.ID]map[int]" + pathB + ".ID"},
		{reflect.TypeFor[chan int](), "chan int", "chan int"},
		{reflect.TypeFor[<-chan int](), "<-chan int", "<-chan int"},
		{reflect.TypeFor[chan<- int](), "chan<- int", "chan<- int"},
		{reflect.TypeFor[chan (<-chan int)](), "chan (<-chan int)", "chan (<-chan int)"},
		{reflect.TypeFor[chan chan<- int](), "chan chan<- int", "chan chan<- int"},
		{reflect.TypeFor[<-chan (<-chan int)](), "<-chan <-chan int", "<-chan <-chan int"},
		{reflect.TypeFor[func()](), "func()", "func()"},
		{reflect.TypeFor[func(a, b int, rest ...[]string) error](), "func(int, int, ...[]string) error", "func(int, int, ...[]string) error"},
		{reflect.TypeFor[func([]string) (n int, err error)](), "func([]string) (int, error)", "func([]string) (int, error)"},
		{reflect.TypeFor[func() func(fixa.Tag) func()](), "func() func(" + pathA + ".Tag) func()", "func() func(.Tag) func()"},
		{
			reflect.TypeFor[interface {
				b()
				io.Closer
				A(int) string
			}](),
			"interface{ A(int) string; Close() error; " + here + ".b() }", "interface{ .b(); A(int) string; Close() error }",
		},
		{
			reflect.TypeFor[struct {
				A    int `json:"a\"b"`
				B, c *fixa.Row
				Shown
				hidden `x:"é"`
			}](),
			`struct{ A int "json:\"a\\\"b\""; B *` + pathA + `.Row; ` + here + `.c *` + pathA + `.Row; embedded Shown ` + here + `.Shown; embedded ` + here + `.hidden ` + here + `.hidden "x:\"é\"" }`,
			`struct{ A int "json:\"a\\\"b\""; B *data:Row; .c *data:Row; embedded Shown .Shown; embedded .hidden .hidden "x:\"é\"" }`,
		},
		{reflect.TypeFor[box[int]](), here + ".box[int]", "config"},
		{reflect.TypeFor[box[string]](), here + ".box[string]", ".box[string]"},
		{reflect.TypeFor[box[fixa.Row]](), here + ".box[" + pathA + ".Row]", ".box[data:Row]"},
		{reflect.TypeFor[box[box[int]]](), here + ".box[" + here + ".box[int]]", ".box[config]"},
		{
			reflect.TypeFor[pair[[]*hidden, map[fixb.ID]box[time.Time]]](),
			here + ".pair[[]*" + here + ".hidden,map[" + pathB + ".ID]" + here + ".box[time.Time]]", ".pair[[]*.hidden,map[" + pathB + ".ID].box[time.Time]]",
		},
		{
			reflect.TypeFor[pair[func(int, ...fixa.Tag) (hidden, error), any]](),
			here + ".pair[func(int, ..." + pathA + ".Tag) (" + here + ".hidden, error),any]", ".pair[func(int, ....Tag) (.hidden, error),any]",
		},
		{
			reflect.TypeFor[pair[chan<- hidden, chan (<-chan fixa.Tag)]](),
			here + ".pair[chan<- " + here + ".hidden,chan (<-chan " + pathA + ".Tag)]", ".pair[chan<- .hidden,chan (<-chan .Tag)]",
		},
		{
			reflect.TypeFor[box[struct {
				A int `x:"[time.Time]\""`
				b fixa.Tag
				hidden
			}]](),
			here + `.box[struct { A int "x:\"[time.Time]\\\"\""; ` + here + `.b ` + pathA + `.Tag; ` + here + `.hidden }]`,
			`.box[struct { A int "x:\"[time.Time]\\\"\""; .b .Tag; .hidden }]`,
		},
		{
			reflect.TypeFor[box[interface {
				M(fixa.Row) any
				m()
			}]](),
			here + ".box[interface { M(" + pathA + ".Row) any; " + here + ".m() }]", ".box[interface { M(data:Row) any; .m() }]",
		},
	} {
		t.Run(tt.full, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.full, shape.TypeText(tt.typ))
			shapes := walk(t, []shape.Root{
				{Name: "export:f", Role: shape.Export, Type: reflect.FuncOf([]reflect.Type{tt.typ}, nil, false)},
				root[fixa.Row]("data:Row", shape.Data), root[box[int]]("config", shape.Config),
			}, shape.Options{})
			require.Equal(t, "func("+tt.text+")", described(t, shapes, "export:f").Kind)
		})
	}
	require.Equal(t, "nil", shape.TypeText(nil))
}

func TestTextDepth(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[int]()
	for range 100 {
		typ = reflect.SliceOf(typ)
	}
	shapes := walk(t, []shape.Root{{Name: "data:deep", Role: shape.Data, Type: typ}}, shape.Options{})
	require.Equal(t, strings.Repeat("[]", 100)+"int", described(t, shapes, "data:deep").Kind)

	_, err := shape.Walk([]shape.Root{{Name: "data:deep", Role: shape.Data, Type: reflect.MapOf(reflect.TypeFor[int](), typ)}}, shape.Options{})
	require.EqualError(t, err, "data:deep: more than 100 unnamed types within each other; give one of them a name")
	require.NotEmpty(t, shape.TypeText(reflect.SliceOf(typ)), "a message is written all the same")
}
