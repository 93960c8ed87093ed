// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

// exDoc is a document of exceptions.
func exDoc(entries ...string) string {
	return `{"format":"plugreg/exceptions/v1","exceptions":[` + strings.Join(entries, ",") + `]}`
}

const (
	exField = `{"rule":"field-removed","path":"contract.Note","baseline":"shop@1.0.0","reason":"never used","expires":"2026-12-31"}`
	exGone  = `{"rule":"plugin-removed","path":"shop","baseline":"shop@1.2.0-rc.1+b","reason":"sold","expires":"9999-12-31"}`
	exFirst = `{"rule":"no-baseline","path":"shop","reason":"first \u00e9","expires":"2024-02-29"}`
)

func exDay(text string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return day
}

func TestReadExceptions(t *testing.T) {
	t.Parallel()
	list, err := plugreg.ReadExceptions([]byte(exDoc(exField, exGone, exFirst)))
	require.NoError(t, err)
	require.Equal(t, []plugreg.Exception{
		{Rule: "field-removed", Path: "contract.Note", Baseline: "shop@1.0.0", Reason: "never used", Expires: exDay("2026-12-31")},
		{Rule: "plugin-removed", Path: "shop", Baseline: "shop@1.2.0-rc.1+b", Reason: "sold", Expires: exDay("9999-12-31")},
		{Rule: "no-baseline", Path: "shop", Reason: "first é", Expires: exDay("2024-02-29")},
	}, list)
	require.Equal(t, "field-removed at contract.Note since shop@1.0.0", list[0].String())
	require.Equal(t, "no-baseline at shop", list[2].String())
	require.Equal(t, `"a\nb" at "\x1b" since "c\rd"`, plugreg.Exception{Rule: "a\nb", Path: "\x1b", Baseline: "c\rd"}.String())

	again, err := plugreg.ReadExceptions(respelled(t, []byte(exDoc(exField, exGone, exFirst)), rand.New(rand.NewPCG(5, 6))))
	require.NoError(t, err)
	require.ElementsMatch(t, list, again)
	readme, err := os.ReadFile(filepath.Join(contractDir, "README.md"))
	require.NoError(t, err)
	const begin = `{"format":"plugreg/exceptions/v1"`
	_, example, found := strings.Cut(string(readme), "```json\n"+begin)
	require.True(t, found, "the description shows a document")
	example, _, _ = strings.Cut(example, "```")
	shown, err := plugreg.ReadExceptions([]byte(begin + example))
	require.NoError(t, err)
	require.NotEmpty(t, shown)
	none, err := plugreg.ReadExceptions([]byte(exDoc()))
	require.NoError(t, err)
	require.Empty(t, none)
}

// Each rule that a change is named by can be excepted.
func TestReadExceptionsKnowsAllRules(t *testing.T) {
	t.Parallel()
	var entries []string
	for _, r := range plugreg.Rules() {
		entries = append(entries, strings.Replace(exField, "field-removed", string(r), 1))
	}
	list, err := plugreg.ReadExceptions([]byte(exDoc(entries...)))
	require.NoError(t, err)
	require.Len(t, list, len(plugreg.Rules()))
}

func TestReadExceptionsRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, doc, old, new, want string }{
		{"a rule that is none", exField, "field-removed", "field-remove", `$.exceptions[0].rule: unknown rule "field-remove"`},
		{"no rule", exField, "field-removed", "", `$.exceptions[0].rule: unknown rule ""`},
		{"a missing day", exField, `,"expires":"2026-12-31"`, "", `$.exceptions[0].expires: missing; want a string`},
		{"all rules", exField, "field-removed", "*", `$.exceptions[0].rule: unknown rule "*"`},
		{"no path", exField, "contract.Note", "", `$.exceptions[0].path: want text`},
		{"a blank path", exField, "contract.Note", " ", `$.exceptions[0].path: want text`},
		{"a path of two lines", exField, "contract.Note", `a\nb`, `$.exceptions[0].path: want text`},
		{"a line end", exField, "contract.Note", `contract.Note\n`, `$.exceptions[0].path: want text`},
		{"no reason", exField, "never used", "", `$.exceptions[0].reason: want text`},
		{"a blank reason", exField, "never used", `\t `, `$.exceptions[0].reason: want text`},
		{"a reason of two lines", exField, "never used", `a\r\n`, `$.exceptions[0].reason: want text`},
		{"a missing reason", exField, `"reason":"never used",`, "", `$.exceptions[0].reason: missing`},
		{"no baseline", exField, "shop@1.0.0", "", `$.exceptions[0].baseline: want the version before, such as "PaymentRequest@1.2.0", found ""`},
		{"a missing baseline", exField, `"baseline":"shop@1.0.0",`, "", `$.exceptions[0].baseline: want the version before`},
		{"a baseline without version", exField, "shop@1.0.0", "shop", `$.exceptions[0].baseline: want the version before`},
		{"all versions", exField, "shop@1.0.0", "shop@1", `$.exceptions[0].baseline: want the version before`},
		{"a baseline without name", exField, "shop@1.0.0", "@1.0.0", `$.exceptions[0].baseline: want the version before`},
		{"a baseline for a first release", exFirst, `"path":"shop"`, `"path":"shop","baseline":"shop@1.0.0"`, `$.exceptions[0].baseline: no-baseline has none, found "shop@1.0.0"`},
		{"a first release of what is none", exFirst, `"path":"shop"`, `"path":"shop.*"`, `$.exceptions[0].path: `},
		{"another plugin is gone", exGone, `"path":"shop"`, `"path":"shoe"`, `$.exceptions[0].path: want the name of the plugin that is gone, "shop", found "shoe"`},
		{"no day", exField, "2026-12-31", "", `$.exceptions[0].expires: want a date such as "2026-12-31", found ""`},
		{"a time", exField, "2026-12-31", "2026-12-31T00:00:00Z", `$.exceptions[0].expires: want a date`},
		{"a day that is none", exField, "2026-12-31", "2026-02-29", `$.exceptions[0].expires: want a date`},
		{"the first day", exField, "2026-12-31", "0001-01-01", `$.exceptions[0].expires: want a date`},
		{"the year 10000", exField, "2026-12-31", "10000-12-31", `$.exceptions[0].expires: want a date`},
		{"never", exField, `"2026-12-31"`, `false`, `$.exceptions[0].expires: want a string, found a bool`},
		{"an unknown key", exField, `"rule"`, `"note":"x","rule"`, `$.exceptions[0].note: unknown key`},
		{"a duplicate key", exField, `"rule"`, `"rule":"x","rule"`, `rule`},
		{"twice", exField + "," + exField, "never used", "really", `$.exceptions: "field-removed at contract.Note since shop@1.0.0" stands there twice`},
		{"twice but for build metadata", exField + "," + exField, "shop@1.0.0", "shop@1.0.0+b", `stands there twice`},
		{"a first release twice", exFirst + "," + exFirst, "2024-02-29", "2025-01-01", `stands there twice`},
		{"a fault for each", exField + "," + exField, "never used", "", `$.exceptions[0].reason`},
		{"depth", strings.Repeat("[", 64), "", "", "nested too deeply: at most 64 levels"},
		{"bytes", strings.Repeat(" ", 16<<20), "", "", "the document is too long"},
		{"count", strings.Repeat("0,", 1_000_000), "", "", "too many values: at most 1000000 are read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, tt.doc, tt.old)
			list, err := plugreg.ReadExceptions([]byte(exDoc(strings.Replace(tt.doc, tt.old, tt.new, 1))))
			require.Nil(t, list)
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.ErrorContains(t, err, "exceptions document: ")
			require.ErrorContains(t, err, tt.want)
		})
	}
	for doc, want := range map[string]string{
		strings.Replace(exDoc(), "/v1", "/v2", 1): `$.format: want "plugreg/exceptions/v1", found "plugreg/exceptions/v2"`,
		`{"format":"plugreg/exceptions/v1"}`:      `$.exceptions: missing`,
		`[]`:                                      `want an object`,
		"\ufeff" + exDoc():                        `byte 0`,
		strings.Replace(exDoc(exField), "}]", "},]", 1): `want a value`,
	} {
		_, err := plugreg.ReadExceptions([]byte(doc))
		require.ErrorIs(t, err, plugreg.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}

// All faults are listed, each once.
func TestReadExceptionsListsFaults(t *testing.T) {
	t.Parallel()
	_, err := plugreg.ReadExceptions([]byte(exDoc(`{"rule":"x","path":"","reason":"","expires":"never"}`, `7`)))
	for _, want := range []string{"[0].rule: unknown", "[0].path: want", "[0].reason: want", "[0].expires: want a date", "[0].baseline: want", "[1]: want an object"} {
		require.ErrorContains(t, err, "$.exceptions"+want)
	}
	require.Equal(t, 1, strings.Count(err.Error(), ".expires"))
}

// An exception prints as it is read.
func TestExceptionJSON(t *testing.T) {
	t.Parallel()
	list, err := plugreg.ReadExceptions([]byte(exDoc(exField, exGone, exFirst)))
	require.NoError(t, err)
	text, err := json.Marshal(list)
	require.NoError(t, err)
	require.Equal(t, `[{"baseline":"shop@1.0.0","expires":"2026-12-31","path":"contract.Note","reason":"never used","rule":"field-removed"},`+
		`{"baseline":"shop@1.2.0-rc.1+b","expires":"9999-12-31","path":"shop","reason":"sold","rule":"plugin-removed"},`+
		`{"baseline":"","expires":"2024-02-29","path":"shop","reason":"first é","rule":"no-baseline"}]`, string(text))
	var again []plugreg.Exception
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, list, again)

	late := list[0]
	late.Expires = time.Date(2026, 12, 31, 23, 30, 0, 0, time.FixedZone("", -3600)) // the first of January in UTC
	text, err = late.MarshalJSON()
	require.NoError(t, err)
	require.Contains(t, string(text), `"expires":"2027-01-01"`)
	text, err = plugreg.Exception{}.MarshalJSON()
	require.NoError(t, err)
	require.Contains(t, string(text), `"expires":""`)
	for _, bad := range []plugreg.Exception{{Path: "\xff"}, {Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		_, err := bad.MarshalJSON()
		require.ErrorIs(t, err, plugreg.ErrInvalid)
	}
	_, err = plugreg.Exception{Expires: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}.MarshalJSON()
	require.EqualError(t, err, "exception: invalid: want a time in the years 0 to 9999, found the year 12345")
	kept := list[0]
	for _, doc := range []string{`{}`, `{`, `[]`, strings.Replace(exField, "never used", "", 1)} {
		require.ErrorIs(t, kept.UnmarshalJSON([]byte(doc)), plugreg.ErrInvalid)
		require.Equal(t, list[0], kept)
	}
}

// The last day is a day of UTC, to its end, wherever the build runs.
func TestExceptionsExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // begins on 2000-01-01, 00:00 UTC
		tree := gjTree(snContract("shop@1.0.0", "ID string", "Note string"))
		candidate := snOf(snContract("shop@1.1.0", "ID string"))
		zones := []*time.Location{time.UTC, time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)}
		judge := func(day time.Time) plugreg.GateReport {
			return plugreg.Gate(candidate, tree, []plugreg.Exception{{Rule: "field-removed", Path: "contract.Note", Baseline: "shop@1.0.0", Reason: "agreed", Expires: day}})
		}
		check := func(want plugreg.Outcome, days ...string) {
			t.Helper()
			for _, day := range days {
				for _, zone := range zones {
					g := judge(exDay(day).In(zone))
					require.Equal(t, want, g.Outcome, "%s: %v", day, g)
					require.Equal(t, want != plugreg.Compatible, len(g.Unused) == 1, "what let nothing through")
					if want == plugreg.Compatible {
						require.Equal(t, []string{"the exception field-removed at contract.Note since shop@1.0.0 holds until " + day + ": agreed"}, g.Notes)
						continue
					}
					require.Equal(t, []string{"the exception field-removed at contract.Note since shop@1.0.0 expired after " + day + ": mend what it excepts, or renew it"}, g.Problems)
					require.Empty(t, g.Excepted)
				}
			}
			require.Equal(t, want, judge(exDay(days[0]).Add(13*time.Hour)).Outcome, "the time of the day does not matter")
		}
		check(plugreg.Incompatible, "1999-12-31")
		check(plugreg.Compatible, "2000-01-01", "2000-01-02")
		<-time.After(24*time.Hour - 1)
		check(plugreg.Compatible, "2000-01-01")
		<-time.After(1)
		check(plugreg.Incompatible, "2000-01-01")
		check(plugreg.Compatible, "2000-01-02")
		never := judge(time.Time{})
		require.Equal(t, plugreg.Incompatible, never.Outcome)
		require.Contains(t, never.String(), "expires: missing; want the last day on which the exception holds")
	})
}

// An exception lets through the one change that it names, and one that lets nothing through refuses.
func TestExceptionsAreExact(t *testing.T) {
	t.Parallel()
	const yes, no = plugreg.Compatible, plugreg.Incompatible
	old, older := snContract("shop@1.1.0+old", "ID string", "Note string", "Sum int"), snContract("shop@1.0.0", "ID string", "Sum int")
	without, other := snContract("shop@1.2.0", "ID string", "Sum int"), snContract("shop@1.2.0", "ID string")
	republished := snContract("shop@1.1.0+new", "ID string", "Sum int")
	strict := snContract("shop@1.0.0 strict", "ID string")
	e := func(rule, path, baseline string) plugreg.Exception {
		return plugreg.Exception{Rule: plugreg.Rule(rule), Path: path, Baseline: baseline, Reason: "agreed", Expires: exDay("9999-12-31")}
	}
	fits := e("field-removed", "contract.Note", "shop@1.1.0")
	unreasoned, unknown := fits, e("no-rule", "contract.Note", "shop@1.1.0")
	unreasoned.Reason = ""
	for _, tt := range []struct {
		name       string
		candidate  plugreg.Contract
		exceptions []plugreg.Exception
		want       plugreg.Outcome
		unused     int
		text       string
	}{
		{"none", without, nil, no, 0, "breaking field-removed at contract.Note"},
		{"fits", without, []plugreg.Exception{fits}, yes, 0, "excepted: breaking field-removed at contract.Note"},
		{"fits with build metadata", without, []plugreg.Exception{e("field-removed", "contract.Note", "shop@1.1.0+other")}, yes, 0, "excepted: "},
		{"another rule", without, []plugreg.Exception{e("field-retyped", "contract.Note", "shop@1.1.0")}, no, 1, "the exception field-retyped at contract.Note since shop@1.1.0 fits nothing that is refused: remove it"},
		{"another path", without, []plugreg.Exception{e("field-removed", "contract", "shop@1.1.0")}, no, 1, "fits nothing"},
		{"no pattern", without, []plugreg.Exception{e("field-removed", "contract.*", "shop@1.1.0")}, no, 1, "fits nothing"},
		{"another baseline", without, []plugreg.Exception{e("field-removed", "contract.Note", "shop@1.0.0")}, no, 1, "fits nothing"},
		{"another plugin's baseline", without, []plugreg.Exception{e("field-removed", "contract.Note", "shoe@1.1.0")}, no, 1, "fits nothing"},
		{"one too many", without, []plugreg.Exception{fits, e("field-removed", "contract.ID", "shop@1.1.0")}, no, 1, "fits nothing"},
		{"one of two changes", other, []plugreg.Exception{fits}, no, 0, "breaking field-removed at contract.Sum"},
		{"both changes, one of them since both baselines", other, []plugreg.Exception{fits, e("field-removed", "contract.Sum", "shop@1.1.0"), e("field-removed", "contract.Sum", "shop@1.0.0")}, yes, 0, "excepted: "},
		{"since one of two baselines", other, []plugreg.Exception{fits, e("field-removed", "contract.Sum", "shop@1.1.0")}, no, 0, "after 1.0.0: incompatible"},
		{"what nobody refuses", snContract("shop@1.2.0", "ID string", "Note string", "Sum int", "New int"), []plugreg.Exception{e("field-added", "contract.New", "shop@1.1.0")}, no, 1, "fits nothing that is refused"},
		{"the step", snContract("shop@1.1.1", "ID string", "Note string", "Sum int", "New int"), []plugreg.Exception{e("field-added", "contract.New", "shop@1.1.0")}, yes, 0, "excepted: additive field-added"},
		{"an older version", snContract("shop@0.9.0", "ID string"), []plugreg.Exception{e("no-baseline", "shop", "")}, yes, 0, "excepted: cosmetic no-baseline at shop"},
		{"a first release that is none", without, []plugreg.Exception{fits, e("no-baseline", "shop", "")}, no, 1, "no-baseline at shop fits nothing"},
		{"a removal that is none", without, []plugreg.Exception{fits, e("plugin-removed", "shop", "shop@1.1.0")}, no, 1, "plugin-removed at shop since shop@1.1.0 fits nothing"},
		{"no reason", without, []plugreg.Exception{unreasoned}, no, 1, "the exception field-removed at contract.Note since shop@1.1.0: reason: want text"},
		{"no rule", without, []plugreg.Exception{fits, unknown}, no, 1, `rule: unknown rule "no-rule"`},
		{"a released version", republished, []plugreg.Exception{fits}, no, 1, "a released version never changes"},
		{"a released version, strictly", strict, []plugreg.Exception{e("field-removed", "contract.Sum", "shop@1.0.0"), e("policy-changed", "policy", "shop@1.0.0")}, no, 2, "strict allows no change of shape"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := plugreg.Gate(snOf(tt.candidate), gjTree(old, older), tt.exceptions)
			require.Equal(t, tt.want, g.Outcome, "%v", g)
			require.Len(t, g.Unused, tt.unused)
			require.Contains(t, g.String(), tt.text)
			require.Equal(t, tt.want == yes, g.Err() == nil)
		})
	}
}

// What is let through for two versions is listed once.
func TestExceptionForSeveralVersions(t *testing.T) {
	t.Parallel()
	tree := gjTree(snContract("shop@1.0.0", "ID string", "Note string"))
	candidate := snOf(snContract("shop@1.1.0", "ID string"), snContract("shop@1.2.0", "ID string"))
	g := plugreg.Gate(candidate, tree, []plugreg.Exception{{Rule: "field-removed", Path: "contract.Note", Baseline: "shop@1.0.0", Reason: "agreed", Expires: exDay("9999-01-01")}})
	require.Equal(t, plugreg.Compatible, g.Outcome, "%v", g)
	require.Len(t, g.Excepted, 1)
	require.Len(t, g.Notes, 1)
}

// What is read prints, and reads, as the same; what is refused says so by one sentinel.
func FuzzReadExceptions(f *testing.F) {
	f.Add([]byte(exDoc(exField, exGone, exFirst)))
	f.Add([]byte(exDoc(exField, strings.Replace(exField, "shop@1", "shop@2", 1))))
	for _, r := range plugreg.Rules() {
		f.Add([]byte(exDoc(strings.Replace(exField, "field-removed", string(r), 1))))
	}
	tree := fstest.MapFS{}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := plugreg.ReadExceptions(data)
		if err != nil {
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Nil(t, list)
			return
		}
		text, err := json.Marshal(list)
		require.NoError(t, err)
		if list == nil {
			text = []byte("[]")
		}
		again, err := plugreg.ReadExceptions(fmt.Appendf(nil, `{"format":"plugreg/exceptions/v1","exceptions":%s}`, text))
		require.NoError(t, err)
		require.Equal(t, list, again)
		g := plugreg.Gate(plugreg.Snapshot{}, tree, list)
		require.Equal(t, len(list), len(g.Unused), "nothing is there that they could fit")
		require.Equal(t, len(list) > 0, g.Outcome == plugreg.Incompatible)
		for _, p := range g.Problems {
			require.NotContains(t, p, "\n")
		}
	})
}
