// SPDX-License-Identifier: Apache-2.0

// Package near finds the names that somebody probably meant, for error messages.
//
// Invariant: no returned name is farther from the wanted one than the limit for its length, none stands behind a
// farther one, and the cost of a candidate is bounded whatever its length.
package near

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

const (
	longest  = 256 // bytes: what is longer is a mistake of another sort
	farthest = 8   // edits: beyond it long names only look alike, and each would cost more to compare
)

type match struct {
	name     string
	distance int
}

// Names returns the names of have that are nearest to want, at most limit of them, by distance and then by name, each
// once. Distance counts letters inserted, dropped, replaced or swapped with their neighbour; case does not count. It may
// be a third of want's letters, but at least 1 and at most 8, and some letter has to stay. Names of more than 256 bytes
// are neither sought nor found. No match, or a limit below 1, gives nil. Safe for concurrent use where have is.
func Names(want string, have iter.Seq[string], limit int) []string {
	if limit < 1 || len(want) > longest {
		return nil
	}
	var found []match
	letters := []rune(strings.ToLower(want))
	reach := min(max(1, len(letters)/3), farthest)
	for name := range have {
		if len(name) > longest || len(name) > 4*(len(letters)+reach) {
			continue
		}
		candidate := []rune(strings.ToLower(name))
		if d := distance(letters, candidate, reach); d <= reach && d < max(len(letters), len(candidate)) {
			found = append(found, match{name, d})
		}
	}
	slices.SortFunc(found, func(a, b match) int { return cmp.Or(a.distance-b.distance, strings.Compare(a.name, b.name)) })
	found = slices.Compact(found)
	var names []string
	for _, m := range found[:min(limit, len(found))] {
		names = append(names, m.name)
	}
	return names
}

// distance is the optimal string alignment distance of a and b where that is at most reach, else a larger number. It
// computes only the diagonal band that reach allows, in three rows on the stack.
func distance(a, b []rune, reach int) int {
	var rows [3][longest + 1]int
	if max(len(a)-len(b), len(b)-len(a)) > reach {
		return reach + 1
	}
	for j := range b {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		row, above, before := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		low, high := max(0, i-reach-1), min(len(b), i+reach+1) // the band and a wall of far cells on either side
		row[low], row[high] = i-low, reach+1
		for j := max(1, i-reach); j <= min(len(b), i+reach); j++ {
			row[j] = 1 + min(above[j], row[j-1], above[j-1])
			if a[i-1] == b[j-1] {
				row[j] = above[j-1]
			} else if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
