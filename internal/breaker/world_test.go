// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"time"
)

// world is a machine under a sequence of operations that pick chooses, and what its owner holds meanwhile.
type world struct {
	m        *Machine
	pick     func(n int) int // one of 0 … n-1
	now      time.Time
	calls    uint64
	pending  []admission
	finished []admission // settled already, to be settled again

	// The operation at hand.
	op      string
	told    Settlement
	granted *Lease
	rate    float64
}

func anyConfig(pick func(int) int) Config {
	some := func(ds ...time.Duration) time.Duration { return ds[pick(len(ds))] * time.Second }
	return Config{
		Failures: pick(5), Window: some(0, 1, 30, 60), Panics: pick(4),
		ErrorRate: []float64{0, 0.1, 0.5, 1}[pick(4)], MinCalls: pick(8), RateWindow: some(0, 1, 10, 60),
		SlowRate: []float64{0, 0.3, 0.7}[pick(3)],
		OpenFor:  some(0, 1, 10), Probes: pick(5), ProbeFor: some(0, 1, 5, 30),
		Openings: pick(6), OpeningsWithin: some(0, 60, 600),
	}
}

func newWorld(pick func(int) int) (*world, Config) {
	c := anyConfig(pick)
	return &world{m: New(c), pick: pick, now: start}, c
}

// operations names them in proportion to how often they are wanted.
var operations = []string{
	"admit", "admit", "admit", "admit", "admit", "settle", "settle", "settle", "settle", "settle", "settle", "settle",
	"wait", "wait", "wait", "tick", "tick", "next", "serve", "again", "stray", "set", "trip", "disable", "enable", "enable",
}

// do performs one operation.
func (w *world) do() {
	w.op, w.granted, w.told = operations[w.pick(len(operations))], nil, Settlement{}
	switch w.op {
	case "admit":
		w.admit()
	case "settle":
		if n := len(w.pending); n > 0 {
			i := w.pick(n)
			a := w.pending[i]
			w.pending = append(w.pending[:i], w.pending[i+1:]...)
			w.finished = append(w.finished, a)
			w.settle(a)
			return
		}
		w.op = "wait"
	case "again":
		if n := len(w.finished); n > 0 {
			w.settle(w.finished[w.pick(n)])
			return
		}
		w.op = "wait"
	case "stray":
		w.settle(admission{gen: w.m.Gen() - 2 + uint32(w.pick(4))})
	case "wait":
		steps := []time.Duration{-3, 1, 100, 999, 1000, 5000, 10_000, 31_000, 60_000, 600_000}
		w.now = w.now.Add(steps[w.pick(len(steps))] * time.Millisecond)
	case "serve":
		w.calls += uint64(w.pick(200))
	case "next":
		if next := w.m.Next(); !next.IsZero() {
			w.now = next
		}
		w.m.Tick(w.now)
	case "tick":
		w.m.Tick(w.now)
	case "set":
		w.rate = float64(w.pick(11)) / 10
		w.m.SetErrorRate(w.rate)
	case "trip":
		w.m.Trip(w.now, "tripped by hand")
	case "disable":
		w.m.Disable("disabled by hand")
	case "enable":
		w.m.Enable(w.now)
	}
}

func (w *world) admit() {
	a := admission{gen: w.m.Gen()}
	w.granted = w.m.Probe(w.now)
	a.lease = w.granted
	if w.m.State() != Closed && a.lease == nil {
		return
	}
	w.calls++
	w.pending = append(w.pending, a)
}

func (w *world) settle(a admission) {
	kinds := []Kind{Success, Success, Success, Neutral, Failure, Failure, Failure, Panic, Panic, Fatal, Fatal + 1}
	k := kinds[w.pick(len(kinds))]
	if k == Fatal && w.pick(4) > 0 {
		k = Failure
	}
	flags := []struct{ attempt, call bool }{{true, true}, {true, true}, {true, false}, {false, true}, {false, false}}
	f := flags[w.pick(len(flags))]
	w.told = Settlement{
		Gen: a.gen, Lease: a.lease, Kind: k, Slow: w.pick(5) == 0, Attempt: f.attempt, Call: f.call,
		Calls: w.calls - min(w.calls, uint64(w.pick(3))),
	}
	w.m.Settle(w.now, w.told)
}
