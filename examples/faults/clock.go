// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// clock tells the time of the story, of which speed seconds pass in one second here. All times that are printed are the
// story's, and all that the library is told are real.
type clock struct {
	speed float64
	began time.Time
}

func newClock(speed float64) clock { return clock{speed, time.Now()} }

// real is how long d of the story takes here.
func (c clock) real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.speed) }

// now is how long the story has been going on.
func (c clock) now() time.Duration { return time.Duration(float64(time.Since(c.began)) * c.speed) }

// wait waits for d of the story, or returns ctx's error where that ends first.
func (c clock) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(c.real(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// load makes rate calls a second on average until end, at random moments and whatever became of those before: users do not
// wait for each other. Size is how much work a call is, 1 on average. It returns when all calls have.
func (c clock) load(ctx context.Context, rate float64, end time.Duration, draw *rand.Rand, call func(size float64)) {
	var calls sync.WaitGroup
	defer calls.Wait()
	for at := time.Duration(0); ; {
		at += time.Duration(draw.ExpFloat64() / rate * float64(time.Second))
		size := 0.85 + 0.3*draw.Float64()
		if at >= end || c.wait(ctx, at-c.now()) != nil {
			return
		}
		calls.Go(func() { call(size) })
	}
}

// every calls f at each multiple of period until end.
func (c clock) every(ctx context.Context, period, end time.Duration, f func(at time.Duration)) {
	for at := period; at <= end && c.wait(ctx, at-c.now()) == nil; at += period {
		f(at)
	}
}
