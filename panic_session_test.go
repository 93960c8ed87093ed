// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// session uses a registry in all the ways there are, so that it comes by every callback. The one that is its target misbehaves.
type session struct {
	target  string
	way     way
	armed   atomic.Bool
	hits    atomic.Int32
	within  atomic.Bool // a callback re-enters; those that this leads to do not
	release *gate
	r       *plugreg.Registry[gear]
	bad     atomic.Pointer[plugreg.Handle[gear]]
	steps   map[string]step
	found   string

	mu    sync.Mutex // guards what follows
	inner error      // joined
}

// step is how a step of the session free.
type step struct {
	err  error
	gone bool // its goroutine was free
}

func newSession(target string, way way) *session {
	return &session{target: target, way: way, release: newGate(), steps: map[string]step{}}
}

// hit is what every callback does.
func (s *session) hit(ctx context.Context, name string) error {
	if name != s.target || !s.armed.Load() || s.within.Load() {
		return nil
	}
	s.hits.Add(1)
	return s.way.do(s, ctx)
}

// reenter uses the registry and the handle from inside one of their callbacks.
func (s *session) reenter(ctx context.Context) error {
	s.within.Store(true)
	defer s.within.Store(false)
	s.r.Inspect()
	_, err := s.r.Resolve("good", "")
	h, openErr := s.r.Open(context.WithoutCancel(ctx), "good", "", nil)
	err = errors.Join(err, openErr)
	if openErr == nil {
		err = errors.Join(err, h.Do(context.WithoutCancel(ctx), func(context.Context, gear) error { return nil }), h.Close(context.WithoutCancel(ctx)))
	}
	if bad := s.bad.Load(); bad != nil {
		bad.Sandbox().State()
		if doErr := bad.DoInline(context.WithoutCancel(ctx), func(context.Context, gear) error { return nil }); !errors.Is(doErr, plugreg.ErrClosed) {
			err = errors.Join(err, doErr)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inner = errors.Join(s.inner, err)
	return nil
}

// reentered is what re-entering failed with.
func (s *session) reentered() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inner
}

func (s *session) step(name string, f func() error) {
	out := step{}
	out.gone = !apart(func() { out.err = f() })
	s.steps[name] = out
}

// run takes the steps. What hangs is released after an hour.
func (s *session) run(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	s.r = s.registry(t)
	s.armed.Store(true)
	sessions.Store(s.id(), s)
	defer sessions.Delete(s.id())
	time.AfterFunc(time.Hour, s.release.open)
	s.step("register made", func() error {
		_, err := s.r.RegisterAny(func() plugreg.Plugin[gear] {
			_ = s.hit(ctx, "func() Plugin")
			return spurPlugin("made", "1.0.0", nil)
		})
		return err
	})
	s.step("register ready", func() error {
		_, err := s.r.RegisterAny(&ready{s: s})
		return err
	})
	s.step("discover", func() error {
		found, err := plugreg.Discover(ctx, s.r, func(p interface{ Probe(context.Context) error }) bool { return s.hit(ctx, "discovery") == nil })
		if s.found = "nothing found"; len(found) > 0 {
			s.found = found[0].Name
		}
		return err
	})
	s.step("open bevel", func() error { return s.openAndClose("bevel") })
	s.step("open configured", func() error { return s.openAndClose("configured") })
	s.step("open", func() error {
		h, err := s.r.Open(ctx, "bad", "", nil)
		s.bad.Store(h)
		return err
	})
	bad := s.bad.Load()
	if bad == nil {
		return
	}
	s.calls(ctx, bad)
	s.step("close", func() error { return bad.Close(ctx) })
	<-bad.Done()
	<-time.After(2 * time.Minute)
}

func (s *session) id() string { return fmt.Sprintf("%p", s) }

func (s *session) openAndClose(name string) error {
	settings := map[string]any{"size": s.id()}
	h, err := s.r.Open(context.Background(), name, "", settings)
	if err != nil {
		return err
	}
	return h.Close(context.Background())
}

func (s *session) calls(ctx context.Context, bad *plugreg.Handle[gear]) {
	call := func(name string) func(context.Context, gear) error {
		return func(ctx context.Context, _ gear) error { return s.hit(ctx, name) }
	}
	result := func(name string) func(context.Context, gear) (int, error) {
		return func(ctx context.Context, _ gear) (int, error) { return 1, s.hit(ctx, name) }
	}
	s.step("Do", func() error { return bad.Do(ctx, call("Do")) })
	s.step("DoInline", func() error { return bad.DoInline(ctx, call("DoInline")) })
	s.step("Call", func() error { _, err := plugreg.Call(ctx, bad, result("Call")); return err })
	s.step("CallInline", func() error { _, err := plugreg.CallInline(ctx, bad, result("CallInline")); return err })
	s.step("DoExport", func() error {
		return plugreg.DoExport(ctx, bad, "export", func(ctx context.Context, f func(context.Context) error) error {
			if err := s.hit(ctx, "DoExport"); err != nil {
				return err
			}
			return f(ctx)
		})
	})
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s.step("late", func() error { // its caller leaves
		err := bad.Do(short, func(ctx context.Context, _ gear) error {
			<-time.After(10 * time.Second)
			return s.hit(ctx, "late call")
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("the caller did not leave: %w", err)
		}
		return nil
	})
	<-time.After(20 * time.Second)
}

// registry has the plugins that the session uses, and a good one.
func (s *session) registry(t *testing.T) *plugreg.Registry[gear] {
	bad := wormPlugin("bad", "1.0.0", s.build)
	bad.Exports = map[string]any{"export": func(ctx context.Context) error { return s.hit(ctx, "exported function") }}
	bevels := plugreg.Plugin[gear]{Name: "bevel", Version: "1.0.0", Prototype: (*bevel)(nil), New: func(ctx context.Context, _ *plugreg.Env) (gear, error) {
		return &bevel{init: func(map[string]any) error { return s.hit(context.Background(), "Init without a context") }}, nil
	}}
	configured := plugreg.Configured(spurPlugin("configured", "1.0.0", nil), options{}, func(ctx context.Context, _ *plugreg.Env, _ options) (gear, error) {
		return &spur{}, s.hit(ctx, "build")
	})
	ctx := context.Background()
	return gears(t, plugreg.Config{
		Trust: func(c plugreg.Contract) error {
			if c.Name == "good" {
				return nil
			}
			return s.hit(ctx, "Trust")
		},
		SandboxFor: func(i plugreg.Info) *plugreg.SandboxConfig {
			if i.Name != "good" {
				_ = s.hit(ctx, "SandboxFor")
			}
			return nil
		},
		Hooks:  plugreg.JoinHooks(s.hooks(), plugreg.LogHooks(slog.New(&hostileLog{s: s, name: "log of LogHooks"}), plugreg.LogOptions{Calls: true, TraceID: s.traceID})),
		Logger: slog.New(&hostileLog{s: s, name: "log of a plugin"}),
	}, bad, bevels, configured, spurPlugin("good", "1.0.0", nil))
}

func (s *session) traceID(ctx context.Context) string {
	_ = s.hit(ctx, "TraceID")
	return "trace"
}

// build is New of the bad plugin.
func (s *session) build(ctx context.Context, env *plugreg.Env) (gear, error) {
	free := context.Background() // what has no context of its own hangs until it is released
	env.OnClose(func() error { return s.hit(free, "OnClose") })
	env.OnClose(func() error {
		time.AfterFunc(time.Minute, func() { env.OnClose(func() error { return s.hit(free, "OnClose after the end") }) })
		return nil
	})
	env.Go(func(ctx context.Context) { _ = s.hit(ctx, "env.Go") })
	if s.target == "log of the registry: Handle" {
		env.Go(func(context.Context) { panic("so that the registry has something to log") })
	}
	env.Logger().Info("hello")
	return &worm{
		spur:  spur{close: func() error { return s.hit(free, "Close") }},
		init:  func(ctx context.Context, _ map[string]any) error { return s.hit(ctx, "Init") },
		probe: func(ctx context.Context) error { return s.hit(ctx, "Probe") },
	}, s.hit(ctx, "New")
}

func (s *session) hooks() *plugreg.Hooks {
	start := func(name string) func(context.Context, plugreg.CallInfo) context.Context {
		return func(ctx context.Context, _ plugreg.CallInfo) context.Context { _ = s.hit(ctx, name); return ctx }
	}
	done := func(name string) func(context.Context, plugreg.CallInfo, plugreg.CallResult) {
		return func(ctx context.Context, _ plugreg.CallInfo, _ plugreg.CallResult) { _ = s.hit(ctx, name) }
	}
	return &plugreg.Hooks{CallStart: start("CallStart"), CallDone: done("CallDone"), CallLate: done("CallLate"),
		PhaseStart: start("PhaseStart"), PhaseDone: done("PhaseDone")}
}

// aftermath asserts that the registry is as good as new.
func (s *session) aftermath(t *testing.T) {
	t.Helper()
	<-time.After(3 * time.Hour)
	s.armed.Store(false)
	synctest.Wait()
	h, err := s.r.Open(t.Context(), "good", "", nil)
	require.NoError(t, err)
	require.NoError(t, h.Do(t.Context(), func(context.Context, gear) error { return nil }))
	require.NoError(t, h.DoInline(t.Context(), func(context.Context, gear) error { return nil }))
	requireQuiet(t, h.Sandbox().State())
	require.NoError(t, h.Close(t.Context()))
	if bad := s.bad.Load(); bad != nil {
		requireQuiet(t, bad.Sandbox().State())
	}
	synctest.Wait()
	in := s.r.Inspect()
	require.Zero(t, in.Closing)
	for _, p := range in.Plugins {
		require.Empty(t, p.Mounts, p.Name)
		require.Zero(t, p.Calls.InFlight)
	}
	require.NoError(t, s.r.Close(t.Context()))
}

// hostileLog is a slog.Handler that misbehaves. Those derived from the registry's are the plugins'.
type hostileLog struct {
	s    *session
	name string
}

func (l *hostileLog) Enabled(ctx context.Context, _ slog.Level) bool {
	_ = l.s.hit(ctx, l.name+": Enabled")
	return true
}

func (l *hostileLog) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Message == "plugreg: env.Go failed" {
		return l.s.hit(ctx, "log of the registry: Handle")
	}
	return l.s.hit(ctx, l.name+": Handle")
}

func (l *hostileLog) WithAttrs([]slog.Attr) slog.Handler {
	_ = l.s.hit(context.Background(), l.name+": WithAttrs")
	return l
}

func (l *hostileLog) WithGroup(string) slog.Handler { return l }

// ready is an instance that describes itself.
type ready struct {
	spur
	s *session
}

func (g *ready) Name() string {
	_ = g.s.hit(context.Background(), "Name")
	return "ready"
}

func (g *ready) Version() string {
	_ = g.s.hit(context.Background(), "Version")
	return "1.0.0"
}

func (g *ready) Exports() map[string]any {
	_ = g.s.hit(context.Background(), "Exports")
	return nil
}

// options have a field that decodes itself.
type options struct {
	Size hostileText `json:"size"`
}

// hostileText finds its session by the text, which is all that it gets.
type hostileText struct{}

func (*hostileText) UnmarshalText(text []byte) error {
	s, known := sessions.Load(string(text))
	if !known {
		return nil
	}
	return s.(*session).hit(context.Background(), "UnmarshalText")
}

// sessions holds those that run, by their id.
var sessions sync.Map
