// SPDX-License-Identifier: Apache-2.0

// Package memory measures the heap a registry's map takes per entry, and what
// a collection costs while the map is alive.
package memory

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Ctor stands for a constructor: a function that captures nothing.
type Ctor func() any

func construct() any { return nil }

// Key is a 24-byte descriptor without pointers.
type Key struct{ Space, Name, Version uint64 }

// Pair is a descriptor of two strings.
type Pair struct{ Space, Name string }

func key() Key          { return Key{1, rand.Uint64(), 1 << 32} }
func name(i int) string { return fmt.Sprintf("acme.mod%08d", i) }
func full(i int) string {
	return fmt.Sprintf("%s@%d.%d.%d#%016x", name(i), i%3, i%7, i%10, rand.Uint64())
}
func space(i int) string { return spaces[i%len(spaces)] }

var spaces = func() (all [100]string) {
	for i := range all {
		all[i] = fmt.Sprintf("acme.space%02d", i)
	}
	return all
}()

// peer builds a map of n entries, sized beforehand as a registry's is by its
// Capacity unless it says grown. To add one, append it to peers in an init
// function.
type peer struct {
	name  string
	build func(n int) any
}

var peers = []peer{
	// What every ratio refers to: the string is a bare name.
	{"plain-map-string-func", func(n int) any { return stringFunc(make(map[string]Ctor, n), n, name) }},
	{"map-string-func-grown", func(n int) any { return stringFunc(make(map[string]Ctor), n, name) }},
	// The string says what a descriptor does: name, version and signature.
	{"map-fullstring-func", func(n int) any { return stringFunc(make(map[string]Ctor, n), n, full) }},
	{"map-2strings-func", func(n int) any {
		m := make(map[Pair]Ctor, n)
		for i := range n {
			m[Pair{space(i), name(i)}] = construct
		}
		return m
	}},
	{"map-key24-func", func(n int) any { return key24Func(make(map[Key]Ctor, n), n) }},
	{"map-key24-func-grown", func(n int) any { return key24Func(make(map[Key]Ctor), n) }},
	{"map-key24-uint32-and-funcs", func(n int) any { // the map indexes a slice
		ctors := make([]Ctor, n)
		for i := range ctors {
			ctors[i] = construct
		}
		return indexed{key24Uint32(n), ctors}
	}},
	{"limit-map-key24-uint32", func(n int) any { // no pointer at all
		return key24Uint32(n)
	}},
	{"limit-empty", func(int) any { return nil }},
}

func stringFunc(m map[string]Ctor, n int, text func(i int) string) any {
	for i := range n {
		m[text(i)] = construct
	}
	return m
}

func key24Func(m map[Key]Ctor, n int) any {
	for range n {
		m[key()] = construct
	}
	return m
}

func key24Uint32(n int) map[Key]uint32 {
	m := make(map[Key]uint32, n)
	for i := range n {
		m[key()] = uint32(i)
	}
	return m
}

type indexed struct {
	m     map[Key]uint32
	ctors []Ctor
}

func (x indexed) Len() int { return len(x.m) }

// BenchmarkGC collects while a map of 1,000,000 entries is alive. It tells the
// processor time of marking, which is what a map costs, from the time that
// the collection takes as a whole.
func BenchmarkGC(b *testing.B) {
	const n = 1_000_000
	for _, p := range peers {
		b.Run(fmt.Sprintf("%s/n=%d", p.name, n), func(b *testing.B) {
			before := settled()
			m := p.build(n)
			kept := settled() - before
			marked := marking()
			for b.Loop() {
				runtime.GC()
			}
			perGC := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N) }
			b.ReportMetric(perGC(marking()-marked), "mark-ns/GC")
			b.ReportMetric(perGC(b.Elapsed()), "wall-ns/GC")
			b.ReportMetric(kept/n, "kept-B/entry")
			runtime.KeepAlive(m)
		})
	}
}

// settled is the live heap after a full collection.
func settled() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// marking is the processor time that this process has spent on marking so far, as of the last collection.
func marking() (sum time.Duration) {
	classes := []metrics.Sample{
		{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
	}
	metrics.Read(classes)
	for _, c := range classes {
		sum += time.Duration(c.Value.Float64() * float64(time.Second))
	}
	return sum
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMapsHoldEveryEntry(t *testing.T) {
	t.Parallel()
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			switch m := p.build(1000).(type) {
			case nil:
				require.Equal(t, "limit-empty", p.name)
			case interface{ Len() int }:
				require.Equal(t, 1000, m.Len())
			default:
				require.Equal(t, 1000, reflect.ValueOf(m).Len())
			}
		})
	}
}

func TestMarkingGrowsWithEveryCollection(t *testing.T) {
	before := marking()
	runtime.GC()
	require.Greater(t, marking(), before)
}
