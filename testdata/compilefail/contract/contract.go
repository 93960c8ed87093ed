// SPDX-License-Identifier: Apache-2.0

// Package contract registers plugins of one contract where another is expected. It does not build.
package contract

import (
	"context"

	"github.com/plugreg/plugreg"
)

type Sink interface {
	Write(line string) error
	Close() error
}

type Source interface {
	Read() (string, error)
	Close() error
}

func register(sinks *plugreg.Registry[Sink], source plugreg.Plugin[Source], h *plugreg.Handle[Source]) {
	_, _ = sinks.Register(source)                                                                  // ERROR cannot use source .* as plugreg\.Plugin\[Sink\] value
	_ = h.Do(context.Background(), func(ctx context.Context, s Sink) error { return s.Write("") }) // ERROR as func\(.*Source\) error value
	_ = h.Do(context.Background(), func(ctx context.Context, s Source) error { return nil })
}
