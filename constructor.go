// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"io"
	"reflect"
)

// Constructor builds one instance of a plugin. ctx ends when the start of the instance ends; what the instance needs
// for its whole life is env.Context(). An error means that there is no instance: the value is then neither used nor
// closed, and what the constructor registered with env is undone. The instance must have the dynamic type of the
// plugin's Prototype.
//
// A Constructor must be safe for concurrent use: one plugin may be mounted many times. One that [Registry.Lookup]
// returned may be called by hand with a zero [Env].
type Constructor[T io.Closer] func(ctx context.Context, env *Env) (T, error)

// Initializer is implemented by plugins that take their settings as they were given, after New and before Probe. A
// method Init(map[string]any) error, without a context, is called likewise.
type Initializer interface {
	// Init gets a copy of the settings of the mount; nil where there are none. ctx ends when Init returns or its time
	// is over.
	Init(ctx context.Context, settings map[string]any) error
}

// Prober is implemented by plugins that can tell whether they are able to work. An instance whose Probe fails never
// serves.
type Prober interface {
	// Probe is asked after Init. ctx ends when Probe returns or its time is over.
	Probe(ctx context.Context) error
}

// plainInitializer is the form of Initializer without a context.
type plainInitializer interface {
	Init(settings map[string]any) error
}

// NoClose is embedded by plugins that have nothing to close.
type NoClose struct{}

// Close returns nil.
func (NoClose) Close() error { return nil }

// Configured returns p with a constructor that decodes the settings of the mount over a copy of defaults, see
// [Env.Decode], and gives them to build. defaults becomes p.Config, so its fields are part of the contract. It is a struct,
// or a pointer to one, which build gets a copy of (nil: of the zero struct). The copy is shallow for what its fields point
// to; decoding itself replaces slices and maps and never writes into those of defaults.
func Configured[T io.Closer, C any](p Plugin[T], defaults C, build func(ctx context.Context, env *Env, cfg C) (T, error)) Plugin[T] {
	p.Config = defaults
	if build == nil {
		p.New = nil
		return p
	}
	p.New = func(ctx context.Context, env *Env) (T, error) {
		cfg, into := copyOf(&defaults)
		if err := env.Decode(into); err != nil {
			var none T
			return none, err
		}
		return build(ctx, env, *cfg)
	}
	return p
}

// copyOf copies defaults, or what they point to; into is where settings are decoded.
func copyOf[C any](defaults *C) (cfg *C, into any) {
	cfg = new(C)
	*cfg = *defaults
	t := reflect.TypeFor[C]()
	if t.Kind() != reflect.Pointer {
		return cfg, cfg
	}
	own := reflect.New(t.Elem())
	if from := reflect.ValueOf(*defaults); !from.IsNil() {
		own.Elem().Set(from.Elem())
	}
	*cfg = own.Interface().(C)
	return cfg, own.Interface()
}

// export is one exported function of an instance.
type export struct {
	fn     any
	target *Target
}

// checkInstance says what is wrong with what a constructor returned: nil, a typed nil, or another type than the
// Prototype's.
func checkInstance(v any, e *entry) error {
	have := reflect.TypeOf(v)
	bad := &PluginError{Plugin: e.name, Version: e.version, Field: "New", Err: ErrContract}
	switch {
	case have == nil:
		bad.Have, bad.Want = "nil and no error", "an instance or an error"
	case isNil(v):
		bad.Have, bad.Want = fmt.Sprintf("a nil %v and no error", have), "an instance or an error"
	case have != e.impl:
		bad.Have, bad.Want, bad.Fix = have.String(), fmt.Sprintf("%v, the type of Prototype", e.impl), "return that type, or change Prototype"
	default:
		return nil
	}
	return bad
}

func isNil(v any) bool {
	switch x := reflect.ValueOf(v); x.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice:
		return x.IsNil()
	}
	return false
}
