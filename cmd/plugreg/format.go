// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"path/filepath"
	"strings"
)

// style is how a result is written.
type style string

const (
	styleText   style = "text"   // for people
	styleJSON   style = "json"   // one JSON document
	styleGitHub style = "github" // workflow commands, which GitHub shows beside the code
)

func styleFlag(flags *flag.FlagSet) *style {
	f := styleText
	flags.Var(&f, "format", "write the result as `text`, json, or github (annotations of GitHub Actions)")
	return &f
}

// String returns the name of the style.
func (f *style) String() string { return string(*f) }

// Set takes a name of a style.
func (f *style) Set(name string) error {
	switch style(name) {
	case styleText, styleJSON, styleGitHub:
		*f = style(name)
		return nil
	}
	return errors.New("want text, json or github")
}

// json writes v as an indented document that does not escape what needs no escape.
func (s *session) json(v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// annotation is a message that GitHub Actions shows at a file.
type annotation struct {
	level   string // error, warning or notice
	file    string // "-": at none
	title   string
	message string
}

// annotate writes the workflow command for a. Whatever a document holds stays within it: a line of its own could be
// another command.
func (s *session) annotate(a annotation) {
	s.out.WriteString("::" + a.level + " ")
	if a.file != "-" {
		s.out.WriteString("file=" + escapeProperty(filepath.ToSlash(a.file)) + ",")
	}
	s.out.WriteString("title=" + escapeProperty(a.title) + "::" + escapeData(a.message) + "\n")
}

func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
