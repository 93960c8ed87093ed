// SPDX-License-Identifier: Apache-2.0

// Program control is what the packages beside it are with one mistake each: it builds. It declares in package main what
// testdata/contracts/fixtures declares, and prints the shapes digest of both contracts.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/plugreg/plugreg"
)

type Thermometer interface {
	Read(unit string) (Sample, error)
	Close() error
}

type Sample struct {
	Celsius float64   `json:"celsius" plugreg:"required"`
	At      time.Time `json:"at"`
	Sensor  string    `json:"sensor,omitempty" plugreg:"default=inside,alias=probe"`
}

type settings struct{ Pin int }

type wired struct {
	plugreg.NoClose
	pin int
}

func (w *wired) Read(unit string) (Sample, error) { return Sample{Sensor: unit}, nil }

func main() {
	r, err := plugreg.New[Thermometer](plugreg.Config{})
	check(err)
	d, err := r.Register(plugreg.Configured(plugreg.Plugin[Thermometer]{
		Name: "wired", Version: "1.0.0", Prototype: (*wired)(nil),
	}, settings{Pin: 4}, func(_ context.Context, _ *plugreg.Env, cfg settings) (Thermometer, error) {
		return &wired{pin: cfg.Pin}, nil
	}))
	check(err)
	registered, _ := r.Contract(d)
	for _, s := range registered.Shapes {
		fmt.Println(s.Name)
	}
	c, err := plugreg.ContractOf[Thermometer]("acme.thermometer", "1.2.0")
	check(err)
	fmt.Println(c.ShapesDigest(), c.Digest())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
