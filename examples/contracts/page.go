// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// width is how many columns there are.
const width = 110

// page collects what is printed, in lines of at most width columns, and what is not as it should be.
type page struct {
	text  strings.Builder
	held  int
	wrong []error
}

// expect notes whether something is as it was meant to be.
func (p *page) expect(ok bool, format string, args ...any) {
	if ok {
		p.held++
		return
	}
	p.wrong = append(p.wrong, fmt.Errorf("not as expected: "+format, args...))
}

func (p *page) end() {
	p.title("%d OF %d EXPECTATIONS HOLD", p.held, p.held+len(p.wrong))
}

func (p *page) title(format string, args ...any) {
	if p.text.Len() > 0 {
		p.gap()
	}
	fmt.Fprintf(&p.text, format+"\n", args...) // a strings.Builder takes everything
}

// say prints a paragraph.
func (p *page) say(format string, args ...any) { p.paragraph("  ", fmt.Sprintf(format, args...)) }

// lead prints what leads to the next thing.
func (p *page) lead(text string) {
	p.gap()
	p.paragraph("", text)
}

func (p *page) paragraph(indent, text string) {
	p.text.WriteString(strings.Join(wrap(text, indent, indent, width), "\n") + "\n")
}

// quote prints a text of several lines, which are indented by themselves.
func (p *page) quote(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		at := "    " + line[:len(line)-len(trimmed)]
		p.text.WriteString(strings.Join(wrap(trimmed, at, at+"  ", width), "\n") + "\n")
	}
}

func (p *page) gap() { p.text.WriteString("\n") }

// wrap breaks text between words, none of which is broken.
func wrap(text, first, next string, width int) (lines []string) {
	line, empty := first, true
	for _, word := range strings.Fields(text) {
		switch {
		case empty:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = next + word
		default:
			line += " " + word
		}
		empty = false
	}
	return append(lines, line)
}

// table lines up columns. The last one is broken where it does not fit.
func (p *page) table(rows ...[]string) {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line, last := "  ", len(row)-1
		for i, cell := range row[:last] {
			line += cell + strings.Repeat(" ", wide[i]+2-utf8.RuneCountInString(cell))
		}
		next := strings.Repeat(" ", utf8.RuneCountInString(line))
		for _, line := range wrap(row[last], line, next, width) {
			p.text.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
}

var (
	packages = regexp.MustCompile(`[\w.-]+/[\w./-]*/`)
	digests  = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)
)

// short leaves out the paths of packages, and most of each digest.
func short(text string) string {
	return digests.ReplaceAllString(packages.ReplaceAllString(text, ""), "$1…")
}
