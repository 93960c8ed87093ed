// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type drawer struct{ NoClose }

func drawerPlugin(name, version string) Plugin[io.Closer] {
	return Plugin[io.Closer]{Name: name, Version: version, Prototype: (*drawer)(nil),
		New: func(context.Context, *Env) (io.Closer, error) { return new(drawer), nil }}
}

func TestResolveCacheIsBounded(t *testing.T) {
	t.Parallel()
	r := MustNew[io.Closer](Config{})
	d := r.MustRegister(drawerPlugin("acme", "1.0.0"))
	for i := range 10_000 {
		got, err := r.Resolve("acme", fmt.Sprintf("^1 || =2.0.%d", i))
		require.NoError(t, err)
		require.Equal(t, d, got)
		require.LessOrEqual(t, r.core.resolved.Len(), resolveBound)
	}
	require.NotZero(t, r.core.resolved.Len())
	for i := range 10_000 {
		_, err := r.Resolve(fmt.Sprint("unknown", i), "")
		require.ErrorIs(t, err, ErrNotFound)
		_, err = r.Resolve("acme", fmt.Sprintf("=9.0.%d", i))
		require.ErrorIs(t, err, ErrNotFound)
	}
	require.LessOrEqual(t, r.core.resolved.Len(), resolveBound, "what is not found is not remembered")
}

// Two contracts whose digests begin alike cannot be made by hand, so the entry is altered after it was described.
func TestHashCollisionIsReported(t *testing.T) {
	t.Parallel()
	r := MustNew[io.Closer](Config{})
	d := r.MustRegister(drawerPlugin("acme", "1.0.0"))
	p := drawerPlugin("other", "1.0.0")
	e, err := r.describe(&p, caller())
	require.NoError(t, err)
	e.desc = d
	err = r.core.commit(e)
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, `plugin "other" 1.0.0: register: invalid`)
	require.ErrorContains(t, err, `of "acme" 1.0.0`)
	require.ErrorContains(t, err, "collide")
	build, ok := r.Lookup(d)
	require.True(t, ok)
	require.NotNil(t, build)
	_, err = r.Resolve("other", "")
	require.ErrorIs(t, err, ErrNotFound)

	require.NoError(t, r.Unregister(d))
	require.ErrorContains(t, r.core.commit(e), "collide", "a tombstone keeps its key")

	batch := MustNew[io.Closer](Config{})
	p = drawerPlugin("acme", "1.0.0")
	first, err := batch.describe(&p, caller())
	require.NoError(t, err)
	require.ErrorContains(t, batch.core.commit(first, e), `"acme" 1.0.0`)
	_, ok = batch.Lookup(d)
	require.False(t, ok, "none of them is registered")
}

func TestClipKeepsUTF8(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		s    string
		most int
		want string
	}{{"", 0, ""}, {"abc", 3, "abc"}, {"abc", 2, "ab…"}, {"aöb", 2, "a…"}, {"aöb", 3, "aö…"}, {"€€", 5, "€…"}, {"€", 1, "…"}, {"\x80\x80", 1, "…"}} {
		require.Equal(t, tt.want, clip(tt.s, tt.most), "%q", tt.s)
	}
}

type (
	sealedLid interface {
		Lift() int
		seal()
	}
	lid      struct{ drawer }
	openLid  struct{ drawer }
	heavyLid struct{ drawer }
)

func (lid) Lift() int      { return 1 }
func (lid) seal()          {}
func (*openLid) Lift() int { return 1 }
func (*heavyLid) Lift(int) {}

func TestMissingMethods(t *testing.T) {
	t.Parallel()
	sealed := reflect.TypeFor[sealedLid]()
	for _, tt := range []struct {
		name string
		t    reflect.Type
		want []string
	}{
		{"nothing", reflect.TypeFor[lid](), nil},
		{"nothing of a pointer", reflect.TypeFor[*lid](), nil},
		{"the seal", reflect.TypeFor[*openLid](), []string{`want seal(), which only package "github.com/plugreg/plugreg" can declare`}},
		{"a pointer", reflect.TypeFor[openLid](), []string{"want Lift() int, have it with a pointer receiver: pass a pointer"}},
		{"a pointer and another signature", reflect.TypeFor[heavyLid](), []string{"want Lift() int, have Lift(int) with a pointer receiver"}},
		{"another signature", reflect.TypeFor[*heavyLid](), []string{"want Lift() int, have Lift(int)"}},
		{"all", reflect.TypeFor[int](), []string{"want Lift() int, have nothing of that name"}},
		{"all of a pointer to a pointer", reflect.TypeFor[**lid](), []string{"want Lift() int, have nothing of that name"}},
	} {
		require.Equal(t, tt.want, missing(tt.t, sealed), tt.name)
		require.Equal(t, strings.Join(tt.want, "; "), lacks(tt.t, sealed), tt.name)
	}
	require.Equal(t, "it is no github.com/plugreg/plugreg.drawer", lacks(reflect.TypeFor[lid](), reflect.TypeFor[drawer]()))
}
