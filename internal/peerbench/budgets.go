// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/plugreg/plugreg/internal/peerbench/report"

// budgets are the bounds that plugreg sets itself. Ratios hold on any
// machine; times hold on one of 2 cores like the one BENCHMARKS.md names.
var budgets = []report.Budget{
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
	{Path: "DoInline, refused", Nanoseconds: 10,
		Row:    report.Row{Job: "Reject", Peer: "plugreg-inline"},
		Beside: report.Row{Job: "Reject", Peer: "gobreaker"}},
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
