// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/internal/fixture/bill110"
	"github.com/plugreg/plugreg/internal/fixture/bill123"
	"github.com/plugreg/plugreg/internal/fixture/bill130"
	"github.com/plugreg/plugreg/internal/fixture/bill200"
	"github.com/plugreg/plugreg/internal/fixture/coin1"
	"github.com/plugreg/plugreg/internal/fixture/coin2"
)

// bill describes the payloads of a version of a plugin.
func bill(t testing.TB, version string, p plugreg.Policy, data ...any) plugreg.Contract {
	t.Helper()
	c, err := plugreg.ContractOf[io.Closer]("acme.bill", version, plugreg.Description{Data: data, Policy: p})
	require.NoError(t, err)
	return c
}

// bills are the contracts of four versions, all of which declare the policy p.
func bills(t testing.TB, p plugreg.Policy) map[string]plugreg.Contract {
	t.Helper()
	return map[string]plugreg.Contract{
		"1.1.0": bill(t, "1.1.0", p, bill110.Request{}, bill110.Receipt{}),
		"1.2.3": bill(t, "1.2.3", p, bill123.Request{}, bill123.Receipt{}),
		"1.3.0": bill(t, "1.3.0", p, bill130.Request{}, bill130.Receipt{}),
		"2.0.0": bill(t, "2.0.0", p, bill200.Request{}, bill200.Receipt{}),
	}
}

var (
	request110 = bill110.Request{
		ID: "a", Amount: 7, Payer: &bill110.Party{Name: "Ada"}, Lines: []bill110.Line{{SKU: "x", Count: 1}, {SKU: "y", Count: 2}},
		Rates: map[string]bill110.Rate{"uk": {Percent: 20}}, First: bill110.Page[bill110.Line]{Items: []bill110.Line{{SKU: "z", Count: 3}}, Next: "n"},
		Limit: 900, Urgent: true, Tries: 3, Currency: "GBP", Meta: bill110.Meta{Trace: "t"},
	}
	request123 = bill123.Request{
		ID: "a", Amount: 7, Payer: &bill123.Party{Name: "Ada", VAT: "GB1"}, Lines: []bill123.Line{{SKU: "x", Count: 1, Unit: "kg"}, {SKU: "y", Count: 2, Unit: "kg"}},
		Rates: map[string]bill123.Rate{"uk": {Percent: 20, Fixed: true}}, First: bill123.Page[bill123.Line]{Items: []bill123.Line{{SKU: "z", Count: 3, Unit: "kg"}}, Next: "n", Total: 1},
		Limit: 900, Urgent: true, Tries: 3, Currency: "GBP", Meta: bill123.Meta{Trace: "t", Span: "s"}, Note: "hi",
	}
	request130 = bill130.Request{
		ID: "a", Amount: 7, Payer: &bill130.Party{Name: "Ada", VAT: "GB1"}, Lines: []bill130.Line{{SKU: "x", Count: 1, Unit: "kg"}, {SKU: "y", Count: 2, Unit: "kg"}},
		Rates: map[string]bill130.Rate{"uk": {Percent: 20, Fixed: true}}, First: bill130.Page[bill130.Line]{Items: []bill130.Line{{SKU: "z", Count: 3, Unit: "kg"}}, Next: "n", Total: 1},
		Limit: 900, Urgent: true, Tries: 3, Currency: "GBP", Meta: bill130.Meta{Trace: "t", Span: "s"}, Note: "hi",
	}
	request200 = bill200.Request{
		ID: "a", Amount: 7, Payer: &bill200.Party{Name: "Ada", VAT: "GB1"}, Lines: []bill200.Line{{SKU: "x", Count: 1, Unit: "kg"}}, Limit: "many", Ref: "r",
	}
)

// decodedAs reads a payload of the writer's version by the reader's contract, and returns what was adjusted, in lines.
func decodedAs[T any](t *testing.T, payload []byte, reader, writer plugreg.Contract, opts plugreg.DecodeOptions) (v T, lines []string, err error) {
	t.Helper()
	v, adjustments, err := plugreg.Decode[T](payload, reader, writer, opts)
	codec, failed := plugreg.NewCodec[T](reader, opts, writer)
	require.NoError(t, failed)
	w, same, again := codec.Decode(payload)
	require.Equal(t, v, w)
	require.Equal(t, adjustments, same)
	if err == nil {
		require.NoError(t, again)
		for _, a := range adjustments {
			lines = append(lines, strings.TrimSpace(string(a.Kind)+" "+a.Path+" "+a.Detail))
		}
		return v, lines, nil
	}
	require.EqualError(t, again, err.Error())
	require.Nil(t, adjustments)
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.Zero(t, v)
	return v, nil, err
}

func encoded(t testing.TB, c plugreg.Contract, v any) []byte {
	t.Helper()
	payload, err := plugreg.Encode(c, v)
	require.NoError(t, err)
	return payload
}

// faultsOf are the lines of an error behind the first colon that follows the head.
func faultsOf(err error) []string { return strings.Split(err.Error(), "\n") }

// Every pair of versions, in both directions, under every policy. The lists of adjustments and of faults are exact.
func TestDecodeAcrossVersions(t *testing.T) {
	t.Parallel()
	as110 := func(t *testing.T, p []byte, r, w plugreg.Contract, o plugreg.DecodeOptions) (any, []string, error) {
		return decodedAs[bill110.Request](t, p, r, w, o)
	}
	as123 := func(t *testing.T, p []byte, r, w plugreg.Contract, o plugreg.DecodeOptions) (any, []string, error) {
		return decodedAs[bill123.Request](t, p, r, w, o)
	}
	as130 := func(t *testing.T, p []byte, r, w plugreg.Contract, o plugreg.DecodeOptions) (any, []string, error) {
		return decodedAs[bill130.Request](t, p, r, w, o)
	}
	as200 := func(t *testing.T, p []byte, r, w plugreg.Contract, o plugreg.DecodeOptions) (any, []string, error) {
		return decodedAs[bill200.Request](t, p, r, w, o)
	}
	type decode = func(t *testing.T, p []byte, r, w plugreg.Contract, o plugreg.DecodeOptions) (any, []string, error)
	filled123 := request123
	filled123.Payer = &bill123.Party{Name: "Ada", VAT: "none"}
	filled123.Lines = []bill123.Line{{SKU: "x", Count: 1, Unit: "pcs"}, {SKU: "y", Count: 2, Unit: "pcs"}}
	filled123.Rates = map[string]bill123.Rate{"uk": {Percent: 20}}
	filled123.First = bill123.Page[bill123.Line]{Items: []bill123.Line{{SKU: "z", Count: 3, Unit: "pcs"}}, Next: "n"}
	filled123.Meta, filled123.Note = bill123.Meta{Trace: "t"}, ""
	lost110 := request110
	lost123 := request123
	lost123.Payer, lost123.Meta.Trace = nil, ""
	lost123.Lines = []bill123.Line{{Count: 1, Unit: "kg"}, {Count: 2, Unit: "kg"}}
	lost123.First.Items = []bill123.Line{{Count: 3, Unit: "kg"}}
	tests := []struct {
		name           string
		writer, reader string
		value          any
		as             decode
		want           any
		adjusted       []string
		closed         []string // faults of Forward; nil: as the others
	}{
		{
			name: "new reads old", writer: "1.1.0", reader: "1.2.3", value: request110, as: as123, want: filled123,
			adjusted: []string{
				"filled first.items[0].unit pcs", "filled lines[0].unit pcs", "filled lines[1].unit pcs", "filled payer.vat none",
			},
		},
		{
			name: "old reads new", writer: "1.2.3", reader: "1.1.0", value: request123, as: as110, want: lost110,
			adjusted: []string{
				"dropped first.items[0].unit", "dropped first.total", "dropped lines[0].unit", "dropped lines[1].unit", "dropped note",
				"dropped payer.vat", "dropped rates.uk.fixed", "dropped span",
			},
			closed: []string{
				`plugin "acme.bill" 1.1.0: payload: contract violation: field first.items[0].unit: have an unknown key, want one of "count", "sku"`,
				`field first.total: have an unknown key, want one of "items", "next"`,
				`field lines[0].unit: have an unknown key, want one of "count", "sku"`,
				`field lines[1].unit: have an unknown key, want one of "count", "sku"`,
				`field note: have an unknown key, want one of "amount", "currency", "first", "id", "limit", "lines", "payer", "rates" and 3 more`,
				`field payer.vat: have an unknown key, want one of "name"`,
				`field rates.uk.fixed: have an unknown key, want one of "percent"`,
				`field span: have an unknown key, want one of "amount", "currency", "first", "id", "limit", "lines", "payer", "rates" and 3 more`,
			},
		},
		{
			name: "new names are found by the old ones", writer: "1.2.3", reader: "1.3.0", value: request123, as: as130, want: request130,
			adjusted: []string{"aliased customer payer", "aliased first.items[0].code sku", "aliased lines[0].code sku", "aliased lines[1].code sku", "aliased trace_id trace"},
		},
		{
			name: "old does not find new names", writer: "1.3.0", reader: "1.2.3", value: request130, as: as123, want: lost123,
			adjusted: []string{"dropped customer", "dropped first.items[0].code", "dropped lines[0].code", "dropped lines[1].code", "dropped trace_id"},
			closed: []string{
				`plugin "acme.bill" 1.2.3: payload: contract violation: field customer: have an unknown key, want one of "amount", "currency", "first", "id", "limit", "lines", "note", "payer" and 5 more`,
				`field first.items[0].code: have an unknown key, want one of "count", "sku", "unit"`,
				`field lines[0].code: have an unknown key, want one of "count", "sku", "unit"`,
				`field lines[1].code: have an unknown key, want one of "count", "sku", "unit"`,
				`field trace_id: have an unknown key, want one of "amount", "currency", "first", "id", "limit", "lines", "note", "payer" and 5 more`,
			},
		},
		{name: "one version", writer: "2.0.0", reader: "2.0.0", value: request200, as: as200, want: request200},
	}
	for _, tt := range tests {
		for _, p := range []plugreg.Policy{plugreg.Default, plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Full, plugreg.Strict} {
			t.Run(tt.name+"/"+p.String(), func(t *testing.T) {
				t.Parallel()
				contracts := bills(t, p)
				reader, writer := contracts[tt.reader], contracts[tt.writer]
				v, lines, err := tt.as(t, encoded(t, writer, tt.value), reader, writer, plugreg.DecodeOptions{})
				switch {
				case p == plugreg.Strict && tt.reader != tt.writer:
					require.EqualError(t, err, `plugin "acme.bill" `+tt.reader+`: payload: payloads of `+tt.writer+` cannot be read as those of `+tt.reader+` under policy strict:
  strict reads payloads of its own version alone`)
					require.Equal(t, "INCOMPATIBLE", plugreg.CodeOf(err))
				case p == plugreg.Forward && tt.closed != nil:
					require.Equal(t, tt.closed, faultsOf(err))
					require.Equal(t, "CONTRACT", plugreg.CodeOf(err))
				default:
					require.NoError(t, err)
					require.Equal(t, tt.want, v)
					require.Equal(t, tt.adjusted, lines)
				}
			})
		}
	}
}

// Another generation is refused by the policies that keep within one; the others go by types, or by values alone.
func TestDecodeAcrossGenerations(t *testing.T) {
	t.Parallel()
	const head = `plugin "acme.bill" 2.0.0: payload: payloads of 1.3.0 cannot be read as those of 2.0.0 under policy `
	const types = `
  data:Request.Amount: written as "int32", and read as "int64"
  .Cents: written as "int64", and read as "string"`
	for p, want := range map[plugreg.Policy]string{
		plugreg.Strict:   head + "strict:\n  strict reads payloads of its own version alone" + types,
		plugreg.Full:     head + "full:\n  full reads payloads of its own major version, and 1 is another than 2" + types,
		plugreg.Backward: head + "backward:\n  backward reads payloads of its own major version, and 1 is another than 2" + types,
		plugreg.Default:  head + "backward:\n  backward reads payloads of its own major version, and 1 is another than 2" + types,
		plugreg.Forward: head + "forward:" + strings.Replace(types, `"int64"
`, `"int64"; DecodeOptions.Widen reads it
`, 1), // where that would be enough
	} {
		contracts := bills(t, p)
		payload := encoded(t, contracts["1.3.0"], request130)
		_, _, err := decodedAs[bill200.Request](t, payload, contracts["2.0.0"], contracts["1.3.0"], plugreg.DecodeOptions{})
		require.EqualError(t, err, want)
		e, ok := errors.AsType[*plugreg.IncompatibleError](err)
		require.True(t, ok)
		require.Equal(t, "1.3.0", e.Report.Old)
		require.Equal(t, "2.0.0", e.Report.New)
		require.Equal(t, plugreg.Incompatible, e.Report.Shape)
		require.Equal(t, plugreg.Incompatible, e.Report.Outcome)
		require.Equal(t, p != plugreg.Forward, e.Report.Step == plugreg.Incompatible)
		require.Equal(t, "INCOMPATIBLE", plugreg.CodeOf(err))
	}
	contracts := bills(t, plugreg.Unchecked)
	payload := encoded(t, contracts["1.3.0"], request130)
	_, _, err := decodedAs[bill200.Request](t, payload, contracts["2.0.0"], contracts["1.3.0"], plugreg.DecodeOptions{})
	require.Equal(t, []string{
		`plugin "acme.bill" 2.0.0: payload: contract violation: field limit: have number 900, want bill200.Cents; write it in quotes`,
		`field ref: have no value, want string; add the key, which is required`,
	}, faultsOf(err))
}

// The strictest of reader, writer and options decides.
func TestDecodeStrictestPolicyCounts(t *testing.T) {
	t.Parallel()
	old := bills(t, plugreg.Default)["1.1.0"]
	policies := []plugreg.Policy{plugreg.Default, plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Full, plugreg.Strict}
	for _, writer := range policies {
		w := bills(t, writer)["1.2.3"]
		payload := encoded(t, w, request123)
		for _, reader := range policies {
			r := old
			r.Policy = reader
			for _, floor := range policies {
				_, _, err := decodedAs[bill110.Request](t, payload, r, w, plugreg.DecodeOptions{Policy: floor})
				switch max(writer, reader, floor) {
				case plugreg.Strict:
					require.Equal(t, "INCOMPATIBLE", plugreg.CodeOf(err))
				case plugreg.Forward:
					require.Equal(t, "CONTRACT", plugreg.CodeOf(err))
				default:
					require.NoError(t, err)
				}
			}
		}
	}
}

// readsAs has what a writer's type is read as under another version's, with what is adjusted or refused.
type readsAs[W, R any] struct {
	name     string
	written  W
	want     R
	policy   plugreg.Policy
	widen    bool
	same     bool // both are of one version
	adjusted []string
	refused  string
}

func (r readsAs[W, R]) run(t *testing.T) {
	t.Run(r.name, func(t *testing.T) {
		t.Parallel()
		version := "1.1.0"
		if r.same {
			version = "1.0.0+other"
		}
		writer, err := plugreg.ContractOf[W]("x", "1.0.0")
		require.NoError(t, err)
		reader, err := plugreg.ContractOf[R]("x", version)
		require.NoError(t, err)
		payload := encoded(t, writer, r.written)
		v, lines, err := decodedAs[R](t, payload, reader, writer, plugreg.DecodeOptions{Policy: r.policy, Widen: r.widen})
		if r.refused != "" {
			require.ErrorContains(t, err, r.refused)
			return
		}
		require.NoError(t, err)
		require.Equal(t, r.want, v)
		require.Equal(t, r.adjusted, lines)
	})
}

// readNum is generic.
type readNum[T any] struct {
	N T `json:"n"`
}

func TestReadable(t *testing.T) {
	t.Parallel()
	const incompatible = "cannot be read as those of"
	readsAs[struct{ N int32 }, struct{ N int64 }]{name: "wider without leave", refused: `contract.N: written as "int32", and read as "int64"; DecodeOptions.Widen reads it`}.run(t)
	readsAs[struct{ N int32 }, struct{ N int64 }]{name: "wider", written: struct{ N int32 }{5}, want: struct{ N int64 }{5}, widen: true, adjusted: []string{"widened N int32"}}.run(t)
	readsAs[struct{ N float32 }, struct{ N float64 }]{name: "wider float", written: struct{ N float32 }{0.5}, want: struct{ N float64 }{0.5}, widen: true, adjusted: []string{"widened N float32"}}.run(t)
	readsAs[struct{ N int64 }, struct{ N int32 }]{name: "narrower", widen: true, refused: `contract.N: written as "int64", and read as "int32"`}.run(t)
	readsAs[struct{ N uint8 }, struct{ N int16 }]{name: "another sign", widen: true, refused: incompatible}.run(t)
	readsAs[struct{ N int32 }, struct{ N float64 }]{name: "another kind", widen: true, refused: incompatible}.run(t)
	readsAs[struct{ N []int32 }, struct{ N []int64 }]{name: "wider elements", widen: true, refused: `contract.N: written as "[]int32", and read as "[]int64"`}.run(t)
	readsAs[struct{ N *int32 }, struct{ N int32 }]{name: "pointer to value", refused: incompatible}.run(t)
	readsAs[struct{ N int32 }, struct{ N int64 }]{name: "wider of one version", widen: true, same: true, refused: "the two contracts of one version differ: breaking field-widened at contract.N"}.run(t)
	readsAs[struct{ N int32 }, struct{ N int64 }]{name: "unchecked leaves it to values", written: struct{ N int32 }{5}, want: struct{ N int64 }{5}, policy: plugreg.Unchecked}.run(t)
	readsAs[struct{ N int64 }, struct{ N int8 }]{name: "unchecked where values do not fit", written: struct{ N int64 }{500}, policy: plugreg.Unchecked, refused: "field N: have number 500"}.run(t)
	readsAs[struct{ N int32 }, struct{ N, M int32 }]{name: "one version unchecked", written: struct{ N int32 }{5}, want: struct{ N, M int32 }{5, 0}, policy: plugreg.Unchecked, same: true}.run(t)
	readsAs[struct{ N int32 }, struct{ N, M int32 }]{name: "one version", same: true, refused: "the two contracts of one version differ: additive field-added at contract.M"}.run(t)
	readsAs[struct{ N int32 }, struct{ N int32 }]{name: "equal contracts but for metadata", written: struct{ N int32 }{5}, want: struct{ N int32 }{5}, same: true, policy: plugreg.Strict}.run(t)
	readsAs[struct{ N int32 }, struct{ N int32 }]{name: "strict wants one version", policy: plugreg.Strict, refused: "strict reads payloads of its own version alone"}.run(t)

	readsAs[struct {
		N int32 `json:",string"`
	}, struct{ N int64 }]{name: "wider and quoted before", written: struct {
		N int32 `json:",string"`
	}{5}, want: struct{ N int64 }{5}, widen: true, adjusted: []string{"widened N int32"}}.run(t)
	readsAs[struct{ N string }, struct {
		N string `json:",string"`
	}]{name: "text that is quoted now", written: struct{ N string }{"5"}, want: struct {
		N string `json:",string"`
	}{"5"}}.run(t)
	readsAs[struct {
		N *bool `json:",string"`
	}, struct{ N *bool }]{name: "null that was quoted", written: struct {
		N *bool `json:",string"`
	}{nil}}.run(t)
	readsAs[struct {
		A int `json:"a"`
		B int `json:"b"`
	}, struct {
		A int `json:"a" plugreg:"alias=b"`
	}]{name: "two names that mean the same", refused: `have the keys "a" and "b", which mean the same`}.run(t)
	readsAs[struct {
		A int `json:"a,omitempty"`
	}, struct {
		A int `json:"a" plugreg:"default=7"`
	}]{name: "what was left out has the new default", want: struct {
		A int `json:"a" plugreg:"default=7"`
	}{7}, adjusted: []string{"filled a 7"}}.run(t)
	readsAs[struct {
		A []readNum[int] `json:"a"`
	}, struct {
		A []readNum[string] `json:"a"`
	}]{name: "another argument", refused: incompatible}.run(t)
	readsAs[struct {
		A map[string][]*bill110.Party `json:"a"`
	}, struct {
		A map[string][]*bill110.Party `json:"a"`
		B *bill110.Party              `json:"b" plugreg:"required"`
	}]{name: "required at the root", written: struct {
		A map[string][]*bill110.Party `json:"a"`
	}{map[string][]*bill110.Party{"x": {nil}}}, refused: "field b: have no value, want *bill110.Party; add the key, which is required"}.run(t)
}

// What changed below a type's name counts wherever the name stands.
func TestReadableBelowNames(t *testing.T) {
	t.Parallel()
	coins := func(version string, data ...any) plugreg.Contract {
		c, err := plugreg.ContractOf[io.Closer]("coins", version, plugreg.Description{Data: data})
		require.NoError(t, err)
		return c
	}
	old, now := coins("1.0.0", coin1.Purse{}, coin1.Mail{}, coin1.Ticket{}), coins("1.1.0", coin2.Purse{}, coin2.Mail{}, coin2.Ticket{})
	cents := coin1.Cents(3)
	purse := coin1.Purse{Total: 1, All: coin1.Amounts{2}, ByName: map[string]*coin1.Cents{"a": &cents}, Main: coin1.Coin{Value: 4}}
	purse.Literal.Coins = []coin1.Coin{{Value: 5}}
	payload := encoded(t, old, purse)

	_, _, err := decodedAs[coin2.Purse](t, payload, now, old, plugreg.DecodeOptions{})
	require.EqualError(t, err, `plugin "coins" 1.1.0: payload: payloads of 1.0.0 cannot be read as those of 1.1.0 under policy backward:
  .Cents: written as "int32", and read as "int64"; DecodeOptions.Widen reads it`, "once, where it changed")
	v, lines, err := decodedAs[coin2.Purse](t, payload, now, old, plugreg.DecodeOptions{Widen: true})
	require.NoError(t, err)
	more := coin2.Cents(3)
	want := coin2.Purse{Total: 1, All: coin2.Amounts{2}, ByName: map[string]*coin2.Cents{"a": &more}, Main: coin2.Coin{Value: 4}}
	want.Literal.Coins = []coin2.Coin{{Value: 5}}
	require.Equal(t, want, v)
	require.Equal(t, []string{"widened all int32", "widened by_name int32", "widened total int32"}, lines)
	_, _, err = decodedAs[coin1.Purse](t, encoded(t, now, want), old, now, plugreg.DecodeOptions{Widen: true})
	require.ErrorContains(t, err, `.Cents: written as "int64", and read as "int32"`)

	_, _, err = decodedAs[coin2.Ticket](t, encoded(t, old, coin1.Ticket{}), now, old, plugreg.DecodeOptions{})
	require.EqualError(t, err, `plugin "coins" 1.1.0: payload: payloads of 1.0.0 cannot be read as those of 1.1.0 under policy backward:
  .Status: written by encoding/json, and read by MarshalText`, "what a type does itself is not looked into")
	mail, lines, err := decodedAs[coin2.Mail](t, encoded(t, old, coin1.Mail{N: 2}), now, old, plugreg.DecodeOptions{})
	require.NoError(t, err)
	require.Equal(t, coin2.Mail{N: 2}, mail)
	require.Empty(t, lines)

	// The payload itself may be such a number, or a type that the other version does not list.
	old, now = coins("1.0.0", coin1.Cents(0), coin1.Coin{}), coins("1.1.0", coin2.Cents(0))
	n, lines, err := decodedAs[coin2.Cents](t, encoded(t, old, coin1.Cents(7)), now, old, plugreg.DecodeOptions{Widen: true})
	require.NoError(t, err)
	require.Equal(t, coin2.Cents(7), n)
	require.Equal(t, []string{"widened  int32"}, lines)
	now.Version = "1.2.0"
	payload = []byte(strings.NewReplacer("coins@1.0.0", "coins@1.2.0", old.Digest().String(), now.Digest().String()).Replace(string(encoded(t, old, coin1.Coin{}))))
	_, _, err = decodedAs[coin1.Coin](t, payload, old, now, plugreg.DecodeOptions{})
	require.ErrorContains(t, err, "data:Coin does not exist in the writer's contract")
	_, _, err = decodedAs[coin1.Coin](t, payload, old, now, plugreg.DecodeOptions{Policy: plugreg.Unchecked})
	require.NoError(t, err, "the value fits")

	// A type that was listed meanwhile is the same type.
	old, now = coins("1.0.0", coin1.Purse{}), coins("1.1.0", coin1.Purse{}, coin1.Coin{})
	_, lines, err = decodedAs[coin1.Purse](t, encoded(t, old, purse), now, old, plugreg.DecodeOptions{})
	require.NoError(t, err)
	require.Empty(t, lines)
	_, lines, err = decodedAs[coin1.Purse](t, encoded(t, now, purse), old, now, plugreg.DecodeOptions{})
	require.NoError(t, err)
	require.Empty(t, lines)
}

// Of one version there is one contract. Strict wants all of it to be the same, others what the payload is made of.
func TestReadableTwoContractsOfOneVersion(t *testing.T) {
	t.Parallel()
	a, b := bill(t, "1.1.0", plugreg.Default, bill110.Request{}), bill(t, "1.1.0+b", plugreg.Default, bill110.Request{}, bill110.Receipt{})
	payload := encoded(t, a, request110)
	_, lines, err := decodedAs[bill110.Request](t, payload, b, a, plugreg.DecodeOptions{Policy: plugreg.Full})
	require.NoError(t, err)
	require.Empty(t, lines)
	_, _, err = decodedAs[bill110.Request](t, payload, b, a, plugreg.DecodeOptions{Policy: plugreg.Strict})
	require.ErrorContains(t, err, "strict takes equal contracts alone, and what differs is no part of the payload")
}
