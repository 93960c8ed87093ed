// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/plugreg/plugreg"
)

func showCommand() command {
	return command{name: "show", args: "FILE…", text: "print what contract documents and snapshots say", more: `
"-" is standard input.`,
		prepare: func(s *session, flags *flag.FlagSet) action {
			asJSON := flags.Bool("json", false, "print each document as canonical JSON, on a line")
			return func(files []string) (int, error) {
				if len(files) == 0 {
					return exitUsage, wanted("documents", files)
				}
				return exitPass, s.show(files, *asJSON)
			}
		}}
}

func (s *session) show(files []string, asJSON bool) error {
	for i, file := range files {
		d, err := s.document(file)
		if err != nil {
			return err
		}
		if asJSON {
			if err := s.canonical(d); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			s.out.WriteString("\n")
		}
		s.people(d)
	}
	return nil
}

// contractText prints a contract for people.
func (s *session) contractText(c plugreg.Contract) {
	fmt.Fprintf(s.out, "%s %s\n", c.Name, c.Version)
	descriptor := "none"
	if d, err := c.Descriptor(); err == nil {
		descriptor = d.String()
	}
	s.entries("policy", c.Policy.String())
	s.entries("descriptor", descriptor)
	s.entries("digest", c.Digest().String())
	s.entries("shapes", c.ShapesDigest().String())
	s.entries("serves as", c.CompatKey())
	s.entries("requires", requirements(c)...)
	s.entries("uses", c.Uses...)
	for _, shape := range c.Shapes {
		s.shape(shape)
	}
}

// entries prints a heading and what belongs to it, a line each.
func (s *session) entries(heading string, texts ...string) {
	for _, text := range texts {
		fmt.Fprintf(s.out, "  %-11s %s\n", heading, text)
		heading = ""
	}
}

func requirements(c plugreg.Contract) (texts []string) {
	for _, d := range c.Requires {
		text := d.Name
		if d.Constraint != "" {
			text += " " + plain(d.Constraint)
		}
		if d.Optional {
			text += ", optional"
		}
		texts = append(texts, text)
	}
	return texts
}

func (s *session) shape(shape plugreg.Shape) {
	fmt.Fprintf(s.out, "\n  %s: %s, %s", shape.Name, shape.Role, shape.Kind)
	if !shape.Comparable {
		s.out.WriteString(", not comparable")
	}
	if shape.GoType != "" {
		fmt.Fprintf(s.out, " (%s)", plain(shape.GoType))
	}
	s.out.WriteString("\n")
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, f := range shape.Fields {
		fmt.Fprintf(table, "    %s\t%s\t%s\n", f.Name, f.Type, strings.Join(fieldNotes(f), ", "))
	}
	table.Flush()
	for _, m := range shape.Methods {
		fmt.Fprintf(s.out, "    %s%s", m.Name, strings.TrimPrefix(m.Type, "func"))
		if m.Pointer {
			s.out.WriteString("  of the pointer")
		}
		s.out.WriteString("\n")
	}
}

// fieldNotes say what is special about a field.
func fieldNotes(f plugreg.Field) (notes []string) {
	note := func(is bool, text string) {
		if is {
			notes = append(notes, text)
		}
	}
	note(f.Embedded, "embedded")
	note(f.Wire == "-", "not in JSON")
	note(f.Wire == "", "its fields stand in its place")
	note(f.Wire != "-" && f.Wire != "", "json "+strconv.Quote(f.Wire))
	note(f.Required, "required")
	note(f.Default != "", "default "+strconv.Quote(f.Default))
	for _, alias := range f.Aliases {
		note(true, "alias "+strconv.Quote(alias))
	}
	note(f.Tag != "", "tag "+tagText(f.Tag))
	return notes
}

// tagText writes a tag as Go source does, where that is possible.
func tagText(tag string) string {
	if strconv.CanBackquote(tag) {
		return "`" + tag + "`"
	}
	return strconv.Quote(tag)
}

// plain keeps text of a document on its line, and control characters away from the terminal.
func plain(text string) string {
	if quoted := strconv.Quote(text); quoted[1:len(quoted)-1] != text {
		return quoted
	}
	return text
}
