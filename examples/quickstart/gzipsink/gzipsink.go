// SPDX-License-Identifier: Apache-2.0

// Package gzipsink writes gzip-compressed JSON Lines. It is what somebody else's package looks like: it imports neither
// plugreg nor a host, and still its [Sink] is a plugin, because it has the methods that a host asks for.
package gzipsink

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// Sink writes one file. Make one with [New]; [Sink.Init] opens the file and [Sink.Close] completes it. But for
// [Sink.Uncompressed], its methods are not for concurrent use.
type Sink struct {
	file *os.File
	zip  *gzip.Writer
	json *json.Encoder
	raw  atomic.Int64
}

// New returns a sink that waits for Init.
func New() *Sink { return new(Sink) }

// Name, Version and Exports are how a ready instance says what it is.
func (s *Sink) Name() string { return "gzip-jsonl" }

// Version is a version by SemVer.
func (s *Sink) Version() string { return "2.0.1" }

// Exports are functions that the sink offers beyond any contract.
func (s *Sink) Exports() map[string]any {
	return map[string]any{"uncompressed": s.Uncompressed}
}

// Init takes the settings: path, the file to write, which is required, and level, of compression, an int from 1 to 9.
func (s *Sink) Init(settings map[string]any) (err error) {
	path, level := "", gzip.DefaultCompression
	for key, value := range settings {
		ok := false
		switch key {
		case "path":
			path, ok = value.(string)
		case "level":
			level, ok = value.(int)
		}
		if !ok {
			return fmt.Errorf("setting %q: want path, a string, or level, an int; have a %T", key, value)
		}
	}
	if path == "" {
		return errors.New(`setting "path": want the file to write, have none`)
	}
	zip, err := gzip.NewWriterLevel(nil, level)
	if err != nil {
		return fmt.Errorf(`setting "level": %w`, err)
	}
	if s.file, err = os.Create(path); err != nil {
		return err
	}
	zip.Reset(s.file)
	s.zip = zip
	s.json = json.NewEncoder(io.MultiWriter(zip, (*counter)(&s.raw)))
	return nil
}

// Supports reports whether the sink writes the format: jsonl.gz.
func (s *Sink) Supports(format string) bool { return format == "jsonl.gz" }

// Export writes rows, a line each.
func (s *Sink) Export(ctx context.Context, rows []airport.Airport) error {
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

// Uncompressed returns the number of bytes that were written before compression.
func (s *Sink) Uncompressed() int64 { return s.raw.Load() }

// Close completes the file.
func (s *Sink) Close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.zip.Close(), s.file.Close())
}

// counter counts what is written to it.
type counter atomic.Int64

func (c *counter) Write(p []byte) (int, error) {
	(*atomic.Int64)(c).Add(int64(len(p)))
	return len(p), nil
}
