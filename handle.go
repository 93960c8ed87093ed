// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"sync/atomic"

	"github.com/plugreg/plugreg/internal/near"
	"github.com/plugreg/plugreg/internal/reader"
	"github.com/plugreg/plugreg/internal/shape"
)

// Handle is a mounted plugin, seen as T: the contract of its registry, or another type that the plugin offers (see
// [As]). The handle that [Registry.Open] returned owns the mount; whoever shares the handle shares the instance.
//
// A Handle is safe for concurrent use. It must not be copied, and a zero Handle is none: every handle comes from this
// package.
type Handle[T any] struct {
	route atomic.Pointer[route[T]]
	m     *mount
	owner bool
}

// route is what a call follows. It does not change; the mount publishes another one.
type route[T any] struct {
	value  T
	in     *instance
	closed bool
	_      [96]byte // every call loads this: no neighbour on its cache lines may be written often
}

// Open builds an instance of the newest plugin of that name whose version satisfies the constraint (see
// [Registry.Resolve]), with the plugins that it requires, and returns the handle that owns the mount. settings may be
// nil; they are copied. ctx bounds the start together with StartTimeout; it is not the life of the instance, which ends
// with [Handle.Close] or the registry's.
//
// The error says which step failed and matches [ErrNotFound], [ErrUntrusted], [ErrDependency], [ErrContract] for
// settings that do not fit, what the plugin's own New, Init or Probe returned, a *[PanicError], a *[TimeoutError],
// [ErrGoexit], [ErrReentrant], [ErrMounted] or [ErrClosed]. Nothing is left of the instance then, or will be as soon as
// its code returns.
func (r *Registry[T]) Open(ctx context.Context, name, constraint string, settings map[string]any) (*Handle[T], error) {
	return openAs[T](ctx, r.core, name, settings, func() (*entry, error) {
		for {
			d, err := r.Resolve(name, constraint)
			if err != nil {
				return nil, err
			}
			e, err := r.core.entryOf(d)
			if !errors.Is(err, ErrNotFound) { // it was unregistered in between: another version may do
				return e, err
			}
		}
	})
}

// openAs resolves, mounts and returns the owning handle. The settings are copied before any code that they are given to
// could outlive the caller.
func openAs[C any](ctx context.Context, c *core, name string, set map[string]any, resolve func() (*entry, error)) (*Handle[C], error) {
	e, err := c.resolveObserved(name, resolve)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	m, err := c.mountEntry(ctx, e, reader.Clone(set))
	if err != nil {
		return nil, err
	}
	h := &Handle[C]{m: m, owner: true}
	m.mu.Lock()
	defer m.mu.Unlock()
	h.publish(plainRoute{in: m.in, closed: m.ending})
	m.owner = h
	return h, nil
}

// Do calls the plugin on a goroutine of its own and returns at the deadline, whatever the plugin does: call may outlive
// Do, so what it captured is not the caller's any more after a [TimeoutError] whose Abandoned is set; for a result use
// [Call]. ctx ends for call when the caller's ends, when Timeout is over and when call returns. Besides call's own
// error, Do returns a *[PanicError], [ErrGoexit], a *[TimeoutError], an error that matches the caller's context's where
// that ended first, a *[RejectedError] ([ErrOpen], [ErrDisabled], [ErrSaturated]) or [ErrClosed].
func (h *Handle[T]) Do(ctx context.Context, call func(ctx context.Context, plugin T) error) error {
	r, a, err := h.enter(ctx)
	if err != nil {
		return err
	}
	s := r.in.sb
	if s.retry != nil {
		return h.retrying(ctx, r, a, call)
	}
	_, out := s.detach(ctx, job{op: s.call, limit: s.timeout, admission: a, call: func(ctx context.Context) error { return call(ctx, r.value) }})
	return out.err
}

// DoInline calls the plugin on the caller's goroutine: contained, but not cut off, for a goroutine cannot be left by
// its own code. call does not escape. Where Timeout is negative the plugin gets the caller's own context and nothing is
// allocated. It returns what [Handle.Do] does, but for runtime.Goexit, which ends the caller's goroutine as Go
// prescribes; the call is settled all the same.
func (h *Handle[T]) DoInline(ctx context.Context, call func(ctx context.Context, plugin T) error) error {
	r, a, err := h.enter(ctx)
	if err != nil {
		return err
	}
	s := r.in.sb
	if s.retry != nil {
		return h.retryingInline(ctx, r, a, call)
	}
	return s.inline(ctx, s.call, a, func(ctx context.Context) error { return call(ctx, r.value) })
}

// Call is [Handle.Do] for a call with a result. The result is zero where err is not nil, also where the call finishes
// later.
func Call[T, R any](ctx context.Context, h *Handle[T], call func(ctx context.Context, plugin T) (R, error)) (R, error) {
	var none R
	r, a, err := h.enter(ctx)
	if err != nil {
		return none, err
	}
	s := r.in.sb
	result := new(R) // an abandoned call may still write it
	if s.retry != nil {
		err = h.retrying(ctx, r, a, func(ctx context.Context, plugin T) (err error) {
			*result, err = call(ctx, plugin)
			return err
		})
	} else {
		_, out := s.detach(ctx, job{op: s.call, limit: s.timeout, admission: a, call: func(ctx context.Context) (err error) {
			*result, err = call(ctx, r.value)
			return err
		}})
		err = out.err
	}
	if err != nil {
		return none, err
	}
	return *result, nil
}

// CallInline is [Handle.DoInline] for a call with a result, which is zero where err is not nil.
func CallInline[T, R any](ctx context.Context, h *Handle[T], call func(ctx context.Context, plugin T) (R, error)) (R, error) {
	var result, none R
	err := h.DoInline(ctx, func(ctx context.Context, plugin T) (err error) {
		result, err = call(ctx, plugin)
		return err
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

// DoExport is [Handle.Do] with a function that the plugin exports under that name; F is its exact type. The error
// matches [ErrNotFound] where there is no such export, and [ErrContract] where it has another type; that is no call
// then.
func DoExport[F, T any](ctx context.Context, h *Handle[T], name string, call func(ctx context.Context, export F) error) error {
	var x export
	find := func(in *instance) (err error) {
		x, err = in.export(name, reflect.TypeFor[F]())
		return err
	}
	r, a, err := h.enterWith(ctx, find)
	if err != nil {
		return err
	}
	if r.in.sb.retry == nil {
		f := x.fn.(F)
		_, out := r.in.sb.detach(ctx, job{op: x.target, limit: r.in.sb.timeout, admission: a, call: func(ctx context.Context) error { return call(ctx, f) }})
		return out.err
	}
	first := &way[T]{r, a}
	return attempts(ctx, r.in.sb, func(n int, b func() bound) tried {
		w, err := first.next(n, func() (*route[T], admission, error) { return h.enterWith(ctx, find) })
		if err != nil {
			return tried{outcome: outcome{err: err}}
		}
		f := x.fn.(F)
		return w.in.sb.tryDetached(ctx, w.admission, x.target, n, b(), func(ctx context.Context) error { return call(ctx, f) })
	})
}

// export returns what is exported under that name as exactly that type.
func (in *instance) export(name string, want reflect.Type) (export, error) {
	x, ok := in.exports[name]
	if ok && reflect.TypeOf(x.fn) == want {
		return x, nil
	}
	err := &PluginError{Plugin: in.entry.name, Version: in.entry.version, Field: "export " + strconv.QuoteToASCII(clip(name, 128)), Err: ErrContract, Want: shape.TypeText(want)}
	if ok {
		err.Have = shape.TypeText(reflect.TypeOf(x.fn))
		return x, err
	}
	err.Err, err.Have = ErrNotFound, fmt.Sprintf("exports %q", in.exportNames())
	if like := near.Names(name, maps.Keys(in.exports), 1); len(like) > 0 {
		err.Fix = fmt.Sprintf("did you mean %q?", like[0])
	}
	return x, err
}

// Lease holds an instance for longer than a call, such as for a stream: it is not closed before Release. Where that
// comes later than DrainTimeout after a Close, the instance is stranded until then and its context has ended. Use of
// the value is not guarded: a panic is the host's own.
//
// A Lease is safe for concurrent use.
type Lease[T any] struct {
	value T
	sb    *Sandbox
	held  admission
	ended atomic.Bool
}

// Acquire takes a lease on the instance that serves now. A breaker that probes refuses it as one that is
// open. The error matches [ErrClosed], [ErrOpen], [ErrDisabled], [ErrSaturated] or ctx's own where that has ended.
func (h *Handle[T]) Acquire(ctx context.Context) (*Lease[T], error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("plugin %q: acquire: %w", h.m.entry.name, err)
	}
	r, a, err := h.admitted(ctx, false, nil)
	if err != nil {
		return nil, err
	}
	r.in.sb.leased.Add(1)
	return &Lease[T]{value: r.value, sb: r.in.sb, held: a}, nil
}

// Value returns the instance. Do not use it after Release.
func (l *Lease[T]) Value() T { return l.value }

// Draining returns a channel that is closed when the instance is to end: release soon, and acquire anew to go on.
func (l *Lease[T]) Draining() <-chan struct{} { return l.sb.draining }

// Release gives the lease back. A second call does nothing.
func (l *Lease[T]) Release() {
	if !l.ended.Swap(true) {
		l.sb.leave(l.held)
	}
}

// As returns a view of the same mount as C, an interface or a type that the plugin's instance has. It needs no Close,
// and there is one for each C however often it is asked for. The error matches [ErrContract] and lists what the plugin
// lacks, or [ErrClosed].
func As[C, T any](h *Handle[T]) (*Handle[C], error) { return viewOf[C](h.m) }

func viewOf[C any](m *mount) (*Handle[C], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := reflect.TypeFor[C]()
	if m.ending {
		return nil, closedError(m.in)
	}
	if v, ok := m.views[key]; ok {
		return v.(*Handle[C]), nil
	}
	if _, ok := any(m.in.value).(C); !ok {
		return nil, &PluginError{Plugin: m.entry.name, Version: m.entry.version, Field: "view as " + shape.TypeText(key), Err: ErrContract,
			Have: shape.TypeText(m.entry.impl) + ": " + lacks(m.entry.impl, key)}
	}
	h := &Handle[C]{m: m}
	h.publish(plainRoute{in: m.in})
	m.views[key] = h
	return h, nil
}

// Version returns the version that serves, or served last where the handle is closed.
func (h *Handle[T]) Version() string { return h.route.Load().in.entry.version }

// Sandbox returns the guard of the instance that serves, or served last.
func (h *Handle[T]) Sandbox() *Sandbox { return h.route.Load().in.sb }

// Done returns a channel that is closed when nothing of the mount is left: after Close, or after the last call of a
// stranded instance.
func (h *Handle[T]) Done() <-chan struct{} { return h.m.done }

// Close ends the mount: no more calls, the calls inside get DrainTimeout to return, then the instance is closed and
// what it required let go. It returns when that is over: nil, what the plugin's Close and clean-up returned, or an
// error that matches [ErrStranded] where calls stayed inside; or when ctx ends, with an error that matches ctx's own,
// and the rest goes on. Made from inside a call into the mount, it does not wait for that call. A second Close waits
// and returns likewise. On a view that [As] or [Require] returned it does nothing.
func (h *Handle[T]) Close(ctx context.Context) error {
	if !h.owner {
		return nil
	}
	return h.m.close(ctx)
}

// enter takes the route and a place on its instance.
func (h *Handle[T]) enter(ctx context.Context) (*route[T], admission, error) {
	r := h.route.Load()
	if !r.closed {
		if a, err := r.in.sb.take(ctx, true); err == nil {
			return r, a, nil
		} else if err != errDraining {
			return r, a, err
		}
	}
	return h.admitted(ctx, true, nil)
}

// enterWith is enter for calls that not every instance can take: one that is refused is not counted.
func (h *Handle[T]) enterWith(ctx context.Context, can func(*instance) error) (*route[T], admission, error) {
	return h.admitted(ctx, true, can)
}

// admitted is enter at length. Where the instance is draining there is a new route, or the mount has ended.
func (h *Handle[T]) admitted(ctx context.Context, probing bool, can func(*instance) error) (*route[T], admission, error) {
	for {
		r := h.route.Load()
		if r.closed {
			return nil, admission{}, closedError(r.in)
		}
		if can != nil {
			if err := can(r.in); err != nil {
				return nil, admission{}, err
			}
		}
		a, err := r.in.sb.take(ctx, probing)
		if err != errDraining {
			return r, a, err
		}
	}
}

func closedError(in *instance) error { return in.sb.closed }

func (h *Handle[T]) publish(r plainRoute) {
	h.route.Store(&route[T]{value: any(r.in.value).(T), in: r.in, closed: r.closed})
}
