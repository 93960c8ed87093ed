// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape"
)

type fallbacks struct {
	Bool     bool          `plugreg:"default=true"`
	Int      int8          `plugreg:"default=-128"`
	Uint     *uint8        `plugreg:"default=255"`
	Float    float32       `plugreg:"default=1.5"`
	Text     named         `plugreg:"default='a,b'"`
	Wait     time.Duration `plugreg:"default=1m"`
	Level    level         `plugreg:"default=low"`
	Big      *big.Int      `plugreg:"default=12"`
	Number   json.Number   `plugreg:"default=1.0"`
	Nested   struct{ Retry retry }
	Pointer  *retry
	Elements []retry
	At       time.Time
	*Place
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	size := uint8(255)
	want := fallbacks{
		Bool: true, Int: -128, Uint: &size, Float: 1.5, Text: "a,b", Wait: time.Minute, Level: 1, Big: big.NewInt(12), Number: "1.0",
		Nested: struct{ Retry retry }{retry{3, time.Second}},
	}
	var got fallbacks
	read, err := Settings(&got, nil)
	require.NoError(t, err)
	require.Empty(t, read)
	require.Equal(t, want, got)

	got = fallbacks{Pointer: &retry{}, Int: 1}
	want.Int, want.Pointer = 1, &retry{}
	_, err = Settings(&got, nil)
	require.NoError(t, err)
	require.Equal(t, want, got, "values of the host's and missing pointers stay")

	want.Pointer, want.Int, want.Bool = &retry{3, time.Second}, 0, false
	want.Elements = []retry{{1, time.Second}, {3, time.Hour}}
	read, err = Settings(&got, map[string]any{
		"Pointer": map[string]any{}, "Int": 0, "Bool": false,
		"Elements": []any{map[string]any{"max": 1}, map[string]any{"delay": "1h"}},
	})
	require.NoError(t, err)
	require.Equal(t, want, got, "a zero that is given stays")
	require.Equal(t, []string{"Bool", "Elements", "Int", "Pointer"}, read)
}

type Credentials struct {
	User string `json:"user" plugreg:"required"`
	Zone string `json:"zone" plugreg:"default=west"`
}

type demanding struct {
	URL  string `json:"url" plugreg:"required,alias=uri"`
	Auth struct {
		Token string `json:"token" plugreg:"required"`
	} `json:"auth"`
	Backup *struct {
		URL string `json:"url" plugreg:"required"`
	} `json:"backup"`
	Peers []remote `json:"peers"`
	*Credentials
}

func TestRequired(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		src  map[string]any
		want string
	}{
		{"nothing given", nil, "auth.token string, url string"},
		{"alias", map[string]any{"uri": "", "auth": map[string]any{"token": ""}}, ""},
		{"name", map[string]any{"url": "", "auth": map[string]string{"token": ""}}, ""},
		{"behind a pointer that is given", map[string]any{"url": "", "backup": map[string]any{}}, "auth.token string, backup.url string"},
		{"in an embedded struct that is given", map[string]any{"url": "", "auth": map[string]string{"token": ""}, "zone": "east"}, "user string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := demanding{URL: "default"}
			_, err := Settings(&got, tt.src)
			if tt.want == "" {
				require.NoError(t, err)
				require.Empty(t, got.URL)
				return
			}
			var lines []string
			for missing := range strings.SplitSeq(tt.want, ", ") {
				path, typ, _ := strings.Cut(missing, " ")
				lines = append(lines, "setting "+path+": have no value, want "+typ+"; add the key, which is required")
			}
			require.EqualError(t, err, strings.Join(lines, "\n"))
			require.Equal(t, demanding{URL: "default"}, got)
		})
	}
}

func TestEmbeddedDefaults(t *testing.T) {
	t.Parallel()
	kept := &Credentials{User: "a", Zone: "east"}
	got := demanding{Credentials: kept}
	_, err := Settings(&got, map[string]any{"url": "", "auth": map[string]any{"token": ""}, "user": "b"})
	require.NoError(t, err)
	require.Equal(t, &Credentials{"b", "east"}, got.Credentials)
	require.Equal(t, &Credentials{User: "a", Zone: "east"}, kept)
}

type (
	Shared struct {
		Place remote
		Level int
	}
	Ruled struct {
		Inner struct {
			Level int `plugreg:"default=3"`
		}
	}
	outer  struct{ *Shared }
	within struct {
		outer
		*Ruled
	}
)

func TestEmbeddedPointers(t *testing.T) {
	t.Parallel()
	shared, ruled := &Shared{Level: 1}, &Ruled{}
	got := within{outer{shared}, ruled}
	_, err := Settings(&got, nil)
	require.NoError(t, err)
	require.Same(t, shared, got.Shared, "where no tag asks for anything, a missing key replaces nothing")
	require.NotSame(t, ruled, got.Ruled)
	require.Equal(t, 3, got.Inner.Level)
	require.Zero(t, ruled.Inner.Level)

	read, err := Settings(&got, map[string]any{"Place": map[string]any{"url": "a"}, "Inner": map[string]any{"Level": 4}})
	require.NoError(t, err)
	require.Equal(t, []string{"Inner.Level", "Place.url"}, read)
	require.Equal(t, &Shared{Place: remote{URL: "a"}, Level: 1}, got.Shared)
	require.Equal(t, &Shared{Level: 1}, shared)
	require.Equal(t, 4, got.Inner.Level)

	var none within
	_, err = Settings(&none, map[string]any{"Level": 2, "Place": map[string]any{"url": "b"}})
	require.NoError(t, err)
	require.Equal(t, within{outer: outer{&Shared{Place: remote{URL: "b"}, Level: 2}}}, none)
}

func TestMalformedTags(t *testing.T) {
	t.Parallel()
	type element struct {
		Bad int `plugreg:"optional"`
	}
	const help = "; known options are required, default=<text>, alias=<wire name>; put a value with commas into single quotes"
	tests := []struct {
		name string
		dst  any
		want string
	}{
		{"option", &struct {
			A int `json:"a" plugreg:"optional"`
		}{}, `plugreg tag "optional": unknown option "optional"` + help},
		{"required with a default", &struct {
			A int `json:"a" plugreg:"required,default=1"`
		}{}, `plugreg tag "required,default=1": a required field cannot have a default; drop one of the two`},
		{"default", &struct {
			A uint8 `json:"a" plugreg:"default=256"`
		}{}, `default "256" does not fit uint8, a whole number from 0 to 255: strconv.ParseUint: parsing "256": value out of range`},
		{"text", &struct {
			A level `json:"a" plugreg:"default=panic"`
		}{}, `default "panic" does not fit reader.level in a string: UnmarshalText panicked: out of order`},
		{"endless pointers", &struct {
			A endless `json:"a" plugreg:"default=1"`
		}{}, `default "1" does not fit reader.endless: a default needs a bool, number, string, time.Duration, encoding.TextUnmarshaler or a pointer to one`},
		{"alias of another field", &struct {
			A int `json:"a" plugreg:"alias=b"`
			B int `json:"b"`
		}{}, `alias: the key "b" is also that of the field "b"`},
		{"alias of another's alias", &struct {
			B int `json:"0" plugreg:"alias=x"`
			A int `json:"a" plugreg:"alias=x"`
		}{}, `alias: the key "x" is also that of the field "0"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Settings(tt.dst, nil)
			require.ErrorContains(t, err, "setting a: have an unusable tag on a field of struct {")
			require.True(t, strings.HasSuffix(err.Error(), ": "+tt.want), err)
		})
	}

	var once struct {
		List []element
		Off  int `json:"-" plugreg:"nonsense"`
		off  int `plugreg:"nonsense"`
	}
	once.off++
	_, err := Settings(&once, map[string]any{"List": []any{map[string]any{}, map[string]any{"Bad": 1}}})
	require.EqualError(t, err, `setting List[0].Bad: have an unusable tag on a field of reader.element: plugreg tag "optional": unknown option "optional"`+help)
}

// TestLostTag has a tag that reflection does not see. go vet knows that it is wrong, hence the detour.
func TestLostTag(t *testing.T) {
	t.Parallel()
	typ := reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"a"  plugreg:required`}})
	_, err := Settings(reflect.New(typ).Interface(), map[string]any{"a": 1})
	require.ErrorContains(t, err, "is malformed, so its plugreg part has no effect")
}

// TestAgreesWithRegistration: a tag that can be declared can be applied, and no other.
func TestAgreesWithRegistration(t *testing.T) {
	t.Parallel()
	tags := []string{`plugreg:"required,default=1"`, `plugreg: "required"`, `plugreg:"alias=a,alias=a"`, `plugreg:"required" plugreg:"alias=a"`, `plugreg:"alias=F"`}
	for _, text := range []string{
		"", "1", "-1", "+1", "01", "1.0", "1e2", "0x1", ".5", "NaN", "256", "true", "yes", "5s", "low", "panic", "12,5", "::1", "2026-01-02T03:04:05Z",
	} {
		tags = append(tags, `plugreg:"default='`+text+`'"`, `plugreg:"default=`+text+`"`)
	}
	accepted := 0
	for _, typ := range []reflect.Type{
		reflect.TypeFor[flag](), reflect.TypeFor[int8](), reflect.TypeFor[uint64](), reflect.TypeFor[ratio](), reflect.TypeFor[named](), reflect.TypeFor[json.Number](),
		reflect.TypeFor[time.Duration](), reflect.TypeFor[level](), reflect.TypeFor[*level](), reflect.TypeFor[*string](), reflect.TypeFor[**int](), reflect.TypeFor[any](),
		reflect.TypeFor[pairs](), reflect.TypeFor[time.Time](), reflect.TypeFor[*big.Int](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[[]int](), reflect.TypeFor[endless](),
	} {
		for _, written := range tags {
			fields := []reflect.StructField{{Name: "F", Type: typ, Tag: reflect.StructTag(written)}}
			config := reflect.StructOf(fields)
			_, declared := shape.Walk([]shape.Root{{Name: "config", Role: shape.Config, Type: config}}, shape.Options{})
			_, applied := Settings(reflect.New(config).Interface(), nil)
			require.Equal(t, declared == nil, applied == nil, "%s %s:\n%v\n%v", typ, written, declared, applied)
			_, planned := PlanOf(config, Options{})
			require.Equal(t, declared == nil, planned == nil, "%s %s:\n%v\n%v", typ, written, declared, planned)
			if declared == nil {
				accepted++
			}
		}
	}
	require.Greater(t, accepted, 50)
}
