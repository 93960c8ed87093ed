// SPDX-License-Identifier: Apache-2.0

package plugregtest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/plugregtest"
)

// Store is the contract of these tests.
type Store interface {
	Put(ctx context.Context, key string) error
	Close() error
}

type options = plugregtest.Options[Store]

// brief has faults found soon; calls are made, but one at a time.
func brief() options {
	return options{Patience: 250 * time.Millisecond, Call: put, Sequential: true}
}

func put(ctx context.Context, s Store) error { return s.Put(ctx, "key") }

// fake does what its functions do; a nil one does nothing. It has neither Init nor Probe.
type fake struct {
	put   func(ctx context.Context) error
	close func() error
	_     int // so that each has an address of its own
}

func (f *fake) Put(ctx context.Context, _ string) error {
	if f.put == nil {
		return nil
	}
	return f.put(ctx)
}

func (f *fake) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// starter is a fake with Init and Probe.
type starter struct {
	fake
	init  func(ctx context.Context, settings map[string]any) error
	probe func(ctx context.Context) error
}

func (s *starter) Init(ctx context.Context, settings map[string]any) error {
	if s.init == nil {
		return noSettings(ctx, settings)
	}
	return s.init(ctx, settings)
}

func (s *starter) Probe(ctx context.Context) error {
	if s.probe == nil {
		return nil
	}
	return s.probe(ctx)
}

func noSettings(_ context.Context, settings map[string]any) error {
	for name := range settings {
		return fmt.Errorf("unknown setting %q", name)
	}
	return nil
}

type construct = plugreg.Constructor[Store]

// pluginOf is a plugin whose instances are of the type of proto.
func pluginOf(proto Store, build construct) plugreg.Plugin[Store] {
	return plugreg.Plugin[Store]{Name: "acme.store", Version: "1.2.3", Prototype: proto, New: build}
}

func fakes(build func() *fake) plugreg.Plugin[Store] {
	return pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) { return build(), nil })
}

func starters(build func() *starter) plugreg.Plugin[Store] {
	return pluginOf((*starter)(nil), func(context.Context, *plugreg.Env) (Store, error) { return build(), nil })
}

// defaults are the settings of the good plugin.
type defaults struct {
	limits
	Path    string            `json:"path" plugreg:"required"`
	Size    int               `json:"size"`
	Wait    time.Duration     `json:"wait"`
	Retry   retry             `json:"retry"`
	Backoff []time.Duration   `json:"backoff,omitempty"`
	Per     map[string]budget `json:"per"`
	Labels  map[string]string `json:"labels"`
	Mode    mode              `json:"mode"`
	Extra   any               `json:"extra"`
	Next    *retry            `json:"next"`
	Big     uint64            `json:"big"`
	Level   int               `json:"level,omitempty" plugreg:"required"`
	Hidden  chan int          `json:"-"`
}

type limits struct {
	Most float32 `json:"most"`
}

type budget struct{ Wait time.Duration }

type retry struct {
	Delay time.Duration `json:"delay"`
	Times int           `json:"times"`
}

// mode writes itself.
type mode int

func (m mode) MarshalText() ([]byte, error) { return []byte{byte('a' + m)}, nil }

func (m *mode) UnmarshalText(text []byte) error {
	if len(text) != 1 || text[0] < 'a' {
		return errors.New("want one letter")
	}
	*m = mode(text[0] - 'a')
	return nil
}

func standard() defaults {
	return defaults{limits: limits{Most: 0.1}, Path: "", Size: 64, Wait: time.Second, Retry: retry{Delay: time.Minute}, Backoff: []time.Duration{1, time.Hour},
		Per: map[string]budget{"minute": {time.Minute}}, Mode: 2, Next: &retry{Times: 3}, Big: 1<<63 + 1}
}

// store is a plugin with everything that a plugin may have, and without a fault.
type store struct {
	clock  *plugreg.Handle[Clock]
	path   string
	keys   chan string
	ready  chan struct{}
	ended  chan struct{}
	finish func() error
}

// Clock is what the good plugin requires.
type Clock interface{ Now() time.Time }

func goodPlugin() plugreg.Plugin[Store] {
	return plugreg.Configured(plugreg.Plugin[Store]{
		Name: "acme.store", Version: "v1.2.3-rc.1+build.7", Prototype: (*store)(nil),
		Requires: []plugreg.Requirement{{Name: "acme.clock", As: (*Clock)(nil)}},
		Sandbox:  &plugreg.SandboxConfig{MaxConcurrent: 4},
	}, standard(), newStore)
}

func newStore(_ context.Context, env *plugreg.Env, cfg defaults) (Store, error) {
	clock, err := plugreg.Require[Clock](env, "acme.clock")
	if err != nil {
		return nil, err
	}
	s := &store{clock: clock, path: cfg.Path, keys: make(chan string), ready: make(chan struct{}), ended: make(chan struct{})}
	s.finish = sync.OnceValue(func() error {
		<-s.ended // the end of env.Context comes before Close
		return nil
	})
	env.Go(s.work)
	env.OnClose(func() error { return nil })
	return s, nil
}

func (s *store) work(ctx context.Context) {
	defer close(s.ended)
	close(s.ready)
	for {
		select {
		case <-s.keys:
		case <-ctx.Done():
			return
		}
	}
}

func (s *store) Init(ctx context.Context, settings map[string]any) error {
	if settings["path"] != s.path {
		return fmt.Errorf("want the path %q, have %v", s.path, settings["path"])
	}
	return s.Probe(ctx)
}

func (s *store) Probe(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *store) Put(ctx context.Context, key string) error {
	err := s.clock.Do(ctx, func(context.Context, Clock) error { return nil })
	if err != nil {
		return err
	}
	select {
	case s.keys <- key:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *store) Supports(kind string) bool { return s != nil && kind == "keys" }

func (s *store) Close() error { return s.finish() }

// clock is what the good plugin requires.
type clock struct{ fake }

func (*clock) Now() time.Time { return time.Time{} }

func clockPlugin() plugreg.Plugin[Store] {
	p := pluginOf((*clock)(nil), func(context.Context, *plugreg.Env) (Store, error) { return new(clock), nil })
	p.Name = "acme.clock"
	return p
}
