// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/plugreg/plugreg"
)

// When it happens, in the story's time, and how much is asked of whom a second.
const (
	breaks = 6 * time.Second
	mends  = 16 * time.Second
	end    = 20 * time.Second

	cacheConnections = 16
	neighbourRate    = 16
	customsRate      = 90
	detourShare      = 4 // calls of the detour at a time, where that has a limit of its own
)

// world is one run of the incident: the same modules and the same load as in others, under other limits.
type world struct {
	*shop
	six    []string   // the modules that share nothing with customs but the cache
	events chan event // what the breaker of customs clearance did
}

type event struct {
	at time.Duration
	plugreg.BreakerInfo
}

// newWorld mounts eight modules. This is all that a host has to say about containment; a limit of zero is none.
func (g *gameDay) newWorld(ctx context.Context, c clock, name string, shared, share int) (*world, error) {
	w, cache := &world{events: make(chan event, 100)}, newPool(c, cacheConnections)
	cfg := plugreg.Config{
		Name:    name,
		Sandbox: plugreg.SandboxConfig{Timeout: c.real(8 * time.Second)},
		Hooks: &plugreg.Hooks{Breaker: func(_ context.Context, change plugreg.BreakerInfo) {
			if change.Target.Plugin == customs {
				w.events <- event{c.now(), change}
			}
		}},
	}
	if shared > 0 { // for all plugins whose Uses has that name
		cfg.Resources = map[string]plugreg.Resource{cacheName: {MaxConcurrent: shared}}
	}
	clearing := plugin(customs, "clears goods at the authority", &clearance{api: &customsAPI{clock: c}})
	clearing.Sandbox = &plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{
		ConsecutiveFailures: -1, // the rate counts: more than half of more than 20 calls
		RateWindow:          c.real(2 * time.Second),
		OpenFor:             c.real(3 * time.Second),
	}}
	byPrecedent := plugin(fallback, "clears goods by precedent", &detour{cache: cache}, cacheName)
	byPrecedent.Sandbox = &plugreg.SandboxConfig{MaxConcurrent: share}
	all := []plugreg.Plugin[Module]{clearing, byPrecedent}
	for _, n := range neighbours(cache) {
		w.six, all = append(w.six, n.name), append(all, plugin(n.name, "has nothing to do with customs", n, cacheName))
	}
	var err error
	w.shop, err = g.newShop(ctx, c, cfg, all...)
	return w, err
}

// live lets users come, the same to every world.
func (w *world) live(ctx context.Context, seed uint64) {
	var users sync.WaitGroup
	defer users.Wait()
	come := func(i int, rate float64, call func(size float64)) {
		users.Go(func() { w.load(ctx, rate, end, rand.New(rand.NewPCG(seed, uint64(i))), call) })
	}
	for i, name := range w.six {
		come(i, neighbourRate, func(size float64) { _ = w.call(ctx, name, size) }) // the book has the error
	}
	come(len(w.six), customsRate, func(size float64) { w.clear(ctx, size) })
}

// clear clears a declaration, by precedent where the authority or the breaker says no: a detour that is well meant.
func (w *world) clear(ctx context.Context, size float64) {
	if err := w.call(ctx, customs, size); err != nil && ctx.Err() == nil {
		_ = w.call(ctx, fallback, size)
	}
}

// incident is act 1.
func (g *gameDay) incident(ctx context.Context) error {
	g.title("ACT 1: THE INCIDENT, at %v x", g.speed)
	g.say("From %v to %v the customs API answers %d calls a second and turns the other %d away. The breaker of %s opens, and goods "+
		"are cleared by precedent, out of a cache with %d connections that six other modules use. This is lived through three times "+
		"at once: without a limit; with %d calls at most that use %s; and with %d of these at most by %s.",
		breaks, mends, customsQuota, customsRate-customsQuota, customs, cacheConnections, g.limit, cacheName, detourShare, fallback)
	c := newClock(g.speed)
	var worlds []*world
	for _, x := range []struct {
		name          string
		shared, share int
	}{{"no limit", 0, 0}, {"shared limit", g.limit, 0}, {"limit and share", g.limit, detourShare}} {
		w, err := g.newWorld(ctx, c, x.name, x.shared, x.share)
		if err != nil {
			return err
		}
		worlds = append(worlds, w)
	}
	var running sync.WaitGroup
	for _, w := range worlds {
		running.Go(func() { w.live(ctx, g.seed) })
	}
	g.follow(ctx, "P95 OF SIX MODULES", span, end, worlds[0].six, func(at time.Duration) string {
		if at > breaks && at <= mends {
			return "the customs API limits us"
		}
		return ""
	})
	running.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	g.timeline(worlds)
	g.suffering(worlds)
	g.refusals(worlds)
	return nil
}
