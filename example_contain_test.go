// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/plugreg/plugreg"
)

// A plugin that fails three times in a row is given a rest; nobody waits for it meanwhile.
func ExampleBreakerConfig() {
	s, err := plugreg.NewSandbox("customs.clearance", plugreg.SandboxConfig{
		Breaker: plugreg.BreakerConfig{ConsecutiveFailures: 3, OpenFor: time.Minute},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for range 3 {
		_ = s.Run(ctx, func(context.Context) error { return errors.New("the customs API is out of quota") })
	}
	err = s.Run(ctx, func(context.Context) error { return nil })
	fmt.Println(plugreg.CodeOf(err), "-", err)
	s.Enable() // an operator knows better
	fmt.Println(s.Run(ctx, func(context.Context) error { return nil }))
	// Output:
	// OPEN - plugin "customs.clearance": breaker open: 3 failures in a row
	// <nil>
}

// What the caller is to blame for does not count against the plugin.
func ExampleCallerError() {
	s, err := plugreg.NewSandbox("vat", plugreg.SandboxConfig{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for range 100 {
		err = s.RunInline(ctx, func(context.Context) error {
			return plugreg.CallerError(errors.New("country: want two letters"))
		})
	}
	fmt.Println(err)
	fmt.Println(s.State().Breaker)
	// Output:
	// country: want two letters
	// closed
}

// Only what the host calls worth it is tried again, and only as often as the budget allows.
func ExampleRetryConfig() {
	busy := errors.New("busy")
	s, err := plugreg.NewSandbox("payment.gateway", plugreg.SandboxConfig{
		Timeout: 2 * time.Second, // for all attempts together
		Retry: plugreg.RetryConfig{Attempts: 3, AttemptTimeout: 500 * time.Millisecond, BaseDelay: time.Millisecond,
			RetryIf: func(err error) bool { return errors.Is(err, busy) }},
	})
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	err = s.Run(context.Background(), func(context.Context) error {
		if n++; n < 3 {
			return busy
		}
		return nil
	})
	fmt.Println(n, "attempts:", err)
	// Output:
	// 3 attempts: <nil>
}

// Two plugins that share a cache share its limit too: one that hangs in it cannot take it all.
func ExampleResource() {
	r := plugreg.MustNew[Store](plugreg.Config{
		Resources: map[string]plugreg.Resource{"cache:fallback": {MaxConcurrent: 1}},
	})
	ctx := context.Background()
	defer r.Close(ctx)
	var handles []*plugreg.Handle[Store]
	for _, name := range []string{"invoices", "customs"} {
		p := memory("1.0.0")
		p.Name, p.Uses = name, []string{"cache:fallback"}
		r.MustRegister(p)
		h, err := r.Open(ctx, name, "", nil)
		if err != nil {
			log.Fatal(err)
		}
		handles = append(handles, h)
	}
	_ = handles[1].DoInline(ctx, func(ctx context.Context, _ Store) error {
		fmt.Println(handles[0].DoInline(ctx, func(context.Context, Store) error { return nil }))
		return nil
	})
	// Output:
	// plugin "invoices" 1.0.0: resource "cache:fallback": saturated: 1 calls use it
}

// A drill: what does the host do when every call fails?
func ExampleSandbox_Inject() {
	s, err := plugreg.NewSandbox("payment.gateway", plugreg.SandboxConfig{})
	if err != nil {
		log.Fatal(err)
	}
	pay := func() error {
		return s.RunInline(context.Background(), func(context.Context) error { return nil })
	}
	if err := s.Inject(plugreg.Faults{Seed: 1, ErrorRate: 1}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(pay())
	_ = s.Inject(plugreg.Faults{}) // the drill is over
	fmt.Println(pay())
	// Output:
	// plugin "payment.gateway": injected fault
	// <nil>
}

// What was learned is saved when the host ends, and restored when it starts.
func ExampleSandbox_Baseline() {
	file := filepath.Join(os.TempDir(), "plugreg-example-baseline.json")
	defer os.Remove(file)
	cfg := plugreg.SandboxConfig{Breaker: plugreg.BreakerConfig{Baseline: &plugreg.BaselineConfig{Zone: time.UTC}}}
	before, err := plugreg.NewSandbox("content.delivery", cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(file, before.Baseline(), 0o600); err != nil {
		log.Fatal(err)
	}
	after, err := plugreg.NewSandbox("content.delivery", cfg)
	if err != nil {
		log.Fatal(err)
	}
	saved, err := os.ReadFile(file)
	fmt.Println(errors.Join(err, after.RestoreBaseline(saved)))
	fmt.Println(errors.Is(after.RestoreBaseline([]byte("torn")), plugreg.ErrInvalid), "- and it starts cold")
	// Output:
	// <nil>
	// true - and it starts cold
}

// The host's main function has the runtime write down how it died, and starts what did it disabled the next time.
func ExampleWatchCrashes() {
	const file = "crash.txt"
	if crash, err := plugreg.ReadCrash(file); err == nil && crash.Plugin != "" {
		log.Printf("the last process was ended by %s %s: %s", crash.Plugin, crash.Version, crash.Reason)
	}
	stop, err := plugreg.WatchCrashes(file)
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	r := plugreg.MustNew[Store](plugreg.Config{CrashFile: file})
	defer r.Close(context.Background())
}
