// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/plugreg/plugreg"
)

// The drill, in times of the story.
const (
	drillEnd    = 13 * time.Second
	orderRate   = 100 // a second
	connections = 6   // to the payment gateway
	patience    = 800 * time.Millisecond

	gatewayName = "payments.gateway"
	networkName = "payments.network"
)

// stage is what is injected for a while.
type stage struct {
	name, what string
	from, to   time.Duration
	faults     plugreg.Faults
}

func stages(c clock, seed uint64) []stage {
	return []stage{
		{"slow", "500 ms for 15 %", 3 * time.Second, 8 * time.Second, plugreg.Faults{Seed: seed, LatencyRate: 0.15, Latency: c.real(500 * time.Millisecond)}},
		{"down", "nothing gets through", 9 * time.Second, 11 * time.Second, plugreg.Faults{ErrorRate: 1}},
	}
}

// manner is a way to pay, again where that fails.
type manner struct {
	name    string
	sandbox plugreg.SandboxConfig
}

func manners(c clock) []manner {
	always := func(error) bool { return true }
	return []manner{
		// As a payment SDK had it built in: one time limit for everything, so it has to be long enough for the slowest
		// answer; and three attempts, one soon after the other.
		{"fixed", plugreg.SandboxConfig{Timeout: -1, Retry: plugreg.RetryConfig{RetryIf: always, Attempts: 3, AttemptTimeout: c.real(600 * time.Millisecond),
			BaseDelay: c.real(50 * time.Millisecond), Multiplier: 1, Jitter: -1, Budget: -1}}},
		// As it should be: an attempt gets what a good one takes, several times over; all together get what the caller has.
		// The delay doubles, all of it is random, and there is one retry for five attempts: these are the defaults.
		{"backed off", plugreg.SandboxConfig{Timeout: c.real(patience), Retry: plugreg.RetryConfig{RetryIf: always, Attempts: 3, AttemptTimeout: c.real(120 * time.Millisecond),
			BaseDelay: c.real(200 * time.Millisecond)}}},
	}
}

// gateway pays: it takes one of its connections and sends the order over the network.
type gateway struct {
	plugreg.NoClose
	connections *pool
	network     *plugreg.Handle[Module]
}

func (m *gateway) Serve(ctx context.Context, size float64) error {
	return m.connections.use(ctx, func() error {
		return m.network.Do(ctx, func(ctx context.Context, n Module) error { return n.Serve(ctx, size) })
	})
}

// network takes 20 ms there and back.
type network struct {
	plugreg.NoClose
	clock
}

func (n *network) Serve(ctx context.Context, size float64) error {
	return n.wait(ctx, scale(20*time.Millisecond, size))
}

// checkout is where orders are created.
type checkout struct {
	*shop
	pool    *pool
	network *plugreg.Sandbox // where the faults are
	queues  []queue          // of each stage
}

func (g *gameDay) newCheckout(ctx context.Context, c clock, m manner) (*checkout, error) {
	k := &checkout{pool: newPool(c, connections)}
	pay := plugreg.Plugin[Module]{
		Name: gatewayName, Version: "1.0.0", Summary: "pays orders", Prototype: (*gateway)(nil), Sandbox: &m.sandbox,
		Requires: []plugreg.Requirement{{Name: networkName, As: (*Module)(nil)}},
		New: func(_ context.Context, env *plugreg.Env) (Module, error) {
			n, err := plugreg.Require[Module](env, networkName)
			if err != nil {
				return nil, err
			}
			k.network = n.Sandbox()
			return &gateway{connections: k.pool, network: n}, nil
		},
	}
	// The drill is about retries: a breaker would be in the way.
	cfg := plugreg.Config{Name: m.name, Sandbox: plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: -1, ErrorRate: -1}}}
	var err error
	k.shop, err = g.newShop(ctx, c, cfg, pay, plugin(networkName, "", &network{clock: c}))
	return k, err
}

// drill is act 2.
func (g *gameDay) drill(ctx context.Context) error {
	g.title("ACT 2: A DRILL")
	g.say("%d orders a second are paid over %d connections to the payment gateway; each waits for %v at most. Of what is sent there, first 15 %% meet "+
		"500 ms of latency, then nothing gets through. One shop tries again as a payment SDK had it built in, the other as it should be.",
		orderRate, connections, patience)
	c := newClock(g.speed)
	var shops []*checkout
	for _, m := range manners(c) {
		k, err := g.newCheckout(ctx, c, m)
		if err != nil {
			return err
		}
		shops = append(shops, k)
	}
	if err := g.order(ctx, shops); err != nil {
		return err
	}
	g.compare(shops)
	return nil
}

// order lets customers order, and injects meanwhile.
func (g *gameDay) order(ctx context.Context, shops []*checkout) (err error) {
	var running sync.WaitGroup
	for _, k := range shops {
		running.Go(func() {
			k.load(ctx, orderRate, drillEnd, rand.New(rand.NewPCG(g.seed, 0)), func(size float64) {
				ctx, cancel := context.WithTimeout(ctx, k.real(patience))
				defer cancel()
				_ = k.call(ctx, gatewayName, size) // the book has the error
			})
		})
	}
	g.follow(ctx, "P95 OF ORDERS", time.Second, drillEnd, []string{gatewayName}, func(at time.Duration) (note string) {
		for _, s := range stages(shops[0].clock, g.seed) {
			if at > s.from && at <= s.to {
				note = s.what
			}
			for _, k := range shops {
				err = errors.Join(err, k.inject(at, s))
			}
		}
		return note
	})
	running.Wait()
	return errors.Join(err, ctx.Err())
}

// inject begins a stage when its time has come, and ends it.
func (k *checkout) inject(at time.Duration, s stage) error {
	switch at {
	case s.from:
		k.pool.queued()
		return k.network.Inject(s.faults)
	case s.to:
		k.queues = append(k.queues, k.pool.queued())
		return k.network.Inject(plugreg.Faults{})
	}
	return nil
}

// compare shows one beside the other, stage by stage.
func (g *gameDay) compare(shops []*checkout) {
	rows := [][]string{{"STAGE", "retries", "orders", "attempts each", "timed out", "lost", "p50", "p95", "p99", "most inside", "queue for"}}
	var load, late [2][2]float64
	for i, s := range stages(shops[0].clock, g.seed) {
		for j, k := range shops {
			calls, q, attempts := k.of(gatewayName).within(s.from, s.to), k.queues[i], 0
			for _, r := range calls {
				attempts += r.attempts
			}
			load[i][j] = float64(attempts) / float64(max(len(calls), 1))
			late[i][j] = calls.share(func(r *record) bool { return errors.Is(r.err, context.DeadlineExceeded) })
			rows = append(rows, []string{s.name, k.name, fmt.Sprint(len(calls)), fmt.Sprintf("%.2f", load[i][j]), percent(late[i][j]), percent(calls.lost()),
				ms(calls.quantile(0.5)), ms(calls.p95()), ms(calls.quantile(0.99)), fmt.Sprint(q.peak), ms(q.waited)})
		}
	}
	g.table(rows...)
	fixed, backedOff := shops[0].queues[0].waited, shops[1].queues[0].waited
	g.claim(late[0][0] > 0 && 2*late[0][1] <= late[0][0], "backed off, at most half as many orders time out: %s, not %s", percent(late[0][1]), percent(late[0][0]))
	g.claim(fixed > 0 && 2*backedOff <= fixed, "and there is a queue for connections for at most half as long: %s, not %s", ms(backedOff), ms(fixed))
	g.claim(load[1][0] >= 2.5 && load[1][1] <= 1.5, "where nothing helps, retries cost %.2f attempts an order, not %.2f", load[1][1], load[1][0])
}
