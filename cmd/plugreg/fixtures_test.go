// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// The contract documents that the tests read.
const (
	v1    = "testdata/payment-1.2.0.json"
	v2    = "testdata/payment-1.3.0.json" // adds to v1, and something that v1 reads otherwise
	v3    = "testdata/payment-1.4.0.json" // breaks
	other = "testdata/refund-1.0.0.json"

	older     = "testdata/older.json"     // a snapshot of what was released
	candidate = "testdata/candidate.json" // adds to it
	broken    = "testdata/broken.json"    // breaks it
	first     = "testdata/first.json"     // candidate, and a plugin that was never released
	expired   = "testdata/expired.json"   // candidate, too late
	baseline  = "testdata/baseline"       // older, published
)

// payment is a small contract with one of everything.
func payment(version string) plugreg.Contract {
	return plugreg.Contract{
		Name: "acme.payment", Version: version, Policy: plugreg.Backward,
		Requires: []plugreg.Dependency{{Name: "acme.audit", Optional: true}, {Name: "acme.ledger", Constraint: "^1.2"}},
		Uses:     []string{"cache:fallback", "db"},
		Shapes: []plugreg.Shape{
			{Name: ".Base", Role: plugreg.RoleData, Kind: "struct", GoType: "example.com/pay.Base", Comparable: true, Fields: []plugreg.Field{
				{Name: "ID", Wire: "ID", Type: "string"},
			}},
			{Name: "contract", Role: plugreg.RoleBoth, Kind: "interface", GoType: "example.com/pay.Payment", Comparable: true, Methods: []plugreg.Method{
				{Name: "Close", Type: "func() error"},
				{Name: "Pay", Type: "func(context.Context, data:Order) error"},
			}},
			{Name: "data:Order", Role: plugreg.RoleData, Kind: "struct", GoType: "example.com/pay.Order", Fields: []plugreg.Field{
				{Name: "Base", Type: ".Base", Embedded: true},
				{Name: "Amount", Wire: "amount", Type: "int64", Tag: `json:"amount" plugreg:"required"`, Required: true, Position: 1},
				{Name: "Currency", Wire: "currency", Type: "string", Tag: "json:\"currency\" note:\"`\"", Default: "EUR", Aliases: []string{"cur", "ccy"}, Position: 2},
				{Name: "Lines", Wire: "-", Type: "[]string", Tag: `json:"-"`, Position: 3},
			}},
			{Name: "plugin", Role: plugreg.RoleProvides, Kind: "struct", GoType: "example.com/pay.card", Comparable: true, Methods: []plugreg.Method{
				{Name: "Close", Type: "func() error", Pointer: true},
				{Name: "Pay", Type: "func(context.Context, data:Order) error", Pointer: true},
			}},
		},
	}
}

// grown adds a field and a method to payment, and changes a default.
func grown(version string) plugreg.Contract {
	c := payment(version)
	order, plugin := &c.Shapes[2], &c.Shapes[3]
	order.Fields[2].Default = "USD"
	order.Fields = append(order.Fields, plugreg.Field{Name: "Note", Wire: "note", Type: "string", Tag: `json:"note"`, Position: 4})
	plugin.Methods = append(plugin.Methods, plugreg.Method{Name: "Refund", Type: "func() error", Pointer: true})
	return c
}

// shrunk takes a field and an implementation away and asks plugins for more.
func shrunk(version string) plugreg.Contract {
	c := grown(version)
	contract, order := &c.Shapes[1], &c.Shapes[2]
	order.Fields = order.Fields[:4]
	order.Fields[1].Type = "string"
	contract.Methods = append(contract.Methods, plugreg.Method{Name: "Void", Type: "func() error"})
	c.Uses = c.Uses[:1]
	return c
}

func refund(version string) plugreg.Contract {
	return plugreg.Contract{Name: "acme.refund", Version: version, Shapes: []plugreg.Shape{
		{Name: "contract", Role: plugreg.RoleBoth, Kind: "interface", Comparable: true, Methods: []plugreg.Method{{Name: "Close", Type: "func() error"}}},
		{Name: "contract.part", Role: plugreg.RoleProvides, Kind: "[]string", GoType: "example.com/\u202e.List"},
	}}
}

// fixtures are the documents as the library makes them of the contracts above.
func fixtures() map[string][]byte {
	docs := map[string][]byte{}
	for file, c := range map[string]plugreg.Contract{v1: payment("1.2.0"), v2: grown("1.3.0"), v3: shrunk("1.4.0"), other: refund("1.0.0")} {
		docs[file] = encode(c)
	}
	for file, s := range snapshots() {
		docs[file] = encode(s)
	}
	return docs
}

func snapshots() map[string]plugreg.Snapshot {
	then := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	audit := refund("0.1.0")
	audit.Name = "acme.audit"
	return map[string]plugreg.Snapshot{
		older:     {Contracts: []plugreg.Contract{payment("1.1.0"), payment("1.2.0"), refund("1.0.0")}, Registry: "shop", GoVersion: "go1.26.0", Platform: "linux/amd64", Taken: then},
		candidate: {Contracts: []plugreg.Contract{grown("1.3.0"), refund("1.0.0")}},
		broken:    {Contracts: []plugreg.Contract{shrunk("1.4.0"), refund("1.0.0")}},
		first:     {Contracts: []plugreg.Contract{grown("1.3.0"), refund("1.0.0"), audit}},
		expired:   {Contracts: []plugreg.Contract{grown("1.3.0"), refund("1.0.0")}, Taken: then, Expires: then.AddDate(0, 0, 3)},
	}
}

// encode panics for a document that cannot be written: the fixtures can.
func encode(v any) []byte {
	doc, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(doc, '\n')
}

func writeFixtures() {
	for file, doc := range fixtures() {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, doc, 0o644)); err != nil {
			panic(err)
		}
	}
	if err := errors.Join(os.RemoveAll(baseline), plugreg.PublishBaseline(baseline, snapshots()[older])); err != nil {
		panic(err)
	}
}

func TestFixtures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, plugreg.PublishBaseline(dir, snapshots()[older]))
	require.Equal(t, tree(t, dir), tree(t, baseline))
	for file, want := range fixtures() {
		have, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), strings.ReplaceAll(string(have), "\r\n", "\n"), "%s; PLUGREG_UPDATE=1 rewrites it", file)
	}
}

// write stores a document in a directory of the test's own.
func write(t *testing.T, name string, doc any) (file string) {
	t.Helper()
	data, ok := doc.([]byte)
	if !ok {
		data = encode(doc)
	}
	file = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, data, 0o644))
	return file
}
