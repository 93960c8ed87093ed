// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugreg/plugreg"
)

// calls makes one call as a host does, and some whose contexts end too early.
func (c *checker[T]) calls() {
	if c.opts.Call == nil {
		return
	}
	h := c.mounted(1)
	if h == nil {
		return
	}
	defer h.end(NoGoroutineLeft, "after calls")
	handle, ok := h.open("", c.opts.Settings)
	if !ok {
		return
	}
	defer h.close(handle, "after calls")
	c.works = h.judge(Violation{Rule: CallSucceeds, Operation: "Call"}, handle.Do(h.ctx, c.opts.Call))
	last, _ := h.last()
	for _, w := range c.ways() {
		if !c.works || h.isHung() {
			return
		}
		err := w.run(h.span, func(ctx context.Context) error { return c.opts.Call(ctx, last.value) })
		h.mustReturn(Violation{Rule: ContextHonoured, Operation: "Call", When: w.when}, err)
	}
}

// concurrent makes many calls at a time.
func (c *checker[T]) concurrent() {
	if !c.works || c.opts.Sequential || c.broken(ConcurrentCalls) {
		return
	}
	h := c.mounted(1)
	if h == nil {
		return
	}
	defer h.end(NoGoroutineLeft, "after concurrent calls")
	handle, ok := h.open("", c.opts.Settings)
	if !ok {
		return
	}
	defer h.close(handle, "after concurrent calls")
	failed, err := h.storm(handle)
	h.judge(Violation{Rule: ConcurrentCalls, Operation: "Call", When: fmt.Sprintf("among %d at a time, of which %d failed", callers, failed),
		Fix: "guard what calls share"}, err)
}

// storm returns how many calls failed, and one of the errors. No call begins after Patience.
func (h *host[T]) storm(handle *plugreg.Handle[T]) (failed int, first error) {
	var (
		all    sync.WaitGroup
		start  = make(chan struct{})
		count  atomic.Int64
		errs   = make(chan error, 1)
		finish = time.Now().Add(h.patience)
	)
	for range callers {
		all.Go(func() {
			<-start
			for i := 0; i < calls && time.Now().Before(finish) && !h.stopped(); i++ {
				if err := handle.Do(h.ctx, h.opts.Call); err != nil {
					count.Add(1)
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
	}
	close(start)
	all.Wait()
	select {
	case first = <-errs:
	default:
	}
	return int(count.Load()), first
}
