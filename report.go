// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"strings"

	"github.com/plugreg/plugreg/internal/version"
)

// Report is the judgement of a [Policy] on one version that is to follow another.
//
// A Report is immutable by convention and safe for concurrent use.
type Report struct {
	// Policy is the one that was judged by: the strictest of those that had a say.
	Policy Policy `json:"policy"`
	// Name is the plugin; Old and New are the two versions. Old is empty where there was nothing to compare with.
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
	// Shape judges what changed, Step the distance of the versions, Outcome both.
	Shape   Outcome `json:"shape"`
	Step    Outcome `json:"step"`
	Outcome Outcome `json:"outcome"`
	// Reasons say why Outcome is not Compatible; empty where it is.
	Reasons []string `json:"reasons,omitempty"`
	// Allowed is the least version that the policy would have allowed the changes to take; empty where it allows none,
	// and where nothing was judged.
	Allowed string `json:"allowed,omitempty"`
	// Changes are all differences that count; those that [Gate] was told to except are not here.
	Changes Changes `json:"changes,omitempty"`
	// History has the reports on the other versions that [CheckHistory] compared with, the nearest first.
	History []Report `json:"history,omitempty"`
}

// Err returns nil where the outcome is Compatible, else an *[IncompatibleError].
func (r Report) Err() error {
	if r.Outcome == Compatible {
		return nil
	}
	return &IncompatibleError{Report: r}
}

// String returns the verdict in one line, then the reasons, what was found and what to do, in indented ones.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %s", clip(r.Name, 160), versionText(r.New))
	if r.Old != "" {
		fmt.Fprintf(&b, " after %s", versionText(r.Old))
	}
	fmt.Fprintf(&b, ": %v under policy %v (shape %v, step %v)", r.Outcome, r.Policy, r.Shape, r.Step)
	for _, reason := range r.Reasons {
		b.WriteString("\n  " + reason)
	}
	for _, c := range r.Changes {
		b.WriteString("\n  " + c.String())
		if r.objects(c) {
			b.WriteString("\n    " + c.Rule.Explain())
		}
	}
	if r.Outcome == Incompatible && (r.Allowed != "" || len(r.Changes) > 0) {
		b.WriteString("\n  " + r.advice())
	}
	for _, h := range r.History {
		if h.Outcome != Compatible {
			b.WriteString("\n" + h.String())
		}
	}
	return b.String()
}

// besideEachOther adds the next generation to what is allowed: where versions stand side by side, it may break what it
// likes, whatever the policy, for nobody is moved to it.
func (r Report) besideEachOther() Report {
	if r.Shape != Incompatible || r.Allowed != "" || len(r.Changes) == 0 {
		return r
	}
	if was, err := version.Parse(r.Old); err == nil {
		if next := nextFor(was, Breaking); exists(next) && !oneGeneration(was, next) {
			r.Allowed = next.String()
		}
	}
	return r
}

// objects says whether the change is one of those that the shape is refused for.
func (r *Report) objects(c Change) bool {
	return r.Shape == Incompatible && (c.Severity == Breaking || r.Policy == Strict && c.Severity > Cosmetic || r.Policy == Full && c.Rule.oneWay())
}

// advice says which version would be allowed, and under which policy.
func (r *Report) advice() string {
	if r.Allowed != "" {
		s := fmt.Sprintf("allowed: version %s", versionText(r.Allowed))
		was, err := version.Parse(r.Old)
		if next, err2 := version.Parse(r.Allowed); err == nil && err2 == nil && !oneGeneration(was, next) {
			s += ", which begins another generation"
		}
		return s
	}
	other := Backward
	if r.Changes.Severity() == Breaking {
		other = Forward
	}
	s := fmt.Sprintf("allowed: no version under policy %v", r.Policy)
	if v, err := version.Parse(r.Old); err == nil && r.Policy > other {
		if next := other.least(v, r.Changes); next != "" {
			s += fmt.Sprintf("; with policy %v, version %s", other, next)
		}
	}
	return s
}

// IncompatibleError refuses a version that a policy does not let follow another, or of which nothing is known. It
// matches [ErrContract]; [CodeOf] returns INCOMPATIBLE.
//
// An IncompatibleError is immutable by convention and safe for concurrent use.
type IncompatibleError struct {
	// Report has both sides and what is wrong.
	Report Report
}

// Error returns the report's text.
func (e *IncompatibleError) Error() string { return e.Report.String() }

// Is reports whether target is [ErrContract].
func (e *IncompatibleError) Is(target error) bool { return target == ErrContract }
