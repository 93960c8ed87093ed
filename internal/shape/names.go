// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"errors"
	"fmt"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// delimiters end a word of a type text. None can stand in an import path or an identifier.
const delimiters = " \t\n\"`'()[]{}<>*,;|"

// namer gives every named type its one written name. The zero value writes full paths.
type namer struct {
	bare    bool              // leave all paths out, ask nothing
	own     map[string]bool   // package paths that are left out
	aliases map[string]string // package path to what is written for it
	roots   map[string]string // full name of a root type to its root name

	written map[string]string       // full name to written name, once it has been checked
	claims  map[string]string       // written name to the full name that has it
	types   map[string]reflect.Type // full name to its type
}

// newNamer prepares the names of checked roots.
func newNamer(roots []Root, aliases map[string]string) *namer {
	n := &namer{
		own: map[string]bool{}, aliases: aliases, roots: map[string]string{},
		written: map[string]string{}, claims: map[string]string{}, types: map[string]reflect.Type{},
	}
	for _, r := range roots {
		n.claims[r.Name] = "root " + strconv.Quote(r.Name)
		n.addOwn(r.Type)
		t := pointee(r.Type)
		if t.PkgPath() == "" {
			continue
		}
		if full := fullName(t); n.roots[full] == "" {
			n.roots[full] = r.Name
		}
	}
	return n
}

// addOwn makes the packages of a root's types its own: of the root itself, or of the elements that it is made of.
func (n *namer) addOwn(t reflect.Type) {
	if path := t.PkgPath(); path != "" {
		if !isStandard(path) {
			n.own[path] = true
		}
		return
	}
	if t.Name() != "" {
		return
	}
	switch t.Kind() {
	case reflect.Map:
		n.addOwn(t.Key())
		n.addOwn(t.Elem())
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		n.addOwn(t.Elem())
	}
}

// pointee is what a pointer root describes: the element, where a pointer adds nothing but a method set.
func pointee(t reflect.Type) reflect.Type {
	if t.Kind() != reflect.Pointer || t.Name() != "" {
		return t
	}
	e := t.Elem()
	if e.PkgPath() != "" || e.Kind() == reflect.Struct || e.Kind() == reflect.Interface {
		return e
	}
	return t
}

// fullName identifies a named type among all package-level types. Arguments in it are spelled as the linker does.
func fullName(t reflect.Type) string {
	if t.PkgPath() == "" {
		return t.Name()
	}
	return t.PkgPath() + "." + t.Name()
}

// isRoot reports whether texts write t by a root name.
func (n *namer) isRoot(t reflect.Type) bool {
	_, ok := n.roots[fullName(t)]
	return ok
}

// named returns the written name of a type that has a name, and the first time also what is wrong with it.
func (n *namer) named(t reflect.Type) (string, error) {
	text, err := n.reference(t.PkgPath(), t.Name())
	if n.types == nil {
		return text, err
	}
	full := fullName(t)
	if known, ok := n.types[full]; ok && known != t {
		return text, fmt.Errorf("%s is the name of two types, so one is declared inside a function; declare it at package level", full)
	}
	n.types[full] = t
	return text, err
}

// reference writes the type name of package path. Its arguments, if any, are in the linker's spelling.
func (n *namer) reference(path, name string) (string, error) {
	full := name
	if path != "" {
		full = path + "." + name
	}
	if text, ok := n.written[full]; ok {
		return text, nil
	}
	text, err := n.resolve(path, name, full)
	if n.written != nil {
		n.written[full] = text
	}
	return text, err
}

func (n *namer) resolve(path, name, full string) (string, error) {
	base, args, err := splitName(path, name)
	if root, ok := n.roots[full]; ok {
		_, argErr := (&namer{bare: true}).rewrite(args) // they are not written, but must have a meaning
		return root, errors.Join(err, argErr)
	}
	inner, argErr := n.rewrite(args)
	text := n.prefix(path) + base + inner
	return text, errors.Join(err, argErr, n.claim(text, full))
}

// prefix is what stands before the names of a package: its alias, its path, or nothing for an own one, and a dot.
func (n *namer) prefix(path string) string {
	switch {
	case path == "" || n.bare:
		return ""
	case n.aliases[path] != "":
		return n.aliases[path] + "."
	case n.own[path]:
		return "."
	}
	return path + "."
}

// claim refuses a second type under one written name.
func (n *namer) claim(text, full string) error {
	if n.claims == nil {
		return nil
	}
	other, taken := n.claims[text]
	if !taken || other == full {
		n.claims[text] = full
		return nil
	}
	pair := []string{full, other}
	slices.Sort(pair)
	return fmt.Errorf("%s and %s would both be written %q; rename one of them, or give one of the packages a path alias", pair[0], pair[1], text)
}

// splitName cuts the bracketed arguments off the name of a type. It refuses types that have no stable meaning outside one
// function or one platform, and what is no name: reflection cuts one at the wrong place if a struct tag in the arguments
// holds a bracket of its own.
func splitName(path, name string) (base, args string, err error) {
	base = name
	if i := strings.IndexByte(name, '['); i >= 0 {
		base, args = name[:i], name[i:]
	}
	switch {
	case strings.Contains(base, "·"):
		err = fmt.Errorf("%s.%s is declared inside a function; declare it at package level", path, base)
	case path == "C" || path == "syscall" || strings.HasPrefix(base, "_Ctype_"):
		err = fmt.Errorf("%s.%s depends on the platform; use a Go type of your own", path, base)
	case !token.IsIdentifier(base) || BracketLen(args) != len(args):
		err = fmt.Errorf("the name %q of a type in package %s is not readable; declare a named type for its argument", name, path)
	}
	return base, args, err
}

// isStandard reports whether path belongs to the standard library. Packages that "go build -buildmode=plugin" makes
// from files are called plugin/unnamed-<hash>; they are not part of it, unlike the package plugin.
func isStandard(path string) bool {
	first, _, nested := strings.Cut(path, "/")
	if first == "plugin" && nested {
		return false
	}
	_, found := slices.BinarySearch(standard[:], first)
	return found
}

// standard holds the first path elements of the standard library, sorted.
var standard = [...]string{
	"archive", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug", "embed",
	"encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter",
	"log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices", "sort",
	"strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time", "unicode", "unique", "unsafe",
	"vendor", "weak",
}
