// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestRules(t *testing.T) {
	t.Parallel()
	r := runWith("", "rules")
	require.Equal(t, exitPass, r.code)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	asJSON := runWith("", "rules", "-json")
	require.Equal(t, exitPass, asJSON.code)
	var list []ruleEntry
	require.NoError(t, json.Unmarshal([]byte(asJSON.out), &list))
	rules := plugreg.Rules()
	require.Len(t, lines, len(rules))
	require.Len(t, list, len(rules))
	for i, rule := range rules {
		require.Equal(t, ruleEntry{rule, rule.Severity(), rule.Explain()}, list[i])
		words := strings.Fields(lines[i])
		require.Equal(t, []string{string(rule), rule.Severity().String()}, words[:2])
		require.True(t, strings.HasSuffix(lines[i], rule.Severity().String()+strings.Repeat(" ", 10-len(rule.Severity().String()))+rule.Explain()), lines[i])
	}
}

const guide = "../../docs/gate.md"

// The table of rules in the guide is that of the library.
func TestGuideHasTheRules(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- The test suite writes what follows. -->\n", "<!-- End of what the test suite writes. -->\n"
	have, err := os.ReadFile(filepath.FromSlash(guide))
	require.NoError(t, err)
	text := strings.ReplaceAll(string(have), "\r\n", "\n")
	before, rest, ok := strings.Cut(text, begin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	var b strings.Builder
	b.WriteString("| Rule | Severity | What it finds, and what to do |\n|---|---|---|\n")
	var cosmetic []string
	for _, rule := range plugreg.Rules() {
		if rule.Severity() == plugreg.Cosmetic { // these stop nothing, and share a row
			cosmetic = append(cosmetic, "`"+string(rule)+"`")
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %v | %s |\n", rule, rule.Severity(), strings.ReplaceAll(rule.Explain(), "|", `\|`))
	}
	fmt.Fprintf(&b, "| %s | cosmetic | see `plugreg rules` |\n", strings.Join(cosmetic, ", "))
	want := before + begin + b.String() + end + after
	if updates() {
		require.NoError(t, os.WriteFile(filepath.FromSlash(guide), []byte(want), 0o644))
		return
	}
	require.Equal(t, want, text, "PLUGREG_UPDATE=1 rewrites the table")
	require.LessOrEqual(t, strings.Count(text, "\n"), 170)
}
