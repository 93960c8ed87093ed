// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/plugreg/plugreg/internal/tag"
)

func isInteger(k reflect.Kind) bool  { return k >= reflect.Int && k <= reflect.Int64 || isUnsigned(k) }
func isUnsigned(k reflect.Kind) bool { return k >= reflect.Uint && k <= reflect.Uintptr }
func isFloat(k reflect.Kind) bool    { return k == reflect.Float32 || k == reflect.Float64 }

// isText reports whether v is a string, named or not, and not a number in one.
func isText(v reflect.Value) bool {
	return v.IsValid() && v.Kind() == reflect.String && v.Type() != numberType
}

// numberText is the decimal text of a numeric value, exact for integers and shortest for floats.
func numberText(v reflect.Value) (text string, ok bool) {
	switch {
	case !v.IsValid():
		return "", false
	case v.Type() == numberType:
		return v.String(), tag.IsNumber(v.String())
	case isUnsigned(v.Kind()):
		return strconv.FormatUint(v.Uint(), 10), true
	case isInteger(v.Kind()):
		return strconv.FormatInt(v.Int(), 10), true
	case isFloat(v.Kind()):
		if data, err := json.Marshal(v.Float()); err == nil {
			return string(data), true
		}
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true // NaN and the infinities
	}
	return "", false
}

// setInteger sets dst, of an integer kind, to the whole number that text writes, and reports whether it is one and in
// range.
func setInteger(dst reflect.Value, text string) bool {
	digits, ok := whole(text)
	if !ok {
		return false
	}
	if isUnsigned(dst.Kind()) {
		n, err := strconv.ParseUint(digits, 10, dst.Type().Bits())
		if err == nil {
			dst.SetUint(n)
		}
		return err == nil
	}
	n, err := strconv.ParseInt(digits, 10, dst.Type().Bits())
	if err == nil {
		dst.SetInt(n)
	}
	return err == nil
}

// setFloat goes by the text also where the source is a float: it then rounds to float32 as encoding/json would.
func setFloat(dst reflect.Value, text string) bool {
	f, err := strconv.ParseFloat(text, dst.Type().Bits())
	if err == nil {
		dst.SetFloat(f)
	}
	return err == nil
}

// whole writes a number without point and exponent, and reports whether that is possible in a length that could be in
// range. It works on the digits, for a float would round 9007199254740993.0, and 0.99999999999999999 to 1.
func whole(text string) (digits string, ok bool) {
	if !tag.IsNumber(text) {
		return "", false
	}
	unsigned, negative := strings.CutPrefix(strings.ToLower(text), "-")
	mantissa, power, _ := strings.Cut(unsigned, "e")
	integer, fraction, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimRight(integer+fraction, "0")
	if strings.Trim(digits, "0") == "" {
		return "0", true
	}
	exponent := 0
	if power != "" {
		exponent, _ = strconv.Atoi(power) // the nearest int where it is out of range
	}
	const most = 20                                           // digits of the largest uint64
	exponent = min(max(exponent, -len(text)), len(text)+most) // as conclusive, and the sum cannot overflow
	zeros := len(integer) + exponent - len(digits)
	if zeros < 0 || zeros > most {
		return "", false
	}
	digits += strings.Repeat("0", zeros)
	if negative {
		digits = "-" + digits
	}
	return digits, true
}
