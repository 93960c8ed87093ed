// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA5008,U1000 the fixtures are about odd tags and fields that nobody uses

package reader

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	invoice struct {
		Number string `json:"number" plugreg:"required,alias=no,alias=id"`
		Lines  []item `json:"lines"`
		Terms  struct {
			Days     int           `json:"days" plugreg:"default=30"`
			Reminder time.Duration `json:"reminder" plugreg:"default=24h"`
			Level    level         `json:"level" plugreg:"default=low"`
			Currency *string       `json:"currency" plugreg:"default=EUR"`
		} `json:"terms"`
		Next *invoice `json:"next"`
		*Stamp
		hidden int
	}
	item struct {
		Amount int64 `json:"amount" plugreg:"alias=sum"`
		Rate   int   `json:"rate,string"`
		Plain  int   `json:"plain"`
	}
	Stamp struct {
		By string `json:"by" plugreg:"required"`
		On bool   `json:"on" plugreg:"default=true"`
	}
)

func TestReadAdjusts(t *testing.T) {
	t.Parallel()
	euro := "EUR"
	want := invoice{Number: "1", Lines: []item{{}, {Amount: 5}}}
	want.Terms.Days, want.Terms.Reminder, want.Terms.Level, want.Terms.Currency = 0, 24*time.Hour, 1, &euro
	text := `{"id":"1","extra":{"a":[1]},"lines":[{"x":1},{"sum":5}],"terms":{"days":0}, "hidden": 1, "NUMBER": "2"}`
	got, adjustments, err := read[invoice](t, Options{}, text)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, []Adjustment{
		{Dropped, "NUMBER", ""},
		{Dropped, "extra", ""},
		{Dropped, "hidden", ""},
		{Dropped, "lines[0].x", ""},
		{Aliased, "lines[1].amount", "sum"},
		{Aliased, "number", "id"},
		{Filled, "terms.currency", "EUR"},
		{Filled, "terms.level", "low"},
		{Filled, "terms.reminder", "24h"},
	}, adjustments)

	_, _, err = read[invoice](t, Options{Closed: true}, text)
	require.EqualError(t, err, strings.Join([]string{
		`field NUMBER: have an unknown key, want one of "by", "id", "lines", "next", "no", "number", "on", "terms"; did you mean "number"?`,
		`field extra: have an unknown key, want one of "by", "id", "lines", "next", "no", "number", "on", "terms"`,
		`field hidden: have an unknown key, want one of "by", "id", "lines", "next", "no", "number", "on", "terms"`,
		`field lines[0].x: have an unknown key, want one of "amount", "plain", "rate", "sum"`,
	}, "\n"))
}

func TestReadMissing(t *testing.T) {
	t.Parallel()
	_, adjustments, err := read[invoice](t, Options{}, `{"next":{"on":false},"lines":[{"amount":1,"sum":2},{"sum":1,"sum":1,"amount":7}]}`)
	require.Nil(t, adjustments)
	require.EqualError(t, err, strings.Join([]string{
		`field lines[0].sum: have the keys "amount" and "sum", which mean the same; leave one of them out`,
		`field lines[1].amount: have the keys "sum" and "amount", which mean the same; leave one of them out`,
		`field lines[1].sum: have the key "sum" again; leave one of them out`,
		`field next.by: have no value, want string; add the key, which is required`,
		`field next.number: have no value, want string; add the key, which is required`,
		`field number: have no value, want string; add the key, which is required`,
	}, "\n"))
	got, adjustments, err := read[invoice](t, Options{}, `{"number":"","terms":{"days":1,"reminder":1,"level":"low","currency":null},"by":""}`)
	require.NoError(t, err)
	require.Equal(t, []Adjustment{{Filled, "on", "true"}}, adjustments)
	require.Equal(t, &Stamp{On: true}, got.Stamp)
	require.Nil(t, got.Terms.Currency, "a null that is given stays")
}

func TestDefaultsAreNotShared(t *testing.T) {
	t.Parallel()
	plan := mustPlan[invoice](t, Options{})
	var a, b invoice
	for _, v := range []*invoice{&a, &b} {
		_, err := plan.Read([]byte(`{"number":""}`), reflect.ValueOf(v).Elem())
		require.NoError(t, err)
	}
	*a.Terms.Currency = "USD"
	require.Equal(t, "EUR", *b.Terms.Currency)
}

func TestWritten(t *testing.T) {
	t.Parallel()
	type outer struct {
		item
		Inner item `json:"inner"`
	}
	own := reflect.TypeFor[item]()
	o := Options{Written: map[Key]Written{
		{own, "rate"}:                        {NotQuoted: true},
		{own, "plain"}:                       {Quoted: true},
		{own, "amount"}:                      {Widened: "int32"},
		{reflect.TypeFor[outer](), "amount"}: {},
		{own, "none"}:                        {Quoted: true},
	}}
	got, adjustments, err := read[outer](t, o, `{"amount":1,"rate":2,"plain":"3","inner":{"sum":4,"rate":5,"plain":"6"}}`)
	require.NoError(t, err)
	require.Equal(t, outer{item{1, 2, 3}, item{4, 5, 6}}, got)
	require.Equal(t, []Adjustment{{Aliased, "inner.amount", "sum"}, {Widened, "inner.sum", "int32"}}, adjustments)

	_, _, err = read[outer](t, o, `{"rate":"2","plain":3}`)
	require.ErrorContains(t, err, `field plain: have a value without quotes, want int`)
	require.ErrorContains(t, err, `field rate: have string "2", want int`)
	_, adjustments, err = read[outer](t, o, `{"inner":{}}`)
	require.NoError(t, err)
	require.Empty(t, adjustments, "what is absent was not widened")

	text, err := mustPlan[outer](t, o).Append(nil, reflect.ValueOf(outer{item{1, 2, 3}, item{}}))
	require.NoError(t, err)
	require.JSONEq(t, `{"amount":1,"rate":"2","plain":3,"inner":{"amount":0,"rate":"0","plain":0}}`, string(text), "what is written follows the tags")
}

type (
	hiddenPart struct{ Seen int }
	unfit      struct {
		Func    func()
		Chan    []chan int `json:"chan"`
		Skipped func()     `json:"-"`
		Complex map[string]*complex64
		Keys    map[float64]int
		Pointer *uintptr
		Inner   struct {
			Bad   int `plugreg:"optional"`
			Worse int `plugreg:"default=x"`
		}
		*hiddenPart
	}
	marshals func()
	readOnly func()
	keyOut   struct{ v int }
)

func (marshals) MarshalJSON() ([]byte, error) { return []byte(`"f"`), nil }
func (*readOnly) UnmarshalJSON([]byte) error  { return nil }
func (keyOut) MarshalText() ([]byte, error)   { return []byte("k"), nil }

func TestPlanOfRefuses(t *testing.T) {
	t.Parallel()
	const fix = `, want a type that JSON can carry; tag the field json:"-", or give the type MarshalJSON and UnmarshalJSON`
	_, err := PlanOf(reflect.TypeFor[map[string]unfit](), Options{})
	require.ErrorContains(t, err, "field [].Inner.Bad: have an unusable tag on a field of struct {")
	var lines []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		if line := e.Error(); !strings.Contains(line, "unusable tag") {
			lines = append(lines, line)
		}
	}
	require.Equal(t, []string{
		`field [].Complex[]: have complex64` + fix,
		`field [].Func: have func()` + fix,
		`field [].Keys: have map[float64]int, want a map with keys that JSON can carry; use strings, integers, or keys with MarshalText and UnmarshalText`,
		`field [].chan[]: have chan int` + fix,
		`field [].hiddenPart: have an embedded field of a private type that JSON would write and cannot read, want fields that can be set; ` +
			`export its type, embed it by value without a json name, or tag it json:"-"`,
	}, lines)
	require.Len(t, err.(interface{ Unwrap() []error }).Unwrap(), 7)
	_, err = PlanOf(nil, Options{})
	require.EqualError(t, err, "payload: have no type, want a type")
}

// TestOneWay has types that are only written, or only read, by their own methods.
func TestOneWay(t *testing.T) {
	t.Parallel()
	type oneWay struct {
		F marshals       `json:"f"`
		K map[keyOut]int `json:"k"`
		P pairs          `json:"p"`
	}
	v := oneWay{func() {}, map[keyOut]int{{}: 1}, pairs{"a": 1}}
	plan := mustPlan[oneWay](t, Options{})
	text, err := plan.Append(nil, reflect.ValueOf(v))
	require.NoError(t, err)
	require.Equal(t, `{"f":"f","k":{"k":1},"p":{"a":1}}`, string(text))
	_, _, err = read[oneWay](t, Options{}, string(text))
	require.ErrorContains(t, err, `field f: have string "f", want reader.marshals`)
	require.ErrorContains(t, err, `field k.k: have the key "k", want a key for map[reader.keyOut]int: keys of this type do not fit`)
	_, err = write(t, readOnly(nil))
	require.EqualError(t, err, "payload: have reader.readOnly, want what can be read again: JSON cannot carry it")
	_, _, err = read[readOnly](t, Options{}, "{}")
	require.NoError(t, err)
	none, err := write(t, map[*keyOut]int{nil: 1})
	require.NoError(t, err)
	require.Equal(t, oracle(t, map[*keyOut]int{nil: 1}), none)
	got, _, err := read[oneWay](t, Options{}, `{"p":{"a":1},"k":{}}`)
	require.NoError(t, err)
	require.Equal(t, pairs{`{"a":1}`: 7}, got.P)
}

// TestPlanIsShared proves, under the race detector, that a plan does not change.
func TestPlanIsShared(t *testing.T) {
	t.Parallel()
	plan := mustPlan[order](t, Options{})
	want := orderOf(3)
	document, err := json.Marshal(want)
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				var got order
				_, err := plan.Read(document, reflect.ValueOf(&got).Elem())
				text, failed := plan.Append(nil, reflect.ValueOf(got))
				if err != nil || failed != nil || !reflect.DeepEqual(want, got) || len(text) != len(document) {
					t.Errorf("read %+v, %v; wrote %s, %v", got, err, text, failed)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestReadListsManyFaults(t *testing.T) {
	t.Parallel()
	for _, element := range []string{`{"a":1}`, `5`} {
		_, _, err := read[[]struct{}](t, Options{Closed: true}, "["+strings.Repeat(element+",", 1999)+element+"]")
		all := err.(interface{ Unwrap() []error }).Unwrap()
		require.Len(t, all, 1001)
		require.ErrorContains(t, all[999], "field [999]")
		require.EqualError(t, all[1000], "payload: have 1000 more faults, want none")
	}
}
