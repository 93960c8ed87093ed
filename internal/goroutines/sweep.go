// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"cmp"
	"slices"
)

// sweep is the work on one profile.
type sweep struct {
	*reader
	report   Report
	raw      []raw
	excused  map[stamp]bool // a call or phase of that epoch is in flight
	held     map[stamp]bool // a worker of that epoch lives
	lost     []bool         // by owner: a call is in flight that may be of any of its epochs
	plain    []bool         // by owner: a call is in flight that gives no labels to what it starts
	suspects map[key]suspect
}

// raw is a record that is neither of a call nor of a worker.
type raw struct {
	*Record
	at stamp
}

// suspect is what one profile says of a key.
type suspect struct {
	owner int
	count int
	held  bool
	most  *Record
}

// role is what all functions on a stack say together.
type role struct {
	call, plain, worker bool
	owner               int // nobody, several, or the one owner of the packages on the stack
}

func newSweep(rules *Rules, owners []Owner) *sweep {
	return &sweep{reader: newReader(rules, owners), excused: map[stamp]bool{}, held: map[stamp]bool{}, lost: make([]bool, len(owners)),
		plain: make([]bool, len(owners)), suspects: map[key]suspect{}, report: Report{Owners: make([]Tally, len(owners))}}
}

// sort says what one record is: in a call, a worker, of a pool, or raw.
func (s *sweep) sort(rec *Record) {
	at, is := s.stamp(rec.Labels), s.role(rec.Frames)
	if rec.Unreadable {
		s.report.Unreadable += rec.Count
		at = stamp{owner: nobody, foreign: true}
	}
	switch {
	case rec.Cut || is.call || is.plain:
		s.inFlight(rec, at, is)
	case is.worker:
		s.tally(at.owner).Workers += rec.Count
		s.held[at] = true
	case s.shared(rec.Frames), s.ignored(rec.Frames, at.owner), at.owner == nobody && s.ignored(rec.Frames, is.owner):
		s.tally(at.owner).Shared += rec.Count
	case at.owner != nobody:
		s.tally(at.owner).Raw += rec.Count
		s.raw = append(s.raw, raw{rec, at})
	case !at.foreign && is.owner != nobody:
		s.tally(is.owner).Frames += rec.Count
		s.raw = append(s.raw, raw{rec, stamp{owner: is.owner, foreign: true}})
	}
}

// tally is where goroutines of an owner are counted; those of nobody, or of several, are not.
func (s *sweep) tally(owner int) *Tally {
	if owner < 0 {
		return new(Tally)
	}
	return &s.report.Owners[owner]
}

func (s *sweep) role(frames []Frame) role {
	is := role{owner: nobody}
	for i := range frames {
		m := s.function(frames[i].Func)
		is.call, is.plain, is.worker = is.call || m.call, is.plain || m.plain, is.worker || m.worker
		switch {
		case len(m.owners) == 0:
		case len(m.owners) > 1 || is.owner != nobody && is.owner != m.owners[0]:
			is.owner = several
		default:
			is.owner = m.owners[0]
		}
	}
	return is
}

// inFlight notes whom a call excuses: the epoch that it is labelled with, and the owners of the other code on its
// stack. Their labels are lost where the plugin has put its own in their place, and where a call with labels runs
// inside another one on the same goroutine: then the code outside of it is somebody else's.
func (s *sweep) inFlight(rec *Record, at stamp, is role) {
	s.report.InFlight += rec.Count
	s.tally(at.owner).Calls += rec.Count
	s.excused[at] = true
	if is.owner == nobody || is.owner == at.owner {
		return
	}
	lost := is.call || at.owner != nobody
	for _, f := range slices.Backward(rec.Frames) {
		for _, owner := range s.function(f.Func).owners {
			if owner == at.owner {
				lost = false // what is further in was called by it, and has its labels
				continue
			}
			s.plain[owner] = true
			s.lost[owner] = s.lost[owner] || lost
		}
	}
}

// suspect takes a raw record among the suspects, if it is one. All calls are known by then.
func (s *sweep) suspect(x raw) {
	if s.young(x) {
		s.report.Young += x.Count
		return
	}
	k := key{epoch: x.at.epoch, phase: x.at.phase, stack: x.Stack, byFrames: x.at.foreign}
	if x.at.owner >= 0 {
		k.owner = s.owners[x.at.owner].ID
	}
	sum, known := s.suspects[k]
	if !known || sum.most.Count < x.Count {
		sum.most = x.Record
	}
	sum.owner, sum.count, sum.held = x.at.owner, sum.count+x.Count, s.held[x.at]
	s.suspects[k] = sum
}

// young reports whether the record cannot be blamed yet.
func (s *sweep) young(x raw) bool {
	if x.at.foreign {
		return s.calledPlainly(x.Frames)
	}
	owner := s.owners[x.at.owner]
	return x.at.epoch >= owner.Epoch && !owner.Closed || s.excused[x.at] || s.lost[x.at.owner]
}

func (s *sweep) calledPlainly(frames []Frame) bool {
	return slices.ContainsFunc(frames, func(f Frame) bool {
		return slices.ContainsFunc(s.function(f.Func).owners, func(owner int) bool { return s.plain[owner] })
	})
}

// order sorts the leaks.
func (s *sweep) order() {
	place := func(l *Leak) int {
		if i, ok := s.byID[l.Owner]; ok {
			return i
		}
		return len(s.owners)
	}
	slices.SortFunc(s.report.Leaks, func(a, b Leak) int {
		return cmp.Or(place(&a)-place(&b), b.Count-a.Count, cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Phase, b.Phase),
			cmp.Compare(a.key.stack, b.key.stack))
	})
}
