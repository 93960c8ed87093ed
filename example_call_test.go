// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/plugreg/plugreg"
)

// opened returns a mounted memory store and what closes its registry.
func opened(cfg plugreg.Config) (*plugreg.Handle[Store], func()) {
	stores := plugreg.MustNew[Store](cfg)
	p := memory("1.0.0")
	p.Exports = map[string]any{"compare": func(a, b string) bool { return a == b }}
	stores.MustRegister(p)
	store, err := stores.Open(context.Background(), "acme.memory", "", nil)
	if err != nil {
		log.Fatal(err)
	}
	return store, func() {
		if err := stores.Close(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
}

func ExampleHandle_Do() {
	store, closeAll := opened(plugreg.Config{Sandbox: plugreg.SandboxConfig{Timeout: 10 * time.Millisecond}})
	defer closeAll()
	err := store.Do(context.Background(), func(ctx context.Context, _ Store) error {
		<-ctx.Done() // a plugin that is slow, but honours its context
		return ctx.Err()
	})
	timeout, ok := errors.AsType[*plugreg.TimeoutError](err)
	fmt.Println(ok, timeout.Plugin, timeout.After, errors.Is(err, context.DeadlineExceeded))
	// Output: true acme.memory 10ms true
}

func ExampleHandle_DoInline() {
	store, closeAll := opened(plugreg.Config{})
	defer closeAll()
	err := store.DoInline(context.Background(), func(context.Context, Store) error { panic("a bug") })
	panicked, ok := errors.AsType[*plugreg.PanicError](err)
	fmt.Println(ok, panicked.Value, len(panicked.Stack()) > 0)
	// Output: true a bug true
}

func ExampleCall() {
	store, closeAll := opened(plugreg.Config{})
	defer closeAll()
	finder, err := plugreg.As[Finder](store)
	if err != nil {
		log.Fatal(err)
	}
	found, err := plugreg.Call(context.Background(), finder, func(_ context.Context, f Finder) ([]string, error) { return f.Find("a"), nil })
	fmt.Println(len(found), err)
	// Output: 0 <nil>
}

func ExampleCallInline() {
	store, closeAll := opened(plugreg.Config{})
	defer closeAll()
	n, err := plugreg.CallInline(context.Background(), store, func(_ context.Context, s Store) (int, error) {
		return 1, s.Put("k", "v")
	})
	fmt.Println(n, err)
	// Output: 1 <nil>
}

func ExampleAs() {
	store, closeAll := opened(plugreg.Config{})
	defer closeAll()
	finder, err := plugreg.As[Finder](store)
	fmt.Println(finder.Version(), err)
	_, err = plugreg.As[interface{ Delete(key string) error }](store)
	fmt.Println(plugreg.CodeOf(err))
	// Output:
	// 1.0.0 <nil>
	// CONTRACT
}

func ExampleDoExport() {
	store, closeAll := opened(plugreg.Config{})
	defer closeAll()
	ctx := context.Background()
	err := plugreg.DoExport(ctx, store, "compare", func(_ context.Context, compare func(a, b string) bool) error {
		fmt.Println(compare("x", "x"))
		return nil
	})
	fmt.Println(err)
	err = plugreg.DoExport(ctx, store, "compare", func(_ context.Context, compare func(a, b []byte) bool) error { return nil })
	fmt.Println(err)
	// Output:
	// true
	// <nil>
	// plugin "acme.memory" 1.0.0: export "compare": contract violation; want func([]uint8, []uint8) bool, have func(string, string) bool
}

func ExampleHandle_Acquire() {
	store, closeAll := opened(plugreg.Config{})
	defer closeAll()
	lease, err := store.Acquire(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Release()
	fmt.Println(lease.Value().Put("k", "v"), store.Sandbox().State().InFlight)
	// Output: <nil> 1
}

func ExampleNewSandbox() {
	s, err := plugreg.NewSandbox("legacy.import", plugreg.SandboxConfig{Timeout: time.Second})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	fmt.Println(s.Run(ctx, func(context.Context) error { return nil }))
	fmt.Println(s.Run(ctx, func(context.Context) error { panic("no such file") }))
	fmt.Println(s.State().Calls, s.State().Failures)
	fmt.Println(s.Close(ctx))
	// Output:
	// <nil>
	// plugin "legacy.import": panic in call: no such file
	// 2 map[PANIC:1]
	// <nil>
}

func ExampleEnv_OnClose() {
	stores := plugreg.MustNew[Store](plugreg.Config{})
	stores.MustRegister(plugreg.Plugin[Store]{
		Name: "acme.file", Version: "1.0.0", Prototype: (*Memory)(nil),
		New: func(_ context.Context, env *plugreg.Env) (Store, error) {
			dir, err := os.MkdirTemp("", "acme")
			if err != nil {
				return nil, err
			}
			env.OnClose(func() error { fmt.Println("removed"); return os.RemoveAll(dir) })
			env.Go(func(ctx context.Context) { <-ctx.Done(); fmt.Println("flushed") })
			return nil, errors.New("no licence") // what was acquired is undone
		},
	})
	_, err := stores.Open(context.Background(), "acme.file", "", nil)
	fmt.Println(err)
	// Output:
	// flushed
	// removed
	// open "acme.file" 1.0.0: no licence
}

func ExampleContractOf() {
	type PaymentRequest struct {
		ID     string `json:"id" plugreg:"required"`
		Amount int64  `json:"amount"`
	}
	c, err := plugreg.ContractOf[PaymentRequest]("PaymentRequest", "1.2.3")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.CompatKey())
	s, _ := c.Shape("contract")
	for _, f := range s.Fields {
		fmt.Println(f.Position, f.Name, f.Type, f.Wire, f.Required)
	}
	// Output:
	// PaymentRequest@1.2
	// 0 ID string id true
	// 1 Amount int64 amount false
}

func ExampleParseContract() {
	c, err := plugreg.ContractOf[Store]("acme.store", "1.2.3")
	if err != nil {
		log.Fatal(err)
	}
	doc, err := c.MarshalJSON() // canonical: the same bytes wherever it is written
	if err != nil {
		log.Fatal(err)
	}
	back, err := plugreg.ParseContract(doc)
	fmt.Println(back.Digest() == c.Digest(), err)
	_, err = plugreg.ParseContract(bytes.Replace(doc, []byte(`"1.2.3"`), []byte(`"1.2.4"`), 1))
	fmt.Println(plugreg.CodeOf(err)) // the digest does not fit any more
	// Output:
	// true <nil>
	// INVALID
}

func ExampleLogHooks() {
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}))
	store, closeAll := opened(plugreg.Config{Name: "stores", Hooks: plugreg.LogHooks(logger, plugreg.LogOptions{})})
	defer closeAll()
	_ = store.Do(context.Background(), func(context.Context, Store) error { return errors.New("disk full") })
	// Output:
	// level=WARN msg="plugin call" registry=stores plugin=acme.memory version=1.0.0 mount=1 operation=call error_code=ERROR error="disk full"
}

func ExampleJoinHooks() {
	var calls []string
	count := &plugreg.Hooks{
		CallDone: func(_ context.Context, c plugreg.CallInfo, r plugreg.CallResult) {
			calls = append(calls, c.Target.Plugin+" "+c.Target.Operation+" "+r.Code)
		},
	}
	store, closeAll := opened(plugreg.Config{Hooks: plugreg.JoinHooks(count, plugreg.LogHooks(nil, plugreg.LogOptions{}))})
	defer closeAll()
	_ = store.Do(context.Background(), func(context.Context, Store) error { return nil })
	fmt.Println(slices.Contains(calls, "acme.memory call "))
	// Output: true
}

func ExampleRegistry_Inspect() {
	ctx := context.Background()
	stores := plugreg.MustNew[Store](plugreg.Config{})
	stores.MustRegister(memory("1.0.0"))
	store, err := stores.Open(ctx, "acme.memory", "", nil)
	if err != nil {
		log.Fatal(err)
	}
	_ = store.Do(ctx, func(context.Context, Store) error { return nil })
	_ = store.Do(ctx, func(context.Context, Store) error { panic("a bug") })
	for _, p := range stores.Inspect().Plugins {
		fmt.Println(p.Name, p.Version, p.Calls.Calls, p.Calls.Failures, len(p.Mounts))
	}
	fmt.Println(stores.Close(ctx))
	// Output:
	// acme.memory 1.0.0 2 map[PANIC:1] 1
	// <nil>
}
