// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/plugreg/plugreg/internal/label"
)

// LabelMode says which goroutines carry profiler labels: registry, plugin, version and epoch. The plugin's own
// goroutines inherit them, which is how a goroutine that is left behind, a processor profile and a crash are attributed
// to a plugin; see [Sandbox.Leaks] for what labels cannot see.
type LabelMode uint8

const (
	// LabelDetached labels the goroutines of detached calls, of phases and of [Env.Go]. The default.
	LabelDetached LabelMode = iota
	// LabelAll labels inline calls too. Afterwards the caller's goroutine gets the labels that its ctx carries, for Go
	// lets nobody ask a goroutine for its labels: those that were set without a context are lost. An inline call within
	// an inline call whose Timeout is negative goes on with the caller's labels for that reason.
	LabelAll
	// LabelNone labels nothing: leaks and crashes are nobody's.
	LabelNone
)

// The keys of profiler labels.
const (
	labelRegistry = "registry"
	labelPlugin   = "plugin"
	labelVersion  = "version"
	labelEpoch    = "epoch"
	labelPhase    = "phase" // of the start of an instance; not there for calls
)

// labels are those of one sandbox. The epoch is raised at each sweep, so that what calls of before it left behind can
// be told from what runs.
type labels struct {
	id      string // unique to the sandbox
	target  *Target
	epoch   atomic.Uint64
	current atomic.Pointer[label.Set]
}

func newLabels(t *Target) *labels {
	l := &labels{id: fmt.Sprintf("%016x", rand.Uint64()), target: t}
	l.current.Store(l.set(0, ""))
	return l
}

// set makes the labels of an epoch.
func (l *labels) set(epoch uint64, phase string) *label.Set {
	pairs := []string{labelPlugin, l.target.Plugin, labelEpoch, fmt.Sprintf("%s-%d", l.id, epoch)}
	for _, p := range [...][2]string{{labelRegistry, l.target.Registry}, {labelVersion, l.target.Version}, {labelPhase, phase}} {
		if p[1] != "" {
			pairs = append(pairs, p[0], p[1])
		}
	}
	return label.New(pairs...)
}

// advance begins the next epoch and returns its number. One sweep at a time calls it.
func (l *labels) advance() uint64 {
	n := l.epoch.Add(1)
	l.current.Store(l.set(n, ""))
	return n
}

// of returns the labels for what runs op now; nil for none.
func (l *labels) of(op *Target) *label.Set {
	switch {
	case l == nil:
		return nil
	case op.Phase:
		return l.set(l.epoch.Load(), op.Operation)
	}
	return l.current.Load()
}
