// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/plugreg/plugreg/internal/canon"
)

// treeLimits bound what is read of a tree of baselines.
type treeLimits struct {
	files        int
	bytes, total int64 // of a file, of all files
}

func defaultTreeLimits() treeLimits {
	return treeLimits{files: 100_000, bytes: maxSnapshotBytes, total: 1 << 30}
}

// evidence is a contract that was found in a tree of baselines, in one file or in several.
type evidence struct {
	*known
	origins []origin
}

// origin is a file that holds a contract.
type origin struct {
	file     string
	platform string // of the snapshot; empty for a contract on its own
	alone    bool   // the file is the contract's document, and no snapshot
	expired  bool
}

// expired reports whether no origin is evidence any more.
func (e *evidence) expired() bool {
	return !slices.ContainsFunc(e.origins, func(s origin) bool { return !s.expired })
}

// on reports whether an origin was described on that platform, or does not say on which.
func (e *evidence) on(platform string) bool {
	return platform == "" || slices.ContainsFunc(e.origins, func(s origin) bool { return s.platform == "" || s.platform == platform })
}

// baselineTree is what a tree of baselines holds. What expired stays in it, and what could not be read is a problem: a
// gap in the evidence must never look as if there had been nothing.
type baselineTree struct {
	byName   map[string][]*evidence
	byID     map[string][]*evidence // by name and precedence: two or more contradict each other
	problems []string
	limits   treeLimits
	files    int
	bytes    int64
	now      time.Time
}

// readBaselines reads all JSON documents of a tree.
func readBaselines(tree fs.FS, now time.Time, limits treeLimits) *baselineTree {
	b := &baselineTree{byName: map[string][]*evidence{}, byID: map[string][]*evidence{}, limits: limits, now: now}
	if tree == nil {
		b.problems = append(b.problems, "there are no baselines: want a file system, found nil")
		return b
	}
	_ = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error { // returns what the function does
		switch {
		case err != nil:
			b.problem(name, err)
			return nil
		case name != "." && strings.HasPrefix(path.Base(name), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		return b.entry(tree, name, d)
	})
	return b
}

// problem files what is wrong with a file.
func (b *baselineTree) problem(file string, err error) {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err // the file is named already
	}
	b.problems = append(b.problems, fmt.Sprintf("baseline %q: %s", clip(file, 1024), strings.ReplaceAll(err.Error(), "\n", "; ")))
}

// entry reads what is no directory; what it is called says whether it is a baseline.
func (b *baselineTree) entry(tree fs.FS, name string, d fs.DirEntry) error {
	document, link := strings.EqualFold(path.Ext(name), ".json"), d.Type()&fs.ModeSymlink != 0
	if !document && !link {
		return nil
	}
	info, err := fs.Stat(tree, name)
	switch {
	case err != nil: // also of a link that may have led to a directory
	case info.IsDir():
		err = errors.New("it is a link to a directory, which is not followed; put the files there")
	case !document:
		return nil
	case !info.Mode().IsRegular():
		err = fmt.Errorf("want a regular file, found one of mode %v", info.Mode())
	}
	if b.files++; b.files > b.limits.files {
		b.problem(name, fmt.Errorf("there are more than %d documents, and the others are not read", b.limits.files))
		return fs.SkipAll
	}
	var data []byte
	if err == nil {
		data, err = b.read(tree, name)
	}
	if err == nil {
		err = b.document(name, data)
	}
	if err != nil {
		b.problem(name, err)
	}
	if b.bytes > b.limits.total {
		b.problem(name, fmt.Errorf("the documents have more than %d bytes together, and the others are not read", b.limits.total))
		return fs.SkipAll
	}
	return nil
}

// read reads a file, whatever size it claims to have.
func (b *baselineTree) read(tree fs.FS, name string) (data []byte, err error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	data, err = io.ReadAll(io.LimitReader(f, b.limits.bytes+1))
	b.bytes += int64(len(data))
	if err == nil && int64(len(data)) > b.limits.bytes {
		err = fmt.Errorf("it is too long: at most %d bytes are read", b.limits.bytes)
	}
	return data, err
}

// document adds what a file holds.
func (b *baselineTree) document(name string, data []byte) error {
	format, err := formatOf(data)
	switch {
	case err != nil:
		return err
	case format == exceptionsTag: // may stand beside what it excepts from; what only says so may have been a baseline
		_, err := ReadExceptions(data)
		return err
	case format == snapshotTag:
		s, err := ReadSnapshot(data)
		if err != nil {
			return err
		}
		for _, c := range s.Contracts {
			b.add(c, origin{file: name, platform: s.Platform, expired: s.Expired(b.now)})
		}
		return nil
	case format != contractTag:
		return fmt.Errorf("$.format: want %q or %q, found %q", contractTag, snapshotTag, clip(format, 64))
	}
	c, err := ParseContract(data)
	if err == nil {
		b.add(c, origin{file: name, alone: true})
	}
	return err
}

// formatOf finds out which reader is to judge a document.
func formatOf(data []byte) (format string, err error) {
	v, err := canon.Parse(data, canon.Limits{Bytes: maxSnapshotBytes, Values: maxSnapshotValues})
	if err != nil {
		return "", err
	}
	if v.Kind() != canon.Object {
		return "", fmt.Errorf("want %v, found %v", canon.Object, v.Kind())
	}
	_ = canon.Decode(v, func(o *canon.ObjectReader) { format = o.StringOr("format", "") }) // the rest is not for here
	return format, nil
}

// add keeps each contract once, with all files that have it.
func (b *baselineTree) add(c Contract, s origin) {
	k := knownOf(c)
	same := b.byID[k.id]
	for _, e := range same {
		if e.digest == k.digest {
			e.origins = append(e.origins, s)
			return
		}
	}
	if len(same) > 0 {
		b.problem(s.file, fmt.Errorf("it has %q with %v, and %q has it with %v; a released version never changes, so one of them is wrong",
			k.id, k.digest, same[0].origins[0].file, same[0].digest))
	}
	e := &evidence{known: k, origins: []origin{s}}
	b.byID[k.id] = append(same, e)
	b.byName[c.Name] = append(b.byName[c.Name], e)
}
