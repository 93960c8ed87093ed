// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/plugreg/plugreg"
)

// record is what became of one call; at is when it was made.
type record struct {
	plugin   string
	at, took time.Duration
	attempts int
	err      error
}

// refused says that no code of the plugin ran, and whether it was a shared resource that had no room.
func (r *record) refused() (resource string, ok bool) {
	if e, ok := errors.AsType[*plugreg.RejectedError](r.err); ok {
		return e.Resource, true
	}
	return "", false
}

// book is what became of all calls.
type book struct {
	mu  sync.Mutex // guards what follows
	all records
}

func (b *book) add(r record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, r)
}

// records are some calls.
type records []record

// calls returns those of which f is true.
func (b *book) calls(f func(*record) bool) records {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.which(f)
}

// of returns the calls of a plugin.
func (b *book) of(plugin string) records {
	return b.calls(func(r *record) bool { return r.plugin == plugin })
}

func (rs records) which(f func(*record) bool) (some records) {
	for i := range rs {
		if f(&rs[i]) {
			some = append(some, rs[i])
		}
	}
	return some
}

// within returns those that were made in a span of time.
func (rs records) within(from, to time.Duration) records {
	return rs.which(func(r *record) bool { return r.at >= from && r.at < to })
}

// share is that of those of which f is true.
func (rs records) share(f func(*record) bool) float64 {
	return float64(len(rs.which(f))) / float64(max(len(rs), 1))
}

// lost is the share of those that were refused or failed.
func (rs records) lost() float64 { return rs.share(func(r *record) bool { return r.err != nil }) }

// quantile is that of the times of calls that were let in: a refusal takes none, and is counted elsewhere.
func (rs records) quantile(q float64) time.Duration {
	var times []time.Duration
	for i := range rs {
		if _, refused := rs[i].refused(); !refused {
			times = append(times, rs[i].took)
		}
	}
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(int(q*float64(len(times))), len(times)-1)]
}

func (rs records) p95() time.Duration { return rs.quantile(0.95) }

// span is the time over which one p95 is taken.
const span = 2 * time.Second

// overSpans measures calls span by span.
func overSpans[V any](rs records, from, to time.Duration, measure func(records) V) (list []V) {
	for at := from; at < to; at += span {
		list = append(list, measure(rs.within(at, at+span)))
	}
	return list
}

// median is not moved by a span in which this machine was busy elsewhere.
func median[V cmp.Ordered](list []V) V { return slices.Sorted(slices.Values(list))[len(list)/2] }
