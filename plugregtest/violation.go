// SPDX-License-Identifier: Apache-2.0

package plugregtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Violation is one rule that a plugin breaks. [Check] returns a *Violation for each that it found, joined; errors.As
// finds the first, [Violations] all.
//
// A Violation is immutable by convention and safe for concurrent use.
type Violation struct {
	// Rule is the rule that is broken.
	Rule Rule
	// Plugin and Version name the plugin as it was given.
	Plugin, Version string
	// Operation is what was at work: "New", "Init", "Probe", "Close", "Call", "env.Go", "env.OnClose", or "Register"
	// and "Open" where it was none of these; else what is at fault, such as a field of [plugreg.Plugin], "Config",
	// `settings["path"]` or "Probes[0]". There is at most one violation of a rule for an operation.
	Operation string
	// When says under which circumstances, such as "the second time"; empty where there is nothing to say.
	When string
	// Want is what was expected, Have what was found, of which at most 1,024 bytes are kept. Neither is empty.
	Want, Have string
	// Fix is what to do about it; empty where only the author can know.
	Fix string
	// Stack is that of the panic, or of the goroutines that go on, at most five: a function and its position a pair of
	// lines. Empty where none matters.
	Stack string
	// Err is the error that the plugin returned, or the *[plugreg.PanicError]; nil where there was none.
	Err error
}

// Error names the plugin, the rule, the operation, what was expected, what was found and the fix; below it is the
// stack, where there is one.
func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plugin %q %s: %s: %s", v.Plugin, v.Version, v.Rule, v.Operation)
	if v.When != "" {
		b.WriteString(" " + v.When)
	}
	fmt.Fprintf(&b, ": want %s, have %s", v.Want, v.Have)
	if v.Fix != "" {
		fmt.Fprintf(&b, " (%s)", v.Fix)
	}
	for line := range strings.Lines(v.Stack) {
		b.WriteString("\n\t" + strings.TrimSuffix(line, "\n"))
	}
	return b.String()
}

// Unwrap returns Err.
func (v *Violation) Unwrap() error { return v.Err }

// Violations lists the violations in what [Check] returned, in order; nil where there are none.
func Violations(err error) []*Violation {
	switch e := err.(type) {
	case *Violation:
		return []*Violation{e}
	case interface{ Unwrap() []error }:
		var all []*Violation
		for _, one := range e.Unwrap() {
			all = append(all, Violations(one)...)
		}
		return all
	}
	return nil
}

// findings are the violations that were found so far.
type findings struct {
	plugin, version string
	except          []Rule

	mu   sync.Mutex // guards list, for plugin code that is late may still be judged
	list []*Violation
}

// file keeps v, unless its rule is left out or was found broken by that operation before.
func (f *findings) file(v Violation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Contains(f.except, v.Rule) || f.has(v.Rule, v.Operation) {
		return
	}
	v.Plugin, v.Version, v.Have = f.plugin, f.version, clip(v.Have)
	f.list = append(f.list, &v)
}

// has is called with f.mu held.
func (f *findings) has(rule Rule, operation string) bool {
	return slices.ContainsFunc(f.list, func(v *Violation) bool { return v.Rule == rule && v.Operation == operation })
}

// broken reports whether the rule was found broken, or is left out: there is nothing to be learned about it any more.
func (f *findings) broken(rule Rule) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.except, rule) || slices.ContainsFunc(f.list, func(v *Violation) bool { return v.Rule == rule })
}

// sorted returns the violations as errors, in the order of the rules.
func (f *findings) sorted() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	rules := Rules()
	slices.SortStableFunc(f.list, func(a, b *Violation) int { return slices.Index(rules, a.Rule) - slices.Index(rules, b.Rule) })
	errs := make([]error, len(f.list))
	for i, v := range f.list {
		errs[i] = v
	}
	return errs
}

// clip keeps foreign text at a readable length, and UTF-8 what it was.
func clip(s string) string {
	const most = 1024
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
