// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who does not want to know pays nothing: no snapshot is made, and nobody takes turns.
func TestNoOnSnapshotCostsNothing(t *testing.T) {
	r := MustNew[io.Closer](Config{})
	r.MustRegister(drawerPlugin("acme", "1.0.0"))
	require.Zero(t, testing.AllocsPerRun(100, r.core.announce))
	require.False(t, r.core.news.due)
	require.NoError(t, r.Close(t.Context()))
}
