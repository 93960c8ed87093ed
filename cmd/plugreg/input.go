// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/plugreg/plugreg"
)

// maxDocument bounds what is read of a file, in bytes. The library takes no larger documents.
const maxDocument = 16 << 20

// read reads a file, or standard input for "-". What says what is wanted there.
func (s *session) read(file, what string) ([]byte, error) {
	refuse := func(found any) ([]byte, error) {
		if err, ok := found.(error); ok {
			return nil, fmt.Errorf("%s: want %s, found: %w", file, what, cause(err))
		}
		return nil, fmt.Errorf("%s: want %s, found %v", file, what, found)
	}
	in := s.stdin
	if file == "-" {
		if s.stdinUsed {
			return refuse("that standard input was read before")
		}
		s.stdinUsed = true
	} else {
		f, err := os.Open(file)
		if err != nil {
			return refuse(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return refuse("a directory")
		} else if err == nil && info.Size() > maxDocument {
			return refuse(fmt.Sprintf("%d bytes, more than %d MiB", info.Size(), maxDocument>>20))
		}
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	switch {
	case err != nil:
		return refuse(err)
	case len(data) > maxDocument:
		return refuse(fmt.Sprintf("more than %d MiB", maxDocument>>20))
	}
	return data, nil
}

// cause is what happened, without the operation and path that errors of package os begin with.
func cause(err error) error {
	if e := new(fs.PathError); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// contract reads a contract document.
func (s *session) contract(file string) (plugreg.Contract, error) {
	data, err := s.read(file, "a contract document")
	if err != nil {
		return plugreg.Contract{}, err
	}
	c, err := plugreg.ParseContract(data)
	if err != nil {
		return plugreg.Contract{}, fmt.Errorf("%s: want a contract document, found: %w", file, err)
	}
	return c, nil
}
