// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"slices"
	"time"
)

// Owner is one sandbox as it is at the moment of a sweep.
type Owner struct {
	ID      string // unique in the process, not empty
	Package string // import path of its code; empty or "main": its goroutines are known by labels only
	Epoch   uint64 // which calls that begin now carry
	Closed  bool   // no more calls come: all its epochs have passed
	// Ignore are prefixes of functions: a goroutine with such a function anywhere on its stack is none of the owner's.
	Ignore []string
}

// Tally counts the goroutines of one owner in one profile.
type Tally struct {
	Calls   int // in a call
	Workers int // that the owner counts itself
	Raw     int // others with its label
	Shared  int // of a pool, or to be ignored
	Frames  int // without a label, known by their functions
}

// Leak is a number of goroutines of one owner, one epoch and one phase with the same functions on their stacks.
type Leak struct {
	Owner  string // the id; empty where several owners could be it
	Epoch  uint64 // zero where ByFrames
	Phase  string // the value of [PhaseLabel]; empty for what descends from calls, and where ByFrames
	Count  int    // how many were there at both sweeps, at least
	Age    time.Duration
	Frames []Frame // of the most of them, innermost first
	// ByFrames says that they carry no label: timer callbacks, finalizers and pools that run the owner's code. Weaker
	// evidence than a label, for who called that code is not known.
	ByFrames bool
	// Held says that a worker of the same epoch and phase lives, which may have started them and may end them.
	Held bool
	// Proven is how many of them a garbage collection found that nothing can wake; see [Report.Prove].
	Proven int

	key key
}

// Report is the outcome of one sweep.
type Report struct {
	// Leaks are in the order of the owners, those of nobody known last, then the most numerous first.
	Leaks []Leak
	// Owners has a Tally for each owner, in their order.
	Owners []Tally
	// Suspects counts the goroutines that are leaks if a later sweep sees them too.
	Suspects int
	// Young counts those that are no suspects yet: their epoch has not passed, or a call of it is in flight.
	Young int
	// InFlight counts the goroutines in calls, those of other owners included.
	InFlight int
	// Unreadable counts the goroutines with labels that could not be read.
	Unreadable int
}

// Census compares successive profiles of the process. It is not safe for concurrent use.
type Census struct {
	rules   Rules
	grace   time.Duration
	seen    map[key]sighting
	pending bool
}

// key tells goroutines apart from one sweep to the next.
type key struct {
	owner    string
	epoch    uint64
	phase    string
	stack    uint64
	byFrames bool
	all      bool // whatever the stack: for those that move
}

// group is all suspects of one time, whatever they do.
type group struct {
	count, leaked int
	held          bool
	restless      *suspect // the most numerous that were not seen doing the same before
	stack         uint64   // of restless
}

// sighting is what the sweeps before said of a key.
type sighting struct {
	first  time.Time
	since  time.Time // count holds from then to the last sweep
	count  int
	leaked int
}

// NewCensus returns a census that has seen nothing. Two sweeps that are less than a grace apart accuse nobody.
func NewCensus(rules Rules, grace time.Duration) *Census {
	return &Census{rules: rules, grace: grace, seen: map[key]sighting{}}
}

// Pending reports whether the last sweep saw goroutines of which only another one can say what they are.
func (c *Census) Pending() bool { return c.pending }

// Sweep compares a profile of [All] goroutines, taken at now, with those before. The owners are those whose goroutines
// could be in it, each id once; what is known of others is forgotten.
func (c *Census) Sweep(now time.Time, p Profile, owners []Owner) Report {
	s := newSweep(&c.rules, owners)
	for i := range p.Records {
		s.sort(&p.Records[i])
	}
	for _, x := range s.raw {
		s.suspect(x)
	}
	c.judge(now, s)
	return s.report
}

// judge decides which suspects are leaks, and keeps what the next sweep needs.
func (c *Census) judge(now time.Time, s *sweep) {
	next := make(map[key]sighting, len(s.suspects))
	groups := map[key]*group{}
	for k, x := range s.suspects {
		was, again := c.seen[k]
		is := was.next(again, now, x.count, c.grace)
		next[k] = is
		s.report.Suspects += x.count - is.leaked
		if is.leaked > 0 {
			s.report.Leaks = append(s.report.Leaks, Leak{Owner: k.owner, Epoch: k.epoch, Phase: k.phase, Count: is.leaked, Age: now.Sub(is.first),
				Frames: slices.Clone(x.most.Frames), ByFrames: k.byFrames, Held: x.held, key: k})
		}
		of := k
		of.stack, of.all = 0, true
		g := groups[of]
		if g == nil {
			g = new(group)
			groups[of] = g
		}
		g.add(k, &x, is.leaked)
	}
	c.judgeGroups(now, s, groups, next)
	c.seen, c.pending = next, s.report.Suspects+s.report.Young > 0
	s.order()
}

func (g *group) add(k key, x *suspect, leaked int) {
	g.count, g.leaked, g.held = g.count+x.count, g.leaked+leaked, x.held
	if x.count > leaked && (g.restless == nil || x.count > g.restless.count) {
		g.restless, g.stack = x, k.stack
	}
}

// judgeGroups finds the leaks that no two profiles saw doing the same: as many as there were all the time, whatever they
// did.
func (c *Census) judgeGroups(now time.Time, s *sweep, groups map[key]*group, next map[key]sighting) {
	for k, g := range groups {
		was, again := c.seen[k]
		is := was.next(again, now, g.count, c.grace)
		next[k] = is
		moving := is.leaked - g.leaked
		if moving <= 0 || g.restless == nil {
			continue
		}
		s.report.Suspects -= moving
		k.stack = g.stack
		s.report.Leaks = append(s.report.Leaks, Leak{Owner: k.owner, Epoch: k.epoch, Phase: k.phase, Count: moving, Age: now.Sub(is.first),
			Frames: slices.Clone(g.restless.most.Frames), ByFrames: k.byFrames, Held: g.held, key: k})
	}
}

// next is the sighting after one more sweep. Within the grace only what was there all the time counts.
func (was sighting) next(again bool, now time.Time, count int, grace time.Duration) sighting {
	if !again {
		return sighting{first: now, since: now, count: count}
	}
	lesser := min(was.count, count)
	if now.Sub(was.since) < grace {
		return sighting{first: was.first, since: was.since, count: lesser, leaked: min(was.leaked, count)}
	}
	return sighting{first: was.first, since: now, count: count, leaked: lesser}
}

// Prove marks the leaks that a profile of [Proven] goroutines holds too.
func (r *Report) Prove(p Profile) {
	if len(r.Leaks) == 0 {
		return
	}
	proven := map[provenKey]int{}
	for i := range p.Records {
		rec := &p.Records[i]
		proven[provenKey{rec.Labels[EpochLabel], rec.Stack}] += rec.Count
	}
	for i := range r.Leaks {
		l := &r.Leaks[i]
		label := ""
		if !l.ByFrames {
			label = EpochValue(l.Owner, l.Epoch)
		}
		l.Proven = min(l.Count, proven[provenKey{label, l.key.stack}])
	}
}

type provenKey struct {
	label string
	stack uint64
}
