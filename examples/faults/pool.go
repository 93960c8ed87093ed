// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"
)

// pool is a server with a number of connections. Who finds none free waits, first come, first served.
type pool struct {
	clock
	free chan struct{} // holds a token for each free connection; Go serves its waiters in order

	mu     sync.Mutex    // guards what follows
	inside int           // who has a connection or waits for one
	since  time.Duration // the last look
	seen   queue
}

// queue is what there was of one.
type queue struct {
	waited time.Duration // for which somebody waited
	peak   int           // the most who had a connection or waited for one at a time
}

func newPool(c clock, connections int) *pool {
	p := &pool{clock: c, free: make(chan struct{}, connections)}
	for range connections {
		p.free <- struct{}{}
	}
	return p
}

// use holds a connection while work runs.
func (p *pool) use(ctx context.Context, work func() error) error {
	p.count(1)
	defer p.count(-1)
	select {
	case <-p.free:
		defer func() { p.free <- struct{}{} }()
		return work()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read is use by something that takes so long.
func (p *pool) read(ctx context.Context, takes time.Duration) error {
	return p.use(ctx, func() error { return p.wait(ctx, takes) })
}

func (p *pool) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	p.inside += n
	p.seen.peak = max(p.seen.peak, p.inside)
}

// look adds the time since the last look where somebody has waited. Call it with mu held.
func (p *pool) look() {
	now := p.now()
	if p.inside > cap(p.free) {
		p.seen.waited += now - p.since
	}
	p.since = now
}

// queued returns what there was of a queue since it was asked last.
func (p *pool) queued() queue {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	seen := p.seen
	p.seen = queue{peak: p.inside}
	return seen
}
