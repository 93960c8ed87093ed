// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSettingsRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 100)
	tests := []struct {
		name  string
		key   string
		value any
		want  string // the message after "setting <key>"
	}{
		{"nil for a scalar", "Bool", nil, `: have nil, want reader.flag; leave the key out to keep the default`},
		{"nil for a struct", "Twin", nil, `: have nil, want a map for reader.twin; leave the key out to keep the default`},
		{"nil for text", "Level", nil, `: have nil, want reader.level in a string; leave the key out to keep the default`},
		{"nil for a function", "Call", nil, `: have nil, want reader.call; leave the key out to keep the default`},
		{"quoted bool", "Bool", "true", `: have string "true", want reader.flag; write it without quotes`},
		{"other bool", "Bool", "yes", `: have string "yes", want reader.flag`},
		{"quoted number", "Float", "1.5", `: have string "1.5", want float64, a number from -1.7976931348623157e+308 to 1.7976931348623157e+308; write it without quotes`},
		{"bad number", "Uintptr", json.Number("five"), `: have json.Number five, want uintptr, a whole number from 0 to 18446744073709551615`},
		{"no number", "Uintptr", math.NaN(), `: have float64 NaN, want uintptr, a whole number from 0 to 18446744073709551615`},
		{"no number for a number", "Number", math.NaN(), `: have float64 NaN, want json.Number`},
		{"fraction", "ByUint", map[string]any{"1": 1.5}, `.1: have float64 1.5, want int, a whole number from -9223372036854775808 to 9223372036854775807`},
		{"number for a string", "Text", 1.10, `: have float64 1.1, want reader.named; write it in quotes`},
		{"json.Number for a string", "Text", json.Number("1"), `: have json.Number 1, want reader.named; write it in quotes`},
		{"long text", "Uintptr", long, `: have string "` + long[:80] + `…", want uintptr, a whole number from 0 to 18446744073709551615`},
		{"text just short enough", "Uintptr", long[:80], `: have string "` + long[:80] + `", want uintptr, a whole number from 0 to 18446744073709551615`},
		{"number for a duration", "Wait", 5, `: have int 5, want time.Duration in a string, such as "5s"; write a number and its unit, such as "5s"`},
		{"bad duration", "Wait", "5", `: have string "5", want time.Duration in a string, such as "5s": time: missing unit in duration "5"; write a number and its unit, such as "5s"`},
		{"json.Number for a duration", "Wait", json.Number("5"), `: have json.Number 5, want time.Duration in a string, such as "5s"; write a number and its unit, such as "5s"`},
		{"number for text", "Level", 1, `: have int 1, want reader.level in a string`},
		{"text refused", "Level", "high", `: have string "high", want reader.level in a string: no such level`},
		{"text panics", "Level", "panic", `: have string "panic", want reader.level in a string: UnmarshalText panicked: out of order`},
		{"text panics with an error", "Level", "error", `: have string "error", want reader.level in a string: UnmarshalText panicked: EOF`},
		{"JSON panics", "Pairs", long, `: have string "` + long[:80] + `…", want reader.pairs: UnmarshalJSON panicked: too long`},
		{"JSON cannot be written", "Pairs", []any{func() {}}, `: have []any of 1, want reader.pairs: json: unsupported type: func()`},
		{"JSON refused", "Slog", 5, `: have int 5, want slog.Level: invalid syntax`},
		{"scalar for a list", "Lists", "a", `: have string "a", want a list for [][]string`},
		{"element for a list", "List", remote{}, `: have reader.remote, want a list for []reader.remote; write it in a list, even if there is only one`},
		{"bad base64", "Bytes", "#", `: have string "#", want base64 or a list of bytes: illegal base64 data at input byte 0`},
		{"long array", "Array", []int{1, 2, 3}, `: have []int of 3, want a list of exactly 2 for [2]int`},
		{"nil list for an array", "Array", []int(nil), `: have []int of 0, want a list of exactly 2 for [2]int`},
		{"in a list", "Codes", []any{1, "2"}, `[1]: have string "2", want reader.number, a whole number from -32768 to 32767; write it without quotes`},
		{"in a list in a list", "Lists", []any{[]any{"a", true}}, `[0][1]: have bool true, want string`},
		{"no implementation", "Reader", 1, `: have int 1, want io.Reader`},
		{"other function", "Call", func() {}, `: have func(), want reader.call`},
		{"list for a map", "Map", []any{}, `: have []any of 0, want a map for map[string]any`},
		{"other struct", "Twin", Place{}, `: have reader.Place, want a map for reader.twin`},
		{"pointer for its target", "Twin", &twin{}, `: have *reader.twin, want a map for reader.twin`},
		{"endless pointers", "Endless", 1, `: have int 1, want reader.endless: a pointer to nothing but pointers cannot be allocated`},
		{"number", "Number", "x", `: have string "x", want json.Number`},
		{"number from bool", "Number", true, `: have bool true, want json.Number`},
		{"option string", "Quoted", "7 8", `: have string "7 8", want *int, as JSON in a string: invalid character '8' after top-level value`},
		{"option string of a string", "QuotedS", "7", `: have json.Number 7, want string; write it in quotes`},
		{"text key refused", "ByLevel", map[string]any{"high": 1}, `.high: have the key string "high", want a key for map[reader.level]int: no such level`},
		{"number for a text key", "ByLevel", map[int]any{5: 1}, `.5: have the key int 5, want a key for map[reader.level]int: keys of this type do not fit`},
		{"key out of range", "ByInt", map[string]any{"128": 1}, `.128: have the key string "128", want a key for map[int8]int: keys are int8, a whole number from -128 to 127`},
		{"number for a string key", "Map", map[int]any{5: 1}, `.5: have the key int 5, want a key for map[string]any: keys of this type do not fit`},
		{"keys of another kind", "ByFloat", map[string]any{"1": 1}, `.1: have the key string "1", want a key for map[float64]int: keys of this type do not fit`},
		{"key that cannot be one", "ByBroken", map[string]any{"a": 1}, `.a: have the key string "a", want a key for map[reader.broken]int: UnmarshalText made a key that cannot be compared`},
		{"two keys of one meaning", "ByInt", map[string]any{"1": 1, "1.0": 2}, `["1.0"]: have the keys "1" and "1.0", which mean the same; leave one of them out`},
		{"nil key", "Map", map[any]any{nil: 1}, `.nil: have the key nil, want a key for map[string]any: keys of this type do not fit`},
		{"number for a field", "Twin", map[int]any{1: 1}, `.1: have an unknown key, int 1, want one of "Note", "URL"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got kinds
			read, err := Settings(&got, map[string]any{tt.key: tt.value})
			require.EqualError(t, err, "setting "+tt.key+tt.want)
			require.Nil(t, read)
			require.Equal(t, kinds{}, got)
		})
	}
}

func TestSettingsKeepsCauses(t *testing.T) {
	t.Parallel()
	var k kinds
	_, err := Settings(&k, map[string]any{"Level": "error"})
	require.ErrorIs(t, err, io.EOF)
}

// TestSettingsNilPanic cannot be parallel: it sets the environment.
func TestSettingsNilPanic(t *testing.T) {
	for _, setting := range []string{"panicnil=0", "panicnil=1"} {
		t.Setenv("GODEBUG", setting)
		var k kinds
		_, err := Settings(&k, map[string]any{"Level": "nil"})
		require.ErrorContains(t, err, "setting Level: ")
		require.ErrorContains(t, err, "UnmarshalText panicked")
	}
}
