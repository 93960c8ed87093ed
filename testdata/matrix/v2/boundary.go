// SPDX-License-Identifier: Apache-2.0

package v2

import (
	"unicode"

	"github.com/plugreg/plugreg"
)

// Idle is a row of the matrix, or part of one.
type Idle struct{}

// Close does nothing.
func (*Idle) Close() error { return nil }

// Moved is a row of the matrix, or part of one.
type Moved struct{ N int }

// Close does nothing.
func (*Moved) Close() error { return nil }

// Level is a row of the matrix, or part of one.
type Level int

// MarshalText does nothing.
func (Level) MarshalText() ([]byte, error) { return nil, nil }

// Logger is a row of the matrix, or part of one.
type Logger interface {
	Log(l Level)
	Close() error
}

// Embeds is a row of the matrix, or part of one.
type Embeds struct {
	Base
	unicode.Range16
}

// Base is a row of the matrix, or part of one.
type Base struct{ Host string }

// Limits is a row of the matrix, or part of one.
type Limits struct {
	A    int
	Tags []string
}

// First is a row of the matrix, or part of one.
type First struct {
	Host string `plugreg:"required"`
	Port int
}

// Shop is a row of the matrix, or part of one.
type Shop struct{ plugreg.NoClose }

// Last is a method of the plugin's own.
func (*Shop) Last() Order { return Order{} }

// Batch is a row of the matrix, or part of one.
type Batch struct{ Orders []Order }

// Order is a row of the matrix, or part of one.
type Order struct{ N int }

// MarshalJSON does nothing.
func (Order) MarshalJSON() ([]byte, error) { return []byte("0"), nil }

// Reading is a row of the matrix, or part of one.
type Reading struct {
	Temperature Degrees `json:"temperature,omitzero"`
}

// Degrees is a row of the matrix, or part of one.
type Degrees struct{ Celsius float64 }

// IsZero does nothing.
func (Degrees) IsZero() bool { return false }
