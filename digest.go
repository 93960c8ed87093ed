// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// String returns "sha256:" and 64 lower-case hexadecimal digits.
func (d Digest) String() string { return "sha256:" + hex.EncodeToString(d[:]) }

// IsZero reports whether all bytes are zero, which is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText returns the form of String.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the form of String and no other. The error matches [ErrInvalid].
func (d *Digest) UnmarshalText(text []byte) error {
	var p Digest
	digits, ok := strings.CutPrefix(string(text), "sha256:")
	n, err := hex.Decode(p[:], []byte(digits[:min(len(digits), 2*len(p))]))
	if !ok || err != nil || n != len(p) || p.String() != string(text) {
		return &PluginError{Field: "digest", Have: strconv.Quote(clip(string(text), 80)), Want: "sha256: and 64 lower-case hexadecimal digits"}
	}
	*d = p
	return nil
}
