// SPDX-License-Identifier: Apache-2.0

package label

import (
	"context"
	"regexp"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// kinds makes the same set in each way there is: with the runtime's key, without one, and with one that is not the
// runtime's any more.
var kinds = map[string]func(pairs ...string) *Set{
	"key known":   New,
	"key unknown": func(pairs ...string) *Set { return newSet(nil, pairs) },
	"key wrong":   func(pairs ...string) *Set { return newSet(otherKey{}, pairs) },
}

type otherKey struct{}

// each runs a test with each kind of set, on a goroutine whose labels are nobody else's concern.
func each(t *testing.T, test func(t *testing.T, build func(pairs ...string) *Set)) {
	t.Helper()
	for name, build := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, build)
		})
	}
}

// record is the head of what the goroutine profile says about goroutines with one stack and one set of labels.
var record = regexp.MustCompile(`(?m)^(\d+) @.*\n# labels: (\{.*\})$`)

// labelsOf returns the labels of each goroutine whose label "test" is id, as the profile writes them.
func labelsOf(t *testing.T, id string) []string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&text, 1))
	var found []string
	for _, match := range record.FindAllStringSubmatch(text.String(), -1) {
		n, err := strconv.Atoi(match[1])
		require.NoError(t, err)
		if strings.Contains(match[2], strconv.Quote("test")+":"+strconv.Quote(id)) {
			found = append(found, slices.Repeat([]string{match[2]}, n)...)
		}
	}
	return found
}

// seen is what runtime/pprof finds in a context.
func seen(ctx context.Context) map[string]string {
	found := map[string]string{}
	pprof.ForLabels(ctx, func(key, value string) bool {
		found[key] = value
		return true
	})
	return found
}

func TestKeyIsKnown(t *testing.T) {
	t.Parallel()
	require.NotNil(t, labelKey, "the runtime of this Go release asks otherwise")
	s := New("plugin", "sink")
	require.Same(t, s.Context(), s.Context())
	require.IsType(t, &direct{}, s.Context())
	require.Nil(t, s.Context().Value(otherKey{}))
	require.NoError(t, s.Context().Err())
}

func TestApplyAndRestore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, build func(pairs ...string) *Set) {
		id := t.Name()
		ctx := pprof.WithLabels(context.Background(), pprof.Labels("test", id, "who", "caller"))
		t.Cleanup(func() { Restore(context.Background()) })
		Restore(ctx)
		require.Equal(t, []string{`{"test":"` + id + `", "who":"caller"}`}, labelsOf(t, id))
		build("test", id, "plugin", "sink", "epoch", "3").Apply()
		require.Equal(t, []string{`{"epoch":"3", "plugin":"sink", "test":"` + id + `"}`}, labelsOf(t, id))
		Restore(ctx)
		require.Equal(t, []string{`{"test":"` + id + `", "who":"caller"}`}, labelsOf(t, id))
		Restore(context.Background())
		require.Empty(t, labelsOf(t, id))
		pprof.SetGoroutineLabels(build("test", id).Context())
		require.Equal(t, []string{`{"test":"` + id + `"}`}, labelsOf(t, id))
		build().Apply()
		require.Empty(t, labelsOf(t, id), "an empty set takes away what there was")
	})
}

func TestLabelsAreInherited(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, build func(pairs ...string) *Set) {
		id := t.Name()
		set := build("test", id)
		ready, hold := new(sync.WaitGroup), newHold(t)
		ready.Add(3)
		wait := func() {
			ready.Done()
			<-hold
		}
		set.Apply()
		go wait()
		go func() { // ends before the profile is taken
			go func() {
				go wait()
				wait()
			}()
		}()
		Restore(context.Background())
		ready.Wait()
		require.Equal(t, slices.Repeat([]string{`{"test":"` + id + `"}`}, 3), labelsOf(t, id))
	})
}

// newHold is a channel that is closed at the end of the test.
func newHold(t *testing.T) chan struct{} {
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	return hold
}

func TestValue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, build func(pairs ...string) *Set) {
		ctx := &carrier{Context: context.Background(), set: build("plugin", "sink", "epoch", "3")}
		require.Equal(t, map[string]string{"plugin": "sink", "epoch": "3"}, seen(ctx))
		merged := pprof.WithLabels(ctx, pprof.Labels("step", "flush", "epoch", "theirs"))
		require.Equal(t, map[string]string{"plugin": "sink", "epoch": "theirs", "step": "flush"}, seen(merged))
		require.Equal(t, map[string]string{"plugin": "sink", "epoch": "3"}, seen(ctx), "a set does not change")
		labels, ok := ctx.set.Value(otherKey{})
		require.False(t, ok)
		require.Nil(t, labels)
	})
}

func TestDoKeepsLabels(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, build func(pairs ...string) *Set) {
		id := t.Name()
		set := build("test", id)
		set.Apply()
		t.Cleanup(func() { Restore(context.Background()) })
		pprof.Do(&carrier{context.Background(), set}, pprof.Labels("step", "flush"), func(context.Context) {
			require.Equal(t, []string{`{"step":"flush", "test":"` + id + `"}`}, labelsOf(t, id))
		})
		require.Equal(t, []string{`{"test":"` + id + `"}`}, labelsOf(t, id), "as before")
	})
}

// carrier is a context that asks its set first.
type carrier struct {
	context.Context
	set *Set
}

func (c *carrier) Value(key any) any {
	if labels, ok := c.set.Value(key); ok {
		return labels
	}
	return c.Context.Value(key)
}

func TestNilSetAnswersNothing(t *testing.T) {
	t.Parallel()
	ctx := &carrier{Context: pprof.WithLabels(context.Background(), pprof.Labels("who", "caller"))}
	require.Equal(t, map[string]string{"who": "caller"}, seen(ctx))
}

func TestLastValueCounts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, build func(pairs ...string) *Set) {
		require.Equal(t, map[string]string{"a": "3", "b": "2"}, seen(build("a", "1", "b", "2", "a", "3").Context()))
	})
}

func TestOddNumberPanics(t *testing.T) {
	t.Parallel()
	odd := []string{"plugin", "sink", "epoch"}
	require.PanicsWithValue(t, `profiler label "epoch" has no value: give pairs of key and value`, func() { New(odd...) })
}

func TestApplyDoesNotAllocate(t *testing.T) { // not parallel: it counts the allocations of the whole process
	set := New("plugin", "sink")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		set.Apply()
		set.Value(otherKey{})
		set.Value(labelKey)
		Restore(ctx)
	}))
}

// TestHammer puts one set on and off on many goroutines at once: each sees its own labels only.
func TestHammer(t *testing.T) {
	t.Parallel()
	set := New("plugin", "sink")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				set.Apply()
				if found := seen(set.Context()); len(found) != 1 || found["plugin"] != "sink" {
					panic("a set has changed")
				}
				Restore(context.Background())
			}
		})
	}
	wg.Wait()
}

func BenchmarkApplyAndRestore(b *testing.B) {
	set := New("plugin", "sink", "epoch", "3")
	timeout, cancel := context.WithCancel(context.WithValue(context.Background(), otherKey{}, 1))
	defer cancel()
	for _, bb := range []struct {
		name string
		ctx  context.Context
	}{{"background", context.Background()}, {"derived", timeout}, {"a set's", New("who", "caller").Context()}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Apply()
				Restore(bb.ctx)
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for name, build := range kinds {
		b.Run(name, func(b *testing.B) {
			set := build("plugin", "sink", "epoch", "3")
			b.ReportAllocs()
			for b.Loop() {
				set.Apply()
			}
			Restore(context.Background())
		})
	}
}

func BenchmarkValue(b *testing.B) {
	set := New("plugin", "sink", "epoch", "3")
	b.ReportAllocs()
	for b.Loop() {
		set.Value(otherKey{})
	}
}
