// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/testdata/contracts/fixtures"
	"github.com/plugreg/plugreg/testdata/contracts/fixtures/twin"
)

const (
	contractDir = "testdata/contracts"
	fixturePath = "github.com/plugreg/plugreg/testdata/contracts/fixtures"
)

// updateGoldens says that goldens are to be rewritten.
func updateGoldens() bool { return os.Getenv("PLUGREG_UPDATE") == "1" }

// goldenCase is a contract by reflection; its document is testdata/contracts/<name>.json.
type goldenCase struct {
	name string
	make func(t testing.TB) plugreg.Contract
}

// described is a case for ContractOf.
func described[T any](name, version string, opts ...plugreg.Description) goldenCase {
	return goldenCase{name, func(t testing.TB) plugreg.Contract {
		c, err := plugreg.ContractOf[T]("acme."+name, version, opts...)
		require.NoError(t, err)
		return c
	}}
}

func goldenCases() []goldenCase {
	return []goldenCase{
		{"payment", paymentContract},
		described[fixtures.Thermometer]("thermometer", "1.2.0"),
		described[fixtures.Kinds]("kinds", "0.1.0"),
		described[fixtures.Order]("nested", "1.0.0"),
		described[fixtures.Node]("recursive", "1.0.0-rc.1"),
		described[fixtures.Visitor]("visitor", "1.0.0"),
		described[fixtures.Folder]("mutual", "1.0.0+build.5"),
		described[*fixtures.Report]("generic", "65535.65535.4294967295"),
		described[fixtures.Embedding]("embedded", "2.1.0", plugreg.Description{Policy: plugreg.Full}),
		described[fixtures.Tags]("tags", "1.0.0", plugreg.Description{Policy: plugreg.Strict}),
		described[fixtures.Sealed]("comparable", "1.0.0", plugreg.Description{Data: []any{fixtures.Value{}, fixtures.Uncomparable{}, fixtures.Uncomparable{}.List()}}),
		described[map[string][]fixtures.Slot]("literal", "1.0.0"),
		described[fixtures.Übung]("unicode", "1.0.0"),
		described[fixtures.Aliasing]("aliases", "1.0.0"),
		described[fixtures.Cyclic]("cycles", "1.0.0"),
		described[fixtures.Bundle]("opaque", "2.0.0"),
		described[fixtures.Bundle]("options", "3.0.0", plugreg.Description{
			Data: []any{fixtures.Fee{}}, Open: []string{fixturePath + "/twin"}, Policy: plugreg.Forward,
			PathAliases: map[string]string{fixturePath: "acme", fixturePath + "/twin": "acme/v2"},
		}),
	}
}

// paymentPlugin has a value in every field that a contract shows.
func paymentPlugin() plugreg.Plugin[fixtures.Gateway] {
	return plugreg.Plugin[fixtures.Gateway]{
		Name: "acme.payment", Version: "v1.4.2", Policy: plugreg.Backward,
		Prototype: (*fixtures.Acquirer)(nil),
		New:       func(context.Context, *plugreg.Env) (fixtures.Gateway, error) { return new(fixtures.Acquirer), nil },
		Config:    fixtures.Settings{},
		Data:      []any{fixtures.Payment{}, (*fixtures.Receipt)(nil)},
		Exports:   map[string]any{"quote": fixtures.Quote, "flush": func(context.Context) error { return nil }},
		Requires: []plugreg.Requirement{
			{Name: "acme.ledger", Constraint: "^1.2", As: (*fixtures.Ledger)(nil)},
			{Name: "acme.audit", Optional: true},
		},
		Uses: []string{"metrics", "cache:fallback"},
	}
}

func paymentContract(t testing.TB) plugreg.Contract { return registeredContract(t, paymentPlugin()) }

func paymentTwin(t testing.TB) plugreg.Contract {
	return registeredContract(t, plugreg.Plugin[twin.Terminal]{
		Name: "acme.twin", Version: "2.0.0",
		Prototype: (*twin.Bank)(nil),
		New:       func(context.Context, *plugreg.Env) (twin.Terminal, error) { return new(twin.Bank), nil },
		Config:    twin.Options{},
		Data:      []any{(*twin.Receipt)(nil), twin.Payment{}},
		Exports:   map[string]any{"flush": func(ctx context.Context) (err error) { return ctx.Err() }, "quote": twin.Estimate},
		Requires:  []plugreg.Requirement{{Name: "acme.ledger", As: (*twin.Booking)(nil)}},
	})
}

// registeredContract is what a registry of its own keeps of p.
func registeredContract[T interface{ Close() error }](t testing.TB, p plugreg.Plugin[T]) plugreg.Contract {
	r, err := plugreg.New[T](plugreg.Config{})
	require.NoError(t, err)
	d, err := r.Register(p)
	require.NoError(t, err)
	c, ok := r.Contract(d)
	require.True(t, ok)
	return c
}

// goldenFiles are the documents in testdata/contracts, by name without suffix.
func goldenFiles(t testing.TB) map[string][]byte {
	paths, err := filepath.Glob(filepath.Join(contractDir, "*.json"))
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		files[strings.TrimSuffix(filepath.Base(path), ".json")] = data
	}
	require.NotEmpty(t, files)
	return files
}

// compareGolden compares a golden file with what it should be, or rewrites it. Its callers do not run beside the tests that read goldens.
func compareGolden(t *testing.T, path, want string) {
	if updateGoldens() {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err, "PLUGREG_UPDATE=1 go test -run Golden . writes it")
	require.Equal(t, string(have), want, "%s differs from what the types say. If the change is meant, run PLUGREG_UPDATE=1 go test -run Golden . and read the difference: "+
		"a changed digest is a changed contract, for every host and every language", path)
}

func TestGoldenContracts(t *testing.T) {
	var names []string
	for _, tt := range goldenCases() {
		names = append(names, tt.name)
		t.Run(tt.name, func(t *testing.T) {
			c := tt.make(t)
			doc, err := c.MarshalJSON()
			require.NoError(t, err)
			compareGolden(t, filepath.Join(contractDir, tt.name+".json"), string(doc)+"\n")
		})
	}
	for name := range goldenFiles(t) {
		require.Contains(t, names, name, "no test writes this golden: delete it")
	}
}

// Print, parse, print is the identity, and what was parsed is what reflection made.
func TestGoldenRoundTrip(t *testing.T) {
	t.Parallel()
	files := goldenFiles(t)
	for _, tt := range goldenCases() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := plugreg.ParseContract(files[tt.name])
			require.NoError(t, err)
			require.Equal(t, tt.make(t), c)
			doc, err := c.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, string(files[tt.name]), string(doc)+"\n")
			made := tt.make(t)
			require.Equal(t, made.Digest(), c.Digest())
			require.Equal(t, made.ShapesDigest(), c.ShapesDigest())
		})
	}
}

// Golden contracts cover what the format has: where a case is lost, this fails rather than nothing.
func TestGoldensCoverTheFormat(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, data := range goldenFiles(t) {
		c, err := plugreg.ParseContract(data)
		require.NoError(t, err)
		seen["policy "+c.Policy.String()] = true
		for _, s := range c.Shapes {
			seen["role "+string(s.Role)] = true
			seen[fmt.Sprintf("comparable %v", s.Comparable)] = true
			seen["kind "+s.Kind] = true
			for _, f := range s.Fields {
				seen[fmt.Sprintf("embedded %v wire %v", f.Embedded, f.Wire)] = true
				seen[fmt.Sprintf("required %v default %v aliases %d", f.Required, f.Default != "", len(f.Aliases))] = true
			}
			for _, m := range s.Methods {
				seen[fmt.Sprintf("pointer %v", m.Pointer)] = true
			}
		}
	}
	for _, want := range []string{
		"policy default", "policy backward", "policy forward", "policy full", "policy strict",
		"role both", "role provides", "role requires", "role config", "role data", "role export",
		"comparable true", "comparable false", "kind struct", "kind interface", "kind string", "kind func(.Leaf) .Leaf", "kind <-chan .Leaf", "kind map[string][].Slot",
		"kind map[string].CycleMap", "kind [].CycleSlice", "kind [2]*.CycleArray", "kind *.CyclePointer", "kind <-chan .CycleChan", "kind func(.CycleFunc, ....CycleChan) .CycleFunc",
		"embedded true wire MyInt",
		"embedded true wire ", "embedded true wire -", "embedded true wire tagged", "embedded true wire Label", "embedded false wire -",
		"required true default false aliases 0", "required true default false aliases 1", "required false default true aliases 2",
		"pointer true", "pointer false",
	} {
		require.True(t, seen[want], "no golden has %q", want)
	}
}

// What the types are called that bear a role, where they are declared and what a test binary makes of it are no part of the shapes.
func TestGoldenFromAnotherPackage(t *testing.T) {
	t.Parallel()
	golden, err := plugreg.ParseContract(goldenFiles(t)["payment"])
	require.NoError(t, err)
	other := paymentTwin(t)
	requireEqualShapes(t, golden.Shapes, other.Shapes)
	require.Equal(t, golden.ShapesDigest(), other.ShapesDigest())
	require.NotEqual(t, golden.Digest(), other.Digest(), "name and version differ")

	here, err := plugreg.ContractOf[visitorTwin]("x", "1.0.0")
	require.NoError(t, err)
	golden, err = plugreg.ParseContract(goldenFiles(t)["visitor"])
	require.NoError(t, err)
	requireEqualShapes(t, golden.Shapes, here.Shapes)
	require.Equal(t, golden.ShapesDigest(), here.ShapesDigest())
}

// visitorTwin is fixtures.Visitor, declared in a package that exists in the test binary alone.
type visitorTwin interface {
	Close() error
	Visit(node *Node) visitorTwin
}

// Node is that of package fixtures.
type Node struct {
	Value    string
	Next     *Node
	Children []Node
	ByName   map[string]Node
}

// requireEqualShapes compares all but what is for people only, as text, so that a difference can be read.
func requireEqualShapes(t *testing.T, want, have []plugreg.Shape) {
	t.Helper()
	text := func(list []plugreg.Shape) string {
		list = slices.Clone(list)
		for i := range list {
			list[i].GoType = ""
		}
		doc, err := json.MarshalIndent(plugreg.Contract{Shapes: list}, "", " ")
		require.NoError(t, err)
		return string(doc)
	}
	require.Equal(t, text(want), text(have))
}

// The worked example of the description is computed here by its own rules, from text to digests.
func TestGoldenExampleInTheDescription(t *testing.T) {
	path := filepath.Join(contractDir, "README.md")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	const begin, end = "<!-- The test suite writes what follows. -->\n", "<!-- End of what the test suite writes. -->\n"
	head, rest, found := strings.Cut(string(data), begin)
	require.True(t, found)
	_, tail, found := strings.Cut(rest, end)
	require.True(t, found)
	compareGolden(t, path, head+begin+workedExample(t)+end+tail)
	for name := range goldenFiles(t) {
		require.Contains(t, tail, "`"+name+"`", "the table of goldens")
	}
}

func workedExample(t *testing.T) string {
	c, err := plugreg.ContractOf[fixtures.Thermometer]("acme.thermometer", "1.2.0")
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("```text\n")
	show := func(title, input string) string {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(input)))
		fmt.Fprintf(&b, "%s\n  %s\n  %s\n", title, strings.ReplaceAll(input, "\x00", "<00>"), digest)
		return digest
	}
	sample, ok := c.Shape(".Sample")
	require.True(t, ok)
	contract, ok := c.Shape("contract")
	require.True(t, ok)
	field, method := sample.Fields[0], contract.Methods[1]
	require.Equal(t, field.Signature.String(), show("signature of the field Celsius of .Sample", "Celsius|float64|0"))
	require.Equal(t, method.Signature.String(), show("signature of the method Read of contract", "Read|func(string) (.Sample, error)|value"))
	hashes := [][2]string{
		{".Sample", show("hash of the shape .Sample", "plugreg/shape/v1\x00"+compactJSON(t, sample))},
		{"contract", show("hash of the shape contract", "plugreg/shape/v1\x00"+compactJSON(t, contract))},
	}
	pairs, err := json.Marshal(hashes)
	require.NoError(t, err)
	shapes := show("shapes digest", "plugreg/shapes/v1\x00"+string(pairs))
	require.Equal(t, c.ShapesDigest().String(), shapes)
	digest := show("contract digest", "plugreg/contract/v1\x00"+
		`{"name":"acme.thermometer","policy":"default","requires":[],"shapes":"`+shapes+`","uses":[],"version":"1.2.0"}`)
	require.Equal(t, c.Digest().String(), digest)
	d, err := c.Descriptor()
	require.NoError(t, err)
	text, raw := fmt.Sprintf("%.8x@1.2.0#%s", sha256.Sum256([]byte(c.Name)), digest[7:23]), fmt.Sprintf("%.8x %s 0001 0002 00000000", sha256.Sum256([]byte(c.Name)), digest[7:23])
	require.Equal(t, d.String(), text)
	bytes, err := d.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%x", bytes), strings.ReplaceAll(raw, " ", ""))
	fmt.Fprintf(&b, "TypeDescriptor, as text\n  %s\nTypeDescriptor, its 24 bytes in hexadecimal\n  %s\n```\n", text, raw)
	return b.String()
}

// compactJSON writes what is hashed of a shape without the code under test. The example's texts need no escapes.
func compactJSON(t *testing.T, s plugreg.Shape) string {
	fields, methods := []any{}, []any{}
	for _, f := range s.Fields {
		fields = append(fields, map[string]any{
			"aliases": append([]string{}, f.Aliases...), "default": f.Default, "embedded": f.Embedded, "name": f.Name, "position": f.Position,
			"required": f.Required, "tag": f.Tag, "type": f.Type, "wire": f.Wire,
		})
	}
	for _, m := range s.Methods {
		methods = append(methods, map[string]any{"name": m.Name, "pointer": m.Pointer, "type": m.Type})
	}
	doc, err := json.Marshal(map[string]any{"comparable": s.Comparable, "fields": fields, "kind": s.Kind, "methods": methods, "name": s.Name, "role": s.Role})
	require.NoError(t, err)
	return string(doc)
}

// verifyInPython runs verify.py on files. It is false where there is no Python.
func verifyInPython(t *testing.T, files ...string) (output string, err error, ok bool) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Logf("no python3: the goldens are not verified in another language (%v)", err)
		return "", nil, false
	}
	cmd := exec.Command(python, append([]string{filepath.Join(contractDir, "verify.py")}, files...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err, true
}

// Another language computes the same digests from the documents alone.
func TestVerifyInPython(t *testing.T) {
	t.Parallel()
	output, err, ok := verifyInPython(t)
	if !ok {
		return
	}
	require.NoError(t, err, output)
	var want strings.Builder
	files := goldenFiles(t)
	names := []string{}
	for name := range files {
		names = append(names, name+".json")
	}
	slices.Sort(names)
	for _, name := range names {
		c, err := plugreg.ParseContract(files[strings.TrimSuffix(name, ".json")])
		require.NoError(t, err)
		fmt.Fprintf(&want, "ok %s %v\n", name, c.Digest())
	}
	for _, dir := range []string{"payloads", "snapshots"} {
		paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, path := range paths {
			var doc struct{ Digest plugreg.Digest }
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(data, &doc))
			fmt.Fprintf(&want, "ok %s/%s %v\n", dir, filepath.Base(path), doc.Digest)
		}
	}
	require.Equal(t, want.String(), strings.ReplaceAll(output, "\r\n", "\n"))
}

func TestVerifyInPythonDetectsTampering(t *testing.T) {
	t.Parallel()
	payment := string(goldenFiles(t)["payment"])
	cases := []struct{ name, old, new, want string }{
		{"a field's type", `"type":"int64","wire":"amount"`, `"type":"int32","wire":"amount"`, `.fields[0].signature: `},
		{"a method's type", `"type":"func(.Entry) error"`, `"type":"func(.Entry)"`, `.methods[0].signature: `},
		{"a default", `"default":"5s"`, `"default":"6s"`, `.shapes_digest: `},
		{"a constraint", `"constraint":"^1.2"`, `"constraint":"^1.3"`, `.digest: `},
		{"a digest", `{"digest":"sha256:`, `{"digest":"sha256:0`, `.digest: `},
		{"white space", `{"digest"`, `{ "digest"`, `: not in canonical form`},
		{"an escape", `"EUR"`, `"E\u0055R"`, `: not in canonical form`},
		{"order of shapes", `"uses":["cache:fallback","metrics"]`, `"uses":["metrics","cache:fallback"]`, `.uses: `},
		{"an unknown key", `{"digest"`, `{"author":"me","digest"`, `.author: unknown key`},
		{"a missing key", `"uses":["cache:fallback","metrics"],`, ``, `.uses: missing key`},
		{"a duplicate key", `{"digest"`, `{"version":"1.4.2","digest"`, `"version" stands there twice`},
		{"null", `["cache:fallback","metrics"]`, `null`, `.uses: want an array`},
		{"a float", `"position":0`, `"position":0.0`, `no floats`},
		{"a lone surrogate", `"EUR"`, `"\ud800"`, `surrogates`},
		{"no JSON", `{"digest"`, `{digest`, `Expecting property name`},
		{"another format", `plugreg/contract/v1`, `plugreg/contract/v2`, `.format: `},
	}
	dir, paths := t.TempDir(), []string{}
	for i, tt := range cases {
		require.Contains(t, payment, tt.old)
		path := filepath.Join(dir, fmt.Sprintf("tampered%02d.json", i))
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(payment, tt.old, tt.new, 1)), 0o644))
		paths = append(paths, path)
	}
	output, err, ok := verifyInPython(t, paths...)
	if !ok {
		return
	}
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, output)
	require.Equal(t, 1, exit.ExitCode(), output)
	require.NotContains(t, output, "ok ")
	require.NotContains(t, output, "Traceback")
	for i, tt := range cases {
		require.Regexp(t, fmt.Sprintf(`(?m)^mismatch tampered%02d\.json \$.*%s`, i, regexp.QuoteMeta(tt.want)), output, tt.name)
	}
}
