// SPDX-License-Identifier: Apache-2.0

package payload

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg"
)

func init() {
	peers = append(peers, peer{"plugreg", codec}, peer{"plugreg-older", older}, peer{"plugreg-once", once})
}

func contract[T any](tb testing.TB, version string) plugreg.Contract {
	c, err := plugreg.ContractOf[T]("acme.order", version)
	require.NoError(tb, err)
	return c
}

// codec reads what its own version wrote.
func codec(tb testing.TB, want Order) func() bool {
	c, err := plugreg.NewCodec[Order](contract[Order](tb, "1.3.0"), plugreg.DecodeOptions{})
	require.NoError(tb, err)
	data, err := c.Encode(want)
	require.NoError(tb, err)
	return func() bool {
		o, adjusted, err := c.Decode(data)
		return err == nil && adjusted == nil && whole(o, want)
	}
}

// older reads what the version before wrote, which lacks a field, and fills in its default.
func older(tb testing.TB, want Order) func() bool {
	now := contract[Order](tb, "1.3.0")
	then := contract[Order](tb, "1.2.0")
	for i, s := range then.Shapes {
		then.Shapes[i].Fields = slices.DeleteFunc(s.Fields, func(f plugreg.Field) bool { return f.Name == "Retries" })
	}
	c, err := plugreg.NewCodec[Order](now, plugreg.DecodeOptions{}, then)
	require.NoError(tb, err)
	type orderThen struct {
		ID       string   `json:"id"`
		Placed   string   `json:"placed"`
		Currency string   `json:"currency"`
		Total    int64    `json:"total"`
		Paid     bool     `json:"paid"`
		Rate     float64  `json:"rate"`
		Buyer    Party    `json:"buyer"`
		Seller   Party    `json:"seller"`
		Lines    []Line   `json:"lines"`
		Tags     []string `json:"tags"`
	}
	bare := marshal(tb, orderThen{want.ID, want.Placed, want.Currency, want.Total, want.Paid, want.Rate, want.Buyer, want.Seller, want.Lines, want.Tags})
	data := slices.Concat([]byte(`{"contract":"acme.order@1.2.0","digest":"`+then.Digest().String()+`","data":`), bare, []byte("}"))
	want.Retries = 3
	return func() bool {
		o, adjusted, err := c.Decode(data)
		return err == nil && len(adjusted) == 1 && whole(o, want)
	}
}

// once makes everything anew for one payload: contracts are hashed, the type is looked at.
func once(tb testing.TB, want Order) func() bool {
	c := contract[Order](tb, "1.3.0")
	data, err := plugreg.Encode(c, want)
	require.NoError(tb, err)
	return func() bool {
		o, adjusted, err := plugreg.Decode[Order](data, c, c, plugreg.DecodeOptions{})
		return err == nil && adjusted == nil && whole(o, want)
	}
}
