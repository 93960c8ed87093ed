// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Diff compares what two contracts describe. It knows no policy and has no options: names, versions and digests of the
// contracts are not looked at, and the severities are those of an interface that both sides were compiled with.
//
// Types are matched by name, fields and methods by theirs; the order of fields is reported apart. A change inside a type
// is reported once, on that type; what only unexported members lead to is Cosmetic. What is equal by
// [Contract.ShapesDigest] differs at most in Go names, requirements, resources and policy, which are Cosmetic, and what
// is not has at least one change. Neither argument is changed, and both may be documents of any origin.
func Diff(old, new Contract) Changes {
	d := differ{old: shapeIndex(old.Shapes), new: shapeIndex(new.Shapes)}
	d.findListed(old.Shapes, new.Shapes)
	d.hiddenOld, d.hiddenNew = hidden(d.old), hidden(d.new)
	for i := range old.Shapes {
		d.lookAt(&old.Shapes[i])
	}
	for i := range new.Shapes {
		d.lookForNew(&new.Shapes[i])
	}
	d.needs(old, new)
	if old.Policy != new.Policy {
		d.add(policyChanged, "policy", old.Policy.String(), new.Policy.String())
	}
	slices.SortFunc(d.found, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.Old, b.Old), strings.Compare(a.New, b.New))
	})
	return slices.Compact(d.found) // what is lost to code and to JSON alike
}

// differ is one comparison. Names of types in what it finds are plain, see [differ.plain].
type differ struct {
	old, new map[string]*Shape // by the names that their own side has
	// hiddenOld and hiddenNew are the types on either side that only unexported members lead to.
	hiddenOld, hiddenNew map[string]bool
	// waived are the old types that only what was needed of other plugins leads to; nil until somebody asks.
	waived map[string]bool
	// listed are the payload types that one side lists and the other only reaches, "data:X" by ".X".
	listed map[string]string
	twins  map[string][2]*Shape // old and new by plain name; nil where nothing is listed
	// serial are the types on either side, by plain name, that settings and payloads lead to; nil until somebody asks.
	serial    map[string]bool
	unchanged map[string]bool // structs that are the same on both sides, with all that they embed; by plain name
	settings  bool            // the type that is looked at is one of settings
	found     Changes
}

func (d *differ) add(r Rule, path, was, is string) {
	i, _ := ruleAt(r)
	c := Change{Rule: r, Path: path, Old: was, New: is, Affects: rules[i].affects, Severity: rules[i].severity}
	if d.settings && c.Affects != "" {
		c.Affects = "writer" // nobody but who writes settings has to do with their type
	}
	d.found = append(d.found, c)
}

// lookAt compares a type of the old contract with what the new one has of it.
func (d *differ) lookAt(o *Shape) {
	name, n := d.plain(o.Name), d.counterpart(o.Name, d.new)
	switch {
	case d.hiddenOld[o.Name]:
		d.lookAtHidden(name, o, n)
		return
	case n == nil || d.hiddenNew[n.Name]:
		d.add(d.lossOf(name, o), name, o.Kind, "")
		return
	case o.Name != n.Name && strings.HasPrefix(o.Name, "data:"):
		d.add(typeRemoved, name, o.Kind, "") // as a payload; it is still reached
	case o.Name != n.Name && strings.HasPrefix(n.Name, "data:"):
		d.add(typeAdded, name, "", n.Kind)
	}
	d.shape(name, o, n)
}

// lookAtHidden compares a type that nobody outside could reach.
func (d *differ) lookAtHidden(name string, o, n *Shape) {
	switch {
	case n == nil:
		d.add(privateTypeChanged, name, o.Kind, "")
	case !d.hiddenNew[n.Name]:
		d.add(typeAdded, name, "", n.Kind)
	case digestShapes([]Shape{*o}) != digestShapes([]Shape{*n}):
		d.add(privateTypeChanged, name, o.Kind, n.Kind)
	}
}

// lossOf is the rule for a type that is gone. An unexported name was never written elsewhere, so that losing it shows
// where exported members had the type.
func (d *differ) lossOf(name string, o *Shape) Rule {
	switch {
	case o.Role == RoleRequires || d.onlyRequired(o.Name):
		return typeWaived
	case !isRootName(name) && !isExportedName(name):
		return privateTypeChanged
	}
	return typeRemoved
}

func (d *differ) lookForNew(n *Shape) {
	if d.counterpart(n.Name, d.old) != nil {
		return
	}
	r := typeAdded
	if d.hiddenNew[n.Name] {
		r = privateTypeChanged
	}
	d.add(r, d.plain(n.Name), "", n.Kind)
	if n.Name == "config" {
		d.firstSettings(n)
	}
}

// firstSettings finds what settings must hold of a plugin that had none: so far, nobody wrote any.
func (d *differ) firstSettings(n *Shape) {
	d.settings = true
	for i := range n.Fields {
		if f := &n.Fields[i]; f.public() && f.Wire != "-" && d.demanded(f) {
			d.add(requiredFieldAdded, n.Name+"."+f.Name, "", f.Type)
		}
	}
	d.settings = false
}

func (d *differ) shape(name string, o, n *Shape) {
	d.settings = o.Role == RoleConfig && n.Role == RoleConfig
	defer func() { d.settings = false }()
	if o.Role != n.Role {
		d.add(roleChanged, name, string(o.Role), string(n.Role))
	}
	if o.GoType != n.GoType && isRootName(name) {
		d.add(goTypeChanged, name, o.GoType, n.GoType)
	}
	if !d.kind(name, o, n) {
		return // nothing below can be compared
	}
	switch {
	case d.settings && o.Comparable != n.Comparable:
		d.add(comparabilityChanged, name, fmt.Sprint(o.Comparable), fmt.Sprint(n.Comparable))
	case o.Comparable && !n.Comparable:
		d.add(comparabilityLost, name, "", "")
	case !o.Comparable && n.Comparable:
		d.add(comparabilityGained, name, "", "")
	}
	if o.Kind == "struct" {
		d.fields(name, o, n)
	}
	d.methods(name, o, n)
}

// kind reports whether what the two are made of can be compared further.
func (d *differ) kind(name string, o, n *Shape) bool {
	if d.same(o.Kind, n.Kind) {
		return true
	}
	r := underlyingChanged
	switch {
	case isMembered(o.Kind) || isMembered(n.Kind):
		r = kindChanged
	case o.Role == RoleExport && strings.HasPrefix(name, "export:"):
		r = signatureChanged
	case widens(o.Kind, n.Kind):
		r = underlyingWidened
	}
	d.add(r, name, o.Kind, n.Kind)
	return r != kindChanged
}

func isMembered(kind string) bool { return kind == "struct" || kind == "interface" }

// methods compares method sets. Whether a new method asks something of others depends on who implements the type.
func (d *differ) methods(name string, o, n *Shape) {
	now := make(map[string]*Method, len(n.Methods))
	for i := range n.Methods {
		now[n.Methods[i].Name] = &n.Methods[i]
	}
	for i := range o.Methods {
		m := &o.Methods[i]
		if is := now[m.Name]; is == nil || *m != *is {
			d.method(name, o, n, m, is)
		}
		delete(now, m.Name)
	}
	for method, m := range now {
		d.add(d.gainedMethod(name, o, n, m), name+"."+method+"()", "", m.Type)
	}
}

// method compares a method of the old contract with what the new one has of it, nil for nothing.
func (d *differ) method(name string, o, n *Shape, m, is *Method) {
	path := name + "." + m.Name + "()"
	switch {
	case o.Role == RoleProvides && m.private() && is == nil:
		d.add(privateMethodChanged, path, m.Type, "")
	case o.Role == RoleProvides && m.private() && !d.same(m.Type, is.Type):
		d.add(privateMethodChanged, path, m.Type, is.Type)
	case is == nil && o.Role == RoleRequires && n.Role == RoleRequires && o.Kind == "interface":
		d.add(methodWaived, path, m.Type, "")
	case is == nil && d.codes(name, o, m):
		d.add(codecRemoved, path, m.Type, "")
	case is == nil:
		d.add(methodRemoved, path, m.Type, "")
	case !d.same(m.Type, is.Type):
		d.add(methodRetyped, path, m.Type, is.Type)
	case m.Pointer != is.Pointer && name == "plugin": // the host has what New returned, and calls it all the same
		d.add(receiverMoved, path, receiverOf(m), receiverOf(is))
	case is.Pointer:
		d.add(receiverNarrowed, path, receiverOf(m), receiverOf(is))
	case m.Pointer:
		d.add(receiverWidened, path, receiverOf(m), receiverOf(is))
	}
}

func receiverOf(m *Method) string {
	if m.Pointer {
		return "pointer"
	}
	return "value"
}

// private methods have their package before their name, and nobody elsewhere can call or implement them.
func (m *Method) private() bool { return strings.Contains(m.Name, ".") }

// gainedMethod is the rule for a new method.
func (d *differ) gainedMethod(name string, o, n *Shape, m *Method) Rule {
	switch {
	case o.Kind == "interface" && (o.Role != RoleProvides || n.Role != RoleProvides):
		return methodDemanded
	case m.private():
		return privateMethodChanged
	case d.codes(name, n, m):
		return codecAdded
	case m.Name == "IsZero" && m.Type == "func() bool" && d.inJSON(name):
		return presenceChanged // of fields with omitzero
	}
	return methodAdded
}

// codes reports whether by the method a type takes its form in JSON into its own hands.
func (d *differ) codes(name string, s *Shape, m *Method) bool {
	return s.Kind != "interface" && slices.Contains(codecs[:], m.Name) && d.inJSON(name)
}

// codecs are the methods by which types write themselves, and read themselves.
var codecs = [...]string{"MarshalJSON", "MarshalText", "UnmarshalJSON", "UnmarshalText"}

// inJSON reports whether a type is part of settings or payloads.
func (d *differ) inJSON(name string) bool {
	if d.serial == nil {
		d.serial = map[string]bool{}
		for _, side := range []map[string]*Shape{d.old, d.new} {
			for reached := range serial(side) {
				d.serial[d.plain(reached)] = true
			}
		}
	}
	return d.serial[name]
}

// needs compares what the contracts ask of the host.
func (d *differ) needs(old, new Contract) {
	was := make(map[string]Dependency, len(old.Requires))
	for _, q := range old.Requires {
		was[q.Name] = q
	}
	for _, q := range new.Requires {
		before, ok := was[q.Name]
		switch {
		case !ok:
			d.add(requirementAdded, "requires:"+q.Name, "", q.text())
		case before != q:
			d.add(requirementChanged, "requires:"+q.Name, before.text(), q.text())
		}
		delete(was, q.Name)
	}
	for name, q := range was {
		d.add(requirementRemoved, "requires:"+name, q.text(), "")
	}
	for _, u := range without(old.Uses, new.Uses) {
		d.add(resourceRemoved, "uses:"+u, u, "")
	}
	for _, u := range without(new.Uses, old.Uses) {
		d.add(resourceAdded, "uses:"+u, "", u)
	}
}

// without returns what stands in list and not in other.
func without(list, other []string) (gone []string) {
	if slices.Equal(list, other) {
		return nil
	}
	there := make(map[string]bool, len(other))
	for _, s := range other {
		there[s] = true
	}
	for _, s := range list {
		if !there[s] {
			gone = append(gone, s)
		}
	}
	return gone
}

func (d Dependency) text() string {
	s := d.Constraint
	if s == "" {
		s = "*"
	}
	if d.Optional {
		s += ", optional"
	}
	return s
}

// widens reports whether every value of the type was is one of the type is: on platforms of 32 and of 64 bits, and of the
// same signedness.
func widens(was, is string) bool {
	a, b := slices.Index(widths[:], was), slices.Index(widths[:], is)
	return was != "" && is != "" && a >= 0 && b >= 0 && a/8 == b/8 && a%8 < b%8
}

// widths has the basic types in rows of eight, narrow ones first.
var widths = [...]string{
	"int8", "int16", "int32", "int", "int64", "", "", "",
	"uint8", "uint16", "uint32", "uint", "uint64", "", "", "",
	"float32", "float64", "", "", "", "", "", "",
	"complex64", "complex128", "", "", "", "", "", "",
}
