// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// The benchmarks' contract and plugin: a call that does next to nothing, so that what is measured is the guard.
type adder interface {
	Add(x int) (int, error)
	Close() error
}

type one struct{ plugreg.NoClose }

//go:noinline
func (*one) Add(x int) (int, error) { return x + 1, nil }

func newOne(context.Context, *plugreg.Env) (adder, error) { return new(one), nil }

func onePlugin(name, version string) plugreg.Plugin[adder] {
	return plugreg.Plugin[adder]{Name: name, Version: version, Prototype: (*one)(nil), New: newOne}
}

func filled(b testing.TB, n int) (*plugreg.Registry[adder], []plugreg.TypeDescriptor) {
	r := plugreg.MustNew[adder](plugreg.Config{})
	ps := make([]plugreg.Plugin[adder], n)
	for i := range ps {
		ps[i] = onePlugin("acme.mod"+strconv.Itoa(i), "1.2.3")
	}
	ds, err := r.RegisterAll(ps...)
	require.NoError(b, err)
	return r, ds
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 127, 10_000} {
		b.Run(fmt.Sprintf("plain-map/n=%d", n), func(b *testing.B) {
			r, ds := filled(b, n)
			plain := map[plugreg.TypeDescriptor]plugreg.Constructor[adder]{}
			for _, d := range ds {
				plain[d], _ = r.Lookup(d)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if plain[ds[i]] == nil {
					b.Fatal("not found")
				}
				if i++; i == n {
					i = 0
				}
			}
		})
		b.Run(fmt.Sprintf("hit/n=%d", n), func(b *testing.B) {
			r, ds := filled(b, n)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := r.Lookup(ds[i]); !ok {
					b.Fatal("not found")
				}
				if i++; i == n {
					i = 0
				}
			}
		})
		b.Run(fmt.Sprintf("miss/n=%d", n), func(b *testing.B) {
			_, ds := filled(b, n)
			r := plugreg.MustNew[adder](plugreg.Config{})
			r.MustRegister(onePlugin("other", "1.0.0"))
			r.Seal()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := r.Lookup(ds[i]); ok {
					b.Fatal("found")
				}
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}

func BenchmarkLookupParallel(b *testing.B) {
	const n = 127
	r, ds := filled(b, n)
	plain := map[plugreg.TypeDescriptor]plugreg.Constructor[adder]{}
	for _, d := range ds {
		plain[d], _ = r.Lookup(d)
	}
	run := func(find func(d plugreg.TypeDescriptor) bool) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := 0
				for pb.Next() {
					if !find(ds[i]) {
						b.Error("not found")
					}
					if i++; i == n {
						i = 0
					}
				}
			})
		}
	}
	b.Run("plain-map", run(func(d plugreg.TypeDescriptor) bool { return plain[d] != nil }))
	b.Run("registry", run(func(d plugreg.TypeDescriptor) bool { _, ok := r.Lookup(d); return ok }))
}

func BenchmarkResolve(b *testing.B) {
	for _, n := range []int{10, 100} {
		b.Run(fmt.Sprintf("versions=%d", n), func(b *testing.B) {
			r := plugreg.MustNew[adder](plugreg.Config{})
			for i := range n {
				r.MustRegister(onePlugin("acme.mod", fmt.Sprintf("%d.%d.%d", i%4, i/4%5, i/20)))
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Resolve("acme.mod", "^1.2"); err != nil && n > 10 {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRegister fills a registry per operation, one plugin at a time.
func BenchmarkRegister(b *testing.B) {
	for _, n := range []int{127, 10_000} {
		for _, look := range []bool{false, true} {
			b.Run(fmt.Sprintf("n=%d/lookup=%v", n, look), func(b *testing.B) {
				ps := make([]plugreg.Plugin[adder], n)
				for i := range ps {
					ps[i] = onePlugin("acme.mod"+strconv.Itoa(i), "1.2.3")
				}
				b.ReportAllocs()
				for b.Loop() {
					r := plugreg.MustNew[adder](plugreg.Config{Capacity: n})
					for i := range ps {
						d, err := r.Register(ps[i])
						if err != nil {
							b.Fatal(err)
						}
						if look {
							if _, ok := r.Lookup(d); !ok {
								b.Fatal("not found")
							}
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/plugin")
			})
		}
	}
}

func BenchmarkConstruct(b *testing.B) {
	r, ds := filled(b, 127)
	env := new(plugreg.Env)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		build, _ := r.Lookup(ds[i])
		if p, err := build(b.Context(), env); err != nil || p == nil {
			b.Fatal(err)
		}
		if i++; i == len(ds) {
			i = 0
		}
	}
}

func BenchmarkOpenClose(b *testing.B) {
	r, _ := filled(b, 1)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		h, err := r.Open(ctx, "acme.mod0", "", nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Close(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// guarded are the ways to call, under the limits that decide their cost.
func guarded(b *testing.B, run func(b *testing.B, call func() error)) {
	ctx := context.Background()
	for _, limit := range []struct {
		name    string
		timeout time.Duration
	}{{"no-deadline", -1}, {"deadline", time.Minute}} {
		r := plugreg.MustNew[adder](plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: limit.timeout}})
		r.MustRegister(onePlugin("acme.mod", "1.0.0"))
		h, err := r.Open(ctx, "acme.mod", "", nil)
		require.NoError(b, err)
		errSum := errors.New("wrong sum")
		for _, way := range []struct {
			name string
			call func() error
		}{
			{"DoInline", func() error {
				x := 1
				return h.DoInline(ctx, func(_ context.Context, p adder) error {
					y, err := p.Add(x)
					if y != x+1 {
						return errSum
					}
					return err
				})
			}},
			{"Do", func() error {
				return h.Do(ctx, func(_ context.Context, p adder) error {
					if y, err := p.Add(1); y != 2 || err != nil {
						return errSum
					}
					return nil
				})
			}},
			{"Call", func() error {
				y, err := plugreg.Call(ctx, h, func(_ context.Context, p adder) (int, error) { return p.Add(1) })
				if y != 2 {
					return errSum
				}
				return err
			}},
			{"Acquire", func() error {
				l, err := h.Acquire(ctx)
				if err == nil {
					l.Release()
				}
				return err
			}},
		} {
			b.Run(way.name+"/"+limit.name, func(b *testing.B) { run(b, way.call) })
		}
		require.NoError(b, r.Close(ctx))
	}
}

func BenchmarkCall(b *testing.B) {
	guarded(b, func(b *testing.B, call func() error) {
		b.ReportAllocs()
		for b.Loop() {
			if err := call(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCallParallel(b *testing.B) {
	guarded(b, func(b *testing.B, call func() error) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := call(); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkRecoveredPanic(b *testing.B) {
	s, err := plugreg.NewSandbox("panics", plugreg.SandboxConfig{Timeout: -1})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if s.RunInline(b.Context(), func(context.Context) error { panic("no") }) == nil {
			b.Fatal("no error")
		}
	}
}
