// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/plugreg/plugreg/internal/shape"
)

// lacks says for messages what t lacks to be an iface; empty where it lacks nothing.
func lacks(t, iface reflect.Type) string { return strings.Join(missing(t, iface), "; ") }

// missing has a text for each method of iface that t does not have, or has with another signature. An unexported method
// is not visible to reflection on t, so it is only blamed where nothing else is left to blame.
func missing(t, iface reflect.Type) []string {
	if iface.Kind() != reflect.Interface {
		return []string{"it is no " + shape.TypeText(iface)}
	}
	if t.Implements(iface) {
		return nil
	}
	var texts, sealed []string
	for want := range iface.Methods() {
		if want.PkgPath != "" {
			sealed = append(sealed, fmt.Sprintf("want %s, which only package %q can declare", methodText(want.Name, want.Type), want.PkgPath))
			continue
		}
		if have := shortOf(t, want); have != "" {
			texts = append(texts, fmt.Sprintf("want %s, have %s", methodText(want.Name, want.Type), have))
		}
	}
	if len(texts) == 0 {
		return sealed
	}
	return texts
}

// shortOf says what t has in place of a method; empty where it has that method.
func shortOf(t reflect.Type, want reflect.Method) string {
	if have := methodType(t, want.Name); have != nil {
		if have == want.Type {
			return ""
		}
		return methodText(want.Name, have)
	}
	switch have := methodType(reflect.PointerTo(t), want.Name); have {
	case nil:
		return "nothing of that name"
	case want.Type:
		return "it with a pointer receiver: pass a pointer"
	default:
		return methodText(want.Name, have) + " with a pointer receiver"
	}
}

// methodType is the type of t's method of that name without the receiver; nil where there is none.
func methodType(t reflect.Type, name string) reflect.Type {
	m, ok := t.MethodByName(name)
	if !ok {
		return nil
	}
	var in, out []reflect.Type
	for i := 1; i < m.Type.NumIn(); i++ {
		in = append(in, m.Type.In(i))
	}
	for result := range m.Type.Outs() {
		out = append(out, result)
	}
	return reflect.FuncOf(in, out, m.Type.IsVariadic())
}

// methodText writes a method as "Name(int) error"; its type has no receiver.
func methodText(name string, t reflect.Type) string {
	return name + strings.TrimPrefix(shape.TypeText(t), "func")
}
