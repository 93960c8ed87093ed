// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// What the program prints is in a golden file: read the difference before you write it anew with PLUGREG_UPDATE=1.
func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	golden := filepath.Join("testdata", "output.txt")
	if os.Getenv("PLUGREG_UPDATE") == "1" {
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err, "PLUGREG_UPDATE=1 go test . writes it")
	require.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), out.String())
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), width, line)
		require.Equal(t, strings.TrimRight(line, " \n"), strings.TrimRight(line, "\n"), "blanks at the end")
	}
}

func TestRunTwiceSaysTheSame(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	require.NoError(t, run(t.Context(), &first))
	require.NoError(t, run(t.Context(), &second))
	require.Equal(t, first.String(), second.String())
}

func TestRunFailsWhereItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	require.ErrorIs(t, run(ctx, &out), context.Canceled)
	require.Contains(t, out.String(), "1.3.1 refused, INCOMPATIBLE", "what was found out before is printed")
}

var errFull = errors.New("the disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestRunFailsWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, run(t.Context(), full{}), errFull)
	_, err := painter{full{}}.Write([]byte("read"))
	require.ErrorIs(t, err, errFull)
}

// The same tour over other contracts than the code was written for.
func TestExpectationsCanFail(t *testing.T) {
	t.Parallel()
	tour, err := newTour(t.Context())
	require.NoError(t, err)
	tour.step(step{"1.3.0", "1.3.1", plugreg.Full})
	require.Len(t, tour.wrong, 3, "full, backward and forward refuse it")
	require.EqualError(t, tour.wrong[0], "not as expected: full for 1.3.0 -> 1.3.1: incompatible")

	tour.contracts["2.0.0"] = tour.contracts["1.3.0"]
	tour.wrong = nil
	require.ErrorIs(t, tour.payloads(), plugreg.ErrContract, "a request of 2.0.0 is none of 1.3.0")
	require.NotEmpty(t, tour.wrong)

	tour.wrong, tour.contracts["1.1.0"] = nil, tour.contracts["2.0.0"]
	require.ErrorIs(t, tour.payloads(), plugreg.ErrContract)
	held := tour.held
	tour.end()
	require.Contains(t, tour.text.String(), "EXPECTATIONS HOLD\n")
	require.Equal(t, held, tour.held)
}
