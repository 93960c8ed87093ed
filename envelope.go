// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/plugreg/plugreg/internal/reader"
)

// envelope is a payload on its way. Its keys may come in any order; where the value comes before the digest that says
// how to read it, it is looked at again at the end.
type envelope struct {
	*encoder
	find                    func(digest string) *source
	scan                    *reader.Scanner
	dst                     reflect.Value
	contract, digest, shape string
	seen                    [4]bool // contract, digest, shape, data
	from                    *source
	late                    []byte // the value, where it came first
	done                    []reader.Adjustment
	wrong                   error // with the value
}

var envelopeKeys = [...]string{"contract", "digest", "shape", "data"}

func (b *envelope) read() error {
	var errs []error
	for b.scan.Next() {
		key := b.scan.Key()
		i := slices.Index(envelopeKeys[:], key)
		switch {
		case i < 0:
			errs = append(errs, fmt.Errorf("unknown key %q", clip(key, 64)))
		case b.seen[i]:
			errs = append(errs, fmt.Errorf("%q stands there twice", key))
		default:
			b.seen[i] = true
			b.take(key)
		}
	}
	if err := b.scan.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrContract, err)
	}
	for i, key := range envelopeKeys {
		if !b.seen[i] && key != "shape" {
			errs = append(errs, fmt.Errorf("%q is missing", key))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w: it is no payload that Encode wrote: %w", ErrContract, errors.Join(errs...))
	}
	return b.finish()
}

func (b *envelope) take(key string) {
	switch key {
	case "contract":
		b.contract = b.scan.Text()
	case "digest":
		b.digest = b.scan.Text()
		b.from = b.find(b.digest)
	case "shape":
		b.shape = b.scan.Text()
	default:
		if b.from == nil || b.from.err != nil {
			b.late = b.scan.Raw()
			return
		}
		b.done, b.wrong = b.from.plan.ReadFrom(b.scan, b.dst)
	}
}

// finish checks what the payload says of itself, and reads the value if that could not be done before. That it is
// another payload explains more than what is wrong with its value.
func (b *envelope) finish() error {
	switch {
	case b.from == nil:
		return fmt.Errorf("%w: it was written under %q with the digest %q, and no contract with that digest was given", ErrContract, clip(b.contract, 200), clip(b.digest, 80))
	case b.contract != b.from.name:
		return fmt.Errorf("%w: it says that it was written under %q, and the contract with its digest is %q", ErrContract, clip(b.contract, 200), clip(b.from.name, 200))
	case b.seen[2] && b.shape != b.root:
		return fmt.Errorf("%w: it holds %q, and the type that it is read into is %q", ErrContract, clip(b.shape, 200), clip(b.root, 200))
	case b.from.err != nil:
		return b.from.err
	case b.late != nil:
		b.done, b.wrong = b.from.plan.Read(b.late, b.dst)
	}
	if b.wrong != nil {
		return fmt.Errorf("%w: %w", ErrContract, b.wrong)
	}
	return nil
}
