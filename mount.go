// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/plugreg/plugreg/internal/callctx"
)

// mount is a slot that an instance serves, and the handles that look at it.
type mount struct {
	core     *core
	id       uint64
	entry    *entry
	settings map[string]any
	deps     []*slot // in the order in which they were taken
	shared   bool    // a slot owns it: it is a dependency's

	mu     sync.Mutex // guards what follows
	in     *instance
	views  map[reflect.Type]view
	owner  view // the handle that Open returned
	ending bool

	closed chan struct{} // closed once Close may return; err is set before
	err    error
	done   chan struct{} // closed once nothing of the mount is left
}

// view is a handle of any type.
type view interface{ publish(r plainRoute) }

// plainRoute is what a mount tells its handles.
type plainRoute struct {
	in     *instance
	closed bool
}

// mountEntry mounts e and what it requires for a host.
func (c *core) mountEntry(ctx context.Context, e *entry, set map[string]any) (*mount, error) {
	done, err := c.starting()
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer done()
	ctx, cancel := c.during(ctx)
	defer cancel()
	p, err := c.plan(e)
	if err != nil {
		return nil, err
	}
	if err := p.trusted(ctx, c); err != nil {
		return nil, err
	}
	return c.mount(ctx, p, e, set, nil)
}

// starting counts something that Close waits for, unless Close has begun: what starts after that would not be waited
// for.
func (c *core) starting() (done func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, c.closedError()
	}
	return c.tasks.Begin(), nil
}

func (c *core) closedError() error { return fmt.Errorf("registry %q: %w", c.name, ErrClosed) }

// during derives a context that ends with the registry too.
func (c *core) during(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.life, func() { cancel(c.closedError()) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// mount takes what e requires, builds an instance and publishes it. s is the slot that it is for, nil for a host's own.
// Whatever goes wrong, nothing stays behind.
func (c *core) mount(ctx context.Context, p *plan, e *entry, set map[string]any, s *slot) (*mount, error) {
	c.mu.Lock()
	c.serial++
	m := &mount{core: c, id: c.serial, entry: e, settings: set, shared: s != nil, views: map[reflect.Type]view{},
		closed: make(chan struct{}), done: make(chan struct{})}
	c.mu.Unlock()
	deps, err := m.acquireDeps(ctx, p)
	if err != nil {
		m.releaseDeps()
		return nil, err
	}
	in, err := m.build(ctx, deps)
	if err != nil {
		return nil, err
	}
	if err := m.begin(in); err != nil {
		return nil, errors.Join(err, in.undo())
	}
	return m, nil
}

// begin lets in serve, unless the registry was closed or the plugin unregistered meanwhile.
func (m *mount) begin(in *instance) error {
	c := m.core
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return fmt.Errorf("plugin %q: %w", m.entry.name, c.closedError())
	case c.bySign[m.entry.desc.signature].gone: // the entry itself may have been replaced
		return &PluginError{Plugin: m.entry.name, Version: m.entry.version, Field: "open", Err: ErrNotFound, Have: "an unregistration meanwhile"}
	}
	m.in = in
	in.after = m.end
	c.mounts[m] = struct{}{}
	c.leaks.began()
	c.index.promote()
	return nil
}

// close ends the mount and waits for it, at most until ctx ends; not for code that is itself the caller.
func (m *mount) close(ctx context.Context) error {
	m.startClose()
	if inside(ctx, func(s *Sandbox) bool { return s == m.in.sb }) {
		return nil
	}
	select {
	case <-m.closed:
		return m.err
	case <-ctx.Done():
		select {
		case <-m.closed:
			return m.err
		case <-m.done: // closed follows, if it did not come before
			<-m.closed
			return m.err
		default:
			return &PluginError{Plugin: m.entry.name, Version: m.entry.version, Field: "close", Err: endOf(ctx), Have: "an end that goes on without its caller"}
		}
	}
}

// startClose takes the handles off, once, and leaves the rest to a goroutine of the registry.
func (m *mount) startClose() {
	m.mu.Lock()
	if m.ending {
		m.mu.Unlock()
		return
	}
	m.ending = true
	in := m.in
	r := plainRoute{in: in, closed: true}
	if m.owner != nil {
		m.owner.publish(r)
	}
	for _, v := range m.views {
		v.publish(r)
	}
	m.mu.Unlock()
	m.core.tasks.Go(func() {
		m.err = in.dispose()
		close(m.closed)
	})
}

// end runs when the instance is gone. Its calls go over to its plugin's in the step in which the mount leaves the list.
func (m *mount) end() {
	c := m.core
	c.mu.Lock()
	delete(c.mounts, m)
	m.entry.totals.retire(m.in.sb.State())
	c.mu.Unlock()
	m.releaseDeps()
	close(m.done)
}

// inside reports whether ctx is that of plugin code or of its hooks, or derived from it, in a sandbox that match
// accepts.
func inside(ctx context.Context, match func(*Sandbox) bool) bool {
	for owner := range callctx.Owners(ctx) {
		if s, ok := owner.(*Sandbox); ok && match(s) {
			return true
		}
	}
	for h, ok := ctx.Value(hookKey{}).(*hookContext); ok; h, ok = h.Context.Value(hookKey{}).(*hookContext) {
		if match(h.s) {
			return true
		}
	}
	return false
}

// close ends the registry, and waits for that unless it is made from inside.
func (c *core) close(ctx context.Context) error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	if first {
		c.closing = make(chan struct{})
	}
	c.mu.Unlock()
	if first {
		c.end()
		c.leaks.close()
		c.tasks.Go(c.closeAll)
	}
	if inside(ctx, func(s *Sandbox) bool { return s.home == c || s == c.host }) {
		return nil
	}
	select {
	case <-c.closing:
	case <-ctx.Done():
		select {
		case <-c.closing:
		default:
			return fmt.Errorf("registry %q: closing goes on: %w", c.name, endOf(ctx))
		}
	}
	if c.tasks.Wait(ctx) != nil {
		return fmt.Errorf("registry %q: closing goes on: %w", c.name, endOf(ctx))
	}
	return c.closeErr
}

// closeAll closes what hosts mounted, and with that the dependencies that it held; then those that are left, which
// stranded dependants or those of other registries still use. What requires others comes before them.
func (c *core) closeAll() {
	defer close(c.closing)
	all := c.mounted()
	before := slices.DeleteFunc(slices.Clone(all), func(m *mount) bool { return !m.isEnding() })
	closeMounts(slices.DeleteFunc(slices.Clone(all), func(m *mount) bool { return m.shared }))
	tried := map[*mount]bool{}
	for ms := c.unrequired(tried); len(ms) > 0; ms = c.unrequired(tried) {
		closeMounts(ms)
		for _, m := range ms {
			tried[m] = true
		}
	}
	var errs []error
	for _, m := range all {
		<-m.closed // one that its last dependant closed may still be at it
		errs = append(errs, m.outcome(slices.Contains(before, m)))
	}
	c.closeErr = errors.Join(errs...)
}

func (m *mount) isEnding() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ending
}

// outcome is what Close of the registry says of a mount. One that a Close before found stranded gets another
// DrainTimeout.
func (m *mount) outcome(again bool) error {
	if e, ok := m.err.(*PluginError); !again || !ok || e.Err != ErrStranded { // no errors.Is: other errors have methods of the plugin's
		return m.err
	}
	var late <-chan time.Time
	if l := m.in.sb.limits.drain; l > 0 {
		t := time.NewTimer(l)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-m.done:
		return m.in.err
	case <-late:
		return m.err
	}
}

// closeMounts closes them side by side, and waits until each is closed or stranded.
func closeMounts(ms []*mount) {
	for _, m := range ms {
		m.startClose()
	}
	for _, m := range ms {
		<-m.closed
	}
}

// unrequired lists the dependencies that were not tried yet and that none of these requires.
func (c *core) unrequired(tried map[*mount]bool) []*mount {
	ms := slices.DeleteFunc(c.mounted(), func(m *mount) bool { return !m.shared || tried[m] })
	required := map[*mount]bool{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range ms {
		if _, there := c.mounts[m]; there { // else it is letting them go
			for _, s := range m.deps {
				required[s.m] = true
			}
		}
	}
	return slices.DeleteFunc(ms, func(m *mount) bool { return required[m] })
}

// mounted lists the mounts, the last one first.
func (c *core) mounted() []*mount {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Keys(c.mounts), func(a, b *mount) int { return cmp.Compare(b.id, a.id) })
}

// tell logs what concerns a plugin and has no caller to go to. The log's handler is the host's and the error the
// plugin's, so it gets a goroutine.
func (c *core) tell(level slog.Level, msg string, e *entry, err error) {
	if c.cfg.Logger != nil {
		c.tasks.Go(func() { c.log(level, "plugreg: "+msg, "plugin", e.name, "version", e.version, "error", c.textOf(err)) })
	}
}

// tellHere is tell on the goroutine of the code that failed, which may be waited for: then the log has it before that
// is over.
func (c *core) tellHere(op string, e *entry, err error) {
	c.log(slog.LevelError, "plugreg: "+op+" failed", "plugin", e.name, "version", e.version, "error", err, "error_code", safeCode(err))
}
