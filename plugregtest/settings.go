// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"

	"github.com/plugreg/plugreg"
)

// unknownKey is a setting that no plugin has.
const unknownKey = "plugregtest_unknown"

// config are the plugin's defaults at one moment, as settings.
type config struct {
	settings map[string]any
	text     string
	err      error
}

func (c *checker[T]) config() config { return c.configOf(c.p.Config) }

// configOf writes defaults as settings, guarded, for types may write themselves.
func (c *checker[T]) configOf(defaults any) config {
	if defaults == nil {
		return config{}
	}
	written := make(chan config, 1)
	err := c.patiently(c.whole, func(context.Context) error {
		settings, err := settingsOf(defaults)
		if err != nil {
			return err
		}
		text, err := json.Marshal(settings)
		written <- config{settings: settings, text: string(text)}
		return err
	})
	if err != nil {
		return config{err: err}
	}
	return <-written
}

// roundTrip reads the defaults back from what they were written as.
func (c *checker[T]) roundTrip(written config) {
	if c.p.Config == nil {
		return
	}
	h := &host[T]{checker: c}
	v := Violation{Rule: SettingsRoundTrip, Operation: "Config", When: "written as JSON", Fix: "have the types of settings read what they write"}
	if !h.judge(v, written.err) {
		return
	}
	actual, err := c.decode(required(written.settings, c.keys()), c.p.Config)
	if err != nil { // then they are no more than what they are written as
		actual = c.p.Config
	}
	want := c.configOf(actual)
	v.When = "read back from JSON"
	if !h.judge(v, want.err) {
		return
	}
	back, err := c.decode(want.settings, nil)
	if !h.judge(v, err) {
		return
	}
	if have := c.configOf(back); have.text != want.text {
		v.Want, v.Have, v.Err = want.text, have.text, have.err
		c.file(v)
	}
}

// required keeps of settings what must be given.
func required(settings map[string]any, keys []key) map[string]any {
	out := map[string]any{}
	for _, k := range keys {
		if value, ok := settings[k.name]; ok && k.required {
			out[k.name] = value
		}
	}
	return out
}

// decoding is a plugin that does nothing but read settings.
type decoding struct{ plugreg.NoClose }

// decode has an Env read settings over a copy of base; nil: over zero.
func (c *checker[T]) decode(settings map[string]any, base any) (any, error) {
	into := reflect.New(structOf(reflect.TypeOf(c.p.Config)))
	if v := reflect.ValueOf(base); v.Kind() == reflect.Struct {
		into.Elem().Set(v)
	} else if base != nil && !v.IsNil() {
		into.Elem().Set(v.Elem())
	}
	r, err := plugreg.New[io.Closer](plugreg.Config{Sandbox: bare(c.patience)})
	if err != nil {
		return nil, err
	}
	defer r.Close(c.whole.late)
	p := plugreg.Plugin[io.Closer]{Name: c.p.Name, Version: c.p.Version, Prototype: (*decoding)(nil)}
	p.New = func(_ context.Context, env *plugreg.Env) (io.Closer, error) {
		return new(decoding), env.Decode(into.Interface())
	}
	if _, err := r.Register(p); err != nil {
		return nil, err
	}
	if _, err := r.Open(c.whole.ctx, p.Name, c.constraint, settings); err != nil {
		return nil, err
	}
	return into.Elem().Interface(), nil
}

// knowsKeys opens the plugin with all defaults given as settings.
func (c *checker[T]) knowsKeys() {
	defaults := c.config()
	if len(defaults.settings) == 0 || c.broken(SettingsRoundTrip) {
		return
	}
	if err := c.opensWith(defaults.settings); err == nil || c.stopped() {
		return
	}
	v := Violation{Rule: SettingsRoundTrip, When: "with its default given as a setting", Fix: "read every key that Config has, for instance by env.Decode"}
	found := false
	for _, name := range slices.Sorted(maps.Keys(defaults.settings)) {
		if err := c.opensWith(map[string]any{name: defaults.settings[name]}); err != nil {
			v.Operation, found = operationOf(name), true
			(&host[T]{checker: c}).judge(v, err)
		}
	}
	if !found && !c.stopped() {
		v.Operation, v.When = "Config", "with all defaults given as settings"
		(&host[T]{checker: c}).judge(v, c.opensWith(defaults.settings))
	}
}

// opensWith opens the plugin with more settings; those of the options have precedence.
func (c *checker[T]) opensWith(more map[string]any) error {
	h := c.mounted(1)
	if h == nil {
		return nil
	}
	settings := maps.Clone(more)
	maps.Copy(settings, c.opts.Settings)
	handle, err := h.tryOpen(settings)
	if err == nil {
		h.close(handle, "with its defaults given as settings")
		h.end(NoGoroutineLeft, "with its defaults given as settings")
		return nil
	}
	h.panics("with its defaults given as settings")
	h.end(h.leftover(), "after a start that failed")
	return err
}

// refuses opens the plugin with settings that cannot be right.
func (c *checker[T]) refuses() {
	c.refusesOne(operationOf(unknownKey), "which is unknown", with(c.opts.Settings, unknownKey, true))
	for _, k := range c.keys() {
		if c.stopped() {
			return
		}
		if _, given := c.opts.Settings[k.name]; given && k.required {
			less := maps.Clone(c.opts.Settings)
			delete(less, k.name)
			c.refusesOne(operationOf(k.name), "which is required and missing", less)
		}
		if value := misfit(k.typ); value != nil {
			c.refusesOne(operationOf(k.name), fmt.Sprintf("given as %T", value), with(c.opts.Settings, k.name, value))
		}
	}
}

func (c *checker[T]) refusesOne(operation, when string, settings map[string]any) {
	h := c.mounted(1)
	if h == nil {
		return
	}
	handle, err := h.tryOpen(settings)
	if err == nil {
		h.file(Violation{Rule: SettingsStrict, Operation: operation, When: when, Want: "an error", Have: "an instance",
			Fix: "read settings by plugreg.Configured or env.Decode, or have Init refuse it"})
		h.close(handle, "")
		h.end(NoGoroutineLeft, "after the instance was closed")
		return
	}
	when = "with " + operation + ", " + when
	if last, ok := h.last(); ok {
		h.none(last, when)
	}
	h.panics(when)
	h.end(h.leftover(), "after a start "+when)
}

// panics files what the phases of a start that was to fail did beside returning an error.
func (h *host[T]) panics(when string) {
	for _, f := range h.failures() {
		rule, operation := ruleOf(f.phase)
		if rule == Opens {
			rule = FailsCleanly
		}
		h.mustReturn(Violation{Rule: rule, Operation: operation, When: when}, f.err)
	}
}

func operationOf(setting string) string { return fmt.Sprintf("settings[%q]", setting) }

// with returns a copy of settings with one more.
func with(settings map[string]any, name string, value any) map[string]any {
	more := map[string]any{name: value}
	for k, v := range settings {
		if k != name {
			more[k] = v
		}
	}
	return more
}

// clone copies settings, and what they hold in maps and lists.
func clone(settings map[string]any) map[string]any {
	if settings == nil {
		return nil
	}
	return cloneValue(settings).(map[string]any)
}

func cloneValue(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, v := range x {
			out[k] = cloneValue(v)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, v := range x {
			out[i] = cloneValue(v)
		}
		return out
	}
	return v
}
