// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/crash"
)

func TestCrashesOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "crash")
	all, err := crashesOf(file)
	require.NoError(t, err)
	require.Empty(t, all)
	all, err = crashesOf("")
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = crashesOf(dir)
	require.ErrorIs(t, err, ErrInvalid)

	require.NoError(t, os.WriteFile(file, []byte("panic: one\n\ngoroutine 7 [running labels:{\"plugin\": \"csv\"}]:\nmain.f()\n\nruntime stack:\nruntime.throw()\n"), 0o600))
	all, err = crashesOf(file)
	require.NoError(t, err)
	require.Equal(t, []Crash{
		{Plugin: "csv", Reason: "panic: one", Stack: "goroutine 7 [running labels:{\"plugin\": \"csv\"}]:\nmain.f()"},
		{Reason: "fatal error in runtime.throw", Stack: "runtime stack:\nruntime.throw()"},
	}, all)
	last, err := ReadCrash(file)
	require.NoError(t, err)
	require.Equal(t, all[1], last)
}

// Only what was in the way of a start is in the way of the next one.
func TestCrashPhases(t *testing.T) {
	t.Parallel()
	for phase, want := range map[string]string{
		phaseConstruct: "construct", phaseInit: "init", phaseProbe: "probe",
		phaseClose: "", phaseOnClose: "", phaseGo: "", "": "", "somebody's own": "",
	} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			labels := map[string]string{labelRegistry: "sinks", labelPlugin: "csv", labelVersion: "1.1.0", labelEpoch: "0-0", labelPhase: phase}
			require.Equal(t, Crash{Registry: "sinks", Plugin: "csv", Version: "1.1.0", Phase: want, Reason: "panic: x", Stack: "y"},
				crashOf(crash.Report{Reason: "panic: x", Labels: labels, Stack: "y"}))
		})
	}
}

func TestWithTracebackLabels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, before, after string }{
		{"nothing", "", "tracebacklabels=1"},
		{"another setting", "gctrace=1", "gctrace=1,tracebacklabels=1"},
		{"the setting", "tracebacklabels=1", "tracebacklabels=1"},
		{"the setting first", "tracebacklabels=1,gctrace=1", "tracebacklabels=1,gctrace=1"},
		{"the opposite", "tracebacklabels=0", "tracebacklabels=0,tracebacklabels=1"},
		{"the opposite last", "tracebacklabels=1,tracebacklabels=0", "tracebacklabels=1,tracebacklabels=0,tracebacklabels=1"},
		{"the opposite first", "tracebacklabels=0,tracebacklabels=1", "tracebacklabels=0,tracebacklabels=1"},
		{"a longer name", "tracebacklabelsx=1", "tracebacklabelsx=1,tracebacklabels=1"},
		{"a longer value", "tracebacklabels=10", "tracebacklabels=10,tracebacklabels=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.after, withTracebackLabels(tt.before))
		})
	}
}
