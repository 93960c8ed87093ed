// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/plugreg/plugreg/internal/reader"
)

// slot is the one mount of a dependency, shared by its dependants.
type slot struct {
	core  *core
	entry *entry
	begun func()        // ends what starting counted
	ready chan struct{} // closed when the following three are set
	m     *mount
	err   error
	left  bool          // it failed because its opener gave up, not because of what it is
	gone  chan struct{} // closed when the name is free again

	refs   int  // dependants; guarded by core.mu
	ending bool // guarded by core.mu

	mu    sync.Mutex    // guards what follows
	waits map[*slot]int // for these the code waits that builds this one
}

// serves says whether the version of s will do for all who ask.
func (s *slot) serves(asked []demand) error {
	for _, d := range asked {
		if !d.need.fits.Match(s.entry.ver) {
			return fmt.Errorf("%q %s is mounted for another dependant, but %v: %s (close that dependant first, or widen the constraint)",
				s.entry.name, s.entry.version, d, d.need.fits.Why(s.entry.ver))
		}
	}
	return nil
}

// acquireDeps takes a hold on each dependency of the mount, building it where it is the first; what was taken is in
// m.deps.
func (m *mount) acquireDeps(ctx context.Context, p *plan) (map[string]*mount, error) {
	deps := make(map[string]*mount, len(m.entry.requires))
	for _, need := range m.entry.requires {
		from := p.from[wish{m.entry, need.Name}]
		deps[need.Name] = nil
		if from == nil {
			continue
		}
		s, err := from.acquire(ctx, p, dependencyKey{from, need.Name}, demand{m.entry, need})
		if err != nil {
			return nil, &PluginError{Plugin: m.entry.name, Version: m.entry.version, Field: fmt.Sprintf("dependency %q", need.Name), Err: &dependencyError{err}}
		}
		m.deps = append(m.deps, s)
		deps[need.Name] = s.m
	}
	return deps, nil
}

// dependencyError is an ErrDependency with its cause, whose methods may be a plugin's: they are left to whoever asks.
type dependencyError struct{ err error }

func (e *dependencyError) Error() string { return fmt.Sprintf("%v: %v", ErrDependency, e.err) }

func (e *dependencyError) Unwrap() []error { return []error{ErrDependency, e.err} }

// releaseDeps lets the dependencies go, the last one first.
func (m *mount) releaseDeps() {
	for _, s := range slices.Backward(m.deps) {
		s.release()
	}
	m.deps = nil
}

// acquire takes a hold on the shared mount of a dependency. It builds it where there is none, and waits while another
// does. Where that one gives up, somebody else has to build it.
func (c *core) acquire(ctx context.Context, p *plan, key dependencyKey, d demand) (*slot, error) {
	for {
		s, have, err := c.enlist(p, key)
		if err != nil {
			return nil, err
		}
		if have == slotEnding {
			err = s.awaitGone(ctx)
		} else {
			err = s.join(ctx, p, d, have == slotNew)
			if err == nil {
				return s, nil
			}
			if have == slotTaken && s.retry(ctx) {
				err = nil
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

// What enlist found.
const (
	slotNew    = iota // the caller is to build it
	slotTaken         // the caller is counted in
	slotEnding        // the caller is to wait until it is gone
)

func (c *core) enlist(p *plan, key dependencyKey) (s *slot, have int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, 0, c.closedError()
	}
	if s = c.shared[key.name]; s != nil {
		if s.ending {
			return s, slotEnding, nil
		}
		s.refs++
		return s, slotTaken, nil
	}
	e := p.picks[key]
	if e == nil || e.gone {
		return nil, 0, fmt.Errorf("plugin %q: %w: unregistered since the dependencies were planned", key.name, ErrNotFound)
	}
	s = &slot{core: c, entry: e, refs: 1, begun: c.tasks.Begin(), ready: make(chan struct{}), gone: make(chan struct{})}
	c.shared[key.name] = s
	return s, slotNew, nil
}

// join builds the slot, or waits for it where somebody else does that; the hold on it is given up where that fails.
func (s *slot) join(ctx context.Context, p *plan, d demand, isNew bool) error {
	by, _ := ctx.Value(builderKey{}).(*slot)
	done, err := by.waitsFor(s)
	defer done()
	switch {
	case isNew: // nobody waits for that
		return s.build(ctx, p)
	case err == nil:
		err = s.await(ctx, d)
	}
	if err != nil {
		s.release()
	}
	return err
}

// builderKey finds the slot that is being built by the code that a context belongs to.
type builderKey struct{}

// waitsFor notes that the code that builds s waits for t, and refuses it where t waits for s, through others or not.
// Each one notes before it looks, so of those who close a circle at least the last one sees it. Nobody builds a nil s.
func (s *slot) waitsFor(t *slot) (done func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	s.note(t, 1)
	if t.reaches(s, map[*slot]bool{}) {
		err = fmt.Errorf("plugin %q is being built, and waits for the code that asks for it: %w", t.entry.name, ErrReentrant)
	}
	return func() { s.note(t, -1) }, err
}

func (s *slot) note(t *slot, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waits == nil {
		s.waits = map[*slot]int{}
	}
	if s.waits[t] += n; s.waits[t] == 0 {
		delete(s.waits, t)
	}
}

func (s *slot) reaches(to *slot, seen map[*slot]bool) bool {
	if s == to {
		return true
	}
	if seen[s] {
		return false
	}
	seen[s] = true
	s.mu.Lock()
	next := slices.Collect(maps.Keys(s.waits))
	s.mu.Unlock()
	return slices.ContainsFunc(next, func(t *slot) bool { return t.reaches(to, seen) })
}

// build mounts the dependency for all who wait for it.
func (s *slot) build(ctx context.Context, p *plan) error {
	c := s.core
	defer s.begun()
	ctx, cancel := c.during(context.WithValue(ctx, builderKey{}, s))
	defer cancel()
	s.m, s.err = c.mount(ctx, p, s.entry, reader.Clone(c.cfg.Settings[s.entry.name]), s)
	if s.err != nil {
		s.left = ctx.Err() != nil
		c.mu.Lock()
		s.ending = true
		delete(c.shared, s.entry.name)
		c.mu.Unlock()
		close(s.gone)
	}
	close(s.ready)
	return s.err
}

// await waits until the dependency is built, if it will do then.
func (s *slot) await(ctx context.Context, d demand) error {
	if err := s.serves([]demand{d}); err != nil {
		return err
	}
	if err := d.need.offered(s.entry); err != nil {
		return err
	}
	if err := await(ctx, s.ready); err != nil {
		return err
	}
	return s.err
}

// retry says that the slot failed because of who built it; those who waited for it try again.
func (s *slot) retry(ctx context.Context) bool {
	select {
	case <-s.ready:
		return s.left && ctx.Err() == nil
	default:
		return false
	}
}

// awaitGone waits until the slot's mount has ended. Code that runs in it would wait for itself.
func (s *slot) awaitGone(ctx context.Context) error {
	if inside(ctx, func(x *Sandbox) bool { return x == s.m.in.sb }) {
		return fmt.Errorf("plugin %q is being closed, and waits for the code that asks for it: %w", s.entry.name, ErrReentrant)
	}
	return await(ctx, s.gone)
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return endOf(ctx)
	}
}

// release gives one hold up; the last one closes the mount.
func (s *slot) release() {
	c := s.core
	c.mu.Lock()
	s.refs--
	last := s.refs == 0 && !s.ending
	if last {
		s.ending = true
	}
	c.mu.Unlock()
	if !last {
		return
	}
	s.m.startClose()
	<-s.m.closed
	if s.m.err != nil {
		c.tell(slog.LevelError, "a dependency failed to close", s.entry, s.m.err)
	}
	c.mu.Lock()
	delete(c.shared, s.entry.name)
	c.mu.Unlock()
	close(s.gone)
}
