// SPDX-License-Identifier: Apache-2.0

package bulkhead

import (
	"context"
	"time"

	"github.com/plugreg/plugreg/internal/stripe"
)

// Wait queues for a permit, most at longest, until ctx ends or a flag of the owner comes up that despite does not name.
// It lets the call in as Take does, with the word as of then; else it returns nil and a word with the flags that turned
// the call away, else with Full: then the time is up or ctx has ended. Where most is zero or less, only a permit that
// is free at once is taken, and none where ctx has ended before.
func (b *Bulkhead) Wait(ctx context.Context, most time.Duration, despite Word) (*stripe.Stripe, Word) {
	return b.WaitOr(ctx, most, despite, nil)
}

// WaitOr is Wait that also ends when give is closed, with Full.
func (b *Bulkhead) WaitOr(ctx context.Context, most time.Duration, despite Word, give <-chan struct{}) (*stripe.Stripe, Word) {
	done := ctx.Done() // somebody's code, which may panic: not under the lock, and not with a permit in hand
	if ended(done) {
		return nil, b.Load() | Full
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	x := b.enqueue(despite)
	var a answer
	select {
	case a = <-x.got:
	case <-timer.C:
		a = b.giveUp(x)
	case <-done:
		a = b.giveUp(x)
	case <-give:
		a = b.giveUp(x)
	}
	switch {
	case a.st == nil:
		return nil, a.w
	case ended(done):
		return nil, b.Withdraw(a.st) | Full
	}
	if a.w = b.Load(); a.w&Own&^despite != 0 { // as in Take
		return nil, b.sendBack(a.st, a.w&Own&^despite)
	}
	return a.st, a.w
}

func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// enqueue takes the last place. That somebody waits is said before it looks for a permit and for flags: who leaves or
// sets one after that looks after the queue.
func (b *Bulkhead) enqueue(despite Word) *waiter {
	x := &waiter{despite: despite, got: make(chan answer, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue.add(x)
	w := Word(b.word.Or(uint64(waited)))
	if w&Own&^despite != 0 {
		b.answer(x, answer{w: w})
		return x
	}
	b.serve()
	return x
}

// giveUp takes x out of the queue, unless it was answered in the same moment: then that is its answer.
func (b *Bulkhead) giveUp(x *waiter) answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x.queued {
		b.answer(x, answer{w: b.Load() | Full})
	}
	return <-x.got
}

// serve hands free permits to those who wait, and reports whether nobody waits any more. If somebody does, there was an
// instant during serve at which every permit was out, and the next one who leaves comes here. Call with mu held.
func (b *Bulkhead) serve() bool {
	for b.queue.first != nil {
		st := b.calls.Take()
		if st == nil {
			return false
		}
		b.answer(b.queue.first, answer{st: st})
	}
	return true
}

// turnAway answers those whom a flag that is up now does not suit. The others keep their places.
func (b *Bulkhead) turnAway() {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.Load()
	for x := b.queue.first; x != nil; {
		next := x.next
		if w&Own&^x.despite != 0 {
			b.answer(x, answer{w: w})
		}
		x = next
	}
}

// answer ends the wait of x, which is in the queue. Call with mu held.
func (b *Bulkhead) answer(x *waiter, a answer) {
	b.queue.remove(x)
	if b.queue.first == nil {
		b.word.And(^uint64(waited))
	}
	x.got <- a
}

// answer is what one who waits is given: a permit, or nil and the word that says why not.
type answer struct {
	st *stripe.Stripe
	w  Word
}

// waiter is one who waits. got has room for the one answer.
type waiter struct {
	prev, next *waiter
	queued     bool
	despite    Word
	got        chan answer
}

// queue is those who wait, in the order in which they came.
type queue struct {
	first, last *waiter
	len         int
}

func (q *queue) add(x *waiter) {
	x.prev, x.queued = q.last, true
	if x.prev == nil {
		q.first = x
	} else {
		x.prev.next = x
	}
	q.last = x
	q.len++
}

func (q *queue) remove(x *waiter) {
	if x.prev == nil {
		q.first = x.next
	} else {
		x.prev.next = x.next
	}
	if x.next == nil {
		q.last = x.prev
	} else {
		x.next.prev = x.prev
	}
	x.prev, x.next, x.queued = nil, nil, false
	q.len--
}
