// SPDX-License-Identifier: Apache-2.0

// Package task counts goroutines that have an owner, so that the owner can wait for them.
//
// The invariant: a Wait that returned nil saw an instant at which none of the goroutines that were started before it ran.
// Unlike sync.WaitGroup, a Group may be added to and waited for at any time, in any order, by many at once, and a wait can be given up.
package task

import (
	"context"
	"sync"
)

// Group counts goroutines. The zero Group is ready for use. It must not be copied after first use, and is safe for
// concurrent use.
type Group struct {
	mu   sync.Mutex // guards what follows
	n    int
	idle chan struct{} // closed when n comes down to zero; nil while nobody waits
}

// Go runs f on a goroutine of the group. A panic in f ends the process, as anywhere: hand it no code that is not guarded.
func (g *Group) Go(f func()) {
	done := g.Begin()
	go func() {
		defer done()
		f()
	}()
}

// Begin counts the current goroutine until the returned function is called, which may be done more than once.
func (g *Group) Begin() (done func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	return sync.OnceFunc(g.end)
}

// Len is the number of goroutines that run now.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}

// Wait returns nil once no goroutine of the group runs, or the error of ctx if that ends before.
func (g *Group) Wait(ctx context.Context) error {
	g.mu.Lock()
	if g.n == 0 {
		g.mu.Unlock()
		return nil
	}
	if g.idle == nil {
		g.idle = make(chan struct{})
	}
	idle := g.idle
	g.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Group) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.n == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}
