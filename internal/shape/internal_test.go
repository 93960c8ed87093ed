// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape/internal/fixa"
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
