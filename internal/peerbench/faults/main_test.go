// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that are left, but not in the process of a cell: what a peer leaves behind there ends
// with it, and plugreg's cells look for themselves.
func TestMain(m *testing.M) {
	if os.Getenv(cellVariable) != "" {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}
