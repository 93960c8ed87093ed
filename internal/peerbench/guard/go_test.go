// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// A starter runs f on a goroutine of its own.
type starter func(f func(context.Context))

// starters are the ways to start a goroutine.
var starters = []struct {
	name string
	make func(tb testing.TB) starter
}{
	{"plugreg-env-go", envGo},
	{"limit-go", func(tb testing.TB) starter {
		ctx := tb.Context()
		return func(f func(context.Context)) { go f(ctx) }
	}},
	{"limit-go-counted-recovering", func(tb testing.TB) starter {
		c := &counted{ctx: tb.Context()}
		return c.start
	}},
	{"sync-waitgroup", func(tb testing.TB) starter {
		ctx, all := tb.Context(), new(sync.WaitGroup)
		tb.Cleanup(all.Wait)
		return func(f func(context.Context)) { all.Go(func() { f(ctx) }) }
	}},
	{"conc-waitgroup", func(tb testing.TB) starter {
		ctx, all := tb.Context(), conc.NewWaitGroup()
		tb.Cleanup(all.Wait)
		return func(f func(context.Context)) { all.Go(func() { f(ctx) }) }
	}},
}

// envGo starts goroutines of an instance that serves.
func envGo(tb testing.TB) starter {
	var own *plugreg.Env
	mountNew(tb, plugreg.Config{}, func(_ context.Context, env *plugreg.Env) (closable, error) {
		own = env
		return &closablePlugin{Plugin: &adder{1}}, nil
	})
	return own.Go
}

// counted is what one would write by hand.
type counted struct {
	ctx               context.Context
	running, panicked atomic.Int64
}

func (c *counted) start(f func(context.Context)) {
	c.running.Add(1)
	go c.run(f)
}

func (c *counted) run(f func(context.Context)) {
	defer func() {
		if recover() != nil {
			c.panicked.Add(1)
		}
		c.running.Add(-1)
	}()
	f(c.ctx)
}

// BenchmarkGo starts goroutines one after the other and waits for each.
func BenchmarkGo(b *testing.B) {
	for _, s := range starters {
		b.Run(s.name, func(b *testing.B) {
			start, done := s.make(b), make(chan struct{}, 1)
			f := func(context.Context) { done <- struct{}{} }
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				start(f)
				<-done
			}
		})
	}
}

func TestStartersStart(t *testing.T) {
	for _, s := range starters {
		t.Run(s.name, func(t *testing.T) {
			start, got := s.make(t), make(chan context.Context)
			start(func(ctx context.Context) { got <- ctx })
			require.NoError(t, (<-got).Err())
		})
	}
}

func TestCountedCountsAndRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &counted{ctx: t.Context()}
		release := make(chan struct{})
		c.start(func(context.Context) { <-release; panic("fault") })
		require.EqualValues(t, 1, c.running.Load())
		close(release)
		synctest.Wait()
		require.Zero(t, c.running.Load())
		require.EqualValues(t, 1, c.panicked.Load())
	})
}
