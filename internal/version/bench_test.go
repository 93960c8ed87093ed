// SPDX-License-Identifier: Apache-2.0

package version_test

import (
	"testing"

	"github.com/plugreg/plugreg/internal/version"
)

func BenchmarkParse(b *testing.B) {
	for _, s := range []string{"1.12.3", "v1.12.3-rc.1+build.5"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := version.Parse(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseConstraint(b *testing.B) {
	for _, s := range []string{"", "^1.2", ">=1.2.3 <2.0.0 !=1.5.0 || ~3.1"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := version.ParseConstraint(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, bench := range []struct{ name, constraint, version string }{
		{"any", "*", "1.12.3"},
		{"caret", "^1.2", "1.12.3"},
		{"miss", "^1.2", "2.0.0"},
		{"alternatives", ">=1.2.3 <2.0.0 !=1.5.0 || ~3.1", "3.1.7"},
		{"pre-release", "^1.2.3-rc.1", "1.2.3-rc.2"},
		{"pre-release miss", "^1.2", "1.2.3-rc.2"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c, v := constraint(b, bench.constraint), parse(b, bench.version)
			b.ReportAllocs()
			for b.Loop() {
				c.Match(v)
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, bench := range []struct{ name, v, w string }{
		{"releases", "1.12.3", "1.12.4"},
		{"pre-releases", "1.12.3-rc.9", "1.12.3-rc.10"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			v, w := parse(b, bench.v), parse(b, bench.w)
			b.ReportAllocs()
			for b.Loop() {
				v.Compare(w)
			}
		})
	}
}

func BenchmarkString(b *testing.B) {
	v := parse(b, "1.12.3-rc.1")
	b.ReportAllocs()
	for b.Loop() {
		_ = v.String()
	}
}
