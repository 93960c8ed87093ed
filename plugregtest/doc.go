// SPDX-License-Identifier: Apache-2.0

// Package plugregtest checks whether a plugin keeps what hosts rely on. It is for the tests of plugin authors:
//
//	func TestConformance(t *testing.T) {
//		if err := plugregtest.Check(t.Context(), sink.Plugin(), plugregtest.Options[host.Sink]{}); err != nil {
//			t.Fatal(err)
//		}
//	}
//
// [Check] registers, opens, calls and closes the plugin in many ways, in registries of its own and by hand, and returns
// all violations that it found. Each is a [*Violation] that names the rule, the plugin, what was expected, what was
// found and how to mend it. [Rules] lists the rules, and [Rule.Explain] says what each is for.
//
// # What to tell it
//
// The zero [Options] check the life of instances. A plugin that cannot live without settings needs some, and only the
// author knows what a typical call is:
//
//	plugregtest.Options[host.Sink]{
//		Settings: map[string]any{"path": filepath.Join(t.TempDir(), "log")},
//		Call:     func(ctx context.Context, s host.Sink) error { return s.Write("info", "hello") },
//	}
//
// What the plugin requires is registered beside it by Dependencies, or in another registry that is among Host.Imports.
// A rule that a plugin breaks for good reasons goes to Except.
//
// # What it does to the plugin
//
// Instances are opened dozens of times with the same settings, most of the time one after the other, once two side by
// side; New, Init and Probe get contexts that have ended, and settings that are wrong in one way each. So what the
// settings name must bear being opened again: a temporary directory, port 0.
//
// Plugin code runs guarded: its panics, runtime.Goexit and hanging are violations, and the test goes on. What cannot be
// guarded ends the test, as it would end a host: a panic on a goroutine that the plugin started itself, a concurrent
// map write, os.Exit. Nothing can end a goroutine that hangs: it stays behind, and is reported.
//
// # Goroutines
//
// Which goroutines are the plugin's is told by profiler labels, which each goroutine inherits from the one that started
// it. So checks may run in parallel, with each other and with other tests. Not seen are goroutines that a timer starts,
// such as those of time.AfterFunc, and those that replaced their labels without regard to their context.
//
// # Time and the race detector
//
// No step takes longer than Options.Patience, and the end of ctx ends the check. In a bubble of testing/synctest time
// passes as soon as nothing else can happen: there a plugin that waits for time costs none, and a goroutine that is
// left behind makes the bubble fail too. A plugin that uses the network, or that waits for a sync.Mutex for long, is no
// plugin for a bubble.
//
// Run tests with -race: whether calls that are made at the same time share data without a guard, only the race detector
// can tell.
package plugregtest
