// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

type (
	unknownOption struct {
		A int `plugreg:"requird"`
	}
	defaultUnfit struct {
		A int `plugreg:"default=ten"`
	}
	requiredDefault struct {
		A int `plugreg:"required,default=1"`
	}
	twoSameNames struct {
		A int `json:"a" plugreg:"alias=same"`
		B int `json:"same"`
	}
	holdsChannel     struct{ Events chan int }
	holdsFunction    struct{ Nested struct{ Call func() } }
	holdsComplex     struct{ Z complex128 }
	holdsUnserialKey struct{ M map[complex64]int }
)

type plug = plugreg.Plugin[library]

// rejectionRow is a fault of one field of a plugin that is right otherwise.
type rejectionRow struct {
	name   string
	broken func(p *plug)
	field  string
	want   string // parts of what the error says; empty: nothing
	have   string
	fix    string
	cause  string
}

const (
	wantName     = "1 to 128 ASCII letters, digits and . _ -, the first a letter or digit"
	wantFunction = "a function"
	wantText     = "one line of printable text"
	wantSerial   = "cannot be serialised"
)

func setName(s string) func(*plug)    { return func(p *plug) { p.Name = s } }
func setVersion(s string) func(*plug) { return func(p *plug) { p.Version = s } }
func setExports(m map[string]any) func(*plug) {
	return func(p *plug) { p.Exports = m }
}
func setRequires(qs ...plugreg.Requirement) func(*plug) {
	return func(p *plug) { p.Requires = qs }
}
func setUses(names ...string) func(*plug) { return func(p *plug) { p.Uses = names } }
func setLabel(key, value string) func(*plug) {
	return func(p *plug) { p.Labels = map[string]string{key: value} }
}
func setConfig(v any) func(*plug)   { return func(p *plug) { p.Config = v } }
func setData(vs ...any) func(*plug) { return func(p *plug) { p.Data = vs } }

var rejectionRows = []rejectionRow{
	{name: "name, empty", broken: setName(""), field: "Name", want: wantName, have: `""`},
	{name: "name, 129 bytes", broken: setName(strings.Repeat("a", 129)), field: "Name", want: wantName, have: "129 bytes"},
	{name: "name, slash", broken: setName("a/b"), field: "Name", want: wantName, have: `"a/b"`},
	{name: "name, backslash", broken: setName(`a\b`), field: "Name", want: wantName, have: `"a\\b"`},
	{name: "name, parent directory", broken: setName(".."), field: "Name", want: wantName, have: `".."`},
	{name: "name, leading dot", broken: setName(".a"), field: "Name", want: wantName, have: `".a"`},
	{name: "name, leading dash", broken: setName("-a"), field: "Name", want: wantName, have: `"-a"`},
	{name: "name, leading underscore", broken: setName("_a"), field: "Name", want: wantName, have: `"_a"`},
	{name: "name, space", broken: setName("a b"), field: "Name", want: wantName, have: `"a b"`},
	{name: "name, trailing space", broken: setName("a "), field: "Name", want: wantName, have: `"a "`},
	{name: "name, tab", broken: setName("a\tb"), field: "Name", want: wantName, have: `"a\tb"`},
	{name: "name, newline", broken: setName("a\nb"), field: "Name", want: wantName, have: `"a\nb"`},
	{name: "name, zero byte", broken: setName("a\x00"), field: "Name", want: wantName, have: `"a\x00"`},
	{name: "name, escape", broken: setName("a\x1b[31m"), field: "Name", want: wantName, have: `"a\x1b[31m"`},
	{name: "name, double quote", broken: setName(`a"b`), field: "Name", want: wantName, have: `"a\"b"`},
	{name: "name, single quote", broken: setName("a'b"), field: "Name", want: wantName, have: `"a'b"`},
	{name: "name, backquote", broken: setName("a`b"), field: "Name", want: wantName, have: "\"a`b\""},
	{name: "name, markup", broken: setName("<b>"), field: "Name", want: wantName, have: `"<b>"`},
	{name: "name, ampersand", broken: setName("a&b"), field: "Name", want: wantName, have: `"a&b"`},
	{name: "name, percent", broken: setName("a%2f"), field: "Name", want: wantName, have: `"a%2f"`},
	{name: "name, colon", broken: setName("a:b"), field: "Name", want: wantName, have: `"a:b"`},
	{name: "name, at", broken: setName("a@1"), field: "Name", want: wantName, have: `"a@1"`},
	{name: "name, plus", broken: setName("a+b"), field: "Name", want: wantName, have: `"a+b"`},
	{name: "name, letter beyond ASCII", broken: setName("schön"), field: "Name", want: wantName, have: `"sch\u00f6n"`},
	{name: "name, digit beyond ASCII", broken: setName("a٣"), field: "Name", want: wantName, have: `"a\u0663"`},
	{name: "name, right-to-left mark", broken: setName("a\u202eb"), field: "Name", want: wantName, have: `"a\u202eb"`},
	{name: "name, no UTF-8", broken: setName("a\xff"), field: "Name", want: wantName, have: `"a\xff"`},

	{name: "version, empty", broken: setVersion(""), field: "Version", cause: "no version given"},
	{name: "version, one number", broken: setVersion("1"), field: "Version", cause: "fewer than three numbers"},
	{name: "version, two numbers", broken: setVersion("1.2"), field: "Version", cause: "fewer than three numbers"},
	{name: "version, four numbers", broken: setVersion("1.2.3.4"), field: "Version", cause: "must be digits"},
	{name: "version, two v's", broken: setVersion("vv1.2.3"), field: "Version", cause: `"vv1.2.3"`},
	{name: "version, capital v", broken: setVersion("V1.2.3"), field: "Version", cause: "must be digits"},
	{name: "version, leading space", broken: setVersion(" 1.2.3"), field: "Version", cause: "must be digits"},
	{name: "version, trailing newline", broken: setVersion("1.2.3\n"), field: "Version", cause: `"1.2.3\n"`},
	{name: "version, leading zero", broken: setVersion("1.02.3"), field: "Version", cause: "leading zero"},
	{name: "version, negative", broken: setVersion("-1.2.3"), field: "Version", cause: "must be digits"},
	{name: "version, wildcard", broken: setVersion("1.2.x"), field: "Version", cause: "must be digits"},
	{name: "version, constraint", broken: setVersion("^1.2.3"), field: "Version", cause: "must be digits"},
	{name: "version, empty pre-release", broken: setVersion("1.2.3-"), field: "Version", cause: "a pre-release must be"},
	{name: "version, pre-release with a leading zero", broken: setVersion("1.2.3-01"), field: "Version", cause: "leading zero"},
	{name: "version, pre-release beyond ASCII", broken: setVersion("1.2.3-ä"), field: "Version", cause: "a pre-release must be"},
	{name: "version, empty build", broken: setVersion("1.2.3+"), field: "Version", cause: "build metadata must be"},
	{name: "version, too long", broken: setVersion("1.2.3-" + strings.Repeat("a", 256)), field: "Version", cause: "262 bytes, limit 256"},
	{name: "version, major too large for the key", broken: setVersion("65536.0.0"), field: "Version", cause: "major 65536 is above the limit 65535"},
	{name: "version, minor too large for the key", broken: setVersion("v1.65536.0"), field: "Version", cause: "minor 65536 is above the limit 65535"},
	{name: "version, patch too large for the key", broken: setVersion("1.2.4294967296-a"), field: "Version", cause: "patch 4294967296 is above the limit 4294967295"},
	{name: "version, major too large for any integer", broken: setVersion("99999999999999999999999.0.0"), field: "Version", cause: "major 99999999999999999999999 is above the limit 65535"},

	{name: "prototype, untyped nil", broken: func(p *plug) { p.Prototype = nil }, field: "Prototype", have: "an untyped nil", want: "the concrete type that New returns", fix: "(*YourType)(nil)"},
	{name: "new, nil", broken: func(p *plug) { p.New = nil }, field: "New", have: "nil", want: "a constructor", fix: "set Plugin.New"},
	{name: "new, configured with nil", broken: func(p *plug) { *p = plugreg.Configured(*p, struct{ A int }{}, nil) }, field: "New", have: "nil", want: "a constructor"},
	{name: "policy", broken: func(p *plug) { p.Policy = plugreg.Strict + 1 }, field: "Policy", have: "6", want: "one of Default, Unchecked, Forward, Backward, Full, Strict"},

	{name: "export, nil", broken: setExports(map[string]any{"x": nil}), field: `Exports["x"]`, have: "<nil>", want: wantFunction},
	{name: "export, no function", broken: setExports(map[string]any{"x": 42}), field: `Exports["x"]`, have: "int", want: wantFunction},
	{name: "export, nil function", broken: setExports(map[string]any{"x": (func() error)(nil)}), field: `Exports["x"]`, have: "a nil func() error", want: wantFunction},
	{name: "export, pointer to a function", broken: setExports(map[string]any{"x": new(func())}), field: `Exports["x"]`, have: "*func()", want: wantFunction},
	{name: "export, no name", broken: setExports(map[string]any{"": func() {}}), field: `Exports[""]`, have: `""`, want: wantName},
	{name: "export, bad name", broken: setExports(map[string]any{"a\n": func() {}}), field: `Exports["a\n"]`, have: `"a\n"`, want: wantName},
	{name: "export, reserved name", broken: setExports(map[string]any{"call": func() {}}), field: `Exports["call"]`, have: `"call"`, want: "another name", fix: "calls"},

	{name: "requirement, bad name", broken: setRequires(plugreg.Requirement{Name: "a b"}), field: "Requires[0].Name", have: `"a b"`, want: wantName},
	{name: "requirement, itself", broken: setRequires(plugreg.Requirement{Name: "b"}, plugreg.Requirement{Name: "acme"}), field: "Requires[1].Name", have: "the plugin itself", want: "another plugin"},
	{name: "requirement, twice", broken: setRequires(plugreg.Requirement{Name: "b"}, plugreg.Requirement{Name: "c"}, plugreg.Requirement{Name: "b", Optional: true}), field: "Requires[2].Name", have: `"b" twice`, want: "each name once", fix: "one constraint"},
	{name: "requirement, bad constraint", broken: setRequires(plugreg.Requirement{Name: "b", Constraint: ">=one"}), field: "Requires[0].Constraint", cause: `constraint ">=one"`},
	{name: "requirement, constraint with a leading zero", broken: setRequires(plugreg.Requirement{Name: "b", Constraint: "^01.2"}), field: "Requires[0].Constraint", cause: "leading zero"},
	{name: "requirement, as an interface's name", broken: setRequires(plugreg.Requirement{Name: "b", As: "io.Closer"}), field: "Requires[0].As", have: "string", want: "a nil pointer to an interface", fix: "(*TheInterface)(nil)"},
	{name: "requirement, as a struct", broken: setRequires(plugreg.Requirement{Name: "b", As: shelf{}}), field: "Requires[0].As", have: "plugreg_test.shelf", want: "a nil pointer to an interface"},
	{name: "requirement, as a struct's pointer", broken: setRequires(plugreg.Requirement{Name: "b", As: (*shelf)(nil)}), field: "Requires[0].As", have: "*plugreg_test.shelf", want: "a nil pointer to an interface"},

	{name: "uses, empty", broken: setUses(""), field: "Uses[0]", have: `""`, want: "- :, the first"},
	{name: "uses, leading colon", broken: setUses("disk", ":disk"), field: "Uses[1]", have: `":disk"`, want: "- :, the first"},
	{name: "uses, slash", broken: setUses("a/b"), field: "Uses[0]", have: `"a/b"`, want: "- :, the first"},
	{name: "uses, twice", broken: setUses("disk", "net:a", "disk"), field: "Uses", have: `["disk" "net:a" "disk"]`, want: "each resource once"},

	{name: "label, no key", broken: setLabel("", "x"), field: `Labels[""]`, have: `""`, want: "- /, the first"},
	{name: "label, bad key", broken: setLabel("a b", "x"), field: `Labels["a b"]`, have: `"a b"`, want: "- /, the first"},
	{name: "label, two lines", broken: setLabel("a/b", "x\ny"), field: `Labels["a/b"]`, have: `"x\ny"`, want: wantText},
	{name: "label, too long", broken: setLabel("a", strings.Repeat("x", 1025)), field: `Labels["a"]`, have: "1025 bytes", want: "at most 1024 bytes"},
	{name: "summary, two lines", broken: func(p *plug) { p.Summary = "a\nb" }, field: "Summary", have: `"a\nb"`, want: wantText},
	{name: "summary, right-to-left mark", broken: func(p *plug) { p.Summary = "a\u202eb" }, field: "Summary", have: `"a\u202eb"`, want: wantText},
	{name: "summary, too long", broken: func(p *plug) { p.Summary = strings.Repeat("x", 1025) }, field: "Summary", have: "1025 bytes", want: "at most 1024 bytes"},
	{name: "deprecated, no UTF-8", broken: func(p *plug) { p.Deprecated = "a\xff" }, field: "Deprecated", have: `"a\xff"`, want: wantText},

	{name: "config, number", broken: setConfig(42), cause: "want a struct or a pointer to one, have int"},
	{name: "config, map", broken: setConfig(map[string]any{}), cause: "want a struct or a pointer to one, have map[string]interface {}"},
	{name: "config, pointer to a number", broken: setConfig(new(int)), cause: "want a struct or a pointer to one, have *int"},
	{name: "config, pointer to a pointer", broken: setConfig(new(*shelf)), cause: "want a struct or a pointer to one, have **plugreg_test.shelf"},
	{name: "config, unknown option", broken: setConfig(unknownOption{}), cause: `config.A: plugreg tag "requird": unknown option "requird"; known options are required, default`},
	{name: "config, unfit default", broken: setConfig(&defaultUnfit{}), cause: `config.A: default "ten" does not fit type int`},
	{name: "config, required with a default", broken: setConfig(requiredDefault{}), cause: "config.A: plugreg tag"},
	{name: "config, two fields of one name", broken: setConfig(twoSameNames{}), cause: `"same"`},
	{name: "config, channel", broken: setConfig(holdsChannel{}), cause: "config.Events: chan int " + wantSerial},
	{name: "data, nil", broken: setData(nil), cause: `"data:nil"`},
	{name: "data, twice", broken: setData(shelf{}, &shelf{}), cause: `"data:shelf": is given twice`},
	{name: "data, unknown option", broken: setData(struct{}{}, unknownOption{}), cause: "data:unknownOption.A"},
	{name: "data, channel", broken: setData(holdsChannel{}), cause: "data:holdsChannel.Events: chan int " + wantSerial},
	{name: "data, function", broken: setData(&holdsFunction{}), cause: "data:holdsFunction.Nested.Call: func() " + wantSerial},
	{name: "data, complex number", broken: setData(holdsComplex{}), cause: "data:holdsComplex.Z: complex128 " + wantSerial},
	{name: "data, map key", broken: setData(holdsUnserialKey{}), cause: "data:holdsUnserialKey.M"},
}

func TestRejections(t *testing.T) {
	t.Parallel()
	for _, f := range rejectionRows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := newLibraries(t, plugreg.Config{})
			p := shelfPlugin("acme", "1.2.3")
			f.broken(&p)
			d, err := r.Register(p)
			require.True(t, d.IsZero())
			f.check(t, p, err)
			requireNothing(t, r, p)
			_, err = r.RegisterAny(&p)
			f.check(t, p, err)
			_, err = r.RegisterAll(shelfPlugin("good", "1.0.0"), p)
			f.check(t, p, err)
			requireNothing(t, r, p)
		})
	}
}

func (f rejectionRow) check(t *testing.T, p plug, err error) {
	t.Helper()
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.Equal(t, "INVALID", plugreg.CodeOf(err))
	all := rejections(err)
	require.Len(t, all, 1, err)
	e := all[0]
	require.Equal(t, p.Name, e.Plugin)
	if f.field == "" {
		f.field = "contract"
	}
	require.Equal(t, f.field, e.Field)
	if f.field != "Version" {
		require.Equal(t, p.Version, e.Version)
	}
	for _, part := range []struct{ name, want, have string }{{"have", f.have, e.Have}, {"want", f.want, e.Want}} {
		require.Contains(t, part.have, part.want, part.name)
		require.Equal(t, part.want == "", part.have == "", "%s: %q", part.name, part.have)
	}
	require.Contains(t, e.Fix, f.fix)
	text := err.Error()
	for _, part := range []string{f.field, f.have, f.want, f.fix, f.cause} {
		require.Contains(t, text, part)
	}
	require.NotContains(t, text, "\n", "what was passed in is quoted")
}

// requireNothing says that a rejected plugin left no trace.
func requireNothing(t *testing.T, r *plugreg.Registry[library], p plug) {
	t.Helper()
	require.Empty(t, listed(r))
	require.Empty(t, r.Inspect().Plugins)
	_, err := r.Resolve(p.Name, "")
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.ErrorContains(t, err, "no plugin at all")
	c := plugreg.Contract{Name: p.Name, Version: "1.2.3"}
	d, err := c.Descriptor()
	require.NoError(t, err)
	_, ok := r.Lookup(d)
	require.False(t, ok)
	_, ok = r.Contract(d)
	require.False(t, ok)
}

func TestAcceptedAtTheLimits(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*plug){
		"shortest name":        setName("0"),
		"longest name":         setName(strings.Repeat("a", 128)),
		"all signs of a name":  setName("A0.b_c-"),
		"largest version":      setVersion("65535.65535.4294967295"),
		"longest version":      setVersion("v1.2.3-" + strings.Repeat("a", 250)),
		"version in full":      setVersion("1.2.3-rc.1+build.01"),
		"longest text":         func(p *plug) { p.Summary = strings.Repeat("ö", 512) },
		"label with a slash":   setLabel("acme.org/tier", ""),
		"resource with colons": setUses("cache:fallback:a", "cache"),
		"config of a pointer":  setConfig(&struct{ A int }{}),
		"config without field": setConfig(struct{}{}),
		"requirements": setRequires(plugreg.Requirement{Name: "b", As: (*io.Closer)(nil)},
			plugreg.Requirement{Name: "c", Constraint: "^1 || >=3, <4", Optional: true}),
		"export of a method":     setExports(map[string]any{"find": new(shelf).Find}),
		"strictest policy":       func(p *plug) { p.Policy = plugreg.Strict },
		"a value as a prototype": func(p *plug) { p.Prototype = &shelf{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newLibraries(t, plugreg.Config{})
			p := shelfPlugin("acme", "1.2.3")
			change(&p)
			d, err := r.Register(p)
			require.NoError(t, err)
			c, ok := r.Contract(d)
			require.True(t, ok)
			doc, err := c.MarshalJSON()
			require.NoError(t, err)
			back, err := plugreg.ParseContract(doc)
			require.NoError(t, err)
			require.Equal(t, c.Digest(), back.Digest(), "what is accepted can be written and read")
		})
	}
}

func TestAllFaultsAreReported(t *testing.T) {
	t.Parallel()
	r := newLibraries(t, plugreg.Config{})
	p := plug{
		Name: "a/b", Version: "65536.0.0", Exports: map[string]any{"x": 1, "a b": func() {}}, Policy: 77,
		Requires: []plugreg.Requirement{{Name: "?", Constraint: "?", As: 1}, {Name: "a/b"}}, Uses: []string{"?", "?"},
		Labels: map[string]string{"?": "\n"}, Summary: "\n", Deprecated: "\n",
	}
	_, err := r.Register(p)
	var fields []string
	for _, e := range rejections(err) {
		require.ErrorIs(t, &e, plugreg.ErrInvalid)
		require.Equal(t, "a/b", e.Plugin)
		fields = append(fields, e.Field)
	}
	require.ElementsMatch(t, []string{"Name", "Version", "Prototype", "New", "Policy", `Exports["a b"]`, `Exports["x"]`,
		"Requires[0].Name", "Requires[0].Constraint", "Requires[0].As", "Requires[1].Name", "Requires[1].Name", "Uses[0]", "Uses[1]", "Uses",
		`Labels["?"]`, `Labels["?"]`, "Summary", "Deprecated"}, fields, err)
	require.Empty(t, listed(r))

	p = shelfPlugin("acme", "1.0.0")
	p.Config, p.Data = requiredDefault{}, []any{holdsChannel{}, unknownOption{}}
	_, err = r.Register(p)
	for _, part := range []string{"config.A", "data:holdsChannel.Events", "data:unknownOption.A"} {
		require.ErrorContains(t, err, part)
	}
}

func TestRejectionOfAConfig(t *testing.T) {
	t.Parallel()
	_, err := plugreg.New[*shelf](plugreg.Config{
		Name: "two\nlines", Capacity: -3, Duplicates: plugreg.Replace + 1, Settings: map[string]map[string]any{"a/b": {}, "fine": {}},
		Imports: []plugreg.Source{newLibraries(t, plugreg.Config{}), nil, (*plugreg.Registry[library])(nil)},
	})
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	for _, part := range []string{
		"contract *plugreg_test.shelf: want an interface, have ptr", "Config.Name: want " + wantText + `, have "two\nlines"`, "Config.Capacity: want 0 or more, have -3",
		"Config.Duplicates: want Reject or Replace, have 2", `Config.Settings["a/b"]: want ` + wantName, "Config.Imports[1]", "Config.Imports[2]",
	} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "fine")
	require.NotContains(t, err.Error(), "Imports[0]")
	require.Equal(t, err, panicOf(t, func() {
		cfg := plugreg.Config{Capacity: -1}
		_, err = plugreg.New[library](cfg)
		plugreg.MustNew[library](cfg)
	}))
}

func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	inner := map[string]any{"size": 1}
	cfg := plugreg.Config{Settings: map[string]map[string]any{"dep": inner}, Imports: []plugreg.Source{newLibraries(t, plugreg.Config{})}}
	r := newLibraries(t, cfg)
	sizes := make(chan int, 1)
	dep := plugreg.Configured(shelfPlugin("dep", "1.0.0"), struct {
		Size int `json:"size"`
	}{}, func(_ context.Context, _ *plugreg.Env, c struct {
		Size int `json:"size"`
	}) (library, error) {
		sizes <- c.Size
		return new(shelf), nil
	})
	p := shelfPlugin("acme", "1.0.0")
	p.Requires = []plugreg.Requirement{{Name: "dep"}}
	inner["size"], cfg.Settings["dep"], cfg.Imports[0] = 2, nil, nil
	_, err := r.RegisterAll(p, dep)
	require.NoError(t, err)
	openLibrary(t, r, "acme")
	require.Equal(t, 1, <-sizes)
}
