// SPDX-License-Identifier: Apache-2.0

package canon_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/canon"
)

type item struct {
	Name string
	Tags []string
}

type document struct {
	Name, Policy   string
	Size, Cap      int64
	Open, Sealed   bool
	Items          []item
	Owner          string
	OwnerWasCalled bool
}

func readItem(o *canon.ObjectReader) item {
	i := item{Name: o.String("name"), Tags: o.Strings("tags")}
	if i.Name == "bad" {
		o.Fail("name", errors.New("is not allowed"))
	}
	return i
}

func readDocument(data string) (document, error) {
	v, err := canon.Parse([]byte(data), canon.Limits{})
	if err != nil {
		return document{}, err
	}
	var d document
	err = canon.Decode(v, func(o *canon.ObjectReader) {
		d.Name = o.String("name")
		d.Policy = o.StringOr("policy", "default")
		d.Size = o.Int("size")
		d.Cap = o.IntOr("cap", 64)
		d.Open = o.Bool("open")
		d.Sealed = o.BoolOr("sealed", true)
		d.Items = canon.Objects(o, "items", readItem)
		o.Object("owner", func(o *canon.ObjectReader) {
			d.OwnerWasCalled = true
			d.Owner = o.String("id")
		})
	})
	return d, err
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     document
		errs     []string
	}{
		{
			"whole", `{"owner":{"id":"o"},"name":"n","policy":"p","size":1,"cap":2,"open":true,"sealed":false,"items":[{"tags":["x","y"],"name":"i"}]}`,
			document{Name: "n", Policy: "p", Size: 1, Cap: 2, Open: true, Items: []item{{"i", []string{"x", "y"}}}, Owner: "o", OwnerWasCalled: true}, nil,
		},
		{
			"without what is optional", `{"name":"n","size":1,"open":false,"items":[],"owner":{"id":""}}`,
			document{Name: "n", Policy: "default", Size: 1, Cap: 64, Sealed: true, OwnerWasCalled: true}, nil,
		},
		{
			"missing", `{}`, document{Policy: "default", Cap: 64, Sealed: true}, []string{
				"$.name: missing; want a string", "$.size: missing; want an integer", "$.open: missing; want a bool",
				"$.items: missing; want an array", "$.owner: missing; want an object",
			},
		},
		{
			"of another kind", `{"name":1,"policy":[],"size":"1","cap":true,"open":0,"sealed":{},"items":{},"owner":[]}`, document{}, []string{
				"$.name: want a string, found an integer", "$.policy: want a string, found an array", "$.size: want an integer, found a string",
				"$.cap: want an integer, found a bool", "$.open: want a bool, found an integer", "$.sealed: want a bool, found an object",
				"$.items: want an array, found an object", "$.owner: want an object, found an array",
			},
		},
		{
			"faults below and unknown keys", `{"name":"n","size":1,"open":false,"x":1,"a b":{"deep":[]},"":1,
				"items":[{"name":"bad","tags":[1,"t"]},7,{"tags":[],"more":1}],"owner":{"name":1}}`,
			document{
				Name: "n", Policy: "default", Size: 1, Cap: 64, Sealed: true, OwnerWasCalled: true,
				Items: []item{{"bad", []string{"", "t"}}, {}, {}},
			},
			[]string{
				"$.items[0].tags[0]: want a string, found an integer", "$.items[0].name: is not allowed", "$.items[1]: want an object, found an integer",
				"$.items[2].name: missing; want a string", "$.items[2].more: unknown key", "$.owner.id: missing; want a string",
				"$.owner.name: unknown key", "$.x: unknown key", `$["a b"]: unknown key`, `$[""]: unknown key`,
			},
		},
		{"no object", `[1]`, document{}, []string{"$: want an object, found an array"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := readDocument(tt.in)
			require.Equal(t, tt.want, got)
			if tt.errs == nil {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, strings.Join(tt.errs, "\n"))
		})
	}
}

func TestDecodeFailHere(t *testing.T) {
	t.Parallel()
	v, err := canon.Parse([]byte(`{"a":{"b":1}}`), canon.Limits{})
	require.NoError(t, err)
	cause := errors.New("nothing fits")
	err = canon.Decode(v, func(o *canon.ObjectReader) {
		require.True(t, o.Has("a"))
		require.False(t, o.Has("b"))
		o.Object("a", func(o *canon.ObjectReader) { o.Int("b"); o.Fail("", cause) })
	})
	require.EqualError(t, err, "$.a: nothing fits")
	require.ErrorIs(t, err, cause)
}

func TestDecodeBoundsItsMessage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, `"k%d":0,`, i)
	}
	v, err := canon.Parse([]byte(`{`+b.String()+`"z":0}`), canon.Limits{})
	require.NoError(t, err)
	lines := strings.Split(canon.Decode(v, func(*canon.ObjectReader) {}).Error(), "\n")
	require.Len(t, lines, 51)
	require.Equal(t, "and 11 more", lines[50])
	require.Equal(t, "$.k49: unknown key", lines[49])
}
