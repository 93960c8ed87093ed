// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrIrregular is matched where a path names something that cannot be written now and read later: a directory, a pipe, a
// device.
var ErrIrregular = errors.New("not a regular file")

// Append opens a file for the runtime to write to, and makes it where there is none, for its owner alone. Where it holds
// something already, a line is added that divides that from what comes.
func Append(path string) (*os.File, error) {
	if err := regular(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := divide(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// divide adds the divider, unless nothing came since the last one.
func divide(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	last := make([]byte, min(size, int64(len(divider))))
	if _, err := f.ReadAt(last, size-int64(len(last))); err != nil || string(last) == divider {
		return err
	}
	_, err = f.WriteString(divider)
	return err
}

// Read returns the crashes in a file, oldest first. It reads the last [Most] bytes.
func Read(path string) ([]Report, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.NewSectionReader(f, max(0, size-Most-1), Most+1)) // with the byte before, which tells where a line begins
	if err != nil {
		return nil, err
	}
	return Parse(data), nil
}

// regular comes before opening, for to open a pipe is to wait for its other end.
func regular(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s", ErrIrregular, info.Mode().Type())
	}
	return nil
}
