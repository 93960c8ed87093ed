// SPDX-License-Identifier: Apache-2.0

package canon_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/canon"
)

var corpus = []string{
	`{"b":[1,-0,{"c":"\ud83d\ude00\n"}],"a":true}`, `{"a":1,"a":2}`, `[null]`, `[1.5,1e9]`, `"\ud800"`, "\"\xff\"", ` [ ] `, `{"":{}}`,
	`{"é":1}`, `[9223372036854775807,9223372036854775808]`, `{"a":1} x`, `"\u00"`, `[[[[[[[[]]]]]]]]`, `{"\u0061":"\/<>"}`, "[1,\n2]", `{"a":-}`,
}

// FuzzParse compares with encoding/json in both directions: all that is accepted means the same there, and all that is
// accepted there is accepted here unless it holds what canonical JSON cannot say.
func FuzzParse(f *testing.F) {
	for _, s := range corpus {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := canon.Parse(data, canon.Limits{Bytes: 1 << 20, Depth: 100, Values: 10_000})
		if err != nil {
			var at *canon.Error
			require.ErrorAs(t, err, &at)
			require.LessOrEqual(t, at.Offset, len(data))
			require.NotEmpty(t, at.Path)
			limited := errors.Is(err, canon.ErrBytes) || errors.Is(err, canon.ErrDepth) || errors.Is(err, canon.ErrValues)
			require.True(t, limited || !expressible(data), "%q is refused: %v", data, err)
			return
		}
		out := canon.Append(nil, v)
		require.Equal(t, tree(t, data), tree(t, out))
		again, err := canon.Parse(out, canon.Limits{Bytes: 8 << 20, Depth: 100, Values: 10_000})
		require.NoError(t, err)
		require.Equal(t, out, canon.Append(nil, again))
		require.Equal(t, encode(tree(t, data)), string(out))
	})
}

// tree is a document as encoding/json sees it, with integers in one spelling.
func tree(t *testing.T, data []byte) any {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF)
	return plain(v)
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return err
		}
		return n
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// encode is the naive canonical printer: encoding/json sorts keys by bytes, only its escapes differ.
func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	text := strings.TrimSuffix(b.String(), "\n")
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		escape := ""
		if text[i] == '\\' {
			escape = text[i : i+2]
		}
		if escape == `\u` {
			escape = text[i : i+6]
		}
		switch escape {
		case "":
			out.WriteByte(text[i])
			continue
		case `\u2028`:
			out.WriteString("\u2028")
		case `\u2029`:
			out.WriteString("\u2029")
		default:
			out.WriteString(escape)
		}
		i += len(escape) - 1
	}
	return out.String()
}

// expressible reports whether data is JSON that canonical JSON can say. When in doubt the answer is false.
func expressible(data []byte) bool {
	if !json.Valid(data) || !utf8.Valid(data) || bytes.Contains(bytes.ToLower(data), []byte(`\ud`)) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return value(d)
}

func value(d *json.Decoder) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch v := token.(type) {
	case nil:
		return false
	case json.Number:
		_, err := strconv.ParseInt(v.String(), 10, 64)
		return err == nil
	case json.Delim:
		return members(d, v == '{')
	}
	return true
}

func members(d *json.Decoder, object bool) bool {
	seen := map[string]bool{}
	for d.More() {
		if object {
			token, err := d.Token()
			key, ok := token.(string)
			if err != nil || !ok || seen[key] || strings.ContainsFunc(key, func(r rune) bool { return r >= utf8.RuneSelf }) {
				return false
			}
			seen[key] = true
		}
		if !value(d) {
			return false
		}
	}
	_, err := d.Token()
	return err == nil
}
