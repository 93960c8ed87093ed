// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type retry struct {
	Max     int           `json:"max" plugreg:"default=3"`
	Backoff time.Duration `json:"backoff" plugreg:"alias=delay,default='1s'"`
}

type remote struct {
	URL  string `json:"url"`
	Note string `json:"note"`
}

type Place struct{ Zone string }

type config struct {
	Level   string            `json:"level"`
	Port    uint16            `json:"port" plugreg:"alias=tcp_port,alias=listen"`
	Retry   retry             `json:"retry"`
	Labels  map[string]string `json:"labels"`
	Remote  *remote           `json:"remote"`
	Absent  *remote           `json:"absent"`
	Tags    []string          `json:"tags"`
	Sinks   map[string]remote `json:"sinks"`
	Outputs []remote          `json:"outputs"`
	Amount  *big.Int          `json:"amount"`
	Extra   any               `json:"extra"`
	Hook    func()            `json:"hook"`
	*Place
	hidden int
}

// defaults is made anew for each use, so that what a default refers to can be compared too.
func defaults() config {
	return config{
		Level:   "info",
		Port:    80,
		Retry:   retry{Max: 5},
		Labels:  map[string]string{"team": "a", "env": "test"},
		Remote:  &remote{URL: "a", Note: "kept"},
		Tags:    []string{"one", "two", "three"},
		Sinks:   map[string]remote{"a": {URL: "x", Note: "kept"}, "b": {URL: "y"}},
		Outputs: []remote{{URL: "x", Note: "gone"}},
		Amount:  big.NewInt(123456789),
		Extra:   map[string]any{"old": 1},
		Place:   &Place{Zone: "west"},
		hidden:  7,
	}
}

func TestSettingsMerges(t *testing.T) {
	t.Parallel()
	got := defaults()
	before := got
	read, err := Settings(&got, map[string]any{
		"level":   named("debug"),
		"listen":  8080.0,
		"retry":   map[string]any{"delay": "250ms"},
		"labels":  map[string]string{"env": "prod", "a.b": "c"},
		"remote":  map[string]any{"url": "b"},
		"tags":    []any{"x"},
		"sinks":   map[string]any{"a": map[string]any{"url": "z"}, "c": map[string]any{}},
		"outputs": []map[string]any{{"url": "o"}},
		"amount":  json.Number("99"),
		"extra":   map[string]any{"new": []int{1}},
		"Zone":    "east",
	})
	require.NoError(t, err)
	require.Equal(t, config{
		Level:   "debug",
		Port:    8080,
		Retry:   retry{Max: 5, Backoff: 250 * time.Millisecond},
		Labels:  map[string]string{"team": "a", "env": "prod", "a.b": "c"},
		Remote:  &remote{URL: "b", Note: "kept"},
		Tags:    []string{"x"},
		Sinks:   map[string]remote{"a": {URL: "z", Note: "kept"}, "b": {URL: "y"}, "c": {}},
		Outputs: []remote{{URL: "o"}},
		Amount:  big.NewInt(99),
		Extra:   map[string]any{"new": []int{1}},
		Place:   &Place{Zone: "east"},
		hidden:  7,
	}, got)
	require.Equal(t, []string{
		"Zone", "amount", "extra", "labels.env", `labels["a.b"]`, "level", "listen", "outputs", "remote.url", "retry.delay",
		"sinks.a.url", "sinks.c", "tags",
	}, read)
	require.Equal(t, defaults(), before, "what the defaults refer to is not written to")
}

func TestSettingsNothing(t *testing.T) {
	t.Parallel()
	got, want := defaults(), defaults()
	want.Retry.Backoff = time.Second
	read, err := Settings(&got, nil)
	require.NoError(t, err)
	require.Empty(t, read)
	require.Equal(t, want, got)
}

func TestSettingsIsAllOrNothing(t *testing.T) {
	t.Parallel()
	got := defaults()
	read, err := Settings(&got, map[string]any{
		"level":   "debug",
		"port":    1,
		"retry":   map[string]any{"max": 1},
		"labels":  map[string]any{"env": "prod"},
		"remote":  map[string]any{"url": "b"},
		"tags":    []any{"x", "y"},
		"sinks":   map[string]any{"a": map[string]any{"url": "z"}},
		"outputs": []any{map[string]any{"url": "o"}},
		"amount":  json.Number("99"),
		"extra":   1,
		"Zone":    "east",
		"zz":      nil,
	})
	require.Error(t, err)
	require.Nil(t, read)
	require.Equal(t, defaults(), got)
}

func TestSettingsNilReplaces(t *testing.T) {
	t.Parallel()
	got, want := defaults(), defaults()
	_, err := Settings(&got, map[string]any{
		"tags": []string(nil), "outputs": nil, "labels": nil, "sinks": map[string]remote(nil), "remote": nil, "amount": nil, "extra": nil,
		"retry": map[string]any(nil),
	})
	require.NoError(t, err)
	want.Tags, want.Outputs, want.Labels, want.Remote, want.Amount, want.Extra = nil, nil, nil, nil, nil, nil
	want.Retry.Backoff = time.Second
	require.Equal(t, want, got, "a typed nil map is an empty one")
}

func TestSettingsCopies(t *testing.T) {
	t.Parallel()
	address, list := net.IP{1, 2, 3, 4}, []string{"a"}
	var got struct {
		IP    net.IP
		Any   any
		Plain []string
		Map   map[string][]string
	}
	_, err := Settings(&got, map[string]any{"IP": address, "Any": address, "Plain": list, "Map": map[string][]string{"a": list}})
	require.NoError(t, err)
	address[0], list[0] = 9, "z"
	require.Equal(t, net.IP{1, 2, 3, 4}, got.IP)
	require.Equal(t, net.IP{1, 2, 3, 4}, got.Any)
	require.Equal(t, []string{"a"}, got.Plain)
	require.Equal(t, map[string][]string{"a": {"a"}}, got.Map)
}

func TestSettingsKeysOfStructsAreStrings(t *testing.T) {
	t.Parallel()
	var got struct {
		Inner struct {
			One int `json:"1"`
		}
	}
	_, err := Settings(&got, map[string]any{"Inner": map[any]any{1: 2}})
	require.EqualError(t, err, `setting Inner.1: have an unknown key, int 1, want one of "1"; did you mean "1"?`)
	_, err = Settings(&got, map[string]any{"Inner": map[any]any{"1": 2}})
	require.NoError(t, err)
	require.Equal(t, 2, got.Inner.One)
}

func TestSettingsIntoMap(t *testing.T) {
	t.Parallel()
	got := map[named]retry{"a": {Max: 1}, "b": {Max: 2}}
	kept := got
	read, err := Settings(&got, map[string]any{"a": map[string]any{"backoff": "1h"}, "c": map[string]any{}})
	require.NoError(t, err)
	require.Equal(t, map[named]retry{"a": {1, time.Hour}, "b": {Max: 2}, "c": {3, time.Second}}, got)
	require.Equal(t, []string{"a.backoff", "c"}, read)
	require.Equal(t, map[named]retry{"a": {Max: 1}, "b": {Max: 2}}, kept)

	var fresh map[string]any
	src := map[string]any{"list": []any{1}, "none": nil, "map": map[string]any(nil)}
	_, err = Settings(&fresh, src)
	require.NoError(t, err)
	require.Equal(t, src, fresh)
	src["list"].([]any)[0] = 2
	require.Equal(t, 1, fresh["list"].([]any)[0], "no list of the caller's is stored")
}

func TestSettingsTarget(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		dst  any
		have string
	}{
		{"nil", nil, "nil"},
		{"struct", config{}, "reader.config"},
		{"nil pointer", (*config)(nil), "a nil *reader.config"},
		{"pointer to pointer", new(*config), "**reader.config"},
		{"pointer to interface", new(any), "*any"},
		{"map", map[string]any{}, "map[string]any of 0"},
		{"pointer to map by int", new(map[int]any), "*map[int]any"},
		{"scalar", 5, "int 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			read, err := Settings(tt.dst, map[string]any{"a": 1})
			require.Nil(t, read)
			fault, ok := errors.AsType[*Error](err)
			require.True(t, ok)
			require.Equal(t, tt.have, fault.Have)
			require.Equal(t, "settings: have "+tt.have+", want a non-nil pointer to a struct or to a map with string keys; "+
				"pass the address of a variable, such as &cfg", err.Error())
		})
	}
}

func TestSettingsReportsAll(t *testing.T) {
	t.Parallel()
	got := defaults()
	_, err := Settings(&got, map[string]any{
		"levle":   "debug",
		"LEVEL":   "debug",
		"port":    70000,
		"hidden":  1,
		"outputs": []any{1, 2, 3, 4, 5, 6, 7, 8, 9, map[string]any{"format": "x"}, map[string]any{"URL": "x"}},
		"retry":   map[string]any{"delay": "1s", "backoff": "1s", "max": true},
	})
	var paths, all []string
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, e := range joined.Unwrap() {
		fault, ok := errors.AsType[*Error](e)
		require.True(t, ok)
		paths = append(paths, fault.Path)
		all = append(all, fault.Error())
	}
	require.Equal(t, []string{
		"LEVEL", "hidden", "levle", "outputs[0]", "outputs[1]", "outputs[2]", "outputs[3]", "outputs[4]", "outputs[5]", "outputs[6]",
		"outputs[7]", "outputs[8]", "outputs[9].format", "outputs[10].URL", "port", "retry.delay", "retry.max",
	}, paths)
	const known = `one of "Zone", "absent", "amount", "extra", "hook", "labels", "level", "listen" and 7 more`
	require.Equal(t, `setting LEVEL: have an unknown key, want `+known+`; did you mean "level"?`, all[0])
	require.Equal(t, `setting hidden: have an unknown key, want `+known, all[1])
	require.Equal(t, `setting levle: have an unknown key, want `+known+`; did you mean "level"?`, all[2])
	require.Equal(t, `setting outputs[9].format: have an unknown key, want one of "note", "url"`, all[12])
	require.Equal(t, `setting retry.delay: have the keys "backoff" and "delay", which mean the same; leave one of them out`, all[15])
	require.Equal(t, defaults(), got)
}

func TestSettingsNearTwo(t *testing.T) {
	t.Parallel()
	var c struct{ Port, Part int }
	_, err := Settings(&c, map[string]any{"Port": 1, "Pert": 1})
	require.EqualError(t, err, `setting Pert: have an unknown key, want one of "Part", "Port"; did you mean "Part" or "Port"?`)
	var eight struct{ A, B, C, D, E, F, G, H int }
	_, err = Settings(&eight, map[string]any{"long": 1})
	require.EqualError(t, err, `setting long: have an unknown key, want one of "A", "B", "C", "D", "E", "F", "G", "H"`)
	var none struct{}
	_, err = Settings(&none, map[string]any{"a": 1})
	require.EqualError(t, err, `setting a: have an unknown key, want no key here`)
}

func TestPathString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		key  string
		want string
	}{
		{"a", "a.a[2]"}, {"a-b_c/d", "a-b_c/d.a-b_c/d[2]"}, {"größe", "größe.größe[2]"}, {"", `[""][""][2]`}, {"a.b", `["a.b"]["a.b"][2]`},
		{"a b", `["a b"]["a b"][2]`}, {"a[1]", `["a[1]"]["a[1]"][2]`}, {`"`, `["\""]["\""][2]`}, {"\xff", `["\xff"]["\xff"][2]`},
		{"\u202e", `["\u202e"]["\u202e"][2]`},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, path{{key: tt.key}, {key: tt.key}, {index: 2, list: true}}.String())
	}
}
