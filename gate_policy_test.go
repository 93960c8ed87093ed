// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// The gate judges by the policies of the registry: what that refuses, it refuses.
func TestGateByTheRegistrysPolicies(t *testing.T) {
	t.Parallel()
	const yes, no = plugreg.Compatible, plugreg.Incompatible
	for _, tt := range []struct {
		name          string
		policy, floor plugreg.Policy
		old, new      string
		want          plugreg.Outcome
		by            plugreg.Policy
	}{
		{"neither", 0, 0, "a@1.0.0: A int, B int", "a@1.1.0: A int", no, plugreg.Backward},
		{"a laxer policy", plugreg.Unchecked, 0, "a@1.0.0: A int, B int", "a@1.1.0: A int", yes, plugreg.Unchecked},
		{"a laxer policy, and one side declares", plugreg.Unchecked, 0, "a@1.0.0: A int, B int", "a@1.1.0 backward: A int", no, plugreg.Backward},
		{"a laxer policy, and the other side declares", plugreg.Unchecked, 0, "a@1.0.0 backward: A int, B int", "a@1.1.0: A int", no, plugreg.Backward},
		{"a stricter policy", plugreg.Strict, 0, "a@1.0.0: A int", "a@1.1.0: A int, B int", no, plugreg.Strict},
		{"a stricter policy, and both declare", plugreg.Strict, 0, "a@1.0.0 backward: A int", "a@1.1.0 backward: A int, B int", yes, plugreg.Backward},
		{"a stricter policy, and one declares", plugreg.Strict, 0, "a@1.0.0 backward: A int", "a@1.1.0: A int, B int", no, plugreg.Strict},
		{"a floor", 0, plugreg.Strict, "a@1.0.0 backward: A int", "a@1.1.0 backward: A int, B int", no, plugreg.Strict},
		{"a floor below what is declared", 0, plugreg.Forward, "a@1.0.0 full: A int", "a@1.1.0 full: A int, B int", yes, plugreg.Full},
		{"a floor above what is declared", 0, plugreg.Backward, "a@1.0.0 unchecked: A int, B int", "a@1.1.0 unchecked: A int", no, plugreg.Backward},
		{"a floor is no default", 0, plugreg.Unchecked, "a@1.0.0: A int, B int", "a@1.1.0: A int", no, plugreg.Backward},
		{"a floor over the policy", plugreg.Unchecked, plugreg.Backward, "a@1.0.0: A int, B int", "a@1.1.0: A int", no, plugreg.Backward},
		{"a policy that is none", plugreg.Strict + 1, 0, "a@1.0.0: A int", "a@1.1.0: A int", plugreg.Unknown, plugreg.Strict + 1},
		{"a floor that is none", 0, plugreg.Strict + 1, "a@1.0.0: A int", "a@1.1.0: A int", plugreg.Unknown, plugreg.Strict + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := gtSnapshot(t, tt.new)
			s.Policy, s.MinPolicy = tt.policy, tt.floor
			g := plugreg.Gate(s, gtTree(t, "a.json", tt.old), nil)
			require.Equal(t, tt.want, g.Outcome, "%v", g)
			require.Equal(t, tt.by, g.Reports[0].Policy)
			if tt.want != plugreg.Unknown {
				require.Equal(t, plugreg.Diff(gtSpec(t, tt.old), s.Contracts[0]), g.Reports[0].Changes, "what a registry takes for declared is no change")
			}

			baseline := gtSnapshot(t, tt.old)
			baseline.Policy, baseline.MinPolicy = plugreg.Strict, plugreg.Strict
			tree := gtTree(t)
			tree["s.json"] = gtFile(t, baseline)
			require.Equal(t, g, plugreg.Gate(s, tree, nil), "the policies of another registry do not count")
		})
	}
}

// A registry is made of the old version and the new one, and the same two go through its test: they agree.
func TestVerifyContractsAgreesWithTheRegistry(t *testing.T) {
	t.Setenv("PLUGREG_UPDATE", "1")
	dir := t.TempDir()
	old, same := vfPlugin("a", "1.0.0", false), vfPlugin("a", "1.1.0", false)
	require.Empty(t, vfVerify(t, dir, old).errors)
	t.Setenv("PLUGREG_UPDATE", "")
	refused, passed := 0, 0
	for policy := plugreg.Default; policy <= plugreg.Strict; policy++ {
		for floor := plugreg.Default; floor <= plugreg.Strict; floor++ {
			for i, next := range []plugreg.Plugin[gear]{same, vfPlugin("a", "1.1.0", true)} {
				at := fmt.Sprintf("policy %v, floor %v, plugin %d", policy, floor, i)
				cfg := plugreg.Config{Policy: policy, MinPolicy: floor}
				_, registered := gears(t, cfg, old).Register(next)
				heard := new(vfT)
				plugreg.VerifyContracts(heard, gears(t, cfg, next), dir)
				if errors.Is(registered, plugreg.ErrContract) {
					refused++
					require.Len(t, heard.errors, 1, at)
				} else {
					passed++
					require.NoError(t, registered, at)
					require.Empty(t, heard.errors, at)
				}
			}
		}
	}
	require.Greater(t, refused, 5)
	require.Greater(t, passed, 20)
}
