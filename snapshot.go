// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/plugreg/plugreg/internal/canon"
	"github.com/plugreg/plugreg/internal/version"
)

// Snapshot is evidence of what was registered at some moment: the contracts of one registry, or of several. It is data:
// as canonical JSON it can be stored, compared and read by any language (see testdata/contracts/README.md). The methods
// do not change it.
type Snapshot struct {
	// Contracts are sorted by name, and those of one name by precedence; each version is there once.
	Contracts []Contract
	// Registry says whose they are. It is for people. Neither it nor what follows is part of the digest.
	Registry string
	// GoVersion and Platform say which build described the types: "go1.26.0", "linux/amd64". Build constraints can give a
	// type another shape on another platform. Like Registry, each is one line of printable text of at most 1,024 bytes.
	GoVersion, Platform string
	// Policy and MinPolicy are those of the registry's [Config], by which [Gate] judges the contracts: the policy of
	// plugins that declare none, and the least strict one that they may declare. Default: Backward, and no floor.
	Policy, MinPolicy Policy
	// Taken is when the snapshot was taken, in whole seconds of UTC. Zero: unknown.
	Taken time.Time
	// Expires is when it stops being evidence of what is deployed, in whole seconds of UTC. Zero: never, as for what is
	// committed as a baseline.
	Expires time.Time
}

// defaultSnapshotTTL is how long what was deployed is taken to be so.
const defaultSnapshotTTL = 72 * time.Hour

// newSnapshot is taken now, of a registry of that name and configuration. Its end is rounded up, so that it is evidence
// for some time however short the configured one is; zero is the default.
func newSnapshot(registry string, contracts []Contract, cfg *Config) Snapshot {
	now := time.Now().UTC()
	return Snapshot{Contracts: contracts, Registry: clip(registry, 1000), GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Policy: cfg.Policy, MinPolicy: cfg.MinPolicy,
		Taken:   now.Truncate(time.Second),
		Expires: now.Add(cmp.Or(cfg.SnapshotTTL, defaultSnapshotTTL)).Add(time.Second - 1).Truncate(time.Second)}.sorted()
}

// Expired reports whether the snapshot is no evidence any more at that time.
func (s Snapshot) Expired(now time.Time) bool { return !s.Expires.IsZero() && !now.Before(s.Expires) }

// Digest is that of all contracts, whoever took the snapshot and when: the SHA-256 of "plugreg/snapshot/v1", a zero byte
// and the canonical JSON of the contracts' digests, in the order of the contracts.
func (s Snapshot) Digest() Digest {
	s = s.sorted()
	doc := append([]byte(snapshotTag), 0, '[')
	for i, c := range s.Contracts {
		if i > 0 {
			doc = append(doc, ',')
		}
		doc = canon.AppendString(doc, c.Digest().String())
	}
	return sha256.Sum256(append(doc, ']'))
}

// TrustSnapshot returns a function for [Config].Trust that trusts the contracts of s alone, by their digests, until s
// expires: what is deployed is what was looked at. After that every mount is refused; a snapshot of a registry expires
// after its [Config].SnapshotTTL, so set Expires to the zero time for a list that is to last. Its errors say what s has of the plugin. It is safe for concurrent
// use, and keeps nothing of s that a caller could change.
func TrustSnapshot(s Snapshot) func(Contract) error {
	t := trusted{end: s.Expires, known: make(map[Digest]bool, len(s.Contracts)), versions: map[string][]string{}}
	for _, c := range s.sorted().Contracts {
		t.known[c.Digest()] = true
		t.versions[c.Name] = append(t.versions[c.Name], versionText(c.Version))
	}
	return t.check
}

// trusted is what a snapshot vouches for.
type trusted struct {
	end      time.Time
	known    map[Digest]bool
	versions map[string][]string // by name of the plugin, oldest first
}

func (t *trusted) check(c Contract) error {
	digest, versions := c.Digest(), t.versions[c.Name]
	switch {
	case Snapshot{Expires: t.end}.Expired(time.Now()):
		return fmt.Errorf("the snapshot of trusted contracts expired at %s: take a new one", t.end.UTC().Format(time.RFC3339))
	case t.known[digest]:
		return nil
	case len(versions) == 0:
		return fmt.Errorf("the snapshot of trusted contracts has no version of %q", clip(c.Name, 160))
	}
	const most = 10
	if n := len(versions) - most; n > 0 {
		versions = append([]string{fmt.Sprintf("%d older ones", n)}, versions[n:]...)
	}
	return fmt.Errorf("the snapshot of trusted contracts does not have %q %s with the digest %v; of this name it has %s",
		clip(c.Name, 160), versionText(c.Version), digest, strings.Join(versions, ", "))
}

// sorted returns s with its contracts in order, without touching what s holds.
func (s Snapshot) sorted() Snapshot {
	byPrecedence := func(a, b Contract) int {
		if order := strings.Compare(a.Name, b.Name); order != 0 {
			return order
		}
		v, _ := version.Parse(a.Version)
		w, _ := version.Parse(b.Version)
		return cmp.Or(v.Compare(w), strings.Compare(a.Version, b.Version))
	}
	if !slices.IsSortedFunc(s.Contracts, byPrecedence) {
		s.Contracts = slices.SortedStableFunc(slices.Values(s.Contracts), byPrecedence)
	}
	return s
}

// identity is a version's name and precedence: build metadata makes no other version.
func (c Contract) identity() string { return c.Name + "@" + precedenceText(c.Version) }

// precedenceText is the version without what has no part in its precedence; a text that is no version stays as it is.
func precedenceText(ver string) string {
	v, err := version.Parse(ver)
	if err != nil {
		return ver
	}
	v.Build = ""
	return v.String()
}
