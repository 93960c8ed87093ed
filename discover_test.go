// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// formatSupporter is a capability, formatReader a plugin that has it.
type formatSupporter interface{ Supports(format string) bool }

type formatReader struct {
	shelf
	formats string
}

func (r *formatReader) Supports(format string) bool {
	return format == "zero" && r.formats == "" || r.formats != "" && strings.Contains(r.formats, format)
}

func formatPlugin(name, version string, prototype *formatReader) plug {
	return plug{Name: name, Version: version, Prototype: prototype,
		New: func(context.Context, *plugreg.Env) (library, error) { return &formatReader{formats: "built"}, nil }}
}

// matches is what Discover found, as "name version".
func matchNames[C any](ms []plugreg.Match[C]) []string {
	all := []string{}
	for _, m := range ms {
		all = append(all, m.Name+" "+m.Version)
	}
	return all
}

func discovered(t *testing.T, r *plugreg.Registry[library], probes ...func(formatSupporter) bool) []string {
	t.Helper()
	ms, err := plugreg.Discover(context.Background(), r, probes...)
	require.NoError(t, err)
	return matchNames(ms)
}

func supports(format string) func(formatSupporter) bool {
	return func(s formatSupporter) bool { return s.Supports(format) }
}

func TestDiscoverTakesTheNewestReleaseThatImplements(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	require.Empty(t, discovered(t, r))
	for _, p := range []plug{
		formatPlugin("b", "1.2.0", nil), formatPlugin("b", "1.10.0", nil), formatPlugin("b", "2.0.0-rc.1", nil),
		shelfPlugin("b", "3.0.0"), // a newer one that lost the capability
		formatPlugin("a", "1.0.0", nil), shelfPlugin("c", "1.0.0"), formatPlugin("d", "1.0.0-rc.1", nil),
	} {
		r.MustRegister(p)
	}
	require.Equal(t, []string{"a 1.0.0", "b 1.10.0"}, discovered(t, r))
	all, err := plugreg.Discover[any](context.Background(), r)
	require.NoError(t, err)
	require.Equal(t, []string{"a 1.0.0", "b 3.0.0", "c 1.0.0"}, matchNames(all))
	none, err := plugreg.Discover[sayer](context.Background(), r)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestProbesAreAskedOnThePrototype(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	noCode := func(context.Context, *plugreg.Env) (library, error) { panic("constructed") }
	for _, p := range []plug{
		formatPlugin("csv", "1.0.0", &formatReader{formats: "csv"}), formatPlugin("both", "1.0.0", &formatReader{formats: "csv parquet"}),
		formatPlugin("both", "2.0.0", &formatReader{formats: "csv parquet"}), formatPlugin("nil", "1.0.0", nil),
		formatPlugin("older", "1.0.0", &formatReader{formats: "csv"}), formatPlugin("older", "1.1.0", &formatReader{formats: "none"}),
	} {
		p.New = noCode
		r.MustRegister(p)
	}
	require.Equal(t, []string{"both 2.0.0", "csv 1.0.0"}, discovered(t, r, supports("csv")), "an older version is not asked")
	require.Equal(t, []string{"both 2.0.0"}, discovered(t, r, supports("csv"), supports("parquet")))
	require.Equal(t, []string{"nil 1.0.0"}, discovered(t, r, supports("zero")), "on a fresh zero value")
	require.Empty(t, discovered(t, r, supports("csv"), func(formatSupporter) bool { return false }))

	scribble := func(s formatSupporter) bool { // leaves no trace on a fresh value
		d := s.(*formatReader)
		fresh := d.formats == "" && d.room == ""
		d.room = "scribbled"
		return fresh
	}
	require.Equal(t, []string{"nil 1.0.0"}, discovered(t, r, scribble))
	require.Equal(t, []string{"nil 1.0.0"}, discovered(t, r, scribble))
	later := 0
	require.Empty(t, discovered(t, r, func(formatSupporter) bool { return false }, func(formatSupporter) bool { later++; return true }))
	require.Zero(t, later, "the first no is enough")
}

// value is a plugin that is no pointer.
type formatValue struct{ formats string }

func (formatValue) Find(string) (string, error)                     { return "", nil }
func (formatValue) Close() error                                    { return nil }
func (v formatValue) Supports(format string) bool                   { return v.formats == format }
func newFormatValue(context.Context, *plugreg.Env) (library, error) { return formatValue{"built"}, nil }

func TestProbesOnAPrototypeThatIsNoPointer(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	r.MustRegister(plug{Name: "acme", Version: "1.0.0", Prototype: formatValue{"csv"}, New: newFormatValue})
	require.Equal(t, []string{"acme 1.0.0"}, discovered(t, r, supports("csv")))
	require.Empty(t, discovered(t, r, supports("")))
	ms, err := plugreg.Discover[formatSupporter](context.Background(), r)
	require.NoError(t, err)
	h, err := ms[0].Open(context.Background(), nil)
	require.NoError(t, err)
	is, err := plugreg.Call(context.Background(), h, func(_ context.Context, s formatSupporter) (bool, error) { return s.Supports("built"), nil })
	require.NoError(t, err)
	require.True(t, is)
	require.NoError(t, h.Close(context.Background()))
}

// callingError asks the registry that is asked for its text.
type callingError struct{ r *plugreg.Registry[library] }

func (e callingError) Error() string {
	return "an error that knows " + e.r.Inspect().Plugins[0].Name
}

func TestFailingProbeExcludesThePlugin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		probe func(r *plugreg.Registry[library], hang <-chan struct{}) bool
		part  string // of what Inspect shows
		code  string
	}{
		{name: "panic", part: "panic in discover: no idea", code: "PANIC", probe: func(*plugreg.Registry[library], <-chan struct{}) bool { panic("no idea") }},
		{name: "nil panic", part: "panic in discover: panic called with nil argument", code: "PANIC", probe: func(*plugreg.Registry[library], <-chan struct{}) bool { panic(nil) }},
		{name: "Goexit", part: "goroutine ended by runtime.Goexit", code: "GOEXIT", probe: func(*plugreg.Registry[library], <-chan struct{}) bool { runtime.Goexit(); return true }},
		{name: "hang", part: "discover took longer than", code: "TIMEOUT", probe: func(_ *plugreg.Registry[library], hang <-chan struct{}) bool { <-hang; return true }},
		{name: "an error that calls back", part: "an error that knows bad", code: "PANIC", probe: func(r *plugreg.Registry[library], _ <-chan struct{}) bool { panic(callingError{r}) }},
		{name: "an error whose text panics", part: "twice", code: "PANIC", probe: func(*plugreg.Registry[library], <-chan struct{}) bool {
			panic(textFault(func() string { panic("twice") }))
		}},
		{name: "an error whose text ends the goroutine", part: "an error whose text fails: GOEXIT", code: "PANIC", probe: func(*plugreg.Registry[library], <-chan struct{}) bool {
			panic(textFault(func() string { runtime.Goexit(); return "" }))
		}},
		{name: "an error whose text never comes", part: "an error whose text fails: TIMEOUT", code: "PANIC", probe: func(_ *plugreg.Registry[library], hang <-chan struct{}) bool {
			panic(textFault(func() string { <-hang; return "" }))
		}},
		{name: "an error whose text is long", part: "xxx…", code: "PANIC", probe: func(*plugreg.Registry[library], <-chan struct{}) bool { panic(strings.Repeat("x", 1<<20)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			requireExcluded(t, tt.probe, nil, tt.part, tt.code)
			hooked := ""
			hooks := &plugreg.Hooks{PhaseDone: func(_ context.Context, c plugreg.CallInfo, res plugreg.CallResult) {
				if c.Target.Operation == "discover" && c.Target.Plugin == "bad" && c.Target.Mount == 0 && res.Err != nil {
					hooked = res.Code
				}
			}}
			if strings.Contains(tt.part, "an error whose text fails") { // with hooks it is asked for elsewhere
				requireExcluded(t, tt.probe, hooks, "", "")
				require.NotEmpty(t, hooked)
				return
			}
			requireExcluded(t, tt.probe, hooks, tt.part, tt.code)
			require.Equal(t, tt.code, hooked, "the hooks see it")
		})
	}
}

// requireExcluded has a probe fail on one of two plugins.
func requireExcluded(t *testing.T, probe func(*plugreg.Registry[library], <-chan struct{}) bool, hooks *plugreg.Hooks, part, code string) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		r := newLibraries(t, plugreg.Config{Hooks: hooks})
		r.MustRegister(formatPlugin("bad", "1.0.0", &formatReader{formats: "bad"}))
		r.MustRegister(formatPlugin("good", "1.0.0", &formatReader{formats: "good"}))
		bad := func(s formatSupporter) bool { return !s.Supports("bad") || probe(r, hang) }
		require.Equal(t, []string{"good 1.0.0"}, discovered(t, r, bad))
		ps := r.Inspect().Plugins
		require.Contains(t, ps[0].ProbeFailure, part)
		require.Less(t, len(ps[0].ProbeFailure), 1100)
		require.Empty(t, ps[1].ProbeFailure)
		require.NotEmpty(t, ps[0].ProbeFailure)
		if code != "" {
			require.Equal(t, map[string]uint64{code: 1}, ps[0].Phases["discover"].Failures)
		}

		require.Equal(t, []string{"bad 1.0.0", "good 1.0.0"}, discovered(t, r), "who asks nothing learns nothing")
		require.Empty(t, r.Inspect().Plugins[0].ProbeFailure)
		discovered(t, r, bad)
		require.NotEmpty(t, r.Inspect().Plugins[0].ProbeFailure)
		require.Equal(t, []string{"bad 1.0.0"}, discovered(t, r, supports("bad")))
		require.Empty(t, r.Inspect().Plugins[0].ProbeFailure, "it has answered since")
		close(hang)
	})
}

// textFault is an error whose text is made by a function.
type textFault func() string

func (f textFault) Error() string { return f() }

func TestProbeFailureEndsWithThePlugin(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	d := r.MustRegister(formatPlugin("acme", "1.0.0", nil))
	require.Empty(t, discovered(t, r, func(formatSupporter) bool {
		require.NoError(t, r.Unregister(d)) // while it is asked
		panic("gone")
	}))
	r.MustRegister(formatPlugin("acme", "1.0.0", nil))
	require.Empty(t, r.Inspect().Plugins[0].ProbeFailure)

	require.Empty(t, discovered(t, r, func(formatSupporter) bool { panic("kept") }))
	require.NotEmpty(t, r.Inspect().Plugins[0].ProbeFailure)
	require.NoError(t, r.Unregister(d))
	r.MustRegister(formatPlugin("acme", "1.0.0", nil))
	require.Empty(t, r.Inspect().Plugins[0].ProbeFailure)
}

func TestDiscoverLeavesOutWhatIsNotTrusted(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	r := newLibraries(t, plugreg.Config{Trust: func(c plugreg.Contract) error {
		asked[c.Name]++
		switch c.Name {
		case "refused":
			return errors.New("no signature")
		case "panics":
			panic("no keys")
		}
		return nil
	}})
	probed := map[string]bool{}
	for _, name := range []string{"fine", "panics", "refused"} {
		r.MustRegister(formatPlugin(name, "1.0.0", &formatReader{formats: name}))
	}
	probe := func(s formatSupporter) bool { probed[s.(*formatReader).formats] = true; return true }
	require.Equal(t, []string{"fine 1.0.0"}, discovered(t, r, probe))
	require.Equal(t, map[string]bool{"fine": true}, probed, "its code does not run")
	require.Equal(t, []string{"fine 1.0.0"}, discovered(t, r), "also where nothing is asked")
	require.Equal(t, map[string]int{"fine": 2, "panics": 2, "refused": 2}, asked)
	ps := r.Inspect().Plugins
	require.Contains(t, ps[1].ProbeFailure, "panic in check: no keys")
	require.Contains(t, ps[2].ProbeFailure, "check: not trusted: no signature")
}

func TestDiscoverRejections(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errShelf)
	r := newLibraries(t, plugreg.Config{})
	_, err := plugreg.Discover[formatSupporter](ctx, r)
	require.ErrorIs(t, err, context.Canceled, "also where there is nothing to find")
	r.MustRegister(formatPlugin("acme", "1.0.0", nil))
	_, err = plugreg.Discover[*formatReader](context.Background(), r)
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.ErrorContains(t, err, "capability: want an interface, have *plugreg_test.formatReader")
	_, err = plugreg.Discover(context.Background(), r, supports("x"), nil)
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.ErrorContains(t, err, "probe 1: want a function, have nil")
	_, err = plugreg.Discover[formatSupporter](context.Background(), r, nil, supports("x"))
	require.ErrorContains(t, err, "probe 0: want a function, have nil")
	_, err = plugreg.Discover(ctx, r, func(formatSupporter) bool { panic("asked") })
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel = context.WithCancelCause(context.Background())
	ms, err := plugreg.Discover(ctx, r, func(formatSupporter) bool { cancel(nil); return true })
	require.Nil(t, ms)
	require.ErrorIs(t, err, context.Canceled, "it ended while a plugin was asked")
	require.ErrorContains(t, err, "discover")
	require.Empty(t, r.Inspect().Plugins[0].ProbeFailure, "that is not the plugin's fault")
}

func TestMatchOpen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	d := r.MustRegister(formatPlugin("acme", "1.0.0", nil))
	ms, err := plugreg.Discover[formatSupporter](ctx, r)
	require.NoError(t, err)
	require.Equal(t, d, ms[0].Descriptor)
	h, err := ms[0].Open(ctx, nil)
	require.NoError(t, err)
	is, err := plugreg.Call(ctx, h, func(_ context.Context, s formatSupporter) (bool, error) { return s.Supports("built"), nil })
	require.NoError(t, err)
	require.True(t, is)
	whole, err := plugreg.As[library](h)
	require.NoError(t, err)
	require.Empty(t, found(t, whole))
	r.MustRegister(formatPlugin("acme", "2.0.0", nil))
	other, err := ms[0].Open(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, "1.0.0", other.Version(), "what was found, not what is newest")
	require.NoError(t, other.Close(ctx))

	require.ErrorIs(t, r.Unregister(d), plugreg.ErrMounted)
	require.NoError(t, h.Close(ctx), "the handle owns the mount")
	require.NoError(t, r.Unregister(d))
	_, err = ms[0].Open(ctx, nil)
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.ErrorContains(t, err, d.String())

	_, err = plugreg.Match[formatSupporter]{}.Open(ctx, nil)
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.NoError(t, r.Close(ctx))
	_, err = ms[0].Open(ctx, nil)
	require.ErrorIs(t, err, plugreg.ErrClosed)
}

// The twins are two types under one contract: a contract writes a plugin's own type as "plugin".
type (
	twinA struct{ shelf }
	twinB struct{ shelf }
)

func (t *twinA) Twin() *twinA { return t }
func (t *twinB) Twin() *twinB { return t }

func TestMatchOpenAfterAReplacementOfAnotherType(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{Duplicates: plugreg.Replace})
	a := plug{Name: "acme", Version: "1.0.0", Prototype: (*twinA)(nil), New: func(context.Context, *plugreg.Env) (library, error) { return new(twinA), nil }}
	b := plug{Name: "acme", Version: "1.0.0", Prototype: (*twinB)(nil), New: func(context.Context, *plugreg.Env) (library, error) { return new(twinB), nil }}
	d := r.MustRegister(a)
	ms, err := plugreg.Discover[interface{ Twin() *twinA }](context.Background(), r)
	require.NoError(t, err)
	require.Len(t, ms, 1)
	require.Equal(t, d, r.MustRegister(b), "the contracts are equal")
	_, err = ms[0].Open(context.Background(), nil)
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.ErrorContains(t, err, "want Twin() *github.com/plugreg/plugreg_test.twinA, have Twin() *github.com/plugreg/plugreg_test.twinB")
	require.Empty(t, r.Inspect().Plugins[0].Mounts)
	require.Equal(t, "1.0.0", openLibrary(t, r, "acme").Version())
}
