// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// cabinet is a ready instance, as code writes it that does not know this package.
type cabinet struct {
	name, version string
	exports       map[string]any
	closed        int
}

func (c *cabinet) Name() string                { return c.name }
func (c *cabinet) Version() string             { return c.version }
func (c *cabinet) Exports() map[string]any     { return c.exports }
func (c *cabinet) Find(string) (string, error) { return c.name, nil }
func (c *cabinet) Close() error                { c.closed++; return nil }

func TestRegisterAnyTakesAllForms(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	pointed := shelfPlugin("pointer", "1.0.0")
	for _, v := range []any{
		shelfPlugin("plugin", "v1.0.0"), &pointed, func() plug { return shelfPlugin("function", "1.0.0") },
		&cabinet{name: "instance", version: "v1.0.0", exports: map[string]any{"len": func(s string) int { return len(s) }}},
	} {
		d, err := r.RegisterAny(v)
		require.NoError(t, err)
		_, ok := r.Lookup(d)
		require.True(t, ok)
	}
	require.Equal(t, []string{"function 1.0.0", "instance 1.0.0", "plugin 1.0.0", "pointer 1.0.0"}, listed(r))
	for _, name := range []string{"plugin", "pointer", "function"} {
		require.Equal(t, name+" 1.0.0/", found(t, openLibrary(t, r, name)))
	}
	pointed.New = nil
	require.Equal(t, "pointer 1.0.0/", found(t, openLibrary(t, r, "pointer")), "it was copied")
	h := openLibrary(t, r, "instance")
	n := 0
	require.NoError(t, plugreg.DoExport(context.Background(), h, "len", func(_ context.Context, f func(string) int) error { n = f("abc"); return nil }))
	require.Equal(t, 3, n)
	c, _ := r.Contract(r.Inspect().Plugins[1].Descriptor)
	shape, ok := c.Shape("export:len")
	require.True(t, ok)
	require.Equal(t, "func(string) int", shape.Kind)
}

func TestReadyInstanceIsMountedAndClosedOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{})
	c := &cabinet{name: "acme", version: "1.0.0"}
	d, err := r.RegisterAny(c)
	require.NoError(t, err)
	h := openLibrary(t, r, "acme")
	require.Equal(t, "acme", found(t, h))
	for range 2 {
		_, err = r.Open(ctx, "acme", "", nil)
		require.ErrorIs(t, err, plugreg.ErrMounted)
		require.Equal(t, "MOUNTED", plugreg.CodeOf(err))
		require.ErrorContains(t, err, "a ready instance that was mounted before (register a Plugin with a constructor to mount it more than once)")
	}
	require.Zero(t, c.closed)
	require.Equal(t, "acme", found(t, h), "a second Open does it no harm")
	require.NoError(t, h.Close(ctx))
	require.NoError(t, h.Close(ctx))
	require.Equal(t, 1, c.closed)
	_, err = r.Open(ctx, "acme", "", nil)
	require.ErrorIs(t, err, plugreg.ErrMounted, "it is spent")
	require.NoError(t, r.Unregister(d))
	_, err = r.RegisterAny(c)
	require.NoError(t, err)
	require.Equal(t, "acme", found(t, openLibrary(t, r, "acme")), "whoever registers it anew answers for it")
}

func TestReadyInstanceIsNotSpentByUnreadSettings(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	c := &cabinet{name: "acme", version: "1.0.0"}
	_, err := r.RegisterAny(c)
	require.NoError(t, err)
	_, err = r.Open(context.Background(), "acme", "", map[string]any{"room": 1})
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.ErrorContains(t, err, `"room"`)
	require.Zero(t, c.closed)
	require.Equal(t, "acme", found(t, openLibrary(t, r, "acme")))
}

func TestReadyInstanceThatIsNeverMountedIsNotClosed(t *testing.T) {
	t.Parallel()
	c := &cabinet{name: "acme", version: "1.0.0"}
	r := plugreg.MustNew[library](plugreg.Config{})
	_, err := r.RegisterAny(c)
	require.NoError(t, err)
	require.NoError(t, r.Close(context.Background()))
	require.Zero(t, c.closed)
}

type (
	// cabinetByValue has its methods on the pointer, and is passed by value.
	cabinetByValue struct{ cabinet }
	// misfitCabinet has them all with another signature.
	misfitCabinet struct{}
	// muteShelf is a library that does not say what it is.
	muteShelf struct{ shelf }
	// cardTable is a plugin that is a map.
	cardTable map[string]string
)

func (misfitCabinet) Name() (string, error)        { return "", nil }
func (misfitCabinet) Version(int) string           { return "" }
func (misfitCabinet) Exports() map[string]string   { return nil }
func (misfitCabinet) Find(titles ...string) string { return "" }
func (*misfitCabinet) Close()                      {}
func (cardTable) Name() string                     { return "cardTable" }
func (cardTable) Version() string                  { return "1.0.0" }
func (cardTable) Exports() map[string]any          { return nil }
func (cardTable) Find(s string) (string, error)    { return s, nil }
func (cardTable) Close() error                     { return nil }

func TestRegisterAnyListsWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	const forms = "register: want a Plugin[github.com/plugreg/plugreg_test.library], a *Plugin[github.com/plugreg/plugreg_test.library], " +
		"a func() Plugin[github.com/plugreg/plugreg_test.library] or a ready instance, have "
	nothing := func(methods ...string) []string {
		for i, m := range methods {
			methods[i] = "want " + m + ", have nothing of that name"
		}
		return methods
	}
	all := []string{"Name() string", "Version() string", "Exports() map[string]any", "Find(string) (string, error)", "Close() error"}
	other := plugreg.Plugin[adder]{}
	for _, tt := range []struct {
		name  string
		v     any
		have  string
		lacks []string
	}{
		{"nil", nil, "nothing", nil},
		{"nil plugin", (*plug)(nil), "a nil *github.com/plugreg/plugreg.Plugin[github.com/plugreg/plugreg_test.library]", nil},
		{"nil function", (func() plug)(nil), "a nil func() github.com/plugreg/plugreg.Plugin[", nil},
		{"nil instance", (*cabinet)(nil), "a nil *github.com/plugreg/plugreg_test.cabinet", nil},
		{"nil map", cardTable(nil), "a nil github.com/plugreg/plugreg_test.cardTable", nil},
		{"number", 42, "int", nothing(all...)},
		{"pointer to a pointer", new(*cabinet), "**github.com/plugreg/plugreg_test.cabinet", nothing("Name() string", "Close() error")},
		{"plugin of another registry", other, "github.com/plugreg/plugreg.Plugin[github.com/plugreg/plugreg_test.adder]", nothing("Name() string")},
		{"function with arguments", func(int) plug { return plug{} }, "func(int) github.com/plugreg/plugreg.Plugin[", nothing("Name() string")},
		{"value with pointer receivers", cabinetByValue{}, "github.com/plugreg/plugreg_test.cabinetByValue", []string{
			"want Name() string, have it with a pointer receiver: pass a pointer", "want Find(string) (string, error), have it with a pointer receiver: pass a pointer"}},
		{"other signatures", misfitCabinet{}, "github.com/plugreg/plugreg_test.misfitCabinet", []string{
			"want Name() string, have Name() (string, error)", "want Version() string, have Version(int) string", "want Exports() map[string]any, have Exports() map[string]string",
			"want Find(string) (string, error), have Find(...string) string", "want Close() error, have Close() with a pointer receiver"}},
		{"no name", &muteShelf{}, "*github.com/plugreg/plugreg_test.muteShelf", nothing("Name() string", "Version() string", "Exports() map[string]any")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := r.RegisterAny(tt.v)
			require.True(t, d.IsZero())
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.ErrorContains(t, err, forms+tt.have)
			for _, part := range tt.lacks {
				require.Equal(t, 1, strings.Count(err.Error(), part), "%s: %v", part, err)
			}
			require.Equal(t, tt.lacks == nil, !strings.Contains(err.Error(), "for a ready instance"))
			if tt.name == "no name" {
				require.NotContains(t, err.Error(), "want Find", "what it has is not listed")
			}
		})
	}
	require.Empty(t, listed(r))
}

// titled demands Name itself, so that is missing once.
type titled interface {
	Name() string
	Close() error
}

func TestRegisterAnyNamesAMethodOnce(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[titled](plugreg.Config{})
	_, err := r.RegisterAny(42)
	require.Equal(t, 1, strings.Count(err.Error(), "want Name() string"), err)
	require.NoError(t, r.Close(context.Background()))
}

// faultyCabinet is a ready instance whose answers are code like any other.
type faultyCabinet struct {
	cabinet
	answer func() string
}

func (f *faultyCabinet) Version() string { return f.answer() }

func TestRegisterAnyGuardsWhatItCalls(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		call func() string
		part string
		code string
	}{
		{"panic", func() string { panic("no version") }, "panic in register: no version", "PANIC"},
		{"Goexit", func() string { runtime.Goexit(); return "" }, "ended by runtime.Goexit", "GOEXIT"},
		{"bad answer", func() string { return "one" }, `Version: invalid: version "one"`, "INVALID"},
	} {
		r := newLibraries(t, plugreg.Config{})
		for _, v := range []any{&faultyCabinet{cabinet{name: "acme"}, tt.call}, func() plug { return shelfPlugin("acme", tt.call()) }} {
			_, err := r.RegisterAny(v)
			require.ErrorContains(t, err, tt.part, tt.name)
			require.Equal(t, tt.code, plugreg.CodeOf(err), tt.name)
			require.Empty(t, listed(r), tt.name)
		}
	}
}
