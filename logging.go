// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"log/slog"
	"time"
)

// LogOptions say what [LogHooks] writes. The zero value is usable.
type LogOptions struct {
	// TraceID returns the id of the trace that ctx belongs to, which is written as trace_id; empty ones are left out.
	// It is called on the goroutine of the hook. Nil: no trace_id.
	TraceID func(ctx context.Context) string
	// Calls has calls that succeed written too, at level Debug.
	Calls bool
}

// LogHooks returns hooks that write to log what fails, at level Warn, and the phases of plugins' lives that succeed, at
// level Debug. The keys of a record are fixed: registry, plugin, version, mount, phase or operation, duration, and for
// a failure error_code (see [CodeOf]) and error. A result that came after its caller had left has late=true, and level
// Warn also where it is a success. A nil log is that of [slog.Default], taken at each record.
func LogHooks(log *slog.Logger, opts LogOptions) *Hooks {
	w := &logWriter{log: log, opts: opts}
	return &Hooks{
		CallDone: func(ctx context.Context, c CallInfo, r CallResult) {
			if r.Err != nil || opts.Calls {
				w.write(ctx, c, r, false)
			}
		},
		CallLate:  func(ctx context.Context, c CallInfo, r CallResult) { w.write(ctx, c, r, true) },
		PhaseDone: func(ctx context.Context, c CallInfo, r CallResult) { w.write(ctx, c, r, false) },
	}
}

type logWriter struct {
	log  *slog.Logger
	opts LogOptions
}

func (w *logWriter) write(ctx context.Context, c CallInfo, r CallResult, late bool) {
	log := w.log
	if log == nil {
		log = slog.Default()
	}
	level := slog.LevelDebug
	if r.Err != nil || late {
		level = slog.LevelWarn
	}
	if !log.Enabled(ctx, level) {
		return
	}
	kind := "call"
	if c.Target.Phase {
		kind = "phase"
	}
	record := slog.NewRecord(time.Now(), level, "plugin "+kind, 0) // a place in this package would say nothing
	record.AddAttrs(w.attrs(ctx, c, r, late)...)
	_ = log.Handler().Handle(ctx, record)
}

func (w *logWriter) attrs(ctx context.Context, c CallInfo, r CallResult, late bool) []slog.Attr {
	t, kind := c.Target, "operation"
	if t.Phase {
		kind = "phase"
	}
	attrs := []slog.Attr{
		slog.String("registry", t.Registry), slog.String("plugin", t.Plugin), slog.String("version", t.Version),
		slog.Uint64("mount", t.Mount), slog.String(kind, t.Operation), slog.Duration("duration", r.Duration),
	}
	if r.Err != nil {
		attrs = append(attrs, slog.String("error_code", r.Code), slog.String("error", r.errorText()))
	}
	if late {
		attrs = append(attrs, slog.Bool("late", true))
	}
	if w.opts.TraceID != nil {
		if id := w.opts.TraceID(ctx); id != "" {
			attrs = append(attrs, slog.String("trace_id", id))
		}
	}
	return attrs
}

// errorText is the text of Err, by the error's own method only where nobody took it before.
func (r CallResult) errorText() string {
	if r.text != "" {
		return r.text
	}
	return safeText(r.Err)
}

// logger is what a plugin's env hands out; the handler is the host's, and may panic.
func (c *core) logger(e *entry) (log *slog.Logger) {
	log = slog.New(slog.DiscardHandler)
	defer c.hooks.recovered()
	return c.cfg.Logger.With("plugin", e.name, "version", e.version)
}

// logBreaker logs what a breaker did; it is called on a goroutine that is guarded.
func (c *core) logBreaker(b BreakerInfo) {
	level := slog.LevelWarn
	switch b.To {
	case BreakerDisabled:
		level = slog.LevelError
	case BreakerClosed, BreakerHalfOpen:
		level = slog.LevelInfo
	}
	c.log(level, "plugreg: breaker "+b.To.String(), "registry", c.name, "plugin", b.Target.Plugin, "version", b.Target.Version, "mount", b.Target.Mount, "from", b.From.String(), "reason", b.Reason)
}
