// SPDX-License-Identifier: Apache-2.0

// Command quickstart is a small host: it reads 3,376 airports, validates and transforms them, writes them through every
// exporter that it finds, reads the files back and compares every row. Two of its plugins misbehave; it goes on.
//
//	go run ./examples/quickstart
//
// Read main.go first: the host, from its registry to its end. Then contracts.go, which is all that host and plugins agree on, the
// plugins (sinks.go, rules.go, console.go, faulty.go, and gzipsink, a package that has never heard of plugreg), and
// pipeline.go, which calls them. The program ends with status 1 if a row differs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"syscall"
	"time"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
	"github.com/plugreg/plugreg/examples/quickstart/gzipsink"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := inTempDir(func(dir string) error { return run(ctx, os.Stdout, dir) })
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// inTempDir gives work a directory that is removed afterwards.
func inTempDir(work func(dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "plugreg-quickstart-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return work(dir)
}

// run is the whole program: it writes files to dir and a report to out. Plugins in more are registered too.
func run(ctx context.Context, out io.Writer, dir string, more ...plugreg.Plugin[io.Closer]) (err error) {
	h := &host{out: out, dir: dir, released: make(chan struct{}), began: time.Now()}
	if err := h.register(more); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openLog(ctx); err != nil {
		return err
	}
	if err := h.provokeRefusals(ctx); err != nil {
		return err
	}
	h.registry.Seal() // what is there now is all that there will be
	files, err := h.work(ctx)
	if err != nil {
		return err
	}
	return h.report(ctx, files)
}

// host is what the program keeps for as long as it runs.
type host struct {
	registry *plugreg.Registry[io.Closer] // many contracts in one registry; Discover tells them apart
	log      *plugreg.Handle[LogSink]
	out      io.Writer
	dir      string
	began    time.Time
	refused  []error
	released chan struct{}     // closed when hanging plugins may return
	stranded []<-chan struct{} // each is closed when nothing is left of a plugin that did not close in time
}

// register makes the registry and fills it. RegisterAll takes all or none.
func (h *host) register(more []plugreg.Plugin[io.Closer]) (err error) {
	h.registry, err = plugreg.New[io.Closer](plugreg.Config{
		Name:       "quickstart",
		Sandbox:    plugreg.SandboxConfig{StartTimeout: 5 * time.Second, Timeout: 10 * time.Second, DrainTimeout: closeTimeout, CloseTimeout: closeTimeout},
		SandboxFor: limits,
		// The rows cross the boundary, so their fields belong in every contract, though they are declared in a package
		// that is no plugin's own.
		OpenPackages: []string{reflect.TypeFor[airport.Airport]().PkgPath()},
	})
	if err != nil {
		return err
	}
	ours := []plugreg.Plugin[io.Closer]{
		consolePlugin(h.out), rulesPlugin(), csvPlugin(), jsonlPlugin(), crashingPlugin(), hangingPlugin(h.released),
	}
	if _, err := h.registry.RegisterAll(append(ours, more...)...); err != nil {
		return err
	}
	_, err = h.registry.RegisterAny(gzipsink.New()) // a ready instance, from code that does not know us
	return err
}

// limits has the last word on how a plugin is contained: those of third parties get little time.
func limits(p plugreg.Info) *plugreg.SandboxConfig {
	if p.Labels["origin"] != "third-party" {
		return nil
	}
	return &plugreg.SandboxConfig{StartTimeout: time.Second, Timeout: 500 * time.Millisecond, DrainTimeout: 50 * time.Millisecond, CloseTimeout: time.Second}
}

// provokeRefusals does what a host should never do, to show what it is told then.
func (h *host) provokeRefusals(ctx context.Context) error {
	_, err1 := h.registry.Register(plugreg.Plugin[io.Closer]{Name: "tab separated", Version: "1.0", Prototype: (*csvSink)(nil)})
	_, err2 := h.registry.Open(ctx, "csv", "^1", map[string]any{"path": filepath.Join(h.dir, "refused.csv"), "seperator": ";"})
	h.refused = []error{err1, err2}
	if !errors.Is(err1, plugreg.ErrInvalid) || !errors.Is(err2, plugreg.ErrContract) {
		return fmt.Errorf("what should have been refused was not: %v, %v", err1, err2)
	}
	return nil
}

// closeTimeout is how long anything may take to close.
const closeTimeout = 5 * time.Second

// close ends the registry and with it what is still mounted. Its time does not depend on the context of the work, which may
// have ended already.
func (h *host) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	close(h.released)
	var errs []error
	for _, gone := range h.stranded {
		select {
		case <-gone:
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("a plugin did not return: %w", ctx.Err()))
		}
	}
	return errors.Join(append(errs, h.registry.Close(ctx))...)
}
