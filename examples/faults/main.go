// SPDX-License-Identifier: Apache-2.0

// Command faults is a game day: it breaks things on purpose, measures who suffers, and checks that the limits of a host
// keep the damage where it began.
//
//	go run ./examples/faults
//
// Act 1 (incident.go, modules.go, damage.go): customs clearance fails, its breaker opens, and its detour floods a cache, so
// that six modules suffer which share nothing with it but that cache. Act 2 (drill.go): a payment gateway is slow and then
// gone, under two ways to retry. Act 3 (contain.go): faults of all kinds in plugins, while another one serves.
//
// Nothing is scripted but when something breaks: servers have so many connections and no more (pool.go), load comes at
// random (clock.go), and what became of each call is in a book (book.go). What is claimed about it is checked, and the
// program ends with status 1 where it does not hold: try -limit 1000.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/plugreg/plugreg"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// options are what a user may choose.
type options struct {
	speed   float64       // seconds of the story in one second here
	seed    uint64        // of arrivals, sizes and faults
	timeout time.Duration // of the whole program
	limit   int           // calls that may use the shared cache at a time
	charts  bool          // for a terminal
	colour  bool
}

func command(ctx context.Context, args []string, out *os.File, complaints io.Writer) error {
	o, flags := options{charts: terminal(out), colour: terminal(out) && os.Getenv("NO_COLOR") == ""}, flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(complaints)
	flags.Float64Var(&o.speed, "speed", 4, "seconds of the story in one second here; less is slower and more exact")
	flags.Uint64Var(&o.seed, "seed", 1, "of arrivals, sizes and faults")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "after which the program gives up")
	flags.IntVar(&o.limit, "limit", 20, "calls that may use the shared cache at a time, where it is limited")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case !(o.speed >= 0.1 && o.speed <= 100):
		return fmt.Errorf("-speed: want 0.1 to 100, have %v", o.speed)
	}
	return run(ctx, out, o)
}

// gameDay is what the program knows and has said.
type gameDay struct {
	page
	options
	open []*shop
	seen []plugreg.Inspection // of registries that were closed
}

// run is the whole program.
func run(ctx context.Context, out io.Writer, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	g := &gameDay{page: page{out: out, colour: o.colour}, options: o}
	for _, act := range []func(context.Context) error{g.incident, g.drill, g.containment} {
		if err := errors.Join(act(ctx), g.closeShops()); err != nil {
			return errors.Join(append(g.wrong, err, g.err)...)
		}
	}
	g.contained()
	g.title("%d OF %d CLAIMS HOLD", g.held, g.held+len(g.wrong))
	if len(g.wrong) > 0 {
		g.say("Where this machine has other things to do, a lower -speed is more exact.")
	}
	return errors.Join(append(g.wrong, g.err)...)
}
