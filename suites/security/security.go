// Package security has the cases about what protects everything else: published keys,
// TLS, and texts that must not act where they are shown.
package security

import "github.com/cibatest/cibatest/suites/harness"

// Cases are the cases of this package.
var Cases = harness.NewFamily("security")
