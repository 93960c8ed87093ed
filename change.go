// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Severity says what a change asks of the next version.
type Severity uint8

// The severities, least first. A [Policy] may ask for more than the severity says.
const (
	// Cosmetic is a change that those who use the plugin cannot notice, and that any version may carry. What a plugin
	// needs of its host is such.
	Cosmetic Severity = iota
	// Additive is a change that those who use the old version do not notice; it takes a new minor version.
	Additive
	// Breaking is a change that somebody who uses the old version notices; it takes a new major version.
	Breaking
)

var severityNames = [...]string{"cosmetic", "additive", "breaking"}

// String returns the severity's name in lower case.
func (s Severity) String() string { return enumText(severityNames[:], s, "severity") }

// MarshalText returns the form of String. A severity that is none of the constants is an error that matches
// [ErrInvalid].
func (s Severity) MarshalText() ([]byte, error) { return enumMarshal(severityNames[:], s, "severity") }

// UnmarshalText reads the form of String. The error matches [ErrInvalid].
func (s *Severity) UnmarshalText(text []byte) error {
	return enumUnmarshal(severityNames[:], s, "severity", text)
}

// Change is one difference between two contracts.
type Change struct {
	// Rule names the kind of the change; [Rule.Explain] has the words.
	Rule Rule `json:"rule"`
	// Path says where: the name of a shape, "<shape>.<Field>", "<shape>.<Method>()", "requires:<name>" or
	// "uses:<name>".
	Path string `json:"path"`
	// Old and New are what stands there, as type texts, tags or names; empty where there is nothing.
	Old string `json:"old"`
	New string `json:"new"`
	// Affects lists who notices, separated by ", ": "caller" calls or names it, "implementer" implements it, "reader"
	// reads payloads that were written under the new contract with the old one, "writer" wrote payloads or settings
	// under the old contract that are read with the new one, "host" has to supply it. Empty: nobody.
	Affects string `json:"affects"`
	// Severity says what the change asks of the next version.
	Severity Severity `json:"severity"`
}

// String returns one line: severity, rule, path, what was and what is, and who notices.
func (c Change) String() string {
	s := fmt.Sprintf("%v %s at %s", c.Severity, c.Rule, placeText(c.Path))
	switch {
	case c.Old != "" && c.New != "":
		s += fmt.Sprintf(": was %s, is %s", quoteText(c.Old), quoteText(c.New))
	case c.Old != "":
		s += ": was " + quoteText(c.Old)
	case c.New != "":
		s += ": is " + quoteText(c.New)
	}
	if c.Affects != "" && c.Severity != Cosmetic {
		s += " (" + c.Affects + ")"
	}
	return s
}

// quoteText keeps what foreign documents hold on one readable line.
func quoteText(s string) string { return strconv.Quote(clip(s, 256)) }

// placeText leaves a path bare unless it would not stay on its line.
func placeText(path string) string {
	if path = clip(path, 512); strings.ContainsFunc(path, unicode.IsControl) {
		return strconv.Quote(path)
	}
	return path
}

// Changes are the differences between two contracts, as [Diff] finds them: sorted by path, then by rule.
type Changes []Change

// Severity returns the greatest severity among them; Cosmetic where there are none.
func (c Changes) Severity() Severity {
	most := Cosmetic
	for i := range c {
		most = max(most, c[i].Severity)
	}
	return most
}

// String returns a line for each change; empty where there are none.
func (c Changes) String() string {
	lines := make([]string, len(c))
	for i := range c {
		lines[i] = c[i].String()
	}
	return strings.Join(lines, "\n")
}
