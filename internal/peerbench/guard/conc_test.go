// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"testing"

	"github.com/sourcegraph/conc/panics"
)

func init() {
	peers = append(peers, peer{name: "conc-panics-try", guard: concTry, panics: concTry, stack: func(err error) string {
		caught, _ := errors.AsType[*panics.ErrRecovered](err)
		return string(caught.Stack)
	}})
}

func concTry(_ testing.TB, p Plugin) caller {
	return func(x int) (y int, err error) {
		if caught := panics.Try(func() { y, err = p.Do(x) }); caught != nil {
			return 0, caught.AsError()
		}
		return y, err
	}
}
