// SPDX-License-Identifier: Apache-2.0

package v2

import (
	"github.com/plugreg/plugreg/testdata/matrix/v2/mail"
)

// Grow is a row of the matrix, or part of one.
type Grow interface {
	Do()
	More()
}

// Shrink is a row of the matrix, or part of one.
type Shrink interface{ Do() }

// GrowSealed is a row of the matrix, or part of one.
type GrowSealed interface {
	Do()
	More()
	closed(hint)
	seal(*hint)
}

// Unseal is a row of the matrix, or part of one.
type Unseal interface{ Do() }

// Seal is a row of the matrix, or part of one.
type Seal interface {
	Do()
	seal(hint)
}

// Param is a row of the matrix, or part of one.
type Param interface {
	Do(int64)
	More(int)
	Less() (int, error)
}

// ParamNames is a row of the matrix, or part of one.
type ParamNames interface{ Do(x, y int) (z error) }

// Variadic is a row of the matrix, or part of one.
type Variadic interface{ Do(...int) }

// Callback is a row of the matrix, or part of one.
type Callback interface{ Do(func(string)) }

// ChanDir is a row of the matrix, or part of one.
type ChanDir interface{ Do() ChanDirTicks }

// ChanDirTicks is a row of the matrix, or part of one.
type ChanDirTicks <-chan int

// Underlying is a row of the matrix, or part of one.
type Underlying struct {
	C UnderlyingCents
	B UnderlyingBytes
}

// UnderlyingCents is a row of the matrix, or part of one.
type UnderlyingCents int64

// UnderlyingBytes is a row of the matrix, or part of one.
type UnderlyingBytes []byte

// Kind is a row of the matrix, or part of one.
type Kind struct {
	K KindInner
}

// KindInner is a row of the matrix, or part of one.
type KindInner map[string]int

// GenericArgument is a row of the matrix, or part of one.
type GenericArgument struct {
	P Page[string]
}

// GenericNames is a row of the matrix, or part of one.
type GenericNames struct {
	P Renamed[int]
}

// Inline is a row of the matrix, or part of one.
type Inline struct {
	ID   int
	Note string
}

// InlinePrivate is a row of the matrix, or part of one.
type InlinePrivate struct {
	ID   int `plugreg:"required"`
	Note string
}

// InlineStricter is a row of the matrix, or part of one.
type InlineStricter struct {
	ID   int `plugreg:"required"`
	Note string
}

// InlineLess is a row of the matrix, or part of one.
type InlineLess struct {
	ID int
}

// EmbedPrivate is a row of the matrix, or part of one.
type EmbedPrivate struct{ embedOther }

// embedOther is a row of the matrix, or part of one.
type embedOther struct {
	ID int `plugreg:"required"`
}

// Promote is a row of the matrix, or part of one.
type Promote struct{ PromoteBase }

// PromoteBase is a row of the matrix, or part of one.
type PromoteBase struct {
	ID int
}

// EmbedLess is a row of the matrix, or part of one.
type EmbedLess struct {
	EmbedLessBase EmbedLessBase `json:""`
}

// EmbedLessBase is a row of the matrix, or part of one.
type EmbedLessBase struct{ A int }

// EmbedMore is a row of the matrix, or part of one.
type EmbedMore struct {
	EmbedMoreBase `json:"b"`
}

// EmbedMoreBase is a row of the matrix, or part of one.
type EmbedMoreBase struct{ A int }

// Shadow is a row of the matrix, or part of one.
type Shadow struct {
	ShadowBase
	Ident string `json:"id"`
}

// ShadowBase is a row of the matrix, or part of one.
type ShadowBase struct {
	ID int `json:"id"`
}

// Ambiguous is a row of the matrix, or part of one.
type Ambiguous struct {
	AmbiguousA
	AmbiguousB
}

// AmbiguousA is a row of the matrix, or part of one.
type AmbiguousA struct{ ID int }

// AmbiguousB is a row of the matrix, or part of one.
type AmbiguousB struct{ ID int }

// Private is a row of the matrix, or part of one.
type Private struct {
	A int
	c string
}

// PrivateType is a row of the matrix, or part of one.
type PrivateType struct {
	A int
}

// PrivateChange is a row of the matrix, or part of one.
type PrivateChange struct {
	A    int
	next *privateChange
}

// privateChange is a row of the matrix, or part of one.
type privateChange struct{ B string }

// PrivateMove is a row of the matrix, or part of one.
type PrivateMove struct {
	B int
	a int
}

// PrivateUncomparable is a row of the matrix, or part of one.
type PrivateUncomparable struct {
	A int
	b []int
}

// Compare is a row of the matrix, or part of one.
type Compare struct {
	A int
	b int
}

// Recursive is a row of the matrix, or part of one.
type Recursive struct {
	Next *Recursive
	All  map[string][]RecursiveOther
	Note string
}

// RecursiveOther is a row of the matrix, or part of one.
type RecursiveOther struct {
	Back *Recursive
	Self []RecursiveOther
}

// Elements is a row of the matrix, or part of one.
type Elements struct {
	M map[string]int64
	S []int64
	A [2]int64
	P *int64
}

// KeyLength is a row of the matrix, or part of one.
type KeyLength struct {
	M map[int]int
	A [3]int
}

// Duration is a row of the matrix, or part of one.
type Duration struct {
	D int64
}

// SameName is a row of the matrix, or part of one.
type SameName struct {
	L mail.Error
}
