// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

var (
	_ encoding.TextMarshaler   = plugreg.Default
	_ encoding.TextUnmarshaler = new(plugreg.Policy)
)

func TestPolicyText(t *testing.T) {
	t.Parallel()
	policies := map[plugreg.Policy]string{
		plugreg.Default: "default", plugreg.Unchecked: "unchecked", plugreg.Forward: "forward", plugreg.Backward: "backward", plugreg.Full: "full", plugreg.Strict: "strict",
	}
	for p, name := range policies {
		require.Equal(t, name, p.String())
		text, err := p.MarshalText()
		require.NoError(t, err)
		require.Equal(t, name, string(text))
		var back plugreg.Policy
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, p, back)
	}
	doc, err := json.Marshal(map[plugreg.Policy]plugreg.Policy{plugreg.Full: plugreg.Strict})
	require.NoError(t, err)
	require.JSONEq(t, `{"full":"strict"}`, string(doc))
	var back map[plugreg.Policy]plugreg.Policy
	require.NoError(t, json.Unmarshal(doc, &back))
	require.Equal(t, map[plugreg.Policy]plugreg.Policy{plugreg.Full: plugreg.Strict}, back)
}

// Hosts compare policies: a floor is a minimum.
func TestPolicyOrder(t *testing.T) {
	t.Parallel()
	order := []plugreg.Policy{plugreg.Default, plugreg.Unchecked, plugreg.Forward, plugreg.Backward, plugreg.Full, plugreg.Strict}
	require.IsIncreasing(t, order)
	require.Zero(t, order[0])
}

func TestPolicyOutOfRange(t *testing.T) {
	t.Parallel()
	for _, p := range []plugreg.Policy{plugreg.Strict + 1, 255} {
		text, err := p.MarshalText()
		require.Nil(t, text)
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		require.EqualError(t, err, "policy: want one of default, unchecked, forward, backward, full, strict, have "+p.String())
	}
	require.Equal(t, "policy(6)", (plugreg.Strict + 1).String())
	require.Equal(t, "policy(255)", plugreg.Policy(255).String())
}

func TestPolicyTextIsStrict(t *testing.T) {
	t.Parallel()
	const want = "policy: want one of default, unchecked, forward, backward, full, strict, have "
	for _, tt := range []struct{ text, have string }{
		{"", `""`}, {"Full", `"Full"`}, {" full", `" full"`}, {"full\n", `"full\n"`}, {"3", `"3"`}, {"policy(6)", `"policy(6)"`},
		{strings.Repeat("x", 70), `"` + strings.Repeat("x", 64) + `…"`},
	} {
		p := plugreg.Backward
		err := p.UnmarshalText([]byte(tt.text))
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		require.EqualError(t, err, want+tt.have)
		require.Equal(t, plugreg.Backward, p, "it is as it was")
	}
}

// Of several policies the strictest counts, whoever declares it; where none is declared, that is Backward.
func TestCheckTakesTheStrictestPolicy(t *testing.T) {
	t.Parallel()
	old, now := stepContract("1.0.0", "small"), stepContract("1.1.0", "usual")
	for p := plugreg.Default; p <= plugreg.Strict; p++ {
		for of := plugreg.Default; of <= plugreg.Strict; of++ {
			want := max(p, of)
			if want == plugreg.Default {
				want = plugreg.Backward
			}
			old.Policy, now.Policy = of, plugreg.Default
			require.Equal(t, want, p.Check(old, now).Policy)
			old.Policy, now.Policy = plugreg.Default, of
			require.Equal(t, want, p.Check(old, now).Policy)
			old.Policy, now.Policy = p, of
			require.Equal(t, want, plugreg.Default.Check(old, now).Policy)
		}
	}
}
