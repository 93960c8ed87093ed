// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/plugreg/plugreg/internal/version"
)

// known is a contract with what is computed of it once: a plugin of n versions makes n² pairs, and hashing a contract
// costs more than all else that is done with one.
type known struct {
	contract       Contract
	id             string // its identity
	digest, shapes Digest
	words          Digest // see wording; zero until somebody asks
}

func knownOf(c Contract) *known {
	k := &known{contract: c, id: c.identity()}
	k.digest, k.shapes = c.digests()
	return k
}

// wording is the digest of all that Diff looks at; zero where the contract cannot be written.
func (k *known) wording() Digest {
	if k.words.IsZero() {
		c := k.contract
		c.Name, c.Version = "", ""
		if doc, err := c.MarshalJSON(); err == nil {
			k.words = sha256.Sum256(doc)
		}
	}
	return k.words
}

// diff is Diff, which is not asked where the two say the same.
func (k *known) diff(next *known) Changes {
	if k.shapes == next.shapes && !k.wording().IsZero() && k.wording() == next.wording() {
		return nil
	}
	return Diff(k.contract, next.contract)
}

// release is a version of the candidate.
type release struct {
	*known
	own *evidence // what the baselines have of the very version; nil where it is new
}

// releases are the versions of the candidate, in its order.
func (g *gate) releases() (list []release) {
	for _, c := range g.candidate.Contracts {
		r := release{known: knownOf(c)}
		for _, e := range g.tree.byID[r.id] {
			if r.own == nil || e.digest == r.digest { // what is equal, where the baselines contradict each other
				r.own = e
			}
		}
		list = append(list, r)
	}
	return list
}

// check judges a version against all that is known. Without the candidate's other new versions, a generation that they
// skip would seem to be skipped. Alone says that nothing of what came before was to be compared with it.
func (g *gate) check(c release) (r Report, alone bool) {
	var all []*known
	for _, e := range g.tree.byName[c.contract.Name] {
		if e == c.own || e.id != c.id {
			all = append(all, e.known)
		}
	}
	for _, sibling := range g.versions {
		if sibling.contract.Name == c.contract.Name && sibling.id != c.id && sibling.own == nil {
			all = append(all, sibling.known)
		}
	}
	history, origin := make([]Contract, len(all)), make(map[*Contract]*known, len(all))
	for i, k := range all {
		history[i] = g.governed(k.contract)
		origin[&history[i]] = k
	}
	compared := false
	r = checkHistory(g.candidate.MinPolicy, g.governed(c.contract), history, func(_ Policy, old, _ *Contract, exact bool) Report {
		compared = true
		return g.pair(origin[old], c.known, exact)
	})
	if c.own != nil && isPre(c.contract.Version) { // which is no baseline of anything, so that nobody has looked at it
		return withOwn(g.pair(c.own.known, c.known, true), r), false
	}
	return r, !compared && r.Outcome == Compatible
}

// governed is the contract as the candidate's registry takes it: its policy stands for one that is not declared.
func (g *gate) governed(c Contract) Contract {
	c.Policy = strictest(strictest(Backward, g.candidate.Policy), c.Policy)
	return c
}

// pair judges the step between two versions as the candidate's registry would. Exceptions are looked at only where they
// are needed: without a change that is allowed, the step that it asked for would be refused.
func (g *gate) pair(old, new *known, exact bool) Report {
	was, is := g.governed(old.contract), g.governed(new.contract)
	if old.shapes == new.shapes {
		was.Shapes, is.Shapes = nil, nil // which are equal too, and need not be hashed
	}
	changes := old.diff(new)
	judge := func(c Changes) Report { return g.candidate.MinPolicy.judge(&was, &is, c, Backward, exact) }
	r := judge(changes)
	switch {
	case old.id == new.id:
		return republished(r, old.digest, new.digest)
	case r.Outcome != Incompatible:
		return r
	}
	excepted := map[Change]bool{}
	for _, c := range objectionable(changes, judge) {
		excepted[c] = g.except(c, old.id)
	}
	var left Changes
	for _, c := range changes {
		if !excepted[c] {
			left = append(left, c)
		}
	}
	return judge(left)
}

// objectionable are the changes that a step is refused for: those that its policy does not take, and of the others those
// that are too much for the version. None where no exception would help, for it is refused without any change.
func objectionable(changes Changes, judge func(Changes) Report) (found Changes) {
	for {
		r := judge(changes)
		if r.Outcome != Incompatible || r.apart() {
			return found
		}
		var left Changes
		for _, c := range changes {
			if r.objects(c) || r.Shape == Compatible && c.Severity > Cosmetic && c.Severity == changes.Severity() {
				found = append(found, c)
			} else {
				left = append(left, c)
			}
		}
		if len(left) == len(changes) {
			return nil
		}
		changes = left
	}
}

// apart says whether the two versions are of generations that need not fit each other.
func (r *Report) apart() bool {
	old, err := version.Parse(r.Old)
	new, err2 := version.Parse(r.New)
	return err == nil && err2 == nil && r.Policy.apart(old, new, r.Changes)
}

// republished refuses another contract of a released version, also where it was allowed to change anything, and where
// it differs in build metadata alone.
func republished(r Report, was, is Digest) Report {
	if was != is && r.Outcome == Compatible {
		r.Step, r.Outcome, r.Allowed = Incompatible, Incompatible, ""
		r.Reasons = []string{fmt.Sprintf("%s was released with the digest %v, and this is %v: a released version never changes; give it a new version", versionText(r.Old), was, is)}
	}
	return r
}

// withOwn adds the report on the same version to that on those before it, which say nothing where there are none.
func withOwn(own, r Report) Report {
	if r.Old == "" {
		return own
	}
	before := r.History
	r.History = nil
	return withHistory(slices.Concat([]Report{own, r}, before))
}
