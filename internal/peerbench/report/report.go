// SPDX-License-Identifier: Apache-2.0

// Package report turns the output of go test -bench, repeated any number of
// times, into Markdown tables of medians and spreads, and holds some of them
// against a budget. Rows are told apart by name alone: samples of one name
// are one row, whichever process or round they come from. What tests observed
// of peers' behaviour becomes a table of words.
package report

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Report holds the samples of any number of runs. It is not safe for concurrent use.
type Report struct {
	CPU      string // as go test names it; empty where it does not
	tables   []*table
	observed []Observation
}

// A table is one job at one size.
type table struct {
	job   string
	size  string // empty for jobs without one
	rows  []*row
	units []string // in order of appearance
}

// A row holds the samples of one peer, by unit.
type row struct {
	peer    string
	samples map[string][]float64
}

// A benchmark is named Benchmark<job>/<peer>[/n=<size>]; go test adds the number of cores, unless it is 1.
var line = regexp.MustCompile(`^Benchmark(\w+)/([^/\s]+?)(?:/n=(\d+))?(?:-\d+)?\s+\d+\s+(.*)$`)

// Read adds the samples and the observations in the output of go test. Lines
// that are neither are passed over. A figure that is not a number is an error,
// and so is an observation that lacks a field.
func (r *Report) Read(output io.Reader) error {
	in := bufio.NewScanner(output)
	for in.Scan() {
		if name, ok := strings.CutPrefix(in.Text(), "cpu: "); ok {
			r.CPU = name
		}
		if o, ok, err := observation(in.Text()); err != nil {
			return fmt.Errorf("line %q: %w", in.Text(), err)
		} else if ok {
			r.observed = append(r.observed, o)
		}
		m := line.FindStringSubmatch(in.Text())
		if m == nil {
			continue
		}
		if err := r.table(m[1], m[3]).add(m[2], strings.Fields(m[4])); err != nil {
			return fmt.Errorf("line %q: %w", in.Text(), err)
		}
	}
	return in.Err()
}

// table returns the table of a job and size; a new one follows the job's others.
func (r *Report) table(job, size string) *table {
	at := len(r.tables)
	for i, t := range r.tables {
		if t.job == job && t.size == size {
			return t
		}
		if t.job == job {
			at = i + 1
		}
	}
	t := &table{job: job, size: size}
	r.tables = slices.Insert(r.tables, at, t)
	return t
}

// add records the values and units that follow the iteration count.
func (t *table) add(peer string, fields []string) error {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.peer == peer })
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, &row{peer, map[string][]float64{}})
	}
	for ; len(fields) >= 2; fields = fields[2:] {
		v, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			return err
		}
		unit := fields[1]
		if !slices.Contains(t.units, unit) {
			t.units = append(t.units, unit)
		}
		t.rows[i].samples[unit] = append(t.rows[i].samples[unit], v)
	}
	return nil
}

// WriteTables writes one table for each job and size: plugreg's rows first, the others in order of appearance.
func (r *Report) WriteTables(w io.Writer) {
	for _, t := range r.tables {
		t.write(w)
	}
}

func (t *table) write(w io.Writer) {
	time, others, base := t.time(), t.others(), t.base()
	fmt.Fprintf(w, "\n## %s\n\n| peer | %s | min – max | × %s |%s\n|---|---:|---:|---:|%s\n",
		t.title(), time, base.peer, cells(others), strings.Repeat("---:|", len(others)))
	rows := slices.Clone(t.rows)
	slices.SortStableFunc(rows, func(a, b *row) int { return rank(a.peer) - rank(b.peer) })
	limit := median(base.samples[time])
	for _, r := range rows {
		s := r.samples[time]
		figures := []string{number(median(s)), number(slices.Min(s)) + " – " + number(slices.Max(s)), number(median(s) / limit)}
		for _, u := range others {
			figures = append(figures, optional(r.samples[u]))
		}
		fmt.Fprintf(w, "| %s |%s\n", r.peer, cells(figures))
	}
}

func (t *table) title() string {
	if t.size == "" {
		return t.job
	}
	return t.job + ", n = " + t.size
}

// time is the unit that rows are compared by: per operation unless a benchmark reports what tells more.
func (t *table) time() string {
	for _, unit := range []string{"ns/plugin", "mark-ns/GC"} {
		if slices.Contains(t.units, unit) {
			return unit
		}
	}
	return "ns/op"
}

// others are the units shown beside the time; figures per operation mean nothing where the time is of something else.
func (t *table) others() []string {
	time := t.time()
	return slices.DeleteFunc(slices.Clone(t.units), func(u string) bool {
		return u == "ns/op" || u == time || time != "ns/op" && strings.HasSuffix(u, "/op")
	})
}

// base is the row that ratios refer to: the first plain map, else the first limit, else the first row.
func (t *table) base() *row {
	for _, prefix := range []string{"plain-", "limit-"} {
		for _, r := range t.rows {
			if strings.HasPrefix(r.peer, prefix) {
				return r
			}
		}
	}
	return t.rows[0]
}

func rank(peer string) int {
	if strings.HasPrefix(peer, "plugreg") {
		return 0
	}
	return 1
}

func cells(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(" " + escaped(text) + " |")
	}
	return b.String()
}

func optional(samples []float64) string {
	if len(samples) == 0 {
		return "–"
	}
	return number(median(samples))
}

func median(s []float64) float64 {
	s = slices.Sorted(slices.Values(s))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// number shows three digits, or all digits of the whole number from 100 on.
func number(v float64) string {
	if v < 99.95 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
