// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// Two plugins that a host should not have to fear. Both say that they can write JSON Lines.

var (
	_ Exporter = (*crashing)(nil)
	_ Exporter = (*hanging)(nil)
)

// thirdParty marks plugins whose limits are tighter; see limits.
func thirdParty() map[string]string { return map[string]string{"origin": "third-party"} }

// crashing panics.
type crashing struct {
	plugreg.NoClose
	seen map[string]bool // somebody forgot to make it
}

func crashingPlugin() plugreg.Plugin[io.Closer] {
	return plugreg.Configured(plugreg.Plugin[io.Closer]{
		Name: "crashing", Version: "0.9.0", Summary: "panics in Export", Labels: thirdParty(),
		Prototype: (*crashing)(nil),
	}, jsonlSettings{}, func(context.Context, *plugreg.Env, jsonlSettings) (io.Closer, error) { return new(crashing), nil })
}

func (c *crashing) Supports(format string) bool { return format == "jsonl" }

func (c *crashing) Export(_ context.Context, rows []airport.Airport) error {
	for _, row := range rows {
		c.seen[row.IATA] = true
	}
	return nil
}

// hanging waits for something other than its context. No library can end a goroutine that does not want to, so a real one
// of this kind would stay until the process ends; this one stays until released is closed.
type hanging struct {
	plugreg.NoClose
	released <-chan struct{}
}

func hangingPlugin(released <-chan struct{}) plugreg.Plugin[io.Closer] {
	return plugreg.Configured(plugreg.Plugin[io.Closer]{
		Name: "hanging", Version: "0.3.0", Summary: "never returns from Export", Labels: thirdParty(),
		Prototype: (*hanging)(nil),
	}, jsonlSettings{}, func(context.Context, *plugreg.Env, jsonlSettings) (io.Closer, error) {
		return &hanging{released: released}, nil
	})
}

func (h *hanging) Supports(format string) bool { return format == "jsonl" }

func (h *hanging) Export(context.Context, []airport.Airport) error {
	<-h.released
	return nil
}
