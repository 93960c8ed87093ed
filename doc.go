// SPDX-License-Identifier: Apache-2.0

// Package plugreg is an embeddable plugin registry: a host declares a contract, a Go interface; plugins satisfy it
// implicitly; the registry finds, checks, builds, guards and closes them, and says what they do.
//
//	type Sink interface {
//		Write(level, msg string) error
//		Close() error
//	}
//
//	sinks := plugreg.MustNew[Sink](plugreg.Config{})
//	sinks.MustRegister(plugreg.Plugin[Sink]{
//		Name: "acme.console", Version: "1.2.0", Prototype: (*Console)(nil),
//		New: func(ctx context.Context, env *plugreg.Env) (Sink, error) { return &Console{}, nil },
//	})
//	sink, err := sinks.Open(ctx, "acme.console", "^1.2", nil)
//	…
//	err = sink.Do(ctx, func(ctx context.Context, s Sink) error { return s.Write("info", "hello") })
//
// # Words
//
// A contract ([Contract]) is the full description of one plugin version: every type that crosses the boundary. A
// [TypeDescriptor] is its 24-byte key. A [Plugin] is a registered version; its [Constructor] builds instances.
// [Registry.Open] makes a mount, a slot that one instance serves, and returns the [Handle] that owns it; sharing the
// handle shares the instance. A lease is one call's hold on an instance, given back when the plugin's code really
// returns.
//
// # Lifecycle
//
// An instance lives through: trust ([Config].Trust) → New → Init ([Initializer]) → Probe ([Prober]) → calls → drain →
// the end of [Env.Context] → Close → the wait for [Env.Go] → [Env.OnClose], last registered first. Each step runs once,
// bounded in time, with no lock held. Where a step fails the instance is undone the same way, so a failed Open leaves
// nothing behind that its constructor gave to its [Env].
//
// # Calling
//
// [Handle.Do] and [Call] run the plugin's code on a goroutine of its own: the caller is back at the deadline, whatever
// the plugin does. [Handle.DoInline] and [CallInline] run it on the caller's: far cheaper, contained, but not cut off.
// [DoExport] calls an exported function. [Handle.Acquire] takes a lease for long use without a guard. [As] views a
// mounted plugin by another capability, and [Discover] finds plugins by what they can do.
//
// # Containment
//
// Every call goes through the [Sandbox] of its instance, which settles it once, however it ends: return, error, panic,
// runtime.Goexit, deadline, the caller's leaving, and the late return of what its caller left. With the zero
// [SandboxConfig] a call may take 30 seconds; three failures in a row, or more than half of more than 20 calls within
// ten seconds, open the breaker, which probes every ten seconds; three panics in a row disable the plugin until
// [Sandbox.Enable]; and at eight calls that go on without their callers no more are let in. MaxConcurrent bounds what
// is inside, and [Config].Resources what several plugins use together. [BaselineConfig] has the breaker learn what
// error rate is normal at that hour. [RetryConfig] tries again what the host says may be tried again. [Class] and
// [CallerError] tell whose fault an error is; refusals ([RejectedError]), callers who leave and bad input count against
// nobody. [Sandbox.Inject] has calls suffer faults for a drill.
//
// What goes wrong is known by whose it is: goroutines carry profiler labels ([LabelMode]), [Registry.Leaks] lists those
// that a plugin left behind, and [WatchCrashes] and [Config].CrashFile have a version that ended the process start
// disabled.
//
// # Concurrency
//
// All types are safe for concurrent use unless they say otherwise; values such as [Config], [Plugin] and [Contract]
// must not be changed while a method reads them. [Registry.Lookup] and a warm [Registry.Resolve] take no lock. Plugin
// code, hooks, probes and other callbacks are never called with a lock held, and may call back; a Close from inside
// such code does not wait for it where it gets the context that the code was given. A registry owns the goroutines that
// it starts: [Registry.Close] waits for them.
//
// # Errors
//
// Errors match the sentinels by errors.Is; [PluginError], [PanicError], [TimeoutError] and [RejectedError] carry data;
// [CodeOf] gives the stable code for logs and metrics. Every rejection names the plugin, what was expected, what was
// found, and the fix where one is known; several faults come joined.
//
// # What a sandbox cannot do
//
// Plugins share the host's process. A goroutine cannot be killed: a call that ignores its context is abandoned, keeps
// its lease, and its instance closes only after it. A panic on a goroutine that the plugin started with a bare go
// statement, a concurrent map write, a stack overflow, os.Exit and log.Fatal end the process; use [Env.Go]. Memory and
// CPU time cannot be capped. After a recovered panic, what the plugin's code had locked stays locked. This is
// containment of faults, not protection from malice: for that, use another process or a WebAssembly runtime.
//
// # Compatibility
//
// A version that was registered never changes: the same version with another contract is refused ([ErrRepublished]).
// [Diff] finds what changed between two contracts, and a [Policy] judges whether the one may take the place of the
// other: at registration, against the versions beside it; by [Gate] and [VerifyContracts] in CI, against what was
// released; by [Codec] and [Decode] for each payload that another version wrote.
//
// Contracts are plain data: as canonical JSON, any language recomputes their digests; the format is described in
// testdata/contracts/README.md. Describing types lists methods by reflection, for which the linker keeps all exported
// methods of all reachable types: a host's binary grows by that (see the README).
package plugreg
