// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"maps"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClone(t *testing.T) {
	t.Parallel()
	pointer, channel := &remote{URL: "a"}, make(chan int)
	build := func() map[string]any {
		return map[string]any{
			"scalar":  1,
			"nil":     nil,
			"map":     map[string]any{"a": []any{map[string]any{"b": []int{1}}, nil}},
			"typed":   map[int][]string{1: {"a"}, 2: nil},
			"named":   mapped{"a": nil},
			"rows":    [][]any{{1}, nil, {}},
			"array":   [2]any{[]int{1}, map[string]int{"a": 1}},
			"bytes":   []byte("abc"),
			"structs": []remote{{URL: "a"}},
			"pointer": pointer,
			"channel": channel,
			"nilmap":  map[string]any(nil),
			"nillist": []any(nil),
			"empty":   []any{},
		}
	}
	src := build()
	copied := Clone(src)
	require.Equal(t, src, copied)
	require.Same(t, pointer, copied["pointer"])
	require.Equal(t, channel, copied["channel"])

	src["map"].(map[string]any)["a"].([]any)[0].(map[string]any)["b"].([]int)[0] = 9
	src["map"].(map[string]any)["a"].([]any)[0].(map[string]any)["c"] = 9
	src["typed"].(map[int][]string)[1][0] = "z"
	src["named"].(mapped)["z"] = nil
	src["rows"].([][]any)[0][0] = 9
	src["array"].([2]any)[0].([]int)[0] = 9
	src["array"].([2]any)[1].(map[string]int)["a"] = 9
	src["bytes"].([]byte)[0] = 'z'
	src["structs"].([]remote)[0].URL = "z"
	src["scalar"] = 9
	require.Equal(t, build(), copied)
}

func TestCloneNil(t *testing.T) {
	t.Parallel()
	require.Nil(t, Clone(nil))
	require.NotNil(t, Clone(map[string]any{}))
}

func TestCloneKeepsNaN(t *testing.T) {
	t.Parallel()
	copied := Clone(map[string]any{"a": map[float64][]int{math.NaN(): {1}, 1: nil}})
	require.Len(t, copied["a"], 2)
	require.ElementsMatch(t, [][]int{{1}, nil}, slices.Collect(maps.Values(copied["a"].(map[float64][]int))))
}

func TestCloneKeepsCyclesAndSharing(t *testing.T) {
	t.Parallel()
	list := []any{nil, 1}
	list[0] = list
	shared := map[string]any{"x": 1}
	src := map[string]any{"list": list, "tail": list[1:], "one": shared, "two": shared}
	src["self"] = src

	copied := Clone(src)
	same := func(a, b any) {
		require.Equal(t, reflect.ValueOf(a).Pointer(), reflect.ValueOf(b).Pointer())
	}
	same(copied, copied["self"])
	same(copied["one"], copied["two"])
	same(copied["list"], copied["list"].([]any)[0])
	require.NotEqual(t, reflect.ValueOf(src).Pointer(), reflect.ValueOf(copied).Pointer())
	require.Equal(t, []any{1}, copied["tail"])
	shared["x"], list[1] = 2, 2
	require.Equal(t, map[string]any{"x": 1}, copied["one"])
	require.Equal(t, 1, copied["list"].([]any)[1])
}

// doubled has 2^40 ways from the outermost map to the innermost.
func doubled() map[string]any {
	m := map[string]any{"a": 1, "b": 1}
	for range 40 {
		m = map[string]any{"a": m, "b": m}
	}
	return m
}

func TestCloneBounds(t *testing.T) {
	t.Parallel()
	levels := 0
	for m, ok := Clone(doubled()), true; ok; m, ok = m["b"].(map[string]any) {
		levels++
	}
	require.Equal(t, 41, levels)

	deep := map[string]any{}
	for range 50_000 {
		deep = map[string]any{"a": []any{deep}}
	}
	copied := Clone(deep)
	levels = 0
	for list, ok := copied["a"].([]any); ok; list, ok = list[0].(map[string]any)["a"].([]any) {
		levels++
	}
	require.Equal(t, 50_000, levels)
	runtime.KeepAlive(deep)
}

func BenchmarkClone(b *testing.B) {
	src := settingsOf(100)
	b.ReportAllocs()
	for b.Loop() {
		Clone(src)
	}
}
