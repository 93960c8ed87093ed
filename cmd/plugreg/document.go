// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/plugreg/plugreg"
)

// document is what a file holds: a snapshot, or else a contract.
type document struct {
	snapshot *plugreg.Snapshot
	contract plugreg.Contract
}

func (s *session) document(file string) (document, error) {
	const what = "a contract or a snapshot"
	data, err := s.read(file, what)
	if err != nil {
		return document{}, err
	}
	d, err := parseDocument(data)
	if err != nil {
		return document{}, fmt.Errorf("%s: want %s, found: %w", file, what, err)
	}
	return d, nil
}

func parseDocument(data []byte) (d document, err error) {
	switch kind, known := kindOf(data); {
	case kind == "snapshot":
		d.snapshot = new(plugreg.Snapshot)
		*d.snapshot, err = plugreg.ReadSnapshot(data)
	case known && kind != "contract":
		err = fmt.Errorf("a document of the format %q", kind)
	default: // what is wrong with data that is no JSON, the library says best
		d.contract, err = plugreg.ParseContract(data)
	}
	return d, err
}

// snapshot reads a snapshot document.
func (s *session) snapshot(file string) (plugreg.Snapshot, error) {
	d, err := s.document(file)
	if err == nil && d.snapshot == nil {
		err = fmt.Errorf("%s: want a snapshot, found a contract", file)
	}
	if err != nil {
		return plugreg.Snapshot{}, err
	}
	return *d.snapshot, nil
}

// kindOf says what kind of document data claims to be: "contract" of "plugreg/contract/v1". Known is false where data is
// no JSON object that says so.
func kindOf(data []byte) (kind string, known bool) {
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil || head.Format == "" {
		return "", false
	}
	kind, ours := strings.CutPrefix(head.Format, "plugreg/")
	if !ours {
		return head.Format, true
	}
	kind, _, _ = strings.Cut(kind, "/")
	return kind, true
}

func (d document) what() string {
	if d.snapshot != nil {
		return "a snapshot"
	}
	return "a contract"
}

// newest are the newest versions, one of each plugin.
func (d document) newest() []plugreg.Contract {
	if d.snapshot == nil {
		return []plugreg.Contract{d.contract}
	}
	var list []plugreg.Contract
	for _, c := range d.snapshot.Contracts { // which ReadSnapshot sorts by name, then by precedence
		if len(list) > 0 && list[len(list)-1].Name == c.Name {
			list[len(list)-1] = c
		} else {
			list = append(list, c)
		}
	}
	return list
}

// canonical prints a document on a line.
func (s *session) canonical(d document) error {
	var m json.Marshaler = d.contract
	if d.snapshot != nil {
		m = d.snapshot
	}
	doc, err := m.MarshalJSON() // json.Marshal would escape more than is canonical
	_, failed := s.out.Write(append(doc, '\n'))
	return errors.Join(err, failed)
}

// people prints a document for people.
func (s *session) people(d document) {
	if d.snapshot == nil {
		s.contractText(d.contract)
		return
	}
	fmt.Fprintf(s.out, "snapshot of %d contracts\n", len(d.snapshot.Contracts))
	s.entries("digest", d.snapshot.Digest().String())
	for _, e := range [][2]string{{"registry", d.snapshot.Registry}, {"go", d.snapshot.GoVersion}, {"platform", d.snapshot.Platform}} {
		if e[1] != "" {
			s.entries(e[0], plain(e[1]))
		}
	}
	for _, e := range []struct {
		name   string
		policy plugreg.Policy
	}{{"policy", d.snapshot.Policy}, {"min policy", d.snapshot.MinPolicy}} {
		if e.policy != plugreg.Default {
			s.entries(e.name, e.policy.String())
		}
	}
	if !d.snapshot.Taken.IsZero() {
		s.entries("taken", instant(d.snapshot.Taken))
	}
	if expired := ""; !d.snapshot.Expires.IsZero() {
		if d.snapshot.Expired(time.Now()) {
			expired = ", which is over"
		}
		s.entries("expires", instant(d.snapshot.Expires)+expired)
	}
	for _, c := range d.snapshot.Contracts {
		s.out.WriteString("\n")
		s.contractText(c)
	}
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
