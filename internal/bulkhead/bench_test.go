// SPDX-License-Identifier: Apache-2.0

package bulkhead

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plugreg/plugreg/internal/stripe"
)

var benchLimits = []struct {
	name  string
	limit int
}{{"unlimited", 0}, {"limit=64", 64}}

// takeLeave stands for a caller with a frame of its own.
//
//go:noinline
func takeLeave(b *Bulkhead) bool {
	st, _ := b.Take(0)
	if st == nil {
		return false
	}
	return b.Leave(st)&Own == 0
}

// bare is the same with nothing but the count.
//
//go:noinline
func bare(s *stripe.Set) bool {
	st := s.Try()
	if st == nil {
		if st = s.Take(); st == nil {
			return false
		}
	}
	st.Leave()
	return true
}

func BenchmarkTakeLeave(b *testing.B) {
	for _, bb := range benchLimits {
		b.Run("bulkhead/"+bb.name, func(b *testing.B) {
			b.ReportAllocs()
			d := newDoor(bb.limit)
			for b.Loop() {
				takeLeave(d)
			}
		})
		b.Run("bare/"+bb.name, func(b *testing.B) {
			b.ReportAllocs()
			s := stripe.New(bb.limit)
			for b.Loop() {
				bare(s)
			}
		})
	}
}

func BenchmarkTakeLeaveParallel(b *testing.B) {
	for _, bb := range benchLimits {
		b.Run("bulkhead/"+bb.name, func(b *testing.B) {
			b.ReportAllocs()
			d := newDoor(bb.limit)
			parallel(b, func() { takeLeave(d) })
		})
		b.Run("bare/"+bb.name, func(b *testing.B) {
			b.ReportAllocs()
			s := stripe.New(bb.limit)
			parallel(b, func() { bare(s) })
		})
	}
}

func parallel(b *testing.B, f func()) {
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f()
		}
	})
}

func BenchmarkRefuse(b *testing.B) {
	for _, bb := range []struct {
		name string
		door func() *Bulkhead
	}{
		{"full", func() *Bulkhead {
			d := newDoor(1)
			d.Take(0)
			return d
		}},
		{"flag", func() *Bulkhead {
			d := newDoor(0)
			d.Set(1)
			return d
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			d := bb.door()
			for b.Loop() {
				if st, _ := d.Take(0); st != nil {
					b.Fatal("let in")
				}
			}
		})
		b.Run(bb.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			d := bb.door()
			parallel(b, func() { d.Take(0) })
		})
	}
}

// What lies on both sides of the door is written without a pause by another goroutine: with more than one core, a word
// that shared a cache line with it would make each call fetch the line anew.
func BenchmarkTakeLeaveBesideBusyNeighbours(b *testing.B) {
	for _, busy := range []bool{false, true} {
		b.Run(map[bool]string{false: "quiet", true: "busy"}[busy], func(b *testing.B) {
			b.ReportAllocs()
			x := new(struct {
				before atomic.Uint64
				door   Bulkhead
				after  atomic.Uint64
			})
			x.door.Init(0)
			var over atomic.Bool
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				var own [2]atomic.Uint64 // the same work elsewhere
				before, after := &own[0], &own[1]
				if busy {
					before, after = &x.before, &x.after
				}
				for !over.Load() {
					before.Add(1)
					after.Add(1)
				}
			}()
			for b.Loop() {
				takeLeave(&x.door)
			}
			over.Store(true)
			<-ended
		})
	}
}

func BenchmarkWaitServedAtOnce(b *testing.B) {
	b.ReportAllocs()
	d := newDoor(64)
	for b.Loop() {
		st, _ := d.Wait(context.Background(), time.Second, 0)
		d.Leave(st)
	}
}

// Each call is refused or lets another one be refused: the note is made and cleared all the time.
func BenchmarkFullComesAndGoes(b *testing.B) {
	b.ReportAllocs()
	d := newDoor(1)
	for b.Loop() {
		st, _ := d.Take(0)
		d.Take(0)
		d.Leave(st)
	}
}
