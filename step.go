// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"math"
	"slices"

	"github.com/plugreg/plugreg/internal/version"
)

// RequiredVersion returns the least version after from that may carry the changes by SemVer: from itself where there
// are none, the next patch for cosmetic ones, the next minor for additive ones, the next major for breaking ones. While
// the major is 0, the next minor may carry everything. A pre-release has its whole step still ahead: what it leads to may
// carry what a step of that kind may. The error matches [ErrInvalid]: from is no version, or no number is left above it.
func (c Changes) RequiredVersion(from string) (string, error) {
	v, err := version.Parse(from)
	if err != nil {
		return "", &PluginError{Field: "version", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	if len(c) == 0 {
		return v.String(), nil
	}
	next := nextFor(v, c.Severity())
	if !exists(next) {
		return "", &PluginError{Version: from, Field: "version", Have: next.String(), Want: "major and minor of at most 65535, patch of at most 4294967295"}
	}
	return next.String(), nil
}

// exists reports whether the numbers are within the limits of versions, which one that was counted up may leave.
func exists(v version.Version) bool {
	return v.Major <= math.MaxUint16 && v.Minor <= math.MaxUint16 && v.Patch <= math.MaxUint32
}

// nextFor is the least version after v that may carry changes of that severity.
func nextFor(v version.Version, s Severity) version.Version {
	core := v.Core()
	switch {
	case s == Breaking && v.Major > 0:
		if v.IsPre() && v.Minor == 0 && v.Patch == 0 {
			return core
		}
		return version.Version{Major: v.Major + 1}
	case s >= Additive:
		if v.IsPre() && v.Patch == 0 {
			return core
		}
		return version.Version{Major: v.Major, Minor: v.Minor + 1}
	case v.IsPre():
		return core
	}
	core.Patch++
	return core
}

// step judges how far a version is from the one before it, for changes of that severity. It returns why the step is
// refused; empty where it is not.
func (p Policy) step(old, new version.Version, s Severity) string {
	switch {
	case p == Strict:
		if old.Compare(new) != 0 {
			return fmt.Sprintf("strict takes no other version than %v, and %v is one", old, new)
		}
		return ""
	case new.Compare(old) < 0:
		return fmt.Sprintf("%v is older than %v", new, old)
	case p == Unchecked:
		return ""
	case p == Forward && s == Breaking:
		return forwardStep(old, new)
	case new.Major != old.Major:
		return fmt.Sprintf("%v stays within one major version, and %d is another than %d", p, new.Major, old.Major)
	case s == Breaking && !carriesMore(old, new):
		return "a patch takes nothing that others notice, least of all what breaks"
	case s == Additive && !carriesMore(old, new):
		return fmt.Sprintf("something was added, so at least %v is needed", nextFor(old, Additive))
	}
	return ""
}

// carriesMore reports whether new, of the same major version and not older, may have what old has not. A pre-release of a
// minor version may still grow.
func carriesMore(old, new version.Version) bool {
	return new.Minor > old.Minor || old.IsPre() && old.Patch == 0
}

// forwardStep takes a breaking change in exactly the next major version; while that is 0, also in the next minor.
func forwardStep(old, new version.Version) string {
	core, next := new.Core(), nextFor(old, Breaking)
	if core == next || old.Major == 0 && core == (version.Version{Major: 1}) {
		return ""
	}
	return fmt.Sprintf("a breaking change takes exactly the next generation, %v", next)
}

// least is the least version that may carry the changes, given that their shape is allowed; empty where there is none.
func (p Policy) least(old version.Version, c Changes) string {
	old.Build = ""
	if p == Unchecked || !c.republish() {
		return old.String()
	}
	if p == Strict {
		return ""
	}
	s := c.Severity()
	if p != Forward {
		s = min(s, Additive)
	}
	for ; s <= Breaking; s++ { // where no patch is left, the next minor will do
		if next := nextFor(old, s); exists(next) {
			return next.String()
		}
		if s == Additive {
			break // another major version is another generation
		}
	}
	return ""
}

// republish reports whether a version with the changes would be another than the one without: Go names, which are in no
// digest, make no difference.
func (c Changes) republish() bool {
	return slices.ContainsFunc(c, func(c Change) bool { return c.Rule != goTypeChanged })
}
