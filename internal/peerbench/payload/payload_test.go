// SPDX-License-Identifier: Apache-2.0

// Package payload measures reading a payload of about 2 KB, of the reader's own
// version and of the one before, and judging two versions of 50 fields.
package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Order is what is read.
type Order struct {
	ID       string   `json:"id" avro:"id"`
	Placed   string   `json:"placed" avro:"placed"`
	Currency string   `json:"currency" avro:"currency"`
	Total    int64    `json:"total" avro:"total"`
	Paid     bool     `json:"paid" avro:"paid"`
	Rate     float64  `json:"rate" avro:"rate"`
	Buyer    Party    `json:"buyer" avro:"buyer"`
	Seller   Party    `json:"seller" avro:"seller"`
	Lines    []Line   `json:"lines" avro:"lines"`
	Tags     []string `json:"tags" avro:"tags"`
	Retries  int      `json:"retries" avro:"retries" plugreg:"default=3"`
}

// Party is a nested struct.
type Party struct {
	Name    string `json:"name" avro:"name"`
	Street  string `json:"street" avro:"street"`
	City    string `json:"city" avro:"city"`
	Country string `json:"country" avro:"country"`
	VAT     string `json:"vat" avro:"vat"`
}

// Line is an element of a list.
type Line struct {
	SKU    string  `json:"sku" avro:"sku"`
	Name   string  `json:"name" avro:"name"`
	Amount int64   `json:"amount" avro:"amount"`
	Count  int     `json:"count" avro:"count"`
	Weight float64 `json:"weight" avro:"weight"`
}

// order is the value that is written and read.
func order() Order {
	o := Order{ID: "ord_01JD8Q6V7B3M9X", Placed: "2026-11-22T17:33:06Z", Currency: "EUR", Paid: true, Rate: 1.0837,
		Buyer:  Party{"Åse Lindqvist", "Storgatan 12", "Umeå", "SE", "SE556703748501"},
		Seller: Party{"Müller & Söhne GmbH", "Hafenstraße 3", "Hamburg", "DE", "DE811569869"},
		Tags:   []string{"express", "gift", "customs:cleared"}, Retries: 5}
	for i := range 16 {
		l := Line{fmt.Sprintf("SKU-%06d", 7919*i), fmt.Sprintf("Kettle %d l, brushed steel", i+1), int64(1999 + 250*i), i%3 + 1, 0.8 + float64(i)/8}
		o.Lines = append(o.Lines, l)
		o.Total += l.Amount * int64(l.Count)
	}
	return o
}

// peer prepares to read the order. What reader reports is whether all of it
// was read. To add one, append it to peers in an init function.
type peer struct {
	name    string
	prepare func(tb testing.TB, want Order) (reads func() bool)
}

var peers = []peer{
	{"plain-encoding-json", func(tb testing.TB, want Order) func() bool {
		data := marshal(tb, want)
		return func() bool {
			var o Order
			return json.Unmarshal(data, &o) == nil && whole(o, want)
		}
	}},
	{"encoding-json-strict", func(tb testing.TB, want Order) func() bool {
		data := marshal(tb, want)
		return func() bool {
			var o Order
			d := json.NewDecoder(bytes.NewReader(data))
			d.DisallowUnknownFields()
			return d.Decode(&o) == nil && whole(o, want)
		}
	}},
	{"hamba-avro", func(tb testing.TB, want Order) func() bool {
		schema := avro.MustParse(avroOrder(true))
		data, err := avro.Marshal(schema, want)
		require.NoError(tb, err)
		return func() bool {
			var o Order
			return avro.Unmarshal(schema, data, &o) == nil && whole(o, want)
		}
	}},
	{"hamba-avro-older", func(tb testing.TB, want Order) func() bool {
		want.Retries = 3 // the default, for the writer has no such field
		older, newer := avro.MustParse(avroOrder(false)), avro.MustParse(avroOrder(true))
		data, err := avro.Marshal(older, want)
		require.NoError(tb, err)
		resolved, err := avro.NewSchemaCompatibility().Resolve(newer, older)
		require.NoError(tb, err)
		return func() bool {
			var o Order
			return avro.Unmarshal(resolved, data, &o) == nil && whole(o, want)
		}
	}},
}

func marshal(tb testing.TB, v any) []byte {
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return data
}

// whole looks at what is read last and first: comparing all of it would be part of what is measured.
func whole(o, want Order) bool {
	return o.ID == want.ID && o.Retries == want.Retries && o.Buyer == want.Buyer && len(o.Lines) == len(want.Lines) && o.Lines[15] == want.Lines[15]
}

// avroOrder is the schema of Order, with or without its newest field.
func avroOrder(newest bool) string {
	record := func(name, fields string) string {
		var all []string
		for f := range strings.FieldsSeq(fields) {
			name, typ, _ := strings.Cut(f, ":")
			all = append(all, fmt.Sprintf(`{"name":%q,"type":%s}`, name, typ))
		}
		return fmt.Sprintf(`{"type":"record","name":%q,"fields":[%s]}`, name, strings.Join(all, ","))
	}
	party := record("Party", `name:"string" street:"string" city:"string" country:"string" vat:"string"`)
	line := record("Line", `sku:"string" name:"string" amount:"long" count:"int" weight:"double"`)
	whole := record("Order", `id:"string" placed:"string" currency:"string" total:"long" paid:"boolean" rate:"double" buyer:`+party+` seller:"Party" `+
		`lines:{"type":"array","items":`+line+`} tags:{"type":"array","items":"string"}`)
	if newest {
		whole = strings.TrimSuffix(whole, "]}") + `,{"name":"retries","type":"int","default":3}]}`
	}
	return whole
}

func BenchmarkDecode(b *testing.B) {
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			reads := p.prepare(b, order())
			b.ReportAllocs()
			for b.Loop() {
				if !reads() {
					b.Fatal("not read as it was written")
				}
			}
		})
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryPeerReadsTheOrder(t *testing.T) {
	want := order()
	size := len(marshal(t, want))
	require.InDelta(t, 2048, size, 300)
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) { require.True(t, p.prepare(t, want)()) })
	}
}
