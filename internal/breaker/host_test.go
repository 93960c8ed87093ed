// SPDX-License-Identifier: Apache-2.0

package breaker

import "time"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// usual is close to what a sandbox fills in.
func usual() Config {
	return Config{
		Failures: 3, Window: time.Minute, Panics: 3,
		ErrorRate: 0.5, MinCalls: 20, RateWindow: 10 * time.Second,
		OpenFor: 10 * time.Second, Probes: 1, ProbeFor: 30 * time.Second,
		Openings: 5, OpeningsWithin: 10 * time.Minute,
	}
}

// host does what the owner of a machine does: it admits, settles and keeps the timer, in virtual time.
type host struct {
	m         *Machine
	now       time.Time
	calls     uint64
	rejected  int
	unsettled int // plain successes that the machine was not told of
	opened    int // periods that were Open
	ticks     int
}

func newHost(c Config) *host { return &host{m: New(c), now: start} }

// admission is what a call carries from its admission to its end.
type admission struct {
	gen   uint32
	lease *Lease
}

func (h *host) admit() (admission, bool) {
	a := admission{gen: h.m.Gen()}
	switch h.m.State() {
	case Closed:
	case HalfOpen:
		a.lease = h.m.Probe(h.now)
		if a.lease != nil {
			break
		}
		fallthrough
	default:
		h.rejected++
		return a, false
	}
	h.calls++
	return a, true
}

// settle ends a call that was its only attempt.
func (h *host) settle(a admission, k Kind) {
	if k == Success && a.lease == nil && !h.m.Streaks() {
		h.unsettled++
		return
	}
	h.tell(Settlement{Gen: a.gen, Lease: a.lease, Kind: k, Attempt: true, Call: true})
}

func (h *host) tell(s Settlement) {
	s.Calls = h.calls
	before := h.m.State()
	h.m.Settle(h.now, s)
	if before != Open && h.m.State() == Open {
		h.opened++
	}
}

// call makes calls that end one after the other, at once.
func (h *host) call(kinds ...Kind) {
	for _, k := range kinds {
		if a, ok := h.admit(); ok {
			h.settle(a, k)
		}
	}
}

func (h *host) repeat(n int, k Kind) {
	for range n {
		h.call(k)
	}
}

// wait lets time pass, and ticks whenever the timer is due.
func (h *host) wait(d time.Duration) {
	end := h.now.Add(d)
	for next := h.m.Next(); !next.IsZero() && !next.After(end); next = h.m.Next() {
		h.now = next
		h.m.Tick(next)
		h.ticks++
	}
	h.now = end
}

// openNow and halfOpenNow bring a machine with the usual rules there.
func (h *host) openNow() { h.call(Failure, Failure, Failure) }

func (h *host) halfOpenNow() {
	h.openNow()
	h.wait(10 * time.Second)
}
