// SPDX-License-Identifier: Apache-2.0

package plugreg

import "strings"

// RejectedError is a call that was refused before any code of the plugin ran. It matches [ErrOpen], [ErrDisabled] or
// [ErrSaturated]. Refusals are made beforehand and shared: do not change one. They count against nobody.
//
// A RejectedError is safe for concurrent use.
type RejectedError struct {
	// Plugin and Version name the plugin that was to be called.
	Plugin, Version string
	// Resource is the shared resource that is saturated; empty where it is not that.
	Resource string
	// Reason says why, for people: "3 failures in a row".
	Reason string
	// Err is ErrOpen, ErrDisabled or ErrSaturated.
	Err error
}

// Error names the plugin, what it is, and why.
func (e *RejectedError) Error() string {
	var b strings.Builder
	b.WriteString(whose(e.Plugin, e.Version))
	if e.Resource != "" {
		b.WriteString("resource \"" + e.Resource + "\": ")
	}
	b.WriteString(e.Err.Error())
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	return b.String()
}

// Unwrap returns the sentinel.
func (e *RejectedError) Unwrap() error { return e.Err }

func (t *Target) rejected(err error, reason string) *RejectedError {
	return &RejectedError{Plugin: t.Plugin, Version: t.Version, Reason: reason, Err: err}
}
