// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"strconv"
	"strings"
)

// enumText is the name of a constant; one that has none is written as its number.
func enumText[E ~uint8](names []string, e E, what string) string {
	if int(e) < len(names) {
		return names[e]
	}
	return what + "(" + strconv.Itoa(int(e)) + ")"
}

func enumMarshal[E ~uint8](names []string, e E, what string) ([]byte, error) {
	if int(e) >= len(names) {
		return nil, &PluginError{Field: what, Have: enumText(names, e, what), Want: "one of " + strings.Join(names, ", ")}
	}
	return []byte(names[e]), nil
}

func enumUnmarshal[E ~uint8](names []string, e *E, what string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*e = E(i)
			return nil
		}
	}
	return &PluginError{Field: what, Have: fmt.Sprintf("%q", clip(string(text), 64)), Want: "one of " + strings.Join(names, ", ")}
}
