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

// The log says it once for each instance, two seconds after its end, and Inspect counts it.
func TestWhatAClosedInstanceLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, l := new(journal), newLeaver()
		r := gears(t, plugreg.Config{Logger: newPlainLog(j, "plugin", "version")}, spurPlugin("gear", "1.0.0", nil), spurPlugin("clean", "1.0.0", nil),
			spurPlugin("loop", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
				go l.linger2()
				return &spur{}, nil
			}))
		first, second, loop, clean := mustOpen(t, r, "gear"), mustOpen(t, r, "gear"), mustOpen(t, r, "loop"), mustOpen(t, r, "clean")
		require.NoError(t, first.Do(t.Context(), l.leaveOn(2)))
		require.NoError(t, second.Do(t.Context(), l.leaveOn(3)))
		for _, h := range []*plugreg.Handle[gear]{first, loop, clean} {
			require.NoError(t, h.Close(t.Context()))
		}
		<-time.After(700 * time.Millisecond)
		require.NoError(t, second.Close(t.Context()))
		<-time.After(800 * time.Millisecond)
		synctest.Wait()
		require.Empty(t, j.take(), "one look accuses nobody")
		<-time.After(2 * time.Second)
		synctest.Wait()
		told := "WARN: plugreg: an instance left goroutines behind; "
		require.ElementsMatch(t, []string{told + "gear; 1.0.0", told + "gear; 1.0.0", told + "loop; 1.0.0"}, j.take())
		counts := map[string]int{}
		for _, p := range r.Inspect().Plugins {
			counts[p.Name] = p.Leaked
		}
		require.Equal(t, map[string]int{"gear": 5, "loop": 1, "clean": 0}, counts)

		all := leaks(t, r.Leaks)
		require.Len(t, all, 3)
		for _, x := range all {
			require.True(t, x.Closed)
			require.False(t, x.Held, "it is too late")
			require.GreaterOrEqual(t, x.Age, 2*time.Second)
		}
		require.Equal(t, "construct", all[2].Phase)
		<-time.After(time.Hour)
		synctest.Wait()
		require.Empty(t, j.take(), "said once")
		l.letGo()
		require.Empty(t, leaks(t, r.Leaks))
		require.Zero(t, r.Inspect().Plugins[1].Leaked)
		require.NoError(t, r.Close(t.Context()))
	})
}

// While anything is mounted, a look every minute; what grows is said again when it has doubled.
func TestLeaksOfAnOpenInstanceAreSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, l := new(journal), newLeaver()
		r := gears(t, plugreg.Config{Logger: newPlainLog(j, "plugin"), LeakSweep: 10 * time.Second}, spurPlugin("gear", "1.0.0", nil))
		h := mustOpen(t, r, "gear")
		said := func(more int) int {
			require.NoError(t, h.Do(t.Context(), l.leaveOn(more)))
			<-time.After(30 * time.Second)
			synctest.Wait()
			return len(j.take())
		}
		require.Equal(t, 0, said(0))
		require.Equal(t, 1, said(2))
		require.Equal(t, 2, r.Inspect().Plugins[0].Leaked)
		require.Equal(t, 0, said(1))
		require.Equal(t, 3, r.Inspect().Plugins[0].Leaked)
		require.Equal(t, 1, said(1))
		require.Equal(t, 0, said(0))
		require.Equal(t, 1, said(4))
		require.Equal(t, 8, r.Inspect().Plugins[0].Leaked)
		l.letGo()
		require.NoError(t, r.Close(t.Context()))
	})
}

// What a start that failed left behind is an instance's that has ended.
func TestLeaksOfAStartThatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLeaver()
		r := gears(t, plugreg.Config{}, spurPlugin("gear", "1.0.0", func(context.Context, *plugreg.Env) (gear, error) {
			go l.linger()
			return nil, errChanged
		}))
		_, err := r.Open(t.Context(), "gear", "", nil)
		require.ErrorIs(t, err, errChanged)
		all := leaks(t, r.Leaks)
		require.Len(t, all, 1)
		require.True(t, all[0].Closed)
		require.Equal(t, "construct", all[0].Phase)
		l.letGo()
		require.NoError(t, r.Close(t.Context()))
		require.Empty(t, leaks(t, r.Leaks), "also after the registry was closed")
	})
}

// With a negative LeakSweep nothing is looked for, and no timer is left; else Close ends it.
func TestTheTimerOfLeaks(t *testing.T) {
	t.Parallel()
	for name, period := range map[string]time.Duration{"off": -1, "on": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, l := new(journal), newLeaver()
				r := gears(t, plugreg.Config{Logger: newPlainLog(j), LeakSweep: period}, spurPlugin("gear", "1.0.0", nil))
				h := mustOpen(t, r, "gear")
				require.NoError(t, h.Do(t.Context(), l.leaveOn(1)))
				if period == 0 {
					require.NoError(t, r.Close(t.Context()))
				} else {
					require.NoError(t, h.Close(t.Context()))
				}
				<-time.After(time.Hour)
				synctest.Wait()
				require.Empty(t, j.take())
				require.Zero(t, r.Inspect().Closing)
				require.Len(t, leaks(t, r.Leaks), 1, "who asks is told")
				l.letGo()
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}
