// SPDX-License-Identifier: Apache-2.0

//go:build !light

package registry

import "github.com/caddyserver/caddy/v2"

func init() { peers = append(peers, peer{name: "caddy", register: registerCaddy}) }

type caddyModule struct {
	plugin
	id *caddy.ModuleID // set in the instance that is registered only
}

func (m *caddyModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: *m.id, New: func() caddy.Module { return new(caddyModule) }}
}

// registerCaddy uses Caddy's global registry: it keeps growing, and its time
// per plugin is that of a map in growth.
func registerCaddy(c *catalog) registry {
	for _, name := range c.names {
		id := caddy.ModuleID(name)
		caddy.RegisterModule(&caddyModule{id: &id})
	}
	return registry{
		hit: func(i int) bool { _, err := caddy.GetModule(c.asked[i]); return err == nil },
		make: func(i int) Plugin {
			info, err := caddy.GetModule(c.asked[i])
			must(err)
			return info.New().(Plugin)
		},
	}
}
