// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package reader

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

type (
	Low    struct{ Same, Low, Both int }
	High   struct{ Low }
	Tagged struct {
		Tag int `json:"Same"`
	}
	Other struct{ Both, Only, Same int }
	Loop  struct {
		*Loop
		Round int
	}
	hiddenStruct  struct{ Visible int }
	hiddenPointer struct{ Invisible int }
	hiddenScalar  int
	Scalar        int
	Iface         interface{ Close() error }
	Left          struct{ Twin }
	Right         struct{ Twin }
	Twin          struct{ Drawn int }
	Far           struct{ Left }
	promoted      struct {
		High
		Tagged
		Other
		*Loop
		hiddenStruct
		*hiddenPointer
		hiddenScalar
		Scalar
		Iface
		Left
		Right
		Far
		Named   `json:"named"`
		Invalid int `json:"a\"b"`
		Symbols int `json:"a b/é%"`
	}
	Named struct{ Within int }
)

// TestFieldsAgreeWithJSON asks encoding/json for its keys: it sets all of them to zero in an empty value.
func TestFieldsAgreeWithJSON(t *testing.T) {
	t.Parallel()
	want := map[string]any{}
	document, err := json.Marshal(promoted{Tagged: Tagged{1}, Loop: &Loop{}, hiddenPointer: &hiddenPointer{}})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(document, &want))
	require.Contains(t, want, "Invisible", "which encoding/json writes but cannot read")
	delete(want, "Invisible")

	var got []string
	for _, f := range (layouts{}).of(&run{}, reflect.TypeFor[promoted]()).fields {
		got = append(got, f.name)
	}
	var keys []string
	for key := range want {
		keys = append(keys, key)
	}
	require.ElementsMatch(t, keys, got)

	delete(want, "Iface")
	want["Round"], want["Visible"], want["Same"] = 4, 5, 6
	var decoded promoted
	_, err = Settings(&decoded, want)
	require.NoError(t, err)
	require.Equal(t, 4, decoded.Loop.Round)
	require.Equal(t, 5, decoded.Visible)
	require.Equal(t, 6, decoded.Tag)
}
