// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plugreg/plugreg"
)

func diffCommand() command {
	return command{name: "diff", args: "OLD NEW", text: "print what changed, who notices, and which policy allows it", more: `
OLD and NEW are two contract documents, or two snapshots: then the newest versions of each plugin are compared. "-" is
standard input. The exit code is 0 whatever changed, unless -policy asks for a verdict: then it is 1 where a step is
refused or a plugin is gone, and 3 where there is nothing to compare.`,
		prepare: func(s *session, flags *flag.FlagSet) action {
			c := comparison{policies: []plugreg.Policy{plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Full, plugreg.Strict}}
			flags.Func("policy", "judge by the `policy` unchecked, forward, backward, full or strict, or by what the contracts\n"+
				"declare if that is stricter; \"default\" is what they declare, else backward", c.judgeBy)
			f := styleFlag(flags)
			return func(files []string) (int, error) {
				if len(files) != 2 {
					return exitUsage, wanted("two documents, OLD and NEW", files)
				}
				c.old, c.new = files[0], files[1]
				return s.diff(c, *f)
			}
		}}
}

// comparison is what is to be compared.
type comparison struct {
	old, new string // files
	policies []plugreg.Policy
	judges   bool // the only policy decides
}

func (c *comparison) judgeBy(name string) error {
	c.judges, c.policies = true, make([]plugreg.Policy, 1)
	return c.policies[0].UnmarshalText([]byte(name))
}

func (s *session) diff(c comparison, f style) (int, error) {
	old, err := s.document(c.old)
	if err != nil {
		return exitUsage, err
	}
	new, err := s.document(c.new)
	if err != nil {
		return exitUsage, err
	}
	if (old.snapshot == nil) != (new.snapshot == nil) {
		return exitUsage, fmt.Errorf("want two contracts or two snapshots, found %s in %s and %s in %s", old.what(), c.old, new.what(), c.new)
	}
	d := compare(old.newest(), new.newest(), c.policies)
	d.expire(old, new)
	if !c.judges {
		d.Outcome = nil
	}
	switch f {
	case styleJSON:
		err = s.json(d)
	case styleGitHub:
		s.annotateDifference(d, c.new)
	default:
		s.difference(d)
	}
	return d.code(), err
}

// difference is the result of diff. The fields are those of the JSON document.
type difference struct {
	// Outcome is the judgement of the one policy that was asked for; nil where none was.
	Outcome *plugreg.Outcome `json:"outcome,omitempty"`
	Plugins []pair           `json:"plugins"`
	// Removed and Added are the plugins, with their versions, that only the old or the new snapshot has.
	Removed []identity `json:"removed"`
	Added   []identity `json:"added"`
	// Expired says which of the two snapshots is no evidence any more, so that nothing is compatible.
	Expired []string `json:"expired"`
}

type identity struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// pair is the comparison of two versions.
type pair struct {
	Old      identity         `json:"old"`
	New      identity         `json:"new"`
	Severity plugreg.Severity `json:"severity"`
	// Required is the least version that may carry the changes by SemVer; empty where no number is left for it.
	Required string    `json:"required_version"`
	Changes  []finding `json:"changes"`
	Verdicts []verdict `json:"verdicts"`
}

// finding is a change with the words for it.
type finding struct {
	plugreg.Change
	Text string `json:"text"`
}

// verdict is the report on one policy, without the changes.
type verdict struct {
	// Asked is the policy that was asked for; the report has the one that counts.
	Asked plugreg.Policy `json:"asked"`
	plugreg.Report
}

// compare pairs contracts by name; two single ones are a pair in any case.
func compare(old, new []plugreg.Contract, policies []plugreg.Policy) difference {
	d := difference{Plugins: []pair{}, Removed: []identity{}, Added: []identity{}, Expired: []string{}}
	alone := len(old) == 1 && len(new) == 1
	for _, o := range old {
		i := slices.IndexFunc(new, func(n plugreg.Contract) bool { return alone || n.Name == o.Name })
		if i < 0 {
			d.Removed = append(d.Removed, identityOf(o))
			continue
		}
		d.Plugins = append(d.Plugins, comparePair(o, new[i], policies))
	}
	for _, n := range new {
		if !alone && !slices.ContainsFunc(old, func(o plugreg.Contract) bool { return o.Name == n.Name }) {
			d.Added = append(d.Added, identityOf(n))
		}
	}
	outcome := d.outcome()
	d.Outcome = &outcome
	return d
}

func identityOf(c plugreg.Contract) identity { return identity{c.Name, c.Version} }

func (i identity) String() string { return i.Name + " " + i.Version }

func comparePair(old, new plugreg.Contract, policies []plugreg.Policy) pair {
	changes := plugreg.Diff(old, new)
	p := pair{Old: identityOf(old), New: identityOf(new), Severity: changes.Severity(), Changes: []finding{}}
	p.Required, _ = changes.RequiredVersion(old.Version) // no number left: there is no such version
	for _, c := range changes {
		p.Changes = append(p.Changes, finding{c, c.Rule.Explain()})
	}
	for _, policy := range policies {
		r := policy.Check(old, new)
		r.Changes = nil
		p.Verdicts = append(p.Verdicts, verdict{policy, r})
	}
	return p
}

// outcome joins the verdicts of the first policy. A plugin that is gone is missed by those who use it.
func (d difference) outcome() plugreg.Outcome {
	outcome := plugreg.Compatible
	switch {
	case len(d.Removed) > 0:
		return plugreg.Incompatible
	case len(d.Plugins) == 0:
		return plugreg.Unknown
	}
	for _, p := range d.Plugins {
		outcome = worse(outcome, p.Verdicts[0].Outcome)
	}
	return outcome
}

// worse is Incompatible where one of them is, else Unknown where one is.
func worse(a, b plugreg.Outcome) plugreg.Outcome {
	if a == plugreg.Incompatible || b == plugreg.Incompatible {
		return plugreg.Incompatible
	}
	return min(a, b)
}

func (d *difference) expire(old, new document) {
	for _, side := range []struct {
		name string
		document
	}{{"old", old}, {"new", new}} {
		if side.snapshot != nil && side.snapshot.Expired(time.Now()) {
			d.Expired = append(d.Expired, fmt.Sprintf("the %s snapshot expired at %s", side.name, instant(side.snapshot.Expires)))
			*d.Outcome = worse(*d.Outcome, plugreg.Unknown)
		}
	}
}

func (d difference) code() int {
	if d.Outcome == nil {
		return exitPass
	}
	return exitCode(*d.Outcome)
}

// exitCode takes everything that is not known to be compatible or incompatible for unknown.
func exitCode(o plugreg.Outcome) int {
	switch o {
	case plugreg.Compatible:
		return exitPass
	case plugreg.Incompatible:
		return exitIncompatible
	}
	return exitUnknown
}

// difference prints the result for people.
func (s *session) difference(d difference) {
	for i, p := range d.Plugins {
		if i > 0 {
			s.out.WriteString("\n")
		}
		s.pair(p)
	}
	if len(d.Plugins) == 0 {
		s.out.WriteString("there is no plugin in both\n")
	}
	for _, r := range d.Removed {
		fmt.Fprintf(s.out, "\n%v is gone\n", r)
	}
	for _, a := range d.Added {
		fmt.Fprintf(s.out, "\n%v is new\n", a)
	}
	for _, text := range d.Expired {
		fmt.Fprintf(s.out, "\n%s\n", text)
	}
	if d.Outcome != nil {
		fmt.Fprintf(s.out, "\n%v\n", *d.Outcome)
	}
}

func (s *session) pair(p pair) {
	fmt.Fprintf(s.out, "%v -> %v\n", p.Old, p.New)
	for _, c := range p.Changes {
		fmt.Fprintf(s.out, "  %v\n    %s\n", c.Change, c.Text)
	}
	if len(p.Changes) == 0 {
		s.out.WriteString("  no change\n")
	}
	fmt.Fprintf(s.out, "  required version: %s\n", cmp.Or(p.Required, "none is left"))
	for _, v := range p.Verdicts {
		fmt.Fprintf(s.out, "  policy %-9v  %s\n", v.Asked, v.text())
	}
}

// text is the verdict on a line.
func (v verdict) text() string {
	text := v.Outcome.String()
	if v.Asked != v.Policy {
		text += fmt.Sprintf(", by policy %v", v.Policy) // what counts where nothing is declared, or what is
	}
	if len(v.Reasons) > 0 {
		text += ": " + strings.Join(v.Reasons, "; ")
	}
	if v.Outcome == plugreg.Incompatible {
		text += "; allowed: " + cmp.Or(v.Allowed, "no version")
	}
	return text
}

// annotateDifference writes an annotation for each change and one for each refusal, the worst first: GitHub shows ten of
// a level.
func (s *session) annotateDifference(d difference, file string) {
	if d.Outcome != nil {
		for _, text := range d.Expired {
			s.annotate(annotation{"error", file, "expired", text})
		}
		for _, p := range d.Plugins {
			if v := p.Verdicts[0]; v.Outcome != plugreg.Compatible {
				s.annotate(annotation{"error", file, p.New.String() + ": " + v.Outcome.String(), v.text()})
			}
		}
		for _, r := range d.Removed {
			s.annotate(annotation{"error", file, r.String() + " is gone", "those who use it miss it"})
		}
	}
	for _, severity := range []plugreg.Severity{plugreg.Breaking, plugreg.Additive, plugreg.Cosmetic} {
		for _, p := range d.Plugins {
			for _, c := range p.Changes {
				if c.Severity == severity {
					s.annotate(annotation{level(severity), file, fmt.Sprintf("%v: %s", p.New, c.Rule), c.Change.String() + "\n" + c.Text})
				}
			}
		}
	}
}

// level is that of a change which nobody has judged.
func level(s plugreg.Severity) string {
	if s == plugreg.Breaking {
		return "warning"
	}
	return "notice"
}
