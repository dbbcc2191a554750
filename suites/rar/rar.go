// Package rar has the cases of RFC 9396, Rich Authorization Requests, a file a section.
//
// What an object of authorization_details may say is for the API behind the OP to define.
// The target file therefore lists objects that are valid and objects that are not, and the
// cases derive what they send from those (details.go, amounts.go). What comes back may be
// reduced, enriched and merged with earlier grants, so it is compared member by member and
// never as text (faithful.go, decoding.go); it comes back in the token response, in a JWT
// access token and by introspection (places.go).
package rar

import "github.com/cibatest/cibatest/suites/harness"

// Cases are the cases of this package.
var Cases = harness.NewFamily("rar")
