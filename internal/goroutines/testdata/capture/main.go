// SPDX-License-Identifier: Apache-2.0

// Capture writes a profile of goroutines in many states, with odd labels, for the golden files beside it. For another
// release of Go, in this directory:
//
//	go run -trimpath . goroutine >../$(go env GOVERSION)-goroutine.txt
//	GOEXPERIMENT=goroutineleakprofile go run -trimpath . goroutineleak >../$(go env GOVERSION)-goroutineleak.txt
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"iter"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var labels = [][]string{
	{"plugin", "plain", "version", "1.2.3", "registry", "sinks", "epoch", "r1-1"},
	{"plugin", `a "quoted" name, with: {braces} and \backslashes`, "epoch", "r1-2"},
	{"plugin", "世界 é 😀", "epoch", "r1-3"},
	{"plugin", "tab\tnewline\nzero\x00bad\xff\u2028", "epoch", "r1-4"},
	{"", "", "epoch", "r1-5"},
	{`", "`, `":"`, "epoch", "r1-6"},
	{},
}

type list[T any] struct{ value T }

func (l *list[T]) wait(depth int, started, stop chan bool) {
	if depth > 0 {
		l.wait(depth-1, started, stop)
		return
	}
	started <- true
	<-stop
}

type database struct{}

func (database) Connect(context.Context) (driver.Conn, error) { return nil, driver.ErrBadConn }
func (database) Driver() driver.Driver                        { return nil }

func main() {
	started, stop := make(chan bool), make(chan bool)
	for _, set := range labels {
		pprof.Do(context.Background(), pprof.Labels(set...), func(context.Context) {
			var l list[map[string]int]
			for range 3 {
				go l.wait(2, started, stop)
				<-started
			}
		})
	}
	pprof.Do(context.Background(), pprof.Labels(labels[0]...), func(context.Context) {
		more(started, stop)
	})
	if err := pprof.Lookup(os.Args[1]).WriteTo(os.Stdout, 1); err != nil {
		panic(err)
	}
	close(stop)
}

// more starts what has another kind of stack.
func more(started, stop chan bool) {
	var l list[int]
	go l.wait(200, started, stop)
	<-started
	var wg sync.WaitGroup
	wg.Go(func() { l.wait(0, started, stop) })
	<-started
	go func() {
		runtime.LockOSThread()
		l.wait(0, started, stop)
	}()
	<-started
	next, _ := iter.Pull(func(yield func(int) bool) { yield(1) })
	next()
	time.AfterFunc(0, func() { l.wait(1, started, stop) })
	<-started
	go sql.OpenDB(database{})
	go func() {
		var never chan bool
		started <- true
		<-never
	}()
	<-started
}
