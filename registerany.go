// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/plugreg/plugreg/internal/shape"
)

// selfDescribed is what a ready instance has beyond T, without importing this package.
type selfDescribed interface {
	Name() string
	Version() string
	Exports() map[string]any
}

// RegisterAny registers what comes from code that does not know T, or not even this package: a Plugin[T], a *Plugin[T],
// a func() Plugin[T], or a ready instance: a value that implements T and has the methods Name() string, Version()
// string and Exports() map[string]any. A ready instance can be mounted once, and is closed with its mount. What has to
// be called to know the plugin is called in the sandbox, and not at all where the registry is sealed or closed. The
// error is that of [Registry.Register], what such a call failed with, or lists for each method what was expected and
// what was found.
func (r *Registry[T]) RegisterAny(v any) (TypeDescriptor, error) {
	site := caller()
	switch p := v.(type) {
	case Plugin[T]:
		return r.register(&p, site)
	case *Plugin[T]:
		if p != nil {
			return r.register(p, site)
		}
	case func() Plugin[T]:
		if p != nil {
			return r.registerMade(site, p)
		}
	}
	instance, isT := v.(T)
	self, isSelf := v.(selfDescribed)
	if !isT || !isSelf || isNil(v) {
		return TypeDescriptor{}, r.rejected(v)
	}
	return r.registerMade(site, func() Plugin[T] { return ready(instance, self) })
}

// registerMade calls the code that makes a plugin in the sandbox.
func (r *Registry[T]) registerMade(site uintptr, plugin func() Plugin[T]) (TypeDescriptor, error) {
	c := r.core
	if err := c.changeable(); err != nil {
		return TypeDescriptor{}, &PluginError{Field: "register", Err: err}
	}
	var p Plugin[T] // not read where plugin may still run
	op := &Target{Registry: c.name, Operation: phaseRegister, Phase: true, stats: new(failures)}
	_, err := c.quiet.detached(context.Background(), job{op: op, limit: c.quiet.limits.start, call: func(context.Context) error {
		p = plugin()
		return nil
	}})
	if err != nil {
		return TypeDescriptor{}, &PluginError{Field: "register", Err: err, Want: "a plugin that says what it is without failing"}
	}
	return r.register(&p, site)
}

func (c *core) changeable() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open()
}

// ready makes a plugin of an instance that exists already.
func ready[T io.Closer](instance T, self selfDescribed) Plugin[T] {
	var taken atomic.Bool
	name, ver := self.Name(), self.Version()
	return Plugin[T]{
		Name: name, Version: ver, Prototype: instance, Exports: self.Exports(),
		New: func(_ context.Context, env *Env) (T, error) {
			var none T
			if err := env.leftover(instance); err != nil { // found here, it does not cost the one instance that there is
				return none, err
			}
			if taken.Swap(true) {
				return none, &PluginError{Plugin: name, Version: ver, Field: "New", Err: ErrMounted, Have: "a ready instance that was mounted before",
					Fix: "register a Plugin with a constructor to mount it more than once"}
			}
			return instance, nil
		},
	}
}

// rejected says what v is, and what it lacks to be registered.
func (r *Registry[T]) rejected(v any) error {
	contract := shape.TypeText(r.core.contractType)
	err := &PluginError{Field: "register", Have: "nothing",
		Want: fmt.Sprintf("a Plugin[%[1]s], a *Plugin[%[1]s], a func() Plugin[%[1]s] or a ready instance", contract)}
	if v == nil {
		return err
	}
	typ := reflect.TypeOf(v)
	if err.Have = shape.TypeText(typ); isNil(v) {
		err.Have = "a nil " + err.Have
		return err
	}
	texts := append(missing(typ, r.core.contractType), missing(typ, reflect.TypeFor[selfDescribed]())...)
	slices.Sort(texts)
	err.Fix = "for a ready instance " + strings.Join(slices.Compact(texts), "; ") // T may demand Name or Version too
	return err
}
