// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"regexp"
)

// coloured returns a writer that paints verdicts where f is a terminal, and f itself where it is not, or NO_COLOR is
// set.
func coloured(f *os.File) io.Writer {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("NO_COLOR") != "" {
		return f
	}
	return painter{f}
}

// painter paints what is written in one piece.
type painter struct{ w io.Writer }

var (
	good  = regexp.MustCompile(`\b(compatible|additive|read)\b`)
	bad   = regexp.MustCompile(`\b(incompatible|breaking|refused)\b`)
	heads = regexp.MustCompile(`(?m)^[A-Z0-9].*$`)
)

func (p painter) Write(text []byte) (int, error) {
	painted := heads.ReplaceAll(text, []byte("\x1b[1m$0\x1b[22m"))
	painted = good.ReplaceAll(painted, []byte("\x1b[32m$0\x1b[39m"))
	painted = bad.ReplaceAll(painted, []byte("\x1b[31m$0\x1b[39m"))
	if _, err := p.w.Write(painted); err != nil {
		return 0, err
	}
	return len(text), nil
}
