// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"fmt"
	"strconv"
	"time"
)

func inRow(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss in a row", n, what)
}

func fatalReason(detail string) string {
	if detail == "" {
		return "a fatal failure"
	}
	return "a fatal failure: " + detail
}

func probeReason(k Kind, cause string) string {
	if k == Panic {
		return "a probe panicked after " + cause
	}
	return "a probe failed after " + cause
}

func openingsReason(n int, within time.Duration, last string) string {
	times := "once"
	if n > 1 {
		times = strconv.Itoa(n) + " times"
	}
	return fmt.Sprintf("opened %s within %v (last: %s)", times, within, last)
}

func rateReason(what string, n, attempts uint64, window time.Duration, limit float64) string {
	attempts = max(attempts, n)
	rate, most := apart(float64(n)/float64(attempts), limit)
	return fmt.Sprintf("%s rate %s of %d calls within %v, more than %s", what, rate, attempts, window, most)
}

// apart writes a rate and the lower limit with as few digits as show which is higher.
func apart(rate, limit float64) (string, string) {
	for digits := 2; ; digits++ {
		r, l := strconv.FormatFloat(rate, 'g', digits, 64), strconv.FormatFloat(limit, 'g', digits+1, 64)
		if digits == 17 || number(r) > number(l) {
			return r, l
		}
	}
}

func number(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64) // FormatFloat wrote it
	return f
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
