// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// width is how many columns there are.
const width = 116

// page prints as the program goes, and remembers what did not hold.
type page struct {
	out    io.Writer
	colour bool
	err    error // the first of writing
	held   int
	wrong  []error
}

var (
	heads = regexp.MustCompile(`(?m)^([0-9]+ OF | *[A-Z][A-Z0-9]).*$`)
	good  = regexp.MustCompile(`\b(holds|closed)\b`)
	bad   = regexp.MustCompile(`\b(FAILS|(half-)?open|disabled)\b`)
)

func (p *page) print(text string) {
	if p.colour {
		text = heads.ReplaceAllString(text, "\x1b[1m$0\x1b[22m")
		text = good.ReplaceAllString(text, "\x1b[32m$0\x1b[39m")
		text = bad.ReplaceAllString(text, "\x1b[31m$0\x1b[39m")
	}
	if p.err == nil {
		_, p.err = io.WriteString(p.out, text)
	}
}

func (p *page) title(format string, args ...any) { p.print("\n" + fmt.Sprintf(format, args...) + "\n") }

// say prints a paragraph.
func (p *page) say(format string, args ...any) {
	line := " "
	for _, word := range strings.Fields(fmt.Sprintf(format, args...)) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.print(line + "\n")
			line = " "
		}
		line += " " + word
	}
	p.print(line + "\n")
}

// claim says that something holds, or does not.
func (p *page) claim(ok bool, format string, args ...any) {
	text, verdict := fmt.Sprintf(format, args...), "holds"
	if ok {
		p.held++
	} else {
		verdict, p.wrong = "FAILS", append(p.wrong, fmt.Errorf("does not hold: %s", text))
	}
	p.say("%s %s", verdict, text)
}

// table lines up columns: to the right where the second row begins with a digit.
func (p *page) table(rows ...[]string) {
	p.print("\n")
	for _, row := range rows {
		line := " "
		for i, cell := range row {
			wide, left := 0, "-"
			for _, other := range rows {
				wide = max(wide, utf8.RuneCountInString(other[i]))
			}
			if first := rows[min(1, len(rows)-1)][i]; first != "" && unicode.IsDigit(rune(first[0])) {
				left = ""
			}
			line += fmt.Sprintf(" %"+left+"*s ", wide, cell)
		}
		p.print(strings.TrimRight(line, " ") + "\n")
	}
}

// ms writes a time as the story tells it.
func ms(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// spark draws values as bars, on a scale from zero to top, which is more than that.
func spark(values []time.Duration, top time.Duration) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, v := range values {
		b.WriteRune(bars[min(int(v)*len(bars)/int(top), len(bars)-1)])
	}
	return b.String()
}

// terminal says whether somebody looks.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
