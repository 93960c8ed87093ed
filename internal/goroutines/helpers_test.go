// SPDX-License-Identifier: Apache-2.0

package goroutines_test

import (
	"context"
	"runtime/pprof"

	"github.com/plugreg/plugreg/internal/goroutines"
)

const here = "github.com/plugreg/plugreg/internal/goroutines_test"

// The functions that stand for those of a sandbox.

//go:noinline
func guarded(f func()) { f() }

//go:noinline
func unlabelled(f func()) { f() }

//go:noinline
func worker(f func()) { f() }

//go:noinline
func nested(depth int, f func()) {
	if depth == 0 {
		f()
		return
	}
	nested(depth-1, f)
}

func rules() goroutines.Rules {
	return goroutines.Rules{Calls: []string{here + ".guarded"}, Plain: []string{here + ".unlabelled"},
		Workers: []string{here + ".worker"}, Shared: goroutines.SharedPools()}
}

// labelled runs f with the labels of an owner, as a sandbox would.
func labelled(id string, epoch uint64, f func()) {
	labelledWith(id, epoch, func(context.Context) { f() })
}

func labelledWith(id string, epoch uint64, f func(context.Context)) {
	labels := pprof.Labels("plugin", "p-"+id, "registry", "r", "version", "1.0.0", goroutines.EpochLabel, goroutines.EpochValue(id, epoch))
	pprof.Do(context.Background(), labels, f)
}
