// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"

	"github.com/plugreg/plugreg"
)

func rulesCommand() command {
	return command{name: "rules", text: "list the rules that changes are named by", more: `
Exceptions name rules, and a rule keeps its meaning. A cosmetic change may come with any version, an additive one takes
a new minor version, a breaking one a new major version.`,
		prepare: func(s *session, flags *flag.FlagSet) action {
			asJSON := flags.Bool("json", false, "print a JSON array")
			return func(args []string) (int, error) {
				if len(args) > 0 {
					return exitUsage, wanted("no arguments", args)
				}
				return exitPass, s.rules(*asJSON)
			}
		}}
}

// ruleEntry is a rule in JSON.
type ruleEntry struct {
	Rule     plugreg.Rule     `json:"rule"`
	Severity plugreg.Severity `json:"severity"`
	Text     string           `json:"text"`
}

func (s *session) rules(asJSON bool) error {
	var list []ruleEntry
	for _, r := range plugreg.Rules() {
		list = append(list, ruleEntry{Rule: r, Severity: r.Severity(), Text: r.Explain()})
	}
	if asJSON {
		return s.json(list)
	}
	for _, e := range list {
		fmt.Fprintf(s.out, "%-22s  %-9v %s\n", e.Rule, e.Severity, e.Text)
	}
	return nil
}
