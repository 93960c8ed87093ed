// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLater(t *testing.T) {
	t.Parallel()
	require.Equal(t, time.Duration(3), later(1, 2))
	require.Equal(t, time.Duration(1), later(1, -2))
	require.Equal(t, time.Duration(math.MaxInt64), later(1, math.MaxInt64))
	require.Equal(t, time.Duration(math.MaxInt64), later(1, math.MaxInt64-1))
}

func TestOpenForEver(t *testing.T) {
	t.Parallel()
	c := usual()
	c.OpenFor = math.MaxInt64
	h := newHost(c)
	h.m.Tick(h.now)
	h.wait(time.Hour)
	h.openNow()
	require.Equal(t, start.Add(math.MaxInt64), h.m.Next())
	h.m.Tick(h.now.Add(100_000 * time.Hour))
	require.Equal(t, Open, h.m.State())
}
