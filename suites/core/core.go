// Package core has the cases of OpenID Connect CIBA Core 1.0, a file a section, with what
// RFC 6749 says of the same requests and answers.
package core

import "github.com/cibatest/cibatest/suites/harness"

// Cases are the cases of this package.
var Cases = harness.NewFamily("core")

// nonEmptyText reports whether a JSON value is a string with something in it.
func nonEmptyText(value any) bool {
	text, _ := value.(string)
	return text != ""
}
