// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// adSandbox is judged by rates and what was learned alone.
func adSandbox(t *testing.T) *plugreg.Sandbox {
	return brSandbox(t, plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: -1, Baseline: &plugreg.BaselineConfig{}}})
}

// adMinutes makes a call a second, of which so many in 60 fail, spread evenly, until the breaker is not closed any more.
func adMinutes(t *testing.T, s *plugreg.Sandbox, minutes, failing int) (made time.Duration) {
	t.Helper()
	began := time.Now()
	for i := range minutes * 60 {
		fails := (i+1)*failing/60 != i*failing/60
		_ = s.RunInline(context.Background(), func(context.Context) error {
			if fails {
				return errTooth
			}
			return nil
		})
		if s.State().Breaker != plugreg.BreakerClosed {
			break
		}
		<-time.After(time.Second)
	}
	return time.Since(began)
}

// Two plugins with the same static threshold: of one, a third of the calls fails on any day; of the other, hardly any.
// What trips the second is no news of the first.
func TestBaselineLearnsWhatIsNormal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		content, pricing := adSandbox(t), adSandbox(t)
		const day = 26 * 60 // minutes, so that the hour of now was seen yesterday
		require.Equal(t, day*time.Minute, adMinutes(t, content, day, 38), "0.63 of the 10 calls in 10 s does not trip while it is cold")
		require.Greater(t, content.State().ErrorLimit, 0.6, "it is normal here")
		require.Equal(t, day*time.Minute, adMinutes(t, pricing, day, 0))
		require.Equal(t, 0.5, pricing.State().ErrorLimit)
		require.Equal(t, 30*time.Minute, adMinutes(t, content, 30, 38))
		require.Less(t, adMinutes(t, pricing, 30, 20), 6*time.Minute)
		require.Equal(t, plugreg.BreakerOpen, pricing.State().Breaker)
		require.Contains(t, pricing.State().Reason, "error rate above the baseline of")
		require.Equal(t, plugreg.BreakerClosed, content.State().Breaker)
	})
}

// What was learned outlives the sandbox; what cannot be read is an error, and a cold start.
func TestBaselineIsSavedAndRestored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := adSandbox(t)
		adMinutes(t, s, 26*60, 38)
		saved := s.Baseline()
		require.NotEmpty(t, saved)
		next := adSandbox(t)
		require.NoError(t, next.RestoreBaseline(saved))
		require.Equal(t, s.State().ErrorLimit, next.State().ErrorLimit)
		require.JSONEq(t, string(saved), string(next.Baseline()))
		cold := adSandbox(t)
		for name, bad := range map[string][]byte{"nothing": nil, "torn": saved[:len(saved)/2], "foreign": []byte(`{"kind":"snapshot"}`), "noise": []byte("\x00\x01")} {
			err := cold.RestoreBaseline(bad)
			require.ErrorIs(t, err, plugreg.ErrInvalid, name)
			require.ErrorContains(t, err, `plugin "gear": baseline:`, name)
		}
		require.Equal(t, 0.5, cold.State().ErrorLimit)
		pass(8 * 24 * time.Hour)
		old := adSandbox(t)
		require.NoError(t, old.RestoreBaseline(saved))
		require.Equal(t, 0.5, old.State().ErrorLimit, "what is older than a week says nothing")
	})
}

func TestNoBaseline(t *testing.T) {
	t.Parallel()
	s := brSandbox(t, plugreg.SandboxConfig{})
	require.Nil(t, s.Baseline())
	require.ErrorIs(t, s.RestoreBaseline([]byte(`{}`)), plugreg.ErrInvalid)
	require.ErrorContains(t, s.RestoreBaseline(nil), "set BreakerConfig.Baseline")
}

// While the breaker is open nothing is learned, and afterwards it trips again at once where nothing is better.
func TestBaselineIsNotTaughtByAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := brSandbox(t, plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{ConsecutiveFailures: -1, DisableAfterOpenings: -1, Baseline: &plugreg.BaselineConfig{}}})
		adMinutes(t, s, 26*60, 0)
		for range 20 {
			adMinutes(t, s, 10, 30)
			require.Equal(t, plugreg.BreakerOpen, s.State().Breaker)
			pass(10 * time.Second)
			require.NoError(t, s.RunInline(t.Context(), brSucceeds))
			require.Equal(t, plugreg.BreakerClosed, s.State().Breaker)
		}
		require.Equal(t, 0.5, s.State().ErrorLimit, "half is not normal after an hour of it")
	})
}
