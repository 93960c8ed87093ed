// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// TestingT is what [VerifyContracts] needs of a test: a *testing.T is one.
type TestingT interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// exceptionsFile is where VerifyContracts looks for exceptions.
const exceptionsFile = "exceptions.json"

// VerifyContracts fails t where a plugin of r may not follow its baselines below dir, by the rules of [Gate] and the
// policies of r; exceptions are in dir/exceptions.json, if there is such a file. Each finding is an error of its own
// that says how to go on.
//
// With the environment variable PLUGREG_UPDATE=1 it stores the contracts of r in dir instead, also over another contract
// of the same version, and logs what changed; what dir has beside that stays. Commit the directory, and look at its
// diff: a version that was released must not show in it.
func VerifyContracts(t TestingT, r Source, dir string) {
	t.Helper()
	c := coreOf(r)
	if c == nil {
		t.Errorf("verify contracts: want a registry made by New, found %T without one", r)
		return
	}
	s := c.snapshot()
	s.Expires = time.Time{} // it is of now, however short a time the host gives it
	if os.Getenv("PLUGREG_UPDATE") == "1" {
		updateBaselines(t, s, dir)
		return
	}
	exceptions, err := exceptionsIn(dir)
	if err != nil {
		t.Errorf("verify contracts: %v", err)
		return
	}
	report(t, dir, Gate(s, os.DirFS(dir), exceptions))
}

func exceptionsIn(dir string) ([]Exception, error) {
	name := filepath.Join(dir, exceptionsFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := ReadExceptions(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return list, nil
}

// report passes on all that was found.
func report(t TestingT, dir string, g GateReport) {
	t.Helper()
	for _, problem := range g.Problems {
		t.Errorf("verify contracts against %s: %s", dir, problem)
	}
	for _, r := range g.Reports {
		switch {
		case isFirst(r):
			t.Errorf("verify contracts against %s: %v\n  run the test with PLUGREG_UPDATE=1 to store the contract, and commit it", dir, r)
		case r.Outcome != Compatible:
			t.Errorf("verify contracts against %s: %v\n  mend the plugin, or give it a version that allows the change; a change that cannot be avoided can be excepted in %s. "+
				"PLUGREG_UPDATE=1 stores the contract of a version that nobody has", dir, r, filepath.Join(dir, exceptionsFile))
		}
	}
	for _, c := range g.Excepted {
		t.Logf("verify contracts against %s: excepted: %v", dir, c)
	}
	for _, note := range g.Notes {
		t.Logf("verify contracts against %s: %s", dir, note)
	}
}

// updateBaselines stores what is registered, also over another contract of the version: whether that was released, only
// the person who commits it knows.
func updateBaselines(t TestingT, s Snapshot, dir string) {
	t.Helper()
	u := update{tree: readBaselines(os.DirFS(dir), s.Taken, defaultTreeLimits()), publication: publication{dir: dir, listed: map[string][]string{}}}
	for _, c := range s.Contracts {
		if err := u.contract(t, c); err != nil {
			t.Errorf("verify contracts: %v", &PluginError{Plugin: c.Name, Version: c.Version, Field: "baseline", Err: err})
		}
	}
}

// update is what a directory of baselines becomes.
type update struct {
	publication
	tree *baselineTree // as it was
}

// contract stores c where the directory does not have it, and in place of what it has of the version.
func (u *update) contract(t TestingT, c Contract) error {
	t.Helper()
	f, err := u.file(c)
	if err != nil {
		return err
	}
	stored := false
	for _, e := range u.tree.byID[c.identity()] {
		for _, s := range e.origins {
			if e.digest == c.Digest() {
				stored = stored || !s.expired // which is no evidence any more
				continue
			}
			if !s.alone {
				return fmt.Errorf("%q is a snapshot with another contract of the version: take a new one, or remove it", s.file)
			}
			f.path = filepath.Join(u.dir, filepath.FromSlash(s.file))
			if err := f.replace(); err != nil {
				return err
			}
			stored = true
			t.Logf("verify contracts: %s changed from %v to %v\n%s", f.path, e.digest, c.Digest(), indentLines(Diff(e.contract, c).String()))
		}
	}
	if stored {
		return nil
	}
	if err := f.replace(); err != nil {
		return err
	}
	t.Logf("verify contracts: %s is new, with %v", f.path, c.Digest())
	return nil
}

func indentLines(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }
