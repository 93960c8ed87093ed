// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// An Observation is what one peer did about one fault.
type Observation struct {
	Fault string // for people
	Peer  string
	Seen  string // what it did
	Known string // what it did when somebody looked at it last; empty: nobody has
}

// mark begins the line of an observation.
const mark = "observed"

// String is the line that Read knows it by; space within a field is one blank there.
func (o Observation) String() string {
	fields := []string{mark, o.Fault, o.Peer, o.Seen, o.Known}
	for i, f := range fields {
		fields[i] = strings.Join(strings.Fields(f), " ")
	}
	return strings.Join(fields, "\t")
}

// Changed reports whether it is not what is known.
func (o Observation) Changed() bool { return o.Seen != o.Known }

// Changes returns the observations that are not what is known, in the order in which they were read.
func (r *Report) Changes() (all []Observation) {
	for _, o := range r.observed {
		if o.Changed() {
			all = append(all, o)
		}
	}
	return all
}

// observation reads the line of one; ok is false where it is none.
func observation(line string) (o Observation, ok bool, err error) {
	text, ok := strings.CutPrefix(line, mark+"\t")
	if !ok {
		return o, false, nil
	}
	fields := strings.Split(text, "\t")
	if len(fields) != 4 {
		return o, false, fmt.Errorf("%d fields where an observation has 4", len(fields))
	}
	return Observation{fields[0], fields[1], fields[2], fields[3]}, true, nil
}

// WriteObservations writes a table of what was seen, faults downwards and peers across, plugreg first, each in order of
// appearance; nothing where nothing was.
func (r *Report) WriteObservations(w io.Writer) {
	if len(r.observed) == 0 {
		return
	}
	var faults, peers []string
	seen := map[[2]string]string{}
	for _, o := range r.observed {
		faults, peers = once(faults, o.Fault), once(peers, o.Peer)
		seen[[2]string{o.Fault, o.Peer}] = o.Seen
	}
	slices.SortStableFunc(peers, func(a, b string) int { return rank(a) - rank(b) })
	fmt.Fprintf(w, "\n## Faults\n\n| what happens |%s\n|---|%s\n", cells(peers), strings.Repeat("---|", len(peers)))
	for _, f := range faults {
		row := make([]string, len(peers))
		for i, p := range peers {
			if row[i] = seen[[2]string{f, p}]; row[i] == "" {
				row[i] = "–"
			}
		}
		fmt.Fprintf(w, "| %s |%s\n", escaped(f), cells(row))
	}
}

func once(all []string, one string) []string {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}

// escaped keeps text within its cell.
func escaped(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
