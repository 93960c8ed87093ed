// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/plugreg/plugreg/internal/peerbench/report"
)

// cellVariable names, in the environment of a process, the one cell that it is to run.
const cellVariable = "PEERBENCH_CELL"

// leftBehind is the exit code of a cell whose goroutines go on; testing has other uses for 0, 1 and 2.
const leftBehind = 3

// patience is how long a cell may say nothing.
const patience = 30 * time.Second

// outcome begins the line in which a process says what was seen in its cell.
const outcome = "outcome: "

// A cell is one fault at one peer.
type cell struct {
	fault fault
	peer  peer
	known string
}

func cells() (all []cell) {
	for _, f := range faults() {
		for i, p := range peers() {
			c := cell{f, p, f.good}
			if i > 0 {
				c.known = f.known[i-1]
			}
			all = append(all, c)
		}
	}
	return all
}

func (c cell) name() string { return c.fault.name + "|" + c.peer.name }

// ours says that it is plugreg's.
func (c cell) ours() bool { return c.peer.name == plugregName }

// TestTable looks at each cell in a process of its own and prints the table in the form that the report reads. What
// plugreg does must be good. What others do may change: that is printed as a warning.
func TestTable(t *testing.T) {
	all := cells()
	seen := make([]string, len(all))
	t.Run("cells", func(t *testing.T) {
		for i, c := range all {
			t.Run(c.name(), func(t *testing.T) {
				t.Parallel()
				seen[i] = c.observe(t)
			})
		}
	})
	for i, c := range all {
		o := report.Observation{Fault: c.fault.name, Peer: c.peer.name, Seen: seen[i], Known: c.known}
		fmt.Println(o)
		if o.Changed() && !c.ours() {
			fmt.Printf("warning: %s: %s: %q, and it was %q\n", o.Fault, o.Peer, o.Seen, o.Known)
		}
	}
	for i, c := range all {
		if c.ours() {
			require.Equal(t, c.known, seen[i], "%s: what plugreg does", c.fault.name)
		}
	}
}

// TestCell runs the cell that the environment names. Where it names none, it runs those of plugreg, of which nothing
// may be left in this process.
func TestCell(t *testing.T) {
	only, alone := os.LookupEnv(cellVariable)
	for _, c := range cells() {
		if alone && c.name() != only || !alone && !c.ours() {
			continue
		}
		t.Run(c.name(), func(t *testing.T) {
			c.run(t, func(seen string) {
				if alone {
					fmt.Println(outcome + seen)
				} else {
					require.Equal(t, c.known, seen)
				}
				if !c.ours() {
					os.Exit(leftBehind)
				}
			})
		})
		goleak.VerifyNone(t)
	}
}

// run runs the cell and tells what was seen before anything is tidied up.
func (c cell) run(t *testing.T, tell func(seen string)) {
	if c.fault.real {
		tell(c.fault.run(t, c.peer))
		return
	}
	synctest.Test(t, func(t *testing.T) { tell(c.fault.run(t, c.peer)) })
}

// observe runs the cell in a process of its own. Only an experiment that did not come about fails the test.
func (c cell) observe(t *testing.T) string {
	if lacks := c.peer.has.lacking(c.fault.needs); lacks != "" {
		return lacks
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, self, "-test.run", "^TestCell$")
	cmd.Env = append(os.Environ(), cellVariable+"="+c.name())
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Sprintf("no answer within %v", patience)
	}
	return c.read(t, string(output), err)
}

// read makes one line of what the process of the cell printed and how it ended.
func (c cell) read(t *testing.T, output string, err error) string {
	exit, _ := errors.AsType[*exec.ExitError](err)
	_, said, ok := strings.Cut("\n"+output, "\n"+outcome)
	switch seen, _, _ := strings.Cut(said, "\n"); {
	case ok && (err == nil || !c.ours() && exit.ExitCode() == leftBehind):
		return seen
	case !ok && death(output) != "":
		return "process dies: " + death(output)
	}
	require.NoError(t, err, "%s", output)
	require.True(t, ok, "it says nothing: %s", output)
	return ""
}

var (
	fatal    = regexp.MustCompile(`(?m)^\s*(fatal error: .*)`)
	panicked = regexp.MustCompile(`(?m)^(panic: .*)`)
)

// death is what the runtime says before it ends a process; empty where it has not. No panic is as deadly as a fatal
// error, which may come while it is under way.
func death(output string) string {
	for _, kind := range []*regexp.Regexp{fatal, panicked} {
		if m := kind.FindStringSubmatch(output); m != nil {
			return m[1]
		}
	}
	return ""
}

func TestEveryFaultKnowsEveryPeer(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, f := range faults() {
		require.Len(t, f.known, len(peers())-1, f.name)
		require.False(t, names[f.name], f.name)
		names[f.name] = true
	}
	require.Equal(t, plugregName, peers()[0].name)
}

func TestReadTellsDeathFromAnswers(t *testing.T) {
	t.Parallel()
	theirs, ours := cell{peer: peer{name: "peer"}}, cell{peer: peer{name: plugregName}}
	require.Equal(t, "heals", ours.read(t, "=== RUN\noutcome: heals\nPASS\n", nil))
	died := errors.New("exit status 2")
	require.Equal(t, "process dies: panic: fault", theirs.read(t, "panic: fault\n\ngoroutine 7 [running]:\n", died))
	require.Equal(t, "process dies: fatal error: all asleep", ours.read(t, "=== RUN\npanic: fault\n\tfatal error: all asleep\n", died))
}
