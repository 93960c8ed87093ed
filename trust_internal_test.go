// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"io"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/shape"
)

// cabinetDrawer is a drawer that is another plugin by its methods.
type cabinetDrawer struct{ drawer }

func (*cabinetDrawer) Lock() {}

// What was registered cannot change by itself, so it is altered behind the registry's back.
func TestWhatChangedSinceItWasRegisteredIsNotMounted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		tamper func(e *entry)
		part   string
	}{
		{"type", func(e *entry) {
			e.shapes = &shapes{roots: append([]shape.Root(nil), e.shapes.roots...), list: e.shapes.list, digest: e.shapes.digest, text: e.shapes.text}
			e.shapes.roots[1].Type = reflect.TypeFor[*cabinetDrawer]()
		}, "and sha256:"},
		{"no type", func(e *entry) { e.shapes = &shapes{roots: []shape.Root{{Name: "plugin", Role: shape.Provides}}} }, `root "plugin": has no type`},
		{"policy", func(e *entry) { e.policy = Unchecked }, "and sha256:"},
		{"requirement", func(e *entry) { e.requires[0].Constraint = "^2" }, "and sha256:"},
		{"resource", func(e *entry) { e.uses[0] = "network" }, "and sha256:"},
		{"version", func(e *entry) { e.version = "1.0.1" }, "and sha256:"},
		{"digest", func(e *entry) { e.digest[0]++ }, "and sha256:"},
	} {
		for _, at := range []string{"root", "dependency"} {
			t.Run(tt.name+" of the "+at, func(t *testing.T) {
				t.Parallel()
				built := 0
				plugin := func(name, requires string) Plugin[io.Closer] {
					p := drawerPlugin(name, "1.0.0")
					p.Uses, p.Requires = []string{"disk"}, []Requirement{{Name: requires, Optional: requires == "none"}}
					p.New = func(context.Context, *Env) (io.Closer, error) { built++; return new(drawer), nil }
					return p
				}
				var asked []string
				for _, trust := range []func(Contract) error{nil, func(c Contract) error { asked = append(asked, c.Name); return nil }} {
					r := MustNew[io.Closer](Config{Trust: trust})
					keys := map[string]TypeDescriptor{"root": r.MustRegister(plugin("root", "dependency")), "dependency": r.MustRegister(plugin("dependency", "none"))}
					tt.tamper(r.core.bySign[keys[at].signature])
					_, err := r.Open(t.Context(), "root", "", nil)
					require.ErrorIs(t, err, ErrContract)
					require.Equal(t, "CONTRACT", CodeOf(err))
					require.ErrorContains(t, err, `plugin "`+at+`" 1.0.`)
					require.ErrorContains(t, err, "check: contract violation: ")
					require.ErrorContains(t, err, tt.part)
					require.ErrorContains(t, err, "(register what changed under a new version)")
					require.Zero(t, built)
					require.Empty(t, r.core.mounts)
					require.Empty(t, r.core.shared)
					require.NoError(t, r.Close(t.Context()))
				}
				require.NotContains(t, asked, at, "it is no contract that anybody could trust")
			})
		}
	}
}
