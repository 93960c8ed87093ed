// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	workers = 8
	rounds  = 500
)

// TestHammer ends contexts from all sides while others wait: there is one cause, nobody sees Done closed without it nor it
// without Done closed, and each function runs once unless it was stopped.
func TestHammer(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			parent, cancel := context.WithCancel(t.Context())
			for round := range rounds {
				if round == rounds/2 {
					cancel() // Orphan is another cause from now on
				}
				c := newDriven(parent, time.Hour)
				c.driven, c.lean = kind.driven, kind.lean
				hammer(t, c, round)
			}
			cancel()
		})
	}
}

func hammer(t *testing.T, c *Context, round int) {
	t.Helper()
	var ran, stopped, added atomic.Int64
	var faults atomic.Pointer[string]
	var running, wg sync.WaitGroup
	fault := func(s string) { faults.CompareAndSwap(nil, &s) }
	add := func() func() bool {
		added.Add(1)
		running.Add(1)
		return c.AfterFunc(func() {
			ran.Add(1)
			if c.Err() == nil {
				fault("function started before the end")
			}
			running.Done()
		})
	}
	start := make(chan struct{})
	for i := range workers {
		wg.Go(func() {
			<-start
			switch (i + round) % workers {
			case 0:
				c.Finish()
			case 1:
				c.Expire()
			case 2:
				c.Orphan()
			case 3:
				if <-c.Done(); c.Err() == nil {
					fault("done before there is an error")
				}
			case 4:
				add()
			case 5:
				if add()() {
					stopped.Add(1)
					running.Done()
				}
			case 6:
				derived, cancel := context.WithCancel(c)
				defer cancel()
				<-derived.Done()
			default:
				for c.Err() == nil {
					c.Expired()
				}
				if !closed(c.Done()) {
					fault("an error before it is done")
				}
			}
		})
	}
	close(start)
	wg.Wait()
	running.Wait()
	require.Nil(t, faults.Load())
	require.Equal(t, added.Load(), ran.Load()+stopped.Load())
	require.Equal(t, c.Expired(), c.Err() == context.DeadlineExceeded)
	w := c.watch.Load()
	require.Nil(t, w.timer)
	require.Nil(t, w.stop)
}
