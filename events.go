// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"sync"

	"github.com/plugreg/plugreg/internal/task"
)

// BreakerInfo is a change of a breaker's state.
type BreakerInfo struct {
	// Target is what calls of the plugin are made on. Never nil.
	Target *Target
	// From and To are the states before and after.
	From, To BreakerState
	// Reason says why, for people; empty where it closed.
	Reason string
}

// SaturationInfo is a plugin or a shared resource that has as many calls inside as it may have.
type SaturationInfo struct {
	// Target is what calls of the plugin that was refused are made on. Never nil.
	Target *Target
	// Resource is the shared resource; empty where it is the plugin's own limit.
	Resource string
	// Abandoned says that it is MaxAbandoned that was reached, not MaxConcurrent.
	Abandoned bool
}

// notices delivers what happened, in order and one at a time, on a goroutine that ends when nothing is left: nobody who
// made it happen waits for hooks, and nothing is locked while they run.
type notices struct {
	tasks *task.Group

	mu      sync.Mutex // guards what follows
	pending []notice
	running bool
}

// notice is something to tell. Two of one breaker can be told as one.
type notice struct {
	s      *Sandbox
	change *BreakerInfo // nil: tell says it all
	tell   func(BreakerInfo)
}

// noticesBound is how many may wait while a hook is busy. What comes then is told together with what waits of the same
// breaker, so that its last state is always told; of limits that are reached it is dropped.
const noticesBound = 256

// add has x delivered; false where it is dropped.
func (n *notices) add(x notice) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.pending) >= noticesBound {
		if x.change == nil {
			return false
		}
		for i := len(n.pending) - 1; i >= 0; i-- {
			if p := n.pending[i]; p.s == x.s && p.change != nil {
				p.change.To, p.change.Reason = x.change.To, x.change.Reason
				return true
			}
		}
	}
	n.pending = append(n.pending, x)
	if !n.running {
		n.running = true
		n.tasks.Go(n.deliver)
	}
	return true
}

func (n *notices) deliver() {
	for tell := n.next(); tell != nil; tell = n.next() {
		tell()
	}
}

func (n *notices) next() func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.pending) == 0 {
		n.pending, n.running = nil, false
		return nil
	}
	x := n.pending[0]
	n.pending = n.pending[1:]
	var change BreakerInfo
	if x.change != nil {
		change = *x.change
	}
	return func() { x.tell(change) }
}

// tellBreaker has hooks and the log told of a change of state.
func (s *Sandbox) tellBreaker(from, to BreakerState, reason string) {
	h := s.hooks.load()
	if h == nil && s.onBreaker == nil {
		return
	}
	s.notices.add(notice{s, &BreakerInfo{Target: s.call, From: from, To: to, Reason: reason}, func(info BreakerInfo) {
		if s.onBreaker != nil {
			s.hooks.guarded(func() { s.onBreaker(info) })
		}
		if h == nil {
			return
		}
		for i := range *h {
			if f := (*h)[i].Breaker; f != nil {
				s.hooks.guarded(func() { f(s.hookContext(), info) })
			}
		}
	}})
}

// tellSaturation has hooks told that a limit was reached. While one such notice waits for its turn, another says
// nothing new.
func (s *Sandbox) tellSaturation(resource string, abandoned bool) {
	h := s.hooks.load()
	if h == nil || !abandoned && s.saturating.Swap(true) {
		return
	}
	info := SaturationInfo{Target: s.call, Resource: resource, Abandoned: abandoned}
	added := s.notices.add(notice{s, nil, func(BreakerInfo) {
		if !abandoned {
			s.saturating.Store(false)
		}
		for i := range *h {
			if f := (*h)[i].Saturation; f != nil {
				s.hooks.guarded(func() { f(s.hookContext(), info) })
			}
		}
	}})
	if !added && !abandoned {
		s.saturating.Store(false) // the next refusal tries again
	}
}

func (s *Sandbox) hookContext() context.Context { return &hookContext{context.Background(), s} }
