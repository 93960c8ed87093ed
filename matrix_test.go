// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/testdata/matrix/v1"
	"github.com/plugreg/plugreg/testdata/matrix/v2"
)

// matrixRow is a change and what follows from it.
type matrixRow struct {
	name     string
	old, new func(t testing.TB) plugreg.Contract
	// verdict is what Strict, Full and Backward say about the shape: x refuses it, + takes it as an addition, ~ too, though Full
	// refuses it, and = takes it as no change.
	verdict string
	// found are the changes, as rule, path and who is affected. That the types of the two packages have other names is left
	// out.
	found []string
}

// matrixTypes is a row about two types that are a contract each.
func matrixTypes[Old, New any](name, verdict string, found ...string) matrixRow {
	return matrixRow{name: name, old: matrixOf[Old](), new: matrixOf[New](), verdict: verdict, found: found}
}

func matrixOf[T any](opts ...plugreg.Description) func(testing.TB) plugreg.Contract {
	return func(t testing.TB) plugreg.Contract {
		c, err := plugreg.ContractOf[T]("acme.matrix", "1.2.0", opts...)
		require.NoError(t, err)
		return c
	}
}

// matrixPlugin describes a registered plugin.
func matrixPlugin(p plugreg.Plugin[io.Closer]) func(testing.TB) plugreg.Contract {
	return func(t testing.TB) plugreg.Contract {
		p.Name, p.Version, p.New = "acme.matrix", "1.2.0", func(context.Context, *plugreg.Env) (io.Closer, error) { return p.Prototype, nil }
		if p.Prototype == nil {
			p.Prototype = (*v1.Server)(nil)
		}
		return registeredContract(t, p)
	}
}

func matrixRows() []matrixRow {
	rows := append(matrixFieldRows(), matrixTypeRows()...)
	return append(append(rows, matrixMethodRows()...), matrixRoleRows()...)
}

// matrixLeast is the least version after 1.2.0 that may have the changes.
func matrixLeast(row matrixRow) string {
	switch {
	case len(row.found) == 0:
		return "1.2.0"
	case row.verdict == "=":
		return "1.2.1"
	case row.verdict == "x":
		return "2.0.0"
	}
	return "1.3.0"
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, row := range matrixRows() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			old, now := row.old(t), row.new(t)
			before, after := matrixText(t, old), matrixText(t, now)
			changes := plugreg.Diff(old, now)
			require.Equal(t, before+after, matrixText(t, old)+matrixText(t, now), "the arguments are as they were")
			var found []string
			for _, c := range changes {
				require.Equal(t, c.Rule.Severity(), c.Severity)
				require.NotEmpty(t, c.Rule.Explain())
				if c.Rule != "go-type-changed" {
					found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Rule, c.Path, c.Affects)))
				}
			}
			require.Equal(t, row.found, found, "%v", changes)
			least, err := changes.RequiredVersion("1.2.0")
			require.NoError(t, err)
			if len(row.found) > 0 { // else a name in Go is all that may have changed
				require.Equal(t, matrixLeast(row), least)
			}
			for p := plugreg.Unchecked; p <= plugreg.Strict; p++ {
				requireMatrixVerdict(t, p, row, old, now)
			}
		})
	}
}

func matrixText(t testing.TB, c plugreg.Contract) string {
	text, err := c.MarshalJSON()
	require.NoError(t, err)
	return string(text)
}

// requireMatrixVerdict asserts the shape, and for each version near the step which outcome it has.
func requireMatrixVerdict(t *testing.T, p plugreg.Policy, row matrixRow, old, now plugreg.Contract) {
	shape := map[plugreg.Policy]string{
		plugreg.Strict: "", plugreg.Full: "=+", plugreg.Backward: "=+~", plugreg.Forward: "=+~x", plugreg.Unchecked: "=+~x",
	}
	allowed := strings.Contains(shape[p], row.verdict)
	if p == plugreg.Strict {
		allowed = old.ShapesDigest() == now.ShapesDigest()
	}
	first := matrixLeast(row)
	for _, version := range []string{"1.1.9", "1.2.0", "1.2.1", "1.3.0", "1.9.3", "2.0.0", "2.0.1", "3.0.0"} {
		now.Version = version
		r := p.Check(old, now)
		require.Equal(t, p, r.Policy)
		require.Equal(t, allowed, r.Shape == plugreg.Compatible, "%v", r)
		var step bool
		switch {
		case p == plugreg.Unchecked:
			step = version >= "1.2.0"
		case p == plugreg.Strict:
			step = version == "1.2.0" && len(row.found) == 0
		case p == plugreg.Forward && first == "2.0.0":
			step = version == first
		default: // what breaks is refused for its shape; its step is that of an addition
			step = version >= min(first, "1.3.0") && version < "2"
		}
		require.Equal(t, step, r.Step == plugreg.Compatible, "%v", r)
		require.Equal(t, allowed && step, r.Outcome == plugreg.Compatible, "%v", r)
		require.Equal(t, r.Outcome == plugreg.Compatible, r.Err() == nil)
		require.Equal(t, r.Outcome == plugreg.Compatible, len(r.Reasons) == 0, "%v", r)
		switch {
		case !allowed || p == plugreg.Strict && len(row.found) > 0:
			require.Empty(t, r.Allowed)
		case p == plugreg.Strict || p == plugreg.Unchecked:
			require.Equal(t, "1.2.0", r.Allowed)
		default:
			require.Equal(t, first, r.Allowed)
		}
	}
}

// Every rule stands in the matrix, and no change has a rule that does not exist.
func TestEveryRuleIsInTheMatrix(t *testing.T) {
	t.Parallel()
	seen := map[plugreg.Rule]bool{"policy-changed": true} // has a test of its own, below
	for _, row := range matrixRows() {
		for _, c := range plugreg.Diff(row.old(t), row.new(t)) {
			seen[c.Rule] = true
		}
	}
	var list []plugreg.Rule
	for _, r := range plugreg.Rules() {
		if seen[r] {
			list = append(list, r)
		}
	}
	require.Equal(t, plugreg.Rules(), list)
	require.Len(t, seen, len(list))
}

// matrixFieldRows are about fields, tags and payloads.
func matrixFieldRows() []matrixRow {
	const field, terms, text = "caller, reader, writer", "writer", "reader"
	return []matrixRow{
		matrixTypes[v1.AddOptional, v2.AddOptional]("add an optional field", "+", "field-added contract.Note caller"),
		matrixTypes[v1.AddDefaulted, v2.AddDefaulted]("add a field with a default", "+", "field-added contract.Count caller"),
		matrixTypes[v1.AddUncomparable, v2.AddUncomparable]("add a field that costs comparability", "x",
			"comparability-lost contract caller", "field-added contract.Tags caller"),
		matrixTypes[v1.AddRequired, v2.AddRequired]("add a required field", "x", "required-field-added contract.Note "+terms),
		matrixTypes[v1.AddHolder, v2.AddHolder]("add a struct with a required field", "x",
			"type-added .Strictly caller", "required-field-added contract.Held "+terms),
		matrixTypes[v1.AddPointer, v2.AddPointer]("add a pointer to a struct with a required field", "+",
			"type-added .Strictly caller", "field-added contract.Held caller"),
		matrixTypes[v1.AddSelfReader, v2.AddSelfReader]("add a struct with a required field that reads itself", "+",
			"type-added .SelfReader caller", "field-added contract.Held caller"),
		matrixTypes[v1.Remove, v2.Remove]("remove a field", "x", "field-removed contract.Note caller, reader"),
		matrixTypes[v1.Rename, v2.Rename]("rename", "x", "field-removed contract.Note caller, reader", "field-added contract.Text caller"),
		matrixTypes[v1.RenameAlias, v2.RenameAlias]("rename with an alias", "~", "field-renamed contract.Note "+text),
		matrixTypes[v1.MergeAliases, v2.MergeAliases]("one field in place of two", "x",
			"alias-added contract.A writer", "field-renamed contract.A reader", "field-removed contract.B caller, reader"),
		matrixTypes[v1.Widen, v2.Widen]("widen a field", "x", "field-widened contract.N caller, reader"),
		matrixTypes[v1.WidenFloat, v2.WidenFloat]("widen a float", "x", "field-widened contract.F caller, reader"),
		matrixTypes[v1.Narrow, v2.Narrow]("narrow", "x", "field-retyped contract.N "+field),
		matrixTypes[v1.Sign, v2.Sign]("signed to unsigned", "x", "field-retyped contract.N "+field),
		matrixTypes[v2.Sign, v1.Sign]("unsigned to signed", "x", "field-retyped contract.N "+field),
		matrixTypes[v1.Retype, v2.Retype]("unrelated type", "x", "comparability-lost contract caller", "field-retyped contract.N "+field),
		matrixTypes[v1.ValuePointer, v2.ValuePointer]("value to pointer", "x", "field-retyped contract.L "+field),
		matrixTypes[v1.Require, v2.Require]("optional to required", "x", "required-added contract.N "+terms),
		matrixTypes[v1.Unrequire, v2.Unrequire]("required to optional", "~", "required-dropped contract.N "+text),
		matrixTypes[v1.Default, v2.Default]("another default", "~", "default-changed contract.N reader, writer"),
		matrixTypes[v1.Reorder, v2.Reorder]("reorder fields", "=", "fields-reordered contract"),
		matrixTypes[v1.ReorderUnnamed, v2.ReorderUnnamed]("reorder fields of an unnamed struct", "x", "field-retyped contract.U "+field),
		matrixTypes[v1.WireName, v2.WireName]("another name in JSON", "x", "wire-renamed contract.N reader, writer"),
		matrixTypes[v1.WireAlias, v2.WireAlias]("another name in JSON with an alias", "~", "wire-aliased contract.N "+text),
		matrixTypes[v1.WireGone, v2.WireGone]("out of JSON", "x", "wire-removed contract.N "+text),
		matrixTypes[v1.WireNew, v2.WireNew]("into JSON", "+", "wire-added contract.N "+text),
		matrixTypes[v1.WireNewRequired, v2.WireNewRequired]("into JSON and required", "x", "required-field-added contract.N "+terms),
		matrixTypes[v1.AliasMore, v2.AliasMore]("further alias", "+", "alias-added contract.N "+terms),
		matrixTypes[v1.AliasLess, v2.AliasLess]("alias dropped", "x", "alias-removed contract.N "+terms),
		matrixTypes[v1.TagOther, v2.TagOther]("other keys of a tag", "=", "tag-changed contract.N"),
		matrixTypes[v1.TagOmit, v2.TagOmit]("omitempty", "~", "presence-changed contract.N "+text),
		matrixTypes[v1.TagZero, v2.TagZero]("omitzero for omitempty", "~", "presence-changed contract.N "+text),
		matrixTypes[v1.TagQuoted, v2.TagQuoted]("quoted numbers", "~", "encoding-changed contract.N "+text),
		matrixTypes[v1.Unnamed, v2.Unnamed]("add a field to an unnamed struct", "x", "field-retyped contract.U "+field),
		matrixTypes[v1.Elements, v2.Elements]("elements of map, slice, array, pointer", "x", "field-retyped contract.A "+field,
			"field-retyped contract.M "+field, "field-retyped contract.P "+field, "field-retyped contract.S "+field),
		matrixTypes[v1.KeyLength, v2.KeyLength]("key of a map, length of an array", "x", "field-retyped contract.A "+field, "field-retyped contract.M "+field),
		matrixTypes[v1.Duration, v2.Duration]("named to its underlying", "x", "field-retyped contract.D "+field),
		matrixTypes[v1.SameName, v2.SameName]("same name, other package", "x", "field-retyped contract.L "+field),
		matrixTypes[v1.Private, v2.Private]("unexported fields", "=", "private-fields-changed contract"),
		matrixTypes[v1.PrivateMove, v2.PrivateMove]("unexported field moves", "=", "fields-reordered contract"),
		matrixTypes[v1.PrivateUncomparable, v2.PrivateUncomparable]("unexported field costs comparability", "x",
			"comparability-lost contract caller", "private-fields-changed contract"),
		matrixTypes[v1.Compare, v2.Compare]("comparability gained", "+", "comparability-gained contract caller", "private-fields-changed contract"),
	}
}

func TestFunctionsAreNoPayloads(t *testing.T) {
	t.Parallel()
	_, err := plugreg.ContractOf[v1.FuncField]("acme.matrix", "1.0.0")
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.ErrorContains(t, err, "contract.F")
}

// A policy that a contract declares is a change, and makes the check stricter.
func TestPolicyChangeInTheMatrix(t *testing.T) {
	t.Parallel()
	old, now := matrixOf[v1.Strictly]()(t), matrixOf[v1.Strictly](plugreg.Description{Policy: plugreg.Full})(t)
	now.Version = "1.2.1"
	require.Equal(t, plugreg.Changes{{Rule: "policy-changed", Path: "policy", Old: "default", New: "full"}}, plugreg.Diff(old, now))
	require.Equal(t, plugreg.Full, plugreg.Unchecked.Check(old, now).Policy)
}
