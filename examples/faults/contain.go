// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plugreg/plugreg"
)

// fault is a way to go wrong, and what five calls that do so should come to.
type fault struct {
	plugin, name string
	happen       func(f *faulty) error
	calls        string
	breaker      plugreg.BreakerState
	abandoned    int64
	aside        uint64 // failures of goroutines that no caller waits for
}

func faults() []fault {
	return []fault{
		{"labels.error", "error", func(*faulty) error { return errOutOfPaper }, "ERROR x 3, OPEN x 2", plugreg.BreakerOpen, 0, 0},
		{"labels.panic", "panic", func(f *faulty) error { return f.none[7] }, "PANIC x 3, DISABLED x 2", plugreg.BreakerDisabled, 0, 0},
		{"labels.nil", "panic(nil)", func(*faulty) error { panic(nil) }, "PANIC x 3, DISABLED x 2", plugreg.BreakerDisabled, 0, 0},
		{"labels.goexit", "runtime.Goexit", func(*faulty) error { runtime.Goexit(); return nil }, "GOEXIT x 3, OPEN x 2", plugreg.BreakerOpen, 0, 0},
		{"labels.hang", "hang", func(f *faulty) error { <-f.released; return nil }, "TIMEOUT x 2, SATURATED x 3", plugreg.BreakerClosed, 2, 0},
		{"labels.go", "panic on env.Go", (*faulty).panicLater, "ok x 5", plugreg.BreakerClosed, 0, 5},
	}
}

var errOutOfPaper = errors.New("out of paper")

// faulty is a plugin that misbehaves at each call.
type faulty struct {
	plugreg.NoClose
	env      *plugreg.Env
	happen   func(*faulty) error
	released <-chan struct{} // closed when what hangs may return
	none     []error
}

func (f *faulty) Serve(context.Context, float64) error { return f.happen(f) }

func (f *faulty) panicLater() error {
	f.env.Go(func(context.Context) { panic("nobody waits for this") })
	return nil
}

const healthyName = "orders.create"

// suffered is what became of a fault.
type suffered struct {
	fault
	codes []string // that the five callers got
	state plugreg.SandboxState
	next  records // the healthy plugin's calls meanwhile
}

// containment is act 3, which takes place in real time.
func (g *gameDay) containment(ctx context.Context) error {
	g.title("ACT 3: CONTAINMENT")
	g.say("Each fault befalls five calls of a plugin of its own, while %s serves next door.", healthyName)
	released, c := make(chan struct{}), newClock(1)
	plugins := []plugreg.Plugin[Module]{plugin(healthyName, "creates orders", &network{clock: c})}
	for _, f := range faults() {
		plugins = append(plugins, faultyPlugin(f, released))
	}
	s, err := g.newShop(ctx, c, plugreg.Config{Name: "containment"}, plugins...)
	if err != nil {
		return err
	}
	all, err := g.befall(ctx, s)
	close(released) // what hangs would hang until the process ends
	if err := errors.Join(err, g.closeShops()); err != nil {
		return err
	}
	g.judge(all)
	return nil
}

func faultyPlugin(f fault, released <-chan struct{}) plugreg.Plugin[Module] {
	return plugreg.Plugin[Module]{
		Name: f.plugin, Version: "1.0.0", Summary: f.name, Prototype: (*faulty)(nil),
		New: func(_ context.Context, env *plugreg.Env) (Module, error) {
			return &faulty{env: env, happen: f.happen, released: released}, nil
		},
		// When two calls hang, that is enough.
		Sandbox: &plugreg.SandboxConfig{Timeout: 100 * time.Millisecond, AbandonGrace: -1, MaxAbandoned: 2},
	}
}

// befall has all faults happen, one after the other.
func (g *gameDay) befall(ctx context.Context, s *shop) (all []suffered, err error) {
	until, enough := context.WithCancel(ctx)
	var users sync.WaitGroup
	defer users.Wait()
	defer enough()
	users.Go(func() {
		s.load(until, 250, time.Hour, rand.New(rand.NewPCG(g.seed, 0)), func(size float64) { _ = s.call(ctx, healthyName, size) })
	})
	for _, f := range faults() {
		x, from := suffered{fault: f}, s.now()
		for range 5 {
			x.codes = append(x.codes, cmp.Or(plugreg.CodeOf(s.call(ctx, f.plugin, 1)), "ok"))
			if err := s.wait(ctx, 30*time.Millisecond); err != nil {
				return nil, err
			}
		}
		x.state, x.next = s.handles[f.plugin].Sandbox().State(), s.of(healthyName).within(from, s.now())
		all = append(all, x)
	}
	return all, nil
}

// judge shows what the sandbox made of the faults. Its registry is closed: nothing runs any more.
func (g *gameDay) judge(all []suffered) {
	rows, ok := [][]string{{"FAULT", "WHAT FIVE CALLERS GOT", "BREAKER", "ABANDONED", "ON ENV.GO", "SERVED NEXT DOOR"}}, true
	calls, lost, aside := 0, 0, map[string]uint64{}
	for _, p := range g.seen[len(g.seen)-1].Plugins {
		aside[p.Name] = p.Phases["env.Go"].Failures["PANIC"]
	}
	for _, x := range all {
		n := len(x.next.which(func(r *record) bool { return r.err != nil }))
		calls, lost = calls+len(x.next), lost+n
		rows = append(rows, []string{x.name, runs(x.codes), x.state.Breaker.String(), fmt.Sprint(x.state.Abandoned), fmt.Sprint(aside[x.plugin]),
			fmt.Sprintf("%d of %d", len(x.next)-n, len(x.next))})
		ok = ok && runs(x.codes) == x.calls && x.state.Breaker == x.breaker && x.state.Abandoned == x.abandoned && aside[x.plugin] == x.aside
	}
	g.table(rows...)
	g.claim(ok, "each caller got an error that says what happened, until the sandbox let no more in; a goroutine of env.Go took nobody along")
	g.claim(lost == 0 && calls > 0, "next door all %d calls were served", calls)
}

// runs writes equal neighbours together.
func runs(list []string) string {
	var parts []string
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n] == list[0] {
			n++
		}
		parts, list = append(parts, fmt.Sprintf("%s x %d", list[0], n)), list[n:]
	}
	return strings.Join(parts, ", ")
}

// contained sums up what all registries have counted.
func (g *gameDay) contained() {
	g.title("WHAT WAS CONTAINED")
	var calls, hooks uint64
	var inside int64
	byCode := map[string]uint64{}
	for _, in := range g.seen {
		hooks += in.HookPanics
		for _, p := range in.Plugins {
			calls, inside = calls+p.Calls.Calls, inside+p.Calls.InFlight
			for code, n := range p.Calls.Failures {
				byCode[code] += n
			}
			byCode["PANIC"] += p.Phases["env.Go"].Failures["PANIC"]
		}
		for _, r := range in.Resources {
			inside += r.InFlight + int64(r.Waiting)
		}
	}
	rows := [][]string{{"CODE", "FAILURES"}}
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		rows = append(rows, []string{code, fmt.Sprint(byCode[code])})
	}
	g.table(rows...)
	g.claim(inside == 0, "%d calls were let in by %d registries, and %d are inside or wait", calls, len(g.seen), inside)
	g.claim(byCode["PANIC"] == 11 && byCode["GOEXIT"] == 3 && hooks == 0, "%d panics and %d ends of a goroutine were survived: this is the process that had them",
		byCode["PANIC"], byCode["GOEXIT"])
}
