// SPDX-License-Identifier: Apache-2.0

package canon

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string from its opening quote. Without escapes it is a part of the source.
func (p *parser) text() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.src) {
		switch c := p.src[p.at]; {
		case plain(c):
			p.at++
		case c == '"':
			p.at++
			return p.src[start : p.at-1], nil
		case c == '\\':
			return p.escaped(start)
		default:
			if err := p.literal(c); err != nil {
				return "", err
			}
		}
	}
	return "", errors.New("a string does not end")
}

// plain reports whether c stands for itself and is one character.
func plain(c byte) bool { return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' }

// literal steps over one character that is not plain and must stand for itself.
func (p *parser) literal(c byte) error {
	if c < ' ' {
		p.mark = p.at
		return fmt.Errorf("control character %#02x in a string; write it as an escape", c)
	}
	r, size := utf8.DecodeRuneInString(p.src[p.at:])
	if r == utf8.RuneError && size == 1 {
		p.mark = p.at
		return fmt.Errorf("byte %#02x is not valid UTF-8", c)
	}
	p.at += size
	return nil
}

// escaped is text for a string that has an escape at the current byte.
func (p *parser) escaped(start int) (string, error) {
	buf := append(make([]byte, 0, p.at-start+64), p.src[start:p.at]...) // room for what most strings still have
	for p.at < len(p.src) {
		from := p.at
		switch c := p.src[p.at]; c {
		case '"':
			p.at++
			return string(buf), nil
		case '\\':
			r, err := p.escape()
			if err != nil {
				p.mark = from
				return "", err
			}
			buf = utf8.AppendRune(buf, r)
		default:
			for p.at < len(p.src) && plain(p.src[p.at]) {
				p.at++
			}
			if p.at == from {
				if err := p.literal(c); err != nil {
					return "", err
				}
			}
			buf = append(buf, p.src[from:p.at]...)
		}
	}
	return "", errors.New("a string does not end")
}

func (p *parser) escape() (rune, error) {
	rest := p.src[p.at+1:]
	if rest == "" {
		return 0, errors.New("a string does not end")
	}
	if i := strings.IndexByte(`"\/bfnrt`, rest[0]); i >= 0 {
		p.at += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, err := unit(rest)
	if err != nil {
		return 0, err
	}
	p.at += 6
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if tail := p.src[p.at:]; strings.HasPrefix(tail, `\`) {
		if low, err := unit(tail[1:]); err == nil {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				p.at += 6
				return pair, nil
			}
		}
	}
	return 0, fmt.Errorf("surrogate \\u%04x has no partner", r)
}

// unit reads uXXXX.
func unit(s string) (rune, error) {
	if len(s) < 5 || s[0] != 'u' {
		return 0, errors.New(`unknown escape; JSON has \" \\ \/ \b \f \n \r \t and \uXXXX`)
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	if err != nil {
		return 0, fmt.Errorf("escape \\u wants four hexadecimal digits, found %q", s[1:5])
	}
	return rune(n), nil
}
