// SPDX-License-Identifier: Apache-2.0

package shape_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape"
)

// What happens when the default of one of these is tried.
type (
	reading   int
	failing   int
	panicking int
)

var readings int

func (r *reading) UnmarshalText(text []byte) error { readings++; *r = reading(len(text)); return nil }
func (*failing) UnmarshalText([]byte) error        { return errors.New("no such level") }
func (*panicking) UnmarshalText([]byte) error      { panic("no level at all") }

type levels struct {
	Level reading         `json:"level" plugreg:"default=high,alias=lvl"`
	Each  [1]otherwise    `json:"each"`
	Limit uint8           `json:"limit" plugreg:"default=255"`
	Next  *levels         `json:"next"`
	Deep  map[string]deep `json:"deep"`
}

type (
	otherwise struct {
		Must int `plugreg:"required"`
	}
	deep struct {
		Level reading `plugreg:"default=low"`
	}
)

// Without being tried, defaults are described as they are when they are tried, and nothing else is.
func TestUntriedDefaultsAreTheSame(t *testing.T) {
	for _, role := range []shape.Role{shape.Config, shape.Data, shape.Provides} {
		roots := []shape.Root{{Name: "levels", Role: role, Type: reflect.TypeFor[levels]()}}
		readings = 0
		tried, err := shape.Walk(roots, shape.Options{})
		require.NoError(t, err)
		require.Equal(t, 2, readings)
		untried, err := shape.Walk(roots, shape.Options{Untried: true})
		require.NoError(t, err)
		require.Equal(t, 2, readings, "no code of a type is called")
		require.Equal(t, tried, untried)
		require.Equal(t, "high", fieldOf(t, untried, "levels", "Level").Default)
		require.Equal(t, []string{"lvl"}, fieldOf(t, untried, "levels", "Level").Aliases)
		require.True(t, fieldOf(t, untried, ".otherwise", "Must").Required)
	}
}

func fieldOf(t *testing.T, shapes []shape.Shape, name, field string) shape.Field {
	t.Helper()
	for _, s := range shapes {
		for _, f := range s.Fields {
			if s.Name == name && f.Name == field {
				return f
			}
		}
	}
	require.FailNow(t, "no such field", "%s.%s", name, field)
	return shape.Field{}
}

// What only a try could find is not found; everything else is refused all the same.
func TestUntriedLeavesOnlyTheTryOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		typ           reflect.Type
		tried, always string
	}{
		{"a default that fails", reflect.TypeFor[struct {
			A failing `plugreg:"default=x"`
		}](), "no such level", ""},
		{"a default that panics", reflect.TypeFor[struct {
			A panicking `plugreg:"default=x"`
		}](), "no level at all", ""},
		{"a default out of range", reflect.TypeFor[struct {
			A uint8 `plugreg:"default=256"`
		}](), `default "256" does not fit type uint8`, ""},
		{"a default of what can have none", reflect.TypeFor[struct {
			A []int `plugreg:"default=x"`
		}](), `default "x" does not fit type []int`, ""},
		{"an unknown option", reflect.TypeFor[struct {
			A int `plugreg:"defalut=1"`
		}](), "defalut", "defalut"},
		{"a default that is required too", reflect.TypeFor[struct {
			A int `plugreg:"required,default=1"`
		}](), "required", "required"},
		{"a default on what is not in JSON", reflect.TypeFor[struct {
			A int `json:"-" plugreg:"default=1"`
		}](), "not in JSON", "not in JSON"},
		{"a default on an inlined struct", reflect.TypeFor[struct {
			otherwise `plugreg:"default=1"`
		}](), "inlined", "inlined"},
		{"an alias that is taken", reflect.TypeFor[struct {
			A int `plugreg:"default=1,alias=B"`
			B int
		}](), `wire name "B"`, `wire name "B"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			roots := []shape.Root{{Name: "config", Role: shape.Config, Type: tt.typ}}
			_, err := shape.Walk(roots, shape.Options{})
			require.ErrorContains(t, err, tt.tried)
			shapes, err := shape.Walk(roots, shape.Options{Untried: true})
			if tt.always == "" {
				require.NoError(t, err)
				require.NotEmpty(t, shapes)
				return
			}
			require.ErrorContains(t, err, tt.always)
			require.Nil(t, shapes)
		})
	}
}
