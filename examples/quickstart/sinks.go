// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// The compiler finds out here if a method is missing, not the host at run time.
var (
	_ Exporter = (*csvSink)(nil)
	_ Exporter = (*jsonlSink)(nil)
)

// csvSettings are decoded strictly: a key that is not here is an error, and so is a path that is not given.
type csvSettings struct {
	Path      string `json:"path" plugreg:"required"`
	Separator string `json:"separator"`
}

type csvSink struct{ lines *csv.Writer }

func csvPlugin() plugreg.Plugin[io.Closer] {
	return plugreg.Configured(plugreg.Plugin[io.Closer]{
		Name: "csv", Version: "1.4.0", Summary: "comma-separated values with a header",
		Prototype: (*csvSink)(nil),
	}, csvSettings{Separator: ","}, newCSV)
}

func newCSV(_ context.Context, env *plugreg.Env, cfg csvSettings) (io.Closer, error) {
	separator, size := utf8.DecodeRuneInString(cfg.Separator)
	if size == 0 || size != len(cfg.Separator) {
		return nil, fmt.Errorf("setting %q: want one character, have %q", "separator", cfg.Separator)
	}
	file, err := create(env, cfg.Path)
	if err != nil {
		return nil, err
	}
	s := &csvSink{csv.NewWriter(file)}
	s.lines.Comma = separator
	return s, s.lines.Write(airport.Header())
}

func (s *csvSink) Supports(format string) bool { return format == "csv" }

func (s *csvSink) Export(ctx context.Context, rows []airport.Airport) error {
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.lines.Write(row.Record()); err != nil {
			return err
		}
	}
	return nil
}

func (s *csvSink) Close() error {
	s.lines.Flush()
	return s.lines.Error()
}

type jsonlSettings struct {
	Path        string `json:"path" plugreg:"required"`
	BufferBytes int    `json:"buffer_bytes"`
}

type jsonlSink struct {
	buffer *bufio.Writer
	json   *json.Encoder
}

func jsonlPlugin() plugreg.Plugin[io.Closer] {
	return plugreg.Configured(plugreg.Plugin[io.Closer]{
		Name: "jsonl", Version: "1.1.0", Summary: "JSON Lines: an object a line",
		Prototype: (*jsonlSink)(nil),
	}, jsonlSettings{BufferBytes: 64 << 10}, newJSONL)
}

func newJSONL(_ context.Context, env *plugreg.Env, cfg jsonlSettings) (io.Closer, error) {
	file, err := create(env, cfg.Path)
	if err != nil {
		return nil, err
	}
	buffer := bufio.NewWriterSize(file, cfg.BufferBytes)
	return &jsonlSink{buffer, json.NewEncoder(buffer)}, nil
}

func (s *jsonlSink) Supports(format string) bool { return format == "jsonl" }

func (s *jsonlSink) Export(ctx context.Context, rows []airport.Airport) error {
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.json.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

func (s *jsonlSink) Close() error { return s.buffer.Flush() }

// create opens a file that is closed with the instance, after its Close has flushed, and also where New fails later on.
func create(env *plugreg.Env, path string) (*os.File, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	env.OnClose(file.Close)
	return file, nil
}
