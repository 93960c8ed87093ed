// SPDX-License-Identifier: Apache-2.0

package goroutines

import "runtime/metrics"

// Trigger tells, without a profile, whether a sweep could find anything new: goroutines were created since the last
// one, and more of them live than before. It is a hint: as many as ended may hide others for a while, until they are
// more than there were at the lowest. Make one with [NewTrigger]. It is not safe for concurrent use.
type Trigger struct {
	samples []metrics.Sample
	created uint64 // at the last sweep
	floor   uint64 // the fewest that lived since then
	swept   bool
}

// NewTrigger returns a trigger that has seen no sweep, so that one is worth it.
func NewTrigger() *Trigger {
	return &Trigger{samples: []metrics.Sample{{Name: "/sched/goroutines:goroutines"}, {Name: "/sched/goroutines-created:goroutines"}}}
}

// Worth reports whether a sweep is worth it. It allocates nothing.
func (t *Trigger) Worth() bool {
	live, created := t.read()
	t.floor = min(t.floor, live)
	return !t.swept || live > t.floor && (created != t.created || created == 0)
}

// Swept notes that a sweep has been made, just now. Calls in flight do not raise the level that later ones must exceed:
// they end, and what is left behind would hide in their place.
func (t *Trigger) Swept(r Report) {
	live, created := t.read()
	t.floor, t.created, t.swept = live-min(live, uint64(r.InFlight)), created, true
}

func (t *Trigger) read() (live, created uint64) {
	metrics.Read(t.samples)
	return value(t.samples[0]), value(t.samples[1])
}

// value is zero where the runtime has no such metric: then only the live ones count.
func value(s metrics.Sample) uint64 {
	if s.Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s.Value.Uint64()
}
