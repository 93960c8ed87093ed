// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"io"

	"github.com/plugreg/plugreg"
)

func init() { peers = append(peers, peer{name: "plugreg", register: registerPlugreg}) }

// closable is plugreg's contract: like every contract there, it can be closed.
type closable interface {
	Plugin
	io.Closer
}

type closablePlugin struct {
	plugin
	plugreg.NoClose
}

// registerPlugreg registers one by one, which validates, describes and checks
// every plugin. A lookup takes the descriptor that registering returned.
func registerPlugreg(c *catalog) registry {
	r := plugreg.MustNew[closable](plugreg.Config{Capacity: len(c.names)})
	keys := make([]plugreg.TypeDescriptor, len(c.names))
	for i, name := range c.names {
		keys[i] = r.MustRegister(plugreg.Plugin[closable]{
			Name: name, Version: "1.0.0", Prototype: (*closablePlugin)(nil), New: newClosable,
		})
	}
	ctx := context.Background()
	return registry{
		hit: func(i int) bool { _, ok := r.Lookup(keys[i]); return ok },
		make: func(i int) Plugin {
			construct, _ := r.Lookup(keys[i])
			p, err := construct(ctx, &plugreg.Env{})
			must(err)
			return p
		},
		done: func() { must(r.Close(ctx)) },
		held: r,
	}
}

func newClosable(context.Context, *plugreg.Env) (closable, error) {
	return &closablePlugin{plugin: plugin{a: 1, b: 2}}, nil
}
