// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func registerVersions(t testing.TB, r *plugreg.Registry[library], name string, versions ...string) {
	t.Helper()
	for _, v := range versions {
		_, err := r.Register(shelfPlugin(name, v))
		require.NoError(t, err)
	}
}

// resolved is the version that Resolve answers with, or the error's text.
func resolved(r *plugreg.Registry[library], name, constraint string) string {
	d, err := r.Resolve(name, constraint)
	if err != nil {
		return err.Error()
	}
	c, ok := r.Contract(d)
	if !ok {
		return "a descriptor of nothing"
	}
	return c.Version
}

func TestResolveTakesTheNewestThatSatisfies(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.10.0", "1.2.0", "1.9.9", "0.3.1", "2.0.0-rc.1", "2.0.0-rc.10", "2.0.0-rc.9", "1.2.5+build", "3.0.0-alpha")
	for constraint, want := range map[string]string{
		"": "1.10.0", " ": "1.10.0", "*": "1.10.0", "x": "1.10.0", ">=0": "1.10.0", ">=1.0.0-0": "1.10.0",
		"^1.2": "1.10.0", "~1.2": "1.2.5+build", "1.2.x": "1.2.5+build", "1.2.5": "1.2.5+build", "=1.2.5+other": "1.2.5+build", "<1.10": "1.9.9",
		"!=1.10.0": "1.9.9", "1.2 - 1.9": "1.9.9", "^0.3": "0.3.1", "^0.3 || ^1": "1.10.0", ">1.2, <1.9.9 || 0.3.x": "0.3.1",
		"2.0.0-rc.1": "2.0.0-rc.1", "^2.0.0-0": "2.0.0-rc.10", ">=2.0.0-rc.1, <2.0.0-rc.10": "2.0.0-rc.9", "~2.0.0-rc.9": "2.0.0-rc.10",
		"v1.2.0": "1.2.0", "^3.0.0-alpha": "3.0.0-alpha",
	} {
		require.Equal(t, want, resolved(r, "acme", constraint), "%q", constraint)
		require.Equal(t, want, resolved(r, "acme", constraint), "%q, warm", constraint)
	}
	for _, constraint := range []string{">=2", "^2", "2.x", "<0.3.1", ">2.0.0-rc.10 <2.0.0", "^2.0.1-0", "~1.3", "1.2.1"} {
		_, err := r.Resolve("acme", constraint)
		require.ErrorIs(t, err, plugreg.ErrNotFound, "%q", constraint)
		require.Equal(t, "NOT_FOUND", plugreg.CodeOf(err))
	}
}

func TestPreReleasesAloneAreNoAnswer(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0-alpha", "2.0.0-alpha")
	for _, constraint := range []string{"", "*", ">=0.1", "<2", "<2.0.0", "^1", "!=1.0.0-alpha"} {
		_, err := r.Resolve("acme", constraint)
		require.ErrorIs(t, err, plugreg.ErrNotFound, "%q", constraint)
	}
	require.Equal(t, "1.0.0-alpha", resolved(r, "acme", "^1.0.0-0"))
}

func TestOrderOfRegistrationHasNoEffect(t *testing.T) {
	t.Parallel()
	for seed := range 20 {
		rng := seeded(seed)
		versions := map[string]bool{}
		for range 12 {
			v := fmt.Sprintf("%d.%d.%d", rng.IntN(3), rng.IntN(3), rng.IntN(3))
			if rng.IntN(3) == 0 {
				v += [...]string{"-a", "-rc.2", "-rc.11"}[rng.IntN(3)]
			}
			versions[v] = true
		}
		list := make([]string, 0, len(versions))
		for v := range versions {
			list = append(list, v)
		}
		constraints := []string{"", "^0", "^1", "^2", "~1.1", ">=1.0.0-0 <2", "1.0.0-rc.2", "<1 || >2", "!=2", "^9"}
		var want []string
		for range 4 {
			rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			r := newLibraries(t, plugreg.Config{})
			registerVersions(t, r, "acme", list...)
			got := listed(r)
			for _, c := range constraints {
				got = append(got, resolved(r, "acme", c))
			}
			if want == nil {
				want = got
			}
			require.Equal(t, want, got, "%q", list)
		}
	}
}

func TestResolveExplainsWhyNone(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{Name: "shelves"})
	text := resolved(r, "acme", "")
	require.Contains(t, text, `plugin "acme": resolve: not found`)
	require.Contains(t, text, `have no plugin at all in registry "shelves"`)
	registerVersions(t, r, "acme", "1.0.0", "2.0.0-rc.1")
	for constraint, want := range map[string][]string{
		"^1.2":      {`want a version that satisfies "^1.2"`, "1.0.0 is below ^1.2", "2.0.0-rc.1 is above ^1.2"},
		"<1":        {`want a version that satisfies "<1"`, "1.0.0 is above <1"},
		">=1.5":     {"2.0.0-rc.1 is a pre-release that the constraint does not name", "1.0.0 is below >=1.5"},
		"!=1.0":     {"1.0.0 is excluded by !=1.0"},
		"0.1 || ^2": {"1.0.0 is above 0.1 and is below ^2"},
	} {
		text := resolved(r, "acme", constraint)
		for _, part := range append(want, `plugin "acme": resolve: not found`) {
			require.Contains(t, text, part, "%q", constraint)
		}
	}
	registerVersions(t, r, "many", "1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0", "1.7.0")
	text = resolved(r, "many", "^2")
	require.Contains(t, text, "1.7.0 is below ^2; 1.6.0 is below ^2")
	require.Contains(t, text, "1.3.0 is below ^2; and 3 older versions")
	require.NotContains(t, text, "1.2.0")
}

func TestResolveNamesWhatWasMeant(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme.cloudwatch", "1.0.0")
	registerVersions(t, r, "acme.prometheus", "1.0.0")
	for name, want := range map[string]string{
		"acme.cloudwacth": `did you mean "acme.cloudwatch"?`,
		"Acme.CloudWatch": `did you mean "acme.cloudwatch"?`,
		"acme.promtheus":  `did you mean "acme.prometheus"?`,
		"zzz":             `have ["acme.cloudwatch" "acme.prometheus"]`,
		"":                `have ["acme.cloudwatch" "acme.prometheus"]`,
	} {
		_, err := r.Resolve(name, "")
		require.ErrorIs(t, err, plugreg.ErrNotFound)
		require.ErrorContains(t, err, want)
	}
	for i := range 20 {
		registerVersions(t, r, fmt.Sprintf("p%02d", i), "1.0.0")
	}
	_, err := r.Resolve("zzz", "")
	require.ErrorContains(t, err, `"p05"] and 14 more`)
	long := strings.Repeat("x", 100_000)
	_, err = r.Resolve(long, "")
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.Less(t, len(err.Error()), 1000, "what is asked for is not repeated at length")
}

func TestResolveRejectsAConstraint(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	registerVersions(t, r, "acme", "1.0.0")
	for constraint, want := range map[string]string{
		"zz": `constraint "zz"`, "^": `no version behind "^"`, "1 ||": `nothing on one side of "||"`, "=>1": `"=>1"`, "^1.02": "leading zero", "1.*.3": "only wildcards may follow",
		"^70000": "above the limit 65535", strings.Repeat("1 || ", 40) + "1": "limit 32", strings.Repeat(" ", 513): "limit 512", "1\n": `"1\n"`, "1.2.3-": "pre-release",
	} {
		for _, name := range []string{"acme", "unknown"} {
			_, err := r.Resolve(name, constraint)
			require.ErrorIs(t, err, plugreg.ErrInvalid, "%q", constraint)
			require.NotErrorIs(t, err, plugreg.ErrNotFound)
			require.ErrorContains(t, err, want)
			e := rejections(err)[0]
			require.Equal(t, "constraint", e.Field)
			require.Equal(t, name, e.Plugin)
			_, err = r.Open(context.Background(), name, constraint, nil)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
		}
	}
}

func TestResolveHasNoStaleAnswer(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{Duplicates: plugreg.Replace})
	requireAll := func(any, one string) {
		t.Helper()
		for range 5 { // cold, then warm
			require.Equal(t, any, resolved(r, "acme", ""))
			require.Equal(t, one, resolved(r, "acme", "^1"))
		}
	}
	missing := `plugin "acme": resolve: not found`
	requireMissing := func() {
		t.Helper()
		require.Contains(t, resolved(r, "acme", ""), missing)
	}
	requireMissing()
	first := r.MustRegister(shelfPlugin("acme", "1.0.0"))
	requireAll("1.0.0", "1.0.0")
	second := r.MustRegister(shelfPlugin("acme", "2.0.0"))
	requireAll("2.0.0", "1.0.0")
	registerVersions(t, r, "acme", "1.5.0")
	requireAll("2.0.0", "1.5.0")
	require.NoError(t, r.Unregister(second))
	requireAll("1.5.0", "1.5.0")
	registerVersions(t, r, "acme", "1.0.0", "1.5.0") // replaced: the same answer
	requireAll("1.5.0", "1.5.0")
	_, err := r.RegisterAll(shelfPlugin("acme", "2.0.0"), shelfPlugin("acme", "1.6.0"), shelfPlugin("other", "9.0.0"))
	require.NoError(t, err)
	requireAll("2.0.0", "1.6.0")
	for d, info := range r.Plugins() {
		if info.Name == "acme" {
			require.NoError(t, r.Unregister(d))
		}
	}
	requireMissing()
	require.Equal(t, first, r.MustRegister(shelfPlugin("acme", "1.0.0")), "a tombstone came back")
	requireAll("1.0.0", "1.0.0")
	r.Seal()
	requireAll("1.0.0", "1.0.0")
}

func TestLookupsDoNotAllocate(t *testing.T) {
	for _, n := range []int{1, 127, 3000} {
		r := newLibraries(t, plugreg.Config{})
		ds := make([]plugreg.TypeDescriptor, n)
		for i := range ds {
			ds[i] = r.MustRegister(shelfPlugin(fmt.Sprint("p", i), "1.0.0"))
		}
		for range n { // until all is promoted
			_, ok := r.Lookup(ds[0])
			require.True(t, ok)
			_, ok = r.Lookup(plugreg.TypeDescriptor{})
			require.False(t, ok)
			require.Equal(t, "1.0.0", resolved(r, "p0", "^1"))
		}
		i, ok, err := 0, true, error(nil)
		for name, look := range map[string]func(){
			"Lookup":         func() { _, found := r.Lookup(ds[i%n]); ok = ok && found; i++ },
			"Lookup, a miss": func() { _, found := r.Lookup(plugreg.TypeDescriptor{}); ok = ok && !found },
			"Resolve":        func() { _, err = r.Resolve("p0", "^1") },
		} {
			require.Zero(t, testing.AllocsPerRun(200, look), "%s of %d", name, n)
		}
		require.True(t, ok)
		require.NoError(t, err)
	}
}

// What ends a series of registrations leaves nothing to do for the look-ups that follow, the first included.
func TestLookupsDoNotPayForThePublication(t *testing.T) {
	const n, table = 1000, 1000 * 40 // bytes that the published form takes at least
	for name, publish := range map[string]func(r *plugreg.Registry[library]){
		"Seal": func(r *plugreg.Registry[library]) { r.Seal() },
		"Open": func(r *plugreg.Registry[library]) { openLibrary(t, r, "p0") },
		"RegisterAll": func(r *plugreg.Registry[library]) {
			_, _ = r.RegisterAll(shelfPlugin("x", "1.0.0"), shelfPlugin("y", "1.0.0"))
		},
		"nothing": func(*plugreg.Registry[library]) {},
	} {
		r := newLibraries(t, plugreg.Config{})
		ds := make([]plugreg.TypeDescriptor, n)
		for i := range ds {
			ds[i] = r.MustRegister(shelfPlugin(fmt.Sprint("p", i), "1.0.0"))
		}
		publish(r)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, d := range ds {
			_, _ = r.Lookup(d)
		}
		runtime.ReadMemStats(&after)
		require.Equal(t, name == "nothing", after.TotalAlloc-before.TotalAlloc > table, name)
	}
}

func TestConstructorIsUsableByHand(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	var events []string
	p := plugreg.Configured(shelfPlugin("acme", "1.0.0"), struct{ Room string }{"default"},
		func(_ context.Context, env *plugreg.Env, cfg struct{ Room string }) (library, error) {
			env.Go(func(ctx context.Context) { <-ctx.Done() })
			env.OnClose(func() error { events = append(events, "closed"); return nil })
			env.Logger().Info("discarded")
			_, err := plugreg.Require[library](env, "other")
			require.ErrorIs(t, err, plugreg.ErrDependency)
			return &shelf{room: env.Name() + env.Version() + cfg.Room}, nil
		})
	build, ok := r.Lookup(r.MustRegister(p))
	require.True(t, ok)
	env := new(plugreg.Env)
	made, err := build(context.Background(), env)
	require.NoError(t, err)
	require.Equal(t, &shelf{room: "default"}, made)
	require.NoError(t, made.Close())
	require.NoError(t, env.Close(context.Background()))
	require.Equal(t, []string{"closed"}, events)
	require.Error(t, env.Context().Err())
}
