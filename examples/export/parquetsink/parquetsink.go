// SPDX-License-Identifier: Apache-2.0

// Package parquetsink is a plugin that writes and reads Apache Parquet. A column that repeats its values has a dictionary.
package parquetsink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/export/sink"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

type settings struct {
	Path string `json:"path" plugreg:"required"`
	// Compression of the pages: none, snappy or zstd.
	Compression string `json:"compression"`
	// GroupRows is the number of rows that make a row group: what is held in memory, and what a reader can skip.
	GroupRows int64 `json:"group_rows"`
}

// row is an airport in Parquet's terms. Its fields are those of [airport.Airport], or the conversions below do not compile.
type row struct {
	IATA      string  `parquet:"iata"`
	Name      string  `parquet:"name"`
	City      string  `parquet:"city,dict"`
	State     string  `parquet:"state,dict"`
	Country   string  `parquet:"country,dict"`
	Latitude  float64 `parquet:"latitude"`
	Longitude float64 `parquet:"longitude"`
}

var _ sink.Importer = (*file)(nil)

type file struct {
	env    *plugreg.Env
	cfg    settings
	codec  compress.Codec
	writer *parquet.GenericWriter[row] // nil before the first Export
}

// Plugin returns the plugin to register.
func Plugin() plugreg.Plugin[sink.Exporter] {
	return plugreg.Configured(plugreg.Plugin[sink.Exporter]{
		Name: "parquet", Version: "1.0.0", Summary: "Apache Parquet by parquet-go",
		Prototype: (*file)(nil),
	}, settings{Compression: "zstd", GroupRows: 100_000}, open)
}

func open(_ context.Context, env *plugreg.Env, cfg settings) (sink.Exporter, error) {
	codec, err := codecOf(cfg.Compression)
	if err != nil {
		return nil, err
	}
	if cfg.GroupRows <= 0 {
		return nil, fmt.Errorf("setting %q: want 1 or more, have %d", "group_rows", cfg.GroupRows)
	}
	return &file{env: env, cfg: cfg, codec: codec}, nil
}

func codecOf(name string) (compress.Codec, error) {
	switch name {
	case "none":
		return &parquet.Uncompressed, nil
	case "snappy":
		return &parquet.Snappy, nil
	case "zstd":
		return &parquet.Zstd, nil
	}
	return nil, fmt.Errorf("setting %q: want none, snappy or zstd, have %q", "compression", name)
}

func (f *file) Supports(format string) bool { return format == "parquet" }

func (f *file) Export(ctx context.Context, rows []airport.Airport) error {
	if f.writer == nil {
		out, err := os.Create(f.cfg.Path)
		if err != nil {
			return err
		}
		f.env.OnClose(out.Close) // after our own Close
		f.writer = parquet.NewGenericWriter[row](out, parquet.Compression(f.codec), parquet.MaxRowsPerRowGroup(f.cfg.GroupRows))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	converted := make([]row, len(rows))
	for i := range rows {
		converted[i] = row(rows[i])
	}
	_, err := f.writer.Write(converted)
	return err
}

func (f *file) Import(ctx context.Context) (rows []airport.Airport, err error) {
	in, err := os.Open(f.cfg.Path)
	if err != nil {
		return nil, err
	}
	defer in.Close() // it is only read
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	opened, err := parquet.OpenFile(in, info.Size())
	if err != nil {
		return nil, err
	}
	reader := parquet.NewGenericReader[row](opened)
	defer func() { err = errors.Join(err, reader.Close()) }()
	for buf := make([]row, 1024); ctx.Err() == nil; {
		n, err := reader.Read(buf)
		for i := range buf[:n] {
			rows = append(rows, airport.Airport(buf[i]))
		}
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

func (f *file) Close() error {
	if f.writer == nil {
		return nil
	}
	return f.writer.Close()
}
