// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/plugreg/plugreg/internal/version"
)

// TypeDescriptor is the key of a plugin in a registry: 24 bytes without pointers, comparable, and free for the garbage
// collector. It holds the leading 8 bytes of the SHA-256 of the plugin's name and of its contract's digest, and the
// version's numbers. It is a key and nothing else: compatibility is judged by contracts, and identity by full digests.
//
// The zero TypeDescriptor names no plugin. A TypeDescriptor is a value.
type TypeDescriptor struct {
	name, signature uint64
	version         uint64 // major and minor in 16 bits each, then patch: words compare faster than small fields
}

// The size is part of the promise; these do not compile if it changes.
var (
	_ [24 - unsafe.Sizeof(TypeDescriptor{})]struct{}
	_ [unsafe.Sizeof(TypeDescriptor{}) - 24]struct{}
)

// String returns the descriptor as "<name hash>@<major>.<minor>.<patch>#<signature>", both hashes 16 lower-case
// hexadecimal digits.
func (d TypeDescriptor) String() string {
	var buf [64]byte
	return string(d.append(buf[:0]))
}

// IsZero reports whether d is the zero TypeDescriptor, which names no plugin.
func (d TypeDescriptor) IsZero() bool { return d == TypeDescriptor{} }

// MarshalText returns the form of String.
func (d TypeDescriptor) MarshalText() ([]byte, error) { return d.append(nil), nil }

// UnmarshalText reads the form of String and no other. The error matches [ErrInvalid].
func (d *TypeDescriptor) UnmarshalText(text []byte) error {
	p, err := parseDescriptor(string(text))
	if err != nil {
		return &PluginError{Field: "type descriptor", Have: strconv.Quote(clip(string(text), 64)), Want: "the form 0123456789abcdef@1.2.3#0123456789abcdef", Err: err}
	}
	*d = p
	return nil
}

// MarshalBinary returns the 24 bytes of the descriptor: the name's hash and the signature, 8 bytes each, major and
// minor, 2 each, and patch, 4, all big-endian.
func (d TypeDescriptor) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 24)
	b = binary.BigEndian.AppendUint64(b, d.name)
	b = binary.BigEndian.AppendUint64(b, d.signature)
	return binary.BigEndian.AppendUint64(b, d.version), nil
}

// UnmarshalBinary reads the form of MarshalBinary. The error matches [ErrInvalid].
func (d *TypeDescriptor) UnmarshalBinary(data []byte) error {
	if len(data) != 24 {
		return &PluginError{Field: "type descriptor", Have: fmt.Sprintf("%d bytes", len(data)), Want: "24 bytes"}
	}
	be := binary.BigEndian
	*d = TypeDescriptor{be.Uint64(data), be.Uint64(data[8:]), be.Uint64(data[16:])}
	return nil
}

func (d TypeDescriptor) append(b []byte) []byte {
	hex16 := func(n uint64) {
		var raw [8]byte
		binary.BigEndian.PutUint64(raw[:], n)
		b = hex.AppendEncode(b, raw[:])
	}
	hex16(d.name)
	b = append(b, '@')
	b = strconv.AppendUint(b, d.version>>48, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, d.version>>32&math.MaxUint16, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, d.version&math.MaxUint32, 10)
	b = append(b, '#')
	hex16(d.signature)
	return b
}

// parseDescriptor accepts what prints as it was read.
func parseDescriptor(s string) (TypeDescriptor, error) {
	name, rest, _ := strings.Cut(s, "@")
	numbers, signature, _ := strings.Cut(rest, "#")
	part := strings.Split(numbers, ".")
	if len(part) != 3 {
		return TypeDescriptor{}, ErrInvalid
	}
	var n [5]uint64
	for i, f := range [...]struct {
		text string
		base int
		bits int
	}{{name, 16, 64}, {signature, 16, 64}, {part[0], 10, 16}, {part[1], 10, 16}, {part[2], 10, 32}} {
		v, err := strconv.ParseUint(f.text, f.base, f.bits)
		if err != nil {
			return TypeDescriptor{}, ErrInvalid
		}
		n[i] = v
	}
	d := TypeDescriptor{n[0], n[1], packVersion(n[2], n[3], n[4])}
	if d.String() != s {
		return TypeDescriptor{}, ErrInvalid
	}
	return d, nil
}

// descriptorOf makes the key of a contract. The version was parsed, so its numbers fit.
func descriptorOf(nameHash uint64, v version.Version, digest Digest) TypeDescriptor {
	return TypeDescriptor{nameHash, binary.BigEndian.Uint64(digest[:]), packVersion(v.Major, v.Minor, v.Patch)}
}

// packVersion packs numbers that fit: parsing sees to that.
func packVersion(major, minor, patch uint64) uint64 { return major<<48 | minor<<32 | patch }

func hashName(name string) uint64 {
	var buf [160]byte
	sum := sha256.Sum256(append(buf[:0], name...))
	return binary.BigEndian.Uint64(sum[:])
}
