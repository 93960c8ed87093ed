// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// candidate is a plugin of the sequences: a version of a name, with one of two contracts and a room that tells registrations apart.
type candidate struct {
	name    string
	version rank
	atlas   bool
	room    string
}

// rank is a version whose place in the order of precedence is written beside it; what has the same place is the same version.
type rank struct {
	text  string
	place int
}

// ranks are all versions of the sequences.
var ranks = []rank{
	{"0.9.0", 0}, {"1.0.0-rc.2", 1}, {"1.0.0-rc.10", 2}, {"1.0.0", 3}, {"1.0.0+b", 3}, {"1.2.0", 4}, {"1.10.0", 5}, {"2.0.0-a", 6}, {"2.0.0", 7},
}

// asks are the constraints of the sequences, with the places that satisfy them.
var asks = []struct {
	constraint string
	places     []int
}{
	{"", []int{0, 3, 4, 5, 7}}, {"^1", []int{3, 4, 5}}, {"^1.0.0-0", []int{1, 2, 3, 4, 5}}, {"<1.0.0", []int{0}}, {"<1.0.0-rc.10", []int{0, 1}},
	{">=2.0.0-0", []int{6, 7}}, {"~1.2 || 0.9", []int{0, 4}}, {"3.x", nil}, {"!=2", []int{0, 3, 4, 5}}, {">1.0 <2", []int{4, 5}},
}

func (c candidate) plugin() plug {
	p := roomPlugin(c.name, c.version.text, c.room)
	if c.atlas {
		p.Prototype = (*atlas)(nil)
		p.New = func(context.Context, *plugreg.Env) (library, error) { return &atlas{shelf{room: c.room}}, nil }
	}
	return p
}

func (c candidate) id() identity { return identity{c.name, c.version.place} }

type identity struct {
	name  string
	place int
}

// oracle is a registry as simple as it can be: maps, no cache, and no other thought. It is not safe for concurrent use.
type oracle struct {
	replace, sealed bool
	entries         map[identity]*oracleEntry
	keys            map[plugreg.TypeDescriptor]identity
}

type oracleEntry struct {
	candidate
	key     plugreg.TypeDescriptor
	gone    bool
	mounted int
}

func newOracle(replace bool) *oracle {
	return &oracle{replace: replace, entries: map[identity]*oracleEntry{}, keys: map[plugreg.TypeDescriptor]identity{}}
}

// admit is what registering all of cs must fail with; nothing is changed.
func (o *oracle) admit(cs []candidate) (errs []error) {
	for _, c := range cs {
		if strings.Contains(c.name, "/") {
			errs = append(errs, plugreg.ErrInvalid)
		}
	}
	if len(errs) > 0 || len(cs) == 0 {
		return errs
	}
	if o.sealed {
		return []error{plugreg.ErrSealed}
	}
	batch := map[identity]candidate{}
	for _, c := range cs {
		old := o.entries[c.id()]
		switch {
		case old != nil && !c.same(old.candidate):
			errs = append(errs, plugreg.ErrRepublished)
		case old != nil && !old.gone && !o.replace:
			errs = append(errs, plugreg.ErrDuplicate)
		}
		other, twice := batch[c.id()]
		switch {
		case twice && !c.same(other):
			errs = append(errs, plugreg.ErrRepublished)
		case twice:
			errs = append(errs, plugreg.ErrDuplicate)
		}
		batch[c.id()] = c
	}
	return errs
}

// same reports whether the contracts are.
func (c candidate) same(d candidate) bool {
	return c.version.text == d.version.text && c.atlas == d.atlas
}

func (o *oracle) insert(c candidate, key plugreg.TypeDescriptor) {
	e := &oracleEntry{candidate: c, key: key}
	if old := o.entries[c.id()]; old != nil {
		e.mounted = old.mounted
	}
	o.entries[c.id()], o.keys[key] = e, c.id()
}

// at is the registered entry of a key, nil where there is none.
func (o *oracle) at(key plugreg.TypeDescriptor) *oracleEntry {
	id, ok := o.keys[key]
	if !ok || o.entries[id].gone {
		return nil
	}
	return o.entries[id]
}

func (o *oracle) unregister(key plugreg.TypeDescriptor) error {
	e := o.at(key)
	switch {
	case e == nil:
		return plugreg.ErrNotFound
	case o.sealed:
		return plugreg.ErrSealed
	case e.mounted > 0:
		return plugreg.ErrMounted
	}
	e.gone = true
	return nil
}

// resolve returns the newest registered entry of name in one of the places.
func (o *oracle) resolve(name string, places []int) (newest *oracleEntry) {
	for _, place := range places {
		if e := o.entries[identity{name, place}]; e != nil && !e.gone {
			newest = e
		}
	}
	return newest
}

func (o *oracle) list() []string {
	var live []*oracleEntry
	for _, e := range o.entries {
		if !e.gone {
			live = append(live, e)
		}
	}
	slices.SortFunc(live, func(a, b *oracleEntry) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.version.place, b.version.place))
	})
	names := []string{}
	for _, e := range live {
		names = append(names, e.name+" "+e.version.text)
	}
	return names
}

// modelRun runs the same steps on a registry and on the oracle, and compares what they answer.
type modelRun struct {
	t      testing.TB
	r      *plugreg.Registry[library]
	o      *oracle
	names  []string
	choose func(n int) int // 0 to n-1
	rooms  int
	open   []servedMount
}

type servedMount struct {
	h  *plugreg.Handle[library]
	id identity
}

func newModelRun(t testing.TB, r *plugreg.Registry[library], o *oracle, choose func(n int) int, names ...string) *modelRun {
	return &modelRun{t: t, r: r, o: o, names: names, choose: choose}
}

// step takes one step of any sort.
func (s *modelRun) step() {
	switch s.choose(10) {
	case 0, 1, 2:
		c := s.candidate()
		key, err := s.r.Register(c.plugin())
		s.settle([]candidate{c}, []plugreg.TypeDescriptor{key}, err)
	case 3:
		s.registerAll()
	case 4, 5:
		s.unregister()
	case 6:
		s.lookUp(s.key())
	case 7, 8:
		s.resolve()
	case 9:
		s.mount()
	}
}

func (s *modelRun) name() string { return s.names[s.choose(len(s.names))] }

func (s *modelRun) candidate() candidate {
	s.rooms++
	c := candidate{s.name(), ranks[s.choose(len(ranks))], s.choose(4) == 0, fmt.Sprint("room ", s.rooms)}
	if s.choose(16) == 0 {
		c.name += "/"
	}
	return c
}

func (s *modelRun) registerAll() {
	cs := make([]candidate, s.choose(4))
	ps := make([]plug, len(cs))
	for i := range cs {
		cs[i] = s.candidate()
		ps[i] = cs[i].plugin()
	}
	keys, err := s.r.RegisterAll(ps...)
	s.settle(cs, keys, err)
}

// settle compares the outcome of a registration.
func (s *modelRun) settle(cs []candidate, keys []plugreg.TypeDescriptor, err error) {
	want := s.o.admit(cs)
	if len(want) == 0 {
		require.NoError(s.t, err, "%v", cs)
		require.Len(s.t, keys, len(cs))
		for i, c := range cs {
			s.o.insert(c, keys[i])
		}
		return
	}
	all := rejections(err)
	for _, kind := range []error{plugreg.ErrInvalid, plugreg.ErrSealed, plugreg.ErrDuplicate, plugreg.ErrRepublished} {
		have := 0
		for i := range all {
			if errors.Is(&all[i], kind) {
				have++
			}
		}
		expected := 0
		for _, w := range want {
			if w == kind {
				expected++
			}
		}
		require.Equal(s.t, expected, have, "%v of %v: %v", kind, cs, err)
	}
}

// key is one that was handed out once, mostly.
func (s *modelRun) key() plugreg.TypeDescriptor {
	var keys []plugreg.TypeDescriptor
	for key := range s.o.keys {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b plugreg.TypeDescriptor) int { return strings.Compare(a.String(), b.String()) })
	if i := s.choose(len(keys) + 1); i < len(keys) {
		return keys[i]
	}
	return plugreg.TypeDescriptor{}
}

func (s *modelRun) unregister() {
	key := s.key()
	want := s.o.unregister(key)
	err := s.r.Unregister(key)
	if want == nil {
		require.NoError(s.t, err)
		return
	}
	require.ErrorIs(s.t, err, want)
}

func (s *modelRun) lookUp(key plugreg.TypeDescriptor) {
	build, ok := s.r.Lookup(key)
	e := s.o.at(key)
	require.Equal(s.t, e != nil, ok)
	if ok {
		l, err := build(context.Background(), new(plugreg.Env))
		require.NoError(s.t, err)
		room, _ := l.Find("")
		require.Equal(s.t, e.room, room, "the constructor that was registered last")
	}
	c, ok := s.r.Contract(key)
	id, known := s.o.keys[key]
	require.Equal(s.t, known, ok, "a contract stays readable")
	if ok {
		require.Equal(s.t, s.o.entries[id].version.text, c.Version)
	}
}

func (s *modelRun) resolve() {
	name, ask := s.name(), asks[s.choose(len(asks))]
	want := s.o.resolve(name, ask.places)
	key, err := s.r.Resolve(name, ask.constraint)
	if want == nil {
		require.ErrorIs(s.t, err, plugreg.ErrNotFound, "%s %q", name, ask.constraint)
		return
	}
	require.NoError(s.t, err, "%s %q", name, ask.constraint)
	require.Equal(s.t, want.key, key, "%s %q", name, ask.constraint)
}

// mount opens what a constraint asks for, or closes what is open.
func (s *modelRun) mount() {
	if len(s.open) > s.choose(3) {
		s.close(s.choose(len(s.open)))
		return
	}
	name, ask := s.name(), asks[s.choose(len(asks))]
	want := s.o.resolve(name, ask.places)
	h, err := s.r.Open(context.Background(), name, ask.constraint, nil)
	if want == nil {
		require.ErrorIs(s.t, err, plugreg.ErrNotFound)
		return
	}
	require.NoError(s.t, err)
	require.Equal(s.t, want.version.text, h.Version())
	require.Equal(s.t, want.room, found(s.t, h))
	want.mounted++
	s.open = append(s.open, servedMount{h, want.id()})
}

func (s *modelRun) close(i int) {
	require.NoError(s.t, s.open[i].h.Close(context.Background()))
	s.o.entries[s.open[i].id].mounted--
	s.open = slices.Delete(s.open, i, i+1)
}

// finish compares all that there is, and closes what is open.
func (s *modelRun) finish() {
	for key := range s.o.keys {
		s.lookUp(key)
	}
	for len(s.open) > 0 {
		s.close(0)
	}
}

// runSequence runs a sequence on a registry of its own.
func runSequence(t testing.TB, steps int, choose func(n int) int) {
	replace := choose(2) == 1
	cfg := plugreg.Config{Policy: plugreg.Unchecked} // the oracle knows no policies
	if replace {
		cfg.Duplicates = plugreg.Replace
	}
	r := plugreg.MustNew[library](cfg)
	s := newModelRun(t, r, newOracle(replace), choose, "a", "b", "c-d")
	for range steps {
		s.step()
		require.Equal(t, s.o.list(), listed(r))
		if choose(40) == 0 {
			r.Seal()
			s.o.sealed = true
		}
	}
	s.finish()
	require.Equal(t, s.o.list(), listed(r))
	require.NoError(t, r.Close(context.Background()))
}

func TestRandomSequencesAgreeWithTheOracle(t *testing.T) {
	t.Parallel()
	for seed := range 200 {
		rng := seeded(seed)
		runSequence(t, 60, rng.IntN)
	}
}

func FuzzRegistrySequence(f *testing.F) {
	for seed := range 8 {
		rng, data := seeded(seed), make([]byte, 200)
		for i := range data {
			data[i] = byte(rng.IntN(256))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		choose := func(n int) int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b) % n
		}
		runSequence(t, min(len(data)/3, 80), choose)
	})
}
