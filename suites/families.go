package suites

import (
	"github.com/cibatest/cibatest/suites/core"
	"github.com/cibatest/cibatest/suites/harness"
	"github.com/cibatest/cibatest/suites/ping"
	"github.com/cibatest/cibatest/suites/push"
	"github.com/cibatest/cibatest/suites/rar"
	"github.com/cibatest/cibatest/suites/request"
	"github.com/cibatest/cibatest/suites/security"
	"github.com/cibatest/cibatest/suites/sender"
	"github.com/cibatest/cibatest/suites/tokens"
)

// tree is every case there is: a family of texts after the other. A new family is a
// package of its own and a line here.
var tree = harness.Compose(
	core.Cases,
	rar.Cases,
	tokens.Cases,
	security.Cases,
	ping.Cases,
	push.Cases,
	sender.Cases,
	request.Cases,
)
