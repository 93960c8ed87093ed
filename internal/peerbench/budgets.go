// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"

	"github.com/plugreg/plugreg/internal/peerbench/report"
)

// budgets are the bounds that plugreg sets itself. Ratios hold on any
// machine; times hold on one of 2 cores like the one BENCHMARKS.md names.
var budgets = slices.Concat(paths, refusals(), scaling())

var paths = []report.Budget{
	{Path: "Lookup among 127", Ratio: 0.6,
		Row:    report.Row{Job: "Lookup", Size: "127", Peer: "plugreg"},
		Beside: report.Row{Job: "Lookup", Size: "127", Peer: "plain-map-key24"}},
	{Path: "Lookup among 127, all cores", Ratio: 0.6,
		Row:    report.Row{Job: "LookupParallel", Size: "127", Peer: "plugreg"},
		Beside: report.Row{Job: "LookupParallel", Size: "127", Peer: "plain-map-key24"}},
	{Path: "Resolve among 10 versions, warm", Nanoseconds: 30,
		Row:    report.Row{Job: "Resolve", Size: "10", Peer: "plugreg"},
		Beside: report.Row{Job: "Resolve", Size: "10", Peer: "masterminds-parse-constraint"}},
	{Path: "Resolve among 100 versions, warm", Nanoseconds: 30,
		Row:    report.Row{Job: "Resolve", Size: "100", Peer: "plugreg"},
		Beside: report.Row{Job: "Resolve", Size: "100", Peer: "masterminds-parse-constraint"}},
	{Path: "Register, each of 10,000", Nanoseconds: 2000, Allocs: -1,
		Row:    report.Row{Job: "Register", Size: "10000", Peer: "plugreg"},
		Beside: report.Row{Job: "Register", Size: "10000", Peer: "dig-deferred"}},
	{Path: "DoInline without a deadline", Nanoseconds: 40,
		Row:    report.Row{Job: "Guard", Peer: "plugreg-inline"},
		Beside: report.Row{Job: "Guard", Peer: "gobreaker"}},
	{Path: "DoInline without a deadline, two cores over one", Ratio: 0.6,
		Row:    report.Row{Job: "GuardParallel", Peer: "plugreg-inline"},
		Beside: report.Row{Job: "Guard", Peer: "plugreg-inline"}},
	{Path: "DoInline with a deadline", Nanoseconds: 160, Allocs: 1,
		Row:    report.Row{Job: "Guard", Peer: "plugreg-inline-deadline"},
		Beside: report.Row{Job: "Guard", Peer: "context-with-timeout"}},
	// One of these allocations is the benchmark's own: the result that its closure captures.
	{Path: "Do with a deadline, detached", Nanoseconds: 1000, Allocs: 3 + 1,
		Row:    report.Row{Job: "Guard", Peer: "plugreg-detached"},
		Beside: report.Row{Job: "Guard", Peer: "goroutine-ctx-timeout"}},
	{Path: "Call with a deadline, detached", Nanoseconds: 1000, Allocs: 4,
		Row:    report.Row{Job: "Guard", Peer: "plugreg-call"},
		Beside: report.Row{Job: "Guard", Peer: "failsafe-breaker-bulkhead-timeout"}},
	{Path: "DoInline without a deadline, at most 64 at a time", Nanoseconds: 40,
		Row:    report.Row{Job: "Guard", Peer: "plugreg-inline-bulkhead"},
		Beside: report.Row{Job: "Guard", Peer: "gobreaker"}},
	{Path: "DoInline without a deadline, with profiler labels", Extra: 6,
		Row:    report.Row{Job: "Guard", Peer: "plugreg-inline-labels"},
		Beside: report.Row{Job: "Guard", Peer: "plugreg-inline"}},
	{Path: "DoInline, a panic with its stack", Nanoseconds: 2000, Allocs: -1,
		Row:    report.Row{Job: "Panic", Peer: "plugreg-inline"},
		Beside: report.Row{Job: "Panic", Peer: "recover-debug-stack"}},
	{Path: "env.Go", Extra: 60, Allocs: -1,
		Row:    report.Row{Job: "Go", Peer: "plugreg-env-go"},
		Beside: report.Row{Job: "Go", Peer: "limit-go"}},
	{Path: "Codec.Decode, 2 KB of the same version", Ratio: 1.5, Allocs: -1,
		Row:    report.Row{Job: "Decode", Peer: "plugreg"},
		Beside: report.Row{Job: "Decode", Peer: "plain-encoding-json"}},
	{Path: "marking a map of 1,000,000, beside bare names", Ratio: 1.0 / 3, Allocs: -1,
		Row:    report.Row{Job: "GC", Size: "1000000", Peer: "plugreg-map"},
		Beside: report.Row{Job: "GC", Size: "1000000", Peer: "plain-map-string-func"}},
	{Path: "marking a map of 1,000,000, beside strings that say the same", Ratio: 1.0 / 3, Allocs: -1,
		Row:    report.Row{Job: "GC", Size: "1000000", Peer: "plugreg-map"},
		Beside: report.Row{Job: "GC", Size: "1000000", Peer: "map-fullstring-func"}},
}

// refusals say that a refused call costs next to nothing, whatever it is refused for.
func refusals() (all []report.Budget) {
	for _, why := range []string{"closed", "open", "disabled", "saturated"} {
		all = append(all, report.Budget{Path: "DoInline, refused: " + why, Nanoseconds: 10,
			Row:    report.Row{Job: "Reject", Peer: "plugreg-" + why},
			Beside: report.Row{Job: "Reject", Peer: "gobreaker"}})
	}
	return all
}

// scaling says that no call costs more where another core calls as well.
func scaling() (all []report.Budget) {
	for _, job := range []struct {
		name  string
		peers []string
	}{
		{"Guard", []string{"plugreg-inline", "plugreg-inline-bulkhead", "plugreg-inline-labels", "plugreg-inline-resource", "plugreg-inline-deadline",
			"plugreg-inline-everything", "plugreg-detached", "plugreg-detached-everything", "plugreg-call"}},
		{"Reject", []string{"plugreg-closed", "plugreg-open", "plugreg-disabled", "plugreg-saturated"}},
	} {
		for _, peer := range job.peers {
			all = append(all, report.Budget{Path: job.name + ", " + peer + ", two cores over one", Ratio: 1, Allocs: -1,
				Row:    report.Row{Job: job.name + "Parallel", Peer: peer},
				Beside: report.Row{Job: job.name, Peer: peer}})
		}
	}
	return all
}
