// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documented reports whether encoding/json refuses what Read takes on purpose: whole numbers with a point or an exponent.
func documented(err error) bool {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		text, number := strings.CutPrefix(wrong.Value, "number ")
		_, isWhole := whole(text)
		return number && isWhole && strings.ContainsAny(text, ".eE-")
	}
	_, quoted, found := strings.Cut(err.Error(), `invalid use of ,string struct tag, trying to unmarshal "`)
	text, _, _ := strings.Cut(quoted, `"`)
	_, isWhole := whole(text)
	return found && isWhole && strings.ContainsAny(text, ".eE-")
}

// FuzzRead has encoding/json as its oracle: what Read takes, it takes too, and makes the same of it.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		`{"Bool":true,"Text":"a\u00e9\ud83d\ude00","Ratio":1.5e3,"Float":-0,"Level":"low","ByLevel":{"low":1},"ByInt":{"-5":1},"ByUint":{"255":0}}`,
		`{"ByText":{"a":null},"ByAddr":{"::1":1},"IP":"1.2.3.4","Addr":"::1","Big":12,"BigPtr":null,"Pairs":{"a":1},"Ptr":[],"Raw":[1,{"a":"\u003c"}]}`,
		`{"Wait":1500000000,"At":"2024-01-02T03:04:05.6Z","Bytes":"AQI=","Codes":[1,-2],"Small":[1,255],"Array":[3,4],"Any":{"a":[1,"b",null,true,{}]}}`,
		`{"Twin":{"URL":"a"},"Pointer":7,"Number":1.50,"Quoted":"7","QuotedS":"\"x\"","QuotedD":"5","QuotedB":"true","QuotedN":"1.5"}`,
		`{"Lists":[["a"],null,[]],"Map":{"":1},"Struct":{"url":"u"},"List":[{},{"note":"n"}],"U64":18446744073709551615,"I64":5e3,"Self":{"Self":{}}}`,
		`{"contract":"c","data":{"I64":1.0},"digest":"sha256:"}`, "{\"Text\":\"\xff\"}", `{"Text":"\ud800"}`, `{"Any":{"a":1,"a":2}}`, `{"x":[`, ` [1,2] `, `nul`,
	} {
		f.Add([]byte(text))
	}
	closed, open := mustPlan[values](f, Options{Closed: true}), mustPlan[values](f, Options{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, lax, want values
		_, err := open.Read(data, reflect.ValueOf(&lax).Elem())
		if err != nil {
			require.Equal(t, values{}, lax)
		}
		for s := Scan(data); s.Next(); {
			if s.Key() == "data" {
				_, _ = open.ReadFrom(s, reflect.ValueOf(new(values)).Elem())
			}
		}
		_, err = closed.Read(data, reflect.ValueOf(&got).Elem())
		if err != nil {
			require.Equal(t, values{}, got)
			_, ok := errors.AsType[*Error](err)
			require.True(t, ok)
			return
		}
		require.Equal(t, got, lax)
		if err := json.Unmarshal(data, &want); err != nil {
			require.True(t, documented(err), "%s: %v", data, err)
		} else {
			require.Equal(t, want, got)
		}
	})
}

// FuzzAppend: what was read can be written, and is then read as the same.
func FuzzAppend(f *testing.F) {
	f.Add([]byte(`{"title":"a","Title":true,"id":"5","raw":{"a":[1]},"any":["x",1e300,{"b":null}],"number":-1,"must":"","deep":{"rate":null},"at":"2024-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"must":"x","chain":{"word":"\u2028","next":{"peers":[{}]},"Named":{"":null}},"ByInt":{"-1":{"title":"\u0000"}},"bytes":"AQ==","sum":1,"Matrix":[[0.1],null],"wait":1}`))
	plan := mustPlan[whole2](f, Options{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var v, again whole2
		if _, err := plan.Read(data, reflect.ValueOf(&v).Elem()); err != nil {
			return
		}
		if v.Raw == nil {
			v.Raw = json.RawMessage("null")
		}
		if v.Number == "" {
			v.Number = "0"
		}
		text, err := plan.Append(nil, reflect.ValueOf(v))
		require.NoError(t, err)
		_, err = plan.Read(text, reflect.ValueOf(&again).Elem())
		require.NoError(t, err)
		once, err := plan.Append(nil, reflect.ValueOf(again))
		require.NoError(t, err)
		require.Equal(t, string(text), string(once))
	})
}
