// SPDX-License-Identifier: Apache-2.0

package version_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/version"
)

func FuzzParse(f *testing.F) {
	for _, s := range valid {
		f.Add(s)
	}
	for _, s := range invalid {
		f.Add(s)
	}
	f.Add("v1.2.3")
	f.Add("65535.65536.4294967295")
	f.Add("18446744073709551616.0.0")
	f.Fuzz(requireSameVerdict)
}

func FuzzCompare(f *testing.F) {
	f.Add("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0")
	f.Add("1.0.0-9", "1.0.0-18446744073709551616", "1.0.0-9a")
	f.Add("1.0.0+a", "1.0.0+b", "1.0.1-0")
	f.Fuzz(func(t *testing.T, x, y, z string) {
		var vs []version.Version
		for _, s := range []string{x, y, z} {
			v, err := version.Parse(s)
			if err != nil {
				return
			}
			vs = append(vs, v)
		}
		for _, a := range vs {
			for _, b := range vs {
				requireOrder(t, a, b)
				for _, c := range vs {
					require.False(t, a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0, "%s, %s, %s", a, b, c)
				}
			}
		}
	})
}

func FuzzParseConstraint(f *testing.F) {
	for _, s := range []string{
		"", "*", "^1.2.3-rc.1", "~0.0.0 || >=1.0.0-0 <2.0.0", "1.2.3 - 2, !=1.5.x", "1.*.3", "*.1.2", "01.0.0", "=>1", "> 1.2",
		">=65536", "1||", ",1", "v1.x - v2.X", "<0.0.0", ">65535.65535.4294967295", "vv1", "1 -2", "!=1.2.3-rc.1 >=1.2.3-0", "1\t-\t2",
	} {
		f.Add(s, "1.2.3-rc.1")
		f.Add(s, "2.0.0")
	}
	around := grid(f)
	f.Fuzz(func(t *testing.T, s, of string) {
		vs := around[:60:60]
		if v, err := version.Parse(of); err == nil {
			vs = append(vs, v, v.Core())
		}
		requireSameSet(t, s, vs)
		c, err := version.ParseConstraint(s)
		if err != nil {
			require.True(t, matchesOneSentinel(err))
			return
		}
		require.Equal(t, constraint(t, c.String()).String(), c.String())
		requireSameSet(t, c.String(), vs)
	})
}
