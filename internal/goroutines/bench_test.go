// SPDX-License-Identifier: Apache-2.0

package goroutines_test

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// crowd starts n goroutines, spread evenly over the owners, some of them in calls; release ends them.
func crowd(n, owners int) (all []goroutines.Owner, release func()) {
	stop := make(chan struct{})
	var ready, ended sync.WaitGroup
	ready.Add(n)
	park := func() {
		ready.Done()
		<-stop
	}
	bodies := []func(){
		park,
		func() { guarded(park) },
		func() { worker(park) },
		func() { nested(4, park) },
		func() { unlabelled(park) },
	}
	for i := range owners {
		o := goroutines.Owner{ID: fmt.Sprintf("bench%d", i), Package: fmt.Sprintf("example.com/p%d", i), Epoch: 2}
		all = append(all, o)
		for j := range (n - i + owners - 1) / owners {
			ended.Add(1)
			labelled(o.ID, uint64(j/len(bodies)%2), func() {
				go func() {
					defer ended.Done()
					bodies[j%len(bodies)]()
				}()
			})
		}
	}
	ready.Wait()
	return all, func() {
		close(stop)
		ended.Wait()
	}
}

func BenchmarkSweep(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("goroutines=%d", n), func(b *testing.B) {
			owners, release := crowd(n, 50)
			defer release()
			census := goroutines.NewCensus(rules(), 0)
			b.ReportAllocs()
			for b.Loop() {
				p, err := goroutines.Read(goroutines.All)
				require.NoError(b, err)
				report := census.Sweep(time.Time{}, p, owners)
				require.Len(b, report.Owners, 50)
			}
		})
	}
}

// What of a sweep is the profile's own time, and what is ours.
func BenchmarkParts(b *testing.B) {
	owners, release := crowd(10_000, 50)
	defer release()
	var text bytes.Buffer
	require.NoError(b, pprof.Lookup(goroutines.All).WriteTo(&text, 1))
	p, err := goroutines.Parse(text.Bytes())
	require.NoError(b, err)
	b.Run("profile", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			text.Reset()
			require.NoError(b, pprof.Lookup(goroutines.All).WriteTo(&text, 1))
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			_, err := goroutines.Parse(text.Bytes())
			require.NoError(b, err)
		}
	})
	b.Run("census", func(b *testing.B) {
		census := goroutines.NewCensus(rules(), 0)
		b.ReportAllocs()
		for b.Loop() {
			census.Sweep(time.Time{}, p, owners)
		}
	})
}

func BenchmarkTrigger(b *testing.B) {
	trigger := goroutines.NewTrigger()
	b.ReportAllocs()
	for b.Loop() {
		trigger.Worth()
	}
}
