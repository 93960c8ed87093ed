// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/internal/fixture/bill110"
	"github.com/plugreg/plugreg/internal/fixture/bill123"
)

// billOf2KB is a payload of about 2 KB.
func billOf2KB() bill123.Request {
	r := request123
	r.Lines = nil
	for i := range 33 {
		r.Lines = append(r.Lines, bill123.Line{SKU: fmt.Sprintf("SKU-%06d", i), Count: i * 100, Unit: "kilograms"})
	}
	return r
}

// BenchmarkCodec has payloads of one version beside encoding/json, which gets the bare value.
func BenchmarkCodec(b *testing.B) {
	contracts := bills(b, plugreg.Backward)
	self := contracts["1.2.3"]
	codec, err := plugreg.NewCodec[bill123.Request](self, plugreg.DecodeOptions{}, contracts["1.1.0"])
	require.NoError(b, err)
	value := billOf2KB()
	payload, err := codec.Encode(value)
	require.NoError(b, err)
	bare, err := json.Marshal(value)
	require.NoError(b, err)
	old := encoded(b, contracts["1.1.0"], request110)
	for _, bb := range []struct {
		name string
		size int
		run  func() error
	}{
		{"Decode/codec", len(bare), func() error { _, _, err := codec.Decode(payload); return err }},
		{"Decode/json", len(bare), func() error { return json.Unmarshal(bare, new(bill123.Request)) }},
		{"Decode/one-shot", len(bare), func() error {
			_, _, err := plugreg.Decode[bill123.Request](payload, self, self, plugreg.DecodeOptions{})
			return err
		}},
		{"Decode/one-shot-other-version", len(old), func() error {
			_, _, err := plugreg.Decode[bill123.Request](old, self, contracts["1.1.0"], plugreg.DecodeOptions{})
			return err
		}},
		{"Decode/codec-other-version", len(old), func() error { _, _, err := codec.Decode(old); return err }},
		{"Encode/codec", len(bare), func() error { _, err := codec.Encode(value); return err }},
		{"Encode/json", len(bare), func() error { _, err := json.Marshal(value); return err }},
		{"Encode/one-shot", len(bare), func() error { _, err := plugreg.Encode(self, value); return err }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(bb.size))
			b.ReportAllocs()
			for b.Loop() {
				if err := bb.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewCodec(b *testing.B) {
	contracts := bills(b, plugreg.Backward)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := plugreg.NewCodec[bill123.Request](contracts["1.2.3"], plugreg.DecodeOptions{}, contracts["1.1.0"]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContractDigest(b *testing.B) {
	c := bill(b, "1.1.0", plugreg.Default, bill110.Request{}, bill110.Receipt{})
	b.ReportAllocs()
	for b.Loop() {
		if c.Digest().IsZero() {
			b.Fatal("no digest")
		}
	}
}
