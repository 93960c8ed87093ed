// SPDX-License-Identifier: Apache-2.0

package version_test

import (
	"fmt"

	"github.com/plugreg/plugreg/internal/version"
)

func ExampleConstraint_Why() {
	c, err := version.ParseConstraint("^1.2 || 3.0.0-rc.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range []string{"1.4.0", "2.0.0", "1.5.0-rc.1"} {
		v, err := version.Parse(s)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%t %q\n", c.Match(v), c.Why(v))
	}
	// Output:
	// true ""
	// false "2.0.0 is above ^1.2 and is below 3.0.0-rc.1"
	// false "1.5.0-rc.1 is a pre-release that the constraint does not name and is below 3.0.0-rc.1"
}
