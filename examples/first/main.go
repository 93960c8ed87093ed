// SPDX-License-Identifier: Apache-2.0

// Command first is the smallest host with a plugin: the README shows it.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/plugreg/plugreg"
)

// Sink is the contract: the host calls it, plugins satisfy it without knowing of plugreg.
type Sink interface {
	Write(level, msg string) error
	Close() error
}

type Console struct{}

func (*Console) Write(level, msg string) error { _, err := fmt.Println(level, msg); return err }
func (*Console) Close() error                  { return nil }

func main() {
	ctx := context.Background()
	sinks := plugreg.MustNew[Sink](plugreg.Config{})
	sinks.MustRegister(plugreg.Plugin[Sink]{
		Name: "acme.console", Version: "1.2.0", Prototype: (*Console)(nil),
		New: func(context.Context, *plugreg.Env) (Sink, error) { return &Console{}, nil },
	})
	sink, err := sinks.Open(ctx, "acme.console", "^1.2", nil)
	if err != nil {
		log.Fatal(err)
	}
	err = sink.Do(ctx, func(_ context.Context, s Sink) error { return s.Write("info", "hello") })
	fmt.Println("written:", err)
	err = sink.Do(ctx, func(context.Context, Sink) error { panic("a bug in a plugin") })
	fmt.Println(plugreg.CodeOf(err), "-", err) // the host goes on
	fmt.Println("closed:", sinks.Close(ctx))
}
