// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// gear is the contract of the tests of calls, lives and dependencies.
type gear interface {
	Turn(n int) int
	Close() error
}

// spur is the plainest gear.
type spur struct {
	close func() error
	tag   string
}

func (g *spur) Turn(n int) int { return n + 1 }
func (g *spur) Tag() string    { return g.tag }

func (g *spur) Close() error {
	if g.close == nil {
		return nil
	}
	return g.close()
}

// worm is a gear with an Init and a Probe, bevel one with the Init that gets no context.
type worm struct {
	spur
	init  func(ctx context.Context, settings map[string]any) error
	probe func(ctx context.Context) error
}

func (g *worm) Init(ctx context.Context, settings map[string]any) error {
	if g.init == nil {
		return nil
	}
	return g.init(ctx, settings)
}

func (g *worm) Probe(ctx context.Context) error {
	if g.probe == nil {
		return nil
	}
	return g.probe(ctx)
}

type bevel struct {
	spur
	init func(settings map[string]any) error
}

func (g *bevel) Init(settings map[string]any) error { return g.init(settings) }

type builder = func(ctx context.Context, env *plugreg.Env) (gear, error)

// spurPlugin is a plugin that build makes; nil: any.
func spurPlugin(name, version string, build builder) plugreg.Plugin[gear] {
	if build == nil {
		build = func(context.Context, *plugreg.Env) (gear, error) { return &spur{tag: name + "@" + version}, nil }
	}
	return plugreg.Plugin[gear]{Name: name, Version: version, Prototype: (*spur)(nil), New: build}
}

func wormPlugin(name, version string, build builder) plugreg.Plugin[gear] {
	return plugreg.Plugin[gear]{Name: name, Version: version, Prototype: (*worm)(nil), New: build}
}

// gears returns a registry of these plugins.
func gears(t testing.TB, cfg plugreg.Config, ps ...plugreg.Plugin[gear]) *plugreg.Registry[gear] {
	t.Helper()
	r, err := plugreg.New[gear](cfg)
	require.NoError(t, err)
	for _, p := range ps {
		_, err := r.Register(p)
		require.NoError(t, err)
	}
	return r
}

func mustOpen(t testing.TB, r *plugreg.Registry[gear], name string) *plugreg.Handle[gear] {
	t.Helper()
	h, err := r.Open(t.Context(), name, "", nil)
	require.NoError(t, err)
	return h
}

// journal records what happens in the order in which it does.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return slices.Clone(lines)
}

// gate is a channel that is closed once.
type gate struct {
	once sync.Once
	c    chan struct{}
}

func newGate() *gate { return &gate{c: make(chan struct{})} }

func (g *gate) open() { g.once.Do(func() { close(g.c) }) }

func (g *gate) wait() { <-g.c }

// apart runs f on a goroutine of its own and reports whether f returned, rather than ending the goroutine.
func apart(f func()) (returned bool) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		f()
		returned = true
	}()
	<-over
	return returned
}

// spin yields until cond holds. It is for what happens after a caller was let go, where nothing else tells of it.
func spin(t testing.TB, cond func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(limit) {
			require.FailNow(t, "the condition was never met")
		}
	}
}

// unbroken is a breaker that nothing trips, for tests that make many failures on purpose and are not about it.
func unbroken() plugreg.BreakerConfig {
	return plugreg.BreakerConfig{ConsecutiveFailures: -1, ConsecutivePanics: -1, ErrorRate: -1}
}

// requireQuiet asserts that nothing is inside.
func requireQuiet(t testing.TB, s plugreg.SandboxState) {
	t.Helper()
	require.Zero(t, s.InFlight, "in flight")
	require.Zero(t, s.Abandoned, "abandoned")
	require.Zero(t, s.Waiting, "waiting")
}
