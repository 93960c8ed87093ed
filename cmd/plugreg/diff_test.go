// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestDiffGolden(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{
		"same": v1 + " " + v1, "additive": v1 + " " + v2, "breaking": v2 + " " + v3, "strict": "-policy strict " + v1 + " " + v2, "json": "-format json " + v1 + " " + v2,
		"json-policy": "-format json -policy full " + v1 + " " + v2, "github": "-format github " + v2 + " " + v3, "github-policy": "-format github -policy default " + v2 + " " + v3,
		"names": v1 + " " + other, "snapshots": older + " " + first, "snapshots-policy": "-policy default " + older + " " + first, "snapshots-github": "-policy default -format github " + first + " " + older,
		"expired": "-policy backward " + older + " " + expired, "expired-github": "-policy backward -format github " + expired + " " + candidate,
	} {
		golden(t, "golden/diff-"+name+".txt", runWith("", append([]string{"diff"}, strings.Fields(args)...)...).String())
	}
}

func TestDiffExitCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args string
		code int
	}{
		{v1 + " " + v1, exitPass},
		{v2 + " " + v1, exitPass},
		{v1 + " " + v3, exitPass},
		{"-policy default " + v1 + " " + v1, exitPass},
		{"-policy backward " + v1 + " " + v2, exitPass},
		{"-policy full " + v1 + " " + v2, exitIncompatible},
		{"-policy backward " + v2 + " " + v1, exitIncompatible},
		{"-policy backward " + v1 + " " + v3, exitIncompatible},
		{"-policy unchecked " + v1 + " " + v3, exitIncompatible}, // for backward is declared
		{"-policy unchecked " + v1 + " " + other, exitIncompatible},
		{"-policy backward " + older + " " + candidate, exitPass},
		{"-policy backward " + first + " " + candidate, exitIncompatible}, // a plugin is gone
		{older + " " + expired, exitPass},
		{"-policy backward " + older + " " + expired, exitUnknown},
		{"-policy strict " + older + " " + expired, exitIncompatible}, // whatever time it is
		{older + " " + v1, exitUsage},
		{v1 + " " + older, exitUsage},
	} {
		for _, f := range []string{"text", "json", "github"} {
			r := runWith("", append([]string{"diff", "-format", f}, strings.Fields(test.args)...)...)
			require.Equal(t, test.code, r.code, "%s: %v", test.args, r)
			require.Equal(t, test.code == exitUsage, r.errors != "")
		}
	}
	r := runWith("", "diff", older, v1)
	require.Contains(t, r.errors, "want two contracts or two snapshots, found a snapshot in "+older+" and a contract in "+v1)
}

func TestDiffFindsWhatTheLibraryFinds(t *testing.T) {
	t.Parallel()
	r := runWith("", "diff", "-format", "json", "-policy", "forward", v2, v3)
	var d difference
	require.NoError(t, json.Unmarshal([]byte(r.out), &d))
	require.Len(t, d.Plugins, 1)
	p, old, new := d.Plugins[0], grown("1.3.0"), shrunk("1.4.0")
	var changes plugreg.Changes
	for _, f := range p.Changes {
		changes = append(changes, f.Change)
		require.Equal(t, f.Rule.Explain(), f.Text)
	}
	want := plugreg.Forward.Check(old, new)
	require.Equal(t, want.Changes, changes)
	want.Changes = nil
	require.Equal(t, []verdict{{plugreg.Forward, want}}, p.Verdicts)
	require.Equal(t, want.Outcome, *d.Outcome)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	policies := []plugreg.Policy{plugreg.Backward}
	require.Equal(t, plugreg.Unknown, *compare(nil, nil, policies).Outcome)
	require.Equal(t, exitUnknown, compare(nil, nil, policies).code())
	require.Equal(t, plugreg.Incompatible, *compare([]plugreg.Contract{payment("1.0.0")}, nil, policies).Outcome)
	d := compare(nil, []plugreg.Contract{payment("1.0.0")}, policies)
	require.Equal(t, []identity{{"acme.payment", "1.0.0"}}, d.Added)
	require.Equal(t, plugreg.Unknown, *d.Outcome)

	high := payment("65535.0.0")
	p := comparePair(high, shrunk("65535.0.0"), policies)
	require.Empty(t, p.Required)
	var b strings.Builder
	s := &session{out: newOutput(&b)}
	s.pair(p)
	s.difference(compare(nil, nil, policies))
	require.NoError(t, s.out.Flush())
	require.Contains(t, b.String(), "required version: none is left")
	require.Contains(t, b.String(), "there is no plugin in both")
}

func TestWorse(t *testing.T) {
	t.Parallel()
	const u, c, i = plugreg.Unknown, plugreg.Compatible, plugreg.Incompatible
	for pair, want := range map[[2]plugreg.Outcome]plugreg.Outcome{
		{u, u}: u, {u, c}: u, {u, i}: i, {c, u}: u, {c, c}: c, {c, i}: i, {i, u}: i, {i, c}: i, {i, i}: i,
	} {
		require.Equal(t, want, worse(pair[0], pair[1]), pair)
	}
	require.Equal(t, []int{exitUnknown, exitPass, exitIncompatible, exitUnknown}, []int{exitCode(u), exitCode(c), exitCode(i), exitCode(9)})
}
