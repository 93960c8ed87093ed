// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// outputOf runs the program where time passes as it should, and at once, and returns what it wrote.
func outputOf(t *testing.T, change func(*options)) (out string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o, b := options{speed: 1, seed: 1, timeout: time.Minute, limit: 20}, new(bytes.Buffer)
		change(&o)
		err = run(t.Context(), b, o)
		out = b.String()
	})
	return out, err
}

func TestRun(t *testing.T) {
	t.Parallel()
	out, err := outputOf(t, func(o *options) { o.charts = true })
	require.NoError(t, err)
	for line := range strings.Lines(out) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), width, line)
		require.Equal(t, strings.TrimRight(line, " \n"), strings.TrimRight(line, "\n"), "blanks at the end")
	}
	const six = `(?:  (?:invoices\.issue|vat\.estimate|tracking\.sync|pricing\.quote|tickets\.route|content\.localize) `
	out = regexp.MustCompile(`(\S) +`).ReplaceAllString(out, "$1 ")
	for name, pattern := range map[string]string{
		"before":           `(?m)^ +4s to 6s 1\d\d ms 1\d\d ms 1\d\d ms$`,
		"meanwhile":        `(?m)^ +14s to 16s \d\.\d\d s 1\d\d ms 1\d\d ms the customs API limits us$`,
		"opened":           `(?m)^ +[67]\.\d\d s closed -> open error rate 0\.\d+ of \d+ calls within 2s, more than 0\.5$`,
		"probed":           `(?m)^ +1\d\.\d\d s open -> half-open$`,
		"closed":           `(?m)^ +16\.\d\d s half-open -> closed$`,
		"invoices":         `(?m)^  invoices\.issue 8\d ms \d\.\d\d s \d\d\.\d x \d\.\d % \d+ ms 1\.\d x \d\d\.\d % [89]\d ms 1\.\d x \d\.\d %$`,
		"six modules":      six + `\d+ ms \d\.\d\d s \d\d\.\d x .*\n){6}`,
		"six curves":       six + `[▁-█]{10} ▁{10} ▁{10}\n){6}  A full bar is \d\.\d\d s\.\n`,
		"refusals":         `(?m)^  no limit 0 0 0\n  shared limit [1-9]\d\d [1-9]\d\d 0\n  limit and share \d 0 [1-9]\d\d$`,
		"words":            `names the resource: plugin "[a-z.]+" 1\.0\.0: resource\s+"cache:fallback": saturated: 20 calls\s+use\s+it\n`,
		"slow, fixed":      `(?m)^  slow fixed \d+ 1\.\d\d \d+\.\d % \d+\.\d % \d\d\d ms 800 ms 800 ms \d\d 4\.\d\d s$`,
		"slow, backed off": `(?m)^  slow backed off \d+ 1\.\d\d \d\.\d % \d\.\d % 2\d ms \d+ ms \d+ ms \d\d `,
		"down, fixed":      `(?m)^  down fixed \d+ 2\.9\d 0\.0 % 9\d\.\d % 100 ms .* 0 ms$`,
		"down, backed off": `(?m)^  down backed off \d+ 1\.\d\d 0\.0 % 9\d\.\d % 0 ms .* 0 ms$`,
		"error":            `(?m)^  error ERROR x 3, OPEN x 2 open 0 0 (\d\d) of \d\d$`,
		"panic":            `(?m)^  panic PANIC x 3, DISABLED x 2 disabled 0 0 `,
		"nil panic":        `(?m)^  panic\(nil\) PANIC x 3, DISABLED x 2 disabled 0 0 `,
		"Goexit":           `(?m)^  runtime\.Goexit GOEXIT x 3, OPEN x 2 open 0 0 `,
		"hang":             `(?m)^  hang TIMEOUT x 2, SATURATED x 3 closed 2 0 `,
		"env.Go":           `(?m)^  panic on env\.Go ok x 5 closed 0 5 `,
		"codes":            `(?m)^  DEADLINE \d+\n  ERROR \d+\n  GOEXIT 3\n  INJECTED \d+\n  PANIC 11\n  TIMEOUT \d+$`,
		"nothing inside":   `(?m)^  holds \d+ calls were let in by 6 registries, and 0 are inside or wait$`,
		"all":              `\n13 OF 13 CLAIMS HOLD\n$`,
	} {
		require.Regexp(t, pattern, out, name)
	}
	require.Equal(t, 13, strings.Count(out, "\n  holds "))
	require.NotContains(t, out, "FAILS")
	require.NotContains(t, out, "\x1b")
}

func TestClaimsHoldWhateverTheSeed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed+2), func(t *testing.T) {
			t.Parallel()
			out, err := outputOf(t, func(o *options) { o.seed = seed + 2 })
			require.NoError(t, err, out)
		})
	}
}

func TestClaimsFailWhereTheLimitIsNone(t *testing.T) {
	t.Parallel()
	out, err := outputOf(t, func(o *options) { o.limit, o.colour = 10_000, true })
	require.ErrorContains(t, err, "does not hold: with the shared limit at most 2 x: ")
	require.ErrorContains(t, err, "does not hold: where there is a limit, a refusal names the resource: <nil>")
	require.Contains(t, out, "  \x1b[31mFAILS\x1b[39m with the shared limit at most 2 x: ")
	require.Contains(t, out, "\x1b[1m11 OF 13 CLAIMS HOLD\x1b[22m\n  Where this machine has other things to do")
}

// cutter writes to a buffer, and cancels when it sees a word.
type cutter struct {
	out    *bytes.Buffer
	at     string
	cancel func()
}

func (c cutter) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte(c.at)) {
		c.cancel()
	}
	return c.out.Write(text)
}

func TestRunEndsInEveryAct(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"4s to 6s", "0s to 1s", "ACT 3"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				out := new(bytes.Buffer)
				require.ErrorIs(t, run(ctx, cutter{out, at, cancel}, options{speed: 1, timeout: time.Minute, limit: 20}), context.Canceled)
				require.Contains(t, out.String(), at)
				require.NotContains(t, out.String(), "CLAIMS HOLD")
			})
		})
	}
	_, err := outputOf(t, func(o *options) { o.timeout = time.Second })
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

var errFull = errors.New("the disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestRunFailsWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		require.ErrorIs(t, run(t.Context(), full{}, options{speed: 1, timeout: time.Second, limit: 20}), errFull)
	})
}

func TestRunFailsWhereTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	_, err := outputOf(t, func(o *options) { o.limit = 1 << 40 })
	require.ErrorContains(t, err, `Config.Resources["cache:fallback"].MaxConcurrent: `)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, args, want, complaint string
	}{
		{"help", "-h", "", "-speed"},
		{"unknown", "-fast", "flag provided but not defined: -fast", "Usage of faults"},
		{"standing still", "-speed 0", "-speed: want 0.1 to 100, have 0", ""},
		{"too fast", "-speed 1000", "-speed: want 0.1 to 100, have 1000", ""},
		{"no speed", "-speed NaN", "-speed: want 0.1 to 100, have NaN", ""},
		{"no time", "-timeout 1ns -seed 7 -limit 3", "context deadline exceeded", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			require.NoError(t, err)
			defer out.Close()
			var complaints bytes.Buffer
			err = command(t.Context(), strings.Fields(tt.args), out, &complaints)
			require.Contains(t, complaints.String(), tt.complaint)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}
