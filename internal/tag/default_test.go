// SPDX-License-Identifier: Apache-2.0

package tag

import (
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	label   string
	cents   int64
	endless *endless
	onlyRaw int
	level   struct{ text string }
)

func (*onlyRaw) UnmarshalJSON([]byte) error { return nil }

func (l *level) UnmarshalText(text []byte) error {
	l.text = string(text) // written to also where it fails
	switch l.text {
	case "panic":
		panic("out of order")
	case "error":
		panic(io.EOF)
	case "refuse":
		return errors.New("no such level")
	}
	return nil
}

func TestSetDefault(t *testing.T) {
	t.Parallel()
	five, text := 5, "a"
	seconds := 90 * time.Second
	for _, tt := range []struct {
		text string
		want any // of the type to set; its value where there is no error
		err  string
	}{
		{"true", true, ""},
		{"0", false, ""},
		{"yes", false, `strconv.ParseBool: parsing "yes": invalid syntax`},
		{"-128", int8(-128), ""},
		{"-0", 0, ""},
		{"128", int8(0), `strconv.ParseInt: parsing "128": value out of range`},
		{"0x10", 0, `strconv.ParseInt: parsing "0x10": invalid syntax`},
		{"1_000", int64(0), `strconv.ParseInt: parsing "1_000": invalid syntax`},
		{"5.0", 0, `strconv.ParseInt: parsing "5.0": invalid syntax`},
		{"+5", 0, errNotJSON.Error()},
		{"007", uint16(0), errNotJSON.Error()},
		{"255", uint8(255), ""},
		{"-1", uint(0), `strconv.ParseUint: parsing "-1": invalid syntax`},
		{"7", uintptr(7), ""},
		{"5", cents(5), ""},
		{"1.5", float32(1.5), ""},
		{"-1E+3", float64(-1000), ""},
		{"1e400", float64(0), `strconv.ParseFloat: parsing "1e400": value out of range`},
		{"1e39", float32(0), `strconv.ParseFloat: parsing "1e39": value out of range`},
		{"NaN", float64(0), "it is not a finite number"},
		{"Inf", float32(0), "it is not a finite number"},
		{"0x1p-2", float64(0), errNotJSON.Error()},
		{".5", float64(0), errNotJSON.Error()},
		{"5.", float64(0), errNotJSON.Error()},
		{"a,b", "a,b", ""},
		{"x", label("x"), ""},
		{"1.0", json.Number("1.0"), ""},
		{"yes", json.Number(""), errNotJSON.Error()},
		{"1m30s", seconds, ""},
		{"90", time.Duration(0), `time: missing unit in duration "90"`},
		{"2026-01-02T03:04:05Z", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ""},
		{"10", *big.NewInt(10), ""},
		{"10", big.NewInt(10), ""},
		{"x", new(big.Int), `math/big: cannot unmarshal "x" into a *big.Int`},
		{"low", level{"low"}, ""},
		{"refuse", level{}, "no such level"},
		{"panic", level{}, "UnmarshalText panicked: out of order"},
		{"error", &level{}, "UnmarshalText panicked: EOF"},
		{"5", &five, ""},
		{"a", &text, ""},
		{"1m30s", &seconds, ""},
		{"x", &five, `strconv.ParseInt: parsing "x": invalid syntax`},
		{"5", onlyRaw(0), errUnfit.Error()},
		{"5", json.RawMessage(nil), errUnfit.Error()},
		{"5", new(*int), errUnfit.Error()},
		{"5", endless(nil), errUnfit.Error()},
		{"x", []string(nil), errUnfit.Error()},
		{"x", [2]int{}, errUnfit.Error()},
		{"x", struct{ A int }{}, errUnfit.Error()},
		{"5", complex64(0), errUnfit.Error()},
		{"", "", ""},
		{"", label(""), ""},
		{"", &text, errEmpty.Error()},
		{"", level{}, errEmpty.Error()},
		{"", json.Number(""), errNotJSON.Error()},
		{"", 0, `strconv.ParseInt: parsing "": invalid syntax`},
		{"", false, `strconv.ParseBool: parsing "": invalid syntax`},
		{"", time.Duration(0), `time: invalid duration ""`},
	} {
		t.Run(reflect.TypeOf(tt.want).String()+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			dst := reflect.New(reflect.TypeOf(tt.want)).Elem()
			err := SetDefault(dst, tt.text)
			require.Equal(t, tt.err, textOf(err))
			if err == nil {
				require.Equal(t, tt.want, dst.Interface())
			} else {
				require.True(t, dst.IsZero(), "kept on an error")
			}
		})
	}
}

func TestSetDefaultOfInterfaces(t *testing.T) {
	t.Parallel()
	var target struct {
		Any  any
		Text interface{ UnmarshalText([]byte) error }
	}
	for _, f := range reflect.ValueOf(&target).Elem().Fields() {
		require.ErrorIs(t, SetDefault(f, "2"), errUnfit)
	}
}

func TestSetDefaultWritesThroughNothing(t *testing.T) {
	t.Parallel()
	shared, other := big.NewInt(1), level{"kept"}
	mine, pointer := shared, &other
	require.NoError(t, SetDefault(reflect.ValueOf(&mine).Elem(), "2"))
	require.Equal(t, "2", mine.String())
	require.Equal(t, "1", shared.String())
	require.Error(t, SetDefault(reflect.ValueOf(&pointer).Elem(), "refuse"))
	require.Same(t, &other, pointer)
	require.Equal(t, level{"kept"}, other)
	require.Error(t, SetDefault(reflect.ValueOf(&other).Elem(), "refuse"))
	require.Equal(t, level{"kept"}, other)
	require.ErrorIs(t, SetDefault(reflect.ValueOf(&other).Elem(), "error"), io.EOF)
}

// FuzzSetDefault has encoding/json as its oracle for numbers.
func FuzzSetDefault(f *testing.F) {
	for _, s := range []string{"0", "-0", "+1", "01", "128", "-128", "1e3", "1.50", "Inf", "0x1", "1_0", " 1", "null", "18446744073709551615", "1e400", ".5", "5."} {
		f.Add(s)
	}
	types := []reflect.Type{
		reflect.TypeFor[int8](), reflect.TypeFor[int64](), reflect.TypeFor[uint8](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain := strings.Trim(text, " \t\r\n") == text && text != "null"
		for _, typ := range types {
			got, want := reflect.New(typ), reflect.New(typ)
			err := SetDefault(got.Elem(), text)
			ok := json.Unmarshal([]byte(text), want.Interface()) == nil && plain
			require.Equal(t, ok, err == nil, "%s: %v", typ, err)
			if ok {
				require.Equal(t, want.Interface(), got.Interface())
			}
		}
	})
}

// TestGuardNilPanic cannot be parallel: it sets the environment.
func TestGuardNilPanic(t *testing.T) {
	for _, setting := range []string{"panicnil=0", "panicnil=1"} {
		t.Setenv("GODEBUG", setting)
		require.ErrorContains(t, Guard("hook", func() error { panic(nil) }), "hook panicked")
	}
	require.NoError(t, Guard("hook", func() error { return nil }))
}
