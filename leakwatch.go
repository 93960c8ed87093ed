// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// leakWatch looks for what the instances of a registry leave behind: where somebody asks, soon after an instance has
// ended, and every now and then where the host wants that. It has no goroutine, and a timer only while there is
// something to look at.
type leakWatch struct {
	core    *core
	period  time.Duration // of looks while anything is mounted; zero: none, negative: nor after an end
	turn    chan struct{} // holds a token while somebody looks, who may use what follows then
	census  *goroutines.Census
	trigger *goroutines.Trigger
	told    map[string]int // by id: how many the log knows of
	again   bool           // the last look of the timer left suspicions, which it looks at again

	mu     sync.Mutex // guards what follows; core.mu may be held when it is taken, but is not taken under it
	timer  *time.Timer
	due    time.Time // zero: the timer rests
	fresh  bool      // an instance has ended since the timer looked
	closed bool
	gone   []*suspect             // instances that have ended, oldest first
	counts map[TypeDescriptor]int // of the last look
}

// goneBound is how many instances that have ended are remembered.
const goneBound = 4096

func newLeakWatch(c *core) *leakWatch {
	return &leakWatch{core: c, period: c.cfg.LeakSweep, turn: make(chan struct{}, 1), census: newCensus(),
		trigger: goroutines.NewTrigger(), told: map[string]int{}, counts: map[TypeDescriptor]int{}}
}

// ask looks now. Others who look are waited for.
func (w *leakWatch) ask(ctx context.Context) ([]Leak, error) {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
	}
	return look(ctx, w.sweep)
}

// began has the watch look every now and then from now on, while anything is mounted.
func (w *leakWatch) began() {
	if w.period > 0 {
		w.schedule(w.period, false)
	}
}

// ended has it look soon, for nobody will end what in left behind. It is called before the mount leaves the list.
func (w *leakWatch) ended(in *instance) {
	if x := in.suspect(true); x != nil {
		w.mu.Lock()
		w.gone = append(w.gone[max(0, len(w.gone)-goneBound+1):], x)
		w.mu.Unlock()
		w.schedule(leakGrace, true)
	}
}

// close ends the timer.
func (w *leakWatch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed = true; w.timer != nil {
		w.timer.Stop()
	}
}

// leaked is how many goroutines the last look found that instances of d left behind.
func (w *leakWatch) leaked(d TypeDescriptor) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[d]
}

// schedule sets the timer, unless it fires sooner.
func (w *leakWatch) schedule(in time.Duration, fresh bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.period < 0 {
		return
	}
	w.fresh = w.fresh || fresh
	due := time.Now().Add(in)
	if !w.due.IsZero() && !due.Before(w.due) {
		return
	}
	w.due = due
	if w.timer == nil {
		w.timer = time.AfterFunc(in, w.tick)
		return
	}
	w.timer.Reset(in)
}

// tick is what the timer does.
func (w *leakWatch) tick() {
	done, err := w.core.starting()
	if err != nil {
		return
	}
	defer done()
	w.mu.Lock()
	fresh := w.fresh
	w.fresh, w.due = false, time.Time{}
	w.mu.Unlock()
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	default: // who looks now may have begun before the instance ended
		w.schedule(leakGrace, fresh)
		return
	}
	if suspicious := w.glance(fresh); suspicious && (fresh || !w.again) {
		w.again = true
		w.schedule(leakGrace, false)
	} else {
		w.again = false
	}
	if w.core.serving() {
		w.began()
	}
}

func (c *core) serving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mounts) > 0
}

// glance looks where that may show anything new, and reports whether it left suspicions.
func (w *leakWatch) glance(fresh bool) bool {
	if !fresh && !w.census.Pending() && !w.trigger.Worth() {
		return false
	}
	f, err := w.sweep()
	if err != nil {
		return false
	}
	w.tell(f.leaks())
	return f.Suspects > 0
}

// tell has the log told of each instance that left something behind, and again each time that this has doubled.
func (w *leakWatch) tell(all []Leak) {
	known := w.told
	w.told = make(map[string]int, len(all))
	for id, n := range certain(all) {
		w.told[id] = known[id]
		if n.Count < 2*known[id] {
			continue
		}
		w.told[id] = n.Count
		w.core.tell(slog.LevelWarn, "an instance left goroutines behind", n.entry,
			fmt.Errorf("%d goroutines outlived the calls that started them, for %v at least; most of them in\n%s", n.Count, n.Age, n.Stack))
	}
}

// certain sums up what can be held against an instance, by its id.
func certain(all []Leak) map[string]Leak {
	sums := map[string]Leak{}
	for _, l := range all {
		if l.entry == nil || l.Held || l.Inferred {
			continue
		}
		sum, more := sums[l.id]
		if !more { // the first has most
			sum = l
			sum.Count = 0
		}
		sum.Count, sum.Age = sum.Count+l.Count, max(sum.Age, l.Age)
		sums[l.id] = sum
	}
	return sums
}

// sweep looks at all mounts and at the instances that have ended. It takes the caller's turn.
func (w *leakWatch) sweep() (finding, error) {
	f, err := sweep(w.census, w.suspects())
	if err != nil {
		return f, err
	}
	w.trigger.Swept(f.Report)
	clean := map[string]bool{}
	for i, x := range f.suspects {
		t := f.Owners[i]
		clean[x.owner.ID] = x.owner.Closed && t.Calls+t.Workers+t.Raw+t.Frames == 0
	}
	counts := map[TypeDescriptor]int{}
	for _, l := range certain(f.leaks()) {
		counts[l.entry.desc] += l.Count
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = slices.DeleteFunc(w.gone, func(x *suspect) bool { return clean[x.owner.ID] })
	w.counts = counts
	return f, nil
}

// suspects are all who may have left something behind; a new epoch begins for each. Who ends meanwhile is in one of the
// lists or in both.
func (w *leakWatch) suspects() []*suspect {
	mounts := w.core.mounted()
	w.mu.Lock()
	all := slices.Clone(w.gone)
	w.mu.Unlock()
	known := make(map[string]bool, len(all))
	for _, x := range all {
		known[x.owner.ID] = true
	}
	for _, m := range mounts {
		if x := m.in.suspect(false); x != nil && !known[x.owner.ID] {
			x.advance()
			all = append(all, x)
		}
	}
	return all
}
