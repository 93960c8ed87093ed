// SPDX-License-Identifier: Apache-2.0

// Package fixa holds types for the tests of package shape. Package fixb declares the same types once more, so that two
// versions of a plugin side by side can be compared.
package fixa

import (
	"context"
	"io"
	"time"
)

// Sink is a contract.
type Sink interface {
	io.Closer
	Write(ctx context.Context, rows ...Row) (Ack, error)
	Flush(within time.Duration) error
}

// Kafka is a plugin with a value and a pointer method, private state and an embedded base.
type Kafka struct {
	Base
	Topic  string
	secret func()
}

// Write has a pointer receiver.
func (k *Kafka) Write(context.Context, ...Row) (Ack, error) { k.secret = nil; return Ack{}, nil }

// Flush has a value receiver.
func (k Kafka) Flush(time.Duration) error { return nil }

// Base is embedded.
type Base struct{ Open bool }

// Close is promoted.
func (b *Base) Close() error { b.Open = false; return nil }

// Row is a payload with every kind of field.
type Row struct {
	ID       ID `json:"id" plugreg:"required"`
	Note     string
	Price    Money              `json:"price,omitempty" plugreg:"default=5,alias=cost,alias='a,b'"`
	Tags     map[string][]Tag   `json:"tags"`
	Next     *Row               `json:"next"`
	Fixed    [4]Tag             `json:"fixed"`
	When     time.Time          `json:"when"`
	TTL      time.Duration      `json:"ttl" plugreg:"default=1m30s"`
	Page     Page[Row, string]  `json:"page"`
	Any      any                `json:"any"`
	Inline   struct{ A, b int } `json:"inline"`
	Hidden   chan<- int         `json:"-"`
	Same     Alias              `json:"same"`
	internal int
	_        int
	Base
	*Extra
	Named `json:"named"`
}

// Alias vanishes.
type Alias = *Money

// ID is a defined string with a method.
type ID string

// String makes ID a Stringer.
func (i ID) String() string { return string(i) }

// Money is a defined number.
type Money int64

// Tag refers back to Row.
type Tag struct{ Owner *Row }

// Extra is embedded by pointer.
type Extra struct{ More string }

// Named is embedded under a wire name.
type Named struct{ Less string }

// Page is generic.
type Page[T, K any] struct {
	Items []T
	Index map[string]Index[K]
	Last  *Page[T, K]
}

// Index is reached through a generic type only.
type Index[K any] struct{ Key K }

// Ack is reached through a method only.
type Ack struct{ Seq uint64 }

// Settings is a configuration.
type Settings struct {
	Addr    string        `json:"addr" plugreg:"default=localhost:9092"`
	Timeout time.Duration `json:"timeout" plugreg:"default=3s"`
	Levels  Levels        `json:"levels"`
}

// Levels is a named map.
type Levels map[string]Level

// Level is a small number.
type Level uint8

// Handler is a function type.
type Handler func(ctx context.Context, row *Row) (Visitor, error)

// Visitor is a nested interface.
type Visitor interface{ Visit(Row) Visitor }

// Sealed can be implemented here only.
type Sealed interface {
	Name() string
	sealed()
}

// Private implements Sealed.
type Private struct{ Sealed }

// Recorder is a plugin by value.
type Recorder struct{ Seen []Ack }

// Seq has a value receiver.
func (r Recorder) Seq() uint64 { return r.Seen[0].Seq }

// Reset has a pointer receiver.
func (r *Recorder) Reset() { r.Seen = nil }

// Touch keeps what only reflection sees from being reported as unused.
func Touch(r Row) int { return r.internal + r.Inline.b }
