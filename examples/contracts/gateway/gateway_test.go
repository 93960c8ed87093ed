// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/examples/contracts/gateway"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	var g gateway.Gateway = new(gateway.Of[struct{ ID string }])
	require.Equal(t, struct{ ID string }{}, g.Request())
	require.NoError(t, g.Close())
}
