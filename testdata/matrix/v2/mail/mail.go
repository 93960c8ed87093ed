// SPDX-License-Identifier: Apache-2.0

// Package mail has a type that bears the name of another package's.
package mail

// Error looks like url.Error, and is another type.
type Error struct {
	Op  string
	URL string
	Err error
}
