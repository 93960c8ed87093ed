// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
	"time"

	"github.com/plugreg/plugreg/internal/breaker"
	"github.com/plugreg/plugreg/internal/bulkhead"
	"github.com/plugreg/plugreg/internal/stripe"
)

// The flags of a sandbox's door: zero is the fast path.
const (
	flagDraining bulkhead.Word = 1 << iota // no more calls: there is another route, or none
	flagOpen                               // the breaker is open, or half-open with all permits out
	flagHalf                               // the breaker has permits for probing calls
	flagDisabled                           // nobody but Enable ends that
	flagCapped                             // MaxAbandoned calls were abandoned
	flagProbing                            // with flagOpen: the breaker is half-open
	flagFaulty                             // faults are injected
	flagShared                             // calls take permits of shared resources too; never cleared

	flagsRefusing = flagDraining | flagOpen | flagDisabled | flagCapped
	flagsPassing  = flagFaulty | flagShared
)

// errDraining tells a handle to take the new route; it never reaches a user.
var errDraining = errors.New("draining")

// admission is the receipt of a call that was let in: what it has to give back.
type admission struct {
	st   *stripe.Stripe // nil for what needs no place: phases
	word bulkhead.Word  // of the door, as of then
	more *extras        // nil on the fast path
}

// extras are what few calls hold.
type extras struct {
	probe   *breaker.Lease // settled with the call's outcome
	permits []permit
}

func (a admission) lease() *breaker.Lease {
	if a.more == nil {
		return nil
	}
	return a.more.probe
}

// take lets one call or lease in; probing says that it may be what tries whether the plugin is well again.
func (s *Sandbox) take(ctx context.Context, probing bool) (admission, error) {
	w := s.door.Load()
	if w&(flagOpen|flagDisabled|flagDraining|bulkhead.Full) == 0 {
		var st *stripe.Stripe
		if st, w = s.door.Take(0); st != nil {
			return admission{st: st, word: w}, nil
		}
	} else if err := s.refusal(w); err != nil {
		return admission{}, err
	}
	return s.takeSlow(ctx, w, probing)
}

// refusal is that of those who need not look twice, for a few nanoseconds; nil for the others.
func (s *Sandbox) refusal(w bulkhead.Word) error {
	switch {
	case w&(flagDraining|flagProbing) != 0:
		return nil
	case w&(flagOpen|flagDisabled) != 0:
		return s.why.Load() // it was set before the flag
	case w&flagsRefusing == 0 && w&bulkhead.Full != 0 && s.limits.queue == 0 && s.hooks.load() == nil:
		return s.saturated
	}
	return nil
}

// enter is take for calls of those who know no other route.
func (s *Sandbox) enter(ctx context.Context) (admission, error) {
	a, err := s.take(ctx, true)
	if err == errDraining {
		err = s.closed
	}
	return a, err
}

func (s *Sandbox) takeSlow(ctx context.Context, w bulkhead.Word, probing bool) (admission, error) {
	for {
		if w&flagsRefusing != 0 && !(w&(flagsRefusing|flagProbing) == flagOpen|flagProbing && probing && s.within(ctx)) {
			return admission{}, s.refused(w)
		}
		if w&bulkhead.Full != 0 && s.limits.queue == 0 {
			s.tellSaturation("", false)
			return admission{}, s.saturated
		}
		a, again, err := s.takeOnce(ctx, w, probing)
		if !again {
			return a, err
		}
		w = s.door.Load()
	}
}

// within says that ctx is that of a call inside: a plugin that calls itself would never get well otherwise.
func (s *Sandbox) within(ctx context.Context) bool {
	return inside(ctx, func(x *Sandbox) bool { return x == s })
}

// takeOnce takes all that a call needs, or nothing; again says that the breaker changed meanwhile.
func (s *Sandbox) takeOnce(ctx context.Context, w bulkhead.Word, probing bool) (a admission, again bool, err error) {
	var x extras // on the stack, so that a refusal costs no allocation
	despite, period := flagsPassing, w.Stamp()
	if w&flagProbing != 0 { // it belongs to a call that is a probe, or was there before
		despite |= flagHalf | flagOpen | flagProbing
	} else if w&flagHalf != 0 {
		despite |= flagHalf | flagOpen | flagProbing // which say that this permit was the last one
		if !probing {
			return a, false, s.refused(flagOpen)
		}
		if x.probe, period = s.probe(); x.probe == nil {
			return a, true, nil
		}
	}
	taken := false
	defer func() {
		if !taken { // or a method of ctx panicked
			s.putBack(a, &x)
		}
	}()
	if a.st, a.word = s.place(ctx, despite); a.st == nil {
		w := a.word &^ despite
		return a, w&(flagsRefusing|bulkhead.Full) == 0, s.refusedAt(ctx, w)
	}
	if again, err := s.takeShared(ctx, &x, despite, period); again || err != nil {
		return a, again, err
	}
	if x.probe != nil || x.permits != nil {
		a.more = &extras{x.probe, x.permits}
	}
	taken = true
	return a, false, nil
}

// takeShared takes a permit of each shared resource; again says that things have changed while it waited.
func (s *Sandbox) takeShared(ctx context.Context, x *extras, despite bulkhead.Word, period uint32) (again bool, err error) {
	changed := func() bool {
		w := s.door.Load()
		return w&flagsRefusing&^despite != 0 || w.Stamp() != period || x.probe != nil && !s.holds(x.probe)
	}
	turned := false
	for _, r := range s.shared {
		st := r.take(ctx, func() <-chan struct{} {
			give := s.turning()
			if turned = changed(); turned {
				return nil // do not wait
			}
			return give
		})
		switch {
		case st != nil:
			x.permits = append(x.permits, permit{r, st})
		case turned || changed():
			return true, nil
		default:
			return false, s.saturatedIn(ctx, r)
		}
	}
	return changed(), nil
}

// putBack undoes what was taken for a call that does not come about.
func (s *Sandbox) putBack(a admission, x *extras) {
	x.giveBack()
	if a.st != nil {
		s.after(s.door.Withdraw(a.st))
	}
	if x.probe != nil {
		s.settleBreaker(settlement{admission: admission{word: s.door.Load(), more: x}, class: ClassCallerFault})
	}
}

// place takes one of the sandbox's own places, after waiting for it where that is wanted.
func (s *Sandbox) place(ctx context.Context, despite bulkhead.Word) (*stripe.Stripe, bulkhead.Word) {
	st, w := s.door.Take(despite)
	if st != nil || w&flagsRefusing&^despite != 0 || s.limits.queue == 0 {
		return st, w
	}
	return s.door.Wait(ctx, s.limits.queue, despite)
}

// refused is the error of who meets w. It was made before.
func (s *Sandbox) refused(w bulkhead.Word) error {
	switch {
	case w&flagDraining != 0:
		s.left() // it may have been inside for a moment, and seen by who waits
		return errDraining
	case w&(flagOpen|flagDisabled) != 0:
		return s.why.Load() // it was set before the flag
	case w&flagCapped != 0:
		return s.capped
	}
	return s.saturated
}

// refusedAt is refused for one who may have waited.
func (s *Sandbox) refusedAt(ctx context.Context, w bulkhead.Word) error {
	if w&flagsRefusing == 0 {
		if ctx.Err() != nil {
			return leftError(ctx, s.call)
		}
		s.tellSaturation("", false)
	}
	return s.refused(w)
}

func (s *Sandbox) saturatedIn(ctx context.Context, r *resource) error {
	if ctx.Err() != nil {
		return leftError(ctx, s.call)
	}
	s.tellSaturation(r.name, false)
	return s.scarce[r]
}

// giveBack lets go what the call held beyond its place.
func (x *extras) giveBack() {
	for _, p := range x.permits {
		p.of.door.Leave(p.st)
	}
	x.permits = nil
}

// leave gives back all that a call held. The word is read after the count went down, and a drain reads the counts after
// it set its flag: one of the two sees the other.
func (s *Sandbox) leave(a admission) {
	if a.more != nil {
		a.more.giveBack()
	}
	s.after(s.door.Leave(a.st))
}

func (s *Sandbox) after(w bulkhead.Word) {
	if w&flagDraining != 0 {
		s.left()
	}
}

func (s *Sandbox) left() {
	if s.door.InFlight() != 0 {
		return
	}
	select {
	case s.drained <- struct{}{}:
	default:
	}
	if f := s.onLast.Swap(nil); f != nil {
		(*f)()
	}
}

// refuse lets no more calls in, and ends what only matters where calls come.
func (s *Sandbox) refuse() {
	if s.door.Set(flagDraining)&flagDraining != 0 {
		return
	}
	close(s.draining)
	s.mu.Lock()
	s.ended = true
	s.turn()
	s.arm(time.Time{})
	injected := s.injected.Swap(nil)
	s.mu.Unlock()
	if injected != nil {
		close(injected.over) // calls that it has hang
	}
}

// wait returns true once nobody is inside, false if something comes through give before. Call refuse before.
func wait[E any](s *Sandbox, give <-chan E) bool {
	for s.door.InFlight() != 0 {
		select {
		case <-s.drained:
		case <-give:
			return s.door.InFlight() == 0
		}
	}
	s.left() // there may be more than one who waits
	return true
}

// strand leaves it to the last call inside to run f, on its own goroutine, so f must not block. f runs once, also where
// nobody is inside any more: the last call looks for f after it left, and strand looks for the last call after f is
// there. Call refuse before.
func (s *Sandbox) strand(f func()) {
	s.onLast.Store(&f)
	s.left()
}
