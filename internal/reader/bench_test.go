// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	order struct {
		ID       string            `json:"id" plugreg:"required"`
		Customer party             `json:"customer"`
		Seller   *party            `json:"seller,omitempty"`
		Lines    []line            `json:"lines"`
		Labels   map[string]string `json:"labels"`
		Placed   int64             `json:"placed"`
		Timeout  time.Duration     `json:"timeout"`
		Paid     bool              `json:"paid"`
		Total    float64           `json:"total"`
		Currency string            `json:"currency" plugreg:"default=EUR"`
		Notes    []string          `json:"notes"`
	}
	party struct {
		Name    string  `json:"name"`
		Email   string  `json:"email"`
		Address address `json:"address"`
	}
	address struct {
		Street  string `json:"street"`
		City    string `json:"city"`
		Zip     string `json:"zip"`
		Country string `json:"country" plugreg:"alias=land"`
	}
	line struct {
		SKU      string   `json:"sku"`
		Title    string   `json:"title"`
		Quantity int      `json:"quantity"`
		Price    float64  `json:"price"`
		Weight   uint32   `json:"weight"`
		Tags     []string `json:"tags"`
	}
)

func orderOf(lines int) order {
	p := party{"Ada Lovelace", "ada@example.org", address{"12 St James's Square", "London", "SW1Y 4JH", "United Kingdom"}}
	o := order{
		ID: "b9f8c1d2-7a55-4b1e-9a77-0c6b1a2d3e4f", Customer: p, Seller: &p, Labels: map[string]string{"channel": "web", "region": "west"},
		Placed: 1767225600123, Timeout: 90 * time.Second, Paid: true, Total: 1234.5, Currency: "GBP",
		Notes: []string{"leave at the door", "ring twice", "fragile"},
	}
	for i := range lines {
		o.Lines = append(o.Lines, line{fmt.Sprintf("SKU-%05d", i), "Analytical engine, part " + fmt.Sprint(i), i + 1, 19.99 + float64(i), 250, []string{"brass", "gear"}})
	}
	return o
}

func mustPlan[T any](t require.TestingT, o Options) *Plan {
	p, err := PlanOf(reflect.TypeFor[T](), o)
	require.NoError(t, err)
	return p
}

func BenchmarkRead(b *testing.B) {
	document, err := json.Marshal(orderOf(10))
	require.NoError(b, err)
	plan := mustPlan[order](b, Options{})
	for name, read := range map[string]func(*order) error{
		"reader": func(o *order) error {
			_, err := plan.Read(document, reflect.ValueOf(o).Elem())
			return err
		},
		"json": func(o *order) error { return json.Unmarshal(document, o) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				var o order
				if err := read(&o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	o := orderOf(10)
	plan := mustPlan[order](b, Options{})
	for name, write := range map[string]func() ([]byte, error){
		"reader": func() ([]byte, error) { return plan.Append(nil, reflect.ValueOf(&o).Elem()) },
		"json":   func() ([]byte, error) { return json.Marshal(&o) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := write(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPlanOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := PlanOf(reflect.TypeFor[order](), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
