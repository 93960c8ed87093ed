// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/contracts/v110"
	"github.com/plugreg/plugreg/examples/contracts/v123"
	"github.com/plugreg/plugreg/examples/contracts/v130"
	"github.com/plugreg/plugreg/examples/contracts/v200"
)

// Requests of four versions. Accounts and references are those that the standards give as examples.
var (
	transfer110 = v110.PaymentRequest{
		ID: "pay_01JQZ7M4T8E2", Amount: 12999, Currency: "EUR", Reference: "RF18539007547034",
		Debtor:   v110.Party{Name: "Ada Verhoeven", IBAN: "NL91ABNA0417164300"},
		Creditor: v110.Party{Name: "Buchhandlung Nord", IBAN: "DE89370400440532013000"},
	}
	card123 = v123.PaymentRequest{
		ID: "pay_01JQZ7P9C3K6", Amount: 4250, Currency: "CHF", Reference: "RF712348231",
		Debtor:   v123.Party{Name: "Luc Favre", Phone: "+41 22 555 01 99"},
		Creditor: v123.Party{Name: "Librairie du Lac", IBAN: "CH9300762011623852957"},
		Method:   "card", CardToken: "tok_5tH2kQ8wZr",
	}
	transfer130 = v130.PaymentRequest{
		ID: "pay_01JQZ7S0V5N1", Amount: 1980000, Currency: "JPY", Reference: "RF45G72UUR",
		Debtor:   v130.Party{Name: "Saoirse Byrne", IBAN: "IE29AIBK93115212345678", BIC: "AIBKIE2D"},
		Creditor: v130.Party{Name: "Studio Hoshino", BIC: "BOTKJPJT"},
		Method:   "transfer",
	}
	transfer200 = v200.PaymentRequest{
		ID: "pay_01JQZ7W6H4B8", Amount: 2_500_000_000, Currency: "EUR", Reference: "RF18539007547034",
		Debtor:   v200.Party{Name: "Werft Kiel AG", IBAN: "DE89370400440532013000"},
		Creditor: v200.Party{Name: "Acciaieria Terni", IBAN: "IT60X0542811101000000123456"},
		Method:   "transfer", Charges: "OUR",
	}
)

// payloads writes requests under one version and reads them under another.
func (t *tour) payloads() error {
	t.title("PAYLOADS THAT MEET ANOTHER VERSION")
	t.say("A payload names the contract that it was written under. This one is of 1.1.0:")
	payload, err := plugreg.Encode(t.contracts["1.1.0"], transfer110)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	t.expect(json.Indent(&pretty, payload, "", "  ") == nil, "JSON of a payload: %s", payload)
	t.quote(short(pretty.String()))
	return errors.Join(t.withinOneMajor(), t.acrossGenerations(), t.codec())
}

func (t *tour) withinOneMajor() error {
	t.lead("A new version reads what an old one wrote. No policy is declared, so backward counts.")
	newer := cross(t, "1.1.0", transfer110, "1.3.0", plugreg.DecodeOptions{}, &v130.PaymentRequest{
		ID: transfer110.ID, Amount: 12999, Currency: "EUR", Reference: "RF18539007547034", Method: "transfer",
		Debtor:   v130.Party{Name: "Ada Verhoeven", IBAN: "NL91ABNA0417164300"},
		Creditor: v130.Party{Name: "Buchhandlung Nord", IBAN: "DE89370400440532013000"},
	}, plugreg.FieldAliased, plugreg.FieldFilled)
	t.lead("An old version reads what a new one wrote. What it does not know is dropped, and so is the reference, whose new name it " +
		"has never heard: that is why policy full refused 1.3.0.")
	older := cross(t, "1.3.0", transfer130, "1.1.0", plugreg.DecodeOptions{}, &v110.PaymentRequest{
		ID: transfer130.ID, Amount: 1980000, Currency: "JPY",
		Debtor: v110.Party{Name: "Saoirse Byrne", IBAN: "IE29AIBK93115212345678"}, Creditor: v110.Party{Name: "Studio Hoshino"},
	}, plugreg.FieldDropped)
	return errors.Join(newer, older)
}

func (t *tour) acrossGenerations() error {
	forward := plugreg.DecodeOptions{Policy: plugreg.Forward}
	widening := plugreg.DecodeOptions{Policy: plugreg.Forward, Widen: true}
	t.lead("Generations do not read each other, unless policy forward is asked for.")
	apart := cross[v130.PaymentRequest, v200.PaymentRequest](t, "1.3.0", transfer130, "2.0.0", plugreg.DecodeOptions{}, nil)
	t.lead("Even then an int32 is no int64, unless widening is asked for.")
	narrow := cross[v130.PaymentRequest, v200.PaymentRequest](t, "1.3.0", transfer130, "2.0.0", forward, nil)
	wide := cross(t, "1.3.0", transfer130, "2.0.0", widening, &v200.PaymentRequest{
		ID: transfer130.ID, Amount: 1980000, Currency: "JPY", Reference: "RF45G72UUR", Method: "transfer", Charges: "SHA",
		Debtor:   v200.Party{Name: "Saoirse Byrne", IBAN: "IE29AIBK93115212345678", BIC: "AIBKIE2D"},
		Creditor: v200.Party{Name: "Studio Hoshino", BIC: "BOTKJPJT"},
	}, plugreg.FieldFilled, plugreg.FieldWidened)
	t.lead("What forward does not know it refuses, all of it at once, rather than lose it silently.")
	unknown := cross[v123.PaymentRequest, v200.PaymentRequest](t, "1.2.3", card123, "2.0.0", widening, nil)
	t.lead("The other way an int64 never becomes an int32: 25 million euros would not fit.")
	back := cross[v200.PaymentRequest, v130.PaymentRequest](t, "2.0.0", transfer200, "1.3.0", widening, nil)
	return errors.Join(apart, narrow, wide, unknown, back)
}

// cross writes v under one version and reads it as an R of another. It should become want, with adjustments of these
// kinds at least, or be refused where want is nil.
func cross[W, R any](t *tour, from string, v W, to string, opts plugreg.DecodeOptions, want *R, kinds ...plugreg.AdjustmentKind) error {
	writer, reader := t.contracts[from], t.contracts[to]
	payload, err := plugreg.Encode(writer, v)
	if err != nil {
		return err
	}
	title := fmt.Sprintf("%s -> %s under %v", from, to, cmp.Or(opts.Policy, plugreg.Backward))
	if opts.Widen {
		title += ", widening"
	}
	got, adjustments, err := plugreg.Decode[R](payload, reader, writer, opts)
	if err != nil {
		t.say("%s: refused", title)
		t.quote(short(err.Error()))
		t.expect(want == nil && errors.Is(err, plugreg.ErrContract), "%s: %v", title, err)
		return nil
	}
	t.say("%s: read, %s", title, adjusted(adjustments))
	t.adjustments(adjustments, kinds)
	t.quote(fmt.Sprintf("= %+v", got))
	t.expect(want != nil && reflect.DeepEqual(got, *want), "%s: %+v", title, got)
	return nil
}

func adjusted(all []plugreg.Adjustment) string {
	switch len(all) {
	case 0:
		return "as it is"
	case 1:
		return "1 adjustment"
	}
	return fmt.Sprintf("%d adjustments", len(all))
}

func (t *tour) adjustments(all []plugreg.Adjustment, kinds []plugreg.AdjustmentKind) {
	found := map[plugreg.AdjustmentKind]bool{}
	var rows [][]string
	for _, a := range all {
		found[a.Kind] = true
		rows = append(rows, []string{"", string(a.Kind), a.Path, in(a)})
	}
	for _, k := range kinds {
		t.expect(found[k], "an adjustment of the kind %s among %v", k, all)
	}
	if len(rows) > 0 {
		t.table(rows...)
	}
}

// in says in which way a value differs from the payload.
func in(a plugreg.Adjustment) string {
	switch a.Kind {
	case plugreg.FieldFilled:
		return fmt.Sprintf("with its default %q", a.Detail)
	case plugreg.FieldAliased:
		return fmt.Sprintf("found as %q", a.Detail)
	case plugreg.FieldWidened:
		return "written as " + a.Detail
	}
	return "not known to the reader"
}

// codec reads payloads of all versions with one Codec.
func (t *tour) codec() error {
	t.lead("A service keeps one Codec for its own version, here 1.3.0, and gives it all contracts that the registry remembers.")
	c, err := plugreg.NewCodec[v130.PaymentRequest](t.contracts["1.3.0"], plugreg.DecodeOptions{}, t.released...)
	if err != nil {
		return err
	}
	rows := [][]string{{"WRITTEN UNDER", "IS", "AND SAYS"}}
	for _, p := range [...]struct {
		version string
		request any
	}{{"1.1.0", transfer110}, {"1.2.3", card123}, {"1.3.0", transfer130}, {"2.0.0", transfer200}} {
		payload, err := plugreg.Encode(t.contracts[p.version], p.request)
		if err != nil {
			return err
		}
		got, adjustments, err := c.Decode(payload)
		t.expect((err == nil) == (p.version != "2.0.0"), "1.3.0 reads %s: %v", p.version, err)
		if err != nil {
			rows = append(rows, []string{p.version, "refused", plugreg.CodeOf(err)})
			continue
		}
		said := fmt.Sprintf("%s %d for %s, by %s", got.Currency, got.Amount, got.Reference, got.Method)
		rows = append(rows, []string{p.version, "read, " + adjusted(adjustments), said})
	}
	t.table(rows...)
	return nil
}
