// SPDX-License-Identifier: Apache-2.0

// Package sinktest checks that a plugin keeps the contracts of package sink: what it exports it imports again, equal.
package sinktest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/export/sink"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// Run checks the plugin with its default settings, and with each of the others.
func Run(t *testing.T, p plugreg.Plugin[sink.Exporter], format string, others ...map[string]any) {
	s := &suite{plugin: p, registry: plugreg.MustNew[sink.Exporter](plugreg.Config{})}
	s.registry.MustRegister(p)
	t.Cleanup(func() { require.NoError(t, s.registry.Close(context.Background())) })

	found, err := plugreg.Discover(t.Context(), s.registry, func(e sink.Exporter) bool { return e.Supports(format) && !e.Supports("") })
	require.NoError(t, err)
	require.Len(t, found, 1)

	for i, settings := range append(others, nil) {
		t.Run(fmt.Sprintf("round trip %d", i), func(t *testing.T) { s.roundTrip(t, settings) })
	}
	t.Run("overwrite", s.overwrite)
	t.Run("nothing to import", s.nothing)
	t.Run("damaged", s.damaged)
	t.Run("cancelled", s.cancelled)
}

// Rejects checks that no instance is built with the settings, and that the error says what is wrong.
func Rejects(t *testing.T, p plugreg.Plugin[sink.Exporter], settings map[string]any, want string) {
	t.Helper()
	s := &suite{plugin: p, registry: plugreg.MustNew[sink.Exporter](plugreg.Config{})}
	s.registry.MustRegister(p)
	_, err := s.registry.Open(t.Context(), p.Name, "", settings)
	require.ErrorContains(t, err, want)
	require.NoError(t, s.registry.Close(t.Context()))
}

type suite struct {
	plugin   plugreg.Plugin[sink.Exporter]
	registry *plugreg.Registry[sink.Exporter]
}

// batches are rows that are not easily kept apart.
func batches() [][]airport.Airport {
	return [][]airport.Airport{
		{{IATA: "AAA"}, {IATA: "AAA"}, {}},
		{},
		{{IATA: "B\"B", Name: "a,b\n\tc", City: "Zürich 東京", State: "NULL", Country: "'; --", Latitude: -0.1, Longitude: 1.0 / 3}},
		{{Latitude: math.MaxFloat64, Longitude: math.SmallestNonzeroFloat64}},
	}
}

func (s *suite) open(t *testing.T, path string, settings map[string]any) *plugreg.Handle[sink.Exporter] {
	all := map[string]any{"path": path}
	maps.Copy(all, settings)
	h, err := s.registry.Open(t.Context(), s.plugin.Name, "", all)
	require.NoError(t, err)
	return h
}

func (s *suite) write(t *testing.T, path string, settings map[string]any, batches [][]airport.Airport) {
	h := s.open(t, path, settings)
	for _, rows := range batches {
		require.NoError(t, h.Do(t.Context(), func(ctx context.Context, e sink.Exporter) error { return e.Export(ctx, rows) }))
	}
	require.NoError(t, h.Close(t.Context()))
}

func (s *suite) read(t *testing.T, path string) ([]airport.Airport, error) {
	h := s.open(t, path, nil)
	importer, err := plugreg.As[sink.Importer](h)
	require.NoError(t, err)
	rows, err := plugreg.Call(t.Context(), importer, func(ctx context.Context, i sink.Importer) ([]airport.Airport, error) { return i.Import(ctx) })
	require.NoError(t, h.Close(t.Context()))
	return rows, err
}

func (s *suite) roundTrip(t *testing.T, settings map[string]any) {
	path := filepath.Join(t.TempDir(), "file")
	s.write(t, path, settings, batches())
	got, err := s.read(t, path)
	require.NoError(t, err)
	var want []airport.Airport
	for _, rows := range batches() {
		want = append(want, rows...)
	}
	require.NoError(t, airport.Compare(want, got))
}

func (s *suite) overwrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	s.write(t, path, nil, batches())
	s.write(t, path, nil, [][]airport.Airport{{{IATA: "NEW"}}})
	got, err := s.read(t, path)
	require.NoError(t, err)
	require.Equal(t, []airport.Airport{{IATA: "NEW"}}, got)
}

func (s *suite) nothing(t *testing.T) {
	_, err := s.read(t, filepath.Join(t.TempDir(), "missing"))
	require.Error(t, err)
	h := s.open(t, filepath.Join(t.TempDir(), "no", "such", "directory"), nil)
	require.Error(t, h.Do(t.Context(), func(ctx context.Context, e sink.Exporter) error { return e.Export(ctx, batches()[0]) }))
	require.NoError(t, h.Close(t.Context()))
}

func (s *suite) damaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	s.write(t, path, nil, batches())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content[:len(content)/2], 0o600))
	_, err = s.read(t, path)
	require.Error(t, err)
}

func (s *suite) cancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	s.write(t, path, nil, batches())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := s.open(t, path, nil)
	require.ErrorIs(t, h.DoInline(ctx, func(ctx context.Context, e sink.Exporter) error { return e.Export(ctx, batches()[0]) }), context.Canceled)
	require.NoError(t, h.Close(t.Context()))
	h = s.open(t, path, nil)
	err := h.DoInline(ctx, func(ctx context.Context, e sink.Exporter) error {
		_, err := e.(sink.Importer).Import(ctx)
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, h.Close(t.Context()))
}
