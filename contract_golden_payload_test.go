// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/testdata/contracts/fixtures"
)

const payloadDir = "testdata/payloads"

// goldenPayload is a value and the contract that it is written under; its document is testdata/payloads/<name>.json.
type goldenPayload struct {
	name, contract string // the latter a file in testdata/contracts
	value          any
	decode         func(payload []byte, c plugreg.Contract) (any, []plugreg.Adjustment, error)
}

func payloadOf[T any](name, contract string, v T) goldenPayload {
	return goldenPayload{name, contract, v, func(payload []byte, c plugreg.Contract) (any, []plugreg.Adjustment, error) {
		return plugreg.Decode[T](payload, c, c, plugreg.DecodeOptions{})
	}}
}

func goldenPayloads() []goldenPayload {
	return []goldenPayload{
		payloadOf("payment", "payment", goldenPayment()),
		payloadOf("receipt", "payment", &fixtures.Receipt{Payment: new(goldenPayment()), Fee: fixtures.Fee{Amount: 35, Currency: "EUR"}}),
		payloadOf("tags", "tags", fixtures.Tags{
			Plain: -1, Renamed: 2, Required: "", Text: "it's \"quoted\", <b> & \\ \u00e9\u2028\x7f\U0001f600", Number: -2147483648, Float: 1e-7,
			Wait: 90 * time.Minute, Since: time.Date(2026, 12, 31, 23, 59, 59, 999999999, time.UTC), Aliased: "new",
		}),
	}
}

func goldenPayment() fixtures.Payment {
	return fixtures.Payment{
		ID: "pay_01JQZ7M4T8E2", Amount: 12999, Currency: "CHF", At: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC),
		Lines: []fixtures.Line{{Text: "Bücher", Count: 2}, {Text: "Versand"}},
	}
}

// The document and the value make each other.
func TestGoldenPayloads(t *testing.T) {
	for _, tt := range goldenPayloads() {
		t.Run(tt.name, func(t *testing.T) {
			c, err := plugreg.ParseContract(goldenFiles(t)[tt.contract])
			require.NoError(t, err)
			payload, err := plugreg.Encode(c, tt.value)
			require.NoError(t, err)
			path := filepath.Join(payloadDir, tt.name+".json")
			compareGolden(t, path, string(payload)+"\n")
			document, err := os.ReadFile(path)
			require.NoError(t, err)
			got, adjustments, err := tt.decode(document, c)
			require.NoError(t, err)
			require.Equal(t, tt.value, got)
			require.Empty(t, adjustments)
			again, err := plugreg.Encode(c, got)
			require.NoError(t, err)
			require.Equal(t, string(document), string(again)+"\n")
		})
	}
}

// sparse.json is written by hand: keys in another order, white space, an alias, and nothing where there is a default.
func TestGoldenPayloadWrittenByHand(t *testing.T) {
	t.Parallel()
	c, err := plugreg.ParseContract(goldenFiles(t)["payment"])
	require.NoError(t, err)
	document, err := os.ReadFile(filepath.Join(payloadDir, "sparse.json"))
	require.NoError(t, err)
	got, adjustments, err := plugreg.Decode[fixtures.Payment](document, c, c, plugreg.DecodeOptions{})
	require.NoError(t, err)
	want := goldenPayment()
	want.Currency, want.Lines[1].Text = "EUR", ""
	require.Equal(t, want, got)
	require.ElementsMatch(t, []plugreg.AdjustmentKind{plugreg.FieldAliased, plugreg.FieldFilled}, kindsOf(adjustments))

	more := strings.Replace(string(document), `"amount"`, `"note": "new", "amount"`, 1)
	_, adjustments, err = plugreg.Decode[fixtures.Payment]([]byte(more), c, c, plugreg.DecodeOptions{})
	require.NoError(t, err)
	require.Contains(t, adjustments, plugreg.Adjustment{Kind: plugreg.FieldDropped, Path: "note"})
	_, _, err = plugreg.Decode[fixtures.Payment]([]byte(more), c, c, plugreg.DecodeOptions{Policy: plugreg.Strict})
	require.ErrorIs(t, err, plugreg.ErrContract, "what backward drops strict refuses")
	require.ErrorContains(t, err, "note")
	less := strings.Replace(string(document), `"payment_id"`, `"id_of_payment"`, 1)
	_, _, err = plugreg.Decode[fixtures.Payment]([]byte(less), c, c, plugreg.DecodeOptions{})
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.ErrorContains(t, err, "id", "it is required")
}

func kindsOf(list []plugreg.Adjustment) (kinds []plugreg.AdjustmentKind) {
	for _, a := range list {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// The payloads of the following table are read as this.
type (
	payloadRules struct {
		Name   string       `json:"name" plugreg:"required"`
		Size   payloadSize  `json:"size"`
		Other  *payloadSize `json:"other"`
		Stocks []int        `json:"stocks"`
	}
	payloadSize struct {
		Width int `json:"width,omitempty" plugreg:"default=5,alias=w"`
		Depth int `json:"depth,omitempty"`
	}
)

// What the description says about reading.
func TestPayloadRulesOfTheDescription(t *testing.T) {
	t.Parallel()
	c := contractOf[payloadRules](t)
	for _, tt := range []struct{ name, data, want string }{
		{"all is there", `{"stocks":[1],"other":{"width":0},"size":{"w":2,"depth":3},"name":""}`, `{"name":"","size":{"width":2,"depth":3},"other":{"width":0},"stocks":[1]}`},
		{"an absent struct", `{"name":"a"}`, `{"name":"a","size":{"width":5},"other":null,"stocks":null}`},
		{"null", `{"name":"a","other":null,"stocks":null}`, `{"name":"a","size":{"width":5},"other":null,"stocks":null}`},
		{"behind a pointer", `{"name":"a","other":{}}`, `{"name":"a","size":{"width":5},"other":{"width":5},"stocks":null}`},
		{"unknown, by its case", `{"name":"a","Name":"b"}`, `{"name":"a","size":{"width":5},"other":null,"stocks":null}`},
		{"required", `{}`, `field name: `},
		{"null for a struct", `{"name":"a","size":null}`, `field size: have null`},
		{"null for a number", `{"name":"a","size":{"depth":null}}`, `field size.depth: have null`},
		{"two names of one field", `{"name":"a","size":{"width":1,"w":2}}`, `field size.w: `},
		{"a key twice", `{"name":"a","name":"a"}`, `field name: `},
	} {
		document := fmt.Sprintf(`{"data":%s,"digest":%q,"contract":"x@1.0.0"}`, tt.data, c.Digest())
		v, _, err := plugreg.Decode[payloadRules]([]byte(document), c, c, plugreg.DecodeOptions{})
		if !strings.HasPrefix(tt.want, "{") {
			require.ErrorIs(t, err, plugreg.ErrContract, tt.name)
			require.ErrorContains(t, err, tt.want, tt.name)
			continue
		}
		require.NoError(t, err, tt.name)
		again, err := plugreg.Encode(c, v)
		require.NoError(t, err, tt.name)
		require.Equal(t, fmt.Sprintf(`{"contract":"x@1.0.0","digest":%q,"shape":"contract","data":%s}`, c.Digest(), tt.want), string(again), tt.name)
	}
}

// Aliases of types, of Go's sort, are no part of a contract: what they stand for is.
func TestGoldenAliasesAreResolved(t *testing.T) {
	t.Parallel()
	with := contractOf[struct {
		Total  fixtures.Cents
		ByName fixtures.Index[fixtures.Cents]
		Pages  fixtures.Index[fixtures.Rows]
		Pairs  *fixtures.Paged[fixtures.Moment]
	}](t)
	without := contractOf[struct {
		Total  int64
		ByName map[string]int64
		Pages  map[string]fixtures.Page[fixtures.Row]
		Pairs  *fixtures.Page[fixtures.Pair[string, time.Time]]
	}](t)
	requireEqualShapes(t, with.Shapes, without.Shapes)
	embedded := contractOf[struct{ fixtures.MyInt }](t)
	named := contractOf[struct{ MyInt int }](t)
	require.NotEqual(t, embedded.ShapesDigest(), named.ShapesDigest(), "it is embedded")
	require.Equal(t, named.Shapes[0].Fields[0].Type, embedded.Shapes[0].Fields[0].Type)
	require.Equal(t, "MyInt", embedded.Shapes[0].Fields[0].Name)
}

// Another language finds what is wrong with a payload by its contract alone.
func TestVerifyPayloadsInPython(t *testing.T) {
	t.Parallel()
	payment, err := os.ReadFile(filepath.Join(payloadDir, "payment.json"))
	require.NoError(t, err)
	dir, paths := t.TempDir(), []string{}
	cases := []struct{ name, old, new, want string }{
		{"digest", `"digest":"sha256:`, `"digest":"sha256:0`, `.digest: no contract has the digest`},
		{"contract", `@1.4.2"`, `@1.4.3"`, `.contract: found 'acme.payment@1.4.3', computed 'acme.payment@1.4.2'`},
		{"shape", `data:Payment"`, `data:Fee"`, `.shape: the contract has no such payload`},
		{"role", `data:Payment"`, `plugin"`, `.shape: the contract has no such payload`},
		{"unknown key", `{"contract"`, `{"author":"me","contract"`, `.author: unknown key`},
		{"unknown field", `"amount"`, `"sum"`, `.data.sum: unknown key`},
		{"unknown field within", `"count"`, `"number"`, `.data.lines[0].number: unknown key`},
		{"required", `"id":"pay_01JQZ7M4T8E2",`, ``, `.data: found [], want one of ['id', 'payment_id']`},
		{"twice", `"id"`, `"payment_id":"x","id"`, `.data: found ['id', 'payment_id'], want one of`},
		{"no object", `{"text":"Versand","count":0}`, `7`, `.data.lines[1]: want an object`},
		{"key twice", `{"contract"`, `{"digest":"x","contract"`, `"digest" stands there twice`},
	}
	for i, tt := range cases {
		require.Contains(t, string(payment), tt.old, tt.name)
		path := filepath.Join(dir, fmt.Sprintf("payload%02d.json", i))
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(payment), tt.old, tt.new, 1)), 0o644))
		paths = append(paths, path)
	}
	output, err, ok := verifyInPython(t, paths...)
	if !ok {
		return
	}
	require.Error(t, err, output)
	require.NotContains(t, output, "ok ")
	require.NotContains(t, output, "Traceback")
	for i, tt := range cases {
		require.Regexp(t, fmt.Sprintf(`(?m)^mismatch payload%02d\.json \$.*%s`, i, regexp.QuoteMeta(tt.want)), output, tt.name)
	}
}
