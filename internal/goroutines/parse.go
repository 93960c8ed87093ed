// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Parse reads the text of a profile, as pprof writes it with debug=1. It takes any bytes: what it cannot read it skips
// and counts, and it keeps no more than the text is long. The error is [ErrFormat], where the first line is not that of
// a goroutine profile.
func Parse(text []byte) (Profile, error) { return parse(text, nil) }

// maxDepth bounds the frames of one record; the runtime itself goes no deeper than 1024.
const maxDepth = 4096

// parser reads one profile. Strings, frames and label sets occur many times over: each is made once.
type parser struct {
	out     Profile
	root    func(pc uint64) bool // nil: not known
	current *Record              // what the next line adds to; nil between records
	stack   []Frame              // the frames of current
	spare   []Frame              // where finished stacks are kept, in large pieces
	frames  map[string]place     // by line
	labels  map[string]map[string]string
	words   map[string]string
}

// place is a frame, and a hash of its function.
type place struct {
	Frame
	hash uint64
}

func parse(text []byte, root func(pc uint64) bool) (Profile, error) {
	first, rest := nextLine(text)
	total, ok := header(first)
	if !ok {
		return Profile{}, fmt.Errorf("%w: it begins with %.40q, not with \"goroutine profile: total\"", ErrFormat, first)
	}
	p := parser{root: root, frames: map[string]place{}, labels: map[string]map[string]string{}, words: map[string]string{}}
	p.out.Total = total
	for len(rest) > 0 {
		first, rest = nextLine(rest)
		if !p.line(first) {
			p.out.Skipped++
		}
	}
	p.finish()
	return p.out, nil
}

func nextLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte{'\n'})
	return line, rest
}

// header reads "goroutine profile: total 12".
func header(line []byte) (total int, ok bool) {
	name, number, found := bytes.Cut(line, []byte(" profile: total "))
	if !found || string(name) != All && string(name) != Proven {
		return 0, false
	}
	return count(number)
}

// count reads a number of goroutines.
func count(digits []byte) (n int, ok bool) {
	if len(digits) == 0 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' || n > math.MaxInt32/10-1 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// line reports whether it could read it.
func (p *parser) line(line []byte) bool {
	switch {
	case len(line) == 0:
		p.finish()
		return true
	case line[0] != '#':
		p.finish()
		return p.begin(line)
	case p.current == nil:
		return false
	}
	if labels, ok := bytes.CutPrefix(line, []byte("# labels: ")); ok {
		return p.label(labels)
	}
	return p.frame(line)
}

// begin reads "3 @ 0x480f6e 0x41626e", the addresses innermost first.
func (p *parser) begin(line []byte) bool {
	number, pcs, found := bytes.Cut(line, []byte(" @"))
	n, ok := count(number)
	if !found || !ok || n == 0 {
		return false
	}
	p.out.Records = append(p.out.Records, Record{Count: n, Stack: hashBasis, Cut: !p.complete(pcs)})
	p.current = &p.out.Records[len(p.out.Records)-1]
	p.stack = p.stack[:0]
	return true
}

// complete reports whether the outermost address is that of a root; where nobody can tell, it takes any.
func (p *parser) complete(pcs []byte) bool {
	last, ok := bytes.CutPrefix(pcs[bytes.LastIndexByte(pcs, ' ')+1:], []byte("0x"))
	if !ok || len(last) > 16 {
		return false
	}
	var pc uint64
	for _, c := range last {
		digit := strings.IndexByte("0123456789abcdef", c)
		if digit < 0 {
			return false
		}
		pc = pc<<4 | uint64(digit)
	}
	return p.root == nil || p.root(pc)
}

// finish ends the current record.
func (p *parser) finish() {
	if p.current == nil {
		return
	}
	if n := len(p.stack); n > 0 {
		if cap(p.spare)-len(p.spare) < n {
			p.spare = make([]Frame, 0, max(n, 1024))
		}
		from := len(p.spare)
		p.spare = append(p.spare, p.stack...)
		p.current.Frames = p.spare[from:len(p.spare):len(p.spare)]
	}
	p.current = nil
}

// frame reads "#", the address, the function with an offset, and file and line, with tabs between them: one or more
// before the last, which make columns.
func (p *parser) frame(line []byte) bool {
	at, known := p.frames[string(line)]
	if !known {
		var ok bool
		if at, ok = p.place(line); !ok {
			return false
		}
		p.frames[string(line)] = at
	}
	if len(p.stack) == maxDepth {
		p.current.Cut = true
		return false
	}
	p.stack = append(p.stack, at.Frame)
	p.current.Stack = (p.current.Stack ^ at.hash) * hashPrime
	return true
}

func (p *parser) place(line []byte) (place, bool) {
	rest, ok := bytes.CutPrefix(line, []byte("#\t0x"))
	if !ok {
		return place{}, false
	}
	_, rest, named := bytes.Cut(rest, []byte{'\t'})
	if !named { // code without a name, such as that of a C library
		return place{hash: hash("")}, true
	}
	function, rest, ok := bytes.Cut(rest, []byte{'\t'})
	plus := bytes.LastIndex(function, []byte("+0x"))
	rest = bytes.TrimLeft(rest, "\t")
	colon := bytes.LastIndexByte(rest, ':')
	if !ok || plus <= 0 || colon < 0 {
		return place{}, false
	}
	n, ok := count(rest[colon+1:])
	f := Frame{Func: p.word(function[:plus]), File: p.word(rest[:colon]), Line: n}
	return place{Frame: f, hash: hash(f.Func)}, ok
}

// word returns b as a string of which there is one.
func (p *parser) word(b []byte) string {
	w, ok := p.words[string(b)]
	if !ok {
		w = string(b)
		p.words[w] = w
	}
	return w
}

// label reads {"key":"value", "key":"value"}, each of them quoted as Go quotes strings.
func (p *parser) label(text []byte) bool {
	labels, known := p.labels[string(text)]
	if !known {
		labels = p.set(string(text))
		p.labels[string(text)] = labels
	}
	if labels == nil {
		p.current.Unreadable = true
		return false
	}
	p.current.Labels = labels
	return true
}

// set returns nil where it cannot read all of the text.
func (p *parser) set(text string) map[string]string {
	rest, ok := strings.CutPrefix(text, "{")
	labels := map[string]string{}
	for more := ok && rest != "}"; more; rest, more = strings.CutPrefix(rest, ", ") {
		var key, value string
		if key, rest, ok = quoted(rest); !ok {
			return nil
		}
		if rest, ok = strings.CutPrefix(rest, ":"); !ok {
			return nil
		}
		if value, rest, ok = quoted(rest); !ok {
			return nil
		}
		labels[p.word([]byte(key))] = p.word([]byte(value))
	}
	if !ok || rest != "}" {
		return nil
	}
	return labels
}

// quoted takes one quoted string off the beginning of text.
func quoted(text string) (s, rest string, ok bool) {
	if text == "" || text[0] != '"' {
		return "", "", false
	}
	q, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", "", false
	}
	s, err = strconv.Unquote(q)
	return s, text[len(q):], err == nil
}

// FNV-1a, over bytes and then over functions.
const (
	hashBasis = 14695981039346656037
	hashPrime = 1099511628211
)

func hash(s string) uint64 {
	h := uint64(hashBasis)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * hashPrime
	}
	return h
}
