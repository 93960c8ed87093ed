// SPDX-License-Identifier: Apache-2.0

package plugregtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"runtime"
	"slices"
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

var errBroken = errors.New("broken")

// release ends what a bad plugin leaves behind.
type release <-chan struct{}

// bad is a plugin that breaks one rule.
type bad struct {
	rule      plugregtest.Rule
	operation string
	text      string // part of the error
	plugin    func(end release) (plugreg.Plugin[Store], options)
}

// plain makes the function of a bad from a plugin that leaves nothing behind and is called as usual.
func plain(p func() plugreg.Plugin[Store]) func(release) (plugreg.Plugin[Store], options) {
	return func(release) (plugreg.Plugin[Store], options) { return p(), brief() }
}

func badPlugins() map[string]bad {
	all := map[string]bad{}
	for _, some := range []map[string]bad{badDescriptions(), badStarts(), badEnds(), badGoroutines(), badWaits(), badCalls(), badSettings()} {
		maps.Copy(all, some)
	}
	return all
}

func TestBadPlugins(t *testing.T) {
	t.Parallel()
	for name, tt := range badPlugins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // so that patience costs nothing, and whatever is left behind is found
				end := make(chan struct{})
				defer close(end)
				p, opts := tt.plugin(end)
				err := plugregtest.Check(t.Context(), p, opts)
				found := plugregtest.Violations(err)
				require.Len(t, found, 1, "%v", err)
				v := found[0]
				require.Equal(t, tt.rule, v.Rule, "%v", err)
				require.Equal(t, tt.operation, v.Operation, "%v", err)
				require.ErrorContains(t, err, tt.text)
				require.NotEmpty(t, v.Want)
				require.NotEmpty(t, v.Have)
				require.Equal(t, p.Name, v.Plugin)
				require.Equal(t, p.Version, v.Version)
				p, opts = tt.plugin(end)
				opts.Except = append(opts.Except, tt.rule)
				require.Empty(t, plugregtest.Violations(plugregtest.Check(t.Context(), p, opts)))
			})
		})
	}
}

func TestEveryRuleHasABadPlugin(t *testing.T) {
	t.Parallel()
	var broken []plugregtest.Rule
	for _, b := range badPlugins() {
		broken = append(broken, b.rule)
	}
	slices.Sort(broken)
	require.ElementsMatch(t, plugregtest.Rules(), slices.Compact(broken))
}

func badDescriptions() map[string]bad {
	return map[string]bad{
		"no name": {plugregtest.Registers, "Name", `want 1 to 128 ASCII`, plain(func() plugreg.Plugin[Store] {
			p := fakes(func() *fake { return new(fake) })
			p.Name = ""
			return p
		})},
		"writes to its exports": {plugregtest.ContractStable, "Register", "write to nothing", plain(func() plugreg.Plugin[Store] {
			p := fakes(nil)
			p.Exports = map[string]any{"one": func() {}}
			p.New = func(context.Context, *plugreg.Env) (Store, error) {
				p.Exports["two"] = func() {}
				return new(fake), nil
			}
			return p
		})},
		"spoils its exports": {plugregtest.ContractStable, "Register", "Exports", plain(func() plugreg.Plugin[Store] {
			p := fakes(nil)
			p.Exports = map[string]any{"one": func() {}}
			p.New = func(context.Context, *plugreg.Env) (Store, error) {
				p.Exports["one"] = nil
				return new(fake), nil
			}
			return p
		})},
		"probe says no": {plugregtest.CapabilityProbes, "Probes[0]", "have false", func(release) (plugreg.Plugin[Store], options) {
			opts := brief()
			opts.Probes = []func(Store) bool{func(s Store) bool { return s.(*fake).put != nil }}
			return fakes(func() *fake { return new(fake) }), opts
		}},
		"probe panics": {plugregtest.CapabilityProbes, "Probes[0]", "nil pointer", func(release) (plugreg.Plugin[Store], options) {
			opts := brief()
			opts.Probes = []func(Store) bool{func(s Store) bool { return s.(*fake).put(nil) == nil }}
			return fakes(func() *fake { return new(fake) }), opts
		}},
	}
}

func badStarts() map[string]bad {
	return map[string]bad{
		"New fails": {plugregtest.Opens, "New", "broken", plain(func() plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) { return nil, errBroken })
		})},
		"New hangs": {plugregtest.Opens, "New", "no return within 250ms", func(end release) (plugreg.Plugin[Store], options) {
			return fakes(func() *fake { <-end; return new(fake) }), brief()
		}},
		"New panics": {plugregtest.NoPanic, "New", "badStarts", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake { panic(errBroken) })
		})},
		"New calls Goexit": {plugregtest.NoPanic, "New", "runtime.Goexit", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake { runtime.Goexit(); return nil })
		})},
		"New returns nil": {plugregtest.PrototypeType, "New", "have nil and no error", plain(func() plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) { return nil, nil })
		})},
		"New returns a typed nil": {plugregtest.PrototypeType, "New", "have a nil *plugregtest_test.fake", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake { return nil })
		})},
		"New returns another type": {plugregtest.PrototypeType, "New", "have *plugregtest_test.clock", plain(func() plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) { return new(clock), nil })
		})},
		"Init fails": {plugregtest.Opens, "Init", "broken", plain(func() plugreg.Plugin[Store] {
			return starters(func() *starter {
				return &starter{init: func(context.Context, map[string]any) error { return errBroken }}
			})
		})},
		"Init panics": {plugregtest.NoPanic, "Init", "nil map", plain(func() plugreg.Plugin[Store] {
			return starters(func() *starter {
				return &starter{init: func(context.Context, map[string]any) error { panic("nil map") }}
			})
		})},
		"Probe fails": {plugregtest.Opens, "Probe", "broken", plain(func() plugreg.Plugin[Store] {
			return starters(func() *starter { return &starter{probe: func(context.Context) error { return errBroken }} })
		})},
		"the error of New has methods that panic": {plugregtest.NoPanic, "New", "evil", plain(func() plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) { return nil, evil{} })
		})},
		"the error of New has no text": {plugregtest.Opens, "New", "have an error whose own methods fail", plain(func() plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) { return nil, mumbling{} })
		})},
		"the dependency is not there": {plugregtest.Opens, "Open", "acme.clock", plain(func() plugreg.Plugin[Store] {
			p := fakes(func() *fake { return new(fake) })
			p.Requires = []plugreg.Requirement{{Name: "acme.clock"}}
			return p
		})},
		"all share one instance": {plugregtest.IndependentInstances, "New", "want two instances, have one", plain(func() plugreg.Plugin[Store] {
			one := new(fake)
			return fakes(func() *fake { return one })
		})},
		"all share one resource": {plugregtest.IndependentInstances, "Call", "broken", plain(func() plugreg.Plugin[Store] {
			var open atomic.Bool
			return fakes(func() *fake {
				open.Store(true)
				return &fake{put: func(context.Context) error {
					if !open.Load() {
						return errBroken
					}
					return nil
				}, close: func() error { open.Store(false); return nil }}
			})
		})},
		"one at a time": {plugregtest.IndependentInstances, "New", "broken", plain(func() plugreg.Plugin[Store] {
			var open atomic.Bool
			return pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) {
				if open.Swap(true) {
					return nil, errBroken
				}
				return &fake{close: func() error { open.Store(false); return nil }}, nil
			})
		})},
		"writes to its defaults": {plugregtest.IndependentInstances, "Config", `have {"Seen":["x"]}`, plain(func() plugreg.Plugin[Store] {
			type settings struct{ Seen []string }
			return plugreg.Configured(pluginOf((*fake)(nil), nil), settings{Seen: []string{""}}, func(_ context.Context, _ *plugreg.Env, cfg settings) (Store, error) {
				cfg.Seen[0] = "x"
				return new(fake), nil
			})
		})},
	}
}

// mumbling is an error without a text.
type mumbling struct{}

func (mumbling) Error() string { panic("no words") }

type evil struct{}

func (evil) Error() string   { panic("evil") }
func (evil) Is(error) bool   { panic("evil") }
func (evil) As(any) bool     { panic("evil") }
func (evil) String() string  { panic("evil") }
func (evil) Unwrap() []error { panic("evil") }

func badEnds() map[string]bad {
	return map[string]bad{
		"Close fails": {plugregtest.Closes, "Close", "broken", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake { return &fake{close: func() error { return errBroken }} })
		})},
		"Close hangs": {plugregtest.Closes, "Close", "no return within 250ms", func(end release) (plugreg.Plugin[Store], options) {
			return fakes(func() *fake { return &fake{close: func() error { <-end; return nil }} }), brief()
		}},
		"OnClose fails": {plugregtest.Closes, "env.OnClose", "broken", plain(func() plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
				env.OnClose(func() error { return errBroken })
				return new(fake), nil
			})
		})},
		"Close panics before any call": {plugregtest.NoPanic, "Close", "before any call", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake {
				var done func()
				return &fake{put: func(context.Context) error { done = func() {}; return nil }, close: func() error { done(); return nil }} // calls are sequential
			})
		})},
		"Close panics after an Init that failed": {plugregtest.NoPanic, "Close", "unknown setting", plain(func() plugreg.Plugin[Store] {
			return starters(func() *starter {
				var done func()
				s := new(starter)
				s.init = func(ctx context.Context, settings map[string]any) error {
					if err := noSettings(ctx, settings); err != nil {
						return err
					}
					done = func() {}
					return nil
				}
				s.close = func() error { done(); return nil }
				return s
			})
		})},
		"the second Close panics": {plugregtest.CloseIdempotent, "Close", "close of closed channel", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake {
				c := make(chan struct{})
				return &fake{close: func() error { close(c); return nil }}
			})
		})},
		"the second Close fails": {plugregtest.CloseIdempotent, "Close", "broken", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake {
				var closed atomic.Bool
				return &fake{close: func() error {
					if closed.Swap(true) {
						return errBroken
					}
					return nil
				}}
			})
		})},
		"the second Close hangs": {plugregtest.CloseIdempotent, "Close", "no return", func(end release) (plugreg.Plugin[Store], options) {
			return fakes(func() *fake {
				var closed atomic.Bool
				return &fake{close: func() error {
					if closed.Swap(true) {
						<-end
					}
					return nil
				}}
			}), brief()
		}},
	}
}

func badGoroutines() map[string]bad {
	return map[string]bad{
		"a call leaves a goroutine": {plugregtest.NoGoroutineLeft, "Close", "badGoroutines", func(end release) (plugreg.Plugin[Store], options) {
			return fakes(func() *fake { return &fake{put: func(context.Context) error { go func() { <-end }(); return nil }} }), brief()
		}},
		"env.Go ignores its context": {plugregtest.NoGoroutineLeft, "Close", "badGoroutines", func(end release) (plugreg.Plugin[Store], options) {
			return pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
				env.Go(func(context.Context) { <-end })
				return new(fake), nil
			}), brief()
		}},
		"env.Go panics": {plugregtest.NoPanic, "env.Go", "PANIC", plain(func() plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
				env.Go(func(context.Context) { panic("broken") })
				return new(fake), nil
			})
		})},
		"New starts a goroutine": {plugregtest.OnlyEnvGo, "New", "start it by env.Go", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake {
				quit, done := make(chan struct{}), make(chan struct{})
				go func() {
					<-quit
					close(done)
				}()
				return &fake{close: sync.OnceValue(func() error {
					close(quit)
					<-done
					return nil
				})}
			})
		})},
		"a start that fails leaves a goroutine": {plugregtest.FailsCleanly, "Close", "which is unknown", func(end release) (plugreg.Plugin[Store], options) {
			return pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
				if err := env.Decode(&struct{}{}); err != nil {
					go func() { <-end }()
					return nil, err
				}
				return new(fake), nil
			}), brief()
		}},
		"an instance beside an error": {plugregtest.FailsCleanly, "New", "an instance of type *plugregtest_test.fake", plain(func() plugreg.Plugin[Store] {
			return pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
				return new(fake), env.Decode(&struct{}{})
			})
		})},
		"hangs where settings are wrong": {plugregtest.FailsCleanly, "New", "no return", func(end release) (plugreg.Plugin[Store], options) {
			return pluginOf((*fake)(nil), func(_ context.Context, env *plugreg.Env) (Store, error) {
				err := env.Decode(&struct{}{})
				if err != nil {
					<-end
				}
				return new(fake), nil
			}), brief()
		}},
		"fails uncleanly and always": {plugregtest.FailsCleanly, "Close", "after a start that failed", func(end release) (plugreg.Plugin[Store], options) {
			opts := brief()
			opts.Except = []plugregtest.Rule{plugregtest.Opens}
			return pluginOf((*fake)(nil), func(context.Context, *plugreg.Env) (Store, error) {
				go func() { <-end }()
				return nil, errBroken
			}), opts
		}},
	}
}

// dial stands for something that never works with a context that has ended.
func dial(ctx context.Context) error { return ctx.Err() }

// redial does so until it works, and forgets why it may not.
func redial(ctx context.Context, end release) {
	for dial(ctx) != nil {
		select {
		case <-time.After(time.Millisecond):
		case <-end:
			return
		}
	}
}

func badWaits() map[string]bad {
	return map[string]bad{
		"New forgets its context": {plugregtest.ContextHonoured, "New", "that had ended", func(end release) (plugreg.Plugin[Store], options) {
			return pluginOf((*fake)(nil), func(ctx context.Context, _ *plugreg.Env) (Store, error) { redial(ctx, end); return new(fake), nil }), brief()
		}},
		"Init forgets its context": {plugregtest.ContextHonoured, "Init", "that had ended", func(end release) (plugreg.Plugin[Store], options) {
			return starters(func() *starter {
				return &starter{init: func(ctx context.Context, settings map[string]any) error {
					if err := noSettings(ctx, settings); err != nil {
						return err
					}
					redial(ctx, end)
					return nil
				}}
			}), brief()
		}},
		"Probe forgets its context": {plugregtest.ContextHonoured, "Probe", "that had ended", func(end release) (plugreg.Plugin[Store], options) {
			return starters(func() *starter {
				return &starter{probe: func(ctx context.Context) error { redial(ctx, end); return nil }}
			}), brief()
		}},
		"a call forgets its context": {plugregtest.ContextHonoured, "Call", "that had ended", func(end release) (plugreg.Plugin[Store], options) {
			return fakes(func() *fake { return &fake{put: func(ctx context.Context) error { redial(ctx, end); return nil }} }), brief()
		}},
		"a call does not look up": {plugregtest.ContextHonoured, "Call", "that ended meanwhile", func(release) (plugreg.Plugin[Store], options) {
			return fakes(func() *fake {
				return &fake{put: func(ctx context.Context) error {
					if ctx.Err() == nil {
						<-time.After(200 * time.Millisecond) // four fifths of its time
					}
					return nil
				}}
			}), brief()
		}},
	}
}

func badCalls() map[string]bad {
	return map[string]bad{
		"the call fails": {plugregtest.CallSucceeds, "Call", "broken", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake { return &fake{put: func(context.Context) error { return errBroken }} })
		})},
		"the call hangs": {plugregtest.CallSucceeds, "Call", "no return", func(end release) (plugreg.Plugin[Store], options) {
			return fakes(func() *fake { return &fake{put: func(context.Context) error { <-end; return nil }} }), brief()
		}},
		"the call panics": {plugregtest.NoPanic, "Call", "the panic: broken", plain(func() plugreg.Plugin[Store] {
			return fakes(func() *fake { return &fake{put: func(context.Context) error { panic("broken") }} })
		})},
		"one call at a time": {plugregtest.ConcurrentCalls, "Call", "among 16 at a time", func(release) (plugreg.Plugin[Store], options) {
			opts := brief()
			opts.Sequential = false
			return fakes(func() *fake {
				var busy atomic.Bool
				return &fake{put: func(context.Context) error {
					if busy.Swap(true) {
						return errBroken
					}
					defer busy.Store(false)
					<-time.After(time.Millisecond)
					return nil
				}}
			}), opts
		}},
	}
}

// reversed reads another value than it writes.
type reversed int

func (r reversed) MarshalJSON() ([]byte, error) { return json.Marshal(int(-r)) }

func (r *reversed) UnmarshalJSON(data []byte) error {
	var n int
	err := json.Unmarshal(data, &n)
	*r = reversed(n)
	return err
}

// mute cannot be read.
type mute struct{}

func (mute) MarshalText() ([]byte, error)    { return []byte("?"), nil }
func (mute) UnmarshalText(text []byte) error { return errBroken }

func configured[C any](defaults C) func() plugreg.Plugin[Store] {
	return func() plugreg.Plugin[Store] {
		return plugreg.Configured(pluginOf((*fake)(nil), nil), defaults, func(context.Context, *plugreg.Env, C) (Store, error) { return new(fake), nil })
	}
}

func badSettings() map[string]bad {
	return map[string]bad{
		"defaults read otherwise":    {plugregtest.SettingsRoundTrip, "Config", `have {"N":1}`, plain(configured(struct{ N reversed }{1}))},
		"defaults cannot be read":    {plugregtest.SettingsRoundTrip, "Config", "broken", plain(configured(struct{ M mute }{}))},
		"defaults cannot be written": {plugregtest.SettingsRoundTrip, "Config", "unsupported value", plain(configured(struct{ F float64 }{math.NaN()}))},
		"a key that nobody reads": {plugregtest.SettingsRoundTrip, `settings["depth"]`, "unknown setting", plain(func() plugreg.Plugin[Store] {
			p := starters(func() *starter { return new(starter) })
			p.Config = struct {
				Depth int `json:"depth"`
			}{}
			return p
		})},
		"keys that exclude each other": {plugregtest.SettingsRoundTrip, "Config", "all defaults", plain(func() plugreg.Plugin[Store] {
			type settings struct{ A, B any }
			p := plugreg.Configured(pluginOf((*fake)(nil), nil), settings{A: 1, B: 2}, nil)
			p.New = func(_ context.Context, env *plugreg.Env) (Store, error) {
				var cfg settings
				if err := env.Decode(&cfg); err != nil {
					return nil, err
				}
				if cfg.A != nil && cfg.B != nil {
					return nil, errBroken
				}
				return new(fake), nil
			}
			return p
		})},
		"takes any setting": {plugregtest.SettingsStrict, `settings["plugregtest_unknown"]`, "which is unknown", plain(func() plugreg.Plugin[Store] {
			return starters(func() *starter { return &starter{init: func(context.Context, map[string]any) error { return nil }} })
		})},
		"takes any type": {plugregtest.SettingsStrict, `settings["depth"]`, "given as map[string]", func(release) (plugreg.Plugin[Store], options) {
			opts := brief()
			opts.Settings = map[string]any{"depth": 3}
			return starters(func() *starter {
				return &starter{init: func(ctx context.Context, settings map[string]any) error {
					delete(settings, "depth")
					return noSettings(ctx, settings)
				}}
			}), opts
		}},
		"panics at another type": {plugregtest.NoPanic, "Init", "interface conversion", func(release) (plugreg.Plugin[Store], options) {
			opts := brief()
			opts.Settings = map[string]any{"depth": 3}
			return starters(func() *starter {
				return &starter{init: func(ctx context.Context, settings map[string]any) error {
					if depth, ok := settings["depth"]; ok && depth.(int) < 0 {
						return errBroken
					}
					delete(settings, "depth")
					return noSettings(ctx, settings)
				}}
			}), opts
		}},
		"does not miss a required setting": {plugregtest.SettingsStrict, `settings["depth"]`, "which is required and missing", func(release) (plugreg.Plugin[Store], options) {
			opts := brief()
			opts.Settings = map[string]any{"depth": "3"}
			p := starters(func() *starter {
				return &starter{init: func(ctx context.Context, settings map[string]any) error {
					if depth, ok := settings["depth"]; ok && !strings.Contains("0 1 2 3", depthOf(depth)) {
						return errBroken
					}
					delete(settings, "depth")
					return noSettings(ctx, settings)
				}}
			})
			p.Config = struct {
				Depth string `json:"depth" plugreg:"required"`
			}{}
			return p, opts
		}},
	}
}

func depthOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return "none"
}
