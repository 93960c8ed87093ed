// SPDX-License-Identifier: Apache-2.0

package breaker

// State is what a Machine lets pass.
type State uint8

const (
	// Closed admits every call. It is the zero State.
	Closed State = iota
	// Open admits none until Config.OpenFor is over.
	Open
	// HalfOpen admits those that hold a Lease.
	HalfOpen
	// Disabled admits none until Machine.Enable.
	Disabled
)

// String returns the state in words: "closed", "open", "half-open" or "disabled"; "unknown" for any other value.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	case Disabled:
		return "disabled"
	default:
		return "unknown"
	}
}

// Kind is how a call or an attempt ended.
type Kind uint8

const (
	// Success ends both streaks. It is the zero Kind.
	Success Kind = iota
	// Neutral says nothing about the plugin, such as a cancellation by the caller: it touches no streak.
	Neutral
	// Failure counts against the plugin, and ends a streak of panics.
	Failure
	// Panic is a failure that counts for Config.Panics as well.
	Panic
	// Fatal disables at once.
	Fatal
)

func (k Kind) failed() bool { return k == Failure || k == Panic }

// Settlement is the end of a call, of one of its attempts, or of both at once. What was rejected has none.
type Settlement struct {
	// Gen is what Machine.Gen returned when it was admitted.
	Gen uint32
	// Lease is the permit it was admitted with; nil when it was admitted while Closed. The first settlement that names
	// a permit gives it back, and any later one is dropped.
	Lease *Lease
	// Kind is how it ended.
	Kind Kind
	// Slow marks an attempt that took too long, whatever its Kind. It counts for Config.SlowRate only: a slow probe is
	// judged by its Kind.
	Slow bool
	// Attempt makes it count for both rates and for panics in a row.
	Attempt bool
	// Call makes it count for failures in a row: a call with retries is several attempts and one call.
	Call bool
	// Calls is the number of attempts that the owner has ever admitted, as of now; read where Attempt is set. It may
	// lag behind by those in flight elsewhere; a value below an earlier one is taken for the earlier one.
	Calls uint64
	// Detail says what failed, for the Reason after a Fatal. May be empty.
	Detail string
}
