// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"strconv"
	"strings"
)

// header is the first line of a goroutine.
type header struct {
	state  string            // "running", "chan receive", "syscall"
	labels map[string]string // nil: none
	system bool              // goroutine 0, the system's of a thread
}

// elsewhere stands in place of the stack of a goroutine that ran on another thread when one died.
const elsewhere = "\tgoroutine running on other thread"

// parseHeader reads
//
//	goroutine 7 gp=0xc000006000 m=0 mp=0x5af3c0 [running, locked to thread labels:{"plugin": "csv"}]:
//
// of which the addresses, what follows the state, and the labels may be missing.
func parseHeader(line string) (header, bool) {
	text, ok := strings.CutPrefix(line, "goroutine ")
	if !ok {
		return header{}, false
	}
	id, text, _ := strings.Cut(text, "[")
	id, addresses, _ := strings.Cut(id, " ")
	if _, err := strconv.ParseUint(id, 10, 64); err != nil || addresses != "" && !strings.HasPrefix(addresses, "gp=") {
		return header{}, false
	}
	if text, ok = strings.CutSuffix(text, "]:"); !ok {
		return header{}, false
	}
	state, labels, labelled := strings.Cut(text, " labels:{")
	state, _, _ = strings.Cut(state, ",")
	state, _, _ = strings.Cut(state, " (")
	h := header{system: id == "0", state: state}
	if labelled {
		h.labels, ok = parseLabels(labels)
	}
	return h, ok
}

// parseLabels reads
//
//	"plugin": "csv", "version": "1.2.3"}
func parseLabels(text string) (map[string]string, bool) {
	labels := map[string]string{}
	for {
		key, rest, ok := quoted(text)
		if !ok {
			return nil, false
		}
		if rest, ok = strings.CutPrefix(rest, ": "); !ok {
			return nil, false
		}
		if labels[key], rest, ok = quoted(rest); !ok {
			return nil, false
		}
		if rest == "}" {
			return labels, true
		}
		if text, ok = strings.CutPrefix(rest, ", "); !ok {
			return nil, false
		}
	}
}

// quoted takes a string in the runtime's quotes from the front of text.
func quoted(text string) (s, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	q, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", "", false
	}
	s, err = strconv.Unquote(q)
	return strings.Clone(s), text[len(q):], err == nil
}

// blamed says whether the goroutine, the first of a crash, is the one that caused it. It was running; the runtime finds
// some errors while nobody is. C code runs in a system call.
func (h *header) blamed(reason string) bool {
	return h.state == "running" || h.state == "syscall" && strings.Contains(reason, "\nsignal arrived ")
}

// fromOutside says whether the reason is a signal that was sent, rather than raised by what the thread did: it hits
// whatever runs just then.
func fromOutside(reason string) bool {
	signal, rest, _ := strings.Cut(reason, "\n")
	if !isSignal(signal, rest) {
		return false
	}
	_, code, _ := strings.Cut(rest, " sigcode=")
	code, _, _ = strings.Cut(code, "\n")
	code, _, _ = strings.Cut(code, " ")
	return code == "0" || code == "65537" || strings.HasPrefix(signal, "SIGQUIT") // SI_USER of Linux and of the BSDs
}

// isFatal says whether the two lines are the first of a fatal error: a goroutine that was running, and where. What is
// running in text of other origin took its own stack, and a goroutine that comes back from a system call while another one
// dies is called running too.
func isFatal(line, after string) bool {
	h, ok := parseHeader(line)
	if !ok || h.state != "running" || h.system || !isFrame(after) {
		return false
	}
	for _, prefix := range [...]string{"runtime/debug.Stack(", "runtime.Stack(", "syscall.", "internal/runtime/syscall", "internal/syscall/", "runtime.cgocall("} {
		if strings.HasPrefix(after, prefix) {
			return false
		}
	}
	return true
}

// isFrame says whether line may name a function and its arguments.
func isFrame(line string) bool {
	return line != "" && line[0] > ' ' && strings.IndexByte(line, '(') > 0
}
