// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"strings"
)

// GateReport is what [Gate] came to.
//
// A GateReport is immutable by convention and safe for concurrent use.
type GateReport struct {
	// Outcome is Compatible where everything is known to be; Incompatible where anything was refused, else Unknown.
	Outcome Outcome `json:"outcome"`
	// Reports judge the plugins of the candidate, in its order.
	Reports []Report `json:"reports"`
	// Problems are what was refused beside that, or could not be found out. Each is one line.
	Problems []string `json:"problems,omitempty"`
	// Notes are what a reader should know, and what refuses nothing.
	Notes []string `json:"notes,omitempty"`
	// Excepted are the changes that exceptions let through, each once.
	Excepted Changes `json:"excepted,omitempty"`
	// Unused are exceptions that let nothing through, each of which is a problem too.
	Unused []Exception `json:"unused,omitempty"`
}

// Err returns nil where the outcome is Compatible, else an error that matches [ErrContract] and has the report's text;
// an *[IncompatibleError] of each plugin that is not let through can be found in it.
func (g GateReport) Err() error {
	if g.Outcome == Compatible {
		return nil
	}
	return &gateError{g}
}

// String returns the outcome in one line, then everything that led to it.
func (g GateReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "gate: %v, plugins: %d", g.Outcome, len(g.Reports))
	for _, p := range g.Problems {
		b.WriteString("\nproblem: " + p)
	}
	for _, r := range g.Reports {
		b.WriteString("\n" + r.String())
	}
	for _, c := range g.Excepted {
		b.WriteString("\nexcepted: " + c.String())
	}
	for _, n := range g.Notes {
		b.WriteString("\nnote: " + n)
	}
	return b.String()
}

// gateError refuses a release.
type gateError struct{ report GateReport }

func (e *gateError) Error() string { return e.report.String() }

// Unwrap returns what is wrong with each plugin, and that it has to do with contracts.
func (e *gateError) Unwrap() []error {
	errs := []error{ErrContract}
	for _, r := range e.report.Reports {
		if err := r.Err(); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
