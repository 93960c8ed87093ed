// SPDX-License-Identifier: Apache-2.0

package breaker

import "time"

// Config holds the rules of a Machine. There are no defaults: the owner fills in and checks every field. A rule whose
// count, rate or window is zero (or negative) is off.
type Config struct {
	// Failures opens the breaker when this many calls in a row failed, the first and the last of them no further than
	// Window apart. Retried calls count once. Zero: off.
	Failures int
	// Window bounds the failures of Failures and the panics of Panics. Zero: both rules are off.
	Window time.Duration
	// Panics disables the breaker when this many attempts in a row panicked, the first and the last of them no further
	// than Window apart. Zero: off.
	Panics int

	// ErrorRate opens the breaker when more than this share (0 to 1) of the attempts within RateWindow failed. Zero:
	// off.
	ErrorRate float64
	// MinCalls keeps both rates from being judged until there were more than this many attempts within RateWindow.
	// Zero: one is enough.
	MinCalls int
	// RateWindow is the time over which both rates are taken. The window ends now and begins at the start of a tenth of
	// RateWindow, so that it is at most RateWindow long and at least nine tenths of it. Zero: both rates are off.
	RateWindow time.Duration
	// SlowRate opens the breaker when more than this share (0 to 1) of the attempts within RateWindow were slow. Zero:
	// off.
	SlowRate float64

	// OpenFor is the time from an opening until probes are admitted. Zero: until the next Tick.
	OpenFor time.Duration
	// Probes is the number of successes that close a half-open breaker, and the most permits that are out at a time.
	// Below one: one.
	Probes int
	// ProbeFor is the time after which a permit that nobody gave back expires. Zero: never, so that a probe that hangs
	// keeps its permit.
	ProbeFor time.Duration

	// Openings disables the breaker at this many openings, the first and the last of them no further than
	// OpeningsWithin apart, failed probes included; the last one disables instead of opening. Zero: off.
	Openings int
	// OpeningsWithin bounds the openings of Openings. Zero: that rule is off.
	OpeningsWithin time.Duration
}
