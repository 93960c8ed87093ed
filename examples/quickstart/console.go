// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/plugreg/plugreg"
)

var _ LogSink = (*console)(nil)

// console is a LogSink that writes a line a message.
type console struct {
	plugreg.NoClose
	mu  sync.Mutex // guards out
	out io.Writer
}

func consolePlugin(out io.Writer) plugreg.Plugin[io.Closer] {
	return plugreg.Plugin[io.Closer]{
		Name: "console", Version: "1.0.0", Summary: "the log of this program",
		Prototype: (*console)(nil),
		New:       func(context.Context, *plugreg.Env) (io.Closer, error) { return &console{out: out}, nil },
	}
}

func (c *console) Write(level, msg string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := fmt.Fprintf(c.out, "%-5s %s\n", level, msg)
	return err
}
