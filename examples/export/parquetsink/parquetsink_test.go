// SPDX-License-Identifier: Apache-2.0

package parquetsink_test

import (
	"testing"

	"github.com/plugreg/plugreg/examples/export/parquetsink"
	"github.com/plugreg/plugreg/examples/export/sink/sinktest"
)

func TestContracts(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, parquetsink.Plugin(), "parquet",
		map[string]any{"compression": "none", "group_rows": 1},
		map[string]any{"compression": "snappy", "group_rows": 2},
	)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for want, settings := range map[string]map[string]any{
		"setting path: have no value":                                   nil,
		`setting "compression": want none, snappy or zstd, have "lzma"`: {"path": "x", "compression": "lzma"},
		`setting "group_rows": want 1 or more, have 0`:                  {"path": "x", "group_rows": 0},
	} {
		sinktest.Rejects(t, parquetsink.Plugin(), settings, want)
	}
}
