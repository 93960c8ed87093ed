// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// twin is one side of the comparison: a context of the context package, or one of this package, and all that a script has
// made of it.
type twin struct {
	root    context.Context // the call's own
	finish  func()
	all     []context.Context // root and what was derived from it
	cancels []context.CancelFunc
	done    []<-chan struct{}
	stops   []func() bool
	ran     []*atomic.Int32
}

func (w *twin) derive(ctx context.Context, cancel context.CancelFunc) {
	w.all = append(w.all, ctx)
	w.cancels = append(w.cancels, cancel)
}

func (w *twin) afterFunc(i int) {
	ran := new(atomic.Int32)
	w.ran = append(w.ran, ran)
	w.stops = append(w.stops, context.AfterFunc(w.all[i%len(w.all)], func() { ran.Add(1) }))
}

// pair runs one script on both sides. Own deadlines lie on odd milliseconds and the parent's on even ones, because the order
// of two timers at one instant is nobody's promise.
type pair struct {
	t      *testing.T
	lean   bool
	script []byte
	cancel context.CancelCauseFunc // of the parent that both have
	std    twin
	own    twin
}

func (p *pair) next() int {
	if len(p.script) == 0 {
		return 0
	}
	b := p.script[0]
	p.script = p.script[1:]
	return int(b)
}

func (p *pair) begin() {
	parent, cancel := context.WithCancelCause(context.Background())
	p.cancel = cancel
	if n := p.next(); n%2 == 1 {
		timed, stop := context.WithTimeoutCause(parent, time.Duration(n)*2*time.Millisecond, errCause)
		p.t.Cleanup(stop)
		parent = timed
	}
	stdParent, ownParent := parent, parent
	if n := p.next(); n%3 == 0 { // a call within a call
		timeout := time.Duration(4*n+1) * time.Millisecond
		outer, stop := context.WithTimeout(parent, timeout)
		p.t.Cleanup(stop)
		stdParent, ownParent = outer, p.newContext(parent, timeout)
	}
	timeout := time.Duration(4*p.next()+3) * time.Millisecond
	ctx, stop := context.WithTimeout(stdParent, timeout)
	p.std = twin{root: ctx, finish: stop, all: []context.Context{ctx}}
	c := p.newContext(ownParent, timeout)
	p.own = twin{root: c, finish: c.Finish, all: []context.Context{c}}
}

func (p *pair) newContext(parent context.Context, timeout time.Duration) *Context {
	c := newContext(parent, timeout)
	if p.lean {
		c.SetLean()
	}
	return c
}

// step performs one operation. One that may be a cause is preceded by a look: what nobody has seen does not count here.
func (p *pair) step() {
	op, arg := p.next(), p.next()
	_ = p.own.root.Err()
	both := func(f func(w *twin)) {
		f(&p.std)
		f(&p.own)
	}
	switch op % 10 {
	case 0:
		pass(time.Duration(arg) * time.Millisecond)
	case 1:
		p.cancel(errCause)
	case 2:
		both(func(w *twin) { w.finish() })
	case 3:
		both(func(w *twin) { w.done = append(w.done, w.all[arg%len(w.all)].Done()) })
	case 4, 5:
		both(func(w *twin) { w.afterFunc(arg) })
	case 6:
		if n := len(p.std.stops); n > 0 {
			require.Equal(p.t, p.std.stops[arg%n](), p.own.stops[arg%n](), "stopped")
		}
	case 7:
		both(func(w *twin) { w.derive(context.WithCancel(w.all[arg%len(w.all)])) })
	case 8:
		timeout := time.Duration(4*arg+5) * time.Millisecond
		both(func(w *twin) { w.derive(context.WithTimeout(w.all[arg%len(w.all)], timeout)) })
	default:
		if n := len(p.std.cancels); n > 0 {
			both(func(w *twin) { w.cancels[arg%n]() })
		}
	}
	synctest.Wait()
}

func (p *pair) compare() {
	for i, std := range p.std.all {
		own := p.own.all[i]
		require.Equal(p.t, std.Err(), own.Err())
		require.Equal(p.t, context.Cause(std), context.Cause(own))
		wantAt, want := std.Deadline()
		gotAt, got := own.Deadline()
		require.Equal(p.t, want, got)
		require.Equal(p.t, wantAt, gotAt)
	}
	synctest.Wait()
	for i := range p.std.done {
		require.Equal(p.t, closed(p.std.done[i]), closed(p.own.done[i]), "done")
	}
	for i := range p.std.ran {
		require.Equal(p.t, p.std.ran[i].Load(), p.own.ran[i].Load(), "functions run")
	}
}

func conform(t *testing.T, lean bool, script []byte) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pair{t: t, lean: lean, script: script}
		p.begin()
		for len(p.script) > 0 {
			p.step()
			if p.next()%4 > 0 {
				p.compare()
			}
		}
		p.compare()
		_ = p.own.root.Err()
		p.std.finish()
		p.own.finish()
		synctest.Wait()
		p.compare()
		for _, w := range []*twin{&p.std, &p.own} {
			for _, cancel := range w.cancels {
				cancel()
			}
		}
		p.cancel(nil)
	})
}

func TestConformsToTheContextPackage(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		script := make([]byte, 3+r.IntN(60))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		conform(t, false, script)
		conform(t, true, script)
	}
}

func FuzzConformance(f *testing.F) {
	f.Add(false, []byte{1, 0, 2, 7, 0, 1, 8, 1, 1, 4, 2, 1, 0, 200, 1})
	f.Add(true, []byte{1, 0, 2, 7, 0, 1, 8, 1, 1, 4, 2, 1, 0, 200, 1})
	f.Fuzz(conform)
}
