// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the README shows is a program that the checks run.
func TestReadmeShowsAProgramThatRuns(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	program, err := os.ReadFile("examples/first/main.go")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(readme), "```go\n")
	require.True(t, found)
	block, _, found := strings.Cut(rest, "```\n")
	require.True(t, found)
	_, code, _ := strings.Cut(string(program), "\npackage main\n") // behind the licence and the command's own comment
	code = "package main\n" + code
	require.Equal(t, code, block)
	require.LessOrEqual(t, strings.Count(block, "\n"), 40)
	require.LessOrEqual(t, strings.Count(string(readme), "\n"), 120)
}
