// SPDX-License-Identifier: Apache-2.0

// Command contracts follows one payload, a payment request, through six versions of the plugin that takes it: what
// changed at each step, which policy allows it, what becomes of payloads that meet another version, and what a
// registry refuses.
//
//	go run ./examples/contracts
//
// The versions are packages of their own: v110, v123, v124, v130, v200, and v131, which should never have been
// released. All that is printed is computed, and checked against what is written in the code; the program ends with
// status 1 where that differs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/contracts/gateway"
	"github.com/plugreg/plugreg/examples/contracts/v110"
	"github.com/plugreg/plugreg/examples/contracts/v123"
	"github.com/plugreg/plugreg/examples/contracts/v124"
	"github.com/plugreg/plugreg/examples/contracts/v130"
	"github.com/plugreg/plugreg/examples/contracts/v131"
	"github.com/plugreg/plugreg/examples/contracts/v200"
)

func main() {
	if err := run(context.Background(), coloured(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, "contracts:", err)
		os.Exit(1)
	}
}

// run is the whole program.
func run(ctx context.Context, out io.Writer) error {
	t, err := newTour(ctx)
	if err != nil {
		return err
	}
	t.steps()
	t.history()
	failed := errors.Join(t.payloads(), t.registry(ctx))
	t.end()
	_, err = io.WriteString(out, t.text.String())
	return errors.Join(append(t.wrong, failed, err)...)
}

// tour is what the program knows and has said.
type tour struct {
	page
	contracts map[string]plugreg.Contract // by version
	released  []plugreg.Contract          // oldest first, without 1.3.1
}

// plugins are all versions, oldest first.
func plugins() []plugreg.Plugin[gateway.Gateway] {
	return []plugreg.Plugin[gateway.Gateway]{
		version[v110.PaymentRequest]("1.1.0", "transfers between accounts"),
		version[v123.PaymentRequest]("1.2.3", "cards are new: two fields more, both may be absent"),
		version[v124.PaymentRequest]("1.2.4", "a patch: the same request, declared in another Go package"),
		version[v130.PaymentRequest]("1.3.0", "the reference has another name in JSON, and an alias for the old one"),
		version[v131.PaymentRequest]("1.3.1", "called a patch, and is none: amounts are text, the currency is gone"),
		version[v200.PaymentRequest]("2.0.0", "a new generation: 64-bit amounts, and no personal data that is not needed"),
	}
}

const name = "PaymentRequest"

// version is a plugin that takes requests of type R.
func version[R any](version, summary string) plugreg.Plugin[gateway.Gateway] {
	return plugreg.Plugin[gateway.Gateway]{
		Name: name, Version: version, Summary: summary,
		Prototype: (*gateway.Of[R])(nil),
		New:       func(context.Context, *plugreg.Env) (gateway.Gateway, error) { return new(gateway.Of[R]), nil },
		Data:      []any{*new(R)},
	}
}

// newTour describes the versions. The registry that it does that with allows whatever is not older, or it would not
// take 1.3.1.
func newTour(ctx context.Context) (t *tour, err error) {
	r, err := plugreg.New[gateway.Gateway](plugreg.Config{Policy: plugreg.Unchecked})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeRegistry(ctx, r)) }()
	if _, err := r.RegisterAll(plugins()...); err != nil {
		return nil, err
	}
	t = &tour{contracts: map[string]plugreg.Contract{}}
	for _, c := range r.History(name) {
		t.contracts[c.Version] = c
		if c.Version != "1.3.1" {
			t.released = append(t.released, c)
		}
	}
	return t, nil
}

// closeRegistry ends a registry, also where ctx has ended.
func closeRegistry(ctx context.Context, r *plugreg.Registry[gateway.Gateway]) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return r.Close(ctx)
}
