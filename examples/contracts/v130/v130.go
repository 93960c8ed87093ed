// SPDX-License-Identifier: Apache-2.0

// Package v130 is version 1.3.0 of the payment request. A field has another name in JSON, and an alias for the old
// one; banks may be named.
package v130

// PaymentRequest asks for one payment.
type PaymentRequest struct {
	ID        string `json:"id" plugreg:"required"`
	Amount    int32  `json:"amount" plugreg:"required"`
	Currency  string `json:"currency" plugreg:"required"`
	Reference string `json:"remittance" plugreg:"alias=reference"`
	Debtor    Party  `json:"debtor"`
	Creditor  Party  `json:"creditor"`
	Method    string `json:"method" plugreg:"default=transfer"`
	CardToken string `json:"card_token,omitempty"`
}

// Party pays or is paid.
type Party struct {
	Name  string `json:"name"`
	IBAN  string `json:"iban,omitempty"`
	Phone string `json:"phone,omitempty"`
	BIC   string `json:"bic,omitempty"`
}
