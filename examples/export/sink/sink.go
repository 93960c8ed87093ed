// SPDX-License-Identifier: Apache-2.0

// Package sink holds the contracts of this host. Its registry is for [Exporter], so a plugin that is none does not compile;
// [Importer] is found by asking a mounted plugin for it.
package sink

import (
	"context"

	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// Exporter writes rows to the file that its setting "path" names.
type Exporter interface {
	// Supports reports whether the plugin writes the format. It is asked on a zero value, before anything is built.
	Supports(format string) bool
	// Export writes rows, in order, after those of the call before; the first call begins the file anew. It must
	// neither change rows nor keep them. Calls come one after the other.
	Export(ctx context.Context, rows []airport.Airport) error
	// Close completes the file.
	Close() error
}

// Importer reads the file that its setting "path" names.
type Importer interface {
	// Import returns all rows in the order in which they were written.
	Import(ctx context.Context) ([]airport.Airport, error)
}
