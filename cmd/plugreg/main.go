// SPDX-License-Identifier: Apache-2.0

// Command plugreg shows, compares and gates the contracts of plugins, for people and for CI.
//
//	plugreg show FILE…            what a contract or a snapshot says
//	plugreg diff OLD NEW          what changed, who notices, and which policy allows it
//	plugreg gate SNAPSHOT         may this be released?
//	plugreg assert CONTRACT       a Go file that does not compile once the contract has changed
//	plugreg rules                 the rules that changes are named by
//	plugreg help, plugreg version
//
// It exits with 0 where all is well, 1 where something is incompatible, 2 where it was called wrongly or could not read
// or write what it was given, and 3 where there is not enough evidence to judge by. Only 0 lets a release through: what
// cannot be judged is never taken for compatible. Results go to standard output, errors to standard error.
//
// The project's docs/gate.md says how to use it in CI.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// The exit codes. They are documented, and scripts rely on them.
const (
	exitPass         = 0
	exitIncompatible = 1
	exitUsage        = 2
	exitUnknown      = 3
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole program: it returns the exit code. What it prints is complete before it returns, for a result that
// could not be printed is none: that is exit code 2, whatever the result was.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := &session{stdin: stdin, out: bufio.NewWriter(stdout)}
	code, err := s.dispatch(args)
	if failed := s.out.Flush(); failed != nil {
		code, err = exitUsage, errors.Join(err, fmt.Errorf("standard output: want it to take the result, found: %w", failed))
	}
	if err != nil {
		fmt.Fprintf(stderr, "plugreg: %v\n", err)
	}
	return code
}

// session is one run of the program.
type session struct {
	stdin     io.Reader
	stdinUsed bool
	out       *bufio.Writer // remembers that it failed, so that only its Flush is asked
}

// command is one of the program's commands.
type command struct {
	name string
	args string // what stands behind the flags in the usage line
	text string // in the overview, and the first line of its own help
	more string // the rest of its help
	// prepare declares the flags and returns what is done with the arguments that are left.
	prepare func(s *session, flags *flag.FlagSet) action
}

// action does what a command is for. An error without an exit code is exitUsage.
type action func(args []string) (code int, err error)

func commands() []command {
	return []command{showCommand(), diffCommand(), gateCommand(), assertCommand(), rulesCommand(), versionCommand(), helpCommand()}
}

func find(name string) (command, bool) {
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func (s *session) dispatch(args []string) (int, error) {
	if len(args) == 0 {
		return exitUsage, fmt.Errorf("want a command, found none\n\n%s", overview())
	}
	c, ok := find(args[0])
	if !ok {
		return exitUsage, unknownCommand(args[0])
	}
	return c.run(s, args[1:])
}

func unknownCommand(name string) error {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return fmt.Errorf("want a command (%s), found %q; run \"plugreg help\"", strings.Join(names, ", "), name)
}

func (c command) run(s *session, args []string) (int, error) {
	flags := c.flags()
	act := c.prepare(s, flags)
	rest, err := parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		c.describe(s)
		return exitPass, nil
	}
	if err != nil {
		err = misuse{err}
	}
	code := exitUsage
	if err == nil {
		code, err = act(rest)
	}
	if err == nil {
		return code, nil
	}
	if code == exitPass {
		code = exitUsage
	}
	if errors.As(err, new(misuse)) {
		return code, fmt.Errorf("%s: %w; run \"plugreg help %s\"", c.name, err, c.name)
	}
	return code, fmt.Errorf("%s: %w", c.name, err)
}

func (c command) flags() *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse lets flags stand behind other arguments too, up to "--".
func parse(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		left := flags.Args()
		taken := len(args) - len(left)
		if len(left) == 0 || taken > 0 && args[taken-1] == "--" {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

// misuse is an error that the help of the command answers.
type misuse struct{ error }

func wanted(what string, args []string) error {
	found := "none"
	if len(args) > 0 {
		found = fmt.Sprintf("%d: %s", len(args), strings.Join(args, " "))
	}
	return misuse{fmt.Errorf("want %s, found %s", what, found)}
}
