// SPDX-License-Identifier: Apache-2.0

// Package version holds SemVer 2.0.0 versions and the constraints on them.
//
// Two invariants hold for every value that a parser of this package returned:
//
//   - a [Version] is strict SemVer within the limits of its numbers, and its
//     String is the text it was parsed from without the leading v;
//   - a [Constraint] admits a pre-release only where one of its alternatives
//     bounds a pre-release of the same major.minor.patch, so that no
//     pre-release ever leaks into a range.
//
// Values are immutable and safe for concurrent use.
package version

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Sentinels that errors of [Parse] and [ParseConstraint] match with errors.Is.
// An error matches exactly one of them.
var (
	// ErrSyntax says that a text is not SemVer 2.0.0, or not a constraint.
	ErrSyntax = errors.New("invalid syntax")
	// ErrRange says that a text is well-formed, but a number is above its
	// limit: 65535 for major and minor, 4294967295 for patch.
	ErrRange = errors.New("number out of range")
	// ErrTooLong says that a text has too many bytes, or a constraint too many
	// alternatives.
	ErrTooLong = errors.New("too long")
)

// maxVersionLen bounds a version's text in bytes, without the leading v.
const maxVersionLen = 256

// Version is one SemVer 2.0.0 version. The zero Version is 0.0.0. A Version that
// was not parsed must keep to what Parse accepts, or its order is undefined.
//
// Two versions of equal Build are equal by == exactly where Compare is 0, so a
// Version with its Build cleared may be a map key.
type Version struct {
	// Major, Minor and Patch are the three numbers: Major and Minor at most
	// 65535, Patch at most 4294967295.
	Major, Minor, Patch uint64
	// Pre is the pre-release without its hyphen, "rc.1"; empty for a release.
	Pre string
	// Build is the build metadata without its plus; empty where there is none.
	// It has no part in precedence.
	Build string
}

// Parse reads a strict SemVer 2.0.0 version. One leading lower-case v is
// stripped, the rest is at most 256 bytes; nothing is coerced or trimmed. Pre and Build of
// the result share memory with s.
//
// Errors match ErrSyntax, ErrRange or ErrTooLong.
func Parse(s string) (Version, error) {
	v, err := parse(strings.TrimPrefix(s, "v"))
	if err != nil {
		return Version{}, fmt.Errorf("version %s: %w", quoted(s), err)
	}
	return v, nil
}

// IsPre reports whether v is a pre-release.
func (v Version) IsPre() bool { return v.Pre != "" }

// Core returns v without its pre-release and build metadata.
func (v Version) Core() Version {
	return Version{Major: v.Major, Minor: v.Minor, Patch: v.Patch}
}

// Compare returns -1, 0 or +1 as v precedes, equals or follows w in SemVer
// precedence. Build metadata is ignored. Numeric pre-release identifiers of any
// length compare as numbers.
func (v Version) Compare(w Version) int { return compare(&v, &w) }

// String returns the SemVer form, without a leading v.
func (v Version) String() string {
	b := make([]byte, 0, 24+len(v.Pre)+len(v.Build))
	b = strconv.AppendUint(b, v.Major, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, v.Minor, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, v.Patch, 10)
	if v.Pre != "" {
		b = append(append(b, '-'), v.Pre...)
	}
	if v.Build != "" {
		b = append(append(b, '+'), v.Build...)
	}
	return string(b)
}

// packed is the core as one word whose order is the precedence of releases. The
// pointer is for speed: a copy of seven words costs more than all of Match.
func (v *Version) packed() uint64 {
	return v.Major<<48 | v.Minor<<32 | v.Patch
}

func compare(v, w *Version) int {
	if a, b := v.packed(), w.packed(); a != b {
		return cmp.Compare(a, b)
	}
	return comparePre(v.Pre, w.Pre)
}

func comparePre(p, q string) int {
	switch {
	case p == q:
		return 0
	case p == "": // a release follows its pre-releases
		return 1
	case q == "":
		return -1
	}
	for p != "" && q != "" {
		var a, b string
		a, p, _ = strings.Cut(p, ".")
		b, q, _ = strings.Cut(q, ".")
		if c := compareIdentifier(a, b); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(p), len(q)) // all shared identifiers are equal: fewer precede more
}

func compareIdentifier(a, b string) int {
	numA, numB := numeric(a), numeric(b)
	switch {
	case numA && numB:
		// Without leading zeros the longer number is the greater: no identifier is too big for that.
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	case numA:
		return -1
	case numB:
		return 1
	}
	return strings.Compare(a, b)
}

func numeric(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// quoted keeps a message readable where the input is far over its bound.
func quoted(s string) string {
	if len(s) > maxConstraintLen {
		return strconv.Quote(s[:maxConstraintLen]) + "…"
	}
	return strconv.Quote(s)
}
