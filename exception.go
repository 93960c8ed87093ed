// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/plugreg/plugreg/internal/canon"
	"github.com/plugreg/plugreg/internal/version"
)

const exceptionsTag = "plugreg/exceptions/v1"

// The rules that [Gate] has beside those of [Diff]: exceptions may name them too.
const (
	// noBaseline is found at a plugin of which no earlier release is known.
	noBaseline Rule = "no-baseline"
	// pluginRemoved is found at a plugin that was released and is not there any more.
	pluginRemoved Rule = "plugin-removed"
)

// Exception lets one known change through [Gate], for one step, for a reason, until a day. It must fit exactly: the
// next change of the kind needs another one, and one that fits nothing fails the gate, so that none is left behind. Its
// form in JSON is that of the document that [ReadExceptions] reads.
type Exception struct {
	// Rule and Path are those of the [Change]. Besides, the rule "no-baseline" at the path of a plugin's name lets a first
	// release through, and "plugin-removed" one that is gone.
	Rule Rule
	Path string
	// Baseline is the version that the change is a change from: "PaymentRequest@1.2.0"; build metadata does not matter.
	// Empty for "no-baseline", and for no other rule.
	Baseline string
	// Reason says why. Never empty.
	Reason string
	// Expires is the last day, in UTC, on which the exception holds; the time of that day does not matter. Zero has
	// expired.
	Expires time.Time
}

// String names what is excepted.
func (e Exception) String() string {
	s := fmt.Sprintf("%s at %s", placeText(string(e.Rule)), placeText(e.Path))
	if e.Baseline != "" {
		s += " since " + placeText(e.Baseline)
	}
	return s
}

// MarshalJSON returns the exception as canonical JSON, whether or not [ReadExceptions] would take it. The error matches
// [ErrInvalid]: text that is not UTF-8, or a day beyond the years 0 to 9999.
func (e Exception) MarshalJSON() ([]byte, error) {
	day, err := instantText(e.Expires)
	if err != nil {
		return nil, &PluginError{Field: "exception", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	o := canon.Open(nil)
	o.String("baseline", e.Baseline)
	o.String("expires", day[:min(len(day), len(time.DateOnly))])
	o.String("path", e.Path)
	o.String("reason", e.Reason)
	o.String("rule", string(e.Rule))
	doc := o.Close()
	if !canon.Valid(string(doc)) {
		return nil, &PluginError{Field: "exception", Have: "text that is not UTF-8", Want: "UTF-8"}
	}
	return doc, nil
}

// UnmarshalJSON reads one exception as strictly as [ReadExceptions]; e is unchanged where that fails.
func (e *Exception) UnmarshalJSON(data []byte) error {
	v, err := canon.Parse(data, canon.Limits{})
	var p Exception
	if err == nil {
		err = canon.Decode(v, func(o *canon.ObjectReader) { p = readException(o) })
	}
	if err != nil {
		return &PluginError{Field: "exception", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	*e = p
	return nil
}

// ReadExceptions reads a document of exceptions: an object with the format "plugreg/exceptions/v1" and a list
// "exceptions" of objects with rule, path, baseline, reason and expires, a date such as "2026-12-31". It is as strict
// and has the same bounds as [ParseContract]; the error matches [ErrInvalid] and lists what is wrong with its path.
func ReadExceptions(data []byte) ([]Exception, error) {
	var list []Exception
	err := readDocument(data, exceptionsTag, canon.Limits{}, func(o *canon.ObjectReader) {
		list = canon.Objects(o, "exceptions", readException)
		unique(o, "exceptions", list, Exception.key)
	})
	if err != nil {
		return nil, &PluginError{Field: "exceptions document", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	return list, nil
}

func readException(o *canon.ObjectReader) Exception {
	e := Exception{Rule: Rule(o.String("rule")), Path: o.String("path"), Baseline: o.StringOr("baseline", ""), Reason: o.String("reason")}
	var err error
	day := o.String("expires")
	if e.Expires, err = time.Parse(time.DateOnly, day); err != nil || e.Expires.IsZero() {
		o.Fail("expires", fmt.Errorf("want a date such as %q, found %q", "2026-12-31", clip(day, 64)))
		e.Expires = time.Unix(0, 0) // said once
	}
	e.check(o.Fail)
	return e
}

// check reports what is wrong with e, by the keys of its document.
func (e Exception) check(fail func(key string, err error)) {
	is := func(key string, err error) {
		if err != nil {
			fail(key, err)
		}
	}
	if e.Rule != noBaseline && e.Rule != pluginRemoved && e.Rule.Explain() == "" {
		fail("rule", fmt.Errorf("unknown rule %q", clip(string(e.Rule), 64)))
	}
	is("path", checkLine(e.Path))
	is("reason", checkLine(e.Reason))
	name, ver, _ := strings.Cut(e.Baseline, "@")
	_, err := version.Parse(ver)
	switch {
	case e.Rule == noBaseline && e.Baseline != "":
		fail("baseline", fmt.Errorf("no-baseline has none, found %q", clip(e.Baseline, 64)))
	case e.Rule != noBaseline && (checkName(name) != nil || err != nil):
		fail("baseline", fmt.Errorf("want the version before, such as %q, found %q", "PaymentRequest@1.2.0", clip(e.Baseline, 64)))
	case e.Rule == pluginRemoved && e.Path != name:
		fail("path", fmt.Errorf("want the name of the plugin that is gone, %q, found %q", name, clip(e.Path, 64)))
	case e.Rule == noBaseline:
		is("path", checkName(e.Path))
	}
	if e.Expires.IsZero() {
		fail("expires", errors.New("missing; want the last day on which the exception holds"))
	}
}

// checkLine refuses what shows nothing, or more than a line, where it is printed.
func checkLine(s string) error {
	if strings.TrimSpace(s) == "" {
		return checkText("")
	}
	return checkText(s)
}

func (e Exception) valid() (ok bool) {
	ok = true
	e.check(func(string, error) { ok = false })
	return ok
}

// key is the same for exceptions that fit the same change.
func (e Exception) key() string { return fmt.Sprintf("%s at %s since %s", e.Rule, e.Path, e.since()) }

// since is the identity of the version that the change is a change from.
func (e Exception) since() string {
	name, ver, _ := strings.Cut(e.Baseline, "@")
	if ver == "" {
		return name
	}
	return name + "@" + precedenceText(ver)
}

// fits reports whether the change is the one that e excepts.
func (e Exception) fits(c Change, baseline string) bool {
	return e.Rule == c.Rule && e.Path == c.Path && e.since() == baseline
}

// expired reports whether the last day is over.
func (e Exception) expired(now time.Time) bool {
	year, month, day := e.Expires.UTC().Date()
	return !now.Before(time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC))
}
