// SPDX-License-Identifier: Apache-2.0

// Command export writes airports through plugins that have real back ends (Parquet, SQLite, Zstandard), reads every file
// back and compares all rows. Which plugin writes a format the host finds out by asking; it names none.
//
//	cd examples/export && go run . -copies 20
//
// It is a module of its own, so that the back ends are not dependencies of plugreg. The contracts are in sink; each plugin is
// a package that gives away nothing but its plugreg.Plugin. The program ends with status 1 if a row differs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/export/parquetsink"
	"github.com/plugreg/plugreg/examples/export/sink"
	"github.com/plugreg/plugreg/examples/export/sqlitesink"
	"github.com/plugreg/plugreg/examples/export/zstdsink"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// format is what is to be written, and with which settings.
type format struct {
	name     string
	settings map[string]any
}

// wanted is what this host wants written: the part that would be a configuration file.
func wanted() []format {
	return []format{
		{"jsonl.zst", map[string]any{"level": 9}},
		{"parquet", map[string]any{"compression": "zstd", "group_rows": 50_000}},
		{"sqlite", map[string]any{"batch_rows": 5_000}},
	}
}

const (
	batchRows    = 5_000            // that one call gets
	closeTimeout = 30 * time.Second // for what completes a file
)

func main() {
	copies := flag.Int("copies", 1, "how often to write the 3,376 airports, one after the other")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := inTempDir(func(dir string) error {
		return run(ctx, os.Stdout, os.Stderr, dir, *copies)
	})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "export:", err)
		os.Exit(1)
	}
}

// inTempDir gives work a directory that is removed afterwards.
func inTempDir(work func(dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "plugreg-export-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return work(dir)
}

// run is the whole program: it writes files to dir, a table to out, and to progress what takes long.
func run(ctx context.Context, out, progress io.Writer, dir string, copies int, more ...plugreg.Plugin[sink.Exporter]) (err error) {
	if copies < 1 {
		return fmt.Errorf("-copies: want 1 or more, have %d", copies)
	}
	rows, err := airport.All()
	if err != nil {
		return err
	}
	rows = slices.Repeat(rows, copies)
	r, err := newRegistry(more)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, r.Close(closing))
	}()
	h := &host{registry: r, rows: rows, dir: dir}
	defer report(progress, time.Second, h.doing)()
	var files []file
	for _, w := range wanted() {
		files = append(files, h.roundTrip(ctx, w))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return printTable(out, files)
}

func newRegistry(more []plugreg.Plugin[sink.Exporter]) (*plugreg.Registry[sink.Exporter], error) {
	r, err := plugreg.New[sink.Exporter](plugreg.Config{
		Name:         "export",
		Sandbox:      plugreg.SandboxConfig{Timeout: 2 * time.Minute, CloseTimeout: closeTimeout},
		OpenPackages: []string{reflect.TypeFor[airport.Airport]().PkgPath()}, // the rows are part of the contract
	})
	if err != nil {
		return nil, err
	}
	plugins := append([]plugreg.Plugin[sink.Exporter]{parquetsink.Plugin(), sqlitesink.Plugin(), zstdsink.Plugin()}, more...)
	if _, err := r.RegisterAll(plugins...); err != nil {
		return nil, err
	}
	r.Seal()
	return r, nil
}

// host is what the program keeps for as long as it runs.
type host struct {
	registry *plugreg.Registry[sink.Exporter]
	rows     []airport.Airport
	dir      string
	status   atomic.Pointer[string]
}

// doing is what the host does now; empty before it began.
func (h *host) doing() string {
	if s := h.status.Load(); s != nil {
		return *s
	}
	return ""
}

func (h *host) now(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	h.status.Store(&s)
}

// file is one file that was written and read back.
type file struct {
	format, plugin, version string
	bytes                   int64
	rows                    int
	writing, reading        time.Duration
	err                     error
}

// roundTrip writes one format and reads it back, with a mount for each: what is read is what was completed by closing.
func (h *host) roundTrip(ctx context.Context, w format) file {
	f := file{format: w.name}
	found, err := plugreg.Discover(ctx, h.registry, func(e sink.Exporter) bool { return e.Supports(w.name) })
	if err != nil || len(found) == 0 {
		f.err = errors.Join(err, fmt.Errorf("no plugin writes %q", w.name))
		return f
	}
	plugin := found[0]
	f.plugin, f.version = plugin.Name, plugin.Version
	path := filepath.Join(h.dir, "airports."+w.name)
	w.settings["path"] = path

	began := time.Now()
	f.err = use(ctx, plugin, w.settings, func(p *plugreg.Handle[sink.Exporter]) error { return h.write(ctx, f.plugin, p) })
	f.writing = time.Since(began)
	if f.err != nil {
		return f
	}
	h.now("%s: reading back", f.plugin)
	began = time.Now()
	f.err = use(ctx, plugin, w.settings, func(p *plugreg.Handle[sink.Exporter]) (err error) {
		f.rows, err = h.verify(ctx, p)
		return err
	})
	f.reading = time.Since(began)
	if info, err := os.Stat(path); err == nil {
		f.bytes = info.Size()
	}
	return f
}

// write hands the rows over in batches, so that the time limit is that of a batch, whatever their number.
func (h *host) write(ctx context.Context, name string, plugin *plugreg.Handle[sink.Exporter]) error {
	written := 0
	for batch := range slices.Chunk(h.rows, batchRows) {
		h.now("%s: %s of %s rows written", name, thousands(written), thousands(len(h.rows)))
		err := plugin.Do(ctx, func(ctx context.Context, e sink.Exporter) error { return e.Export(ctx, batch) })
		if err != nil {
			return err
		}
		written += len(batch)
	}
	h.now("%s: completing the file", name)
	return nil
}

// verify reads all rows through another contract of the same plugin.
func (h *host) verify(ctx context.Context, plugin *plugreg.Handle[sink.Exporter]) (int, error) {
	importer, err := plugreg.As[sink.Importer](plugin)
	if err != nil {
		return 0, err
	}
	got, err := plugreg.Call(ctx, importer, func(ctx context.Context, i sink.Importer) ([]airport.Airport, error) { return i.Import(ctx) })
	if err != nil {
		return 0, err
	}
	return len(got), airport.Compare(h.rows, got)
}

// use mounts the plugin that was found for as long as work takes, and closes it whatever comes of that.
func use[C any](ctx context.Context, m plugreg.Match[C], settings map[string]any, work func(*plugreg.Handle[C]) error) error {
	plugin, err := m.Open(ctx, settings)
	if err != nil {
		return err
	}
	err = work(plugin)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, plugin.Close(closing))
}
