// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plugreg/plugreg/internal/bulkhead"
	"github.com/plugreg/plugreg/internal/stripe"
)

// maxConcurrent is what a bulkhead can count.
const maxConcurrent = stripe.MaxLimit

// Resource is something that several plugins use, such as a cache or a database: one limit for all of them, so that a
// plugin whose calls hang in it cannot take all of it from the others' callers. A plugin names what it uses in
// [Plugin].Uses; each of its calls and leases holds a permit of each from beginning to end, abandoned ones included. A
// call within a call takes permits of its own, so MaxConcurrent must leave room for the depth. A limit that is reached
// refuses all in proportion to what they ask for: give a plugin that may flood the resource a
// SandboxConfig.MaxConcurrent of its own, below this one.
type Resource struct {
	// MaxConcurrent is the number of calls and leases of all plugins that may use it at a time, exactly. At least 1.
	MaxConcurrent int
	// MaxQueue is how long a call waits for its turn; who waits longest is next. Zero: it is refused at once. Negative
	// is a fault.
	MaxQueue time.Duration
}

// ResourceState is what a shared resource says of itself at one moment.
type ResourceState struct {
	// Name is that in [Config].Resources, and Limit its MaxConcurrent.
	Name  string `json:"name"`
	Limit int    `json:"limit"`
	// InFlight is the number of calls that use it, and Waiting of those that queue for it.
	InFlight int64 `json:"in_flight"`
	Waiting  int   `json:"waiting"`
}

// resource is a Resource at work.
type resource struct {
	name  string
	limit int
	queue time.Duration
	door  bulkhead.Bulkhead
}

// newResources makes those of a registry.
func newResources(cfg map[string]Resource) map[string]*resource {
	all := make(map[string]*resource, len(cfg))
	for name, c := range cfg {
		r := &resource{name: name, limit: c.MaxConcurrent, queue: c.MaxQueue}
		r.door.Init(c.MaxConcurrent)
		all[name] = r
	}
	return all
}

// checkResources files what is wrong with the resources.
func checkResources(f *faults, all map[string]Resource) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		field, r := fmt.Sprintf("Config.Resources[%q]", clip(name, 64)), all[name]
		f.add(field, checkChars(name, ":"))
		if r.MaxConcurrent < 1 || r.MaxConcurrent > maxConcurrent {
			f.bad(field+".MaxConcurrent", fmt.Sprint(r.MaxConcurrent), fmt.Sprintf("1 to %d", maxConcurrent), "leave the resource out where it has no limit")
		}
		if r.MaxQueue < 0 {
			f.bad(field+".MaxQueue", r.MaxQueue.String(), "0 or more", "")
		}
	}
}

// used returns the limited ones among what a plugin uses, sorted: all take them in one order, so nobody waits in a
// circle.
func (c *core) used(names []string) (list []*resource) {
	for _, name := range names { // sorted
		if r := c.resources[name]; r != nil {
			list = append(list, r)
		}
	}
	return list
}

func (c *core) resourceStates() (list []ResourceState) {
	for _, name := range slices.Sorted(maps.Keys(c.resources)) {
		r := c.resources[name]
		list = append(list, ResourceState{Name: name, Limit: r.limit, InFlight: r.door.InFlight(), Waiting: r.door.Waiting()})
	}
	return list
}

// permit is a hold on a resource.
type permit struct {
	of *resource
	st *stripe.Stripe
}

// take takes a permit, after waiting for it where that is wanted, until what give returns is closed; nil: it does not wait.
func (r *resource) take(ctx context.Context, give func() <-chan struct{}) *stripe.Stripe {
	st, _ := r.door.Take(0)
	if st == nil && r.queue > 0 {
		if over := give(); over != nil {
			st, _ = r.door.WaitOr(ctx, r.queue, 0, over)
		}
	}
	return st
}
