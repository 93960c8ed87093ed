// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/internal/fixture/patchv1"
	"github.com/plugreg/plugreg/internal/fixture/patchv2"
)

// The types of neighbours: a step between two of them adds to or takes from what a plugin can do.
type (
	nbNone struct{ plugreg.NoClose }
	nbA    struct{ plugreg.NoClose }
	nbB    struct{ plugreg.NoClose }
	nbAB   struct{ plugreg.NoClose }
)

func (*nbA) A()  {}
func (*nbB) B()  {}
func (*nbAB) A() {}
func (*nbAB) B() {}

var nbTypes = map[string]io.Closer{"": (*nbNone)(nil), "A": (*nbA)(nil), "B": (*nbB)(nil), "AB": (*nbAB)(nil)}

// nbPlugin is the plugin that text stands for: a version, then what it can do.
func nbPlugin(text string) plugreg.Plugin[io.Closer] {
	version, can, _ := strings.Cut(text, " ")
	return closerPlugin("acme", version, nbTypes[can])
}

func nbPlugins(texts ...string) (ps []plugreg.Plugin[io.Closer]) {
	for _, text := range texts {
		ps = append(ps, nbPlugin(text))
	}
	return ps
}

// nbRegistry returns a registry of closers that is closed with the test.
func nbRegistry(t testing.TB, cfg plugreg.Config) *plugreg.Registry[io.Closer] {
	t.Helper()
	r, err := plugreg.New[io.Closer](cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
	return r
}

// nbPairs are the pairs that an error of registration is about, as "old → new".
func nbPairs(t testing.TB, err error) (pairs []string) {
	t.Helper()
	for _, e := range rejections(err) {
		bad, ok := errors.AsType[*plugreg.IncompatibleError](&e)
		require.True(t, ok, "%v", err)
		require.Equal(t, plugreg.Incompatible, bad.Report.Outcome)
		require.Equal(t, "register", e.Field)
		require.Contains(t, []string{bad.Report.Old, bad.Report.New}, e.Version)
		require.ErrorIs(t, &e, plugreg.ErrContract)
		require.Equal(t, "INCOMPATIBLE", plugreg.CodeOf(&e))
		pairs = append(pairs, bad.Report.Old+" → "+bad.Report.New)
	}
	return pairs
}

// nbState is all that a refusal must leave as it was.
func nbState(t testing.TB, r *plugreg.Registry[io.Closer]) string {
	t.Helper()
	var b strings.Builder
	for d, info := range r.Plugins() {
		_, ok := r.Lookup(d)
		fmt.Fprintln(&b, d, info, ok)
	}
	for _, constraint := range []string{"", "^0", "^1", "^2", "^3", ">=0.0.0-0"} {
		d, err := r.Resolve("acme", constraint)
		fmt.Fprintln(&b, constraint, d, err)
	}
	fmt.Fprintf(&b, "%+v\n%+v", r.Inspect(), r.History("acme"))
	return b.String()
}

const (
	unchecked = 1 << plugreg.Unchecked
	forward   = 1 << plugreg.Forward
	backward  = 1 << plugreg.Backward
	full      = 1 << plugreg.Full
	strict    = 1 << plugreg.Strict
)

var nbPolicies = []plugreg.Policy{plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Full, plugreg.Strict}

func TestNeighbours(t *testing.T) {
	t.Parallel()
	const all = unchecked | forward | backward | full | strict
	for _, tt := range []struct {
		name   string
		have   []string
		add    string
		allow  int      // the policies that let it in
		refuse []string // the pairs that the others name
	}{
		{"the first", nil, "1.0.0 A", all, nil},
		{"the same shapes", []string{"1.0.0 A"}, "1.0.1 A", all, nil},
		{"the same shapes long after", []string{"1.0.0 A"}, "1.7.3 A", all, nil},
		{"a patch adds", []string{"1.0.0"}, "1.0.1 A", unchecked, []string{"1.0.0 → 1.0.1"}},
		{"a minor adds", []string{"1.0.0"}, "1.1.0 A", all &^ strict, []string{"1.0.0 → 1.1.0"}},
		{"a later minor adds", []string{"1.0.0"}, "1.4.2 A", all &^ strict, []string{"1.0.0 → 1.4.2"}},
		{"a minor removes", []string{"1.0.0 A"}, "1.1.0", unchecked, []string{"1.0.0 → 1.1.0"}},
		{"a major breaks", []string{"1.0.0 A"}, "2.0.0 B", all, nil},
		{"a patch of a major breaks", []string{"1.0.0 A"}, "2.0.1 B", all, nil},
		{"a major is skipped", []string{"1.0.0 A"}, "3.0.0 B", all, nil},
		{"a generation without a cause", []string{"1.0.0 A"}, "2.0.0 A", all, nil},
		{"a generation that only adds", []string{"1.0.0 A"}, "2.0.0 AB", all, nil},
		{"zero: a patch adds", []string{"0.1.0"}, "0.1.1 A", unchecked, []string{"0.1.0 → 0.1.1"}},
		{"zero: a patch removes", []string{"0.1.0 A"}, "0.1.1", unchecked, []string{"0.1.0 → 0.1.1"}},
		{"zero: a minor breaks", []string{"0.1.0 A"}, "0.2.0 B", all, nil},
		{"zero: a minor is skipped", []string{"0.1.0 A"}, "0.3.0 B", all, nil},
		{"zero: it breaks into one", []string{"0.7.0 A"}, "1.0.0 B", all, nil},
		{"an older one", []string{"1.1.0 A"}, "1.0.0", all &^ strict, []string{"1.0.0 → 1.1.0"}},
		{"an older one has more", []string{"1.1.0"}, "1.0.0 A", unchecked, []string{"1.0.0 → 1.1.0"}},
		{"an older patch has more", []string{"1.0.1 A"}, "1.0.0", unchecked, []string{"1.0.0 → 1.0.1"}},
		{"a backport fits", []string{"1.0.0", "1.2.0 AB"}, "1.1.0 A", all &^ strict, []string{"1.0.0 → 1.1.0"}},
		{"a backport that the later one lacks", []string{"1.0.0", "1.2.0 B"}, "1.1.0 A", unchecked, []string{"1.1.0 → 1.2.0"}},
		{"a backport that adds with a patch", []string{"1.0.0", "1.2.0 AB"}, "1.0.1 A", unchecked, []string{"1.0.0 → 1.0.1"}},
		{"a backport that lacks what was there", []string{"1.0.0 A", "1.2.0 AB"}, "1.1.9 B", unchecked, []string{"1.0.0 → 1.1.9"}},
		{"a backport that breaks on both sides", []string{"1.0.0 A", "1.2.0 A"}, "1.1.9 B", unchecked, []string{"1.0.0 → 1.1.9", "1.1.9 → 1.2.0"}},
		{"a backport into the last of a major", []string{"1.0.0 A", "2.0.0 B"}, "1.1.0 AB", all &^ strict, []string{"1.0.0 → 1.1.0"}},
		{"a pre-release adds", []string{"1.0.0"}, "1.1.0-rc.1 A", all &^ strict, []string{"1.0.0 → 1.1.0-rc.1"}},
		{"a pre-release of a patch adds", []string{"1.0.0"}, "1.0.1-rc.1 A", unchecked, []string{"1.0.0 → 1.0.1-rc.1"}},
		{"a pre-release of a minor removes", []string{"1.0.0 A"}, "1.1.0-rc.1", unchecked, []string{"1.0.0 → 1.1.0-rc.1"}},
		{"a pre-release of a major breaks", []string{"1.0.0 A"}, "2.0.0-rc.1 B", all, nil},
		{"a pre-release is no baseline", []string{"1.0.0", "1.1.0-rc.1 AB"}, "1.1.0 A", all &^ strict, []string{"1.0.0 → 1.1.0"}},
		{"nor of another one", []string{"1.0.0", "1.1.0-rc.1 AB"}, "1.1.0-rc.2", all, nil},
		{"nor where no release is before", []string{"1.1.0-rc.1 AB"}, "1.1.0 A", all, nil},
		{"nor does it stand between releases", []string{"1.0.0 A", "1.1.0-rc.1 A"}, "1.1.0", unchecked, []string{"1.0.0 → 1.1.0"}},
		{"it is measured by a release that comes later", []string{"1.1.0-rc.1"}, "1.0.0 A", unchecked, []string{"1.0.0 → 1.1.0-rc.1"}},
		{"and the next release too", []string{"1.1.0-rc.1", "1.1.0-rc.2 A", "1.1.0"}, "1.0.0 A", unchecked, []string{"1.0.0 → 1.1.0-rc.1", "1.0.0 → 1.1.0"}},
		{"but not what is after that", []string{"1.1.0 A", "2.0.0-rc.1"}, "1.0.0 A", all, nil},
		{"a pre-release concerns no one later", []string{"1.1.0"}, "1.0.0-rc.1 A", all, nil},
		{"build metadata make no distance", []string{"1.0.0+x"}, "1.0.1+a A", unchecked, []string{"1.0.0+x → 1.0.1+a"}},
		{"build metadata make no order", []string{"1.0.0+x", "1.1.0+a A"}, "1.2.0+0 AB", all &^ strict, []string{"1.1.0+a → 1.2.0+0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range nbPolicies {
				for _, as := range []string{"registry", "floor", "plugin", "batch", "any"} {
					nbTry(t, p, as, tt.have, tt.add, tt.allow&(1<<p) != 0, tt.refuse)
				}
			}
		})
	}
}

// nbTry registers add beside have, where p holds by one way or another.
func nbTry(t *testing.T, p plugreg.Policy, as string, have []string, add string, ok bool, refuse []string) {
	t.Helper()
	cfg, q := plugreg.Config{Policy: plugreg.Unchecked}, nbPlugin(add)
	switch as {
	case "floor":
		cfg.MinPolicy = p
	case "plugin":
		q.Policy = p
	default:
		cfg.Policy = p
	}
	r := nbRegistry(t, cfg)
	for _, old := range nbPlugins(have...) {
		if _, err := r.Register(old); err != nil {
			require.Equal(t, plugreg.Strict, p, "%v by %s: %v", p, as, err)
			require.ErrorIs(t, err, plugreg.ErrContract)
			return // what is there could not be
		}
	}
	before := nbState(t, r)
	var err error
	switch as {
	case "batch":
		_, err = r.RegisterAll(closerPlugin("beside", "1.0.0", (*nbAB)(nil)), q)
	case "any":
		_, err = r.RegisterAny(func() plugreg.Plugin[io.Closer] { return q })
	default:
		_, err = r.Register(q)
	}
	if ok {
		require.NoError(t, err, "%v by %s", p, as)
		require.Contains(t, listed(r), "acme "+q.Version)
		return
	}
	require.Error(t, err, "%v by %s", p, as)
	if p == plugreg.Strict { // which may refuse steps that others take
		require.Subset(t, nbPairs(t, err), refuse, "%v by %s", p, as)
	} else {
		require.Equal(t, refuse, nbPairs(t, err), "%v by %s", p, as)
	}
	for _, e := range rejections(err) {
		bad, _ := errors.AsType[*plugreg.IncompatibleError](&e)
		require.Equal(t, p, bad.Report.Policy, as)
		require.Equal(t, q.Version, e.Version, "the fault is that of who comes")
	}
	require.Equal(t, before, nbState(t, r), "nothing was changed")
}

// What either of two declares counts where it is stricter, the registry's for those that declare none.
func TestNeighboursTakeTheStrictestPolicy(t *testing.T) {
	t.Parallel()
	none, u, f, b, s := plugreg.Default, plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Strict
	for _, tt := range []struct {
		registry, floor, old, new plugreg.Policy
		want                      plugreg.Policy // Default: the step is let through
	}{
		{none, none, none, none, b},
		{u, none, none, none, none},
		{f, none, none, none, f},
		{plugreg.Full, none, none, none, plugreg.Full},
		{none, u, none, none, b},
		{u, f, none, none, f},
		{f, u, none, none, f},
		{none, none, u, u, none},
		{none, none, u, none, b},
		{none, none, none, u, b},
		{none, none, f, u, f},
		{none, none, u, f, f},
		{b, f, u, u, f},
		{u, b, f, u, b},
		{u, none, none, b, b},
		{u, none, b, none, b},
		{u, none, u, plugreg.Full, plugreg.Full},
		{none, none, s, u, s},
		{none, s, b, b, s},
	} {
		name := fmt.Sprintf("%v %v %v %v", tt.registry, tt.floor, tt.old, tt.new)
		for _, batch := range []bool{false, true} {
			r := nbRegistry(t, plugreg.Config{Policy: tt.registry, MinPolicy: tt.floor})
			old, now := nbPlugin("1.0.0 A"), nbPlugin("1.0.1")
			old.Policy, now.Policy = tt.old, tt.new
			var err error
			if batch {
				_, err = r.RegisterAll(now, old)
			} else {
				r.MustRegister(old)
				_, err = r.Register(now)
			}
			if tt.want == plugreg.Default {
				require.NoError(t, err, name)
				continue
			}
			bad, ok := errors.AsType[*plugreg.IncompatibleError](err)
			require.True(t, ok, "%s: %v", name, err)
			require.Equal(t, tt.want, bad.Report.Policy, name)
		}
	}
}

// The generations of settings and payloads.
type (
	nbSize     struct{ Size int }
	nbSizeMore struct{ Size, Depth int }
	nbSizeMust struct {
		Size  int
		Depth int `plugreg:"required"`
	}
	nbSizeFour struct {
		Size int `plugreg:"default=4"`
	}
	nbSizeFive struct {
		Size int `plugreg:"default=5"`
	}
	nbSizeNamed struct {
		Size int `json:"size" plugreg:"alias=Size"`
	}
	nbSizeText struct{ Size string }
)

func TestNeighboursOfSettingsAndPayloads(t *testing.T) {
	t.Parallel()
	const all = unchecked | forward | backward | full | strict
	for _, tt := range []struct {
		name     string
		old, now any
		version  string
		allow    int
		rule     plugreg.Rule
	}{
		{"an optional field with a minor", nbSize{}, nbSizeMore{}, "1.1.0", all &^ strict, "field-added"},
		{"an optional field with a patch", nbSize{}, nbSizeMore{}, "1.0.1", unchecked, "field-added"},
		{"a required field with a minor", nbSize{}, nbSizeMust{}, "1.1.0", unchecked, "required-field-added"},
		{"a required field with a major", nbSize{}, nbSizeMust{}, "2.0.0", all, "required-field-added"},
		{"a field is gone", nbSizeMore{}, nbSize{}, "1.1.0", unchecked, "field-removed"},
		{"another default", nbSizeFour{}, nbSizeFive{}, "1.1.0", all &^ full &^ strict, "default-changed"},
		{"another default with a patch", nbSizeFour{}, nbSizeFive{}, "1.0.1", unchecked, "default-changed"},
		{"another name with an alias", nbSize{}, nbSizeNamed{}, "1.1.0", all &^ full &^ strict, "wire-aliased"},
		{"another type", nbSize{}, nbSizeText{}, "1.1.0", unchecked, "field-retyped"},
		{"nothing but the pointer", nbSize{}, &nbSize{}, "1.0.1", all, ""},
	} {
		for _, p := range nbPolicies {
			// A payload is known by the name of its type, so it changes inside the type of the settings.
			r := nbRegistry(t, plugreg.Config{Policy: p})
			old, now := nbPlugin("1.0.0"), nbPlugin(tt.version)
			old.Config, now.Config = tt.old, tt.now
			r.MustRegister(old)
			_, err := r.Register(now)
			if tt.allow&(1<<p) != 0 {
				require.NoError(t, err, "%s, %v", tt.name, p)
				continue
			}
			bad, ok := errors.AsType[*plugreg.IncompatibleError](err)
			require.True(t, ok, "%s, %v: %v", tt.name, p, err)
			require.True(t, slices.ContainsFunc(bad.Report.Changes, func(c plugreg.Change) bool { return c.Rule == tt.rule }), "%s, %v: %v", tt.name, p, err)
		}
	}
}

func TestNeighboursOfPayloads(t *testing.T) {
	t.Parallel()
	r := nbRegistry(t, plugreg.Config{})
	with := func(version string, data ...any) plugreg.Plugin[io.Closer] {
		p := nbPlugin(version)
		p.Data = data
		return p
	}
	r.MustRegister(with("1.0.0", patchv1.Text{}))
	r.MustRegister(with("1.0.1", patchv2.Text{}))
	r.MustRegister(with("1.1.0", patchv2.Text{}, nbSize{}))
	_, err := r.Register(with("1.2.0", nbSize{}))
	require.ErrorContains(t, err, "breaking type-removed at data:Text")
	require.Equal(t, []string{"1.1.0 → 1.2.0"}, nbPairs(t, err))
	_, err = r.Register(with("1.0.2", patchv1.Text{}, nbSize{}))
	require.Equal(t, []string{"1.0.1 → 1.0.2"}, nbPairs(t, err))
}

func TestNeighboursThatAreGoneCount(t *testing.T) {
	t.Parallel()
	for _, duplicates := range []plugreg.DuplicatePolicy{plugreg.Reject, plugreg.Replace} {
		r := nbRegistry(t, plugreg.Config{Duplicates: duplicates})
		a, c := r.MustRegister(nbPlugin("1.0.0 A")), r.MustRegister(nbPlugin("1.2.0 AB"))
		require.NoError(t, r.Unregister(a))
		require.NoError(t, r.Unregister(c))
		_, err := r.Register(nbPlugin("1.1.0"))
		require.Equal(t, []string{"1.0.0 → 1.1.0"}, nbPairs(t, err))
		_, err = r.Register(nbPlugin("1.3.0 A"))
		require.Equal(t, []string{"1.2.0 → 1.3.0"}, nbPairs(t, err))
		require.Empty(t, listed(r))
		b := r.MustRegister(nbPlugin("1.1.0 A"))
		require.NoError(t, r.Unregister(b))
		again, err := r.RegisterAll(nbPlugins("1.2.0 AB", "1.3.0 AB", "1.0.0 A", "1.1.0 A")...)
		require.NoError(t, err, "they come back as they were")
		require.Equal(t, []plugreg.TypeDescriptor{c, again[1], a, b}, again)
		_, err = r.Register(nbPlugin("1.2.0 AB"))
		if duplicates == plugreg.Reject {
			require.ErrorIs(t, err, plugreg.ErrDuplicate)
		} else {
			require.NoError(t, err, "the same contract takes its own place")
		}
		_, err = r.Register(nbPlugin("1.1.0 AB"))
		require.ErrorIs(t, err, plugreg.ErrRepublished, "that comes first")
		_, isReport := errors.AsType[*plugreg.IncompatibleError](err)
		require.False(t, isReport)
	}
}

// The entries of a batch are neighbours of each other: all are added or none, and what is wrong comes in their order.
func TestNeighboursInOneBatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		have   []string
		batch  []string
		refuse []string
	}{
		{"in order", nil, []string{"1.0.0", "1.1.0 A", "1.2.0 AB"}, nil},
		{"in any order", nil, []string{"1.2.0 AB", "1.0.0", "1.1.0 A"}, nil},
		{"two that do not fit", nil, []string{"1.0.0 A", "1.1.0 B"}, []string{"1.0.0 → 1.1.0"}},
		{"two that do not fit, the later first", nil, []string{"1.1.0 B", "1.0.0 A"}, []string{"1.0.0 → 1.1.0"}},
		{"in their order", []string{"1.0.0 A", "1.5.0 A"}, []string{"1.4.0", "1.6.0 B", "1.3.0 A", "1.2.0 B"},
			[]string{"1.3.0 → 1.4.0", "1.5.0 → 1.6.0", "1.2.0 → 1.3.0", "1.0.0 → 1.2.0"}},
		{"with one that is there", []string{"1.0.0 A"}, []string{"1.1.0", "1.0.0 A"}, []string{"1.0.0 → 1.1.0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := nbRegistry(t, plugreg.Config{Duplicates: plugreg.Replace})
			for _, p := range nbPlugins(tt.have...) {
				r.MustRegister(p)
			}
			before := nbState(t, r)
			ds, err := r.RegisterAll(nbPlugins(tt.batch...)...)
			if tt.refuse == nil {
				require.NoError(t, err)
				require.Len(t, ds, len(tt.batch))
				return
			}
			require.Nil(t, ds)
			require.Equal(t, tt.refuse, nbPairs(t, err))
			require.Equal(t, before, nbState(t, r))
		})
	}
}

func TestNeighboursOfSeveralNamesInOneBatch(t *testing.T) {
	t.Parallel()
	r := nbRegistry(t, plugreg.Config{})
	named := func(name, text string) plugreg.Plugin[io.Closer] {
		p := nbPlugin(text)
		p.Name = name
		return p
	}
	_, err := r.RegisterAll(named("b", "1.1.0"), named("a", "1.1.0"), named("c", "1.1.0"), named("a", "1.0.0 A"), named("b", "1.0.0 B"), named("b", "1.2.0 A"), named("b", "1.3.0"))
	var lines []string
	for _, e := range rejections(err) {
		lines = append(lines, e.Plugin+" "+e.Version)
	}
	require.Equal(t, []string{"b 1.1.0", "a 1.1.0", "b 1.3.0"}, lines)
	require.Empty(t, listed(r))
}

const (
	nbTextBreaks = `plugin "acme" 1.1.0: register: "acme" 1.1.0 after 1.0.0: incompatible under policy backward (shape incompatible, step compatible)
  backward allows nothing that breaks
  cosmetic go-type-changed at plugin: was "*github.com/plugreg/plugreg_test.nbA", is "*github.com/plugreg/plugreg_test.nbB"
  breaking method-removed at plugin.A(): was "func()" (caller)
    a method is gone; keep it and mark it deprecated
  additive method-added at plugin.B(): is "func()" (caller)
  allowed: version 2.0.0, which begins another generation`
	nbTextPatch = `plugin "acme" 1.0.1: register: "acme" 1.0.1 after 1.0.0: incompatible under policy backward (shape compatible, step incompatible)
  something was added, so at least 1.1.0 is needed
  cosmetic go-type-changed at plugin: was "*github.com/plugreg/plugreg_test.nbA", is "*github.com/plugreg/plugreg_test.nbAB"
  additive method-added at plugin.B(): is "func()" (caller)
  allowed: version 1.1.0`
)

func TestNeighboursErrorText(t *testing.T) {
	t.Parallel()
	r := nbRegistry(t, plugreg.Config{})
	r.MustRegister(nbPlugin("1.0.0 A"))
	_, err := r.Register(nbPlugin("1.1.0 B"))
	require.EqualError(t, err, nbTextBreaks)
	_, err = r.RegisterAll(nbPlugin("1.0.1 AB"))
	require.EqualError(t, err, nbTextPatch)
	_, err = r.Register(nbPlugin("0.9.0 A")) // of another generation
	require.NoError(t, err)
	r.MustRegister(nbPlugin("2.2.0 A"))
	_, err = r.Register(nbPlugin("2.1.0 AB"))
	require.ErrorContains(t, err, `plugin "acme" 2.1.0: register: "acme" 2.2.0 after 2.1.0: incompatible`)
	require.ErrorContains(t, err, "(2.2.0 is there already: leave out of 2.1.0 what it does not have)")
	require.NotContains(t, err.Error(), "allowed: version")
}

// nbCandidate is what the random sequences register.
type nbCandidate struct {
	version string
	can     string
	policy  plugreg.Policy
}

func (c nbCandidate) plugin() plugreg.Plugin[io.Closer] {
	p := nbPlugin(c.version + " " + c.can)
	p.Policy = c.policy
	return p
}

// nbStep is a pair of candidates under a policy.
type nbStep struct {
	old, now nbCandidate
	policy   plugreg.Policy
}

// nbOracle knows all versions that were ever registered, as contracts, and judges all pairs anew each time.
type nbOracle struct {
	registry, floor plugreg.Policy
	contracts       map[nbCandidate]plugreg.Contract // of all candidates, each made by a registry of its own
	verdicts        map[nbStep]bool
	ever            []nbCandidate
}

func (o *nbOracle) contract(t testing.TB, c nbCandidate) plugreg.Contract {
	if _, ok := o.contracts[c]; !ok {
		o.contracts[c], _ = nbContractOf(t, c.plugin())
	}
	return o.contracts[c]
}

// nbContractOf registers p where nothing is beside it.
func nbContractOf(t testing.TB, p plugreg.Plugin[io.Closer]) (plugreg.Contract, bool) {
	r := nbRegistry(t, plugreg.Config{})
	return r.Contract(r.MustRegister(p))
}

func nbVersion(c nbCandidate) *semver.Version { return semver.MustParse(c.version) }

// bad lists the pairs that may not stand beside each other, were all of added there.
func (o *nbOracle) bad(t testing.TB, added []nbCandidate) (pairs []string) {
	all := slices.Concat(o.ever, added)
	slices.SortFunc(all, func(a, b nbCandidate) int { return nbVersion(a).Compare(nbVersion(b)) })
	for i, now := range all {
		for j := i - 1; j >= 0; j-- {
			if nbVersion(all[j]).Prerelease() == "" {
				if !o.fits(t, all[j], now) {
					pairs = append(pairs, all[j].version+" → "+now.version)
				}
				break
			}
		}
	}
	return pairs
}

func (o *nbOracle) fits(t testing.TB, old, now nbCandidate) bool {
	p := max(plugreg.Unchecked, o.floor)
	for _, c := range []nbCandidate{old, now} {
		switch {
		case c.policy != plugreg.Default:
			p = max(p, c.policy)
		case o.registry != plugreg.Default:
			p = max(p, o.registry)
		default:
			p = max(p, plugreg.Backward)
		}
	}
	a, b := nbVersion(old), nbVersion(now)
	if p > plugreg.Unchecked && (a.Major() != b.Major() || a.Major() == 0 && a.Minor() != b.Minor()) {
		return true
	}
	step := nbStep{old, now, p}
	if _, ok := o.verdicts[step]; !ok {
		r := p.Check(o.contract(t, old), o.contract(t, now))
		ok := r.Outcome == plugreg.Compatible
		if p == plugreg.Strict { // versions stand side by side
			ok = r.Shape == plugreg.Compatible
		}
		o.verdicts[step] = ok
	}
	return o.verdicts[step]
}

// index is where a version was ever registered, -1 where it was not. Build metadata make no other version.
func (o *nbOracle) index(version string) int {
	return slices.IndexFunc(o.ever, func(c nbCandidate) bool { return nbVersion(c).Equal(semver.MustParse(version)) })
}

func TestNeighboursAgainstAnOracle(t *testing.T) {
	t.Parallel()
	versions := []string{"0.1.0", "0.1.1", "0.2.0", "1.0.0-rc.1", "1.0.0", "1.0.1-a", "1.0.1", "1.1.0-rc.2", "1.1.0+b", "1.2.0-rc.1", "1.2.0-rc.11", "1.2.0",
		"1.10.0", "2.0.0-0", "2.0.0", "2.0.1", "2.1.0", "3.0.0", "4.0.0-x"}
	const sequences, steps = 40, 80
	contracts, verdicts := map[nbCandidate]plugreg.Contract{}, map[nbStep]bool{}
	var won, lost int
	for seed := range sequences {
		rng := seeded(seed)
		o := &nbOracle{registry: plugreg.Policy(rng.IntN(6)), contracts: contracts, verdicts: verdicts}
		if rng.IntN(2) == 0 {
			o.floor = plugreg.Policy(rng.IntN(5))
		}
		r := nbRegistry(t, plugreg.Config{Policy: o.registry, MinPolicy: o.floor, Duplicates: plugreg.Replace})
		for range steps {
			if rng.IntN(4) == 0 && len(o.ever) > 0 {
				d, err := o.contract(t, o.ever[rng.IntN(len(o.ever))]).Descriptor()
				require.NoError(t, err)
				if err := r.Unregister(d); err != nil {
					require.ErrorIs(t, err, plugreg.ErrNotFound)
				}
				continue
			}
			var added, batch []nbCandidate
			for _, i := range rng.Perm(len(versions))[:1+rng.IntN(3)*rng.IntN(3)] {
				c := nbCandidate{version: versions[i], can: []string{"", "A", "B", "AB"}[rng.IntN(4)]}
				if rng.IntN(3) == 0 {
					c.policy = plugreg.Policy(rng.IntN(6))
				}
				if at := o.index(c.version); at >= 0 {
					c = o.ever[at] // another contract would be republished
				} else {
					added = append(added, c)
				}
				batch = append(batch, c)
			}
			var ps []plugreg.Plugin[io.Closer]
			for _, c := range batch {
				ps = append(ps, c.plugin())
			}
			var err error
			if len(ps) == 1 {
				_, err = r.Register(ps[0])
			} else {
				_, err = r.RegisterAll(ps...)
			}
			want := o.bad(t, added)
			require.ElementsMatch(t, want, nbPairs(t, err), "%+v beside %+v by %v, %v: %v", batch, o.ever, o.registry, o.floor, err)
			if err != nil {
				lost++
				continue
			}
			won++
			o.ever = append(o.ever, added...)
			require.Len(t, r.History("acme"), len(o.ever))
		}
	}
	require.Greater(t, won, sequences*steps/4)
	require.Greater(t, lost, sequences*steps/10)
}

// Of versions that contradict each other exactly one wins; what can stand beside each other does.
func TestNeighboursRace(t *testing.T) {
	t.Parallel()
	for range 50 {
		r := nbRegistry(t, plugreg.Config{})
		r.MustRegister(nbPlugin("1.0.0"))
		var a, b, fitting, refused atomic.Int64
		hammer(func(g int) {
			text, wins := "1.1.0 A", &a
			switch g % 4 {
			case 1:
				text, wins = "1.2.0 B", &b
			case 2:
				text, wins = "2.0.0 B", &fitting
			case 3:
				text, wins = "0.9.0 AB", &fitting
			}
			_, err := r.Register(nbPlugin(text))
			switch {
			case err == nil:
				wins.Add(1)
			case errors.Is(err, plugreg.ErrContract):
				require.Equal(t, []string{"1.1.0 → 1.2.0"}, nbPairs(t, err))
				refused.Add(1)
			default:
				require.ErrorIs(t, err, plugreg.ErrDuplicate)
			}
		})
		require.EqualValues(t, 1, a.Load()+b.Load())
		require.EqualValues(t, 2, fitting.Load())
		require.EqualValues(t, hammers/4, refused.Load())
		require.Len(t, listed(r), 4)
	}
}

// counting is the contract of the plugin that exists in two packages.
type counting interface {
	Count(words string) int
	Close() error
}

// Two versions of a plugin are two Go types where they come from two copies of its module. With equal shapes the patch
// takes the released one's place, whatever the policy.
func TestAPatchIsAnotherGoType(t *testing.T) {
	t.Parallel()
	released := plugreg.Plugin[counting]{Name: "acme", Version: "1.2.0", Prototype: (*patchv1.Counter)(nil), Config: patchv1.Settings{}, Data: []any{patchv1.Text{}},
		New: func(context.Context, *plugreg.Env) (counting, error) {
			return &patchv1.Counter{Settings: patchv1.Settings{Limit: 100}}, nil
		}}
	patch := plugreg.Plugin[counting]{Name: "acme", Version: "1.2.1", Prototype: (*patchv2.Counter)(nil), Config: patchv2.Settings{}, Data: []any{patchv2.Text{}},
		New: func(context.Context, *plugreg.Env) (counting, error) {
			return &patchv2.Counter{Settings: patchv2.Settings{Limit: 100}}, nil
		}}
	for _, p := range append(nbPolicies, plugreg.Default) {
		r := plugreg.MustNew[counting](plugreg.Config{Policy: p, MinPolicy: p})
		old, now := r.MustRegister(released), r.MustRegister(patch)
		a, _ := r.Contract(old)
		b, _ := r.Contract(now)
		require.Equal(t, a.ShapesDigest(), b.ShapesDigest())
		require.NotEqual(t, a.Digest(), b.Digest(), "the version is part of it")
		require.Equal(t, a.CompatKey(), b.CompatKey())
		require.NotEqual(t, a.Shapes, b.Shapes, "the Go types are two")
		for _, c := range plugreg.Diff(a, b) {
			require.Equal(t, plugreg.Cosmetic, c.Severity, "%v", c)
		}
		h, err := r.Open(t.Context(), "acme", "~1.2", nil)
		require.NoError(t, err)
		require.Equal(t, "1.2.1", h.Version())
		n, err := plugreg.Call(t.Context(), h, func(_ context.Context, c counting) (int, error) { return c.Count("a  b"), nil })
		require.NoError(t, err)
		require.Equal(t, 2, n, "the released one says three")
		old12, err := r.Open(t.Context(), "acme", "=1.2.0", nil)
		require.NoError(t, err)
		n, err = plugreg.Call(t.Context(), old12, func(_ context.Context, c counting) (int, error) { return c.Count("a  b"), nil })
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.NoError(t, r.Close(t.Context()))
	}
}

// Each version is compared with the ones beside it, not with all: four times the versions cost about four times as much.
func TestRegisteringVersionsIsLinear(t *testing.T) {
	for _, order := range []string{"up", "down", "batch"} {
		few, fewBytes := versionsCost(t, 250, order)
		many, manyBytes := versionsCost(t, 1000, order)
		require.Less(t, many/few, 4.5, "allocations, %s", order)
		require.Less(t, manyBytes/fewBytes, 6.0, "bytes, %s", order)
	}
}

// versionsCost is what it costs to register n versions of one name of which no two have equal shapes.
func versionsCost(t *testing.T, n int, order string) (allocs, bytes float64) {
	ps := make([]plugreg.Plugin[io.Closer], n)
	for i := range ps {
		ps[i] = nbPlugin(fmt.Sprintf("%d.0.0", i+1))
		ps[i].Config = reflect.New(reflect.StructOf([]reflect.StructField{{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[int]()}})).Interface()
	}
	if order == "down" {
		slices.Reverse(ps)
	}
	r := nbRegistry(t, plugreg.Config{Policy: plugreg.Forward})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if order == "batch" {
		_, err := r.RegisterAll(ps...)
		require.NoError(t, err)
	} else {
		for i := range ps {
			if _, err := r.Register(ps[i]); err != nil {
				require.NoError(t, err)
			}
		}
	}
	runtime.ReadMemStats(&after)
	require.Len(t, listed(r), n)
	return float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)
}

// Majors stand side by side under every policy, so it does not matter in which order they come.
func TestNeighboursOfGenerations(t *testing.T) {
	t.Parallel()
	for _, p := range nbPolicies {
		for _, order := range [][]string{{"1.0.0 A", "2.0.0 B", "3.0.0"}, {"3.0.0", "1.0.0 A", "2.0.0 B"}, {"1.0.0 A", "3.0.0", "2.0.0 B"}, {"2.0.0 B", "3.0.0", "1.0.0 A"}} {
			r := nbRegistry(t, plugreg.Config{Policy: p})
			for _, q := range nbPlugins(order...) {
				_, err := r.Register(q)
				require.NoError(t, err, "%v %v", p, order)
			}
		}
	}
}
