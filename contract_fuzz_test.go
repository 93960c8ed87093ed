// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// FuzzParseContract: what is accepted prints as a fixed point, keeps its digests in every spelling, and is what any other JSON
// reader sees in it. What is refused says so by one sentinel.
func FuzzParseContract(f *testing.F) {
	for _, doc := range goldenFiles(f) {
		f.Add(doc, uint64(1))
		bare := computed.ReplaceAll(doc, nil) // so that a mutation can be a document
		f.Add(bare, uint64(2))
		f.Add(bytes.ReplaceAll(bare, []byte(`"default":""`), []byte(`"default":"\u0000é\ud83d\ude00"`)), uint64(3))
	}
	f.Add([]byte(foreignDoc), uint64(4))
	f.Add([]byte(`{"format":"plugreg/contract/v1","name":"a","version":"0.0.0","policy":"default","requires":[],"shapes":[],"uses":[]}`), uint64(5))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		c, err := plugreg.ParseContract(data)
		if err != nil {
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Zero(t, c)
			return
		}
		doc, err := c.MarshalJSON()
		require.NoError(t, err)
		other := respelled(t, data, rand.New(rand.NewPCG(seed, seed)))
		for _, spelling := range [][]byte{doc, other} {
			again, err := plugreg.ParseContract(spelling)
			require.NoError(t, err, "%s", spelling)
			require.Equal(t, c, again)
			require.Equal(t, c.Digest(), again.Digest())
			printed, err := again.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, string(doc), string(printed))
		}
		require.Equal(t, c.Digest(), naiveDigest(t, doc))
		d, err := c.Descriptor()
		require.NoError(t, err)
		require.False(t, d.IsZero())
		require.Regexp(t, `^[A-Za-z0-9][A-Za-z0-9._-]*@[0-9]+\.[0-9]+$`, c.CompatKey())
	})
}

// computed are the members that follow from the rest.
var computed = regexp.MustCompile(`"(digest|shapes_digest|signature)":"[^"]*",`)

// naiveDigest computes a contract's digest from its document by the format's description, with maps, which encoding/json sorts.
func naiveDigest(t *testing.T, doc []byte) plugreg.Digest {
	var c map[string]any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	require.NoError(t, d.Decode(&c))
	pairs := []any{}
	for _, s := range c["shapes"].([]any) {
		s := s.(map[string]any)
		delete(s, "go_type")
		for _, list := range []string{"fields", "methods"} {
			for _, member := range s[list].([]any) {
				delete(member.(map[string]any), "signature")
			}
		}
		pairs = append(pairs, []any{s["name"], naiveHash(t, "plugreg/shape/v1", s).String()})
	}
	shapes := naiveHash(t, "plugreg/shapes/v1", pairs)
	require.Equal(t, shapes.String(), c["shapes_digest"])
	for _, key := range []string{"digest", "format", "shapes_digest"} {
		delete(c, key)
	}
	c["shapes"] = shapes.String()
	return naiveHash(t, "plugreg/contract/v1", c)
}

// unescaped are the characters that encoding/json escapes and the canonical form does not: U+2028 and U+2029. An even number of
// backslashes before the escape are others' escapes.
var unescaped = regexp.MustCompile(`(\\\\)*\\u202[89]`)

func naiveHash(t *testing.T, tag string, v any) plugreg.Digest {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(v))
	text := unescaped.ReplaceAllFunc(bytes.TrimSuffix(b.Bytes(), []byte("\n")), func(m []byte) []byte {
		end := len(m) - len(`\u2028`)
		return append(m[:end:end], map[byte]string{'8': "\u2028", '9': "\u2029"}[m[len(m)-1]]...)
	})
	return sha256.Sum256(append([]byte(tag+"\x00"), text...))
}

func FuzzTypeDescriptorText(f *testing.F) {
	for _, data := range goldenFiles(f) {
		c, err := plugreg.ParseContract(data)
		require.NoError(f, err)
		d, err := c.Descriptor()
		require.NoError(f, err)
		f.Add(d.String())
	}
	for _, s := range []string{"", "0000000000000000@0.0.0#0000000000000000", "0123456789ABCDEF@1.2.3#0123456789abcdef", "0123456789abcdef@01.2.3#0123456789abcdef", "0123456789abcdef@65536.0.0#0123456789abcdef"} {
		f.Add(s)
	}
	form := regexp.MustCompile(`^[0-9a-f]{16}@(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,9})#[0-9a-f]{16}$`)
	f.Fuzz(func(t *testing.T, text string) {
		var d plugreg.TypeDescriptor
		if err := d.UnmarshalText([]byte(text)); err != nil {
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Zero(t, d)
			var name, signature string
			var major, minor, patch uint64
			if form.MatchString(text) { // then a number is out of range
				_, err := fmt.Sscanf(text, "%16s@%d.%d.%d#%16s", &name, &major, &minor, &patch, &signature)
				require.NoError(t, err)
				require.True(t, major > 65535 || minor > 65535 || patch > 4294967295, text)
			}
			return
		}
		require.Regexp(t, form, text)
		require.Equal(t, text, d.String())
		raw, err := d.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, d, descriptor(t, raw))
	})
}

func FuzzTypeDescriptorBinary(f *testing.F) {
	for _, data := range goldenFiles(f) {
		c, err := plugreg.ParseContract(data)
		require.NoError(f, err)
		d, err := c.Descriptor()
		require.NoError(f, err)
		raw, err := d.MarshalBinary()
		require.NoError(f, err)
		f.Add(raw)
		f.Add(raw[1:])
	}
	f.Add(make([]byte, 24))
	f.Add(bytes.Repeat([]byte{0xff}, 25))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var d plugreg.TypeDescriptor
		if err := d.UnmarshalBinary(raw); err != nil {
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.NotEqual(t, 24, len(raw))
			require.Zero(t, d)
			return
		}
		require.Len(t, raw, 24)
		require.Equal(t, d.IsZero(), bytes.Equal(raw, make([]byte, 24)))
		require.Equal(t, descriptorText(raw), d.String())
		back, err := d.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, raw, back)
		var fromText plugreg.TypeDescriptor
		require.NoError(t, fromText.UnmarshalText([]byte(d.String())))
		require.Equal(t, d, fromText)
	})
}

func FuzzDigestText(f *testing.F) {
	for _, data := range goldenFiles(f) {
		c, err := plugreg.ParseContract(data)
		require.NoError(f, err)
		f.Add(c.Digest().String())
		f.Add(c.ShapesDigest().String()[1:])
	}
	f.Add("")
	f.Add("sha256:")
	f.Add(plugreg.Digest{}.String())
	form := regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	f.Fuzz(func(t *testing.T, text string) {
		var d plugreg.Digest
		err := d.UnmarshalText([]byte(text))
		require.Equal(t, form.MatchString(text), err == nil, "%q: %v", text, err)
		if err != nil {
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Zero(t, d)
			return
		}
		require.Equal(t, text, d.String())
	})
}
