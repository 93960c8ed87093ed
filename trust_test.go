// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// trLevel is a type of settings that reads its own text, and counts how often.
type trLevel int

var trRead atomic.Int64

func (l *trLevel) UnmarshalText(text []byte) error {
	trRead.Add(1)
	*l = trLevel(len(text))
	return nil
}

// trSettings have every kind of thing that a copy could share with the registry.
type trSettings struct {
	Level trLevel `json:"level" plugreg:"default=high,alias=lvl,alias=height"`
	Next  *trSettings
}

// trPlugin notes when its code runs.
func trPlugin(j *journal, name string, requires ...string) plugreg.Plugin[io.Closer] {
	p := closerPlugin(name, "1.0.0", (*closer)(nil))
	p.Config, p.Uses = trSettings{}, []string{"cache:" + name, "disk"}
	p.Data, p.Exports = []any{nbSize{}}, map[string]any{"run": func(trSettings) {}}
	for _, r := range requires {
		p.Requires = append(p.Requires, plugreg.Requirement{Name: r, Constraint: "^1", As: (*io.Closer)(nil)})
	}
	p.New = func(context.Context, *plugreg.Env) (io.Closer, error) {
		j.add("new %s", name)
		return new(closer), nil
	}
	return p
}

func TestTrustSeesTheContractOfAllThatIsBuilt(t *testing.T) {
	t.Parallel()
	j, seen := new(journal), map[string]string{}
	trust := func(of string) func(plugreg.Contract) error {
		return func(c plugreg.Contract) error {
			text, err := c.MarshalJSON()
			j.add("trust %s of %s", c.Name, of)
			seen[c.Name] = string(text)
			scribble(c)
			return err
		}
	}
	store := nbRegistry(t, plugreg.Config{Trust: trust("store")})
	r := nbRegistry(t, plugreg.Config{Trust: trust("main"), Imports: []plugreg.Source{store}})
	keys := map[string]plugreg.TypeDescriptor{"db": store.MustRegister(trPlugin(j, "db"))}
	for _, p := range []plugreg.Plugin[io.Closer]{trPlugin(j, "api", "cache", "db"), trPlugin(j, "cache", "disk"), trPlugin(j, "disk")} {
		keys[p.Name] = r.MustRegister(p)
	}
	for range 3 { // what it did to its copies harms nothing
		clear(seen)
		h, err := r.Open(t.Context(), "api", "", nil)
		require.NoError(t, err)
		require.Equal(t, []string{"trust api of main", "trust cache of main", "trust db of store", "trust disk of main", "new disk", "new cache", "new db", "new api"}, j.take())
		require.Len(t, seen, len(keys))
		for name, key := range keys {
			c, ok := r.Contract(key)
			if name == "db" {
				c, ok = store.Contract(key)
			}
			require.True(t, ok)
			text, err := c.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, string(text), seen[name])
		}
		require.NoError(t, h.Close(t.Context()))
	}
}

func TestTrustGetsAnEqualContract(t *testing.T) {
	t.Parallel()
	var shown []plugreg.Contract
	r := nbRegistry(t, plugreg.Config{Trust: func(c plugreg.Contract) error { shown = append(shown, c); return nil }})
	plain, rich := r.MustRegister(closerPlugin("plain", "1.0.0", (*closer)(nil))), r.MustRegister(trPlugin(new(journal), "rich", "plain"))
	_, err := r.Open(t.Context(), "rich", "", nil)
	require.NoError(t, err)
	require.Len(t, shown, 2)
	for i, key := range []plugreg.TypeDescriptor{rich, plain} {
		c, ok := r.Contract(key)
		require.True(t, ok)
		require.Equal(t, c, shown[i])
		require.Equal(t, c.Digest(), shown[i].Digest())
	}
}

// Reading a default is code of the plugin: it runs when the plugin is registered, and not for Trust.
func TestTrustRunsNoCodeOfThePlugin(t *testing.T) {
	j := new(journal)
	for name, cfg := range map[string]plugreg.Config{
		"none":    {},
		"trusts":  {Trust: func(plugreg.Contract) error { return nil }},
		"refuses": {Trust: func(plugreg.Contract) error { return errTooth }},
	} {
		r := nbRegistry(t, cfg)
		before := trRead.Load()
		r.MustRegister(trPlugin(j, "api", "db"))
		r.MustRegister(trPlugin(j, "db"))
		registered := trRead.Load()
		require.Greater(t, registered, before)
		_, err := r.Open(t.Context(), "api", "", nil)
		require.Equal(t, registered, trRead.Load(), name)
		if name != "refuses" {
			require.NoError(t, err)
			require.Equal(t, []string{"new db", "new api"}, j.take())
			continue
		}
		require.ErrorIs(t, err, plugreg.ErrUntrusted)
		require.ErrorIs(t, err, errTooth)
		require.Empty(t, j.take())
	}
}

// Discover asks too, and shows copies.
func TestTrustIsAskedByDiscover(t *testing.T) {
	t.Parallel()
	var asked []string
	r := nbRegistry(t, plugreg.Config{Trust: func(c plugreg.Contract) error {
		asked = append(asked, c.Name)
		scribble(c)
		if c.Name == "b" {
			return errTooth
		}
		return nil
	}})
	for _, name := range []string{"a", "b", "c"} {
		r.MustRegister(trPlugin(new(journal), name))
	}
	for range 2 {
		found, err := plugreg.Discover[io.Closer](t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "c"}, []string{found[0].Name, found[1].Name})
		require.Equal(t, []string{"a", "b", "c"}, asked)
		asked = nil
	}
}

// A patch, an unregistration or a replacement does not change what Trust sees of the others.
func TestTrustSeesWhatIsOpened(t *testing.T) {
	t.Parallel()
	var seen []string
	r := nbRegistry(t, plugreg.Config{Duplicates: plugreg.Replace, Trust: func(c plugreg.Contract) error {
		seen = append(seen, c.Version)
		return nil
	}})
	for _, version := range []string{"1.0.0", "1.1.0", "1.1.1", "2.0.0", "1.1.0"} {
		r.MustRegister(closerPlugin("acme", version, (*closer)(nil)))
	}
	for _, constraint := range []string{"~1.0", "=1.1.0", "^1", ""} {
		_, err := r.Open(t.Context(), "acme", constraint, nil)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"1.0.0", "1.1.0", "1.1.1", "2.0.0"}, seen)
}

func TestHistory(t *testing.T) {
	t.Parallel()
	r := nbRegistry(t, plugreg.Config{Duplicates: plugreg.Replace})
	require.Nil(t, r.History("acme"))
	require.Nil(t, r.History(""))
	texts := []string{"2.0.0 B", "1.10.0 A", "1.2.0", "1.2.0-rc.1", "1.0.0+build"}
	var keys []plugreg.TypeDescriptor
	for _, p := range nbPlugins(texts...) {
		keys = append(keys, r.MustRegister(p))
	}
	r.MustRegister(closerPlugin("acme.other", "3.0.0", (*closer)(nil)))
	want := []string{"1.0.0+build", "1.2.0-rc.1", "1.2.0", "1.10.0", "2.0.0"}
	check := func(why string) {
		t.Helper()
		all := r.History("acme")
		require.Len(t, all, len(want), why)
		for i, c := range all {
			require.Equal(t, want[i], c.Version, why)
			have, ok := r.Contract(keys[slices.IndexFunc(texts, func(s string) bool { return nbPlugin(s).Version == c.Version })])
			require.True(t, ok, why)
			require.Equal(t, have, c, why)
		}
	}
	check("all")
	for _, c := range r.History("acme") {
		scribble(c)
	}
	check("these were copies")
	require.NoError(t, r.Unregister(keys[1]))
	check("it was registered once")
	r.MustRegister(nbPlugin(texts[1]))
	check("it is again")
	_, err := r.Register(nbPlugin("1.3.0 B"))
	require.ErrorIs(t, err, plugreg.ErrContract)
	check("one was refused")
	r.Seal()
	for _, key := range keys {
		require.ErrorIs(t, r.Unregister(key), plugreg.ErrSealed)
	}
	require.NoError(t, r.Close(t.Context()))
	check("after Close")
}

// What a snapshot does not have is not built, nor is anything once it expired.
func TestTrustOfASnapshot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looked := plugreg.MustNew[io.Closer](plugreg.Config{SnapshotTTL: time.Hour})
		j := new(journal)
		for _, p := range []plugreg.Plugin[io.Closer]{trPlugin(j, "api", "db"), trPlugin(j, "db"), trPlugin(j, "web", "disk")} {
			looked.MustRegister(p)
		}
		r := plugreg.MustNew[io.Closer](plugreg.Config{Trust: plugreg.TrustSnapshot(looked.Snapshot())})
		for _, name := range []string{"db", "disk"} {
			r.MustRegister(trPlugin(j, name))
		}
		r.MustRegister(trPlugin(j, "api", "db"))
		r.MustRegister(trPlugin(j, "web", "disk"))
		patch := trPlugin(j, "db")
		patch.Version = "1.0.1"

		h, err := r.Open(t.Context(), "api", "", nil)
		require.NoError(t, err)
		require.Equal(t, []string{"new db", "new api"}, j.take())
		require.NoError(t, h.Close(t.Context()))
		_, err = r.Open(t.Context(), "web", "", nil)
		require.ErrorIs(t, err, plugreg.ErrUntrusted)
		require.ErrorContains(t, err, `dependency "disk"`)
		r.MustRegister(patch)
		_, err = r.Open(t.Context(), "api", "", nil)
		require.ErrorIs(t, err, plugreg.ErrUntrusted, "the newest is not one that was looked at")
		require.ErrorContains(t, err, `"db" 1.0.1`)
		h, err = r.Open(t.Context(), "db", "=1.0.0", nil)
		require.NoError(t, err)
		require.NoError(t, h.Close(t.Context()))
		require.Equal(t, []string{"new db"}, j.take())

		<-time.After(time.Hour)
		_, err = r.Open(t.Context(), "db", "=1.0.0", nil)
		require.ErrorIs(t, err, plugreg.ErrUntrusted)
		require.ErrorContains(t, err, "expired")
		require.Empty(t, j.take())
		require.NoError(t, r.Close(t.Context()))
		require.NoError(t, looked.Close(t.Context()))
	})
}
