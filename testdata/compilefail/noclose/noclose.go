// SPDX-License-Identifier: Apache-2.0

// Package noclose has a contract that cannot be closed. It does not build.
package noclose

import "github.com/plugreg/plugreg"

type Greeter interface {
	Greet(name string) string
}

type hello struct{}

func (hello) Greet(name string) string { return "hello " + name }

var registry = plugreg.MustNew[Greeter](plugreg.Config{}) // ERROR Greeter does not satisfy io.Closer \(missing method Close\)

var plugin = plugreg.Plugin[Greeter]{Prototype: hello{}} // ERROR Greeter does not satisfy io.Closer \(missing method Close\)

type Leaver interface{ Close() }

var other plugreg.Registry[Leaver] // ERROR Leaver does not satisfy io.Closer \(wrong type for method Close\)
