// SPDX-License-Identifier: Apache-2.0

// Package shape describes Go types as they cross a plugin boundary.
//
// The invariant: two sets of types get equal shapes exactly if what crosses the boundary is equal. A shape
// depends on names, types, tags, method signatures, receivers and comparability; it does not depend on comments,
// parameter names, the order of imports, roots or discovery, the build, the process or the machine. Walk is
// deterministic, and every reference is by name, so recursion ends and a shape can be hashed on its own.
//
// # Names
//
// Types are written as text by these rules.
//
//   - A root is written by its root name wherever it is referenced: "*plugin", "contract", "data:Payment". A
//     type that is several roots is written by the first of them in the order given. The Go name and path of a
//     root are therefore visible in GoType only, which is information and no part of a comparison.
//   - Own packages are the packages of the root types (for an unnamed root such as *T or []T, of its elements), standard
//     library packages aside. A named type of an own package is written ".Name": without its path, and with a
//     dot that keeps it apart from predeclared types and root names. So equal types in two packages come out equal.
//   - Every other named type is written with its package path: "time.Duration", "github.com/acme/pay.Order".
//   - A path with an entry in Options.PathAliases is replaced by it first, an own one as well: "acme.Order".
//   - The arguments of a generic instance follow the same rules: ".Page[data:Row,time.Time]". Unnamed types inside
//     the brackets keep the spelling of the compiler, except that an empty interface is "any".
//   - Unnamed types are written out: *T, []T, [4]T, map[K]V, chan T, <-chan T, chan<- T, chan (<-chan T),
//     func(A, ...B) (C, D), func(A) B, any, interface{ M(int) string; .m() }, struct{ A int "tag"; .b int; embedded
//     Base .Base }. Members that are not exported bear their package by the rules above. byte is uint8, rune is int32.
//
// Two types that come out with one name, and types declared inside a function, are errors: a name would not
// say which type it means.
//
// # What is described
//
// The roots, and every named type of an own or an open package that is reachable through fields, elements and
// method signatures. All other types are opaque: they are referenced by name and not described.
//
// Walk lists methods by reflection. A program that links this package therefore keeps every exported method of every
// type that is reachable at run time.
//
// All functions of this package are safe for concurrent use.
package shape

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Role says on which side of the boundary a type stands. The zero value is no role.
type Role string

// The roles, by priority: a nested type that several roots reach takes the role that stands first here.
const (
	Both     Role = "both"     // an interface that the host calls and that plugins implement
	Provides Role = "provides" // a concrete type, or an interface that is sealed by an unexported method
	Requires Role = "requires" // an interface that a plugin needs of another
	Config   Role = "config"   // settings; must be serialisable
	Data     Role = "data"     // a payload; must be serialisable
	Export   Role = "export"   // a function that a plugin offers by name
)

var roles = [...]Role{Both, Provides, Requires, Config, Data, Export}

// Root is a type that is described because the boundary names it.
type Root struct {
	Name string       // what its shape is called; unique, valid UTF-8 without control characters, no leading dot
	Role Role         // one of the constants
	Type reflect.Type // not nil; a pointer to a named type, a struct or an interface describes what it points to
}

// Options adjust how types of other packages are named and seen. The zero value is usable.
type Options struct {
	Open        []string          // package paths whose types are described although no root is declared there
	PathAliases map[string]string // package path to the name that stands for it in type texts
	Untried     bool              // defaults are taken as they are written: no UnmarshalText is called
}

// Shape describes one type. References to other types in it are by name.
type Shape struct {
	Name       string   // the root name, or the type as every text writes it
	Role       Role     // the root's, or that of the first root which reaches the type
	Kind       string   // "struct", "interface", or the type written out
	GoType     string   // path, or its alias, and name in Go; information only, no part of a comparison
	Comparable bool     // whether == is defined; of a pointer root, for the pointer, but for settings and payloads
	Fields     []Field  // of a struct, in order of declaration
	Methods    []Method // sorted by name
}

// Field describes one field of a struct.
type Field struct {
	Name     string   // in Go
	Wire     string   // in JSON; "-" where excluded, "" where an embedded struct's fields are inlined
	Type     string   // type text
	Tag      string   // as declared; valid UTF-8
	Default  string   // text of the value that stands for an absent one; "" is the zero value of the type
	Position int      // index in the declared struct, from 0
	Required bool     // payloads must hold it
	Embedded bool     // declared without a name of its own
	Aliases  []string // further names in JSON that a reader accepts, in order of declaration
}

// Method describes one method.
type Method struct {
	Name    string // in Go; if not exported, with its package as type texts write it
	Type    string // function text without the receiver
	Pointer bool   // only the pointer has it
}

// maxTypes and maxDepth bound what Walk accepts: described types, and unnamed types within each other.
const (
	maxTypes = 10_000
	maxDepth = 100
)

// Walk describes the roots and the types that they reach, sorted by name.
//
// It reports all problems at once, sorted, each with the path from its root and a fix: a root without a usable
// name, role or type, two types with one name, a type declared in a function or made by cgo or package syscall,
// a tag that is not valid, two fields with one wire name, a Config or Data root that cannot be serialised, and
// more than 10,000 described types or 100 unnamed types within each other. In that case there are no shapes.
//
// UnmarshalText of field types that have a default is called on new values, unless Options.Untried is set; a panic in it
// is reported as a problem.
func Walk(roots []Root, opts Options) ([]Shape, error) {
	return walk(roots, opts, maxTypes)
}

// TypeText writes t with full package paths, as Walk does for a type without roots and options. It is meant for messages:
// names that Walk would refuse are written all the same. A nil type is "nil".
func TypeText(t reflect.Type) string {
	return looseText(t, &namer{})
}

// LocalName writes t with all package paths left out, arguments of generic types included: "Page[Row]" or "[]Row" for
// the type or, if t is a pointer, for what it points to. It serves to derive a root's name. A nil type is "nil".
func LocalName(t reflect.Type) string {
	for t != nil && t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return looseText(t, &namer{bare: true})
}

func looseText(t reflect.Type, n *namer) string {
	if t == nil {
		return "nil"
	}
	p := printer{names: n}
	p.write(t)
	return string(p.dst)
}

// checkRoots returns the roots that can be walked, and what is wrong with the others.
func checkRoots(roots []Root) (good []Root, problems []error) {
	seen := make(map[string]bool, len(roots))
	for _, r := range roots {
		err := checkRoot(r)
		if err == nil && seen[r.Name] {
			err = errors.New("is given twice; give each root a name of its own")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("root %q: %w", r.Name, err))
			continue
		}
		seen[r.Name] = true
		good = append(good, r)
	}
	return good, problems
}

func checkRoot(r Root) error {
	switch {
	case r.Name == "" || r.Name[0] == '.' || !printable(r.Name):
		return errors.New("not a usable name; give one in valid UTF-8 without control characters or a leading dot")
	case r.Type == nil:
		return errors.New("has no type; give a value or a typed nil such as (*T)(nil)")
	case !slices.Contains(roles[:], r.Role):
		return fmt.Errorf("unknown role %q; want one of %q", r.Role, roles)
	}
	return nil
}

// checkAliases refuses aliases that would change the structure of a type text.
func checkAliases(aliases map[string]string) (problems []error) {
	for path, alias := range aliases {
		if alias == "" || alias[0] == '.' || !printable(alias) || strings.ContainsAny(alias, delimiters) {
			problems = append(problems, fmt.Errorf("path alias %q for %q: not a usable name; use letters, digits and slashes", alias, path))
		}
	}
	return problems
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
