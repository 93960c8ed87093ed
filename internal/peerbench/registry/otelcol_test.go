// SPDX-License-Identifier: Apache-2.0

//go:build !light

package registry

import (
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
)

func init() { peers = append(peers, peer{name: "otelcol-factory-map", register: registerOtelcol}) }

// registerOtelcol builds the factory map of an OpenTelemetry Collector; the
// collector reads it as a plain map and never changes it. Constructing asks
// the factory for a default configuration: what a receiver is built from.
func registerOtelcol(c *catalog) registry {
	var factories []receiver.Factory
	for _, name := range c.names {
		kind := component.MustNewType(strings.ReplaceAll(name, ".", "_"))
		factories = append(factories, receiver.NewFactory(kind, func() component.Config { return newPlugin() }))
	}
	m, err := otelcol.MakeFactoryMap(factories...)
	must(err)
	var asked []component.Type
	return registry{
		ready: func() {
			for _, name := range c.asked {
				asked = append(asked, component.MustNewType(strings.ReplaceAll(name, ".", "_")))
			}
		},
		hit:  func(i int) bool { return m[asked[i]] != nil },
		make: func(i int) Plugin { return m[asked[i]].CreateDefaultConfig().(Plugin) },
		held: m,
	}
}
