// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTreeLimits(t *testing.T) {
	t.Parallel()
	doc, err := Contract{Name: "a", Version: "1.0.0"}.MarshalJSON()
	require.NoError(t, err)
	size := int64(len(doc))
	tree := fstest.MapFS{}
	for i := range 4 {
		tree[fmt.Sprintf("%d.json", i)] = &fstest.MapFile{Data: doc}
	}
	for _, tt := range []struct {
		name   string
		limits treeLimits
		read   int
		want   string
	}{
		{"within", treeLimits{4, size, 4 * size}, 4, ""},
		{"files", treeLimits{2, size, 4 * size}, 2, `baseline "2.json": there are more than 2 documents, and the others are not read`},
		{"bytes of a file", treeLimits{4, size - 1, 4 * size}, 0, fmt.Sprintf(`baseline "0.json": it is too long: at most %d bytes are read`, size-1)},
		{"bytes together", treeLimits{4, size, 2*size - 1}, 2, fmt.Sprintf(`baseline "1.json": the documents have more than %d bytes together, and the others are not read`, 2*size-1)},
	} {
		b := readBaselines(tree, time.Now(), tt.limits)
		read := 0
		for _, e := range b.byName["a"] {
			read += len(e.origins)
		}
		require.Equal(t, tt.read, read, tt.name)
		require.Contains(t, strings.Join(b.problems, "\n")+"\n", tt.want, tt.name)
		require.Equal(t, tt.want == "", len(b.problems) == 0, tt.name)
	}
	require.Equal(t, treeLimits{100_000, 64 << 20, 1 << 30}, defaultTreeLimits(), "as documented")
}

// Directories cannot be linked, as files cannot on some file systems.
func TestLinkWhereThereAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	temp, name := filepath.Join(dir, "temp"), filepath.Join(dir, "name")
	require.NoError(t, os.Mkdir(temp, 0o755))
	require.NoError(t, link(temp, name))
	require.DirExists(t, name)
	require.NoDirExists(t, temp)

	require.NoError(t, os.WriteFile(temp, nil, 0o644))
	require.ErrorIs(t, link(temp, name), fs.ErrExist)
	require.FileExists(t, temp, "it is the caller's to remove")
	require.ErrorIs(t, link(temp, filepath.Join(dir, "none", "name")), fs.ErrNotExist)
}

// Somebody else may publish between the look and the write.
func TestCreateAfterSomebodyElse(t *testing.T) {
	t.Parallel()
	c := Contract{Name: "a", Version: "1.0.0"}
	doc, err := c.MarshalJSON()
	require.NoError(t, err)
	f := baselineFile{contract: c, path: filepath.Join(t.TempDir(), "a", "1.0.0.json"), doc: indented(doc)}
	require.NoError(t, f.create())
	require.NoError(t, f.create(), "the same is there")
	other := f
	other.contract.Uses = []string{"disk"}
	require.ErrorIs(t, other.create(), ErrRepublished)
	stored, err := os.ReadFile(f.path)
	require.NoError(t, err)
	require.Equal(t, string(f.doc), string(stored))
	require.NoError(t, os.Remove(f.path))
	require.NoError(t, os.Mkdir(f.path, 0o755))
	require.Error(t, f.create())
}
