// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/plugreg/plugreg/internal/tag"
)

// printer writes type texts and notes the named types in them.
type printer struct {
	names *namer
	dst   []byte
	found []reflect.Type // named types in the order of their appearance
	errs  []error
	depth int
}

// text writes t and returns what was found on the way.
func (n *namer) text(t reflect.Type) (string, []reflect.Type, error) {
	p := printer{names: n}
	p.write(t)
	return string(p.dst), p.found, errors.Join(p.errs...)
}

// literal is text for a type as it is written out, its own name aside.
func (n *namer) literal(t reflect.Type) (string, []reflect.Type, error) {
	p := printer{names: n}
	p.literal(t)
	return string(p.dst), p.found, errors.Join(p.errs...)
}

func (p *printer) write(t reflect.Type) {
	if t.Name() == "" {
		p.literal(t)
		return
	}
	text, err := p.names.named(t)
	if err != nil {
		p.errs = append(p.errs, err)
	}
	p.found = append(p.found, t)
	p.add(text)
}

func (p *printer) add(s string) { p.dst = append(p.dst, s...) }

func (p *printer) literal(t reflect.Type) {
	if p.depth++; p.depth > maxDepth {
		p.depth--
		p.errs = append(p.errs, fmt.Errorf("more than %d unnamed types within each other; give one of them a name", maxDepth))
		return
	}
	defer func() { p.depth-- }()
	switch t.Kind() {
	case reflect.Pointer:
		p.element("*", t)
	case reflect.Slice:
		p.element("[]", t)
	case reflect.Array:
		p.element("["+strconv.Itoa(t.Len())+"]", t)
	case reflect.Map:
		p.add("map[")
		p.write(t.Key())
		p.element("]", t)
	case reflect.Chan:
		p.channel(t)
	case reflect.Func:
		p.add("func")
		p.signature(t, 0)
	case reflect.Interface:
		p.interfaces(t)
	case reflect.Struct:
		p.structure(t)
	default:
		p.add(t.Kind().String())
	}
}

func (p *printer) element(prefix string, t reflect.Type) {
	p.add(prefix)
	p.write(t.Elem())
}

func (p *printer) channel(t reflect.Type) {
	e := t.Elem()
	// "chan <-chan T" would read as a channel that is only sent to.
	if t.ChanDir() == reflect.BothDir && e.Name() == "" && e.Kind() == reflect.Chan && e.ChanDir() == reflect.RecvDir {
		p.element("chan (", t)
		p.add(")")
		return
	}
	p.element(t.ChanDir().String()+" ", t)
}

// signature writes parameters and results of a function, without the first skip parameters.
func (p *printer) signature(t reflect.Type, skip int) {
	p.add("(")
	for i := skip; i < t.NumIn(); i++ {
		if i > skip {
			p.add(", ")
		}
		if t.IsVariadic() && i == t.NumIn()-1 {
			p.element("...", t.In(i))
			continue
		}
		p.write(t.In(i))
	}
	p.add(")")
	switch t.NumOut() {
	case 0:
	case 1:
		p.add(" ")
		p.write(t.Out(0))
	default:
		p.results(t)
	}
}

func (p *printer) results(t reflect.Type) {
	for i := range t.NumOut() {
		if i == 0 {
			p.add(" (")
		} else {
			p.add(", ")
		}
		p.write(t.Out(i))
	}
	p.add(")")
}

// interfaces writes an unnamed interface. Its methods are sorted as they are written, since the order of reflection
// depends on package paths.
func (p *printer) interfaces(t reflect.Type) {
	if t.NumMethod() == 0 {
		p.add("any")
		return
	}
	p.add("interface{ ")
	for i, m := range sortedMethods(t, p.names) {
		if i > 0 {
			p.add("; ")
		}
		p.add(p.names.prefix(m.PkgPath) + m.Name)
		p.signature(m.Type, 0)
	}
	p.add(" }")
}

// sortedMethods lists the methods of an interface by written name.
func sortedMethods(t reflect.Type, names *namer) []reflect.Method {
	methods := slices.Collect(t.Methods())
	slices.SortStableFunc(methods, func(a, b reflect.Method) int {
		return cmp.Compare(names.prefix(a.PkgPath)+a.Name, names.prefix(b.PkgPath)+b.Name)
	})
	return methods
}

func (p *printer) structure(t reflect.Type) {
	if t.NumField() == 0 {
		p.add("struct{}")
		return
	}
	p.add("struct{ ")
	for i := range t.NumField() {
		if i > 0 {
			p.add("; ")
		}
		p.member(t.Field(i))
	}
	p.add(" }")
}

func (p *printer) member(f reflect.StructField) {
	if _, err := tag.Of(f); err != nil {
		p.errs = append(p.errs, fmt.Errorf("field %s of an unnamed struct: %w", f.Name, err))
	} else if _, ok := f.Tag.Lookup(tag.Key); ok {
		p.errs = append(p.errs, fmt.Errorf("field %s of an unnamed struct has a plugreg tag, which is read in named structs only; give the struct a name", f.Name))
	}
	if f.Anonymous {
		p.add("embedded ")
	}
	p.add(p.names.prefix(f.PkgPath) + f.Name + " ")
	p.write(f.Type)
	if f.Tag != "" {
		p.add(" " + strconv.Quote(string(f.Tag)))
	}
}
