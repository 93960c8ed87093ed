// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/plugreg/plugreg"
)

// guard runs plugin code that no registry runs, each piece on a goroutine of its own.
type guard struct {
	name            string
	patience, grace time.Duration
	patient, strict *plugreg.Sandbox // with these limits
	unbound         *plugreg.Sandbox // with none
}

func newGuard(name string, patience time.Duration) (*guard, error) {
	g := &guard{name: name, patience: patience, grace: patience / 5}
	var errs [3]error
	g.patient, errs[0] = plugreg.NewSandbox(name, unlabelled(g.patience))
	g.strict, errs[1] = plugreg.NewSandbox(name, unlabelled(g.grace))
	g.unbound, errs[2] = plugreg.NewSandbox(name, unlabelled(-1))
	return g, errors.Join(errs[:]...)
}

// bare are limits without anything that learns from failures: each is judged here.
func bare(limit time.Duration) plugreg.SandboxConfig {
	return plugreg.SandboxConfig{StartTimeout: limit, Timeout: limit, DrainTimeout: limit, CloseTimeout: limit, MaxAbandoned: -1,
		Breaker: plugreg.BreakerConfig{ConsecutiveFailures: -1, ConsecutivePanics: -1, ErrorRate: -1, DisableAfterOpenings: -1}}
}

// unlabelled is bare for a sandbox whose calls get the labels of a host.
func unlabelled(limit time.Duration) plugreg.SandboxConfig {
	cfg := bare(limit)
	cfg.Labels = plugreg.LabelNone
	return cfg
}

// span is how long code may run: until its check is over, and what tidies up a grace longer. Both contexts carry the
// labels of the code.
type span struct{ ctx, late context.Context }

// spanOf begins one. end is to be called when the check is over.
func (g *guard) spanOf(ctx context.Context) (s span, end func()) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(g.grace, cancel) })
	return span{ctx, late}, func() {
		if stop() { // else what was cut short is still being closed
			cancel()
		}
	}
}

// labelled returns a span for code of one host.
func (s span) labelled(labels pprof.LabelSet) span {
	return span{pprof.WithLabels(s.ctx, labels), pprof.WithLabels(s.late, labels)}
}

// run calls f with the labels of s. The error says whatever f did.
func (s span) run(sb *plugreg.Sandbox, f func(ctx context.Context) error) error {
	return sb.Run(s.late, func(ctx context.Context) error {
		pprof.SetGoroutineLabels(s.ctx)
		return f(ctx)
	})
}

// runner runs plugin code, with a context of one kind or another.
type runner func(s span, f func(ctx context.Context) error) error

// patiently runs f with a context that ends with the check, and with its time.
func (g *guard) patiently(s span, f func(ctx context.Context) error) error {
	return s.run(g.patient, func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		return f(ctx)
	})
}

// ended runs f with a context that ended before.
func (g *guard) ended(s span, f func(ctx context.Context) error) error {
	return s.run(g.strict, func(context.Context) error {
		ended, cancel := context.WithCancel(s.ctx)
		cancel()
		return f(ended)
	})
}

// cut runs f with a context that ends shortly after f began.
func (g *guard) cut(s span, f func(ctx context.Context) error) error {
	return s.run(g.strict, func(context.Context) error {
		short, cancel := context.WithTimeout(s.ctx, g.grace/20)
		defer cancel()
		return f(short)
	})
}

// way is one in which a context ends too early.
type way struct {
	when string
	run  runner
}

func (g *guard) ways() []way {
	return []way{{"with a context that had ended", g.ended}, {"with a context that ended meanwhile", g.cut}}
}

// fate is what an error says about the code that it comes from.
type fate struct {
	err    error
	panic  *plugreg.PanicError
	goexit bool
	hung   bool // it did not return in time
	have   string
}

// fateOf asks the error, whose methods may be the plugin's, on a goroutine that is guarded.
func (g *guard) fateOf(err error) fate {
	asked := make(chan fate, 1)
	failed := g.patient.Run(context.Background(), func(context.Context) error {
		asked <- g.ask(err)
		return nil
	})
	if failed != nil {
		return fate{err: failed, have: "an error whose own methods fail"}
	}
	return <-asked
}

func (g *guard) ask(err error) fate {
	f := fate{err: err}
	if p, ok := errors.AsType[*plugreg.PanicError](err); ok && p.Plugin == g.name { // another's is but an error
		f.panic, f.have = p, "the panic: "+shown(fmt.Sprint(p.Value))
		return f
	}
	if t, ok := errors.AsType[*plugreg.TimeoutError](err); ok && t.Plugin == g.name {
		f.hung, f.have = true, fmt.Sprintf("no return within %v", t.After)
		return f
	}
	if errors.Is(err, plugreg.ErrGoexit) {
		f.goexit, f.have = true, "runtime.Goexit"
		return f
	}
	f.have = "the error: " + shown(err.Error())
	return f
}

// shown is foreign text in one line.
func shown(s string) string {
	s = clip(s)
	if strings.ContainsFunc(s, unicode.IsControl) {
		return strconv.Quote(s)
	}
	return s
}

// stack is that of a panic.
func (f fate) stack() string {
	if f.panic == nil {
		return ""
	}
	return f.panic.Stack()
}
