// SPDX-License-Identifier: Apache-2.0

// Package prototype has plugins whose type is not what the contract demands. It does not build.
package prototype

import "github.com/plugreg/plugreg"

type Sink interface {
	Write(line string) error
	Close() error
}

type (
	missing struct{ plugreg.NoClose }
	retyped struct{ plugreg.NoClose }
	pointer struct{ plugreg.NoClose }
	leaking struct{}
)

func (retyped) Write(line []byte) error  { return nil }
func (*pointer) Write(line string) error { return nil }
func (leaking) Write(line string) error  { return nil }

var plugins = []plugreg.Plugin[Sink]{
	{Prototype: (*missing)(nil)}, // ERROR \*missing does not implement Sink \(missing method Write\)
	{Prototype: (*retyped)(nil)}, // ERROR \*retyped does not implement Sink \(wrong type for method Write\)
	{Prototype: pointer{}},       // ERROR pointer does not implement Sink \(method Write has pointer receiver\)
	{Prototype: (*leaking)(nil)}, // ERROR \*leaking does not implement Sink \(missing method Close\)
	{Prototype: (*pointer)(nil)},
}
