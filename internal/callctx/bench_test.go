// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"testing"
	"time"
)

// uses is what a call may ask of its context. Each is measured with both kinds of context.
var uses = []struct {
	name string
	use  func(context.Context)
}{
	{"unused", func(context.Context) {}},
	{"Err", func(ctx context.Context) { _ = ctx.Err() }},
	{"Deadline", func(ctx context.Context) { ctx.Deadline() }},
	{"Done", func(ctx context.Context) { ctx.Done() }},
	{"AfterFunc", func(ctx context.Context) { context.AfterFunc(ctx, func() {})() }},
	{"WithCancel", func(ctx context.Context) {
		_, cancel := context.WithCancel(ctx)
		cancel()
	}},
	{"WithValue and WithCancel", func(ctx context.Context) {
		_, cancel := context.WithCancel(context.WithValue(ctx, ownerKey{}, nil))
		cancel()
	}},
}

// kinds are the contexts that there are.
var kinds = []struct {
	name         string
	driven, lean bool
}{{"callctx", false, false}, {"driven", true, false}, {"lean", false, true}, {"driven, lean", true, true}}

func BenchmarkCall(b *testing.B) {
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, bb := range uses {
		b.Run(bb.name, func(b *testing.B) {
			for _, kind := range kinds {
				b.Run(kind.name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						c := new(Context)
						c.Init(parent, time.Now().Add(time.Minute), kind.driven, nil)
						if kind.lean {
							c.SetLean()
						}
						bb.use(c)
						c.Finish()
					}
				})
			}
			b.Run("WithTimeout", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					ctx, cancel := context.WithTimeout(parent, time.Minute)
					bb.use(ctx)
					cancel()
				}
			})
		})
	}
}

// BenchmarkFloor is what no implementation can save: the clock and the allocation.
func BenchmarkFloor(b *testing.B) {
	b.ReportAllocs()
	var keep *Context
	for b.Loop() {
		c := new(Context)
		c.deadline = time.Now().Add(time.Minute)
		keep = c
	}
	_ = keep
}

func BenchmarkErrAgain(b *testing.B) {
	for _, bb := range []struct {
		name    string
		watched bool
	}{{"unwatched", false}, {"watched", true}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			c := newContext(b.Context(), time.Hour)
			if bb.watched {
				c.Done()
			}
			for b.Loop() {
				_ = c.Err()
			}
			c.Finish()
		})
	}
}
