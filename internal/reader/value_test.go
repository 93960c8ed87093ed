// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	level   int
	flag    bool
	ratio   float32
	endless *endless
	call    func() int
	wave    complex64
	twin    struct{ URL, Note string }
	pairs   map[string]int
	broken  struct{ v any }
)

func (l *level) UnmarshalText(text []byte) error {
	switch string(text) {
	case "low":
		*l = 1
	case "panic":
		panic("out of order")
	case "error":
		panic(io.EOF)
	case "nil":
		panic(nil)
	default:
		return errors.New("no such level")
	}
	return nil
}

func (b *broken) UnmarshalText([]byte) error {
	b.v = []int{1}
	return nil
}

func (p *pairs) UnmarshalJSON(data []byte) error {
	if len(data) > 50 {
		panic("too long")
	}
	*p = pairs{string(data): len(data)}
	return nil
}

type kinds struct {
	Bool     flag
	Text     named
	Ratio    ratio
	Float    float64
	Level    level
	Slog     slog.Level
	ByLevel  map[level]int
	ByInt    map[int8]int
	ByUint   map[uint8]int
	ByAny    map[any]int
	ByFloat  map[float64]int
	ByBroken map[broken]int
	IP       net.IP
	Addr     *netip.Addr
	Big      big.Int
	Pairs    pairs
	PairsPtr *pairs
	Raw      json.RawMessage
	Wait     time.Duration
	Bytes    []byte
	Codes    []number
	Array    [2]int
	Any      any
	Reader   io.Reader
	Call     call
	Chan     chan int
	Complex  complex64
	Endless  endless
	Twin     twin
	Pointer  **int
	Number   json.Number
	Quoted   *int          `json:",string"`
	QuotedS  string        `json:",string"`
	QuotedD  time.Duration `json:",string"`
	Uintptr  uintptr
	Lists    [][]string
	Map      map[string]any
	Struct   remote
	List     []remote
}

func TestSettingsValues(t *testing.T) {
	t.Parallel()
	seven := 7
	two := &seven
	reader := strings.NewReader("")
	channel := make(chan int)
	ip := net.IPv4(1, 2, 3, 4)
	address := netip.MustParseAddr("::1")
	tests := []struct {
		name  string
		key   string
		value any
		want  func(k *kinds) // sets what is expected in a zero value
	}{
		{"bool", "Bool", true, func(k *kinds) { k.Bool = true }},
		{"string", "Text", "a", func(k *kinds) { k.Text = "a" }},
		{"float from int", "Ratio", 2, func(k *kinds) { k.Ratio = 2 }},
		{"float from float32, exactly", "Float", float32(0.1), func(k *kinds) { k.Float = float64(float32(0.1)) }},
		{"float from number", "Float", json.Number("1e-9"), func(k *kinds) { k.Float = 1e-9 }},
		{"infinity", "Ratio", math.Inf(-1), func(k *kinds) { k.Ratio = ratio(math.Inf(-1)) }},
		{"int from whole float", "Uintptr", 12.0, func(k *kinds) { k.Uintptr = 12 }},
		{"named kind", "Uintptr", number(12), func(k *kinds) { k.Uintptr = 12 }},
		{"text", "Level", "low", func(k *kinds) { k.Level = 1 }},
		{"text, exact type", "Level", level(9), func(k *kinds) { k.Level = 9 }},
		{"text and JSON", "Slog", "warn", func(k *kinds) { k.Slog = slog.LevelWarn }},
		{"text of a slice", "IP", "1.2.3.4", func(k *kinds) { k.IP = ip }},
		{"exact type of a slice", "IP", ip, func(k *kinds) { k.IP = ip }},
		{"text behind a pointer", "Addr", "::1", func(k *kinds) { k.Addr = &address }},
		{"text after JSON refused", "Big", "12", func(k *kinds) { k.Big = *big.NewInt(12) }},
		{"JSON", "Pairs", map[string]any{"a": "<"}, func(k *kinds) { k.Pairs = pairs{`{"a":"<"}`: 9} }},
		{"JSON from typed list", "Pairs", []int{1, 2}, func(k *kinds) { k.Pairs = pairs{"[1,2]": 5} }},
		{"JSON null", "Pairs", nil, func(k *kinds) { k.Pairs = pairs{"null": 4} }},
		{"JSON, exact type", "Pairs", pairs{"a": 1}, func(k *kinds) { k.Pairs = pairs{"a": 1} }},
		{"nil pointer to JSON", "PairsPtr", nil, func(*kinds) {}},
		{"pointer to JSON", "PairsPtr", 1, func(k *kinds) { k.PairsPtr = &pairs{"1": 1} }},
		{"raw", "Raw", []any{1.5, nil}, func(k *kinds) { k.Raw = json.RawMessage("[1.5,null]") }},
		{"duration", "Wait", "1m30s", func(k *kinds) { k.Wait = 90 * time.Second }},
		{"duration, exact type", "Wait", time.Second, func(k *kinds) { k.Wait = time.Second }},
		{"duration with the option string", "QuotedD", "2s", func(k *kinds) { k.QuotedD = 2 * time.Second }},
		{"bytes", "Bytes", []byte{1}, func(k *kinds) { k.Bytes = []byte{1} }},
		{"bytes in base64", "Bytes", "AQI=", func(k *kinds) { k.Bytes = []byte{1, 2} }},
		{"bytes from list", "Bytes", []any{1, 2.0}, func(k *kinds) { k.Bytes = []byte{1, 2} }},
		{"list from array", "Codes", [2]int{1, 2}, func(k *kinds) { k.Codes = []number{1, 2} }},
		{"empty list", "Codes", []any{}, func(k *kinds) { k.Codes = []number{} }},
		{"nil list", "Codes", []int(nil), func(*kinds) {}},
		{"nil for a list", "Codes", nil, func(*kinds) {}},
		{"array", "Array", []any{1, 2}, func(k *kinds) { k.Array = [2]int{1, 2} }},
		{"array, exact type", "Array", [2]int{1, 2}, func(k *kinds) { k.Array = [2]int{1, 2} }},
		{"nested lists", "Lists", []any{[]any{"a"}, nil, []string{}}, func(k *kinds) { k.Lists = [][]string{{"a"}, nil, {}} }},
		{"array in an interface", "Any", [1]any{[]int{1}}, func(k *kinds) { k.Any = [1]any{[]int{1}} }},
		{"map in an interface", "Any", map[any]any{nil: 1, 2: "x", flag(true): 1.5}, func(k *kinds) { k.Any = map[any]any{nil: 1, 2: "x", flag(true): 1.5} }},
		{"own decoder in an interface", "Any", pairs{"a": 1}, func(k *kinds) { k.Any = pairs{"a": 1} }},
		{"nil map in an interface", "Any", map[string]int(nil), func(k *kinds) { k.Any = map[string]int(nil) }},
		{"nil in an interface", "Any", nil, func(*kinds) {}},
		{"implementation", "Reader", reader, func(k *kinds) { k.Reader = reader }},
		{"channel", "Chan", channel, func(k *kinds) { k.Chan = channel }},
		{"complex of another name", "Complex", wave(1i), func(k *kinds) { k.Complex = 1i }},
		{"nil for endless pointers", "Endless", nil, func(*kinds) {}},
		{"struct of the same fields", "Twin", twin{"a", "b"}, func(k *kinds) { k.Twin = twin{"a", "b"} }},
		{"convertible struct", "Twin", remote{"a", "b"}, func(k *kinds) { k.Twin = twin{"a", "b"} }},
		{"struct from map", "Twin", map[any]any{"URL": "a"}, func(k *kinds) { k.Twin = twin{URL: "a"} }},
		{"pointers allocate", "Pointer", json.Number("7"), func(k *kinds) { k.Pointer = &two }},
		{"pointer, inner type", "Pointer", two, func(k *kinds) { k.Pointer = &two }},
		{"number", "Number", 1e6, func(k *kinds) { k.Number = "1000000" }},
		{"number from int", "Number", int8(-1), func(k *kinds) { k.Number = "-1" }},
		{"number from string", "Number", "1.50", func(k *kinds) { k.Number = "1.50" }},
		{"option string", "Quoted", "7", func(k *kinds) { k.Quoted = two }},
		{"option string, not quoted", "Quoted", 7, func(k *kinds) { k.Quoted = two }},
		{"option string, null", "Quoted", "null", func(*kinds) {}},
		{"option string of a string", "QuotedS", `"7"`, func(k *kinds) { k.QuotedS = "7" }},
		{"keys by text", "ByLevel", map[string]any{"low": 1}, func(k *kinds) { k.ByLevel = map[level]int{1: 1} }},
		{"keys of the type", "ByLevel", map[level]any{7: 1}, func(k *kinds) { k.ByLevel = map[level]int{7: 1} }},
		{"integer keys in strings", "ByInt", map[string]any{"-5": 1}, func(k *kinds) { k.ByInt = map[int8]int{-5: 1} }},
		{"integer keys", "ByInt", map[any]any{uint64(5): 1}, func(k *kinds) { k.ByInt = map[int8]int{5: 1} }},
		{"unsigned keys", "ByUint", map[int]int{255: 1}, func(k *kinds) { k.ByUint = map[uint8]int{255: 1} }},
		{"keys in interfaces", "ByAny", map[string]any{"a": 1}, func(k *kinds) { k.ByAny = map[any]int{"a": 1} }},
		{"empty map", "ByInt", map[string]any{}, func(k *kinds) { k.ByInt = map[int8]int{} }},
		{"nil for a map", "ByInt", nil, func(*kinds) {}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got, want kinds
			tt.want(&want)
			read, err := Settings(&got, map[string]any{tt.key: tt.value})
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.NotEmpty(t, read)
			require.True(t, strings.HasPrefix(read[0], tt.key), read)
		})
	}
}

func TestSettingsTakesFunctions(t *testing.T) {
	t.Parallel()
	var k kinds
	_, err := Settings(&k, map[string]any{"Call": func() int { return 42 }})
	require.NoError(t, err)
	require.Equal(t, 42, k.Call())
}
