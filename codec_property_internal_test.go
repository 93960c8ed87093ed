// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/reader"
	"github.com/plugreg/plugreg/internal/shape"
	"github.com/plugreg/plugreg/internal/tag"
	"github.com/plugreg/plugreg/internal/version"
)

// wireField is a field of a made-up struct type. Types are texts: "map[string]*.S2" holds the struct S2.
type wireField struct {
	name, typ      string
	wire           string // in the tag; empty: none
	empty, zero    bool   // omitempty, omitzero
	quoted         bool
	required       bool
	preset         string // default
	aliases        []string
	embedded, left bool // left out of JSON
}

func (f *wireField) tag() string {
	var b strings.Builder
	if f.left {
		return `json:"-"`
	}
	b.WriteString(f.wire)
	for _, o := range []struct {
		on   bool
		text string
	}{{f.empty, "omitempty"}, {f.zero, "omitzero"}, {f.quoted, "string"}} {
		if o.on {
			b.WriteString("," + o.text)
		}
	}
	text := ""
	if b.Len() > 0 {
		text = `json:"` + b.String() + `"`
	}
	var options []string
	if f.required {
		options = append(options, "required")
	}
	if f.preset != "" {
		options = append(options, "default="+f.preset)
	}
	for _, a := range f.aliases {
		options = append(options, "alias="+a)
	}
	if len(options) > 0 {
		text = strings.TrimSpace(text + ` plugreg:"` + strings.Join(options, ",") + `"`)
	}
	return text
}

// key is the name in JSON, "" where the fields of an embedded struct stand in its place, "-" for none.
func (f *wireField) key() string {
	switch {
	case f.left:
		return "-"
	case f.wire != "":
		return f.wire
	case f.embedded:
		return ""
	}
	return f.name
}

// wireTypes is one version of a plugin's payload: its structs by name, of which "contract" is the root. S1 holds only
// structs of higher numbers.
type wireTypes struct {
	structs map[string][]wireField
	types   map[string]reflect.Type // made on demand
}

var wireBasics = map[string]reflect.Type{
	"bool": reflect.TypeFor[bool](), "int32": reflect.TypeFor[int32](), "int64": reflect.TypeFor[int64](), "uint8": reflect.TypeFor[uint8](),
	"float64": reflect.TypeFor[float64](), "string": reflect.TypeFor[string](), "time.Duration": reflect.TypeFor[time.Duration](), "time.Time": reflect.TypeFor[time.Time](),
	"any": reflect.TypeFor[any](),
}

const wireStructs = 4

func structName(i int) string {
	if i == 0 {
		return "contract"
	}
	return ".S" + strconv.Itoa(i)
}

func (w *wireTypes) typeOf(text string) reflect.Type {
	if t, ok := wireBasics[text]; ok {
		return t
	}
	if t, ok := w.types[text]; ok {
		return t
	}
	switch {
	case strings.HasPrefix(text, "*"):
		return reflect.PointerTo(w.typeOf(text[1:]))
	case strings.HasPrefix(text, "[]"):
		return reflect.SliceOf(w.typeOf(text[2:]))
	case strings.HasPrefix(text, "[2]"):
		return reflect.ArrayOf(2, w.typeOf(text[3:]))
	case strings.HasPrefix(text, "map[string]"):
		return reflect.MapOf(reflect.TypeFor[string](), w.typeOf(text[len("map[string]"):]))
	}
	var fields []reflect.StructField
	for _, f := range w.structs[text] {
		fields = append(fields, reflect.StructField{Name: f.name, Type: w.typeOf(f.typ), Tag: reflect.StructTag(f.tag()), Anonymous: f.embedded})
	}
	// Two structs of equal fields would be one type.
	fields = append(fields, reflect.StructField{Name: "Mark" + strings.TrimPrefix(text, "."), Type: wireBasics["bool"], Tag: `json:"-"`})
	t := reflect.StructOf(fields)
	w.types[text] = t
	return t
}

// contract describes the version as reflection would if its structs had names.
func (w *wireTypes) contract(ver string) Contract {
	c := Contract{Name: "made.up", Version: ver}
	for i := range wireStructs {
		name := structName(i)
		t := w.typeOf(name)
		s := Shape{Name: name, Role: RoleData, Kind: "struct", Comparable: t.Comparable()}
		for i := range t.NumField() {
			g := t.Field(i)
			o, err := tag.Of(g)
			wire, ok := tag.WireName(g)
			if err != nil {
				panic(err)
			}
			if !ok {
				wire = "-"
			}
			text := "bool"
			if i < len(w.structs[name]) {
				text = w.structs[name][i].typ
			}
			s.Fields = append(s.Fields, Field{Name: g.Name, Wire: wire, Type: text, Tag: string(g.Tag), Default: o.Default, Aliases: o.Aliases,
				Position: i, Required: o.Required, Embedded: g.Anonymous, Signature: fieldSignature(g.Name, text, i)})
		}
		c.Shapes = append(c.Shapes, s)
	}
	return c.sorted()
}

func (w *wireTypes) encoder(t require.TestingT, c Contract) *encoder {
	ver, err := version.Parse(c.Version)
	require.NoError(t, err)
	e := &encoder{contract: c, ver: ver, typ: w.typeOf("contract"), root: "contract", matched: &matched{shapes: shapeIndex(c.Shapes), types: w.types}}
	require.NoError(t, e.prepare(reader.Options{}))
	return e
}

// valid reports whether a contract may have these structs.
func (w *wireTypes) valid() bool {
	for _, fields := range w.structs {
		if !distinct(fields) {
			return false
		}
	}
	for name, fields := range w.structs {
		for i := range fields {
			f := &fields[i]
			plain := !f.required && f.preset == "" && len(f.aliases) == 0
			if (f.left || f.key() == "") && !plain || f.required && f.preset != "" || f.preset != "" && tag.SetDefault(reflect.New(w.typeOf(f.typ)).Elem(), f.preset) != nil {
				return false
			}
		}
		if _, err := reader.PlanOf(w.typeOf(name), reader.Options{}); err != nil { // aliases that cross embedded structs
			return false
		}
	}
	return true
}

// distinct reports whether fields have names of their own, in Go and in JSON.
func distinct(fields []wireField) bool {
	taken, named := map[string]bool{"": true, "-": true}, map[string]bool{}
	for i := range fields {
		f := &fields[i]
		keys := f.aliases
		if k := f.key(); k != "-" && k != "" {
			keys = append([]string{k}, keys...)
		}
		for _, k := range keys {
			if taken[k] {
				return false
			}
			taken[k] = true
		}
		if named[f.name] || f.embedded && !strings.HasPrefix(strings.TrimPrefix(f.typ, "*"), ".S") {
			return false
		}
		named[f.name] = true
	}
	return true
}

// flatField is a field as JSON has it, with the way to it.
type flatField struct {
	*wireField
	way []int
}

// candidates are all fields that could be in JSON, hidden ones too.
func (w *wireTypes) candidates(name string) (all []flatField) {
	fields := w.structs[name]
	for i := range fields {
		f := &fields[i]
		switch key := f.key(); key {
		case "-":
		case "":
			for _, in := range w.candidates(strings.TrimPrefix(f.typ, "*")) {
				all = append(all, flatField{in.wireField, append([]int{i}, in.way...)})
			}
		default:
			all = append(all, flatField{f, []int{i}})
		}
	}
	return all
}

// flat are those that encoding/json reads and writes: of one name the least deep, there the one with a tag, if it is
// alone.
func (w *wireTypes) flat(name string) (visible []flatField) {
	all := w.candidates(name)
	for _, f := range all {
		best := 0
		for _, g := range all {
			if g.key() == f.key() && (len(g.way) < len(f.way) || len(g.way) == len(f.way) && (g.wire != "" && f.wire == "" || (g.wire != "") == (f.wire != "") && !slices.Equal(g.way, f.way))) {
				best++
			}
		}
		if best == 0 {
			visible = append(visible, f)
		}
	}
	return visible
}

// settles reports whether something happens where a struct of that type is absent.
func (w *wireTypes) settles(typ string) bool {
	if _, ok := w.structs[typ]; !ok {
		return false
	}
	return slices.ContainsFunc(w.flat(typ), func(f flatField) bool { return f.required || f.preset != "" || w.settles(f.typ) })
}

// wireMaker makes versions and values.
type wireMaker struct{ *rand.Rand }

func pick[E any](m wireMaker, list ...E) E { return list[m.IntN(len(list))] }

func (m wireMaker) typ(of int) string {
	basics := []string{"bool", "int32", "int64", "uint8", "float64", "string", "time.Duration", "any", "time.Time"}
	t := pick(m, basics...)
	if of+1 < wireStructs && m.IntN(3) == 0 {
		t = structName(of + 1 + m.IntN(wireStructs-of-1))
	}
	switch m.IntN(8) {
	case 0:
		if t != "any" { // null could be either of the two
			return "*" + t
		}
	case 1:
		return "[]" + t
	case 2:
		return "map[string]" + t
	case 3:
		return "[2]" + t
	}
	return t
}

func (m wireMaker) name() string { return pick(m, "A", "B", "C", "D", "E", "F", "G", "H") }
func (m wireMaker) wire() string { return pick(m, "a", "b", "c", "d", "e", "f", "A", "B", "") }

func (m wireMaker) preset(typ string) string {
	switch strings.TrimPrefix(typ, "*") {
	case "bool":
		return pick(m, "true", "false")
	case "int32", "int64", "uint8", "float64":
		return pick(m, "0", "5", "7")
	case "string":
		return pick(m, "x", "y")
	case "time.Duration":
		return pick(m, "1s", "0s")
	}
	return ""
}

func (m wireMaker) field(of int) wireField {
	f := wireField{name: m.name(), typ: m.typ(of), wire: m.wire(), empty: m.IntN(4) == 0, zero: m.IntN(6) == 0, quoted: m.IntN(4) == 0}
	switch m.IntN(8) {
	case 0:
		f.required = true
	case 1, 2:
		f.preset = m.preset(f.typ)
	case 3:
		f.aliases = []string{pick(m, "a", "b", "c", "p", "q")}
	case 4:
		if of+1 < wireStructs {
			f = wireField{name: m.name(), typ: structName(of + 1 + m.IntN(wireStructs-of-1)), embedded: true}
			if m.IntN(3) == 0 {
				f.typ = "*" + f.typ
			}
			if m.IntN(4) == 0 {
				f.wire = m.wire()
			}
		}
	case 5:
		f.left = m.IntN(2) == 0
	}
	return f
}

func (m wireMaker) version() *wireTypes {
	for {
		w := &wireTypes{structs: map[string][]wireField{}, types: map[string]reflect.Type{}}
		for i := range wireStructs {
			for range 1 + m.IntN(4) {
				w.structs[structName(i)] = append(w.structs[structName(i)], m.field(i))
			}
		}
		if w.valid() {
			return w
		}
	}
}

// next is a version with a few changes.
func (m wireMaker) next(w *wireTypes) *wireTypes {
	for {
		n := &wireTypes{structs: map[string][]wireField{}, types: map[string]reflect.Type{}}
		for name, fields := range w.structs {
			n.structs[name] = slices.Clone(fields)
		}
		for range 1 + m.IntN(4) {
			m.change(n, m.IntN(wireStructs))
		}
		if n.valid() {
			return n
		}
	}
}

func (m wireMaker) change(w *wireTypes, of int) {
	name := structName(of)
	fields := w.structs[name]
	f := &fields[m.IntN(len(fields))]
	old := f.key()
	switch m.IntN(16) {
	case 0, 1, 2:
		w.structs[name] = slices.Insert(fields, m.IntN(len(fields)+1), m.field(of))
	case 3:
		f.wire = m.wire()
		f.aliases = append(slices.Clone(f.aliases), old)
	case 4:
		f.name, f.wire = m.name(), m.wire()
		f.aliases = append(slices.Clone(f.aliases), old)
	case 5:
		f.empty, f.zero = m.IntN(2) == 0, m.IntN(3) == 0
	case 6:
		f.quoted = !f.quoted
	case 7:
		f.preset = m.preset(f.typ)
	case 8:
		f.required = !f.required
	case 9:
		m.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	case 10:
		f.aliases = append(slices.Clone(f.aliases), pick(m, "p", "q", "a", "b"))
	case 11:
		f.left, f.required, f.preset, f.aliases = !f.left, false, "", nil
	case 12:
		f.preset = ""
	case 13:
		f.embedded = !f.embedded && strings.Contains(f.typ, ".S") && !strings.ContainsAny(f.typ, "[")
	case 14:
		w.structs[name] = slices.Delete(fields, 0, 1)
		if len(w.structs[name]) == 0 {
			w.structs[name] = []wireField{m.field(of)}
		}
	case 15:
		f.typ = m.typ(of)
	}
}

func (m wireMaker) fill(v reflect.Value) {
	switch some := m.IntN(3) > 0; v.Kind() {
	case reflect.Bool:
		v.SetBool(some)
	case reflect.Int32, reflect.Int64:
		v.SetInt(pick[int64](m, 0, 5, -3, 1<<30))
	case reflect.Uint8:
		v.SetUint(pick[uint64](m, 0, 255))
	case reflect.Float64:
		v.SetFloat(pick(m, 0, 0.5, -1e300))
	case reflect.String:
		v.SetString(pick(m, "", "a\"b", "5"))
	case reflect.Interface:
		if some {
			v.Set(reflect.ValueOf(pick[any](m, "s", 1.5, false, []any{"x"}, map[string]any{"k": 2.0})))
		}
	case reflect.Pointer:
		if some {
			v.Set(reflect.New(v.Type().Elem()))
			m.fill(v.Elem())
		}
	case reflect.Slice:
		if some {
			v.Set(reflect.MakeSlice(v.Type(), m.IntN(3), 2))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			m.fill(v.Index(i))
		}
	case reflect.Map:
		if some {
			v.Set(reflect.MakeMap(v.Type()))
			e := reflect.New(v.Type().Elem()).Elem()
			m.fill(e)
			v.SetMapIndex(reflect.ValueOf("k"), e)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(m.IntN(9)), 0).UTC()))
			return
		}
		for i := range v.NumField() - 1 {
			if t := v.Type().Field(i); t.Tag.Get("json") != "-" {
				m.fill(v.Field(i))
			}
		}
	}
}

// wireOracle says what a value of one version is in another, without a look at JSON. It goes by what both know.
type wireOracle struct {
	was, is *wireTypes
	faults  []string
}

// convert returns what v, of the type text in the writer's version, is in the reader's.
func (o *wireOracle) convert(text string, v reflect.Value) reflect.Value {
	t := o.is.typeOf(text)
	out := reflect.New(t).Elem()
	switch {
	case wireBasics[text] != nil:
		out.Set(v)
	case strings.HasPrefix(text, "*"):
		if !v.IsNil() {
			out.Set(reflect.New(t.Elem()))
			out.Elem().Set(o.convert(text[1:], v.Elem()))
		}
	case strings.HasPrefix(text, "[]"):
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(t, v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(o.convert(text[2:], v.Index(i)))
			}
		}
	case strings.HasPrefix(text, "[2]"):
		for i := range 2 {
			out.Index(i).Set(o.convert(text[3:], v.Index(i)))
		}
	case strings.HasPrefix(text, "map"):
		if !v.IsNil() {
			out.Set(reflect.MakeMap(t))
			for i := v.MapRange(); i.Next(); {
				out.SetMapIndex(i.Key(), o.convert(text[len("map[string]"):], i.Value()))
			}
		}
	default:
		o.structure(text, v, out)
	}
	return out
}

func (o *wireOracle) structure(name string, v, out reflect.Value) {
	written := map[string]struct {
		typ string
		v   reflect.Value
	}{}
	for _, f := range o.was.flat(name) {
		place, err := v.FieldByIndexErr(f.way)
		if err != nil || o.omitted(f, place) {
			continue
		}
		w := written[f.key()]
		w.typ, w.v = f.typ, place
		written[f.key()] = w
	}
	var absent []flatField
	for _, f := range o.is.flat(name) {
		found := false
		for _, key := range append([]string{f.key()}, f.aliases...) {
			w, ok := written[key]
			if !ok {
				continue
			}
			if found {
				o.faults = append(o.faults, name+": two names of "+f.name+" are written")
			}
			found = true
			if w.typ != f.typ {
				o.faults = append(o.faults, name+"."+f.name+" was a "+w.typ)
				continue
			}
			allocated(out, f.way).Set(o.convert(f.typ, w.v))
		}
		if !found {
			absent = append(absent, f)
		}
	}
	o.settle(name, absent, out)
}

func (o *wireOracle) omitted(f flatField, v reflect.Value) bool {
	if f.required || f.preset != "" || o.was.settles(f.typ) {
		return false
	}
	empty := v.Kind() != reflect.Struct && v.IsZero()
	if k := v.Kind(); k == reflect.Slice || k == reflect.Map {
		empty = v.Len() == 0
	}
	return f.empty && empty && v.Kind() != reflect.Array || f.zero && v.IsZero()
}

// settle does what becomes of fields that nobody wrote.
func (o *wireOracle) settle(name string, absent []flatField, out reflect.Value) {
	for _, f := range absent {
		place, err := out.FieldByIndexErr(f.way)
		switch {
		case err != nil:
		case f.required:
			o.faults = append(o.faults, name+"."+f.name+" is required")
		case f.preset != "":
			if err := tag.SetDefault(place, f.preset); err != nil {
				panic(err)
			}
		case o.is.structs[f.typ] != nil:
			o.settle(f.typ, o.is.flat(f.typ), place)
		}
	}
}

func allocated(v reflect.Value, way []int) reflect.Value {
	for _, i := range way {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// describe shows a version where a property failed.
func (w *wireTypes) describe() string {
	var b strings.Builder
	for i := range wireStructs {
		fmt.Fprintf(&b, "type %s struct {\n", structName(i))
		for _, f := range w.structs[structName(i)] {
			name := f.name
			if f.embedded {
				name = "embedded " + name
			}
			fmt.Fprintf(&b, "\t%s %s `%s`\n", name, f.typ, f.tag())
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// crossed writes random values of one version and reads them as the other, and compares with the oracle.
func (m wireMaker) crossed(was, is *wireTypes, writer, reader Contract) error {
	we, re := was.encoder(mustNotFail{}, writer), is.encoder(mustNotFail{}, reader)
	s, err := newSource(re, writer, DecodeOptions{})
	if err != nil {
		return err
	}
	for range 5 {
		v := reflect.New(we.typ).Elem()
		m.fill(v)
		o := wireOracle{was: was, is: is}
		want := o.convert("contract", v)
		payload, err := we.encode(v)
		if err != nil {
			return fmt.Errorf("%+v cannot be written: %w", v, err)
		}
		got := reflect.New(re.typ).Elem()
		_, err = re.decode(payload, got, func(string) *source { return s })
		switch {
		case err != nil || len(o.faults) > 0:
			return fmt.Errorf("%s\nwas not read: %w; the oracle says %q", payload, err, o.faults)
		case !reflect.DeepEqual(got.Interface(), want.Interface()):
			return fmt.Errorf("%s\nwas read as %+v\nand it means %+v", payload, got, want)
		}
	}
	return nil
}

type mustNotFail struct{}

func (mustNotFail) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (mustNotFail) FailNow()                          {}

// wireSeeds is the number of pairs that are tried.
const wireSeeds = uint64(3200)

// What Backward lets follow reads all that was written before; under Full the reverse holds as well.
func TestPropertyCompatiblePairsAreRead(t *testing.T) {
	t.Parallel()
	backward, full := 0, 0
	for seed := range wireSeeds {
		m := wireMaker{rand.New(rand.NewPCG(seed, 7))}
		was := m.version()
		is := m.next(was)
		old, next := was.contract("1.0.0"), is.contract("1.1.0")
		if Backward.Check(old, next).Outcome != Compatible {
			continue
		}
		backward++
		if err := m.crossed(was, is, old, next); err != nil {
			t.Errorf("seed %d: %v\nold:\n%s\nnew:\n%s\n%v", seed, err, was.describe(), is.describe(), Diff(old, next))
		}
		if Full.Check(old, next).Outcome == Compatible {
			full++
			if err := m.crossed(is, was, next, old); err != nil {
				t.Errorf("full: seed %d: %v\nold:\n%s\nnew:\n%s\n%v", seed, err, was.describe(), is.describe(), Diff(old, next))
			}
		}
	}
	t.Log(backward, full)
	require.Greater(t, backward, 300)
	require.Greater(t, full, 100)
}

// The contracts that the properties make up are those that reflection would make.
func TestMadeUpContractsAreReal(t *testing.T) {
	t.Parallel()
	checked := 0
	for seed := range uint64(300) {
		m := wireMaker{rand.New(rand.NewPCG(seed, 8))}
		w := m.version()
		for i := range wireStructs {
			name := structName(i)
			if slices.ContainsFunc(w.structs[name], func(f wireField) bool { return strings.Contains(f.typ, ".S") }) {
				continue
			}
			found, err := shape.Walk([]shape.Root{{Name: name[strings.LastIndexByte(name, '.')+1:], Role: shape.Data, Type: w.typeOf(name)}}, shape.Options{})
			require.NoError(t, err, w.describe())
			for _, s := range w.contract("1.0.0").Shapes {
				if s.Name == name {
					s.GoType, s.Name = found[0].GoType, found[0].Name
					require.Equal(t, shapeOf(found[0]), s)
					checked++
				}
			}
		}
	}
	require.Greater(t, checked, 300)
}
