// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/plugreg/plugreg"
)

func gateCommand() command {
	return command{name: "gate", args: "SNAPSHOT", text: "judge whether the plugins of a snapshot may be released", more: `
Each plugin is judged against the baselines of it that were released before, by the policies that they and it declare, and
by those of the registry, which stand in the snapshot. "-" is standard input. The gate passes only where every plugin is
known to be compatible: a missing, expired or unreadable baseline is exit code 3, and so is a -baseline that does not exist.`,
		prepare: func(s *session, flags *flag.FlagSet) action {
			var g gating
			flags.StringVar(&g.baseline, "baseline", "", "`directory` of the contracts that were released before")
			flags.StringVar(&g.exceptions, "exceptions", "", "`file` with what may break for once (none)")
			flags.StringVar(&g.publish, "publish", "", "`directory` to store the contracts of a snapshot in that passes (none);\nother content is never overwritten")
			flags.BoolVar(&g.first, "new", false, "let plugins through that have no baseline at all: first releases")
			flags.Func("min-policy", "judge by the `policy` at least, where what counts otherwise is laxer (that of the snapshot)",
				func(name string) error { return g.floor.UnmarshalText([]byte(name)) })
			f := styleFlag(flags)
			return func(args []string) (int, error) {
				switch {
				case g.baseline == "":
					return exitUsage, misuse{errors.New("want -baseline with a directory, found none")}
				case len(args) != 1:
					return exitUsage, wanted("one snapshot", args)
				}
				g.snapshot = args[0]
				return s.gate(g, *f)
			}
		}}
}

// gating is what is to be judged, and by what.
type gating struct {
	baseline, exceptions, publish, snapshot string
	floor                                   plugreg.Policy // beside that of the snapshot
	first                                   bool           // plugins without any baseline pass
}

func (s *session) gate(g gating, f style) (int, error) {
	if code, err := g.look(); err != nil {
		return code, err
	}
	candidate, err := s.snapshot(g.snapshot)
	if err != nil {
		return exitUsage, err
	}
	exceptions, err := s.exceptions(g.exceptions)
	if err != nil {
		return exitUsage, err
	}
	candidate.MinPolicy = max(candidate.MinPolicy, g.floor)
	baselines := os.DirFS(g.baseline)
	if g.first {
		exceptions = append(exceptions, firstReleases(candidate, baselines)...)
	}
	r := gateResult{GateReport: plugreg.Gate(candidate, baselines, exceptions)}
	code := exitCode(r.Outcome)
	if g.publish != "" && code == exitPass {
		code, r.failed = g.store(candidate)
		if r.failed == nil {
			r.Published = g.publish
		}
	}
	return code, errors.Join(s.gateResult(r, g.snapshot, f), r.failed)
}

// gateResult is the result of gate. The fields are those of the JSON document.
type gateResult struct {
	plugreg.GateReport
	// Published is the directory where the candidate's contracts are stored now; empty where they were not stored.
	Published string `json:"published,omitempty"`
	failed    error  // to publish
}

// look checks the baseline directory. One that is not there is missing evidence, also with -new: its name may be wrong.
func (g gating) look() (int, error) {
	info, err := os.Stat(g.baseline)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return exitUnknown, fmt.Errorf("%s: want the directory of baselines, found none; create it before a first release", g.baseline)
	case err != nil:
		return exitUsage, fmt.Errorf("%s: want the directory of baselines, found: %w", g.baseline, cause(err))
	case !info.IsDir():
		return exitUsage, fmt.Errorf("%s: want the directory of baselines, found a file", g.baseline)
	}
	return exitPass, nil
}

func (s *session) exceptions(file string) ([]plugreg.Exception, error) {
	if file == "" {
		return nil, nil
	}
	const what = "a document of exceptions"
	data, err := s.read(file, what)
	if err != nil {
		return nil, err
	}
	list, err := plugreg.ReadExceptions(data)
	if err != nil {
		return nil, fmt.Errorf("%s: want %s, found: %w", file, what, err)
	}
	return list, nil
}

// firstReleases except the plugins of which no baseline is known, not even one that is no earlier release. Files that
// cannot be read are no concern of it: Gate does not let anything pass because of them.
func firstReleases(candidate plugreg.Snapshot, baselines fs.FS) (list []plugreg.Exception) {
	known := map[string]bool{}
	for _, name := range documents(baselines) {
		data, err := fs.ReadFile(baselines, name)
		if err != nil {
			continue
		}
		d, _ := parseDocument(data)
		for _, c := range d.newest() {
			known[c.Name] = true
		}
	}
	for _, c := range (document{snapshot: &candidate}).newest() {
		if !known[c.Name] {
			list = append(list, plugreg.Exception{Rule: "no-baseline", Path: c.Name, Reason: "a first release", Expires: time.Now().AddDate(0, 0, 1)})
		}
	}
	return list
}

// documents are the names of all files of a tree that Gate takes for documents.
func documents(tree fs.FS) (names []string) {
	_ = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case name != "." && strings.HasPrefix(path.Base(name), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || !strings.EqualFold(path.Ext(name), ".json"):
			return nil
		}
		if info, err := fs.Stat(tree, name); err == nil && info.Mode().IsRegular() { // also behind a link
			names = append(names, name)
		}
		return nil
	})
	return names
}

// store publishes what has passed. A released version that is another now is incompatible with itself.
func (g gating) store(candidate plugreg.Snapshot) (int, error) {
	err := plugreg.PublishBaseline(g.publish, candidate)
	switch {
	case err == nil:
		return exitPass, nil
	case errors.Is(err, plugreg.ErrRepublished):
		return exitIncompatible, fmt.Errorf("%s: want these versions or none there, found: %w", g.publish, err)
	}
	return exitUsage, fmt.Errorf("%s: want a directory to publish in, found: %w", g.publish, err)
}

func (s *session) gateResult(r gateResult, file string, f style) error {
	switch f {
	case styleJSON:
		return s.json(r)
	case styleGitHub:
		s.annotateGate(r, file)
	default:
		fmt.Fprintf(s.out, "%v\n", r.GateReport)
		if r.Published != "" {
			fmt.Fprintf(s.out, "published in %s\n", r.Published)
		}
	}
	return nil
}

// annotateGate writes an annotation for each finding, what refuses first: GitHub shows ten of a level.
func (s *session) annotateGate(r gateResult, file string) {
	for _, problem := range r.Problems {
		s.annotate(annotation{"error", file, "plugreg gate", problem})
	}
	if r.failed != nil {
		s.annotate(annotation{"error", file, "plugreg gate: not published", r.failed.Error()})
	}
	reports := flatten(r.Reports)
	for _, report := range reports {
		s.annotateReport(report, file)
	}
	s.annotateChanges(reports, file)
	for _, c := range r.Excepted {
		s.annotate(annotation{"notice", file, "excepted: " + string(c.Rule), c.String()})
	}
	for _, note := range r.Notes {
		s.annotate(annotation{"notice", file, "plugreg gate", note})
	}
}

// flatten lists the reports that refuse, with those in their histories.
func flatten(reports []plugreg.Report) (all []plugreg.Report) {
	for _, r := range reports {
		if r.Outcome != plugreg.Compatible {
			all = append(all, r)
		}
		all = append(all, flatten(r.History)...)
	}
	return all
}

// annotateReport says why a version is not let through.
func (s *session) annotateReport(r plugreg.Report, file string) {
	title := fmt.Sprintf("%s %s: %v", r.Name, r.New, r.Outcome)
	if r.Old != "" {
		title = fmt.Sprintf("%s %s after %s: %v", r.Name, r.New, r.Old, r.Outcome)
	}
	text := verdict{r.Policy, r}.text()
	if least, err := r.Changes.RequiredVersion(r.Old); err == nil && r.Outcome == plugreg.Incompatible {
		text += "\nrequired version of these changes: " + least
	}
	s.annotate(annotation{"error", file, title, text})
}

// annotateChanges shows each change once, however many baselines it is a change from: the breaking ones first.
func (s *session) annotateChanges(reports []plugreg.Report, file string) {
	seen := map[string]bool{}
	for _, level := range []string{"error", "notice"} {
		for _, r := range reports {
			for _, c := range r.Changes {
				title, text := fmt.Sprintf("%s %s: %s", r.Name, r.New, c.Rule), c.String()+"\n"+c.Rule.Explain()
				if breaks := c.Severity == plugreg.Breaking; breaks == (level == "error") && !seen[title+text] {
					seen[title+text] = true
					s.annotate(annotation{level, file, title, text})
				}
			}
		}
	}
}
