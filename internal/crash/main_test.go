// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is its own victim: with a kind of death in the environment it dies of it.
func TestMain(m *testing.M) {
	if kind := os.Getenv(kindKey); kind != "" {
		die(kind, os.Getenv(fileKey))
		return
	}
	goleak.VerifyTestMain(m)
}
