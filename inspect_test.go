// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// keysOf lists the keys of a JSON object, sorted.
func keysOf(v any) []string { return slices.Sorted(maps.Keys(v.(map[string]any))) }

func first(list any) map[string]any { return list.([]any)[0].(map[string]any) }

func TestInspectionOfNothing(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	doc, err := json.Marshal(r.Inspect())
	require.NoError(t, err)
	require.JSONEq(t, `{"registry": "library", "contract": "github.com/plugreg/plugreg_test.library", "sealed": false, "closed": false,
		"plugins": [], "hook_panics": 0, "closing": 0}`, string(doc))
}

func TestInspectionAsJSON(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{Name: "shelves", Hooks: &plugreg.Hooks{
		CallDone: func(context.Context, plugreg.CallInfo, plugreg.CallResult) { panic("a hook") }}})
	p := plugreg.Configured(shelfPlugin("acme", "1.0.0"), struct{ Room, Color string }{},
		func(_ context.Context, env *plugreg.Env, cfg struct{ Room, Color string }) (library, error) {
			return &shelf{room: cfg.Room}, nil
		})
	p.Summary, p.Deprecated, p.Labels, p.Uses = "a shelf", "use another", map[string]string{"tier": "1"}, []string{"disk"}
	p.Requires = []plugreg.Requirement{{Name: "other", Constraint: "^1", Optional: true}}
	d := r.MustRegister(p)
	r.MustRegister(shelfPlugin("other", "1.0.0"))
	r.Seal()
	h, err := r.Open(ctx, "acme", "", map[string]any{"Room": "red "})
	require.NoError(t, err)
	require.Equal(t, "red ", found(t, h))
	require.Equal(t, errShelf, h.Do(ctx, func(context.Context, library) error { return errShelf }))
	require.ErrorContains(t, h.DoInline(ctx, func(context.Context, library) error { panic("no") }), "panic")
	lease, err := h.Acquire(ctx)
	require.NoError(t, err)
	in := r.Inspect()
	doc, err := json.Marshal(in)
	require.NoError(t, err)

	var back plugreg.Inspection
	require.NoError(t, json.Unmarshal(doc, &back))
	require.Equal(t, in, back, "nothing is lost")
	c, _ := r.Contract(d)
	require.Equal(t, c.Digest(), back.Plugins[0].Digest)
	require.Equal(t, d, back.Plugins[0].Descriptor)

	var plain map[string]any
	require.NoError(t, json.Unmarshal(doc, &plain))
	require.Equal(t, []string{"closed", "closing", "contract", "hook_panics", "plugins", "registry", "sealed"}, keysOf(plain))
	require.Equal(t, "shelves", plain["registry"])
	require.Equal(t, true, plain["sealed"])
	require.EqualValues(t, 3, plain["hook_panics"])
	acme := first(plain["plugins"])
	require.Equal(t, []string{"calls", "deprecated", "descriptor", "digest", "labels", "mounts", "name", "phases", "requires", "summary", "uses", "version"}, keysOf(acme))
	require.Equal(t, d.String(), acme["descriptor"])
	require.Equal(t, []any{map[string]any{"name": "other", "constraint": "^1", "optional": true}}, acme["requires"])
	require.Equal(t, []any{"disk"}, acme["uses"])
	require.Equal(t, map[string]any{"calls": 4.0, "failures": map[string]any{"ERROR": 1.0, "PANIC": 1.0}, "in_flight": 1.0}, acme["calls"])
	mount := first(acme["mounts"])
	require.Equal(t, []string{"id", "sandbox", "settings"}, keysOf(mount))
	require.Equal(t, []any{"Room"}, mount["settings"], "names, not values")
	require.Equal(t, map[string]any{"calls": 4.0, "failures": map[string]any{"ERROR": 1.0, "PANIC": 1.0}, "in_flight": 1.0, "abandoned": 0.0,
		"breaker": "closed", "error_limit": 0.5, "draining": false}, mount["sandbox"])
	require.NotContains(t, string(doc), "red ")
	require.Equal(t, []string{"calls", "in_flight"}, keysOf(acme["phases"].(map[string]any)["construct"]))
	lease.Release()
}

func TestInspectionSharesNothing(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	p := shelfPlugin("acme", "1.0.0")
	p.Labels, p.Uses, p.Requires = map[string]string{"tier": "1"}, []string{"disk"}, []plugreg.Requirement{{Name: "other", Optional: true}}
	r.MustRegister(p)
	h := openLibrary(t, r, "acme")
	require.Error(t, h.DoInline(context.Background(), func(context.Context, library) error { return errShelf }))
	want := r.Inspect()
	spoilt := r.Inspect()
	x := &spoilt.Plugins[0]
	x.Labels["tier"], x.Uses[0], x.Requires[0].Name, x.Calls.Failures["ERROR"], x.Mounts[0].Sandbox.Failures["ERROR"] = "2", "x", "x", 9, 9
	clear(x.Phases)
	require.Equal(t, want, r.Inspect())
}

func TestInspectionCountsCallsByCode(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{Sandbox: plugreg.SandboxConfig{Breaker: unbroken()}})
	registerVersions(t, r, "acme", "1.0.0", "2.0.0")
	old, err := r.Open(ctx, "acme", "^1", nil)
	require.NoError(t, err)
	h, second := openLibrary(t, r, "acme"), openLibrary(t, r, "acme")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for code, err := range map[string]error{
		"": nil, "ERROR": errors.New("x"), "CONTRACT": plugreg.ErrContract, "NOT_FOUND": &plugreg.PluginError{Field: "x", Err: plugreg.ErrNotFound}, "INVALID": &plugreg.PluginError{Field: "x"},
		"DEADLINE": context.DeadlineExceeded, "DEPENDENCY": errors.Join(errors.New("x"), plugreg.ErrDependency),
	} {
		require.Equal(t, code, plugreg.CodeOf(h.DoInline(ctx, func(context.Context, library) error { return err })))
		require.Equal(t, code, plugreg.CodeOf(second.Do(ctx, func(context.Context, library) error { return err })))
	}
	require.ErrorIs(t, h.Do(ended, func(context.Context, library) error { return nil }), context.Canceled)
	want := map[string]uint64{"ERROR": 2, "CONTRACT": 2, "NOT_FOUND": 2, "INVALID": 2, "DEADLINE": 2, "DEPENDENCY": 2, "CANCELED": 1}
	in := r.Inspect().Plugins
	require.Equal(t, plugreg.Stats{}, in[0].Calls, "the other version has a count of its own")
	require.Equal(t, plugreg.Stats{Calls: 15, Failures: want}, in[1].Calls)
	require.Equal(t, []uint64{1}, mountIDs(in[0]))
	require.Equal(t, []uint64{2, 3}, mountIDs(in[1]), "in the order in which they were opened")
	require.EqualValues(t, 8, in[1].Mounts[0].Sandbox.Calls)
	require.EqualValues(t, 1, in[1].Mounts[0].Sandbox.Failures["CONTRACT"])

	require.NoError(t, h.Close(ctx))
	require.NoError(t, old.Close(ctx))
	in = r.Inspect().Plugins
	require.Equal(t, plugreg.Stats{Calls: 15, Failures: want}, in[1].Calls, "closed instances count")
	require.Empty(t, in[0].Mounts)
	require.Equal(t, []uint64{3}, mountIDs(in[1]))
	require.NoError(t, second.Close(ctx))
	require.Equal(t, plugreg.Stats{Calls: 15, Failures: want}, r.Inspect().Plugins[1].Calls)
}

func mountIDs(p plugreg.PluginInspection) (ids []uint64) {
	for _, m := range p.Mounts {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestInspectionOfPhases(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	r.MustRegister(stepPlugin("acme", func() (library, error) { return &stepShelf{probe: func() error { return errShelf }}, nil }))
	for range 3 {
		_, err := r.Open(context.Background(), "acme", "", nil)
		require.ErrorIs(t, err, errShelf)
	}
	p := r.Inspect().Plugins[0]
	require.Empty(t, p.Mounts)
	require.Equal(t, []string{"close", "construct", "drain", "init", "probe"}, slices.Sorted(maps.Keys(p.Phases)))
	require.Equal(t, map[string]uint64{"ERROR": 3}, p.Phases["probe"].Failures)
	for phase, stats := range p.Phases {
		require.EqualValues(t, 3, stats.Calls, phase)
		require.Equal(t, phase == "probe", len(stats.Failures) > 0, phase)
	}
	require.Zero(t, p.Calls.Calls, "no host has called")
}

func TestInspectionOfDependencies(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	p := shelfPlugin("acme", "1.0.0")
	p.Requires = []plugreg.Requirement{{Name: "dep"}}
	r.MustRegister(p)
	registerVersions(t, r, "dep", "1.0.0")
	h := openLibrary(t, r, "acme")
	own := openLibrary(t, r, "dep")
	in := r.Inspect().Plugins
	require.False(t, in[0].Mounts[0].Dependency)
	require.Len(t, in[1].Mounts, 2)
	require.True(t, in[1].Mounts[0].Dependency, "mounted for another")
	require.False(t, in[1].Mounts[1].Dependency, "mounted for the host")
	require.NoError(t, h.Close(context.Background()))
	require.Len(t, r.Inspect().Plugins[1].Mounts, 1)
	require.NoError(t, own.Close(context.Background()))
}

func TestInspectionOfAStrandedInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		r := newLibraries(t, plugreg.Config{})
		registerVersions(t, r, "acme", "1.0.0")
		h := openLibrary(t, r, "acme")
		l, err := h.Acquire(ctx)
		require.NoError(t, err)
		require.ErrorIs(t, h.Close(ctx), plugreg.ErrStranded)
		p := r.Inspect().Plugins[0]
		require.True(t, p.Mounts[0].Stranded)
		require.True(t, p.Mounts[0].Sandbox.Draining)
		require.Equal(t, plugreg.Stats{Calls: 1, InFlight: 1}, p.Calls)
		require.EqualValues(t, 1, p.Phases["drain"].Failures["STRANDED"])
		l.Release()
		<-h.Done()
		p = r.Inspect().Plugins[0]
		require.Empty(t, p.Mounts)
		require.Equal(t, plugreg.Stats{Calls: 1}, p.Calls)
	})
}

func TestInspectionWhileAnInstanceCloses(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	inClose, leave := make(chan struct{}), make(chan struct{})
	r.MustRegister(stepPlugin("acme", func() (library, error) {
		return &stepShelf{close: func() error { close(inClose); <-leave; return nil }}, nil
	}))
	h := openLibrary(t, r, "acme")
	found(t, h)
	require.Zero(t, r.Inspect().Closing)
	over := make(chan error)
	go func() { over <- h.Close(context.Background()) }()
	<-inClose
	in := r.Inspect()
	require.Equal(t, 1, in.Closing)
	require.Len(t, in.Plugins[0].Mounts, 1, "it is not gone yet")
	require.EqualValues(t, 0, in.Plugins[0].Calls.InFlight)
	close(leave)
	require.NoError(t, <-over)
	<-h.Done()
	require.Empty(t, r.Inspect().Plugins[0].Mounts)
}

// Wherever an instance is on its way out, its calls are counted once.
func TestInspectionCountsOnceWhileInstancesClose(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	for n := range uint64(300) {
		h := openLibrary(t, r, "acme")
		found(t, h)
		var closing sync.WaitGroup
		closing.Go(func() { require.NoError(t, h.Close(context.Background())) })
		for over := false; !over; {
			select {
			case <-h.Done():
				over = true
			default:
			}
			require.Equal(t, n+1, r.Inspect().Plugins[0].Calls.Calls)
		}
		closing.Wait()
	}
}

// The guard of each mount can be had by its number, also of one that others require.
func TestSandboxOfAMount(t *testing.T) {
	t.Parallel()
	dep, top := spurPlugin("dep", "1.0.0", nil), spurPlugin("top", "1.0.0", nil)
	top.Requires = []plugreg.Requirement{{Name: "dep"}}
	r := gears(t, plugreg.Config{}, dep, top)
	h := mustOpen(t, r, "top")
	found := map[string]*plugreg.Sandbox{}
	for _, p := range r.Inspect().Plugins {
		for _, m := range p.Mounts {
			s, ok := r.Sandbox(m.ID)
			require.True(t, ok)
			found[p.Name] = s
			s.Disable("drill of " + p.Name)
		}
	}
	require.Len(t, found, 2)
	require.Same(t, h.Sandbox(), found["top"])
	for name, s := range found {
		require.Equal(t, "drill of "+name, s.State().Reason)
	}
	_, ok := r.Sandbox(99)
	require.False(t, ok)
	require.NoError(t, r.Close(t.Context()))
	_, ok = r.Sandbox(1)
	require.False(t, ok)
}
