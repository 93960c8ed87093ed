// SPDX-License-Identifier: Apache-2.0

package version

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// parse reads a version that has no leading v.
func parse(text string) (Version, error) {
	if err := checkLen(text, maxVersionLen); err != nil {
		return Version{}, err
	}
	if v, ok := scan(text); ok {
		return v, nil
	}
	return Version{}, arbitrate(text)
}

func checkLen(s string, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%w: %d bytes, limit %d", ErrTooLong, len(s), limit)
	}
	return nil
}

// scan reads a version within the limits and allocates nothing. It never says
// why it refuses: that is arbitrate's part, where time does not matter.
func scan(s string) (v Version, ok bool) {
	major, i := number(s, 0, math.MaxUint16)
	if !at(s, i, '.') {
		return Version{}, false
	}
	minor, i := number(s, i+1, math.MaxUint16)
	if !at(s, i, '.') {
		return Version{}, false
	}
	patch, i := number(s, i+1, math.MaxUint32)
	if i == len(s) {
		return Version{Major: major, Minor: minor, Patch: patch}, true
	}
	pre, i := identifiers(s, i, '-')
	build, i := identifiers(s, i, '+')
	if i != len(s) {
		return Version{}, false
	}
	return Version{major, minor, patch, pre, build}, true
}

// number reads digits without a leading zero from s[i:]. The end is refused (-1)
// where there are none or the value is above the limit, which must be small
// enough for ten times itself to fit into 64 bits.
func number(s string, i int, limit uint64) (n uint64, end int) {
	start := i
	for ; i < len(s) && isDigit(s[i]); i++ {
		if n = n*10 + uint64(s[i]-'0'); n > limit {
			return 0, refused
		}
	}
	if i == start || s[start] == '0' && i > start+1 {
		return 0, refused
	}
	return n, i
}

// identifiers reads a mark and the dotted identifiers behind it from s[i:], or
// nothing where the mark is absent. Leading zeros are refused behind a hyphen only.
func identifiers(s string, i int, mark byte) (text string, end int) {
	if !at(s, i, mark) {
		return "", i
	}
	first := i + 1
	for {
		i++ // the mark or a dot
		start, digits := i, true
		for ; i < len(s) && isIdentifier(s[i]); i++ {
			digits = digits && isDigit(s[i])
		}
		padded := digits && i > start+1 && s[start] == '0'
		if i == start || padded && mark == '-' {
			return "", refused
		}
		if !at(s, i, '.') {
			return s[first:i], i
		}
	}
}

// refused is the position after a text that is no part of a version. No
// character is at it, and it is the end of no string.
const refused = -1

func at(s string, i int, c byte) bool { return uint(i) < uint(len(s)) && s[i] == c }

func isDigit(c byte) bool { return c-'0' <= 9 }

func isIdentifier(c byte) bool { return isDigit(c) || c|0x20-'a' < 26 || c == '-' }

// arbitrate says why a text is no version. Masterminds/semver decides what is
// well-formed; what it accepts, or finds too big, and scan refused has a
// number above its limit.
func arbitrate(text string) error {
	_, err := semver.StrictNewVersion(text)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return outOfRange(text)
	}
	return fmt.Errorf("%w: %s", ErrSyntax, reason(err))
}

// outOfRange names the first number of a version that is above its limit. It
// works on text, since the number may fit no integer.
func outOfRange(text string) error {
	names := [...]string{"major", "minor", "patch"}
	limits := [...]string{"65535", "65535", "4294967295"}
	numbers := strings.SplitN(text, ".", 3)
	numbers[2], _, _ = strings.Cut(numbers[2], "+")
	numbers[2], _, _ = strings.Cut(numbers[2], "-")
	i := 0
	for i < 2 && compareIdentifier(numbers[i], limits[i]) <= 0 {
		i++
	}
	return fmt.Errorf("%w: %s %s is above the limit %s", ErrRange, names[i], numbers[i], limits[i])
}

func reason(err error) string {
	switch {
	case errors.Is(err, semver.ErrEmptyString):
		return `no version given; write major.minor.patch, as in "1.2.3"`
	case errors.Is(err, semver.ErrInvalidSemVer):
		return `fewer than three numbers; write major.minor.patch, as in "1.2.3"`
	case errors.Is(err, semver.ErrSegmentStartsZero):
		return "a number has a leading zero; drop the zero"
	case errors.Is(err, semver.ErrInvalidCharacters):
		return "major, minor and patch must be digits, separated by dots, with nothing around them"
	case errors.Is(err, semver.ErrInvalidPrerelease):
		return "a pre-release must be dotted identifiers of ASCII letters, digits and hyphens, none of them empty"
	case errors.Is(err, semver.ErrInvalidMetadata):
		return "build metadata must be dotted identifiers of ASCII letters, digits and hyphens, none of them empty"
	}
	return "a number is missing between the dots"
}
