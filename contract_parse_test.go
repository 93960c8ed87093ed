// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/testdata/contracts/fixtures"
)

// foreignDoc is a document as another language may write it: without what is computed from the rest.
const foreignDoc = `{
	"format": "plugreg/contract/v1", "name": "acme.pay", "version": "1.2.3", "policy": "full",
	"requires": [{"name": "ledger", "constraint": "^1", "optional": false}, {"name": "audit", "constraint": "", "optional": true}],
	"uses": ["metrics", "cache:fallback"],
	"shapes": [
		{"name": "contract", "role": "both", "kind": "interface", "comparable": true, "fields": [], "methods": [
			{"name": "Pay", "type": "func(data:Order) error", "pointer": false},
			{"name": "Close", "type": "func() error", "pointer": false}]},
		{"name": "data:Order", "role": "data", "kind": "struct", "comparable": true, "methods": [], "fields": [
			{"name": "ID", "wire": "id", "type": "string", "tag": "", "default": "", "aliases": ["key", "no"], "position": 0, "required": true, "embedded": false},
			{"name": "_", "wire": "-", "type": "int", "tag": "", "default": "", "aliases": [], "position": 1, "required": false, "embedded": false},
			{"name": "_", "wire": "-", "type": "int", "tag": "", "default": "", "aliases": [], "position": 4, "required": false, "embedded": false}]}]
}`

func TestParseContract(t *testing.T) {
	t.Parallel()
	c, err := plugreg.ParseContract([]byte(foreignDoc))
	require.NoError(t, err)
	require.Equal(t, "acme.pay", c.Name)
	require.Equal(t, "1.2.3", c.Version)
	require.Equal(t, plugreg.Full, c.Policy)
	require.Equal(t, []plugreg.Dependency{{Name: "audit", Optional: true}, {Name: "ledger", Constraint: "^1"}}, c.Requires)
	require.Equal(t, []string{"cache:fallback", "metrics"}, c.Uses)
	require.Len(t, c.Shapes, 2)
	contract, order := c.Shapes[0], c.Shapes[1]
	require.Equal(t, plugreg.RoleBoth, contract.Role)
	require.Equal(t, []string{"Close", "Pay"}, []string{contract.Methods[0].Name, contract.Methods[1].Name})
	require.Equal(t, []string{"key", "no"}, order.Fields[0].Aliases, "their order is the reader's preference")
	require.Equal(t, 4, order.Fields[2].Position)
	for _, f := range order.Fields {
		require.False(t, f.Signature.IsZero())
	}
	require.False(t, contract.Methods[0].Signature.IsZero())

	doc, err := c.MarshalJSON()
	require.NoError(t, err)
	again, err := plugreg.ParseContract(doc)
	require.NoError(t, err)
	require.Equal(t, c, again)
}

// respelled writes a document in another spelling: keys in any order, white space and escapes at random.
func respelled(t testing.TB, doc []byte, random *rand.Rand) []byte {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	return respell(nil, v, random)
}

func respell(dst []byte, v any, random *rand.Rand) []byte {
	space := func() { dst = append(dst, []string{"", "", " ", "\t", "\r\n"}[random.IntN(5)]...) }
	each := func(open, end byte, n int, write func(i int)) {
		dst = append(dst, open)
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			space()
			write(i)
			space()
		}
		dst = append(dst, end)
	}
	space()
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		each('{', '}', len(keys), func(i int) {
			dst = append(respellString(dst, keys[i], random), ':')
			dst = respell(dst, v[keys[i]], random)
		})
	case []any:
		each('[', ']', len(v), func(i int) { dst = respell(dst, v[i], random) })
	case string:
		dst = respellString(dst, v, random)
	default:
		dst = fmt.Append(dst, v)
	}
	space()
	return dst
}

func respellString(dst []byte, s string, random *rand.Rand) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '/' && random.IntN(2) == 0:
			dst = append(dst, `\/`...)
		case r < ' ' || r == '"' || r == '\\' || random.IntN(4) == 0:
			for _, unit := range utf16.Encode([]rune{r}) {
				dst = fmt.Appendf(dst, []string{`\u%04x`, `\u%04X`}[random.IntN(2)], unit)
			}
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}

// How JSON is spelled changes nothing.
func TestParseContractInOtherSpellings(t *testing.T) {
	t.Parallel()
	for name, doc := range goldenFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := plugreg.ParseContract(doc)
			require.NoError(t, err)
			random := rand.New(rand.NewPCG(1, uint64(len(doc))))
			for range 20 {
				other := respelled(t, doc, random)
				have, err := plugreg.ParseContract(other)
				require.NoError(t, err, "%s", other)
				require.Equal(t, want, have)
			}
			var indented bytes.Buffer
			require.NoError(t, json.Indent(&indented, doc, "", "\t"))
			have, err := plugreg.ParseContract(indented.Bytes())
			require.NoError(t, err)
			require.Equal(t, want, have)
		})
	}
}

// Lists without an order of their own may come in any; what is hashed is sorted.
func TestContractListsInAnyOrder(t *testing.T) {
	t.Parallel()
	want := paymentContract(t)
	canonical, err := want.MarshalJSON()
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(2, 2))
	for range 20 {
		c := paymentContract(t)
		random.Shuffle(len(c.Shapes), func(i, j int) { c.Shapes[i], c.Shapes[j] = c.Shapes[j], c.Shapes[i] })
		random.Shuffle(len(c.Uses), func(i, j int) { c.Uses[i], c.Uses[j] = c.Uses[j], c.Uses[i] })
		random.Shuffle(len(c.Requires), func(i, j int) { c.Requires[i], c.Requires[j] = c.Requires[j], c.Requires[i] })
		for _, s := range c.Shapes {
			random.Shuffle(len(s.Methods), func(i, j int) { s.Methods[i], s.Methods[j] = s.Methods[j], s.Methods[i] })
		}
		before := fmt.Sprint(c)
		require.Equal(t, want.Digest(), c.Digest())
		require.Equal(t, want.ShapesDigest(), c.ShapesDigest())
		doc, err := c.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(canonical), string(doc))
		require.Equal(t, before, fmt.Sprint(c), "the contract itself stays as it was")
	}
}

// All that a contract says, GoType aside, is in its digests; shapes are in both.
func TestDigestsCoverEverything(t *testing.T) {
	t.Parallel()
	base := paymentContract(t)
	config, ok := base.Shape("config")
	require.True(t, ok)
	at := slices.IndexFunc(base.Shapes, func(s plugreg.Shape) bool { return s.Name == config.Name })
	plugin := slices.IndexFunc(base.Shapes, func(s plugreg.Shape) bool { return s.Name == "plugin" })
	for _, tt := range []struct {
		name             string
		change           func(c *plugreg.Contract)
		contract, shapes bool
	}{
		{"nothing", func(*plugreg.Contract) {}, false, false},
		{"go type", func(c *plugreg.Contract) { c.Shapes[0].GoType += "2" }, false, false},
		{"signatures, which are computed", func(c *plugreg.Contract) {
			c.Shapes[at].Fields[0].Signature, c.Shapes[plugin].Methods[0].Signature = plugreg.Digest{}, plugreg.Digest{}
		}, false, false},
		{"name", func(c *plugreg.Contract) { c.Name += "2" }, true, false},
		{"version", func(c *plugreg.Contract) { c.Version = "1.4.3" }, true, false},
		{"build metadata", func(c *plugreg.Contract) { c.Version += "+b" }, true, false},
		{"policy", func(c *plugreg.Contract) { c.Policy = plugreg.Full }, true, false},
		{"requirement", func(c *plugreg.Contract) { c.Requires[0].Name += "2" }, true, false},
		{"constraint", func(c *plugreg.Contract) { c.Requires[1].Constraint = "^1.3" }, true, false},
		{"optional", func(c *plugreg.Contract) { c.Requires[0].Optional = false }, true, false},
		{"no requirements", func(c *plugreg.Contract) { c.Requires = nil }, true, false},
		{"use", func(c *plugreg.Contract) { c.Uses[0] += "2" }, true, false},
		{"no shapes", func(c *plugreg.Contract) { c.Shapes = nil }, true, true},
		{"shape's name", func(c *plugreg.Contract) { c.Shapes[0].Name += "2" }, true, true},
		{"role", func(c *plugreg.Contract) { c.Shapes[0].Role = plugreg.RoleData }, true, true},
		{"kind", func(c *plugreg.Contract) { c.Shapes[0].Kind = "interface" }, true, true},
		{"comparable", func(c *plugreg.Contract) { c.Shapes[0].Comparable = true }, true, true},
		{"field's name", func(c *plugreg.Contract) { c.Shapes[at].Fields[0].Name += "2" }, true, true},
		{"wire", func(c *plugreg.Contract) { c.Shapes[at].Fields[0].Wire += "2" }, true, true},
		{"field's type", func(c *plugreg.Contract) { c.Shapes[at].Fields[0].Type += "2" }, true, true},
		{"tag", func(c *plugreg.Contract) { c.Shapes[at].Fields[0].Tag += " " }, true, true},
		{"default", func(c *plugreg.Contract) { c.Shapes[at].Fields[0].Default = "6s" }, true, true},
		{"alias", func(c *plugreg.Contract) { c.Shapes[at].Fields[0].Aliases = []string{"x"} }, true, true},
		{"position", func(c *plugreg.Contract) { c.Shapes[at].Fields[3].Position++ }, true, true},
		{"required", func(c *plugreg.Contract) { c.Shapes[at].Fields[0].Required = true }, true, true},
		{"embedded", func(c *plugreg.Contract) { c.Shapes[at].Fields[0].Embedded = true }, true, true},
		{"order of fields", func(c *plugreg.Contract) { slices.Reverse(c.Shapes[at].Fields) }, true, true},
		{"method's name", func(c *plugreg.Contract) { c.Shapes[plugin].Methods[0].Name += "2" }, true, true},
		{"method's type", func(c *plugreg.Contract) { c.Shapes[plugin].Methods[0].Type += "2" }, true, true},
		{"receiver", func(c *plugreg.Contract) { c.Shapes[plugin].Methods[0].Pointer = false }, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := paymentContract(t)
			require.Equal(t, base, c)
			tt.change(&c)
			require.Equal(t, tt.contract, base.Digest() != c.Digest(), "contract digest")
			require.Equal(t, tt.shapes, base.ShapesDigest() != c.ShapesDigest(), "shapes digest")
		})
	}
}

func TestParseContractRefusals(t *testing.T) {
	t.Parallel()
	const sum = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	long := strings.Repeat("x", 129)
	for _, tt := range []struct{ name, old, new, want string }{
		// What is no document of the format.
		{"format", "contract/v1", "contract/v2", `$.format: want "plugreg/contract/v1", found "plugreg/contract/v2"`},
		{"format missing", `"format": "plugreg/contract/v1",`, ``, `$.format: want "plugreg/contract/v1", found ""`},
		{"format of another kind", `"plugreg/contract/v1"`, `1`, `$.format: want "plugreg/contract/v1", found ""`},
		{"no object", foreignDoc, `[]`, `$: want an object, found an array`},
		{"empty", foreignDoc, ``, `$: want a value, found the end of the document`},
		{"cut off", `]}]
}`, `]}]`, `$.shapes: want "," or "}"`},
		{"more behind", `]}]
}`, `]}]}{}`, `$: want the end of the document`},

		// What canonical JSON cannot say.
		{"null", `["metrics", "cache:fallback"]`, `null`, `$.uses: null is not part of canonical JSON; leave the key out`},
		{"float", `"position": 4`, `"position": 4.0`, `$.shapes[1].fields[2].position: want an integer without fraction, exponent or leading zeros, found "4.0"`},
		{"exponent", `"position": 4`, `"position": 4e0`, `$.shapes[1].fields[2].position: want an integer without fraction, exponent or leading zeros, found "4e0"`},
		{"beyond int64", `"position": 4`, `"position": 9223372036854775808`, `$.shapes[1].fields[2].position: want an integer from -9223372036854775808 to 9223372036854775807, found "9223372036854775808"`},
		{"bad UTF-8", `"^1"`, "\"^\xff\"", `$.requires[0].constraint: byte 0xff is not valid UTF-8`},
		{"lone surrogate", `"^1"`, `"\ud800"`, `$.requires[0].constraint: surrogate \ud800 has no partner`},
		{"duplicate key", `"uses": [`, `"uses": [], "name": "x", "\u0075ses": [`, `$.name: the object has this key twice`},
		{"key beyond ASCII", `"uses": [`, `"üses": [`, `$["üses"]: a key must be ASCII`},

		// Keys and kinds.
		{"unknown key", `"uses": [`, `"used": [], "uses": [`, `$.used: unknown key`},
		{"unknown key of a field", `"wire": "id"`, `"wire": "id", "doc": "x"`, `$.shapes[1].fields[0].doc: unknown key`},
		{"missing key", `"policy": "full",`, ``, "$.policy: missing; want a string\n$.policy: policy: want one of default, unchecked, forward, backward, full, strict, have \"\""},
		{"missing list", `"uses": ["metrics", "cache:fallback"],`, ``, `$.uses: missing; want an array`},
		{"missing key of a method", `, "pointer": false},`, `},`, `$.shapes[0].methods[0].pointer: missing; want a bool`},
		{"missing key of a field", `"default": "", "aliases": ["key", "no"],`, `"aliases": [],`, `$.shapes[1].fields[0].default: missing; want a string`},
		{"another kind", `"optional": true`, `"optional": 1`, `$.requires[1].optional: want a bool, found an integer`},
		{"list of another kind", `"uses": ["metrics", "cache:fallback"]`, `"uses": "metrics"`, `$.uses: want an array, found a string`},
		{"element of another kind", `["key", "no"]`, `["key", 1]`, `$.shapes[1].fields[0].aliases[1]: want a string, found an integer`},
		{"shape of another kind", `"shapes": [`, `"shapes": ["x",`, "$.shapes[0]: want an object, found a string"},

		// Digests.
		{"digest", `"uses": [`, `"digest": "` + sum + `", "uses": [`, `$.digest: "` + sum + `" is not that of the content, which is ` + digestOfForeign(t)},
		{"shapes digest", `"uses": [`, `"shapes_digest": "` + sum + `", "uses": [`, `$.shapes_digest: "` + sum + `" is not that of the content, which is ` + shapesOfForeign(t)},
		{"no digest", `"uses": [`, `"digest": "", "uses": [`, `$.digest: "" is not that of the content, which is ` + digestOfForeign(t)},
		{"digest of another kind", `"uses": [`, `"digest": 0, "uses": [`, "$.digest: want a string, found an integer\n" + `$.digest: "" is not that of the content, which is ` + digestOfForeign(t)},
		{"signature of a field", `"name": "ID"`, `"name": "ID", "signature": "` + sum + `"`, `$.shapes[1].fields[0].signature: "` + sum + `" is not that of the content, which is sha256:964738cb2cb2d84c26bd4c764f32199a4a24c6992d9138659df00fc29f1cf74a`},
		{"signature of a method", `"name": "Close"`, `"name": "Close", "signature": "` + long + `"`, `$.shapes[0].methods[1].signature: "` + long[:80] + `…" is not that of the content, which is sha256:3eb365b4785691599b4ef1821f469ee2ac47048759f0c297374fe8afda323c8c`},

		// Values.
		{"name", `"acme.pay"`, `"-acme"`, `$.name: name: want 1 to 128 ASCII letters, digits and . _ -, the first a letter or digit, have "-acme"`},
		{"name too long", `"acme.pay"`, `"` + long + `"`, `$.name: name: want 1 to 128 ASCII letters, digits and . _ -, the first a letter or digit, have 129 bytes`},
		{"version", `"1.2.3"`, `"1.2"`, `$.version: version "1.2": invalid syntax: fewer than three numbers; write major.minor.patch, as in "1.2.3"`},
		{"version with a leading v", `"1.2.3"`, `"v1.2.3"`, `$.version: want "1.2.3", found "v1.2.3"`},
		{"version too big", `"1.2.3"`, `"65536.2.3"`, `$.version: version "65536.2.3": number out of range: major 65536 is above the limit 65535`},
		{"policy", `"full"`, `"Full"`, `$.policy: policy: want one of default, unchecked, forward, backward, full, strict, have "Full"`},
		{"requirement's name", `"ledger"`, `"led ger"`, `$.requires[0].name: name: want 1 to 128 ASCII letters, digits and . _ -, the first a letter or digit, have "led ger"`},
		{"constraint", `"^1"`, `"^"`, `$.requires[0].constraint: `},
		{"requirement twice", `"audit"`, `"ledger"`, `$.requires: "ledger" stands there twice`},
		{"use", `"metrics"`, `":metrics"`, `$.uses: name: want 1 to 128 ASCII letters, digits and . _ - :, the first a letter or digit, have ":metrics"`},
		{"use twice", `"metrics"`, `"cache:fallback"`, `$.uses: "cache:fallback" stands there twice`},
		{"shape without a name", `"name": "contract"`, `"name": ""`, `$.shapes[0].name: want text without control characters, found ""`},
		{"shape twice", `"name": "contract"`, `"name": "data:Order"`, `$.shapes: "data:Order" stands there twice`},
		{"role", `"role": "both"`, `"role": "none"`, `$.shapes[0].role: unknown role "none"`},
		{"kind", `"kind": "interface"`, `"kind": "inter\nface"`, `$.shapes[0].kind: want text without control characters, found "inter\nface"`},
		{"fields of an interface", `"kind": "struct"`, `"kind": "interface"`, `$.shapes[1].fields: only a struct has fields, not "interface"`},
		{"field's name", `"name": "ID"`, `"name": "I|D"`, `$.shapes[1].fields[0].name: want a Go identifier, found "I|D"`},
		{"field's name begins with a digit", `"name": "ID"`, `"name": "1D"`, `$.shapes[1].fields[0].name: want a Go identifier, found "1D"`},
		{"field without a name", `"name": "ID"`, `"name": ""`, `$.shapes[1].fields[0].name: want text without control characters, found ""`},
		{"field twice", `"name": "_"`, `"name": "ID"`, `$.shapes[1].fields: "ID" stands there twice`},
		{"field's type", `"type": "string"`, `"type": ""`, `$.shapes[1].fields[0].type: want text without control characters, found ""`},
		{"negative position", `"position": 0`, `"position": -1`, `$.shapes[1].fields[0].position: want 0 to 2147483647, found -1`},
		{"position too big", `"position": 4`, `"position": 2147483648`, `$.shapes[1].fields[2].position: want 0 to 2147483647, found 2147483648`},
		{"position that is 4 in 32 bits", `"position": 4`, `"position": 4294967300`, `$.shapes[1].fields[2].position: want 0 to 2147483647, found 4294967300`},
		{"same position", `"position": 4`, `"position": 1`, `$.shapes[1].fields: "_" at position 1 follows position 1: want them in order of declaration`},
		{"position before", `"position": 4`, `"position": 0`, `$.shapes[1].fields: "_" at position 0 follows position 1: want them in order of declaration`},
		{"method's name", `"name": "Pay"`, `"name": "Pa\u0000y"`, `$.shapes[0].methods[0].name: want text without control characters, found "Pa\x00y"`},
		{"method's name with a separator", `"name": "Pay"`, `"name": "a|b.pay"`, `$.shapes[0].methods[0].name: want a Go identifier, after its package where it is not exported, found "a|b.pay"`},
		{"method's name is none", `"name": "Pay"`, `"name": ".1"`, `$.shapes[0].methods[0].name: want a Go identifier, found "1"`},
		{"method of an interface on the pointer", `"type": "func() error", "pointer": false`, `"type": "func() error", "pointer": true`, `$.shapes[0].methods: a method of an interface has no receiver, so "pointer" must be false`},
		{"method without a name", `"name": "Pay"`, `"name": "example.com/pay."`, `$.shapes[0].methods[0].name: want text without control characters, found ""`},
		{"method twice", `"name": "Pay"`, `"name": "Close"`, `$.shapes[0].methods: "Close" stands there twice`},
		{"method's type", `"type": "func() error"`, `"type": "func()\u0085"`, `$.shapes[0].methods[1].type: want text without control characters, found "func()\u0085"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, foreignDoc, tt.old)
			doc := []byte(strings.Replace(foreignDoc, tt.old, tt.new, 1))
			c, err := plugreg.ParseContract(doc)
			require.Zero(t, c)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Equal(t, "INVALID", plugreg.CodeOf(err))
			_, ok := errors.AsType[*plugreg.PluginError](err)
			require.True(t, ok)
			_, text, found := strings.Cut(err.Error(), "contract document: invalid: ")
			require.True(t, found, err)
			text = offset.ReplaceAllString(text, "")
			if strings.HasSuffix(tt.want, ": ") {
				require.True(t, strings.HasPrefix(text, tt.want), text)
			} else {
				require.Equal(t, tt.want, text)
			}

			kept := paymentContract(t)
			require.Error(t, kept.UnmarshalJSON(doc))
			require.Equal(t, paymentContract(t), kept, "it is as it was")
		})
	}
}

// offset is what a fault of the spelling begins with; a path follows.
var offset = regexp.MustCompile(`^byte \d+, `)

func digestOfForeign(t *testing.T) string {
	c, err := plugreg.ParseContract([]byte(foreignDoc))
	require.NoError(t, err)
	return c.Digest().String()
}

func shapesOfForeign(t *testing.T) string {
	c, err := plugreg.ParseContract([]byte(foreignDoc))
	require.NoError(t, err)
	return c.ShapesDigest().String()
}

// All faults come at once, up to a number that still can be read, and the message says whose they are.
func TestParseContractListsAllFaults(t *testing.T) {
	t.Parallel()
	doc := strings.NewReplacer(`"full"`, `"fool"`, `"name": "ID"`, `"name": "I D"`, `"pointer": false`, `"Pointer": false`).Replace(foreignDoc)
	_, err := plugreg.ParseContract([]byte(doc))
	require.EqualError(t, err, `plugin "acme.pay" 1.2.3: contract document: invalid: $.policy: policy: want one of default, unchecked, forward, backward, full, strict, have "fool"
$.shapes[0].methods[0].pointer: missing; want a bool
$.shapes[0].methods[0].Pointer: unknown key
$.shapes[0].methods[1].pointer: missing; want a bool
$.shapes[0].methods[1].Pointer: unknown key
$.shapes[1].fields[0].name: want a Go identifier, found "I D"`)

	many := strings.Replace(foreignDoc, `["metrics", "cache:fallback"]`, `["`+strings.Repeat(`","`, 199)+`"]`, 1)
	_, err = plugreg.ParseContract([]byte(many))
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.Less(t, len(err.Error()), 10_000)
	require.ErrorContains(t, err, "more")

	_, err = plugreg.ParseContract([]byte(strings.Replace(foreignDoc, `"acme.pay"`, `"`+strings.Repeat("é ", 10_000)+`"`, 1)))
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.Less(t, len(err.Error()), 1_000)
}

func TestParseContractLimits(t *testing.T) {
	t.Parallel()
	wrap := func(value string) []byte { return []byte(`{"x":` + value + `}`) }
	for _, tt := range []struct {
		name string
		doc  []byte
		want string
	}{
		{"bytes", bytes.Repeat([]byte{' '}, 16<<20+1), "byte 16777216, $: the document is too long: 16777217 bytes, at most 16777216 are read"},
		{"as many bytes as are read", bytes.Repeat([]byte{' '}, 16<<20), "byte 16777216, $: want a value, found the end of the document"},
		{"depth", wrap(strings.Repeat("[", 64) + strings.Repeat("]", 64)), "byte 68, $.x" + strings.Repeat("[0]", 63) + ": arrays and objects are nested too deeply: at most 64 levels are read"},
		{"as deep as is read", wrap(strings.Repeat("[", 63) + strings.Repeat("]", 63)), `$.format: want "plugreg/contract/v1", found ""`},
		{"values", wrap("[" + strings.Repeat("0,", 999_998) + "0]"), "byte 2000002, $.x[999998]: the document has too many values: at most 1000000 are read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := plugreg.ParseContract(tt.doc)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.ErrorContains(t, err, "contract document: invalid: "+tt.want)
		})
	}
}

// Through encoding/json, which escapes more than is canonical, nothing is lost.
func TestContractThroughEncodingJSON(t *testing.T) {
	t.Parallel()
	c, err := plugreg.ContractOf[fixtures.Tags]("acme.tags", "1.0.0")
	require.NoError(t, err)
	type record struct{ Old, New *plugreg.Contract }
	doc, err := json.Marshal(record{Old: &c, New: nil})
	require.NoError(t, err)
	require.Contains(t, string(doc), `\u003cb\u003e`)
	var back record
	require.NoError(t, json.Unmarshal(doc, &back))
	require.Nil(t, back.New)
	require.Equal(t, c, *back.Old)
	require.Equal(t, c.Digest(), back.Old.Digest())
}

func TestMarshalContractRefusals(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 200)
	for _, tt := range []struct {
		name     string
		contract plugreg.Contract
		want     string
	}{
		{"policy", plugreg.Contract{Policy: plugreg.Strict + 1}, "policy: want one of default, unchecked, forward, backward, full, strict, have policy(6)"},
		{"name", plugreg.Contract{Name: "\xff", Version: "1.0.0"}, `plugin "\xff" 1.0.0: contract: want UTF-8, have text that is not UTF-8`},
		{"tag", plugreg.Contract{Name: long, Version: "1.0.0", Shapes: []plugreg.Shape{{Fields: []plugreg.Field{{Tag: "a\xc3"}}}}},
			`plugin "` + long[:128] + `…" 1.0.0: contract: want UTF-8, have text that is not UTF-8`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			doc, err := tt.contract.MarshalJSON()
			require.Nil(t, doc)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.EqualError(t, err, tt.want)
			_, err = json.Marshal(tt.contract)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
		})
	}
}

// The zero Contract can be written, so that a dump never fails; it names no plugin, so it cannot be read.
func TestZeroContract(t *testing.T) {
	t.Parallel()
	var c plugreg.Contract
	doc, err := c.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, `{"digest":"`+c.Digest().String()+`","format":"plugreg/contract/v1","name":"","policy":"default","requires":[],"shapes":[],
		"shapes_digest":"`+c.ShapesDigest().String()+`","uses":[],"version":""}`, string(doc))
	_, err = plugreg.ParseContract(doc)
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.ErrorContains(t, err, "$.name: ")
	require.ErrorContains(t, err, "$.version: ")
}
