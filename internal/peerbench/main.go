// SPDX-License-Identifier: Apache-2.0

// Command peerbench builds all benchmarks of this module, runs them in
// interleaved rounds and writes the medians to BENCHMARKS.md at the
// repository's root. The file is written once, at the end: a run that fails
// or is interrupted leaves the old one alone.
//
//	go run . -rounds 6
//
// Run it inside this module. Exit codes: 0; 1 where a step failed, or with
// -strict a budget was missed; 2 for flags that do not fit.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	var r runner
	flag.IntVar(&r.rounds, "rounds", 6, "how often every benchmark runs")
	flag.DurationVar(&r.benchtime, "benchtime", 100*time.Millisecond, "how long every benchmark runs in a round")
	flag.StringVar(&r.tags, "tags", "", `build tags; "light" leaves out Caddy and the Collector, which take a minute to build`)
	flag.StringVar(&r.out, "out", "", "the file to write (default BENCHMARKS.md at the repository's root)")
	flag.BoolVar(&r.strict, "strict", false, "fail where a budget is missed")
	flag.Parse()
	if flag.NArg() > 0 || r.rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r.exec, r.log, r.command = run, os.Stderr, command()
	if err := r.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "peerbench:", err)
		stop()
		os.Exit(1)
	}
}

// command is how to start this run again; go run hides that behind a path of its own.
func command() string {
	c := "go run ."
	flag.Visit(func(f *flag.Flag) {
		if f.Name != "out" {
			c += fmt.Sprintf(" -%s=%s", f.Name, f.Value)
		}
	})
	return c
}

// run executes a program and returns what it printed on standard output.
func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes(), nil
}
