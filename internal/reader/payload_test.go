// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package reader

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// read reads text as a T.
func read[T any](t *testing.T, o Options, text string) (T, []Adjustment, error) {
	t.Helper()
	var v T
	adjustments, err := mustPlan[T](t, o).Read([]byte(text), reflect.ValueOf(&v).Elem())
	return v, adjustments, err
}

// values is kinds without what JSON cannot carry.
type values struct {
	Bool    flag
	Text    named
	Ratio   ratio
	Float   float64
	Level   level
	ByLevel map[level]int
	ByInt   map[int8]int
	ByUint  map[uint8]int
	ByText  map[named]*number
	ByAddr  map[netip.Addr]int
	IP      net.IP
	Addr    *netip.Addr
	Big     big.Int
	BigPtr  *big.Int
	Pairs   pairs
	Ptr     *pairs
	Raw     json.RawMessage
	Wait    time.Duration
	At      time.Time
	Bytes   []byte
	Codes   []number
	Small   [2]uint8
	Array   [2]int
	Any     any
	Reader  fmt.Stringer
	Endless endless
	Twin    twin
	Pointer **int
	Number  json.Number
	Quoted  *int          `json:",string"`
	QuotedS string        `json:",string"`
	QuotedD time.Duration `json:",string"`
	QuotedB bool          `json:",string"`
	QuotedN json.Number   `json:",string"`
	Lists   [][]string
	Map     map[string]any
	Struct  remote
	List    []remote
	U64     uint64
	I64     int64
	Self    *values
}

// TestReadAgreesWithJSON has encoding/json as its oracle.
func TestReadAgreesWithJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, ` { } `, `null`, "\t{\"Bool\"\r:\n true , \"Text\":\"\"}", `{"Text":"a\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00\u0000"}`,
		`{"Ratio":1.5e3,"Float":-0}`, `{"Float":1e-300,"Ratio":0.1}`, `{"Level":"low","ByLevel":{"low":1},"ByInt":{"-5":1,"5":2},"ByUint":{"255":0}}`,
		`{"ByText":{"a":null,"b":-3},"ByAddr":{"::1":1},"IP":"1.2.3.4","Addr":"::1"}`, `{"IP":null,"Addr":null,"BigPtr":null,"Ptr":null,"Pointer":null}`,
		`{"Big":123456789012345678901234567890,"BigPtr":-1,"Pairs":{"a": 1},"Ptr":[ ]}`, `{"Pairs":null,"Raw":null}`, `{"Raw": [1, {"a":"\u003c"}]}`,
		`{"Wait":1500000000,"At":"2024-01-02T03:04:05.6Z"}`, `{"At":null}`, `{"Bytes":"AQI=","Codes":[1,-2],"Small":[1,255],"Array":[3,4]}`, `{"Bytes":"","Codes":[]}`,
		`{"Bytes":[1,2],"Codes":null}`, `{"Bytes":null}`, `{"Any":{"a":[1,"b",null,true,false,{}],"c":1.5e2}}`, `{"Any":null,"Reader":null,"Endless":null}`,
		`{"Any":[]}`, `{"Any":"x"}`, `{"Any":-1}`, `{"Twin":{"URL":"a","Note":"b"},"Pointer":7}`, `{"Number":1.50}`, `{"Number":"1e2"}`,
		`{"Quoted":"7","QuotedS":"\"x\"","QuotedD":"5","QuotedB":"true","QuotedN":"1.5"}`, `{"Quoted":"null"}`, `{"Quoted":null,"QuotedS":"\"a\\n\\u00e9\""}`,
		`{"Lists":[["a"],null,[]],"Map":{},"Struct":{"url":"u"},"List":[{},{"note":"n"},{},{},{"url":"z"}]}`, `{"Map":null,"List":null,"Lists":null}`,
		`{"U64":18446744073709551615,"I64":-9223372036854775808}`, `{"U64":0,"I64":-0}`, `{"Self":{"Self":{"Text":"deep"}}}`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var want values
			require.NoError(t, json.Unmarshal([]byte(text), &want))
			if text == `null` {
				_, _, err := read[values](t, Options{}, text)
				require.EqualError(t, err, `payload: have null, want an object for reader.values; write a value`)
				return
			}
			got, adjustments, err := read[values](t, Options{Closed: true}, text)
			require.NoError(t, err)
			require.Empty(t, adjustments)
			require.Equal(t, want, got)
		})
	}
}

func TestReadRoots(t *testing.T) {
	t.Parallel()
	p, _, err := read[*int](t, Options{}, `null`)
	require.NoError(t, err)
	require.Nil(t, p)
	p, _, err = read[*int](t, Options{}, ` 5.0e0 `)
	require.NoError(t, err)
	require.Equal(t, 5, *p)
	m, _, err := read[map[string][]int8](t, Options{}, `{"a":[1],"b":null}`)
	require.NoError(t, err)
	require.Equal(t, map[string][]int8{"a": {1}, "b": nil}, m)
	v, _, err := read[any](t, Options{}, `[null]`)
	require.NoError(t, err)
	require.Equal(t, []any{nil}, v)
	whole, _, err := read[[]uint64](t, Options{}, `[5e3,5.0,1.5e1,18446744073709551615.0,0e9,-0.0]`)
	require.NoError(t, err)
	require.Equal(t, []uint64{5000, 5, 15, 18446744073709551615, 0, 0}, whole)
}

// TestQuotedTypesThatReadThemselves: the option string is of no effect for them, since their methods write no quotes.
func TestQuotedTypesThatReadThemselves(t *testing.T) {
	t.Parallel()
	type options struct {
		Level level      `json:",string"`
		Slog  slog.Level `json:",string"`
		Odd   *oddByte   `json:",string"`
	}
	got, _, err := read[options](t, Options{}, `{"Level":"low","Slog":"WARN","Odd":"5"}`)
	require.NoError(t, err)
	five := oddByte(5)
	require.Equal(t, options{1, slog.LevelWarn, &five}, got)
	text, err := write(t, got)
	require.NoError(t, err)
	require.Equal(t, `{"Level":"1","Slog":"WARN","Odd":"odd"}`, text)
	require.Equal(t, oracle(t, got), text)
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const i8 = "reader.number, a whole number from -32768 to 32767"
	tests := []struct {
		text string // of the value
		key  string
		want string // behind "field <key>"
	}{
		{`null`, "Bool", `: have null, want reader.flag; leave the key out`},
		{`null`, "Twin", `: have null, want an object for reader.twin; leave the key out`},
		{`null`, "Level", `: have null, want reader.level in a string; leave the key out`},
		{`null`, "Array", `: have null, want a list of exactly 2 for [2]int; leave the key out`},
		{`"true"`, "Bool", `: have string "true", want reader.flag; write it without quotes`},
		{`1`, "Text", `: have number 1, want reader.named; write it in quotes`},
		{`"1"`, "U64", `: have string "1", want uint64, a whole number from 0 to 18446744073709551615; write it without quotes`},
		{`-1`, "U64", `: have number -1, want uint64, a whole number from 0 to 18446744073709551615`},
		{`18446744073709551616`, "U64", `: have number 18446744073709551616, want uint64, a whole number from 0 to 18446744073709551615`},
		{`9223372036854775808`, "I64", `: have number 9223372036854775808, want int64, a whole number from -9223372036854775808 to 9223372036854775807`},
		{`1.5`, "I64", `: have number 1.5, want int64, a whole number from -9223372036854775808 to 9223372036854775807`},
		{`"5s"`, "Wait", `: have string "5s", want time.Duration, a whole number from -9223372036854775808 to 9223372036854775807; write nanoseconds`},
		{`1e39`, "Ratio", `: have number 1e39, want reader.ratio, a number from -3.4028235e+38 to 3.4028235e+38`},
		{`1e999`, "Float", `: have number 1e999, want float64, a number from -1.7976931348623157e+308 to 1.7976931348623157e+308`},
		{`[1e999]`, "Any", `[0]: have number 1e999, want float64, a number from -1.7976931348623157e+308 to 1.7976931348623157e+308`},
		{`[1,40000,"2",2.5]`, "Codes", `[1]: have number 40000, want ` + i8 + "\nfield Codes[2]: have string \"2\", want " + i8 + "; write it without quotes\nfield Codes[3]: have number 2.5, want " + i8},
		{`[1]`, "Array", `: have a list of 1, want a list of exactly 2 for [2]int`},
		{`[1,2,{"a":3}]`, "Array", `: have a list of 3, want a list of exactly 2 for [2]int`},
		{`{"a":[}`, "Array", ""},
		{`{"a":1}`, "Array", `: have an object, want a list of exactly 2 for [2]int`},
		{`{"a":1}`, "Codes", `: have an object, want a list for []reader.number`},
		{`[true,{}]`, "Map", `: have a list, want an object for map[string]any`},
		{`true`, "Struct", `: have bool true, want an object for reader.remote`},
		{`false`, "Lists", `: have bool false, want a list for [][]string`},
		{`"#"`, "Bytes", `: have string "#", want base64 or a list of bytes: illegal base64 data at input byte 0`},
		{`[256]`, "Bytes", `[0]: have number 256, want uint8, a whole number from 0 to 255`},
		{`"\ud800"`, "Text", `: have a string with half a surrogate pair, want valid Unicode`},
		{`"\ud800\u0041"`, "Text", `: have a string with half a surrogate pair, want valid Unicode`},
		{`"\udc00\ud800"`, "Text", `: have a string with half a surrogate pair, want valid Unicode`},
		{"\"\xff\"", "Text", `: have a string that is not valid UTF-8, want valid Unicode`},
		{"\"\xed\xa0\x80\"", "Text", `: have a string that is not valid UTF-8, want valid Unicode`},
		{"[\"\xff\"]", "Any", `[0]: have a string that is not valid UTF-8, want valid Unicode`},
		{"{\"\xff\":1}", "Any", ".\ufffd: have a string that is not valid UTF-8, want valid Unicode"},
		{"{\"\xff\":1}", "Map", ".\ufffd: have a string that is not valid UTF-8, want valid Unicode"},
		{"{\"\xff\":1}", "Struct", ".\ufffd: have a string that is not valid UTF-8, want valid Unicode"},
		{"{\"a\":{\"b\":[\"\xff\"]}}", "Raw", `.a.b[0]: have a string that is not valid UTF-8, want valid Unicode`},
		{`{"a":{"b":1,"b":2}}`, "Raw", `.a.b: have the key "b" again; leave one of them out`},
		{`{"a":1,"\u0061":2}`, "Raw", `.a: have the key "a" again; leave one of them out`},
		{`{"a":1,"\u0061":2}`, "Any", `.a: have the key "a" again; leave one of them out`},
		{`{"a":1,"a":2}`, "Map", `.a: have the key "a" again, or one that means the same; leave one of them out`},
		{`{"1":1,"1.0":2}`, "ByInt", `["1.0"]: have the key "1.0" again, or one that means the same; leave one of them out`},
		{`{"128":1}`, "ByInt", `.128: have the key "128", want a key for map[int8]int: keys are int8, a whole number from -128 to 127`},
		{`{"high":"x"}`, "ByLevel", ".high: have the key \"high\", want a key for map[reader.level]int: no such level\n" +
			`field ByLevel.high: have string "x", want int, a whole number from -9223372036854775808 to 9223372036854775807`},
		{`{"URL":"a","URL":"b"}`, "Twin", `.URL: have the key "URL" again; leave one of them out`},
		{`{"url":"a"}`, "Twin", `.url: have an unknown key, want one of "Note", "URL"; did you mean "URL"?`},
		{`{"x":{"a":1,"a":2}}`, "Twin", ".x: have an unknown key, want one of \"Note\", \"URL\"\n" + `field Twin.x.a: have the key "a" again; leave one of them out`},
		{`1`, "Reader", `: have number 1, want fmt.Stringer: JSON cannot say which implementation of fmt.Stringer to make; use a type of its own or any`},
		{`1`, "Endless", `: have number 1, want reader.endless: a pointer to nothing but pointers cannot be allocated`},
		{`1`, "Level", `: have number 1, want reader.level in a string`},
		{`"high"`, "Level", `: have string "high", want reader.level in a string: no such level`},
		{`"panic"`, "Level", `: have string "panic", want reader.level in a string: UnmarshalText panicked: out of order`},
		{"\"\xff\"", "Level", `: have a string that is not valid UTF-8, want valid Unicode`},
		{`"` + strings.Repeat("x", 60) + `"`, "Pairs", `: have "` + strings.Repeat("x", 39) + `…, want reader.pairs: UnmarshalJSON panicked: too long`},
		{`[` + strings.Repeat("1,", 60) + `1]`, "Ptr", `: have a list, want reader.pairs: UnmarshalJSON panicked: too long`},
		{`{"a":"` + strings.Repeat("x", 60) + `"}`, "Ptr", `: have an object, want reader.pairs: UnmarshalJSON panicked: too long`},
		{`"x"`, "Number", `: have string "x", want json.Number`},
		{`true`, "Number", `: have bool true, want json.Number`},
		{`7`, "Quoted", `: have a value without quotes, want *int, as JSON in a string; write it in quotes`},
		{`[{"a":1,"a":2}]`, "Quoted", ": have a value without quotes, want *int, as JSON in a string; write it in quotes\n" +
			`field Quoted[0].a: have the key "a" again; leave one of them out`},
		{`" 7"`, "Quoted", `: have string " 7", want *int, as JSON in a string`},
		{`"7 8"`, "Quoted", `: have string "7 8", want *int, as JSON in a string`},
		{`""`, "Quoted", `: have string "", want *int, as JSON in a string`},
		{`"true"`, "Quoted", `: have bool true, want int, a whole number from -9223372036854775808 to 9223372036854775807`},
		{`"7"`, "QuotedS", `: have number 7, want string; write it in quotes`},
		{`"null"`, "QuotedB", `: have null, want bool; leave the key out`},
	}
	for _, tt := range tests {
		t.Run(tt.key+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			got := values{Text: "kept"}
			text := fmt.Sprintf(`{"Text":"new",%q:%s}`, tt.key, tt.text)
			if tt.key == "Text" {
				text = fmt.Sprintf(`{"Text":%s}`, tt.text)
			}
			adjustments, err := mustPlan[values](t, Options{Closed: true}).Read([]byte(text), reflect.ValueOf(&got).Elem())
			switch {
			case tt.want == "":
				require.ErrorContains(t, err, "which is no JSON")
			default:
				require.EqualError(t, err, "field "+tt.key+tt.want)
			}
			require.Nil(t, adjustments)
			require.Equal(t, values{Text: "kept"}, got)
		})
	}
}

func TestReadSyntax(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{``, `payload: have the end at byte 0, which is no JSON, want a value`},
		{`  `, `payload: have the end at byte 2, which is no JSON, want a value`},
		{`{`, `payload: have the end at byte 1, which is no JSON, want a key in quotes`},
		{`{"Text"`, `payload: have the end at byte 7, which is no JSON, want a colon`},
		{`{"Text":`, `field Text: have the end at byte 8, which is no JSON, want a value`},
		{`{"Text":"a`, `field Text: have the end at byte 10, which is no JSON, want the end of a string`},
		{`{"Text":"a"`, `payload: have the end at byte 11, which is no JSON, want a comma or }`},
		{`{"Text":"a",}`, `payload: have '}' at byte 12, which is no JSON, want a key in quotes`},
		{`{"Text":"a"}}`, `payload: have '}' at byte 12, which is no JSON, want nothing behind the value`},
		{`{} x`, `payload: have 'x' at byte 3, which is no JSON, want nothing behind the value`},
		{"{}\x00", `payload: have '\x00' at byte 2, which is no JSON, want nothing behind the value`},
		{"\ufeff{}", `payload: have '\ufeff' at byte 0, which is no JSON, want a value`},
		{`{Text:1}`, `payload: have 'T' at byte 1, which is no JSON, want a key in quotes`},
		{`{"Text" 1}`, `payload: have '1' at byte 8, which is no JSON, want a colon`},
		{"{\"Text\":\"\n\"}", `field Text: have '\n' at byte 9, which is no JSON, want a string without control characters`},
		{`{"Text":"\x"}`, `field Text: have 'x' at byte 10, which is no JSON, want one of "\/bfnrtu behind a backslash`},
		{`{"Text":"\`, `field Text: have the end at byte 10, which is no JSON, want one of "\/bfnrtu behind a backslash`},
		{`{"Text":"\u12g4"}`, `field Text: have 'u' at byte 10, which is no JSON, want four hexadecimal digits behind \u`},
		{`{"Text":"\u12`, `field Text: have 'u' at byte 10, which is no JSON, want four hexadecimal digits behind \u`},
		{`{"Codes":[1,]}`, `field Codes[1]: have ']' at byte 12, which is no JSON, want a value`},
		{`{"Codes":[1 2]}`, `field Codes: have '2' at byte 12, which is no JSON, want a comma or ]`},
		{`{"Codes":[01]}`, `field Codes: have '1' at byte 11, which is no JSON, want a comma or ]`},
		{`{"Codes":[-]}`, `field Codes[0]: have ']' at byte 11, which is no JSON, want a digit`},
		{`{"Float":1.}`, `field Float: have '}' at byte 11, which is no JSON, want a digit`},
		{`{"Float":1e+}`, `field Float: have '}' at byte 12, which is no JSON, want a digit`},
		{`{"Float":+1}`, `field Float: have '+' at byte 9, which is no JSON, want a value`},
		{`{"Float":.5}`, `field Float: have '.' at byte 9, which is no JSON, want a value`},
		{`{"Float":NaN}`, `field Float: have 'N' at byte 9, which is no JSON, want a value`},
		{`{"Bool":tru}`, `field Bool: have 't' at byte 8, which is no JSON, want a value`},
		{`{"Bool":falsy}`, `field Bool: have 'f' at byte 8, which is no JSON, want a value`},
		{`{"Bool":nil}`, `field Bool: have 'n' at byte 8, which is no JSON, want a value`},
		{`{"Bool":[tru]}`, `field Bool[0]: have 't' at byte 9, which is no JSON, want a value`},
		{`{"Bool":"\x"}`, `field Bool: have 'x' at byte 10, which is no JSON, want one of "\/bfnrtu behind a backslash`},
		{`{"Bool":x}`, `field Bool: have 'x' at byte 8, which is no JSON, want a value`},
		{`{"Raw":{"a":[1,{"b":}]}}`, `field Raw.a[1].b: have '}' at byte 20, which is no JSON, want a value`},
		{`{"Raw":{"a" 1}}`, `field Raw: have '1' at byte 12, which is no JSON, want a colon`},
		{`{"Map":{"a":1,5}}`, `field Map: have '5' at byte 14, which is no JSON, want a key in quotes`},
		{`{"Any":{"a":1 5}}`, `field Any: have '5' at byte 14, which is no JSON, want a comma or }`},
		{`{"Any":[1 5]}`, `field Any: have '5' at byte 10, which is no JSON, want a comma or ]`},
		{`{"Any":{5}}`, `field Any: have '5' at byte 8, which is no JSON, want a key in quotes`},
		{`{"Number":"`, `field Number: have the end at byte 11, which is no JSON, want the end of a string`},
		{`{"Quoted":"`, `field Quoted: have the end at byte 11, which is no JSON, want the end of a string`},
		{`{"Quoted":5`, `payload: have the end at byte 11, which is no JSON, want a comma or }`},
		{`{"Level":"`, `field Level: have the end at byte 10, which is no JSON, want the end of a string`},
		{`{"Bytes":"`, `field Bytes: have the end at byte 10, which is no JSON, want the end of a string`},
		{`{"ByInt":{"1`, `field ByInt: have the end at byte 12, which is no JSON, want the end of a string`},
		{`{"x":tru}`, `field x: have 't' at byte 5, which is no JSON, want a value`},
		{`{"Text":"a","Text":tru}`, `field Text: have 't' at byte 19, which is no JSON, want a value`},
		{`{"Array":[1,2,tru]}`, `field Array[2]: have 't' at byte 14, which is no JSON, want a value`},
		{`{"U64":-1,"Bool":5,"x"`, `payload: have the end at byte 22, which is no JSON, want a colon`},
		{"{\"Text\":\xff}", `field Text: have the byte 0xff at byte 8, which is no JSON, want a value`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			require.False(t, json.Valid([]byte(tt.text)))
			got := values{Text: "kept"}
			_, err := mustPlan[values](t, Options{}).Read([]byte(tt.text), reflect.ValueOf(&got).Elem())
			_, ok := errors.AsType[*Error](err)
			require.True(t, ok)
			require.EqualError(t, err, tt.want)
			require.Equal(t, values{Text: "kept"}, got)
		})
	}
}

func TestReadBounds(t *testing.T) {
	t.Parallel()
	deep := func(levels int) string {
		return `{"Any":` + strings.Repeat(`[`, levels-1) + strings.Repeat(`]`, levels-1) + `}`
	}
	_, _, err := read[values](t, Options{}, deep(100))
	require.NoError(t, err)
	for _, key := range []string{"Any", "Raw", "unknown"} {
		_, _, err = read[values](t, Options{}, strings.Replace(deep(101), "Any", key, 1))
		require.EqualError(t, err, "field "+key+"[0][0][0][0][0][0][0]: have values nested more than 100 deep, want at most 100 levels")
	}
	many := func(values int) string { return `{"Any":[` + strings.Repeat(`0,`, values-3) + `0]}` }
	_, _, err = read[values](t, Options{}, strings.Replace(many(1_000_000), "Any", "Raw", 1))
	require.NoError(t, err)
	_, _, err = read[values](t, Options{}, strings.Replace(many(1_000_001), "Any", "Raw", 1))
	require.EqualError(t, err, "field Raw[999998]: have more than 1,000,000 values, want at most 1,000,000")
	text, _, err := read[int](t, Options{}, "5"+strings.Repeat(" ", 16<<20-1))
	require.NoError(t, err)
	require.Equal(t, 5, text)
	_, _, err = read[int](t, Options{}, "5"+strings.Repeat(" ", 16<<20))
	require.EqualError(t, err, "payload: have 16777217 bytes, want at most 16 MiB")
}

func TestReadDestination(t *testing.T) {
	t.Parallel()
	plan := mustPlan[int](t, Options{})
	for _, v := range []reflect.Value{{}, reflect.ValueOf(5), reflect.ValueOf(new(string)).Elem()} {
		_, err := plan.Read([]byte("5"), v)
		require.ErrorContains(t, err, "payload: have a destination that is ")
		require.ErrorContains(t, err, "want one that can be set, of type int")
	}
}

func TestReadStartsFromZero(t *testing.T) {
	t.Parallel()
	got := values{Text: "old", Map: map[string]any{"a": "b"}, U64: 5}
	_, err := mustPlan[values](t, Options{}).Read([]byte(`{"Text":"new","Twin":{"URL":"a"}}`), reflect.ValueOf(&got).Elem())
	require.NoError(t, err)
	require.Equal(t, values{Text: "new", Twin: twin{URL: "a"}}, got)
}

// TestManyKeys has objects with more keys than are compared one by one.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&b, `,"k%d":{"a":%d}`, i, i)
	}
	for _, key := range []string{`"Raw"`, `"Any"`, `"Map"`} {
		object := func(more string) string { return `{` + key + `:{"k":1` + b.String() + more + `}}` }
		_, _, err := read[values](t, Options{}, object(""))
		require.NoError(t, err)
		_, _, err = read[values](t, Options{}, object(`,"k99":1`))
		require.ErrorContains(t, err, "field "+strings.Trim(key, `"`)+`.k99: have the key "k99" again`)
	}
	_, adjustments, err := read[values](t, Options{}, `{"x":1`+b.String()+`}`)
	require.NoError(t, err)
	require.Len(t, adjustments, 101)
	_, _, err = read[values](t, Options{}, `{"x":1`+b.String()+`,"k7":1,"x":2}`)
	require.EqualError(t, err, "field k7: have the key \"k7\" again; leave one of them out\nfield x: have the key \"x\" again; leave one of them out")
}
