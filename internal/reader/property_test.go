// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package reader

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	named  string
	number int16
	listed []number
	mapped map[named]*number
)

type Inlined struct {
	Deep  string
	Level int `json:"shadowed"`
}

type inner struct {
	Words  []string          `json:"words"`
	Counts map[string]uint32 `json:"counts"`
	Next   *inner            `json:"next,omitempty"`
	Pair   [2]named
}

// plain has all that testing/quick can make up and encoding/json writes without loss.
type plain struct {
	Inlined
	Bool     bool
	I8       int8
	I16      int16
	I32      int32
	I64      int64
	I        int
	U8       uint8
	U16      uint16
	U32      uint32
	U64      uint64 `json:"u64,string"`
	U        uint
	F32      float32
	F64      float64 `json:",string"`
	Text     string  `json:"text"`
	Quoted   string  `json:"quoted,string"`
	Named    named
	Bytes    []byte
	Listed   listed
	Mapped   mapped
	ByInt    map[int8]string
	Inner    inner
	Pointer  *inner
	Twice    **int64
	Rows     [][]float32
	Array    [3]uint8
	Skipped  int `json:"-"`
	Dash     int `json:"-,"`
	Elements []inner
	NoScalar []string `json:",string"`
	Blob     []byte   `json:",string"`
	Flag     *bool    `json:",string"`
}

// self has types that decode themselves.
type self struct {
	At      time.Time
	Pointer *time.Time
	Big     *big.Int
	Address netip.Addr
	ByAddr  map[netip.Addr]int
	Raw     json.RawMessage
	Any     any
	Number  json.Number
}

func randomSelf(random *rand.Rand) self {
	address := netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(256))})
	s := self{
		At:      time.Unix(random.Int64N(1<<33), random.Int64N(1e9)).UTC(),
		Big:     new(big.Int).Lsh(big.NewInt(random.Int64()), uint(random.IntN(200))),
		Address: address,
		ByAddr:  map[netip.Addr]int{address: random.Int()},
		Raw:     json.RawMessage(`{"a":[1,"<",null]}`),
		Number:  json.Number(big.NewInt(random.Int64()).String()),
		Any:     map[string]any{"list": []any{"a", nil, true, map[string]any{}}},
	}
	if random.IntN(2) == 0 {
		s.Pointer = &s.At
	}
	return s
}

// parse reads a document as a host would, with numbers as float64 or as json.Number.
func parse(t require.TestingT, document []byte, numbers bool) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(document))
	if numbers {
		decoder.UseNumber()
	}
	var m map[string]any
	require.NoError(t, decoder.Decode(&m))
	return m
}

func TestSettingsAgreesWithJSON(t *testing.T) {
	t.Parallel()
	agrees := func(p plain) bool {
		document, err := json.Marshal(p)
		require.NoError(t, err)
		var want, got plain
		require.NoError(t, json.Unmarshal(document, &want))
		read, err := Settings(&got, parse(t, document, true))
		require.NoError(t, err)
		require.Contains(t, read, "Inner.words")
		return reflect.DeepEqual(want, got)
	}
	require.NoError(t, quick.Check(agrees, &quick.Config{MaxCount: 200}))
}

func TestSettingsAgreesWithJSONOnFloats(t *testing.T) {
	t.Parallel()
	type floats struct {
		I32 map[int32]int32
		U16 []uint16
		F32 []float32
		F64 []float64
	}
	agrees := func(f floats) bool {
		document, err := json.Marshal(f)
		require.NoError(t, err)
		var want, got floats
		require.NoError(t, json.Unmarshal(document, &want))
		_, err = Settings(&got, parse(t, document, false))
		require.NoError(t, err)
		return reflect.DeepEqual(want, got)
	}
	require.NoError(t, quick.Check(agrees, &quick.Config{MaxCount: 200}))
}

func TestSettingsAgreesWithJSONOnOwnDecoders(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var document bytes.Buffer
		encoder := json.NewEncoder(&document)
		encoder.SetEscapeHTML(false) // the text of a json.RawMessage is to survive
		require.NoError(t, encoder.Encode(randomSelf(random)))
		var want, got self
		require.NoError(t, json.Unmarshal(document.Bytes(), &want))
		_, err := Settings(&got, parse(t, document.Bytes(), true))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// TestWholeAgreesWithRat has exact arithmetic as its oracle.
func TestWholeAgreesWithRat(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	digits := func(most int) string {
		b := make([]byte, 1+random.IntN(most))
		for i := range b {
			b[i] = "0000123459"[random.IntN(10)]
		}
		return string(b)
	}
	accepted := 0
	for range 20_000 {
		text := strings.TrimLeft(digits(9), "0")
		if text == "" {
			text = "0"
		}
		if random.IntN(2) == 0 {
			text = "-" + text
		}
		if random.IntN(2) == 0 {
			text += "." + digits(6)
		}
		if random.IntN(2) == 0 {
			text += []string{"e", "E+", "e-"}[random.IntN(3)] + digits(2)
		}
		exact, ok := new(big.Rat).SetString(text)
		require.True(t, ok, text)
		var got int64
		taken := setInteger(reflect.ValueOf(&got).Elem(), text)
		require.Equal(t, exact.IsInt() && exact.Num().IsInt64(), taken, text)
		if taken {
			accepted++
			require.Equal(t, exact.Num().Int64(), got, text)
		}
	}
	require.Greater(t, accepted, 1000)
}

func TestWholeEdges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want string // empty: not whole, or out of any range
	}{
		{"0", "0"}, {"-0", "0"}, {"0.000e99999999999999999999", "0"}, {"10", "10"}, {"-1.50e1", "-15"},
		{"9007199254740993.0", "9007199254740993"}, {"1e20", "100000000000000000000"},
		{"0." + strings.Repeat("0", 5000) + "1e5001", strings.Repeat("0", 5001) + "1"},
		{strings.Repeat("9", 19) + "00e-2", strings.Repeat("9", 19)},
		{"1e21", ""}, {"1e99999999999999999999", ""}, {"1e-99999999999999999999", ""}, {"0.99999999999999999999999", ""},
		{"", ""}, {"+1", ""}, {"01", ""}, {"0x1", ""}, {"1_0", ""}, {"Inf", ""}, {"1 ", ""}, {" 1", ""}, {"1.", ""}, {"--1", ""}, {"-", ""},
	}
	for _, tt := range tests {
		got, ok := whole(tt.text)
		require.Equal(t, tt.want != "", ok, tt.text)
		require.Equal(t, tt.want, got, tt.text)
	}
}

func TestNumericLimits(t *testing.T) {
	t.Parallel()
	type limits struct {
		I8  int8
		I64 int64
		U8  uint8
		U64 uint64
		F32 float32
	}
	var got limits
	_, err := Settings(&got, map[string]any{
		"I8": int64(-128), "I64": uint64(math.MaxInt64), "U8": float32(255), "U64": json.Number("18446744073709551615"), "F32": math.MaxFloat32,
	})
	require.NoError(t, err)
	require.Equal(t, limits{-128, math.MaxInt64, 255, math.MaxUint64, math.MaxFloat32}, got)

	_, err = Settings(&got, map[string]any{
		"I8": uint8(128), "I64": uint64(math.MaxInt64) + 1, "U8": -1, "U64": math.Exp2(64), "F32": math.MaxFloat64,
	})
	require.EqualError(t, err, strings.Join([]string{
		"setting F32: have float64 1.7976931348623157e+308, want float32, a number from -3.4028235e+38 to 3.4028235e+38",
		"setting I64: have uint64 9223372036854775808, want int64, a whole number from -9223372036854775808 to 9223372036854775807",
		"setting I8: have uint8 128, want int8, a whole number from -128 to 127",
		"setting U64: have float64 18446744073709552000, want uint64, a whole number from 0 to 18446744073709551615",
		"setting U8: have int -1, want uint8, a whole number from 0 to 255",
	}, "\n"))
}

// TestSettingsSharesDefaults proves, under the race detector, that decoders only read src and what defaults refer to.
func TestSettingsSharesDefaults(t *testing.T) {
	t.Parallel()
	shared := defaults()
	want := defaults()
	src := map[string]any{
		"level": "debug", "retry": map[string]any{"max": 9}, "labels": map[string]any{"env": "prod"},
		"remote": map[string]any{"url": "b"}, "sinks": map[string]any{"a": map[string]any{"url": "z"}}, "Zone": "east",
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				mine := shared
				_, err := Settings(&mine, src)
				if err != nil || mine.Retry.Max != 9 || mine.Labels["env"] != "prod" || mine.Remote.URL != "b" || mine.Zone != "east" {
					t.Errorf("decoded %+v, %v", mine, err)
					return
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, want, shared)
}
