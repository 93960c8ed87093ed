// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// key is a setting of the plugin.
type key struct {
	name     string
	typ      reflect.Type
	required bool
}

// keys lists those of Config, and those that the options give and Config does not know of.
func (c *checker[T]) keys() []key {
	var all []key
	if c.p.Config != nil {
		all = keysOf(structOf(reflect.TypeOf(c.p.Config)), nil)
	}
	for _, name := range slices.Sorted(maps.Keys(c.opts.Settings)) {
		if !slices.ContainsFunc(all, func(k key) bool { return k.name == name }) {
			all = append(all, key{name: name, typ: reflect.TypeOf(c.opts.Settings[name])})
		}
	}
	return all
}

// keysOf lists the keys of a struct, which is embedded in the structs around.
func keysOf(t reflect.Type, around []reflect.Type) (all []key) {
	around = append(around, t)
	for i := range t.NumField() {
		f := t.Field(i)
		switch name, inline := wire(f); {
		case inline:
			if inner := structOf(f.Type); !slices.Contains(around, inner) {
				all = append(all, keysOf(inner, around)...)
			}
		case name != "":
			all = append(all, key{name, f.Type, isRequired(f)})
		}
	}
	return all
}

// wire is the name of a field in JSON, empty for one that is not there; the fields of an inline one stand in its place.
func wire(f reflect.StructField) (name string, inline bool) {
	tag := f.Tag.Get("json")
	name, _, _ = strings.Cut(tag, ",")
	switch {
	case tag == "-":
		return "", false
	case f.Anonymous && name == "" && structOf(f.Type).Kind() == reflect.Struct:
		return "", true
	case !f.IsExported():
		return "", false
	case name == "":
		name = f.Name
	}
	return name, false
}

func isRequired(f reflect.StructField) bool {
	return slices.Contains(strings.Split(f.Tag.Get("plugreg"), ","), "required")
}

// structOf is what t points to, if it points.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// misfit is a value that no setting of type t can have; nil where there may be none.
func misfit(t reflect.Type) any {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() == reflect.Interface || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	text := reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		if !text {
			return true
		}
	}
	return map[string]any{unknownKey: true}
}

// settingsOf writes a struct, or a pointer to one, as a host would write its settings: what JSON has, but durations as
// text. What is null is left out.
func settingsOf(defaults any) (map[string]any, error) {
	v := reflect.ValueOf(defaults)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, nil
	}
	written, err := marshal(defaults)
	if err != nil {
		return nil, err
	}
	settings, ok := plain(v, written).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want a JSON object, have %T", written)
	}
	maps.DeleteFunc(settings, func(_ string, value any) bool { return value == nil })
	return settings, nil
}

// marshal returns what JSON makes of v; numbers that float64 does not hold exactly stay text.
func marshal(v any) (out any, err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&out)
	return numbers(out), err
}

func numbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		f, err := x.Float64()
		if n, whole := x.Int64(); err != nil || whole == nil && int64(f) != n || whole != nil && !strings.ContainsAny(x.String(), ".eE") {
			return x
		}
		return f
	case map[string]any:
		for k := range x {
			x[k] = numbers(x[k])
		}
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	}
	return v
}

// plain replaces in written, which is what JSON made of v, the durations, and adds keys that were left out as empty
// although they are required.
func plain(v reflect.Value, written any) any {
	if !v.IsValid() || v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer && v.IsNil() {
		return written
	}
	if v.Kind() == reflect.Pointer {
		return plain(v.Elem(), written)
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		return time.Duration(v.Int()).String()
	}
	if writesItself(v.Type()) {
		return written
	}
	switch w := written.(type) {
	case map[string]any:
		plainMap(v, w)
	case []any:
		if v.Kind() == reflect.Slice || v.Kind() == reflect.Array {
			for i := range w {
				w[i] = plain(v.Index(i), w[i])
			}
		}
	}
	return written
}

func plainMap(v reflect.Value, w map[string]any) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			plainField(v.Type().Field(i), v.Field(i), w)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			if name := fmt.Sprint(iter.Key()); w[name] != nil {
				w[name] = plain(iter.Value(), w[name])
			}
		}
	}
}

func plainField(f reflect.StructField, v reflect.Value, w map[string]any) {
	name, inline := wire(f)
	value, there := w[name]
	switch {
	case inline:
		plain(v, w)
	case name == "":
	case there:
		w[name] = plain(v, value)
	case isRequired(f):
		if value, err := marshal(v.Interface()); err == nil {
			w[name] = plain(v, value)
		}
	}
}

func writesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}
