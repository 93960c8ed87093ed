// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
	"github.com/plugreg/plugreg/plugregtest"
)

// exporterOptions are what conformance checks need to know of an exporter. Its calls come one after the other.
func exporterOptions(format, path string) plugregtest.Options[io.Closer] {
	return plugregtest.Options[io.Closer]{
		Settings: map[string]any{"path": path},
		Call: func(ctx context.Context, plugin io.Closer) error {
			return plugin.(Exporter).Export(ctx, []airport.Airport{{IATA: "XYZ", Name: "Somewhere"}})
		},
		Sequential: true,
		Probes:     []func(io.Closer) bool{func(plugin io.Closer) bool { return plugin.(Exporter).Supports(format) }},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out")
	for format, p := range map[string]plugreg.Plugin[io.Closer]{"csv": csvPlugin(), "jsonl": jsonlPlugin()} {
		require.NoError(t, plugregtest.Check(t.Context(), p, exporterOptions(format, path+"."+format)))
	}
	require.NoError(t, plugregtest.Check(t.Context(), consolePlugin(io.Discard), plugregtest.Options[io.Closer]{
		Call: func(_ context.Context, plugin io.Closer) error { return plugin.(LogSink).Write("info", "hello") },
	}))
	require.NoError(t, plugregtest.Check(t.Context(), rulesPlugin(), plugregtest.Options[io.Closer]{
		Call: func(_ context.Context, plugin io.Closer) error {
			_, err := plugin.(Transformer).Transform(airport.Airport{})
			return err
		},
	}))
}

// TestConformanceOfFaultyPlugins shows what their authors would have been told.
func TestConformanceOfFaultyPlugins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // where the patience with the hanging one costs no time
		released := make(chan struct{})
		defer close(released)
		for _, tt := range []struct {
			plugin plugreg.Plugin[io.Closer]
			rule   plugregtest.Rule
		}{{crashingPlugin(), plugregtest.NoPanic}, {hangingPlugin(released), plugregtest.CallSucceeds}} {
			err := plugregtest.Check(t.Context(), tt.plugin, exporterOptions("jsonl", "anywhere"))
			found := plugregtest.Violations(err)
			require.Len(t, found, 1, "%v", err)
			require.Equal(t, tt.rule, found[0].Rule)
			require.Equal(t, "Call", found[0].Operation)
		}
	})
}
