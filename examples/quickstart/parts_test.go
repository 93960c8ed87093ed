// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

func TestRules(t *testing.T) {
	t.Parallel()
	good := airport.Airport{IATA: "XYZ1", Name: "Somewhere"}
	for name, tt := range map[string]struct {
		change func(*airport.Airport)
		want   string // empty: valid
	}{
		"as it is":       {func(*airport.Airport) {}, ""},
		"at the edge":    {func(a *airport.Airport) { a.Latitude, a.Longitude = -90, 180 }, ""},
		"short code":     {func(a *airport.Airport) { a.IATA = "XY" }, "code: "},
		"long code":      {func(a *airport.Airport) { a.IATA = "XYZ12" }, "code: "},
		"lower case":     {func(a *airport.Airport) { a.IATA = "xyz" }, `have "xyz"`},
		"blank name":     {func(a *airport.Airport) { a.Name = " " }, "name: "},
		"north of north": {func(a *airport.Airport) { a.Latitude = 90.5 }, "have 90.5, 0"},
		"far west":       {func(a *airport.Airport) { a.Longitude = -181 }, "have 0, -181"},
		"not a number":   {func(a *airport.Airport) { a.Latitude = math.NaN() }, "have NaN, 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := good
			tt.change(&row)
			err := rules{}.Validate(row)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
	got, err := rules{}.Transform(airport.Airport{Name: "  Moton   Municipal ", City: "NA", State: "NA", Country: "NA"})
	require.NoError(t, err)
	require.Equal(t, airport.Airport{Name: "Moton Municipal", Country: "NA"}, got)
}

func TestSinkSettings(t *testing.T) {
	t.Parallel()
	h := &host{}
	require.NoError(t, h.register(nil))
	defer func() { require.NoError(t, h.registry.Close(t.Context())) }()
	path := filepath.Join(t.TempDir(), "out")
	for name, tt := range map[string]struct {
		plugin   string
		settings map[string]any
		want     string
	}{
		"no path":            {"jsonl", nil, "path"},
		"separator too long": {"csv", map[string]any{"path": path, "separator": ";;"}, `want one character, have ";;"`},
		"no separator":       {"csv", map[string]any{"path": path, "separator": ""}, `want one character, have ""`},
		"buffer of words":    {"jsonl", map[string]any{"path": path, "buffer_bytes": "many"}, "buffer_bytes"},
		"directory":          {"jsonl", map[string]any{"path": filepath.Dir(path)}, "open "},
		"gzip level":         {"gzip-jsonl", map[string]any{"path": path, "level": 11}, `setting "level"`},
	} {
		_, err := h.registry.Open(t.Context(), tt.plugin, "", tt.settings)
		require.ErrorContains(t, err, tt.want, name)
	}
	require.NoFileExists(t, path)
}

func TestSinksStopWithTheirContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, sink := range []Exporter{new(csvSink), new(jsonlSink)} {
		require.ErrorIs(t, sink.Export(ctx, make([]airport.Airport, 1)), context.Canceled, "%T", sink)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ format, content, want string }{
		"header":      {"csv", "iata,name\n", "read back: header"},
		"fewer rows":  {"csv", "iata;name;city;state;country;latitude;longitude\n", "want 1 rows, have 0"},
		"no JSON":     {"jsonl", `{"iata":"XYZ"}{`, "row 2: unexpected EOF"},
		"other row":   {"jsonl", `{"iata":"XY"}`, "row 1: want "},
		"no gzip":     {"jsonl.gz", `{"iata":"XYZ"}`, "gzip: invalid header"},
		"equal":       {"jsonl", `{"iata":"XYZ"}`, ""},
		"missing":     {"jsonl", "", "no such file"},
		"one too few": {"jsonl", "\n", "want 1 rows, have 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := file{format: tt.format, plugin: "p", path: filepath.Join(t.TempDir(), "f")}
			if tt.content != "" {
				require.NoError(t, os.WriteFile(f.path, []byte(tt.content), 0o600))
			}
			f.verify([]airport.Airport{{IATA: "XYZ"}})
			if tt.want == "" {
				require.NoError(t, f.err)
				require.Equal(t, 1, f.rows)
				require.EqualValues(t, len(tt.content), f.bytes)
				return
			}
			if name == "missing" {
				require.ErrorIs(t, f.err, os.ErrNotExist)
			} else {
				require.ErrorContains(t, f.err, tt.want)
			}
			require.Zero(t, f.rows)
		})
	}
}

func TestExportWithoutExporter(t *testing.T) {
	t.Parallel()
	h := &host{released: make(chan struct{})}
	require.NoError(t, h.register(nil))
	defer func() { require.NoError(t, h.close()) }()
	f := h.export(t.Context(), format{name: "xml"}, nil)
	require.EqualError(t, f.err, `no plugin writes "xml"`)
}

func TestCloseGivesUpOnWhatDoesNotReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{released: make(chan struct{}), stranded: []<-chan struct{}{make(chan struct{})}}
		require.NoError(t, h.register(nil))
		began := time.Now()
		require.ErrorContains(t, h.close(), "a plugin did not return: context deadline exceeded")
		require.Equal(t, closeTimeout, time.Since(began))
		_, err := h.registry.Register(csvPlugin())
		require.ErrorIs(t, err, plugreg.ErrClosed)
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		require.Equal(t, want, thousands(n))
	}
	for d, want := range map[time.Duration]string{123456 * time.Nanosecond: "123µs", 1234567 * time.Nanosecond: "1.2ms", 2 * time.Second: "2s"} {
		require.Equal(t, want, short(d))
	}
	require.Equal(t, "-", counts(nil))
	require.Equal(t, "PANIC 2, TIMEOUT 1", counts(map[string]uint64{"TIMEOUT": 1, "PANIC": 2}))
}
