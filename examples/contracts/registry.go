// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/contracts/gateway"
)

// registry registers the versions where it counts: in a registry with the policy that registries have by default.
func (t *tour) registry(ctx context.Context) (err error) {
	t.title("WHAT A REGISTRY SAYS")
	t.say("In a registry, and in the gate, versions stand side by side: each is compared within its major version, and a new " +
		"major may break what it likes.")
	r, err := plugreg.New[gateway.Gateway](plugreg.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRegistry(ctx, r)) }()
	later := map[string]plugreg.Plugin[gateway.Gateway]{}
	for _, p := range plugins() {
		if p.Version == "1.2.4" || p.Version == "1.3.1" {
			later[p.Version] = p
			continue
		}
		if _, err := r.Register(p); err != nil {
			return err
		}
		t.say("%s registered", p.Version)
	}
	t.refusal(r, later["1.3.1"])
	return t.patch(ctx, r, later["1.2.4"])
}

func (t *tour) refusal(r *plugreg.Registry[gateway.Gateway], p plugreg.Plugin[gateway.Gateway]) {
	_, err := r.Register(p)
	refusal, ok := errors.AsType[*plugreg.IncompatibleError](err)
	t.expect(ok && errors.Is(err, plugreg.ErrContract), "registering %s: %v", p.Version, err)
	if !ok {
		return
	}
	t.say("%s refused, %s:", p.Version, plugreg.CodeOf(err))
	t.quote(short(err.Error()))
	t.expect(refusal.Report.Shape == plugreg.Incompatible && refusal.Report.Old == "1.3.0", "the report on %s: %v", p.Version, refusal.Report)
	t.expect(len(r.History(name)) == 4, "versions after a refusal: %d", len(r.History(name)))
}

// patch registers a version whose shapes are those of the one before it, though its Go types live elsewhere.
func (t *tour) patch(ctx context.Context, r *plugreg.Registry[gateway.Gateway], p plugreg.Plugin[gateway.Gateway]) error {
	t.lead("A patch takes effect, also after later versions: its shapes are equal, in whichever Go package they are declared.")
	before, err := opened(ctx, r)
	if err != nil {
		return err
	}
	d, err := r.Register(p)
	if err != nil {
		return err
	}
	after, err := opened(ctx, r)
	if err != nil {
		return err
	}
	t.table([]string{"OPEN", "SERVES", "WHICH TAKES A"}, before, after)
	t.expect(before[1] == "1.2.3" && after[1] == "1.2.4", "served before and after: %v, %v", before, after)
	old, new := t.contracts["1.2.3"], t.contracts["1.2.4"]
	t.gap()
	t.table(
		[]string{"CONTRACT", "KEY", "DIGEST OF ITS SHAPES", "ITS OWN DIGEST"},
		[]string{old.Version, old.CompatKey(), short(old.ShapesDigest().String()), short(old.Digest().String())},
		[]string{new.Version, new.CompatKey(), short(new.ShapesDigest().String()), short(new.Digest().String())})
	t.expect(old.ShapesDigest() == new.ShapesDigest() && old.Digest() != new.Digest() && old.CompatKey() == new.CompatKey(), "the digests of a patch")
	registered, ok := r.Contract(d)
	t.expect(ok && registered.Digest() == new.Digest(), "the contract of %s is another in another registry", p.Version)
	return nil
}

// opened opens the newest patch of 1.2 and says what it is.
func opened(ctx context.Context, r *plugreg.Registry[gateway.Gateway]) ([]string, error) {
	const constraint = "~1.2"
	h, err := r.Open(ctx, name, constraint, nil)
	if err != nil {
		return nil, err
	}
	request, err := plugreg.Call(ctx, h, func(_ context.Context, g gateway.Gateway) (any, error) { return g.Request(), nil })
	return []string{constraint, h.Version(), fmt.Sprintf("%T", request)}, errors.Join(err, h.Close(ctx))
}
