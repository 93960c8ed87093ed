// SPDX-License-Identifier: Apache-2.0

// Package v131 calls itself 1.3.1, and is no patch: amounts are text now, and the currency is gone.
package v131

// PaymentRequest asks for one payment.
type PaymentRequest struct {
	ID        string `json:"id" plugreg:"required"`
	Amount    string `json:"amount" plugreg:"required"` // 129.99 EUR
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
