// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"math"
	"slices"
)

const bins = 32

// edges are the upper edges of the bins in parts per million; an edge belongs to the bin below it.
var edges = [bins]int32{
	0, 1000,
	1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10_000,
	12_500, 16_000, 20_000, 25_000, 31_500, 40_000, 50_000, 63_000, 80_000, 100_000,
	125_000, 160_000, 200_000, 250_000, 315_000, 400_000, 500_000, 630_000, 800_000, 1_000_000,
}

func upperEdge(bin int) float64 { return float64(edges[bin]) / 1e6 }

// binOf is the bin of a rate from 0 to 1.
func binOf(rate float64) int {
	bin := 0
	for upperEdge(bin) < rate {
		bin++
	}
	return bin
}

// histogram counts the minutes of one hour by their rates.
type histogram [bins]uint16

func (h *histogram) add(bin, minutes int) {
	h[bin] = uint16(min(int(h[bin])+minutes, math.MaxUint16))
}

func (h *histogram) empty() bool { return *h == histogram{} }

// tally counts the minutes of several hours.
type tally [bins]uint64

func (t *tally) add(h *histogram) {
	for i, n := range h {
		t[i] += uint64(n)
	}
}

func (t *tally) minutes() (n uint64) {
	for _, c := range t {
		n += c
	}
	return n
}

const weekHours = 7 * 24

// week is what was taught for the hours of seven days, and for the hour under way. That one is kept apart: the same
// hour of a week ago, whose place it will take, counts until it is over.
type week struct {
	past  [weekHours]histogram // that of hour h at h % weekHours
	hours [weekHours]int32     // which hour that is
	now   histogram
	hour  int32 // of now, unless that is empty
}

func (w *week) add(hour int32, bin, minutes int) {
	if hour != w.hour {
		w.turn(hour)
	}
	w.now.add(bin, minutes)
}

// turn puts the hour under way to the others and begins or, where a clock went back, continues another.
func (w *week) turn(hour int32) {
	if !w.now.empty() {
		w.put(w.hour, w.now)
	}
	w.now, w.hour = histogram{}, hour
	if slot := hour % weekHours; w.hours[slot] == hour {
		w.now, w.past[slot] = w.past[slot], histogram{}
	}
}

func (w *week) put(hour int32, h histogram) {
	w.past[hour%weekHours], w.hours[hour%weekHours] = h, hour
}

// before tallies the same hour of the seven days before hour, and the two hours beside each. Nothing of the last 22
// hours is among them, and nothing of more than seven days ago.
func (w *week) before(hour int32) (own, beside tally) {
	for day := hour - weekHours; day < hour; day += 24 {
		w.tally(&own, day)
		w.tally(&beside, day+1)
		if day > hour-weekHours {
			w.tally(&beside, day-1)
		}
	}
	return own, beside
}

func (w *week) tally(t *tally, hour int32) {
	if hour < 0 {
		return
	}
	if slot := hour % weekHours; w.hours[slot] == hour {
		t.add(&w.past[slot])
	}
	if w.hour == hour {
		t.add(&w.now)
	}
}

// taughtHour is one hour of a week.
type taughtHour struct {
	hour    int32
	minutes histogram
}

// all returns the hours for which something was taught, oldest first.
func (w *week) all() []taughtHour {
	hours := make([]taughtHour, 0, weekHours+1)
	for slot := range w.past {
		hours = append(hours, taughtHour{w.hours[slot], w.past[slot]})
	}
	hours = append(hours, taughtHour{w.hour, w.now})
	hours = slices.DeleteFunc(hours, func(h taughtHour) bool { return h.minutes.empty() })
	slices.SortFunc(hours, func(a, b taughtHour) int { return int(a.hour) - int(b.hour) })
	return hours
}
