// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/internal/fixture/bill110"
	"github.com/plugreg/plugreg/internal/fixture/bill123"
	"github.com/plugreg/plugreg/internal/fixture/bill130"
	"github.com/plugreg/plugreg/internal/fixture/coin1"
)

// propertyKinds has every kind that JSON carries without loss.
type (
	propertyKinds struct {
		Bool    bool
		Int     int8   `json:"int,string"`
		Uint    uint64 `json:",omitzero"`
		Float   float32
		Text    string `json:"text,omitempty" plugreg:"default=x,alias=words"`
		Bytes   []byte
		List    []propertyLeaf `json:"list,omitempty"`
		Array   [2]*propertyLeaf
		ByText  map[string][]int
		ByInt   map[int16]propertyLeaf `json:",omitempty"`
		Pointer *propertyLeaf          `json:"pointer,omitempty"`
		When    time.Time
		Wait    time.Duration
		Deep    *propertyKinds
		propertyBase
		*PropertyMore
	}
	propertyLeaf struct {
		N *int64 `json:"n,string,omitempty"`
		S string `plugreg:"required"`
	}
	propertyBase struct{ Base string }
	PropertyMore struct {
		More bool `json:"more,omitempty" plugreg:"default=true"`
	}
)

// propertyFill makes random values.
func propertyFill(m *rand.Rand, v reflect.Value, depth int) {
	some := depth > 0 && m.IntN(3) > 0
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(m.Uint64()) >> (64 - v.Type().Bits()) >> m.IntN(v.Type().Bits()))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(m.Uint64() >> (64 - v.Type().Bits()) >> m.IntN(v.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(m.IntN(1000)-500) / 8)
	case reflect.String:
		v.SetString([]string{"", "a", "<&>", "\u2028\x00\\\"", "\U0001f600"}[m.IntN(5)])
	case reflect.Slice:
		if some {
			v.Set(reflect.MakeSlice(v.Type(), 1+m.IntN(2), 3))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			propertyFill(m, v.Index(i), depth-1)
		}
	case reflect.Map:
		if some {
			v.Set(reflect.MakeMap(v.Type()))
			key, element := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			propertyFill(m, key, depth-1)
			propertyFill(m, element, depth-1)
			v.SetMapIndex(key, element)
		}
	case reflect.Pointer:
		if some {
			v.Set(reflect.New(v.Type().Elem()))
			propertyFill(m, v.Elem(), depth-1)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(m.Int64N(1e10), m.Int64N(1e9)).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() || v.Type().Field(i).Anonymous && v.Field(i).Kind() == reflect.Struct {
				propertyFill(m, v.Field(i), depth-1)
			}
		}
	}
}

func propertyValue[T any](m *rand.Rand) (v T) {
	propertyFill(m, reflect.ValueOf(&v).Elem(), 5)
	return v
}

// comesBack holds that what was encoded is what is decoded.
func comesBack[T any](t *testing.T, runs int) {
	t.Helper()
	codec, err := plugreg.NewCodec[T](contractOf[T](t), plugreg.DecodeOptions{Policy: plugreg.Strict})
	require.NoError(t, err)
	for seed := range uint64(runs) {
		v := propertyValue[T](rand.New(rand.NewPCG(seed, 1)))
		payload, err := codec.Encode(v)
		require.NoError(t, err)
		require.True(t, json.Valid(payload))
		w, adjustments, err := codec.Decode(payload)
		require.NoError(t, err, "%s", payload)
		require.Empty(t, adjustments)
		require.Equal(t, v, w, "%s", payload)
		again, err := codec.Encode(w)
		require.NoError(t, err)
		require.True(t, bytes.Equal(payload, again))
	}
}

func TestPropertyPayloadsComeBack(t *testing.T) {
	t.Parallel()
	comesBack[propertyKinds](t, 1000)
	comesBack[bill123.Request](t, 300)
	comesBack[*coin1.Purse](t, 300)
	comesBack[map[int8][]*propertyLeaf](t, 300)
	comesBack[coin1.Amounts](t, 100)
	comesBack[uint64](t, 100)
}

// The closed reader takes a part of what the open one takes, and reads that alike.
func TestPropertyClosedReadersAreStricter(t *testing.T) {
	t.Parallel()
	type reader = func(payload []byte) (any, []plugreg.Adjustment, error)
	readers := map[plugreg.Policy]reader{}
	var old plugreg.Contract
	for _, p := range []plugreg.Policy{plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Full, plugreg.Strict} {
		all := bills(t, plugreg.Default)
		old = all["1.2.3"]
		codec, err := plugreg.NewCodec[bill130.Request](all["1.3.0"], plugreg.DecodeOptions{Policy: p}, old)
		require.NoError(t, err)
		readers[p] = func(payload []byte) (any, []plugreg.Adjustment, error) { return codec.Decode(payload) }
	}
	closed := 0
	for seed := range uint64(500) {
		m := rand.New(rand.NewPCG(seed, 2))
		payload := string(encoded(t, old, propertyValue[bill123.Request](m)))
		for range m.IntN(3) { // spoil it
			from := []string{`"sku"`, `"vat"`, `"span"`, `"limit":`, `"id":`, `"trace":`, `"customer":`, `true`}[m.IntN(8)]
			payload = strings.Replace(payload, from, []string{`"x"`, `"ID"`, `"note":1,"x":`, `"customer":null,"code":`, `"true"`, from}[m.IntN(6)], 1)
		}
		open, adjustments, err := readers[plugreg.Unchecked]([]byte(payload))
		for _, p := range []plugreg.Policy{plugreg.Backward, plugreg.Full} {
			v, same, other := readers[p]([]byte(payload))
			require.Equal(t, err == nil, other == nil)
			require.Equal(t, open, v)
			require.Equal(t, adjustments, same)
		}
		_, _, strict := readers[plugreg.Strict]([]byte(payload))
		require.Error(t, strict)
		v, some, refused := readers[plugreg.Forward]([]byte(payload))
		dropped := slices.ContainsFunc(adjustments, func(a plugreg.Adjustment) bool { return a.Kind == plugreg.FieldDropped })
		require.Equal(t, refused != nil, err != nil || dropped, payload)
		if refused == nil {
			closed++
			require.Equal(t, open, v)
			require.Equal(t, adjustments, some)
		}
	}
	require.Greater(t, closed, 50)
}

// Whatever the payload: no panic, all or nothing, and an error that matches ErrContract.
func FuzzDecode(f *testing.F) {
	contracts := bills(f, plugreg.Default)
	codec, err := plugreg.NewCodec[bill130.Request](contracts["1.3.0"], plugreg.DecodeOptions{}, contracts["1.1.0"], contracts["1.2.3"])
	require.NoError(f, err)
	closed, err := plugreg.NewCodec[bill130.Request](contracts["1.3.0"], plugreg.DecodeOptions{Policy: plugreg.Forward}, contracts["1.1.0"], contracts["1.2.3"])
	require.NoError(f, err)
	f.Add(encoded(f, contracts["1.1.0"], request110))
	f.Add(encoded(f, contracts["1.2.3"], request123))
	f.Add(encoded(f, contracts["1.3.0"], request130))
	f.Add(encoded(f, contracts["1.1.0"], &bill110.Receipt{ID: "r"}))
	f.Add(bytes.Replace(encoded(f, contracts["1.2.3"], bill123.Request{}), []byte(`null`), []byte(`[{"sku":"\ud83d\ude00","code":1e999}]`), 1))
	f.Add([]byte(`{"data":{"id":null},"contract":"","digest":""}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		kept := bytes.Clone(payload)
		v, adjustments, err := codec.Decode(payload)
		require.Equal(t, kept, payload)
		_, _, refused := closed.Decode(payload)
		if err != nil {
			require.ErrorIs(t, err, plugreg.ErrContract)
			require.Zero(t, v)
			require.Nil(t, adjustments)
			require.Error(t, refused)
			return
		}
		require.True(t, json.Valid(payload))
		dropped := slices.ContainsFunc(adjustments, func(a plugreg.Adjustment) bool { return a.Kind == plugreg.FieldDropped })
		require.Equal(t, dropped, refused != nil)
		again, err := codec.Encode(v)
		require.NoError(t, err)
		w, none, err := codec.Decode(again)
		require.NoError(t, err)
		require.Empty(t, none)
		require.Equal(t, v, w)
	})
}
