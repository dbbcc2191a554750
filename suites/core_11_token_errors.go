package suites

import (
	. "github.com/onsi/ginkgo/v2"
)

// CIBA Core 11: while the user has not decided, the OP answers
// authorization_pending and the client may poll again.
var _ = Describe("Token error response", func() {
	Case("token-pending", "is authorization_pending while the user has not decided",
		Requirements("CIBA-11-PENDING").Smoke(),
		func(t *T) {
			flow := t.MustStart(t.Request())
			t.Judge(t.Poll(flow))
		})
	Case("denied", "is access_denied after the user has denied",
		Requirements("CIBA-11-DENIED").Smoke(),
		func(t *T) {
			flow := t.MustStart(t.Request())
			t.Deny(flow)
			t.Judge(t.PollDecided(flow))
		})
})
