// SPDX-License-Identifier: Apache-2.0

package stripe

import "testing"

var benchLimits = []struct {
	name  string
	limit int
}{{"unlimited", 0}, {"limit=64", 64}, {"limit=4", 4}}

// call stands for a caller with a frame of its own; Try is inlined into it.
//
//go:noinline
func call(s *Set) bool {
	st := s.Try()
	if st == nil {
		if st = s.Take(); st == nil {
			return false
		}
	}
	st.Leave()
	return true
}

func BenchmarkTake(b *testing.B) {
	for _, bb := range benchLimits {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			s := New(bb.limit)
			for b.Loop() {
				s.Take().Leave()
			}
		})
	}
}

func BenchmarkTryThenTake(b *testing.B) {
	for _, bb := range benchLimits {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			s := New(bb.limit)
			for b.Loop() {
				call(s)
			}
		})
	}
}

func BenchmarkTakeParallel(b *testing.B) {
	for _, bb := range benchLimits {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			s := New(bb.limit)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					call(s)
				}
			})
		})
	}
}

func BenchmarkRefuse(b *testing.B) {
	b.ReportAllocs()
	s := New(1)
	s.Take()
	for b.Loop() {
		if s.Take() != nil {
			b.Fatal("admitted beyond the limit")
		}
	}
}

func BenchmarkInFlight(b *testing.B) {
	b.ReportAllocs()
	s := New(0)
	for b.Loop() {
		s.InFlight()
	}
}
