// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxBytes  = 16 << 20  // of a document, or of each value in an envelope
	maxLevels = 100       // objects and lists, one in the other
	maxValues = 1_000_000 // of any kind, in one document
)

// input reads payloads: tokens of JSON, from the left to the right, over zero values.
//
// After the first error of syntax there is nothing left to read: what looks for more finds the end, and says no more.
type input struct {
	run
	data    []byte
	pos     int
	depth   int
	values  int
	broken  *Error   // no JSON, or a bound was passed; the only error then
	flaw    string   // what is wrong in the string just read, until someone reports it
	scratch []byte   // for strings with escapes
	spare   [][]byte // for keys, while values are skipped
	passing bool     // what is read is thrown away, so that the range of numbers does not matter
}

func newInput(data []byte) *input {
	d := &input{data: data}
	d.at, d.given = make(path, 0, 8), make([]string, 0, 32) // what most payloads need
	d.json = true
	return d
}

// limit ends the reading where a document, or a value in an envelope, has too many bytes.
func (d *input) limit(size int) {
	if size > maxBytes {
		d.stop(fmt.Sprintf("%d bytes", size), "at most 16 MiB")
	}
}

// stop ends the reading where a bound is passed. Of the path, the beginning is enough.
func (d *input) stop(have, want string) {
	d.breakOff(Error{Path: d.at.start().String(), Have: have, Want: want})
}

// syntax ends the reading where there is no JSON.
func (d *input) syntax(want string) {
	found := "the end"
	if d.pos < len(d.data) {
		r, size := utf8.DecodeRune(d.data[d.pos:])
		found = strconv.QuoteRune(r)
		if r == utf8.RuneError && size == 1 {
			found = fmt.Sprintf("the byte 0x%02x", d.data[d.pos])
		}
	}
	d.breakOff(Error{Path: d.at.String(), Have: fmt.Sprintf("%s at byte %d, which is no JSON", found, d.pos), Want: want})
}

func (d *input) breakOff(e Error) {
	if d.broken == nil {
		e.payload = true
		d.broken = &e
	}
	d.pos, d.stopped = len(d.data), true
}

// verdict is what was wrong so far: nil, that there is no JSON, or all faults.
func (d *input) verdict() error {
	if d.broken != nil {
		return d.broken
	}
	if len(d.faults) > 0 {
		return d.err()
	}
	return nil
}

// peek is the next byte behind white space, and 0 at the end.
func (d *input) peek() byte {
	for i, data := d.pos, d.data; i < len(data); i++ {
		switch c := data[i]; c {
		case ' ', '\n', '\t', '\r':
		default:
			d.pos = i
			return c
		}
	}
	d.pos = len(d.data)
	return 0
}

// next is peek at a value, and counts it.
func (d *input) next() byte {
	if d.values++; d.values > maxValues {
		d.stop("more than 1,000,000 values", "at most 1,000,000")
	}
	return d.peek()
}

// enter goes into an object or list, at whose first byte it is.
func (d *input) enter() {
	d.pos++
	if d.depth++; d.depth > maxLevels {
		d.stop("values nested more than 100 deep", "at most 100 levels")
	}
}

// more reports whether a member or element follows, and leaves the object or list where none does.
func (d *input) more(end byte, first bool) bool {
	switch c := d.peek(); {
	case c == end:
		d.pos++
		d.depth--
		return false
	case first:
	case c == ',':
		d.pos++
	default:
		d.around("a comma or " + string(end))
	}
	return d.broken == nil
}

// key reads a member's key and the colon; what it returns holds as long as that of text.
func (d *input) key() []byte {
	if d.peek() != '"' {
		d.around("a key in quotes")
		return nil
	}
	at := d.at
	d.at = at[:max(len(at)-1, 0)]
	k := d.text()
	d.at = at
	if d.peek() != ':' {
		d.around("a colon")
		return nil
	}
	d.pos++
	return k
}

// around is syntax for what belongs to the object or list, in whose last member or element the path still is.
func (d *input) around(want string) {
	at := d.at
	d.at = at[:max(len(at)-1, 0)]
	d.syntax(want)
	d.at = at
}

// end expects nothing but white space.
func (d *input) end() {
	if d.peek() != 0 || d.pos < len(d.data) {
		d.syntax("nothing behind the value")
	}
}

// literal reads one of the three words.
func (d *input) literal(word string) {
	if !bytes.HasPrefix(d.data[d.pos:], []byte(word)) {
		d.syntax("a value")
		return
	}
	d.pos += len(word)
}

// verbatim are the bytes that stand for themselves in a string and end nothing.
var verbatim = func() (p [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		p[c] = c != '"' && c != '\\'
	}
	return p
}()

// text reads a string, at whose quote it is. What it returns must not be changed, and holds until the next call.
func (d *input) text() []byte {
	data := d.data
	start := d.pos + 1
	for i := start; i < len(data); i++ {
		if c := data[i]; !verbatim[c] {
			if c == '"' {
				d.pos = i + 1
				return data[start:i:i]
			}
			return d.hardText(start, i)
		}
	}
	return d.hardText(start, len(data))
}

// hardText is text with more than ASCII in it, from i on.
func (d *input) hardText(start, i int) []byte {
	d.scratch = append(d.scratch[:0], d.data[start:i]...)
	for d.pos = i; d.pos < len(d.data); {
		c := d.data[d.pos]
		switch {
		case verbatim[c]:
			d.scratch = append(d.scratch, c)
			d.pos++
		case c == '"':
			d.pos++
			return d.scratch
		case c == '\\':
			d.escape()
		case c < ' ':
			d.syntax("a string without control characters")
		default:
			r, size := utf8.DecodeRune(d.data[d.pos:])
			if r == utf8.RuneError && size == 1 {
				d.flaw = "a string that is not valid UTF-8"
			}
			d.scratch = utf8.AppendRune(d.scratch, r)
			d.pos += size
		}
	}
	d.syntax("the end of a string")
	return nil
}

func (d *input) escape() {
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	d.pos++
	if d.pos < len(d.data) {
		if c := d.data[d.pos]; c == 'u' {
			d.unicode()
			return
		} else if i := bytes.IndexByte([]byte(from), c); i >= 0 {
			d.scratch = append(d.scratch, to[i])
			d.pos++
			return
		}
	}
	d.syntax(`one of "\/bfnrtu behind a backslash`)
}

// unicode reads what follows a backslash and begins with u, and a second one of these where the first is half a pair.
func (d *input) unicode() {
	r := d.hex(d.pos + 1)
	if r < 0 {
		d.syntax("four hexadecimal digits behind \\u")
		return
	}
	d.pos += 5
	if utf16.IsSurrogate(r) {
		second := rune(-1)
		if bytes.HasPrefix(d.data[d.pos:], []byte(`\u`)) {
			second = d.hex(d.pos + 2)
		}
		if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
			d.flaw = "a string with half a surrogate pair"
		} else {
			d.pos += 6
		}
	}
	d.scratch = utf8.AppendRune(d.scratch, r)
}

func (d *input) hex(at int) rune {
	if at+4 > len(d.data) {
		return -1
	}
	var r rune
	for _, c := range d.data[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// number reads a number, or says that there is no value here.
func (d *input) number() []byte {
	start := d.pos
	if d.at0() == '-' {
		d.pos++
	}
	switch c := d.at0(); {
	case c == '0':
		d.pos++
	case !d.digits():
		if d.pos == start {
			d.syntax("a value")
		} else {
			d.syntax("a digit")
		}
		return nil
	}
	if d.at0() == '.' {
		d.pos++
		if !d.digits() {
			d.syntax("a digit")
			return nil
		}
	}
	if d.at0()|0x20 == 'e' {
		d.pos++
		if c := d.at0(); c == '+' || c == '-' {
			d.pos++
		}
		if !d.digits() {
			d.syntax("a digit")
			return nil
		}
	}
	return d.data[start:d.pos:d.pos]
}

// at0 is the byte at the current position, and 0 at the end.
func (d *input) at0() byte {
	if d.pos < len(d.data) {
		return d.data[d.pos]
	}
	return 0
}

func (d *input) digits() bool {
	start := d.pos
	for d.pos < len(d.data) && d.data[d.pos]-'0' <= 9 {
		d.pos++
	}
	return d.pos > start
}
