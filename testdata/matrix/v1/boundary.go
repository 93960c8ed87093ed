// SPDX-License-Identifier: Apache-2.0

package v1

import "github.com/plugreg/plugreg"

// Idle is a row of the matrix, or part of one.
type Idle struct{ plugreg.NoClose }

// Moved is a row of the matrix, or part of one.
type Moved struct{ N int }

// Close does nothing.
func (Moved) Close() error { return nil }

// Level is a row of the matrix, or part of one.
type Level int

// Logger is a row of the matrix, or part of one.
type Logger interface {
	Log(l Level)
	Close() error
}

// Embeds is a row of the matrix, or part of one.
type Embeds struct{ Base }

// Base is a row of the matrix, or part of one.
type Base struct{ Host string }

// Limits is a row of the matrix, or part of one.
type Limits struct{ A int }

// Shop is a row of the matrix, or part of one.
type Shop struct{ plugreg.NoClose }

// Last is a method of the plugin's own.
func (*Shop) Last() Order { return Order{} }

// Batch is a row of the matrix, or part of one.
type Batch struct{ Orders []Order }

// Order is a row of the matrix, or part of one.
type Order struct{ N int }

// Reading is a row of the matrix, or part of one.
type Reading struct {
	Temperature Degrees `json:"temperature,omitzero"`
}

// Degrees is a row of the matrix, or part of one.
type Degrees struct{ Celsius float64 }
