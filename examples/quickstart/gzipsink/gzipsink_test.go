// SPDX-License-Identifier: Apache-2.0

package gzipsink

import (
	"compress/gzip"
	"context"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

func TestSink(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out.gz")
	s := New()
	require.NoError(t, s.Init(map[string]any{"path": path, "level": 1}))
	require.True(t, s.Supports("jsonl.gz"))
	require.False(t, s.Supports("jsonl"))
	require.NoError(t, s.Export(t.Context(), []airport.Airport{{IATA: "AAA"}, {IATA: "BBB", Latitude: 0.5}}))
	require.NoError(t, s.Close())

	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	zip, err := gzip.NewReader(file)
	require.NoError(t, err)
	text, err := io.ReadAll(zip)
	require.NoError(t, err)
	require.Equal(t, `{"iata":"AAA","name":"","city":"","state":"","country":"","latitude":0,"longitude":0}
{"iata":"BBB","name":"","city":"","state":"","country":"","latitude":0.5,"longitude":0}
`, string(text))
	require.EqualValues(t, len(text), s.Exports()["uncompressed"].(func() int64)())
}

func TestInitRejects(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out.gz")
	for name, tt := range map[string]struct {
		settings map[string]any
		want     string
	}{
		"nothing":     {nil, `setting "path": want the file to write, have none`},
		"unknown key": {map[string]any{"path": path, "levle": 1}, `setting "levle": want path, a string, or level, an int; have a int`},
		"other type":  {map[string]any{"path": path, "level": "best"}, `setting "level": want path, a string, or level, an int; have a string`},
		"level":       {map[string]any{"path": path, "level": 10}, `setting "level": gzip: invalid compression level: 10`},
		"directory":   {map[string]any{"path": filepath.Dir(path)}, "open "},
	} {
		s := New()
		require.ErrorContains(t, s.Init(tt.settings), tt.want, name)
		require.NoError(t, s.Close(), "it can be closed all the same")
	}
	require.NoFileExists(t, path)
}

func TestExportEnds(t *testing.T) {
	t.Parallel()
	s := New()
	require.NoError(t, s.Init(map[string]any{"path": filepath.Join(t.TempDir(), "out.gz")}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Export(ctx, make([]airport.Airport, 1)), context.Canceled)
	require.Zero(t, s.Uncompressed())
	require.Error(t, s.Export(t.Context(), []airport.Airport{{Latitude: inf()}}), "JSON has no infinity")
	require.NoError(t, s.Close())
}

func inf() float64 { zero := 0.0; return 1 / zero }

// TestImports keeps the promise of the package: it knows no host.
func TestImports(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "gzipsink.go", nil, parser.ImportsOnly)
	require.NoError(t, err)
	require.NotEmpty(t, file.Imports)
	for _, imported := range file.Imports {
		require.NotEqual(t, `"github.com/plugreg/plugreg"`, imported.Path.Value)
	}
}
