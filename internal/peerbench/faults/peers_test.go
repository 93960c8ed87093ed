// SPDX-License-Identifier: Apache-2.0

// Package faults looks at what guards do about code that misbehaves: not how fast, but what. The same faults are run
// through every peer; each cell of the table is what was seen, in a process of its own, for some peers do not survive.
package faults

import (
	"context"
	"runtime/debug"
	"testing"
	"time"
)

// A peer is one contender.
type peer struct {
	name string
	has  trait
	make func(t *testing.T, s setup) (guard, error) // an error refuses the setup
}

// A trait is something that not every peer has.
type trait uint8

const (
	aBreaker trait = 1 << iota
	aBulkhead
	aDeadline

	everything = aBreaker | aBulkhead | aDeadline
)

// lacking says what is missing; empty: nothing.
func (has trait) lacking(needs trait) string {
	switch missing := needs &^ has; {
	case missing&aBreaker != 0:
		return "no breaker"
	case missing&aBulkhead != 0:
		return "no bulkhead"
	case missing&aDeadline != 0:
		return "no deadline"
	}
	return ""
}

// A setup is what a guard is to do. A peer passes over what it has not.
type setup struct {
	failures int           // at which the breaker opens; zero: no breaker
	window   time.Duration // within which they must fall; zero: the breaker counts them in a row
	rest     time.Duration // how long it stays open
	permits  int           // of the bulkhead; zero: no bulkhead
	deadline time.Duration // of a call; zero: none
	changed  func()        // listens to the breaker's changes; may be nil
}

// A guard is a peer that was set up.
type guard struct {
	call func(ctx context.Context, f func(context.Context) error) error
	open func() bool // the breaker is not closed; nil: there is none
}

// peers are all of them; plugreg is the first.
func peers() []peer {
	return []peer{plugregPeer(), gobreakerPeer(), failsafePeer(), cep21Peer("cep21 Execute", cep21Execute), cep21Peer("cep21 Go", cep21Go), byHandPeer()}
}

// An end is how a call ended for who made it.
type end struct {
	err      error
	panicked bool   // a panic came out of the guard
	stack    string // where it did
	exited   bool   // the caller's goroutine ended by runtime.Goexit
	after    time.Duration
}

// try calls on a goroutine of its own, for there are guards that end their caller's.
func try(g guard, f func(context.Context) error) <-chan end {
	return tryAs(context.Background(), g, f)
}

func tryAs(ctx context.Context, g guard, f func(context.Context) error) <-chan end {
	ended := make(chan end, 1)
	go func() {
		e, began := end{exited: true}, time.Now()
		defer func() {
			if recover() != nil {
				e = end{panicked: true, stack: string(debug.Stack())}
			}
			e.after = time.Since(began)
			ended <- e
		}()
		err := g.call(ctx, f)
		e = end{err: err}
	}()
	return ended
}

// within waits for what a channel gives; ok is false where nothing comes.
func within[E any](d time.Duration, c <-chan E) (e E, ok bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case e = <-c:
		return e, true
	case <-timer.C:
		return e, false
	}
}
