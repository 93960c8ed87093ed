// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/internal/fixture/bill110"
	"github.com/plugreg/plugreg/internal/fixture/bill123"
	"github.com/plugreg/plugreg/internal/fixture/bill123twin"
)

// Two packages may declare one version: equal shapes have equal digests, and payloads cross as they are.
func TestTwinTypes(t *testing.T) {
	t.Parallel()
	a := bill(t, "1.2.3", plugreg.Strict, bill123.Request{}, bill123.Receipt{})
	b := bill(t, "1.2.3", plugreg.Strict, &bill123twin.Receipt{}, &bill123twin.Request{})
	require.Equal(t, a.ShapesDigest(), b.ShapesDigest())
	require.Equal(t, a.Digest(), b.Digest())
	payload := encoded(t, a, request123)
	v, lines, err := decodedAs[bill123twin.Request](t, payload, b, a, plugreg.DecodeOptions{})
	require.NoError(t, err)
	require.Empty(t, lines)
	require.Equal(t, payload, encoded(t, b, v))
	back, lines, err := decodedAs[bill123.Request](t, encoded(t, b, &v), a, b, plugreg.DecodeOptions{})
	require.NoError(t, err)
	require.Empty(t, lines)
	require.Equal(t, request123, back)
}

func TestEncode(t *testing.T) {
	t.Parallel()
	c := bill(t, "1.2.3", plugreg.Default, bill123.Request{}, bill123.Receipt{})
	payload := encoded(t, c, bill123.Receipt{ID: "r"})
	require.Equal(t, `{"contract":"acme.bill@1.2.3","digest":"`+c.Digest().String()+`","shape":"data:Receipt","data":{"id":"r"}}`, string(payload))
	codec, err := plugreg.NewCodec[bill123.Request](c, plugreg.DecodeOptions{})
	require.NoError(t, err)
	payload, err = codec.Encode(request123)
	require.NoError(t, err)
	require.Equal(t, string(encoded(t, c, &request123)), string(payload))
	var envelope struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal(payload, &envelope))
	bare, err := json.Marshal(request123)
	require.NoError(t, err)
	require.Equal(t, string(bare), string(envelope.Data), "as encoding/json writes it")

	v, adjustments, err := codec.Decode(payload)
	require.NoError(t, err)
	require.Nil(t, adjustments)
	require.Equal(t, request123, v)
}

type (
	codecOmitting struct {
		Must  string  `json:"must,omitempty" plugreg:"required"`
		Five  int     `json:"five,omitempty" plugreg:"default=5"`
		Half  *string `json:"half,omitzero" plugreg:"default=x"`
		Plain int     `json:"plain,omitempty"`
	}
	codecFloats struct{ F []float64 }
	codecText   struct{ S map[string]string }
	codecRing   struct{ Next *codecRing }
	codecCode   string
	codecList   []codecCode
	codecIndex  map[codecCode]codecOmitting
)

func TestEncodeNeverOmitsWhatComesBackOtherwise(t *testing.T) {
	t.Parallel()
	c := contractOf[codecOmitting](t)
	payload := encoded(t, c, codecOmitting{})
	require.Contains(t, string(payload), `"data":{"must":"","five":0,"half":null}}`)
	v, adjustments, err := plugreg.Decode[codecOmitting](payload, c, c, plugreg.DecodeOptions{})
	require.NoError(t, err)
	require.Empty(t, adjustments)
	require.Equal(t, codecOmitting{}, v)
}

// roundTrip writes v and reads it again, as a T and as a pointer to one.
func roundTrip[T any](v T) func(t *testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		c := contractOf[T](t)
		payload := encoded(t, c, v)
		require.Equal(t, payload, encoded(t, c, &v))
		w, adjustments, err := plugreg.Decode[T](payload, c, c, plugreg.DecodeOptions{})
		require.NoError(t, err)
		require.Nil(t, adjustments)
		require.Equal(t, v, w)
		p, _, err := plugreg.Decode[*T](payload, c, c, plugreg.DecodeOptions{})
		require.NoError(t, err)
		require.Equal(t, v, *p)
	}
}

func TestPayloadsOfEveryKind(t *testing.T) {
	t.Parallel()
	t.Run("struct", roundTrip(codecOmitting{Must: "m", Five: 1}))
	t.Run("named string", roundTrip(codecCode("<&>\u2028")))
	t.Run("named slice", roundTrip(codecList{"a", ""}))
	t.Run("named map", roundTrip(codecIndex{"a": {Must: "m"}}))
	t.Run("type that writes itself", roundTrip(time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC)))
	t.Run("generic", roundTrip(bill110.Page[bill110.Line]{Items: []bill110.Line{{SKU: "x"}}}))
	t.Run("recursive", roundTrip(codecRing{Next: &codecRing{}}))
	t.Run("slice", func(t *testing.T) {
		t.Parallel()
		c := contractOf[[]codecCode](t)
		v, _, err := plugreg.Decode[[]codecCode](encoded(t, c, []codecCode{"a"}), c, c, plugreg.DecodeOptions{})
		require.NoError(t, err)
		require.Equal(t, []codecCode{"a"}, v)
	})
	t.Run("map", func(t *testing.T) {
		t.Parallel()
		c := contractOf[map[string]*codecOmitting](t)
		v, _, err := plugreg.Decode[map[string]*codecOmitting](encoded(t, c, map[string]*codecOmitting{"a": nil}), c, c, plugreg.DecodeOptions{})
		require.NoError(t, err)
		require.Equal(t, map[string]*codecOmitting{"a": nil}, v)
	})
	t.Run("pointer to a basic type", func(t *testing.T) {
		t.Parallel()
		c := contractOf[*int](t)
		n := 3
		v, _, err := plugreg.Decode[*int](encoded(t, c, &n), c, c, plugreg.DecodeOptions{})
		require.NoError(t, err)
		require.Equal(t, 3, *v)
	})
	t.Run("nil pointer", func(t *testing.T) {
		t.Parallel()
		c := contractOf[codecOmitting](t)
		payload := encoded(t, c, (*codecOmitting)(nil))
		v, _, err := plugreg.Decode[*codecOmitting](payload, c, c, plugreg.DecodeOptions{})
		require.NoError(t, err)
		require.Nil(t, v)
		_, _, err = plugreg.Decode[codecOmitting](payload, c, c, plugreg.DecodeOptions{})
		require.ErrorContains(t, err, "have null")
	})
	t.Run("basic type that a plugin lists", func(t *testing.T) {
		t.Parallel()
		c := bill(t, "1.0.0", plugreg.Default, 0, []string{})
		require.Contains(t, string(encoded(t, c, 5)), `"shape":"data:int","data":5`)
		require.Contains(t, string(encoded(t, c, []string{"a"})), `"shape":"data:[]string","data":["a"]`)
	})
}

// The pointer's own contract is that of what it points to.
func TestPointersArePayloadsOfWhatTheyPointTo(t *testing.T) {
	t.Parallel()
	a, b := bill(t, "1.0.0", plugreg.Default, bill110.Receipt{}), bill(t, "1.0.0", plugreg.Default, &bill110.Receipt{})
	require.Equal(t, a.ShapesDigest(), b.ShapesDigest())
	require.Equal(t, encoded(t, a, bill110.Receipt{}), encoded(t, b, &bill110.Receipt{}))
	_, err := plugreg.NewCodec[**bill110.Receipt](a, plugreg.DecodeOptions{})
	require.ErrorContains(t, err, "data:Receipt is struct, and **bill110.Receipt is ptr")
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	ring := &codecRing{}
	ring.Next = ring
	for _, tt := range []struct {
		name     string
		contract plugreg.Contract
		value    any
		want     string
	}{
		{"nil", contractOf[codecRing](t), nil, "nothing to encode: v is nil"},
		{"not a number", contractOf[codecFloats](t), codecFloats{[]float64{1, math.NaN()}}, "field F[1]: have NaN, want a finite number"},
		{"infinity", contractOf[codecFloats](t), codecFloats{[]float64{math.Inf(-1)}}, "field F[0]: have -Inf, want a finite number"},
		{"no UTF-8", contractOf[codecText](t), codecText{map[string]string{"k": "\xff"}}, "field S.k: have a string that is not valid UTF-8"},
		{"no UTF-8 in a key", contractOf[codecText](t), codecText{map[string]string{"\xff": ""}}, "have a string that is not valid UTF-8"},
		{"a cycle", contractOf[codecRing](t), ring, "field Next.Next.Next.Next.Next.Next.Next.Next: have values nested more than 100 deep"},
		{"a panic", contractOf[codecRude](t), codecRude{marshal: func() { panic("no") }}, "MarshalJSON panicked: no"},
		{"another type", contractOf[codecRing](t), codecText{}, "it does not describe plugreg_test.codecText: contract has a field Next at position 0, and plugreg_test.codecText has none there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			payload, err := plugreg.Encode(tt.contract, tt.value)
			require.Nil(t, payload)
			require.ErrorIs(t, err, plugreg.ErrContract)
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, "CONTRACT", plugreg.CodeOf(err))
		})
	}
}

// codecRude does in its methods whatever it is told to.
type codecRude struct{ marshal func() }

func (c codecRude) MarshalJSON() ([]byte, error) {
	if c.marshal != nil {
		c.marshal()
	}
	return []byte(`"x"`), nil
}

func (c *codecRude) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"panic"`:
		panic(errCodec)
	case `"goexit"`:
		runtime.Goexit()
	case `"fail"`:
		return errCodec
	}
	return nil
}

var errCodec = errors.New("rude")

func TestRudeMethods(t *testing.T) {
	t.Parallel()
	c := contractOf[codecRude](t)
	payload := string(encoded(t, c, codecRude{}))
	for _, does := range []string{"panic", "fail"} {
		_, adjustments, err := plugreg.Decode[codecRude]([]byte(strings.Replace(payload, `"x"`, `"`+does+`"`, 1)), c, c, plugreg.DecodeOptions{})
		require.ErrorIs(t, err, errCodec)
		require.ErrorIs(t, err, plugreg.ErrContract)
		require.Nil(t, adjustments)
	}
	done := make(chan bool)
	go func() { // Goexit is not ours to stop: it ends the goroutine that called
		defer close(done)
		_, _, _ = plugreg.Decode[codecRude]([]byte(strings.Replace(payload, `"x"`, `"goexit"`, 1)), c, c, plugreg.DecodeOptions{})
		done <- true
	}()
	require.False(t, <-done)
	encoding := make(chan bool)
	go func() {
		defer close(encoding)
		_, _ = plugreg.Encode(c, codecRude{marshal: runtime.Goexit})
		encoding <- true
	}()
	require.False(t, <-encoding)
}

func TestNewCodecRefuses(t *testing.T) {
	t.Parallel()
	c := contractOf[codecRing](t)
	with := func(change func(*plugreg.Contract)) plugreg.Contract {
		changed := c
		change(&changed)
		return changed
	}
	badName, badVersion := with(func(c *plugreg.Contract) { c.Name = "" }), with(func(c *plugreg.Contract) { c.Version = "1" })
	badPolicy := with(func(c *plugreg.Contract) { c.Policy = 9 })
	other := with(func(c *plugreg.Contract) { c.Name = "y" })
	for _, tt := range []struct {
		name    string
		self    plugreg.Contract
		opts    plugreg.DecodeOptions
		writers []plugreg.Contract
		want    string
	}{
		{"no name", badName, plugreg.DecodeOptions{}, nil, "name: want 1 to 128 ASCII letters"},
		{"no version", badVersion, plugreg.DecodeOptions{}, nil, `"1"`},
		{"nothing", plugreg.Contract{}, plugreg.DecodeOptions{}, nil, "payload: invalid"},
		{"a writer without version", c, plugreg.DecodeOptions{}, []plugreg.Contract{badVersion}, `"1"`},
		{"two writers of other plugins", c, plugreg.DecodeOptions{}, []plugreg.Contract{other, c, other}, `it is the contract of another plugin than "x"`},
		{"no policy", c, plugreg.DecodeOptions{Policy: 6}, nil, "want one of default, unchecked, forward, backward, full, strict, have policy(6)"},
		{"a reader without policy", badPolicy, plugreg.DecodeOptions{}, nil, "have policy(9)"},
		{"a writer without policy", c, plugreg.DecodeOptions{}, []plugreg.Contract{badPolicy}, "have policy(9)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			codec, err := plugreg.NewCodec[codecRing](tt.self, tt.opts, tt.writers...)
			require.Nil(t, codec)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.ErrorContains(t, err, tt.want)
			require.NotErrorIs(t, err, plugreg.ErrContract)
			if len(tt.writers) > 1 {
				require.Equal(t, 2, strings.Count(err.Error(), tt.want), "each is named")
				return
			}
			writer := tt.self
			if len(tt.writers) == 1 {
				writer = tt.writers[0]
			}
			_, _, one := plugreg.Decode[codecRing](nil, tt.self, writer, tt.opts)
			require.EqualError(t, one, err.Error())
		})
	}
}

func TestTypesThatAreNoPayload(t *testing.T) {
	t.Parallel()
	c := bill(t, "1.2.3", plugreg.Default, bill123.Request{}, bill123.Receipt{})
	_, err := plugreg.NewCodec[any](c, plugreg.DecodeOptions{})
	require.EqualError(t, err, `plugin "acme.bill" 1.2.3: payload: contract violation: it does not describe interface {}: it describes no payload "data:any": list the type in Plugin.Data`)
	_, err = plugreg.NewCodec[error](c, plugreg.DecodeOptions{})
	require.ErrorContains(t, err, `it describes no payload "data:error"`)
	_, err = plugreg.NewCodec[bill123.Party](c, plugreg.DecodeOptions{})
	require.ErrorContains(t, err, `it describes no payload "data:Party"`, "it is reached, and not listed")
	_, err = plugreg.NewCodec[bill110.Request](c, plugreg.DecodeOptions{})
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.ErrorContains(t, err, "data:Request has a field Note at position 11, and bill110.Request has none there")
	noJSON := c
	noJSON.Shapes = []plugreg.Shape{{Name: "data:chan int", Role: plugreg.RoleData, Kind: "chan int"}}
	_, err = plugreg.NewCodec[chan int](noJSON, plugreg.DecodeOptions{})
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.ErrorContains(t, err, "chan int, want a type that JSON can carry")
}

// The keys of a payload may stand in any order, and what is wrong with it is told in the order of what explains most.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	c := bill(t, "1.2.3", plugreg.Default, bill123.Request{}, bill123.Receipt{})
	old := bill(t, "1.1.0", plugreg.Default, bill110.Request{}, bill110.Receipt{})
	far := bill(t, "2.0.0", plugreg.Default, bill110.Request{}, bill110.Receipt{})
	codec, err := plugreg.NewCodec[bill123.Receipt](c, plugreg.DecodeOptions{}, old, far)
	require.NoError(t, err)
	member := map[string]string{
		"c": `"contract":"acme.bill@1.2.3"`, "g": `"digest":"` + c.Digest().String() + `"`, "s": `"shape":"data:Receipt"`, "d": `"data":{"id":"r","more":1}`,
		"C": `"contract":"acme.bill@1.1.0"`, "G": `"digest":"` + old.Digest().String() + `"`, "S": `"shape":"data:Request"`, "D": `"data":{"id":1,"ID":[]}`,
		"F": `"contract":"acme.bill@2.0.0","digest":"` + far.Digest().String() + `"`, "u": `"color":{"a":[1,2]}`, "o": `"contract":"acme.fold@1.2.3"`,
		"X": `"digest":"sha256:` + strings.Repeat("0", 64) + `"`, "n": `"digest":null`, "t": `"data":{"id":"r","id":"s"}`, "w": `"data":{"id":"\ud800"}`,
	}
	spell := func(order string) []byte {
		var parts []string
		for _, k := range order {
			parts = append(parts, member[string(k)])
		}
		return []byte("{" + strings.Join(parts, ", ") + " }")
	}
	for _, order := range []string{"cgsd", "dcgs", "gdsc", "sgcd", "dsgc", "cgd", "dgc", "gcd", "CGsd", "dGCs"} {
		v, adjustments, err := codec.Decode(spell(order))
		require.NoError(t, err, order)
		require.Equal(t, bill123.Receipt{ID: "r"}, v)
		require.Equal(t, []plugreg.Adjustment{{Kind: plugreg.FieldDropped, Path: "more"}}, adjustments)
	}
	const head = `plugin "acme.bill" 1.2.3: payload: contract violation: `
	for _, tt := range []struct{ order, want string }{
		{"", `it is no payload that Encode wrote: "contract" is missing` + "\n" + `"digest" is missing` + "\n" + `"data" is missing`},
		{"cgs", `it is no payload that Encode wrote: "data" is missing`},
		{"gsd", `it is no payload that Encode wrote: "contract" is missing`},
		{"csd", `it is no payload that Encode wrote: "digest" is missing`},
		{"cgsud", `it is no payload that Encode wrote: unknown key "color"`},
		{"cgsdd", `it is no payload that Encode wrote: "data" stands there twice`},
		{"ddcgg", `it is no payload that Encode wrote: "data" stands there twice` + "\n" + `"digest" stands there twice`},
		{"Xcsd", `it was written under "acme.bill@1.2.3" with the digest "sha256:` + strings.Repeat("0", 64) + `", and no contract with that digest was given`},
		{"Cgsd", `it says that it was written under "acme.bill@1.1.0", and the contract with its digest is "acme.bill@1.2.3"`},
		{"cGsd", `it says that it was written under "acme.bill@1.2.3", and the contract with its digest is "acme.bill@1.1.0"`},
		{"ogsd", `it says that it was written under "acme.fold@1.2.3", and the contract with its digest is "acme.bill@1.2.3"`},
		{"cgSd", `it holds "data:Request", and the type that it is read into is "data:Receipt"`},
		{"cgSD", `it holds "data:Request", and the type that it is read into is "data:Receipt"`},
		{"dcgS", `it holds "data:Request", and the type that it is read into is "data:Receipt"`},
		{"cgsD", `field id: have number 1, want string; write it in quotes`},
		{"Dcgs", `field id: have number 1, want string; write it in quotes`},
		{"cgst", `field id: have the key "id" again; leave one of them out`},
		{"tcgs", `field id: have the key "id" again; leave one of them out`},
		{"wcgs", `field id: have a string with half a surrogate pair, want valid Unicode`},
		{"cnsd", `field digest: have null, want string; write a value`},
	} {
		v, adjustments, err := codec.Decode(spell(tt.order))
		require.EqualError(t, err, head+tt.want, tt.order)
		require.ErrorIs(t, err, plugreg.ErrContract)
		require.Zero(t, v)
		require.Nil(t, adjustments)
	}
	for _, order := range []string{"Fsd", "dFs", "FsD"} {
		_, _, err = codec.Decode(spell(order))
		require.Equal(t, "INCOMPATIBLE", plugreg.CodeOf(err), order)
		require.ErrorIs(t, err, plugreg.ErrContract)
	}

	whole := string(spell("cgsd"))
	for name, text := range map[string]string{
		"empty": "", "space": " \n", "null": "null", "list": "[" + whole + "]", "text": `"x"`, "number": "5", "half": whole[:len(whole)/2],
		"twice": whole + whole, "comment": whole + "//", "byte order mark": "\ufeff" + whole, "no colon": `{"contract"}`, "single quotes": "{'contract':1}",
		"key cut": `{"con`, "bad UTF-8 in a key": "{\"\xff\":1}", "deep": strings.Replace(whole, `:1}`, ":"+strings.Repeat("[", 200)+strings.Repeat("]", 200)+"}", 1),
		"deep elsewhere": `{"color":` + strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1001),
		"huge":           strings.Replace(whole, `"r"`, `"`+strings.Repeat("r", 17<<20)+`"`, 1),
		"many":           strings.Replace(whole, `:1}`, ":["+strings.Repeat("1,", 1_000_000)+"1]}", 1),
	} {
		v, adjustments, err := codec.Decode([]byte(text))
		require.ErrorIs(t, err, plugreg.ErrContract, name)
		require.Zero(t, v)
		require.Nil(t, adjustments)
		require.Less(t, len(err.Error()), 1000, name)
		_, _, one := plugreg.Decode[bill123.Receipt]([]byte(text), c, c, plugreg.DecodeOptions{})
		require.EqualError(t, one, err.Error(), name)
	}
}

// A payload names its contract by digest, so a contract that was changed reads nothing.
func TestTamperedContract(t *testing.T) {
	t.Parallel()
	c := bill(t, "1.2.3", plugreg.Default, bill123.Request{}, bill123.Receipt{})
	payload := encoded(t, c, request123)
	for name, change := range map[string]func(*plugreg.Contract){
		"policy":  func(c *plugreg.Contract) { c.Policy = plugreg.Unchecked },
		"version": func(c *plugreg.Contract) { c.Version = "1.2.4" },
		"uses":    func(c *plugreg.Contract) { c.Uses = []string{"x"} },
	} {
		changed := c
		change(&changed)
		require.NotEqual(t, c.Digest(), changed.Digest(), name)
		_, _, err := plugreg.Decode[bill123.Request](payload, c, changed, plugreg.DecodeOptions{})
		require.ErrorContains(t, err, "no contract with that digest was given", name)
		v, lines, err := decodedAs[bill123.Request](t, payload, changed, c, plugreg.DecodeOptions{})
		require.NoError(t, err, "what it says of the type is the same")
		require.Equal(t, request123, v)
		require.Empty(t, lines)
	}
	digest := c.Digest().String()
	other := "0"
	if digest[len(digest)-1] == '0' {
		other = "1"
	}
	tampered := strings.Replace(string(payload), digest, digest[:len(digest)-1]+other, 1)
	_, _, err := decodedAs[bill123.Request](t, []byte(tampered), c, c, plugreg.DecodeOptions{})
	require.ErrorContains(t, err, "no contract with that digest was given")
}

// What was rolled back is still known: its payloads stay readable.
func TestHistoryKeepsPayloadsReadable(t *testing.T) {
	t.Parallel()
	old, rolledBack := spurPlugin("bill", "1.1.0", nil), spurPlugin("bill", "1.2.3", nil)
	old.Data, rolledBack.Data = []any{bill110.Request{}}, []any{bill123.Request{}}
	r := gears(t, plugreg.Config{}, old, rolledBack)
	d, err := r.Resolve("bill", "1.2.3")
	require.NoError(t, err)
	newer, ok := r.Contract(d)
	require.True(t, ok)
	payload := encoded(t, newer, request123)
	require.NoError(t, r.Unregister(d))
	history := r.History("bill")
	require.Len(t, history, 2)
	codec, err := plugreg.NewCodec[bill110.Request](history[0], plugreg.DecodeOptions{}, history...)
	require.NoError(t, err)
	v, adjustments, err := codec.Decode(payload)
	require.NoError(t, err)
	require.Equal(t, request110, v)
	require.Len(t, adjustments, 8)
}

// Contracts that came as documents do what those that reflection made do.
func TestParsedContracts(t *testing.T) {
	t.Parallel()
	parsed := map[string]plugreg.Contract{}
	for version, c := range bills(t, plugreg.Full) {
		doc, err := json.Marshal(c)
		require.NoError(t, err)
		parsed[version], err = plugreg.ParseContract(doc)
		require.NoError(t, err)
	}
	made := bills(t, plugreg.Full)
	payload := encoded(t, parsed["1.1.0"], request110)
	require.Equal(t, encoded(t, made["1.1.0"], request110), payload)
	v, lines, err := decodedAs[bill123.Request](t, payload, parsed["1.2.3"], parsed["1.1.0"], plugreg.DecodeOptions{})
	require.NoError(t, err)
	w, same, err := decodedAs[bill123.Request](t, payload, made["1.2.3"], made["1.1.0"], plugreg.DecodeOptions{})
	require.NoError(t, err)
	require.Equal(t, w, v)
	require.Equal(t, same, lines)
	require.Len(t, lines, 4)
}

// One codec serves many goroutines.
func TestCodecConcurrently(t *testing.T) {
	t.Parallel()
	contracts := bills(t, plugreg.Backward)
	codec, err := plugreg.NewCodec[bill123.Request](contracts["1.2.3"], plugreg.DecodeOptions{}, contracts["1.1.0"], contracts["2.0.0"])
	require.NoError(t, err)
	old, far := encoded(t, contracts["1.1.0"], request110), encoded(t, contracts["2.0.0"], request200)
	var all sync.WaitGroup
	faults := make(chan error, 8)
	for i := range cap(faults) {
		all.Go(func() {
			faults <- func() error {
				for n := range 50 {
					mine := request123
					mine.Note = fmt.Sprint(i, n)
					payload, err := codec.Encode(mine)
					if err != nil {
						return err
					}
					if v, _, err := codec.Decode(payload); err != nil || v.Note != mine.Note {
						return fmt.Errorf("%v %v", v, err)
					}
					if _, adjustments, err := codec.Decode(old); err != nil || len(adjustments) != 4 {
						return fmt.Errorf("%v %v", adjustments, err)
					}
					if _, _, err := codec.Decode(far); plugreg.CodeOf(err) != "INCOMPATIBLE" {
						return fmt.Errorf("not refused: %v", err)
					}
				}
				return nil
			}()
		})
	}
	all.Wait()
	close(faults)
	for err := range faults {
		require.NoError(t, err)
	}
}

type (
	codecStrict struct {
		A int    `json:"a"`
		B string `json:"b"`
		C int    `json:"c,omitempty"`
		D int    `json:"d,omitempty" plugreg:"default=4"`
		L []codecStrictLine
	}
	codecStrictLine struct {
		N int `json:"n"`
	}
)

// Strict refuses what is missing, at every depth, and all others fill it in.
func TestDecodeStrictRefusesMissingFields(t *testing.T) {
	t.Parallel()
	decode := func(p, declared plugreg.Policy, data string) (codecStrict, []string, error) {
		c := contractOf[codecStrict](t)
		c.Policy = declared
		payload := fmt.Sprintf(`{"contract":"x@1.0.0","digest":"%v","data":%s}`, c.Digest(), data)
		return decodedAs[codecStrict](t, []byte(payload), c, c, plugreg.DecodeOptions{Policy: p})
	}
	for _, declared := range []plugreg.Policy{plugreg.Default, plugreg.Strict} {
		_, _, err := decode(plugreg.Strict, declared, `{"a":1,"L":[{"n":1},{}]}`)
		require.ErrorIs(t, err, plugreg.ErrContract)
		const number = "want int, a whole number from -9223372036854775808 to 9223372036854775807"
		const fix = "; add the key, which is written even for an empty value"
		require.EqualError(t, err, `plugin "x" 1.0.0: payload: contract violation: field L[1].n: have no value, `+number+fix+
			"\nfield b: have no value, want string"+fix+"\nfield d: have no value, "+number+fix)
		v, lines, err := decode(plugreg.Default, declared, `{"a":1,"b":"","d":0,"L":null}`)
		require.NoError(t, err)
		require.Empty(t, lines)
		require.Equal(t, codecStrict{A: 1}, v)
	}
	for _, p := range []plugreg.Policy{plugreg.Default, plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Full} {
		v, lines, err := decode(p, plugreg.Default, `{"a":1}`)
		require.NoError(t, err)
		require.Equal(t, []string{"filled d 4"}, lines)
		require.Equal(t, codecStrict{A: 1, D: 4}, v)
	}
}

// A floor cannot make readers laxer, and Backward is the stricter of the two although it drops what Forward refuses.
func TestForwardAsAFloorLeavesBackwardOpen(t *testing.T) {
	t.Parallel()
	c := contractOf[codecStrictLine](t)
	for declared, refused := range map[plugreg.Policy]bool{plugreg.Default: true, plugreg.Unchecked: true, plugreg.Forward: true, plugreg.Backward: false, plugreg.Full: false} {
		c.Policy = declared
		payload := fmt.Sprintf(`{"contract":"x@1.0.0","digest":"%v","data":{"n":1,"more":2}}`, c.Digest())
		_, _, err := plugreg.Decode[codecStrictLine]([]byte(payload), c, c, plugreg.DecodeOptions{Policy: plugreg.Forward})
		require.Equal(t, refused, err != nil, declared)
	}
}

type (
	codecByPointer struct{ N int }
	codecReached   struct {
		Value codecByPointer
		Map   map[string]codecByPointer
		Any   any
	}
)

func (p *codecByPointer) MarshalText() ([]byte, error) { return fmt.Append(nil, "n", p.N), nil }

func (p *codecByPointer) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "n%d", &p.N)
	return err
}

// Methods of a pointer are called where encoding/json cannot reach them, so that what is written can be read.
func TestEncodeCallsMethodsOfPointers(t *testing.T) {
	t.Parallel()
	v := codecReached{codecByPointer{1}, map[string]codecByPointer{"k": {2}}, codecByPointer{3}}
	bare, err := json.Marshal(v)
	require.NoError(t, err)
	require.Equal(t, `{"Value":{"N":1},"Map":{"k":{"N":2}},"Any":{"N":3}}`, string(bare))
	c := contractOf[codecReached](t)
	payload := encoded(t, c, v)
	require.Contains(t, string(payload), `"data":{"Value":"n1","Map":{"k":"n2"},"Any":"n3"}}`)
	w, _, err := plugreg.Decode[codecReached](payload, c, c, plugreg.DecodeOptions{})
	require.NoError(t, err)
	v.Any = "n3"
	require.Equal(t, v, w)
	t.Run("as the payload", roundTrip(codecByPointer{4}))
}
