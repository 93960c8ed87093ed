// SPDX-License-Identifier: Apache-2.0

package reader

import "reflect"

// Scanner walks over the members of one JSON object, in the order in which they are written, once:
//
//	for s := Scan(data); s.Next(); {
//		switch s.Key() { … s.Text(), s.Raw() or plan.ReadFrom(s, v) … }
//	}
//	return s.Err()
//
// It checks the syntax, and leaves it to the caller which keys there may be, and how often. A value that nobody takes
// is passed by. A Scanner is for one goroutine.
type Scanner struct {
	d       *input
	key     string
	begun   bool
	waiting bool // the current value was not taken
	start   int  // of the current value
	err     error
}

// Scan makes a Scanner of data, which must not change before the last call. The bounds of the package comment are those
// of each value; around them there may be 64 KiB.
func Scan(data []byte) *Scanner {
	s := &Scanner{d: newInput(data)}
	s.d.limit(len(data) - 64<<10)
	return s
}

// Next goes to the next member. Where there is none, or an error, it returns false; [Scanner.Err] tells which. The last
// member must be followed by the end of the object and of the data.
func (s *Scanner) Next() bool {
	if s.waiting {
		s.Raw()
	}
	if s.err != nil {
		return false
	}
	d := s.d
	d.at = d.at[:0]
	if !s.begun {
		if d.peek() != '{' {
			d.syntax("an object")
		} else {
			d.pos++
		}
	}
	more := d.broken == nil && d.more('}', !s.begun)
	s.begun = true
	switch {
	case d.broken != nil:
	case more:
		s.key = string(d.key())
		d.at = append(d.at, segment{key: s.key, must: true}) // who asks for it is likely to need it
		d.sound(nil)
	default:
		d.end()
	}
	s.settle()
	s.waiting = more && s.err == nil
	return s.waiting
}

// Key is the key of the current member.
func (s *Scanner) Key() string { return s.key }

// Text takes the current value, a string; anything else is the error that ends the walk, and an empty string.
func (s *Scanner) Text() string {
	if !s.take() {
		return ""
	}
	n := &node{typ: reflect.TypeFor[string](), op: opString}
	text := reflect.New(n.typ).Elem()
	s.d.value(n, text)
	s.limit()
	s.settle()
	return text.String()
}

// Raw takes the current value as it is written: JSON, but strings in it may be no Unicode, and objects may have a key
// twice, which Plan.Read refuses. It is a part of the data, not a copy.
func (s *Scanner) Raw() []byte {
	if !s.take() {
		return nil
	}
	d := s.d
	d.next()
	start, faults := d.pos, len(d.faults)
	d.pass()
	d.faults = d.faults[:faults]
	s.limit()
	s.settle()
	if s.err != nil {
		return nil
	}
	return d.data[start:d.pos:d.pos]
}

// Err is what ended the walk: nil at the end of the object, else an [*Error], or several joined. The error of a
// [Plan.ReadFrom] is not one, except that where the data was no JSON, the walk is over as well.
func (s *Scanner) Err() error { return s.err }

// take begins with the current value, whose bounds are its own.
func (s *Scanner) take() bool {
	taken := s.waiting
	s.d.peek()
	s.waiting, s.start, s.d.depth, s.d.values = false, s.d.pos, 0, 0
	return taken && s.err == nil
}

// limit bounds the value that was taken.
func (s *Scanner) limit() { s.d.limit(s.d.pos - s.start) }

func (s *Scanner) settle() {
	if s.err == nil {
		s.err = s.d.verdict()
	}
}

// ReadFrom is [Plan.Read] of the current value of s, in the same pass. Paths begin below the value.
func (p *Plan) ReadFrom(s *Scanner, dst reflect.Value) ([]Adjustment, error) {
	if err := p.fits(dst); err != nil {
		return nil, err
	}
	if !s.take() {
		return nil, &Error{Have: "no value that is left", Want: "the value of a member", payload: true}
	}
	d := s.d
	d.at = d.at[:0]
	adjustments, err := p.read(d, dst, s.limit)
	d.faults, d.adjustments = nil, nil
	s.settle()
	return adjustments, err
}
