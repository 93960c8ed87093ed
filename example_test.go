// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/plugreg/plugreg"
)

// Store is the contract of the examples.
type Store interface {
	Put(key, value string) error
	Close() error
}

// Finder is a capability that some stores have.
type Finder interface {
	Find(prefix string) []string
}

// Memory is a store that can find.
type Memory struct {
	plugreg.NoClose
	limit int
	keys  []string
}

func (m *Memory) Put(key, _ string) error {
	if m.limit > 0 && len(m.keys) == m.limit {
		return fmt.Errorf("full at %d keys", m.limit)
	}
	m.keys = append(m.keys, key)
	return nil
}

func (m *Memory) Find(prefix string) (found []string) {
	for _, key := range m.keys {
		if strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	return found
}

// Null is a store that keeps nothing.
type Null struct{ plugreg.NoClose }

func (Null) Put(string, string) error { return nil }

func memory(version string) plugreg.Plugin[Store] {
	return plugreg.Plugin[Store]{
		Name: "acme.memory", Version: version, Prototype: (*Memory)(nil),
		New: func(context.Context, *plugreg.Env) (Store, error) { return new(Memory), nil },
	}
}

func null() plugreg.Plugin[Store] {
	return plugreg.Plugin[Store]{
		Name: "acme.null", Version: "1.0.0", Prototype: Null{},
		New: func(context.Context, *plugreg.Env) (Store, error) { return Null{}, nil },
	}
}

func Example() {
	ctx := context.Background()
	stores, err := plugreg.New[Store](plugreg.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := stores.RegisterAll(memory("1.2.0"), memory("1.3.1"), null()); err != nil {
		log.Fatal(err)
	}
	store, err := stores.Open(ctx, "acme.memory", "^1.2", nil)
	if err != nil {
		log.Fatal(err)
	}
	err = store.Do(ctx, func(_ context.Context, s Store) error { return s.Put("city", "Livingston") })
	fmt.Println(store.Version(), err)
	fmt.Println(stores.Close(ctx))
	// Output:
	// 1.3.1 <nil>
	// <nil>
}

func ExampleRegistry_Register() {
	stores := plugreg.MustNew[Store](plugreg.Config{})
	_, err := stores.Register(memory("1.2"))
	fmt.Println(err)
	d, err := stores.Register(memory("v1.2.0"))
	fmt.Println(d.IsZero(), err)
	// Output:
	// plugin "acme.memory": Version: invalid: version "1.2": invalid syntax: fewer than three numbers; write major.minor.patch, as in "1.2.3"
	// false <nil>
}

func ExampleRegistry_RegisterAll() {
	stores := plugreg.MustNew[Store](plugreg.Config{})
	_, err := stores.RegisterAll(memory("1.0.0"), memory("1.1.0"), memory("one"))
	fmt.Println(plugreg.CodeOf(err))
	for range stores.Plugins() {
		fmt.Println("never reached: all or none")
	}
	// Output: INVALID
}

func ExampleRegistry_Plugins() {
	stores := plugreg.MustNew[Store](plugreg.Config{})
	for _, v := range []string{"1.10.0", "1.9.0", "1.10.0-rc.1"} {
		stores.MustRegister(memory(v))
	}
	for _, info := range stores.Plugins() {
		fmt.Println(info.Name, info.Version)
	}
	// Output:
	// acme.memory 1.9.0
	// acme.memory 1.10.0-rc.1
	// acme.memory 1.10.0
}

func ExampleRegistry_Unregister() {
	stores := plugreg.MustNew[Store](plugreg.Config{})
	d := stores.MustRegister(memory("1.0.0"))
	fmt.Println(stores.Unregister(d))
	_, found := stores.Lookup(d)
	_, kept := stores.Contract(d) // what was written under it can still be read
	fmt.Println(found, kept)
	stores.Seal()
	_, err := stores.Register(memory("1.0.0"))
	fmt.Println(plugreg.CodeOf(err))
	// Output:
	// <nil>
	// false true
	// SEALED
}

func ExampleRegistry_Lookup() {
	stores := plugreg.MustNew[Store](plugreg.Config{})
	d := stores.MustRegister(memory("1.2.0"))
	stores.Seal()
	if build, ok := stores.Lookup(d); ok {
		env := new(plugreg.Env) // by hand: no sandbox, no settings
		s, err := build(context.Background(), env)
		fmt.Printf("%T %v\n", s, err)
		fmt.Println(s.Close(), env.Close(context.Background()))
	}
	// Output:
	// *plugreg_test.Memory <nil>
	// <nil> <nil>
}

func ExampleRegistry_Resolve() {
	stores := plugreg.MustNew[Store](plugreg.Config{})
	for _, v := range []string{"1.2.0", "1.10.0", "2.0.0-rc.1"} {
		stores.MustRegister(memory(v))
	}
	d, err := stores.Resolve("acme.memory", ">=1.2, <2")
	c, _ := stores.Contract(d)
	fmt.Println(c.Version, err)
	_, err = stores.Resolve("acme.memory", "^2")
	fmt.Println(err)
	// Output:
	// 1.10.0 <nil>
	// plugin "acme.memory": resolve: not found; want a version that satisfies "^2", have 2.0.0-rc.1 is below ^2; 1.10.0 is below ^2; 1.2.0 is below ^2
}

// A plugin from a package that does not know the host, nor plugreg: a value with the contract's methods and Name, Version and Exports.
type foreign struct{ Null }

func (foreign) Name() string            { return "other.store" }
func (foreign) Version() string         { return "v0.9.0" }
func (foreign) Exports() map[string]any { return map[string]any{"upper": strings.ToUpper} }

func ExampleRegistry_RegisterAny() {
	stores := plugreg.MustNew[Store](plugreg.Config{})
	_, err := stores.RegisterAny(foreign{})
	fmt.Println(err)
	for _, info := range stores.Plugins() {
		fmt.Println(info.Name, info.Version)
	}
	// Output:
	// <nil>
	// other.store 0.9.0
}

func ExampleConfigured() {
	type settings struct {
		Limit int `json:"limit"`
	}
	stores := plugreg.MustNew[Store](plugreg.Config{})
	stores.MustRegister(plugreg.Configured(memory("1.0.0"), settings{Limit: 100},
		func(_ context.Context, _ *plugreg.Env, cfg settings) (Store, error) {
			return &Memory{limit: cfg.Limit}, nil
		}))

	ctx := context.Background()
	store, err := stores.Open(ctx, "acme.memory", "", map[string]any{"limit": 1})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		fmt.Println(store.Do(ctx, func(_ context.Context, s Store) error { return s.Put("k", "v") }))
	}
	_, err = stores.Open(ctx, "acme.memory", "", map[string]any{"limits": 1})
	fmt.Println(plugreg.CodeOf(err))
	fmt.Println(stores.Close(ctx))
	// Output:
	// <nil>
	// full at 1 keys
	// CONTRACT
	// <nil>
}

func ExampleDiscover() {
	ctx := context.Background()
	stores := plugreg.MustNew[Store](plugreg.Config{})
	stores.MustRegister(memory("1.0.0"))
	stores.MustRegister(null())
	found, err := plugreg.Discover(ctx, stores, func(f Finder) bool { return f.Find("") == nil })
	if err != nil {
		log.Fatal(err)
	}
	for _, match := range found {
		finder, err := match.Open(ctx, nil)
		fmt.Println(match.Name, err)
		fmt.Println(finder.Close(ctx))
	}
	// Output:
	// acme.memory <nil>
	// <nil>
}

// An audit log writes to a store that another plugin provides.
type audit struct {
	plugreg.NoClose
	store *plugreg.Handle[Finder]
}

func (a *audit) Put(key, _ string) error {
	return a.store.DoInline(context.Background(), func(_ context.Context, f Finder) error {
		fmt.Println("audit", key, "beside", len(f.Find("")), "keys")
		return nil
	})
}

func ExampleRequire() {
	ctx := context.Background()
	stores := plugreg.MustNew[Store](plugreg.Config{})
	stores.MustRegister(memory("1.4.0"))
	stores.MustRegister(plugreg.Plugin[Store]{
		Name: "acme.audit", Version: "1.0.0", Prototype: (*audit)(nil),
		Requires: []plugreg.Requirement{{Name: "acme.memory", Constraint: "^1.2", As: (*Finder)(nil)}},
		New: func(_ context.Context, env *plugreg.Env) (Store, error) {
			store, err := plugreg.Require[Finder](env, "acme.memory")
			return &audit{store: store}, err
		},
	})
	log, err := stores.Open(ctx, "acme.audit", "", nil)
	fmt.Println(err)
	fmt.Println(log.Do(ctx, func(_ context.Context, s Store) error { return s.Put("login", "ann") }))
	fmt.Println(stores.Close(ctx)) // the audit log first, then what it requires
	// Output:
	// <nil>
	// audit login beside 0 keys
	// <nil>
	// <nil>
}
