// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// jsonLog collects what is logged as JSON.
type jsonLog struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (j *jsonLog) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *jsonLog) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: level, AddSource: true}))
}

// take returns the records so far and forgets them.
func (j *jsonLog) take(t *testing.T) (records []map[string]any) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for d := json.NewDecoder(&j.buf); d.More(); {
		var r map[string]any
		require.NoError(t, d.Decode(&r))
		records = append(records, r)
	}
	j.buf.Reset()
	return records
}

// phases are the phases that records are of, in order.
func phasesOf(records []map[string]any) (names []any) {
	for _, r := range records {
		names = append(names, r["phase"])
	}
	return names
}

type traceKey struct{}

func traced(ctx context.Context) string { id, _ := ctx.Value(traceKey{}).(string); return id }

func TestLogHooksWriteFixedKeys(t *testing.T) {
	t.Parallel()
	var j jsonLog
	r := newLibraries(t, plugreg.Config{Name: "shelves", Hooks: plugreg.LogHooks(j.logger(slog.LevelDebug), plugreg.LogOptions{TraceID: traced, Calls: true})})
	p := shelfPlugin("acme", "1.0.0")
	p.Exports = map[string]any{"len": func(s string) int { return len(s) }}
	r.MustRegister(p)
	h := openLibrary(t, r, "acme")
	require.Equal(t, []any{"resolve", "construct"}, phasesOf(j.take(t)))

	basic := []string{"duration", "level", "mount", "msg", "operation", "plugin", "registry", "time", "version"}
	failed := slices.Sorted(slices.Values(append([]string{"error", "error_code", "trace_id"}, basic...)))
	ctx := context.WithValue(context.Background(), traceKey{}, "trace 1")
	require.NoError(t, h.Do(context.Background(), func(context.Context, library) error { return nil }))
	require.Equal(t, errShelf, h.Do(ctx, func(context.Context, library) error { return errShelf }))
	require.Error(t, h.DoInline(ctx, func(context.Context, library) error { panic("no") }))
	require.NoError(t, plugreg.DoExport(ctx, h, "len", func(context.Context, func(string) int) error { return nil }))
	records := j.take(t)
	require.Len(t, records, 4)
	require.Equal(t, basic, slices.Sorted(maps.Keys(records[0])), "an empty trace id is left out")
	require.Equal(t, failed, slices.Sorted(maps.Keys(records[1])))
	require.Equal(t, failed, slices.Sorted(maps.Keys(records[2])))
	for i, want := range []map[string]any{
		{"level": "DEBUG", "operation": "call"},
		{"level": "WARN", "operation": "call", "error_code": "ERROR", "error": "the plugin's own", "trace_id": "trace 1"},
		{"level": "WARN", "operation": "call", "error_code": "PANIC", "error": `plugin "acme" 1.0.0: panic in call: no`, "trace_id": "trace 1"},
		{"level": "DEBUG", "operation": "len", "trace_id": "trace 1"},
	} {
		maps.Copy(want, map[string]any{"msg": "plugin call", "registry": "shelves", "plugin": "acme", "version": "1.0.0", "mount": 1.0})
		for key, v := range want {
			require.Equal(t, v, records[i][key], "%d: %s", i, key)
		}
		require.GreaterOrEqual(t, records[i]["duration"], 0.0)
	}
}

func TestLogHooksWriteFailuresUnlessAskedForMore(t *testing.T) {
	t.Parallel()
	var j jsonLog
	ctx := context.Background()
	r := newLibraries(t, plugreg.Config{Hooks: plugreg.LogHooks(j.logger(slog.LevelDebug), plugreg.LogOptions{})})
	r.MustRegister(stepPlugin("bad", func() (library, error) { return &stepShelf{probe: func() error { return errShelf }}, nil }))
	registerVersions(t, r, "acme", "1.0.0")
	h := openLibrary(t, r, "acme")
	require.Equal(t, []any{"resolve", "construct"}, phasesOf(j.take(t)))
	require.NoError(t, h.Do(ctx, func(context.Context, library) error { return nil }))
	require.NoError(t, h.DoInline(ctx, func(context.Context, library) error { return nil }))
	require.Empty(t, j.take(t), "calls that succeed")
	require.Error(t, h.DoInline(ctx, func(context.Context, library) error { return errShelf }))
	require.Len(t, j.take(t), 1)

	_, err := r.Open(ctx, "bad", "", nil)
	require.Error(t, err)
	records := j.take(t)
	require.Equal(t, []any{"resolve", "construct", "init", "probe", "drain", "close"}, phasesOf(records))
	for _, rec := range records {
		require.Equal(t, "plugin phase", rec["msg"])
		want := "DEBUG"
		if rec["phase"] == "probe" {
			want = "WARN"
			require.Equal(t, "ERROR", rec["error_code"])
		}
		require.Equal(t, want, rec["level"])
		require.NotContains(t, rec, "operation")
		require.Equal(t, "bad", rec["plugin"], "%v", rec["phase"])
	}
	_, err = r.Open(ctx, "unknown", "", nil)
	require.Error(t, err)
	records = j.take(t)
	require.Len(t, records, 1)
	require.Equal(t, "unknown", records[0]["plugin"])
	require.Equal(t, "", records[0]["version"])
	require.Equal(t, "NOT_FOUND", records[0]["error_code"])
	require.Equal(t, 0.0, records[0]["mount"])

	r.SetHooks(plugreg.LogHooks(j.logger(slog.LevelWarn), plugreg.LogOptions{Calls: true}))
	require.NoError(t, h.Do(ctx, func(context.Context, library) error { return nil }))
	require.NoError(t, h.Close(ctx))
	require.Empty(t, j.take(t), "the logger's level counts")
}

func TestLogHooksWriteLateResults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var j jsonLog
		r := newLibraries(t, plugreg.Config{Hooks: plugreg.LogHooks(j.logger(slog.LevelInfo), plugreg.LogOptions{TraceID: traced})})
		registerVersions(t, r, "acme", "1.0.0")
		h := openLibrary(t, r, "acme")
		ctx := context.WithValue(context.Background(), traceKey{}, "trace 2")
		for _, late := range []error{nil, errShelf} {
			release := make(chan struct{})
			err := h.Do(ctx, func(context.Context, library) error { <-release; return late })
			require.ErrorIs(t, err, context.DeadlineExceeded)
			records := j.take(t)
			require.Len(t, records, 1)
			require.Equal(t, "TIMEOUT", records[0]["error_code"])
			require.NotContains(t, records[0], "late")
			require.EqualValues(t, 30*time.Second, records[0]["duration"])
			<-time.After(time.Second)
			close(release)
			synctest.Wait()
			records = j.take(t)
			require.Len(t, records, 1)
			require.Equal(t, true, records[0]["late"])
			require.Equal(t, "WARN", records[0]["level"])
			require.Equal(t, "trace 2", records[0]["trace_id"])
			require.EqualValues(t, 31*time.Second, records[0]["duration"])
			if late == nil {
				require.NotContains(t, records[0], "error_code", "it succeeded, too late")
			} else {
				require.Equal(t, "ERROR", records[0]["error_code"])
			}
		}
	})
}

func TestLogHooksWriteLatePhases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var j jsonLog
		r := newLibraries(t, plugreg.Config{Hooks: plugreg.LogHooks(j.logger(slog.LevelInfo), plugreg.LogOptions{})})
		release := make(chan struct{})
		p := shelfPlugin("acme", "1.0.0")
		p.New = func(context.Context, *plugreg.Env) (library, error) { <-release; return new(shelf), nil }
		r.MustRegister(p)
		_, err := r.Open(context.Background(), "acme", "", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		synctest.Wait()
		records := j.take(t)
		require.Equal(t, []any{"construct", "construct"}, phasesOf(records))
		require.Equal(t, []any{nil, true}, []any{records[0]["late"], records[1]["late"]})
		for _, rec := range records {
			require.Equal(t, "plugin phase", rec["msg"])
			require.Equal(t, "WARN", rec["level"])
			require.NotContains(t, rec, "operation")
		}
		require.Equal(t, "TIMEOUT", records[0]["error_code"])
	})
}

// The default logger is the process's, so this test runs alone.
func TestLogHooksWithoutALogger(t *testing.T) {
	var j jsonLog
	before, out, flags := slog.Default(), log.Writer(), log.Flags()
	defer func() { // package log was sent to the new default too
		slog.SetDefault(before)
		log.SetOutput(out)
		log.SetFlags(flags)
	}()
	r := newLibraries(t, plugreg.Config{Hooks: plugreg.LogHooks(nil, plugreg.LogOptions{})})
	registerVersions(t, r, "acme", "1.0.0")
	h := openLibrary(t, r, "acme")
	slog.SetDefault(j.logger(slog.LevelWarn)) // taken at each record
	require.Error(t, h.DoInline(context.Background(), func(context.Context, library) error { return errShelf }))
	records := j.take(t)
	require.Len(t, records, 1)
	require.Equal(t, "acme", records[0]["plugin"])
}

// brokenHandler is a host's handler that panics.
type brokenHandler struct{ slog.Handler }

func (brokenHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (brokenHandler) Handle(context.Context, slog.Record) error { panic("disk full") }
func (brokenHandler) WithAttrs([]slog.Attr) slog.Handler        { panic("disk full") }

func TestBrokenLoggerHarmsNobody(t *testing.T) {
	t.Parallel()
	broken := slog.New(brokenHandler{})
	r := newLibraries(t, plugreg.Config{Logger: broken, Hooks: plugreg.LogHooks(broken, plugreg.LogOptions{Calls: true})})
	p := shelfPlugin("acme", "1.0.0")
	p.New = func(_ context.Context, env *plugreg.Env) (library, error) {
		env.Logger().Info("a plugin's word")
		return new(shelf), nil
	}
	r.MustRegister(p)
	h := openLibrary(t, r, "acme")
	before := r.Inspect().HookPanics
	require.NotZero(t, before)
	require.NoError(t, h.Do(context.Background(), func(context.Context, library) error { return nil }))
	require.Equal(t, before+1, r.Inspect().HookPanics)
	require.NoError(t, h.Close(context.Background()))
}

func TestEnvLoggerBearsTheName(t *testing.T) {
	t.Parallel()
	var j jsonLog
	r := newLibraries(t, plugreg.Config{Logger: j.logger(slog.LevelInfo)})
	p := shelfPlugin("acme", "v1.0.0")
	p.New = func(_ context.Context, env *plugreg.Env) (library, error) {
		env.Logger().Info("hello", "key", "value")
		return new(shelf), nil
	}
	r.MustRegister(p)
	openLibrary(t, r, "acme")
	records := j.take(t)
	require.Len(t, records, 1)
	for key, want := range map[string]any{"msg": "hello", "plugin": "acme", "version": "1.0.0", "key": "value"} {
		require.Equal(t, want, records[0][key])
	}
}

func TestRegistryLogsWhatHasNoCaller(t *testing.T) {
	t.Parallel()
	var j jsonLog
	for _, log := range []*slog.Logger{j.logger(slog.LevelInfo), nil} {
		r := newLibraries(t, plugreg.Config{Logger: log})
		p := shelfPlugin("acme", "1.0.0")
		p.New = func(_ context.Context, env *plugreg.Env) (library, error) {
			env.Go(func(context.Context) { panic("no") })
			return new(shelf), nil
		}
		r.MustRegister(p)
		require.NoError(t, openLibrary(t, r, "acme").Close(context.Background()))
	}
	records := j.take(t)
	require.Len(t, records, 1)
	require.Equal(t, "ERROR", records[0]["level"])
	require.Equal(t, "PANIC", records[0]["error_code"])
	require.Contains(t, records[0]["error"], `plugin "acme" 1.0.0: panic in env.Go: no`)
}
