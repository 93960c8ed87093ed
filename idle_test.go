// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// A thousand plugins that rest cost memory, and little of it: no goroutine each, and no timer. It runs while no other test
// does, for the heap is everybody's.
func TestIdlePluginsAreCheap(t *testing.T) {
	const plugins, most = 1000, 32 << 10
	r := plugreg.MustNew[gear](plugreg.Config{Sandbox: plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Baseline: &plugreg.BaselineConfig{}}}})
	list := make([]plugreg.Plugin[gear], plugins)
	for i := range list {
		list[i] = spurPlugin(fmt.Sprintf("gear%d", i), "1.0.0", nil)
	}
	goroutines, before := runtime.NumGoroutine(), heap()
	_, err := r.RegisterAll(list...)
	require.NoError(t, err)
	handles := make([]*plugreg.Handle[gear], plugins)
	for i := range handles {
		handles[i] = mustOpen(t, r, fmt.Sprintf("gear%d", i))
		require.NoError(t, handles[i].Do(t.Context(), func(context.Context, gear) error { return nil }))
		require.ErrorIs(t, handles[i].Do(t.Context(), func(context.Context, gear) error { return errTooth }), errTooth)
	}
	spin(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	each := (heap() - before) / plugins
	t.Logf("%d bytes each", each)
	require.Less(t, each, uint64(most))
	require.Positive(t, each)
	runtime.KeepAlive(handles)
	require.NoError(t, r.Close(t.Context()))
}

// heap is what is reachable now.
func heap() uint64 {
	var m runtime.MemStats
	for range 3 { // pools are given up over two collections
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
