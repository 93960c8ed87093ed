// SPDX-License-Identifier: Apache-2.0

// Package settings builds a plugin from settings of another type than its defaults have. It does not build.
package settings

import (
	"context"
	"io"

	"github.com/plugreg/plugreg"
)

type wanted struct{ Port int }

type given struct{ Host string }

func build(context.Context, *plugreg.Env, wanted) (io.Closer, error) { return plugreg.NoClose{}, nil }

var (
	wrong = plugreg.Configured(plugreg.Plugin[io.Closer]{}, given{}, build) // ERROR type func\(.*wanted\) .* does not match inferred type func\(.*given\)
	right = plugreg.Configured(plugreg.Plugin[io.Closer]{}, wanted{}, build)
)
