// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// A fault is one row of the table.
type fault struct {
	name  string // for people
	needs trait  // a peer that has not all of it is not asked
	real  bool   // in real time: some peer waits for a mutex there, which no bubble of synctest gets over
	run   func(t *testing.T, p peer) string
	good  string // what plugreg does, or the test fails
	known []string
}

// faults are all of them. What the other peers are known to do is in the order of peers; what differs from that is
// worth a look and a warning, for peers get better.
func faults() []fault {
	return []fault{
		{name: "a call panics", run: panicking("fault"),
			good: "error with its stack; counted",
			known: []string{"panic escapes; counted", "panic escapes; not counted", "panic escapes; not counted",
				"panic escapes without its stack; not counted", "process dies: panic: fault"}},
		{name: "a call panics with nil", run: panicking(nil),
			good: "error with its stack; counted",
			known: []string{"panic escapes; counted", "panic escapes; not counted", "panic escapes; not counted",
				"panic escapes without its stack; not counted", "process dies: panic: panic called with nil argument"}},
		{name: "a call ends its goroutine (Goexit), deadline 50 ms", run: exiting,
			good: "error; counted",
			known: []string{"caller's goroutine ends; not counted", "caller's goroutine ends; not counted", "caller's goroutine ends; not counted",
				"error after 50 ms; counted", "error after 50 ms"}},
		{name: "a bulkhead of 2 after 2 panics", needs: aBulkhead, run: permitsAfter(func() { culprit("fault") }),
			good:  "2 of 2 permits left",
			known: []string{"no bulkhead", "0 of 2 permits left", "2 of 2 permits left", "2 of 2 permits left", "no bulkhead"}},
		{name: "a bulkhead of 2 after 2 Goexits", needs: aBulkhead, run: permitsAfter(runtime.Goexit),
			good:  "2 of 2 permits left",
			known: []string{"no bulkhead", "0 of 2 permits left", "2 of 2 permits left", "2 of 2 permits left", "no bulkhead"}},
		{name: "a call ignores its context for 500 ms, deadline 50 ms", needs: aDeadline, run: ignoring,
			good:  "caller back after 50 ms",
			known: []string{"no deadline", "caller back after 500 ms", "caller back after 500 ms", "caller back after 50 ms", "caller back after 50 ms"}},
		{name: "12 calls that never return, a bulkhead of 4, deadline 50 ms", needs: aBulkhead | aDeadline, run: abandoning,
			good: "4 run, all 12 callers are back",
			known: []string{"no bulkhead", "4 run, 4 callers never come back", "4 run, 4 callers never come back",
				"12 run, all 12 callers are back", "no bulkhead"}},
		{name: "a probing call panics", needs: aBreaker, run: probing(func(<-chan struct{}) { culprit("fault") }),
			good:  "heals",
			known: []string{"heals", "refuses for ever", "heals", "heals", "no breaker"}},
		{name: "a probing call ends its goroutine", needs: aBreaker, run: probing(func(<-chan struct{}) { runtime.Goexit() }),
			good:  "heals",
			known: []string{"refuses for ever", "refuses for ever", "heals", "heals", "no breaker"}},
		{name: "a probing call never returns", needs: aBreaker, run: probing(func(never <-chan struct{}) { <-never }),
			good:  "heals",
			known: []string{"refuses for ever", "refuses for ever", "heals", "heals", "no breaker"}},
		{name: "a listener calls back into the breaker", needs: aBreaker, real: true, run: reentering,
			good:  "returns",
			known: []string{"deadlock", "returns", "returns", "returns", "no breaker"}},
		{name: "a listener panics when the breaker opens", needs: aBreaker, real: true, run: listening,
			good: "contained; open",
			known: []string{"panic escapes to the call; open", "process dies: fatal error: sync: unlock of unlocked mutex",
				"panic escapes to the call; stays closed", "panic escapes to the call; stays closed", "no breaker"}},
		{name: "failures 19 s apart, 3 in a row are to open it", needs: aBreaker, run: spacing(0),
			good:  "opens at failure 3",
			known: []string{"opens at failure 3", "opens at failure 3", "opens at failure 3", "opens at failure 3", "no breaker"}},
		{name: "failures 19 s apart, 3 within 30 s are to open it", needs: aBreaker, run: spacing(30 * time.Second),
			good:  "setup refused: it could never open",
			known: []string{"never opens", "never opens", "never opens", "never opens", "no breaker"}},
		{name: "5 calls that a full bulkhead refuses, 3 failures open the breaker", needs: aBreaker | aBulkhead, run: refusing,
			good:  "stays closed",
			known: []string{"no bulkhead", "opens", "stays closed", "stays closed", "no breaker"}},
		{name: "2 failures, 1,000 successes, 1 failure; 3 failures open the breaker", needs: aBreaker, run: diluting,
			good:  "stays closed",
			known: []string{"stays closed", "opens", "stays closed", "stays closed", "no breaker"}},
		{name: "3 callers give up, 3 failures open the breaker", needs: aBreaker, run: leaving,
			good:  "stays closed",
			known: []string{"opens", "opens", "stays closed", "stays closed", "no breaker"}},
	}
}

// longer than any test would wait; no peer takes as long of its own accord.
const forever = time.Hour

func succeed(context.Context) error { return nil }

func fail(context.Context) error { return errFault }

// ready sets the peer up.
func ready(t *testing.T, p peer, s setup) guard {
	g, err := p.make(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
