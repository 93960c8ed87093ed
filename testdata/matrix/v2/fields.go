// SPDX-License-Identifier: Apache-2.0

// Package v2 has the types of one side of the compatibility matrix; package v1 has the other, under the same names.
package v2

// AddOptional is a row of the matrix, or part of one.
type AddOptional struct {
	ID   string `json:"id"`
	Note string `json:"note"`
}

// AddDefaulted is a row of the matrix, or part of one.
type AddDefaulted struct {
	ID    string
	Count int `plugreg:"default=5"`
}

// AddUncomparable is a row of the matrix, or part of one.
type AddUncomparable struct {
	ID   string
	Tags []string
}

// AddRequired is a row of the matrix, or part of one.
type AddRequired struct {
	ID   string
	Note string `plugreg:"required"`
}

// AddHolder is a row of the matrix, or part of one.
type AddHolder struct {
	ID   string
	Held Strictly
}

// AddPointer is a row of the matrix, or part of one.
type AddPointer struct {
	ID   string
	Held *Strictly
}

// AddSelfReader is a row of the matrix, or part of one.
type AddSelfReader struct {
	ID   string
	Held SelfReader
}

// Remove is a row of the matrix, or part of one.
type Remove struct {
	ID string
}

// Rename is a row of the matrix, or part of one.
type Rename struct {
	Text string
}

// RenameAlias is a row of the matrix, or part of one.
type RenameAlias struct {
	Text string `json:"text" plugreg:"alias=note"`
}

// MergeAliases is a row of the matrix, or part of one.
type MergeAliases struct {
	C string `plugreg:"alias=A,alias=B"`
}

// Widen is a row of the matrix, or part of one.
type Widen struct {
	N int64
}

// WidenFloat is a row of the matrix, or part of one.
type WidenFloat struct {
	F float64
}

// Narrow is a row of the matrix, or part of one.
type Narrow struct {
	N int32
}

// Sign is a row of the matrix, or part of one.
type Sign struct {
	N uint32
}

// Retype is a row of the matrix, or part of one.
type Retype struct {
	N []byte
}

// ValuePointer is a row of the matrix, or part of one.
type ValuePointer struct {
	L *string
}

// Require is a row of the matrix, or part of one.
type Require struct {
	N string `plugreg:"required"`
}

// Unrequire is a row of the matrix, or part of one.
type Unrequire struct {
	N string
}

// Default is a row of the matrix, or part of one.
type Default struct {
	N int `plugreg:"default=2"`
}

// Reorder is a row of the matrix, or part of one.
type Reorder struct {
	B, A string
}

// ReorderUnnamed is a row of the matrix, or part of one.
type ReorderUnnamed struct {
	U struct{ B, A string }
}

// WireName is a row of the matrix, or part of one.
type WireName struct {
	N string `json:"name"`
}

// WireAlias is a row of the matrix, or part of one.
type WireAlias struct {
	N string `json:"name" plugreg:"alias=n"`
}

// WireGone is a row of the matrix, or part of one.
type WireGone struct {
	N string `json:"-"`
}

// WireNew is a row of the matrix, or part of one.
type WireNew struct {
	N string
}

// WireNewRequired is a row of the matrix, or part of one.
type WireNewRequired struct {
	N string `plugreg:"required"`
}

// AliasMore is a row of the matrix, or part of one.
type AliasMore struct {
	N string `plugreg:"alias=n"`
}

// AliasLess is a row of the matrix, or part of one.
type AliasLess struct {
	N string
}

// TagOther is a row of the matrix, or part of one.
type TagOther struct {
	N string `xml:"name"`
}

// TagOmit is a row of the matrix, or part of one.
type TagOmit struct {
	N string `json:",omitempty"`
}

// TagZero is a row of the matrix, or part of one.
type TagZero struct {
	N string `json:",omitzero"`
}

// TagQuoted is a row of the matrix, or part of one.
type TagQuoted struct {
	N int `json:",string"`
}

// Nested is a row of the matrix, or part of one.
type Nested struct {
	Lines []NestedLine
}

// NestedLine is a row of the matrix, or part of one.
type NestedLine struct {
	Text string
	Tag  int `json:"label"`
	More bool
}

// Unnamed is a row of the matrix, or part of one.
type Unnamed struct {
	U struct{ A, B string }
}
