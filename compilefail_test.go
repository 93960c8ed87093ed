// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

const compileFailDir = "testdata/compilefail"

// goBuild builds one package of the main module with what is in the module cache.
func goBuild(t *testing.T, args ...string) (output string, err error) {
	cmd := exec.Command("go", append([]string{"build", "-buildvcs=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// wantedErrors reads what stands behind ERROR in the comments of a package, by file and line: a regular expression that the compiler's
// message for that line must match.
func wantedErrors(t *testing.T, dir string) map[string]string {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	wanted := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		lines := bufio.NewScanner(bytes.NewReader(data))
		for n := 1; lines.Scan(); n++ {
			if _, pattern, ok := strings.Cut(lines.Text(), "// ERROR "); ok {
				wanted[filepath.Base(file)+":"+strconv.Itoa(n)] = pattern
			}
		}
	}
	return wanted
}

// compileError is one message of the compiler: file, line, column, text.
var compileError = regexp.MustCompile(`^(?:.*[/\\])?([^/\\]+\.go):(\d+):\d+: (.*)$`)

// foundErrors are the compiler's messages by file and line.
func foundErrors(output string) map[string]string {
	found, last := map[string]string{}, ""
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if m := compileError.FindStringSubmatch(line); m != nil {
			last = m[1] + ":" + m[2]
			found[last] += m[3]
		} else if strings.HasPrefix(line, "\t") {
			found[last] += " " + strings.TrimSpace(line)
		}
	}
	return found
}

// What the type system promises: these mistakes are the compiler's to find, on the line where they are made, and nothing else is wrong.
func TestMistakesThatDoNotBuild(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir(compileFailDir)
	require.NoError(t, err)
	mistakes := 0
	for _, dir := range dirs {
		if dir.Name() == "control" {
			continue
		}
		mistakes++
		t.Run(dir.Name(), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(compileFailDir, dir.Name())
			wanted := wantedErrors(t, path)
			require.NotEmpty(t, wanted)
			output, err := goBuild(t, "-gcflags=-e", "./"+filepath.ToSlash(path))
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "it builds\n%s", output)
			found := foundErrors(output)
			for at, pattern := range wanted {
				require.Regexp(t, pattern, found[at], "%s\n%s", at, output)
				delete(found, at)
			}
			require.Empty(t, found, output)
		})
	}
	require.Equal(t, 6, mistakes)
}

// The same without a mistake builds and runs. Its types are in package main and its binary is no test, but the contract is
// that of the golden, whose types are elsewhere.
func TestControlBuildsAndHasTheGoldenContract(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "control.exe")
	output, err := goBuild(t, "-o", program, "./"+compileFailDir+"/control")
	require.NoError(t, err, output)
	require.Empty(t, wantedErrors(t, filepath.Join(compileFailDir, "control")))
	out, err := exec.Command(program).CombinedOutput()
	require.NoError(t, err, "%s", out)
	c, err := plugreg.ParseContract(goldenFiles(t)["thermometer"])
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf(".Sample\nconfig\ncontract\nplugin\n%v %v\n", c.ShapesDigest(), c.Digest()), string(out))
}
