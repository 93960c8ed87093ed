// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// Proven needs another build; here is what is made of it, and of what nobody owns.
func TestFindingForPeople(t *testing.T) {
	t.Parallel()
	frames := func(name string) []goroutines.Frame {
		return []goroutines.Frame{{Func: name, File: "/x.go", Line: 3}}
	}
	e := &entry{name: "b", version: "1.0.0"}
	open := &suspect{name: "b", version: "1.0.0", mount: 2, entry: e, owner: goroutines.Owner{ID: "open"}}
	gone := &suspect{name: "b", version: "1.0.0", mount: 1, entry: e, owner: goroutines.Owner{ID: "gone", Closed: true}}
	alone := &suspect{name: "a", owner: goroutines.Owner{ID: "alone"}}
	f := finding{suspects: []*suspect{open, gone, alone}, Report: goroutines.Report{Leaks: []goroutines.Leak{
		{Owner: "open", Count: 2, Proven: 2, Age: 5, Frames: frames("f")},
		{Owner: "open", Count: 3, Proven: 2, Phase: "init", Frames: frames("f")},
		{Owner: "open", Count: 1, Held: true, Frames: frames("f")},
		{Owner: "gone", Count: 3, Phase: "init", Held: true, Frames: frames("f")},
		{Owner: "alone", Count: 1, Phase: "init", Frames: frames("f")},
		{Count: 2, Proven: 2, Age: 9, ByFrames: true, Frames: frames("f")},
		{Count: 4, Proven: 4, Age: 7, ByFrames: true, Frames: frames("g")},
	}}}
	var lines []string
	for _, l := range f.leaks() {
		name, _, _ := strings.Cut(l.Stack, "\n")
		lines = append(lines, fmt.Sprintf("%s %s %d: %d for %d in %s; closed %v, held %v, inferred %v, proven %v", l.Plugin, l.Version, l.Mount, l.Count, l.Age, name, l.Closed, l.Held, l.Inferred, l.Proven))
	}
	require.Equal(t, []string{
		"a  0: 1 for 0 in f; closed false, held false, inferred false, proven false",
		"b 1.0.0 1: 3 for 0 in f; closed true, held false, inferred false, proven false",
		"b 1.0.0 2: 3 for 0 in f; closed false, held true, inferred false, proven false",
		"b 1.0.0 2: 2 for 5 in f; closed false, held false, inferred false, proven true",
		"b 1.0.0 2: 1 for 0 in f; closed false, held true, inferred false, proven false",
		"  0: 6 for 9 in g; closed false, held false, inferred true, proven true",
	}, lines)
	f.Leaks[5].Proven = 1
	all := f.leaks()
	require.False(t, all[len(all)-1].Proven)
	sums := certain(all)
	require.Len(t, sums, 2)
	require.Equal(t, 2, sums["open"].Count)
	require.Equal(t, 3, sums["gone"].Count)
}

// The functions below which plugin code runs are those that a profile shows.
func TestCallsAreKnownByTheirFunctions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := NewSandbox("calls", SandboxConfig{Labels: LabelAll})
		require.NoError(t, err)
		untimed, err := NewSandbox("calls", SandboxConfig{Labels: LabelAll, Timeout: -1})
		require.NoError(t, err)
		stop := make(chan struct{})
		call := func(context.Context) error { <-stop; return nil }
		env := &Env{labels: s.labels}
		go func() { _ = s.Run(context.Background(), call) }()
		go func() { _ = s.RunInline(context.Background(), call) }()
		go func() { _ = untimed.RunInline(context.Background(), call) }()
		env.started.Store(true)
		env.Go(func(context.Context) { <-stop })
		synctest.Wait()
		f, err := sweep(newCensus(), []*suspect{{labels: s.labels, owner: goroutines.Owner{ID: s.labels.id}}, {labels: untimed.labels, owner: goroutines.Owner{ID: untimed.labels.id}}})
		require.NoError(t, err)
		require.Equal(t, []goroutines.Tally{{Calls: 2, Workers: 1}, {Calls: 1}}, f.Owners)
		close(stop)
		synctest.Wait()
		require.NoError(t, env.Close(t.Context()))
	})
}

// The host's own code is not a plugin's because both are in one package.
func TestPackageOfAPlugin(t *testing.T) {
	t.Parallel()
	here := reflect.ValueOf(TestPackageOfAPlugin).Pointer() + 1
	elsewhere := reflect.ValueOf(strings.Cut).Pointer() + 1
	c := &core{contractType: reflect.TypeFor[io.Closer]()}
	tests := []struct {
		name string
		impl reflect.Type
		site uintptr
		want string
	}{
		{"a type of its own package", reflect.TypeFor[*strings.Reader](), here, "strings"},
		{"not a pointer", reflect.TypeFor[strings.Reader](), here, "strings"},
		{"of the contract's package", reflect.TypeFor[*io.PipeReader](), here, ""},
		{"of the package that registers it", reflect.TypeFor[*Env](), here, ""},
		{"of that package, registered elsewhere", reflect.TypeFor[*Env](), elsewhere, "github.com/plugreg/plugreg"},
		{"without a name", reflect.TypeFor[struct{ io.Closer }](), here, ""},
		{"registered by nobody known", reflect.TypeFor[*strings.Reader](), 0, "strings"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, c.packageOf(&entry{impl: test.impl, site: test.site}))
		})
	}
}

// watched is a watch with a registry of its own, which mounts nothing.
type watched struct {
	*leakWatch
	r    *Registry[io.Closer]
	logs *atomic.Int64
	hold *sync.WaitGroup // what the goroutines wait for that are left behind
}

func watch(t *testing.T, period time.Duration) watched {
	t.Helper()
	logs, hold := new(atomic.Int64), new(sync.WaitGroup)
	r, err := New[io.Closer](Config{LeakSweep: period, Logger: slog.New(countedLog{slog.DiscardHandler, logs})})
	require.NoError(t, err)
	hold.Add(1)
	return watched{newLeakWatch(r.core), r, logs, hold}
}

// countedLog counts records.
type countedLog struct {
	slog.Handler
	n *atomic.Int64
}

func (l countedLog) Enabled(context.Context, slog.Level) bool  { return true }
func (l countedLog) Handle(context.Context, slog.Record) error { l.n.Add(1); return nil }

// instance is one that has left n goroutines behind, of a package that is not this one.
func (w watched) instance(t *testing.T, n int) *instance {
	t.Helper()
	in := &instance{core: w.core, mount: 1, entry: &entry{name: "p", version: "1.0.0", impl: reflect.TypeFor[*csv.Reader](), desc: TypeDescriptor{name: uint64(n)}}}
	in.sb = newSandbox(in.operation(opCall), SandboxConfig{}, new(hookCell))
	require.NoError(t, in.sb.Run(t.Context(), func(context.Context) error {
		for range n {
			go w.hold.Wait()
		}
		return nil
	}))
	synctest.Wait()
	return in
}

func (w watched) end(t *testing.T) {
	t.Helper()
	w.hold.Done()
	w.close()
	require.NoError(t, w.r.Close(t.Context()))
	synctest.Wait()
}

// scheduled is when the timer fires; zero where it rests.
func (w watched) scheduled() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.due.IsZero() {
		return 0
	}
	return time.Until(w.due)
}

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestWatchLooksTwiceAfterAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 0)
		in := w.instance(t, 3)
		w.ended(in)
		require.Equal(t, leakGrace, w.scheduled())
		pass(leakGrace)
		require.Zero(t, w.leaked(in.entry.desc))
		require.Equal(t, leakGrace, w.scheduled())
		w.ended(w.instance(t, 2)) // between the looks: it has two of its own
		pass(leakGrace)
		require.Equal(t, 3, w.leaked(in.entry.desc))
		require.Equal(t, int64(1), w.logs.Load())
		pass(leakGrace)
		require.Equal(t, 2, w.leaked(TypeDescriptor{name: 2}))
		require.Equal(t, int64(2), w.logs.Load())
		require.Zero(t, w.scheduled(), "nothing is mounted")
		require.Len(t, w.gone, 2)
		w.end(t)
		_, err := w.ask(t.Context())
		require.NoError(t, err)
		require.Empty(t, w.gone)
		require.Zero(t, w.leaked(in.entry.desc))
	})
}

// Who looks when the timer fires may have missed the instance, so the timer fires again.
func TestWatchWhileAnotherLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 0)
		w.turn <- struct{}{}
		w.ended(w.instance(t, 1))
		pass(10*leakGrace + leakGrace/2)
		require.Zero(t, w.logs.Load())
		require.Equal(t, leakGrace/2, w.scheduled())
		ctx, cancel := context.WithTimeout(t.Context(), leakGrace)
		defer cancel()
		_, err := w.ask(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		<-w.turn
		pass(2 * leakGrace)
		require.Equal(t, int64(1), w.logs.Load())
		w.end(t)
	})
}

func TestWatchThatIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 0)
		w.ended(w.instance(t, 1))
		require.NoError(t, w.r.Close(t.Context()))
		w.tick() // as it would where it had fired before
		require.Len(t, w.gone, 1)
		w.end(t)
		w.began()
		pass(time.Hour)
		require.Zero(t, w.logs.Load())
	})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, -1)
		w.ended(w.instance(t, 1))
		w.began()
		require.Zero(t, w.scheduled())
		w.end(t)
	})
}

// The timer is set to the earlier of two, and rests where nothing is mounted.
func TestWatchSchedules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		idle := watch(t, 0)
		idle.began()
		require.Zero(t, idle.scheduled(), "nobody asked for it")
		idle.end(t)
		w := watch(t, time.Minute)
		w.began()
		require.Equal(t, time.Minute, w.scheduled())
		w.ended(w.instance(t, 0))
		require.Equal(t, leakGrace, w.scheduled())
		w.began()
		require.Equal(t, leakGrace, w.scheduled())
		pass(leakGrace)
		require.Zero(t, w.scheduled())
		require.Empty(t, w.gone)
		w.end(t)
	})
}

func TestWatchRemembersSoMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, -1)
		in := w.instance(t, 0)
		for range goneBound + 10 {
			w.ended(in)
		}
		require.Len(t, w.gone, goneBound)
		unlabelled := w.instance(t, 0)
		unlabelled.sb.labels = nil
		w.ended(unlabelled)
		require.Len(t, w.gone, goneBound, "of whom nothing can be found")
		_, err := w.ask(t.Context())
		require.NoError(t, err)
		require.Empty(t, w.gone, "nothing was left behind")
		w.end(t)
	})
}

func TestALookThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for fails := range 2 {
			looks := 0
			all, err := look(t.Context(), func() (finding, error) {
				if looks++; looks > fails {
					return finding{}, goroutines.ErrFormat
				}
				return finding{Report: goroutines.Report{Suspects: 1}}, nil
			})
			require.ErrorIs(t, err, goroutines.ErrFormat)
			require.Empty(t, all)
			require.Equal(t, fails+1, looks)
		}
	})
}

// The log is told once, and again whenever there are twice as many.
func TestWatchTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, -1)
		e := &entry{name: "p", version: "1.0.0"}
		for i, step := range []struct{ count, said int }{{3, 1}, {3, 0}, {5, 0}, {6, 1}, {11, 0}, {12, 1}, {0, 0}, {1, 1}} {
			before, all := w.logs.Load(), []Leak{{id: "x", entry: e, Count: 99, Held: true}, {id: "x", entry: e, Count: 99, Inferred: true}, {Count: 99}}
			if step.count > 0 {
				all = append(all, Leak{id: "x", entry: e, Count: step.count})
			}
			w.tell(all)
			synctest.Wait()
			require.Equal(t, int64(step.said), w.logs.Load()-before, "step %d", i)
		}
		w.end(t)
	})
}
