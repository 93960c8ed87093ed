// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package reader

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func write[T any](t *testing.T, v T) (string, error) {
	t.Helper()
	text, err := mustPlan[T](t, Options{}).Append([]byte("kept "), reflect.ValueOf(v))
	require.True(t, bytes.HasPrefix(text, []byte("kept ")))
	if err != nil {
		require.Equal(t, "kept ", string(text))
	}
	return strings.TrimPrefix(string(text), "kept "), err
}

// oracle is what encoding/json writes, without escapes for HTML.
func oracle(t require.TestingT, v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(v))
	return strings.TrimSuffix(b.String(), "\n")
}

type (
	Deep  struct{ Level, Only int }
	Upper struct {
		Deep
		Level string `json:"level"`
	}
	private struct{ Promoted int }
	written struct {
		Upper
		*Stamp
		private
		Level    bool
		Small    float32                    `json:"small"`
		Big      float64                    `json:"a b/é%"`
		Quoted   *float64                   `json:",string"`
		Text     string                     `json:",string,omitempty"`
		Wait     time.Duration              `json:",omitempty"`
		At       time.Time                  `json:",omitzero"`
		Never    *time.Time                 `json:",omitzero"`
		Zeroer   oddZero                    `json:",omitzero"`
		Iface    interface{ IsZero() bool } `json:",omitzero"`
		AnyZero  any                        `json:",omitzero"`
		Struct   struct{ A int }            `json:",omitempty"`
		Gone     struct{ A int }            `json:",omitzero"`
		List     []any                      `json:",omitempty"`
		Empty    []int
		Array    [2]bool `json:",omitempty"`
		None     [0]int  `json:",omitempty"`
		Bytes    []byte
		Odd      []oddByte
		ByInt    map[int]string
		ByAddr   map[netip.Addr]bool
		ByPtr    map[*keyOut]int
		ByNamed  map[named]*private `json:",omitempty"`
		Pointer  **int
		Any      any
		Raw      json.RawMessage
		Number   json.Number
		NumberQ  json.Number `json:",string"`
		Self     *written
		Addr     netip.Addr
		Stringer *oddPointer
		Dash     int `json:"-,"`
		Skipped  int `json:"-"`
	}
	oddByte    byte
	oddZero    int
	oddPointer struct{ v string }
)

func (oddByte) MarshalText() ([]byte, error) { return []byte("odd"), nil }
func (z oddZero) IsZero() bool               { return z == 7 }
func (p *oddPointer) MarshalJSON() ([]byte, error) {
	return []byte(` { "v" : "` + p.v + `\" " } `), nil
}

func TestAppendAgreesWithJSON(t *testing.T) {
	t.Parallel()
	seven, half := 7, 0.5
	pointer := &seven
	now := time.Date(2024, 1, 2, 3, 4, 5, 6, time.UTC)
	full := written{
		Upper: Upper{Deep{1, 2}, "l"}, Stamp: &Stamp{By: "me"}, private: private{3}, Level: true, Small: 1.1e-7, Big: -1.5e21, Quoted: &half,
		Text: "a\"<>&\\\b\f\n\r\t\x01\x7fé\U0001f600\ufffd", Wait: time.Second, At: now, Never: &now, Zeroer: 1, AnyZero: 1,
		Struct: struct{ A int }{1}, Gone: struct{ A int }{1}, List: []any{nil, 1, "x", map[string]any{"b": 1.5, "a": []int{1}}, remote{"u", ""}, &seven, uint8(3)},
		Empty: []int{}, Array: [2]bool{true, false}, Bytes: []byte{1, 2, 255}, Odd: []oddByte{1}, ByInt: map[int]string{10: "a", 9: "b", -1: ""},
		ByAddr: map[netip.Addr]bool{netip.MustParseAddr("::1"): true}, ByPtr: map[*keyOut]int{{}: 1}, ByNamed: map[named]*private{"z": nil, "a": {1}},
		Pointer: &pointer, Any: json.Number("1e5"), Raw: json.RawMessage(" {\"a\" : [ 1 , \"\\\" x\" ] }"), Number: "1.50", NumberQ: "2",
		Self: &written{Stamp: &Stamp{On: true}, Number: "0"}, Addr: netip.MustParseAddr("1.2.3.4"), Stringer: &oddPointer{"<"}, Dash: 1, Skipped: 1,
	}
	for name, v := range map[string]written{"zero": {}, "full": full, "zero by its own word": {Zeroer: 7, AnyZero: 0, Iface: (*time.Time)(nil), Never: &time.Time{}}} {
		got, err := write(t, v)
		require.NoError(t, err, name)
		require.Equal(t, oracle(t, v), got, name)
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 1, 0.1, 1e-6, 9.9e-7, 1e20, 1e21, -1e-9, 1e-10, 123456.789, math.MaxFloat64, math.SmallestNonzeroFloat64, 1e100} {
		got, err := write(t, []any{f, float32(f)}[:1])
		require.NoError(t, err)
		require.Equal(t, oracle(t, []any{f}), got)
		if f < math.MaxFloat32 {
			small, err := write(t, float32(f))
			require.NoError(t, err)
			require.Equal(t, oracle(t, float32(f)), small)
		}
	}
}

func TestAppendCallsPointerMethods(t *testing.T) {
	t.Parallel()
	type holder struct {
		V   oddPointer
		M   map[string]oddPointer
		Any any
	}
	v := holder{oddPointer{"a"}, map[string]oddPointer{"k": {"b"}}, oddPointer{"c"}}
	got, err := write(t, v)
	require.NoError(t, err)
	require.Equal(t, `{"V":{"v":"a\" "},"M":{"k":{"v":"b\" "}},"Any":{"v":"c\" "}}`, got)
}

type defaulted struct {
	Count int             `json:"count,omitempty" plugreg:"default=5"`
	On    bool            `json:"on,omitzero" plugreg:"default=true"`
	Name  string          `json:"name,omitempty" plugreg:"required"`
	Limit *int            `json:"limit,omitempty" plugreg:"default=9"`
	Terms deepDefault     `json:"terms,omitzero"`
	Free  struct{ A int } `json:"free,omitzero"`
	List  []deepDefault   `json:"list,omitempty"`
}

type deepDefault struct {
	Inner struct {
		Days int `json:"days,omitempty" plugreg:"default=30"`
	} `json:"inner,omitzero"`
}

// TestAppendWritesWhatReadWouldFill: an explicit zero must not come back as the default.
func TestAppendWritesWhatReadWouldFill(t *testing.T) {
	t.Parallel()
	got, err := write(t, defaulted{})
	require.NoError(t, err)
	require.Equal(t, `{"count":0,"on":false,"name":"","limit":null,"terms":{"inner":{"days":0}}}`, got)
	back, adjustments, err := read[defaulted](t, Options{Closed: true}, got)
	require.NoError(t, err)
	require.Empty(t, adjustments)
	require.Equal(t, defaulted{}, back)
}

type (
	cyclic struct {
		Next *cyclic
		Any  any
		Map  map[string]*cyclic
		List []cyclic
	}
	failing struct{ how string }
	badText string
	badZero int
)

func (f failing) MarshalJSON() ([]byte, error) {
	switch f.how {
	case "panic":
		panic("out of order")
	case "error":
		return nil, errors.New("refused")
	}
	return []byte(f.how), nil
}
func (f failing) UnmarshalJSON([]byte) error { return nil }

func (b badText) MarshalText() ([]byte, error) { return []byte(b), nil }
func (badZero) IsZero() bool                   { panic("no opinion") }

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	type all struct {
		Text   string
		Quoted string `json:",string"`
		Any    any
		Map    map[string]int
		Keys   map[badText2]int
		Float  float32
		Own    []failing
		ByText badText
		Number json.Number
		Iface  interface{ Error() string }
		End    endless
		Cycle  cyclic
		Zero   badZero `json:",omitzero"`
	}
	loop := &cyclic{}
	loop.Next = loop
	anyLoop := any(nil)
	anyLoop = &anyLoop
	mapLoop := map[string]any{}
	mapLoop["a"] = mapLoop
	deep := any(nil)
	for range 100 {
		deep = []any{deep}
	}
	end := endless(nil)
	end = &end
	const unicode = "have a string that is not valid UTF-8, want valid Unicode; use []byte for bytes"
	tests := []struct {
		name string
		v    all
		want string
	}{
		{"string", all{Text: "a\xff"}, `field Text: ` + unicode},
		{"quoted", all{Quoted: "\xff"}, `field Quoted: ` + unicode},
		{"in an interface", all{Any: []any{map[string]string{"a": "\xff"}}}, `field Any[0].a: ` + unicode},
		{"key", all{Map: map[string]int{"\xff": 1}}, `field Map["\xff"]: ` + unicode},
		{"text", all{ByText: "\xff"}, `field ByText: ` + unicode},
		{"infinity", all{Float: float32(math.Inf(1))}, `field Float: have +Inf, want a finite number`},
		{"NaN", all{Any: math.NaN()}, `field Any: have NaN, want a finite number`},
		{"panic", all{Own: []failing{{"1"}, {"panic"}}}, `field Own[1]: have a value of type reader.failing: MarshalJSON panicked: out of order`},
		{"error", all{Own: []failing{{"error"}}}, `field Own[0]: have a value of type reader.failing: refused`},
		{"no JSON", all{Own: []failing{{"[1,]"}}}, `field Own[0]: have what MarshalJSON of reader.failing writes, want JSON that can be read: ` +
			`field Own[0][1]: have ']' at byte 3, which is no JSON, want a value`},
		{"two values", all{Own: []failing{{"1 2"}}}, `field Own[0]: have what MarshalJSON of reader.failing writes, want JSON that can be read: ` +
			`field Own[0]: have '2' at byte 2, which is no JSON, want nothing behind the value`},
		{"nothing", all{Own: []failing{{""}}}, `field Own[0]: have what MarshalJSON of reader.failing writes, want JSON that can be read: ` +
			`field Own[0]: have the end at byte 0, which is no JSON, want a value`},
		{"no Unicode", all{Own: []failing{{"\"\xff\""}}}, `field Own[0]: have what MarshalJSON of reader.failing writes, want JSON that can be read: ` +
			`field Own[0]: have a string that is not valid UTF-8, want valid Unicode`},
		{"too deep", all{Own: []failing{{strings.Repeat("[", 99) + strings.Repeat("]", 99)}}}, `field Own[0]: have what MarshalJSON of reader.failing writes, ` +
			`want JSON that can be read: field Own[0][0][0][0][0][0][0]: have values nested more than 100 deep, want at most 100 levels`},
		{"number", all{Number: "1."}, `field Number: have json.Number 1., want a number as JSON writes it`},
		{"implementation", all{Iface: errors.New("x")}, `field Iface: have interface { Error() string }, want what can be read again: ` +
			`JSON cannot say which implementation of interface { Error() string } to make; use a type of its own or any`},
		{"endless", all{End: end}, `field End: have reader.endless, want what can be read again: a pointer to nothing but pointers cannot be allocated`},
		{"function", all{Any: func() {}}, `field Any: have func() in an interface, want what JSON can carry: ` +
			`payload: have func(), want a type that JSON can carry; tag the field json:"-", or give the type MarshalJSON and UnmarshalJSON`},
		{"depth", all{Any: deep}, `field Any[0][0][0][0][0][0][0]: have values nested more than 100 deep, want at most 100 levels; look for a value that contains itself`},
		{"cycle", all{Cycle: cyclic{Next: loop}}, `field Cycle.Next.Next.Next.Next.Next.Next.Next: have values nested more than 100 deep, ` +
			`want at most 100 levels; look for a value that contains itself`},
		{"cycle of maps", all{Any: mapLoop}, `field Any.a.a.a.a.a.a.a: have values nested more than 100 deep, want at most 100 levels; look for a value that contains itself`},
		{"cycle of interfaces", all{Any: anyLoop}, `field Any: have a thousand pointers to pointers, want a value; look for a pointer that leads to itself`},
		{"keys alike", all{Keys: map[badText2]int{{1}: 1, {2}: 2}}, `field Keys.same: have two keys that are written as "same", want keys that can be told apart`},
		{"key panics", all{Keys: map[badText2]int{{3}: 1}}, `field Keys: have a value of type reader.badText2: MarshalText panicked: no key`},
		{"opinion", all{}, `field Zero: have a value of type reader.badZero: IsZero panicked: no opinion`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := write(t, tt.v)
			require.EqualError(t, err, tt.want)
			_, ok := err.(*Error)
			require.True(t, ok)
		})
	}
}

type badText2 struct{ v int }

func (b badText2) MarshalText() ([]byte, error) {
	if b.v == 3 {
		panic("no key")
	}
	return []byte("same"), nil
}
func (*badText2) UnmarshalText([]byte) error { return nil }

// TestAppendBounds: what is written can be read.
func TestAppendBounds(t *testing.T) {
	t.Parallel()
	type marked struct {
		List []*bool
		Raw  json.RawMessage
		Map  map[float64OwnText]int
	}
	plan := mustPlan[marked](t, Options{})
	for more, want := range []string{"", "field Map: have more than 1,000,000 values, want at most 1,000,000"} {
		v := marked{List: make([]*bool, 999_990+more), Raw: json.RawMessage(`[1,[2,3],{"a":4}]`)} // and the struct, the list and the map
		text, err := plan.Append(nil, reflect.ValueOf(v))
		if want != "" {
			require.EqualError(t, err, want)
			continue
		}
		require.NoError(t, err)
		var got marked
		_, err = plan.Read(text, reflect.ValueOf(&got).Elem())
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(v, got))
	}
	_, err := write(t, strings.Repeat("x", 16<<20))
	require.EqualError(t, err, "payload: have 16777218 bytes, want at most 16 MiB")

	text, err := write(t, marked{Raw: json.RawMessage("1"), Map: map[float64OwnText]int{float64OwnText(math.NaN()): 5}})
	require.NoError(t, err, "a key need not be equal to itself")
	require.Equal(t, `{"List":null,"Raw":1,"Map":{"NaN":5}}`, text)
}

type float64OwnText float64

func (f float64OwnText) MarshalText() ([]byte, error) { return fmt.Append(nil, float64(f)), nil }
func (*float64OwnText) UnmarshalText([]byte) error    { return nil }

func TestAppendDestination(t *testing.T) {
	t.Parallel()
	plan := mustPlan[int](t, Options{})
	for _, v := range []reflect.Value{{}, reflect.ValueOf("5")} {
		text, err := plan.Append([]byte("a"), v)
		require.ErrorContains(t, err, "want one of type int")
		require.Equal(t, "a", string(text))
	}
	text, err := mustPlan[*big.Int](t, Options{}).Append(nil, reflect.ValueOf((*big.Int)(nil)))
	require.NoError(t, err)
	require.Equal(t, "null", string(text))
}
