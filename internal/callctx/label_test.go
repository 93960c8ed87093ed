// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/label"
)

// labels returns what runtime/pprof finds in a context.
func labels(ctx context.Context) map[string]string {
	found := map[string]string{}
	pprof.ForLabels(ctx, func(key, value string) bool {
		found[key] = value
		return true
	})
	return found
}

func TestLabels(t *testing.T) {
	t.Parallel()
	parent := pprof.WithLabels(t.Context(), pprof.Labels("who", "caller"))
	c := newContext(parent, time.Hour)
	require.Equal(t, map[string]string{"who": "caller"}, labels(c), "the parent's, where it has none")
	c = new(Context)
	c.SetLabels(label.New("plugin", "sink", "epoch", "3"))
	c.Init(parent, time.Time{}, false, "owner")
	want := map[string]string{"plugin": "sink", "epoch": "3"}
	require.Equal(t, want, labels(c))
	derived, cancel := context.WithCancel(context.WithValue(c, errCause, 1))
	defer cancel()
	require.Equal(t, want, labels(derived))
	require.Equal(t, want, labels(newContext(derived, time.Hour)), "a call within the call")
	require.Equal(t, want, labels(context.WithoutCancel(derived)))
	require.Equal(t, map[string]string{"plugin": "sink", "epoch": "4", "step": "flush"},
		labels(pprof.WithLabels(derived, pprof.Labels("step", "flush", "epoch", "4"))))
	require.Equal(t, want, labels(c), "a set does not change")
	c.Finish()
	require.Equal(t, want, labels(c), "late use is safe")
	c.SetLabels(nil)
	require.Equal(t, map[string]string{"who": "caller"}, labels(c))
}

// What the plugin does by itself must not take the call's labels from its goroutines.
func TestDoKeepsLabels(t *testing.T) {
	t.Parallel()
	set := label.New("test", t.Name())
	c := newContext(t.Context(), time.Hour)
	c.SetLabels(set)
	set.Apply()
	defer label.Restore(t.Context())
	profile := func() string {
		var text strings.Builder
		require.NoError(t, pprof.Lookup("goroutine").WriteTo(&text, 1))
		return text.String()
	}
	pprof.Do(c, pprof.Labels("step", "flush"), func(context.Context) {
		require.Contains(t, profile(), `# labels: {"step":"flush", "test":"TestDoKeepsLabels"}`)
	})
	after := profile()
	require.Contains(t, after, `# labels: {"test":"TestDoKeepsLabels"}`)
	require.NotContains(t, after, `"step":"flush", "test":"TestDoKeepsLabels"`)
}
