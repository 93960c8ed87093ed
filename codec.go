// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/plugreg/plugreg/internal/canon"
	"github.com/plugreg/plugreg/internal/reader"
	"github.com/plugreg/plugreg/internal/version"
)

// DecodeOptions say how payloads of other versions are read. The zero value goes by what the contracts declare.
type DecodeOptions struct {
	// Policy is a floor for the policies that reader and writer declare: the strictest of the three counts, and Backward
	// where all are Default. So it can only ask for more than the contracts do: where one declares Backward, which is
	// stricter than Forward and drops unknown fields, Forward here changes nothing. To refuse unknown fields, ask for
	// Strict, which reads its own version alone, or have the contracts declare Forward.
	Policy Policy
	// Widen reads a number that was written by a narrower type of the same kind: int32 into int64, float32 into float64.
	Widen bool
}

// AdjustmentKind says in which way a value that was read differs from the payload.
type AdjustmentKind string

// The kinds of adjustments.
const (
	// FieldDropped is a field of the payload that the reader does not know.
	FieldDropped AdjustmentKind = "dropped"
	// FieldFilled is a field that the payload lacks and that has its default now.
	FieldFilled AdjustmentKind = "filled"
	// FieldAliased is a field that was found under another of its names.
	FieldAliased AdjustmentKind = "aliased"
	// FieldWidened is a number that was written by a narrower type.
	FieldWidened AdjustmentKind = "widened"
)

// Adjustment is one way in which a value that was read differs from the payload.
type Adjustment struct {
	// Kind says in which way.
	Kind AdjustmentKind
	// Path says where, by the names in JSON: "lines[3].amount".
	Path string
	// Detail is the default that was filled in, the name that was found, or the type that was written; empty for a field
	// that was dropped.
	Detail string
}

// Codec writes and reads payloads of one Go type, under the contract that describes it and under those of other
// versions. What is costly is done by [NewCodec], so make one for each type and keep it. It is safe for concurrent use.
type Codec[T any] struct {
	writer  *encoder
	sources map[string]*source // by the text of their digests
}

// NewCodec returns a codec for T. The contract self describes T, as payload "data:<T>" or as what [ContractOf] was
// asked for; payloads are written under it, and those of other versions are read if their contracts are among writers
// ([Registry.History] has all that a registry knows). A version that self cannot read under the policy is an error when
// a payload of it comes.
//
// The error matches [ErrInvalid] for a T that JSON cannot carry, for a policy that is none of the constants and for a
// contract without a name or version, or of another plugin than self, and [ErrContract] for a contract that does not
// describe T.
func NewCodec[T any](self Contract, opts DecodeOptions, writers ...Contract) (*Codec[T], error) {
	e, err := newEncoder(self, reflect.TypeFor[T]())
	if err == nil {
		err = checkPolicies(e, opts.Policy, writers...)
	}
	if err == nil {
		err = e.prepare(strictest(Backward, opts.Policy, self.Policy).terms())
	}
	if err != nil {
		return nil, err
	}
	c := &Codec[T]{writer: e, sources: make(map[string]*source, 1+len(writers))}
	var errs []error
	for _, w := range append([]Contract{self}, writers...) {
		s, err := newSource(e, w, opts)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.sources[s.digest] = s
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// Encode writes v as [Encode] does.
func (c *Codec[T]) Encode(v T) ([]byte, error) {
	return c.writer.encode(reflect.ValueOf(&v).Elem())
}

// Decode reads a payload as [Decode] does, under the contract that the payload names by its digest.
func (c *Codec[T]) Decode(payload []byte) (T, []Adjustment, error) {
	var v, none T
	adjustments, err := c.writer.decode(payload, reflect.ValueOf(&v).Elem(), func(digest string) *source { return c.sources[digest] })
	if err != nil {
		return none, nil, err
	}
	return v, adjustments, nil
}

// Encode writes v as JSON with the contract that describes its type: an object with "contract", its name and version,
// "digest", that of the contract, "shape", the type's name in it, and "data", the value as encoding/json writes it
// without HTML escaping. A [Codec] does the same faster. Unlike encoding/json,
//
//   - a field that is required or has a default is never left out as empty, for it would come back as another value,
//   - MarshalJSON and MarshalText with a pointer receiver are always called, also where encoding/json cannot take an
//     address and writes the value by its kind: for v itself, for elements of maps and for what interfaces hold,
//   - text that is not UTF-8 is an error, where encoding/json replaces letters.
//
// The error matches [ErrContract] where c does not describe the type of v, or v holds what JSON cannot carry: NaN, text
// that is not UTF-8, a cycle.
func Encode(c Contract, v any) ([]byte, error) {
	t := reflect.TypeOf(v)
	if t == nil {
		return nil, payloadError(c, fmt.Errorf("%w: nothing to encode: v is nil", ErrContract))
	}
	e, err := newEncoder(c, t)
	if err == nil {
		err = e.prepare(reader.Options{})
	}
	if err != nil {
		return nil, err
	}
	return e.encode(reflect.ValueOf(v))
}

// Decode reads what [Encode] wrote under the contract writer, as a T, which the contract reader describes. It goes over
// the payload once. Names in JSON count with their case; what the plugreg tags of T say is done: defaults are filled
// in, aliases followed, required fields demanded. All that was done so is returned with its path.
//
// The two may be of any versions. By the strictest policy that reader, writer or opts declare:
//
//   - Strict takes the same version and shapes alone, and refuses unknown fields and missing ones,
//   - Full and Backward take the same major version, if each type that both know is the same, and drop unknown fields,
//   - Forward takes any version on these terms, and refuses unknown fields,
//   - Unchecked takes any version, leaves it to the values whether they fit, and drops unknown fields.
//
// Two contracts of one version must have the same shapes under all of them but Unchecked.
//
// Missing under Strict is each field that [Encode] writes in any case: those without omitempty and omitzero, and those
// that are required or have a default. That goes for every object that is there, at any depth, unless it writes itself.
// So Strict fills nothing in. Under all others, a field that is missing and not required has its default or is zero.
//
// A payload without "shape" is taken for one of T; keys of its object that are unknown, missing or there twice are
// refused.
//
// The error lists all that does not fit with its path; it matches [ErrContract], and is an *[IncompatibleError] where
// the contracts themselves forbid it: writer is the old side of its report, reader the new one. A T that reader does
// not describe, or a contract without name or version, is an error as for [NewCodec]. Methods such as UnmarshalJSON run
// on the goroutine of the caller: a panic in them is an error, and [runtime.Goexit] ends that goroutine.
func Decode[T any](payload []byte, reader, writer Contract, opts DecodeOptions) (T, []Adjustment, error) {
	var v, none T
	e, err := newEncoder(reader, reflect.TypeFor[T]())
	if err == nil {
		err = checkPolicies(e, opts.Policy, writer)
	}
	if err != nil {
		return none, nil, err
	}
	s, err := newSource(e, writer, opts)
	if err != nil {
		return none, nil, err
	}
	adjustments, err := e.decode(payload, reflect.ValueOf(&v).Elem(), func(digest string) *source {
		if digest != s.digest {
			return nil
		}
		return s
	})
	if err != nil {
		return none, nil, err
	}
	return v, adjustments, nil
}

func payloadError(c Contract, err error) error {
	return &PluginError{Plugin: clip(c.Name, 160), Version: clip(c.Version, 160), Field: "payload", Err: err}
}

// checkPolicies refuses policies that are none: nobody knows how strict they are.
func checkPolicies(e *encoder, floor Policy, writers ...Contract) error {
	for _, p := range slices.Concat([]Policy{floor, e.contract.Policy}, policies(writers)) {
		if _, err := p.MarshalText(); err != nil {
			return payloadError(e.contract, err)
		}
	}
	return nil
}

func policies(list []Contract) (found []Policy) {
	for i := range list {
		found = append(found, list[i].Policy)
	}
	return found
}

// encoder knows one type and the contract that describes it. What costs more than that is there once it is prepared: a
// single payload is read without.
type encoder struct {
	contract Contract
	ver      version.Version
	typ      reflect.Type
	root     string // the shape of the type
	matched  *matched
	shapes   Digest // zero until it is known
	head     []byte // of each payload, up to the value
	plan     *reader.Plan
	terms    reader.Options // of the plan
	last     atomic.Int64   // the size of the last payload, a guess at that of the next
}

func newEncoder(c Contract, t reflect.Type) (*encoder, error) {
	e := &encoder{contract: c, typ: t}
	ver, err := version.Parse(c.Version)
	if err == nil {
		err = checkName(c.Name)
	}
	if err != nil {
		return nil, payloadError(c, fmt.Errorf("%w: %w", ErrInvalid, err))
	}
	if e.root, e.matched, err = match(c, t); err != nil {
		return nil, payloadError(c, fmt.Errorf("%w: it does not describe %v: %w", ErrContract, t, err))
	}
	e.ver = ver
	return e, nil
}

func (e *encoder) prepare(terms reader.Options) (err error) {
	if e.plan, err = e.planOf(terms); err != nil {
		return err
	}
	e.terms = terms
	digest, shapes := e.contract.digests()
	o := canon.Open(nil)
	o.String("contract", e.contract.Name+"@"+e.contract.Version)
	o.String("digest", digest.String())
	o.String("shape", e.root)
	e.head = append(o.Close(), `"data":`...)
	e.head[len(e.head)-len(`}"data":`)] = ','
	e.shapes = shapes
	return nil
}

func (e *encoder) planOf(o reader.Options) (*reader.Plan, error) {
	if e.plan != nil && o.Closed == e.terms.Closed && o.Complete == e.terms.Complete && len(o.Written) == 0 {
		return e.plan, nil
	}
	plan, err := reader.PlanOf(e.typ, o)
	if err != nil {
		return nil, payloadError(e.contract, fmt.Errorf("%w: %w", ErrInvalid, err))
	}
	return plan, nil
}

func (e *encoder) encode(v reflect.Value) ([]byte, error) {
	const most = 8 << 10 // what a small payload after a large one may waste
	room := max(min(int(e.last.Load()), most), 2*len(e.head))
	dst, err := e.plan.Append(append(make([]byte, 0, room+room/8), e.head...), v)
	if err != nil {
		return nil, payloadError(e.contract, fmt.Errorf("%w: %w", ErrContract, err))
	}
	dst = append(dst, '}')
	e.last.Store(int64(len(dst)))
	return dst, nil
}

// decode reads a payload into dst; find returns the writer by its digest, nil where it is not known.
func (e *encoder) decode(payload []byte, dst reflect.Value, find func(digest string) *source) ([]Adjustment, error) {
	b := envelope{encoder: e, find: find, scan: reader.Scan(payload), dst: dst}
	if err := b.read(); err != nil {
		return nil, payloadError(e.contract, err)
	}
	var out []Adjustment
	if b.from.widened != "" {
		out = append(out, Adjustment{Kind: FieldWidened, Detail: b.from.widened})
	}
	for _, a := range b.done {
		out = append(out, Adjustment{Kind: adjustmentKinds[a.Kind], Path: a.Path, Detail: a.Detail})
	}
	return out, nil
}

var adjustmentKinds = [...]AdjustmentKind{
	reader.Dropped: FieldDropped, reader.Filled: FieldFilled, reader.Aliased: FieldAliased, reader.Widened: FieldWidened,
}
