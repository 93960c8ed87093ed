// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"net/url"
	"time"
)

// Grow is a row of the matrix, or part of one.
type Grow interface{ Do() }

// Shrink is a row of the matrix, or part of one.
type Shrink interface {
	Do()
	More()
}

// GrowSealed is a row of the matrix, or part of one.
type GrowSealed interface {
	Do()
	seal(hint)
}

// Unseal is a row of the matrix, or part of one.
type Unseal interface {
	Do()
	seal(hint)
}

// Seal is a row of the matrix, or part of one.
type Seal interface{ Do() }

// Param is a row of the matrix, or part of one.
type Param interface {
	Do(int)
	More()
	Less() error
}

// ParamNames is a row of the matrix, or part of one.
type ParamNames interface{ Do(a, b int) (c error) }

// Variadic is a row of the matrix, or part of one.
type Variadic interface{ Do([]int) }

// Callback is a row of the matrix, or part of one.
type Callback interface{ Do(func(int)) }

// ChanDir is a row of the matrix, or part of one.
type ChanDir interface{ Do() ChanDirTicks }

// ChanDirTicks is a row of the matrix, or part of one.
type ChanDirTicks chan int

// Underlying is a row of the matrix, or part of one.
type Underlying struct {
	C UnderlyingCents
	B UnderlyingBytes
}

// UnderlyingCents is a row of the matrix, or part of one.
type UnderlyingCents int32

// UnderlyingBytes is a row of the matrix, or part of one.
type UnderlyingBytes string

// Kind is a row of the matrix, or part of one.
type Kind struct {
	K KindInner
}

// KindInner is a row of the matrix, or part of one.
type KindInner struct{ A int }

// GenericArgument is a row of the matrix, or part of one.
type GenericArgument struct {
	P Page[int]
}

// GenericNames is a row of the matrix, or part of one.
type GenericNames struct {
	P Renamed[int]
}

// Inline is a row of the matrix, or part of one.
type Inline struct{ InlineBase }

// InlineBase is a row of the matrix, or part of one.
type InlineBase struct {
	ID   int
	Note string
}

// InlinePrivate is a row of the matrix, or part of one.
type InlinePrivate struct{ inlinePrivate }

// inlinePrivate is a row of the matrix, or part of one.
type inlinePrivate struct {
	ID   int `plugreg:"required"`
	Note string
}

// InlineStricter is a row of the matrix, or part of one.
type InlineStricter struct{ inlineStricter }

// inlineStricter is a row of the matrix, or part of one.
type inlineStricter struct {
	ID   int
	Note string
}

// InlineLess is a row of the matrix, or part of one.
type InlineLess struct{ inlineLess }

// inlineLess is a row of the matrix, or part of one.
type inlineLess struct {
	ID   int
	Note string
}

// EmbedPrivate is a row of the matrix, or part of one.
type EmbedPrivate struct{ embedPrivate }

// embedPrivate is a row of the matrix, or part of one.
type embedPrivate struct {
	ID int `plugreg:"required"`
}

// Promote is a row of the matrix, or part of one.
type Promote struct {
	ID int
}

// EmbedLess is a row of the matrix, or part of one.
type EmbedLess struct{ EmbedLessBase }

// EmbedLessBase is a row of the matrix, or part of one.
type EmbedLessBase struct{ A int }

// EmbedMore is a row of the matrix, or part of one.
type EmbedMore struct {
	EmbedMoreBase EmbedMoreBase `json:"b"`
}

// EmbedMoreBase is a row of the matrix, or part of one.
type EmbedMoreBase struct{ A int }

// Shadow is a row of the matrix, or part of one.
type Shadow struct{ ShadowBase }

// ShadowBase is a row of the matrix, or part of one.
type ShadowBase struct {
	ID int `json:"id"`
}

// Ambiguous is a row of the matrix, or part of one.
type Ambiguous struct{ AmbiguousA }

// AmbiguousA is a row of the matrix, or part of one.
type AmbiguousA struct{ ID int }

// Private is a row of the matrix, or part of one.
type Private struct {
	A int
	b int
}

// PrivateType is a row of the matrix, or part of one.
type PrivateType struct {
	A    int
	next *privateType
}

// privateType is a row of the matrix, or part of one.
type privateType struct {
	A int
	T *privateDeep
}

// privateDeep is a row of the matrix, or part of one.
type privateDeep struct{ B int }

// PrivateChange is a row of the matrix, or part of one.
type PrivateChange struct {
	A    int
	next *privateChange
}

// privateChange is a row of the matrix, or part of one.
type privateChange struct{ A int }

// PrivateMove is a row of the matrix, or part of one.
type PrivateMove struct {
	a int
	B int
}

// PrivateUncomparable is a row of the matrix, or part of one.
type PrivateUncomparable struct {
	A int
	b int
}

// Compare is a row of the matrix, or part of one.
type Compare struct {
	A int
	b []int
}

// Recursive is a row of the matrix, or part of one.
type Recursive struct {
	Next *Recursive
	All  map[string][]RecursiveOther
}

// RecursiveOther is a row of the matrix, or part of one.
type RecursiveOther struct {
	Back *Recursive
	Self []RecursiveOther
}

// Elements is a row of the matrix, or part of one.
type Elements struct {
	M map[string]int
	S []int
	A [2]int
	P *int
}

// KeyLength is a row of the matrix, or part of one.
type KeyLength struct {
	M map[string]int
	A [2]int
}

// Duration is a row of the matrix, or part of one.
type Duration struct {
	D time.Duration
}

// SameName is a row of the matrix, or part of one.
type SameName struct {
	L url.Error
}
