// SPDX-License-Identifier: Apache-2.0

package tag

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// textOf is the text of an error, empty for none.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want Options
	}{
		{in: ""},
		{in: "required", want: Options{Required: true}},
		{in: "default=5", want: Options{HasDefault: true, Default: "5"}},
		{in: "default=", want: Options{HasDefault: true}},
		{in: "default=''", want: Options{HasDefault: true}},
		{in: "default='a,b''c'", want: Options{HasDefault: true, Default: "a,b'c"}},
		{in: "default=''''", want: Options{HasDefault: true, Default: "'"}},
		{in: "default='a'''", want: Options{HasDefault: true, Default: "a'"}},
		{in: "default=it's", want: Options{HasDefault: true, Default: "it's"}},
		{in: "default=a=b", want: Options{HasDefault: true, Default: "a=b"}},
		{in: "default= a ", want: Options{HasDefault: true, Default: " a "}},
		{in: "default='a',alias=b", want: Options{HasDefault: true, Default: "a", Aliases: []string{"b"}}},
		{in: "default=5,alias=old", want: Options{HasDefault: true, Default: "5", Aliases: []string{"old"}}},
		{in: "alias=old,alias='x,y',required", want: Options{Required: true, Aliases: []string{"old", "x,y"}}},
		{in: "alias=a,alias='b,c',alias=d=e", want: Options{Aliases: []string{"a", "b,c", "d=e"}}},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.in == "", got.IsZero())
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"requird":                   `unknown option "requird"`,
		" required":                 `unknown option " required"`,
		"required, alias=a":         `unknown option " alias"`,
		"optional=1":                `unknown option "optional"`,
		"required,":                 `unknown option ""`,
		",required":                 `unknown option ""`,
		",":                         `unknown option ""`,
		"=5":                        `unknown option ""`,
		"default='a',":              `unknown option ""`,
		"required=true":             "required takes no value",
		"required=":                 "required takes no value",
		"required,required":         "required is given twice",
		"default":                   "default needs a value",
		"default=1,default=2":       "default is given twice",
		"default=,default=":         "default is given twice",
		"alias":                     "alias needs a value",
		"alias=":                    "alias needs a value",
		"alias=''":                  "alias needs a value",
		"alias=a,alias=b,alias='a'": `alias "a" is given twice`,
		"default='a":                "default: a quoted value does not end",
		"alias='a''":                "alias: a quoted value does not end",
		"default='a'b":              `default: a comma must follow a quoted value, not "b"`,
	} {
		got, err := Parse(in)
		require.EqualError(t, err, fmt.Sprintf("plugreg tag %q: %s; %s", in, want, help))
		require.True(t, got.IsZero(), in)
	}
}

func TestParseRefusesTheWhole(t *testing.T) {
	t.Parallel()
	_, err := Parse("default=1,required")
	require.EqualError(t, err, `plugreg tag "default=1,required": a required field cannot have a default; drop one of the two`)
	_, err = Parse("alias=\xff")
	require.EqualError(t, err, `plugreg tag "alias=\xff" is not valid UTF-8; write it in UTF-8`)
}

func TestOf(t *testing.T) {
	t.Parallel()
	const malformed = `is malformed, so its plugreg part has no effect; write plugreg:"…", with one space between keys`
	for _, tt := range []struct {
		in   reflect.StructTag
		want Options
		err  string
	}{
		{in: ""},
		{in: "anything goes"},
		{in: `json:"a"`},
		{in: `plugreg:""`},
		{in: `json:"a" plugreg:"required" doc:"b"`, want: Options{Required: true}},
		{in: `json:"a\"b"plugreg:"alias=\u00e9"`, want: Options{Aliases: []string{"é"}}},
		{in: "doc:\"a\nb\" plugreg:\"required\"", want: Options{Required: true}},
		{in: `doc:"plugreg:" x`},
		{in: `json:"d"  plugreg:default=5`, err: malformed},
		{in: `plugreg: "required"`, err: malformed},
		{in: `doc:'plugreg:'`, err: malformed},
		{in: `plugreg:"required`, err: malformed},
		{in: `plugreg:"\z"`, err: malformed},
		{in: `plugreg:"\"`, err: malformed},
		{in: `a b:"x" plugreg:"required"`, err: malformed},
		{in: `plugreg:"required" plugreg:alias=x`, err: malformed},
		{in: `plugreg:"required" plugreg:"alias=x"`, err: "has plugreg twice, and the second has no effect; join the two with a comma"},
	} {
		t.Run(string(tt.in), func(t *testing.T) {
			t.Parallel()
			got, err := Of(reflect.StructField{Name: "A", Tag: tt.in})
			require.Equal(t, tt.want, got)
			want := ""
			if tt.err != "" {
				want = fmt.Sprintf("tag %q %s", string(tt.in), tt.err)
			}
			require.Equal(t, want, textOf(err))
		})
	}
	_, err := Of(reflect.StructField{Name: "A", Tag: `plugreg:"x"`})
	require.ErrorContains(t, err, `unknown option "x"`)
}

// spell writes options as a tag in the longest form.
func spell(o Options) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	var parts []string
	if o.Required {
		parts = append(parts, "required")
	}
	if o.HasDefault {
		parts = append(parts, "default="+quote(o.Default))
	}
	for _, a := range o.Aliases {
		parts = append(parts, "alias="+quote(a))
	}
	return strings.Join(parts, ",")
}

var oneOption = regexp.MustCompile(`(?s)^(required|(default|alias)=('(?:[^']|'')*'|(?:[^',][^,]*)?))(,|$)`)

// naive is the grammar as a regular expression, and its conditions checked at the end.
func naive(text string) (o Options, ok bool) {
	required, defaults := 0, 0
	for more := text != ""; more; {
		m := oneOption.FindStringSubmatch(text)
		if m == nil {
			return Options{}, false
		}
		value := m[3]
		if strings.HasPrefix(value, "'") {
			value = strings.ReplaceAll(value[1:len(value)-1], "''", "'")
		}
		switch m[2] {
		case "default":
			defaults, o.Default = defaults+1, value
		case "alias":
			o.Aliases = append(o.Aliases, value)
		default:
			required++
		}
		text, more = text[len(m[0]):], m[4] != ""
	}
	names := slices.Compact(slices.Sorted(slices.Values(o.Aliases)))
	o.Required, o.HasDefault = required == 1, defaults == 1
	return o, required+defaults <= 1 && len(names) == len(o.Aliases) && !slices.Contains(names, "")
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "required,alias=x", "default='a,''b',alias=c", "default=,alias='", "default='''',", "a=b,=,'", "alias=a,,", "alias=a,alias='a'", "required,default=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			_, err := Parse(text)
			require.ErrorContains(t, err, "UTF-8")
			return
		}
		got, err := Parse(text)
		want, ok := naive(text)
		require.Equal(t, ok, err == nil, "%v", err)
		if !ok {
			want = Options{}
		}
		require.Equal(t, want, got)
		again, err := Parse(spell(got))
		require.NoError(t, err)
		require.Equal(t, got, again)

		value := Options{HasDefault: true, Default: text}
		if text != "" {
			value.Aliases = []string{text}
		}
		got, err = Parse(spell(value))
		require.NoError(t, err)
		require.Equal(t, value, got, "every text can be written")
	})
}

// FuzzOf has reflection as its oracle: what it reads is returned, and where that is not all there is an error.
func FuzzOf(f *testing.F) {
	for _, s := range []string{`json:"a" plugreg:"required"`, `plugreg: "required"`, `plugreg:"\z"`, `a:"\"" plugreg:"x`, `plugreg:"" plugreg:""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := lookup(text)
		want, ok := reflect.StructTag(text).Lookup(Key)
		if err == nil {
			require.Equal(t, want, got)
			return
		}
		require.Empty(t, got)
		require.Contains(t, text, Key+":")
		require.True(t, !ok || strings.Count(text, Key+":") > 1, "a single one that reflection reads is not refused")
	})
}

func BenchmarkOf(b *testing.B) {
	f := reflect.StructField{Name: "A", Tag: `json:"a,omitempty" plugreg:"default='a,b',alias=old"`}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Of(f); err != nil {
			b.Fatal(err)
		}
	}
}
