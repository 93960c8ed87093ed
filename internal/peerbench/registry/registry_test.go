// SPDX-License-Identifier: Apache-2.0

// Package registry measures what registering, looking up and constructing
// plugins costs in plain Go maps, plugin registries and DI containers.
package registry

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Plugin is what every peer looks up or constructs.
type Plugin interface{ Sum() int }

type plugin struct{ a, b int }

func (p *plugin) Sum() int { return p.a + p.b }

// Ctor constructs a plugin.
type Ctor func() Plugin

func newPlugin() Plugin { return &plugin{a: 1, b: 2} }

// Key is a 24-byte descriptor without pointers.
type Key struct{ Space, Name, Version uint64 }

// catalog is the list of plugins to register, under names no earlier catalog
// used: some registries are global and never forget a name.
type catalog struct {
	names []string // as registered
	asked []string // the same text in other memory, as read from a config
	keys  []Key
}

var catalogs int

func newCatalog(n int) *catalog {
	catalogs++
	c := &catalog{}
	for i := range n {
		name := fmt.Sprintf("acme.set%04d.mod%05d", catalogs, i)
		c.names = append(c.names, name)
		c.asked = append(c.asked, strings.Clone(name))
		c.keys = append(c.keys, Key{Space: 1, Name: rand.Uint64(), Version: 1 << 32})
	}
	return c
}

// registry is a peer with a catalog's plugins registered.
// A function the peer has no counterpart for is nil.
type registry struct {
	ready func()             // prepares the keys to look up, outside of registration
	hit   func(i int) bool   // looks plugin i up
	make  func(i int) Plugin // looks plugin i up and constructs one
	done  func()             // ends what registering started
	held  any                // keeps the peer reachable
}

func (r registry) close() {
	if r.done != nil {
		r.done()
	}
}

// peer is one contender. To add one, append it to peers in an init function.
type peer struct {
	name     string
	register func(c *catalog) registry
	serial   bool // not safe for concurrent lookups
	most     int  // the most plugins it registers in reasonable time; 0: any number
}

func open(p peer, n int) registry {
	r := p.register(newCatalog(n))
	if r.ready != nil {
		r.ready()
	}
	return r
}

// order visits every plugin once, shuffled alike for all peers.
func order(n int) []int { return rand.New(rand.NewPCG(1, 2)).Perm(n) }

// each runs f for every peer and size, as <peer>/n=<size>.
// It registers the plugins on the first call of opened only.
func each(b *testing.B, sizes []int, f func(b *testing.B, p peer, n int, opened func() registry)) {
	for _, p := range peers {
		for _, n := range sizes {
			if p.most > 0 && n > p.most {
				continue
			}
			var r registry
			opened := sync.OnceValue(func() registry {
				r = open(p, n)
				return r
			})
			b.Run(fmt.Sprintf("%s/n=%d", p.name, n), func(b *testing.B) { f(b, p, n, opened) })
			r.close()
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	each(b, []int{10, 127, 10_000}, func(b *testing.B, p peer, n int, opened func() registry) {
		r, order, i := opened(), order(n), 0
		if r.hit == nil {
			b.Skip("no lookup apart from construction")
		}
		b.ReportAllocs()
		for b.Loop() {
			if !r.hit(order[i]) {
				b.Fatal("not found")
			}
			if i++; i == n {
				i = 0
			}
		}
		runtime.KeepAlive(r)
	})
}

func BenchmarkLookupParallel(b *testing.B) {
	each(b, []int{127}, func(b *testing.B, p peer, n int, opened func() registry) {
		r, order := opened(), order(n)
		if r.hit == nil || p.serial {
			b.Skip("no lookup, or none that is safe for concurrent use")
		}
		var starts atomic.Int64
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			i := int(starts.Add(37)) % n
			for pb.Next() {
				if !r.hit(order[i]) {
					b.Error("not found")
				}
				if i++; i == n {
					i = 0
				}
			}
		})
		runtime.KeepAlive(r)
	})
}

var made Plugin

func BenchmarkConstruct(b *testing.B) {
	each(b, []int{127}, func(b *testing.B, p peer, n int, opened func() registry) {
		r, order, i := opened(), order(n), 0
		if r.make == nil {
			b.Skip("singletons only")
		}
		b.ReportAllocs()
		for b.Loop() {
			made = r.make(order[i])
			if i++; i == n {
				i = 0
			}
		}
		if made.Sum() < 0 {
			b.Fatal("wrong plugin")
		}
		runtime.KeepAlive(r)
	})
}

// BenchmarkRegister registers all plugins of a fresh catalog per operation.
// Its bytes are those of the first registration: for the global registries
// that never forget a plugin they are right in a process of their own only.
func BenchmarkRegister(b *testing.B) {
	each(b, []int{127, 10_000}, func(b *testing.B, p peer, n int, _ func() registry) {
		if p.name == "noop" {
			b.Skip()
		}
		c := newCatalog(n)
		before := settled()
		r := p.register(c)
		var after runtime.MemStats
		runtime.ReadMemStats(&after)
		allocated := float64(after.TotalAlloc - before.TotalAlloc)
		kept := float64(settled().HeapAlloc) - float64(before.HeapAlloc)
		runtime.KeepAlive(c)
		runtime.KeepAlive(r)
		r.close()

		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			c := newCatalog(n)
			b.StartTimer()
			r := p.register(c)
			b.StopTimer()
			r.close()
			b.StartTimer()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/plugin")
		b.ReportMetric(allocated/float64(n), "allocated-B/plugin")
		b.ReportMetric(kept/float64(n), "kept-B/plugin")
	})
}

// settled reads the heap's figures after a full collection.
func settled() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryPeerFindsAndConstructsItsPlugins(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			r := open(p, 127)
			defer r.close()
			for i := range 127 {
				if r.hit != nil {
					require.True(t, r.hit(i), "plugin %d not found", i)
				}
				if r.make != nil {
					require.NotNil(t, r.make(i), "plugin %d not constructed", i)
				}
			}
		})
	}
}

// The race detector sees these lookups.
func TestConcurrentPeersFindTheirPlugins(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			r := open(p, 127)
			defer r.close()
			if r.hit == nil || p.serial {
				return
			}
			var found atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for i := range 127 {
						if r.hit(i) {
							found.Add(1)
						}
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 4*127, found.Load())
		})
	}
}
