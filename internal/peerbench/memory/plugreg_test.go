// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"io"

	"github.com/plugreg/plugreg"
)

func init() {
	peers = append(peers,
		peer{"plugreg-map", func(n int) any { return descriptors(make(map[plugreg.TypeDescriptor]constructor, n), n) }},
		peer{"plugreg-map-grown", func(n int) any { return descriptors(make(map[plugreg.TypeDescriptor]constructor), n) }},
	)
}

type constructor = plugreg.Constructor[io.Closer]

func constructCloser(context.Context, *plugreg.Env) (io.Closer, error) { return plugreg.NoClose{}, nil }

// descriptors fills m, a registry's map without the registry: plugreg's own
// key, and constructors that capture nothing.
func descriptors(m map[plugreg.TypeDescriptor]constructor, n int) any {
	for i := range n {
		d, err := plugreg.Contract{Name: name(i), Version: "1.0.0"}.Descriptor()
		if err != nil {
			panic(err)
		}
		m[d] = constructCloser
	}
	return m
}
