// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

var (
	_ Validator   = rules{}
	_ Transformer = rules{}
)

// rules satisfies two contracts. It has nothing to close.
type rules struct{ plugreg.NoClose }

func rulesPlugin() plugreg.Plugin[io.Closer] {
	return plugreg.Plugin[io.Closer]{
		Name: "rules", Version: "3.2.0", Summary: "what a row must hold, and how it is spelt",
		Prototype: rules{},
		New:       func(context.Context, *plugreg.Env) (io.Closer, error) { return rules{}, nil },
	}
}

func (rules) Validate(row airport.Airport) error {
	switch {
	case len(row.IATA) < 3 || len(row.IATA) > 4 || strings.Trim(row.IATA, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "":
		return fmt.Errorf("code: want three or four letters and digits, have %q", row.IATA)
	case strings.TrimSpace(row.Name) == "":
		return errors.New("name: want one, have none")
	case !(math.Abs(row.Latitude) <= 90 && math.Abs(row.Longitude) <= 180): // so written, it rejects NaN too
		return fmt.Errorf("position: want degrees on this planet, have %v, %v", row.Latitude, row.Longitude)
	}
	return nil
}

func (rules) Transform(row airport.Airport) (airport.Airport, error) {
	row.Name = strings.Join(strings.Fields(row.Name), " ")
	for _, place := range []*string{&row.City, &row.State} {
		if *place == "NA" {
			*place = ""
		}
	}
	return row, nil
}
