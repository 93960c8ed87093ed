// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	kindKey = "CRASH_KIND"
	fileKey = "CRASH_FILE"
)

// odd is a value of a label with all that the runtime escapes, and with the end of a header.
const odd = "a\"b\\c\n\t\x01é😀]:\x7f}, \"plugin\": \"other\""

// forged is a panic's value that looks like the runtime's own text.
const forged = "first\n\ngoroutine 99 [running labels:{\"plugin\": \"other\"}]:\nother.f()\n\t/x.go:1\npanic: second\n[signal SIGSEGV]\nruntime stack:"

// deaths are the ways in which the victim dies, on a goroutine that is labelled where the kind does not say otherwise.
var deaths = map[string]func(){
	"panic":    func() { panic("boom") },
	"error":    func() { panic(errors.New(forged)) },
	"string":   func() { panic(text(forged)) },
	"repanic":  func() { defer func() { panic(recover()) }(); panic("one") },
	"replaced": func() { defer func() { _ = recover(); panic("two") }(); panic("one") },
	"chain":    func() { defer func() { panic("two\nlines") }(); panic("one") },
	"goexit":   func() { defer func() { panic("late") }(); runtime.Goexit() },
	"nested":   func() { panic(loud{}) },
	"nil":      func() { var p *int; *p = 1 },
	"map":      writeMap,
	"overflow": func() { debug.SetMaxStack(1 << 18); deeper(1 << 62) },
	"unlock":   func() { new(sync.Mutex).Unlock() },
	"throw":    func() { runtime.SetFinalizer(nil, nil) },
	"go nil":   func() { var f func(); go f() },
	"after":    afterSignal,
	"twins":    twins,
	"deadlock": func() { select {} },
	"exit":     func() { os.Exit(2) },
	"spin":     func() { os.Stdout.WriteString("spinning\n"); spin() },
}

// text is a type of which the runtime prints the name.
type text string

// loud panics while the runtime asks it what it is.
type loud struct{}

func (loud) Error() string { panic("inner") }

// deeper comes to the end of the stack before its own.
func deeper(n uint64) {
	if n > 0 {
		deeper(n - 1)
	}
	runtime.KeepAlive(n)
}

func spin() {
	for n := 0; ; n++ {
	}
}

func writeMap() {
	m := map[int]int{}
	write := func() {
		for {
			m[1]++
		}
	}
	go write()
	write()
}

// afterSignal has a signal in the goroutine's past when it dies of something else.
func afterSignal() {
	func() {
		defer func() { _ = recover() }()
		var p *int
		*p = 1
	}()
	new(sync.Mutex).Unlock()
}

// twins die both: the one waits in a deferred function until the other dies.
func twins() {
	dying := make(chan struct{})
	go func() {
		<-dying
		panic("one")
	}()
	defer close(dying)
	panic("two")
}

// die is the victim. A kind that begins with "host" dies on a goroutine without labels, while a labelled one is running.
func die(kind, path string) {
	f, err := Append(path)
	if err == nil {
		err = debug.SetCrashOutput(f, debug.CrashOptions{})
	}
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(9)
	}
	os.Setenv("GODEBUG", os.Getenv("GODEBUG")+",tracebacklabels=1")
	labelled := pprof.WithLabels(context.Background(), pprof.Labels("plugin", "csv", "version", "1.2.3", "odd", odd))
	if kind, ok := strings.CutPrefix(kind, "host "); ok {
		running := make(chan struct{})
		go pprof.Do(labelled, pprof.Labels(), func(context.Context) { close(running); spin() })
		<-running
		deaths[kind]()
	}
	go pprof.Do(labelled, pprof.Labels(), func(context.Context) { deaths[kind]() })
	select {}
}

// lastWords has a process die, and returns what it left.
func lastWords(t *testing.T, kind, level string) []byte {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	path := filepath.Join(t.TempDir(), "crash")
	cmd := exec.CommandContext(ctx, exe)
	cmd.Dir = t.TempDir() // for a core dump
	// Without preemption what spins is running still when another goroutine has died; writes of a map meet on several
	// processors alone.
	cmd.Env = append(os.Environ(), kindKey+"="+kind, fileKey+"="+path, "GOTRACEBACK="+level, "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=4")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	if kind == "spin" {
		_, err = io.ReadFull(stdout, make([]byte, len("spinning\n")))
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(syscall.SIGQUIT))
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit, stderr.String())
	require.NotEqual(t, 9, exit.ExitCode(), stderr.String())
	require.NoError(t, ctx.Err())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}
