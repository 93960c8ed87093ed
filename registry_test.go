// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// library is the contract of the registry's tests, shelf a plugin of it, and atlas one that offers more.
type library interface {
	Find(title string) (string, error)
	Close() error
}

type shelf struct {
	plugreg.NoClose
	room string
}

func (s *shelf) Find(title string) (string, error) { return s.room + title, nil }

type atlas struct{ shelf }

func (*atlas) Maps() int { return 7 }

func newShelf(_ context.Context, env *plugreg.Env) (library, error) {
	return &shelf{room: env.Name() + " " + env.Version() + "/"}, nil
}

func newAtlas(context.Context, *plugreg.Env) (library, error) { return new(atlas), nil }

func shelfPlugin(name, version string) plugreg.Plugin[library] {
	return plugreg.Plugin[library]{Name: name, Version: version, Prototype: (*shelf)(nil), New: newShelf}
}

func atlasPlugin(name, version string) plugreg.Plugin[library] {
	return plugreg.Plugin[library]{Name: name, Version: version, Prototype: (*atlas)(nil), New: newAtlas}
}

// room returns a plugin whose instances say which constructor made them.
func roomPlugin(name, version, room string) plugreg.Plugin[library] {
	p := shelfPlugin(name, version)
	p.New = func(context.Context, *plugreg.Env) (library, error) { return &shelf{room: room}, nil }
	return p
}

func newLibraries(t testing.TB, cfg plugreg.Config) *plugreg.Registry[library] {
	t.Helper()
	r, err := plugreg.New[library](cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
	return r
}

func openLibrary(t testing.TB, r *plugreg.Registry[library], name string) *plugreg.Handle[library] {
	t.Helper()
	h, err := r.Open(context.Background(), name, "", nil)
	require.NoError(t, err)
	return h
}

// found calls the plugin and returns what it says; the title is empty, so that is the room.
func found(t testing.TB, h *plugreg.Handle[library]) string {
	t.Helper()
	s, err := plugreg.CallInline(context.Background(), h, func(_ context.Context, l library) (string, error) { return l.Find("") })
	require.NoError(t, err)
	return s
}

// listed is what Plugins shows, as "name version".
func listed[T interface{ Close() error }](r *plugreg.Registry[T]) []string {
	all := []string{}
	for _, info := range r.Plugins() {
		all = append(all, info.Name+" "+info.Version)
	}
	return all
}

// here is the caller's file and line, moved by some lines.
func here(lines int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file, line+lines)
}

func TestRegisterShowsEverywhere(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	p := shelfPlugin("acme.shelf", "v1.2.3-rc.1+build.5")
	p.Summary, p.Deprecated, p.Labels = "a shelf", "use acme.atlas", map[string]string{"tier": "1"}
	d, err := r.Register(p)
	require.NoError(t, err)
	require.False(t, d.IsZero())

	build, ok := r.Lookup(d)
	require.True(t, ok)
	got, err := build(context.Background(), new(plugreg.Env))
	require.NoError(t, err, "a constructor is usable with the zero Env")
	require.Equal(t, &shelf{room: " /"}, got)

	resolved, err := r.Resolve("acme.shelf", "1.2.3-rc.1")
	require.NoError(t, err)
	require.Equal(t, d, resolved)

	c, ok := r.Contract(d)
	require.True(t, ok)
	require.Equal(t, "1.2.3-rc.1+build.5", c.Version, "the seed's leading v is gone")
	again, err := c.Descriptor()
	require.NoError(t, err)
	require.Equal(t, d, again, "the key is that of the contract")

	want := plugreg.Info{Name: "acme.shelf", Version: "1.2.3-rc.1+build.5", Summary: "a shelf", Deprecated: "use acme.atlas",
		Labels: map[string]string{"tier": "1"}, Descriptor: d}
	for key, info := range r.Plugins() {
		require.Equal(t, d, key)
		require.Equal(t, want, info)
		info.Labels["tier"] = "2"
	}
	p.Labels["tier"] = "3"
	for _, info := range r.Plugins() {
		require.Equal(t, want, info, "labels are copied in and out")
	}
}

func TestContractIsADeepCopy(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	p := shelfPlugin("acme", "1.0.0")
	p.Config = struct {
		Size int `json:"size" plugreg:"alias=len"`
	}{}
	p.Uses, p.Requires = []string{"disk"}, []plugreg.Requirement{{Name: "other"}}
	d := r.MustRegister(p)
	before, _ := r.Contract(d)
	text, err := before.MarshalJSON()
	require.NoError(t, err)

	c, _ := r.Contract(d)
	c.Uses[0], c.Requires[0].Name = "changed", "changed"
	for i := range c.Shapes {
		c.Shapes[i].Name = "changed"
		for j := range c.Shapes[i].Methods {
			c.Shapes[i].Methods[j].Name = "changed"
		}
		for j := range c.Shapes[i].Fields {
			c.Shapes[i].Fields[j].Name = "changed"
			for k := range c.Shapes[i].Fields[j].Aliases {
				c.Shapes[i].Fields[j].Aliases[k] = "changed"
			}
		}
	}
	after, _ := r.Contract(d)
	now, err := after.MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, string(text), string(now))
}

func TestDuplicateIsRejectedWithBothCallSites(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	p := shelfPlugin("acme", "1.0.0")
	first := here(1)
	d := r.MustRegister(p)
	second := here(1)
	_, err := r.Register(p)
	require.ErrorIs(t, err, plugreg.ErrDuplicate)
	require.NotErrorIs(t, err, plugreg.ErrInvalid)
	require.Equal(t, []plugreg.PluginError{{Plugin: "acme", Version: "1.0.0", Field: "register", Err: plugreg.ErrDuplicate,
		Have: "a registration at " + first, Want: "one registration, not another at " + second}}, rejections(err))
	for name, register := range map[string]func() error{
		"RegisterAll":           func() error { _, err := r.RegisterAll(p); return err },
		"RegisterAny":           func() error { _, err := r.RegisterAny(p); return err },
		"RegisterAny, pointer":  func() error { _, err := r.RegisterAny(&p); return err },
		"RegisterAny, function": func() error { _, err := r.RegisterAny(func() plugreg.Plugin[library] { return p }); return err },
		"MustRegister":          func() error { return panicOf(t, func() { r.MustRegister(p) }) },
	} {
		err := register()
		require.ErrorIs(t, err, plugreg.ErrDuplicate, name)
		require.ErrorContains(t, err, first, name)
		require.Equal(t, 2, strings.Count(err.Error(), "registry_test.go:"), name)
	}
	require.Equal(t, []string{"acme 1.0.0"}, listed(r))
	_, ok := r.Lookup(d)
	require.True(t, ok)
}

// The call site is right also where the compiler inlines what lies between.
func TestCallSiteOfAnInlinedCaller(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	inlined := func(p plugreg.Plugin[library]) error { _, err := r.Register(p); return err }
	line := here(-1)
	require.NoError(t, inlined(shelfPlugin("acme", "1.0.0")))
	err := inlined(shelfPlugin("acme", "1.0.0"))
	require.Equal(t, 2, strings.Count(err.Error(), line), err)
}

// rejections lists the PluginErrors that err consists of.
func rejections(err error) (all []plugreg.PluginError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			all = append(all, rejections(err)...)
		}
		return all
	}
	if e, ok := errors.AsType[*plugreg.PluginError](err); ok {
		all = append(all, *e)
	}
	return all
}

// seeded makes the same random choices in each run.
func seeded(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 1)) }

// panicOf returns the error that f panics with.
func panicOf(t *testing.T, f func()) (err error) {
	t.Helper()
	defer func() {
		v := recover()
		require.Implements(t, (*error)(nil), v)
		err = v.(error)
	}()
	f()
	return nil
}

func TestReplaceTakesTheConstructorAndKeepsWhatServes(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{Duplicates: plugreg.Replace})
	d := r.MustRegister(roomPlugin("acme", "1.0.0", "old"))
	h := openLibrary(t, r, "acme")
	require.Equal(t, "old", found(t, h))

	require.Equal(t, d, r.MustRegister(roomPlugin("acme", "1.0.0", "new")))
	require.Equal(t, []string{"acme 1.0.0"}, listed(r))
	build, _ := r.Lookup(d)
	made, err := build(context.Background(), new(plugreg.Env))
	require.NoError(t, err)
	require.Equal(t, &shelf{room: "new"}, made)
	require.Equal(t, "old", found(t, h), "what is mounted stays")
	next := openLibrary(t, r, "acme")
	require.Equal(t, "new", found(t, next))

	require.ErrorIs(t, r.Unregister(d), plugreg.ErrMounted)
	require.NoError(t, next.Close(context.Background()))
	require.ErrorIs(t, r.Unregister(d), plugreg.ErrMounted, "an instance of the registration that was replaced still serves")
	require.NoError(t, h.Close(context.Background()))
	require.NoError(t, r.Unregister(d))
}

func TestReplaceKeepsTheCounters(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{Duplicates: plugreg.Replace})
	r.MustRegister(roomPlugin("acme", "1.0.0", "old"))
	h := openLibrary(t, r, "acme")
	for range 3 {
		found(t, h)
	}
	r.MustRegister(roomPlugin("acme", "1.0.0", "new"))
	require.EqualValues(t, 3, r.Inspect().Plugins[0].Calls.Calls)
	found(t, h)
	require.NoError(t, h.Close(context.Background()))
	next := openLibrary(t, r, "acme")
	found(t, next)
	p := r.Inspect().Plugins[0]
	require.EqualValues(t, 5, p.Calls.Calls, "calls of the old instance are counted where those of the new one are")
	require.EqualValues(t, 2, p.Phases["construct"].Calls)
	require.EqualValues(t, 1, p.Phases["close"].Calls)
}

func TestCountersOutliveAnUnregistration(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	d := r.MustRegister(shelfPlugin("acme", "1.0.0"))
	h := openLibrary(t, r, "acme")
	found(t, h)
	require.NoError(t, h.Close(context.Background()))
	require.NoError(t, r.Unregister(d))
	r.MustRegister(shelfPlugin("acme", "1.0.0"))
	p := r.Inspect().Plugins[0]
	require.EqualValues(t, 1, p.Calls.Calls)
	require.EqualValues(t, 1, p.Phases["construct"].Calls)
}

func TestRepublished(t *testing.T) {
	t.Parallel()
	for _, duplicates := range []plugreg.DuplicatePolicy{plugreg.Reject, plugreg.Replace} {
		r := newLibraries(t, plugreg.Config{Duplicates: duplicates})
		first := here(1)
		d := r.MustRegister(shelfPlugin("acme", "1.0.0+a"))
		refused := func(name string, p plugreg.Plugin[library]) {
			second := here(1)
			_, err := r.Register(p)
			require.ErrorIs(t, err, plugreg.ErrRepublished, name)
			e := rejections(err)[0]
			require.Equal(t, "register", e.Field)
			require.Contains(t, e.Have, first, name)
			require.Contains(t, e.Want, second, name)
			require.Contains(t, e.Have, "sha256:", name)
			require.Contains(t, e.Fix, "new version", name)
		}
		refused("another type", atlasPlugin("acme", "1.0.0+a"))
		refused("other build metadata", shelfPlugin("acme", "1.0.0+b"))
		refused("no build metadata", shelfPlugin("acme", "1.0.0"))
		refused("another policy", withPolicy(shelfPlugin("acme", "1.0.0+a"), plugreg.Strict))
		require.NoError(t, r.Unregister(d))
		refused("unregistered meanwhile", atlasPlugin("acme", "v1.0.0+a"))
		refused("unregistered meanwhile, other build metadata", shelfPlugin("acme", "1.0.0+b"))
		require.Equal(t, d, r.MustRegister(shelfPlugin("acme", "1.0.0+a")), "the same contract may come back")
		require.Equal(t, []string{"acme 1.0.0+a"}, listed(r))
	}
}

func withPolicy(p plugreg.Plugin[library], policy plugreg.Policy) plugreg.Plugin[library] {
	p.Policy = policy
	return p
}

func TestUnregisterLeavesATombstone(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	old, d := r.MustRegister(shelfPlugin("acme", "1.0.0")), r.MustRegister(shelfPlugin("acme", "1.1.0"))
	before, _ := r.Contract(d)
	require.NoError(t, r.Unregister(d))

	require.Equal(t, []string{"acme 1.0.0"}, listed(r))
	_, ok := r.Lookup(d)
	require.False(t, ok)
	resolved, err := r.Resolve("acme", "")
	require.NoError(t, err)
	require.Equal(t, old, resolved)
	kept, ok := r.Contract(d)
	require.True(t, ok, "what was written under it can still be read")
	require.Equal(t, before, kept)

	err = r.Unregister(d)
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.ErrorContains(t, err, d.String())
	require.Equal(t, d, r.MustRegister(shelfPlugin("acme", "1.1.0")))
	_, ok = r.Lookup(d)
	require.True(t, ok)
	require.Equal(t, []string{"acme 1.0.0", "acme 1.1.0"}, listed(r))

	require.NoError(t, r.Unregister(d))
	require.NoError(t, r.Unregister(old))
	require.Empty(t, listed(r))
	_, err = r.Resolve("acme", "")
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.ErrorContains(t, err, "no plugin at all")
}

func TestUnregisterRefusals(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{Name: "shelves"})
	d := r.MustRegister(shelfPlugin("acme", "1.0.0"))
	stranger := newLibraries(t, plugreg.Config{}).MustRegister(shelfPlugin("other", "1.0.0"))
	for _, unknown := range []plugreg.TypeDescriptor{{}, stranger} {
		err := r.Unregister(unknown)
		require.ErrorIs(t, err, plugreg.ErrNotFound)
		require.ErrorContains(t, err, unknown.String())
		require.ErrorContains(t, err, `registry "shelves"`)
		_, ok := r.Lookup(unknown)
		require.False(t, ok)
		_, ok = r.Contract(unknown)
		require.False(t, ok)
	}
	h := openLibrary(t, r, "acme")
	err := r.Unregister(d)
	require.ErrorIs(t, err, plugreg.ErrMounted)
	require.Equal(t, []plugreg.PluginError{{Plugin: "acme", Version: "1.0.0", Field: "unregister", Err: plugreg.ErrMounted, Fix: "close its handles first"}}, rejections(err))
	require.NoError(t, h.Close(context.Background()))
	require.NoError(t, r.Unregister(d))
}

func TestTypesAreDescribedOnce(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	c, _ := r.Contract(r.MustRegister(shelfPlugin("a", "1.0.0")))
	e, _ := r.Contract(r.MustRegister(shelfPlugin("b", "1.0.0")))
	require.Equal(t, c.Shapes, e.Shapes)
	require.Equal(t, c.ShapesDigest(), e.ShapesDigest())
	require.NotEqual(t, c.Digest(), e.Digest())
	other, _ := r.Contract(r.MustRegister(atlasPlugin("c", "1.0.0")))
	require.NotEqual(t, c.ShapesDigest(), other.ShapesDigest())
	require.NotEqual(t, reflect.ValueOf(c.Shapes).Pointer(), reflect.ValueOf(e.Shapes).Pointer())
}

func TestRegisterAll(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	ds, err := r.RegisterAll()
	require.NoError(t, err)
	require.Empty(t, ds)
	ps := []plugreg.Plugin[library]{shelfPlugin("b", "2.0.0"), shelfPlugin("a", "1.0.0"), shelfPlugin("b", "1.0.0")}
	ds, err = r.RegisterAll(ps...)
	require.NoError(t, err)
	require.Len(t, ds, len(ps))
	for i, d := range ds { // in the order given
		c, ok := r.Contract(d)
		require.True(t, ok)
		require.Equal(t, ps[i].Name+" "+ps[i].Version, c.Name+" "+c.Version)
	}
	require.Equal(t, []string{"a 1.0.0", "b 1.0.0", "b 2.0.0"}, listed(r))
}

func TestRegisterAllIsAllOrNone(t *testing.T) {
	t.Parallel()
	good, other := shelfPlugin("good", "1.0.0"), shelfPlugin("other", "1.0.0")
	for _, tt := range []struct {
		name string
		ps   []plugreg.Plugin[library]
		want []error
	}{
		{"one is invalid", []plugreg.Plugin[library]{good, shelfPlugin("/", "1.0.0"), other}, []error{plugreg.ErrInvalid}},
		{"two are invalid", []plugreg.Plugin[library]{shelfPlugin("/", "1.0.0"), good, shelfPlugin("x", "1")}, []error{plugreg.ErrInvalid, plugreg.ErrInvalid}},
		{"one is there", []plugreg.Plugin[library]{good, shelfPlugin("there", "1.0.0")}, []error{plugreg.ErrDuplicate}},
		{"one is republished", []plugreg.Plugin[library]{atlasPlugin("there", "1.0.0"), good}, []error{plugreg.ErrRepublished}},
		{"one stands there twice", []plugreg.Plugin[library]{good, other, good}, []error{plugreg.ErrDuplicate}},
		{"one stands there three times", []plugreg.Plugin[library]{good, good, good}, []error{plugreg.ErrDuplicate, plugreg.ErrDuplicate}},
		{"twice with another build", []plugreg.Plugin[library]{good, shelfPlugin("good", "1.0.0+b")}, []error{plugreg.ErrRepublished}},
		{"twice with another contract", []plugreg.Plugin[library]{good, other, atlasPlugin("good", "1.0.0"), atlasPlugin("good", "1.0.0")}, []error{plugreg.ErrRepublished, plugreg.ErrDuplicate}},
		{"several", []plugreg.Plugin[library]{atlasPlugin("there", "1.0.0"), good, good}, []error{plugreg.ErrDuplicate, plugreg.ErrRepublished}},
	} {
		for _, duplicates := range []plugreg.DuplicatePolicy{plugreg.Reject, plugreg.Replace} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, duplicates), func(t *testing.T) {
				t.Parallel()
				r := newLibraries(t, plugreg.Config{Duplicates: duplicates})
				d := r.MustRegister(roomPlugin("there", "1.0.0", "first"))
				line := here(1)
				ds, err := r.RegisterAll(tt.ps...)
				if duplicates == plugreg.Replace && tt.name == "one is there" {
					require.NoError(t, err)
					require.Equal(t, []string{"good 1.0.0", "there 1.0.0"}, listed(r))
					return
				}
				require.Nil(t, ds)
				all := rejections(err)
				require.Len(t, all, len(tt.want), err)
				for i := range tt.want {
					require.ErrorIs(t, &all[i], tt.want[i])
				}
				if all[0].Field == "register" {
					require.Contains(t, all[0].Want, line)
				}
				require.Equal(t, []string{"there 1.0.0"}, listed(r))
				_, err = r.Resolve("good", "")
				require.ErrorIs(t, err, plugreg.ErrNotFound)
				build, _ := r.Lookup(d)
				made, err := build(context.Background(), new(plugreg.Env))
				require.NoError(t, err)
				require.Equal(t, &shelf{room: "first"}, made, "nothing was replaced either")
				r.MustRegister(good) // and nothing is in its way
			})
		}
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{Name: "shelves"})
	p := shelfPlugin("acme", "1.0.0")
	d := r.MustRegister(p)
	r.Seal()
	r.Seal()
	next, made := shelfPlugin("acme", "1.1.0"), 0
	for name, change := range map[string]func() error{
		"Register":     func() error { _, err := r.Register(next); return err },
		"MustRegister": func() error { return panicOf(t, func() { r.MustRegister(next) }) },
		"RegisterAll":  func() error { _, err := r.RegisterAll(next, p); return err },
		"RegisterAny":  func() error { _, err := r.RegisterAny(&next); return err },
		"RegisterAny, function": func() error {
			_, err := r.RegisterAny(func() plugreg.Plugin[library] { made++; return next })
			return err
		},
		"Unregister": func() error { return r.Unregister(d) },
	} {
		err := change()
		require.ErrorIs(t, err, plugreg.ErrSealed, name)
		require.ErrorContains(t, err, `registry "shelves"`, name)
	}
	require.Zero(t, made, "no code runs for what cannot be registered")
	ds, err := r.RegisterAll()
	require.NoError(t, err)
	require.Empty(t, ds)
	require.Equal(t, []string{"acme 1.0.0"}, listed(r))
	_, ok := r.Lookup(d)
	require.True(t, ok)
	require.Equal(t, "acme 1.0.0/", found(t, openLibrary(t, r, "acme")), "it can be mounted from")
}

func TestClosedRegistryRefusesAndStillLooksUp(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[library](plugreg.Config{Name: "shelves"})
	p := shelfPlugin("acme", "1.0.0")
	d := r.MustRegister(p)
	require.NoError(t, r.Close(context.Background()))
	require.NoError(t, r.Close(context.Background()))
	made := 0
	for name, change := range map[string]func() error{
		"Register":    func() error { _, err := r.Register(shelfPlugin("b", "1.0.0")); return err },
		"RegisterAll": func() error { _, err := r.RegisterAll(shelfPlugin("b", "1.0.0"), p); return err },
		"RegisterAny": func() error {
			_, err := r.RegisterAny(func() plugreg.Plugin[library] { made++; return p })
			return err
		},
		"Unregister": func() error { return r.Unregister(d) },
		"Discover":   func() error { _, err := plugreg.Discover[library](context.Background(), r); return err },
		"Open":       func() error { _, err := r.Open(context.Background(), "acme", "", nil); return err },
	} {
		err := change()
		require.ErrorIs(t, err, plugreg.ErrClosed, name)
		require.ErrorContains(t, err, `registry "shelves"`, name)
	}
	require.Zero(t, made)
	_, ok := r.Lookup(d)
	require.True(t, ok)
	resolved, err := r.Resolve("acme", "")
	require.NoError(t, err)
	require.Equal(t, d, resolved)
	require.Equal(t, []string{"acme 1.0.0"}, listed(r))
	require.True(t, r.Inspect().Closed)
}

func TestCapacityIsNoLimit(t *testing.T) {
	t.Parallel()
	for _, capacity := range []int{0, 1, 1000} {
		r := newLibraries(t, plugreg.Config{Capacity: capacity})
		for i := range 200 {
			r.MustRegister(shelfPlugin(fmt.Sprint("p", i), "1.0.0"))
		}
		require.Len(t, listed(r), 200)
	}
}

func TestPluginsAreInOrder(t *testing.T) {
	t.Parallel()
	want := []string{"A 1.0.0", "a 0.9.0", "a 1.0.0-alpha", "a 1.0.0-alpha.1", "a 1.0.0-alpha.beta", "a 1.0.0-beta.2", "a 1.0.0-beta.11", "a 1.0.0", "a 1.9.0", "a 1.10.0", "a-b 1.0.0", "a.b 1.0.0", "b 1.0.0+z"}
	for seed := range 10 {
		r := newLibraries(t, plugreg.Config{})
		for _, i := range seeded(seed).Perm(len(want)) {
			name, version, _ := strings.Cut(want[i], " ")
			r.MustRegister(shelfPlugin(name, version))
		}
		require.Equal(t, want, listed(r))
	}
}

func TestPluginsIsASnapshot(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	for i := range 10 {
		r.MustRegister(shelfPlugin(fmt.Sprint("p", i), "1.0.0"))
	}
	seq, seen := r.Plugins(), 0
	r.MustRegister(shelfPlugin("p99", "1.0.0"))
	for d, info := range seq { // begins now
		seen++
		require.NoError(t, r.Unregister(d))
		r.MustRegister(shelfPlugin(info.Name+"x", "1.0.0"))
	}
	require.Equal(t, 11, seen, "what changes meanwhile is not seen")
	seen = 0
	for range seq {
		if seen++; seen == 3 {
			break
		}
	}
	require.Equal(t, 3, seen)
	require.Len(t, listed(r), 11)
}

func TestMustNewPanicsWithTheErrorOfNew(t *testing.T) {
	t.Parallel()
	cfg := plugreg.Config{Capacity: -1}
	_, want := plugreg.New[library](cfg)
	require.ErrorIs(t, want, plugreg.ErrInvalid)
	err := panicOf(t, func() { plugreg.MustNew[library](cfg) })
	require.Equal(t, want, err)
}

func TestMustRegisterPanicsWithTheErrorOfRegister(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	_, want := r.Register(shelfPlugin("/", "1.0.0"))
	require.ErrorIs(t, want, plugreg.ErrInvalid)
	require.Equal(t, want, panicOf(t, func() { r.MustRegister(shelfPlugin("/", "1.0.0")) }))
}

func TestRegistriesShareNothing(t *testing.T) {
	t.Parallel()
	p := shelfPlugin("acme", "1.0.0")
	p.Requires = []plugreg.Requirement{{Name: "z", Optional: true}, {Name: "a", Optional: true}}
	p.Uses, p.Labels = []string{"z", "a"}, map[string]string{"tier": "1"}
	p.Exports = map[string]any{"len": func(s string) int { return len(s) }}
	all := make([]plug, 1, 8)
	all[0] = p
	a, b := newLibraries(t, plugreg.Config{}), newLibraries(t, plugreg.Config{})
	ds, err := a.RegisterAll(all...)
	require.NoError(t, err)
	require.Equal(t, []string{"z", "a"}, p.Uses, "what was passed in is not sorted in place")
	require.Equal(t, "z", p.Requires[0].Name)
	before, _ := a.Contract(ds[0])

	require.Empty(t, listed(b))
	_, ok := b.Lookup(ds[0])
	require.False(t, ok)
	_, ok = b.Contract(ds[0])
	require.False(t, ok)
	require.ErrorIs(t, b.Unregister(ds[0]), plugreg.ErrNotFound)

	more := append(all, shelfPlugin("other", "1.0.0")) // in the same array
	p.Requires[0].Name, p.Uses[0], p.Labels["tier"], p.Exports["len"] = "changed", "changed", "2", nil
	more[0] = shelfPlugin("third", "1.0.0")
	_, err = b.RegisterAll(more...)
	require.NoError(t, err)
	require.Equal(t, []string{"acme 1.0.0"}, listed(a))
	require.Equal(t, []string{"other 1.0.0", "third 1.0.0"}, listed(b))
	after, _ := a.Contract(ds[0])
	require.Equal(t, before, after)
	for _, info := range a.Plugins() {
		require.Equal(t, map[string]string{"tier": "1"}, info.Labels)
	}
	n := 0
	require.NoError(t, plugreg.DoExport(context.Background(), openLibrary(t, a, "acme"), "len", func(_ context.Context, f func(string) int) error { n = f("ab"); return nil }))
	require.Equal(t, 2, n)
}
