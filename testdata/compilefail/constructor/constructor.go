// SPDX-License-Identifier: Apache-2.0

// Package constructor has constructors that build something else. It does not build.
package constructor

import (
	"context"

	"github.com/plugreg/plugreg"
)

type Sink interface {
	Write(line string) error
	Close() error
}

type file struct{ plugreg.NoClose }

func (*file) Write(line string) error { return nil }

func open(context.Context, *plugreg.Env) (*file, error) { return new(file), nil }

var plugins = []plugreg.Plugin[Sink]{
	{New: open}, // ERROR cannot use open .*func\(context\.Context, \*plugreg\.Env\) \(\*file, error\).* as plugreg\.Constructor\[Sink\] value
	{New: func() (Sink, error) { return new(file), nil }},                                         // ERROR as plugreg\.Constructor\[Sink\] value
	{New: func(context.Context, *plugreg.Env) (Sink, error) { return new(plugreg.NoClose), nil }}, // ERROR plugreg\.NoClose does not implement Sink \(missing method Write\)
	{New: func(context.Context, *plugreg.Env) (Sink, error) { return new(file), nil }},
}
