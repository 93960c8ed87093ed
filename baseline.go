// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// PublishBaseline stores each contract of s below dir as <name>/<version>.json, where [Gate] finds it from then on. What
// is there with the same digest stays untouched; with another digest, it is an error that matches [ErrRepublished], for
// a released version never changes. Names that a file system cannot hold, or not beside each other because they differ
// in case alone, are errors that match [ErrInvalid]; those of all contracts are joined, and nothing is stored then.
//
// Each file is there as a whole or not at all, also after a crash, and may be published by several processes at once.
// Where writing fails, what was stored before stays, for another process may rely on it: publishing the same again goes
// on from there.
func PublishBaseline(dir string, s Snapshot) error {
	p := publication{dir: dir, listed: map[string][]string{}, taken: map[string]string{}}
	var errs []error
	for _, c := range s.sorted().Contracts {
		if err := p.plan(c); err != nil {
			errs = append(errs, &PluginError{Plugin: clip(c.Name, 160), Version: clip(c.Version, 160), Field: "baseline", Err: err})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return p.store()
}

// publication is checked as a whole before anything is written.
type publication struct {
	dir    string
	listed map[string][]string // what is in a directory, by its path
	taken  map[string]string   // planned files by their names in lower case
	files  []baselineFile
}

// baselineFile is a file to be written.
type baselineFile struct {
	contract Contract
	path     string
	doc      []byte
}

// file is where a version is stored. Build metadata makes no other version, so it is not in the name.
func (p *publication) file(c Contract) (baselineFile, error) {
	if p.dir == "" {
		return baselineFile{}, fmt.Errorf("%w: want a directory, found an empty path", ErrInvalid)
	}
	doc, err := c.MarshalJSON()
	if err == nil {
		doc = indented(doc)
		_, err = ParseContract(doc) // what is no name or no version must not become a path, nor what is too long a file
	}
	if err != nil {
		return baselineFile{}, err
	}
	const longest = 255 // bytes, of what most file systems take for a name
	name := precedenceText(c.Version) + ".json"
	if len(name) > longest {
		return baselineFile{}, fmt.Errorf("%w: the version makes a file name of %d bytes, and file systems take %d", ErrInvalid, len(name), longest)
	}
	f := baselineFile{contract: c, path: filepath.Join(p.dir, c.Name, name), doc: doc}
	return f, errors.Join(p.distinct(p.dir, c.Name), p.distinct(filepath.Join(p.dir, c.Name), name))
}

// distinct refuses a name beside one that is the same on file systems that take upper and lower case for one.
func (p *publication) distinct(dir, name string) error {
	names, known := p.listed[dir]
	if !known {
		list, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range list {
			names = append(names, e.Name())
		}
		p.listed[dir] = names
	}
	for _, other := range names {
		if other != name && strings.EqualFold(other, name) {
			return clash(filepath.Join(dir, other), name)
		}
	}
	return nil
}

func clash(there, name string) error {
	return fmt.Errorf("%w: %q is there, from which %q differs in case alone, and some file systems cannot tell them apart; choose another name", ErrInvalid, there, name)
}

// plan finds out what is to be done for a contract.
func (p *publication) plan(c Contract) error {
	f, err := p.file(c)
	if err != nil {
		return err
	}
	for _, name := range []string{c.Name, path.Join(c.Name, filepath.Base(f.path))} {
		folded := strings.ToLower(name)
		switch other, ok := p.taken[folded]; {
		case ok && other != name:
			return clash(other, name)
		case ok && name != c.Name:
			return fmt.Errorf("%w: the snapshot has the version twice", ErrInvalid)
		}
		p.taken[folded] = name
	}
	old, err := os.ReadFile(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.files = append(p.files, f)
		return nil
	case err != nil:
		return err
	}
	return f.unchanged(old)
}

// unchanged says whether what is stored is the contract.
func (f baselineFile) unchanged(old []byte) error {
	stored, err := ParseContract(old)
	if err != nil {
		return fmt.Errorf("what is stored in %q cannot be read, and is not overwritten: %w", f.path, err)
	}
	if have, want := stored.Digest(), f.contract.Digest(); have != want {
		return fmt.Errorf("%w: %q has %v, and this is %v; give the changed plugin a new version", ErrRepublished, f.path, have, want)
	}
	return nil
}

// store writes the files up to the first that fails.
func (p *publication) store() error {
	for _, f := range p.files {
		if err := f.create(); err != nil {
			return err
		}
	}
	return nil
}

// create writes a file that must not be there, or be the same: another process may have been faster.
func (f baselineFile) create() error {
	err := f.write(link)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	old, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	return f.unchanged(old)
}

// link gives a file its name unless that is taken.
func link(temp, name string) error {
	err := os.Link(temp, name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(temp, name) // where there are no links, nobody can be told from somebody who was faster
}

// replace writes a file over what is there.
func (f baselineFile) replace() error { return f.write(os.Rename) }

// write has the document complete on the disk before put gives it its name.
func (f baselineFile) write(put func(temp, name string) error) (err error) {
	dir := filepath.Dir(f.path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".publishing-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(f.doc)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close()); err == nil {
		err = put(temp.Name(), f.path)
	}
	if _, gone := os.Lstat(temp.Name()); gone == nil {
		err = errors.Join(err, os.Remove(temp.Name()))
	}
	return err
}
