// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package reader

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	chain struct {
		Word  string  `json:"word,omitempty"`
		Next  *chain  `json:"next,omitempty"`
		Peers []chain `json:"peers"`
		Named map[string]*chain
	}
	Common struct {
		ID    int64  `json:"id,string"`
		Title string `json:"title"`
	}
	Marks struct {
		Score float32 `json:"score"`
		Title bool    `json:"Title"`
	}
	whole2 struct {
		Common
		*Marks
		Title  named           `json:"title"`
		At     time.Time       `json:"at"`
		Due    *time.Time      `json:"due,omitempty"`
		Wait   time.Duration   `json:"wait,omitempty"`
		Raw    json.RawMessage `json:"raw"`
		Any    any             `json:"any"`
		Number json.Number     `json:"number"`
		Sum    *big.Int        `json:"sum"`
		Chain  chain           `json:"chain"`
		ByAddr map[netip.Addr][]uint16
		ByInt  map[int16]*Common
		Flag   *bool  `json:"flag,string,omitempty"`
		Limit  int    `json:"limit,omitempty" plugreg:"default=5"`
		Must   string `json:"must,omitempty" plugreg:"required"`
		Matrix [2][]float64
		Bytes  []byte `json:"bytes"`
		Deep   struct {
			Rate *float64 `json:"rate,omitempty" plugreg:"default=0.5"`
		} `json:"deep"`
	}
)

// made makes random values that JSON can carry without loss, up to a depth.
type made struct{ *rand.Rand }

func (m made) text() string {
	letters := []rune("abc \"\\\n\x00\x7f<é\u2028\u2029\ufffd\U0001f600/")
	b := make([]rune, m.IntN(6))
	for i := range b {
		b[i] = letters[m.IntN(len(letters))]
	}
	return string(b)
}

func (m made) any(depth int) any {
	switch m.IntN(6 + min(depth, 1)*2) {
	case 0:
		return nil
	case 1:
		return m.IntN(2) == 0
	case 2, 3:
		return m.float()
	case 4, 5:
		return m.text()
	case 6:
		list := make([]any, m.IntN(3))
		for i := range list {
			list[i] = m.any(depth - 1)
		}
		return list
	}
	object := map[string]any{}
	for range m.IntN(3) {
		object[m.text()] = m.any(depth - 1)
	}
	return object
}

func (m made) float() float64 {
	if f := math.Float64frombits(m.Uint64()); m.IntN(2) == 0 && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return f
	}
	return float64(m.IntN(2000)-1000) / 8
}

// special makes values of types that have rules of their own.
func (m made) special(t reflect.Type) (any, bool) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return time.Unix(m.Int64N(1<<33), m.Int64N(1e9)).UTC(), true
	case reflect.TypeFor[json.RawMessage]():
		return json.RawMessage([]string{`1`, `{"a":[true,"\u003c"]}`, `"x"`}[m.IntN(3)]), true
	case reflect.TypeFor[json.Number]():
		return json.Number([]string{`1`, `-0.10e+5`, `12345678901234567890123`}[m.IntN(3)]), true
	case reflect.TypeFor[big.Int]():
		return *new(big.Int).Lsh(big.NewInt(1+m.Int64()), uint(m.IntN(99))), true
	case reflect.TypeFor[netip.Addr]():
		return netip.AddrFrom4([4]byte{10, 0, byte(m.IntN(3)), byte(m.IntN(3))}), true
	}
	return nil, false
}

func (m made) fill(v reflect.Value, depth int) {
	t := v.Type()
	if own, ok := m.special(t); ok {
		v.Set(reflect.ValueOf(own))
		return
	}
	some := depth > 0 && m.IntN(4) > 0
	switch k := t.Kind(); {
	case isUnsigned(k):
		v.SetUint(m.Uint64() >> m.IntN(64) & (math.MaxUint64 >> (64 - t.Bits())))
	case isInteger(k):
		v.SetInt(int64(m.Uint64()) >> (64 - t.Bits()) >> m.IntN(t.Bits()))
	case k == reflect.Float32:
		v.SetFloat(float64(float32(m.IntN(1000)) / 7))
	case k == reflect.Float64:
		v.SetFloat(m.float())
	case k == reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case k == reflect.String:
		v.SetString(m.text())
	case k == reflect.Interface:
		if a := m.any(depth); a != nil {
			v.Set(reflect.ValueOf(a))
		}
	case k == reflect.Pointer && some:
		v.Set(reflect.New(t.Elem()))
		m.fill(v.Elem(), depth-1)
		if nothing := v.Elem(); nothing.Kind() != reflect.Struct && nothing.Kind() != reflect.Array && nothing.IsZero() {
			v.SetZero() // JSON has one null for both
		}
	case k == reflect.Struct:
		for i := range t.NumField() {
			m.fill(v.Field(i), depth-1)
		}
		if hides, ok := v.Addr().Interface().(*whole2); ok {
			hides.Common.Title = ""
		}
	case k == reflect.Slice && some:
		v.Set(reflect.MakeSlice(t, 0, 0)) // empty is not nil
		v.Grow(3)
		v.SetLen(1 + m.IntN(3))
		fallthrough
	case k == reflect.Array:
		for i := range v.Len() {
			m.fill(v.Index(i), depth-1)
		}
	case k == reflect.Map && some:
		v.Set(reflect.MakeMap(t))
		for range 1 + m.IntN(3) {
			key, element := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			m.fill(key, 0)
			m.fill(element, depth-1)
			v.SetMapIndex(key, element)
		}
	}
}

// structOf makes a random struct type.
func (m made) structOf(depth int) reflect.Type {
	fields := make([]reflect.StructField, m.IntN(7))
	for i := range fields {
		f := &fields[i]
		f.Name, f.Type = fmt.Sprintf("F%d", i), m.typeOf(depth)
		name := []string{"", fmt.Sprintf("name%d", i), fmt.Sprintf("a b.%d/é", i)}[m.IntN(3)]
		options := []string{"", ",omitempty", ",omitzero", ",string", ",string,omitempty"}[m.IntN(5)]
		f.Tag = reflect.StructTag(fmt.Sprintf(`json:"%s%s"`, name, options))
		switch scalar := isInteger(f.Type.Kind()) && f.Type != durationType; {
		case m.IntN(8) == 0:
			f.Tag += ` plugreg:"required"`
		case m.IntN(2) == 0 && scalar:
			f.Tag += ` plugreg:"default=7"`
		case m.IntN(2) == 0 && f.Type.Kind() == reflect.String && f.Type != numberType:
			f.Tag += ` plugreg:"default='a,b'"`
		}
	}
	return reflect.StructOf(fields)
}

func (m made) typeOf(depth int) reflect.Type {
	plain := []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[int](), reflect.TypeFor[uint16](), reflect.TypeFor[uint64](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[named](), reflect.TypeFor[time.Duration](),
		reflect.TypeFor[time.Time](), reflect.TypeFor[[]byte](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[json.Number](),
		reflect.TypeFor[any](), reflect.TypeFor[*big.Int](), reflect.TypeFor[chain](), reflect.TypeFor[netip.Addr](),
	}
	if depth <= 0 {
		return plain[m.IntN(len(plain))]
	}
	switch m.IntN(9) {
	case 0:
		return m.structOf(depth - 1)
	case 1:
		return reflect.PointerTo(m.typeOf(depth - 1))
	case 2:
		return reflect.SliceOf(m.typeOf(depth - 1))
	case 3:
		return reflect.ArrayOf(m.IntN(3), m.typeOf(depth-1))
	case 4:
		key := []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[named](), reflect.TypeFor[int8](), reflect.TypeFor[uint64](), reflect.TypeFor[netip.Addr]()}
		return reflect.MapOf(key[m.IntN(len(key))], m.typeOf(depth-1))
	}
	return plain[m.IntN(len(plain))]
}

func roundTrips(t *testing.T, v reflect.Value) {
	typ := v.Type()
	plan, err := PlanOf(typ, Options{Closed: true, Complete: true})
	require.NoError(t, err)
	text, err := plan.Append(nil, v)
	require.NoError(t, err)
	require.True(t, json.Valid(text), "%s", text)

	got := reflect.New(typ).Elem()
	adjustments, err := plan.Read(text, got)
	require.NoError(t, err, "%s\n%s", typ, text)
	require.Empty(t, adjustments)
	require.Equal(t, v.Interface(), got.Interface(), "%s\n%s", typ, text)

	theirs := oracle(t, v.Addr().Interface())
	options := strings.Contains(fmt.Sprint(tagsOf(typ, map[reflect.Type]bool{})), "plugreg")
	if !options {
		require.Equal(t, theirs, string(text), "%s", typ)
	}
	want := reflect.New(typ)
	require.NoError(t, json.Unmarshal([]byte(theirs), want.Interface()))
	got.SetZero()
	adjustments, err = plan.Read([]byte(theirs), got)
	if err == nil && len(adjustments) == 0 {
		require.Equal(t, want.Elem().Interface(), got.Interface(), "%s\n%s", typ, theirs)
	} else {
		require.True(t, options, "%s\n%s\n%v", typ, theirs, err)
	}
}

func tagsOf(t reflect.Type, seen map[reflect.Type]bool) (tags []string) {
	if seen[t] {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			tags = append(append(tags, string(t.Field(i).Tag)), tagsOf(t.Field(i).Type, seen)...)
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		tags = tagsOf(t.Elem(), seen)
	}
	return tags
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	random := made{rand.New(rand.NewPCG(7, 8))}
	for range 400 {
		v := reflect.New(reflect.TypeFor[whole2]()).Elem()
		random.fill(v, 6)
		roundTrips(t, v)
	}
}

func TestRoundTripOfRandomTypes(t *testing.T) {
	t.Parallel()
	random := made{rand.New(rand.NewPCG(9, 10))}
	for range 600 {
		typ := random.structOf(3)
		for range 3 {
			v := reflect.New(typ).Elem()
			random.fill(v, 5)
			roundTrips(t, v)
		}
	}
}

// TestShuffledKeys: the order of keys means nothing.
func TestShuffledKeys(t *testing.T) {
	t.Parallel()
	random := made{rand.New(rand.NewPCG(11, 12))}
	plan := mustPlan[whole2](t, Options{Closed: true})
	for range 100 {
		var v, got whole2
		random.fill(reflect.ValueOf(&v).Elem(), 5)
		text, err := plan.Append(nil, reflect.ValueOf(v))
		require.NoError(t, err)
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(text, &members))
		var parts []string
		for key, raw := range members {
			parts = append(parts, fmt.Sprintf(" %s :\t%s\n", oracle(t, key), raw))
		}
		slices.SortFunc(parts, func(string, string) int { return random.IntN(3) - 1 })
		_, err = plan.Read([]byte("{"+strings.Join(parts, ",")+"}"), reflect.ValueOf(&got).Elem())
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}
