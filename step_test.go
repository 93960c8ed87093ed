// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestRequiredVersion(t *testing.T) {
	t.Parallel()
	none, cosmetic := plugreg.Changes(nil), plugreg.Changes{{Severity: plugreg.Cosmetic}}
	additive, breaking := append(cosmetic, plugreg.Change{Severity: plugreg.Additive}), append(cosmetic, plugreg.Change{Severity: plugreg.Breaking})
	for _, tt := range []struct {
		from                               string
		none, cosmetic, additive, breaking string
	}{
		{"1.2.3", "1.2.3", "1.2.4", "1.3.0", "2.0.0"},
		{"v1.2.3", "1.2.3", "1.2.4", "1.3.0", "2.0.0"},
		{"1.2.3+build.7", "1.2.3+build.7", "1.2.4", "1.3.0", "2.0.0"},
		{"0.0.0", "0.0.0", "0.0.1", "0.1.0", "0.1.0"},
		{"0.3.1", "0.3.1", "0.3.2", "0.4.0", "0.4.0"},
		{"0.4.0-rc.1", "0.4.0-rc.1", "0.4.0", "0.4.0", "0.4.0"},
		{"0.4.1-rc.1", "0.4.1-rc.1", "0.4.1", "0.5.0", "0.5.0"},
		{"2.0.0-alpha", "2.0.0-alpha", "2.0.0", "2.0.0", "2.0.0"},
		{"2.1.0-alpha+b", "2.1.0-alpha+b", "2.1.0", "2.1.0", "3.0.0"},
		{"2.1.1-alpha", "2.1.1-alpha", "2.1.1", "2.2.0", "3.0.0"},
		{"65535.65535.4294967295", "65535.65535.4294967295", "", "", ""},
		{"65535.0.0", "65535.0.0", "65535.0.1", "65535.1.0", ""},
		{"1.65535.0", "1.65535.0", "1.65535.1", "", "2.0.0"},
		{"0.65535.0", "0.65535.0", "0.65535.1", "", ""},
		{"1.0.4294967295", "1.0.4294967295", "", "1.1.0", "2.0.0"},
		{"65535.65535.4294967295-rc", "65535.65535.4294967295-rc", "65535.65535.4294967295", "", ""},
	} {
		for _, step := range []struct {
			name    string
			changes plugreg.Changes
			want    string
		}{{"none", none, tt.none}, {"cosmetic", cosmetic, tt.cosmetic}, {"additive", additive, tt.additive}, {"breaking", breaking, tt.breaking}} {
			t.Run(tt.from+" "+step.name, func(t *testing.T) {
				t.Parallel()
				have, err := step.changes.RequiredVersion(tt.from)
				require.Equal(t, step.want, have)
				if step.want == "" {
					require.ErrorIs(t, err, plugreg.ErrInvalid)
					require.ErrorContains(t, err, "want major and minor of at most 65535, patch of at most 4294967295")
				} else {
					require.NoError(t, err)
				}
			})
		}
	}
	for _, bad := range []string{"", "1", "1.2", "01.2.3", "latest", "1.2.3 ", "65536.0.0"} {
		have, err := cosmetic.RequiredVersion(bad)
		require.Empty(t, have)
		require.ErrorIs(t, err, plugreg.ErrInvalid, bad)
	}
}

// stepContract is one of the contracts of a plugin whose shape is smaller, usual or larger; another one breaks.
func stepContract(version string, shape string) plugreg.Contract {
	fields := []plugreg.Field{diffField("A", "int"), diffField("B", "int"), diffField("C", "int")}
	c := plugreg.Contract{Name: "acme.step", Version: version}
	switch shape {
	case "small":
		fields = fields[:1]
	case "usual":
		fields = fields[:2]
	case "tagged":
		fields[1].Tag = `xml:"b"`
		fields = fields[:2]
	case "other":
		fields = []plugreg.Field{diffField("A", "string")}
	case "uses":
		fields, c.Uses = fields[:2], []string{"db"}
	case "renamed":
		c.Shapes = append(c.Shapes, plugreg.Shape{Name: "config", Role: plugreg.RoleConfig, Kind: "struct", GoType: "elsewhere"})
		return c
	case "config":
		c.Shapes = append(c.Shapes, plugreg.Shape{Name: "config", Role: plugreg.RoleConfig, Kind: "struct"})
		return c
	}
	c.Shapes = diffStruct(fields).Shapes
	return c
}

func TestVersionSteps(t *testing.T) {
	t.Parallel()
	const u, f, b, full, s = plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Full, plugreg.Strict
	for _, tt := range []struct {
		policy                     plugreg.Policy
		old, shapeOld, new, shapeN string
		ok                         bool
		allowed                    string
		reason                     string
	}{
		{b, "1.2.0", "usual", "1.2.0", "usual", true, "1.2.0", ""},
		{b, "1.2.0", "usual", "1.2.0+build", "usual", true, "1.2.0", ""},
		{b, "1.2.0+a", "usual", "1.2.0+b", "tagged", false, "1.2.1", "1.2.0+a was released with another contract, and a released version never changes"},
		{b, "1.2.0", "usual", "1.2.0", "large", false, "1.3.0", "1.2.0 was released with another contract, and a released version never changes"},
		{b, "1.2.0", "usual", "1.2.0", "uses", false, "1.2.1", "1.2.0 was released with another contract, and a released version never changes"},
		{b, "1.2.0", "config", "1.2.0", "renamed", true, "1.2.0", ""},
		{b, "1.2.0", "usual", "1.2.1", "large", false, "1.3.0", "something was added, so at least 1.3.0 is needed"},
		{b, "1.2.0", "usual", "1.3.0-rc.1", "large", true, "1.3.0", ""},
		{b, "1.2.0", "usual", "1.2.1-rc.1", "large", false, "1.3.0", "something was added, so at least 1.3.0 is needed"},
		{b, "1.3.0-rc.1", "usual", "1.3.0-rc.2", "large", true, "1.3.0", ""},
		{b, "1.3.0-rc.1", "usual", "1.3.0", "large", true, "1.3.0", ""},
		{b, "1.3.0-rc.1", "usual", "1.3.1", "large", true, "1.3.0", ""},
		{b, "1.3.1-rc.1", "usual", "1.3.1", "large", false, "1.4.0", "something was added, so at least 1.4.0 is needed"},
		{b, "1.2.0", "usual", "1.2.0-rc.1", "usual", false, "1.2.0", "1.2.0-rc.1 is older than 1.2.0"},
		{b, "1.2.0", "usual", "1.1.9", "large", false, "1.3.0", "1.1.9 is older than 1.2.0"},
		{b, "1.2.0", "usual", "2.0.0", "usual", false, "1.2.0", "backward stays within one major version, and 2 is another than 1"},
		{full, "1.2.0", "usual", "2.0.0", "large", false, "1.3.0", "full stays within one major version, and 2 is another than 1"},
		{b, "0.2.0", "usual", "0.2.1", "large", false, "0.3.0", "something was added, so at least 0.3.0 is needed"},
		{b, "0.2.0", "usual", "0.3.0", "large", true, "0.3.0", ""},
		{b, "0.2.0", "usual", "0.3.0", "other", false, "", "backward allows nothing that breaks"},
		{b, "1.65535.0", "usual", "1.65535.1", "large", false, "", "something was added, so at least 1.65536.0 is needed"},
		{b, "1.0.4294967295", "usual", "1.1.0", "tagged", true, "1.1.0", ""},
		{f, "1.2.0", "usual", "2.0.0", "other", true, "2.0.0", ""},
		{f, "1.2.0", "usual", "2.0.0-rc.1", "other", true, "2.0.0", ""},
		{f, "1.2.0", "usual", "2.0.1", "other", false, "2.0.0", "a breaking change takes exactly the next generation, 2.0.0"},
		{f, "1.2.0", "usual", "1.3.0", "other", false, "2.0.0", "a breaking change takes exactly the next generation, 2.0.0"},
		{f, "1.2.0", "usual", "2.0.0", "large", false, "1.3.0", "forward stays within one major version, and 2 is another than 1"},
		{f, "0.2.0", "usual", "0.3.0", "other", true, "0.3.0", ""},
		{f, "0.2.0", "usual", "1.0.0", "other", true, "0.3.0", ""},
		{f, "0.2.0", "usual", "0.4.0", "other", false, "0.3.0", "a breaking change takes exactly the next generation, 0.3.0"},
		{f, "2.0.0-rc.1", "usual", "2.0.0-rc.1", "other", false, "2.0.0", "2.0.0-rc.1 was released with another contract, and a released version never changes"},
		{f, "1.2.0", "usual", "1.2.0", "other", false, "2.0.0", "1.2.0 was released with another contract, and a released version never changes"},
		{f, "65535.0.0", "usual", "65535.1.0", "other", false, "", "a breaking change takes exactly the next generation, 65536.0.0"},
		{u, "1.2.0", "usual", "1.2.0", "other", true, "1.2.0", ""},
		{u, "1.2.0", "usual", "7.0.0", "other", true, "1.2.0", ""},
		{u, "1.2.0", "usual", "1.1.0", "usual", false, "1.2.0", "1.1.0 is older than 1.2.0"},
		{s, "1.2.0", "usual", "1.2.0+b", "usual", true, "1.2.0", ""},
		{s, "1.2.0", "usual", "1.2.1", "usual", false, "1.2.0", "strict takes no other version than 1.2.0, and 1.2.1 is one"},
		{s, "1.2.0", "usual", "1.2.0", "uses", false, "", "1.2.0 was released with another contract, and a released version never changes"},
	} {
		t.Run(tt.policy.String()+" "+tt.old+" "+tt.new+" "+tt.shapeN, func(t *testing.T) {
			t.Parallel()
			r := tt.policy.Check(stepContract(tt.old, tt.shapeOld), stepContract(tt.new, tt.shapeN))
			require.Equal(t, tt.ok, r.Outcome == plugreg.Compatible, "%v", r)
			require.Equal(t, tt.allowed, r.Allowed)
			if tt.reason == "" {
				require.Empty(t, r.Reasons)
			} else {
				require.Equal(t, []string{tt.reason}, r.Reasons)
			}
			if tt.allowed == "" || len(r.Changes) == 0 {
				return
			}
			again := tt.policy.Check(stepContract(tt.old, tt.shapeOld), stepContract(tt.allowed, tt.shapeN))
			require.Equal(t, plugreg.Compatible, again.Outcome, "what is allowed is: %v", again)
		})
	}
}
