// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report writes what is being done to out, at each interval. The function that it returns ends that, and waits for the end.
func report(out io.Writer, every time.Duration, doing func() string) (stop func()) {
	quit, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintln(out, doing()) // a line that is lost is not missed
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-over
	}
}

// printTable says what came of the files. The error joins theirs.
func printTable(out io.Writer, files []file) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PLUGIN\tVERSION\tFORMAT\tBYTES\tROWS\tWRITE\tREAD BACK\tVERIFIED")
	var errs []error
	for _, f := range files {
		verified := "every row is equal"
		if f.err != nil {
			verified = "FAILED: " + strings.ReplaceAll(f.err.Error(), "\n", "; ")
			errs = append(errs, fmt.Errorf("%s: %w", f.format, f.err))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.plugin, f.version, f.format, thousands(int(f.bytes)), thousands(f.rows),
			f.writing.Round(100*time.Microsecond), f.reading.Round(100*time.Microsecond), verified)
	}
	return errors.Join(append(errs, w.Flush())...)
}

// thousands writes n, which is not negative, with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
