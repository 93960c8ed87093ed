// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package shape_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape"
)

// The following differ in one point each.
type (
	byValue   struct{ A int }
	byPointer struct{ A int }
	fewer     struct{ A int }

	comparable1 struct {
		A int
		b int
	}
	comparable2 struct {
		A int
		b []int
	}

	holder1 struct{ In inner1 }
	holder2 struct{ In inner2 }
	inner1  struct{ A int }
	inner2  struct{ A int }
)

func (byValue) Do(n int) error    { return nil }
func (*byPointer) Do(x int) error { return nil }

func TestSensitivity(t *testing.T) {
	t.Parallel()
	is := func(typ reflect.Type, role shape.Role) []shape.Root {
		return []shape.Root{{Name: "root", Role: role, Type: typ}}
	}
	config := func(typ reflect.Type) []shape.Root { return is(typ, shape.Config) }
	contract := func(typ reflect.Type) []shape.Root { return is(typ, shape.Both) }
	plugin := func(typ reflect.Type) []shape.Root { return is(typ, shape.Provides) }
	for _, tt := range []struct {
		name string
		a, b []shape.Root
		same bool
	}{
		{"equal structs", config(reflect.TypeFor[struct{ A int }]()), config(reflect.TypeFor[inner1]()), true},
		{"field renamed", config(reflect.TypeFor[struct{ A int }]()), config(reflect.TypeFor[struct{ B int }]()), false},
		{"field retyped", config(reflect.TypeFor[struct{ A int }]()), config(reflect.TypeFor[struct{ A int64 }]()), false},
		{"field to its pointer", config(reflect.TypeFor[struct{ A int }]()), config(reflect.TypeFor[struct{ A *int }]()), false},
		{"fields in another order", config(reflect.TypeFor[struct{ A, B int }]()), config(reflect.TypeFor[struct{ B, A int }]()), false},
		{"field added", config(reflect.TypeFor[struct{ A int }]()), config(reflect.TypeFor[struct{ A, B int }]()), false},
		{"private field added", config(reflect.TypeFor[struct{ A int }]()), config(reflect.TypeFor[struct{ A, b int }]()), false},
		{"wire tag", config(reflect.TypeFor[struct {
			A int `json:"a"`
		}]()), config(reflect.TypeFor[struct {
			A int `json:"b"`
		}]()), false},
		{"other tag", config(reflect.TypeFor[struct {
			A int `json:"a"`
		}]()), config(reflect.TypeFor[struct {
			A int `json:"a" doc:"x"`
		}]()), false},
		{"array length", config(reflect.TypeFor[struct{ A [2]int }]()), config(reflect.TypeFor[struct{ A [3]int }]()), false},
		{"embedded or named alike", config(reflect.TypeFor[struct{ Shown }]()), config(reflect.TypeFor[struct{ Shown Shown }]()), false},
		{"comparability", config(reflect.TypeFor[comparable1]()), config(reflect.TypeFor[comparable2]()), false},
		{"nested type", config(reflect.TypeFor[holder1]()), config(reflect.TypeFor[holder2]()), false},
		{"method renamed", contract(reflect.TypeFor[interface{ Do(int) }]()), contract(reflect.TypeFor[interface{ Run(int) }]()), false},
		{"method retyped", contract(reflect.TypeFor[interface{ Do(int) }]()), contract(reflect.TypeFor[interface{ Do(int) error }]()), false},
		{"context added", contract(reflect.TypeFor[interface{ Do(int) }]()), contract(reflect.TypeFor[interface{ Do(context.Context, int) }]()), false},
		{"variadic or slice", contract(reflect.TypeFor[interface{ Do(...int) }]()), contract(reflect.TypeFor[interface{ Do([]int) }]()), false},
		{"parameter names", contract(reflect.TypeFor[interface{ Do(a, b int) (n int) }]()), contract(reflect.TypeFor[interface{ Do(x, y int) int }]()), true},
		{"order of methods", contract(reflect.TypeFor[interface {
			A()
			B()
		}]()), contract(reflect.TypeFor[interface {
			B()
			A()
		}]()), true},
		{"aliases of predeclared types", contract(reflect.TypeFor[interface{ Do([]byte, rune) any }]()), contract(reflect.TypeFor[interface {
			Do([]uint8, int32) interface{}
		}]()), true},
		{"receiver", plugin(reflect.TypeFor[*byValue]()), plugin(reflect.TypeFor[*byPointer]()), false},
		{"receiver, by value", plugin(reflect.TypeFor[byValue]()), plugin(reflect.TypeFor[byPointer]()), false},
		{"no method", plugin(reflect.TypeFor[*byPointer]()), plugin(reflect.TypeFor[*fewer]()), false},
		{"value that loses its pointer methods", plugin(reflect.TypeFor[byPointer]()), plugin(reflect.TypeFor[fewer]()), true},
		{"private fields of a plugin", plugin(reflect.TypeFor[*comparable1]()), plugin(reflect.TypeFor[*comparable2]()), true},
		{"kind", config(reflect.TypeFor[map[string]int]()), config(reflect.TypeFor[map[string]uint]()), false},
		{"role", is(reflect.TypeFor[inner1](), shape.Config), is(reflect.TypeFor[inner1](), shape.Data), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := withoutGoTypes(walk(t, tt.a, shape.Options{})), withoutGoTypes(walk(t, tt.b, shape.Options{}))
			if tt.same {
				require.Equal(t, a, b)
			} else {
				require.NotEqual(t, a, b)
			}
		})
	}
}
