// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/plugreg/plugreg"
)

// Module is the contract of all plugins here: a call is one order, declaration, invoice, … of some size, 1 on average. It
// is called concurrently and honours ctx, unless it is there to misbehave.
type Module interface {
	Serve(ctx context.Context, size float64) error
	io.Closer
}

// plugin is one whose instance is at hand.
func plugin[M Module](name, summary string, m M, uses ...string) plugreg.Plugin[Module] {
	return plugreg.Plugin[Module]{
		Name: name, Version: "1.0.0", Summary: summary, Prototype: m, Uses: uses,
		New: func(context.Context, *plugreg.Env) (Module, error) { return m, nil },
	}
}

// shop is a host: a registry, what is mounted of it, and a book of all calls.
type shop struct {
	clock
	book
	name     string
	registry *plugreg.Registry[Module]
	handles  map[string]*plugreg.Handle[Module]
}

// newShop opens a shop with some plugins. Those without a summary are only there because others require them.
func (g *gameDay) newShop(ctx context.Context, c clock, cfg plugreg.Config, plugins ...plugreg.Plugin[Module]) (*shop, error) {
	r, err := plugreg.New[Module](cfg)
	if err != nil {
		return nil, err
	}
	s := &shop{clock: c, name: cfg.Name, registry: r, handles: map[string]*plugreg.Handle[Module]{}}
	g.open = append(g.open, s)
	if _, err := r.RegisterAll(plugins...); err != nil {
		return nil, err
	}
	for _, p := range plugins {
		if p.Summary == "" {
			continue
		}
		if s.handles[p.Name], err = r.Open(ctx, p.Name, "", nil); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// closeShops ends what is open, also where the time for everything else is over, and keeps what registries have counted.
func (g *gameDay) closeShops() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, s := range g.open {
		err = errors.Join(err, s.registry.Close(ctx))
		g.seen = append(g.seen, s.registry.Inspect())
	}
	g.open = nil
	return err
}

// call calls a module and keeps what became of it.
func (s *shop) call(ctx context.Context, name string, size float64) error {
	began, attempts := s.now(), new(atomic.Int64)
	err := s.handles[name].Do(ctx, func(ctx context.Context, m Module) error {
		attempts.Add(1)
		return m.Serve(ctx, size)
	})
	s.add(record{plugin: name, at: began, took: s.now() - began, attempts: int(attempts.Load()), err: err})
	return err
}

// follow tells until end how long the calls of some plugins took that came back; note has something to add, or to do.
func (g *gameDay) follow(ctx context.Context, what string, period, end time.Duration, plugins []string, note func(at time.Duration) string) {
	line := fmt.Sprintf("\n  %-24s", what)
	for _, s := range g.open {
		line += fmt.Sprintf("%17s", s.name)
	}
	g.print(line + "\n")
	g.open[0].every(ctx, period, end, func(at time.Duration) {
		line := fmt.Sprintf("  %4v to %-16v", at-period, at)
		for _, s := range g.open {
			back := s.calls(func(r *record) bool { return r.at+r.took >= at-period && slices.Contains(plugins, r.plugin) })
			line += fmt.Sprintf("%17s", ms(back.p95()))
		}
		g.print(strings.TrimRight(line+"  "+note(at), " ") + "\n")
	})
}
