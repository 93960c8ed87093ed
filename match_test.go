// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/internal/fixture/bill110"
	"github.com/plugreg/plugreg/internal/fixture/bill123"
)

type (
	matchInner      struct{ N int }
	matchKey        string
	matchBox[T any] struct {
		Value T
	}
	matchEmpty interface{ Nothing() }
	matchBase  struct{ Base int }
	matchAll   struct {
		Pointer *matchInner
		List    []matchInner
		Array   [3]*matchInner
		Map     map[matchKey]map[string][]matchInner
		Literal struct {
			A []matchInner `json:"a" yaml:"a;b } \"x"`
			B struct {
				C map[matchKey]func(int) (bool, error)
			} `json:"-"`
			C struct {
				D *matchInner `json:"[}"`
			}
			E, F map[string]matchInner
			matchBase
		}
		Nothing struct{}
		Box     matchBox[matchInner]
		Boxes   matchBox[map[matchKey]*matchBox[time.Time]]
		Self    []matchAll
		When    time.Time
		Wait    time.Duration
		Any     any
		Raw     json.RawMessage
		Hidden  matchEmpty                     `json:"-"`
		Fault   error                          `json:"-"`
		Call    func(...matchInner) chan<- int `json:"-"`
		hidden  matchKey
		matchBase
		*MatchInner2
	}
	MatchInner2 struct{ M int }
	MatchKept   struct{ matchAll }
	matchTree   struct {
		Kids  matchBox[*matchTree]
		Other struct{ Kids []matchTree }
	}
)

// Whatever reflection describes is found to be described.
func TestMatchOfEveryType(t *testing.T) {
	t.Parallel()
	describes := func(t *testing.T, c plugreg.Contract, v any) {
		t.Helper()
		_, err := plugreg.Encode(c, v)
		require.NoError(t, err)
	}
	describes(t, contractOf[MatchKept](t), MatchKept{matchAll{hidden: "x"}})
	describes(t, contractOf[matchTree](t), matchTree{})
	describes(t, contractOf[*matchBox[matchInner]](t), &matchBox[matchInner]{})
	describes(t, contractOf[map[matchKey][]*matchInner](t), map[matchKey][]*matchInner{})
	describes(t, contractOf[[2]matchInner](t), [2]matchInner{})
	describes(t, contractOf[struct{ A matchInner }](t), struct{ A matchInner }{})
	c := bill(t, "1.0.0", plugreg.Default, matchBox[matchInner]{}, matchInner{}, map[matchKey]matchInner{})
	describes(t, c, matchBox[matchInner]{})
	describes(t, c, matchInner{})
	describes(t, c, map[matchKey]matchInner{})
	aliased, err := plugreg.ContractOf[matchBox[matchInner]]("x", "1.0.0", plugreg.Description{PathAliases: map[string]string{"time": "clock", "github.com/plugreg/plugreg_test": "tests"}})
	require.NoError(t, err)
	describes(t, aliased, matchBox[matchInner]{})
	aliased, err = plugreg.ContractOf[MatchKept]("x", "1.0.0", plugreg.Description{PathAliases: map[string]string{"time": "clock"}, Open: []string{"time"}})
	require.NoError(t, err)
	describes(t, aliased, MatchKept{})
}

// A contract that is not that of the type says where.
func TestMatchRefuses(t *testing.T) {
	t.Parallel()
	type field = plugreg.Field
	struct1 := func(fields ...field) plugreg.Contract {
		for i := range fields {
			fields[i].Position = i
		}
		return plugreg.Contract{Name: "x", Version: "1.0.0", Shapes: []plugreg.Shape{
			{Name: "contract", Role: plugreg.RoleData, Kind: "struct", Fields: fields},
			{Name: ".matchInner", Role: plugreg.RoleData, Kind: "struct", Fields: []field{{Name: "N", Wire: "N", Type: "int"}}},
		}}
	}
	kind := func(kind string) plugreg.Contract {
		c := struct1()
		c.Shapes[0].Kind = kind
		return c
	}
	at := func(n int, c plugreg.Contract) plugreg.Contract {
		c.Shapes[0].Fields[0].Position = n
		return c
	}
	wide := func(typ string) plugreg.Contract { return struct1(field{Name: "A", Wire: "A", Type: typ}) }
	for _, tt := range []struct {
		name string
		c    plugreg.Contract
		v    any
		want string
	}{
		{"another version", bill(t, "1.1.0", plugreg.Default, bill110.Request{}), bill123.Request{}, "bill123.Request has a field Note at position 11, and data:Request has none there"},
		{"another name", struct1(field{Name: "B", Wire: "B", Type: "int"}), struct{ A int }{}, "contract has a field B at position 0, and struct { A int } has none there"},
		{"another order", struct1(field{Name: "B", Wire: "B", Type: "int"}, field{Name: "A", Wire: "A", Type: "int"}), struct{ A, B int }{}, "contract has a field B at position 0"},
		{"a position before the first", at(-1, wide("int")), struct{ A int }{}, "contract has a field A at position -1"},
		{"another type", wide("int"), struct{ A int64 }{}, `"int" is not int64`},
		{"a type that is opaque", wide("time.Duration"), struct{ A time.Time }{}, `"time.Duration" is not time.Time`},
		{"another pointer", wide("int"), struct{ A *int }{}, `"int" is not *int`},
		{"another list", wide("[3]int"), struct{ A [2]int }{}, `"[3]int" is not [2]int`},
		{"another slice", wide("*int"), struct{ A []int }{}, `"*int" is not []int`},
		{"another key", wide("map[int]int"), struct{ A map[string]int }{}, `"int" is not string`},
		{"another element", wide("map[string]int"), struct{ A map[string]uint }{}, `"int" is not uint`},
		{"no map", wide("[]int"), struct{ A map[string]uint }{}, `"[]int" is not map[string]uint`},
		{"a map without end", wide("map[[]"), struct{ A map[string]uint }{}, `"map[[]" is not map[string]uint`},
		{"another literal", wide("struct{ B int }"), struct{ A struct{ C int } }{}, `"struct{ B int }" is not struct { C int }`},
		{"a literal in a literal", wide("struct{ B .matchInner }"), struct{ A struct{ B MatchInner2 } }{}, `"struct{ B .matchInner }" is not struct { B plugreg_test.MatchInner2 }`},
		{"another argument", wide(".matchBox[.matchInner]"), struct{ A matchBox[MatchInner2] }{}, `".matchBox[.matchInner]" is not plugreg_test.matchBox[`},
		{"another tag", struct1(field{Name: "A", Wire: "a", Type: "int", Tag: `json:"a"`}), struct {
			A int `json:"b"`
		}{}, "contract.A has the tag \"json:\\\"a\\\"\", and in the Go type it is \"json:\\\"b\\\"\""},
		{"a name that the tag does not give", struct1(field{Name: "A", Wire: "a", Type: "int"}), struct{ A int }{}, `contract.A is described otherwise than its tag "" says`},
		{"a default that the tag does not give", struct1(field{Name: "A", Wire: "A", Type: "int", Default: "1"}), struct{ A int }{}, "contract.A is described otherwise"},
		{"required, which the tag does not say", struct1(field{Name: "A", Wire: "A", Type: "int", Required: true}), struct{ A int }{}, "contract.A is described otherwise"},
		{"an alias that the tag does not give", struct1(field{Name: "A", Wire: "A", Type: "int", Aliases: []string{"b"}}), struct{ A int }{}, "contract.A is described otherwise"},
		{"embedded", struct1(field{Name: "matchBase", Wire: "matchBase", Type: ".matchBase", Embedded: true}), struct{ matchBase matchBase }{}, "contract.matchBase is described otherwise"},
		{"a tag that is none", struct1(field{Name: "A", Wire: "A", Type: "int", Tag: `plugreg:"odd"`}), struct {
			A int `plugreg:"odd"`
		}{}, `unknown option "odd"`},
		{"a struct that is none", kind("struct"), 5, "contract is struct, and int is int"},
		{"a list that is a struct", kind("[]int"), struct{}{}, "contract is []int, and struct {} is struct"},
		{"an interface", kind("interface"), 5, `"interface" is not made of int`},
		{"a number of another kind", kind("int64"), matchKey(""), `"int64" is not made of string`},
		{"one name for two types", struct1(field{Name: "A", Wire: "A", Type: "contract"}), struct{ A matchInner }{}, "contract describes both struct { A plugreg_test.matchInner } and plugreg_test.matchInner"},
		{"a field that is not exported", struct1(), struct{ a int }{}, "struct { a int } has a field a at position 0, and contract has none there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := plugreg.Encode(tt.c, tt.v)
			require.ErrorIs(t, err, plugreg.ErrContract)
			require.ErrorContains(t, err, `plugin "`)
			require.ErrorContains(t, err, "it does not describe "+fmt.Sprintf("%T", tt.v)+": ")
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// Everything is listed, not the first difference alone.
func TestMatchListsAll(t *testing.T) {
	t.Parallel()
	c := contractOf[struct {
		A int `json:"a"`
		B []string
	}](t)
	_, err := plugreg.Encode(c, struct {
		A int
		B []int
		C bool
	}{})
	require.ErrorContains(t, err, "contract.A has the tag")
	require.ErrorContains(t, err, `"string" is not int`)
	require.ErrorContains(t, err, "has a field C at position 2, and contract has none there")
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
}

// A document may hold any text: what does not describe the type is refused, and nothing panics.
func TestMatchOfSpoiltTexts(t *testing.T) {
	t.Parallel()
	refused := 0
	whole := contractOf[MatchKept](t)
	for seed := range uint64(2000) {
		m := rand.New(rand.NewPCG(seed, 3))
		c := whole
		c.Shapes = slices.Clone(whole.Shapes)
		shape := &c.Shapes[m.IntN(len(c.Shapes))]
		shape.Fields = slices.Clone(shape.Fields)
		text := &shape.Kind
		if len(shape.Fields) > 0 {
			text = &shape.Fields[m.IntN(len(shape.Fields))].Type
		}
		for range 1 + m.IntN(2) {
			from, to := m.IntN(len(*text)+1), m.IntN(len(*text)+1)
			*text = (*text)[:min(from, to)] + []string{"", "\"", "[", "]", "}", " ", ";", "map", "contract", ".", "embedded "}[m.IntN(11)] + (*text)[max(from, to):]
		}
		_, err := plugreg.Encode(c, MatchKept{})
		if err != nil {
			refused++
			require.ErrorIs(t, err, plugreg.ErrContract)
		}
	}
	require.Greater(t, refused, 1000)
}

type (
	matchPlain  struct{ N int }
	matchReads  struct{ N int } // as matchPlain, but by a method
	matchBoth   struct{ N int }
	matchNearly struct{ N int }
	matchHolds  struct {
		Both  []*matchBoth
		When  time.Time
		Write matchWrites
	}
	matchWrites int
	matchLifts  struct{ matchBoth }
)

func (p *matchReads) UnmarshalJSON([]byte) error { p.N = 999; return nil }

func (b matchBoth) MarshalText() ([]byte, error) { return fmt.Append(nil, b.N), nil }

func (b *matchBoth) UnmarshalText(text []byte) error {
	_, err := fmt.Sscan(string(text), &b.N)
	return err
}

func (matchWrites) MarshalJSON() ([]byte, error) { return []byte("7"), nil }

func (matchNearly) MarshalText() (matchKey, error) { return "", nil }
func (matchNearly) UnmarshalText(string) error     { return nil }

// A type that writes or reads itself in other ways than the contract says is another type.
func TestMatchComparesCodecMethods(t *testing.T) {
	t.Parallel()
	plain, reads := contractOf[matchPlain](t), contractOf[matchReads](t)
	payload := encoded(t, plain, matchPlain{5})
	_, _, err := plugreg.Decode[matchReads](payload, plain, plain, plugreg.DecodeOptions{})
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.ErrorContains(t, err, "it does not describe plugreg_test.matchReads: contract is written and read by encoding/json, and plugreg_test.matchReads by UnmarshalJSON")
	_, err = plugreg.NewCodec[*matchPlain](reads, plugreg.DecodeOptions{})
	require.ErrorContains(t, err, "contract is written and read by UnmarshalJSON, and plugreg_test.matchPlain by encoding/json")

	without := func(c plugreg.Contract, name string) plugreg.Contract {
		c.Shapes = slices.Clone(c.Shapes)
		i := slices.IndexFunc(c.Shapes, func(s plugreg.Shape) bool { return s.Name == name })
		require.NotEmpty(t, c.Shapes[i].Methods)
		c.Shapes[i].Methods = nil
		return c
	}
	holds := contractOf[matchHolds](t)
	_, err = plugreg.Encode(without(holds, ".matchBoth"), matchHolds{})
	require.ErrorContains(t, err, ".matchBoth is written and read by encoding/json, and plugreg_test.matchBoth by MarshalText, UnmarshalText")
	_, err = plugreg.Encode(without(holds, ".matchWrites"), matchHolds{})
	require.ErrorContains(t, err, ".matchWrites is written and read by encoding/json, and plugreg_test.matchWrites by MarshalJSON")
}

// What reflection describes is found again, however a method came to the type and in whatever order methods are listed.
func TestMatchFindsCodecMethods(t *testing.T) {
	t.Parallel()
	t.Run("pointer receiver", func(t *testing.T) {
		t.Parallel()
		_, _, err := plugreg.Decode[*matchReads](encoded(t, contractOf[matchReads](t), matchReads{}), contractOf[*matchReads](t), contractOf[matchReads](t), plugreg.DecodeOptions{})
		require.NoError(t, err)
	})
	t.Run("other signatures", roundTrip(matchNearly{5}))
	t.Run("promoted", roundTrip(matchLifts{matchBoth{5}}))
	t.Run("promoted to a type without a name", roundTrip(struct{ time.Time }{time.Unix(5, 0).UTC()}))
	t.Run("order", func(t *testing.T) {
		t.Parallel()
		c := contractOf[matchBoth](t)
		slices.Reverse(c.Shapes[0].Methods)
		require.Equal(t, "MarshalText", c.Shapes[0].Methods[1].Name)
		_, err := plugreg.Encode(c, matchBoth{})
		require.NoError(t, err)
	})
	t.Run("a plugin as a value", func(t *testing.T) {
		t.Parallel()
		c := contractOf[matchTwice](t)
		i := slices.IndexFunc(c.Shapes, func(s plugreg.Shape) bool { return s.Name == ".matchReads" })
		c.Shapes[i].Name, c.Shapes[i].Role, c.Shapes[i].Methods = "plugin", plugreg.RoleProvides, nil
		c.Shapes[1-i].Fields[0].Type = "plugin"
		_, err := plugreg.Encode(c, matchTwice{})
		require.NoError(t, err, "the pointer's methods are not described")
	})
}

type matchTwice struct{ A matchReads }
