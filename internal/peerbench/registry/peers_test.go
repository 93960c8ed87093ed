// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	containerd "github.com/containerd/plugin"
	"github.com/samber/do/v2"
	"go.uber.org/dig"
)

var peers = []peer{
	{name: "noop", register: registerNoop},
	{name: "plain-map-key24", register: registerMap24},
	{name: "limit-cow-map-key24", register: registerCowMap24},
	{name: "limit-map-uint64", register: registerMapUint64},
	{name: "plain-map-string", register: registerMapString},
	{name: "rwmutex-map-string", register: registerRWMutex},
	{name: "sync-map-string", register: registerSyncMap},
	{name: "containerd-set", register: registerContainerd},
	{name: "samber-do-value", register: registerDoValue},
	{name: "samber-do-transient", register: registerDoTransient},
	{name: "dig", register: func(c *catalog) registry { return registerDig(c) }, serial: true, most: 1000},
	{name: "dig-deferred", register: func(c *catalog) registry {
		return registerDig(c, dig.DeferAcyclicVerification())
	}, serial: true},
	{name: "database-sql-open", register: registerSQL},
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// registerNoop shows the harness's own cost.
func registerNoop(*catalog) registry {
	return registry{
		hit:  func(int) bool { return true },
		make: func(int) Plugin { return newPlugin() },
	}
}

// registerMap24 is what every ratio refers to: a plain map that nothing guards.
func registerMap24(c *catalog) registry {
	m := make(map[Key]Ctor)
	for _, k := range c.keys {
		m[k] = newPlugin
	}
	return registry{
		hit:  func(i int) bool { return m[c.keys[i]] != nil },
		make: func(i int) Plugin { return m[c.keys[i]]() },
		held: m,
	}
}

// registerCowMap24 is the limit for a concurrent registry: reads take a
// snapshot of the map, and the writer publishes a changed copy. All plugins
// are registered as one batch, so there is one copy.
func registerCowMap24(c *catalog) registry {
	var p atomic.Pointer[map[Key]Ctor]
	p.Store(&map[Key]Ctor{})
	m := maps.Clone(*p.Load())
	for _, k := range c.keys {
		m[k] = newPlugin
	}
	p.Store(&m)
	return registry{
		hit:  func(i int) bool { return (*p.Load())[c.keys[i]] != nil },
		make: func(i int) Plugin { return (*p.Load())[c.keys[i]]() },
		held: &p,
	}
}

// registerMapUint64 has a key the Go runtime has a fast path for, as an
// interned descriptor would.
func registerMapUint64(c *catalog) registry {
	m := make(map[uint64]Ctor)
	for _, k := range c.keys {
		m[k.Name] = newPlugin
	}
	return registry{
		hit:  func(i int) bool { return m[c.keys[i].Name] != nil },
		make: func(i int) Plugin { return m[c.keys[i].Name]() },
		held: m,
	}
}

func registerMapString(c *catalog) registry {
	m := make(map[string]Ctor)
	for _, name := range c.names {
		m[name] = newPlugin
	}
	return registry{
		hit:  func(i int) bool { return m[c.asked[i]] != nil },
		make: func(i int) Plugin { return m[c.asked[i]]() },
		held: m,
	}
}

func registerRWMutex(c *catalog) registry {
	var mu sync.RWMutex
	m := make(map[string]Ctor)
	for _, name := range c.names {
		mu.Lock()
		m[name] = newPlugin
		mu.Unlock()
	}
	get := func(name string) Ctor {
		mu.RLock()
		defer mu.RUnlock()
		return m[name]
	}
	return registry{
		hit:  func(i int) bool { return get(c.asked[i]) != nil },
		make: func(i int) Plugin { return get(c.asked[i])() },
		held: m,
	}
}

func registerSyncMap(c *catalog) registry {
	var m sync.Map
	for _, name := range c.names {
		m.Store(name, Ctor(newPlugin))
	}
	return registry{
		hit:  func(i int) bool { _, ok := m.Load(c.asked[i]); return ok },
		make: func(i int) Plugin { v, _ := m.Load(c.asked[i]); return v.(Ctor)() },
		held: &m,
	}
}

// registerContainerd registers and, as containerd does at its start,
// initializes all plugins: the registry itself has no lookup, the set of
// initialized plugins has. Its plugins are singletons.
func registerContainerd(c *catalog) registry {
	const kind = containerd.Type("acme.module.v1")
	var all containerd.Registry
	for _, name := range c.names {
		all = all.Register(&containerd.Registration{
			Type:   kind,
			ID:     name,
			InitFn: func(*containerd.InitContext) (any, error) { return newPlugin(), nil },
		})
	}
	set := containerd.NewPluginSet()
	for _, r := range all.Graph(nil) {
		must(set.Add(r.Init(containerd.NewContext(context.Background(), set, nil))))
	}
	return registry{
		hit: func(i int) bool {
			v, err := set.Get(kind, c.asked[i]).Instance()
			return err == nil && v.(Plugin) != nil
		},
		held: set,
	}
}

// registerDoValue gets past the first 100 lookups of every value: they record
// their callers' stack frames and cost several times as much.
func registerDoValue(c *catalog) registry {
	in := do.New()
	for _, name := range c.names {
		do.ProvideNamedValue(in, name, Ctor(newPlugin))
	}
	return registry{
		ready: func() {
			for range do.MaxInvocationFrames {
				for _, name := range c.asked {
					do.MustInvokeNamed[Ctor](in, name)
				}
			}
		},
		hit:  func(i int) bool { _, err := do.InvokeNamed[Ctor](in, c.asked[i]); return err == nil },
		held: in,
	}
}

func registerDoTransient(c *catalog) registry {
	in := do.New()
	for _, name := range c.names {
		do.ProvideNamedTransient(in, name, func(do.Injector) (Plugin, error) { return newPlugin(), nil })
	}
	return registry{
		make: func(i int) Plugin { return do.MustInvokeNamed[Plugin](in, c.asked[i]) },
		held: in,
	}
}

// registerDig provides constructors as named values. A dig name is a struct
// tag of the invoked function, so every lookup asks for the same plugin.
// By default each Provide checks the whole graph for cycles.
func registerDig(c *catalog, opts ...dig.Option) registry {
	box := dig.New(opts...)
	for i := range c.names {
		must(box.Provide(func() Ctor { return newPlugin }, dig.Name(fmt.Sprintf("mod%05d", i))))
	}
	type args struct {
		dig.In
		New Ctor `name:"mod00007"`
	}
	return registry{
		hit: func(int) bool { return box.Invoke(func(args) {}) == nil },
		make: func(int) (p Plugin) {
			must(box.Invoke(func(a args) { p = a.New() }))
			return p
		},
		held: box,
	}
}

// registerSQL looks a driver up with sql.Open, which also starts a goroutine
// per pool, and closes the pool again. The registry is global.
func registerSQL(c *catalog) registry {
	for _, name := range c.names {
		sql.Register(name, sqlDriver{})
	}
	return registry{hit: func(i int) bool {
		db, err := sql.Open(c.asked[i], "")
		return err == nil && db.Close() == nil
	}}
}

type sqlDriver struct{}

func (sqlDriver) Open(string) (driver.Conn, error) { return nil, errors.ErrUnsupported }
