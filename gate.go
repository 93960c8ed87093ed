// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/plugreg/plugreg/internal/version"
)

// Gate judges whether the plugins of candidate may be released after those in baselines, a tree of JSON files each of
// which is a contract or a snapshot. It is what a build runs before it publishes; [VerifyContracts] is the same as a
// test.
//
// Each contract is judged by [CheckHistory] under the policies that it and its baselines declare, as the registry would
// that the candidate was taken of: the candidate's Policy stands for those that declare none (Backward, where it is
// Default itself), and its MinPolicy for those that are laxer. Other new versions in candidate count as history too.
// There must be a baseline: a plugin without one, one that is known from expired snapshots alone, and a file that cannot
// be read or contradicts another make the outcome Unknown, and never Compatible. What is refused although a baseline has
// expired is refused all the same. So is a version that was published with another contract, whatever its policy, and a
// plugin that was released and that candidate lacks: whoever mounts it is broken. A version that begins another
// generation is compared with nothing, and a note says so.
//
// Each exception lets through the one change that it fits, where that is refused: one that the policy does not take, or
// that is too much for the version. One that has expired lets nothing through, and one that nothing needs is refused, so
// that none outlives its reason. No exception lets a released version change, nor a Strict one.
//
// Of the tree all files are read whose names end in .json, but for documents of exceptions and for what begins with a
// dot: at most 100,000 files, 64 MiB each, 1 GiB together. Links to directories are problems, for what is behind them is
// not read.
func Gate(candidate Snapshot, baselines fs.FS, exceptions []Exception) GateReport {
	now := time.Now()
	g := gate{now: now, tree: readBaselines(baselines, now, defaultTreeLimits()), candidate: candidate.sorted(), exceptions: exceptions, used: make([]bool, len(exceptions))}
	g.Reports = []Report{} // in JSON an array, also where there are none
	g.unknown(g.tree.problems...)
	g.versions = g.releases()
	g.inspect()
	for _, c := range g.versions {
		g.judge(c)
	}
	g.removals()
	g.leftovers()
	g.Outcome = Compatible
	switch {
	case g.refused:
		g.Outcome = Incompatible
	case g.unsure:
		g.Outcome = Unknown
	}
	return g.GateReport
}

// gate is one run.
type gate struct {
	GateReport
	now             time.Time
	tree            *baselineTree
	candidate       Snapshot
	versions        []release // of the candidate
	exceptions      []Exception
	used            []bool // exceptions
	refused, unsure bool
}

func (g *gate) unknown(problems ...string) {
	g.Problems = append(g.Problems, problems...)
	g.unsure = g.unsure || len(problems) > 0
}

func (g *gate) refuse(format string, args ...any) {
	g.Problems = append(g.Problems, fmt.Sprintf(format, args...))
	g.refused = true
}

// inspect looks at the candidate as a whole.
func (g *gate) inspect() {
	if g.candidate.Expired(g.now) {
		g.unknown(fmt.Sprintf("the candidate's snapshot expired at %s: take a new one", g.candidate.Expires.UTC().Format(time.RFC3339)))
	}
	if len(g.versions) == 0 {
		g.unknown("the candidate has no plugins")
	}
	for i, c := range g.versions {
		if i > 0 && c.id == g.versions[i-1].id && c.digest != g.versions[i-1].digest {
			g.refuse("%q stands in the candidate with two contracts", clip(c.id, 320))
		}
	}
}

// judge judges one version.
func (g *gate) judge(c release) {
	r, alone := g.check(c)
	name, ver := c.contract.Name, c.contract.Version
	switch {
	case isFirst(r) && g.except(Change{Rule: noBaseline, Path: name, New: ver}, ""):
		r.Shape, r.Step, r.Outcome, r.Reasons = Compatible, Compatible, Compatible, nil
	case r.Outcome == Compatible && g.onlyExpired(name, r):
		r.Outcome = Unknown
		r.Reasons = append(r.Reasons, "what it is compatible with is known from expired snapshots alone: take a new one, or publish a baseline")
	case alone:
		g.Notes = append(g.Notes, fmt.Sprintf("%q %s begins another generation: it was compared with nothing", clip(name, 160), versionText(ver)))
	}
	g.refused = g.refused || r.Outcome == Incompatible
	g.unsure = g.unsure || r.Outcome == Unknown
	g.Reports = append(g.Reports, r)
	g.platforms(r)
}

// isFirst reports whether a version has nothing before it.
func isFirst(r Report) bool {
	_, err := version.Parse(r.New)
	return r.Outcome == Unknown && r.Old == "" && err == nil && checkName(r.Name) == nil
}

func isPre(ver string) bool {
	v, err := version.Parse(ver)
	return err == nil && v.IsPre()
}

// except reports whether an exception fits the change, and keeps it then.
func (g *gate) except(c Change, baseline string) (fits bool) {
	for i, e := range g.exceptions {
		if e.fits(c, baseline) && e.valid() {
			g.used[i] = true
			fits = fits || !e.expired(g.now)
		}
	}
	if fits && !slices.Contains(g.Excepted, c) {
		g.Excepted = append(g.Excepted, c)
	}
	return fits
}

// onlyExpired reports whether all that the baselines have of what was compared is expired; where nothing was to be
// compared, of the plugin.
func (g *gate) onlyExpired(name string, r Report) bool {
	compared := map[string]bool{r.Old: true}
	for _, h := range r.History {
		compared[h.Old] = true
	}
	expired := 0
	for _, e := range g.tree.byName[name] {
		if r.Old != "" && !compared[e.contract.Version] {
			continue
		}
		if !e.expired() {
			return false
		}
		expired++
	}
	return expired > 0
}

// platforms notes where a shape may be another because another platform described it.
func (g *gate) platforms(r Report) {
	elsewhere := map[string][]*evidence{} // by version
	for _, e := range g.tree.byName[r.Name] {
		if !e.on(g.candidate.Platform) {
			elsewhere[e.contract.Version] = append(elsewhere[e.contract.Version], e)
		}
	}
	for _, h := range append([]Report{r}, r.History...) {
		if len(h.Changes) == 0 {
			continue
		}
		for _, e := range elsewhere[h.Old] {
			g.Notes = append(g.Notes, fmt.Sprintf("%q in %q was described on %s, and the candidate on %s: a type may have another shape there; compare on one platform",
				e.id, e.origins[0].file, e.origins[0].platform, placeText(g.candidate.Platform)))
		}
	}
}

// removals refuse plugins that were released and are missing.
func (g *gate) removals() {
	here := map[string]bool{}
	for _, c := range g.candidate.Contracts {
		here[c.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(g.tree.byName)) {
		if here[name] {
			continue
		}
		last := g.tree.lastRelease(name)
		switch {
		case last == "":
			g.Notes = append(g.Notes, fmt.Sprintf("%q is gone, of which there were pre-releases alone", name))
		case !g.except(Change{Rule: pluginRemoved, Path: name, Old: last, Affects: "caller", Severity: Breaking}, last):
			g.refuse("%s: %q was released, and the candidate does not have the plugin; keep it, or except the rule %s at the path %s since %s", pluginRemoved, last, pluginRemoved, name, last)
		}
	}
}

// lastRelease is the identity of the newest release of a plugin; empty where there is none.
func (b *baselineTree) lastRelease(name string) (last string) {
	var newest version.Version
	for _, e := range b.byName[name] {
		if v, err := version.Parse(e.contract.Version); err == nil && !v.IsPre() && (last == "" || v.Compare(newest) > 0) {
			newest, last = v, e.id
		}
	}
	return last
}

// leftovers refuse exceptions that have let nothing through.
func (g *gate) leftovers() {
	for i, e := range g.exceptions {
		switch {
		case !e.valid():
			e.check(func(key string, err error) { g.refuse("the exception %s: %s: %v", e, key, err) })
		case !g.used[i]:
			g.refuse("the exception %s fits nothing that is refused: remove it", e)
		case e.expired(g.now):
			g.refuse("the exception %s expired after %s: mend what it excepts, or renew it", e, e.Expires.UTC().Format(time.DateOnly))
		case e.Baseline != "":
			g.Notes = append(g.Notes, fmt.Sprintf("the exception %s holds until %s: %s", e, e.Expires.UTC().Format(time.DateOnly), clip(e.Reason, 512)))
		}
		if !g.used[i] || e.expired(g.now) {
			g.Unused = append(g.Unused, e)
		}
	}
}
