// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/plugreg/plugreg/internal/version"
)

// Policy says which changes one version of a plugin may bring over another. The constants are ordered by strictness; a
// contract carries the policy that its plugin declares, and of several policies the strictest counts.
//
//	            shape                                   version                               payloads are read
//	Strict      equal ShapesDigest                      the same                              refusing unknown and missing fields
//	Full        as Backward, and the old reads the new  as Backward                           as Backward
//	Backward    nothing breaks                          same major, higher minor if added to  ignoring unknown, filling missing
//	Forward     anything                                next major if broken, else Backward   refusing unknown fields
//	Unchecked   anything                                not older                             ignoring unknown, filling missing
//
// While the major version is 0, Forward takes a breaking change with the next minor. Missing are fields that the writer
// always writes.
type Policy uint8

// The policies, laxest first.
const (
	// Default leaves it to others: to the registry's policy, else Backward. In a contract it stays Default.
	Default Policy = iota
	// Unchecked allows any change, as long as the version is not older.
	Unchecked
	// Forward allows any change; what breaks takes exactly the next major version. Readers refuse what they do not know.
	Forward
	// Backward allows what those who use the old version do not notice: the new version has all that the old one had,
	// and reads what was written under it.
	Backward
	// Full is Backward, and the old version reads what the new one writes, and means the same by it.
	Full
	// Strict allows no change of shape.
	Strict
)

var policyNames = [...]string{"default", "unchecked", "forward", "backward", "full", "strict"}

// String returns the policy's name in lower case.
func (p Policy) String() string { return enumText(policyNames[:], p, "policy") }

// MarshalText returns the form of String. A policy that is none of the constants is an error that matches [ErrInvalid].
func (p Policy) MarshalText() ([]byte, error) { return enumMarshal(policyNames[:], p, "policy") }

// UnmarshalText reads the form of String. The error matches [ErrInvalid].
func (p *Policy) UnmarshalText(text []byte) error {
	return enumUnmarshal(policyNames[:], p, "policy", text)
}

// Outcome is what a check came to. Only Compatible lets a version through.
type Outcome uint8

const (
	// Unknown says that there is not enough to judge by: nothing was checked, or evidence is missing, expired or
	// unreadable. The zero value.
	Unknown Outcome = iota
	// Compatible says that the policy allows the step.
	Compatible
	// Incompatible says that it does not.
	Incompatible
)

var outcomeNames = [...]string{"unknown", "compatible", "incompatible"}

// String returns the outcome's name in lower case.
func (o Outcome) String() string { return enumText(outcomeNames[:], o, "outcome") }

// MarshalText returns the form of String. An outcome that is none of the constants is an error that matches
// [ErrInvalid].
func (o Outcome) MarshalText() ([]byte, error) { return enumMarshal(outcomeNames[:], o, "outcome") }

// UnmarshalText reads the form of String. The error matches [ErrInvalid].
func (o *Outcome) UnmarshalText(text []byte) error {
	return enumUnmarshal(outcomeNames[:], o, "outcome", text)
}

// Check judges whether new may take the place of old under p, or under what old or new declares, if that is stricter.
// Where all of them are Default, that is Backward. Shape and version step are judged apart. Contracts of two plugins
// are Incompatible; a name or version that is none makes the outcome Unknown.
func (p Policy) Check(old, new Contract) Report {
	return p.judge(&old, &new, Diff(old, new), Backward, true)
}

// CheckHistory judges a version against all that came before it, for that each step was compatible does not say that
// the whole way is. The contracts of history may stand in any order; those of other plugins, of pre-releases and of
// later versions are left out. By the policy that Check would take for the pair, a version is judged
//
//   - under Strict, Full and Backward against all of its major version (of its minor version, while the major is 0),
//   - under Forward and Unchecked against the one before it; under Forward, a new major that breaks nothing is another
//     generation, as it is under the others.
//
// Versions stand side by side here, so Strict asks for equal shapes and not for one version. Only the step from the one
// before it must be exact; a release of the same precedence must be the same. The report is that on the nearest one
// which was found incompatible, else unknown, else on the nearest; History has those on the others. Its outcome is
// Unknown where history has nothing of the plugin that is not later, or something that has no version, and Compatible
// where all of it is of other generations.
func CheckHistory(p Policy, candidate Contract, history []Contract) Report {
	return checkHistory(p, candidate, history, func(p Policy, old, new *Contract, exact bool) Report {
		return p.judge(old, new, Diff(*old, *new), Backward, exact)
	})
}

// checkHistory leaves the judgement of a pair to its caller.
func checkHistory(p Policy, candidate Contract, history []Contract, judge func(p Policy, old, new *Contract, exact bool) Report) Report {
	alone := Report{Name: candidate.Name, New: candidate.Version, Policy: strictest(Backward, p, candidate.Policy)}
	ver, err := version.Parse(candidate.Version)
	if err != nil {
		alone.Reasons = []string{err.Error()}
		return alone
	}
	before := baselines(candidate, ver, history)
	if len(before) == 0 {
		alone.Reasons = []string{fmt.Sprintf("there is no earlier release of %q to compare with", clip(candidate.Name, 160))}
		return alone
	}
	var reports []Report
	for _, b := range before {
		q := strictest(Backward, p, b.Policy, candidate.Policy)
		if !b.unreadable && !q.covers(b.ver, ver, b.nearest) {
			continue
		}
		r := judge(p, b.Contract, &candidate, q.exact(b.ver, ver, b.nearest)).besideEachOther()
		if b.unreadable || !q.apart(b.ver, ver, r.Changes) {
			reports = append(reports, r)
		}
	}
	if len(reports) == 0 {
		alone.Shape, alone.Step, alone.Outcome = Compatible, Compatible, Compatible
		return alone
	}
	return withHistory(reports)
}

// withHistory returns the first of the worst reports, with the others as its history.
func withHistory(reports []Report) Report {
	worst := 0
	for i, r := range reports {
		if badness(r.Outcome) > badness(reports[worst].Outcome) {
			worst = i
		}
	}
	r := reports[worst]
	r.History = slices.Concat(reports[:worst], reports[worst+1:])
	return r
}

func badness(o Outcome) int {
	switch o {
	case Compatible:
		return 0
	case Unknown:
		return 1
	}
	return 2
}

// priorRelease is a contract that a later one is compared with.
type priorRelease struct {
	*Contract
	ver        version.Version
	nearest    bool // of the candidate's precedence, or of that of the release before it
	unreadable bool // its version is none
}

// baselines are the releases of the candidate's plugin that are not later, the nearest first, then what has no version.
// Their order does not depend on that of history.
func baselines(candidate Contract, ver version.Version, history []Contract) (before []priorRelease) {
	for i := range history {
		b := priorRelease{Contract: &history[i]}
		if b.Name != candidate.Name {
			continue
		}
		var err error
		b.ver, err = version.Parse(b.Version)
		b.unreadable = err != nil
		if b.unreadable || !b.ver.IsPre() && b.ver.Compare(ver) <= 0 {
			before = append(before, b)
		}
	}
	slices.SortFunc(before, func(a, b priorRelease) int {
		order := cmp.Or(rank(a.unreadable)-rank(b.unreadable), b.ver.Compare(a.ver), strings.Compare(a.Version, b.Version))
		if order == 0 {
			x, y := a.Digest(), b.Digest()
			order = slices.Compare(x[:], y[:])
		}
		return order
	})
	markNearest(before, ver)
	return before
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// markNearest finds those whose step to ver is exact: of the same precedence, and of the next lower one.
func markNearest(before []priorRelease, ver version.Version) {
	first := slices.IndexFunc(before, func(b priorRelease) bool { return b.ver.Compare(ver) < 0 })
	for i := range before {
		before[i].nearest = first < 0 || i < first || before[i].ver.Compare(before[first].ver) == 0
	}
}

// covers says whether versions of that distance are compared at all. They promise nothing to each other otherwise, and
// may serve side by side.
func (p Policy) covers(old, new version.Version, nearest bool) bool {
	if p >= Backward {
		return oneGeneration(old, new)
	}
	return nearest
}

// oneGeneration says whether two versions are of one major version, or of one minor version while that is 0.
func oneGeneration(a, b version.Version) bool {
	return a.Major == b.Major && (a.Major > 0 || a.Minor == b.Minor)
}

// exact says whether the step between versions that stand side by side is judged beside their shapes.
func (p Policy) exact(old, new version.Version, nearest bool) bool {
	return nearest && (p != Strict || old.Compare(new) == 0)
}

// apart says whether a new major version only begins another generation: under Forward that is known once it is known
// that nothing breaks.
func (p Policy) apart(old, new version.Version, c Changes) bool {
	return p == Forward && old.Major != new.Major && c.Severity() < Breaking
}

// strictest is the policy that counts where those are declared; fallback is for where none is.
func strictest(fallback Policy, declared ...Policy) Policy {
	if p := slices.Max(declared); p != Default {
		return p
	}
	return fallback
}

// judge judges changes that were found between old and new; exact is not set where versions between them make the step.
func (p Policy) judge(old, new *Contract, changes Changes, fallback Policy, exact bool) Report {
	r := Report{Policy: strictest(fallback, p, old.Policy, new.Policy), Name: new.Name, Old: old.Version, New: new.Version, Changes: changes}
	was, errOld := version.Parse(old.Version)
	is, errNew := version.Parse(new.Version)
	_, errPolicy := r.Policy.MarshalText()
	for _, err := range []error{checkName(new.Name), errOld, errNew, errPolicy} {
		if err != nil {
			r.Reasons = append(r.Reasons, err.Error())
		}
	}
	if len(r.Reasons) > 0 {
		return r
	}
	if old.Name != new.Name {
		r.Changes = nil // they mean nothing
		r.Shape, r.Step, r.Outcome = Incompatible, Incompatible, Incompatible
		r.Reasons = []string{fmt.Sprintf("these are contracts of two plugins, %q and %q", clip(old.Name, 160), new.Name)}
		return r
	}
	r.judgeShape(old, new)
	r.judgeStep(was, is, exact)
	r.Outcome = max(r.Shape, r.Step)
	if r.Shape == Compatible {
		r.Allowed = r.Policy.least(was, changes)
	}
	return r
}

func (r *Report) judgeShape(old, new *Contract) {
	r.Shape = Compatible
	refuse := func(format string, args ...any) {
		r.Shape = Incompatible
		r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
	}
	switch {
	case r.Policy == Strict:
		if a, b := old.ShapesDigest(), new.ShapesDigest(); a != b {
			refuse("strict allows no change of shape")
		}
	case r.Policy >= Backward && r.Changes.Severity() == Breaking:
		refuse("%v allows nothing that breaks", r.Policy)
	case r.Policy == Full && slices.ContainsFunc(r.Changes, func(c Change) bool { return c.Rule.oneWay() }):
		refuse("full allows nothing that %s does not read as %s means it", versionText(old.Version), versionText(new.Version))
	}
}

func (r *Report) judgeStep(was, is version.Version, exact bool) {
	r.Step = Compatible
	severity := r.Changes.Severity()
	var refusal string
	switch {
	case was.Compare(is) == 0 && r.Policy != Unchecked && r.Changes.republish():
		refusal = fmt.Sprintf("%v was released with another contract, and a released version never changes", was)
	case exact:
		refusal = r.Policy.step(was, is, severity)
	case r.Policy != Forward && r.Policy != Strict: // what was added in between has had its own step
		refusal = r.Policy.step(was, is, Cosmetic)
	}
	if refusal != "" {
		r.Step = Incompatible
		r.Reasons = append(r.Reasons, refusal)
	}
}
