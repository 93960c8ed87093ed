// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stack is a number of goroutines with one stack.
type stack struct {
	count  int
	frames []frame // innermost first
	deep   bool    // the outermost are missing, or may be
}

type frame struct{ function, place string }

// goroutines waits until no goroutine of the plugin goes on that is wanted, for a grace, and returns what there is
// then.
func (h *host[T]) goroutines(wanted func(stack) bool) []stack {
	ignored := append(shared(), h.opts.Host.Sandbox.LeakIgnore...)
	if own := h.p.Sandbox; own != nil {
		ignored = append(ignored, own.LeakIgnore...)
	}
	until := time.Now().Add(h.grace)
	for wait := h.grace / 1000; ; wait = min(2*wait, h.grace/5) {
		found := slices.DeleteFunc(goroutines(h.id, h.p.Name), func(s stack) bool { return s.begins(ignored) || !wanted(s) })
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
// needed them first.
func shared() []string {
	return []string{"internal/singleflight.(*Group).doCall", "net.(*Resolver).", "net/http.(*Transport).", "net/http.(*http2ClientConn).",
		"net/http.(*http2Transport).", "net/http.(*http2clientConnReadLoop).", "net/http.(*persistConn).", "os/signal.loop", "runtime.ensureSigM"}
}

// begins reports whether a function on the stack has one of these prefixes.
func (s stack) begins(prefixes []string) bool {
	return slices.ContainsFunc(s.frames, func(f frame) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f.function, p) })
	})
}

// goroutines reads the profile of the process: those with the labels of that registry and plugin.
func goroutines(registry, plugin string) []stack {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil { // a Buffer takes everything
		return nil
	}
	return read(b.String(), registry, plugin)
}

// read takes from the text of a profile the goroutines with these labels. What it does not understand is not there.
func read(profile, registry, plugin string) (found []stack) {
	ofRegistry, ofPlugin := label("registry", registry), label("plugin", plugin)
	for record := range strings.SplitSeq(profile, "\n\n") {
		var s stack
		ours := false
		for line := range strings.Lines(record) {
			line = strings.TrimSuffix(line, "\n")
			if count, addresses, ok := strings.Cut(line, " @ "); ok && line[0] != '#' {
				s.count, _ = strconv.Atoi(count)
				s.deep = strings.Count(addresses, "0x") >= 128
			} else if labels, ok := strings.CutPrefix(line, "# labels: "); ok {
				ours = strings.Contains(labels, ofRegistry) && strings.Contains(labels, ofPlugin)
			} else if f, ok := readFrame(line); ok {
				s.frames = append(s.frames, f)
			}
		}
		if ours && s.count > 0 {
			found = append(found, s)
		}
	}
	return found
}

// label is how a profile writes one.
func label(key, value string) string { return fmt.Sprintf("%q:%q", key, value) }

// readFrame reads "#", the address, the function with an offset, and its place, with tabs between them.
func readFrame(line string) (frame, bool) {
	parts := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' })
	if len(parts) < 4 || parts[0] != "#" {
		return frame{}, false
	}
	function := parts[2]
	if i := strings.LastIndex(function, "+0x"); i >= 0 {
		function = function[:i]
	}
	return frame{function, parts[3]}, true
}

// number says how many goroutines there are.
func number(all []stack) string {
	n := 0
	for _, s := range all {
		n += s.count
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
		for _, f := range s.frames {
			fmt.Fprintf(&b, "%s\n\t%s\n", f.function, f.place)
		}
	}
	return b.String()
}
