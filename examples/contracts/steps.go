// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/contracts/gateway"
)

// policies are those that judge, strictest first.
var policies = [...]plugreg.Policy{plugreg.Strict, plugreg.Full, plugreg.Backward, plugreg.Forward, plugreg.Unchecked}

// step is a version that is to follow another; strictest is the strictest policy that should let it through, as all
// laxer ones should.
type step struct {
	old, new  string
	strictest plugreg.Policy
}

// steps shows what changed and what each policy says.
func (t *tour) steps() {
	t.title("STEP BY STEP")
	t.say("A policy judges the shape, which is what changed, and the step, which is how far the version moved. Both have to be " +
		"right. The question is whether the new version may take the place of the old one. LEAST is the least version that the " +
		"policy would take. The policies, strictest first:")
	t.gap()
	t.table(
		[]string{"strict", "nothing changes, not even the version"},
		[]string{"full", "as backward, and the old version reads what the new one writes, and means the same by it"},
		[]string{"backward", "nothing breaks; what is added takes the next minor version; stays within one major version"},
		[]string{"forward", "anything may change, and what breaks takes exactly the next major version"},
		[]string{"unchecked", "anything goes, as long as the version is not older"})
	for _, s := range [...]step{
		{"1.1.0", "1.2.3", plugreg.Full},
		{"1.2.3", "1.2.4", plugreg.Full},
		{"1.2.4", "1.3.0", plugreg.Backward},
		{"1.3.0", "2.0.0", plugreg.Forward},
		{"1.3.0", "1.3.1", plugreg.Unchecked},
	} {
		t.step(s)
	}
}

func (t *tour) step(s step) {
	old, new := t.contracts[s.old], t.contracts[s.new]
	changes := plugreg.Diff(old, new)
	t.title("%s -> %s: %s", s.old, s.new, t.summary(s.new))
	t.changes(changes)
	least, err := changes.RequiredVersion(s.old)
	t.expect(err == nil, "a version that may follow %s: %v", s.old, err)
	t.say("By SemVer this takes at least %s.", least)
	rows := [][]string{{"POLICY", "SHAPE", "STEP", "VERDICT", "LEAST", "WHY NOT"}}
	for _, p := range policies {
		r := p.Check(old, new)
		rows = append(rows, []string{p.String(), yes(r.Shape), yes(r.Step), r.Outcome.String(), cmp.Or(r.Allowed, "none"), short(strings.Join(r.Reasons, "; "))})
		t.expect((r.Outcome == plugreg.Compatible) == (p <= s.strictest), "%v for %s -> %s: %v", p, s.old, s.new, r.Outcome)
		t.expect((r.Err() == nil) == (r.Outcome == plugreg.Compatible), "the error of %v for %s -> %s: %v", p, s.old, s.new, r.Err())
	}
	t.gap()
	t.table(rows...)
}

func (t *tour) summary(version string) string {
	i := slices.IndexFunc(plugins(), func(p plugreg.Plugin[gateway.Gateway]) bool { return p.Version == version })
	return plugins()[i].Summary
}

func yes(o plugreg.Outcome) string {
	if o == plugreg.Compatible {
		return "yes"
	}
	return "no"
}

// changes shows those that somebody notices one by one, and others by rule.
func (t *tour) changes(all plugreg.Changes) {
	rows := [][]string{{"CHANGE", "RULE", "WHERE", "WHAT", "WHO NOTICES"}}
	quiet := map[plugreg.Rule]int{} // row by rule
	for _, c := range all {
		row := []string{c.Severity.String(), string(c.Rule), c.Path, was(c), cmp.Or(c.Affects, "nobody")}
		if c.Severity > plugreg.Cosmetic {
			rows = append(rows, row)
			continue
		}
		if i := quiet[c.Rule]; i > 0 {
			rows[i][2] += ", " + c.Path
			continue
		}
		quiet[c.Rule] = len(rows)
		row[3] = ""
		rows = append(rows, row)
	}
	t.table(rows...)
}

func was(c plugreg.Change) string {
	switch {
	case c.Old == "":
		return short(c.New) + " is new"
	case c.New == "":
		return short(c.Old) + " is gone"
	}
	return short(c.Old) + " -> " + short(c.New)
}

// history shows why one step does not make a way: whoever built 1.3.2 on 1.3.1 sees no change, and breaks all who came
// before.
func (t *tour) history() {
	candidate := t.contracts["1.3.1"]
	candidate.Version = "1.3.2"
	all := append(slices.Clone(t.released), t.contracts["1.3.1"])
	t.title("THE WHOLE WAY")
	t.say("Suppose that 1.3.1 got out, and 1.3.2 is built on it without a change. One step looks fine; the history does not.")
	t.gap()
	report := plugreg.CheckHistory(plugreg.Backward, candidate, all)
	rows := [][]string{{"1.3.2 AFTER", "SHAPE", "STEP", "VERDICT", "WHY NOT"}}
	reports := append([]plugreg.Report{report}, report.History...)
	slices.SortFunc(reports, func(a, b plugreg.Report) int { return strings.Compare(b.Old, a.Old) })
	for _, r := range reports {
		rows = append(rows, []string{r.Old, yes(r.Shape), yes(r.Step), r.Outcome.String(), strings.Join(r.Reasons, "; ")})
		t.expect((r.Outcome == plugreg.Compatible) == (r.Old == "1.3.1"), "1.3.2 after %s: %v", r.Old, r.Outcome)
	}
	t.table(rows...)
	t.expect(len(reports) == 5, "comparisons with all of major version 1: %d", len(reports))
	t.say("CheckHistory under %v: %v. 2.0.0 is a later version and has no say.", report.Policy, report.Outcome)
	t.expect(report.Outcome == plugreg.Incompatible, "the history of 1.3.2: %v", report.Outcome)
	clean := plugreg.CheckHistory(plugreg.Backward, t.contracts["1.3.0"], t.released)
	t.say("The same for 1.3.0, against %d versions: %v.", 1+len(clean.History), clean.Outcome)
	t.expect(clean.Outcome == plugreg.Compatible && len(clean.History) == 3, "the history of 1.3.0: %v", clean)
}
