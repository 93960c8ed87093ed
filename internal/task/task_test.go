// SPDX-License-Identifier: Apache-2.0

package task

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGroupCounts(t *testing.T) {
	t.Parallel()
	var g Group
	require.Zero(t, g.Len())
	first, second := g.Begin(), g.Begin()
	require.Equal(t, 2, g.Len())
	first()
	first()
	require.Equal(t, 1, g.Len(), "a second call of one function does not count another off")
	second()
	require.Zero(t, g.Len())
}

func TestGroupGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group
		release := make(chan struct{})
		var ran atomic.Bool
		g.Go(func() { <-release; ran.Store(true) })
		require.Equal(t, 1, g.Len(), "it counts before it runs")
		close(release)
		require.NoError(t, g.Wait(t.Context()))
		require.True(t, ran.Load())
		g.Go(runtime.Goexit)
		require.NoError(t, g.Wait(t.Context()), "it is counted off however it ends")
	})
}

func TestGroupWait(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		var g Group
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, g.Wait(gone), "there is nothing to wait for")
		g.Begin()()
		require.NoError(t, g.Wait(gone))
	})
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var g Group
			done := g.Begin()
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("a cause"))
			defer cancel()
			began := time.Now()
			require.Equal(t, context.DeadlineExceeded, g.Wait(ctx))
			require.Equal(t, time.Second, time.Since(began))
			done()
			require.NoError(t, g.Wait(ctx))
		})
	})
	t.Run("many, some of whom give up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var g Group
			a, b := g.Begin(), g.Begin()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			patient, impatient := make(chan error, 8), make(chan error, 8)
			for range 8 {
				go func() { patient <- g.Wait(t.Context()) }()
				go func() { impatient <- g.Wait(ctx) }()
			}
			for range 8 {
				require.ErrorIs(t, <-impatient, context.DeadlineExceeded)
			}
			a()
			synctest.Wait()
			require.Empty(t, patient, "one is left")
			b()
			for range 8 {
				require.NoError(t, <-patient)
			}
		})
	})
	t.Run("what begins after the count was zero is not waited for", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var g Group
			first := g.Begin()
			waited := make(chan error, 1)
			go func() { waited <- g.Wait(t.Context()) }()
			synctest.Wait()
			first()
			second := g.Begin()
			require.NoError(t, <-waited)
			go func() { waited <- g.Wait(t.Context()) }()
			synctest.Wait()
			require.Empty(t, waited)
			second()
			require.NoError(t, <-waited)
		})
	})
}

// TestGroupHammer has every waiter check that what was begun before its wait has ended after it.
func TestGroupHammer(t *testing.T) {
	t.Parallel()
	const workers, rounds = 8, 1000
	var g Group
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				var ended atomic.Int32
				for range 3 {
					g.Go(func() { ended.Add(1) })
				}
				if err := g.Wait(t.Context()); err != nil || ended.Load() != 3 {
					t.Errorf("waited for %d of 3: %v", ended.Load(), err)
				}
			}
		})
	}
	wg.Wait()
	require.Zero(t, g.Len())
}

func BenchmarkGroup(b *testing.B) {
	var g Group
	b.ReportAllocs()
	for b.Loop() {
		g.Begin()()
	}
	require.Zero(b, g.Len())
}
