// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestOutcomeText(t *testing.T) {
	t.Parallel()
	for o, name := range map[plugreg.Outcome]string{plugreg.Unknown: "unknown", plugreg.Compatible: "compatible", plugreg.Incompatible: "incompatible"} {
		require.Equal(t, name, o.String())
		text, err := o.MarshalText()
		require.NoError(t, err)
		var back plugreg.Outcome
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, o, back)
	}
	require.Zero(t, plugreg.Unknown)
	_, err := plugreg.Outcome(3).MarshalText()
	require.EqualError(t, err, "outcome: want one of unknown, compatible, incompatible, have outcome(3)")
	o := plugreg.Compatible
	err = o.UnmarshalText([]byte("ok"))
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.EqualError(t, err, `outcome: want one of unknown, compatible, incompatible, have "ok"`)
	require.Equal(t, plugreg.Compatible, o)
}

func TestReportString(t *testing.T) {
	t.Parallel()
	small, usual, other, uses := stepContract("1.1.0", "small"), stepContract("1.2.0", "usual"), stepContract("2.0.0", "other"), stepContract("1.2.0", "uses")
	later := func(c plugreg.Contract, version string) plugreg.Contract { c.Version = version; return c }
	foreign := later(usual, "1.3.0")
	foreign.Name = "acme.foreign"
	for _, tt := range []struct {
		name string
		r    plugreg.Report
		want string
	}{
		{"compatible", plugreg.Backward.Check(small, usual), `"acme.step" 1.2.0 after 1.1.0: compatible under policy backward (shape compatible, step compatible)
  additive field-added at contract.B: is "int" (caller)`},
		{"step", plugreg.Full.Check(small, later(usual, "1.1.1")), `"acme.step" 1.1.1 after 1.1.0: incompatible under policy full (shape compatible, step incompatible)
  something was added, so at least 1.2.0 is needed
  additive field-added at contract.B: is "int" (caller)
  allowed: version 1.2.0`},
		{"shape", plugreg.Backward.Check(small, other), `"acme.step" 2.0.0 after 1.1.0: incompatible under policy backward (shape incompatible, step incompatible)
  backward allows nothing that breaks
  backward stays within one major version, and 2 is another than 1
  breaking field-retyped at contract.A: was "int", is "string" (caller, reader, writer)
    a field has another type; add a field of the new type instead
  allowed: no version under policy backward; with policy forward, version 2.0.0`},
		{"full", plugreg.Full.Check(historyContract("1.0.0", "5"), historyContract("1.1.0", "6")), `"acme.history" 1.1.0 after 1.0.0: incompatible under policy full (shape incompatible, step compatible)
  full allows nothing that 1.0.0 does not read as 1.1.0 means it
  additive default-changed at contract.Amount: was "5", is "6" (reader, writer)
    an absent value means something else; readers of both versions disagree about it
  allowed: no version under policy full; with policy backward, version 1.1.0`},
		{"strict, label moved", plugreg.Strict.Check(usual, later(usual, "1.2.1")), `"acme.step" 1.2.1 after 1.2.0: incompatible under policy strict (shape compatible, step incompatible)
  strict takes no other version than 1.2.0, and 1.2.1 is one
  allowed: version 1.2.0`},
		{"strict, other resources", plugreg.Strict.Check(usual, uses), `"acme.step" 1.2.0 after 1.2.0: incompatible under policy strict (shape compatible, step incompatible)
  1.2.0 was released with another contract, and a released version never changes
  cosmetic resource-added at uses:db: is "db"
  allowed: no version under policy strict; with policy backward, version 1.2.1`},
		{"strict, shape", plugreg.Strict.Check(small, later(usual, "1.1.0")), `"acme.step" 1.1.0 after 1.1.0: incompatible under policy strict (shape incompatible, step incompatible)
  strict allows no change of shape
  1.1.0 was released with another contract, and a released version never changes
  additive field-added at contract.B: is "int" (caller)
    a field that may be absent is new
  allowed: no version under policy strict; with policy backward, version 1.2.0`},
		{"last of all versions", plugreg.Forward.Check(stepContract("65535.0.0", "usual"), stepContract("65535.0.1", "other")),
			`"acme.step" 65535.0.1 after 65535.0.0: incompatible under policy forward (shape compatible, step incompatible)
  a breaking change takes exactly the next generation, 65536.0.0
  breaking field-retyped at contract.A: was "int", is "string" (caller, reader, writer)
  breaking field-removed at contract.B: was "int" (caller, reader)
  allowed: no version under policy forward`},
		{"two plugins", plugreg.Forward.Check(usual, foreign), `"acme.foreign" 1.3.0 after 1.2.0: incompatible under policy forward (shape incompatible, step incompatible)
  these are contracts of two plugins, "acme.step" and "acme.foreign"`},
		{"no version", plugreg.Default.Check(later(usual, "one"), later(usual, "1.3 ")), `"acme.step" "1.3 " after one: unknown under policy backward (shape unknown, step unknown)
  version "one": invalid syntax: fewer than three numbers; write major.minor.patch, as in "1.2.3"
  version "1.3 ": invalid syntax: fewer than three numbers; write major.minor.patch, as in "1.2.3"`},
		{"no name", plugreg.Backward.Check(plugreg.Contract{Version: "1.0.0"}, plugreg.Contract{Version: "1.0.0"}), `"" 1.0.0 after 1.0.0: unknown under policy backward (shape unknown, step unknown)
  name: want 1 to 128 ASCII letters, digits and . _ -, the first a letter or digit, have ""`},
		{"no policy", plugreg.Policy(9).Check(usual, usual), `"acme.step" 1.2.0 after 1.2.0: unknown under policy policy(9) (shape unknown, step unknown)
  policy: want one of default, unchecked, forward, backward, full, strict, have policy(9)`},
		{"zero", plugreg.Report{}, `"" : unknown under policy default (shape unknown, step unknown)`},
		{"history", plugreg.CheckHistory(plugreg.Full, historyContract("1.2.0", "6"), historyOf("1.0.0 5; 1.1.0 5; 1.1.1 6")),
			`"acme.history" 1.2.0 after 1.1.0: incompatible under policy full (shape incompatible, step compatible)
  full allows nothing that 1.1.0 does not read as 1.2.0 means it
  additive default-changed at contract.Amount: was "5", is "6" (reader, writer)
    an absent value means something else; readers of both versions disagree about it
  allowed: version 2.0.0, which begins another generation
"acme.history" 1.2.0 after 1.0.0: incompatible under policy full (shape incompatible, step compatible)
  full allows nothing that 1.0.0 does not read as 1.2.0 means it
  additive default-changed at contract.Amount: was "5", is "6" (reader, writer)
    an absent value means something else; readers of both versions disagree about it
  allowed: version 2.0.0, which begins another generation`},
		{"nothing before", plugreg.CheckHistory(plugreg.Full, usual, nil), `"acme.step" 1.2.0: unknown under policy full (shape unknown, step unknown)
  there is no earlier release of "acme.step" to compare with`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.r.String())
			requireReportRoundTrip(t, tt.r)
			requireReportError(t, tt.r)
		})
	}
}

func requireReportRoundTrip(t *testing.T, r plugreg.Report) {
	doc, err := json.Marshal(r)
	if r.Policy > plugreg.Strict {
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		return
	}
	require.NoError(t, err)
	var back plugreg.Report
	require.NoError(t, json.Unmarshal(doc, &back))
	require.Equal(t, r, back)
}

func requireReportError(t *testing.T, r plugreg.Report) {
	err := r.Err()
	if r.Outcome == plugreg.Compatible {
		require.NoError(t, err)
		return
	}
	require.ErrorIs(t, err, plugreg.ErrContract)
	require.NotErrorIs(t, err, plugreg.ErrInvalid)
	require.Equal(t, "INCOMPATIBLE", plugreg.CodeOf(fmt.Errorf("swap: %w", err)))
	e, ok := errors.AsType[*plugreg.IncompatibleError](err)
	require.True(t, ok)
	require.Equal(t, r, e.Report)
	require.Equal(t, r.String(), err.Error())
}
