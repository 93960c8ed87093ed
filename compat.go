// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"strconv"
	"strings"
)

// Policy says which changes one version of a plugin may bring over another. The constants are ordered by strictness; a
// contract carries the policy that its plugin declares.
type Policy uint8

// The policies, laxest first.
const (
	// Default leaves it to the registry. In a contract it stays Default.
	Default Policy = iota
	// Unchecked allows any change.
	Unchecked
	// Forward allows a new generation: any change, with the next major version.
	Forward
	// Backward allows what those who use the old version do not notice.
	Backward
	// Full is Backward, and the old version reads what the new one writes too.
	Full
	// Strict allows no change of shape.
	Strict
)

var policyNames = [...]string{"default", "unchecked", "forward", "backward", "full", "strict"}

// String returns the policy's name in lower case.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return "policy(" + strconv.Itoa(int(p)) + ")"
}

// MarshalText returns the form of String. A policy that is none of the constants is an error that matches [ErrInvalid].
func (p Policy) MarshalText() ([]byte, error) {
	if int(p) >= len(policyNames) {
		return nil, &PluginError{Field: "policy", Have: p.String(), Want: "one of " + strings.Join(policyNames[:], ", ")}
	}
	return []byte(policyNames[p]), nil
}

// UnmarshalText reads the form of String. The error matches [ErrInvalid].
func (p *Policy) UnmarshalText(text []byte) error {
	for i, name := range policyNames {
		if name == string(text) {
			*p = Policy(i)
			return nil
		}
	}
	return &PluginError{Field: "policy", Have: fmt.Sprintf("%q", clip(string(text), 64)), Want: "one of " + strings.Join(policyNames[:], ", ")}
}
