// SPDX-License-Identifier: Apache-2.0

package plugregtest_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/plugregtest"
)

// Greeter is the contract of a host.
type Greeter interface {
	Greet(ctx context.Context, name string) (string, error)
	Close() error
}

type greetings struct {
	Format string `json:"format"`
}

type polite struct {
	format string
	closed chan struct{}
}

func (p *polite) Greet(_ context.Context, name string) (string, error) {
	return fmt.Sprintf(p.format, name), nil
}

func (p *polite) Close() error {
	close(p.closed)
	return nil
}

func politePlugin() plugreg.Plugin[Greeter] {
	return plugreg.Configured(plugreg.Plugin[Greeter]{Name: "polite", Version: "1.0.0", Prototype: (*polite)(nil)}, greetings{Format: "Dear %s"},
		func(_ context.Context, _ *plugreg.Env, cfg greetings) (Greeter, error) {
			return &polite{format: cfg.Format, closed: make(chan struct{})}, nil
		})
}

// The plugin closes a channel in Close, so that a second Close panics. In a test, t.Fatal(err) shows it, with the
// stack.
func ExampleCheck() {
	err := plugregtest.Check(context.Background(), politePlugin(), plugregtest.Options[Greeter]{
		Call: func(ctx context.Context, g Greeter) error {
			text, err := g.Greet(ctx, "Ada")
			if err == nil && !strings.Contains(text, "Ada") {
				return fmt.Errorf("want a greeting for Ada, have %q", text)
			}
			return err
		},
	})
	for _, v := range plugregtest.Violations(err) {
		fmt.Println(v.Rule, "-", v.Operation, v.When)
		fmt.Println("want", v.Want)
		fmt.Println("have", v.Have)
		fmt.Println("fix: ", v.Fix)
	}
	// Output:
	// close-idempotent - Close a second time, after its handle did
	// want nil
	// have the panic: close of closed channel
	// fix:  let it return nil where there is nothing left to do
}

func ExampleRule_Explain() {
	fmt.Println(plugregtest.CallSucceeds.Explain())
	// Output: Options.Call returns nil within Patience on an instance that was just opened.
}
