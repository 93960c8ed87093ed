// SPDX-License-Identifier: Apache-2.0

package canon_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/canon"
)

func TestParseAnySpelling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in, want string
		kind           canon.Kind
	}{
		{"white space", " \t\r\n{ \"a\" : [ 1 , 2 ] } \n", `{"a":[1,2]}`, canon.Object},
		{"order of keys", `{"b":1,"a":2,"B":3,"":4,"ab":5}`, `{"":4,"B":3,"a":2,"ab":5,"b":1}`, canon.Object},
		{"nested order", `[{"b":{"d":1,"c":2},"a":3}]`, `[{"a":3,"b":{"c":2,"d":1}}]`, canon.Array},
		{"escaped key", `{"\u0061b":true}`, `{"ab":true}`, canon.Object},
		{"key with control", `{"\n":true}`, `{"\n":true}`, canon.Object},
		{"short escapes", `"\"\\\/\b\f\n\r\t"`, `"\"\\/\b\f\n\r\t"`, canon.String},
		{"hexadecimal escapes", `"\u003C\u00e9\u00E9\u001F"`, `"<éé\u001f"`, canon.String},
		{"surrogate pair", `"x\ud83d\uDE00y"`, `"x😀y"`, canon.String},
		{"literal characters around an escape", `"é\né"`, `"é\né"`, canon.String},
		{"replacement character", `"\ufffd` + "\ufffd\"", "\"\ufffd\ufffd\"", canon.String},
		{"empty string", `""`, `""`, canon.String},
		{"zero", `0`, `0`, canon.Integer},
		{"minus zero", `-0`, `0`, canon.Integer},
		{"largest", `9223372036854775807`, `9223372036854775807`, canon.Integer},
		{"smallest", `-9223372036854775808`, `-9223372036854775808`, canon.Integer},
		{"true", `true`, `true`, canon.Bool},
		{"false", `[false]`, `[false]`, canon.Array},
		{"empty containers", `[{},[],{"a":[]}]`, `[{},[],{"a":[]}]`, canon.Array},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := canon.Parse([]byte(tt.in), canon.Limits{})
			require.NoError(t, err)
			require.Equal(t, tt.kind, v.Kind())
			out := canon.Append(nil, v)
			require.Equal(t, tt.want, string(out))
			again, err := canon.Parse(out, canon.Limits{})
			require.NoError(t, err)
			require.Equal(t, out, canon.Append(nil, again))
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 80)
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", ``, `byte 0, $: want a value, found the end of the document`},
		{"only space", "  ", `byte 2, $: want a value, found the end of the document`},
		{"null", `{"a":null}`, `byte 5, $.a: null is not part of canonical JSON; leave the key out`},
		{"float", `[1,{"a b":2.0}]`, `byte 10, $[1]["a b"]: want an integer without fraction, exponent or leading zeros, found "2.0"`},
		{"exponent", `1e3`, `byte 0, $: want an integer without fraction, exponent or leading zeros, found "1e3"`},
		{"leading zero", `01`, `byte 0, $: want an integer without fraction, exponent or leading zeros, found "01"`},
		{"leading zero behind minus", `-01`, `byte 0, $: want an integer without fraction, exponent or leading zeros, found "-01"`},
		{"lone minus", `-`, `byte 0, $: want an integer without fraction, exponent or leading zeros, found "-"`},
		{"two minus", `--1`, `byte 0, $: want an integer without fraction, exponent or leading zeros, found "--1"`},
		{"plus", `+1`, `byte 0, $: want a value, found '+'`},
		{"too large", `9223372036854775808`, `byte 0, $: want an integer from -9223372036854775808 to 9223372036854775807, found "9223372036854775808"`},
		{"duplicate key", `{"x":[{"a":1,"a":2}]}`, `byte 13, $.x[0].a: the object has this key twice`},
		{"duplicate key, escaped", `{"a":1,"\u0061":2}`, `byte 7, $.a: the object has this key twice`},
		{"key outside ASCII", `{"é":1}`, `byte 1, $["é"]: a key must be ASCII`},
		{"long key", `{"` + long + `":null}`, `byte 84, $["` + long[:64] + `…"]: null is not part of canonical JSON; leave the key out`},
		{"empty key", `{"":null}`, `byte 4, $[""]: null is not part of canonical JSON; leave the key out`},
		{"trailing data", `{} {}`, `byte 3, $: want the end of the document`},
		{"trailing comma in an array", `[1,]`, `byte 3, $[1]: want a value, found ']'`},
		{"trailing comma in an object", `{"a":1,}`, `byte 7, $: want a key in double quotes`},
		{"key without quotes", `{"a":{b:1}}`, `byte 6, $.a: want a key in double quotes`},
		{"object ends early", `{"a":1`, `byte 6, $.a: want "," or "}"`},
		{"key missing at the end", `{`, `byte 1, $: want a key in double quotes`},
		{"key does not end", `{"a`, `byte 1, $: a string does not end`},
		{"colon missing", `{"a" 1}`, `byte 5, $.a: want ":" behind a key`},
		{"array ends early", `[1,2`, `byte 4, $[1]: want "," or "]"`},
		{"string ends early", `["a`, `byte 1, $[0]: a string does not end`},
		{"string ends early behind an escape", `"\n`, `byte 0, $: a string does not end`},
		{"string ends in an escape", `"\`, `byte 1, $: a string does not end`},
		{"invalid UTF-8", "[\"a\xff\"]", `byte 3, $[0]: byte 0xff is not valid UTF-8`},
		{"invalid UTF-8 behind an escape", "\"\\n\xc3\"", `byte 3, $: byte 0xc3 is not valid UTF-8`},
		{"invalid UTF-8 outside", "\xff", `byte 0, $: want a value, found the byte 0xff`},
		{"byte order mark", "\ufeff1", `byte 0, $: want a value, found '\ufeff'`},
		{"control character", "\"a\nb\"", `byte 2, $: control character 0x0a in a string; write it as an escape`},
		{"unknown escape", `"\x41"`, `byte 1, $: unknown escape; JSON has \" \\ \/ \b \f \n \r \t and \uXXXX`},
		{"short escape", `"\u12"`, `byte 1, $: unknown escape; JSON has \" \\ \/ \b \f \n \r \t and \uXXXX`},
		{"bad escape", `"\u12g4"`, `byte 1, $: escape \u wants four hexadecimal digits, found "12g4"`},
		{"signed escape", `"\u+123"`, `byte 1, $: escape \u wants four hexadecimal digits, found "+123"`},
		{"lone high surrogate", `"a\ud800"`, `byte 2, $: surrogate \ud800 has no partner`},
		{"lone low surrogate", `"\udc00\ud800"`, `byte 1, $: surrogate \udc00 has no partner`},
		{"high surrogate before another escape", `"\ud800\u0041"`, `byte 1, $: surrogate \ud800 has no partner`},
		{"high surrogate before a bad escape", `"\ud800\q"`, `byte 1, $: surrogate \ud800 has no partner`},
		{"capital word", `True`, `byte 0, $: want a value, found 'T'`},
		{"cut word", `tru`, `byte 0, $: want a value, found 't'`},
		{"long word", `truer`, `byte 4, $: want the end of the document`},
		{"comment", `/**/1`, `byte 0, $: want a value, found '/'`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := canon.Parse([]byte(tt.in), canon.Limits{})
			require.EqualError(t, err, tt.want)
			require.Equal(t, canon.Invalid, v.Kind())
		})
	}
}

func TestParseManyKeys(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 15, 16, 17, 18, 40} {
		var b strings.Builder
		for i := range n {
			b.WriteString(`"k` + strings.Repeat("x", i) + `":0,`)
		}
		members := b.String()
		v, err := canon.Parse([]byte("{"+strings.TrimSuffix(members, ",")+"}"), canon.Limits{})
		require.NoError(t, err)
		require.Equal(t, "{"+strings.TrimSuffix(members, ",")+"}", string(canon.Append(nil, v)))
		for i := range n {
			_, err := canon.Parse([]byte("{"+members+`"k`+strings.Repeat("x", i)+`":1}`), canon.Limits{})
			require.ErrorContains(t, err, "twice", "key %d of %d", i, n)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, tt := range []struct {
		name, in string
		lim      canon.Limits
		want     error
		at       canon.Error
	}{
		{"bytes, just", `[1,2]`, canon.Limits{Bytes: 5}, nil, canon.Error{}},
		{"bytes", `[1,2] `, canon.Limits{Bytes: 5}, canon.ErrBytes, canon.Error{Offset: 5, Path: "$"}},
		{"depth, just", nested(3), canon.Limits{Depth: 3}, nil, canon.Error{}},
		{"depth", nested(4), canon.Limits{Depth: 3}, canon.ErrDepth, canon.Error{Offset: 3, Path: "$[0][0][0]"}},
		{"depth of objects", `{"a":{"b":[1,{}]}}`, canon.Limits{Depth: 3}, canon.ErrDepth, canon.Error{Offset: 13, Path: "$.a.b[1]"}},
		{"depth is one of nesting", `[[],[],[[]]]`, canon.Limits{Depth: 3}, nil, canon.Error{}},
		{"depth by default", nested(65), canon.Limits{}, canon.ErrDepth, canon.Error{Offset: 64, Path: "$" + strings.Repeat("[0]", 64)}},
		{"depth by default, just", nested(64), canon.Limits{Depth: -1}, nil, canon.Error{}},
		{"depth at most", nested(10_000), canon.Limits{Depth: math.MaxInt32}, nil, canon.Error{}},
		{"depth above", nested(10_001), canon.Limits{Depth: math.MaxInt32}, canon.ErrDepth, canon.Error{Offset: 10_000, Path: "$" + strings.Repeat("[0]", 10_000)}},
		{"values, just", `{"a":[1,true],"b":""}`, canon.Limits{Values: 5}, nil, canon.Error{}},
		{"values", `{"a":[1,true],"b":""}`, canon.Limits{Values: 4}, canon.ErrValues, canon.Error{Offset: 18, Path: "$.b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := canon.Parse([]byte(tt.in), tt.lim)
			require.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				return
			}
			var at *canon.Error
			require.True(t, errors.As(err, &at))
			require.Equal(t, tt.at.Offset, at.Offset)
			require.Equal(t, tt.at.Path, at.Path)
		})
	}
}

func TestValueWithoutContent(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "canon: Append of a Value that holds nothing; use one that Parse returned", func() {
		canon.Append(nil, canon.Value{})
	})
	require.Equal(t, "no value", canon.Value{}.Kind().String())
	require.Equal(t, "kind 9", canon.Kind(9).String())
}

func TestParseCopies(t *testing.T) {
	t.Parallel()
	data := []byte(`["abc"]`)
	v, err := canon.Parse(data, canon.Limits{})
	require.NoError(t, err)
	clear(data)
	require.Equal(t, `["abc"]`, string(canon.Append(nil, v)))
}
