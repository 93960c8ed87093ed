// SPDX-License-Identifier: Apache-2.0

package tag

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

var (
	errUnfit    = errors.New("a default needs a bool, number, string, time.Duration, encoding.TextUnmarshaler or a pointer to one")
	errEmpty    = errors.New("an empty default is for strings only; write a value or drop it")
	errInfinite = errors.New("it is not a finite number")
	errNotJSON  = errors.New("it is not a number as JSON writes it; use decimal digits, without a plus sign or leading zeros")
)

// SetDefault sets dst to the value that a default's text stands for in its type:
//
//   - time.Duration: as in "1m30s".
//   - a type with UnmarshalText: what that makes of the text. One with UnmarshalJSON alone has no default.
//   - bool: as [strconv.ParseBool] reads it.
//   - integers: decimal digits within range, and floats: a finite number, both as JSON writes them.
//   - json.Number: a number as JSON writes it.
//   - strings: the text.
//   - a pointer to one of these, which is allocated anew.
//
// An empty text is for strings alone, pointers to them not included: a reader of the tag could not tell it from no default.
//
// dst must be settable, or SetDefault panics. On an error dst is as before; nothing that dst refers to is ever written to.
// The error says what is wrong, and leaves it to the caller to name text and type. A panic in UnmarshalText is one.
func SetDefault(dst reflect.Value, text string) error {
	fresh := reflect.New(dst.Type()).Elem()
	if err := set(fresh, text); err != nil {
		return err
	}
	dst.Set(fresh)
	return nil
}

// set may have written to dst when it fails.
func set(dst reflect.Value, text string) (err error) {
	t := dst.Type()
	own, reads := dst.Addr().Interface().(encoding.TextUnmarshaler)
	_, readsJSON := dst.Addr().Interface().(json.Unmarshaler)
	switch {
	case t.Kind() == reflect.Pointer && t.Elem().Kind() != reflect.Pointer:
		dst.Set(reflect.New(t.Elem()))
		err = set(dst.Elem(), text)
		if err == nil && text == "" {
			err = errEmpty
		}
		return err
	case t == reflect.TypeFor[time.Duration]():
		var d time.Duration
		d, err = time.ParseDuration(text)
		dst.SetInt(int64(d))
		return err
	case reads && text == "":
		return errEmpty
	case reads:
		return Guard("UnmarshalText", func() error { return own.UnmarshalText([]byte(text)) })
	case readsJSON:
		return errUnfit
	}
	return setBasic(dst, text)
}

func setBasic(dst reflect.Value, text string) (err error) {
	switch dst.Kind() {
	case reflect.Bool:
		var v bool
		v, err = strconv.ParseBool(text)
		dst.SetBool(v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var v int64
		v, err = strconv.ParseInt(text, 10, dst.Type().Bits())
		dst.SetInt(v)
		return asJSON(text, err)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		var v uint64
		v, err = strconv.ParseUint(text, 10, dst.Type().Bits())
		dst.SetUint(v)
		return asJSON(text, err)
	case reflect.Float32, reflect.Float64:
		var v float64
		v, err = strconv.ParseFloat(text, dst.Type().Bits())
		if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
			err = errInfinite
		}
		dst.SetFloat(v)
		return asJSON(text, err)
	case reflect.String:
		dst.SetString(text)
		if dst.Type() == reflect.TypeFor[json.Number]() {
			return asJSON(text, nil)
		}
	default:
		return errUnfit
	}
	return err
}

// asJSON refuses what package strconv takes beyond JSON, where it had no error of its own.
func asJSON(text string, err error) error {
	if err == nil && !IsNumber(text) {
		return errNotJSON
	}
	return err
}

// IsNumber reports whether s is a number as JSON writes it; package strconv alone would also take "inf", "0x1p0" and "+1".
func IsNumber(s string) bool {
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return false
	}
	last := s[len(s)-1]
	return last >= '0' && last <= '9' && json.Valid([]byte(s))
}

// Guard calls code of a type's own, such as its UnmarshalText, and returns a panic in it as an error that begins with
// name; one that panics with an error wraps that. It does not contain a runtime.Goexit.
func Guard(name string, call func() error) (err error) {
	err = fmt.Errorf("%s panicked with nil", name) // stands only where GODEBUG=panicnil=1 hides the panic
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("%s panicked: %w", name, r)
		default:
			err = fmt.Errorf("%s panicked: %v", name, r)
		}
	}()
	return call()
}
