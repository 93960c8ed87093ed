// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/canon"
)

// What is written by hand is what [canon] writes of the same document.
func TestShapesAreWrittenCanonically(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/contracts/*.json")
	require.NoError(t, err)
	shapes, full := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		c, err := ParseContract(data)
		require.NoError(t, err, file)
		for _, s := range c.Shapes {
			for _, whole := range []bool{false, true} {
				text := s.append(nil, whole)
				v, err := canon.Parse(text, canon.Limits{})
				require.NoError(t, err, "%s", text)
				require.Equal(t, string(canon.Append(nil, v)), string(text))
				var keys struct {
					GoType  *string `json:"go_type"`
					Fields  []map[string]any
					Methods []map[string]any
				}
				require.NoError(t, json.Unmarshal(text, &keys))
				require.Equal(t, whole, keys.GoType != nil)
				require.Len(t, keys.Fields, len(s.Fields))
				require.Len(t, keys.Methods, len(s.Methods))
				for _, member := range slices.Concat(keys.Fields, keys.Methods) {
					require.Equal(t, whole, member["signature"] != nil)
					full++
				}
			}
			shapes++
		}
	}
	require.Greater(t, shapes, 50)
	require.Greater(t, full, 200)
}

// Neither the order of shapes nor that of methods is part of the digest, and neither is changed.
func TestShapesDigestSortsACopy(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/contracts/payment.json")
	require.NoError(t, err)
	c, err := ParseContract(data)
	require.NoError(t, err)
	require.True(t, areSorted(c.Shapes))
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		list := slices.Clone(c.Shapes)
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		i := random.IntN(len(list))
		list[i].Methods = slices.Clone(list[i].Methods)
		slices.Reverse(list[i].Methods)
		before := Contract{Shapes: slices.Clone(list)}
		require.Equal(t, c.ShapesDigest(), Contract{Shapes: list}.ShapesDigest())
		require.Equal(t, before, Contract{Shapes: list})
	}
	one := []Shape{{Name: "x", Methods: []Method{{Name: "B"}, {Name: "A"}}}}
	require.False(t, areSorted(one))
	require.Equal(t, digestShapes([]Shape{{Name: "x", Methods: []Method{{Name: "A"}, {Name: "B"}}}}), digestShapes(one))
}
