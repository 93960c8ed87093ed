// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plugreg/plugreg/internal/reader"
	"github.com/plugreg/plugreg/internal/shape"
	"github.com/plugreg/plugreg/internal/version"
)

// source is a version whose payloads are read.
type source struct {
	digest, name string
	plan         *reader.Plan
	widened      string // what the payload itself was written as, where that is narrower
	err          error  // why its payloads cannot be read
}

// newSource finds out how payloads of w are read as e's type. That they cannot be is no error before one comes.
func newSource(e *encoder, w Contract, opts DecodeOptions) (*source, error) {
	ver, err := version.Parse(w.Version)
	switch {
	case err != nil:
		return nil, payloadError(w, fmt.Errorf("%w: %w", ErrInvalid, err))
	case w.Name != e.contract.Name:
		return nil, payloadError(w, fmt.Errorf("%w: it is the contract of another plugin than %q", ErrInvalid, clip(e.contract.Name, 160)))
	}
	digest, shapes := w.digests()
	s := &source{digest: digest.String(), name: w.Name + "@" + w.Version}
	r := reading{encoder: e, policy: strictest(Backward, opts.Policy, e.contract.Policy, w.Policy), widen: opts.Widen, same: ver.Compare(e.ver) == 0}
	r.generation(ver)
	if shapes != e.shapes && !identical(w.Shapes, e.contract.Shapes) {
		r.compare(w, shapes)
	}
	if s.err = r.verdict(w); s.err == nil {
		s.widened = r.widened
		terms := r.policy.terms()
		terms.Written = r.written
		s.plan, err = e.planOf(terms)
	}
	return s, err
}

// identical reports whether both are the same list in memory.
func identical(a, b []Shape) bool {
	return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
}

// terms say which fields are refused: unknown ones, missing ones.
func (p Policy) terms() reader.Options {
	return reader.Options{Closed: p == Strict || p == Forward, Complete: p == Strict}
}

// unreadable says of two versions who cannot read whom. That one may not follow the other is what the report would say.
// It is returned as an *unreadable, which holds an *IncompatibleError for [errors.As].
type unreadable struct{ IncompatibleError }

func (u *unreadable) Error() string {
	r := &u.Report
	return fmt.Sprintf("payloads of %s cannot be read as those of %s under policy %v:\n  %s", versionText(r.Old), versionText(r.New), r.Policy, strings.Join(r.Reasons, "\n  "))
}

func (u *unreadable) Unwrap() error { return &u.IncompatibleError }

// reading compares what a writer writes with what a reader reads. In the embedded differ the writer is the old side.
type reading struct {
	differ
	*encoder
	policy  Policy
	widen   bool
	same    bool   // the two are of one version
	widened string // of the payload itself
	written map[reader.Key]reader.Written
	seen    map[string]bool // shapes of the reader
	// distance and faults say why payloads cannot be read: for the versions, and for the types.
	distance, faults []string
}

func (r *reading) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *reading) verdict(w Contract) error {
	if r.policy == Unchecked || len(r.distance)+len(r.faults) == 0 {
		return nil
	}
	report := Report{Policy: r.policy, Name: w.Name, Old: w.Version, New: r.contract.Version, Shape: Compatible, Step: Compatible, Outcome: Incompatible}
	if len(r.distance) > 0 {
		report.Step = Incompatible
	}
	if len(r.faults) > 0 {
		report.Shape = Incompatible
	}
	report.Reasons = slices.Concat(r.distance, r.faults)
	return &unreadable{IncompatibleError{report}}
}

// generation refuses versions that the policy keeps apart.
func (r *reading) generation(writer version.Version) {
	switch {
	case r.policy == Strict && !r.same:
		r.distance = append(r.distance, "strict reads payloads of its own version alone")
	case r.policy >= Backward && writer.Major != r.ver.Major:
		r.distance = append(r.distance, fmt.Sprintf("%v reads payloads of its own major version, and %d is another than %d", r.policy, writer.Major, r.ver.Major))
	}
}

// compare compares the payload's type in both contracts, and all types within.
func (r *reading) compare(w Contract, shapes Digest) {
	r.old, r.new = shapeIndex(w.Shapes), r.matched.shapes
	r.written, r.seen = map[reader.Key]reader.Written{}, map[string]bool{}
	r.findListed(w.Shapes, r.contract.Shapes)
	if r.counterpart(r.root, r.old) == nil {
		r.fault("%s does not exist in the writer's contract", r.root)
		return
	}
	r.widened = r.widenedIn(r.root, map[string]bool{})
	r.shape(r.root)
	if r.policy == Strict && r.same && len(r.faults) == 0 && r.contract.ShapesDigest() != shapes {
		r.fault("strict takes equal contracts alone, and what differs is no part of the payload")
	}
}

// shape compares a type that both know.
func (r *reading) shape(name string) {
	n, o := r.new[name], r.counterpart(name, r.old)
	if n == nil || o == nil || r.seen[name] {
		return
	}
	r.seen[name] = true
	if r.same {
		r.exactly(o, n)
	}
	was, is := codedBy(o), codedBy(n)
	switch {
	case was != is:
		r.fault("%s: written by %s, and read by %s", name, was, is)
	case isMembered(o.Kind) && isMembered(n.Kind):
		if is == "encoding/json" {
			r.structs(name, r.reach(o, r.old).wires, r.reach(n, r.new).wires)
		}
	default:
		r.typed(name, o.Kind, n.Kind)
	}
}

// exactly refuses every difference: one version has one contract.
func (r *reading) exactly(o, n *Shape) {
	r.found = nil
	r.differ.shape(n.Name, o, n)
	for _, c := range r.found {
		if c.Rule != goTypeChanged {
			r.fault("the two contracts of one version differ: %v", c)
		}
	}
}

// codedBy lists the methods by which a type reads and writes itself.
func codedBy(s *Shape) string {
	var found []string
	for i := range s.Methods {
		switch m := &s.Methods[i]; {
		case m.Name == "MarshalJSON" || m.Name == "MarshalText":
			if m.Type == "func() ([]uint8, error)" {
				found = append(found, m.Name)
			}
		case m.Name == "UnmarshalJSON" || m.Name == "UnmarshalText":
			if m.Type == "func([]uint8) error" {
				found = append(found, m.Name)
			}
		}
	}
	slices.Sort(found)
	return codedByText(found)
}

func codedByText(methods []string) string {
	if len(methods) == 0 {
		return "encoding/json"
	}
	return strings.Join(methods, ", ")
}

// structs compares what is on the wire of a struct: the fields that both have. Of the others the policy and the tags
// decide, once there is a value.
func (r *reading) structs(name string, was, is map[string]via) {
	for _, wire := range slices.Sorted(maps.Keys(is)) {
		f := is[wire].Field
		for _, wrote := range append([]string{wire}, f.Aliases...) {
			if g, ok := was[wrote]; ok {
				r.field(name+"."+f.Name, reader.Key{Type: r.matched.types[name], Wire: wire}, &g.Field, &f)
				break
			}
		}
	}
}

func (r *reading) field(path string, key reader.Key, g, f *Field) {
	same, wider := r.differ.same(g.Type, f.Type), r.widens(g.Type, f.Type)
	if same || wider {
		was, is := jsonOptions(g.Tag).quoted, jsonOptions(f.Tag).quoted
		w := reader.Written{Quoted: was && !is, NotQuoted: is && !was, Widened: r.widenedIn(f.Type, map[string]bool{})}
		if wider {
			w.Widened = g.Type
		}
		if w != (reader.Written{}) {
			r.written[key] = w
		}
	}
	r.typed(path, g.Type, f.Type)
}

// widens reports whether a number of the type was is read as one of the type is.
func (r *reading) widens(was, is string) bool { return r.widen && !r.same && widens(was, is) }

// widenedIn returns the narrower type that numbers of a type, or in it, were written as, other structs aside.
func (r *reading) widenedIn(text string, seen map[string]bool) (was string) {
	if !r.widen {
		return ""
	}
	shape.MapWords(text, func(word string) string {
		n, o := r.new[word], r.counterpart(word, r.old)
		if n == nil || o == nil || seen[word] || was != "" {
			return word
		}
		seen[word] = true
		if r.widens(o.Kind, n.Kind) {
			was = o.Kind
		} else {
			was = r.widenedIn(n.Kind, seen)
		}
		return word
	})
	return was
}

// typed compares two type texts, and what they name.
func (r *reading) typed(path, was, is string) {
	switch {
	case r.differ.same(was, is):
		shape.MapWords(is, func(word string) string {
			r.shape(word)
			return word
		})
	case r.widens(was, is):
	case widens(was, is) && !r.same && len(r.distance) == 0:
		r.fault("%s: written as %s, and read as %s; DecodeOptions.Widen reads it", path, quoteText(was), quoteText(is))
	default:
		r.fault("%s: written as %s, and read as %s", path, quoteText(was), quoteText(is))
	}
}
