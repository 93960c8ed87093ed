// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// benchContracts are two contracts of 50 fields; of the second, that many fields have changed.
func benchContracts(changed int) (old, now plugreg.Contract) {
	fields := make([]plugreg.Field, 50)
	for i := range fields {
		fields[i] = diffField(fmt.Sprintf("Field%d", i), "int")
		fields[i].Tag = fmt.Sprintf(`json:"field_%d,omitempty" xml:"x"`, i)
	}
	old, now = diffStruct(fields), diffStruct(append([]plugreg.Field(nil), fields...))
	for i := range changed {
		now.Shapes[0].Fields[i*9].Type = "string"
	}
	return old, now
}

func BenchmarkDiff(b *testing.B) {
	for _, changed := range []int{0, 5} {
		b.Run(fmt.Sprintf("50-fields/%d-changed", changed), func(b *testing.B) {
			old, now := benchContracts(changed)
			b.ReportAllocs()
			for b.Loop() {
				plugreg.Diff(old, now)
			}
			require.Len(b, plugreg.Diff(old, now), changed)
		})
	}
}
