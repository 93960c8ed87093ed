// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plugreg/plugreg/internal/version"
)

// faults collects what is wrong with one plugin.
type faults struct {
	plugin, version string
	partial         bool // what is missing may come from elsewhere
	list            []error
}

// missing files what makes no sense without something else, unless that may come from elsewhere.
func (f *faults) missing(field, have, want, fix string) {
	if !f.partial {
		f.bad(field, have, want, fix)
	}
}

func (f *faults) bad(field, have, want, fix string) {
	f.list = append(f.list, &PluginError{Plugin: f.plugin, Version: f.version, Field: field, Have: have, Want: want, Fix: fix})
}

// add files err, which says all but whom it concerns.
func (f *faults) add(field string, err error) {
	if err == nil {
		return
	}
	if p, ok := err.(*PluginError); ok {
		f.bad(field, p.Have, p.Want, p.Fix)
		return
	}
	f.list = append(f.list, &PluginError{Plugin: f.plugin, Version: f.version, Field: field, Err: fmt.Errorf("%w: %w", ErrInvalid, err)})
}

func (f *faults) badPolicy(p Policy) {
	f.bad("Policy", strconv.Itoa(int(p)), "one of Default, Unchecked, Forward, Backward, Full, Strict", "")
}

// badVersion files what is wrong with a version, which says all but whom it concerns.
func (f *faults) badVersion(err error) {
	if err != nil {
		f.list = append(f.list, &PluginError{Plugin: f.plugin, Field: "Version", Err: fmt.Errorf("%w: %w", ErrInvalid, err)})
	}
}

func (f *faults) join() error {
	switch len(f.list) {
	case 0:
		return nil
	case 1:
		return f.list[0]
	}
	return errors.Join(f.list...)
}

func (f *faults) exports(m map[string]any) map[string]any {
	if len(m) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		field := fmt.Sprintf("Exports[%q]", clip(name, 64))
		f.add(field, checkName(name))
		switch v := reflect.ValueOf(m[name]); {
		case !v.IsValid() || v.Kind() != reflect.Func:
			f.bad(field, fmt.Sprintf("%T", m[name]), "a function", "")
		case v.IsNil():
			f.bad(field, fmt.Sprintf("a nil %T", m[name]), "a function", "")
		case name == opCall:
			f.bad(field, strconv.Quote(name), "another name", "calls that are no export's are reported as \"call\"")
		}
	}
	return maps.Clone(m)
}

func (f *faults) requires(self string, list []Requirement) []requirement {
	if len(list) == 0 {
		return nil
	}
	var out []requirement
	seen := map[string]bool{}
	for i, q := range list {
		field := fmt.Sprintf("Requires[%d]", i)
		f.add(field+".Name", checkName(q.Name))
		switch {
		case q.Name == self:
			f.bad(field+".Name", "the plugin itself", "another plugin", "")
		case seen[q.Name]:
			f.bad(field+".Name", fmt.Sprintf("%q twice", q.Name), "each name once", "write both conditions into one constraint, separated by a comma")
		}
		seen[q.Name] = true
		fits, err := version.ParseConstraint(q.Constraint)
		f.add(field+".Constraint", err)
		r := requirement{Requirement: q, fits: fits}
		if q.As != nil {
			t := reflect.TypeOf(q.As)
			if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Interface {
				f.bad(field+".As", t.String(), "a nil pointer to an interface", "write (*TheInterface)(nil)")
			} else {
				r.as = t.Elem()
			}
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b requirement) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (f *faults) uses(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	for i, name := range list {
		f.add(fmt.Sprintf("Uses[%d]", i), checkChars(name, ":"))
	}
	out := slices.Sorted(slices.Values(list))
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		f.bad("Uses", fmt.Sprintf("%q", list), "each resource once", "")
	}
	return out
}

func (f *faults) labels(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		f.add(fmt.Sprintf("Labels[%q]", clip(key, 64)), checkChars(key, "/"))
		f.text(fmt.Sprintf("Labels[%q]", clip(key, 64)), m[key])
	}
	return maps.Clone(m)
}

// text checks what is shown to people: one line of at most 1,024 bytes.
func (f *faults) text(field, s string) {
	switch {
	case len(s) > 1024:
		f.bad(field, fmt.Sprintf("%d bytes", len(s)), "at most 1024 bytes", "")
	case !utf8.ValidString(s) || strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0:
		f.bad(field, strconv.QuoteToASCII(clip(s, 64)), "one line of printable text", "")
	}
}

// checkName checks the rule of Plugin.Name, which keeps names out of trouble in paths, keys and markup.
func checkName(s string) error { return checkChars(s, "") }

func checkChars(s, also string) error {
	bad := len(s) == 0 || len(s) > 128
	for i := 0; i < len(s) && !bad; i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-' || strings.IndexByte(also, c) >= 0):
		default:
			bad = true
		}
	}
	if !bad {
		return nil
	}
	have := strconv.QuoteToASCII(clip(s, 64))
	if len(s) > 128 {
		have = fmt.Sprintf("%d bytes", len(s))
	}
	signs := ". _ -"
	for _, c := range also {
		signs += " " + string(c)
	}
	return &PluginError{Field: "name", Have: have, Want: "1 to 128 ASCII letters, digits and " + signs + ", the first a letter or digit"}
}
