// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"io"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/testdata/matrix/v1"
	"github.com/plugreg/plugreg/testdata/matrix/v2"
)

// matrixTypeRows are about types within types: nested, embedded, generic, recursive, hidden.
func matrixTypeRows() []matrixRow {
	const all = "caller, reader, writer"
	data := func(values ...any) plugreg.Description { return plugreg.Description{Data: values} }
	return []matrixRow{
		matrixTypes[v1.Nested, v2.Nested]("changes in a nested type", "x", "field-removed .NestedLine.Gone caller, reader",
			"field-added .NestedLine.More caller", "wire-renamed .NestedLine.Tag reader, writer"),
		matrixTypes[v1.Underlying, v2.Underlying]("underlying of a defined type", "x", "comparability-lost .UnderlyingBytes caller",
			"underlying-changed .UnderlyingBytes "+all, "underlying-widened .UnderlyingCents caller, reader", "comparability-lost contract caller"),
		matrixTypes[v1.Kind, v2.Kind]("struct to map", "x", "kind-changed .KindInner caller, implementer, reader, writer", "comparability-lost contract caller"),
		matrixTypes[v1.GenericArgument, v2.GenericArgument]("other type argument", "x", "type-removed .Page[int] "+all, "type-added .Page[string] caller",
			"field-retyped contract.P "+all),
		matrixTypes[v1.GenericNames, v2.GenericNames]("type parameter renamed, constraint tighter", "="),
		matrixTypes[v1.Inline, v2.Inline]("exported embedded struct inlined", "x", "type-removed .InlineBase "+all, "field-added contract.ID caller",
			"field-inlined contract.InlineBase caller", "field-added contract.Note caller"),
		matrixTypes[v1.InlinePrivate, v2.InlinePrivate]("unexported embedded struct inlined", "+", "private-type-changed .inlinePrivate",
			"field-added contract.ID caller", "field-added contract.Note caller", "embedding-replaced contract.inlinePrivate caller"),
		matrixTypes[v1.InlineStricter, v2.InlineStricter]("unexported embedded struct inlined and required", "x", "private-type-changed .inlineStricter",
			"field-added contract.ID caller", "required-added contract.ID writer", "field-added contract.Note caller", "embedding-replaced contract.inlineStricter caller"),
		matrixTypes[v1.InlineLess, v2.InlineLess]("unexported embedded struct inlined in part", "x", "private-type-changed .inlineLess",
			"field-added contract.ID caller", "field-removed contract.Note caller, reader", "wire-removed contract.Note reader"),
		matrixTypes[v1.EmbedPrivate, v2.EmbedPrivate]("unexported embedded struct renamed", "+", "type-added .embedOther caller", "private-type-changed .embedPrivate",
			"field-added contract.embedOther caller", "embedding-replaced contract.embedPrivate caller"),
		matrixTypes[v1.Promote, v2.Promote]("field becomes promoted", "x", "type-added .PromoteBase caller", "field-promoted contract.ID caller",
			"field-added contract.PromoteBase caller"),
		matrixTypes[v1.EmbedLess, v2.EmbedLess]("field not embedded any more", "x",
			"embedding-removed contract.EmbedLessBase caller", "wire-renamed contract.EmbedLessBase reader, writer"),
		matrixTypes[v1.EmbedMore, v2.EmbedMore]("field embedded", "+", "embedding-added contract.EmbedMoreBase caller"),
		matrixTypes[v1.Shadow, v2.Shadow]("name in JSON shadowed", "x", "field-retyped contract.ID "+all, "field-added contract.Ident caller"),
		matrixTypes[v1.Ambiguous, v2.Ambiguous]("promoted field becomes ambiguous", "x", "type-added .AmbiguousB caller",
			"field-added contract.AmbiguousB caller", "field-removed contract.ID caller, reader", "wire-removed contract.ID reader"),
		matrixTypes[v1.PrivateType, v2.PrivateType]("unexported field with types of its own goes", "=", "private-type-changed .privateDeep",
			"private-type-changed .privateType", "private-fields-changed contract"),
		matrixTypes[v2.PrivateType, v1.PrivateType]("unexported field with types of its own comes", "=", "private-type-changed .privateDeep",
			"private-type-changed .privateType", "private-fields-changed contract"),
		matrixTypes[v1.PrivateChange, v2.PrivateChange]("type behind an unexported field", "=", "private-type-changed .privateChange"),
		matrixTypes[v1.Recursive, v2.Recursive]("recursion", "+", "field-added contract.Note caller"),
		matrixTypes[v1.GainCodec, v2.GainCodec]("type encodes itself", "x", "codec-added .GainCodecInner.MarshalJSON() reader, writer"),
		matrixTypes[v1.LoseCodec, v2.LoseCodec]("type does not encode itself any more", "x", "codec-removed .LoseCodecInner.MarshalJSON() reader, writer"),
		matrixTypes[v1.AddOptional, v1.AddOptional]("nothing", "="),
		{"type listed as payload", matrixOf[v1.Nested](), matrixOf[v1.Nested](data(v1.NestedLine{})), "+",
			[]string{"type-added data:NestedLine caller"}},
		{"payload not listed any more", matrixOf[v1.Nested](data(v1.NestedLine{})), matrixOf[v1.Nested](), "x",
			[]string{"type-removed data:NestedLine " + all}},
		{"generic type and its argument listed", matrixOf[[]v1.Page[v1.Strictly]](), matrixOf[[]v1.Page[v1.Strictly]](data(v1.Page[v1.Strictly]{}, v1.Strictly{})), "+",
			[]string{"type-added data:Page[Strictly] caller", "type-added data:Strictly caller"}},
		{"argument of a generic type listed", matrixOf[[]v1.Page[v1.Strictly]](), matrixOf[[]v1.Page[v1.Strictly]](data(v1.Strictly{})), "+",
			[]string{"type-added data:Strictly caller"}},
		{"type removed from the contract", matrixOf[io.Closer](data(v1.Strictly{}, v1.Remove{})), matrixOf[io.Closer](data(v1.Strictly{})), "x",
			[]string{"type-removed data:Remove " + all}},
		{"opened package moved", matrixOf[matrixMoved[v1.Strictly]](matrixOpened("v1", "")), matrixOf[matrixMoved[v2.Strictly]](matrixOpened("v2", "")), "x", []string{
			"field-retyped contract.V " + all, "type-removed " + matrixPath("v1") + ".Strictly " + all, "type-added " + matrixPath("v2") + ".Strictly caller"}},
		{"opened package moved, with alias", matrixOf[matrixMoved[v1.Strictly]](matrixOpened("v1", "acme")), matrixOf[matrixMoved[v2.Strictly]](matrixOpened("v2", "acme")), "=", nil},
	}
}

// matrixMoved holds a type of another package.
type matrixMoved[T any] struct{ V T }

func matrixPath(version string) string {
	return "github.com/plugreg/plugreg/testdata/matrix/" + version
}

func matrixOpened(version, alias string) plugreg.Description {
	path := matrixPath(version)
	d := plugreg.Description{Open: []string{path}}
	if alias != "" {
		d.PathAliases = map[string]string{path: alias}
	}
	return d
}

// matrixMethodRows are about methods.
func matrixMethodRows() []matrixRow {
	return []matrixRow{
		matrixTypes[v1.Grow, v2.Grow]("add a method to an interface", "x", "method-demanded contract.More() implementer"),
		matrixTypes[v1.Shrink, v2.Shrink]("remove a method of an interface", "x", "method-removed contract.More() caller"),
		matrixTypes[v1.GrowSealed, v2.GrowSealed]("add a method to a sealed interface", "+", "private-type-changed .hint", "private-method-changed contract..closed()",
			"private-method-changed contract..seal()", "method-added contract.More() caller"),
		matrixTypes[v1.Unseal, v2.Unseal]("unseal an interface", "=", "private-type-changed .hint", "role-changed contract", "private-method-changed contract..seal()"),
		matrixTypes[v1.Seal, v2.Seal]("seal an interface", "x", "private-type-changed .hint", "role-changed contract", "method-demanded contract..seal() implementer"),
		matrixTypes[v1.Param, v2.Param]("types and number of parameters and results", "x", "method-retyped contract.Do() caller, implementer",
			"method-retyped contract.Less() caller, implementer", "method-retyped contract.More() caller, implementer"),
		matrixTypes[v1.ParamNames, v2.ParamNames]("names of parameters", "="),
		matrixTypes[v1.Variadic, v2.Variadic]("slice to variadic", "x", "method-retyped contract.Do() caller, implementer"),
		matrixTypes[v1.Callback, v2.Callback]("function type", "x", "method-retyped contract.Do() caller, implementer"),
		matrixTypes[v1.ChanDir, v2.ChanDir]("direction of a channel", "x", "underlying-changed .ChanDirTicks caller, reader, writer"),
		{"methods of a payload", matrixOf[*v1.Methods](), matrixOf[*v2.Methods](), "x", []string{
			"method-removed contract.Gone() caller", "receiver-narrowed contract.Narrow() caller", "method-added contract.New() caller", "receiver-widened contract.Widen() caller"}},
	}
}

// matrixRoleRows are about what else a plugin's contract is made of.
func matrixRoleRows() []matrixRow {
	type plugin = plugreg.Plugin[io.Closer]
	plug := func(name, verdict string, old, now plugin, found ...string) matrixRow {
		return matrixRow{name, matrixPlugin(old), matrixPlugin(now), verdict, found}
	}
	needs := func(as any, constraint string) plugin {
		return plugin{Requires: []plugreg.Requirement{{Name: "cache", Constraint: constraint, As: as}}}
	}
	data := func(values ...any) plugin { return plugin{Data: values} }
	return []matrixRow{
		plug("add a field to settings", "+", plugin{Config: v1.AddOptional{}}, plugin{Config: v2.AddOptional{}}, "field-added config.Note writer"),
		plug("rename in settings with an alias", "~", plugin{Config: v1.RenameAlias{}}, plugin{Config: v2.RenameAlias{}}, "field-renamed config.Note writer"),
		plug("rename in a payload with an alias", "~", data(v1.RenameAlias{}), data(v2.RenameAlias{}), "field-renamed data:RenameAlias.Note reader"),
		plug("unexported fields of a plugin", "=", plugin{Prototype: (*v1.Server)(nil)}, plugin{Prototype: (*v2.Server)(nil)}, "private-fields-changed plugin"),
		plug("first settings, one required", "x", plugin{}, plugin{Config: v2.First{}}, "type-added config caller", "required-field-added config.Host writer"),
		plug("settings that cannot be compared", "+", plugin{Config: v1.Limits{}}, plugin{Config: v2.Limits{}}, "comparability-changed config", "field-added config.Tags writer"),
		plug("a Close of one's own", "=", plugin{Prototype: (*v1.Idle)(nil)}, plugin{Prototype: (*v2.Idle)(nil)}, "private-fields-changed plugin", "receiver-moved plugin.Close()"),
		plug("a plugin by pointer", "=", plugin{Prototype: v1.Moved{}}, plugin{Prototype: (*v2.Moved)(nil)}, "receiver-moved plugin.Close()"),
		plug("a type of plugin and payload encodes itself", "x", plugin{Prototype: (*v1.Shop)(nil), Data: []any{v1.Batch{}}}, plugin{Prototype: (*v2.Shop)(nil), Data: []any{v2.Batch{}}},
			"codec-added .Order.MarshalJSON() reader, writer"),
		matrixTypes[v1.Logger, v2.Logger]("a type that is in no payload encodes itself", "+", "method-added .Level.MarshalText() caller"),
		matrixTypes[v1.Embeds, v2.Embeds]("a type that nobody describes is embedded beside another", "x", "embedding-unknown contract.Range16 caller, reader"),
		matrixTypes[v1.Reading, v2.Reading]("a field with omitzero knows its zero", "~", "presence-changed .Degrees.IsZero() reader"),
		plug("required interface shrinks", "+", needs((*v1.Cache)(nil), ""), needs((*v2.Cache)(nil), ""), "method-waived requires:cache.Less() implementer"),
		plug("required interface grows", "x", needs((*v1.CacheMore)(nil), ""), needs((*v2.CacheMore)(nil), ""), "method-demanded requires:cache.More() implementer"),
		plug("requirement dropped", "+", needs((*v1.Cache)(nil), ""), plugin{}, "type-waived .CacheItem implementer",
			"requirement-removed requires:cache host", "type-waived requires:cache implementer"),
		plug("requirement added", "=", plugin{}, needs(nil, ""), "requirement-added requires:cache host"),
		plug("requirement changed", "=", needs(nil, ""), needs(nil, "^1"), "requirement-changed requires:cache host"),
		plug("resource added", "=", plugin{}, plugin{Uses: []string{"db"}}, "resource-added uses:db host"),
		plug("resource removed", "=", plugin{Uses: []string{"db", "log"}}, plugin{Uses: []string{"log"}}, "resource-removed uses:db host"),
		plug("export of another signature", "x", plugin{Exports: map[string]any{"quote": v1.Quote}}, plugin{Exports: map[string]any{"quote": v2.Quote}},
			"signature-changed export:quote caller"),
		plug("export gone", "x", plugin{Exports: map[string]any{"quote": v1.Quote}}, plugin{}, "type-removed export:quote caller, reader, writer"),
		plug("export added", "+", plugin{}, plugin{Exports: map[string]any{"flush": func(context.Context) {}}}, "type-added export:flush caller"),
	}
}
