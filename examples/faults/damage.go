// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/plugreg/plugreg"
)

// timeline shows what the breaker of customs clearance did in the last world; in the others it is much the same.
func (g *gameDay) timeline(worlds []*world) {
	rows, ok := [][]string(nil), true
	for _, w := range worlds {
		events := make([]event, len(w.events))
		for i := range events {
			events[i] = <-w.events
		}
		ok = ok && len(events) > 1 && events[0].at > breaks && events[0].To == plugreg.BreakerOpen && events[len(events)-1].To == plugreg.BreakerClosed
		rows = [][]string{{"AT", "BREAKER OF " + customs, "WHY IT OPENED"}}
		for _, e := range events {
			row := []string{ms(e.at), fmt.Sprintf("%v -> %v", e.From, e.To), ""}
			if e.To == plugreg.BreakerOpen {
				row[2] = e.Reason
			}
			rows = append(rows, row)
		}
	}
	g.table(rows...)
	g.claim(ok, "in each world the breaker opened after customs began to limit us, and closed by itself when that was over")
}

// suffering shows what became of modules that have nothing to do with customs: how long they take, and how many of their
// calls are refused or fail. All figures are medians over spans of time.
func (g *gameDay) suffering(worlds []*world) {
	rows, times, lost := [][]string{{"MODULE", "p95 before"}}, make([][]float64, len(worlds)), make([][]float64, len(worlds))
	for _, w := range worlds {
		rows[0] = append(rows[0], w.name, "", "lost")
	}
	for _, name := range worlds[0].six {
		var before []time.Duration // the worlds do not differ yet
		for _, w := range worlds {
			before = append(before, overSpans(w.of(name), 0, breaks, records.p95)...)
		}
		usual := median(before)
		row := []string{name, ms(usual)}
		for i, w := range worlds {
			p95, gone := median(overSpans(w.of(name), breaks, mends, records.p95)), median(overSpans(w.of(name), breaks, mends, records.lost))
			x := float64(p95) / float64(max(usual, 1))
			times[i], lost[i] = append(times[i], x), append(lost[i], gone)
			row = append(row, ms(p95), fmt.Sprintf("%.1f x", x), percent(gone))
		}
		rows = append(rows, row)
	}
	g.table(rows...)
	if g.charts {
		g.draw(worlds)
	}
	g.claim(slices.Min(times[0]) >= 5, "with no limit each of the six takes at least 5 x as long: %.1f to %.1f x", slices.Min(times[0]), slices.Max(times[0]))
	g.claim(slices.Max(times[1]) <= 2, "with the shared limit at most 2 x: %.1f x; but who comes last is refused, guilty or not: %s of the calls",
		slices.Max(times[1]), percent(median(lost[1])))
	g.claim(slices.Max(times[2]) <= 2 && median(lost[2]) <= 0.02, "with a share for the detour too at most 2 x: %.1f x; and next to nobody is refused: %s",
		slices.Max(times[2]), percent(median(lost[2])))
}

// draw draws p95 over time, all on one scale.
func (g *gameDay) draw(worlds []*world) {
	rows, top := [][]string{{"P95 OVER TIME"}}, time.Duration(1)
	curve := func(w *world, name string) []time.Duration { return overSpans(w.of(name), 0, end, records.p95) }
	for _, w := range worlds {
		rows[0] = append(rows[0], w.name)
		for _, name := range w.six {
			top = max(top, slices.Max(curve(w, name)))
		}
	}
	for _, name := range worlds[0].six {
		row := []string{name}
		for _, w := range worlds {
			row = append(row, spark(curve(w, name), top))
		}
		rows = append(rows, row)
	}
	g.table(rows...)
	g.say("A full bar is %s.", ms(top))
}

// refusals shows who was refused by what, and the words in which it was told.
func (g *gameDay) refusals(worlds []*world) {
	rows := [][]string{{"REFUSED", "the six, by " + cacheName, "the detour, by that", "the detour, by its share"}}
	var said error
	var n [3][3]int
	for i, w := range worlds {
		w.calls(func(r *record) bool {
			switch resource, refused := r.refused(); {
			case !refused || r.at < breaks || r.at >= mends:
			case r.plugin == fallback && resource == "":
				n[i][2]++
			case r.plugin == fallback:
				n[i][1]++
			case resource == cacheName:
				n[i][0], said = n[i][0]+1, r.err
			}
			return false
		})
		rows = append(rows, []string{w.name, fmt.Sprint(n[i][0]), fmt.Sprint(n[i][1]), fmt.Sprint(n[i][2])})
	}
	g.table(rows...)
	g.claim(n[0] == [3]int{} && n[1][0] > 0, "where there is a limit, a refusal names the resource: %v", said)
	g.claim(n[2][2] > 2*n[2][0], "where the detour has a share of its own, it is what floods the cache that is refused")
}
