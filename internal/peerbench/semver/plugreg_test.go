// SPDX-License-Identifier: Apache-2.0

package semver

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func init() { peers = append(peers, peer{"plugreg", resolve}) }

// resolve asks a registry that holds all the versions, again and again: what a
// constraint resolves to is remembered until a version is registered.
func resolve(tb testing.TB, versions []string, want string) func() bool {
	r, err := plugreg.New[io.Closer](plugreg.Config{})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, r.Close(context.Background())) })
	var wanted plugreg.TypeDescriptor
	for _, v := range versions {
		d := r.MustRegister(plugreg.Plugin[io.Closer]{
			Name: "acme", Version: v, Prototype: (*plugreg.NoClose)(nil),
			New: func(context.Context, *plugreg.Env) (io.Closer, error) { return &plugreg.NoClose{}, nil },
		})
		if v == want {
			wanted = d
		}
	}
	return func() bool {
		d, err := r.Resolve("acme", "^1.2")
		return err == nil && d == wanted
	}
}
