// SPDX-License-Identifier: Apache-2.0

package sqlitesink_test

import (
	"testing"

	"github.com/plugreg/plugreg/examples/export/sink/sinktest"
	"github.com/plugreg/plugreg/examples/export/sqlitesink"
)

func TestContracts(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, sqlitesink.Plugin(), "sqlite",
		map[string]any{"batch_rows": 1, "page_bytes": 512},
		map[string]any{"page_bytes": 65536},
	)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for want, settings := range map[string]map[string]any{
		"setting path: have no value":                                            nil,
		`setting "path": want a path without question mark`:                      {"path": "x?mode=memory"},
		`setting "batch_rows": want 1 or more, have 0`:                           {"path": "x", "batch_rows": 0},
		`setting "page_bytes": want a power of two from 512 to 65536, have 1000`: {"path": "x", "page_bytes": 1000},
	} {
		sinktest.Rejects(t, sqlitesink.Plugin(), settings, want)
	}
}
