// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/testdata/contracts/fixtures"
	"github.com/plugreg/plugreg/testdata/contracts/fixtures/twin"
)

// contractOf describes T under a name that does not matter.
func contractOf[T any](t testing.TB, opts ...plugreg.Description) plugreg.Contract {
	t.Helper()
	c, err := plugreg.ContractOf[T]("x", "1.0.0", opts...)
	require.NoError(t, err)
	return c
}

// names lists the shapes of a contract.
func names(c plugreg.Contract) (list []string) {
	for _, s := range c.Shapes {
		list = append(list, s.Name)
	}
	return list
}

func TestContractOf(t *testing.T) {
	t.Parallel()
	c, err := plugreg.ContractOf[fixtures.Thermometer]("acme.thermometer", "v1.2.0-rc.1+b5")
	require.NoError(t, err)
	require.Equal(t, "1.2.0-rc.1+b5", c.Version, "without the v")
	require.Equal(t, plugreg.Default, c.Policy)
	require.Empty(t, c.Requires)
	require.Empty(t, c.Uses)
	require.Equal(t, []string{".Sample", "contract"}, names(c))
	sample, ok := c.Shape(".Sample")
	require.True(t, ok)
	sensor := sample.Fields[2]
	require.Equal(t, plugreg.Field{
		Name: "Sensor", Wire: "sensor", Type: "string", Tag: `json:"sensor,omitempty" plugreg:"default=inside,alias=probe"`, Default: "inside",
		Aliases: []string{"probe"}, Position: 2, Signature: sha256.Sum256([]byte("Sensor|string|2")),
	}, sensor)
	contract, ok := c.Shape("contract")
	require.True(t, ok)
	require.Equal(t, plugreg.Shape{
		Name: "contract", Role: plugreg.RoleBoth, Kind: "interface", GoType: fixturePath + ".Thermometer", Comparable: true,
		Methods: []plugreg.Method{
			{Name: "Close", Type: "func() error", Signature: sha256.Sum256([]byte("Close|func() error|value"))},
			{Name: "Read", Type: "func(string) (.Sample, error)", Signature: sha256.Sum256([]byte("Read|func(string) (.Sample, error)|value"))},
		},
	}, contract)
	_, ok = c.Shape("Sample")
	require.False(t, ok)
	_, ok = plugreg.Contract{}.Shape("")
	require.False(t, ok)
}

func TestContractOfRoles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		c    plugreg.Contract
		role plugreg.Role
		kind string
	}{
		{"interface", contractOf[fixtures.Gateway](t), plugreg.RoleBoth, "interface"},
		{"sealed interface", contractOf[fixtures.Sealed](t), plugreg.RoleProvides, "interface"},
		{"struct", contractOf[fixtures.Sample](t), plugreg.RoleData, "struct"},
		{"pointer", contractOf[*fixtures.Sample](t), plugreg.RoleData, "struct"},
		{"pointer to an interface", contractOf[*fixtures.Visitor](t), plugreg.RoleData, "interface"},
		{"predeclared", contractOf[int](t), plugreg.RoleData, "int"},
		{"error", contractOf[error](t), plugreg.RoleBoth, "interface"},
		{"any", contractOf[any](t), plugreg.RoleBoth, "interface"},
		{"literal", contractOf[[]*fixtures.Sample](t), plugreg.RoleData, "[]*.Sample"},
	} {
		s, ok := tt.c.Shape("contract")
		require.True(t, ok, tt.name)
		require.Equal(t, tt.role, s.Role, tt.name)
		require.Equal(t, tt.kind, s.Kind, tt.name)
	}
}

func TestContractOfOptions(t *testing.T) {
	t.Parallel()
	plain := contractOf[fixtures.Bundle](t)
	require.Equal(t, []string{".Line", ".Page[" + fixturePath + "/twin.Line]", "contract"}, names(plain))

	data := contractOf[fixtures.Bundle](t, plugreg.Description{Data: []any{(*fixtures.Fee)(nil)}}, plugreg.Description{Data: []any{fixtures.Limit{}}})
	require.Subset(t, names(data), []string{"data:Fee", "data:Limit"}, "several add up")
	fee, _ := data.Shape("data:Fee")
	require.Equal(t, plugreg.RoleData, fee.Role)

	open := contractOf[fixtures.Bundle](t, plugreg.Description{Open: []string{"elsewhere"}}, plugreg.Description{Open: []string{fixturePath + "/twin"}})
	require.Subset(t, names(open), []string{fixturePath + "/twin.Line", fixturePath + "/twin.Payment"})
	require.NotEqual(t, plain.ShapesDigest(), open.ShapesDigest())

	aliased := contractOf[fixtures.Bundle](t, plugreg.Description{PathAliases: map[string]string{fixturePath: "acme"}},
		plugreg.Description{PathAliases: map[string]string{fixturePath: "acme/v2", fixturePath + "/twin": "acme.twin"}})
	require.Equal(t, []string{"acme/v2.Line", "acme/v2.Page[acme.twin.Line]", "contract"}, names(aliased), "the last word on a path counts")

	strict := contractOf[fixtures.Bundle](t, plugreg.Description{Policy: plugreg.Strict}, plugreg.Description{Policy: plugreg.Forward})
	require.Equal(t, plugreg.Strict, strict.Policy, "the strictest counts")
	require.Equal(t, plain.ShapesDigest(), strict.ShapesDigest())
	require.NotEqual(t, plain.Digest(), strict.Digest())
}

// Aliases make two generations of a module comparable.
func TestPathAliasesBringPackagesTogether(t *testing.T) {
	t.Parallel()
	type local struct{ L twin.Line }
	here := contractOf[struct{ L fixtures.Line }](t, plugreg.Description{Open: []string{fixturePath}, PathAliases: map[string]string{fixturePath: "acme"}})
	there := contractOf[local](t, plugreg.Description{Open: []string{fixturePath + "/twin"}, PathAliases: map[string]string{fixturePath + "/twin": "acme"}})
	require.Equal(t, here.ShapesDigest(), there.ShapesDigest())
}

type (
	selfReader struct{ F func() }
	badTag     struct {
		A int `plugreg:"default=x"`
	}
	panicking struct {
		A panicker `plugreg:"default=x"`
	}
	panicker struct{}
)

func (*panicker) UnmarshalText([]byte) error  { panic("no") }
func (panicker) MarshalText() ([]byte, error) { return nil, nil }

func TestContractOfRefusals(t *testing.T) {
	t.Parallel()
	of := func(name, version string, opts ...plugreg.Description) error {
		_, err := plugreg.ContractOf[io.Closer](name, version, opts...)
		return err
	}
	typed := func(_ plugreg.Contract, err error) error { return err }
	for _, tt := range []struct {
		name string
		err  error
		want []string
	}{
		{"name", of("", "1.0.0"), []string{`1.0.0: Name: want 1 to 128 ASCII letters, digits and . _ -, the first a letter or digit, have ""`}},
		{"version", of("x", "1"), []string{`plugin "x": Version: invalid: version "1": invalid syntax: fewer than three numbers`}},
		{"no data", of("x", "1.0.0", plugreg.Description{Data: []any{nil}}), []string{`plugin "x" 1.0.0: contract: `, "has no type"}},
		{"data twice", of("x", "1.0.0", plugreg.Description{Data: []any{fixtures.Line{}, twin.Line{}}}), []string{`root "data:Line": is given twice`}},
		{"alias", of("x", "1.0.0", plugreg.Description{PathAliases: map[string]string{"io": "a b"}}), []string{`path alias "a b" for "io"`}},
		{"alias of two packages", typed(plugreg.ContractOf[fixtures.Bundle]("x", "1.0.0", plugreg.Description{PathAliases: map[string]string{fixturePath: "a", fixturePath + "/twin": "a"}})),
			[]string{`would both be written "a.Line"`}},
		{"what cannot be data", typed(plugreg.ContractOf[selfReader]("x", "1.0.0")), []string{"contract.F: func() cannot be serialised"}},
		{"default", typed(plugreg.ContractOf[badTag]("x", "1.0.0")), []string{`contract.A: default "x" does not fit type int`}},
		{"panic", typed(plugreg.ContractOf[panicking]("x", "1.0.0")), []string{"contract.A: ", "UnmarshalText panicked: no"}},
		{"all at once", typed(plugreg.ContractOf[badTag]("-", "1", plugreg.Description{Data: []any{nil}})), []string{"Name: ", "Version: ", "contract.A: ", "has no type"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, tt.err, plugreg.ErrInvalid)
			for _, want := range tt.want {
				require.ErrorContains(t, tt.err, want)
			}
		})
	}
}

// Pairs of types that differ in one point, or in none that matters.
type (
	plainRow   struct{ A int }
	renamedRow struct{ B int }
	hiddenA    struct {
		A int
		_ int
	}
	hiddenB struct {
		A int
		_ []int
	}
	tableA  struct{ Rows []cellA }
	tableB  struct{ Rows []cellB }
	tableA2 struct {
		// Rows has a comment.
		Rows []cellA
	}
	cellA struct{ N int }
	cellB struct{ N int }
)

func TestShapesDigestOfTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		a, b plugreg.Contract
		same bool
	}{
		{"field renamed", contractOf[plainRow](t), contractOf[renamedRow](t), false},
		{"field retyped", contractOf[struct{ A int }](t), contractOf[struct{ A int64 }](t), false},
		{"field added", contractOf[struct{ A int }](t), contractOf[struct{ A, B int }](t), false},
		{"fields in another order", contractOf[struct{ A, B int }](t), contractOf[struct{ B, A int }](t), false},
		{"wire tag", contractOf[struct {
			A int `json:"a"`
		}](t), contractOf[struct {
			A int `json:"b"`
		}](t), false},
		{"another tag", contractOf[struct {
			A int `doc:"a"`
		}](t), contractOf[struct {
			A int `doc:"b"`
		}](t), false},
		{"required", contractOf[struct{ A int }](t), contractOf[struct {
			A int `plugreg:"required"`
		}](t), false},
		{"pointer", contractOf[struct{ A int }](t), contractOf[struct{ A *int }](t), false},
		{"length of an array", contractOf[[2]int](t), contractOf[[3]int](t), false},
		{"nested type renamed", contractOf[tableA](t), contractOf[tableB](t), false},
		{"comparable", contractOf[hiddenA](t), contractOf[hiddenB](t), false},
		{"role", contractOf[io.Closer](t), contractOf[*io.Closer](t), false},
		{"method renamed", contractOf[interface{ A() }](t), contractOf[interface{ B() }](t), false},
		{"method retyped", contractOf[interface{ A() }](t), contractOf[interface{ A() error }](t), false},
		{"method added", contractOf[interface{ A() }](t), contractOf[interface {
			A()
			B()
		}](t), false},
		{"variadic", contractOf[interface{ A(...int) }](t), contractOf[interface{ A([]int) }](t), false},
		{"context added", contractOf[interface{ A() }](t), contractOf[interface{ A(context.Context) }](t), false},
		{"order of methods", contractOf[interface {
			A()
			B()
		}](t), contractOf[interface {
			B()
			A()
		}](t), true},
		{"embedded interface", contractOf[interface{ io.Closer }](t), contractOf[interface{ Close() error }](t), true},
		{"parameter names", contractOf[interface{ A(a, b int) (err error) }](t), contractOf[interface{ A(x, y int) error }](t), true},
		{"aliases", contractOf[interface{ A(byte, rune) any }](t), contractOf[interface {
			A(uint8, int32) interface{}
		}](t), true},
		{"comments", contractOf[tableA](t), contractOf[tableA2](t), true},
		{"name of a root", contractOf[plainRow](t), contractOf[struct{ A int }](t), true},
		{"package of a root", contractOf[fixtures.Ledger](t), contractOf[twin.Booking](t), true},
		{"order of data", contractOf[io.Closer](t, plugreg.Description{Data: []any{fixtures.Fee{}, fixtures.Line{}}}),
			contractOf[io.Closer](t, plugreg.Description{Data: []any{fixtures.Line{}, fixtures.Fee{}}}), true},
		{"values of data", contractOf[io.Closer](t, plugreg.Description{Data: []any{fixtures.Fee{Amount: 1}}}),
			contractOf[io.Closer](t, plugreg.Description{Data: []any{fixtures.Fee{Amount: 2}}}), true},
		{"name and version", contractOf[io.Closer](t), paymentNamed(t, "other", "2.0.0"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.same, tt.a.ShapesDigest() == tt.b.ShapesDigest())
		})
	}
}

func paymentNamed(t *testing.T, name, version string) plugreg.Contract {
	c, err := plugreg.ContractOf[io.Closer](name, version)
	require.NoError(t, err)
	return c
}

// The plugins of the following table implement this contract and differ in one point each.
type varied interface {
	Do(n int) error
	Close() error
}

type (
	variedValue    struct{ plugreg.NoClose }
	variedPointer  struct{ plugreg.NoClose }
	variedRenamed  struct{ plugreg.NoClose }
	variedMore     struct{ plugreg.NoClose }
	variedVariadic struct{ plugreg.NoClose }
	variedHidden   struct {
		plugreg.NoClose
		_ map[string]int
	}
	variedShown struct {
		plugreg.NoClose
		State int
	}
	variedUncomparable struct {
		plugreg.NoClose
		_ []int
	}
	settingsA struct{ Port int }
	settingsB struct {
		Port int `plugreg:"default=80"`
	}
	settingsC struct{ Port int } // as settingsA
)

func (variedValue) Do(int) error          { return nil }
func (*variedPointer) Do(int) error       { return nil }
func (variedRenamed) Do(number int) error { return nil }
func (variedMore) Do(int) error           { return nil }
func (variedMore) More(...int)            {}
func (variedVariadic) Do(int) error       { return nil }
func (variedVariadic) More([]int)         {}
func (variedHidden) Do(int) error         { return nil }
func (variedShown) Do(int) error          { return nil }
func (variedUncomparable) Do(int) error   { return nil }

// variedPlugin is what the table changes.
func variedPlugin(proto varied) plugreg.Plugin[varied] {
	return plugreg.Plugin[varied]{
		Name: "acme.varied", Version: "1.0.0", Prototype: proto,
		New: func(context.Context, *plugreg.Env) (varied, error) { return proto, nil },
	}
}

func TestShapesDigestOfPlugins(t *testing.T) {
	t.Parallel()
	with := func(change func(p *plugreg.Plugin[varied])) plugreg.Contract {
		p := variedPlugin(variedValue{})
		change(&p)
		return registeredContract(t, p)
	}
	proto := func(p varied) plugreg.Contract { return registeredContract(t, variedPlugin(p)) }
	config := func(c any) plugreg.Contract { return with(func(p *plugreg.Plugin[varied]) { p.Config = c }) }
	export := func(f any) plugreg.Contract {
		return with(func(p *plugreg.Plugin[varied]) { p.Exports = map[string]any{"f": f} })
	}
	needs := func(as any) plugreg.Contract {
		return with(func(p *plugreg.Plugin[varied]) { p.Requires = []plugreg.Requirement{{Name: "r", As: as}} })
	}
	data := func(values ...any) plugreg.Contract { return with(func(p *plugreg.Plugin[varied]) { p.Data = values }) }
	base := proto(variedValue{})
	for _, tt := range []struct {
		name string
		a, b plugreg.Contract
		same bool
	}{
		{"receiver", proto(&variedValue{}), proto((*variedPointer)(nil)), false},
		{"by value or by pointer", proto(variedValue{}), proto((*variedPointer)(nil)), false},
		{"method added", base, proto(variedMore{}), false},
		{"variadic", proto(variedMore{}), proto(variedVariadic{}), false},
		{"comparable", base, proto(variedUncomparable{}), false},
		{"exported field", base, proto(variedShown{}), false},
		{"settings", base, config(settingsA{}), false},
		{"default of a setting", config(settingsA{}), config(settingsB{}), false},
		{"export", base, export(func() {}), false},
		{"type of an export", export(func() {}), export(func() error { return nil }), false},
		{"variadic export", export(func(...int) {}), export(func([]int) {}), false},
		{"data", base, data(fixtures.Fee{}), false},
		{"interface of a requirement", base, needs((*io.Closer)(nil)), false},
		{"type of a requirement", needs((*io.Reader)(nil)), needs((*io.Closer)(nil)), false},
		{"Go name of the plugin and parameter names", base, proto(variedRenamed{}), true},
		{"private fields behind a pointer", proto(&variedValue{}), proto(&variedHidden{}), true},
		{"Go name of the settings", config(settingsA{}), config(settingsC{}), true},
		{"values of settings", config(settingsA{}), config(settingsA{Port: 80}), true},
		{"body and parameter names of an export", export(func(a int) {}), export(func(b int) { panic(b) }), true},
		{"Go name and package of a requirement", needs((*io.Closer)(nil)), needs((*fileCloser)(nil)), true},
		{"order of data", data(fixtures.Fee{}, fixtures.Line{}), data(fixtures.Line{}, fixtures.Fee{}), true},
		{"requirement of whatever type", base, needs(nil), true},
		{"everything that is no type", base, with(func(p *plugreg.Plugin[varied]) {
			p.Name, p.Version, p.Policy, p.Summary, p.Deprecated = "other", "2.0.0", plugreg.Full, "s", "d"
			p.Uses, p.Labels, p.Sandbox = []string{"u"}, map[string]string{"k": "v"}, &plugreg.SandboxConfig{Timeout: time.Second}
		}), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.same, tt.a.ShapesDigest() == tt.b.ShapesDigest())
		})
	}
}

// fileCloser is io.Closer under another name.
type fileCloser interface{ Close() (err error) }

func TestSettingsAreAStruct(t *testing.T) {
	t.Parallel()
	number := 5
	for config, name := range map[any]string{5: "int", &number: "*int", "": "string", [1]int{}: "[1]int"} {
		p := variedPlugin(variedValue{})
		p.Config = config
		_, err := plugreg.MustNew[varied](plugreg.Config{}).Register(p)
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		require.EqualError(t, err, `plugin "acme.varied" 1.0.0: contract: invalid: config: want a struct or a pointer to one, have `+name)
	}
}

// What plugins say in their texts for people is no part of the contract.
func TestDigestLeavesOutTextsForPeople(t *testing.T) {
	t.Parallel()
	base := registeredContract(t, variedPlugin(variedValue{}))
	p := variedPlugin(variedValue{})
	p.Summary, p.Deprecated, p.Labels, p.Sandbox = "s", "d", map[string]string{"k": "v"}, &plugreg.SandboxConfig{Timeout: time.Second}
	require.Equal(t, base, registeredContract(t, p))
}

// A plugin gets one contract whatever was registered before it, from whichever registry of its contract.
func TestContractsDoNotDependOnTheOrderOfRegistration(t *testing.T) {
	t.Parallel()
	plugins := []plugreg.Plugin[varied]{variedPlugin(variedValue{}), variedPlugin((*variedPointer)(nil)), variedPlugin(variedMore{}), variedPlugin(variedValue{})}
	for i := range plugins {
		plugins[i].Name = fmt.Sprintf("p%d", i)
		plugins[i].Config = settingsA{}
	}
	plugins[3].Config, plugins[3].Data = settingsB{}, []any{fixtures.Fee{}}
	want := map[string]plugreg.Contract{}
	for _, p := range plugins {
		want[p.Name] = registeredContract(t, p)
	}
	for range len(plugins) {
		plugins = append(plugins[1:], plugins[0])
		r := plugreg.MustNew[varied](plugreg.Config{})
		for _, p := range plugins {
			d, err := r.Register(p)
			require.NoError(t, err)
			c, ok := r.Contract(d)
			require.True(t, ok)
			require.Equal(t, want[p.Name], c)
		}
	}
}

func TestRegistryOptionsOfContracts(t *testing.T) {
	t.Parallel()
	p := paymentPlugin()
	p.Data = append(p.Data, fixtures.Bundle{})
	r := plugreg.MustNew[fixtures.Gateway](plugreg.Config{OpenPackages: []string{fixturePath + "/twin"}, PathAliases: map[string]string{fixturePath + "/twin": "acme/v2"}})
	c, ok := r.Contract(r.MustRegister(p))
	require.True(t, ok)
	require.Subset(t, names(c), []string{"acme/v2.Line", ".Page[acme/v2.Line]", "data:Bundle"})
}

func TestContractDescriptor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ version, key string }{
		{"0.0.0", "acme.x@0.0"}, {"1.2.3", "acme.x@1.2"}, {"1.2.4-rc.1+b", "acme.x@1.2"}, {"65535.65535.4294967295", "acme.x@65535.65535"},
	} {
		c, err := plugreg.ContractOf[fixtures.Visitor]("acme.x", tt.version)
		require.NoError(t, err)
		require.Equal(t, tt.key, c.CompatKey())
		d, err := c.Descriptor()
		require.NoError(t, err)
		name, digest := sha256.Sum256([]byte("acme.x")), c.Digest()
		core, _, _ := strings.Cut(tt.version, "-")
		require.Equal(t, fmt.Sprintf("%x@%s#%x", name[:8], core, digest[:8]), d.String())
	}
	c := contractOf[fixtures.Visitor](t)
	for _, version := range []string{"", "1", "v1", "65536.0.0", "x"} {
		c.Version = version
		d, err := c.Descriptor()
		require.Zero(t, d)
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		require.ErrorContains(t, err, fmt.Sprintf(`plugin "x": Version: invalid: version %q: `, version))
		require.Equal(t, "x@0.0", c.CompatKey())
	}
}

// The key that a registry hands out is made of the contract that it keeps.
func TestDescriptorOfARegisteredPlugin(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[fixtures.Gateway](plugreg.Config{})
	d, err := r.Register(paymentPlugin())
	require.NoError(t, err)
	c, ok := r.Contract(d)
	require.True(t, ok)
	own, err := c.Descriptor()
	require.NoError(t, err)
	require.Equal(t, own, d)
	raw, err := d.MarshalBinary()
	require.NoError(t, err)
	digest := c.Digest()
	require.Equal(t, digest[:8], raw[8:16])
	require.Equal(t, []uint16{1, 4}, []uint16{binary.BigEndian.Uint16(raw[16:]), binary.BigEndian.Uint16(raw[18:])})
	require.EqualValues(t, 2, binary.BigEndian.Uint32(raw[20:]))
	_, ok = r.Contract(plugreg.TypeDescriptor{})
	require.False(t, ok)
}

// scribble changes everything that a contract refers to.
func scribble(c plugreg.Contract) {
	for i := range c.Shapes {
		s := &c.Shapes[i]
		for j := range s.Fields {
			for k := range s.Fields[j].Aliases {
				s.Fields[j].Aliases[k] = "scribbled"
			}
			s.Fields[j] = plugreg.Field{Name: "Scribbled", Position: math.MaxInt32}
		}
		for j := range s.Methods {
			s.Methods[j] = plugreg.Method{Name: "Scribbled"}
		}
		c.Shapes[i] = plugreg.Shape{Name: "scribbled"}
	}
	for i := range c.Requires {
		c.Requires[i] = plugreg.Dependency{Name: "scribbled"}
	}
	for i := range c.Uses {
		c.Uses[i] = "scribbled"
	}
}

func TestContractsAreDeepCopies(t *testing.T) {
	t.Parallel()
	text := func(c plugreg.Contract) string {
		doc, err := c.MarshalJSON()
		require.NoError(t, err)
		return string(doc)
	}
	var trusted plugreg.Contract
	r := plugreg.MustNew[fixtures.Gateway](plugreg.Config{Trust: func(c plugreg.Contract) error {
		trusted = c
		scribble(c)
		return nil
	}})
	p := paymentPlugin()
	p.Requires, p.Config = []plugreg.Requirement{{Name: "acme.ledger", Constraint: "^1.2", As: (*fixtures.Ledger)(nil), Optional: true}}, nil
	d := r.MustRegister(p)
	before, ok := r.Contract(d)
	require.True(t, ok)
	want := text(before)
	scribble(before)
	require.NotEqual(t, want, text(before))
	after, ok := r.Contract(d)
	require.True(t, ok)
	require.Equal(t, want, text(after))

	same := paymentPlugin() // shares its shapes with the first
	same.Requires, same.Config, same.Version = p.Requires, nil, "1.4.3"
	other, ok := r.Contract(r.MustRegister(same))
	require.True(t, ok)
	require.Equal(t, after.Shapes, other.Shapes)
	scribble(other)
	after, _ = r.Contract(d)
	require.Equal(t, want, text(after))

	h, err := r.Open(context.Background(), "acme.payment", "1.4.2", nil)
	require.NoError(t, err)
	require.NotEmpty(t, trusted.Shapes)
	require.NoError(t, h.Close(context.Background()))
	after, _ = r.Contract(d)
	require.Equal(t, want, text(after), "what Trust was shown is a copy too")
	require.NoError(t, r.Close(context.Background()))
}

// Each call of ContractOf and ParseContract makes a contract of its own.
func TestMadeContractsShareNothing(t *testing.T) {
	t.Parallel()
	a := contractOf[fixtures.Sample](t)
	b := contractOf[fixtures.Sample](t)
	scribble(a)
	require.Equal(t, contractOf[fixtures.Sample](t), b)

	doc := slices.Clone(goldenFiles(t)["payment"])
	c, err := plugreg.ParseContract(doc)
	require.NoError(t, err)
	clear(doc)
	require.Equal(t, paymentContract(t), c)
}

// The contract of an unregistered plugin stays: what was written under it can be read, and the version does not come back as another.
func TestContractAfterUnregister(t *testing.T) {
	t.Parallel()
	r := plugreg.MustNew[fixtures.Gateway](plugreg.Config{})
	d := r.MustRegister(paymentPlugin())
	before, ok := r.Contract(d)
	require.True(t, ok)
	require.NoError(t, r.Unregister(d))
	_, ok = r.Lookup(d)
	require.False(t, ok)
	after, ok := r.Contract(d)
	require.True(t, ok)
	require.Equal(t, before, after)
	scribble(after)
	again, ok := r.Contract(d)
	require.True(t, ok)
	require.Equal(t, before, again)

	changed := paymentPlugin()
	changed.Uses = nil
	_, err := r.Register(changed)
	require.ErrorIs(t, err, plugreg.ErrRepublished)
	back, err := r.Register(paymentPlugin())
	require.NoError(t, err)
	require.Equal(t, d, back)
}

// A contract is a value that can be kept in a log or a table.
func TestContractAsText(t *testing.T) {
	t.Parallel()
	c := contractOf[fixtures.Sample](t)
	doc, err := json.Marshal(map[string]any{"contract": c, "digest": c.Digest(), "policy": c.Policy})
	require.NoError(t, err)
	require.Contains(t, string(doc), fmt.Sprintf(`"digest":"%v","policy":"default"`, c.Digest()))
}

func TestContractOfRefusesAPolicyThatIsNone(t *testing.T) {
	t.Parallel()
	_, err := plugreg.ContractOf[io.Closer]("x", "1.0.0", plugreg.Description{Policy: 99})
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.ErrorContains(t, err, `plugin "x" 1.0.0: Policy: want one of Default, Unchecked, Forward, Backward, Full, Strict, have 99`)
}
