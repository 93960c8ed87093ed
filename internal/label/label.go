// SPDX-License-Identifier: Apache-2.0

// Package label puts profiler labels on goroutines at the lowest cost: a set is made once, and put on for every call.
//
// The invariant: a set never changes, and what is put on a goroutine is exactly what runtime/pprof itself makes of the
// same labels. Where a later Go release hides the key that this package looks for, everything costs a little more and
// is the same otherwise.
package label

import (
	"context"
	"fmt"
	"runtime/pprof"
)

// Set is an immutable set of profiler labels, made by [New]. It is safe for concurrent use. A nil set answers nothing
// in Value; its other methods need one.
type Set struct {
	carrier context.Context // of the labels and nothing else
	blunt   context.Context // the same, for the one question that Apply has
	key     any             // the runtime's key for labels; nil: not known
	labels  any             // what the runtime keeps below it; only where the key is known
}

// New makes a set of pairs: key, value, key, value and so on. The last value of a key counts. It panics if there is a
// key without a value.
func New(pairs ...string) *Set { return newSet(labelKey, pairs) }

func newSet(key any, pairs []string) *Set {
	if len(pairs)%2 != 0 {
		panic(fmt.Sprintf("profiler label %q has no value: give pairs of key and value", pairs[len(pairs)-1]))
	}
	labelled := pprof.WithLabels(context.Background(), pprof.Labels(pairs...))
	if key == nil || labelled.Value(key) == nil {
		return &Set{carrier: labelled, blunt: labelled}
	}
	s := &Set{key: key, labels: labelled.Value(key)}
	s.carrier = &direct{Context: context.Background(), set: s}
	s.blunt = &blunt{Context: context.Background(), labels: s.labels}
	return s
}

// Context is a context that carries the labels and nothing else, for [pprof.SetGoroutineLabels]. It is always the same
// one.
func (s *Set) Context() context.Context { return s.carrier }

// Apply puts the labels on the calling goroutine in place of all that it has. Goroutines that it starts inherit them.
func (s *Set) Apply() { pprof.SetGoroutineLabels(s.blunt) }

// Restore puts the labels that ctx carries on the calling goroutine, in place of all that it has: none if it carries
// none. The runtime tells nobody what labels a goroutine has, so that the labels of a goroutine whose context does not
// know of them are lost.
func Restore(ctx context.Context) { pprof.SetGoroutineLabels(ctx) }

// Value answers what runtime/pprof asks a context for, so that a context which asks the set first carries its labels,
// and pprof.Do and pprof.WithLabels add to them; a label given there goes before one of the same key in the set. The
// second result is false for any other question.
func (s *Set) Value(key any) (any, bool) {
	if s == nil {
		return nil, false
	}
	if s.key == nil {
		labels := s.carrier.Value(key) // nil for what is not the labels, for there is nothing else
		return labels, labels != nil
	}
	if key == s.key {
		return s.labels, true
	}
	return nil, false
}

// direct carries labels as the runtime's own contexts do, but without a walk through a chain of them.
type direct struct {
	context.Context
	set *Set
}

func (d *direct) Value(key any) any {
	labels, _ := d.set.Value(key)
	return labels
}

// blunt does not look at what it is asked for, which is half of what it costs to answer. It is for nobody but the
// runtime.
type blunt struct {
	context.Context
	labels any
}

func (b *blunt) Value(any) any { return b.labels }

// labelKey is the key by which runtime/pprof asks a context for its labels. It is nil should it come to do without one.
var labelKey = func() any {
	spy := &keySpy{Context: context.Background()}
	_, _ = pprof.Label(spy, "")
	return spy.key
}()

// keySpy remembers what it was asked for last.
type keySpy struct {
	context.Context
	key any
}

func (s *keySpy) Value(key any) any {
	s.key = key
	return nil
}
