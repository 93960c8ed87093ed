// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// file is one file that was written, or was to be.
type file struct {
	format, plugin, path string
	bytes, raw           int64 // raw: before compression; zero: unknown
	rows                 int   // read back and equal
	writing, reading     time.Duration
	err                  error
}

// verify reads the file back without the plugin that wrote it, and compares every row.
func (f *file) verify(want []airport.Airport) {
	began := time.Now()
	got, err := f.read()
	if err == nil {
		err = airport.Compare(want, got)
	}
	f.reading = time.Since(began)
	if err != nil {
		f.err = fmt.Errorf("%s: read back: %w", f.plugin, err)
		return
	}
	f.rows = len(got)
}

func (f *file) read() ([]airport.Airport, error) {
	in, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer in.Close() // it is only read
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	f.bytes = info.Size()
	switch f.format {
	case "csv":
		return airport.Parse(in, ';')
	case "jsonl":
		return readLines(bufio.NewReader(in))
	}
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	return readLines(unzipped)
}

func readLines(r io.Reader) (rows []airport.Airport, err error) {
	for lines := json.NewDecoder(r); ; {
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
}

// report says what happened. The error joins those of the files.
func (h *host) report(ctx context.Context, files []file) error {
	text, err := h.pluginTable(ctx)
	if err != nil {
		return err
	}
	text += fileTable(files)
	text += "\nREFUSED, as they should be\n"
	for _, err := range h.refused {
		text += indent(err)
	}
	verified, errs := 0, []error(nil)
	for _, f := range files {
		verified += f.rows
		errs = append(errs, f.err)
	}
	text += fmt.Sprintf("\n%s rows verified in %s\n", thousands(verified), short(time.Since(h.began)))
	_, err = io.WriteString(h.out, text)
	return errors.Join(append(errs, err)...)
}

// pluginTable shows what the registry knows of its plugins.
func (h *host) pluginTable(ctx context.Context) (string, error) {
	can, err := h.capabilities(ctx)
	if err != nil {
		return "", err
	}
	var rows [][]string
	for _, p := range h.registry.Inspect().Plugins {
		failures := counts(p.Calls.Failures)
		if p.Calls.InFlight > 0 && slices.ContainsFunc(p.Mounts, func(m plugreg.MountInspection) bool { return m.Stranded }) {
			failures += fmt.Sprintf(", %d still inside", p.Calls.InFlight)
		}
		rows = append(rows, []string{p.Name, p.Version, p.Digest.String()[len("sha256:"):][:12], strings.Join(can[p.Descriptor], " "),
			thousands(int(p.Calls.Calls)), failures})
	}
	return table([]string{"PLUGIN", "VERSION", "CONTRACT", "CAN", "CALLS", "FAILED"}, rows), nil
}

func fileTable(files []file) string {
	var rows [][]string
	for _, f := range files {
		result := "every row is equal"
		if f.err != nil {
			result = "FAILED: " + oneLine(f.err)
		}
		raw := "-"
		if f.raw > 0 {
			raw = thousands(int(f.raw))
		}
		rows = append(rows, []string{f.format, f.plugin, thousands(f.rows), thousands(int(f.bytes)), raw, short(f.writing), short(f.reading), result})
	}
	return table([]string{"FORMAT", "WRITTEN BY", "ROWS", "BYTES", "UNPACKED", "WRITE", "VERIFY", "RESULT"}, rows)
}

// capabilities lists for each plugin the contracts that it satisfies.
func (h *host) capabilities(ctx context.Context) (map[plugreg.TypeDescriptor][]string, error) {
	can := map[plugreg.TypeDescriptor][]string{}
	err := errors.Join(
		note[Exporter](ctx, h.registry, can), note[LogSink](ctx, h.registry, can),
		note[Transformer](ctx, h.registry, can), note[Validator](ctx, h.registry, can))
	return can, err
}

func note[C any](ctx context.Context, r *plugreg.Registry[io.Closer], can map[plugreg.TypeDescriptor][]string) error {
	found, err := plugreg.Discover[C](ctx, r)
	for _, m := range found {
		can[m.Descriptor] = append(can[m.Descriptor], reflect.TypeFor[C]().Name())
	}
	return err
}

// table lines up columns.
func table(head []string, rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, cells := range slices.Concat([][]string{head}, rows) {
		fmt.Fprintln(w, strings.Join(cells, "\t")) // a strings.Builder takes everything
	}
	w.Flush()
	return "\n" + b.String()
}

// counts writes failures by code.
func counts(byCode map[string]uint64) string {
	if len(byCode) == 0 {
		return "-"
	}
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		parts = append(parts, fmt.Sprintf("%s %d", code, byCode[code]))
	}
	return strings.Join(parts, ", ")
}

func indent(err error) string {
	return "  " + strings.ReplaceAll(err.Error(), "\n", "\n  ") + "\n"
}

// short is a time with three digits or so.
func short(d time.Duration) string {
	if d < time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

// thousands writes n, which is not negative, with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
