// SPDX-License-Identifier: Apache-2.0

// Package airport is the data that crosses the boundary between the host and its plugins. It knows neither of them, so
// that a plugin which imports it still imports no host. What [Parse] reads from what [Airport.Record] wrote is equal.
package airport

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/plugreg/plugreg/testdata"
)

// Airport is one row.
type Airport struct {
	// IATA is the airport's code: three or four upper-case letters and digits.
	IATA string `json:"iata"`
	// Name is the airport's own name.
	Name string `json:"name"`
	// City, State and Country say where it is; City and State are empty where they are not known.
	City    string `json:"city"`
	State   string `json:"state"`
	Country string `json:"country"`
	// Latitude and Longitude are degrees, north and east being positive.
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Header returns the names of the columns, in the order of [Airport.Record].
func Header() []string {
	return []string{"iata", "name", "city", "state", "country", "latitude", "longitude"}
}

// Record returns the columns of a; the degrees have as many digits as it takes to read the same number again.
func (a Airport) Record() []string {
	degrees := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	return []string{a.IATA, a.Name, a.City, a.State, a.Country, degrees(a.Latitude), degrees(a.Longitude)}
}

// All returns the 3,376 airports of the file that this package comes with.
func All() ([]Airport, error) {
	return Parse(strings.NewReader(testdata.AirportsCSV()), ',')
}

// Parse reads a header and rows of CSV. The error has the line of the row that cannot be read.
func Parse(r io.Reader, separator rune) ([]Airport, error) {
	lines, header := csv.NewReader(r), Header()
	lines.Comma = separator
	lines.FieldsPerRecord = len(header)
	lines.ReuseRecord = true
	first, err := lines.Read()
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if !slices.Equal(first, header) {
		return nil, fmt.Errorf("header: want %q, have %q", header, first)
	}
	var rows []Airport
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		row, err := fromRecord(record)
		if err != nil {
			line, _ := lines.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		rows = append(rows, row)
	}
}

func fromRecord(record []string) (Airport, error) {
	latitude, err1 := strconv.ParseFloat(record[5], 64)
	longitude, err2 := strconv.ParseFloat(record[6], 64)
	return Airport{record[0], record[1], record[2], record[3], record[4], latitude, longitude}, errors.Join(err1, err2)
}

// Compare says where got is not want, row by row: nil if they are equal.
func Compare(want, got []Airport) error {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return fmt.Errorf("row %d: want %+v, have %+v", i+1, want[i], got[i])
		}
	}
	if len(want) != len(got) {
		return fmt.Errorf("want %d rows, have %d", len(want), len(got))
	}
	return nil
}
