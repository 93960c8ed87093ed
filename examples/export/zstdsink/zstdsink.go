// SPDX-License-Identifier: Apache-2.0

// Package zstdsink is a plugin that writes and reads Zstandard-compressed JSON Lines.
package zstdsink

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/export/sink"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

type settings struct {
	Path string `json:"path" plugreg:"required"`
	// Level of compression, from 1 to 22.
	Level int `json:"level"`
	// BufferBytes is how much JSON is collected before it is compressed.
	BufferBytes int `json:"buffer_bytes"`
}

var _ sink.Importer = (*file)(nil)

type file struct {
	env    *plugreg.Env
	cfg    settings
	zip    *zstd.Encoder // nil before the first Export
	buffer *bufio.Writer
	json   *json.Encoder
}

// Plugin returns the plugin to register.
func Plugin() plugreg.Plugin[sink.Exporter] {
	return plugreg.Configured(plugreg.Plugin[sink.Exporter]{
		Name: "zstd-jsonl", Version: "1.0.0", Summary: "JSON Lines, compressed by klauspost/compress/zstd",
		Prototype: (*file)(nil),
	}, settings{Level: 3, BufferBytes: 64 << 10}, open)
}

func open(_ context.Context, env *plugreg.Env, cfg settings) (sink.Exporter, error) {
	switch {
	case cfg.Level < 1 || cfg.Level > 22:
		return nil, fmt.Errorf("setting %q: want 1 to 22, have %d", "level", cfg.Level)
	case cfg.BufferBytes <= 0:
		return nil, fmt.Errorf("setting %q: want 1 or more, have %d", "buffer_bytes", cfg.BufferBytes)
	}
	return &file{env: env, cfg: cfg}, nil
}

func (f *file) Supports(format string) bool { return format == "jsonl.zst" }

func (f *file) Export(ctx context.Context, rows []airport.Airport) error {
	if f.zip == nil {
		if err := f.create(); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.json.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) create() error {
	out, err := os.Create(f.cfg.Path)
	if err != nil {
		return err
	}
	f.env.OnClose(out.Close) // after our own Close
	zip, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(f.cfg.Level)))
	if err != nil {
		return err
	}
	f.zip, f.buffer = zip, bufio.NewWriterSize(zip, f.cfg.BufferBytes)
	f.json = json.NewEncoder(f.buffer)
	return nil
}

func (f *file) Import(ctx context.Context) (rows []airport.Airport, err error) {
	in, err := os.Open(f.cfg.Path)
	if err != nil {
		return nil, err
	}
	defer in.Close() // it is only read
	unzipped, err := zstd.NewReader(in)
	if err != nil {
		return nil, err
	}
	defer unzipped.Close()
	for lines := json.NewDecoder(unzipped); ctx.Err() == nil; {
		var row airport.Airport
		err := lines.Decode(&row)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
		}
		rows = append(rows, row)
	}
	return nil, ctx.Err()
}

func (f *file) Close() error {
	if f.zip == nil {
		return nil
	}
	return errors.Join(f.buffer.Flush(), f.zip.Close())
}
