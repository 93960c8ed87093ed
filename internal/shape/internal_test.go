// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape/internal/fixa"
)

func TestParseTag(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want fieldOptions
		err  string
	}{
		{in: ""},
		{in: "required", want: fieldOptions{required: true}},
		{in: "default=5", want: fieldOptions{hasDefault: true, text: "5"}},
		{in: "default=", want: fieldOptions{hasDefault: true}},
		{in: "default=''", want: fieldOptions{hasDefault: true}},
		{in: "default='a,b''c'", want: fieldOptions{hasDefault: true, text: "a,b'c"}},
		{in: "default=''''", want: fieldOptions{hasDefault: true, text: "'"}},
		{in: "default=it's", want: fieldOptions{hasDefault: true, text: "it's"}},
		{in: "default=a=b", want: fieldOptions{hasDefault: true, text: "a=b"}},
		{in: "alias=old,alias='x,y',required", want: fieldOptions{required: true, aliases: []string{"old", "x,y"}}},
		{in: "default='a',alias=b", want: fieldOptions{hasDefault: true, text: "a", aliases: []string{"b"}}},
		{in: "requird", err: `unknown option "requird"`},
		{in: "required=true", err: `unknown option "required="`},
		{in: "default", err: `unknown option "default"`},
		{in: "required, default=5", err: `unknown option " default="`},
		{in: "required,", err: `unknown option ""`},
		{in: ",required", err: `unknown option ""`},
		{in: "=5", err: `unknown option "="`},
		{in: "alias=", err: "an alias is empty"},
		{in: "alias=''", err: "an alias is empty"},
		{in: "default=1,default=2", err: `option "default=" is given twice`},
		{in: "required,required", err: `option "required" is given twice`},
		{in: "default='a", err: "a quoted value does not end"},
		{in: "default='a''", err: "a quoted value does not end"},
		{in: "default='a'''", want: fieldOptions{hasDefault: true, text: "a'"}},
		{in: "default='a'b", err: "a comma must follow a quoted value"},
		{in: "default='a',", err: `unknown option ""`},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			got, err := parseTag(tt.in)
			require.Equal(t, tt.want, got)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, `plugreg tag `+quoted(tt.in)+`: `+tt.err+"; "+tagHelp)
		})
	}
	_, err := parseTag("default=1,required")
	require.EqualError(t, err, `plugreg tag "default=1,required": a required field cannot have a default; drop one of the two`)
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// spell writes options as a tag in the longest form.
func spell(o fieldOptions) string {
	var parts []string
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	if o.required {
		parts = append(parts, "required")
	}
	if o.hasDefault {
		parts = append(parts, "default="+quote(o.text))
	}
	for _, a := range o.aliases {
		parts = append(parts, "alias="+quote(a))
	}
	return strings.Join(parts, ",")
}

func FuzzParseTag(f *testing.F) {
	for _, s := range []string{"", "required,alias=x", "default='a,''b',alias=c", "default=,alias='", "default='''',", "a=b,=,'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		o, err := parseTag(tag)
		if err != nil {
			require.Equal(t, fieldOptions{}, o)
			return
		}
		require.False(t, o.required && o.hasDefault)
		require.False(t, slices.Contains(o.aliases, ""))
		again, err := parseTag(spell(o))
		require.NoError(t, err)
		require.Equal(t, o, again)
	})
}

// FuzzWireName compares with what encoding/json does.
func FuzzWireName(f *testing.F) {
	for _, s := range []string{"", `json:"a"`, `json:"-"`, `json:"-,"`, `json:",omitempty"`, `json:"a b,string"`, `json:"a\"b"`, `json:"é\u00a0"`, `json:"<&>"`, `json:"\xff"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		field := reflect.StructField{Name: "Field", Type: reflect.TypeFor[int](), Tag: reflect.StructTag(tag)}
		v := reflect.New(reflect.StructOf([]reflect.StructField{field})).Elem()
		v.Field(0).SetInt(1) // or omitempty would leave it out
		text, err := json.Marshal(v.Interface())
		require.NoError(t, err)
		var got map[string]any
		require.NoError(t, json.Unmarshal(text, &got))
		switch name := WireName(v.Type().Field(0)); {
		case name == "-" && field.Tag.Get("json") == "-":
			require.Empty(t, got)
		default:
			require.Len(t, got, 1)
			require.Contains(t, got, name)
		}
	})
}

type (
	named    struct{ A int }
	number   int
	embedder struct {
		named
		*Pointed
		number
		Tagged `json:"t"`
		Number2
		Iface
		inner `json:"in"`
	}
	Pointed struct{ B int }
	Tagged  struct{ C int }
	Number2 int
	Iface   interface{ M() }
	inner   struct{ D int }
)

func TestWireNameOfEmbedded(t *testing.T) {
	t.Parallel()
	var names []string
	for f := range reflect.TypeFor[embedder]().Fields() {
		names = append(names, WireName(f))
	}
	require.Equal(t, []string{"", "", "-", "t", "Number2", "Iface", "in"}, names)
	text, err := json.Marshal(embedder{Pointed: &Pointed{}})
	require.NoError(t, err)
	require.Equal(t, `{"A":0,"B":0,"t":{"C":0},"Number2":0,"Iface":null,"in":{"D":0}}`, string(text), "encoding/json agrees")
}

type panics struct{}

func (*panics) UnmarshalText([]byte) error { panic("no") }

func TestSetDefault(t *testing.T) {
	t.Parallel()
	ten := big.NewInt(10)
	for _, tt := range []struct {
		text string
		want any
		err  string
	}{
		{"true", true, ""},
		{"yes", false, `default "yes" does not fit type bool: strconv.ParseBool: parsing "yes": invalid syntax`},
		{"-128", int8(-128), ""},
		{"128", int8(0), `default "128" does not fit type int8: strconv.ParseInt: parsing "128": value out of range`},
		{"0x10", 0, `default "0x10" does not fit type int: strconv.ParseInt: parsing "0x10": invalid syntax`},
		{"1_000", int64(0), `default "1_000" does not fit type int64: strconv.ParseInt: parsing "1_000": invalid syntax`},
		{"255", uint8(255), ""},
		{"-1", uint(0), `default "-1" does not fit type uint: strconv.ParseUint: parsing "-1": invalid syntax`},
		{"7", uintptr(7), ""},
		{"1.5", float32(1.5), ""},
		{"1e400", float64(0), `default "1e400" does not fit type float64: strconv.ParseFloat: parsing "1e400": value out of range`},
		{"NaN", float64(0), `default "NaN" does not fit type float64: it is not a finite number`},
		{"Inf", float32(0), `default "Inf" does not fit type float32: it is not a finite number`},
		{"a,b", "a,b", ""},
		{"x", fixa.ID("x"), ""},
		{"5", fixa.Money(5), ""},
		{"1m30s", 90 * time.Second, ""},
		{"90", time.Duration(0), `default "90" does not fit type time.Duration: time: missing unit in duration "90"`},
		{"10.0.0.1", netip.AddrFrom4([4]byte{10, 0, 0, 1}), ""},
		{"10", *ten, ""},
		{"10", ten, ""},
		{"x", ten, `default "x" does not fit type *math/big.Int: math/big: cannot unmarshal "x" into a *big.Int`},
		{"x", panics{}, `default "x" does not fit type ` + path + `.panics: UnmarshalText panicked: no`},
		{"x", []string(nil), `default "x" does not fit type []string: ` + unfit},
		{"5", new(int), `default "5" does not fit type *int: ` + unfit},
		{"5", complex64(0), `default "5" does not fit type complex64: ` + unfit},
	} {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			dst := reflect.New(reflect.TypeOf(tt.want)).Elem()
			err := SetDefault(dst, tt.text)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, dst.Interface())
		})
	}
	kept := big.NewInt(1)
	dst := reflect.ValueOf(&kept).Elem()
	require.NoError(t, SetDefault(dst, "2"))
	require.Equal(t, "2", kept.String())
	var iface any
	require.ErrorContains(t, SetDefault(reflect.ValueOf(&iface).Elem(), "2"), unfit)
}

const (
	path  = "github.com/plugreg/plugreg/internal/shape"
	unfit = "a default needs a bool, number, string, time.Duration or encoding.TextUnmarshaler"
)

func TestLimitOfTypes(t *testing.T) {
	t.Parallel()
	roots := []Root{{"config", Config, reflect.TypeFor[fixa.Settings]()}, {"data:Tag", Data, reflect.TypeFor[fixa.Ack]()}}
	shapes, err := walk(roots, Options{}, 4)
	require.NoError(t, err)
	require.Len(t, shapes, 4)
	shapes, err = walk(roots, Options{}, 3)
	require.Nil(t, shapes)
	require.EqualError(t, err, "data:Tag: more than 3 types are reachable; leave packages closed or use fewer types")
	_, err = walk(roots, Options{}, 2)
	require.EqualError(t, err, "config.Levels: more than 2 types are reachable; leave packages closed or use fewer types")
}

func TestIsStandard(t *testing.T) {
	t.Parallel()
	require.True(t, slices.IsSorted(standard[:]))
	for _, p := range []string{"io", "net/http", "encoding/json", "plugin", "vendor/golang.org/x/net", "internal/abi", "unsafe"} {
		require.True(t, isStandard(p), p)
	}
	for _, p := range []string{"main", "plugin/unnamed-0123", "github.com/io/io", "iota", "example.com/net", "", "go.uber.org/x"} {
		require.False(t, isStandard(p), p)
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a/b": "a/b", "gopkg.in/yaml%2ev3": "gopkg.in/yaml.v3", "%22%25": `"%`, "%2": "%2", "%zz": "%zz", "%": "%", "%c3%a9": "é",
	} {
		require.Equal(t, want, unescape(in))
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	n := &namer{own: map[string]bool{"own/p.v2": true}, aliases: map[string]string{"long/x": "x"}, roots: map[string]string{
		"own/p.v2.Root": "plugin", "own/p.v2.Box[int]": "data:Box",
	}}
	for _, tt := range []struct{ in, want, err string }{
		{in: "", want: ""},
		{in: "int,string", want: "int,string"},
		{in: "own/p%2ev2.T,*own/p%2ev2.Root", want: ".T,*plugin"},
		{in: "own/p%2ev2.Box[int],own/p%2ev2.Box[own/p%2ev2.T]", want: "data:Box,.Box[.T]"},
		{in: "map[long/x.K]time.Time", want: "map[x.K]time.Time"},
		{in: "interface {},interface { own/p%2ev2.m() }", want: "any,interface { .m() }"},
		{in: `struct { own/p%2ev2.a int "own/p%2ev2.T"; P = own/p%2ev2.P[int] "x" }`, want: `struct { .a int "own/p%2ev2.T"; P = .P[int] "x" }`},
		{in: "a.T[int", err: `type argument "a.T[int" ends early; declare a named type for it`},
		{in: `a.T["]"`, err: `type argument "a.T[\"]\"" ends early; declare a named type for it`},
		{in: "a.T·2", err: "a.T·2 is declared inside a function; declare it at package level"},
		{in: "a.B[C.int]", err: "C.int depends on the platform; use a Go type of your own"},
		{in: "a.1", err: `the name "1" of a type in package a is not readable; declare a named type for its argument`},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			got, err := n.rewrite(tt.in)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// FuzzRewrite checks that no text of the linker, however odd, ends in a panic, and that text without names is kept.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"a.T[b.U[c.V]],int", `struct { A int "x:\"y\"" }`, "func(...a/b%2ec.T) (x.Y, error)", "a.b[", `"\`, "...", "<-chan a.B", "a.b ", "%.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := newNamer([]Root{{"plugin", Provides, reflect.TypeFor[fixa.Kafka]()}}, nil)
		got, err := n.rewrite(s)
		if !strings.ContainsAny(s, ".") && !strings.Contains(s, "interface {}") {
			require.NoError(t, err)
			require.Equal(t, s, got)
		}
		again, errAgain := n.rewrite(s)
		if err == nil {
			require.NoError(t, errAgain)
			require.Equal(t, got, again, "names are kept once they are given")
		}
	})
}

func TestProblemsAreListedOneByOne(t *testing.T) {
	t.Parallel()
	w := walker{problems: map[string]bool{}}
	at := (&step{text: "config"}).then(".A").then("[]")
	w.report(at, errors.Join(errors.New("b"), errors.Join(errors.New("a"), errors.New("b"))))
	require.EqualError(t, w.err(), "config.A[]: a\nconfig.A[]: b")
}
