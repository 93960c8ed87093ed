// SPDX-License-Identifier: Apache-2.0

package plugregtest_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/plugregtest"
)

func goodOptions() options {
	return options{
		Settings:     map[string]any{"path": "/tmp", "level": 3},
		Call:         put,
		Probes:       []func(Store) bool{func(s Store) bool { return s.(interface{ Supports(string) bool }).Supports("keys") }},
		Dependencies: []plugreg.Plugin[Store]{clockPlugin()},
	}
}

func TestGoodPlugin(t *testing.T) {
	t.Parallel()
	require.NoError(t, plugregtest.Check(t.Context(), goodPlugin(), goodOptions()))
}

func TestGoodPluginInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, plugregtest.Check(t.Context(), goodPlugin(), goodOptions()))
	})
}

func TestZeroOptions(t *testing.T) {
	t.Parallel()
	require.NoError(t, plugregtest.Check(t.Context(), fakes(func() *fake { return new(fake) }), options{}))
	require.NoError(t, plugregtest.Check(t.Context(), starters(func() *starter { return new(starter) }), options{}))
}
