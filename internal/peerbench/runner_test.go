// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/peerbench/report"
)

// fake answers in place of go, git and the benchmarks, and records what it was asked.
type fake struct {
	asked  []string
	fails  string // command lines that contain it fail; empty: none do
	module string // the module's directory
}

var errFake = errors.New("fault")

func (f *fake) exec(_ context.Context, name string, args ...string) ([]byte, error) {
	line := filepath.Base(name) + " " + strings.Join(args, " ")
	f.asked = append(f.asked, line)
	switch {
	case f.fails != "" && strings.Contains(line, f.fails):
		return nil, errFake
	case strings.HasPrefix(line, "go list -m -f {{.Dir}}"):
		return []byte(f.module + "\n"), nil
	case strings.HasPrefix(line, "go list"):
		return []byte("\n- example.com/peer v1.0.0\n\n"), nil
	case strings.HasPrefix(line, "git"):
		return []byte("abc1234\n"), nil
	case strings.HasPrefix(line, "faults"):
		return []byte("=== RUN   TestTable\n" +
			report.Observation{Fault: "it panics", Peer: "plugreg", Seen: "error", Known: "error"}.String() + "\n" +
			report.Observation{Fault: "it panics", Peer: "peer", Seen: "error", Known: "process dies"}.String() + "\nPASS\n"), nil
	case strings.HasPrefix(line, "guard"):
		return []byte("cpu: Some CPU\nBenchmarkGuard/gobreaker-2 10 170 ns/op 0 B/op 0 allocs/op\n"), nil
	}
	return nil, nil
}

func newRunner(t *testing.T, f *fake) (*runner, *strings.Builder) {
	log := &strings.Builder{}
	return &runner{
		rounds: 2, benchtime: time.Second, tags: "light", out: filepath.Join(t.TempDir(), "out.md"),
		command: "go run . -rounds=2", log: log, exec: f.exec,
	}, log
}

func TestRoundsAreInterleavedAfterAllIsBuilt(t *testing.T) {
	t.Parallel()
	f := &fake{}
	r, log := newRunner(t, f)
	require.NoError(t, r.run(t.Context()))
	require.Equal(t, []string{"go list", "go test", "go test", "go test", "go test", "go test", "go test", "faults -test.run"}, firstWords(f.asked[:8]))
	require.Contains(t, f.asked[1], "go test -c -tags light -o ")
	require.Equal(t, "faults -test.run ^TestTable$ -test.v", f.asked[7])
	round := f.asked[8:18]
	require.Equal(t, []string{
		"registry -test.run", "registry -test.run", "registry -test.run", "registry -test.run", "registry -test.run",
		"registry -test.run", "guard -test.run", "memory -test.run", "semver -test.run", "payload -test.run",
	}, firstWords(round))
	require.Equal(t, "registry -test.run ^$ -test.bench (Lookup|Construct)//n=10$ -test.benchtime 1s", round[0])
	require.Equal(t, round, f.asked[18:28])
	require.Regexp(t, `(?s)^building\nfaults: \d+ s\nwarning: it panics: peer: "error", and it was "process dies"\nround 1 of 2: \d+ s\nround 2 of 2: \d+ s\nwrote .*out\.md; \d+ of \d+ budgets are not met\n$`, log.String())
}

func TestTheReportHoldsTablesBudgetsAndVersions(t *testing.T) {
	t.Parallel()
	r, _ := newRunner(t, &fake{})
	require.NoError(t, r.run(t.Context()))
	page, err := os.ReadFile(r.out)
	require.NoError(t, err)
	for _, want := range []string{
		"`go run . -rounds=2`", "- Commit: abc1234\n", "- Machine: Some CPU, ", "medians of 2 interleaved rounds",
		"| Lookup among 127 | – |", "\n## Faults\n\n| what happens | plugreg | peer |", "\n| it panics | error | error |\n", notes, "\n## Guard\n\n| peer |", "| gobreaker | 170 |", "- example.com/peer v1.0.0\n",
	} {
		require.Contains(t, string(page), want)
	}
}

func TestAMissedBudgetFailsOnlyAStrictRun(t *testing.T) {
	t.Parallel()
	r, _ := newRunner(t, &fake{})
	r.strict = true
	require.ErrorContains(t, r.run(t.Context()), "budgets are not met")
	require.FileExists(t, r.out)
}

func TestAnyFailureLeavesTheOldReportAlone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, fails string }{
		{"finding the module", "{{.Dir}}"},
		{"building", "-c"},
		{"a fault", "faults -test.run"},
		{"a benchmark", "semver -test.run"},
		{"listing versions", "all"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, _ := newRunner(t, &fake{fails: tc.fails})
			require.NoError(t, os.WriteFile(r.out, []byte("old"), 0o600))
			require.ErrorIs(t, r.run(t.Context()), errFake)
			page, err := os.ReadFile(r.out)
			require.NoError(t, err)
			require.Equal(t, "old", string(page))
		})
	}
}

func TestACheckoutWithoutGitIsReportedAsSuch(t *testing.T) {
	t.Parallel()
	r, _ := newRunner(t, &fake{fails: "git describe"})
	require.NoError(t, r.run(t.Context()))
	page, err := os.ReadFile(r.out)
	require.NoError(t, err)
	require.Contains(t, string(page), "- Commit: unknown, not a git checkout\n")
}

func TestTheDefaultFileIsAtTheRepositorysRoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	r, _ := newRunner(t, &fake{module: filepath.Join(root, "internal", "peerbench")})
	r.out = ""
	require.NoError(t, r.run(t.Context()))
	require.FileExists(t, filepath.Join(root, "BENCHMARKS.md"))
}

func TestEveryBudgetNamesABenchmarkThatRuns(t *testing.T) {
	t.Parallel()
	jobs := map[string]string{
		"Lookup": "registry", "LookupParallel": "registry", "Register": "registry",
		"Guard": "guard", "GuardParallel": "guard", "Reject": "guard", "RejectParallel": "guard", "Fail": "guard", "Panic": "guard", "Go": "guard",
		"GC": "memory", "Resolve": "semver", "Decode": "payload",
	}
	for _, b := range budgets {
		for _, row := range []report.Row{b.Row, b.Beside} {
			source, err := filepath.Glob(filepath.Join(jobs[row.Job], "*_test.go"))
			require.NoError(t, err)
			require.True(t, anyContains(t, source, "func Benchmark"+row.Job+"("), "%s: no Benchmark%s", b.Path, row.Job)
			require.True(t, anyContains(t, source, `"`+row.Peer+`"`), "%s: no peer %q", b.Path, row.Peer)
		}
		require.True(t, b.Nanoseconds > 0 || b.Ratio > 0 || b.Extra > 0, "%s: no bound", b.Path)
	}
}

func TestEveryGuardOfOursIsHeldToScale(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join("guard", "plugreg_test.go"))
	require.NoError(t, err)
	found := regexp.MustCompile(`name: "(plugreg-[^"]+)", (guard|reject):`).FindAllStringSubmatch(string(source), -1)
	require.NotEmpty(t, found)
	for _, m := range found {
		job := map[string]string{"guard": "Guard", "reject": "Reject"}[m[2]]
		require.True(t, slices.ContainsFunc(budgets, func(b report.Budget) bool {
			return b.Row == report.Row{Job: job + "Parallel", Peer: m[1]} && b.Beside == report.Row{Job: job, Peer: m[1]} && b.Ratio == 1
		}), m[0])
	}
}

func TestRunReturnsOutputAndNamesWhatFailed(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), "go", "env", "GOOS")
	require.NoError(t, err)
	require.NotEmpty(t, strings.TrimSpace(string(out)))
	_, err = run(t.Context(), "go", "no-such-command")
	require.ErrorContains(t, err, "go no-such-command: exit status")
	require.ErrorContains(t, err, "unknown command", "what it printed is in the error")
}

func firstWords(lines []string) (all []string) {
	for _, line := range lines {
		all = append(all, strings.Join(strings.Fields(line)[:2], " "))
	}
	return all
}

func anyContains(t *testing.T, files []string, text string) bool {
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(data), text) {
			return true
		}
	}
	return false
}
