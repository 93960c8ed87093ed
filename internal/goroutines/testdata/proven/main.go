// SPDX-License-Identifier: Apache-2.0

// Proven leaves goroutines behind and writes what a census makes of them: for each leak its function, its number, and how
// many of them are proven to be unable to go on.
package main

import (
	"context"
	"fmt"
	"runtime/pprof"
	"time"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// reachable can be closed by anybody, so nothing is proven of who waits for it.
var reachable = make(chan bool)

//go:noinline
func forgotten(started chan bool) {
	started <- true
	<-make(chan bool)
}

//go:noinline
func waiting(started chan bool) {
	started <- true
	<-reachable
}

func main() {
	started := make(chan bool)
	pprof.Do(context.Background(), pprof.Labels(goroutines.EpochLabel, goroutines.EpochValue("box", 1)), func(context.Context) {
		for range 3 {
			go forgotten(started)
			<-started
		}
		go waiting(started)
		<-started
	})
	census, owners := goroutines.NewCensus(goroutines.Rules{}, 0), []goroutines.Owner{{ID: "box", Epoch: 2}}
	var report goroutines.Report
	for range 2 {
		report = census.Sweep(time.Now(), must(goroutines.Read(goroutines.All)), owners)
	}
	report.Prove(must(goroutines.Read(goroutines.Proven)))
	for _, l := range report.Leaks {
		fmt.Println(l.Frames[len(l.Frames)-1].Func, l.Count, l.Proven)
	}
	close(reachable)
}

func must(p goroutines.Profile, err error) goroutines.Profile {
	if err != nil {
		panic(err)
	}
	return p
}
