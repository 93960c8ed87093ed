// SPDX-License-Identifier: Apache-2.0

package canon

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads one document in any spelling: white space, order of keys and escapes are free. It refuses, with an *Error,
// everything that canonical JSON cannot say: null, floats, exponents, integers beyond int64, keys outside ASCII, keys that
// an object has twice, invalid UTF-8, lone surrogates, and anything behind the document. Beyond the limits the error
// wraps ErrBytes, ErrDepth or ErrValues.
//
// data is copied.
func Parse(data []byte, lim Limits) (Value, error) {
	lim = lim.withDefaults()
	if len(data) > lim.Bytes {
		return Value{}, &Error{lim.Bytes, "$", fmt.Errorf("%w: %d bytes, at most %d are read", ErrBytes, len(data), lim.Bytes)}
	}
	p := parser{src: string(data), lim: lim}
	v, err := p.value()
	if err == nil {
		if p.space(); p.at < len(p.src) {
			err = errors.New("want the end of the document")
			p.mark = p.at
		}
	}
	if err != nil {
		return Value{}, &Error{p.mark, p.where(), err}
	}
	return v, nil
}

// parser keeps the path as it goes, so that an error needs no arguments and success no text.
type parser struct {
	src    string
	at     int // next byte
	mark   int // where the value, key or token begins that an error is about
	values int
	lim    Limits
	path   []place
	stack  []Value // finished parts of all arrays and objects that are open, so that each is allocated once
}

// place is one array or object that is open: what is being read of it.
type place struct {
	key   string
	index int // in an array, or one of the following
}

const (
	beforeKey = -1 // in an object; which member is not known yet
	atKey     = -2 // in an object, at the member key
)

func (p *parser) where() string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range p.path {
		switch {
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case s.index == atKey:
			b.WriteString(keyPath(s.key))
		}
	}
	return b.String()
}

// keyPath is how a path shows a key.
func keyPath(key string) string {
	const longest = 64 // a path must stay readable, whatever a document calls its keys
	if len(key) > longest {
		return "[" + strconv.Quote(key[:longest]+"…") + "]"
	}
	if key == "" || strings.Trim(key, "_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "[" + strconv.Quote(key) + "]"
	}
	return "." + key
}

func (p *parser) space() {
	for p.at < len(p.src) {
		switch p.src[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips white space and takes c if it is what follows.
func (p *parser) next(c byte) bool {
	p.space()
	p.mark = p.at
	if p.at < len(p.src) && p.src[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) value() (Value, error) {
	p.space()
	p.mark = p.at
	if p.values++; p.values > p.lim.Values {
		return Value{}, fmt.Errorf("%w: at most %d are read", ErrValues, p.lim.Values)
	}
	if p.at == len(p.src) {
		return Value{}, errors.New("want a value, found the end of the document")
	}
	switch c := p.src[p.at]; {
	case c == '{':
		return p.nested(Object)
	case c == '[':
		return p.nested(Array)
	case c == '"':
		s, err := p.text()
		return Value{kind: String, text: s}, err
	case c == '-' || '0' <= c && c <= '9':
		return p.integer()
	}
	return p.word()
}

func (p *parser) nested(kind Kind) (Value, error) {
	if len(p.path) == p.lim.Depth {
		return Value{}, fmt.Errorf("%w: at most %d levels are read", ErrDepth, p.lim.Depth)
	}
	p.at++
	p.path = append(p.path, place{index: beforeKey})
	from := len(p.stack)
	var err error
	switch {
	case kind == Array && !p.next(']'):
		err = p.array(from)
	case kind == Object && !p.next('}'):
		err = p.object(from)
	}
	if err != nil {
		return Value{}, err
	}
	p.path = p.path[:len(p.path)-1]
	v := Value{kind: kind, items: slices.Clone(p.stack[from:])}
	p.stack = p.stack[:from]
	return v, nil
}

// array puts its items on the stack.
func (p *parser) array(from int) error {
	for here := len(p.path) - 1; ; {
		p.path[here].index = len(p.stack) - from
		item, err := p.value()
		if err != nil {
			return err
		}
		p.stack = append(p.stack, item)
		if p.next(']') {
			return nil
		}
		if !p.next(',') {
			return errors.New(`want "," or "]"`)
		}
	}
}

// object puts its members on the stack.
func (p *parser) object(from int) error {
	for seen := (keySet{}); ; {
		member, err := p.member(&seen, p.stack[from:])
		if err != nil {
			return err
		}
		p.stack = append(p.stack, member)
		if p.next('}') {
			return nil
		}
		if !p.next(',') {
			return errors.New(`want "," or "}"`)
		}
	}
}

func (p *parser) member(seen *keySet, before []Value) (Value, error) {
	here := len(p.path) - 1
	p.path[here].index = beforeKey
	p.space()
	p.mark = p.at
	if p.at == len(p.src) || p.src[p.at] != '"' {
		return Value{}, errors.New("want a key in double quotes")
	}
	key, err := p.text()
	if err != nil {
		return Value{}, err
	}
	p.path[here] = place{key, atKey}
	if !ascii(key) {
		return Value{}, errors.New("a key must be ASCII")
	}
	if seen.add(key, before) {
		return Value{}, errors.New("the object has this key twice")
	}
	if !p.next(':') {
		return Value{}, errors.New(`want ":" behind a key`)
	}
	v, err := p.value()
	v.key = key
	return v, err
}

// keySet finds keys that an object has twice: by comparing while there are few, which is nearly always.
type keySet struct{ all map[string]bool }

func (s *keySet) add(key string, before []Value) (twice bool) {
	const few = 16
	if len(before) < few {
		for i := range before {
			twice = twice || before[i].key == key
		}
		return twice
	}
	if s.all == nil {
		s.all = make(map[string]bool, 2*few)
		for i := range before {
			s.all[before[i].key] = true
		}
	}
	twice = s.all[key]
	s.all[key] = true
	return twice
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// integer reads a number. It takes all that could belong to one, so that the message shows the whole of it.
func (p *parser) integer() (Value, error) {
	start := p.at
	for p.at < len(p.src) && strings.IndexByte("+-.0123456789Ee", p.src[p.at]) >= 0 {
		p.at++
	}
	text := p.src[start:p.at]
	digits := strings.TrimPrefix(text, "-")
	if strings.Trim(digits, "0123456789") != "" || digits == "" || len(digits) > 1 && digits[0] == '0' {
		return Value{}, fmt.Errorf("want an integer without fraction, exponent or leading zeros, found %.40q", text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Value{}, fmt.Errorf("want an integer from %d to %d, found %.40q", int64(math.MinInt64), int64(math.MaxInt64), text)
	}
	return Value{kind: Integer, num: n}, nil
}

func (p *parser) word() (Value, error) {
	rest := p.src[p.at:]
	switch {
	case strings.HasPrefix(rest, "true"):
		p.at += len("true")
		return Value{kind: Bool, num: 1}, nil
	case strings.HasPrefix(rest, "false"):
		p.at += len("false")
		return Value{kind: Bool}, nil
	case strings.HasPrefix(rest, "null"):
		return Value{}, errors.New("null is not part of canonical JSON; leave the key out")
	}
	r, size := utf8.DecodeRuneInString(rest)
	if r == utf8.RuneError && size == 1 {
		return Value{}, fmt.Errorf("want a value, found the byte %#02x", rest[0])
	}
	return Value{}, fmt.Errorf("want a value, found %q", r)
}
