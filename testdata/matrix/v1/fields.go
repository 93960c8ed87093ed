// SPDX-License-Identifier: Apache-2.0

// Package v1 has the types of one side of the compatibility matrix; package v2 has the other, under the same names.
package v1

// AddOptional is a row of the matrix, or part of one.
type AddOptional struct {
	ID string `json:"id"`
}

// AddDefaulted is a row of the matrix, or part of one.
type AddDefaulted struct {
	ID string
}

// AddUncomparable is a row of the matrix, or part of one.
type AddUncomparable struct {
	ID string
}

// AddRequired is a row of the matrix, or part of one.
type AddRequired struct {
	ID string
}

// AddHolder is a row of the matrix, or part of one.
type AddHolder struct {
	ID string
}

// AddPointer is a row of the matrix, or part of one.
type AddPointer struct {
	ID string
}

// AddSelfReader is a row of the matrix, or part of one.
type AddSelfReader struct {
	ID string
}

// Remove is a row of the matrix, or part of one.
type Remove struct {
	ID   string
	Note string
}

// Rename is a row of the matrix, or part of one.
type Rename struct {
	Note string
}

// RenameAlias is a row of the matrix, or part of one.
type RenameAlias struct {
	Note string `json:"note"`
}

// MergeAliases is a row of the matrix, or part of one.
type MergeAliases struct {
	A, B string
}

// Widen is a row of the matrix, or part of one.
type Widen struct {
	N int32
}

// WidenFloat is a row of the matrix, or part of one.
type WidenFloat struct {
	F float32
}

// Narrow is a row of the matrix, or part of one.
type Narrow struct {
	N int64
}

// Sign is a row of the matrix, or part of one.
type Sign struct {
	N int32
}

// Retype is a row of the matrix, or part of one.
type Retype struct {
	N string
}

// ValuePointer is a row of the matrix, or part of one.
type ValuePointer struct {
	L string
}

// Require is a row of the matrix, or part of one.
type Require struct {
	N string
}

// Unrequire is a row of the matrix, or part of one.
type Unrequire struct {
	N string `plugreg:"required"`
}

// Default is a row of the matrix, or part of one.
type Default struct {
	N int `plugreg:"default=1"`
}

// Reorder is a row of the matrix, or part of one.
type Reorder struct {
	A, B string
}

// ReorderUnnamed is a row of the matrix, or part of one.
type ReorderUnnamed struct {
	U struct{ A, B string }
}

// WireName is a row of the matrix, or part of one.
type WireName struct {
	N string `json:"n"`
}

// WireAlias is a row of the matrix, or part of one.
type WireAlias struct {
	N string `json:"n"`
}

// WireGone is a row of the matrix, or part of one.
type WireGone struct {
	N string
}

// WireNew is a row of the matrix, or part of one.
type WireNew struct {
	N string `json:"-"`
}

// WireNewRequired is a row of the matrix, or part of one.
type WireNewRequired struct {
	N string `json:"-"`
}

// AliasMore is a row of the matrix, or part of one.
type AliasMore struct {
	N string
}

// AliasLess is a row of the matrix, or part of one.
type AliasLess struct {
	N string `plugreg:"alias=n"`
}

// TagOther is a row of the matrix, or part of one.
type TagOther struct {
	N string `xml:"n"`
}

// TagOmit is a row of the matrix, or part of one.
type TagOmit struct {
	N string
}

// TagZero is a row of the matrix, or part of one.
type TagZero struct {
	N string `json:",omitempty"`
}

// TagQuoted is a row of the matrix, or part of one.
type TagQuoted struct {
	N int
}

// Nested is a row of the matrix, or part of one.
type Nested struct {
	Lines []NestedLine
}

// NestedLine is a row of the matrix, or part of one.
type NestedLine struct {
	Text string
	Gone int
	Tag  int `json:"tag"`
}

// Unnamed is a row of the matrix, or part of one.
type Unnamed struct {
	U struct{ A string }
}
