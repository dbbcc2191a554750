// Package rar has the cases of RFC 9396, Rich Authorization Requests, a file a section.
package rar

import "github.com/cibatest/cibatest/suites/harness"

// Cases are the cases of this package.
var Cases = harness.NewFamily("rar")
