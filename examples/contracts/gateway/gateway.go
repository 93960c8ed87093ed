// SPDX-License-Identifier: Apache-2.0

// Package gateway is what the host and its payment plugins agree on, in every version.
package gateway

import "github.com/plugreg/plugreg"

// Gateway is the contract.
type Gateway interface {
	// Request returns a zero request of the type that the gateway takes.
	Request() any
	Close() error
}

// Of is a gateway that takes requests of type R. What it would do with them is no matter here.
type Of[R any] struct{ plugreg.NoClose }

// Request returns a zero R.
func (Of[R]) Request() any { return *new(R) }
