// SPDX-License-Identifier: Apache-2.0

package plugregtest

// Rule is the name of one thing that hosts rely on in a plugin. See [Rules] for all of them.
type Rule string

// The rules, in the order in which violations are reported. [Rule.Explain] says more about each.
const (
	// Registers: a registry takes the plugin.
	Registers Rule = "registers"
	// ContractStable: its contract is the same however often it is described.
	ContractStable Rule = "contract-stable"
	// Opens: New, Init and Probe succeed with the settings that are given.
	Opens Rule = "opens"
	// PrototypeType: New returns a value of the Prototype's type, and no nil.
	PrototypeType Rule = "prototype-type"
	// Closes: Close returns nil in time.
	Closes Rule = "closes"
	// CloseIdempotent: a second Close does nothing.
	CloseIdempotent Rule = "close-idempotent"
	// NoGoroutineLeft: no goroutine of the plugin outlives its instance.
	NoGoroutineLeft Rule = "no-goroutine-left"
	// OnlyEnvGo: the start of an instance leaves no goroutine running but those of env.Go.
	OnlyEnvGo Rule = "only-env-go"
	// ContextHonoured: code whose context has ended returns promptly.
	ContextHonoured Rule = "context-honoured"
	// FailsCleanly: a start that fails leaves nothing behind.
	FailsCleanly Rule = "fails-cleanly"
	// IndependentInstances: each New makes an instance of its own.
	IndependentInstances Rule = "independent-instances"
	// NoPanic: the plugin's code neither panics nor calls runtime.Goexit.
	NoPanic Rule = "no-panic"
	// CallSucceeds: a typical call returns nil.
	CallSucceeds Rule = "call-succeeds"
	// ConcurrentCalls: it does so also where many are made at a time.
	ConcurrentCalls Rule = "concurrent-calls"
	// SettingsRoundTrip: the defaults can be given as settings.
	SettingsRoundTrip Rule = "settings-round-trip"
	// SettingsStrict: settings that cannot be right are refused.
	SettingsStrict Rule = "settings-strict"
	// CapabilityProbes: capability probes are answered on a value that New never saw.
	CapabilityProbes Rule = "capability-probes"
)

// Rules lists all rules in the order in which violations are reported.
func Rules() []Rule {
	return []Rule{Registers, ContractStable, Opens, PrototypeType, Closes, CloseIdempotent, NoGoroutineLeft, OnlyEnvGo, ContextHonoured,
		FailsCleanly, IndependentInstances, NoPanic, CallSucceeds, ConcurrentCalls, SettingsRoundTrip, SettingsStrict, CapabilityProbes}
}

// Explain says what the rule asks, why, and how it is checked; empty for a name that is no rule.
func (r Rule) Explain() string {
	switch r {
	case Registers:
		return "A registry takes the plugin: its name, version, prototype, settings type, payload types and exports are in order."
	case ContractStable:
		return "Describing the plugin gives one digest, at the beginning and after all its code has run. Registries describe it anew for " +
			"each mount, and refuse a version whose contract has changed. It changes where plugin code writes to Exports, Requires, Uses or Data."
	case Opens:
		return "New, Init and Probe return nil within Patience, with Options.Settings, again and again."
	case PrototypeType:
		return "New returns an instance or an error, and the instance has the type of Plugin.Prototype: the contract describes that type, and " +
			"a nil pointer in an interface passes every comparison with nil."
	case Closes:
		return "Close and what was given to env.OnClose return nil within Patience, before any call and after many."
	case CloseIdempotent:
		return "A second Close returns nil in time, without a panic: an instance that a lease still refers to may be closed by several who do " +
			"not know of each other. Let the second one find that there is nothing left to do, for instance by sync.Once."
	case NoGoroutineLeft:
		return "When an instance has been closed, no goroutine goes on that the plugin started, by env.Go or by a go statement. Goroutines are " +
			"told by their profiler labels, which they inherit; one that gave itself other labels, and one that a timer started, is not seen. " +
			"Connections and resolvers of the standard library, and what the plugin's Sandbox.LeakIgnore names, are left out."
	case OnlyEnvGo:
		return "What New, Init and Probe leave running was started by env.Go. A panic on any other goroutine ends the host's process, nobody " +
			"waits for such a goroutine when the instance is closed, and nobody counts it."
	case ContextHonoured:
		return "New, Init, Probe and the call return within a fifth of Patience once their context has ended, be it before they began or while " +
			"they ran. A host waits no longer, and what goes on keeps its place. What has nothing to wait for may succeed all the same."
	case FailsCleanly:
		return "Where New fails, because of settings that cannot be right, of a context that has ended or of an env without settings, no goroutine " +
			"goes on, and it returns no instance beside the error: nobody would close it. New and Init return in time then too."
	case IndependentInstances:
		return "New called twice gives two instances that know nothing of each other: the end of one leaves the other working, and neither " +
			"writes to the defaults in Plugin.Config, which all share."
	case NoPanic:
		return "New, Init, Probe, Close and the call neither panic nor call runtime.Goexit, whatever the settings: a host contains that, but " +
			"locks stay locked and data half written. That includes Close before any call and Close after an Init that failed."
	case CallSucceeds:
		return "Options.Call returns nil within Patience on an instance that was just opened."
	case ConcurrentCalls:
		return "Options.Call returns nil also where 16 goroutines make 50 calls each at a time, as hosts do. Run the test with -race. Set " +
			"Options.Sequential for a plugin whose contract forbids it."
	case SettingsRoundTrip:
		return "The defaults in Plugin.Config, written as JSON, can be given as settings: env.Decode reads the same values back, and the plugin " +
			"knows every key that its contract lists. Else what a host reads in the contract cannot be configured."
	case SettingsStrict:
		return "Settings that cannot be right are refused by New or Init with an error: an unknown key, a missing required key, a value of " +
			"another type. Else a mistyped key goes unnoticed. env.Decode does all that, and plugreg.Configured calls it."
	case CapabilityProbes:
		return "Options.Probes return true, without a panic, where hosts ask them: on Plugin.Prototype or, where that is a nil pointer, on a zero " +
			"value. Nothing has been constructed then."
	}
	return ""
}

// absorbs reports whether a panic is a violation of the rule itself, not of NoPanic.
func (r Rule) absorbs() bool {
	switch r {
	case CloseIdempotent, ConcurrentCalls, CapabilityProbes, IndependentInstances:
		return true
	}
	return false
}
