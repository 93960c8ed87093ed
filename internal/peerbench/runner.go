// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/plugreg/plugreg/internal/peerbench/report"
)

//go:embed notes.md
var notes string

// A runner is one run of all benchmarks.
type runner struct {
	rounds    int
	benchtime time.Duration
	tags      string
	out       string // empty: BENCHMARKS.md at the repository's root
	strict    bool
	command   string    // how the run was started, for the report
	log       io.Writer // progress
	exec      func(ctx context.Context, name string, args ...string) (output []byte, err error)
}

// A process is one run of a package's benchmarks. Some registries are global
// and would carry entries over: every size, and registering, gets its own.
type process struct{ pkg, filter, benchtime string }

func (r *runner) processes() (all []process) {
	short := r.benchtime.String()
	for _, n := range []string{"10", "127", "10000"} {
		all = append(all,
			process{"registry", "(Lookup|Construct)//n=" + n + "$", short},
			process{"registry", "Register//n=" + n + "$", short})
	}
	// A collection takes milliseconds and building its map seconds: ten of them are enough.
	return append(all, process{"guard", ".", short}, process{"memory", ".", "10x"}, process{"semver", ".", short}, process{"payload", ".", short})
}

// faults looks at what peers do rather than how fast: once, for there is nothing to take a median of.
const faults = "faults"

func (r *runner) run(ctx context.Context) error {
	module, err := r.exec(ctx, "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	if r.out == "" {
		r.out = filepath.Join(strings.TrimSpace(string(module)), "..", "..", "BENCHMARKS.md")
	}
	bin, err := os.MkdirTemp("", "peerbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	if err := r.build(ctx, bin); err != nil {
		return err
	}
	var rep report.Report
	if err := r.observe(ctx, bin, &rep); err != nil {
		return err
	}
	for i := range r.rounds {
		if err := r.round(ctx, bin, i+1, &rep); err != nil {
			return err
		}
	}
	return r.write(ctx, &rep)
}

// build compiles every package's benchmarks before any runs, so that no compiler runs beside one.
func (r *runner) build(ctx context.Context, bin string) error {
	fmt.Fprintln(r.log, "building")
	packages := []string{faults}
	for _, p := range r.processes() {
		packages = append(packages, p.pkg)
	}
	slices.Sort(packages)
	for _, p := range slices.Compact(packages) {
		if _, err := r.exec(ctx, "go", "test", "-c", "-tags", r.tags, "-o", filepath.Join(bin, p), "./"+p); err != nil {
			return err
		}
	}
	return nil
}

// observe has the table of faults made. That a peer does something else than it did is worth a look, and no failure.
func (r *runner) observe(ctx context.Context, bin string, rep *report.Report) error {
	start := time.Now()
	out, err := r.exec(ctx, filepath.Join(bin, faults), "-test.run", "^TestTable$", "-test.v")
	if err != nil {
		return err
	}
	if err := rep.Read(bytes.NewReader(out)); err != nil {
		return err
	}
	fmt.Fprintf(r.log, "faults: %.0f s\n", time.Since(start).Seconds())
	for _, o := range rep.Changes() {
		fmt.Fprintf(r.log, "warning: %s: %s: %q, and it was %q\n", o.Fault, o.Peer, o.Seen, o.Known)
	}
	return nil
}

func (r *runner) round(ctx context.Context, bin string, i int, rep *report.Report) error {
	start := time.Now()
	for _, p := range r.processes() {
		out, err := r.exec(ctx, filepath.Join(bin, p.pkg),
			"-test.run", "^$", "-test.bench", p.filter, "-test.benchtime", p.benchtime)
		if err != nil {
			return err
		}
		if err := rep.Read(bytes.NewReader(out)); err != nil {
			return err
		}
	}
	fmt.Fprintf(r.log, "round %d of %d: %.0f s\n", i, r.rounds, time.Since(start).Seconds())
	return nil
}

func (r *runner) write(ctx context.Context, rep *report.Report) error {
	versions, err := r.exec(ctx, "go", "list", "-m", "-f", "{{if not (or .Indirect .Main .Replace)}}- {{.Path}} {{.Version}}{{end}}", "all")
	if err != nil {
		return err
	}
	commit, err := r.exec(ctx, "git", "describe", "--always", "--dirty")
	if err != nil {
		commit = []byte("unknown, not a git checkout")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Benchmarks\n\nWritten by `%s` in `internal/peerbench`; run it again rather than edit this page.\n\n", r.command)
	fmt.Fprintf(&b, "- Commit: %s\n- Machine: %s, %d cores\n- Go: %s %s/%s\n- Figures: medians of %d interleaved rounds\n",
		bytes.TrimSpace(commit), rep.CPU, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, r.rounds)
	fmt.Fprint(&b, "\n## Budget\n")
	missed := rep.WriteBudgets(&b, budgets)
	rep.WriteObservations(&b)
	fmt.Fprintf(&b, "\n%s", notes)
	rep.WriteTables(&b)
	fmt.Fprintf(&b, "\n## Versions\n\n%s\n", compact(versions))
	if err := os.WriteFile(r.out, b.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(r.log, "wrote %s; %d of %d budgets are not met\n", r.out, missed, len(budgets))
	if r.strict && missed > 0 {
		return fmt.Errorf("%d of %d budgets are not met", missed, len(budgets))
	}
	return nil
}

// compact drops the empty lines that go list prints for modules it was told to leave out.
func compact(lines []byte) string {
	return strings.Join(strings.FieldsFunc(string(lines), func(r rune) bool { return r == '\n' }), "\n")
}
