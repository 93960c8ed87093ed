// SPDX-License-Identifier: Apache-2.0

package zstdsink_test

import (
	"testing"

	"github.com/plugreg/plugreg/examples/export/sink/sinktest"
	"github.com/plugreg/plugreg/examples/export/zstdsink"
)

func TestContracts(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, zstdsink.Plugin(), "jsonl.zst",
		map[string]any{"level": 1, "buffer_bytes": 1},
		map[string]any{"level": 22},
	)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for want, settings := range map[string]map[string]any{
		"setting path: have no value":                     nil,
		`setting "level": want 1 to 22, have 23`:          {"path": "x", "level": 23},
		`setting "buffer_bytes": want 1 or more, have -1`: {"path": "x", "buffer_bytes": -1},
	} {
		sinktest.Rejects(t, zstdsink.Plugin(), settings, want)
	}
}
