// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Faults are what [Sandbox.Inject] has calls suffer: each kind with a probability from 0 to 1, drawn for each call on
// its own. Latency comes first and adds to what follows; of hang, panic and error at most one comes, in that order. The
// zero Faults are none.
type Faults struct {
	// Seed makes drawings repeatable: the n-th call meets the same each time. Zero: another one each time.
	Seed uint64
	// Latency is waited before the plugin's code is called, until the call's context ends at most, whose error is then
	// what the call returns.
	Latency time.Duration
	// LatencyRate is its probability.
	LatencyRate float64
	// ErrorRate is the probability of an error in place of the plugin's code.
	ErrorRate float64
	// Err is that error; nil: one that matches [ErrInjected].
	Err error
	// PanicRate is the probability of a panic in place of the plugin's code.
	PanicRate float64
	// HangRate is the probability of a call that does not return, whatever its context says, before other Faults are
	// injected or the sandbox is closed.
	HangRate float64
}

// Inject has calls suffer f from now on, as if the plugin's code did it; the zero Faults end that, and what hangs. What
// they did to the breaker stays, see Enable; a baseline learns nothing meanwhile. An inline call that hangs holds its
// caller, whatever its context says. Faults cost nothing while there are none. The error matches [ErrInvalid] and names
// what is no probability or no duration, or would do nothing.
func (s *Sandbox) Inject(f Faults) error {
	if err := f.check(s.call); err != nil {
		return err
	}
	var next *injector
	if f.any() {
		next = newInjector(f, s.call)
	}
	s.mu.Lock()
	if s.ended {
		next = nil
	}
	old := s.injected.Swap(next)
	if next != nil {
		s.door.Set(flagFaulty)
	} else {
		s.door.Clear(flagFaulty)
	}
	s.pause(time.Now(), next != nil || s.state != BreakerClosed)
	s.mu.Unlock()
	if old != nil {
		close(old.over)
	}
	return nil
}

func (f Faults) any() bool {
	return f.LatencyRate > 0 && f.Latency > 0 || f.ErrorRate > 0 || f.PanicRate > 0 || f.HangRate > 0
}

func (f Faults) check(t *Target) error {
	bad := faults{plugin: t.Plugin, version: t.Version}
	for _, x := range [...]struct {
		name string
		p    float64
	}{{"LatencyRate", f.LatencyRate}, {"ErrorRate", f.ErrorRate}, {"PanicRate", f.PanicRate}, {"HangRate", f.HangRate}} {
		if !(x.p >= 0 && x.p <= 1) {
			bad.bad("Faults."+x.name, fmt.Sprint(x.p), "0 to 1", "")
		}
	}
	if f.LatencyRate > 0 != (f.Latency > 0) {
		bad.bad("Faults.Latency and LatencyRate", fmt.Sprintf("%v and %v", f.Latency, f.LatencyRate), "both or none", "")
	}
	if f.Err != nil && f.ErrorRate == 0 {
		bad.bad("Faults.ErrorRate", "0", "more than 0 where there is an Err", "")
	}
	if f.Latency < 0 {
		bad.bad("Faults.Latency", f.Latency.String(), "0 or more", "")
	}
	return bad.join()
}

// injector is Faults at work.
type injector struct {
	Faults
	target *Target
	over   chan struct{} // closed when others take its place

	mu   sync.Mutex // guards what follows
	draw *rand.Rand
}

func newInjector(f Faults, t *Target) *injector {
	seed := f.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	return &injector{Faults: f, target: t, over: make(chan struct{}), draw: rand.New(rand.NewPCG(seed, 0))}
}

// lot is what is drawn for one call.
type lot struct{ latency, hang, panics, fails bool }

func (x *injector) next() lot {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, b, c, d := x.draw.Float64(), x.draw.Float64(), x.draw.Float64(), x.draw.Float64()
	return lot{a < x.LatencyRate, b < x.HangRate, c < x.PanicRate, d < x.ErrorRate}
}

// suffer is what a call meets before the plugin's code; an error takes the place of that.
func (x *injector) suffer(ctx context.Context) error {
	lot := x.next()
	if lot.latency {
		timer := time.NewTimer(x.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	switch {
	case lot.hang:
		<-x.over
		return x.error()
	case lot.panics:
		panic(fmt.Sprintf("injected panic in %q", x.target.Plugin))
	case lot.fails:
		return x.error()
	}
	return nil
}

func (x *injector) error() error {
	if x.Err != nil {
		return x.Err
	}
	return fmt.Errorf("plugin %q: %w", x.target.Plugin, ErrInjected)
}

// faulty is a call with the faults that are injected now.
func (s *Sandbox) faulty(ctx context.Context, call func(context.Context) error) error {
	if x := s.injected.Load(); x != nil {
		if err := x.suffer(ctx); err != nil {
			return err
		}
	}
	return call(ctx)
}
