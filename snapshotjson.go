// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/plugreg/plugreg/internal/canon"
)

// snapshotTag is the format's tag, in documents and in what is hashed.
const snapshotTag = "plugreg/snapshot/v1"

// The bounds of a document of many contracts.
const (
	maxSnapshotBytes  = 64 << 20
	maxSnapshotValues = 4_000_000
)

// MarshalJSON returns the snapshot as canonical JSON. The error matches [ErrInvalid] for contracts that cannot be
// written, for a version that is there twice, for times beyond the years 0 to 9999, for policies that are none of the
// constants, and for text that is not printable.
// (json.Indent makes a document of it that shows changes line by line.)
func (s Snapshot) MarshalJSON() ([]byte, error) {
	s = s.sorted()
	docs, err := s.documents()
	if err != nil {
		return nil, err
	}
	taken, err1 := instantText(s.Taken)
	expires, err2 := instantText(s.Expires)
	policy, err3 := s.Policy.MarshalText()
	floor, err4 := s.MinPolicy.MarshalText()
	if err := errors.Join(err1, err2, err3, err4, checkLabel(s.Registry), checkLabel(s.GoVersion), checkLabel(s.Platform)); err != nil {
		return nil, &PluginError{Field: "snapshot", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	o := canon.Open(nil)
	canon.List(o, "contracts", docs, func(doc, dst []byte) []byte { return append(dst, doc...) })
	o.String("digest", s.Digest().String())
	o.String("expires", expires)
	o.String("format", snapshotTag)
	o.String("go", s.GoVersion)
	o.String("min_policy", string(floor))
	o.String("platform", s.Platform)
	o.String("policy", string(policy))
	o.String("registry", s.Registry)
	o.String("taken", taken)
	return o.Close(), nil
}

// documents are those of the contracts.
func (s Snapshot) documents() ([][]byte, error) {
	docs := make([][]byte, len(s.Contracts))
	for i, c := range s.Contracts {
		if i > 0 && c.identity() == s.Contracts[i-1].identity() {
			return nil, &PluginError{Plugin: clip(c.Name, 128), Version: clip(c.Version, 128), Field: "snapshot", Have: "the version twice", Want: "each version once"}
		}
		var err error
		if docs[i], err = c.MarshalJSON(); err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// UnmarshalJSON reads what [ReadSnapshot] reads; s is unchanged where that fails.
func (s *Snapshot) UnmarshalJSON(data []byte) error {
	p, err := ReadSnapshot(data)
	if err == nil {
		*s = p
	}
	return err
}

// ReadSnapshot reads a snapshot from JSON in any spelling, as strictly as [ParseContract] reads a contract: digests are
// computed anew, and must fit where they are there. Two contracts of one version are an error. Documents are bounded:
// 64 MiB, 64 levels, 4,000,000 values. The error matches [ErrInvalid] and lists what is wrong with its path.
func ReadSnapshot(data []byte) (Snapshot, error) {
	var s Snapshot
	if err := readDocument(data, snapshotTag, canon.Limits{Bytes: maxSnapshotBytes, Values: maxSnapshotValues}, s.read); err != nil {
		return Snapshot{}, &PluginError{Field: "snapshot document", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	return s.sorted(), nil
}

func (s *Snapshot) read(o *canon.ObjectReader) {
	s.Contracts = canon.Objects(o, "contracts", func(o *canon.ObjectReader) (c Contract) {
		if format := o.String("format"); format != contractTag {
			o.Fail("format", fmt.Errorf("want %q, found %q", contractTag, clip(format, 64)))
		}
		c.read(o)
		return c.sorted()
	})
	unique(o, "contracts", s.Contracts, Contract.identity)
	s.Registry, s.GoVersion, s.Platform = readLabel(o, "registry"), readLabel(o, "go"), readLabel(o, "platform")
	s.Policy, s.MinPolicy = readPolicy(o, "policy"), readPolicy(o, "min_policy")
	s.Taken, s.Expires = readInstant(o, "taken"), readInstant(o, "expires")
	same(o, "digest", s.Digest())
}

func readPolicy(o *canon.ObjectReader, key string) (p Policy) {
	failed(o, key, p.UnmarshalText([]byte(o.StringOr(key, Default.String()))))
	return p
}

func readLabel(o *canon.ObjectReader, key string) string {
	text := o.StringOr(key, "")
	failed(o, key, checkLabel(text))
	return text
}

// checkLabel checks text for people, which stands in messages.
func checkLabel(s string) error {
	if len(s) > 1024 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("want one line of printable text of at most 1024 bytes, found %q", clip(s, 64))
	}
	return nil
}

func instantText(t time.Time) (string, error) {
	if t.IsZero() {
		return "", nil
	}
	t = t.UTC().Truncate(time.Second)
	switch {
	case t.Year() < 0 || t.Year() > 9999:
		return "", fmt.Errorf("want a time in the years 0 to 9999, found the year %d", t.Year())
	case t.IsZero(): // what ends must not become what never ends
		return "", errors.New("want another time than the first second of the year 1, which says that there is none")
	}
	return t.Format(time.RFC3339), nil
}

// readInstant reads a time in the one spelling that is written; empty is the zero time.
func readInstant(o *canon.ObjectReader, key string) time.Time {
	text := o.StringOr(key, "")
	t, err := time.Parse(time.RFC3339, text)
	if back, _ := instantText(t); back != text {
		err = fmt.Errorf("want whole seconds of UTC such as %q, or nothing, found %q", "2026-11-22T17:33:06Z", clip(text, 64))
	} else if text == "" {
		err = nil
	}
	failed(o, key, err)
	return t
}

// indented is a document as files hold it: a change shows on lines of its own.
func indented(doc []byte) []byte {
	var b bytes.Buffer
	_ = json.Indent(&b, doc, "", "  ") // what was just written is JSON
	return append(b.Bytes(), '\n')
}
