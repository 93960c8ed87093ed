// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

var errShelf = errors.New("the plugin's own")

// stepShelf is a plugin whose steps can be made to fail.
type stepShelf struct {
	shelf
	init, probe func() error
	close       func() error
}

func (s *stepShelf) Init(_ context.Context, set map[string]any) error {
	if s.init == nil {
		return nil
	}
	return s.init()
}

func (s *stepShelf) Probe(context.Context) error {
	if s.probe == nil {
		return nil
	}
	return s.probe()
}

func (s *stepShelf) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

func stepPlugin(name string, build func() (library, error)) plug {
	return plug{Name: name, Version: "1.0.0", Prototype: (*stepShelf)(nil),
		New: func(context.Context, *plugreg.Env) (library, error) { return build() }}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	made := func(l library, err error) func() (library, error) {
		return func() (library, error) { return l, err }
	}
	panics := func() error { panic(errShelf) }
	goexits := func() error { runtime.Goexit(); return nil }
	fails := func() error { return errShelf }
	for _, tt := range []struct {
		name  string
		build func() (library, error)
		is    error
		code  string
		part  string
	}{
		{"New fails", made(nil, errShelf), errShelf, "ERROR", "the plugin's own"},
		{"New fails with an instance", made(new(stepShelf), errShelf), errShelf, "ERROR", "the plugin's own"},
		{"New panics", func() (library, error) { return nil, panics() }, errShelf, "PANIC", "panic in construct: the plugin's own"},
		{"New calls Goexit", func() (library, error) { return nil, goexits() }, plugreg.ErrGoexit, "GOEXIT", "construct: goroutine ended"},
		{"New returns nil", made(nil, nil), plugreg.ErrContract, "CONTRACT", "New: contract violation; want an instance or an error, have nil and no error"},
		{"New returns a typed nil", made((*stepShelf)(nil), nil), plugreg.ErrContract, "CONTRACT", "have a nil *plugreg_test.stepShelf and no error"},
		{"New returns another type", made(new(shelf), nil), plugreg.ErrContract, "CONTRACT", "want *plugreg_test.stepShelf, the type of Prototype, have *plugreg_test.shelf"},
		{"Init fails", made(&stepShelf{init: fails}, nil), errShelf, "ERROR", "the plugin's own"},
		{"Init panics", made(&stepShelf{init: panics}, nil), errShelf, "PANIC", "panic in init"},
		{"Init calls Goexit", made(&stepShelf{init: goexits}, nil), plugreg.ErrGoexit, "GOEXIT", "init: goroutine ended"},
		{"Probe fails", made(&stepShelf{probe: fails}, nil), errShelf, "ERROR", "the plugin's own"},
		{"Probe panics", made(&stepShelf{probe: panics}, nil), errShelf, "PANIC", "panic in probe"},
		{"Probe fails, Close too", made(&stepShelf{probe: fails, close: func() error { return errors.New("close failed as well") }}, nil), errShelf, "ERROR", "close failed as well"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newLibraries(t, plugreg.Config{})
			r.MustRegister(stepPlugin("acme", tt.build))
			h, err := r.Open(context.Background(), "acme", "^1", nil)
			require.Nil(t, h)
			require.ErrorIs(t, err, tt.is)
			require.ErrorContains(t, err, tt.part)
			require.ErrorContains(t, err, `"acme"`)
			require.Equal(t, tt.code, plugreg.CodeOf(err))
			require.Empty(t, r.Inspect().Plugins[0].Mounts, "nothing is left")
		})
	}
}

func TestOpenErrorsBeforeAnyCodeRuns(t *testing.T) {
	t.Parallel()
	untrusted := errors.New("no signature")
	r := newLibraries(t, plugreg.Config{Trust: func(c plugreg.Contract) error {
		if c.Name == "untrusted" {
			return untrusted
		}
		return nil
	}})
	for _, name := range []string{"acme", "untrusted", "dependant"} {
		p := stepPlugin(name, func() (library, error) { return nil, errors.New("its code ran") })
		if name == "dependant" {
			p.Requires = []plugreg.Requirement{{Name: "missing"}}
		}
		r.MustRegister(p)
	}
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errShelf)
	for _, tt := range []struct {
		name, plugin, constraint string
		ctx                      context.Context
		is                       []error
		part                     string
	}{
		{"no such name", "acne", "", context.Background(), []error{plugreg.ErrNotFound}, `did you mean "acme"?`},
		{"no such version", "acme", "^2", context.Background(), []error{plugreg.ErrNotFound}, "1.0.0 is below ^2"},
		{"no constraint", "acme", "zz", context.Background(), []error{plugreg.ErrInvalid}, `constraint "zz"`},
		{"not trusted", "untrusted", "", context.Background(), []error{plugreg.ErrUntrusted, untrusted}, `plugin "untrusted" 1.0.0: check: not trusted: no signature`},
		{"missing dependency", "dependant", "", context.Background(), []error{plugreg.ErrDependency, plugreg.ErrNotFound}, `plugin "missing": resolve: not found`},
		{"ended", "acme", "", ended, []error{context.Canceled, errShelf}, "caller left"},
	} {
		h, err := r.Open(tt.ctx, tt.plugin, tt.constraint, nil)
		require.Nil(t, h, tt.name)
		for _, is := range tt.is {
			require.ErrorIs(t, err, is, tt.name)
		}
		require.ErrorContains(t, err, tt.part, tt.name)
		require.NotContains(t, err.Error(), "its code ran", tt.name)
	}
}

func TestOpenCopiesTheSettings(t *testing.T) {
	t.Parallel()
	set := map[string]any{"room": "asked", "deep": map[string]any{"list": []any{"asked"}}}
	spoil := func(set map[string]any) {
		set["room"] = "spoilt"
		set["deep"].(map[string]any)["list"].([]any)[0] = "spoilt"
	}
	r := newLibraries(t, plugreg.Config{Trust: func(plugreg.Contract) error {
		spoil(set) // as a host would that goes on at once, while the plugin starts
		return nil
	}})
	type settings struct {
		Room string              `json:"room"`
		Deep map[string][]string `json:"deep"`
	}
	var decoded settings
	p := plugreg.Configured(stepPlugin("acme", nil), settings{}, func(_ context.Context, _ *plugreg.Env, cfg settings) (library, error) {
		decoded = cfg
		return &stepShelf{}, nil
	})
	r.MustRegister(p)
	h, err := r.Open(context.Background(), "acme", "", set)
	require.NoError(t, err)
	require.Equal(t, settings{"asked", map[string][]string{"list": {"asked"}}}, decoded)
	require.NoError(t, h.Close(context.Background()))
}

func TestSandboxOfAPluginIsCopied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newLibraries(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: time.Hour}})
		p := shelfPlugin("acme", "1.0.0")
		p.Sandbox = &plugreg.SandboxConfig{Timeout: time.Second}
		r.MustRegister(p)
		p.Sandbox.Timeout = time.Minute
		h := openLibrary(t, r, "acme")
		err := h.Do(context.Background(), func(ctx context.Context, _ library) error { <-ctx.Done(); return ctx.Err() })
		e, ok := errors.AsType[*plugreg.TimeoutError](err)
		require.True(t, ok, err)
		require.Equal(t, time.Second, e.After)
	})
}

type spoilerShelf struct{ shelf }

func (s *spoilerShelf) Init(set map[string]any) error {
	s.room = set["room"].(string)
	set["room"] = "spoilt"
	return nil
}

func TestInitGetsACopyOfTheSettings(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	r.MustRegister(plug{Name: "acme", Version: "1.0.0", Prototype: (*spoilerShelf)(nil),
		New: func(context.Context, *plugreg.Env) (library, error) { return new(spoilerShelf), nil }})
	set := map[string]any{"room": "asked"}
	h, err := r.Open(context.Background(), "acme", "", set)
	require.NoError(t, err)
	require.Equal(t, "asked", found(t, h))
	require.Equal(t, map[string]any{"room": "asked"}, set)
}

func TestUnreadSettingsAreRefused(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	_, err := r.Open(context.Background(), "acme", "", map[string]any{"b": 1, "a": 2})
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.ErrorContains(t, err, `have ["a" "b"]`)
}

func TestHandleOfAMount(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0", "1.1.0+b")
	h := openLibrary(t, r, "acme")
	require.Equal(t, "1.1.0+b", h.Version())
	require.Equal(t, "acme 1.1.0+b/", found(t, h))
	require.EqualValues(t, 1, h.Sandbox().State().Calls)
	require.ErrorIs(t, h.Sandbox().Close(context.Background()), plugreg.ErrMounted)
	select {
	case <-h.Done():
		require.Fail(t, "it is open")
	default:
	}
	require.NoError(t, h.Close(context.Background()))
	<-h.Done()
	require.Equal(t, "1.1.0+b", h.Version(), "what served last")
	require.True(t, h.Sandbox().State().Draining)
	require.NoError(t, h.Close(context.Background()), "a second Close returns likewise")
}

func TestClosedHandleRefuses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	p := shelfPlugin("acme", "1.0.0")
	p.Exports = map[string]any{"len": func(s string) int { return len(s) }}
	r.MustRegister(p)
	h := openLibrary(t, r, "acme")
	view, err := plugreg.As[interface{ Find(string) (string, error) }](h)
	require.NoError(t, err)
	require.NoError(t, h.Close(ctx))
	never := func(context.Context, library) error { panic("called") }
	for name, use := range map[string]func() error{
		"Do":         func() error { return h.Do(ctx, never) },
		"DoInline":   func() error { return h.DoInline(ctx, never) },
		"Call":       func() error { _, err := plugreg.Call(ctx, h, neverInt); return err },
		"CallInline": func() error { _, err := plugreg.CallInline(ctx, h, neverInt); return err },
		"Acquire":    func() error { _, err := h.Acquire(ctx); return err },
		"As":         func() error { _, err := plugreg.As[library](h); return err },
		"a view": func() error {
			return view.DoInline(ctx, func(context.Context, interface{ Find(string) (string, error) }) error { panic("called") })
		},
		"DoExport": func() error {
			return plugreg.DoExport(ctx, h, "len", func(context.Context, func(string) int) error { panic("called") })
		},
		"DoExport of none": func() error {
			return plugreg.DoExport(ctx, h, "none", func(context.Context, func()) error { panic("called") })
		},
	} {
		err := use()
		require.ErrorIs(t, err, plugreg.ErrClosed, name)
		require.ErrorContains(t, err, `plugin "acme" 1.0.0`, name)
		require.Equal(t, "CLOSED", plugreg.CodeOf(err))
	}
	require.Zero(t, h.Sandbox().State().Calls)
}

func neverInt(context.Context, library) (int, error) { panic("called") }

func TestCallReturnsZeroOnError(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	h := openLibrary(t, r, "acme")
	for name, call := range map[string]func(func(context.Context, library) (string, error)) (string, error){
		"Call": func(f func(context.Context, library) (string, error)) (string, error) { return plugreg.Call(ctx, h, f) },
		"CallInline": func(f func(context.Context, library) (string, error)) (string, error) {
			return plugreg.CallInline(ctx, h, f)
		},
	} {
		got, err := call(func(_ context.Context, l library) (string, error) { return l.Find("title") })
		require.NoError(t, err, name)
		require.Equal(t, "acme 1.0.0/title", got, name)
		got, err = call(func(context.Context, library) (string, error) { return "partial", errShelf })
		require.Equal(t, errShelf, err, name+": an error of the call is returned as it is")
		require.Empty(t, got, name)
		got, err = call(func(context.Context, library) (got string, _ error) {
			defer func() { got = "partial" }()
			panic("no")
		})
		p, ok := errors.AsType[*plugreg.PanicError](err)
		require.True(t, ok, name)
		require.Equal(t, "no", p.Value)
		require.Empty(t, got, name)
	}
	left, cancel := context.WithCancel(ctx)
	release := make(chan struct{})
	got, err := plugreg.Call(left, h, func(context.Context, library) (string, error) {
		cancel()
		<-release
		return "late", nil
	})
	close(release)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, got, "also where the call finishes later")
	require.EqualValues(t, 2, h.Sandbox().State().Failures["PANIC"])
	require.EqualValues(t, 2, h.Sandbox().State().Failures["ERROR"])
}

type sayer interface {
	Say(words ...string) (int, error)
}

func TestDoExport(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	p := shelfPlugin("acme", "1.0.0")
	p.Exports = map[string]any{"length": func(s string) int { return len(s) }, "named": strings.ToUpper, "fails": func() error { return errShelf }}
	r.MustRegister(p)
	h := openLibrary(t, r, "acme")
	n := 0
	require.NoError(t, plugreg.DoExport(ctx, h, "length", func(_ context.Context, f func(string) int) error { n = f("abc"); return nil }))
	require.Equal(t, 3, n)
	require.Equal(t, errShelf, plugreg.DoExport(ctx, h, "fails", func(_ context.Context, f func() error) error { return f() }))
	err := plugreg.DoExport(ctx, h, "length", func(context.Context, func(string) int) error { panic("no") })
	require.ErrorContains(t, err, "panic in length: no")

	type upper func(string) string
	for _, tt := range []struct {
		name string
		do   func() error
		is   error
		part string
	}{
		{"wrong arguments", func() error {
			return plugreg.DoExport(ctx, h, "length", func(context.Context, func(int) int) error { return nil })
		}, plugreg.ErrContract, `export "length": contract violation; want func(int) int, have func(string) int`},
		{"another named type", func() error {
			return plugreg.DoExport(ctx, h, "named", func(context.Context, upper) error { return nil })
		}, plugreg.ErrContract, "upper, have func(string) string"},
		{"an interface that every function satisfies", func() error {
			return plugreg.DoExport(ctx, h, "named", func(context.Context, any) error { return nil })
		}, plugreg.ErrContract, "have func(string) string"},
		{"near name", func() error {
			return plugreg.DoExport(ctx, h, "lenght", func(context.Context, func(string) int) error { return nil })
		}, plugreg.ErrNotFound, `export "lenght": not found; want func(string) int, have exports ["fails" "length" "named"] (did you mean "length"?)`},
		{"unknown name", func() error {
			return plugreg.DoExport(ctx, h, "\n<x>", func(context.Context, func()) error { return nil })
		}, plugreg.ErrNotFound, `export "\n<x>": not found`},
		{"an interface and an unknown name", func() error {
			return plugreg.DoExport(ctx, h, "zzzzzzzzz", func(context.Context, any) error { return nil })
		}, plugreg.ErrNotFound, `have exports`},
	} {
		err := tt.do()
		require.ErrorIs(t, err, tt.is, tt.name)
		require.ErrorContains(t, err, tt.part, tt.name)
		require.ErrorContains(t, err, `plugin "acme" 1.0.0`, tt.name)
	}
	require.EqualValues(t, 3, h.Sandbox().State().Calls, "what is refused is no call")
	require.Zero(t, h.Sandbox().State().InFlight)
}

func TestAs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	r.MustRegister(atlasPlugin("acme", "1.0.0"))
	h := openLibrary(t, r, "acme")

	type mapper interface{ Maps() int }
	view, err := plugreg.As[mapper](h)
	require.NoError(t, err)
	n, err := plugreg.CallInline(ctx, view, func(_ context.Context, m mapper) (int, error) { return m.Maps(), nil })
	require.NoError(t, err)
	require.Equal(t, 7, n)
	again, err := plugreg.As[mapper](h)
	require.NoError(t, err)
	require.Same(t, view, again)
	back, err := plugreg.As[library](view)
	require.NoError(t, err)
	require.Equal(t, "1.0.0", back.Version())
	concrete, err := plugreg.As[*atlas](h)
	require.NoError(t, err)
	require.NoError(t, concrete.DoInline(ctx, func(_ context.Context, a *atlas) error { a.room = "painted "; return nil }))
	require.Equal(t, "painted ", found(t, h), "all views are of one instance")
	require.Same(t, h.Sandbox(), view.Sandbox())

	for _, tt := range []struct {
		name string
		as   func() error
		want []string
	}{
		{"an interface", func() error { _, err := plugreg.As[sayer](h); return err }, []string{"sayer", "Say(...string) (int, error)", "have nothing of that name", "atlas"}},
		{"other signatures", func() error {
			_, err := plugreg.As[interface {
				Maps() string
				Find(int)
			}](h)
			return err
		}, []string{"want Maps() string, have Maps() int", "want Find(int), have Find(string) (string, error)"}},
		{"another type", func() error { _, err := plugreg.As[*shelf](h); return err }, []string{"it is no *github.com/plugreg/plugreg_test.shelf"}},
		{"the value's type", func() error { _, err := plugreg.As[atlas](h); return err }, []string{"it is no github.com/plugreg/plugreg_test.atlas"}},
		{"a sealed interface", func() error {
			_, err := plugreg.As[interface {
				Maps() int
				seal(int)
			}](h)
			return err
		}, []string{`want seal(int), which only package "github.com/plugreg/plugreg_test" can declare`}},
	} {
		err := tt.as()
		require.ErrorIs(t, err, plugreg.ErrContract, tt.name)
		for _, part := range append(tt.want, `plugin "acme" 1.0.0: view as`) {
			require.ErrorContains(t, err, part, tt.name)
		}
	}
}

func TestCloseOfAViewDoesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	h := openLibrary(t, r, "acme")
	view, err := plugreg.As[library](h)
	require.NoError(t, err)
	require.NotSame(t, h, view)
	require.NoError(t, view.Close(ctx))
	require.Equal(t, "acme 1.0.0/", found(t, h))
	require.Equal(t, "acme 1.0.0/", found(t, view))
	require.NoError(t, h.Close(ctx))
	<-view.Done()
	require.ErrorIs(t, view.Do(ctx, func(context.Context, library) error { return nil }), plugreg.ErrClosed)
}

func TestAcquireHoldsTheInstance(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{DrainTimeout: -1}})
	closed := make(chan struct{})
	r.MustRegister(stepPlugin("acme", func() (library, error) {
		return &stepShelf{close: func() error { close(closed); return nil }}, nil
	}))
	h := openLibrary(t, r, "acme")
	l, err := h.Acquire(ctx)
	require.NoError(t, err)
	require.IsType(t, new(stepShelf), l.Value())
	before := h.Sandbox().State()
	require.EqualValues(t, 1, before.InFlight)
	other, err := h.Acquire(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, h.Sandbox().State().InFlight)
	other.Release()
	other.Release()
	require.EqualValues(t, 1, h.Sandbox().State().InFlight, "a lease is given back once")
	select {
	case <-l.Draining():
		require.Fail(t, "nobody closes it")
	default:
	}
	over := make(chan error)
	go func() { over <- h.Close(ctx) }()
	<-l.Draining()
	select {
	case <-closed:
		require.Fail(t, "closed while it is held")
	default:
	}
	_, err = h.Acquire(ctx)
	require.ErrorIs(t, err, plugreg.ErrClosed)
	l.Release()
	require.NoError(t, <-over)
	<-closed
	l.Release()
	require.Zero(t, h.Sandbox().State().InFlight)
	<-l.Draining()
}

func TestAcquireWithAnEndedContext(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	h := openLibrary(t, r, "acme")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l, err := h.Acquire(ctx)
	require.Nil(t, l)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, `plugin "acme": acquire`)
	require.Zero(t, h.Sandbox().State().Calls)
}

// A lease that many release at once is given back once.
func TestReleaseHammer(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	h := openLibrary(t, r, "acme")
	for range 1000 {
		l, err := h.Acquire(context.Background())
		require.NoError(t, err)
		var all sync.WaitGroup
		for range 8 {
			all.Go(l.Release)
		}
		all.Wait()
		require.Zero(t, h.Sandbox().State().InFlight)
	}
}

func TestCloseFromInsideACallDoesNotWaitForIt(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	for _, inline := range []bool{false, true} {
		h := openLibrary(t, r, "acme")
		do := h.Do
		if inline {
			do = h.DoInline
		}
		require.NoError(t, do(context.Background(), func(ctx context.Context, _ library) error { return h.Close(ctx) }))
		<-h.Done()
	}
}
