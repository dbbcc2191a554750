package harness_test

import (
	. "github.com/cibatest/cibatest/suites/harness"
)

// A family declares its cases by subject, a file a section. Composing the family puts
// them into the tree; nothing happens before.
func ExampleCase() {
	cases := NewFamily("example")

	// CIBA Core 11: while the user has not decided, the OP answers
	// authorization_pending.
	cases.Describe("Paced poll", func() {
		Case("poll-pending", "is answered authorization_pending while the user has not decided",
			Judges("CIBA-11-PENDING").AlsoAs(Ping).Smoke(), func(t *T) {
				flow := t.MustStart(t.Request())

				resp := t.Poll(flow)

				t.Judge(resp)
			})
	})
	// Output:
}
