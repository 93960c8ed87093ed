// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestClockTellsTheStorysTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock(4)
		began := time.Now()
		require.NoError(t, c.wait(t.Context(), 2*time.Second))
		require.Equal(t, 500*time.Millisecond, time.Since(began))
		require.Equal(t, 2*time.Second, c.now())
		var at []time.Duration
		c.every(t.Context(), time.Second, 5*time.Second, func(now time.Duration) { at = append(at, now, c.now()) })
		require.Equal(t, []time.Duration{1, 2, 2, 2, 3, 3, 4, 4, 5, 5}, seconds(at), "what is late comes at once")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, c.wait(ctx, time.Hour), context.Canceled)
	})
}

func seconds(list []time.Duration) (whole []time.Duration) {
	for _, d := range list {
		whole = append(whole, d/time.Second)
	}
	return whole
}

func TestLoadDoesNotWaitForCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock(1)
		var mu sync.Mutex
		var sizes []float64
		c.load(t.Context(), 100, 10*time.Second, rand.New(rand.NewPCG(1, 2)), func(size float64) {
			mu.Lock()
			sizes = append(sizes, size)
			mu.Unlock()
			_ = c.wait(t.Context(), time.Minute)
		})
		require.InDelta(t, 1000, len(sizes), 130, "4 standard deviations")
		require.Greater(t, c.now(), time.Minute, "load waits for its last call")
		for _, size := range sizes {
			require.InDelta(t, 1, size, 0.15)
		}
	})
}

func TestPoolServesInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock(1)
		p := newPool(c, 2)
		var users sync.WaitGroup
		var done [6]time.Duration
		for i := range done {
			users.Go(func() {
				require.NoError(t, c.wait(t.Context(), time.Duration(i)))
				require.NoError(t, p.read(t.Context(), time.Second))
				done[i] = c.now()
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		require.NoError(t, c.wait(ctx, 10))
		require.ErrorIs(t, p.read(ctx, time.Second), context.DeadlineExceeded, "who gives up leaves the queue")
		users.Wait()
		require.Equal(t, []time.Duration{1, 1, 2, 2, 3, 3}, seconds(done[:]))
		seen := p.queued()
		require.Equal(t, 7, seen.peak)
		require.InDelta(t, 2*time.Second, seen.waited, 10)
		require.Equal(t, queue{}, p.queued(), "it begins anew")
	})
}

func TestCustomsAPILimitsForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &customsAPI{clock: newClock(1)}
		refused := func() (n int) {
			for range 3 * customsQuota {
				if err := api.ask(); err != nil {
					require.ErrorIs(t, err, errQuota)
					n++
				}
			}
			return n
		}
		require.Zero(t, refused())
		require.NoError(t, api.wait(t.Context(), breaks))
		require.Equal(t, 2*customsQuota, refused())
		require.Equal(t, 3*customsQuota, refused(), "in the same second")
		require.NoError(t, api.wait(t.Context(), time.Second))
		require.Equal(t, 2*customsQuota, refused())
		require.NoError(t, api.wait(t.Context(), mends-breaks-time.Second))
		require.Zero(t, refused())
	})
}

func TestBook(t *testing.T) {
	t.Parallel()
	var b book
	require.Zero(t, b.of("a").p95())
	require.Zero(t, b.of("a").lost())
	for i := range 100 {
		b.add(record{plugin: "a", at: time.Duration(i) * 100 * time.Millisecond, took: time.Duration(100 - i)})
	}
	b.add(record{plugin: "a", took: 500, err: errors.New("failed")})
	b.add(record{plugin: "a", took: 1000, err: &plugreg.RejectedError{Resource: "r", Err: plugreg.ErrSaturated}})
	b.add(record{plugin: "b"})
	require.Len(t, b.of("a"), 102)
	require.InDelta(t, 2.0/102, b.of("a").lost(), 1e-9)
	require.EqualValues(t, 96, b.of("a").p95())
	require.EqualValues(t, 500, b.of("a").quantile(1), "a refusal took no time")
	require.Len(t, b.of("a").within(time.Second, 2*time.Second), 10)
	require.Equal(t, []int{22, 20, 20, 20, 20}, overSpans(b.of("a"), 0, 10*time.Second, func(rs records) int { return len(rs) }))
	require.Equal(t, 2, median([]int{9, 1, 2}))
	resource, refused := b.all[101].refused()
	require.True(t, refused)
	require.Equal(t, "r", resource)
	_, refused = b.all[100].refused()
	require.False(t, refused)
}

func TestPage(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := page{out: &out}
	p.table([]string{"NAME", "n", ""}, []string{"a", "1", "why"}, []string{"longer", "22", ""})
	p.table([]string{"HEAD", "n"})
	p.claim(true, "%d is %d", 1, 1)
	p.claim(false, "%d is %d", 1, 2)
	require.Equal(t, "\n  NAME     n\n  a        1  why\n  longer  22\n\n  HEAD  n\n  holds 1 is 1\n  FAILS 1 is 2\n", out.String())
	require.Equal(t, 1, p.held)
	require.EqualError(t, p.wrong[0], "does not hold: 1 is 2")
	require.Equal(t, "▁▂▅█", spark([]time.Duration{0, 10, 40, 80}, 80))
	require.Equal(t, []string{"0 ms", "13 ms", "1.00 s"}, []string{ms(0), ms(12600 * time.Microsecond), ms(time.Second)})
	require.Equal(t, "12.3 %", percent(0.1234))
}

func TestRuns(t *testing.T) {
	t.Parallel()
	require.Empty(t, runs(nil))
	require.Equal(t, "a x 2, b x 1, a x 1", runs([]string{"a", "a", "b", "a"}))
}
