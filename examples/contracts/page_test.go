// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPage(t *testing.T) {
	t.Parallel()
	var p page
	p.title("HEAD %d", 1)
	p.say("a %s b", "ü")
	p.quote("one\n  two")
	p.lead("leads to")
	p.table([]string{"A", "Ü", "C"}, []string{"1", "22", ""})
	p.expect(true, "nothing")
	p.expect(false, "%d", 7)
	p.end()
	require.Equal(t, "HEAD 1\n  a ü b\n    one\n      two\n\nleads to\n  A  Ü   C\n  1  22\n\n1 OF 2 EXPECTATIONS HOLD\n", p.text.String())
	require.Len(t, p.wrong, 1)
	require.EqualError(t, p.wrong[0], "not as expected: 7")
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", []string{"> "}},
		{"one line", "a  b", []string{"> a b"}},
		{"to the last column", "1234 678", []string{"> 1234 678"}},
		{"beyond it", "1234 6789", []string{"> 1234", "- 6789"}},
		{"letters, not bytes", "äöüß äöü", []string{"> äöüß äöü"}},
		{"a word that does not fit", "a 123456789012 b", []string{"> a", "- 123456789012", "- b"}},
	} {
		require.Equal(t, tt.want, wrap(tt.text, "> ", "- ", 10), tt.name)
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	require.Equal(t, "*gateway.Of[v110.X]", short("*example.com/a/b-c/gateway.Of[example.com/a/v110.X]"))
	require.Equal(t, "data:X string a/b", short("data:X string a/b"))
	require.Equal(t, "sha256:0123456789ab…", short("sha256:0123456789ab"+"0123456789012345678901234567890123456789012345678901"))
}

func TestColours(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	require.Same(t, f, coloured(f), "a file is no terminal")
	require.NoError(t, f.Close())
	require.Same(t, f, coloured(f), "nor is a closed one")

	var out bytes.Buffer
	n, err := painter{&out}.Write([]byte("HEAD\n  refused, read\n"))
	require.NoError(t, err)
	require.Equal(t, 21, n)
	require.Equal(t, "\x1b[1mHEAD\x1b[22m\n  \x1b[31mrefused\x1b[39m, \x1b[32mread\x1b[39m\n", out.String())
}
