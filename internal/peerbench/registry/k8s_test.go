// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func init() { peers = append(peers, peer{name: "k8s-scheme", register: registerScheme}) }

// registerScheme registers one Go type per kind, up to 1,000 types.
// A lookup is Recognizes, a construction is New.
func registerScheme(c *catalog) registry {
	kind := func(name string) schema.GroupVersionKind {
		group, name, _ := strings.Cut(name, ".mod")
		return schema.GroupVersionKind{Group: group, Version: "v1", Kind: name}
	}
	s := runtime.NewScheme()
	for i, name := range c.names {
		s.AddKnownTypeWithName(kind(name), objects[i%len(objects)])
	}
	var asked []schema.GroupVersionKind
	return registry{
		ready: func() {
			for _, name := range c.asked {
				asked = append(asked, kind(name))
			}
		},
		hit: func(i int) bool { return s.Recognizes(asked[i]) },
		make: func(i int) Plugin {
			o, err := s.New(asked[i])
			must(err)
			return o.(Plugin)
		},
		held: s,
	}
}

// object is an API object; its type parameters only make types differ.
type object[A, B, C any] struct{ plugin }

func (*object[A, B, C]) GetObjectKind() schema.ObjectKind    { return schema.EmptyObjectKind }
func (o *object[A, B, C]) DeepCopyInto(out *object[A, B, C]) { *out = *o }
func (o *object[A, B, C]) DeepCopyObject() runtime.Object    { c := *o; return &c }

type (
	d0 struct{}
	d1 struct{}
	d2 struct{}
	d3 struct{}
	d4 struct{}
	d5 struct{}
	d6 struct{}
	d7 struct{}
	d8 struct{}
	d9 struct{}
)

// objects holds one object of each of 10*10*10 types.
var objects = concat(objects1[d0], objects1[d1], objects1[d2], objects1[d3], objects1[d4],
	objects1[d5], objects1[d6], objects1[d7], objects1[d8], objects1[d9])

func objects1[A any]() []runtime.Object {
	return concat(objects2[A, d0], objects2[A, d1], objects2[A, d2], objects2[A, d3], objects2[A, d4],
		objects2[A, d5], objects2[A, d6], objects2[A, d7], objects2[A, d8], objects2[A, d9])
}

func objects2[A, B any]() []runtime.Object {
	return []runtime.Object{
		&object[A, B, d0]{}, &object[A, B, d1]{}, &object[A, B, d2]{}, &object[A, B, d3]{}, &object[A, B, d4]{},
		&object[A, B, d5]{}, &object[A, B, d6]{}, &object[A, B, d7]{}, &object[A, B, d8]{}, &object[A, B, d9]{},
	}
}

func concat(parts ...func() []runtime.Object) (all []runtime.Object) {
	for _, part := range parts {
		all = append(all, part()...)
	}
	return all
}
