// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plugreg/plugreg/internal/canon"
	"github.com/plugreg/plugreg/internal/version"
)

// The format's tags stand in the documents and in what is hashed: a rule that changes gets another tag.
const (
	contractTag = "plugreg/contract/v1"
	shapesTag   = "plugreg/shapes/v1"
	shapeTag    = "plugreg/shape/v1"
)

// MarshalJSON returns the contract as canonical JSON, with its digests. The error matches [ErrInvalid] for a policy
// that is none of the constants and for text that is not UTF-8. (json.Marshal escapes some characters of it; the
// meaning is the same.)
func (c Contract) MarshalJSON() ([]byte, error) {
	policy, err := c.Policy.MarshalText()
	if err != nil {
		return nil, err
	}
	c = c.sorted()
	digest, shapes := c.digests()
	o := canon.Open(nil)
	o.String("digest", digest.String())
	o.String("format", contractTag)
	o.String("name", c.Name)
	o.String("policy", string(policy))
	canon.List(o, "requires", c.Requires, Dependency.append)
	canon.List(o, "shapes", c.Shapes, func(s Shape, dst []byte) []byte { return s.append(dst, true) })
	o.String("shapes_digest", shapes.String())
	o.Strings("uses", c.Uses)
	o.String("version", c.Version)
	doc := o.Close()
	if !utf8.Valid(doc) {
		return nil, &PluginError{Plugin: clip(c.Name, 128), Version: c.Version, Field: "contract", Have: "text that is not UTF-8", Want: "UTF-8"}
	}
	return doc, nil
}

// UnmarshalJSON reads what [ParseContract] reads; c is unchanged where that fails.
func (c *Contract) UnmarshalJSON(data []byte) error {
	p, err := ParseContract(data)
	if err == nil {
		*c = p
	}
	return err
}

// ParseContract reads a contract from JSON in any spelling: white space, order of keys and escapes do not matter. It is
// strict about everything else: unknown, missing and duplicate keys, null, floating-point numbers, invalid UTF-8 and
// names that Go or [Registry.Register] would not produce are errors, and so is a digest or signature that does not fit
// what it stands for: they are computed anew, and never trusted. Documents are bounded: 16 MiB, 64 levels, 1,000,000
// values. The error matches [ErrInvalid] and lists what is wrong with its path.
func ParseContract(data []byte) (Contract, error) {
	var c Contract
	if err := readDocument(data, contractTag, canon.Limits{}, c.read); err != nil {
		return Contract{}, &PluginError{Plugin: clip(c.Name, 128), Version: clip(c.Version, 128), Field: "contract document", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	return c.sorted(), nil
}

// readDocument reads a document of that format; of one of another format nothing else can be said.
func readDocument(data []byte, tag string, limits canon.Limits, read func(o *canon.ObjectReader)) error {
	v, err := canon.Parse(data, limits)
	if err != nil {
		return err
	}
	var other error
	err = canon.Decode(v, func(o *canon.ObjectReader) {
		if format := o.String("format"); format != tag {
			other = fmt.Errorf("$.format: want %q, found %q", tag, clip(format, 64))
			return
		}
		read(o)
	})
	if other != nil {
		return other
	}
	return err
}

func (c *Contract) read(o *canon.ObjectReader) {
	c.Name, c.Version = o.String("name"), o.String("version")
	failed(o, "name", checkName(c.Name))
	v, err := version.Parse(c.Version)
	if err == nil && v.String() != c.Version {
		err = fmt.Errorf("want %q, found %q", v, c.Version)
	}
	failed(o, "version", err)
	failed(o, "policy", c.Policy.UnmarshalText([]byte(o.String("policy"))))
	c.Requires = canon.Objects(o, "requires", readDependency)
	c.Uses = o.Strings("uses")
	for _, name := range c.Uses {
		failed(o, "uses", checkChars(name, ":"))
	}
	c.Shapes = canon.Objects(o, "shapes", readShape)
	unique(o, "requires", c.Requires, func(d Dependency) string { return d.Name })
	unique(o, "uses", c.Uses, func(s string) string { return s })
	unique(o, "shapes", c.Shapes, func(s Shape) string { return s.Name })
	digest, shapes := c.digests()
	same(o, "shapes_digest", shapes)
	same(o, "digest", digest)
}

func readDependency(o *canon.ObjectReader) Dependency {
	d := Dependency{Name: o.String("name"), Constraint: o.String("constraint"), Optional: o.Bool("optional")}
	failed(o, "name", checkName(d.Name))
	_, err := version.ParseConstraint(d.Constraint)
	failed(o, "constraint", err)
	return d
}

func readShape(o *canon.ObjectReader) Shape {
	s := Shape{Name: o.String("name"), Role: Role(o.String("role")), Kind: o.String("kind"), GoType: o.StringOr("go_type", ""), Comparable: o.Bool("comparable")}
	failed(o, "name", checkText(s.Name))
	failed(o, "kind", checkType(s.Kind))
	if !slices.Contains([]Role{RoleBoth, RoleProvides, RoleRequires, RoleConfig, RoleData, RoleExport}, s.Role) {
		o.Fail("role", fmt.Errorf("unknown role %q", clip(string(s.Role), 64)))
	}
	s.Fields = canon.Objects(o, "fields", readField)
	if s.Kind != "struct" && len(s.Fields) > 0 {
		o.Fail("fields", fmt.Errorf("only a struct has fields, not %q", clip(s.Kind, 64)))
	}
	for i := 1; i < len(s.Fields); i++ {
		if s.Fields[i].Position <= s.Fields[i-1].Position {
			o.Fail("fields", fmt.Errorf("%q at position %d follows position %d: want them in order of declaration", s.Fields[i].Name, s.Fields[i].Position, s.Fields[i-1].Position))
		}
	}
	unique(o, "fields", s.Fields, func(f Field) string {
		if f.Name == "_" {
			return ""
		}
		return f.Name
	})
	s.Methods = canon.Objects(o, "methods", readMethod)
	unique(o, "methods", s.Methods, func(m Method) string { return m.Name })
	if s.Kind == "interface" && slices.ContainsFunc(s.Methods, func(m Method) bool { return m.Pointer }) {
		o.Fail("methods", errors.New("a method of an interface has no receiver, so \"pointer\" must be false"))
	}
	return s
}

func readField(o *canon.ObjectReader) Field {
	f := Field{
		Name: o.String("name"), Wire: o.String("wire"), Type: o.String("type"), Tag: o.String("tag"), Default: o.String("default"), Aliases: o.Strings("aliases"),
		Required: o.Bool("required"), Embedded: o.Bool("embedded"),
	}
	position := o.Int("position")
	f.Position = int(position)
	failed(o, "name", checkIdentifier(f.Name))
	failed(o, "type", checkType(f.Type))
	if position < 0 || position > math.MaxInt32 { // an int on every platform
		o.Fail("position", fmt.Errorf("want 0 to %d, found %d", math.MaxInt32, position))
	}
	f.Signature = fieldSignature(f.Name, f.Type, f.Position)
	same(o, "signature", f.Signature)
	return f
}

func readMethod(o *canon.ObjectReader) Method {
	m := Method{Name: o.String("name"), Type: o.String("type"), Pointer: o.Bool("pointer")}
	failed(o, "name", checkMethod(m.Name))
	failed(o, "type", checkType(m.Type))
	m.Signature = methodSignature(m.Name, m.Type, m.Pointer)
	same(o, "signature", m.Signature)
	return m
}

func failed(o *canon.ObjectReader, key string, err error) {
	if err != nil {
		o.Fail(key, err)
	}
}

// unique refuses names that stand there twice; empty ones are not compared.
func unique[E any](o *canon.ObjectReader, key string, list []E, name func(E) string) {
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		if n := name(e); n != "" && seen[n] {
			o.Fail(key, fmt.Errorf("%q stands there twice", clip(n, 128)))
		} else {
			seen[n] = true
		}
	}
}

// same refuses a digest that is there and wrong.
func same(o *canon.ObjectReader, key string, want Digest) {
	if have := o.StringOr(key, want.String()); have != want.String() {
		o.Fail(key, fmt.Errorf("%q is not that of the content, which is %v", clip(have, 80), want))
	}
}

func checkIdentifier(s string) error {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return fmt.Errorf("want a Go identifier, found %q", clip(s, 64))
		}
	}
	return checkText(s)
}

// checkMethod checks the name of a method. Without a "|" in it no two methods share what is hashed as their signature.
func checkMethod(s string) error {
	if strings.Contains(s, "|") {
		return fmt.Errorf("want a Go identifier, after its package where it is not exported, found %q", clip(s, 64))
	}
	if err := checkText(s); err != nil {
		return err
	}
	return checkIdentifier(s[strings.LastIndexByte(s, '.')+1:])
}

// maxTypeText and maxTypeDepth bound type texts of foreign documents, in bytes and in brackets within each other.
const (
	maxTypeText  = 64 << 10
	maxTypeDepth = 400
)

func checkType(s string) error {
	if len(s) > maxTypeText {
		return fmt.Errorf("want a type of at most %d bytes, found %d", maxTypeText, len(s))
	}
	depth := 0
	for _, c := range []byte(s) {
		switch c {
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			depth--
		}
		if depth > maxTypeDepth {
			return fmt.Errorf("want a type of at most %d brackets within each other", maxTypeDepth)
		}
	}
	return checkText(s)
}

func checkText(s string) error {
	if s == "" || strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("want text without control characters, found %q", clip(s, 64))
	}
	return nil
}
