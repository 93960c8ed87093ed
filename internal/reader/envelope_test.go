// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// open reads an envelope as a codec does, with data in place or behind what is needed to read it.
func openEnvelope(text string) (contract string, v item, adjustments []Adjustment, err error) {
	plan, err := PlanOf(reflect.TypeFor[item](), Options{})
	if err != nil {
		return "", v, nil, err
	}
	dst := reflect.ValueOf(&v).Elem()
	var raw []byte
	s := Scan([]byte(text))
	for s.Next() {
		switch s.Key() {
		case "contract":
			contract = s.Text()
		case "data":
			if contract == "" {
				raw = s.Raw()
			} else if adjustments, err = plan.ReadFrom(s, dst); err != nil {
				return "", v, nil, err
			}
		case "passed":
		default:
			return "", v, nil, errors.New("unknown " + s.Key())
		}
	}
	if err := s.Err(); err != nil {
		return "", v, nil, err
	}
	if raw != nil {
		adjustments, err = plan.Read(raw, dst)
	}
	return contract, v, adjustments, err
}

func TestScanner(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"contract":"c","data":{"amount":5,"x":1}}`,
		` { "data" : {"amount":5,"x":1} , "passed":[1,{"a":2}], "contract" : "\u0063" } `,
	} {
		contract, v, adjustments, err := openEnvelope(text)
		require.NoError(t, err)
		require.Equal(t, "c", contract)
		require.Equal(t, item{Amount: 5}, v)
		require.Equal(t, []Adjustment{{Dropped, "x", ""}}, adjustments)
	}
	s := Scan([]byte(`{}`))
	require.False(t, s.Next())
	require.NoError(t, s.Err())
	require.False(t, s.Next())
}

func TestScannerRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{``, `payload: have the end at byte 0, which is no JSON, want an object`},
		{`[]`, `payload: have '[' at byte 0, which is no JSON, want an object`},
		{`{"a"`, `payload: have the end at byte 4, which is no JSON, want a colon`},
		{`{"other":1}`, `unknown other`},
		{`{"contract":5}`, `field contract: have number 5, want string; write it in quotes`},
		{`{"contract":"c" "data":1}`, `payload: have '"' at byte 16, which is no JSON, want a comma or }`},
		{`{"contract":"c",}`, `payload: have '}' at byte 16, which is no JSON, want a key in quotes`},
		{`{"contract":"c"} x`, `payload: have 'x' at byte 17, which is no JSON, want nothing behind the value`},
		{"{\"contract\":\"\xff\"}", `field contract: have a string that is not valid UTF-8, want valid Unicode`},
		{"{\"\xff\":1}", "field \ufffd: have a string that is not valid UTF-8, want valid Unicode"},
		{`{"passed":[{"a":1,}]}`, `field passed[0]: have '}' at byte 18, which is no JSON, want a key in quotes`},
		{`{"data":{"amount":tru},"contract":"c"}`, `field data.amount: have 't' at byte 18, which is no JSON, want a value`},
		{`{"contract":"c","data":{"amount":tru}}`, `field amount: have 't' at byte 33, which is no JSON, want a value`},
		{`{"contract":"c","data":{"amount":true}}`, `field amount: have bool true, want int64, a whole number from -9223372036854775808 to 9223372036854775807`},
		{`{"data":{"amount":true},"contract":"c"}`, `field amount: have bool true, want int64, a whole number from -9223372036854775808 to 9223372036854775807`},
		{`{"data":{"x":{"a":1,"a":1}},"contract":"c"}`, `field x.a: have the key "a" again; leave one of them out`},
		{`{"contract":"c","data":{"x":{"a":1,"a":1}}}`, `field x.a: have the key "a" again; leave one of them out`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			_, v, _, err := openEnvelope(tt.text)
			require.EqualError(t, err, tt.want)
			require.Zero(t, v)
		})
	}
}

// TestScannerBounds: the order of keys does not decide what is too deep or too much.
func TestScannerBounds(t *testing.T) {
	t.Parallel()
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for _, text := range []string{`{"contract":"c","data":{"x":%}}`, `{"data":{"x":%},"contract":"c"}`, `{"contract":"c","passed":{"x":%},"data":{"x":%}}`} {
		_, _, _, err := openEnvelope(strings.ReplaceAll(text, "%", deep(99)))
		require.NoError(t, err)
		_, _, _, err = openEnvelope(strings.ReplaceAll(text, "%", deep(100)))
		require.ErrorContains(t, err, "have values nested more than 100 deep, want at most 100 levels")
	}
}

// TestScannerBytes: a value of the largest size fits into an envelope, wherever it stands there, and a larger one does not.
func TestScannerBytes(t *testing.T) {
	t.Parallel()
	plan := mustPlan[string](t, Options{})
	readFrom := func(s *Scanner) error {
		var v string
		_, err := plan.ReadFrom(s, reflect.ValueOf(&v).Elem())
		return err
	}
	raw := func(s *Scanner) error { s.Raw(); return s.Err() }
	for _, tt := range []struct {
		size int
		take func(s *Scanner) error
		want string
	}{
		{16 << 20, readFrom, ""},
		{16<<20 + 1, readFrom, "payload: have 16777217 bytes, want at most 16 MiB"},
		{16<<20 + 1, raw, "field data: have 16777217 bytes, want at most 16 MiB"},
	} {
		s := Scan([]byte(`{"data": "` + strings.Repeat("x", tt.size-2) + `" ,"contract":""}`))
		require.True(t, s.Next())
		if err := tt.take(s); tt.want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, tt.want)
		}
		require.Equal(t, tt.want == "", s.Next())
	}
	s := Scan([]byte(`{"a":` + strings.Repeat(" ", 17<<20) + `1}`))
	require.False(t, s.Next())
	require.ErrorContains(t, s.Err(), "want at most 16 MiB")
}

func TestScannerTakesOnce(t *testing.T) {
	t.Parallel()
	s := Scan([]byte(`{"a":"x","b":"y"}`))
	require.Empty(t, s.Text(), "before the first member")
	require.Nil(t, s.Raw())
	require.True(t, s.Next())
	require.Equal(t, "x", s.Text())
	require.Empty(t, s.Text())
	require.Nil(t, s.Raw())
	var v string
	plan := mustPlan[string](t, Options{})
	_, err := plan.ReadFrom(s, reflect.ValueOf(&v).Elem())
	require.EqualError(t, err, "payload: have no value that is left, want the value of a member")
	require.True(t, s.Next())
	_, err = plan.ReadFrom(s, reflect.ValueOf(v))
	require.ErrorContains(t, err, "have a destination that is of type string, settable: false")
	_, err = plan.ReadFrom(s, reflect.ValueOf(&v).Elem())
	require.NoError(t, err, "a destination that does not fit takes nothing")
	require.Equal(t, "y", v)
	require.False(t, s.Next())
	require.NoError(t, s.Err())
}
