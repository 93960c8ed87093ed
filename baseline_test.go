// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// gtFiles are the files below dir, with what they hold.
func gtFiles(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	}))
	return files
}

func gtNames(files map[string]string) (names []string) {
	for name := range files {
		names = append(names, name)
	}
	return names
}

func gtWrite(t testing.TB, path, data string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
}

func TestPublishBaseline(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "baselines")
	s := gtSnapshot(t, "b@1.0.0: A int", "a.b-c_d@1.0.0-rc.1+build.5: A int", "b@1.1.0: A int, B int")
	require.NoError(t, plugreg.PublishBaseline(dir, s))
	files := gtFiles(t, dir)
	require.ElementsMatch(t, []string{"a.b-c_d/1.0.0-rc.1.json", "b/1.0.0.json", "b/1.1.0.json"}, gtNames(files))
	for name, doc := range files {
		c, err := plugreg.ParseContract([]byte(doc))
		require.NoError(t, err)
		require.Contains(t, s.Contracts, c, name)
		require.Contains(t, doc, "\n  \"version\": ", "a key a line")
		require.True(t, strings.HasSuffix(doc, "\n}\n"))
	}
	info, err := os.Stat(filepath.Join(dir, "b", "1.0.0.json"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o644), info.Mode().Perm())
	require.Equal(t, plugreg.Compatible, plugreg.Gate(s, os.DirFS(dir), nil).Outcome, "what was published is the baseline of itself")

	more := gtSnapshot(t, "b@1.0.0: A int", "b@1.2.0: A int, B int")
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	require.NoError(t, os.Chtimes(filepath.Join(dir, "b", "1.0.0.json"), old, old))
	require.NoError(t, plugreg.PublishBaseline(dir, more))
	info, err = os.Stat(filepath.Join(dir, "b", "1.0.0.json"))
	require.NoError(t, err)
	require.True(t, old.Equal(info.ModTime()), "it is untouched")
	require.Len(t, gtFiles(t, dir), 4)
	require.NoError(t, plugreg.PublishBaseline(dir, plugreg.Snapshot{}))
	require.Len(t, gtFiles(t, dir), 4)
}

func TestPublishBaselineRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		have  map[string]string // path and spec
		specs []string
		is    error
		want  []string
	}{
		{"other content", map[string]string{"a/1.0.0.json": "a@1.0.0: A int", "b/1.0.0.json": "b@1.0.0: A int"}, []string{"a@1.0.0: B int", "b@1.0.0: B int", "c@1.0.0"}, plugreg.ErrRepublished,
			[]string{`plugin "a" 1.0.0: baseline: released version republished with another contract: "`, `1.0.0.json" has sha256:`, `plugin "b" 1.0.0: baseline: `, "give the changed plugin a new version"}},
		{"other metadata", map[string]string{"a/1.0.0.json": "a@1.0.0+x"}, []string{"a@1.0.0+y"}, plugreg.ErrRepublished, nil},
		{"what cannot be read", map[string]string{"a/1.0.0.json": ""}, []string{"a@1.0.0", "c@1.0.0"}, plugreg.ErrInvalid, []string{"cannot be read, and is not overwritten"}},
		{"names that differ in case", nil, []string{"Acme@1.0.0", "acme@2.0.0"}, plugreg.ErrInvalid, []string{`plugin "acme" 2.0.0: baseline: invalid: "Acme" is there, from which "acme" differs in case alone`}},
		{"versions that differ in case", nil, []string{"a@1.0.0-RC", "a@1.0.0-rc"}, plugreg.ErrInvalid, []string{`"a/1.0.0-RC.json" is there, from which "a/1.0.0-rc.json" differs`}},
		{"a stored name that differs in case", map[string]string{"Acme/1.0.0.json": "Acme@1.0.0"}, []string{"acme@2.0.0"}, plugreg.ErrInvalid, []string{`Acme" is there, from which "acme" differs`}},
		{"a stored version that differs in case", map[string]string{"a/1.0.0-RC.json": "a@1.0.0-RC"}, []string{"a@1.0.0-rc"}, plugreg.ErrInvalid, []string{`1.0.0-RC.json" is there, from which "1.0.0-rc.json" differs`}},
		{"a version twice", nil, []string{"a@1.0.0", "a@1.0.0"}, plugreg.ErrInvalid, []string{"the snapshot has the version twice"}},
		{"a version of many bytes", nil, []string{"a@1.0.0-" + strings.Repeat("x", 245), "b@1.0.0"}, plugreg.ErrInvalid, []string{"the version makes a file name of 256 bytes, and file systems take 255"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for path, spec := range tt.have {
				doc := "{"
				if spec != "" {
					c, err := gtSpec(t, spec).MarshalJSON()
					require.NoError(t, err)
					doc = string(c)
				}
				gtWrite(t, filepath.Join(dir, filepath.FromSlash(path)), doc)
			}
			before := gtFiles(t, dir)
			err := plugreg.PublishBaseline(dir, gtSnapshot(t, tt.specs...))
			require.ErrorIs(t, err, tt.is)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			require.Equal(t, before, gtFiles(t, dir), "nothing is stored")
		})
	}
}

// What a caller made up must not become a path.
func TestPublishBaselineOfNoNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []plugreg.Contract{{Name: "../x", Version: "1.0.0"}, {Name: "x", Version: "../1.0.0"}, {Name: "", Version: "1.0.0"}, {Name: "x", Version: "v1.0.0"}, {Name: "x", Version: "1.0.0", Uses: []string{"\xff"}}} {
		require.ErrorIs(t, plugreg.PublishBaseline(filepath.Join(dir, "sub"), plugreg.Snapshot{Contracts: []plugreg.Contract{c}}), plugreg.ErrInvalid)
	}
	require.Empty(t, gtFiles(t, dir))
}

func TestPublishBaselineWhereItCannot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gtWrite(t, filepath.Join(dir, "file"), "")
	require.ErrorIs(t, plugreg.PublishBaseline("", gtSnapshot(t, "a@1.0.0")), plugreg.ErrInvalid, "no path is no directory")
	require.Error(t, plugreg.PublishBaseline(filepath.Join(dir, "file"), gtSnapshot(t, "a@1.0.0")), "the directory is a file")
	gtWrite(t, filepath.Join(dir, "a"), "")
	require.Error(t, plugreg.PublishBaseline(dir, gtSnapshot(t, "a@1.0.0")), "the plugin's directory is a file")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "b", "1.0.0.json"), 0o755))
	require.Error(t, plugreg.PublishBaseline(dir, gtSnapshot(t, "b@1.0.0")), "the file is a directory")
	require.Len(t, gtFiles(t, dir), 2)
}

// Several processes may publish the same, and exactly one of several contracts of a version gets there.
func TestPublishBaselineAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := t.TempDir()
		specs := []string{"a@1.0.0: A int", "a@1.0.0: B int"}
		errs := make([]error, 8)
		var group sync.WaitGroup
		for i := range errs {
			s := gtSnapshot(t, specs[i%2])
			group.Go(func() { errs[i] = plugreg.PublishBaseline(dir, s) })
		}
		group.Wait()
		winner := gtFiles(t, dir)["a/1.0.0.json"]
		c, err := plugreg.ParseContract([]byte(winner))
		require.NoError(t, err)
		for i, err := range errs {
			if gtSpec(t, specs[i%2]).Digest() == c.Digest() {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, plugreg.ErrRepublished)
			}
		}
		require.Len(t, gtFiles(t, dir), 1, "nothing else is left")
	}
}

// A link to nowhere looks like a directory that is yet to be made, and cannot be made: the second of three files fails.
// What was stored before it stays: whoever published the same meanwhile found it stored, and relies on it.
func TestPublishBaselineTakesNothingAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "none", "none"), filepath.Join(dir, "b")); err != nil {
		t.Logf("no links here: %v", err)
		return
	}
	s := gtSnapshot(t, "a@1.0.0", "b@1.0.0", "c@1.0.0")
	require.Error(t, plugreg.PublishBaseline(dir, s))
	require.ElementsMatch(t, []string{"a/1.0.0.json", "b"}, gtNames(gtPresent(t, dir)), "each file is whole, and no temporary one is left")
	require.NoError(t, os.Remove(filepath.Join(dir, "b")))
	require.Equal(t, plugreg.Compatible, plugreg.Gate(gtSnapshot(t, "a@1.0.0"), os.DirFS(dir), nil).Outcome)
	require.NoError(t, plugreg.PublishBaseline(dir, s))
	require.Len(t, gtFiles(t, dir), 3)
}

// gtPresent is what there is below dir but for directories, also where it cannot be read.
func gtPresent(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			files[filepath.ToSlash(name)] = ""
		}
		return err
	}))
	return files
}

// Of publishers whose batches fail at different files none takes away what another one reported as stored.
func TestPublishBaselineWhereSomeFail(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := t.TempDir()
		if err := os.Symlink(filepath.Join(dir, "none", "none"), filepath.Join(dir, "z")); err != nil {
			t.Logf("no links here: %v", err)
			return
		}
		failing, passing := gtSnapshot(t, "a@1.0.0: A int", "b@1.0.0", "z@1.0.0"), gtSnapshot(t, "a@1.0.0: A int", "b@1.0.0")
		var group sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			group.Go(func() { errs[i] = plugreg.PublishBaseline(dir, []plugreg.Snapshot{failing, passing}[i%2]) })
		}
		group.Wait()
		for i, err := range errs {
			require.Equal(t, i%2 == 0, err != nil, "%v", err)
		}
		require.FileExists(t, filepath.Join(dir, "a", "1.0.0.json"))
		require.FileExists(t, filepath.Join(dir, "b", "1.0.0.json"))
	}
}
