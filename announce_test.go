// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// anText is what a snapshot holds, as "name version".
func anText(s plugreg.Snapshot) []string {
	texts := []string{}
	for _, c := range s.Contracts {
		texts = append(texts, c.Name+" "+c.Version)
	}
	return texts
}

// anNews collects what a registry tells, and sees to it that this is one thing at a time.
type anNews struct {
	mu     sync.Mutex
	told   [][]string
	inside atomic.Int32
	twice  atomic.Bool
}

func (n *anNews) hear(s plugreg.Snapshot) {
	if n.inside.Add(1) > 1 {
		n.twice.Store(true)
	}
	defer n.inside.Add(-1)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, anText(s))
}

// take returns what was told since it was asked last.
func (n *anNews) take() [][]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	told := n.told
	n.told = nil
	return told
}

func anPlugin(name, version string) plugreg.Plugin[io.Closer] {
	return closerPlugin(name, version, (*closer)(nil))
}

func TestOnSnapshotComesAfterEachChange(t *testing.T) {
	t.Parallel()
	news := new(anNews)
	r := nbRegistry(t, plugreg.Config{Duplicates: plugreg.Replace, OnSnapshot: news.hear})
	require.Empty(t, news.take(), "nothing changed yet")

	a := r.MustRegister(anPlugin("a", "1.0.0"))
	require.Equal(t, [][]string{{"a 1.0.0"}}, news.take())
	_, err := r.RegisterAll(anPlugin("c", "1.0.0"), anPlugin("a", "1.10.0"), anPlugin("a", "1.2.0"))
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a 1.0.0", "a 1.2.0", "a 1.10.0", "c 1.0.0"}}, news.take(), "one for all")
	require.NoError(t, r.Unregister(a))
	require.Equal(t, [][]string{{"a 1.2.0", "a 1.10.0", "c 1.0.0"}}, news.take())
	_, err = r.RegisterAny(func() plugreg.Plugin[io.Closer] { return anPlugin("b", "1.0.0") })
	require.NoError(t, err)
	full := []string{"a 1.2.0", "a 1.10.0", "b 1.0.0", "c 1.0.0"}
	require.Equal(t, [][]string{full}, news.take())
	r.MustRegister(anPlugin("b", "1.0.0"))
	require.Equal(t, [][]string{full}, news.take(), "another plugin of the same contract")

	h, err := r.Open(t.Context(), "b", "", nil)
	require.NoError(t, err)
	mounted, err := r.Resolve("b", "")
	require.NoError(t, err)
	for name, err := range map[string]error{
		"invalid":      second(r.Register(anPlugin("a/b", "1.0.0"))),
		"republished":  second(r.Register(closerPlugin("b", "1.0.0", (*wider)(nil)))),
		"incompatible": second(r.Register(closerPlugin("b", "1.0.1", (*wider)(nil)))),
		"one of a batch": func() error {
			_, err := r.RegisterAll(anPlugin("d", "1.0.0"), closerPlugin("b", "1.0.1", (*wider)(nil)))
			return err
		}(),
		"any":       second(r.RegisterAny(42)),
		"not found": r.Unregister(a),
		"mounted":   r.Unregister(mounted),
	} {
		require.Error(t, err, name)
	}
	_, err = r.RegisterAll()
	require.NoError(t, err, "that is no change")
	require.NoError(t, h.Close(t.Context()))
	r.Seal()
	require.ErrorIs(t, second(r.Register(anPlugin("d", "1.0.0"))), plugreg.ErrSealed)
	require.ErrorIs(t, r.Unregister(mounted), plugreg.ErrSealed)
	require.NoError(t, r.Close(t.Context()))
	require.ErrorIs(t, second(r.Register(anPlugin("d", "1.0.0"))), plugreg.ErrClosed)
	require.Empty(t, news.take())
	require.False(t, news.twice.Load())
}

func second(_ plugreg.TypeDescriptor, err error) error { return err }

// What the host calls from there does not wait for itself.
func TestOnSnapshotMayCallTheRegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		news := new(anNews)
		var r *plugreg.Registry[io.Closer]
		began := time.Now()
		r = plugreg.MustNew[io.Closer](plugreg.Config{OnSnapshot: func(s plugreg.Snapshot) {
			news.hear(s)
			require.Equal(t, anText(s), anText(r.Snapshot()))
			switch n := len(anText(s)); n {
			case 1, 2:
				key, err := r.Register(anPlugin("a", fmt.Sprintf("1.0.%d", n)))
				require.NoError(t, err)
				_, ok := r.Lookup(key)
				require.True(t, ok)
			case 3:
				d, err := r.Resolve("a", "=1.0.0")
				require.NoError(t, err)
				require.NoError(t, r.Unregister(d))
				_, err = r.RegisterAll(anPlugin("b", "1.0.0"), anPlugin("c", "1.0.0"))
				require.NoError(t, err)
			case 4:
				require.NoError(t, r.Close(context.Background()))
			}
		}})
		r.MustRegister(anPlugin("a", "1.0.0"))
		require.Equal(t, [][]string{
			{"a 1.0.0"}, {"a 1.0.0", "a 1.0.1"}, {"a 1.0.0", "a 1.0.1", "a 1.0.2"}, {"a 1.0.1", "a 1.0.2", "b 1.0.0", "c 1.0.0"},
		}, news.take(), "two changes within one call are told as one")
		require.ErrorIs(t, second(r.Register(anPlugin("d", "1.0.0"))), plugreg.ErrClosed)
		require.Empty(t, news.take())
		require.Zero(t, time.Since(began), "nobody waited")
	})
}

func TestOnSnapshotIsContained(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func()
		part string
	}{
		{"panic", func() { panic("no disk") }, "panic in register: no disk"},
		{"panic(nil)", func() { panic(nil) }, "panic called with nil argument"},
		{"panic with an error that panics", func() { panic(anBadError{}) }, "panic"},
		{"Goexit", runtime.Goexit, "goroutine ended by runtime.Goexit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j, news := new(journal), new(anNews)
			r := nbRegistry(t, plugreg.Config{Name: "box", Logger: newPlainLog(j, "registry", "error"), OnSnapshot: func(s plugreg.Snapshot) {
				news.hear(s)
				tt.do()
			}})
			for i := range 3 {
				_, err := r.Register(anPlugin("a", fmt.Sprintf("1.0.%d", i)))
				require.NoError(t, err, "what the host does with the news is not the plugin's fault")
				require.Len(t, news.take(), 1)
				lines := j.take()
				require.Len(t, lines, 1)
				require.Contains(t, lines[0], "ERROR: OnSnapshot failed; box; ")
				require.Contains(t, lines[0], tt.part)
			}
			require.Zero(t, r.Inspect().HookPanics)
		})
	}
}

type anBadError struct{}

func (anBadError) Error() string { panic("no text") }

// One that does not return holds a change up for its time, once. What changes until it returns is told then.
func TestOnSnapshotThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, news, goOn := new(journal), new(anNews), newGate()
		r := plugreg.MustNew[io.Closer](plugreg.Config{Logger: newPlainLog(j, "error"), Sandbox: plugreg.SandboxConfig{Timeout: time.Second}, OnSnapshot: func(s plugreg.Snapshot) {
			news.inside.Add(1)
			goOn.wait()
			news.inside.Add(-1)
			news.hear(s)
		}})
		began := time.Now()
		a := r.MustRegister(anPlugin("a", "1.0.0"))
		require.Equal(t, time.Second, time.Since(began))
		require.Equal(t, []string{"ERROR: OnSnapshot failed; register took longer than 1s and still runs"}, j.take())
		for i := range 3 {
			r.MustRegister(anPlugin("b", fmt.Sprintf("1.0.%d", i)))
		}
		require.NoError(t, r.Unregister(a))
		_, err := r.Open(t.Context(), "b", "", nil)
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(began), "the registry goes on meanwhile")
		require.EqualValues(t, 1, news.inside.Load())
		require.Empty(t, news.take())

		goOn.open()
		synctest.Wait()
		latest := []string{"b 1.0.0", "b 1.0.1", "b 1.0.2"}
		require.Equal(t, [][]string{{"a 1.0.0"}, latest}, news.take(), "the rest at once, when it is back")
		r.MustRegister(anPlugin("c", "1.0.0"))
		require.Equal(t, [][]string{append(latest, "c 1.0.0")}, news.take())
		require.Empty(t, j.take())
		require.False(t, news.twice.Load())
		require.NoError(t, r.Close(t.Context()))
	})
}

// A registry that was closed tells nothing any more, and waits for nobody who listens.
func TestOnSnapshotThatHangsUntilTheRegistryIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		news, goOn := new(anNews), newGate()
		r := plugreg.MustNew[io.Closer](plugreg.Config{OnSnapshot: func(s plugreg.Snapshot) {
			goOn.wait()
			news.hear(s)
		}})
		began := time.Now()
		r.MustRegister(anPlugin("a", "1.0.0"))
		require.Equal(t, 30*time.Second, time.Since(began))
		r.MustRegister(anPlugin("b", "1.0.0"))
		require.NoError(t, r.Close(t.Context()))
		require.Equal(t, 30*time.Second, time.Since(began))
		goOn.open()
		synctest.Wait()
		require.Equal(t, [][]string{{"a 1.0.0"}}, news.take())
	})
}

// It may hang again where it was left behind before, and fail there.
func TestOnSnapshotThatHangsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		news, j := new(anNews), new(journal)
		calls := 0
		r := plugreg.MustNew[io.Closer](plugreg.Config{Logger: newPlainLog(j, "error"), OnSnapshot: func(s plugreg.Snapshot) {
			news.hear(s)
			if calls++; calls < 4 {
				<-time.After(time.Minute)
				panic(fmt.Sprint("late ", calls))
			}
		}})
		began := time.Now()
		for i := range 3 {
			r.MustRegister(anPlugin("a", fmt.Sprintf("1.0.%d", i)))
		}
		require.Equal(t, 30*time.Second, time.Since(began))
		<-time.After(45 * time.Second)
		require.Equal(t, [][]string{{"a 1.0.0"}, {"a 1.0.0", "a 1.0.1", "a 1.0.2"}}, news.take())
		r.MustRegister(anPlugin("b", "1.0.0"))
		<-time.After(time.Minute)
		require.Equal(t, [][]string{{"a 1.0.0", "a 1.0.1", "a 1.0.2", "b 1.0.0"}}, news.take())
		<-time.After(time.Hour)
		require.Empty(t, news.take())
		r.MustRegister(anPlugin("c", "1.0.0"))
		require.Len(t, news.take(), 1)
		require.Len(t, j.take(), 3)
		require.NoError(t, r.Close(t.Context()))
	})
}

// Without a limit it takes the time that it takes.
func TestOnSnapshotWithoutATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		news := new(anNews)
		r := plugreg.MustNew[io.Closer](plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: -1}, OnSnapshot: func(s plugreg.Snapshot) {
			<-time.After(time.Hour)
			news.hear(s)
		}})
		began := time.Now()
		r.MustRegister(anPlugin("a", "1.0.0"))
		require.Equal(t, time.Hour, time.Since(began))
		require.Equal(t, [][]string{{"a 1.0.0"}}, news.take())
		require.NoError(t, r.Close(t.Context()))
	})
}

// A log handler that ends the goroutine of who registers ends neither the news nor what is on its way.
func TestOnSnapshotWithALoggerThatEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(){"Goexit": runtime.Goexit, "panic": func() { panic("no log") }} {
		news, j := new(anNews), new(journal)
		log := newPlainLog(j)
		log.Handler().(*plainLog).before = do
		var r *plugreg.Registry[io.Closer]
		r = nbRegistry(t, plugreg.Config{Logger: log, OnSnapshot: func(s plugreg.Snapshot) {
			news.hear(s)
			if len(anText(s)) == 1 {
				r.MustRegister(anPlugin("b", "1.0.0"))
			}
			panic("no disk")
		}})
		require.Equal(t, name == "panic", apart(func() { r.MustRegister(anPlugin("a", "1.0.0")) }))
		require.Equal(t, [][]string{{"a 1.0.0"}, {"a 1.0.0", "b 1.0.0"}}, news.take(), name)
		require.Equal(t, name == "panic", apart(func() { r.MustRegister(anPlugin("c", "1.0.0")) }))
		require.Equal(t, [][]string{{"a 1.0.0", "b 1.0.0", "c 1.0.0"}}, news.take(), name)
	}
}

// Nor does it bring the next news before the host is back from the last.
func TestOnSnapshotThatHangsWithALoggerThatEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		news, goOn, log := new(anNews), newGate(), newPlainLog(new(journal))
		log.Handler().(*plainLog).before = runtime.Goexit
		var r *plugreg.Registry[io.Closer]
		r = plugreg.MustNew[io.Closer](plugreg.Config{Logger: log, OnSnapshot: func(s plugreg.Snapshot) {
			news.hear(s)
			if len(anText(s)) == 1 {
				r.MustRegister(anPlugin("b", "1.0.0"))
				goOn.wait()
			}
		}})
		require.False(t, apart(func() { r.MustRegister(anPlugin("a", "1.0.0")) }))
		require.Equal(t, [][]string{{"a 1.0.0"}}, news.take())
		goOn.open()
		synctest.Wait()
		require.Equal(t, [][]string{{"a 1.0.0", "b 1.0.0"}}, news.take())
		require.NoError(t, r.Close(t.Context()))
	})
}

// While many register, the host is told one thing at a time, nothing twice older than before, and in the end all.
func TestOnSnapshotHammer(t *testing.T) {
	t.Parallel()
	news := new(anNews)
	r := nbRegistry(t, plugreg.Config{OnSnapshot: func(s plugreg.Snapshot) {
		news.hear(s)
		runtime.Gosched()
	}})
	const each = 25
	hammer(func(g int) {
		for i := range each {
			if _, err := r.Register(anPlugin(fmt.Sprintf("g%d.m%03d", g, i), "1.0.0")); err != nil {
				t.Error(err)
			}
		}
	})
	told := news.take()
	require.LessOrEqual(t, len(told), hammers*each)
	for i := range told[1:] {
		require.Subset(t, told[i+1], told[i])
	}
	require.Len(t, listed(r), hammers*each)
	require.Equal(t, listed(r), told[len(told)-1])

	for range 20 {
		hammer(func(g int) {
			key, err := r.Register(anPlugin(fmt.Sprintf("passing.%d", g), "1.0.0"))
			if err == nil && g%2 == 0 {
				err = r.Unregister(key)
			}
			if err != nil && !errors.Is(err, plugreg.ErrDuplicate) {
				t.Error(err)
			}
		})
		told = news.take()
		require.NotEmpty(t, told)
		require.Equal(t, listed(r), told[len(told)-1], "the last one is complete")
	}
	require.False(t, news.twice.Load())
}

// Each snapshot is the host's own.
func TestOnSnapshotGetsACopy(t *testing.T) {
	t.Parallel()
	var kept []plugreg.Snapshot
	r := nbRegistry(t, plugreg.Config{OnSnapshot: func(s plugreg.Snapshot) { kept = append(kept, s) }})
	key := r.MustRegister(trPlugin(new(journal), "a"))
	want, _ := r.Contract(key)
	for _, s := range append(slices.Clone(kept), r.Snapshot()) {
		require.Equal(t, []plugreg.Contract{want}, s.Contracts)
		scribble(s.Contracts[0])
	}
	have, _ := r.Contract(key)
	require.Equal(t, want, have)
	require.Equal(t, []plugreg.Contract{want}, r.Snapshot().Contracts)
}

func TestSnapshotOfARegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		taken := time.Now().UTC()
		for _, tt := range []struct{ ttl, want time.Duration }{{0, 72 * time.Hour}, {time.Minute, time.Minute}} {
			var heard plugreg.Snapshot
			r := plugreg.MustNew[io.Closer](plugreg.Config{Name: "box", SnapshotTTL: tt.ttl, OnSnapshot: func(s plugreg.Snapshot) { heard = s }})
			require.Empty(t, r.Snapshot().Contracts)
			var keys []plugreg.TypeDescriptor
			for _, name := range []string{"b 1.0.0", "a 1.10.0", "a 1.2.0", "a 1.2.0-rc.1", "c 0.0.0"} {
				p := anPlugin(name[:1], name[2:])
				keys = append(keys, r.MustRegister(p))
			}
			require.NoError(t, r.Unregister(keys[0]))
			s := r.Snapshot()
			require.Equal(t, []string{"a 1.2.0-rc.1", "a 1.2.0", "a 1.10.0", "c 0.0.0"}, anText(s), "what is gone is no evidence")
			require.Equal(t, heard, s)
			require.Len(t, r.History("b"), 1)
			require.Equal(t, "box", s.Registry)
			require.Equal(t, taken, s.Taken)
			require.Equal(t, tt.want, s.Expires.Sub(taken))
			require.False(t, s.Expired(taken.Add(tt.want-1)))
			require.True(t, s.Expired(taken.Add(tt.want)))
			require.NoError(t, r.Close(t.Context()))
			require.Equal(t, s, r.Snapshot(), "after Close too")
		}
		_, err := plugreg.New[io.Closer](plugreg.Config{SnapshotTTL: -1})
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		require.ErrorContains(t, err, "Config.SnapshotTTL: want 0 or more, have -1ns")
	})
}

func TestPoliciesOfARegistryAreChecked(t *testing.T) {
	t.Parallel()
	for _, cfg := range []plugreg.Config{{Policy: plugreg.Strict + 1}, {MinPolicy: 255}} {
		_, err := plugreg.New[io.Closer](cfg)
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		require.ErrorContains(t, err, "Config.Policy and MinPolicy: want Default to Strict")
	}
}
