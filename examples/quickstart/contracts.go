// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// The contracts of this host: small interfaces, which a plugin satisfies by having their methods. Plugins name none of
// them, and one that has the methods of two satisfies both.

// LogSink takes what the host has to say. It must be safe for concurrent use.
type LogSink interface {
	Write(level, msg string) error
	Close() error
}

// Validator says what is wrong with a row; nil if nothing is.
type Validator interface {
	Validate(row airport.Airport) error
}

// Transformer returns what a row should be instead.
type Transformer interface {
	Transform(row airport.Airport) (airport.Airport, error)
}

// Exporter writes rows to the file that its setting "path" names; Close completes the file. Export is called many times,
// one call after the other, and must neither change rows nor keep them.
type Exporter interface {
	Supports(format string) bool
	Export(ctx context.Context, rows []airport.Airport) error
	Close() error
}
