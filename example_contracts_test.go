// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/plugreg/plugreg"
)

// Invoice is a payload, and InvoiceNext what shall follow it: an amount that overflowed is wider, and a name has
// changed.
type (
	Invoice struct {
		Number string `json:"number" plugreg:"required"`
		Cents  int32  `json:"cents"`
		Notes  string `json:"notes,omitempty"`
	}
	InvoiceNext struct {
		Number   string `json:"id" plugreg:"required,alias=number"`
		Cents    int64  `json:"cents"`
		Notes    string `json:"notes,omitempty"`
		Currency string `json:"currency" plugreg:"default=EUR"`
	}
)

// invoices are the contracts of both.
func invoices(oldVersion, newVersion string) (old, new plugreg.Contract) {
	old, err1 := plugreg.ContractOf[Invoice]("acme.invoice", oldVersion)
	new, err2 := plugreg.ContractOf[InvoiceNext]("acme.invoice", newVersion)
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}
	return old, new
}

func ExampleDiff() {
	old, new := invoices("1.4.0", "1.5.0")
	for _, c := range plugreg.Diff(old, new) {
		if c.Severity > plugreg.Cosmetic {
			fmt.Println(c)
		}
	}
	// Output:
	// breaking field-widened at contract.Cents: was "int32", is "int64" (caller, reader)
	// additive field-added at contract.Currency: is "string" (caller)
	// additive wire-aliased at contract.Number: was "number", is "id" (reader)
}

func ExampleChanges_RequiredVersion() {
	changes := plugreg.Diff(invoices("1.4.0", "1.5.0"))
	version, err := changes.RequiredVersion("1.4.0")
	fmt.Println(version, err)
	version, err = changes[:0].RequiredVersion("1.4.0")
	fmt.Println(version, err)
	// Output:
	// 2.0.0 <nil>
	// 1.4.0 <nil>
}

func ExamplePolicy_Check() {
	old, new := invoices("1.4.0", "2.0.0")
	for _, p := range []plugreg.Policy{plugreg.Strict, plugreg.Full, plugreg.Backward, plugreg.Forward, plugreg.Unchecked} {
		r := p.Check(old, new)
		fmt.Printf("%-9v shape %v, step %v: %v\n", p, r.Shape, r.Step, r.Outcome)
	}
	// Output:
	// strict    shape incompatible, step incompatible: incompatible
	// full      shape incompatible, step incompatible: incompatible
	// backward  shape incompatible, step incompatible: incompatible
	// forward   shape compatible, step compatible: compatible
	// unchecked shape compatible, step compatible: compatible
}

func ExampleCheckHistory() {
	released, slipped := invoices("1.4.0", "1.4.1") // the latter broke what was promised, and nobody looked
	candidate := slipped
	candidate.Version = "1.4.2"
	report := plugreg.CheckHistory(plugreg.Backward, candidate, []plugreg.Contract{released, slipped})
	fmt.Println(report.New, "after", report.Old, "is", report.Outcome)
	for _, other := range report.History {
		fmt.Println(other.New, "after", other.Old, "is", other.Outcome)
	}
	// Output:
	// 1.4.2 after 1.4.0 is incompatible
	// 1.4.2 after 1.4.1 is compatible
}

func ExampleDecode() {
	old, new := invoices("1.4.0", "2.0.0")
	payload, err := plugreg.Encode(old, Invoice{Number: "2026-0042", Cents: 12999})
	if err != nil {
		log.Fatal(err)
	}
	opts := plugreg.DecodeOptions{Policy: plugreg.Forward, Widen: true}
	invoice, adjustments, err := plugreg.Decode[InvoiceNext](payload, new, old, opts)
	fmt.Printf("%+v %v\n", invoice, err)
	for _, a := range adjustments {
		fmt.Println(a.Kind, a.Path, a.Detail)
	}
	// Unordered output:
	// {Number:2026-0042 Cents:12999 Notes: Currency:EUR} <nil>
	// aliased id number
	// widened cents int32
	// filled currency EUR
}

func ExampleNewCodec() {
	old, new := invoices("1.4.0", "2.0.0")
	codec, err := plugreg.NewCodec[InvoiceNext](new, plugreg.DecodeOptions{Policy: plugreg.Forward, Widen: true}, old)
	if err != nil {
		log.Fatal(err)
	}
	today, err1 := codec.Encode(InvoiceNext{Number: "2026-0043", Cents: 5_000_000_000, Currency: "JPY"})
	earlier, err2 := plugreg.Encode(old, Invoice{Number: "2026-0042", Cents: 12999})
	fmt.Println(err1, err2)
	for _, payload := range [][]byte{today, earlier} { // whichever version wrote it
		invoice, _, err := codec.Decode(payload)
		fmt.Println(invoice.Number, invoice.Cents, invoice.Currency, err)
	}
	// Output:
	// <nil> <nil>
	// 2026-0043 5000000000 JPY <nil>
	// 2026-0042 12999 EUR <nil>
}
