// SPDX-License-Identifier: Apache-2.0

package goroutines_test

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// It counts the goroutines of the whole process, so nothing may run beside it.
func TestTrigger(t *testing.T) {
	trigger := goroutines.NewTrigger()
	require.True(t, trigger.Worth(), "nothing is known yet")
	trigger.Swept(goroutines.Report{})
	require.False(t, trigger.Worth(), "nothing has changed")

	s := start(t)
	s.expect(2)
	go s.body()
	s.wait(1)
	require.True(t, trigger.Worth(), "one more")
	trigger.Swept(goroutines.Report{})
	require.False(t, trigger.Worth(), "it is known")
	trigger.Swept(goroutines.Report{InFlight: 1})
	require.False(t, trigger.Worth(), "a call in flight is not enough: nothing was started since")
	go s.body()
	s.wait(1)
	require.True(t, trigger.Worth(), "more than the calls in flight")

	one, end := start(t), make(chan struct{})
	one.expect(1)
	go func() { <-end }()
	trigger.Swept(goroutines.Report{})
	before := runtime.NumGoroutine()
	for end <- struct{}{}; runtime.NumGoroutine() >= before; {
		runtime.Gosched()
	}
	require.False(t, trigger.Worth(), "one less")
	go one.body()
	one.wait(1)
	require.True(t, trigger.Worth(), "as many as before, but one of them is new")
}

func TestTriggerAllocatesNothing(t *testing.T) {
	trigger := goroutines.NewTrigger()
	trigger.Worth()
	require.Zero(t, testing.AllocsPerRun(100, func() { trigger.Worth() }))
}

// A child that is built with the experiment: what the garbage collection proves, and nothing else, is marked so.
func TestProvenByTheRuntime(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "run", "./testdata/proven")
	cmd.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile", "GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "unknown GOEXPERIMENT goroutineleakprofile") {
		t.Skip("this toolchain has no such experiment")
	}
	require.NoError(t, err, string(out))
	require.Equal(t, "main.forgotten 3 3\nmain.waiting 1 0\n", string(out))
}
