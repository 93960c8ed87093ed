// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"log/slog"
	"sync"
)

// news says who hands snapshots to the host, so that it gets one at a time.
type news struct {
	mu     sync.Mutex // guards what follows
	due    bool       // something changed after the last snapshot was made
	giving bool       // the host is being told
}

// change notes one. True leaves it to the caller to tell the host of it, and of what changes meanwhile.
func (n *news) change() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.due = true
	if n.giving {
		return false
	}
	n.giving = true
	return true
}

// next says whether there is something to tell. Once there is not, it is somebody else's turn.
func (n *news) next() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.giving, n.due = n.due, false
	return n.giving
}

// announce tells the host what is registered now. A change that comes while the host is being told is told by the same
// caller afterwards.
func (c *core) announce() {
	if c.cfg.OnSnapshot != nil && c.news.change() {
		c.tellSnapshots()
	}
}

// tellSnapshots goes on until the host knows all, or is left behind while it still listens. What it logs may end the
// goroutine: that must not silence the registry.
func (c *core) tellSnapshots() {
	returned, over := true, false
	defer func() {
		if !over && returned {
			c.tellSnapshots()
		}
	}()
	for returned && c.news.next() {
		var err error
		if returned, err = c.tellSnapshot(); err != nil {
			c.log(slog.LevelError, "OnSnapshot failed", "registry", c.name, "error", c.textOf(err))
		}
	}
	over = true
}

// tellSnapshot tells the host once; returned is false where it still listens when its time is over. What changes until
// it is done is told then, unless the registry was closed.
func (c *core) tellSnapshot() (returned bool, err error) {
	s := c.snapshot()
	op := &Target{Registry: c.name, Operation: phaseRegister, Phase: true, stats: new(failures)}
	return c.quiet.detached(context.Background(), job{op: op, limit: c.quiet.limits.call, call: func(context.Context) error {
		c.cfg.OnSnapshot(s)
		return nil
	}, late: func(error) {
		if done, err := c.starting(); err == nil {
			done() // Close does not wait for the host, who may be the one that calls it
			c.tellSnapshots()
		}
	}})
}

// snapshot describes what is registered now.
func (c *core) snapshot() Snapshot {
	var contracts []Contract
	for _, e := range c.sorted() {
		contracts = append(contracts, e.contract())
	}
	return newSnapshot(c.name, contracts, &c.cfg)
}
