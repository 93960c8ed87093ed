// SPDX-License-Identifier: Apache-2.0

package plugreg_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

const snapshotDir = "testdata/snapshots"

// snContract is "name@version policy" with a payload of these fields, each "Name type" or "Name type=default".
func snContract(id string, fields ...string) plugreg.Contract {
	id, policy, _ := strings.Cut(id, " ")
	c := plugreg.Contract{Shapes: []plugreg.Shape{{Name: "contract", Role: plugreg.RoleData, Kind: "struct", Comparable: true}}}
	c.Name, c.Version, _ = strings.Cut(id, "@")
	if policy != "" {
		if err := c.Policy.UnmarshalText([]byte(policy)); err != nil {
			panic(err)
		}
	}
	for i, text := range fields {
		name, typ, _ := strings.Cut(text, " ")
		typ, standard, _ := strings.Cut(typ, "=")
		c.Shapes[0].Fields = append(c.Shapes[0].Fields, plugreg.Field{Name: name, Wire: strings.ToLower(name), Type: typ, Default: standard, Position: i})
	}
	return c
}

func snOf(contracts ...plugreg.Contract) plugreg.Snapshot {
	return plugreg.Snapshot{Contracts: contracts}
}

func snDoc(t testing.TB, s plugreg.Snapshot) []byte {
	t.Helper()
	doc, err := s.MarshalJSON()
	require.NoError(t, err)
	return doc
}

// snGoldens are the snapshots in testdata/snapshots.
func snGoldens(t testing.TB) map[string]plugreg.Snapshot {
	var shop []plugreg.Contract
	for _, name := range []string{"thermometer", "payment", "unicode", "recursive"} {
		c, err := plugreg.ParseContract(goldenFiles(t)[name])
		require.NoError(t, err)
		shop = append(shop, c)
	}
	return map[string]plugreg.Snapshot{
		"empty": {},
		"shop": {Contracts: shop, Registry: "shop, südlich <&>", GoVersion: "go1.26.0", Platform: "linux/amd64", Policy: plugreg.Full, MinPolicy: plugreg.Forward,
			Taken: time.Date(2026, 11, 22, 17, 33, 6, 999, time.UTC), Expires: time.Date(2026, 11, 25, 18, 33, 6, 0, time.FixedZone("", 3600))},
		"versions": snOf(snContract("acme.a@10.0.0", "ID string"), snContract("acme.a@1.10.0", "ID string", "Note string=none"), snContract("acme.a@1.2.0", "ID string"),
			snContract("acme.a@1.2.0-rc.10", "ID string"), snContract("acme.a@1.2.0-rc.2+build.7", "ID string"), snContract("acme.a@1.2.0-rc.beta", "ID string"),
			snContract("acme.a@1.2.0-rc", "ID string"), snContract("Acme.a@0.1.0 strict"), snContract("acme.a-b@1.0.0 forward")),
	}
}

func TestSnapshotGolden(t *testing.T) {
	goldens := snGoldens(t)
	for name, s := range goldens {
		compareGolden(t, filepath.Join(snapshotDir, name+".json"), string(snDoc(t, s))+"\n")
	}
	paths, err := filepath.Glob(filepath.Join(snapshotDir, "*"))
	require.NoError(t, err)
	require.Len(t, paths, len(goldens), "no test writes the others: delete them")
}

// What is printed and read again is the same, and prints the same; the digest is what the description says.
func TestSnapshotRoundTrip(t *testing.T) {
	t.Parallel()
	for name, s := range snGoldens(t) {
		doc := snDoc(t, s)
		read, err := plugreg.ReadSnapshot(doc)
		require.NoError(t, err, name)
		require.Equal(t, string(doc), string(snDoc(t, read)))
		require.Equal(t, s.Digest(), read.Digest())
		require.Equal(t, snNaiveDigest(t, doc), read.Digest())
		require.Equal(t, s.Taken.UTC().Truncate(time.Second), read.Taken)
		require.Equal(t, s.Expires.UTC(), read.Expires)
		require.Equal(t, []string{s.Registry, s.GoVersion, s.Platform}, []string{read.Registry, read.GoVersion, read.Platform})
		require.Equal(t, []plugreg.Policy{s.Policy, s.MinPolicy}, []plugreg.Policy{read.Policy, read.MinPolicy})

		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, doc, "", "\t"))
		for _, spelling := range [][]byte{indented.Bytes(), respelled(t, doc, rand.New(rand.NewPCG(1, 2)))} {
			again := plugreg.Snapshot{Registry: "old"}
			require.NoError(t, json.Unmarshal(spelling, &again))
			require.Equal(t, read, again)
		}
		outer, err := json.Marshal(map[string]any{"s": s}) // which escapes <, > and &
		require.NoError(t, err)
		var inner struct{ S plugreg.Snapshot }
		require.NoError(t, json.Unmarshal(outer, &inner))
		require.Equal(t, read, inner.S)
	}
}

// snNaiveDigest computes a snapshot's digest from its document alone.
func snNaiveDigest(t testing.TB, doc []byte) plugreg.Digest {
	var s struct{ Contracts []json.RawMessage }
	require.NoError(t, json.Unmarshal(doc, &s))
	digests := []string{}
	for _, c := range s.Contracts {
		var contract struct{ Digest string }
		require.NoError(t, json.Unmarshal(c, &contract))
		digests = append(digests, contract.Digest)
	}
	text, err := json.Marshal(digests)
	require.NoError(t, err)
	return sha256.Sum256(append([]byte("plugreg/snapshot/v1\x00"), text...))
}

func TestSnapshotOrder(t *testing.T) {
	t.Parallel()
	read, err := plugreg.ReadSnapshot(snDoc(t, snGoldens(t)["versions"]))
	require.NoError(t, err)
	var order []string
	for _, c := range read.Contracts {
		order = append(order, c.Name+"@"+c.Version)
	}
	require.Equal(t, []string{"Acme.a@0.1.0", "acme.a@1.2.0-rc", "acme.a@1.2.0-rc.2+build.7", "acme.a@1.2.0-rc.10", "acme.a@1.2.0-rc.beta",
		"acme.a@1.2.0", "acme.a@1.10.0", "acme.a@10.0.0", "acme.a-b@1.0.0"}, order)
}

// The digest is that of the contracts, in whatever order, and of nothing else.
func TestSnapshotDigest(t *testing.T) {
	t.Parallel()
	s := snGoldens(t)["versions"]
	want, doc := s.Digest(), snDoc(t, s)
	before := slices.Clone(s.Contracts)
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		other := plugreg.Snapshot{Contracts: slices.Clone(s.Contracts), Registry: "x", GoVersion: "y", Platform: "z", Policy: plugreg.Strict, MinPolicy: plugreg.Full, Taken: time.Now(), Expires: time.Now()}
		random.Shuffle(len(other.Contracts), func(i, j int) {
			other.Contracts[i], other.Contracts[j] = other.Contracts[j], other.Contracts[i]
		})
		shuffled := slices.Clone(other.Contracts)
		require.Equal(t, want, other.Digest())
		require.Equal(t, string(doc), string(snDoc(t, snOf(other.Contracts...))))
		require.Equal(t, shuffled, other.Contracts, "what a caller holds keeps its order")
	}
	require.Equal(t, before, s.Contracts)
	for i := range s.Contracts {
		fewer := snOf(slices.Delete(slices.Clone(s.Contracts), i, i+1)...)
		require.NotEqual(t, want, fewer.Digest())
		changed := snOf(slices.Clone(s.Contracts)...)
		changed.Contracts[i].Uses = []string{"disk"}
		require.NotEqual(t, want, changed.Digest())
	}
	require.NotEqual(t, plugreg.Snapshot{}.Digest(), want)
}

func TestReadSnapshotRefuses(t *testing.T) {
	t.Parallel()
	shop, versions := string(snDoc(t, snGoldens(t)["shop"])), string(snDoc(t, snGoldens(t)["versions"]))
	for _, tt := range []struct{ name, doc, old, new, want string }{
		{"a field's type", shop, `"type":"int64","wire":"amount"`, `"type":"int32","wire":"amount"`, `$.contracts[0].shapes[3].fields[0].signature: `},
		{"a field's signature", shop, `"signature":"sha256:`, `"signature":"sha256:0`, `.signature: "sha256:0`},
		{"the digest of shapes", shop, `"shapes_digest":"sha256:`, `"shapes_digest":"sha256:0`, `$.contracts[0].shapes_digest: "sha256:0`},
		{"the digest of a contract", shop, `{"digest":"sha256:`, `{"digest":"sha256:0`, `$.contracts[0].digest: "sha256:0`},
		{"the digest of all", shop, `],"digest":"sha256:`, `],"digest":"sha256:0`, `$.digest: "sha256:0`},
		{"a contract is gone", versions, versions[len(`{"contracts":[`) : strings.Index(versions, `,{"digest"`)+1], ``, `$.digest: "sha256:`},
		{"two of one version", versions, `"version":"1.10.0"`, `"version":"1.2.0+twin"`, `$.contracts: "acme.a@1.2.0" stands there twice`},
		{"a version that is none", versions, `"version":"10.0.0"`, `"version":"10.0"`, `$.contracts[7].version: `},
		{"a name that is none", versions, `"name":"acme.a-b"`, `"name":"../a"`, `$.contracts[8].name: `},
		{"a contract of another format", shop, `plugreg/contract/v1`, `plugreg/contract/v2`, `$.contracts[0].format: want "plugreg/contract/v1", found "plugreg/contract/v2"`},
		{"another format", shop, `plugreg/snapshot/v1`, `plugreg/snapshot/v2`, `$.format: want "plugreg/snapshot/v1", found "plugreg/snapshot/v2"`},
		{"no format", shop, `"format":"plugreg/snapshot/v1",`, ``, `$.format: want "plugreg/snapshot/v1", found ""`},
		{"no contracts", `{"format":"plugreg/snapshot/v1"}`, ``, ``, `$.contracts: missing; want an array`},
		{"contracts that are none", `{"format":"plugreg/snapshot/v1","contracts":[[]]}`, ``, ``, `$.contracts[0]: want an object, found an array`},
		{"an unknown key", shop, `"registry":`, `"owner":"me","registry":`, `$.owner: unknown key`},
		{"a duplicate key", shop, `"registry":`, `"taken":"","registry":`, `taken`},
		{"null", shop, `"registry":"`, `"registry":null,"x":"`, `$.registry`},
		{"another kind", shop, `"taken":"2026-11-22T17:33:06Z"`, `"taken":20261122`, `$.taken: want a string, found an integer`},
		{"a policy that is none", shop, `"policy":"full","registry"`, `"policy":"Full","registry"`, `$.policy: `},
		{"an empty policy", shop, `"min_policy":"forward"`, `"min_policy":""`, `$.min_policy: `},
		{"a policy of another kind", shop, `"min_policy":"forward"`, `"min_policy":2`, `$.min_policy: want a string, found an integer`},
		{"two lines", shop, `"go":"go1.26.0"`, `"go":"go1.26.0\n::error::"`, `$.go: want one line of printable text`},
		{"long text", shop, `"linux/amd64"`, `"` + strings.Repeat("l", 1025) + `"`, `$.platform: want one line of printable text of at most 1024 bytes`},
		{"an escape of terminals", shop, `shop, s`, `\u001b[31m`, `$.registry: want one line`},
		{"a fraction of a second", shop, `11-22T17:33:06Z`, `11-22T17:33:06.5Z`, `$.taken: want whole seconds of UTC such as "2026-11-22T17:33:06Z", or nothing, found "2026-11-22T17:33:06.5Z"`},
		{"another zone", shop, `11-22T17:33:06Z`, `11-22T17:33:06+00:00`, `$.taken: `},
		{"no zone", shop, `2026-11-25T17:33:06Z`, `2026-11-25T17:33:06`, `$.expires: `},
		{"a date", shop, `2026-11-25T17:33:06Z`, `2026-11-25`, `$.expires: `},
		{"a day that is none", shop, `2026-11-25T`, `2026-02-29T`, `$.expires: `},
		{"the zero time in words", shop, `2026-11-25T17:33:06Z`, `0001-01-01T00:00:00Z`, `$.expires: `},
		{"the year 10000", shop, `2026-11-25T`, `10000-11-25T`, `$.expires: `},
		{"blank", shop, `"2026-11-25T17:33:06Z"`, `" "`, `$.expires: `},
		{"an array", `[]`, ``, ``, `$: want an object, found an array`},
		{"nothing", ``, ``, ``, `want a value, found the end of the document`},
		{"two documents", shop, `{"contracts":[`, `{} {"contracts":[`, `want the end of the document`},
		{"depth", `{"contracts":` + strings.Repeat("[", 64), ``, ``, `nested too deeply: at most 64 levels`},
		{"bytes", strings.Repeat(" ", 64<<20+1), ``, ``, `the document is too long: 67108865 bytes, at most 67108864 are read`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, tt.doc, tt.old)
			kept := plugreg.Snapshot{Registry: "kept"}
			_, err := plugreg.ReadSnapshot([]byte(strings.Replace(tt.doc, tt.old, tt.new, 1)))
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Equal(t, "INVALID", plugreg.CodeOf(err))
			require.ErrorContains(t, err, "snapshot document: ")
			require.ErrorContains(t, err, tt.want)
			require.EqualError(t, kept.UnmarshalJSON([]byte(strings.Replace(tt.doc, tt.old, tt.new, 1))), err.Error())
			require.Equal(t, plugreg.Snapshot{Registry: "kept"}, kept)
		})
	}
}

// What is computed, and what is for people, may be missing.
func TestReadSnapshotOfAnotherLanguage(t *testing.T) {
	t.Parallel()
	s, err := plugreg.ReadSnapshot([]byte(`{"format":"plugreg/snapshot/v1","contracts":[` + foreignDoc + `]}`))
	require.NoError(t, err)
	c, err := plugreg.ParseContract([]byte(foreignDoc))
	require.NoError(t, err)
	require.Equal(t, snOf(c), s)
	require.Equal(t, plugreg.Default, max(s.Policy, s.MinPolicy))
	require.False(t, s.Expired(time.Now()))
}

func TestSnapshotTimes(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return when
	}
	for _, tt := range []struct {
		name string
		time time.Time
		want string // empty: an error
	}{
		{"zero in another zone", time.Time{}.In(time.FixedZone("", -7200)), `""`},
		{"zones", at("2026-01-01T00:30:00+02:00"), `"2025-12-31T22:30:00Z"`},
		{"parts of a second", at("2026-01-01T00:00:00.999999999Z"), `"2026-01-01T00:00:00Z"`},
		{"last", at("9999-12-31T23:59:59.9Z"), `"9999-12-31T23:59:59Z"`},
		{"first", at("0000-01-01T00:00:00Z"), `"0000-01-01T00:00:00Z"`},
		{"before 1970", at("1969-12-31T23:59:59.5Z"), `"1969-12-31T23:59:59Z"`},
		{"the first second of the year 1 ends too", time.Time{}.Add(time.Second / 2), ""},
		{"year 10000", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		{"year 10000 in UTC alone", time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200)), ""},
		{"year -1", time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for key, s := range map[string]plugreg.Snapshot{"taken": {Taken: tt.time}, "expires": {Expires: tt.time}} {
				doc, err := s.MarshalJSON()
				if tt.want == "" {
					require.ErrorIs(t, err, plugreg.ErrInvalid)
					continue
				}
				require.NoError(t, err)
				require.Contains(t, string(doc), `"`+key+`":`+tt.want)
				read, err := plugreg.ReadSnapshot(doc)
				require.NoError(t, err)
				require.Equal(t, string(doc), string(snDoc(t, read)))
				require.Equal(t, s.Expires.IsZero(), read.Expires.IsZero(), "what ends ends")
			}
		})
	}
}

func TestSnapshotThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	good := snContract("a@1.0.0")
	bad := good
	bad.Policy = 77
	for name, s := range map[string]plugreg.Snapshot{
		"policy":   snOf(bad),
		"text":     snOf(snContract("a@1.0.0", "A \xff")),
		"twice":    snOf(good, snContract("b@1.0.0"), good),
		"metadata": snOf(snContract("a@1.0.0+x"), good),
		"registry": {Registry: "\xff"},
		"go":       {GoVersion: "a\nb"},
		"platform": {Platform: strings.Repeat("p", 1025)},
		"default":  {Policy: plugreg.Strict + 1},
		"floor":    {MinPolicy: plugreg.Strict + 1},
	} {
		doc, err := s.MarshalJSON()
		require.ErrorIs(t, err, plugreg.ErrInvalid, name)
		require.Nil(t, doc)
	}
}

func TestSnapshotExpired(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := plugreg.Snapshot{Expires: end}
	require.False(t, s.Expired(end.Add(-1)))
	require.True(t, s.Expired(end))
	require.True(t, s.Expired(end.In(time.FixedZone("", 3600)).Add(1)))
	require.False(t, plugreg.Snapshot{}.Expired(end.AddDate(5000, 0, 0)))
}

// A registry's snapshot says when and where it was taken, and can be written and read whatever the registry is like.
func TestSnapshotOfARegistryCanBeRead(t *testing.T) {
	t.Parallel()
	type long interface {
		io.Closer
		AMethodWithAVeryLongName(struct{ AFieldWithAVeryLongName, AnotherFieldWithAVeryLongName, YetAnotherFieldWithAVeryLongName int })
	}
	synctest.Test(t, func(t *testing.T) {
		<-time.After(1500 * time.Millisecond)
		for ttl, end := range map[time.Duration]time.Duration{
			0: 72*time.Hour + 2*time.Second, 1: 2 * time.Second, 500 * time.Millisecond: 2 * time.Second, time.Hour: time.Hour + 2*time.Second,
		} {
			r := plugreg.MustNew[io.Closer](plugreg.Config{Name: "shop", SnapshotTTL: ttl, Policy: plugreg.Full, MinPolicy: plugreg.Forward})
			for _, id := range []string{"b 1.0.0", "a 10.0.0", "a 9.0.0"} {
				name, version, _ := strings.Cut(id, " ")
				r.MustRegister(closerPlugin(name, version, (*closer)(nil)))
			}
			s := r.Snapshot()
			began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
			require.Equal(t, began.Add(time.Second), s.Taken)
			require.Equal(t, began.Add(end), s.Expires, "never less than was asked for: %v", ttl)
			require.False(t, s.Expired(time.Now()))
			require.Equal(t, []string{"shop", runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}, []string{s.Registry, s.GoVersion, s.Platform})
			require.Equal(t, []plugreg.Policy{plugreg.Full, plugreg.Forward}, []plugreg.Policy{s.Policy, s.MinPolicy})
			require.Len(t, s.Contracts, 3)
			require.Equal(t, "9.0.0", s.Contracts[0].Version)
			read, err := plugreg.ReadSnapshot(snDoc(t, s))
			require.NoError(t, err)
			require.Equal(t, string(snDoc(t, s)), string(snDoc(t, read)))
			require.NoError(t, r.Close(t.Context()))
		}
	})
	r := plugreg.MustNew[interface {
		long
		A(long, interface {
			B(struct {
				X [1000]map[string]struct{ Y, Z, LongerLongerLongerLongerLongerLongerLongerLongerLonger int }
			})
			C(struct {
				X [1000]map[string]struct{ Y, Z, LongerLongerLongerLongerLongerLongerLongerLongerLonger int }
			})
			D(struct {
				X [1000]map[string]struct{ Y, Z, LongerLongerLongerLongerLongerLongerLongerLongerLonger int }
			})
			E(struct {
				X [1000]map[string]struct{ Y, Z, LongerLongerLongerLongerLongerLongerLongerLongerLonger int }
			})
			F(struct {
				X [1000]map[string]struct{ Y, Z, LongerLongerLongerLongerLongerLongerLongerLongerLonger int }
			})
			G(struct {
				X [1000]map[string]struct{ Y, Z, LongerLongerLongerLongerLongerLongerLongerLongerLonger int }
			})
			H(struct {
				X [1000]map[string]struct{ Y, Z, LongerLongerLongerLongerLongerLongerLongerLongerLonger int }
			})
		})
	}](plugreg.Config{})
	read, err := plugreg.ReadSnapshot(snDoc(t, r.Snapshot()))
	require.NoError(t, err)
	require.NotEmpty(t, read.Registry)
	require.NoError(t, r.Close(t.Context()))
}

func TestTrustSnapshot(t *testing.T) {
	t.Parallel()
	var many []plugreg.Contract
	for i := range 13 {
		many = append(many, snContract(fmt.Sprintf("a@1.%d.0", i)))
	}
	s := snOf(append(many, snContract("b@1.0.0+x"))...)
	trust := plugreg.TrustSnapshot(s)
	require.NoError(t, trust(snContract("a@1.3.0")))
	require.NoError(t, trust(snContract("b@1.0.0+x")))
	require.ErrorContains(t, trust(snContract("c@1.0.0")), `has no version of "c"`)
	other := snContract("b@1.0.0+x", "ID string")
	require.EqualError(t, trust(other), fmt.Sprintf(`the snapshot of trusted contracts does not have "b" 1.0.0+x with the digest %v; of this name it has 1.0.0+x`, other.Digest()))
	require.Error(t, trust(snContract("b@1.0.0+y")), "another build is another contract")
	require.Error(t, trust(snContract("b@1.0.0+x strict")))
	require.ErrorContains(t, trust(snContract("a@2.0.0")), "of this name it has 3 older ones, 1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0, 1.8.0, 1.9.0, 1.10.0, 1.11.0, 1.12.0")
	for i := range s.Contracts {
		s.Contracts[i].Name = "gone"
	}
	require.NoError(t, trust(snContract("a@1.3.0")), "it kept a copy")
	s.Expires = time.Now().Add(-time.Hour).In(time.FixedZone("", 3600))
	require.ErrorContains(t, plugreg.TrustSnapshot(s)(s.Contracts[0]), "expired at "+s.Expires.UTC().Format(time.RFC3339))
	require.ErrorContains(t, plugreg.TrustSnapshot(plugreg.Snapshot{})(s.Contracts[0]), "has no version")
}

// Of what a registry opens only what was looked at is built.
func TestTrustSnapshotInARegistry(t *testing.T) {
	t.Parallel()
	looked := plugreg.MustNew[io.Closer](plugreg.Config{})
	looked.MustRegister(closerPlugin("a", "1.0.0", (*closer)(nil)))
	doc := snDoc(t, looked.Snapshot())
	require.NoError(t, looked.Close(t.Context()))
	s, err := plugreg.ReadSnapshot(doc)
	require.NoError(t, err)
	for _, tt := range []struct {
		name   string
		plugin plugreg.Plugin[io.Closer]
		ends   time.Time
		want   string
	}{
		{"the same", closerPlugin("a", "1.0.0", (*closer)(nil)), s.Expires, ""},
		{"never expires", closerPlugin("a", "1.0.0", (*closer)(nil)), time.Time{}, ""},
		{"another contract of the version", closerPlugin("a", "1.0.0", (*wider)(nil)), s.Expires, `does not have "a" 1.0.0 with the digest`},
		{"another version", closerPlugin("a", "1.0.1", (*closer)(nil)), s.Expires, `of this name it has 1.0.0`},
		{"another plugin", closerPlugin("b", "1.0.0", (*closer)(nil)), s.Expires, `has no version of "b"`},
		{"expired", closerPlugin("a", "1.0.0", (*closer)(nil)), s.Taken.Add(-1), `expired at `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := s
			s.Expires = tt.ends
			r := plugreg.MustNew[io.Closer](plugreg.Config{Trust: plugreg.TrustSnapshot(s)})
			r.MustRegister(tt.plugin)
			h, err := r.Open(t.Context(), tt.plugin.Name, "", nil)
			if tt.want == "" {
				require.NoError(t, err)
				require.NoError(t, h.Close(t.Context()))
			} else {
				require.ErrorIs(t, err, plugreg.ErrUntrusted)
				require.ErrorContains(t, err, tt.want)
			}
			require.NoError(t, r.Close(t.Context()))
		})
	}
}

func TestVerifyInPythonOfSnapshots(t *testing.T) {
	t.Parallel()
	var paths []string
	var want strings.Builder
	goldens := snGoldens(t)
	for _, name := range []string{"empty", "shop", "versions"} {
		paths = append(paths, filepath.Join(snapshotDir, name+".json"))
		fmt.Fprintf(&want, "ok snapshots/%s.json %v\n", name, goldens[name].Digest())
	}
	output, err, ok := verifyInPython(t, paths...)
	if !ok {
		return
	}
	require.NoError(t, err, output)
	require.Equal(t, want.String(), strings.ReplaceAll(output, "\r\n", "\n"))

	shop, versions := string(snDoc(t, goldens["shop"])), string(snDoc(t, goldens["versions"]))
	first, second := strings.Index(versions, `{"digest"`), strings.Index(versions, `,{"digest"`)
	cases := []struct{ doc, old, new, want string }{
		{shop, `"type":"int64","wire":"amount"`, `"type":"int32","wire":"amount"`, `$.contracts[0].shapes[3].fields[0].signature: `},
		{shop, `{"digest":"sha256:`, `{"digest":"sha256:0`, `$.contracts[0].digest: `},
		{shop, `],"digest":"sha256:`, `],"digest":"sha256:0`, `$.digest: `},
		{shop, `"go":`, `"gone":"","go":`, `$.gone: unknown key`},
		{shop, `,"registry":"shop, südlich <&>"`, ``, `$.registry: missing key`},
		{shop, `11-22T17:33:06Z`, `11-22T17:33:06.0Z`, `$.taken: `},
		{shop, `"expires":"2026-11-25T`, `"expires":"2026-02-30T`, `$.expires: `},
		{shop, `plugreg/snapshot/v1`, `plugreg/snapshot/v2`, `$.format: `},
		{shop, `"policy":"full","registry"`, `"policy":"Full","registry"`, `$.policy: `},
		{shop, `"min_policy":"forward"`, `"min_policy":""`, `$.min_policy: `},
		{shop, `"min_policy":"forward",`, ``, `$.min_policy: missing key`},
		{shop, `{"contracts"`, `{ "contracts"`, `$: not in canonical form`},
		{versions, versions[first : second+1], ``, `$.digest: `},
		{versions, `"version":"1.10.0"`, `"version":"1.2.0+twin"`, `$.contracts: `},
		{versions, `"version":"1.2.0-rc.10"`, `"version":"1.2.0-rc.1"`, `$.contracts: `},
		{versions, versions[first:strings.LastIndex(versions, `],"digest"`)], `7`, `$.contracts[0]: want an object`},
	}
	dir := t.TempDir()
	paths = nil
	for i, tt := range cases {
		require.Contains(t, tt.doc, tt.old)
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("tampered%02d.json", i)))
		require.NoError(t, os.WriteFile(paths[i], []byte(strings.Replace(tt.doc, tt.old, tt.new, 1)), 0o644))
	}
	output, err, _ = verifyInPython(t, paths...)
	require.ErrorAs(t, err, new(*exec.ExitError), output)
	require.NotContains(t, output, "ok ")
	require.NotContains(t, output, "Traceback")
	for i, tt := range cases {
		require.Contains(t, output, fmt.Sprintf("mismatch tampered%02d.json %s", i, tt.want))
	}
}

// What is read prints, and reads, as the same; what is refused says so by one sentinel.
func FuzzReadSnapshot(f *testing.F) {
	for _, s := range snGoldens(f) {
		doc := snDoc(f, s)
		f.Add(doc)
		f.Add(computed.ReplaceAll(doc, nil))
	}
	f.Add([]byte(`{"format":"plugreg/snapshot/v1","contracts":[],"taken":"2026-11-22T17:33:06Z"}`))
	f.Add([]byte(`{"format":"plugreg/snapshot/v1","contracts":[{"format":"plugreg/contract/v1","name":"a","version":"0.0.0","policy":"default","requires":[],"shapes":[],"uses":[]}],"go":"é"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := plugreg.ReadSnapshot(data)
		if err != nil {
			require.ErrorIs(t, err, plugreg.ErrInvalid)
			require.Zero(t, s)
			return
		}
		doc := snDoc(t, s)
		again, err := plugreg.ReadSnapshot(doc)
		require.NoError(t, err)
		require.Equal(t, s, again)
		require.Equal(t, string(doc), string(snDoc(t, again)))
		require.Equal(t, snNaiveDigest(t, doc), s.Digest())
		for i := 1; i < len(s.Contracts); i++ {
			require.LessOrEqual(t, s.Contracts[i-1].Name, s.Contracts[i].Name)
		}
	})
}
