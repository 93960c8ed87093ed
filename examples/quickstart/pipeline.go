// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// format is what is to be written, and with which settings.
type format struct {
	name     string
	settings map[string]any
}

// wanted is what this host wants written. It does not say by whom.
func wanted() []format {
	return []format{
		{"csv", map[string]any{"separator": ";"}},
		{"jsonl", map[string]any{}},
		{"jsonl.gz", map[string]any{"level": 6}},
	}
}

// batchRows is how many rows one call of Export gets, so that its time limit need not grow with the data.
const batchRows = 1000

// openLog finds the plugin that takes the log.
func (h *host) openLog(ctx context.Context) error {
	found, err := plugreg.Discover[LogSink](ctx, h.registry)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("no plugin takes the log")
	}
	h.log, err = found[0].Open(ctx, nil)
	return err
}

// say writes to the log. That this fails is no reason for the work to fail, and none to keep silent.
func (h *host) say(ctx context.Context, level, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	err := h.log.DoInline(ctx, func(_ context.Context, s LogSink) error { return s.Write(level, msg) })
	if err != nil {
		fmt.Fprintf(os.Stderr, "quickstart: log: %v: %s\n", err, msg)
	}
}

// work runs the pipeline. What went wrong with one file stands in it; the error is of what no file can do without.
func (h *host) work(ctx context.Context) ([]file, error) {
	rows, err := airport.All()
	if err != nil {
		return nil, err
	}
	h.say(ctx, "info", "%s airports read", thousands(len(rows)))
	if err := h.validate(ctx, rows); err != nil {
		return nil, err
	}
	if rows, err = h.transform(ctx, rows); err != nil {
		return nil, err
	}
	var files []file
	for _, w := range wanted() {
		f := h.export(ctx, w, rows)
		if ctx.Err() != nil {
			return nil, f.err
		}
		if f.err == nil {
			f.verify(rows)
		}
		files = append(files, f)
	}
	return files, nil
}

// validate asks every validator about every row. Calls that are short, and so many, run on this goroutine: a panic is
// contained all the same.
func (h *host) validate(ctx context.Context, rows []airport.Airport) error {
	found, err := plugreg.Discover[Validator](ctx, h.registry)
	if err != nil {
		return err
	}
	for _, m := range found {
		err := use(ctx, h, m, nil, func(plugin *plugreg.Handle[Validator]) error {
			for i, row := range rows {
				err := plugin.DoInline(ctx, func(_ context.Context, v Validator) error { return v.Validate(row) })
				if err != nil {
					return fmt.Errorf("%s: row %d: %w", m.Name, i+1, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		h.say(ctx, "info", "%s: all rows are valid", m.Name)
	}
	return nil
}

// transform passes every row through every transformer, and leaves rows as they are.
func (h *host) transform(ctx context.Context, rows []airport.Airport) ([]airport.Airport, error) {
	found, err := plugreg.Discover[Transformer](ctx, h.registry)
	if err != nil {
		return nil, err
	}
	rows = slices.Clone(rows)
	for _, m := range found {
		changed := 0
		err := use(ctx, h, m, nil, func(plugin *plugreg.Handle[Transformer]) error {
			for i, row := range rows {
				got, err := plugreg.CallInline(ctx, plugin, func(_ context.Context, t Transformer) (airport.Airport, error) { return t.Transform(row) })
				if err != nil {
					return fmt.Errorf("%s: row %d: %w", m.Name, i+1, err)
				}
				if got != row {
					rows[i] = got
					changed++
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		h.say(ctx, "info", "%s: %s rows changed", m.Name, thousands(changed))
	}
	return rows, nil
}

// export writes rows with the first plugin that says it can and then does.
func (h *host) export(ctx context.Context, w format, rows []airport.Airport) file {
	f := file{format: w.name, err: fmt.Errorf("no plugin writes %q", w.name)}
	found, err := plugreg.Discover(ctx, h.registry, func(e Exporter) bool { return e.Supports(w.name) })
	if err != nil {
		f.err = err
	}
	for _, m := range found {
		began := time.Now()
		f.plugin, f.path = m.Name, filepath.Join(h.dir, m.Name+"."+w.name)
		w.settings["path"] = f.path
		f.err = h.exportWith(ctx, m, w.settings, rows, &f)
		f.writing = time.Since(began)
		if f.err == nil || ctx.Err() != nil {
			break
		}
		h.say(ctx, "warn", "%s: %s: %s", m.Name, plugreg.CodeOf(f.err), oneLine(f.err))
	}
	return f
}

// exportWith writes rows with one plugin. Calls that may take long run on a goroutine of their own, so that the host is back in time
// even where the plugin is not; a batch may then be in use for longer, and nobody changes it.
func (h *host) exportWith(ctx context.Context, m plugreg.Match[Exporter], settings map[string]any, rows []airport.Airport, f *file) error {
	return use(ctx, h, m, settings, func(plugin *plugreg.Handle[Exporter]) error {
		written := 0
		for batch := range slices.Chunk(rows, batchRows) {
			err := plugin.Do(ctx, func(ctx context.Context, e Exporter) error { return e.Export(ctx, batch) })
			if err != nil {
				return err
			}
			written += len(batch)
			h.say(ctx, "info", "%s: %s of %s rows", m.Name, thousands(written), thousands(len(rows)))
		}
		return uncompressed(ctx, plugin, f)
	})
}

// uncompressed asks for what only some plugins offer: a function beyond the contract, by name.
func uncompressed(ctx context.Context, plugin *plugreg.Handle[Exporter], f *file) error {
	var n int64
	err := plugreg.DoExport(ctx, plugin, "uncompressed", func(_ context.Context, size func() int64) error {
		n = size()
		return nil
	})
	if errors.Is(err, plugreg.ErrNotFound) {
		return nil
	}
	if err == nil {
		f.raw = n // not before err is known: a call that was abandoned may still write n
	}
	return err
}

// use mounts the plugin that was found for as long as work takes, and closes it whatever comes of that. Closing is part of the work: it
// completes files.
func use[C any](ctx context.Context, h *host, m plugreg.Match[C], settings map[string]any, work func(*plugreg.Handle[C]) error) error {
	plugin, err := m.Open(ctx, settings)
	if err != nil {
		return err
	}
	err = work(plugin)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	closeErr := plugin.Close(closing)
	if errors.Is(closeErr, plugreg.ErrStranded) {
		h.stranded = append(h.stranded, plugin.Done())
	}
	return errors.Join(err, closeErr)
}

// oneLine is for errors that were joined.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
