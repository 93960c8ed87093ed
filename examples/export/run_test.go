// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/export/sink"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// outputOf runs the program and returns its table with single blanks between words.
func outputOf(t *testing.T, dir string, copies int, more ...plugreg.Plugin[sink.Exporter]) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), &out, io.Discard, dir, copies, more...)
	return regexp.MustCompile(` +`).ReplaceAllString(out.String(), " "), err
}

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := outputOf(t, dir, 2)
	require.NoError(t, err)
	for _, pattern := range []string{
		`(?m)^zstd-jsonl 1\.0\.0 jsonl\.zst [\d,]+ 6,752 \S+ \S+ every row is equal$`,
		`(?m)^parquet 1\.0\.0 parquet [\d,]+ 6,752 \S+ \S+ every row is equal$`,
		`(?m)^sqlite 1\.0\.0 sqlite [\d,]+ 6,752 \S+ \S+ every row is equal$`,
	} {
		require.Regexp(t, pattern, out)
	}
	require.Equal(t, 4, strings.Count(out, "\n"))
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "airports.jsonl.zst"), filepath.Join(dir, "airports.parquet"), filepath.Join(dir, "airports.sqlite")}, found)
}

func TestRunRejectsCopies(t *testing.T) {
	t.Parallel()
	_, err := outputOf(t, t.TempDir(), 0)
	require.EqualError(t, err, "-copies: want 1 or more, have 0")
}

// writeOnly is an exporter, but no importer.
type writeOnly struct{ plugreg.NoClose }

func (*writeOnly) Supports(format string) bool { return format == "parquet" }

func (*writeOnly) Export(context.Context, []airport.Airport) error { return nil }

// forgetful has no row to import.
type forgetful struct{ writeOnly }

func (*forgetful) Import(context.Context) ([]airport.Airport, error) { return nil, nil }

// broken fails.
type broken struct{ writeOnly }

var errBroken = errors.New("out of order")

func (*broken) Export(context.Context, []airport.Airport) error { return errBroken }

// broken2 fails, too.
type broken2 struct{ writeOnly }

func (*broken2) Import(context.Context) ([]airport.Airport, error) { panic("out of paper") }

func newer(prototype sink.Exporter) plugreg.Plugin[sink.Exporter] {
	return plugreg.Configured(plugreg.Plugin[sink.Exporter]{Name: "parquet", Version: "2.0.0", Prototype: prototype}, parquetSettings{},
		func(context.Context, *plugreg.Env, parquetSettings) (sink.Exporter, error) { return prototype, nil })
}

type parquetSettings struct {
	Path        string `json:"path"`
	Compression string `json:"compression"`
	GroupRows   int    `json:"group_rows"`
}

func TestRunReportsThePluginThatFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		plugin sink.Exporter
		want   string
	}{
		"no importer":      {new(writeOnly), `plugin "parquet" 2.0.0: view as `},
		"rows are missing": {new(forgetful), "want 3376 rows, have 0"},
		"does not export":  {new(broken), "out of order"},
		"panics":           {new(broken2), `plugin "parquet" 2.0.0: panic in call: out of paper`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := outputOf(t, t.TempDir(), 1, newer(tt.plugin))
			require.ErrorContains(t, err, "parquet: "+tt.want)
			require.Contains(t, out, " FAILED: "+tt.want)
			require.Equal(t, 2, strings.Count(out, "every row is equal"), "the others are not affected")
		})
	}
}

func TestRunStopsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	require.ErrorIs(t, run(ctx, &out, io.Discard, t.TempDir(), 1), context.Canceled)
	require.Empty(t, out.String())
}

func TestRunRefusesADuplicate(t *testing.T) {
	t.Parallel()
	twice := newer(new(writeOnly))
	_, err := outputOf(t, t.TempDir(), 1, twice, twice)
	require.ErrorIs(t, err, plugreg.ErrDuplicate)
}

func TestRoundTripWithoutPlugin(t *testing.T) {
	t.Parallel()
	r, err := newRegistry(nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close(t.Context())) }()
	h := &host{registry: r}
	require.Empty(t, h.doing())
	f := h.roundTrip(t.Context(), format{name: "xml"})
	require.EqualError(t, f.err, `no plugin writes "xml"`)
}

func TestReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		h := &host{}
		h.now("%d rows", 7)
		stop := report(&out, time.Second, h.doing)
		<-time.After(2500 * time.Millisecond) // by the clock of the bubble
		stop()
		require.Equal(t, "7 rows\n7 rows\n", out.String())
	})
}

func TestInTempDir(t *testing.T) {
	t.Parallel()
	var dir string
	err := inTempDir(func(d string) error {
		dir = d
		require.DirExists(t, dir)
		return errBroken
	})
	require.ErrorIs(t, err, errBroken)
	require.NoDirExists(t, dir)
}
