// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"context"
	"encoding/json"
	"math"
	"reflect"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/goroutines"
)

func TestStacksForPeople(t *testing.T) {
	t.Parallel()
	one := stack{goroutines.Record{Count: 1, Frames: []goroutines.Frame{{Func: "example.com/a.deep", File: "/src/a.go", Line: 12}}}}
	three := stack{goroutines.Record{Count: 3, Frames: []goroutines.Frame{{Func: "example.com/a.wait", File: "/src/a.go", Line: 12}}}}
	require.Equal(t, "4 goroutines", number([]stack{one, three}))
	require.Equal(t, "1 goroutine", number([]stack{one}))
	require.Equal(t, "example.com/a.deep\n\t/src/a.go:12\n\nexample.com/a.deep\n\t/src/a.go:12\n", text([]stack{one, one}))
	require.Equal(t, 5, strings.Count(text([]stack{one, three, one, one, one, one}), "/src/a.go:12\n"))
}

// TestGoroutines reads what the runtime of today writes.
func TestGoroutines(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	running := make(chan struct{})
	go pprof.Do(t.Context(), pprof.Labels("registry", "real \"one\"", "plugin", "acme.store"), func(context.Context) {
		close(running)
		<-ended
	})
	<-running
	require.Empty(t, labelled("real \"one\"", "acme.store.too"))
	found := labelled("real \"one\"", "acme.store")
	close(ended)
	require.Len(t, found, 1)
	require.Equal(t, 1, found[0].Count)
	require.True(t, found[0].begins([]string{"github.com/plugreg/plugreg/plugregtest.TestGoroutines"}), "%v", found[0].Frames)
	require.False(t, found[0].begins([]string{"TestGoroutines"}))
	require.Contains(t, text(found), "stacks_internal_test.go:")
}

func TestMisfit(t *testing.T) {
	t.Parallel()
	object := map[string]any{unknownKey: true}
	for name, tt := range map[string]struct {
		setting any
		want    any
	}{
		"nil": {nil, nil}, "interface": {new(any), nil}, "text": {"x", object}, "number": {1.5, object}, "pointer": {new(bool), object},
		"list": {[]any{}, true}, "array": {[2]int{}, true}, "map": {map[string]int{}, true}, "struct": {struct{}{}, true},
		"reads JSON": {json.RawMessage{}, nil}, "reads text": {new(textual), object}, "reads both": {time.Time{}, nil},
	} {
		require.Equal(t, tt.want, misfit(reflect.TypeOf(tt.setting)), name)
	}
}

type textual struct{}

func (*textual) UnmarshalText([]byte) error { return nil }

func TestNumbersLoseNothing(t *testing.T) {
	t.Parallel()
	got, err := marshal(map[string]any{"list": []any{1, 0.1, -1e300, uint64(math.MaxUint64), 1<<53 + 1, 1 << 53}})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"list": []any{1.0, 0.1, -1e300, json.Number("18446744073709551615"), json.Number("9007199254740993"), float64(1 << 53)}}, got)
}

func TestSettingsOfWhatIsNoObject(t *testing.T) {
	t.Parallel()
	_, err := settingsOf(listed{})
	require.EqualError(t, err, "want a JSON object, have []interface {}")
}

// listed is a struct that writes itself as a list.
type listed struct{}

func (listed) MarshalJSON() ([]byte, error) { return []byte("[1]"), nil }
