// SPDX-License-Identifier: Apache-2.0

package plugreg

import "slices"

// Rule names one kind of [Change], such as "field-removed". One rule has one severity. The rules are a published
// vocabulary: exceptions name them, and a rule keeps its meaning.
type Rule string

// Explain says in a sentence what the rule finds and, where it may stop a version, what to do about it; empty for a
// rule that does not exist.
func (r Rule) Explain() string {
	switch r {
	case noBaseline:
		return "no earlier release of the plugin is known; publish a baseline, or except the first release"
	case pluginRemoved:
		return "a plugin that was released is gone; keep it and mark it deprecated"
	}
	if i, ok := ruleAt(r); ok {
		return rules[i].text
	}
	return ""
}

// Severity is how much a change of this rule asks for; Cosmetic for a rule that does not exist.
func (r Rule) Severity() Severity {
	if i, ok := ruleAt(r); ok {
		return rules[i].severity
	}
	return Cosmetic
}

// Rules lists the rules of [Diff] by name. [Gate] has two more, "no-baseline" and "plugin-removed".
func Rules() []Rule {
	list := make([]Rule, len(rules))
	for i := range rules {
		list[i] = rules[i].rule
	}
	return list
}

// oneWay says that what is written under the new contract means something else to a reader of the old one, or that it
// may miss something: no break for those who follow, but no way back.
func (r Rule) oneWay() bool {
	i, ok := ruleAt(r)
	return ok && rules[i].oneWay
}

func ruleAt(r Rule) (int, bool) {
	return slices.BinarySearchFunc(rules[:], r, func(i ruleInfo, r Rule) int {
		switch {
		case i.rule < r:
			return -1
		case i.rule > r:
			return 1
		}
		return 0
	})
}

const (
	aliasAdded           Rule = "alias-added"
	aliasRemoved         Rule = "alias-removed"
	codecAdded           Rule = "codec-added"
	codecRemoved         Rule = "codec-removed"
	comparabilityChanged Rule = "comparability-changed"
	comparabilityGained  Rule = "comparability-gained"
	comparabilityLost    Rule = "comparability-lost"
	defaultChanged       Rule = "default-changed"
	embeddingAdded       Rule = "embedding-added"
	embeddingRemoved     Rule = "embedding-removed"
	embeddingReplaced    Rule = "embedding-replaced"
	embeddingUnknown     Rule = "embedding-unknown"
	encodingChanged      Rule = "encoding-changed"
	fieldAdded           Rule = "field-added"
	fieldInlined         Rule = "field-inlined"
	fieldPromoted        Rule = "field-promoted"
	fieldRemoved         Rule = "field-removed"
	fieldRenamed         Rule = "field-renamed"
	fieldRetyped         Rule = "field-retyped"
	fieldWidened         Rule = "field-widened"
	fieldsReordered      Rule = "fields-reordered"
	goTypeChanged        Rule = "go-type-changed"
	kindChanged          Rule = "kind-changed"
	methodAdded          Rule = "method-added"
	methodDemanded       Rule = "method-demanded"
	methodRemoved        Rule = "method-removed"
	methodRetyped        Rule = "method-retyped"
	methodWaived         Rule = "method-waived"
	policyChanged        Rule = "policy-changed"
	presenceChanged      Rule = "presence-changed"
	privateChanged       Rule = "private-fields-changed"
	privateMethodChanged Rule = "private-method-changed"
	privateTypeChanged   Rule = "private-type-changed"
	receiverMoved        Rule = "receiver-moved"
	receiverNarrowed     Rule = "receiver-narrowed"
	receiverWidened      Rule = "receiver-widened"
	requiredAdded        Rule = "required-added"
	requiredDropped      Rule = "required-dropped"
	requiredFieldAdded   Rule = "required-field-added"
	requirementAdded     Rule = "requirement-added"
	requirementChanged   Rule = "requirement-changed"
	requirementRemoved   Rule = "requirement-removed"
	resourceAdded        Rule = "resource-added"
	resourceRemoved      Rule = "resource-removed"
	roleChanged          Rule = "role-changed"
	signatureChanged     Rule = "signature-changed"
	tagChanged           Rule = "tag-changed"
	typeAdded            Rule = "type-added"
	typeRemoved          Rule = "type-removed"
	typeWaived           Rule = "type-waived"
	underlyingChanged    Rule = "underlying-changed"
	underlyingWidened    Rule = "underlying-widened"
	wireAdded            Rule = "wire-added"
	wireAliased          Rule = "wire-aliased"
	wireRemoved          Rule = "wire-removed"
	wireRenamed          Rule = "wire-renamed"
)

type ruleInfo struct {
	rule     Rule
	severity Severity
	oneWay   bool
	affects  string
	text     string
}

// rules is sorted by name.
var rules = [...]ruleInfo{
	{aliasAdded, Additive, false, "writer", "a reader accepts a further name in JSON"},
	{aliasRemoved, Breaking, false, "writer", "a name in JSON is not accepted any more; keep the alias"},
	{codecAdded, Breaking, false, "reader, writer", "a type now encodes or decodes itself, so its form in JSON is another; use a new type"},
	{codecRemoved, Breaking, false, "reader, writer", "a type does not encode or decode itself any more, so its form in JSON is another; keep the method"},
	{comparabilityChanged, Cosmetic, false, "", "settings can, or cannot, be compared with ==, which nobody outside does"},
	{comparabilityGained, Additive, false, "caller", "values can now be compared with =="},
	{comparabilityLost, Breaking, false, "caller", "values cannot be compared with == or be keys of maps any more; put what cannot be compared behind a pointer"},
	{defaultChanged, Additive, true, "reader, writer", "an absent value means something else; readers of both versions disagree about it"},
	{embeddingAdded, Additive, false, "caller", "a field is now embedded, so that what it holds can be selected directly"},
	{embeddingRemoved, Breaking, false, "caller", "a field is not embedded any more, so that what it holds cannot be selected directly; embed it again"},
	{embeddingReplaced, Additive, false, "caller", "an unexported embedded struct is gone, and everything that it brought in is still there"},
	{embeddingUnknown, Breaking, false, "caller, reader", "a type that contracts do not describe is embedded beside others, and may hide what they bring in; give the field a name, or open its package"},
	{encodingChanged, Additive, true, "reader", "the json option \"string\" changed: a value that was quoted is not any more, or the reverse; old readers fail on it"},
	{fieldAdded, Additive, false, "caller", "a field that may be absent is new"},
	{fieldInlined, Breaking, false, "caller", "the fields of an embedded struct now stand in its place: the same in JSON, but code that names the embedded struct breaks; keep it embedded"},
	{fieldPromoted, Breaking, false, "caller", "a field moved into an embedded struct: the same to select, but literals break; keep it where it was"},
	{fieldRemoved, Breaking, false, "caller, reader", "a field is gone; keep it and mark it deprecated"},
	{fieldRenamed, Additive, true, "reader", "a field has another name and an alias for the old one: what was written before can be read, but old readers do not find it"},
	{fieldRetyped, Breaking, false, "caller, reader, writer", "a field has another type; add a field of the new type instead"},
	{fieldWidened, Breaking, false, "caller, reader", "a field has a wider type: payloads of the same major version can be read with DecodeOptions.Widen, but code breaks and old readers overflow; add a field instead"},
	{fieldsReordered, Cosmetic, false, "", "fields stand in another order"},
	{goTypeChanged, Cosmetic, false, "", "a type that the contract names by its role has another name or package in Go"},
	{kindChanged, Breaking, false, "caller, implementer, reader, writer", "a type is of another kind; use a new type"},
	{methodAdded, Additive, false, "caller", "a method is new that nobody else has to implement"},
	{methodDemanded, Breaking, false, "implementer", "an interface that others implement has a new method; ask for it by an interface of its own"},
	{methodRemoved, Breaking, false, "caller", "a method is gone; keep it and mark it deprecated"},
	{methodRetyped, Breaking, false, "caller, implementer", "a method has other parameters or results; add a method instead"},
	{methodWaived, Additive, false, "implementer", "a method is not needed of another plugin any more"},
	{policyChanged, Cosmetic, false, "", "the contract declares another policy"},
	{presenceChanged, Additive, true, "reader", "the json option omitempty or omitzero changed: a value that was always there may be absent, or the reverse"},
	{privateChanged, Cosmetic, false, "", "fields that nobody outside can use changed, or their places"},
	{privateMethodChanged, Cosmetic, false, "", "an unexported method changed, came or went in an interface that nobody else can implement"},
	{privateTypeChanged, Cosmetic, false, "", "a type changed, came or went that nothing exported leads to, or that had no exported name"},
	{receiverMoved, Cosmetic, false, "", "a method of the plugin's own type moved between value and pointer; the host calls it as before"},
	{receiverNarrowed, Breaking, false, "caller", "only the pointer has the method now; keep the value receiver"},
	{receiverWidened, Additive, false, "caller", "values have a method too that only the pointer had"},
	{requiredAdded, Breaking, false, "writer", "a field that could be absent is required; keep it optional, with a default"},
	{requiredDropped, Additive, true, "reader", "a field that was required may be absent; old readers refuse payloads without it"},
	{requiredFieldAdded, Breaking, false, "writer", "a required field is new, which nothing written before holds; make it optional, with a default"},
	{requirementAdded, Cosmetic, false, "host", "the plugin needs a further plugin"},
	{requirementChanged, Cosmetic, false, "host", "the plugin needs other versions of another plugin"},
	{requirementRemoved, Cosmetic, false, "host", "the plugin does not need another plugin any more"},
	{resourceAdded, Cosmetic, false, "host", "the plugin uses a further shared resource"},
	{resourceRemoved, Cosmetic, false, "host", "the plugin does not use a shared resource any more"},
	{roleChanged, Cosmetic, false, "", "a type is reached from another side of the boundary"},
	{signatureChanged, Breaking, false, "caller", "an exported function has other parameters or results; export another name instead"},
	{tagChanged, Cosmetic, false, "", "a part of a tag changed that readers and writers do not go by"},
	{typeAdded, Additive, false, "caller", "a type is new in the contract"},
	{typeRemoved, Breaking, false, "caller, reader, writer", "a type is gone from the contract; keep it"},
	{typeWaived, Additive, false, "implementer", "a type that was needed of another plugin is not any more"},
	{underlyingChanged, Breaking, false, "caller, reader, writer", "a type is made of something else; use a new type"},
	{underlyingWidened, Breaking, false, "caller, reader", "a type is made of a wider one: payloads of the same major version can be read with DecodeOptions.Widen, but code breaks and old readers overflow; use a new type"},
	{wireAdded, Additive, false, "reader", "a field that was not in JSON is now"},
	{wireAliased, Additive, true, "reader", "a field has another name in JSON and an alias for the old one: what was written before can be read, but old readers do not find it"},
	{wireRemoved, Breaking, false, "reader", "a field is not in JSON any more; keep it there"},
	{wireRenamed, Breaking, false, "reader, writer", "a field has another name in JSON; add alias=<old name> to its plugreg tag"},
}
