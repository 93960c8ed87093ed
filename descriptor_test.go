// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

var (
	_ encoding.TextMarshaler     = plugreg.TypeDescriptor{}
	_ encoding.TextUnmarshaler   = new(plugreg.TypeDescriptor)
	_ encoding.BinaryMarshaler   = plugreg.TypeDescriptor{}
	_ encoding.BinaryUnmarshaler = new(plugreg.TypeDescriptor)
	_ fmt.Stringer               = plugreg.TypeDescriptor{}
	_ encoding.TextMarshaler     = plugreg.Digest{}
	_ encoding.TextUnmarshaler   = new(plugreg.Digest)
	_ fmt.Stringer               = plugreg.Digest{}
)

// descriptor is made of its 24 bytes.
func descriptor(t testing.TB, raw []byte) (d plugreg.TypeDescriptor) {
	require.NoError(t, d.UnmarshalBinary(raw))
	return d
}

// descriptorText is the written form by the format's description.
func descriptorText(raw []byte) string {
	be := binary.BigEndian
	return fmt.Sprintf("%x@%d.%d.%d#%x", raw[:8], be.Uint16(raw[16:]), be.Uint16(raw[18:]), be.Uint32(raw[20:]), raw[8:16])
}

func TestTypeDescriptorIsASmallKey(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[plugreg.TypeDescriptor]()
	require.EqualValues(t, 24, typ.Size())
	require.True(t, typ.Comparable())
	for i := range typ.NumField() {
		require.False(t, typ.Field(i).IsExported())
		require.NotEqual(t, reflect.Pointer, typ.Field(i).Type.Kind(), "the garbage collector has nothing to follow")
	}
	require.Len(t, map[plugreg.TypeDescriptor]int{descriptor(t, make([]byte, 24)): 1, {}: 2}, 1)
}

func TestTypeDescriptorZero(t *testing.T) {
	t.Parallel()
	var zero plugreg.TypeDescriptor
	require.True(t, zero.IsZero())
	require.Equal(t, "0000000000000000@0.0.0#0000000000000000", zero.String())
	raw, err := zero.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, make([]byte, 24), raw)
	for i := range 24 {
		raw := make([]byte, 24)
		raw[i] = 1
		require.False(t, descriptor(t, raw).IsZero(), "byte %d", i)
	}
	for _, text := range []string{"0000000000000000@0.0.0#0000000000000001", "0000000000000000@0.0.1#0000000000000000"} {
		var d plugreg.TypeDescriptor
		require.NoError(t, d.UnmarshalText([]byte(text)))
		require.False(t, d.IsZero())
	}
}

// Both forms hold all of it, for whatever bytes.
func TestTypeDescriptorForms(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{7})
	seen := map[plugreg.TypeDescriptor]string{}
	for i := range 2_000 {
		raw := make([]byte, 24)
		_, err := random.Read(raw[:i%25]) // the shorter ones end in zeros
		require.NoError(t, err)
		d := descriptor(t, raw)
		require.Equal(t, descriptorText(raw), d.String())
		text, err := d.MarshalText()
		require.NoError(t, err)
		require.Equal(t, d.String(), string(text))
		var fromText plugreg.TypeDescriptor
		require.NoError(t, fromText.UnmarshalText(text))
		require.Equal(t, d, fromText)
		back, err := d.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, raw, back)
		if other, ok := seen[d]; ok {
			require.Equal(t, other, d.String())
		}
		seen[d] = d.String()
	}
}

func TestTypeDescriptorInOtherEncodings(t *testing.T) {
	t.Parallel()
	raw, err := hex.DecodeString("0123456789abcdeffedcba9876543210ffff000affffffff")
	require.NoError(t, err)
	d := descriptor(t, raw)
	require.Equal(t, "0123456789abcdef@65535.10.4294967295#fedcba9876543210", d.String())

	doc, err := json.Marshal(map[plugreg.TypeDescriptor]plugreg.TypeDescriptor{d: d})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf(`{"%[1]v":"%[1]v"}`, d), string(doc))
	var m map[plugreg.TypeDescriptor]plugreg.TypeDescriptor
	require.NoError(t, json.Unmarshal(doc, &m))
	require.Equal(t, d, m[d])

	var buf bytes.Buffer
	require.NoError(t, gob.NewEncoder(&buf).Encode(d))
	var back plugreg.TypeDescriptor
	require.NoError(t, gob.NewDecoder(&buf).Decode(&back))
	require.Equal(t, d, back)
}

func TestTypeDescriptorTextIsStrict(t *testing.T) {
	t.Parallel()
	const hash = "0123456789abcdef"
	before := descriptor(t, bytes.Repeat([]byte{1}, 24))
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"no hashes", "1.2.3"},
		{"no signature", hash + "@1.2.3"},
		{"no name", "@1.2.3#" + hash},
		{"empty signature", hash + "@1.2.3#"},
		{"marks exchanged", hash + "#1.2.3@" + hash},
		{"two numbers", hash + "@1.2#" + hash},
		{"four numbers", hash + "@1.2.3.4#" + hash},
		{"empty number", hash + "@1..3#" + hash},
		{"leading zero", hash + "@01.2.3#" + hash},
		{"sign", hash + "@+1.2.3#" + hash},
		{"negative", hash + "@1.2.-3#" + hash},
		{"underscore", hash + "@1_0.2.3#" + hash},
		{"leading v", hash + "@v1.2.3#" + hash},
		{"pre-release", hash + "@1.2.3-rc.1#" + hash},
		{"major too big", hash + "@65536.2.3#" + hash},
		{"minor too big", hash + "@1.65536.3#" + hash},
		{"patch too big", hash + "@1.2.4294967296#" + hash},
		{"short hash", hash[1:] + "@1.2.3#" + hash},
		{"long hash", "0" + hash + "@1.2.3#" + hash},
		{"short signature", hash + "@1.2.3#" + hash[1:]},
		{"long signature", hash + "@1.2.3#0" + hash},
		{"upper case", strings.ToUpper(hash) + "@1.2.3#" + hash},
		{"no hexadecimal", "0123456789abcdeg@1.2.3#" + hash},
		{"prefix", hash + "@1.2.3#0x3456789abcdef01"},
		{"blank before", " " + hash + "@1.2.3#" + hash},
		{"newline behind", hash + "@1.2.3#" + hash + "\n"},
		{"something behind", hash + "@1.2.3#" + hash + "#"},
		{"other digits", hash + "@１.2.3#" + hash},
		{"no UTF-8", hash + "@1.2.3#\xff\xfe"},
		{"long", strings.Repeat("x", 10_000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := before
			err := d.UnmarshalText([]byte(tt.text))
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			shown := tt.text
			if len(shown) > 64 {
				shown = shown[:64] + "…"
			}
			require.EqualError(t, err, fmt.Sprintf("type descriptor: invalid; want the form 0123456789abcdef@1.2.3#0123456789abcdef, have %q", shown))
			require.Equal(t, before, d, "it is as it was")
		})
	}
}

func TestTypeDescriptorBinaryIsStrict(t *testing.T) {
	t.Parallel()
	before := descriptor(t, bytes.Repeat([]byte{1}, 24))
	for _, n := range []int{0, 1, 23, 25, 48} {
		d := before
		err := d.UnmarshalBinary(make([]byte, n))
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		require.EqualError(t, err, fmt.Sprintf("type descriptor: want 24 bytes, have %d bytes", n))
		require.Equal(t, before, d)
	}
}

func TestDigestText(t *testing.T) {
	t.Parallel()
	var zero plugreg.Digest
	require.True(t, zero.IsZero())
	require.Equal(t, "sha256:"+strings.Repeat("0", 64), zero.String())
	for i := range zero {
		d := plugreg.Digest{}
		d[i] = 0x80
		require.False(t, d.IsZero(), "byte %d", i)
	}

	d := plugreg.Digest(sha256.Sum256([]byte("abc")))
	const text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	require.Equal(t, text, d.String())
	doc, err := json.Marshal(map[plugreg.Digest]plugreg.Digest{d: d, zero: zero})
	require.NoError(t, err)
	var back map[plugreg.Digest]plugreg.Digest
	require.NoError(t, json.Unmarshal(doc, &back))
	require.Equal(t, map[plugreg.Digest]plugreg.Digest{d: d, zero: zero}, back)
}

func TestDigestTextIsStrict(t *testing.T) {
	t.Parallel()
	const digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	before := plugreg.Digest{1, 2, 3}
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"prefix alone", "sha256:"},
		{"no prefix", digits},
		{"other prefix", "sha512:" + digits},
		{"prefix in upper case", "SHA256:" + digits},
		{"prefix twice", "sha256:sha256:" + digits},
		{"digits in upper case", "sha256:" + strings.ToUpper(digits)},
		{"a digit too few", "sha256:" + digits[1:]},
		{"a byte too few", "sha256:" + digits[2:]},
		{"a digit too many", "sha256:" + digits + "0"},
		{"a byte too many", "sha256:" + digits + "00"},
		{"no hexadecimal", "sha256:" + digits[:63] + "g"},
		{"blank before", " sha256:" + digits},
		{"newline behind", "sha256:" + digits + "\n"},
		{"no UTF-8", "sha256:\xff"},
		{"long", "sha256:" + strings.Repeat("0", 1_000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := before
			err := d.UnmarshalText([]byte(tt.text))
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			shown := tt.text
			if len(shown) > 80 {
				shown = shown[:80] + "…"
			}
			require.EqualError(t, err, fmt.Sprintf("digest: want sha256: and 64 lower-case hexadecimal digits, have %q", shown))
			require.Equal(t, before, d, "it is as it was")
		})
	}
}
