// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRateReasonShowsTheDifference(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		n, attempts uint64
		limit       float64
		want        string
	}{
		{"two digits", 21, 34, 0.5, "error rate 0.62 of 34 calls within 10s, more than 0.5"},
		{"close", 504, 1000, 0.5, "error rate 0.504 of 1000 calls within 10s, more than 0.5"},
		{"very close", 500_001, 1_000_000, 0.5, "error rate 0.500001 of 1000000 calls within 10s, more than 0.5"},
		{"learned", 1, 30, 0.012345678, "error rate 0.033 of 30 calls within 10s, more than 0.0123"},
		{"learned and close", 123, 10_000, 0.01229, "error rate 0.0123 of 10000 calls within 10s, more than 0.01229"},
		{"more failures than attempts", 40, 30, 0.5, "error rate 1 of 40 calls within 10s, more than 0.5"},
		{"not above", 1, 2, 0.5, "error rate 0.5 of 2 calls within 10s, more than 0.5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, rateReason("error", tt.n, tt.attempts, 10*time.Second, tt.limit))
		})
	}
}
