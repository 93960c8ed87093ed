// SPDX-License-Identifier: Apache-2.0

// Package v123 is version 1.2.3 of the payment request. Cards are new: two fields more, both of which may be absent.
package v123

// PaymentRequest asks for one payment.
type PaymentRequest struct {
	ID        string `json:"id" plugreg:"required"`
	Amount    int32  `json:"amount" plugreg:"required"`
	Currency  string `json:"currency" plugreg:"required"`
	Reference string `json:"reference"`
	Debtor    Party  `json:"debtor"`
	Creditor  Party  `json:"creditor"`
	Method    string `json:"method" plugreg:"default=transfer"` // or card
	CardToken string `json:"card_token,omitempty"`
}

// Party pays or is paid.
type Party struct {
	Name  string `json:"name"`
	IBAN  string `json:"iban,omitempty"`
	Phone string `json:"phone,omitempty"`
}
