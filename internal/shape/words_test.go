// SPDX-License-Identifier: Apache-2.0

package shape_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape"
)

func TestMapWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text, want string
		offered          []string
	}{
		{"a name", "data:Order", "<data:Order>", []string{"data:Order"}},
		{"composites", "map[.Key][]*[4].Line", "<map>[<.Key>][]*[<4>]<.Line>", []string{"map", ".Key", "4", ".Line"}},
		{"a signature", "func(.A, ....B) (error)", "<func>(<.A>, ...<.B>) (<error>)", []string{"func", ".A", ".B", "error"}},
		{"a generic type that is known", ".Page[.Row]", "<.Page[.Row]>", []string{".Page[.Row]"}},
		{"a generic type in parts", "x.List[x.Row]", "<x.List>[<x.Row>]", []string{"x.List[x.Row]", "x.List", "x.Row"}},
		{"strings are left alone", `struct{ A .T "json:\"a .B]\"" }`, `<struct>{ <A> <.T> "json:\"a .B]\"" }`, []string{"struct", "A", ".T"}},
		{"a bracket that does not end", ".Page[.Row", "<.Page>[<.Row>", []string{".Page", ".Row"}},
		{"a string that does not end", `"abc .T`, `"abc .T`, nil},
		{"nothing", "", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var offered []string
			have := shape.MapWords(tt.text, func(word string) string {
				offered = append(offered, word)
				if strings.HasPrefix(word, "x.List[") {
					return word
				}
				return "<" + word + ">"
			})
			require.Equal(t, tt.want, have)
			require.Equal(t, tt.offered, offered)
		})
	}
}

func FuzzMapWords(f *testing.F) {
	for _, s := range []string{"map[.Key][]*[4].Line", ".Page[.Row]", `struct{ A .T "json:\"a\"" }`, ".Page[", `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		require.Equal(t, text, shape.MapWords(text, func(word string) string {
			require.NotEmpty(t, word)
			require.Contains(t, text, word)
			return word
		}))
	})
}
