// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"io"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/fixture/bill110"
	"github.com/plugreg/plugreg/internal/fixture/bill123"
	"github.com/plugreg/plugreg/internal/reader"
)

// BenchmarkCodecParts has what a single Encode or Decode pays for before it comes to the payload.
func BenchmarkCodecParts(b *testing.B) {
	self, err := ContractOf[io.Closer]("bill", "1.2.3", Description{Data: []any{bill123.Request{}, bill123.Receipt{}}})
	require.NoError(b, err)
	old, err := ContractOf[io.Closer]("bill", "1.1.0", Description{Data: []any{bill110.Request{}, bill110.Receipt{}}})
	require.NoError(b, err)
	t := reflect.TypeFor[bill123.Request]()
	e, err := newEncoder(self, t)
	require.NoError(b, err)
	require.NoError(b, e.prepare(reader.Options{}))
	for name, part := range map[string]func() error{
		"digests": func() error { self.digests(); return nil },
		"match":   func() error { _, _, err := match(self, t); return err },
		"plan":    func() error { _, err := reader.PlanOf(t, reader.Options{}); return err },
		"source":  func() error { _, err := newSource(e, old, DecodeOptions{}); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := part(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
