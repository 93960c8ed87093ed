// SPDX-License-Identifier: Apache-2.0

package bulkhead

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/stripe"
)

// model is the naive door: numbers and a slice.
type model struct {
	limit, out, admitted int
	flags                Word
	stamp                uint32
	full                 bool
	queue                []guest
}

// guest is one who queues, in the model and at the door.
type guest struct {
	x       *waiter
	despite Word
}

func (m *model) word() Word {
	w := m.flags | Word(m.stamp)<<stampShift
	if m.full {
		w |= Full
	}
	if len(m.queue) > 0 {
		w |= waited
	}
	return w
}

func (m *model) against(despite Word) bool { return m.flags&^despite != 0 }

// pair is a door beside its model, and the permits that are out.
type pair struct {
	t    *testing.T
	b    *Bulkhead
	m    model
	held []*stripe.Stripe
}

func newPair(t *testing.T, limit int) *pair {
	return &pair{t: t, b: newDoor(limit), m: model{limit: limit}}
}

// step does one thing to both, and compares them.
func (p *pair) step(op, x, y byte) {
	switch op % 12 {
	case 0, 1:
		p.take(Word(x))
	case 2, 3:
		p.leave(int(x), false)
	case 4:
		p.leave(int(x), true)
	case 5:
		require.Equal(p.t, p.m.word(), p.b.Set(Word(x)), "the word before Set")
		p.flags(p.m.flags | Word(x))
	case 6:
		require.Equal(p.t, p.m.word(), p.b.Clear(Word(x)), "the word before Clear")
		p.flags(p.m.flags &^ Word(x))
	case 7:
		require.Equal(p.t, p.m.word(), p.b.Mark(Word(x), Word(y), uint32(op)<<24|uint32(x)), "the word before Mark")
		p.m.stamp = uint32(op)<<24 | uint32(x)
		p.flags(p.m.flags&^Word(y) | Word(x))
	case 8:
		p.wait(Word(x), y%4 == 0)
	case 9, 10:
		p.enqueue(Word(x))
	case 11:
		p.giveUp(int(x))
	}
	require.Equal(p.t, p.m.word(), p.b.Load())
	require.EqualValues(p.t, p.m.out, p.b.InFlight())
	require.EqualValues(p.t, p.m.admitted, p.b.Admitted())
	require.Equal(p.t, len(p.m.queue), p.b.Waiting())
	require.Len(p.t, p.held, p.m.out)
	require.LessOrEqual(p.t, p.m.out, p.m.limit)
}

func (p *pair) letIn(st *stripe.Stripe) {
	require.NotNil(p.t, st)
	p.m.out++
	p.m.admitted++
	p.held = append(p.held, st)
}

func (p *pair) take(despite Word) {
	st, w := p.b.Take(despite)
	if p.m.against(despite) {
		require.Nil(p.t, st)
		require.Equal(p.t, p.m.word(), w)
		return
	}
	if p.m.out == p.m.limit {
		p.m.full = true
		require.Nil(p.t, st)
		require.Equal(p.t, p.m.word(), w)
		return
	}
	p.letIn(st)
	require.Equal(p.t, p.m.word(), w)
}

func (p *pair) leave(i int, withdraw bool) {
	if len(p.held) == 0 {
		return
	}
	i %= len(p.held)
	st := p.held[i]
	p.held = slices.Delete(p.held, i, i+1)
	p.m.out--
	p.m.full = false
	end := p.b.Leave
	if withdraw {
		p.m.admitted--
		end = p.b.Withdraw
	}
	w := end(st)
	if len(p.m.queue) > 0 {
		p.served(p.m.queue[0].x)
		p.m.queue = p.m.queue[1:]
	}
	require.Equal(p.t, p.m.word(), w)
}

// served expects that x has a permit.
func (p *pair) served(x *waiter) {
	require.Len(p.t, x.got, 1)
	p.letIn((<-x.got).st)
}

// flags makes the model's flags those, and expects that who is in the queue and does not name them is turned away.
func (p *pair) flags(flags Word) {
	p.m.flags = flags
	stay := p.m.queue[:0:0]
	for _, g := range p.m.queue {
		if !p.m.against(g.despite) {
			require.Empty(p.t, g.x.got)
			stay = append(stay, g)
			continue
		}
		require.Len(p.t, g.x.got, 1)
		a := <-g.x.got
		require.Nil(p.t, a.st)
		require.Equal(p.t, flags, a.w&Own)
	}
	p.m.queue = stay
}

func (p *pair) enqueue(despite Word) {
	x := p.b.enqueue(despite)
	switch {
	case p.m.against(despite):
		require.Len(p.t, x.got, 1)
		a := <-x.got
		require.Nil(p.t, a.st)
		require.Equal(p.t, p.m.flags, a.w&Own)
	case p.m.out < p.m.limit:
		p.served(x)
	default:
		require.Empty(p.t, x.got)
		p.m.queue = append(p.m.queue, guest{x, despite})
	}
}

func (p *pair) giveUp(i int) {
	if len(p.m.queue) == 0 {
		return
	}
	i %= len(p.m.queue)
	a := p.b.giveUp(p.m.queue[i].x)
	require.Nil(p.t, a.st)
	require.Equal(p.t, p.m.flags|Full, a.w&(Own|Full))
	p.m.queue = slices.Delete(p.m.queue, i, i+1)
}

// wait waits no time, perhaps with a context that has ended.
func (p *pair) wait(despite Word, ended bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if ended {
		cancel()
	}
	st, w := p.b.Wait(ctx, 0, despite)
	require.Equal(p.t, p.m.flags, w&Own)
	if ended || p.m.against(despite) || p.m.out == p.m.limit {
		require.Nil(p.t, st)
		return
	}
	p.letIn(st)
}

// end has all leave; nobody may be left in the queue then.
func (p *pair) end() {
	for len(p.held) > 0 {
		p.leave(0, false)
	}
	require.Empty(p.t, p.m.queue)
	p.b.Clear(Own)
	requireIdle(p.t, p.b, p.m.limit)
}

func TestDoorIsItsModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(5, seed))
		p := newPair(t, 1+int(seed%20))
		for range 200 {
			x := byte(rnd.Uint32())
			if rnd.IntN(2) == 0 {
				x = 0 // else a flag is up nearly always
			}
			p.step(byte(rnd.Uint32()), x, byte(rnd.Uint32()))
			if rnd.IntN(4) == 0 {
				p.step(6, 0xFF, 0)
			}
		}
		p.end()
	}
}

func FuzzDoor(f *testing.F) {
	f.Add(byte(1), []byte{0, 0, 0, 9, 0, 0, 9, 1, 0, 5, 1, 0, 2, 0, 0})
	f.Add(byte(2), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 11, 0, 0, 4, 0, 0, 8, 0, 1})
	f.Add(byte(16), []byte{7, 3, 1, 1, 3, 0, 8, 3, 0, 6, 255, 0, 10, 0, 0})
	f.Fuzz(func(t *testing.T, limit byte, ops []byte) {
		p := newPair(t, 1+int(limit%40))
		for ; len(ops) >= 3; ops = ops[3:] {
			p.step(ops[0], ops[1], ops[2])
		}
		p.end()
	})
}
