// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plugreg/plugreg/internal/canon"
)

const (
	documentVersion = 1
	hourFormat      = "2006-01-02T15"
)

// limits fit a document with every bin of every hour, spread over lines.
var limits = canon.Limits{Bytes: 256 << 10, Depth: 4, Values: 8192}

// Append appends what was learned to dst, as canonical JSON: for each hour for which something was taught, oldest
// first, how many minutes had a rate of no more than so many parts per million, by the upper edges of the bins, and
// more than the edge below:
//
//	{"hours":[{"at":"2025-11-24T20","minutes":{"0000000":57,"0001250":3}}],"version":1,"zone":"Europe/Berlin"}
//
// The minute under way, what is in a row, and whether the breaker is open are not in it.
func (b *Baseline) Append(dst []byte) []byte {
	o := canon.Open(dst)
	canon.List(o, "hours", b.week.all(), taughtHour.append)
	o.Int("version", documentVersion)
	o.String("zone", b.zone())
	return o.Close()
}

// zone is the name, as text that JSON can hold.
func (b *Baseline) zone() string { return strings.ToValidUTF8(b.cfg.Zone.String(), "\ufffd") }

func (h taughtHour) append(dst []byte) []byte {
	o := canon.Open(dst)
	o.String("at", h.text())
	o.Object("minutes", h.minutes.append)
	return o.Close()
}

func (h taughtHour) text() string { return time.Unix(int64(h.hour)*3600, 0).UTC().Format(hourFormat) }

func (h *histogram) append(dst []byte) []byte {
	o := canon.Open(dst)
	for bin, n := range h {
		if n > 0 {
			o.Int(edgeKeys[bin], int64(n))
		}
	}
	return o.Close()
}

// edgeKeys are the edges as keys, of one length so that they sort as numbers do.
var edgeKeys = [bins]string{
	"0000000", "0001000",
	"0001250", "0001600", "0002000", "0002500", "0003150", "0004000", "0005000", "0006300", "0008000", "0010000",
	"0012500", "0016000", "0020000", "0025000", "0031500", "0040000", "0050000", "0063000", "0080000", "0100000",
	"0125000", "0160000", "0200000", "0250000", "0315000", "0400000", "0500000", "0630000", "0800000", "1000000",
}

// Restore replaces what was learned by what Append wrote, in any spelling. Hours older than seven days at now are
// dropped, and so are those that are later than now. The minute under way and what is in a row stay as they are.
//
// The error lists every fault with its path: another version or zone, unknown, missing and double keys, hours out of
// order or without minutes, counts out of range, and a document beyond 256 KiB; b is as it was then. A zone is compared
// by its name, so "Local" fits the local zone of every machine.
func (b *Baseline) Restore(data []byte, now time.Time) error {
	v, err := canon.Parse(data, limits)
	if err != nil {
		return err
	}
	hours, err := read(v, b.zone())
	if err != nil {
		return err
	}
	b.week, b.cache = week{}, limit{}
	current := b.hourOf(instantOf(now).sec)
	for _, h := range hours {
		switch age := current - h.hour; {
		case age == 0:
			b.week.now, b.week.hour = h.minutes, h.hour
		case 0 < age && age <= weekHours:
			b.week.put(h.hour, h.minutes)
		}
	}
	return nil
}

// read reads a document; of one of another version nothing else can be said.
func read(v canon.Value, zone string) (hours []taughtHour, err error) {
	var other error
	err = canon.Decode(v, func(o *canon.ObjectReader) {
		switch version := o.Int("version"); version {
		case documentVersion:
		case 0: // also what is none
			o.Fail("version", fmt.Errorf("want %d", documentVersion))
		default:
			other = fmt.Errorf("$.version: want %d, found %d", documentVersion, version)
			return
		}
		if found := o.String("zone"); found != zone {
			o.Fail("zone", fmt.Errorf("want %q, found %.64q; its hours are not those of this zone", zone, found))
		}
		before := int32(-1)
		hours = canon.Objects(o, "hours", func(o *canon.ObjectReader) taughtHour { return readHour(o, &before) })
	})
	if other != nil {
		err = other
	}
	return hours, err
}

// readHour reads an hour that must be later than before, and raises that.
func readHour(o *canon.ObjectReader, before *int32) (h taughtHour) {
	text := o.String("at")
	at, err := time.Parse(hourFormat, text)
	hour := at.Unix() / 3600
	switch {
	case err != nil || at.Format(hourFormat) != text || at.Unix() < 0:
		o.Fail("at", fmt.Errorf("want an hour from 1970 on such as %q, found %.32q", hourFormat, text))
	case hour <= int64(*before):
		o.Fail("at", fmt.Errorf("want an hour later than %s, found %s", taughtHour{hour: *before}.text(), text))
	default:
		h.hour = int32(hour)
		*before = h.hour
	}
	o.Object("minutes", h.minutes.read)
	return h
}

func (h *histogram) read(o *canon.ObjectReader) {
	found := false
	for bin := range h {
		key := edgeKeys[bin]
		if !o.Has(key) {
			continue
		}
		found = true
		n := o.Int(key)
		if n < 1 || n > math.MaxUint16 {
			o.Fail(key, fmt.Errorf("want 1 to %d minutes, found %d", math.MaxUint16, n))
		}
		h[bin] = uint16(n)
	}
	if !found {
		o.Fail("", errors.New("want the number of minutes in one bin at least"))
	}
}
