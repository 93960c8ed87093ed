// SPDX-License-Identifier: Apache-2.0

package airport

import (
	"bytes"
	"encoding/csv"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const head = "iata,name,city,state,country,latitude,longitude\n"

func TestAll(t *testing.T) {
	t.Parallel()
	rows, err := All()
	require.NoError(t, err)
	require.Len(t, rows, 3376)
	require.Equal(t, Airport{"00M", "Thigpen", "Bay Springs", "MS", "USA", 31.95376472, -89.23450472}, rows[0])
	require.Contains(t, rows, Airport{"53A", "Dr. C.P. Savage, Sr.", "Montezuma", "GA", "USA", 32.302, -84.00747222})
	codes := map[string]bool{}
	for _, row := range rows {
		codes[row.IATA] = true
	}
	require.Len(t, codes, len(rows), "no code stands twice")
}

func TestParseRejects(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":        {"", "header: EOF"},
		"other header":   {strings.Replace(head, "iata", "icao", 1), `header: want ["iata"`},
		"short header":   {"iata\n", "header: record on line 1: wrong number of fields"},
		"short row":      {head + "XYZ,a\n", "record on line 2: wrong number of fields"},
		"no latitude":    {head + "XYZ,a,b,c,d,,1\n", `line 2: strconv.ParseFloat: parsing ""`},
		"two bad fields": {head + "XYZ,a,b,c,d,1,2\nXYZ,a,b,c,d,north,west\n", "line 3: strconv.ParseFloat: parsing \"north\": invalid syntax\nstrconv.ParseFloat: parsing \"west\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := Parse(strings.NewReader(tt.text), ',')
			require.ErrorContains(t, err, tt.want)
			require.Nil(t, rows)
		})
	}
}

func TestHeaderMatchesRecord(t *testing.T) {
	t.Parallel()
	require.Equal(t, head, strings.Join(Header(), ",")+"\n")
	require.Len(t, Airport{}.Record(), len(Header()))
	require.Equal(t, []string{"A", "b", "c", "d", "e", "-0.1", "1234567.5"}, Airport{"A", "b", "c", "d", "e", -0.1, 1234567.5}.Record())
}

func TestCompare(t *testing.T) {
	t.Parallel()
	a, b := Airport{IATA: "AAA"}, Airport{IATA: "BBB"}
	require.NoError(t, Compare(nil, nil))
	require.NoError(t, Compare([]Airport{a, b}, []Airport{a, b}))
	require.ErrorContains(t, Compare([]Airport{a, b}, []Airport{a, a}), "row 2: want {IATA:BBB ")
	require.EqualError(t, Compare([]Airport{a, b}, []Airport{a}), "want 2 rows, have 1")
	require.EqualError(t, Compare([]Airport{a}, []Airport{a, b}), "want 1 rows, have 2")
}

// FuzzParse checks that what was read is read again from what is written.
func FuzzParse(f *testing.F) {
	f.Add(head + "53A,\"Dr. C.P. Savage, Sr.\",Montezuma,GA,USA,32.302,-84.00747222\n")
	f.Add(head + "XYZ,\"a\n\"\"b\",,,,1e300,-0\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := Parse(strings.NewReader(text), ',')
		if err != nil {
			return
		}
		var out bytes.Buffer
		lines := csv.NewWriter(&out)
		require.NoError(t, lines.Write(Header()))
		for i, row := range rows {
			require.NoError(t, lines.Write(row.Record()))
			if math.IsNaN(row.Latitude) || math.IsNaN(row.Longitude) {
				rows[i].Latitude, rows[i].Longitude = 0, 0 // equals nothing, not even itself
			}
		}
		lines.Flush()
		again, err := Parse(&out, ',')
		require.NoError(t, err)
		for i, row := range again {
			if math.IsNaN(row.Latitude) || math.IsNaN(row.Longitude) {
				again[i].Latitude, again[i].Longitude = 0, 0
			}
		}
		require.NoError(t, Compare(rows, again))
	})
}
