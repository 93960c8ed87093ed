// SPDX-License-Identifier: Apache-2.0

// Package bulkhead is a door that lets a limited number of calls in: exact under contention, refusing with one load
// while it is full, with flags of its owner in the same word, and with an optional queue.
//
// The invariants:
//   - Never more calls are inside than the limit allows.
//   - A call is refused as full only if there was an instant during its Take at which every permit was out. Out is also
//     a permit that was handed to one who waited and has not woken up yet, and one that a call holds for the moment in
//     which it finds a flag that turns it away.
//   - Nobody who comes while others wait is let in before them, and those who wait are served in the order in which
//     they came, whatever flags come and go meanwhile.
//   - A permit is free while somebody waits only until the one who gave it back, or anybody else, has looked after the
//     queue.
//   - Whoever leaves after a flag of the owner was set sees it: of an owner who sets a flag and then reads
//     [Bulkhead.InFlight], and a call that was inside, at least one knows of the other.
package bulkhead

import (
	"sync"
	"sync/atomic"

	"github.com/plugreg/plugreg/internal/stripe"
)

// Word is what a door says at one instant: flags of its owner, [Full], and a stamp of its owner. The other bits are the
// door's own business.
type Word uint64

// The bits of a [Word]. The owner's flags are the low twelve; any of them turns away a call that does not name it.
const (
	Own  Word = 1<<12 - 1 // the owner's flags
	Full Word = 1 << 12   // every permit is out, and none has come back since

	noting  Word = 1 << 13 // one who was refused is about to set Full
	watched Word = 1 << 14 // no permit has come back since that one looked
	waited  Word = 1 << 15 // somebody queues: whoever comes or leaves serves the queue first
	notes        = Full | watched | waited

	stampShift      = 16
	stampMask  Word = (1<<32 - 1) << stampShift
)

// Stamp is the number that the owner set last; zero at first.
func (w Word) Stamp() uint32 { return uint32(w >> stampShift) }

// Bulkhead is a door. Call Init before anything else; do not copy it. It is safe for concurrent use.
type Bulkhead struct {
	_     [linePad]byte // every call loads word: what lies beside a Bulkhead shares no cache line with it
	word  atomic.Uint64
	calls stripe.Set

	// What follows may share the line: it is not written while nobody waits and no flag turns anybody away.
	mu        sync.Mutex // guards the queue
	queue     queue
	withdrawn atomic.Uint64
	_         [linePad]byte
}

// linePad is what a cache line of 64 bytes has beside a word.
const linePad = 56

// Init makes b a door for at most limit calls at a time; zero or less: no limit but [stripe.MaxLimit]. It is called
// once, before b is shared.
func (b *Bulkhead) Init(limit int) { b.calls.Init(limit) }

// Load returns the word of now.
func (b *Bulkhead) Load() Word { return Word(b.word.Load()) }

// Take lets a call in, with the word as of then, or returns nil and the word that says why not: with flags of the owner
// that despite does not name, else with Full. Where such a flag came up only after the call had a permit, the word is
// that of the moment after the permit went back, and has that flag in any case. Take does not wait for a permit and
// allocates nothing.
func (b *Bulkhead) Take(despite Word) (*stripe.Stripe, Word) {
	w := b.Load()
	if w&(Full|Own&^despite) != 0 {
		return nil, w
	}
	var st *stripe.Stripe
	if w&waited == 0 {
		st = b.calls.Try()
	}
	if st == nil {
		if st, w = b.seek(); st == nil {
			return nil, w
		}
	}
	// The flags again: who sets one and reads the counts then sees this call, or is seen by it.
	if w = b.Load(); w&Own&^despite != 0 {
		return nil, b.sendBack(st, w&Own&^despite)
	}
	return st, w
}

// sendBack withdraws a call that had a permit when it found flags against it. They may be down again by the time it has
// left.
func (b *Bulkhead) sendBack(st *stripe.Stripe, against Word) Word { return b.Withdraw(st) | against }

// seek takes a permit where the first try found none, or others who wait.
func (b *Bulkhead) seek() (*stripe.Stripe, Word) {
	if st := b.look(); st != nil {
		return st, 0
	}
	return b.full()
}

// look takes a permit that nobody waits for. Its nil means that there was an instant at which every permit was out.
func (b *Bulkhead) look() *stripe.Stripe {
	if b.Load()&waited == 0 {
		return b.calls.Take()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.serve() {
		return nil
	}
	return b.calls.Take()
}

// full notes that every permit is out, so that the next refusals cost one load. First whoever leaves is asked to clear
// watched, then a second look must find no permit still, and then the note is made, unless watched has gone: a permit
// that came back before the second look would have been found by it, and who brings one back after it clears watched,
// or Full. One at a time: if another could set watched again meanwhile, it would say nothing about the time since the
// second look.
func (b *Bulkhead) full() (*stripe.Stripe, Word) {
	w := b.Load()
	if w&(noting|Full) != 0 || !b.swap(w, w|noting|watched) {
		return nil, w | Full
	}
	if st := b.look(); st != nil {
		return st, b.note(0)
	}
	return nil, b.note(Full) | Full
}

// note ends what full began, with Full or without.
func (b *Bulkhead) note(full Word) Word {
	for {
		w := b.Load()
		next := w &^ (noting | watched)
		if w&watched != 0 {
			next |= full
		}
		if b.swap(w, next) {
			return next
		}
	}
}

func (b *Bulkhead) swap(old, next Word) bool { return b.word.CompareAndSwap(uint64(old), uint64(next)) }

// Leave ends a call that was let in, and returns the word as of then. Call it once for each admission, from any
// goroutine, and never the Leave or the Withdraw of the stripe itself: the door would not hear of it.
func (b *Bulkhead) Leave(st *stripe.Stripe) Word {
	st.Leave()
	if w := b.Load(); w&notes == 0 {
		return w
	}
	return b.freed()
}

// Withdraw is Leave for a call that is not to be counted among the admissions.
func (b *Bulkhead) Withdraw(st *stripe.Stripe) Word {
	// Not by the stripe's own Withdraw: a withdrawal and an admission after it would leave the stripe's word as it was,
	// and the Take that looks twice must notice that a permit was free in between.
	b.withdrawn.Add(1)
	return b.Leave(st)
}

// freed looks after those who were refused, and those who wait.
func (b *Bulkhead) freed() Word {
	w := Word(b.word.And(^uint64(Full | watched)))
	if w&waited != 0 {
		b.mu.Lock()
		b.serve()
		b.mu.Unlock()
	}
	return b.Load()
}

// Mark clears and sets flags of the owner, in this order, and sets the stamp, all in one step, and returns the word
// before. Who waits is turned away if a flag that is up does not suit it. Bits beyond [Own] are ignored.
func (b *Bulkhead) Mark(set, clear Word, stamp uint32) Word {
	for {
		w := b.Load()
		if b.swap(w, w&^(clear&Own|stampMask)|set&Own|Word(stamp)<<stampShift) {
			return b.marked(w, set)
		}
	}
}

// Set sets flags of the owner as Mark does, and returns the word before.
func (b *Bulkhead) Set(set Word) Word {
	return b.marked(Word(b.word.Or(uint64(set&Own))), set)
}

// Clear clears flags of the owner and returns the word before.
func (b *Bulkhead) Clear(clear Word) Word { return Word(b.word.And(^uint64(clear & Own))) }

// marked tells those who wait of the flags that were set when the word was w.
func (b *Bulkhead) marked(w, set Word) Word {
	if set&Own != 0 && w&waited != 0 {
		b.turnAway()
	}
	return w
}

// Waiting is the number of those who queue.
func (b *Bulkhead) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queue.len
}

// InFlight is the number of calls inside, and of permits that are handed over or about to be given back. It is that of
// [stripe.Set]: amid other calls an estimate, but a zero proves that every call let in before InFlight has left.
func (b *Bulkhead) InFlight() int64 { return b.calls.InFlight() }

// Admitted is the number of calls ever let in. One that is being let in or turned away, and one that is about to be
// withdrawn, may be among them.
func (b *Bulkhead) Admitted() uint64 {
	gone := b.withdrawn.Load() // first: who is among them was admitted before
	return b.calls.Admitted() - gone
}
