// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

type cgTeeth struct {
	Count int    `json:"count"`
	Steel string `json:"steel"`
}

// Defaults may be a pointer: each instance gets a copy of what it points to, and nil is the zero struct.
func TestConfiguredByPointer(t *testing.T) {
	t.Parallel()
	defaults := &cgTeeth{Count: 12, Steel: "carbon"}
	var got []*cgTeeth
	build := func(_ context.Context, _ *plugreg.Env, cfg *cgTeeth) (gear, error) {
		got = append(got, cfg)
		return &spur{}, nil
	}
	r := gears(t, plugreg.Config{}, plugreg.Configured(spurPlugin("gear", "1.0.0", nil), defaults, build),
		plugreg.Configured(spurPlugin("bare", "1.0.0", nil), (*cgTeeth)(nil), build))
	for _, open := range []struct {
		name     string
		settings map[string]any
	}{{"gear", map[string]any{"count": 30}}, {"gear", nil}, {"bare", map[string]any{"steel": "tool"}}} {
		_, err := r.Open(t.Context(), open.name, "", open.settings)
		require.NoError(t, err)
	}
	require.Equal(t, []*cgTeeth{{30, "carbon"}, {12, "carbon"}, {0, "tool"}}, got)
	require.Equal(t, &cgTeeth{12, "carbon"}, defaults, "what the host gave is as it was")
	require.NotSame(t, defaults, got[1])
	require.NoError(t, r.Close(t.Context()))
}
