// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func TestShowGolden(t *testing.T) {
	t.Parallel()
	golden(t, "golden/show.txt", runWith("", "show", v1, other).String())
	golden(t, "golden/show-snapshot.txt", runWith("", "show", older, expired).String())
}

func TestShowCanonical(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(v1)
	require.NoError(t, err)
	spelled := " " + strings.ReplaceAll(string(doc), `":`, "\" :\n\t")
	r := runWith(spelled, "show", "-json", "-", v2)
	require.Equal(t, exitPass, r.code, r)
	first, second, _ := strings.Cut(r.out, "\n")
	c, err := payment("1.2.0").MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, string(c), first)
	c, err = grown("1.3.0").MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, string(c)+"\n", second)

	once := runWith("", "show", "-json", older)
	require.Equal(t, exitPass, once.code)
	require.Equal(t, once, runWith(once.out, "show", "-json", "-"))
}

// What a document holds cannot reach the terminal as control characters or break a line.
func TestShowIsPlain(t *testing.T) {
	t.Parallel()
	c := refund("1.0.0")
	c.Shapes[0].GoType = "a\x1b[31m\nb"
	c.Shapes = append(c.Shapes, plugreg.Shape{Name: "data:X", Role: plugreg.RoleData, Kind: "struct", Fields: []plugreg.Field{
		{Name: "A", Wire: "a\x1b", Type: "int", Tag: "\x1b", Default: "\x1b", Aliases: []string{"\x1b"}}}})
	r := runWith("", "show", write(t, "c.json", c))
	require.Equal(t, exitPass, r.code, r.errors)
	require.NotContains(t, r.out, "\x1b")
	require.Contains(t, r.out, `("a\x1b[31m\nb")`)
	require.Contains(t, r.out, `    A  int  json "a\x1b", default "\x1b", alias "\x1b", tag "\x1b"`)
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	huge := filepath.Join(t.TempDir(), "huge.json")
	f, err := os.Create(huge)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(maxDocument+1)) // a hole: takes no space
	require.NoError(t, f.Close())
	doc, err := os.ReadFile(v1)
	require.NoError(t, err)
	damaged := write(t, "damaged.json", bytes.Replace(doc, []byte("amount"), []byte("annual"), 1))
	for _, test := range []struct {
		name, file, want string
	}{
		{"missing", "none.json", "none.json: want a contract or a snapshot, found: "},
		{"directory", "testdata", "testdata: want a contract or a snapshot, found a directory"},
		{"huge", huge, huge + ": want a contract or a snapshot, found 16777217 bytes, more than 16 MiB"},
		{"empty", write(t, "empty.json", []byte{}), "empty.json: want a contract or a snapshot, found: "},
		{"cut off", write(t, "cut.json", doc[:100]), "cut.json: want a contract or a snapshot, found: "},
		{"no JSON", write(t, "text.json", []byte("name: x")), "byte 0"},
		{"another document", write(t, "list.json", []byte("[]")), "list.json: want a contract or a snapshot, found: "},
		{"of no format", write(t, "none.json", []byte("{}")), "format"},
		{"of another format", write(t, "next.json", []byte(`{"format":"plugreg/contract/v9"}`)), `$.format: want "plugreg/contract/v1", found "plugreg/contract/v9"`},
		{"a snapshot that is none", write(t, "snap.json", []byte(`{"format":"plugreg/snapshot/v1"}`)), "snap.json: want a contract or a snapshot, found: "},
		{"a document of another kind", write(t, "exceptions.json", []byte(`{"format":"plugreg/exceptions/v1"}`)), `found: a document of the format "exceptions"`},
		{"a document of others", write(t, "foreign.json", []byte(`{"format":"openapi/v3"}`)), `found: a document of the format "openapi/v3"`},
		{"a digest that does not fit", damaged, "is not that of the content"},
		{"standard input that is empty", "-", "-: want a contract or a snapshot, found: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{{"show", test.file}, {"diff", v1, test.file}, {"diff", test.file, v1}, {"assert", "-package", "p", test.file}} {
				r := runWith("", args...)
				require.Equal(t, exitUsage, r.code)
				if args[0] != "assert" {
					require.Contains(t, r.errors, test.want)
				}
				require.Contains(t, r.errors, "plugreg: "+args[0]+": "+test.file+": want a contract")
				require.Empty(t, r.out)
			}
		})
	}
}

// endless is an input that does not end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(v1)
	require.NoError(t, err)
	require.Equal(t, runWith("", "diff", v1, v2), runWith(string(doc), "diff", "-", v2))
	r := runWith(string(doc), "diff", "-", "-")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errors, "-: want a contract or a snapshot, found that standard input was read before")

	var e endless
	var out, errs bytes.Buffer
	require.Equal(t, exitUsage, run([]string{"show", "-"}, &e, &out, &errs))
	require.Contains(t, errs.String(), "found more than 16 MiB")
	require.Less(t, e.read, 3*maxDocument)

	errs.Reset()
	require.Equal(t, exitUsage, run([]string{"show", "-"}, iotest.ErrReader(errors.New("hung up")), &out, &errs))
	require.Equal(t, "plugreg: show: -: want a contract or a snapshot, found: hung up\n", errs.String())
}
