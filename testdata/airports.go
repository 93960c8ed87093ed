// SPDX-License-Identifier: Apache-2.0

// Package testdata embeds the data that examples and tests run on, so that they find it from every working directory.
// README.md says where the data comes from. The data never changes while a program runs.
package testdata

import _ "embed"

//go:embed airports.csv
var airports string

// AirportsCSV returns airports.csv: a header and 3,376 rows, in UTF-8. It may be called concurrently.
func AirportsCSV() string { return airports }
