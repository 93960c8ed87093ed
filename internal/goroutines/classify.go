// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"slices"
	"strconv"
	"strings"
)

// Rules say what functions mean, by their names as the runtime writes them.
type Rules struct {
	// Calls are the functions below which a call of an owner runs, with the owner's labels.
	Calls []string
	// Plain are those below which a call may run without labels, so that what it starts is known by its functions only.
	Plain []string
	// Workers are those below which a goroutine runs that its owner counts itself. It is never accused, and it is no
	// call: what it starts must end with its epoch's calls too, but is marked as [Leak.Held] while the worker lives.
	Workers []string
	// Shared are prefixes of functions that begin goroutines of pools and clients, which belong to nobody although
	// the first who touched them gave them its labels. A goroutine is left out where its outermost function has one.
	Shared []string
}

// SharedPools are the goroutines that the standard library starts once for all who use a client, and those that end
// with a server, which is seen itself where it is left behind: the usual [Rules.Shared].
func SharedPools() []string {
	return []string{
		"database/sql.(*DB).", "internal/singleflight.(*Group).doCall", "net.(*Resolver).", "net/http.(*Transport).",
		"net/http.(*conn).serve", "net/http.(*connReader).backgroundRead", "net/http.(*http2ClientConn).",
		"net/http.(*http2Transport).", "net/http.(*http2clientConnReadLoop).", "net/http.(*http2serverConn).",
		"net/http.(*persistConn).", "os/signal.loop", "runtime.ensureSigM",
	}
}

// meaning is what the name of one function says.
type meaning struct {
	call, plain, worker bool
	owners              []int // those of its package
}

const (
	nobody  = -1
	several = -2
)

// reader knows the functions of one sweep.
type reader struct {
	rules    *Rules
	owners   []Owner
	byID     map[string]int
	packages map[string][]int
	known    map[string]meaning
	epochs   map[string]stamp // by the value of the label; without the phase
}

// stamp is whose label it is.
type stamp struct {
	owner   int // nobody where it is no label of ours, or foreign
	epoch   uint64
	phase   string
	foreign bool // ours by its form, of an owner that is not known here
}

func newReader(rules *Rules, owners []Owner) *reader {
	r := &reader{rules: rules, owners: owners, byID: make(map[string]int, len(owners)), packages: make(map[string][]int, len(owners)),
		known: map[string]meaning{}, epochs: map[string]stamp{}}
	for i, o := range owners {
		r.byID[o.ID] = i
		if o.Package != "" && o.Package != "main" { // main is the host's own
			r.packages[o.Package] = append(r.packages[o.Package], i)
		}
	}
	return r
}

func (r *reader) function(name string) meaning {
	m, ok := r.known[name]
	if !ok {
		m = meaning{call: slices.Contains(r.rules.Calls, name), plain: slices.Contains(r.rules.Plain, name),
			worker: slices.Contains(r.rules.Workers, name), owners: r.ownersOf(PackageOf(name))}
		r.known[name] = m
	}
	return m
}

// ownersOf looks for the longest path that owners have: the package itself or one above it.
func (r *reader) ownersOf(path string) []int {
	for path != "" {
		if owners, ok := r.packages[path]; ok {
			return owners
		}
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
	}
	return nil
}

// packageOf returns the import path in the name of a function, where dots in the last element are written as "%2e".
func PackageOf(function string) string {
	name, _, _ := strings.Cut(function, "[") // type arguments
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return ""
	}
	return unescape(name[:slash+dot])
}

func unescape(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+3], 16, 8); err == nil {
				c = byte(n)
				i += 2
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// shared reports whether the goroutine belongs to a pool.
func (r *reader) shared(frames []Frame) bool {
	return len(frames) > 0 && begins(frames[len(frames)-1].Func, r.rules.Shared)
}

// ignored reports whether it is one that its owner does not want to hear of.
func (r *reader) ignored(frames []Frame, owner int) bool {
	if owner < 0 || len(r.owners[owner].Ignore) == 0 {
		return false
	}
	return slices.ContainsFunc(frames, func(f Frame) bool { return begins(f.Func, r.owners[owner].Ignore) })
}

func begins(function string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(function, p) })
}

// stamp reads the label of a record.
func (r *reader) stamp(labels map[string]string) stamp {
	value, ok := labels[EpochLabel]
	if !ok {
		return stamp{owner: nobody}
	}
	s, known := r.epochs[value]
	if !known {
		s = r.readStamp(value)
		r.epochs[value] = s
	}
	if s.owner != nobody {
		s.phase = labels[PhaseLabel]
	}
	return s
}

func (r *reader) readStamp(value string) stamp {
	id, n, ok := splitEpoch(value)
	if !ok {
		return stamp{owner: nobody}
	}
	if i, ours := r.byID[id]; ours {
		return stamp{owner: i, epoch: n}
	}
	return stamp{owner: nobody, foreign: true}
}
