// SPDX-License-Identifier: Apache-2.0

// Package v110 is version 1.1.0 of the payment request: a transfer between two accounts.
package v110

// PaymentRequest asks for one payment.
type PaymentRequest struct {
	ID        string `json:"id" plugreg:"required"`
	Amount    int32  `json:"amount" plugreg:"required"`   // in minor units: 12999 is 129.99 euros
	Currency  string `json:"currency" plugreg:"required"` // by ISO 4217
	Reference string `json:"reference"`                   // of the creditor, by ISO 11649
	Debtor    Party  `json:"debtor"`
	Creditor  Party  `json:"creditor"`
}

// Party pays or is paid.
type Party struct {
	Name  string `json:"name"`
	IBAN  string `json:"iban,omitempty"`
	Phone string `json:"phone,omitempty"`
}
