// SPDX-License-Identifier: Apache-2.0

//go:build race

package plugreg_test

// underRace says that the race detector is on, which allocates for its own purposes.
const underRace = true
