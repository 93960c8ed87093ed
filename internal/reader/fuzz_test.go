// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"bytes"
	"encoding/json"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type document struct {
	Level  string            `json:"level"`
	Port   uint16            `json:"port"`
	Ratio  float32           `json:"ratio"`
	On     *bool             `json:"on"`
	Quoted int               `json:"quoted,string"`
	Labels map[string]string `json:"labels"`
	ByInt  map[int8]*remote  `json:"byInt"`
	List   []remote          `json:"list"`
	Bytes  []byte            `json:"bytes"`
	Pair   [2]int            `json:"pair"`
	At     *time.Time        `json:"at"`
	Addr   netip.Addr        `json:"addr"`
	Big    *big.Int          `json:"big"`
	Raw    json.RawMessage   `json:"raw"`
	Any    any               `json:"any"`
	Self   *document         `json:"self"`
	Number json.Number       `json:"number"`
	Place
}

// accepted are documents that both decoders take, so that the comparison compares something.
func accepted() []string {
	return []string{
		`{"level":"debug","port":80,"ratio":1.5e3,"on":true,"quoted":"5","Zone":"west"}`,
		`{"labels":{"a":"b","a.b":"c"},"byInt":{"5":{"url":"x"},"-1":null},"list":[{"note":"n"}]}`,
		`{"bytes":"AQI=","pair":[1,2],"at":"2024-01-02T03:04:05Z","addr":"::1","big":123456789012345678901234567890}`,
		`{"raw":{"b":[1,null],"a":"<"},"any":[{"x":1}],"self":{"self":{"level":"x"}},"number":1.0}`,
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, seed := range accepted() {
		var mine, theirs document
		_, err := Settings(&mine, parse(t, []byte(seed), true))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(seed), &theirs))
		require.NotEqual(t, document{}, mine)
	}
}

func FuzzSettings(f *testing.F) {
	for _, seed := range append(accepted(), `{"port":70000,"leval":1,"list":[1],"pair":[1],"at":"never","quoted":"x","bytes":"#","port":-1.5e-3}`) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var src map[string]any
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		if decoder.Decode(&src) != nil {
			return
		}
		// Written again, it has no key twice, which a map cannot show.
		canonical, err := json.Marshal(src)
		require.NoError(t, err)

		on := true
		fresh := func() document {
			return document{Level: "info", On: &on, Labels: map[string]string{"a": "z"}, Big: big.NewInt(5), Self: &document{Port: 1}}
		}
		got := fresh()
		if _, err := Settings(&got, src); err != nil {
			require.Equal(t, fresh(), got)
		}

		var mine, theirs document
		read, err := Settings(&mine, src)
		strict := json.NewDecoder(bytes.NewReader(canonical))
		strict.DisallowUnknownFields()
		if strict.Decode(&theirs) == nil && err == nil {
			wrote, err := json.Marshal(mine)
			require.NoError(t, err)
			expected, err := json.Marshal(theirs)
			require.NoError(t, err)
			require.Equal(t, string(expected), string(wrote))
			require.Equal(t, len(src) == 0, len(read) == 0)
		}
		copied := Clone(src)
		require.Equal(t, src, copied)
	})
}

// settingsOf is a plausible set with n entries in its list.
func settingsOf(n int) map[string]any {
	var list []any
	for range n {
		list = append(list, map[string]any{"url": "https://example.org", "note": "x"})
	}
	return map[string]any{
		"level": "debug", "port": 8080.0, "retry": map[string]any{"max": 5.0, "backoff": "1s"},
		"labels": map[string]any{"env": "prod", "team": "a"}, "outputs": list,
	}
}

func BenchmarkSettings(b *testing.B) {
	for name, n := range map[string]int{"small": 1, "list-1000": 1000} {
		b.Run(name, func(b *testing.B) {
			src := settingsOf(n)
			b.ReportAllocs()
			for b.Loop() {
				got := config{}
				if _, err := Settings(&got, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
