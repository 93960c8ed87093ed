// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// add writes to a crash file as a process does.
func add(t *testing.T, path string, data []byte) {
	t.Helper()
	f, err := Append(path)
	require.NoError(t, err)
	_, err = f.Write(data)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "crash")
	_, err := Read(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	add(t, path, nil)
	add(t, path, nil)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Size(), "processes that did not die leave nothing")
	if runtime.GOOS != "windows" {
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	}
	found, err := Read(path)
	require.NoError(t, err)
	require.Empty(t, found)

	first, second := golden(t, "panic"), golden(t, "map")
	add(t, path, first[:8]) // "panic: b"
	for range 3 {
		add(t, path, nil)
	}
	add(t, path, second)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(first[:8])+divider+string(second), string(data), "divided once")
	found, err = Read(path)
	require.NoError(t, err)
	require.Equal(t, Parse(second), found)
}

func TestShortFileIsDivided(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "crash")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	add(t, path, nil)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "x"+divider, string(data))
}

func TestOnlyTheEndIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "crash")
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	data := append(golden(t, "panic"), bytes.Repeat(line, Most/len(line))...)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	found, err := Read(path)
	require.NoError(t, err)
	require.Empty(t, found)
	add(t, path, golden(t, "map"))
	found, err = Read(path)
	require.NoError(t, err)
	require.Equal(t, Parse(golden(t, "map")), found)
}

func TestFilesThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Append(dir)
	require.ErrorIs(t, err, ErrIrregular)
	_, err = Read(dir)
	require.ErrorIs(t, err, ErrIrregular)
	_, err = Append(filepath.Join(dir, "missing", "crash"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Append(filepath.Join(dir, "a\x00b"))
	require.Error(t, err)
	_, err = Append("")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Read("")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, regular(os.DevNull), ErrIrregular)
}

// A file that is closed stands for a disk that fails.
func TestDivideReportsWhatFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "crash")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	require.Error(t, divide(f), "it cannot be written to")
	require.NoError(t, f.Close())
	require.ErrorIs(t, divide(f), os.ErrClosed)
}
