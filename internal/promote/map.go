// SPDX-License-Identifier: Apache-2.0

// Package promote holds maps whose reads take no lock once the writers rest. A [Map] is read by a hash that the caller has
// at hand, a [Cache] forgets.
//
// The invariant: what readers see is one table behind one atomic pointer, and the table either answers for a key as of now
// or says that it cannot, in which case the answer lies with the writers, under their mutex. So a read sees every write that
// returned before the read began. A new table is made (promoted) only after a number of such detours that is in proportion
// to its size, so that any sequence of reads and writes copies a constant number of entries per operation.
package promote

import (
	"iter"
	"sync"
	"sync/atomic"
)

// detours says when reads under the mutex have paid for a promotion: each pays for the copies of this many entries.
const detours = 2

// Map is a map from K to V, made for keys that contain a hash of themselves. Call [Map.Init] first. It must not be copied
// after that. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	published atomic.Pointer[table[K, V]]
	hash      func(K) uint64 // of writers only: on a read it would cost more than the read

	mu      sync.Mutex // guards what follows and every change to the published table
	all     map[K]V    // the truth
	changes int        // since the last promotion
	misses  int        // detours since the last promotion
	copied  int        // entries copied by promotions, ever
}

// linePad makes what every read loads fill two cache lines of its own, which the allocator aligns.
const linePad = 96

// table is open-addressed, at most half full and probed one by one. Its keys and values never change.
type table[K comparable, V any] struct {
	slots   []slot[K, V]  // a power of two
	amended atomic.Bool   // a key that is not here may be in Map.all; once true, true for good
	_       [linePad]byte // every read loads this: no neighbour on its cache lines may be written often
}

type slot[K comparable, V any] struct {
	key   K
	value V
	state atomic.Uint32
}

// A slot goes from empty to live before its table is published, and from live to outdated, for good, when its key is stored
// anew or removed.
const (
	empty uint32 = iota
	live
	outdated
)

// Init makes m an empty map. Its readers pass hash(k) to [Map.Find] together with k, and the low bits of it should be well
// spread: many equal hashes make the map slow, never wrong. Init is not safe for concurrent use.
func (m *Map[K, V]) Init(hash func(K) uint64) {
	m.hash = hash
	m.all = map[K]V{}
	m.published.Store(newTable[K, V](0))
}

// Reserve makes room for n keys, so that storing them grows nothing. Call it on an empty map, before m is shared.
func (m *Map[K, V]) Reserve(n int) { m.all = make(map[K]V, n) }

// Find returns the value stored under k, whose hash must be that of the function given to Init. No lock and no allocation,
// unless k was written, or is missing and others were written, since the last promotion.
func (m *Map[K, V]) Find(hash uint64, k K) (V, bool) {
	t := m.published.Load()
	slots := t.slots
	if len(slots) > 0 { // always; it spares the loop a check of its bounds
		for i := hash; ; i++ {
			s := &slots[i&uint64(len(slots)-1)]
			state := s.state.Load()
			if state == empty {
				break
			}
			if s.key == k {
				if state == live {
					return s.value, true
				}
				return m.ask(k)
			}
		}
	}
	if t.amended.Load() {
		return m.ask(k)
	}
	var none V
	return none, false
}

// ask is the detour of a read that the published table could not answer.
func (m *Map[K, V]) ask(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.all[k]
	m.misses++
	if m.misses*detours >= len(m.all) {
		m.promote()
	}
	return v, ok
}

// Store sets the value of k. Every [Map.Find] that begins after Store has returned finds it.
func (m *Map[K, V]) Store(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[k] = v
	m.changes++
	if !m.outdate(k) {
		m.published.Load().amended.Store(true)
	}
}

// Remove forgets k and reports whether it was there. No [Map.Find] that begins after Remove has returned finds it. The
// garbage collector may see its value until the next promotion.
func (m *Map[K, V]) Remove(k K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.all[k]; !ok {
		return false
	}
	delete(m.all, k)
	m.changes++
	m.outdate(k)
	return true
}

// outdate makes readers of k ask, and reports whether the published table knew k. Call it with mu held.
func (m *Map[K, V]) outdate(k K) bool {
	s := m.published.Load().place(m.hash(k), k)
	if s.state.Load() == empty {
		return false
	}
	s.state.Store(outdated)
	return true
}

// Promote publishes all writes, so that reads take no lock until the next one. Without it that happens by and by.
func (m *Map[K, V]) Promote() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.promote()
}

func (m *Map[K, V]) promote() {
	m.misses = 0
	if m.changes == 0 {
		return
	}
	t := newTable[K, V](len(m.all))
	for k, v := range m.all {
		s := t.place(m.hash(k), k)
		s.key, s.value = k, v
		s.state.Store(live)
	}
	m.published.Store(t)
	m.changes = 0
	m.copied += len(m.all)
}

func newTable[K comparable, V any](entries int) *table[K, V] {
	n := 2
	for n < 2*entries {
		n *= 2
	}
	return &table[K, V]{slots: make([]slot[K, V], n)}
}

// place is where k is, else the empty slot where it would be.
func (t *table[K, V]) place(hash uint64, k K) *slot[K, V] {
	for i := hash; ; i++ {
		s := &t.slots[i&uint64(len(t.slots)-1)]
		if s.state.Load() == empty || s.key == k {
			return s
		}
	}
}

// Len is the number of keys.
func (m *Map[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.all)
}

// All iterates over a snapshot, taken when the iteration begins, in no particular order. The loop's body may use m.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	type entry struct {
		k K
		v V
	}
	return func(yield func(K, V) bool) {
		m.mu.Lock()
		entries := make([]entry, 0, len(m.all))
		for k, v := range m.all {
			entries = append(entries, entry{k, v})
		}
		m.mu.Unlock()
		for _, e := range entries {
			if !yield(e.k, e.v) {
				return
			}
		}
	}
}
