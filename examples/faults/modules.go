// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/plugreg/plugreg"
)

const (
	customs   = "customs.clearance"
	fallback  = "customs.fallback"
	cacheName = "cache:fallback" // what plugins that use the shared cache say in Uses
)

// neighbour is a module that has nothing to do with customs. It works, and looks things up in the cache.
type neighbour struct {
	plugreg.NoClose
	name         string
	work, lookup time.Duration
	lookups      int
	cache        *pool
}

func (n *neighbour) Serve(ctx context.Context, size float64) error {
	if err := n.cache.wait(ctx, scale(n.work, size)); err != nil {
		return err
	}
	for range n.lookups {
		if err := n.cache.read(ctx, scale(n.lookup, size)); err != nil {
			return err
		}
	}
	return nil
}

func scale(d time.Duration, size float64) time.Duration { return time.Duration(size * float64(d)) }

// neighbours are six of them. On a good day the p95 of invoices is 86 ms, and that of VAT 112 ms.
func neighbours(cache *pool) []*neighbour {
	const ms = time.Millisecond
	return []*neighbour{
		{name: "invoices.issue", cache: cache, work: 35 * ms, lookup: 41 * ms, lookups: 1},
		{name: "vat.estimate", cache: cache, work: 30 * ms, lookup: 35 * ms, lookups: 2},
		{name: "tracking.sync", cache: cache, work: 25 * ms, lookup: 30 * ms, lookups: 1},
		{name: "pricing.quote", cache: cache, work: 20 * ms, lookup: 25 * ms, lookups: 1},
		{name: "tickets.route", cache: cache, work: 40 * ms, lookup: 45 * ms, lookups: 1},
		{name: "content.localize", cache: cache, work: 50 * ms, lookup: 35 * ms, lookups: 1},
	}
}

// customsAPI is the authority's. While it limits us, it answers a few calls each second and turns the others away.
type customsAPI struct {
	clock
	mu     sync.Mutex // guards what follows
	second time.Duration
	calls  int // in that second
}

const customsQuota = 8

var errQuota = errors.New("customs API: 429 too many requests")

func (a *customsAPI) ask() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if second := now.Truncate(time.Second); second != a.second {
		a.second, a.calls = second, 0
	}
	if a.calls++; a.calls > customsQuota && now >= breaks && now < mends {
		return errQuota
	}
	return nil
}

// clearance is customs clearance as it should be: it asks the authority.
type clearance struct {
	plugreg.NoClose
	api *customsAPI
}

func (m *clearance) Serve(ctx context.Context, size float64) error {
	if err := m.api.ask(); err != nil {
		return err
	}
	return m.api.wait(ctx, scale(40*time.Millisecond, size))
}

// detour clears by precedent: what was decided about such goods is in the cache, on one connection, line by line.
type detour struct {
	plugreg.NoClose
	cache *pool
}

func (m *detour) Serve(ctx context.Context, size float64) error {
	return m.cache.read(ctx, scale(200*time.Millisecond, size))
}
