// SPDX-License-Identifier: Apache-2.0

package canon_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/plugreg/plugreg/internal/canon"
)

// contract is a document of the size of a contract with twenty types.
func contract() []byte {
	o := canon.Open(nil)
	o.String("name", "kafka")
	shapes := make([]string, 20)
	for i := range shapes {
		shapes[i] = ".Type" + strconv.Itoa(i)
	}
	canon.List(o, "shapes", shapes, appendShape)
	o.String("version", "1.2.3")
	return o.Close()
}

func appendShape(name string, dst []byte) []byte {
	o := canon.Open(dst)
	o.Bool("comparable", true)
	canon.List(o, "fields", []string{"ID", "Name", "Price", "Tags", "When"}, appendField)
	o.String("name", name)
	return o.Close()
}

func appendField(name string, dst []byte) []byte {
	o := canon.Open(dst)
	o.String("name", name)
	o.Int("position", 3)
	o.String("tag", `json:"name" plugreg:"required"`)
	o.String("type", "map[string][]data:Row")
	return o.Close()
}

func BenchmarkWrite(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(contract())))
	for b.Loop() {
		contract()
	}
}

func BenchmarkAppend(b *testing.B) {
	v, err := canon.Parse(contract(), canon.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(contract())))
	var dst []byte
	for b.Loop() {
		dst = canon.Append(dst[:0], v)
	}
}

func BenchmarkParse(b *testing.B) {
	data := contract()
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := canon.Parse(data, canon.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodingJSONUnmarshal(b *testing.B) {
	data := contract()
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}
