// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// crasher is the program below internal/fixture, which ends itself.
type crasher string

// run runs the program to its end, with settings added to the environment.
func (c crasher) run(t *testing.T, env []string, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, string(c), args...)
	cmd.Dir = t.TempDir() // for a core dump
	// Writes of a map meet on several processors alone.
	cmd.Env = append(append(os.Environ(), "GODEBUG=", "GOTRACEBACK=single", "GOMAXPROCS=2"), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, ctx.Err(), "%s", stderr.Bytes())
	if err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// dies runs the program to its end, which the runtime brings about.
func (c crasher) dies(t *testing.T, env []string, args ...string) {
	t.Helper()
	code, out := c.run(t, env, args...)
	require.Equal(t, 2, code, out)
}

// crashOutcome is what the program says of one step with one plugin.
type crashOutcome struct {
	Step, Plugin, Version, Error string
	Disabled                     bool
}

// serves starts the program on a crash file. It returns what was refused, by plugin, version and step, and asserts that
// everything else went well.
func (c crasher) serves(t *testing.T, file string) (refused map[string]string) {
	t.Helper()
	code, out := c.run(t, nil, "serve", file)
	require.Zero(t, code, out)
	refused = map[string]string{}
	for line := range strings.Lines(out) {
		var o crashOutcome
		require.NoError(t, json.Unmarshal([]byte(line), &o), line)
		require.Equal(t, o.Error != "", o.Disabled, "%s", line)
		if o.Error != "" {
			refused[o.Plugin+" "+o.Version+" "+o.Step] = o.Error
		}
	}
	require.Equal(t, 9-2*crashOpens(refused), strings.Count(out, "\n"), "three plugins, three steps each\n%s", out)
	return refused
}

// crashOpens counts refused mounts, which no call follows.
func crashOpens(refused map[string]string) (n int) {
	for step := range refused {
		if strings.HasSuffix(step, " open") {
			n++
		}
	}
	return n
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "crasher.exe") // the suffix does no harm where it is not needed
	output, err := goBuild(t, "-o", program, "./internal/fixture/crasher")
	require.NoError(t, err, output)
	c := crasher(program)
	for _, tt := range []struct {
		name string
		test func(t *testing.T, c crasher)
	}{
		{"attributed", testCrashesAreAttributed},
		{"seen at every level", testCrashesAtEveryLevel},
		{"host", testCrashOfTheHost},
		{"exit", testExitLeavesNoCrash},
		{"two versions, one after the other", testCrashesOfTwoVersions},
		{"another registry's", testCrashOfAnotherRegistry},
		{"crash file that is none", testCrashFileThatIsNone},
		{"stopped", testCrashAfterStop},
		{"replaced", testCrashWithAnotherFile},
		{"GODEBUG", testCrashSetting},
		{"no rights", testCrashFileWithoutRights},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, c)
		})
	}
}

// A plugin ends the process on a goroutine that no sandbox knows of. The next process knows whose it was.
func testCrashesAreAttributed(t *testing.T, c crasher) {
	boom := "panic: boom\n\tin two lines"
	for _, tt := range []struct{ kind, phase, reason, stack string }{
		{"panic", "", boom, "main.crash("},
		{"inline", "", boom, "main.crash("},
		{"env.Go", "", boom, "main.crash("},
		{"nested", "", boom, "main.crash("},
		{"construct", "construct", boom, "main.crash("},
		{"init", "init", boom, "main.crash("},
		{"probe", "probe", boom, "main.crash("},
		{"map", "", "fatal error in internal/runtime/maps.fatal", "main.writeMap"},
		{"overflow", "", "fatal error in main.deeper", "main.deeper("},
		{"unlock", "", "fatal error in internal/sync.fatal", "sync.(*Mutex).Unlock("},
		{"nil", "", "panic: runtime error: invalid memory address or nil pointer dereference\n[signal ", "main.init.func"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "crash")
			require.Empty(t, c.serves(t, file), "before, there is no file")
			c.dies(t, nil, "die", tt.kind, "1.1.0", file)

			crash, err := plugreg.ReadCrash(file)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(crash.Reason, tt.reason), crash.Reason)
			require.Contains(t, crash.Stack, tt.stack)
			crash.Reason, crash.Stack = "", ""
			require.Equal(t, plugreg.Crash{Registry: "sinks", Plugin: "csv", Version: "1.1.0", Phase: tt.phase}, crash)

			step := "csv 1.1.0 do"
			if tt.phase != "" { // to start it again would be to die again
				step = "csv 1.1.0 open"
			}
			for range 2 { // until the file is gone
				refused := c.serves(t, file)
				require.Len(t, refused, 1, "%v", refused)
				require.Contains(t, refused[step], file)
				line, _, _ := strings.Cut(tt.reason, "\n")
				require.Contains(t, refused[step], line)
			}
			require.NoError(t, os.Remove(file))
			require.Empty(t, c.serves(t, file))
		})
	}
}

func testCrashesAtEveryLevel(t *testing.T, c crasher) {
	for _, tt := range []struct{ level, plugin string }{{"none", ""}, {"single", "csv"}, {"all", "csv"}, {"system", "csv"}} {
		t.Run(tt.level, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "crash")
			c.dies(t, []string{"GOTRACEBACK=" + tt.level}, "die", "panic", "1.1.0", file)
			crash, err := plugreg.ReadCrash(file)
			require.NoError(t, err)
			require.Equal(t, tt.plugin, crash.Plugin)
			require.Equal(t, "panic: boom\n\tin two lines", crash.Reason)
			require.Len(t, c.serves(t, file), len(tt.plugin)/3)
		})
	}
}

func testCrashOfTheHost(t *testing.T, c crasher) {
	file := filepath.Join(t.TempDir(), "crash")
	c.dies(t, nil, "host", file)
	crash, err := plugreg.ReadCrash(file)
	require.NoError(t, err)
	require.Contains(t, crash.Stack, "main.dieAsHost(")
	crash.Stack = ""
	require.Equal(t, plugreg.Crash{Reason: "panic: the host's own"}, crash)
	require.Empty(t, c.serves(t, file), "nobody is to blame")
	if runtime.GOOS != "windows" {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	}
}

func testExitLeavesNoCrash(t *testing.T, c crasher) {
	file := filepath.Join(t.TempDir(), "crash")
	code, _ := c.run(t, nil, "die", "exit", "1.1.0", file)
	require.Equal(t, 3, code)
	_, err := plugreg.ReadCrash(file)
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.Empty(t, c.serves(t, file))
}

// The file is appended to: who died first is not forgotten for who died last.
func testCrashesOfTwoVersions(t *testing.T, c crasher) {
	file := filepath.Join(t.TempDir(), "crash")
	c.dies(t, nil, "die", "construct", "1.1.0", file)
	c.dies(t, nil, "die", "map", "1.0.0", file)
	c.dies(t, nil, "host", file)
	crash, err := plugreg.ReadCrash(file)
	require.NoError(t, err)
	require.Equal(t, "panic: the host's own", crash.Reason)
	refused := c.serves(t, file)
	require.Len(t, refused, 2, "%v", refused)
	require.Contains(t, refused["csv 1.0.0 do"], "fatal error in internal/runtime/maps.fatal")
	require.Contains(t, refused["csv 1.1.0 open"], "panic: boom")
}

// A name means what it means in its registry.
func testCrashOfAnotherRegistry(t *testing.T, c crasher) {
	file := filepath.Join(t.TempDir(), "crash")
	c.dies(t, nil, "die", "panic", "1.1.0", file)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data = bytes.ReplaceAll(data, []byte(`"registry": "sinks"`), []byte(`"registry": "others"`))
	require.NoError(t, os.WriteFile(file, data, 0o600))
	crash, err := plugreg.ReadCrash(file)
	require.NoError(t, err)
	require.Equal(t, []string{"others", "csv"}, []string{crash.Registry, crash.Plugin})
	require.Empty(t, c.serves(t, file))
}

func testCrashFileThatIsNone(t *testing.T, c crasher) {
	dir := t.TempDir()
	file := filepath.Join(dir, "crash")
	require.NoError(t, os.WriteFile(file, []byte("a list of things\npanic: none of them\n- tea\n\ngoroutine 1 [running]\n"), 0o600))
	_, err := plugreg.ReadCrash(file)
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	require.Empty(t, c.serves(t, file))

	code, out := c.run(t, nil, "serve", dir)
	require.Equal(t, 1, code)
	require.Contains(t, out, "CrashFile")
	require.Contains(t, out, "want a regular file")
	code, out = c.run(t, nil, "die", "panic", "1.1.0", dir)
	require.Equal(t, 1, code)
	require.Contains(t, out, "want a regular file")
}

func testCrashAfterStop(t *testing.T, c crasher) {
	file := filepath.Join(t.TempDir(), "crash")
	c.dies(t, nil, "stopped", file)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, data)
}

func testCrashWithAnotherFile(t *testing.T, c crasher) {
	file := filepath.Join(t.TempDir(), "crash")
	c.dies(t, nil, "replaced", file)
	_, err := plugreg.ReadCrash(file)
	require.ErrorIs(t, err, plugreg.ErrNotFound)
	crash, err := plugreg.ReadCrash(file + ".2")
	require.NoError(t, err)
	require.Equal(t, "panic: elsewhere", crash.Reason)
}

// What the operator has set in GODEBUG stays, and the setting is added once.
func testCrashSetting(t *testing.T, c crasher) {
	for _, tt := range []struct{ name, before, after string }{
		{"nothing", "", "tracebacklabels=1"},
		{"others", "gctrace=0,http2client=0", "gctrace=0,http2client=0,tracebacklabels=1"},
		{"the same", "tracebacklabels=1,http2client=0", "tracebacklabels=1,http2client=0"},
		{"the opposite", "tracebacklabels=0", "tracebacklabels=0,tracebacklabels=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "crash")
			env := []string{"GODEBUG=" + tt.before}
			code, out := c.run(t, env, "setting", file)
			require.Zero(t, code, out)
			require.Equal(t, `"`+tt.before+"\"\n"+strings.Repeat(`"`+tt.after+"\"\n", 2), out)
			c.dies(t, env, "die", "panic", "1.0.0", file)
			crash, err := plugreg.ReadCrash(file)
			require.NoError(t, err)
			require.Equal(t, "1.0.0", crash.Version, "it is in force")
		})
	}
}

func testCrashFileWithoutRights(t *testing.T, c crasher) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // the program may become somebody else
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o444))
	for name, mode := range map[string]fs.FileMode{"directory": 0o555, "open": 0o777} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o777))
		require.NoError(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	code, out := c.run(t, nil, "powerless", dir)
	require.Zero(t, code, out)
	said := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, said, 3)
	require.Regexp(t, `^crash file ".*file": open .*: (permission denied|Access is denied\.)`, said[0])
	if runtime.GOOS != "windows" { // where directories do not mind
		require.Regexp(t, `^crash file ".*directory/file": open .*: permission denied$`, said[1])
	}
	require.Equal(t, "<nil>", said[2])
}

// Not parallel: the setting and the crash output are the process's.
func TestWatchCrashes(t *testing.T) {
	t.Setenv("GODEBUG", "http2client=0")
	dir := t.TempDir()
	for _, tt := range []struct {
		name, path string
		want       error
	}{
		{"directory", dir, plugreg.ErrInvalid},
		{"device", os.DevNull, plugreg.ErrInvalid},
		{"missing directory", filepath.Join(dir, "missing", "crash"), fs.ErrNotExist},
		{"no path", "", fs.ErrNotExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stop, err := plugreg.WatchCrashes(tt.path)
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, "crash file ")
			require.Nil(t, stop)
			require.Equal(t, "http2client=0", os.Getenv("GODEBUG"), "nothing was changed")
		})
	}
	file := filepath.Join(dir, "crash")
	stop, err := plugreg.WatchCrashes(file)
	require.NoError(t, err)
	require.Equal(t, "http2client=0,tracebacklabels=1", os.Getenv("GODEBUG"))
	require.NoError(t, stop())
	require.NoError(t, stop())
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, data)
	require.NoError(t, os.Remove(file), "nobody holds it")
}

func TestReadCrashFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := plugreg.ReadCrash(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = plugreg.ReadCrash(dir)
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.ErrorContains(t, err, "want a regular file")

	// A registry takes a missing file for none, and refuses what cannot be one.
	_, err = plugreg.New[io.Closer](plugreg.Config{CrashFile: filepath.Join(dir, "missing")})
	require.NoError(t, err)
	_, err = plugreg.New[io.Closer](plugreg.Config{CrashFile: dir})
	require.ErrorIs(t, err, plugreg.ErrInvalid)
	require.Equal(t, "INVALID", plugreg.CodeOf(err))
}
