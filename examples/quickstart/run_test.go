// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

// outputOf runs the program and returns what it wrote with single blanks between words.
func outputOf(t *testing.T, dir string, more ...plugreg.Plugin[io.Closer]) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), &out, dir, more...)
	return regexp.MustCompile(` +`).ReplaceAllString(out.String(), " "), err
}

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := outputOf(t, dir)
	require.NoError(t, err)
	for name, pattern := range map[string]string{
		"read":          `(?m)^info 3,376 airports read$`,
		"validated":     `(?m)^info rules: all rows are valid$`,
		"transformed":   `(?m)^info rules: 24 rows changed$`,
		"progress":      `(?m)^info gzip-jsonl: 2,000 of 3,376 rows$`,
		"panicked":      `(?m)^warn crashing: PANIC: plugin "crashing" 0.9.0: panic in call: assignment to entry in nil map$`,
		"hung":          `(?m)^warn hanging: TIMEOUT: .* longer than 500ms and still runs; .*calls still inside`,
		"panic counted": `(?m)^crashing 0\.9\.0 [0-9a-f]{12} Exporter 1 PANIC 1$`,
		"hang counted":  `(?m)^hanging 0\.3\.0 [0-9a-f]{12} Exporter 1 TIMEOUT 1, 1 still inside$`,
		"two contracts": `(?m)^rules 3\.2\.0 [0-9a-f]{12} Transformer Validator 6,752 -$`,
		"log":           `(?m)^console 1\.0\.0 [0-9a-f]{12} LogSink 17 -$`,
		"ready one":     `(?m)^gzip-jsonl 2\.0\.1 [0-9a-f]{12} Exporter 5 -$`,
		"csv":           `(?m)^csv csv 3,376 210,287 - \S+ \S+ every row is equal$`,
		"jsonl":         `(?m)^jsonl jsonl 3,376 460,066 - \S+ \S+ every row is equal$`,
		"gzip":          `(?m)^jsonl\.gz gzip-jsonl 3,376 [\d,]+ 460,066 \S+ \S+ every row is equal$`,
		"no name":       `(?m)^ plugin "tab separated" 1\.0: Name: want .* have "tab separated"$`,
		"no version":    `(?m)^ plugin "tab separated".*: Version: .*major\.minor\.patch`,
		"no New":        `(?m)^ plugin "tab separated" 1\.0: New: want a constructor, have nil`,
		"no setting":    `setting seperator: .*did you mean "separator"\?\n`,
		"end":           `\n10,128 rows verified in \S+\n$`,
	} {
		require.Regexp(t, pattern, out, name)
	}
	require.NoFileExists(t, filepath.Join(dir, "refused.csv"))
	require.FileExists(t, filepath.Join(dir, "jsonl.jsonl"))
}

func TestRunTwiceSaysTheSame(t *testing.T) {
	t.Parallel()
	times := regexp.MustCompile(`\b[\d.]+(µs|ms|s)\b`)
	first, err := outputOf(t, t.TempDir())
	require.NoError(t, err)
	second, err := outputOf(t, t.TempDir())
	require.NoError(t, err)
	require.Equal(t, times.ReplaceAllString(first, "T"), times.ReplaceAllString(second, "T"))
}

// lossy is a newer CSV sink that gets one row wrong.
type lossy struct{ *csvSink }

func (s *lossy) Export(ctx context.Context, rows []airport.Airport) error {
	wrong := append([]airport.Airport(nil), rows...)
	wrong[1].City = "nowhere"
	return s.csvSink.Export(ctx, wrong)
}

func TestRunFindsTheRowThatDiffers(t *testing.T) {
	t.Parallel()
	out, err := outputOf(t, t.TempDir(), plugreg.Configured(plugreg.Plugin[io.Closer]{
		Name: "csv", Version: "9.0.0", Prototype: (*lossy)(nil),
	}, csvSettings{Separator: ","}, func(ctx context.Context, env *plugreg.Env, cfg csvSettings) (io.Closer, error) {
		s, err := newCSV(ctx, env, cfg)
		if err != nil {
			return nil, err
		}
		return &lossy{s.(*csvSink)}, nil
	}))
	require.ErrorContains(t, err, "csv: read back: row 2: want {IATA:00R")
	require.Regexp(t, `(?m)^csv csv 0 .* FAILED: csv: read back: row 2: .*City:nowhere`, out)
	require.Contains(t, out, "\n6,752 rows verified in ", "the other files are not affected")
}

// stubborn refuses every row.
type stubborn struct{ plugreg.NoClose }

var errStubborn = errors.New("not today")

func (stubborn) Validate(airport.Airport) error { return errStubborn }
func (stubborn) Transform(row airport.Airport) (airport.Airport, error) {
	return airport.Airport{}, errStubborn
}

// willing accepts every row, but transforms none.
type willing struct{ stubborn }

func (willing) Validate(airport.Airport) error { return nil }

// mute fails to log.
type mute struct{ plugreg.NoClose }

func (mute) Write(string, string) error { return errStubborn }

func simple[P io.Closer](name string, prototype P) plugreg.Plugin[io.Closer] {
	return plugreg.Plugin[io.Closer]{Name: name, Version: "1.0.0", Prototype: prototype,
		New: func(context.Context, *plugreg.Env) (io.Closer, error) { return prototype, nil }}
}

func TestRunFailsWithItsPlugins(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		more plugreg.Plugin[io.Closer]
		want string
	}{
		"validator":   {simple("a", stubborn{}), "a: row 1: not today"},
		"transformer": {simple("a", willing{}), "a: row 1: not today"},
		"duplicate":   {rulesPlugin(), `plugin "rules" 3.2.0: register: already registered`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := outputOf(t, t.TempDir(), tt.more)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestRunGoesOnWithoutItsLog(t *testing.T) {
	t.Parallel()
	out, err := outputOf(t, t.TempDir(), simple("another-log", mute{}))
	require.NoError(t, err)
	require.NotContains(t, out, "info ")
	require.Regexp(t, `(?m)^another-log 1\.0\.0 [0-9a-f]{12} LogSink 3 ERROR 3$`, out, "then its breaker opens")
}

func TestRunReportsEveryFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	out, err := outputOf(t, filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, 3, strings.Count(out, " FAILED: open "))
	require.Contains(t, out, "\n0 rows verified in ")
}

func TestRunStopsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	err := run(ctx, writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("csv: 1,000 of")) {
			cancel()
		}
		return out.Write(p)
	}), t.TempDir())
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, out.String(), "csv: 2,000 of")
	require.NotContains(t, out.String(), "verified")
}

func TestRunDoesNotStartWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	require.ErrorIs(t, run(ctx, &out, t.TempDir()), context.Canceled)
	require.Empty(t, out.String())
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestInTempDir(t *testing.T) {
	t.Parallel()
	var dir string
	err := inTempDir(func(d string) error {
		dir = d
		require.DirExists(t, dir)
		return errStubborn
	})
	require.ErrorIs(t, err, errStubborn)
	require.NoDirExists(t, dir)
}
