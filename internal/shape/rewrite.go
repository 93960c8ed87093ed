// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// rewrite turns the linker's spelling of type arguments into ours: reflection has no other access to them. Every
// path.Name in it is written by the namer's rules; quoted tags are kept as they are.
func (n *namer) rewrite(src string) (string, error) {
	var (
		out  strings.Builder
		errs []error
	)
	for src != "" {
		if src[0] == '"' {
			end := QuotedLen(src)
			out.WriteString(src[:end])
			src = src[end:]
			continue
		}
		size := wordLen(src)
		if size == 0 {
			out.WriteByte(src[0])
			src = src[1:]
			continue
		}
		text, rest, err := n.word(src, size)
		errs = append(errs, err)
		out.WriteString(text)
		src = rest
	}
	return out.String(), errors.Join(errs...)
}

// word rewrites the first size bytes of src, and the argument list behind them if there is one.
func (n *namer) word(src string, size int) (text, rest string, err error) {
	word, rest := src[:size], src[size:]
	if word == "interface" && strings.HasPrefix(rest, " {}") {
		return "any", rest[len(" {}"):], nil
	}
	dots := ""
	if strings.HasPrefix(word, "...") {
		dots, word = word[:3], word[3:]
	}
	dot := strings.LastIndexByte(word, '.')
	if dot < 0 {
		return dots + word, rest, nil
	}
	path, name := unescape(word[:dot]), word[dot+1:]
	if isMember(rest) {
		return n.prefix(path) + name, rest, nil
	}
	if strings.HasPrefix(rest, "[") {
		size := BracketLen(rest)
		if size == 0 {
			return src, "", fmt.Errorf("type argument %q ends early; declare a named type for it", src)
		}
		name, rest = name+rest[:size], rest[size:]
	}
	text, err = n.reference(path, name)
	return dots + text, rest, err
}

// isMember reports whether what precedes rest names a field or method: a type or a parameter list follows it.
func isMember(rest string) bool {
	if strings.HasPrefix(rest, "(") {
		return true
	}
	return len(rest) > 1 && rest[0] == ' ' && rest[1] != '"' && rest[1] != '}'
}

// wordLen is the length of the word at the start of s, 0 at a delimiter.
func wordLen(s string) int {
	if end := strings.IndexAny(s, delimiters); end >= 0 {
		return end
	}
	return len(s)
}

// QuotedLen is the length of the quoted string at the start of s, or all of s if it does not end.
func QuotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// BracketLen is the length of the bracketed list at the start of s, 0 if it does not end.
func BracketLen(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += QuotedLen(s[i:]) - 1
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// unescape undoes the linker's %xx in a package path.
func unescape(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if b, err := strconv.ParseUint(path[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(b))
				i += 2
				continue
			}
		}
		out = append(out, path[i])
	}
	return string(out)
}
