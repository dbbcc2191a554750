// Package tokens has the cases about the tokens that an approval brings: ID Tokens (OIDC
// Core 2 and 3.1.3.7), access tokens (RFC 6750, 7662, 9068) and refresh tokens (RFC 6749 6).
package tokens

import "github.com/cibatest/cibatest/suites/harness"

// Cases are the cases of this package.
var Cases = harness.NewFamily("tokens")
