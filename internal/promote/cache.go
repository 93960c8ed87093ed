// SPDX-License-Identifier: Apache-2.0

package promote

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Cache remembers answers, up to a number of them. An answer stays as it is until the cache is cleared or has become full.
// Call [Cache.Init] first. It must not be copied after that. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	published atomic.Pointer[answers[K, V]]
	limit     int

	mu     sync.Mutex // guards what follows and the replacement of the published answers
	recent map[K]V    // answers that are not published yet
	misses int        // detours since the last promotion
	copied int        // entries copied by promotions, ever
}

type answers[K comparable, V any] struct {
	of      map[K]V     // never changes
	amended atomic.Bool // more are in Cache.recent; once true, true for good
	_       [linePad]byte
}

// Init makes c an empty cache of at most limit answers; less than one means one. It is not safe for concurrent use.
func (c *Cache[K, V]) Init(limit int) {
	c.limit = max(limit, 1)
	c.published.Store(new(answers[K, V]))
}

// Find returns the answer to k. No lock and no allocation, unless k is not among the published answers and others were added
// since their promotion.
func (c *Cache[K, V]) Find(k K) (V, bool) {
	a := c.published.Load()
	if v, ok := a.of[k]; ok {
		return v, true
	}
	if a.amended.Load() {
		return c.ask(k)
	}
	var none V
	return none, false
}

func (c *Cache[K, V]) ask(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	published := c.published.Load().of
	v, ok := c.recent[k]
	if !ok {
		v, ok = published[k] // promoted by another reader meanwhile
	}
	c.misses++
	if len(c.recent) > 0 && c.misses*detours >= len(published)+len(c.recent) {
		c.promote(published)
	}
	return v, ok
}

// promote publishes the recent answers too. Call it with mu held.
func (c *Cache[K, V]) promote(published map[K]V) {
	c.misses = 0
	all := make(map[K]V, len(published)+len(c.recent))
	maps.Copy(all, published)
	maps.Copy(all, c.recent)
	c.publish(all)
	c.copied += len(all)
}

func (c *Cache[K, V]) publish(all map[K]V) {
	c.published.Store(&answers[K, V]{of: all})
	c.recent = nil
}

// Add remembers v as the answer to k, unless there is one already. A cache that is full forgets all others first. Who clears
// the cache because answers have changed must see to it that no answer from before is added after: hold one lock, from where
// the answer is found until it is added, and another time around Clear.
func (c *Cache[K, V]) Add(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.published.Load()
	if _, ok := a.of[k]; ok {
		return
	}
	if _, ok := c.recent[k]; ok {
		return
	}
	if len(a.of)+len(c.recent) >= c.limit {
		c.clear()
		a = c.published.Load()
	}
	if c.recent == nil {
		c.recent = map[K]V{}
	}
	c.recent[k] = v
	a.amended.Store(true)
}

// Clear forgets all answers. No [Cache.Find] that begins after Clear has returned finds one from before.
func (c *Cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
}

func (c *Cache[K, V]) clear() {
	c.misses = 0
	if len(c.recent)+len(c.published.Load().of) > 0 {
		c.publish(nil)
	}
}

// Len is the number of answers: at most the limit.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.recent) + len(c.published.Load().of)
}
