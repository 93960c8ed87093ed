// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

func helpCommand() command {
	return command{name: "help", args: "[COMMAND]", text: "say what a command does and which flags it takes",
		prepare: func(s *session, _ *flag.FlagSet) action { return s.help }}
}

func (s *session) help(args []string) (int, error) {
	switch len(args) {
	case 0:
		s.out.WriteString(overview())
		return exitPass, nil
	case 1:
		c, ok := find(args[0])
		if !ok {
			return exitUsage, unknownCommand(args[0])
		}
		c.describe(s)
		return exitPass, nil
	}
	return exitUsage, wanted("one command", args)
}

func overview() string {
	var b strings.Builder
	b.WriteString("plugreg shows, compares and gates the contracts of plugins.\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-8s %s\n", c.name, c.text)
	}
	b.WriteString("\nExit codes: 0 pass, 1 incompatible, 2 called wrongly or unreadable, 3 not enough evidence to judge by.\n" +
		"Run \"plugreg help COMMAND\" for more.\n")
	return b.String()
}

// describe prints the command's help.
func (c command) describe(s *session) {
	flags := c.flags()
	c.prepare(s, flags)
	flags.SetOutput(s.out)
	usage, some := "plugreg "+c.name, false
	flags.VisitAll(func(*flag.Flag) { some = true })
	if some {
		usage += " [flags]"
	}
	if c.args != "" {
		usage += " " + c.args
	}
	fmt.Fprintf(s.out, "usage: %s\n\nplugreg %s: %s.\n", usage, c.name, c.text)
	if c.more != "" {
		fmt.Fprintf(s.out, "\n%s\n", strings.TrimSpace(c.more))
	}
	if some {
		s.out.WriteString("\nFlags:\n")
		flags.PrintDefaults()
	}
}

func versionCommand() command {
	return command{name: "version", text: "print the version of this program",
		prepare: func(s *session, _ *flag.FlagSet) action { return s.version }}
}

func (s *session) version(args []string) (int, error) {
	if len(args) > 0 {
		return exitUsage, wanted("no arguments", args)
	}
	info, _ := debug.ReadBuildInfo()
	s.out.WriteString(versionText(info))
	return exitPass, nil
}

// versionText says what was built, of what and with what; info is nil where the program was built without modules.
func versionText(info *debug.BuildInfo) string {
	module, revision := "(unknown)", ""
	if info != nil {
		if info.Main.Version != "" {
			module = info.Main.Version
		}
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision":
				revision = ", revision " + setting.Value
			case setting.Key == "vcs.modified" && setting.Value == "true":
				revision += " and changes"
			}
		}
	}
	return fmt.Sprintf("plugreg %s (%s %s/%s%s)\n", module, runtime.Version(), runtime.GOOS, runtime.GOARCH, revision)
}
