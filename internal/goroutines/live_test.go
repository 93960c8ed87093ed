// SPDX-License-Identifier: Apache-2.0

package goroutines_test

import (
	"context"
	"iter"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// started are goroutines of a test that wait for its end.
type started struct {
	stop  chan struct{}
	ready chan struct{}
	done  sync.WaitGroup
}

// start ends what runs body when the test ends; all its cleanups that unblock something else come before.
func start(t *testing.T) *started {
	s := &started{stop: make(chan struct{}), ready: make(chan struct{}, 1024)}
	t.Cleanup(func() {
		close(s.stop)
		s.done.Wait()
	})
	return s
}

// expect says that n goroutines will run body.
func (s *started) expect(n int) { s.done.Add(n) }

// body says that it is there and waits.
func (s *started) body() {
	defer s.done.Done()
	s.ready <- struct{}{}
	<-s.stop
}

func (s *started) wait(n int) {
	for range n {
		<-s.ready
	}
}

func read(t *testing.T, profile string) goroutines.Profile {
	p, err := goroutines.Read(profile)
	require.NoError(t, err)
	require.Zero(t, p.Skipped, "the text of the profile has changed")
	return p
}

// with lists the records for which keep holds.
func with(p goroutines.Profile, keep func(goroutines.Record) bool) (found []goroutines.Record) {
	for _, rec := range p.Records {
		if keep(rec) {
			found = append(found, rec)
		}
	}
	return found
}

// of keeps the records with the label of an owner.
func of(id string, epoch uint64) func(goroutines.Record) bool {
	return func(rec goroutines.Record) bool {
		return rec.Labels[goroutines.EpochLabel] == goroutines.EpochValue(id, epoch)
	}
}

// through keeps the records with a function of this package on the stack.
func through(function string) func(goroutines.Record) bool {
	return func(rec goroutines.Record) bool {
		return slices.ContainsFunc(rec.Frames, func(f goroutines.Frame) bool { return f.Func == here+"."+function })
	}
}

func total(records []goroutines.Record) (n int) {
	for _, rec := range records {
		n += rec.Count
	}
	return n
}

func TestReadCountsWhatRuns(t *testing.T) {
	t.Parallel()
	owners := []string{"read-a", "read-b", "read-c"}
	s := start(t)
	want := map[string]int{}
	for i := range 300 {
		id := owners[i%3]
		epoch := uint64(i % 2)
		want[goroutines.EpochValue(id, epoch)]++
		s.expect(1)
		labelled(id, epoch, func() { go s.body() })
	}
	s.wait(300)
	p := read(t, goroutines.All)
	got := map[string]int{}
	for _, rec := range p.Records {
		if strings.HasPrefix(rec.Labels[goroutines.EpochLabel], "read-") {
			got[rec.Labels[goroutines.EpochLabel]] += rec.Count
			require.Equal(t, "1.0.0", rec.Labels["version"])
			require.False(t, rec.Cut)
			last := rec.Frames[len(rec.Frames)-1]
			require.Equal(t, here+".(*started).body", last.Func)
			require.True(t, strings.HasSuffix(last.File, "live_test.go"), last.File)
			require.Positive(t, last.Line)
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, p.Total, total(p.Records))
}

// The functions by which goroutines without labels are found.

//go:noinline
func onTimer(s *started) { s.body() }

//go:noinline
func onExpiry(s *started) { s.body() }

//go:noinline
func onPool(s *started) { s.body() }

//go:noinline
func onCleanup(s *started) { s.body() }

//go:noinline
func onOwnLabels(s *started) { s.body() }

//go:noinline
func afterOwnLabels(s *started) { s.body() }

// What is born with the labels of the code that started it; each case starts one goroutine.
func TestWhatInheritsLabels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		start func(ctx context.Context, t *testing.T, s *started)
	}{
		{"go", func(_ context.Context, _ *testing.T, s *started) { go s.body() }},
		{"nested go whose parents have ended", func(_ context.Context, _ *testing.T, s *started) {
			parents := make(chan struct{}, 2)
			go func() {
				go func() {
					go s.body()
					parents <- struct{}{}
				}()
				parents <- struct{}{}
			}()
			<-parents
			<-parents
		}},
		{"WaitGroup.Go", func(_ context.Context, _ *testing.T, s *started) {
			var wg sync.WaitGroup
			wg.Go(s.body)
		}},
		{"locked thread", func(_ context.Context, _ *testing.T, s *started) {
			go func() {
				runtime.LockOSThread()
				s.body()
			}()
		}},
		{"iter.Pull", func(_ context.Context, t *testing.T, s *started) {
			next, stop := iter.Pull(func(yield func(int) bool) {
				defer s.done.Done()
				s.ready <- struct{}{}
				yield(1)
			})
			next()
			t.Cleanup(stop)
		}},
		{"the plugin's own labels over ours", func(ctx context.Context, _ *testing.T, s *started) {
			pprof.Do(ctx, pprof.Labels("request", "7"), func(context.Context) { go s.body() })
		}},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, id := start(t), "inherits"
			s.expect(1)
			labelledWith(id, uint64(i), func(ctx context.Context) { test.start(ctx, t, s) })
			s.wait(1)
			found := with(read(t, goroutines.All), of(id, uint64(i)))
			require.Equal(t, 1, total(found), "%v", found)
			require.NotEmpty(t, found[0].Frames)
		})
	}
}

// What is not: it is found by its functions only.
func TestWhatDoesNotInheritLabels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, function string
		start          func(t *testing.T, s *started)
	}{
		{"time.AfterFunc", "onTimer", func(_ *testing.T, s *started) { time.AfterFunc(0, func() { onTimer(s) }) }},
		{"context.AfterFunc at a deadline", "onExpiry", func(t *testing.T, s *started) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			t.Cleanup(cancel)
			context.AfterFunc(ctx, func() { onExpiry(s) })
		}},
		{"AddCleanup", "onCleanup", func(_ *testing.T, s *started) {
			value := new([64]int)
			runtime.AddCleanup(value, onCleanup, s)
			for value = nil; len(s.ready) == 0; runtime.Gosched() {
				runtime.GC()
			}
		}},
		{"the plugin's own labels in the place of ours", "onOwnLabels", func(_ *testing.T, s *started) {
			pprof.Do(context.Background(), pprof.Labels("request", "7"), func(context.Context) { go onOwnLabels(s) })
		}},
		{"after the plugin's own labels", "afterOwnLabels", func(_ *testing.T, s *started) {
			pprof.Do(context.Background(), pprof.Labels("request", "7"), func(context.Context) {})
			go afterOwnLabels(s)
		}},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, id := start(t), "bare"
			s.expect(1)
			labelled(id, uint64(i), func() { test.start(t, s) })
			s.wait(1)
			p := read(t, goroutines.All)
			require.Empty(t, with(p, of(id, uint64(i))))
			found := with(p, through(test.function))
			require.Equal(t, 1, total(found))
			require.NotContains(t, found[0].Labels, goroutines.EpochLabel)
		})
	}
}

func TestWorkOfAPoolKeepsThePoolsLabels(t *testing.T) {
	t.Parallel()
	s, work := start(t), make(chan func())
	go func() { (<-work)() }()
	s.expect(1)
	labelled("pool", 1, func() { work <- func() { onPool(s) } })
	s.wait(1)
	p := read(t, goroutines.All)
	require.Empty(t, with(p, of("pool", 1)))
	require.Equal(t, 1, total(with(p, through("onPool"))))
}

func TestContextAfterFuncHasTheLabelsOfTheCanceller(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx, cancel := context.WithCancel(context.Background())
	s.expect(1)
	labelled("registrant", 1, func() { context.AfterFunc(ctx, s.body) })
	labelled("canceller", 1, cancel)
	s.wait(1)
	p := read(t, goroutines.All)
	require.Empty(t, with(p, of("registrant", 1)))
	require.Equal(t, 1, total(with(p, of("canceller", 1))))
}

func TestAStackThatIsCutOffIsKnown(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{10, 500} {
		s := start(t)
		s.expect(1)
		labelled("deep", uint64(depth), func() { go nested(depth, s.body) })
		s.wait(1)
		found := with(read(t, goroutines.All), of("deep", uint64(depth)))
		require.Len(t, found, 1)
		require.Equal(t, depth == 500, found[0].Cut)
	}
}

// Any label comes back as it was set, whatever is in it.
func TestLabelsOfAnyText(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("ab\"\\{}:, \t\n\r\x00\x7f é世😀\u2028`'#@%-1")
	text := func() string {
		b := make([]rune, r.IntN(12))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b) + []string{"", "\xff", "\xc3"}[r.IntN(3)]
	}
	s, want := start(t), map[string]map[string]string{}
	for i := range 100 {
		value := goroutines.EpochValue("any"+text(), uint64(i))
		labels := map[string]string{goroutines.EpochLabel: value, "x" + text(): text(), "y" + text(): text(), "z": text()}
		want[value] = labels
		var pairs []string
		for k, v := range labels {
			pairs = append(pairs, k, v)
		}
		s.expect(1)
		pprof.Do(context.Background(), pprof.Labels(pairs...), func(context.Context) { go s.body() })
	}
	s.wait(100)
	for _, rec := range read(t, goroutines.All).Records {
		value := rec.Labels[goroutines.EpochLabel]
		if labels, ok := want[value]; ok {
			require.Equal(t, labels, rec.Labels)
			delete(want, value)
		}
	}
	require.Empty(t, want)
}

func TestReadOfAProfileThatIsAbsent(t *testing.T) {
	t.Parallel()
	_, err := goroutines.Read("no such")
	require.ErrorIs(t, err, goroutines.ErrAbsent)
	require.ErrorContains(t, err, `profile "no such"`)
	_, err = goroutines.Read("heap")
	require.ErrorIs(t, err, goroutines.ErrFormat)
}

// From the goroutine that is left behind to the accusation, in a bubble: labels and profile are those of the process.
func TestALeakInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		labelled("bubble", 1, func() {
			go nested(1, func() { <-stop })
			go guarded(func() { <-stop })
		})
		labelled("bubble", 2, func() { go nested(1, func() { <-stop }) })
		synctest.Wait()
		owner := goroutines.Owner{ID: "bubble", Epoch: 3}
		census := goroutines.NewCensus(rules(), time.Minute)
		sweep := func() goroutines.Report {
			return census.Sweep(time.Now(), read(t, goroutines.All), []goroutines.Owner{owner})
		}
		first := sweep()
		require.Empty(t, first.Leaks)
		require.Equal(t, 1, first.Suspects)
		require.Equal(t, 1, first.Young, "a call of its epoch is in flight")
		<-time.After(time.Minute)
		second := sweep()
		require.Len(t, second.Leaks, 1)
		require.Equal(t, time.Minute, second.Leaks[0].Age)
		require.Equal(t, uint64(2), second.Leaks[0].Epoch)
		require.Contains(t, goroutines.Format(second.Leaks[0].Frames), here+".nested\n\t")
		close(stop)
		synctest.Wait()
		require.Empty(t, sweep().Leaks)
	})
}

// A goroutine that spins is never on the same line twice, but in the same functions.
func TestAGoroutineThatSpinsIsALeak(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	labelled("spin", 1, func() { go spin(stop) })
	owners := []goroutines.Owner{{ID: "spin", Epoch: 2}}
	census := goroutines.NewCensus(rules(), 0)
	census.Sweep(time.Time{}, read(t, goroutines.All), owners)
	for range 100 { // it may not have begun, or be seen where the runtime stops it
		if len(census.Sweep(time.Time{}, read(t, goroutines.All), owners).Leaks) == 1 {
			return
		}
	}
	require.Fail(t, "never accused")
}

//go:noinline
func spin(stop chan struct{}) {
	for n := 0; ; n++ {
		if n%1024 == 0 {
			select {
			case <-stop:
				return
			default:
			}
		}
	}
}
