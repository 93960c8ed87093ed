// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package tag

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzWireName compares with what encoding/json does.
func FuzzWireName(f *testing.F) {
	for _, s := range []string{"", `json:"a"`, `json:"-"`, `json:"-,"`, `json:",omitempty"`, `json:"a b,string"`, `json:"a\"b"`, `json:"é\u00a0"`, `json:"<&>"`, `json:"\xff"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		field := reflect.StructField{Name: "Field", Type: reflect.TypeFor[int](), Tag: reflect.StructTag(tag)}
		v := reflect.New(reflect.StructOf([]reflect.StructField{field})).Elem()
		v.Field(0).SetInt(1) // or omitempty would leave it out
		text, err := json.Marshal(v.Interface())
		require.NoError(t, err)
		var got map[string]any
		require.NoError(t, json.Unmarshal(text, &got))
		name, ok := WireName(v.Type().Field(0))
		if !ok {
			require.Empty(t, got)
			require.Empty(t, name)
			return
		}
		require.Len(t, got, 1)
		require.Contains(t, got, name)
	})
}

type (
	named    struct{ A int }
	number   int
	embedder struct {
		named
		*Pointed
		number
		Tagged `json:"t"`
		Number2
		Iface
		inner `json:"in"`
		Dash  int `json:"-,"`
		None  int `json:"-"`
		own   int
	}
	Pointed struct{ B int }
	Tagged  struct{ C int }
	Number2 int
	Iface   interface{ M() }
	inner   struct{ D int }
)

func TestWireNameOfFields(t *testing.T) {
	t.Parallel()
	const none = "left out"
	var names []string
	for f := range reflect.TypeFor[embedder]().Fields() {
		name, ok := WireName(f)
		if !ok {
			name = none
		}
		names = append(names, name)
	}
	require.Equal(t, []string{"", "", none, "t", "Number2", "Iface", "in", "-", none, none}, names)
	text, err := json.Marshal(embedder{Pointed: &Pointed{}, own: 1})
	require.NoError(t, err)
	require.Equal(t, `{"A":0,"B":0,"t":{"C":0},"Number2":0,"Iface":null,"in":{"D":0},"-":0}`, string(text), "encoding/json agrees")
}
