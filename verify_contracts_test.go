// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// An update stores what only an expired snapshot has: that is no evidence any more, and the test would never pass.
func TestVerifyContractsUpdatesExpiredEvidence(t *testing.T) {
	r := plugreg.MustNew[io.Closer](plugreg.Config{})
	r.MustRegister(closerPlugin("a", "1.0.0", (*closer)(nil)))
	t.Cleanup(func() { require.NoError(t, r.Close(context.WithoutCancel(t.Context()))) })
	verify := func(dir, update string) *vfT {
		t.Setenv("PLUGREG_UPDATE", update)
		heard := new(vfT)
		plugreg.VerifyContracts(heard, r, dir)
		return heard
	}
	for name, lasts := range map[string]bool{"expired": false, "lasting": true} {
		dir := t.TempDir()
		s := gjPast(r.History("a")...)
		if lasts {
			s.Expires = s.Taken
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "deployed.json"), snDoc(t, s), 0o644))
		require.Equal(t, lasts, len(verify(dir, "").errors) == 0, name)
		require.Empty(t, verify(dir, "1").errors)
		require.Empty(t, verify(dir, "").errors)
		if lasts {
			require.NoFileExists(t, filepath.Join(dir, "a", "1.0.0.json"), "it has the contract already")
		} else {
			require.FileExists(t, filepath.Join(dir, "a", "1.0.0.json"))
		}
	}
}
