// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
)

// A Row names one row of one table.
type Row struct {
	Job  string // the benchmark's name without "Benchmark"
	Size string // "127"; empty for jobs without sizes
	Peer string
}

// A Budget bounds the median time of a row, and its allocations.
type Budget struct {
	Path        string  // what is measured, for people
	Row         Row     // the row that is bounded
	Beside      Row     // the row it is shown beside
	Nanoseconds float64 // the most it may take; zero: not bounded
	Ratio       float64 // the most it may take as a multiple of Beside; zero: not bounded
	Extra       float64 // the most nanoseconds it may take more than Beside; zero: not bounded
	Allocs      float64 // the most allocations an operation; negative: not bounded
}

// WriteBudgets writes one line for each budget and returns how many are not
// met: one of which a row was not measured is not met.
func (r *Report) WriteBudgets(w io.Writer, budgets []Budget) (missed int) {
	fmt.Fprint(w, "\n| path | measured | beside | ratio | allocs | budget | met |\n|---|---:|---:|---:|---:|---|---|\n")
	for _, b := range budgets {
		if !r.writeBudget(w, b) {
			missed++
		}
	}
	return missed
}

func (r *Report) writeBudget(w io.Writer, b Budget) (met bool) {
	measured, allocs, ok := r.median(b.Row)
	beside, _, besideOK := r.median(b.Beside)
	if !ok || !besideOK {
		fmt.Fprintf(w, "| %s | – | – | – | – | %s | not measured |\n", b.Path, b)
		return false
	}
	ratio, extra, shown := measured/beside, measured-beside, "–"
	if b.Allocs >= 0 {
		shown = number(allocs)
	}
	compared := number(ratio)
	if b.Extra > 0 {
		compared += " (" + signed(extra) + " ns)"
	}
	met = within(measured, b.Nanoseconds) && within(ratio, b.Ratio) && within(extra, b.Extra) && (b.Allocs < 0 || allocs <= b.Allocs)
	fmt.Fprintf(w, "| %s | %s ns | %s ns (%s) | %s | %s | %s | %s |\n",
		b.Path, number(measured), number(beside), b.Beside.Peer, compared, shown, b, word(met))
	return met
}

// String lists the bounds.
func (b Budget) String() string {
	var bounds []string
	if b.Nanoseconds > 0 {
		bounds = append(bounds, "≤ "+number(b.Nanoseconds)+" ns")
	}
	if b.Ratio > 0 {
		bounds = append(bounds, "≤ "+number(b.Ratio)+" ×")
	}
	if b.Extra > 0 {
		bounds = append(bounds, "≤ "+number(b.Extra)+" ns more")
	}
	if b.Allocs >= 0 {
		bounds = append(bounds, number(b.Allocs)+" allocs")
	}
	return strings.Join(bounds, ", ")
}

func signed(v float64) string {
	if v < 0 {
		return "-" + number(-v)
	}
	return "+" + number(v)
}

func within(v, most float64) bool { return most == 0 || v <= most }

// median returns a row's median time and allocations per operation; ok is false where there is no such row.
func (r *Report) median(of Row) (time, allocs float64, ok bool) {
	for _, t := range r.tables {
		if t.job != of.Job || t.size != of.Size {
			continue
		}
		for _, row := range t.rows {
			if row.peer != of.Peer {
				continue
			}
			if s := row.samples["allocs/op"]; len(s) > 0 {
				allocs = median(s)
			}
			return median(row.samples[t.time()]), allocs, true
		}
	}
	return 0, 0, false
}

func word(met bool) string {
	if met {
		return "yes"
	}
	return "**no**"
}
