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
)

const profile = `goroutine profile: total 9
3 @ 0x1 0x2
# labels: {"epoch":"7-0", "plugin":"acme.store", "registry":"one"}
#	0x4799ac	example.com/a.(*T[...]).wait+0x4c	/src/a.go:12
#	0x4799ad	example.com/a.run+0x1	/src/b c.go:7

2 @ 0x1
# labels: {"plugin":"acme.store", "registry":"two"}
#	0x4799ac	example.com/a.other+0x4c	/src/a.go:12

1 @ 0x1
#	0x4799ac	example.com/a.unlabelled+0x4c	/src/a.go:12

1 @ DEEP
# labels: {"plugin":"acme.store", "registry":"one"}
#	0x4799ac	example.com/a.deep+0x4c	/src/a.go:12

none @ 0x1
# labels: {"plugin":"acme.store", "registry":"one"}

1 @ 0x1
# labels: {"plugin":"acme.store.too", "registry":"one"}
#	what is this
`

func TestRead(t *testing.T) {
	t.Parallel()
	found := read(strings.Replace(profile, "DEEP", strings.Repeat("0x1 ", 128), 1), "one", "acme.store")
	require.Equal(t, []stack{
		{count: 3, frames: []frame{{"example.com/a.(*T[...]).wait", "/src/a.go:12"}, {"example.com/a.run", "/src/b c.go:7"}}},
		{count: 1, frames: []frame{{"example.com/a.deep", "/src/a.go:12"}}, deep: true},
	}, found)
	require.Equal(t, "4 goroutines", number(found))
	require.Equal(t, "1 goroutine", number(found[1:]))
	require.Equal(t, "example.com/a.deep\n\t/src/a.go:12\n\nexample.com/a.deep\n\t/src/a.go:12\n", text([]stack{found[1], found[1]}))
	require.Equal(t, 5, strings.Count(text(append(found, found[0], found[0], found[0], found[0])), "/src/a.go:12\n"))
	require.Empty(t, read("", "one", "acme.store"))
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
	found := goroutines("real \"one\"", "acme.store")
	close(ended)
	require.Len(t, found, 1)
	require.Equal(t, 1, found[0].count)
	require.True(t, found[0].begins([]string{"github.com/plugreg/plugreg/plugregtest.TestGoroutines"}), "%v", found[0].frames)
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
