// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore U1000 the fixtures are about fields that nobody uses

package reader

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	completeBase struct {
		Low  int `json:"low"`
		High int `json:"high,omitempty"`
	}
	CompleteMore struct {
		Left  int `json:"left"`
		Right int `json:"right"`
	}
	completeLeaf struct {
		A int `json:"a"`
		B int `json:"b,omitempty" plugreg:"default=5"`
		C int `json:"c,omitempty"`
	}
	// completeOut writes itself and is read by its fields.
	completeOut  struct{ A, B int }
	completeTree struct {
		ID    string                  `json:"id" plugreg:"required"`
		Leaf  completeLeaf            `json:"leaf,omitempty"`
		Zero  completeLeaf            `json:"zero,omitzero"`
		Two   [2]int                  `json:"two,omitempty"`
		None  [0]int                  `json:"none,omitempty"`
		Plain struct{ N int }         `json:"plain,omitzero"`
		List  []completeLeaf          `json:"list,omitempty"`
		Map   map[string]completeLeaf `json:"map"`
		Ptr   *completeLeaf           `json:"ptr"`
		Any   any                     `json:"any"`
		Out   completeOut             `json:"out"`
		At    time.Time               `json:"at,omitempty"`
		completeBase
		*CompleteMore
	}
)

func (o completeOut) MarshalJSON() ([]byte, error) { return []byte(`{"A":1}`), nil }

func TestReadComplete(t *testing.T) {
	t.Parallel()
	const (
		added = `; add the key, which is written even for an empty value`
		leaf  = `{"a":1,"b":2}`
		whole = `{"id":"","leaf":` + leaf + `,"zero":` + leaf + `,"two":[1,2],"map":null,"ptr":null,"any":null,"out":{"A":1},"at":"0001-01-01T00:00:00Z","low":1}`
	)
	with := func(old, new string) string {
		require.Contains(t, whole, old)
		return strings.Replace(whole, old, new, 1)
	}
	const number = ", a whole number from -9223372036854775808 to 9223372036854775807"
	for _, tt := range []struct {
		name, text string
		want       []string // faults
	}{
		{"whole", whole, nil},
		{"all that can be left out is there", with(`"low"`, `"plain":{"N":1},"list":[],"none":[],"high":1,"low"`), nil},
		{"an embedded pointer is there", with(`"low"`, `"left":1,"right":2,"low"`), nil},
		{"an embedded pointer is there in part", with(`"low"`, `"right":2,"low"`), []string{"field left: have no value, want int" + number + added}},
		{"nothing", `{}`, []string{
			"field any: have no value, want any" + added,
			"field at: have no value, want time.Time" + added,
			"field id: have no value, want string; add the key, which is required",
			"field leaf: have no value, want an object for reader.completeLeaf" + added,
			"field low: have no value, want int" + number + added,
			"field map: have no value, want an object for map[string]reader.completeLeaf" + added,
			"field out: have no value, want an object for reader.completeOut" + added,
			"field ptr: have no value, want *reader.completeLeaf" + added,
			"field two: have no value, want a list of exactly 2 for [2]int" + added,
			"field zero: have no value, want an object for reader.completeLeaf" + added,
		}},
		{
			"at any depth", with(`"map":null,"ptr":null`, `"map":{"k.1":{"b":1}},"ptr":{"a":1},"list":[`+leaf+`,{"c":1}],"plain":{}`),
			[]string{
				"field list[1].a: have no value, want int" + number + added,
				"field list[1].b: have no value, want int" + number + added,
				`field map["k.1"].a: have no value, want int` + number + added,
				"field plain.N: have no value, want int" + number + added,
				"field ptr.b: have no value, want int" + number + added,
			},
		},
		{"null is no value", with(`"low":1`, `"low":null`), []string{"field low: have null, want int" + number + "; write a value"}},
		{"null where nothing need be", with(`"low":1`, `"low":1,"high":null`), []string{"field high: have null, want int" + number + "; leave the key out"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, adjustments, err := read[completeTree](t, Options{Closed: true, Complete: true}, tt.text)
			if tt.want == nil {
				require.NoError(t, err)
				require.Empty(t, adjustments)
				return
			}
			require.EqualError(t, err, strings.Join(tt.want, "\n"))
		})
	}
	v, adjustments, err := read[completeTree](t, Options{}, `{"id":""}`)
	require.NoError(t, err, "nothing is demanded without being told so")
	require.Equal(t, completeTree{Leaf: completeLeaf{B: 5}, Zero: completeLeaf{B: 5}}, v)
	require.Len(t, adjustments, 2)
}

// What is written for a zero value is written for every value, so that is what may not be absent.
func TestCompleteDemandsWhatAppendAlwaysWrites(t *testing.T) {
	t.Parallel()
	random := made{rand.New(rand.NewPCG(13, 14))}
	members := func(plan *Plan, v reflect.Value) (m map[string]json.RawMessage) {
		text, err := plan.Append(nil, v)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &m))
		return m
	}
	demanded, free := 0, 0
	for range 400 {
		typ := random.structOf(2)
		plan, err := PlanOf(typ, Options{Closed: true, Complete: true})
		require.NoError(t, err)
		v, got := reflect.New(typ).Elem(), reflect.New(typ).Elem()
		always := members(plan, v)
		random.fill(v, 4)
		all := members(plan, v)
		for key := range all {
			rest := map[string]json.RawMessage{}
			for k, raw := range all {
				if k != key {
					rest[k] = raw
				}
			}
			text, err := json.Marshal(rest)
			require.NoError(t, err)
			_, err = plan.Read(text, got)
			if _, must := always[key]; must {
				demanded++
				require.ErrorContains(t, err, "have no value", "%s %s\n%s", typ, key, text)
			} else {
				free++
				require.NoError(t, err, "%s %s\n%s", typ, key, text)
			}
		}
	}
	require.Greater(t, demanded, 300)
	require.Greater(t, free, 100)
}

// A key that has to be there cannot be left out in place of null.
func TestNullSaysWhatToDo(t *testing.T) {
	t.Parallel()
	type nulls struct {
		Must   int            `json:"must" plugreg:"required"`
		May    int            `json:"may"`
		Quoted int            `json:"quoted,string" plugreg:"default=1"`
		List   []int          `json:"list"`
		Map    map[string]int `json:"map" plugreg:"required"`
	}
	const number = "want int, a whole number from -9223372036854775808 to 9223372036854775807; "
	_, _, err := read[nulls](t, Options{}, `{"must":null,"may":null,"quoted":null,"list":[null],"map":{"k":null}}`)
	require.EqualError(t, err, strings.Join([]string{
		"field list[0]: have null, " + number + "write a value",
		"field map.k: have null, " + number + "leave the key out",
		"field may: have null, " + number + "leave the key out",
		"field must: have null, " + number + "write a value",
		"field quoted: have null, " + number + "leave the key out",
	}, "\n"))
	_, err = Settings(new(nulls), map[string]any{"must": nil, "may": nil, "list": []any{nil}, "map": map[string]any{"k": nil}})
	require.EqualError(t, err, strings.Join([]string{
		"setting list[0]: have nil, " + number + "write a value",
		"setting map.k: have nil, " + number + "leave the key out to keep the default",
		"setting may: have nil, " + number + "leave the key out to keep the default",
		"setting must: have nil, " + number + "write a value",
	}, "\n"))
	s := Scan([]byte(`{"k":null}`))
	require.True(t, s.Next())
	require.Empty(t, s.Text())
	require.EqualError(t, s.Err(), "field k: have null, want string; write a value")
}
