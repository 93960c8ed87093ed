// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/canon"
)

// golden is what a week in Berlin with a rush in the evening taught, in which clocks change. Calls are as many as have
// even shares, so that no rate depends on how a processor rounds.
func golden(t *testing.T) *world {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	w := newWorld(standard(berlin), time.Date(2025, 10, 20, 12, 0, 0, 0, time.UTC), nil)
	w.days(7, func(at time.Time) (int, float64) {
		switch at.Hour() {
		case 18:
			return 2400, 0.01 * float64(1+at.Minute()/4)
		case 3, 4:
			return 5, 0.4
		}
		return 600, 0.005
	})
	return w
}

func TestGolden(t *testing.T) {
	t.Parallel()
	w, file := golden(t), filepath.Join("testdata", "week.json")
	var text bytes.Buffer
	require.NoError(t, json.Indent(&text, w.b.Append(nil), "", "\t"))
	text.WriteByte('\n')
	if os.Getenv("PLUGREG_UPDATE") == "1" {
		require.NoError(t, os.WriteFile(file, text.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "PLUGREG_UPDATE=1 go test . writes it")
	require.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), text.String())

	fresh := New(w.b.cfg)
	require.NoError(t, fresh.Restore(want, w.now))
	require.Equal(t, string(w.b.Append(nil)), string(fresh.Append(nil)))
	require.Equal(t, w.thresholds(), (&world{b: fresh, now: w.now}).thresholds())
}

func TestAppend(t *testing.T) {
	t.Parallel()
	b := New(standard(time.UTC))
	require.Equal(t, `kept{"hours":[],"version":1,"zone":"UTC"}`, string(b.Append([]byte("kept"))))
	b.week.add(489300, 0, 57)
	b.week.add(489301, 31, 2)
	b.week.add(489301, 2, 3)
	require.Equal(t, `{"hours":[{"at":"2025-10-26T12","minutes":{"0000000":57}},{"at":"2025-10-26T13","minutes":{"0001250":3,"1000000":2}}],"version":1,"zone":"UTC"}`,
		string(b.Append(nil)))
	b = New(standard(time.FixedZone("a\xffb", 1)))
	text := b.Append(nil)
	require.Equal(t, `{"hours":[],"version":1,"zone":"a`+"\ufffd"+`b"}`, string(text))
	require.NoError(t, b.Restore(text, monday()))
}

// TestRoundTrip writes weeks with anything in them and reads them again, in spellings that are not canonical too.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(20, 21))
	for range 15 {
		b := New(standard(time.UTC))
		now := time.Unix(int64(random.Uint32()), 0)
		hour := int32(now.Unix() / 3600)
		for h := hour - random.Int32N(weekHours+1); h <= hour; h++ {
			for range random.IntN(5) {
				b.week.add(h, random.IntN(bins), 1+random.IntN(80))
			}
		}
		text := b.Append(nil)
		v, err := canon.Parse(text, limits)
		require.NoError(t, err)
		require.Equal(t, string(text), string(canon.Append(nil, v)), "canonical")

		for _, text := range [][]byte{text, indented(t, text)} {
			again := learnedCalm().b
			require.NoError(t, again.Restore(text, now))
			require.Equal(t, b.week.all(), again.week.all())
			for ahead := range 30 {
				at := now.Add(time.Duration(ahead) * time.Hour)
				rate, learned := b.Threshold(at)
				rateAgain, learnedAgain := again.Threshold(at)
				require.Equal(t, rate, rateAgain)
				require.Equal(t, learned, learnedAgain)
			}
		}
	}
}

func indented(t *testing.T, text []byte) []byte {
	var b bytes.Buffer
	require.NoError(t, json.Indent(&b, text, "\r\n", "    "))
	return b.Bytes()
}

// TestLargestDocument: a document with every bin of every hour can be read, spread over lines too.
func TestLargestDocument(t *testing.T) {
	t.Parallel()
	b := New(standard(time.UTC))
	for h := int32(489300); h <= 489300+weekHours; h++ {
		for bin := range bins {
			b.week.add(h, bin, 70_000)
		}
	}
	now := time.Unix((489300+weekHours)*3600, 0)
	require.Len(t, b.week.all(), weekHours+1)
	text := b.Append(nil)
	again := New(standard(time.UTC))
	require.NoError(t, again.Restore(indented(t, text), now))
	require.Equal(t, text, again.Append(nil))
	rate, learned := again.Threshold(now)
	require.True(t, learned)
	require.Equal(t, 0.9, rate)
}

// TestRestoreDrops: hours older than seven days, and hours that are not yet, do not count.
func TestRestoreDrops(t *testing.T) {
	t.Parallel()
	w := golden(t)
	saved := w.b.Append(nil)
	all := w.b.week.all()
	last := all[len(all)-1].hour
	for _, ahead := range []int{-200, -1, 0, 1, 24, 167, 168, 169, 10_000} {
		now := w.b.hourOf(w.now.Unix()) + int32(ahead)
		var want []taughtHour
		for _, h := range all {
			if h.hour >= now-weekHours && h.hour <= now {
				want = append(want, h)
			}
		}
		fresh := learnedCalm().b
		fresh.cfg.Zone = w.b.cfg.Zone
		require.NoError(t, fresh.Restore(saved, w.now.Add(time.Duration(ahead)*time.Hour)))
		require.ElementsMatch(t, want, fresh.week.all(), ahead)
	}
	require.Equal(t, w.b.hourOf(w.now.Unix())-1, last)
}

// TestRestoreKeepsTheMinute: what was watched before goes on.
func TestRestoreKeepsTheMinute(t *testing.T) {
	t.Parallel()
	w := learnedCalm()
	saved := w.b.Append(nil)
	w.minutes(2, 100, 0.5)
	require.NoError(t, w.b.Restore(saved, w.now))
	w.minutes(2, 100, 0.5)
	require.Len(t, w.trips, 1)
	hours := w.b.week.all()
	require.Equal(t, int32(w.now.Unix()/3600), hours[len(hours)-1].hour)
}

// TestRestoreThenLearn: no hour that was restored is lost when the first minute behind it is taught.
func TestRestoreThenLearn(t *testing.T) {
	t.Parallel()
	w := newWorld(standard(time.UTC), monday(), nil)
	w.days(7, calm)
	before := w.b.week.all()
	require.Len(t, before, weekHours)
	fresh := &world{b: New(w.b.cfg), now: w.now}
	require.NoError(t, fresh.b.Restore(w.b.Append(nil), w.now))
	fresh.minutes(3, 500, 0.01)
	after := fresh.b.week.all()
	require.Equal(t, before, after[:len(before)])
	require.Len(t, after, len(before)+1)
}

const someHour = `{"at":"2025-10-26T12","minutes":{"0000000":57}}`

func document(hours string) string {
	return fmt.Sprintf(`{"hours":[%s],"version":1,"zone":"UTC"}`, hours)
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"nothing", "", "byte 0, $: want a value, found the end of the document"},
		{"no object", `[]`, "$: want an object, found an array"},
		{"cut off", document(someHour)[:40], "byte 32, $.hours[0]: a string does not end"},
		{"something behind it", document(someHour) + "x", "byte 84, $: want the end of the document"},
		{"empty", `{}`, "$.version: missing; want an integer\n$.version: want 1\n$.zone: missing; want a string\n" +
			"$.zone: want \"UTC\", found \"\"; its hours are not those of this zone\n$.hours: missing; want an array"},
		{"version", `{"version":2,"entirely":"different"}`, "$.version: want 1, found 2"},
		{"no version", `{"hours":[],"version":0,"zone":"UTC"}`, "$.version: want 1"},
		{"version as text", `{"hours":[],"version":"1","zone":"UTC"}`, "$.version: want an integer, found a string\n$.version: want 1"},
		{"zone", `{"hours":[],"version":1,"zone":"Asia/Tokyo"}`, `$.zone: want "UTC", found "Asia/Tokyo"; its hours are not those of this zone`},
		{"unknown key", `{"hours":[],"more":1,"version":1,"zone":"UTC"}`, "$.more: unknown key"},
		{"double key", `{"hours":[],"hours":[],"version":1,"zone":"UTC"}`, "byte 12, $.hours: the object has this key twice"},
		{"null", `{"hours":null,"version":1,"zone":"UTC"}`, "byte 9, $.hours: null is not part of canonical JSON; leave the key out"},
		{"hours of another kind", `{"hours":{},"version":1,"zone":"UTC"}`, "$.hours: want an array, found an object"},
		{"an hour of another kind", document(`7`), "$.hours[0]: want an object, found an integer"},
		{"an hour without all", document(`{}`), "$.hours[0].at: missing; want a string\n$.hours[0].at: want an hour from 1970 on such as \"2006-01-02T15\", found \"\"\n" +
			"$.hours[0].minutes: missing; want an object"},
		{"an hour with more", document(`{"at":"2025-10-26T12","minutes":{"0000000":57},"note":""}`), "$.hours[0].note: unknown key"},
		{"no hour", document(`{"at":"2025-10-26T24","minutes":{"0000000":57}}`), `$.hours[0].at: want an hour from 1970 on such as "2006-01-02T15", found "2025-10-26T24"`},
		{"with minutes", document(`{"at":"2025-10-26T12:00","minutes":{"0000000":57}}`), `$.hours[0].at: want an hour from 1970 on such as "2006-01-02T15", found "2025-10-26T12:00"`},
		{"a short hour", document(`{"at":"2025-10-26T1","minutes":{"0000000":57}}`), `$.hours[0].at: want an hour from 1970 on such as "2006-01-02T15", found "2025-10-26T1"`},
		{"before 1970", document(`{"at":"1969-12-31T23","minutes":{"0000000":57}}`), `$.hours[0].at: want an hour from 1970 on such as "2006-01-02T15", found "1969-12-31T23"`},
		{"twice", document(someHour + "," + someHour), `$.hours[1].at: want an hour later than 2025-10-26T12, found 2025-10-26T12`},
		{"out of order", document(someHour + `,{"at":"2025-10-26T11","minutes":{"0000000":57}}`), `$.hours[1].at: want an hour later than 2025-10-26T12, found 2025-10-26T11`},
		{"no minutes", document(`{"at":"2025-10-26T12","minutes":{}}`), "$.hours[0].minutes: want the number of minutes in one bin at least"},
		{"unknown bin", document(`{"at":"2025-10-26T12","minutes":{"0000000":1,"0000001":1}}`), `$.hours[0].minutes.0000001: unknown key`},
		{"zero minutes", document(`{"at":"2025-10-26T12","minutes":{"0000000":0}}`), `$.hours[0].minutes.0000000: want 1 to 65535 minutes, found 0`},
		{"negative", document(`{"at":"2025-10-26T12","minutes":{"1000000":-1}}`), `$.hours[0].minutes.1000000: want 1 to 65535 minutes, found -1`},
		{"too many", document(`{"at":"2025-10-26T12","minutes":{"1000000":65536}}`), `$.hours[0].minutes.1000000: want 1 to 65535 minutes, found 65536`},
		{"a fraction", document(`{"at":"2025-10-26T12","minutes":{"1000000":1.5}}`),
			`byte 53, $.hours[0].minutes.1000000: want an integer without fraction, exponent or leading zeros, found "1.5"`},
		{"several", document(`{"at":"x","minutes":{}},{"at":"2025-10-26T12","minutes":[]}`),
			"$.hours[0].at: want an hour from 1970 on such as \"2006-01-02T15\", found \"x\"\n$.hours[0].minutes: want the number of minutes in one bin at least\n" +
				"$.hours[1].minutes: want an object, found an array"},
		{"too long", strings.Repeat(" ", 300_000), "byte 262144, $: the document is too long: 300000 bytes, at most 262144 are read"},
		{"too deep", `{"hours":[{"minutes":{"a":[]}}]}`, `byte 26, $.hours[0].minutes.a: arrays and objects are nested too deeply: at most 4 levels are read`},
		{"too much", document(strings.Repeat("1,", 9000) + "1"), "byte 16390, $.hours[8190]: the document has too many values: at most 8192 are read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := learnedCalm()
			w.minutes(1, 100, 0.5)
			w.b.Threshold(w.now)
			before := *w.b
			require.EqualError(t, w.b.Restore([]byte(tt.in), w.now), tt.want)
			require.True(t, before == *w.b, "nothing is changed")
		})
	}
}

// FuzzRestore: what is refused changes nothing, and what is read is written in one way and read again.
func FuzzRestore(f *testing.F) {
	saved, err := os.ReadFile(filepath.Join("testdata", "week.json"))
	require.NoError(f, err)
	f.Add(bytes.ReplaceAll(saved, []byte("Europe/Berlin"), []byte("UTC")))
	f.Add(saved)
	f.Add([]byte(document(someHour)))
	f.Add([]byte(document(someHour + `,{"at":"2025-10-26T13","minutes":{"1000000":65535,"0001250":1}}`)))
	f.Add([]byte(document(`{"at":"1970-01-01T00","minutes":{"0000000":57}},{"at":"9999-12-31T23","minutes":{"0000000":57}}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		now := time.Date(2025, 10, 26, 13, 30, 0, 0, time.UTC)
		b := New(standard(time.UTC))
		b.week.add(5, 5, 5)
		before := b.week
		if b.Restore(data, now) != nil {
			require.True(t, before == b.week)
			return
		}
		text := b.Append(nil)
		again := New(standard(time.UTC))
		require.NoError(t, again.Restore(text, now))
		require.Equal(t, string(text), string(again.Append(nil)))
		require.True(t, b.week == again.week)
		for hour := range 24 {
			if rate, learned := b.Threshold(now.Add(time.Duration(hour) * time.Hour)); learned {
				require.GreaterOrEqual(t, rate, 0.02)
				require.LessOrEqual(t, rate, 0.9)
			}
		}
	})
}
