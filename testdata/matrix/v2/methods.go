// SPDX-License-Identifier: Apache-2.0

package v2

// GainCodec is a row of the matrix, or part of one.
type GainCodec struct{ C GainCodecInner }

// GainCodecInner is a row of the matrix, or part of one.
type GainCodecInner struct{ A int }

// LoseCodec is a row of the matrix, or part of one.
type LoseCodec struct{ C LoseCodecInner }

// LoseCodecInner is a row of the matrix, or part of one.
type LoseCodecInner struct{ A int }

// Methods is a row of the matrix, or part of one.
type Methods struct{ A int }

// FuncField is a row of the matrix, or part of one.
type FuncField struct{ F func() }

// Strictly is a row of the matrix, or part of one.
type Strictly struct {
	Key string `plugreg:"required"`
}

// SelfReader is a row of the matrix, or part of one.
type SelfReader struct {
	Key string `plugreg:"required"`
}

// hint is a row of the matrix, or part of one.
type hint struct{ Level string }

// Server is a row of the matrix, or part of one.
type Server struct {
	A int
	B int
}

// Cache is a row of the matrix, or part of one.
type Cache interface{ Item() CacheItem }

// CacheItem is a row of the matrix, or part of one.
type CacheItem interface{ Read() string }

// CacheMore is a row of the matrix, or part of one.
type CacheMore interface {
	Less()
	More()
}

// Page is generic.
type Page[T any] struct{ Rows []T }

// Renamed has parameters that reflection does not see.
type Renamed[V comparable] struct{ A V }

// Quote is an export.
func Quote(int, string) error { return nil }

// Do is kept.
func (Methods) Do() {}

// Narrow is of pointers.
func (*Methods) Narrow() {}

// Widen is of values.
func (Methods) Widen() {}

// New is new.
func (Methods) New() {}

// MarshalJSON writes nothing.
func (GainCodecInner) MarshalJSON() ([]byte, error) { return []byte("0"), nil }

// Close ends it.
func (*Server) Close() error { return nil }

// UnmarshalJSON takes anything.
func (*SelfReader) UnmarshalJSON([]byte) error { return nil }
