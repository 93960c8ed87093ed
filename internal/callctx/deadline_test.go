// SPDX-License-Identifier: Apache-2.0

package callctx

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Where two deadlines have passed before anybody looked, the blame depends on which was earlier.
func TestEarlierDeadlineIsTheCause(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		own, parents time.Duration
		expired      bool
	}{
		{"own", time.Second, 2 * time.Second, true},
		{"parent's", 2 * time.Second, time.Second, false},
		{"none of its own", 0, time.Second, false},
	} {
		for n := range 4 {
			watched, lean := n%2 == 1, n/2 == 1
			t.Run(fmt.Sprintf("%s, watched %v, lean %v", tt.name, watched, lean), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					parent, cancel := context.WithTimeoutCause(t.Context(), tt.parents, errCause)
					defer cancel()
					c := newContext(parent, tt.own)
					c.lean = lean
					if watched {
						c.Done()
					}
					pass(time.Minute)
					requireEnded(t, c, context.DeadlineExceeded)
					require.Equal(t, tt.expired, c.Expired())
					require.Equal(t, !tt.expired, context.Cause(c) == errCause)
				})
			})
		}
	}
}

func TestDeadlineIsTheEarlier(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(1<<40, 0), time.Unix(1<<41, 0)
	for _, tt := range []struct {
		name         string
		own, parents time.Time
		want         time.Time
	}{
		{"none", time.Time{}, time.Time{}, time.Time{}},
		{"own alone", early, time.Time{}, early},
		{"parent's alone", time.Time{}, late, late},
		{"own first", early, late, early},
		{"parent's first", late, early, early},
		{"equal", early, early, early},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			parent := t.Context()
			if !tt.parents.IsZero() {
				var cancel context.CancelFunc
				parent, cancel = context.WithDeadline(parent, tt.parents)
				defer cancel()
			}
			c := new(Context)
			c.Init(parent, tt.own, false, nil)
			got, ok := c.Deadline()
			require.Equal(t, tt.want, got)
			require.Equal(t, !tt.want.IsZero(), ok)
		})
	}
}
