// SPDX-License-Identifier: Apache-2.0

package plugregtest_test

import (
	"context"
	"errors"
	"io"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/plugregtest"
)

// unhurried is brief for tests in which time is real, and the machine may be busy.
func unhurried() options {
	opts := brief()
	opts.Patience = 0
	return opts
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	good := fakes(func() *fake { return new(fake) })
	for name, tt := range map[string]struct {
		opts options
		want []string
	}{
		"patience and exceptions": {options{Patience: -1, Except: []plugregtest.Rule{plugregtest.Opens, "no-fun"}}, []string{"Options.Patience", "-1ns", "Options.Except", `"no-fun"`}},
		"dependency":              {options{Dependencies: []plugreg.Plugin[Store]{{Name: "x"}}}, []string{"dependencies: ", "Prototype"}},
		"host":                    {options{Host: plugreg.Config{Capacity: -1}}, []string{"Config.Capacity"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := plugregtest.Check(t.Context(), good, tt.opts)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Empty(t, plugregtest.Violations(err))
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	err := plugregtest.Check(t.Context(), plugreg.Plugin[*fake]{Name: "x"}, plugregtest.Options[*fake]{})
	require.ErrorContains(t, err, "want an interface")
}

func TestRegistersListsEachFault(t *testing.T) {
	t.Parallel()
	err := plugregtest.Check(t.Context(), plugreg.Plugin[Store]{Version: "one", Summary: "two\nlines"}, options{})
	var fields []string
	for _, v := range plugregtest.Violations(err) {
		require.Equal(t, plugregtest.Registers, v.Rule)
		fields = append(fields, v.Operation)
	}
	require.Equal(t, []string{"Name", "Version", "Prototype", "New", "Summary"}, fields)
	require.ErrorIs(t, err, plugreg.ErrInvalid)
}

func TestViolationsComeInTheOrderOfRules(t *testing.T) {
	t.Parallel()
	p := fakes(func() *fake {
		return &fake{put: func(context.Context) error { return errBroken }, close: func() error { return errBroken }}
	})
	opts := unhurried()
	opts.Probes = []func(Store) bool{func(Store) bool { return false }}
	err := plugregtest.Check(t.Context(), p, opts)
	var rules []plugregtest.Rule
	for _, v := range plugregtest.Violations(err) {
		rules = append(rules, v.Rule)
	}
	require.Equal(t, []plugregtest.Rule{plugregtest.Closes, plugregtest.CallSucceeds, plugregtest.CapabilityProbes}, rules)
	require.ErrorIs(t, err, errBroken)
	first, ok := errors.AsType[*plugregtest.Violation](err)
	require.True(t, ok)
	require.Equal(t, plugregtest.Closes, first.Rule)
	require.EqualError(t, first, `plugin "acme.store" 1.2.3: closes: Close before any call: want nil, have the error: broken`)
}

func TestViolationsOfNothing(t *testing.T) {
	t.Parallel()
	require.Nil(t, plugregtest.Violations(nil))
	require.Nil(t, plugregtest.Violations(errBroken))
}

func TestEveryRuleIsExplained(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range plugregtest.Rules() {
		text := r.Explain()
		require.True(t, strings.HasSuffix(text, "."), "%s: %q", r, text)
		require.False(t, seen[text], r)
		seen[text] = true
	}
	require.Empty(t, plugregtest.Rule("no-fun").Explain())
}

// TestCheckEndsWithItsContext has every step but the last of a life end the check.
func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, plugin := range map[string]func(cancel context.CancelFunc) plugreg.Plugin[Store]{
		"before": func(cancel context.CancelFunc) plugreg.Plugin[Store] {
			cancel()
			return fakes(func() *fake { return new(fake) })
		},
		"New": func(cancel context.CancelFunc) plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(ctx context.Context, _ *plugreg.Env) (Store, error) {
				cancel()
				return nil, errBroken
			})
		},
		"Init": func(cancel context.CancelFunc) plugreg.Plugin[Store] {
			return starters(func() *starter {
				return &starter{init: func(ctx context.Context, _ map[string]any) error {
					cancel()
					<-ctx.Done()
					return errBroken
				}}
			})
		},
		"call": func(cancel context.CancelFunc) plugreg.Plugin[Store] {
			return fakes(func() *fake {
				return &fake{put: func(ctx context.Context) error {
					cancel()
					<-ctx.Done()
					return nil
				}}
			})
		},
		"Close": func(cancel context.CancelFunc) plugreg.Plugin[Store] {
			return fakes(func() *fake { return &fake{close: func() error { cancel(); return errBroken }} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := plugregtest.Check(ctx, plugin(cancel), options{Call: put, Patience: time.Minute})
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorContains(t, err, "the check was not finished")
			require.Empty(t, plugregtest.Violations(err))
		})
	}
}

// TestContextEndsAnyStep ends the context at every other moment at which plugin code runs, one after the other.
func TestContextEndsAnyStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, contextEndsAnyStep)
}

func contextEndsAnyStep(t *testing.T) {
	finished := false
	for last := int64(1); !finished; last += 2 {
		require.Less(t, last, int64(1000))
		ctx, cancel := context.WithCancel(t.Context())
		var steps, built, closed atomic.Int64
		step := func() {
			if steps.Add(1) == last {
				cancel()
			}
		}
		p := starters(func() *starter {
			step()
			built.Add(1)
			end := sync.OnceFunc(func() { closed.Add(1) })
			return &starter{fake: fake{put: func(context.Context) error { step(); return nil }, close: func() error { end(); step(); return nil }},
				init:  func(ctx context.Context, settings map[string]any) error { step(); return noSettings(ctx, settings) },
				probe: func(context.Context) error { step(); return nil }}
		})
		err := plugregtest.Check(ctx, p, options{Call: put, Sequential: true})
		require.Empty(t, plugregtest.Violations(err))
		if finished = err == nil; !finished {
			require.ErrorIs(t, err, context.Canceled)
		}
		synctest.Wait()
		require.Equal(t, built.Load(), closed.Load(), "%d", last)
		cancel()
	}
}

func TestImportedDependency(t *testing.T) {
	t.Parallel()
	source := plugreg.MustNew[Store](plugreg.Config{})
	defer func() { require.NoError(t, source.Close(t.Context())) }()
	source.MustRegister(clockPlugin())
	opts := goodOptions()
	opts.Dependencies, opts.Host.Imports = nil, []plugreg.Source{source}
	require.NoError(t, plugregtest.Check(t.Context(), goodPlugin(), opts))
}

// TestChecksSideBySide has checks of one plugin take no notice of each other, though one of them leaks.
func TestChecksSideBySide(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	defer close(end)
	var all sync.WaitGroup
	good, leaky := make([]error, 4), make([]error, 4)
	for i := range good {
		all.Go(func() { good[i] = plugregtest.Check(t.Context(), goodPlugin(), goodOptions()) })
		all.Go(func() {
			p := fakes(func() *fake { return &fake{put: func(context.Context) error { go func() { <-end }(); return nil }} })
			leaky[i] = plugregtest.Check(t.Context(), p, unhurried())
		})
	}
	all.Wait()
	for i := range good {
		require.NoError(t, good[i])
		found := plugregtest.Violations(leaky[i])
		require.Len(t, found, 1)
		require.Equal(t, plugregtest.NoGoroutineLeft, found[0].Rule)
		require.Contains(t, found[0].Stack, "TestChecksSideBySide")
		require.Contains(t, found[0].Stack, "options_test.go:")
	}
}

func TestLeakIgnore(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	defer close(end)
	p := fakes(func() *fake { return &fake{put: func(context.Context) error { go pool(end); return nil }} })
	const name = "github.com/plugreg/plugreg/plugregtest_test.pool"
	opts := unhurried()
	require.Error(t, plugregtest.Check(t.Context(), p, opts))
	opts.Host.Sandbox.LeakIgnore = []string{name}
	require.NoError(t, plugregtest.Check(t.Context(), p, opts))
	opts.Host.Sandbox.LeakIgnore = nil
	p.Sandbox = &plugreg.SandboxConfig{LeakIgnore: []string{name}}
	require.NoError(t, plugregtest.Check(t.Context(), p, opts))
}

func pool(end chan struct{}) { <-end }

// TestOtherLabels has a worker hide from the profile, but not from env.Go.
func TestOtherLabels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, otherLabels)
}

func otherLabels(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	p := pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
		env.Go(func(context.Context) {
			pprof.SetGoroutineLabels(context.Background())
			<-end
		})
		return new(fake), nil
	})
	found := plugregtest.Violations(plugregtest.Check(t.Context(), p, brief()))
	require.Len(t, found, 1)
	require.Equal(t, plugregtest.NoGoroutineLeft, found[0].Rule)
	require.Equal(t, "one of env.Go that goes on", found[0].Have)
}

// TestDeepWorker has a worker whose stack hides what started it.
func TestDeepWorker(t *testing.T) {
	t.Parallel()
	p := pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
		env.Go(func(ctx context.Context) { down(ctx, 200) })
		return new(fake), nil
	})
	require.NoError(t, plugregtest.Check(t.Context(), p, unhurried()))
}

//go:noinline
func down(ctx context.Context, n int) {
	if n == 0 {
		<-ctx.Done()
		return
	}
	down(ctx, n-1)
}

// plainStarter has the Init without a context.
type plainStarter struct {
	fake
	ready bool
}

func (s *plainStarter) Init(settings map[string]any) error {
	s.ready = true
	for name, value := range settings {
		if list, ok := value.([]any); name != "list" || !ok || len(list) == 0 {
			return errBroken
		}
		value.([]any)[0] = "changed" // it is the plugin's own copy
	}
	return nil
}

func TestPlainInit(t *testing.T) {
	t.Parallel()
	p := pluginOf((*plainStarter)(nil), func(context.Context, *plugreg.Env) (Store, error) { return new(plainStarter), nil })
	opts := unhurried()
	opts.Settings = map[string]any{"list": []any{"", map[string]any{}}}
	require.NoError(t, plugregtest.Check(t.Context(), p, opts))
	require.Equal(t, map[string]any{"list": []any{"", map[string]any{}}}, opts.Settings)
}

// table is a plugin that is no pointer.
type table map[string]string

func (table) Close() error { return nil }

func TestPluginsThatAreNoPointers(t *testing.T) {
	t.Parallel()
	shared := table{}
	p := plugreg.Plugin[io.Closer]{Name: "table", Version: "1.0.0", Prototype: table{}, New: func(context.Context, *plugreg.Env) (io.Closer, error) { return table{}, nil }}
	opts := plugregtest.Options[io.Closer]{Probes: []func(io.Closer) bool{func(c io.Closer) bool { return c.(table) != nil }}}
	require.NoError(t, plugregtest.Check(t.Context(), p, opts))
	p.New = func(context.Context, *plugreg.Env) (io.Closer, error) { return shared, nil }
	require.ErrorContains(t, plugregtest.Check(t.Context(), p, opts), "independent-instances")
	p = plugreg.Plugin[io.Closer]{Name: "none", Version: "1.0.0", Prototype: plugreg.NoClose{}, New: func(context.Context, *plugreg.Env) (io.Closer, error) { return plugreg.NoClose{}, nil }}
	require.NoError(t, plugregtest.Check(t.Context(), p, plugregtest.Options[io.Closer]{}))
}

func TestLongText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é\n", 1000)
	p := pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) { return nil, errors.New(long) })
	found := plugregtest.Violations(plugregtest.Check(t.Context(), p, unhurried()))
	require.Len(t, found, 1)
	require.Less(t, len(found[0].Have), 1100)
	require.NotContains(t, found[0].Have, "\n")
	require.Contains(t, found[0].Have, "é")
}

// Chain is a struct that its own fields lead back to.
type Chain struct {
	*Ends
	*Link
	Next *Chain `json:"next"`
}

type Ends struct {
	First time.Duration `json:"first"`
	Last  time.Duration
}

type Link struct{ *Chain }

func TestPointerDefaults(t *testing.T) {
	t.Parallel()
	for name, defaults := range map[string]*Chain{"none": nil, "zero": {}, "some": {Ends: &Ends{First: time.Second}}} {
		p := pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
			if err := env.Decode(new(Chain)); err != nil {
				return nil, err
			}
			return new(fake), nil
		})
		p.Config = defaults
		require.NoError(t, plugregtest.Check(t.Context(), p, unhurried()), name)
	}
}
