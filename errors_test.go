// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

var sentinels = map[string]error{
	"INVALID": plugreg.ErrInvalid, "DUPLICATE": plugreg.ErrDuplicate, "REPUBLISHED": plugreg.ErrRepublished, "SEALED": plugreg.ErrSealed,
	"NOT_FOUND": plugreg.ErrNotFound, "CLOSED": plugreg.ErrClosed, "MOUNTED": plugreg.ErrMounted, "UNTRUSTED": plugreg.ErrUntrusted,
	"DEPENDENCY": plugreg.ErrDependency, "REENTRANT": plugreg.ErrReentrant, "STRANDED": plugreg.ErrStranded, "CONTRACT": plugreg.ErrContract,
	"GOEXIT": plugreg.ErrGoexit, "SATURATED": plugreg.ErrSaturated, "CANCELED": context.Canceled, "DEADLINE": context.DeadlineExceeded,
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	require.Empty(t, plugreg.CodeOf(nil))
	require.Equal(t, "ERROR", plugreg.CodeOf(errShelf))
	require.Equal(t, "ERROR", plugreg.CodeOf(io.EOF))
	require.Equal(t, "INVALID", plugreg.CodeOf(&plugreg.PluginError{Field: "x"}))
	require.Equal(t, "ERROR", plugreg.CodeOf(&plugreg.PluginError{Field: "x", Err: io.EOF}))
	byType := map[string]error{"PANIC": &plugreg.PanicError{Value: plugreg.ErrNotFound}, "TIMEOUT": &plugreg.TimeoutError{}}
	for _, all := range []map[string]error{sentinels, byType} {
		for code, err := range all {
			for _, form := range []error{
				err, fmt.Errorf("wrapped: %w", err), fmt.Errorf("twice: %w", fmt.Errorf("wrapped: %w", err)),
				errors.Join(io.EOF, err), fmt.Errorf("%w and %w", io.EOF, err), &plugreg.PluginError{Field: "x", Err: err},
			} {
				require.Equal(t, code, plugreg.CodeOf(form), "%v", form)
			}
			require.Equal(t, "ERROR", plugreg.CodeOf(errors.New(err.Error())), "texts do not count")
		}
	}
	for code, err := range sentinels { // a panic decides before all else, a timeout before the sentinels
		require.Equal(t, "PANIC", plugreg.CodeOf(errors.Join(err, byType["TIMEOUT"], byType["PANIC"])), code)
		require.Equal(t, "TIMEOUT", plugreg.CodeOf(errors.Join(err, byType["TIMEOUT"])), code)
	}
}

// The most specific sentinel decides, whatever the order in an error.
func TestCodeOfSeveral(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code string
		errs []error
	}{
		{"DEPENDENCY", []error{plugreg.ErrNotFound, plugreg.ErrDependency, plugreg.ErrClosed}},
		{"REENTRANT", []error{plugreg.ErrDependency, plugreg.ErrReentrant}},
		{"UNTRUSTED", []error{plugreg.ErrDependency, plugreg.ErrUntrusted}},
		{"CONTRACT", []error{plugreg.ErrInvalid, plugreg.ErrContract}},
		{"STRANDED", []error{context.DeadlineExceeded, plugreg.ErrStranded}},
		{"CLOSED", []error{context.Canceled, plugreg.ErrClosed}},
		{"REPUBLISHED", []error{plugreg.ErrInvalid, plugreg.ErrRepublished}},
		{"DUPLICATE", []error{plugreg.ErrRepublished, plugreg.ErrDuplicate}},
	} {
		require.Equal(t, tt.code, plugreg.CodeOf(errors.Join(tt.errs...)))
		for i, j := 0, len(tt.errs)-1; i < j; i, j = i+1, j-1 {
			tt.errs[i], tt.errs[j] = tt.errs[j], tt.errs[i]
		}
		require.Equal(t, tt.code, plugreg.CodeOf(errors.Join(tt.errs...)))
	}
}

func TestPluginErrorText(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]plugreg.PluginError{
		`Config: want x`: {Field: "Config", Want: "x"},
		`plugin "a" 1.2.3-rc.1+b: Name: want x, have y (do z)`:   {Plugin: "a", Version: "1.2.3-rc.1+b", Field: "Name", Want: "x", Have: "y", Fix: "do z"},
		`plugin "a": Name: have y`:                               {Plugin: "a", Field: "Name", Have: "y"},
		`plugin "" 1: Name: have y`:                              {Version: "1", Field: "Name", Have: "y"},
		`plugin "a": Name: EOF; want x, have y`:                  {Plugin: "a", Field: "Name", Want: "x", Have: "y", Err: io.EOF},
		`plugin "a": Name: EOF; have y (do z)`:                   {Plugin: "a", Field: "Name", Have: "y", Fix: "do z", Err: io.EOF},
		`plugin "a": Name: EOF (do z)`:                           {Plugin: "a", Field: "Name", Fix: "do z", Err: io.EOF},
		`Name: EOF`:                                              {Field: "Name", Err: io.EOF},
		`plugin "a\nb" "1\n2": Name`:                             {Plugin: "a\nb", Version: "1\n2", Field: "Name"},
		`plugin "a" "1.0.0 plugin \"b\"": Name`:                  {Plugin: "a", Version: `1.0.0 plugin "b"`, Field: "Name"},
		`plugin "a" "\x1b[31m": Name`:                            {Plugin: "a", Version: "\x1b[31m", Field: "Name"},
		`plugin "` + strings.Repeat("a", 160) + `…" 1.0.0: Name`: {Plugin: strings.Repeat("a", 200), Version: "1.0.0", Field: "Name"},
		`plugin "a" "` + strings.Repeat("1", 160) + `…": Name`:   {Plugin: "a", Version: strings.Repeat("1", 200), Field: "Name"},
		`Name: have ` + strings.Repeat("ö", 512) + `…`:           {Field: "Name", Have: strings.Repeat("ö", 2000)},
	} {
		require.Equal(t, want, e.Error())
		require.True(t, utf8.ValidString(e.Error()))
	}
}

func TestPluginErrorMatches(t *testing.T) {
	t.Parallel()
	e := &plugreg.PluginError{Field: "x"}
	require.ErrorIs(t, e, plugreg.ErrInvalid)
	e.Err = fmt.Errorf("%w: %w", plugreg.ErrDependency, io.EOF)
	require.NotErrorIs(t, e, plugreg.ErrInvalid)
	require.ErrorIs(t, e, plugreg.ErrDependency)
	require.ErrorIs(t, e, io.EOF)
}

func TestPanicError(t *testing.T) {
	t.Parallel()
	wrapped := &plugreg.PanicError{Plugin: "acme", Version: "1.0.0", Operation: "call", Value: fmt.Errorf("x: %w", io.EOF)}
	require.EqualError(t, wrapped, `plugin "acme" 1.0.0: panic in call: x: EOF`)
	require.ErrorIs(t, wrapped, io.EOF)
	require.Empty(t, wrapped.Stack(), "no sandbox made it")
	plain := &plugreg.PanicError{Value: 42}
	require.NoError(t, plain.Unwrap())
	require.EqualError(t, plain, `panic in : 42`)
	lines := &plugreg.PanicError{Plugin: "acme", Operation: "call", Value: "two\nlines\x1b[31m"}
	require.EqualError(t, lines, `plugin "acme": panic in call: "two\nlines\x1b[31m"`)
	long := &plugreg.PanicError{Value: strings.Repeat("ö", 1<<20)}
	require.Less(t, len(long.Error()), 1100)
	require.True(t, utf8.ValidString(long.Error()))
	require.EqualError(t, &plugreg.PanicError{Value: textFault(func() string { panic("twice") })}, `panic in : %!v(PANIC=Error method: twice)`)
}

//go:noinline
func panicDeep(v any) { panic(v) }

//go:noinline
func dereference(p *int) int { return *p }

//go:noinline
func panicAgain() {
	defer func() {
		recover()
		panic("again")
	}()
	panicDeep("first")
}

func TestStackBeginsWhereThePanicWas(t *testing.T) {
	t.Parallel()
	s, err := plugreg.NewSandbox("acme", plugreg.SandboxConfig{Breaker: unbroken()})
	require.NoError(t, err)
	var list []int
	table := map[bool]map[string]int{}
	for name, tt := range map[string]struct {
		call  func()
		first string
	}{
		"panic":       {func() { panicDeep("x") }, "plugreg_test.panicDeep"},
		"nil panic":   {func() { panicDeep(nil) }, "plugreg_test.panicDeep"},
		"dereference": {func() { dereference(nil) }, "plugreg_test.dereference"},
		"index":       {func() { _ = list[len(list)] }, "plugreg_test.TestStackBeginsWhereThePanicWas"},
		"nil map":     {func() { table[true]["x"] = 1 }, "plugreg_test.TestStackBeginsWhereThePanicWas"},
		"again":       {panicAgain, "plugreg_test.panicAgain.func1"},
		"library":     {func() { _ = strings.Repeat("x", -1) }, "strings.Repeat"},
	} {
		for _, run := range []func(context.Context, func(context.Context) error) error{s.Run, s.RunInline} {
			e, ok := errors.AsType[*plugreg.PanicError](run(context.Background(), func(context.Context) error { tt.call(); return nil }))
			require.True(t, ok, name)
			require.Equal(t, "acme", e.Plugin)
			stack := e.Stack()
			top, _, _ := strings.Cut(stack, "\n")
			require.Contains(t, top, tt.first, "%s:\n%s", name, stack)
			require.Contains(t, stack, "errors_test.go:", name)
			require.Equal(t, stack, e.Stack())
		}
	}
	require.NoError(t, s.Close(context.Background()))
}

func TestPanicOfARuntimeError(t *testing.T) {
	t.Parallel()
	s, err := plugreg.NewSandbox("acme", plugreg.SandboxConfig{})
	require.NoError(t, err)
	err = s.Run(context.Background(), func(context.Context) error { dereference(nil); return nil })
	require.ErrorContains(t, err, "nil pointer dereference")
	re, ok := errors.AsType[runtime.Error](err)
	require.True(t, ok, "the value of the panic is an error that can be found")
	require.ErrorContains(t, re, "nil pointer")
	err = s.Run(context.Background(), func(context.Context) error { panic(nil) })
	_, ok = errors.AsType[*runtime.PanicNilError](err)
	require.True(t, ok)
}

func TestTimeoutError(t *testing.T) {
	t.Parallel()
	e := &plugreg.TimeoutError{Plugin: "acme", Version: "1.0.0", Operation: "call", After: 1500 * time.Millisecond}
	require.EqualError(t, e, `plugin "acme" 1.0.0: call took longer than 1.5s`)
	e.Abandoned = true
	require.EqualError(t, e, `plugin "acme" 1.0.0: call took longer than 1.5s and still runs`)
	require.ErrorIs(t, e, context.DeadlineExceeded)
	require.NotErrorIs(t, e, context.Canceled)
	require.True(t, e.Timeout())
	n, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](fmt.Errorf("x: %w", e))
	require.True(t, ok)
	require.True(t, n.Timeout())
	require.NotErrorIs(t, e, net.ErrClosed)
	synctest.Test(t, func(t *testing.T) {
		s, err := plugreg.NewSandbox("acme", plugreg.SandboxConfig{Timeout: time.Second})
		require.NoError(t, err)
		hang := make(chan struct{})
		e, ok := errors.AsType[*plugreg.TimeoutError](s.Run(context.Background(), func(context.Context) error { <-hang; return nil }))
		require.True(t, ok)
		require.Equal(t, plugreg.TimeoutError{Plugin: "acme", Operation: "call", After: time.Second, Abandoned: true}, *e)
		close(hang)
		require.NoError(t, s.Close(context.Background()))
	})
}
