// SPDX-License-Identifier: Apache-2.0

// Package source passes off something of its own as a registry. It does not build.
package source

import (
	"io"

	"github.com/plugreg/plugreg"
)

type mine struct{}

func (mine) source() any { return nil }

var imports = []plugreg.Source{
	mine{}, // ERROR mine does not implement plugreg\.Source \(unexported method source\)
	plugreg.MustNew[io.Closer](plugreg.Config{}),
}
