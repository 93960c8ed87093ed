// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type tree struct {
	A, B   *tree
	Any    any
	Raw    json.RawMessage
	List   []tree
	Map    map[string]tree
	Labels map[string]string
}

// nested has depth maps, one in the other under key.
func nested(key string, depth int) map[string]any {
	m := map[string]any{}
	for range depth {
		m = map[string]any{key: m}
	}
	return m
}

func TestSettingsDepth(t *testing.T) {
	t.Parallel()
	var got tree
	read, err := Settings(&got, nested("A", 100))
	require.NoError(t, err)
	require.Equal(t, []string{strings.Repeat("A.", 99) + "A"}, read)

	_, err = Settings(&got, nested("A", 101))
	require.EqualError(t, err, "setting A.A.A.A.A.A.A.A: have values nested more than 100 deep, want at most 100 levels; "+
		"look for a map or list that contains itself")

	for _, value := range []any{nested("x", 99), []any{nested("x", 98)}} {
		_, err = Settings(&got, map[string]any{"Any": value})
		require.NoError(t, err)
		require.Equal(t, value, got.Any)
	}
	_, err = Settings(&got, map[string]any{"Any": nested("x", 100)})
	require.ErrorContains(t, err, "setting Any.x.x.x.x.x.x.x: have values nested more than 100 deep")
}

func TestSettingsCycles(t *testing.T) {
	t.Parallel()
	loop := map[string]any{}
	loop["A"], loop["B"], loop["Any"] = loop, loop, loop
	list := []any{nil}
	list[0] = list
	typed := map[string]map[string]any{}
	typed["a"] = map[string]any{"Map": typed}
	tests := []struct {
		name string
		src  map[string]any
	}{
		{"map", loop},
		{"map in an interface", map[string]any{"Any": loop}},
		{"map as JSON", map[string]any{"Raw": loop}},
		{"list in an interface", map[string]any{"Any": list}},
		{"list as JSON", map[string]any{"Raw": list}},
		{"list of structs", map[string]any{"List": []any{map[string]any{"List": []any{loop}}}}},
		{"typed map", map[string]any{"Map": typed}},
		{"clone", Clone(loop)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got tree
			_, err := Settings(&got, tt.src)
			require.ErrorContains(t, err, "nested more than 100 deep")
			require.Equal(t, 1, strings.Count(err.Error(), "\n")+1, "the first passing of the bound is the last thing looked at")
			require.Equal(t, tree{}, got)
		})
	}
}

func doubledLists() []any {
	list := []any{1}
	for range 40 {
		list = []any{list, list}
	}
	return list
}

func TestSettingsRepeatedMaps(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]map[string]any{
		"JSON":  {"Raw": doubled()},
		"lists": {"Any": doubledLists()},
	} {
		var got tree
		_, err := Settings(&got, src)
		fault, ok := errors.AsType[*Error](err)
		require.True(t, ok, name)
		require.Equal(t, "more than 65,536 maps and lists", fault.Have, name)
		require.Equal(t, tree{}, got, name)
	}
}

func TestSettingsMostContainers(t *testing.T) {
	t.Parallel()
	list := make([]any, maxContainers-2) // and the outer map, and the list itself
	for i := range list {
		list[i] = []int{}
	}
	var got tree
	_, err := Settings(&got, map[string]any{"Any": list})
	require.NoError(t, err)
	require.Len(t, got.Any, len(list))
	_, err = Settings(&got, map[string]any{"Any": append(list, []int{})})
	require.ErrorContains(t, err, "more than 65,536 maps and lists")
}
