// SPDX-License-Identifier: Apache-2.0

package promote

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// The benchmarks go through a generic owner, as the callers of this package do.
type descriptor struct {
	name, signature uint64
	version         uint64
}

type constructor[T io.Closer] func(context.Context) (T, error)

type registry[T io.Closer] struct {
	constructors Map[descriptor, constructor[T]]
	resolved     Cache[question, descriptor]
}

type question struct{ name, constraint string }

func (r *registry[T]) Lookup(d descriptor) (constructor[T], bool) {
	return r.constructors.Find(d.signature, d)
}

func (r *registry[T]) Resolve(name, constraint string) (descriptor, bool) {
	return r.resolved.Find(question{name, constraint})
}

func newRegistry() *registry[io.Closer] {
	r := new(registry[io.Closer])
	r.constructors.Init(func(d descriptor) uint64 { return d.signature })
	r.resolved.Init(1 << 20)
	return r
}

func construct(context.Context) (io.Closer, error) { return nil, nil }

func descriptors(n int) []descriptor {
	r := rand.New(rand.NewPCG(1, 2))
	ds := make([]descriptor, n)
	for i := range ds {
		ds[i] = descriptor{r.Uint64(), r.Uint64(), 1<<48 | uint64(i)}
	}
	return ds
}

func filled(n int) (*registry[io.Closer], map[descriptor]constructor[io.Closer], []descriptor) {
	r, plain, ds := newRegistry(), map[descriptor]constructor[io.Closer]{}, descriptors(n)
	for _, d := range ds {
		r.constructors.Store(d, construct)
		plain[d] = construct
	}
	r.constructors.Promote()
	rand.Shuffle(n, func(i, j int) { ds[i], ds[j] = ds[j], ds[i] })
	return r, plain, ds
}

func sizes(b *testing.B, f func(b *testing.B, n int)) {
	for _, n := range []int{10, 127, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { f(b, n) })
	}
}

// The loops below are written out: a lookup behind a function value would not be inlined.
func benchmarkSerial(b *testing.B, n int, want bool) {
	r, plain, ds := filled(n)
	if !want {
		for i := range ds {
			ds[i].name++
			ds[i].signature *= 3
		}
	}
	b.Run("promote", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, ok := r.Lookup(ds[i]); ok != want {
				b.Fatal("wrong answer")
			}
			if i++; i == len(ds) {
				i = 0
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, ok := plain[ds[i]]; ok != want {
				b.Fatal("wrong answer")
			}
			if i++; i == len(ds) {
				i = 0
			}
		}
	})
}

func BenchmarkHit(b *testing.B) {
	sizes(b, func(b *testing.B, n int) { benchmarkSerial(b, n, true) })
}

func BenchmarkMiss(b *testing.B) {
	sizes(b, func(b *testing.B, n int) { benchmarkSerial(b, n, false) })
}

func BenchmarkHitParallel(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		r, plain, ds := filled(n)
		b.Run("promote", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := rand.IntN(n)
				for pb.Next() {
					if _, ok := r.Lookup(ds[i]); !ok {
						panic("not found")
					}
					if i++; i == len(ds) {
						i = 0
					}
				}
			})
		})
		b.Run("plain", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := rand.IntN(n)
				for pb.Next() {
					if _, ok := plain[ds[i]]; !ok {
						panic("not found")
					}
					if i++; i == len(ds) {
						i = 0
					}
				}
			})
		})
	})
}

// BenchmarkStore reports the time per entry of filling a map of n.
func BenchmarkStore(b *testing.B) {
	for _, bb := range []struct {
		name   string
		lookup bool
	}{{"alone", false}, {"with its lookup", true}} {
		b.Run(bb.name, func(b *testing.B) {
			sizes(b, func(b *testing.B, n int) {
				ds := descriptors(n)
				perEntry := func(b *testing.B) {
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/entry")
				}
				b.Run("promote", func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						r := newRegistry()
						for _, d := range ds {
							r.constructors.Store(d, construct)
							if bb.lookup {
								r.Lookup(d)
							}
						}
					}
					perEntry(b)
				})
				b.Run("plain", func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						plain := map[descriptor]constructor[io.Closer]{}
						for _, d := range ds {
							plain[d] = construct
							if bb.lookup {
								_ = plain[d]
							}
						}
					}
					perEntry(b)
				})
			})
		})
	}
}

func BenchmarkCacheHit(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		b.ReportAllocs()
		r, ds := newRegistry(), descriptors(n)
		names := make([]string, n)
		for i, d := range ds {
			names[i] = fmt.Sprint("plugin-", i)
			r.resolved.Add(question{names[i], "^1.2"}, d)
		}
		for i := range names {
			r.Resolve(names[i], "^1.2")
		}
		i := 0
		for b.Loop() {
			if _, ok := r.Resolve(names[i], "^1.2"); !ok {
				b.Fatal("not found")
			}
			if i++; i == n {
				i = 0
			}
		}
	})
}
