// SPDX-License-Identifier: Apache-2.0

// Package v200 is version 2.0.0 of the payment request, a new generation: amounts beyond 21,474,836.47 fit, and
// neither card tokens nor telephone numbers are kept.
package v200

// PaymentRequest asks for one payment.
type PaymentRequest struct {
	ID        string `json:"id" plugreg:"required"`
	Amount    int64  `json:"amount" plugreg:"required"`
	Currency  string `json:"currency" plugreg:"required"`
	Reference string `json:"remittance" plugreg:"alias=reference"`
	Debtor    Party  `json:"debtor"`
	Creditor  Party  `json:"creditor"`
	Method    string `json:"method" plugreg:"default=transfer"`
	Charges   string `json:"charges" plugreg:"default=SHA"` // borne by: SHA, OUR, BEN
}

// Party pays or is paid.
type Party struct {
	Name string `json:"name"`
	IBAN string `json:"iban,omitempty"`
	BIC  string `json:"bic,omitempty"`
}
