// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// tagger is what some dependants need of a spur; a rack has no tag.
type tagger interface{ Tag() string }

type rack struct{ plugreg.NoClose }

func (*rack) Turn(n int) int { return n }

// needs returns p with requirements written as "name constraint".
func needs(p plugreg.Plugin[gear], reqs ...string) plugreg.Plugin[gear] {
	for _, req := range reqs {
		name, constraint, _ := strings.Cut(req, " ")
		p.Requires = append(p.Requires, plugreg.Requirement{Name: name, Constraint: constraint})
	}
	return p
}

// noted is a plugin whose beginning and end are in the journal.
func noted(j *journal, name, version string, reqs ...string) plugreg.Plugin[gear] {
	return needs(spurPlugin(name, version, func(context.Context, *plugreg.Env) (gear, error) {
		j.add("+%s@%s", name, version)
		return &spur{tag: name + "@" + version, close: func() error { j.add("-%s@%s", name, version); return nil }}, nil
	}), reqs...)
}

func TestDependencyOrder(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"handle", "registry"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := new(journal)
				r := gears(t, plugreg.Config{}, noted(j, "a", "1.0.0", "b", "c"), noted(j, "b", "1.0.0", "d", "c"), noted(j, "c", "1.0.0", "d"), noted(j, "d", "1.0.0"))
				h := mustOpen(t, r, "a")
				require.Equal(t, []string{"+d@1.0.0", "+c@1.0.0", "+b@1.0.0", "+a@1.0.0"}, j.take())
				if by == "handle" {
					require.NoError(t, h.Close(t.Context()))
					require.Equal(t, []string{"-a@1.0.0", "-b@1.0.0", "-c@1.0.0", "-d@1.0.0"}, j.take())
				}
				require.NoError(t, r.Close(t.Context()))
				if by == "registry" {
					require.Equal(t, []string{"-a@1.0.0", "-b@1.0.0", "-c@1.0.0", "-d@1.0.0"}, j.take())
				}
			})
		})
	}
}

// TestDependenciesGoInReverse has dependencies that do not require each other.
func TestDependenciesGoInReverse(t *testing.T) {
	t.Parallel()
	j := new(journal)
	r := gears(t, plugreg.Config{}, noted(j, "a", "1.0.0", "d", "b", "c"), noted(j, "b", "1.0.0"), noted(j, "c", "1.0.0"), noted(j, "d", "1.0.0"))
	require.NoError(t, mustOpen(t, r, "a").Close(t.Context()))
	require.Equal(t, []string{"+b@1.0.0", "+c@1.0.0", "+d@1.0.0", "+a@1.0.0", "-a@1.0.0", "-d@1.0.0", "-c@1.0.0", "-b@1.0.0"}, j.take())
	require.NoError(t, r.Close(t.Context()))
}

func TestSharedDependency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		r := gears(t, plugreg.Config{}, noted(j, "a", "1.0.0", "db"), noted(j, "b", "1.0.0", "db"), noted(j, "db", "1.0.0"))
		a, b := mustOpen(t, r, "a"), mustOpen(t, r, "b")
		own := mustOpen(t, r, "db")
		require.Equal(t, []string{"+db@1.0.0", "+a@1.0.0", "+b@1.0.0", "+db@1.0.0"}, j.take(), "dependants share one, the host has its own")
		mounts := r.Inspect().Plugins[2].Mounts
		require.Len(t, mounts, 2)
		require.True(t, mounts[0].Dependency)
		require.False(t, mounts[1].Dependency)
		d, err := r.Resolve("db", "")
		require.NoError(t, err)
		require.NoError(t, own.Close(t.Context()))
		require.NoError(t, a.Close(t.Context()))
		require.Equal(t, []string{"-db@1.0.0", "-a@1.0.0"}, j.take())
		require.ErrorIs(t, r.Unregister(d), plugreg.ErrMounted)
		require.NoError(t, b.Close(t.Context()))
		require.Equal(t, []string{"-b@1.0.0", "-db@1.0.0"}, j.take())
		a = mustOpen(t, r, "a")
		require.Equal(t, []string{"+db@1.0.0", "+a@1.0.0"}, j.take(), "the name is free again")
		require.NoError(t, a.Close(t.Context()))
		require.NoError(t, r.Unregister(d))
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestDependencyVersions(t *testing.T) {
	t.Parallel()
	j := new(journal)
	base := func() []plugreg.Plugin[gear] {
		return []plugreg.Plugin[gear]{noted(j, "db", "1.4.0"), noted(j, "db", "1.9.0"), noted(j, "db", "2.0.0"), noted(j, "db", "3.0.0-rc.1")}
	}
	for _, tt := range []struct {
		name string
		more []plugreg.Plugin[gear]
		want []string
		err  string
	}{
		{"the newest", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "db")}, []string{"+db@2.0.0", "+a@1.0.0"}, ""},
		{"in a range", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "db ^1")}, []string{"+db@1.9.0", "+a@1.0.0"}, ""},
		{"of two demands", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "db ^1", "z"), noted(j, "z", "1.0.0", "db <1.5")},
			[]string{"+db@1.4.0", "+z@1.0.0", "+a@1.0.0"}, ""},
		{"of three, some of them late", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "db", "y", "z"), noted(j, "y", "1.0.0", "db <2"), noted(j, "z", "1.0.0", "y", "db <1.9")},
			[]string{"+db@1.4.0", "+y@1.0.0", "+z@1.0.0", "+a@1.0.0"}, ""},
		{"where another version asks otherwise", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "y", "z"), noted(j, "y", "2.0.0"), noted(j, "y", "1.0.0", "db ^1"), noted(j, "z", "1.0.0", "y ^1")},
			[]string{"+db@1.9.0", "+y@1.0.0", "+z@1.0.0", "+a@1.0.0"}, ""},
		{"where demands of versions that were given up do not count", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "y", "z"), noted(j, "y", "1.2.0", "db ^2"),
			noted(j, "y", "1.1.0", "db ^1"), noted(j, "z", "1.0.0", "y <1.2")}, []string{"+db@1.9.0", "+y@1.1.0", "+z@1.0.0", "+a@1.0.0"}, ""},
		{"going back over three", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "x", "y"), noted(j, "x", "2.0.0", "db ^2"), noted(j, "x", "1.0.0", "db"),
			noted(j, "y", "1.0.0", "db <1.9")}, []string{"+db@1.4.0", "+x@1.0.0", "+y@1.0.0", "+a@1.0.0"}, ""},
		{"none for both", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "db ^1", "z"), noted(j, "z", "1.0.0", "db ^2")}, nil,
			`dependency a → z → db: dependency not satisfied: plugin "db": resolve: not found`},
		{"none at all", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "db ^9")}, nil, `dependency a → db: dependency not satisfied`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := gears(t, plugreg.Config{}, append(base(), tt.more...)...)
			_, err := r.Open(t.Context(), "a", "", nil)
			if tt.err != "" {
				require.ErrorIs(t, err, plugreg.ErrDependency)
				require.ErrorIs(t, err, plugreg.ErrNotFound)
				require.ErrorContains(t, err, tt.err)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, tt.want, j.take())
			require.NoError(t, r.Close(t.Context()))
			j.take()
		})
	}
	t.Run("who asked", func(t *testing.T) {
		r := gears(t, plugreg.Config{}, append(base(), noted(j, "a", "1.0.0", "db ^1", "z"), noted(j, "z", "1.1.0", "db ^2"))...)
		_, err := r.Open(t.Context(), "a", "", nil)
		require.ErrorContains(t, err, `(asked: "a" 1.0.0 wants "^1", "z" 1.1.0 wants "^2")`)
	})
}

func TestDependencyIsMounted(t *testing.T) {
	t.Parallel()
	j := new(journal)
	r := gears(t, plugreg.Config{}, noted(j, "db", "1.4.0"), noted(j, "db", "2.0.0"), noted(j, "old", "1.0.0", "db ^1"), noted(j, "any", "1.0.0", "db"),
		noted(j, "new", "1.0.0", "db ^2"), noted(j, "deep", "1.0.0", "new"))
	old := mustOpen(t, r, "old")
	mustOpen(t, r, "any") // takes what there is, although there is a newer one
	require.Equal(t, []string{"+db@1.4.0", "+old@1.0.0", "+any@1.0.0"}, j.take())
	for _, name := range []string{"new", "deep"} {
		_, err := r.Open(t.Context(), name, "", nil)
		require.ErrorIs(t, err, plugreg.ErrDependency)
		require.ErrorContains(t, err, `"db" 1.4.0 is mounted for another dependant, but "new" 1.0.0 wants "^2"`)
		require.ErrorContains(t, err, "close that dependant first")
	}
	require.Empty(t, j.take(), "nothing was built")
	require.NoError(t, old.Close(t.Context()))
	require.NoError(t, r.Close(t.Context()))
}

func TestDependencyFaults(t *testing.T) {
	t.Parallel()
	j := new(journal)
	racks := plugreg.Plugin[gear]{Name: "rack", Version: "1.2.0", Prototype: (*rack)(nil), New: func(context.Context, *plugreg.Env) (gear, error) { j.add("+rack"); return &rack{}, nil }}
	for _, tt := range []struct {
		name string
		ps   []plugreg.Plugin[gear]
		want []string
		is   error
	}{
		{"missing", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "b"), noted(j, "b", "1.0.0", "cahce"), noted(j, "cache", "1.0.0")},
			[]string{`plugin "a" 1.0.0: dependency a → b → cahce: `, `plugin "cahce": resolve: not found`, `did you mean "cache"?`}, plugreg.ErrNotFound},
		{"a circle", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "b"), noted(j, "b", "1.0.0", "c"), noted(j, "c", "1.0.0", "a")},
			[]string{"dependency a → b → c → a: ", "a cycle"}, nil},
		{"a circle beside the root", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "b"), noted(j, "b", "1.0.0", "c"), noted(j, "c", "1.0.0", "b")},
			[]string{"dependency a → b → c → b: ", "a cycle"}, nil},
		{"another interface", []plugreg.Plugin[gear]{noted(j, "a", "1.0.0", "b"), tagged(noted(j, "b", "1.0.0"), "rack"), racks},
			[]string{"dependency a → b → rack: ", `"rack" 1.2.0 is a *plugreg_test.rack`, "want Tag() string, have nothing of that name"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := gears(t, plugreg.Config{}, tt.ps...)
			_, err := r.Open(t.Context(), "a", "", nil)
			require.ErrorIs(t, err, plugreg.ErrDependency)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			require.Empty(t, j.take(), "found before anything is built")
			require.NoError(t, r.Close(t.Context()))
		})
	}
}

// TestManyWaysToOne plans layers that all require all of the next: planning must not go all ways, of which there are too many.
func TestManyWaysToOne(t *testing.T) {
	t.Parallel()
	const layers = 40
	j := new(journal)
	r := gears(t, plugreg.Config{})
	for i := range layers {
		var reqs []string
		if i+1 < layers {
			reqs = []string{fmt.Sprintf("left%02d", i+1), fmt.Sprintf("right%02d", i+1)}
		}
		r.MustRegister(noted(j, fmt.Sprintf("left%02d", i), "1.0.0", reqs...))
		r.MustRegister(noted(j, fmt.Sprintf("right%02d", i), "1.0.0", reqs...))
	}
	h := mustOpen(t, r, "left00")
	require.Len(t, j.take(), 2*layers-1)
	require.NoError(t, h.Close(t.Context()))
	require.Len(t, j.take(), 2*layers-1)
	require.NoError(t, r.Close(t.Context()))
}

func TestRequire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var db *plugreg.Handle[tagger]
		opt := plugreg.Requirement{Name: "opt", Optional: true}
		p := needs(spurPlugin("a", "1.0.0", func(ctx context.Context, env *plugreg.Env) (gear, error) {
			var err error
			db, err = plugreg.Require[tagger](env, "db")
			require.NoError(t, err)
			again, err := plugreg.Require[tagger](env, "db")
			require.NoError(t, err)
			require.Same(t, db, again)
			tag, err := plugreg.Call(ctx, db, func(_ context.Context, g tagger) (string, error) { return g.Tag(), nil })
			require.NoError(t, err)
			require.Equal(t, "db@1.0.0", tag)

			_, err = plugreg.Require[gear](env, "bd")
			require.ErrorIs(t, err, plugreg.ErrDependency)
			require.ErrorContains(t, err, `plugin "a" 1.0.0: Requires["bd"]`)
			require.ErrorContains(t, err, `the list is ["db" "opt"]`)
			_, err = plugreg.Require[io.Reader](env, "db")
			require.ErrorIs(t, err, plugreg.ErrDependency)
			require.ErrorIs(t, err, plugreg.ErrContract)
			require.ErrorContains(t, err, "want Read([]uint8) (int, error), have nothing of that name")
			_, err = plugreg.Require[gear](env, "opt")
			if err != nil {
				require.ErrorIs(t, err, plugreg.ErrNotFound)
				return &spur{tag: "without"}, nil
			}
			return &spur{tag: "with"}, nil
		}), "db")
		p.Requires = append(p.Requires, opt)
		r := gears(t, plugreg.Config{}, p, spurPlugin("db", "1.0.0", nil))
		tag := func() string {
			h := mustOpen(t, r, "a")
			lease, err := h.Acquire(t.Context())
			require.NoError(t, err)
			defer func() { require.NoError(t, h.Close(t.Context())) }()
			defer lease.Release()
			require.NoError(t, db.Close(t.Context()), "a view is nobody's to close")
			require.NoError(t, db.Do(t.Context(), func(context.Context, tagger) error { return nil }), "it outlives New")
			return lease.Value().(tagger).Tag()
		}
		require.Equal(t, "without", tag())
		require.ErrorIs(t, db.Do(t.Context(), nil), plugreg.ErrClosed, "it ended with its last dependant")
		r.MustRegister(spurPlugin("opt", "0.1.0", nil))
		require.Equal(t, "with", tag())
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestDependencySettings(t *testing.T) {
	t.Parallel()
	settings := map[string]map[string]any{"db": {"Teeth": 12}}
	type options struct{ Teeth int }
	var got []int
	db := plugreg.Configured(spurPlugin("db", "1.0.0", nil), options{8}, func(_ context.Context, _ *plugreg.Env, o options) (gear, error) {
		got = append(got, o.Teeth)
		return &spur{}, nil
	})
	r := gears(t, plugreg.Config{Settings: settings}, db, needs(spurPlugin("a", "1.0.0", nil), "db"))
	settings["db"]["Teeth"] = 99
	mustOpen(t, r, "a")
	mustOpen(t, r, "db")
	require.Equal(t, []int{12, 8}, got, "those of a host's own mount are what it gives to Open")
	require.NoError(t, r.Close(t.Context()))
}

func TestDependencyOfAnotherRegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		far := gears(t, plugreg.Config{Name: "far"}, noted(j, "db", "1.0.0", "log"), noted(j, "log", "1.0.0", "disk"),
			noted(j, "disk", "1.0.0"), noted(j, "a", "7.0.0"), noted(j, "back", "1.0.0", "a"))
		farther := gears(t, plugreg.Config{Name: "farther"}, noted(j, "db", "2.0.0"), noted(j, "only", "1.0.0"))
		near := gears(t, plugreg.Config{Name: "near", Imports: []plugreg.Source{far, farther}}, noted(j, "a", "1.0.0", "db", "only"), noted(j, "b", "1.0.0", "back"), noted(j, "c", "1.0.0", "nothing"))
		a := mustOpen(t, near, "a")
		require.Equal(t, []string{"+disk@1.0.0", "+log@1.0.0", "+db@1.0.0", "+only@1.0.0", "+a@1.0.0"}, j.take(), "the first import that has it")
		b := mustOpen(t, near, "b")
		require.Equal(t, []string{"+a@7.0.0", "+back@1.0.0", "+b@1.0.0"}, j.take(), "far's own a closes no circle")
		_, err := near.Open(t.Context(), "c", "", nil)
		require.ErrorIs(t, err, plugreg.ErrNotFound)
		require.NoError(t, b.Close(t.Context()))
		j.take()

		<-time.After(time.Second)
		require.NoError(t, far.Close(t.Context()))
		require.Equal(t, []string{"-db@1.0.0", "-log@1.0.0", "-disk@1.0.0"}, j.take(), "in order, though near still uses them")
		_, err = near.Open(t.Context(), "a", "", nil)
		require.ErrorIs(t, err, plugreg.ErrClosed)
		require.NoError(t, a.Close(t.Context()))
		require.Equal(t, []string{"-a@1.0.0", "-only@1.0.0"}, j.take())
		require.NoError(t, near.Close(t.Context()))
		require.NoError(t, farther.Close(t.Context()))
	})
}
