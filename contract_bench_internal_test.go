// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"io"
	"reflect"
	"testing"
)

// The shapes of a plugin's types are computed once for a registry: this is what each further version of it pays.
func BenchmarkShapesCached(b *testing.B) {
	p := drawerPlugin("acme", "1.0.0")
	r := MustNew[io.Closer](Config{})
	plain := p.plain()
	impl := reflect.TypeOf(plain.proto)
	first, err := r.core.shapes.of(r.core, impl, &plain, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s, err := r.core.shapes.of(r.core, impl, &plain, nil); s != first || err != nil {
			b.Fatal("described again")
		}
	}
}

// This is what a mount pays for having its contract described anew.
func BenchmarkRecompute(b *testing.B) {
	r := MustNew[io.Closer](Config{})
	e, err := r.core.find(r.MustRegister(drawerPlugin("acme", "1.0.0")))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.core.recomputed(e); err != nil {
			b.Fatal(err)
		}
	}
}
