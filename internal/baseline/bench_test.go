// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"math/rand/v2"
	"testing"
	"time"
)

// benchWorld is a world that has learned for a week, with rates that are spread over bins.
func benchWorld(b *testing.B) *world {
	b.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(standard(zone), monday(), rand.New(rand.NewPCG(22, 23)))
	w.days(8, func(time.Time) (int, float64) { return 500, 0.01 })
	b.ReportAllocs()
	return w
}

func BenchmarkObserveWithinMinute(b *testing.B) {
	w := benchWorld(b)
	w.now = w.now.Add(time.Second)
	for b.Loop() {
		w.totals.Calls += 10
		w.totals.Failures++
		w.b.Observe(w.now, w.totals)
	}
}

func BenchmarkObserveClosesMinute(b *testing.B) {
	w := benchWorld(b)
	for b.Loop() {
		w.now = w.now.Add(time.Minute)
		w.totals.Calls += 500
		w.totals.Failures += 5
		w.b.Observe(w.now, w.totals)
	}
}

func BenchmarkObserveAfterWeeks(b *testing.B) {
	w := benchWorld(b)
	for b.Loop() {
		w.now = w.now.AddDate(0, 0, 20)
		w.totals.Calls += 100_000_000
		w.totals.Failures++
		w.b.Observe(w.now, w.totals)
	}
}

func BenchmarkThreshold(b *testing.B) {
	w := benchWorld(b)
	for b.Loop() {
		w.b.Threshold(w.now)
	}
}

func BenchmarkThresholdOfAnotherHour(b *testing.B) {
	w := benchWorld(b)
	for i := 0; b.Loop(); i++ {
		w.b.Threshold(w.now.Add(time.Duration(i%2) * time.Hour))
	}
}

func BenchmarkAppend(b *testing.B) {
	w := benchWorld(b)
	var dst []byte
	for b.Loop() {
		dst = w.b.Append(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkRestore(b *testing.B) {
	w := benchWorld(b)
	saved := w.b.Append(nil)
	b.SetBytes(int64(len(saved)))
	for b.Loop() {
		if err := w.b.Restore(saved, w.now); err != nil {
			b.Fatal(err)
		}
	}
}
