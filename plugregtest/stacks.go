// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// stack is a number of goroutines with one stack.
type stack struct{ goroutines.Record }

// goroutines waits until no goroutine of the plugin goes on that is wanted, for a grace, and returns what there is
// then.
func (h *host[T]) goroutines(wanted func(stack) bool) []stack {
	ignored := append(shared(), h.opts.Host.Sandbox.LeakIgnore...)
	if own := h.p.Sandbox; own != nil {
		ignored = append(ignored, own.LeakIgnore...)
	}
	until := time.Now().Add(h.grace)
	for wait := h.grace / 1000; ; wait = min(2*wait, h.grace/5) {
		found := slices.DeleteFunc(labelled(h.id, h.p.Name), func(s stack) bool { return s.begins(ignored) || !wanted(s) })
		if len(found) == 0 || !time.Now().Before(until) || h.pause(wait) != nil {
			return found
		}
	}
}

// pause returns an error where the check is over.
func (c *checker[T]) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.whole.ctx.Done():
	}
	return c.whole.ctx.Err()
}

// shared are functions of goroutines that the standard library starts once for all, which inherit the labels of whoever
// needed them first. There are fewer than a host leaves out: what a plugin opened for itself, it is to close.
func shared() []string {
	return []string{"internal/singleflight.(*Group).doCall", "net.(*Resolver).", "net/http.(*Transport).", "net/http.(*http2ClientConn).",
		"net/http.(*http2Transport).", "net/http.(*http2clientConnReadLoop).", "net/http.(*persistConn).", "os/signal.loop", "runtime.ensureSigM"}
}

// begins reports whether a function on the stack has one of these prefixes.
func (s stack) begins(prefixes []string) bool {
	return slices.ContainsFunc(s.Frames, func(f goroutines.Frame) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f.Func, p) })
	})
}

// labelled reads the profile of the process: the goroutines with the labels of that registry and plugin.
func labelled(registry, plugin string) (found []stack) {
	p, err := goroutines.Read(goroutines.All)
	if err != nil { // a later Go may write something else: then nothing is known
		return nil
	}
	for _, r := range p.Records {
		if r.Labels["registry"] == registry && r.Labels["plugin"] == plugin {
			found = append(found, stack{r})
		}
	}
	return found
}

// number says how many goroutines there are.
func number(all []stack) string {
	n := 0
	for _, s := range all {
		n += s.Count
	}
	if n == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", n)
}

// text writes the stacks of at most five.
func text(all []stack) string {
	var b strings.Builder
	for i, s := range all[:min(len(all), 5)] {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(goroutines.Format(s.Frames))
	}
	return b.String()
}
