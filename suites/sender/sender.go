// Package sender has the cases about clients that prove to be the sender of what they send,
// beyond a secret that could be passed on: certificates at TLS, RFC 8705.
package sender

import "github.com/cibatest/cibatest/suites/harness"

// Cases are the cases of this package.
var Cases = harness.NewFamily("sender")
