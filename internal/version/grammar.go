// SPDX-License-Identifier: Apache-2.0

package version

import (
	"fmt"
	"slices"
	"strings"
)

const (
	blanks    = " \t"
	operators = "=!<>~^"
)

func parseGroups(s string) ([]group, error) {
	if err := checkLen(s, maxConstraintLen); err != nil {
		return nil, err
	}
	n := strings.Count(s, "||") + 1
	if n > maxAlternatives {
		return nil, fmt.Errorf("%w: %d alternatives, limit %d", ErrTooLong, n, maxAlternatives)
	}
	groups := make([]group, 0, n)
	for alternative := range strings.SplitSeq(s, "||") {
		g, err := parseGroup(strings.Trim(alternative, blanks))
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// parseGroup reads one alternative.
func parseGroup(s string) (group, error) {
	if s == "" {
		return nil, fmt.Errorf(`%w: nothing on one side of "||"; write "*" for every release`, ErrSyntax)
	}
	g := make(group, 0, 2)
	for r := (reader{s}); ; {
		var err error
		if g, err = r.item(g); err != nil {
			return nil, err
		}
		if r.rest == "" {
			return g, nil
		}
		r.skip(",")
		r.skipBlanks()
	}
}

// reader reads what is left of one alternative.
type reader struct{ rest string }

// item reads a comparator or a range with the blanks behind it and appends its
// primitive comparators to g.
func (r *reader) item(g group) (group, error) {
	all := r.rest
	operator := r.run(operators)
	r.skipBlanks()
	low, err := r.partial(operator)
	if err != nil {
		return nil, err
	}
	source := all[:len(all)-len(r.rest)]
	r.skipBlanks()
	if r.dash() {
		return r.upper(g, operator, low, all)
	}
	if err := check(operator, low, source); err != nil {
		return nil, err
	}
	return lower(g, operator, low, source), nil
}

// upper reads the end of a range that all begins with.
func (r *reader) upper(g group, operator string, low partial, all string) (group, error) {
	if operator != "" {
		return nil, fmt.Errorf("%w: %q: a range takes no operator", ErrSyntax, all)
	}
	high, err := r.partial("-")
	if err != nil {
		return nil, err
	}
	source := all[:len(all)-len(r.rest)]
	r.skipBlanks()
	return lower(lower(g, ">=", low, source), "<=", high, source), nil
}

// partial reads the version that must stand behind what was read before.
func (r *reader) partial(before string) (partial, error) {
	end := strings.IndexAny(r.rest, blanks+",")
	if end < 0 {
		end = len(r.rest)
	}
	word := r.rest[:end]
	r.rest = r.rest[end:]
	switch {
	case word != "":
		return parsePartial(word)
	case before != "":
		return partial{}, fmt.Errorf("%w: no version behind %q", ErrSyntax, before)
	}
	return partial{}, fmt.Errorf("%w: a comma needs a comparator on both sides", ErrSyntax)
}

// dash reads the hyphen of a range with the blanks behind it. One that touches a
// version belongs to that.
func (r *reader) dash() bool {
	after, found := strings.CutPrefix(r.rest, "-")
	if !found || after != "" && !strings.ContainsAny(after[:1], blanks) {
		return false
	}
	r.rest = after
	r.skipBlanks()
	return true
}

func (r *reader) run(chars string) string {
	rest := strings.TrimLeft(r.rest, chars)
	run := r.rest[:len(r.rest)-len(rest)]
	r.rest = rest
	return run
}

func (r *reader) skip(prefix string) { r.rest = strings.TrimPrefix(r.rest, prefix) }

func (r *reader) skipBlanks() { r.rest = strings.TrimLeft(r.rest, blanks) }

// partial is a version of which only the first numbers may be given; the others
// are 0 and there is no pre-release then.
type partial struct {
	Version
	given int // 0 to 3
}

func parsePartial(word string) (partial, error) {
	text := strings.TrimPrefix(word, "v")
	parts := strings.SplitN(text, ".", 3)
	given := slices.IndexFunc(parts, isWildcard)
	if given < 0 {
		given = len(parts)
	}
	for _, part := range parts[given:] {
		if !isWildcard(part) {
			return partial{}, fmt.Errorf("%w: %q: only wildcards may follow a wildcard", ErrSyntax, word)
		}
	}
	if given < 3 {
		text = strings.Join(parts[:given], ".") + [...]string{"0.0.0", ".0.0", ".0"}[given]
	}
	v, err := parse(text)
	if err != nil {
		return partial{}, fmt.Errorf("%q: %w", word, err)
	}
	return partial{v, given}, nil
}

func isWildcard(s string) bool { return s == "x" || s == "X" || s == "*" }
