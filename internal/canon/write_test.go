// SPDX-License-Identifier: Apache-2.0

package canon_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/canon"
)

func TestAppendString(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", `""`},
		{"plain", "abc", `"abc"`},
		{"short escapes", "\b\t\n\f\r\"\\", `"\b\t\n\f\r\"\\"`},
		{"other controls in lower case", "\x00\x01\x0b\x1f", `"\u0000\u0001\u000b\u001f"`},
		{"delete is literal", "\x7f", "\"\x7f\""},
		{"HTML is literal", "<>&/'", `"<>&/'"`},
		{"line separators are literal", "\u2028\u2029", "\"\u2028\u2029\""},
		{"other planes are literal", "é😀", `"é😀"`},
		{"escape between runs", "a\nb\nc", `"a\nb\nc"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, "x"+tt.want, string(canon.AppendString([]byte("x"), tt.in)))
		})
	}
	require.True(t, canon.Valid("é"))
	require.False(t, canon.Valid("\xff"))
}

type point struct {
	name string
	x    int64
}

func (p point) append(dst []byte) []byte {
	o := canon.Open(dst)
	o.String("name", p.name)
	o.Int("x", p.x)
	return o.Close()
}

func TestObjectWriter(t *testing.T) {
	t.Parallel()
	o := canon.Open([]byte("> "))
	o.Bool("a", true)
	o.Int("b", math.MinInt64)
	canon.List(o, "c", []point{{"p", 1}, {"q", -2}}, point.append)
	canon.List(o, "d", nil, point.append)
	o.Object("e", point{"r", 0}.append)
	o.String("f g", "<\n>")
	o.Strings("h", []string{"z", "a"})
	require.Equal(t, `> {"a":true,"b":-9223372036854775808,"c":[{"name":"p","x":1},{"name":"q","x":-2}],"d":[],`+
		`"e":{"name":"r","x":0},"f g":"<\n>","h":["z","a"]}`, string(o.Close()))
	require.Equal(t, "{}", string(canon.Open(nil).Close()))
}

func TestObjectWriterRefusesKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, first, second, want string }{
		{"descending", "b", "a", `canon: key "a" written behind "b"; write keys in ascending order`},
		{"equal", "b", "b", `canon: key "b" written behind "b"; write keys in ascending order`},
		{"longer first", "ab", "a", `canon: key "a" written behind "ab"; write keys in ascending order`},
		{"empty", "b", "", `canon: key "" written behind "b"; write keys in ascending order`},
		{"not ASCII", "b", "é", `canon: key "é" holds characters that are not printable ASCII or need an escape`},
		{"quote", "b", `c"`, `canon: key "c\"" holds characters that are not printable ASCII or need an escape`},
		{"control", "b", "c\n", `canon: key "c\n" holds characters that are not printable ASCII or need an escape`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := canon.Open(nil)
			o.Bool(tt.first, true)
			require.PanicsWithValue(t, tt.want, func() { o.Bool(tt.second, true) })
		})
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a\x00b", "\"\\/", "<é\u2028😀>", "\x1f\x7f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !canon.Valid(s) {
			t.Skip("the caller's duty")
		}
		got := canon.AppendString(nil, s)
		var back string
		require.NoError(t, json.Unmarshal(got, &back))
		require.Equal(t, s, back)
		v, err := canon.Parse(got, canon.Limits{})
		require.NoError(t, err)
		require.Equal(t, got, canon.Append(nil, v))
	})
}
