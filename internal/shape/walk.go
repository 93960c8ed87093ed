// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plugreg/plugreg/internal/tag"
)

// step is one member on the way from a root to a type. Steps share their beginnings, so that long chains of types
// cost no more than short ones; the text is made when a problem needs it.
type step struct {
	from *step
	text string
}

func (s *step) then(text string) *step { return &step{from: s, text: text} }

func (s *step) String() string {
	var parts []string
	for at := s; at != nil; at = at.from {
		parts = append(parts, at.text)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "")
}

// target is a type that waits for its description.
type target struct {
	typ  reflect.Type // as given for a root, else the named type
	name string       // of a root, else ""
	role Role
	at   *step
}

type walker struct {
	names    *namer
	goNames  *namer // of types as people know them, with path aliases
	open     map[string]bool
	untried  bool
	limit    int
	seen     map[reflect.Type]bool // nested types that are described or in the queue
	queue    []target
	shapes   []Shape
	problems map[string]bool
}

func walk(roots []Root, opts Options, limit int) ([]Shape, error) {
	good, problems := checkRoots(roots)
	w := walker{
		names: newNamer(good, opts.PathAliases), goNames: &namer{aliases: opts.PathAliases}, open: map[string]bool{}, untried: opts.Untried, limit: limit,
		seen: map[reflect.Type]bool{}, problems: map[string]bool{},
	}
	for _, path := range opts.Open {
		w.open[path] = true
	}
	for _, err := range append(problems, checkAliases(opts.PathAliases)...) {
		w.problems[err.Error()] = true
	}
	w.describeAll(good)
	if len(w.problems) > 0 {
		return nil, w.err()
	}
	slices.SortFunc(w.shapes, func(a, b Shape) int { return cmp.Compare(a.Name, b.Name) })
	return w.shapes, nil
}

// describeAll finishes one root before the next, by priority of their roles, so that what several roots reach
// takes its role from the first of them.
func (w *walker) describeAll(roots []Root) {
	byRole := slices.Clone(roots)
	slices.SortStableFunc(byRole, func(a, b Root) int {
		return cmp.Compare(slices.Index(roles[:], a.Role), slices.Index(roles[:], b.Role))
	})
	for _, r := range byRole {
		at := &step{text: r.Name}
		if r.Role == Config || r.Role == Data {
			s := serial{report: w.report, seen: map[reflect.Type]bool{}}
			s.check(r.Type, at)
		}
		w.queue = append(w.queue, target{typ: r.Type, name: r.Name, role: r.Role, at: at})
		for len(w.queue) > 0 {
			next := w.queue[0]
			w.queue = w.queue[1:]
			if len(w.shapes) == w.limit {
				w.report(next.at, fmt.Errorf("more than %d types are reachable; leave packages closed or use fewer types", w.limit))
				return
			}
			w.shapes = append(w.shapes, w.describe(next))
		}
	}
}

// report notes a problem, or each of several that were joined.
func (w *walker) report(at *step, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			w.report(at, err)
		}
		return
	}
	w.problems[at.String()+": "+err.Error()] = true
}

// err joins what is wrong, sorted.
func (w *walker) err() error {
	texts := make([]string, 0, len(w.problems))
	for text := range w.problems {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	errs := make([]error, len(texts))
	for i, text := range texts {
		errs[i] = errors.New(text)
	}
	return errors.Join(errs...)
}

func (w *walker) describe(next target) Shape {
	typ := next.typ
	s := Shape{Name: next.name, Role: next.role, GoType: looseText(typ, w.goNames), Comparable: typ.Comparable()}
	if next.role == Config || next.role == Data { // a pointer is just a way to hand them over
		s.Comparable = pointee(typ).Comparable()
	}
	if next.name == "" {
		s.Name = w.use(next.at, next.role)(w.names.text(typ))
	} else if typ = pointee(typ); typ.Name() != "" {
		w.use(next.at, next.role)(w.names.text(typ)) // for its problems; the name is the root's
	}
	switch typ.Kind() {
	case reflect.Interface:
		s.Kind = "interface"
		s.Role = interfaceRole(next, typ)
		s.Methods = w.interfaceMethods(typ, next)
	case reflect.Struct:
		s.Kind = "struct"
		s.Fields = w.fields(typ, next)
		s.Methods = w.methods(typ, next)
	default:
		s.Kind = w.use(next.at, next.role)(w.names.literal(typ))
		s.Methods = w.methods(typ, next)
	}
	return s
}

// interfaceRole is Both unless a root says otherwise. Nobody else can implement a sealed interface, so it provides.
func interfaceRole(next target, t reflect.Type) Role {
	if next.name != "" && next.role != Both {
		return next.role
	}
	for m := range t.Methods() {
		if m.PkgPath != "" {
			return Provides
		}
	}
	return Both
}

// use takes what the namer returns: the text is passed on, types are queued, problems are reported at the given place.
func (w *walker) use(at *step, role Role) func(string, []reflect.Type, error) string {
	return func(text string, found []reflect.Type, err error) string {
		if err != nil {
			w.report(at, err)
		}
		for _, t := range found {
			if w.seen[t] || w.names.isRoot(t) || !(w.names.own[t.PkgPath()] || w.open[t.PkgPath()]) {
				continue
			}
			w.seen[t] = true
			w.queue = append(w.queue, target{typ: t, role: role, at: at})
		}
		return text
	}
}

// fields describes a struct. The private fields of what a plugin provides do not cross the boundary, so a patch may change
// them; those of payloads and settings are described, for Strict to see.
func (w *walker) fields(t reflect.Type, next target) []Field {
	private := next.role != Provides
	var fields []Field
	for i := range t.NumField() {
		f := t.Field(i)
		if !private && !f.IsExported() && !f.Anonymous {
			continue
		}
		fields = append(fields, w.field(f, i, next))
	}
	w.checkWireNames(fields, next.at)
	w.checkInlined(t, fields, next.at)
	return fields
}

func (w *walker) field(f reflect.StructField, position int, next target) Field {
	at := next.at.then("." + f.Name)
	wire, ok := tag.WireName(f)
	if !ok {
		wire = leftOut
	}
	d := Field{
		Name: f.Name, Wire: wire, Type: w.use(at, next.role)(w.names.text(f.Type)), Tag: string(f.Tag),
		Position: position, Embedded: f.Anonymous,
	}
	o, err := tag.Of(f)
	switch {
	case !utf8.ValidString(d.Tag):
		err = fmt.Errorf("tag %q is not valid UTF-8; write it in UTF-8", f.Tag)
	case ok && wire == leftOut:
		err = errors.New("the wire name \"-\" means that a field is left out; choose another")
	case err == nil:
		err = w.checkOptions(o, wire, f)
	}
	if err != nil {
		w.report(at, err)
	}
	d.Required, d.Default, d.Aliases = o.Required, o.Default, o.Aliases
	return d
}

// leftOut stands for the wire name of a field that has none.
const leftOut = "-"

// checkOptions refuses options that would have no effect, and a default that the field cannot hold.
func (w *walker) checkOptions(o tag.Options, wire string, f reflect.StructField) error {
	switch {
	case o.IsZero():
		return nil
	case wire == leftOut:
		return errors.New("plugreg options on a field that is not in JSON have no effect; drop them or export the field")
	case wire == "":
		return errors.New("plugreg options on an inlined struct have no effect; set them on its fields or give it a json name")
	case !f.IsExported():
		return errors.New("plugreg options on a field that is not exported have no effect; drop them or export the field")
	case o.HasDefault && !w.untried:
		if err := tag.SetDefault(reflect.New(f.Type).Elem(), o.Default); err != nil {
			return fmt.Errorf("default %q does not fit type %s: %w", o.Default, TypeText(f.Type), err)
		}
	}
	return nil
}

// checkInlined refuses aliases that are the names of fields which an embedded struct brings in: a reader could not tell them apart.
func (w *walker) checkInlined(t reflect.Type, fields []Field, at *step) {
	inlined := map[string]bool{}
	for _, f := range fields {
		if f.Wire == "" {
			collectInlined(t.Field(f.Position).Type, inlined, map[reflect.Type]bool{})
		}
	}
	for _, f := range fields {
		if inlined[aliasOf(f.Wire)] {
			w.report(at.then("."+f.Name), fmt.Errorf("wire name %q is an alias in an embedded struct too; rename one of them", f.Wire))
		}
		for _, alias := range f.Aliases {
			if inlined[alias] || inlined[aliasOf(alias)] {
				w.report(at.then("."+f.Name), fmt.Errorf("alias %q is a name of a field of an embedded struct too; rename one of them", alias))
			}
		}
	}
}

// aliasOf is what an alias is noted as, apart from the wire names: of those the outer one hides the inner.
func aliasOf(wire string) string { return "alias " + wire }

// collectInlined adds the wire names and the aliases that a struct brings in where it is embedded.
func collectInlined(t reflect.Type, names map[string]bool, seen map[reflect.Type]bool) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if seen[t] {
		return
	}
	seen[t] = true
	for i := range t.NumField() {
		switch name, ok := tag.WireName(t.Field(i)); {
		case !ok:
		case name == "":
			collectInlined(t.Field(i).Type, names, seen)
		default:
			names[name] = true
			o, _ := tag.Of(t.Field(i)) // what is wrong with it is reported where it is declared
			for _, alias := range o.Aliases {
				names[aliasOf(alias)] = true
			}
		}
	}
}

func (w *walker) checkWireNames(fields []Field, at *step) {
	owner := map[string]string{}
	for _, f := range fields {
		names := f.Aliases
		if f.Wire != leftOut && f.Wire != "" {
			names = append([]string{f.Wire}, names...)
		}
		for _, name := range names {
			if other, taken := owner[name]; taken {
				w.report(at.then("."+f.Name), fmt.Errorf("wire name %q is that of field %s too; rename one in its json tag or alias", name, other))
			}
			owner[name] = f.Name
		}
	}
}

// methods lists those of a type that is no interface: reflection has exported ones only. The pointer's are included
// unless what the plugin provides is a value, which has no others. Settings and payloads are read through a pointer,
// whichever way they were handed over.
func (w *walker) methods(t reflect.Type, next target) []Method {
	value := map[string]bool{}
	for m := range t.Methods() {
		value[m.Name] = true
	}
	whole := next.typ
	if next.name == "" || next.role == Config || next.role == Data {
		whole = reflect.PointerTo(t)
	}
	var methods []Method
	for m := range whole.Methods() {
		methods = append(methods, Method{Name: m.Name, Type: w.signature(m, 1, next), Pointer: !value[m.Name]})
	}
	return methods
}

func (w *walker) interfaceMethods(t reflect.Type, next target) []Method {
	var methods []Method
	for _, m := range sortedMethods(t, w.names) {
		methods = append(methods, Method{Name: w.names.prefix(m.PkgPath) + m.Name, Type: w.signature(m, 0, next)})
	}
	return methods
}

// signature writes the type of a method without its receiver, which is the first parameter if skip is 1.
func (w *walker) signature(m reflect.Method, skip int, next target) string {
	p := printer{names: w.names}
	p.add("func")
	p.signature(m.Type, skip)
	return w.use(next.at.then("."+m.Name+"()"), next.role)(string(p.dst), p.found, errors.Join(p.errs...))
}
