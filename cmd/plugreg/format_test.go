// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func newOutput(w io.Writer) *bufio.Writer { return bufio.NewWriter(w) }

func TestAnnotate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		annotation
		want string
	}{
		{"plain", annotation{"error", "a.json", "title", "text"}, "::error file=a.json,title=title::text\n"},
		{"separators are free in the message", annotation{"notice", "a:b,c.json", "a:b,c", "a:b,c::error::"}, "::notice file=a%3Ab%2Cc.json,title=a%3Ab%2Cc::a:b,c::error::\n"},
		{"lines and percents", annotation{"warning", "50%.json", "a\r\nb%0A", "a\r\n::error::b%25"}, "::warning file=50%25.json,title=a%0D%0Ab%250A::a%0D%0A::error::b%2525\n"},
		{"slashes", annotation{"error", filepath.Join("x", "a.json"), "t", "m"}, "::error file=x/a.json,title=t::m\n"},
		{"standard input is no file", annotation{"error", "-", "t", "m"}, "::error title=t::m\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			s := &session{out: bufio.NewWriter(&b)}
			s.annotate(test.annotation)
			require.NoError(t, s.out.Flush())
			require.Equal(t, test.want, b.String())
		})
	}
}

// Nothing that stands in an annotation ends it, and what a runner reads is what was meant.
func FuzzAnnotate(f *testing.F) {
	f.Add("a.json", "title", "text")
	f.Add("a:b,c%", "::\r\n", "%0A%25\r\n::error::x")
	f.Fuzz(func(t *testing.T, file, title, message string) {
		var b bytes.Buffer
		s := &session{out: bufio.NewWriter(&b)}
		s.annotate(annotation{"error", file, title, message})
		require.NoError(t, s.out.Flush())
		line, rest, _ := strings.Cut(b.String(), "\n")
		require.Empty(t, rest)
		properties, data, ok := strings.Cut(strings.TrimPrefix(line, "::error "), "::")
		require.True(t, ok)
		// As the runner reads them: properties at commas and equal signs, then the escapes, of which that of % comes last.
		read := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
		values := map[string]string{}
		for property := range strings.SplitSeq(properties, ",") {
			key, value, _ := strings.Cut(property, "=")
			values[key] = read.Replace(value)
		}
		require.Equal(t, title, values["title"])
		if file != "-" {
			require.Equal(t, filepath.ToSlash(file), values["file"])
		}
		require.Equal(t, message, strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(data))
	})
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"version", "-version", "--version"} {
		r := runWith("", args)
		require.Equal(t, exitPass, r.code)
		require.Regexp(t, `^plugreg \S+ \(go\S+ \w+/\w+(, revision \w+( and changes)?)?\)\n$`, r.out)
	}
	require.Contains(t, versionText(nil), "plugreg (unknown) (go")
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}}}
	info.Main.Version = "v1.2.3"
	require.Regexp(t, `^plugreg v1\.2\.3 \(.*, revision abc\)\n$`, versionText(info))
	info.Settings[1].Value = "true"
	require.Regexp(t, `, revision abc and changes\)\n$`, versionText(info))
}
