// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// SetDefault sets dst to the value that a default's text stands for in its type: a time.Duration ("1m30s"), a type whose
// UnmarshalText accepts it (a pointer to one is allocated), or a bool, integer, finite float or string. Integers are
// decimal.
//
// dst must be settable and not come from a field that is not exported, or SetDefault panics. On an error, which names
// text and type, dst may have been written to. A panic in UnmarshalText is returned as an error.
func SetDefault(dst reflect.Value, text string) error {
	if err := setDefault(dst, text); err != nil {
		return fmt.Errorf("default %q does not fit type %s: %w", text, TypeText(dst.Type()), err)
	}
	return nil
}

func setDefault(dst reflect.Value, text string) (err error) {
	if d, ok := dst.Addr().Interface().(*time.Duration); ok {
		*d, err = time.ParseDuration(text)
		return err
	}
	if u := unmarshaler(dst); u != nil {
		return unmarshal(u, text)
	}
	return setBasic(dst, text)
}

// unmarshaler is dst as a TextUnmarshaler, or nil. A nil pointer is allocated if its type is one.
func unmarshaler(dst reflect.Value) encoding.TextUnmarshaler {
	if dst.Kind() == reflect.Pointer && dst.Type().Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		if dst.IsNil() {
			dst.Set(reflect.New(dst.Type().Elem()))
		}
		return dst.Interface().(encoding.TextUnmarshaler)
	}
	u, _ := dst.Addr().Interface().(encoding.TextUnmarshaler)
	return u
}

func unmarshal(u encoding.TextUnmarshaler, text string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("UnmarshalText panicked: %v", p)
		}
	}()
	return u.UnmarshalText([]byte(text))
}

func setBasic(dst reflect.Value, text string) error {
	switch dst.Kind() {
	case reflect.Bool:
		v, err := strconv.ParseBool(text)
		dst.SetBool(v)
		return err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v, err := strconv.ParseInt(text, 10, dst.Type().Bits())
		dst.SetInt(v)
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v, err := strconv.ParseUint(text, 10, dst.Type().Bits())
		dst.SetUint(v)
		return err
	case reflect.Float32, reflect.Float64:
		v, err := strconv.ParseFloat(text, dst.Type().Bits())
		if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
			err = errors.New("it is not a finite number")
		}
		dst.SetFloat(v)
		return err
	case reflect.String:
		dst.SetString(text)
		return nil
	}
	return errors.New("a default needs a bool, number, string, time.Duration or encoding.TextUnmarshaler")
}
