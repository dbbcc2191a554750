// Package suites judges a CIBA endpoint clause by clause.
//
// # A case
//
// A case is one check of one requirement of the catalogue (internal/catalogue). It
// lives in the file of its specification section and reads as the clause does:
// What is sent, then what is expected.
//
//	// CIBA Core 11: while the user has not decided, the OP answers
//	// authorization_pending.
//	var _ = Describe("Token error response", func() {
//		Case("token-pending", "is authorization_pending while the user has not decided",
//			Requirements("CIBA-11-PENDING"),
//			func(t *T) {
//				flow := t.MustStart(t.Request())
//
//				resp := t.Poll(flow)
//
//				t.Judge(resp)
//			})
//	})
//
// [Case] registers a Ginkgo It and remembers the body. All selected bodies run
// at once, bounded by the budgets of the target, so a run takes about its longest
// chain of waits; see [Session] for what keeps two cases apart. A body owns all it
// needs through its [T]: context, client, user, recorder and flow.
//
// # Judging
//
// [T.Judge] compares an answer with the expect block of the case's requirement:
// conforming is pass, tolerated is warn, anything else is the requirement's
// verdict. Tokens where none may be, and server errors on client input, are fail
// whatever the entry says. For everything else there are [T.Expect] (Gomega) and
// [T.Check]. Arrange with Must methods: when one of them fails, the case could
// not be judged and ends as error, not as fail.
//
// # Where a case may run
//
// What a case needs of OP, clients and harness is read from the catalogue's
// applies.needs, so an unmet need becomes a skip that names it. What it must not
// share is declared: [Traits.AloneForClient], [Traits.AloneForUser],
// [Traits.LastForClient], [Traits.AfterAll]. [Traits.EachAlgorithm] lets a case judge
// one client of every ID Token algorithm, as the algorithms fail one by one.
//
// # Every case can fail
//
// Each case is failed by a named fault of internal/refop; the self-test proves
// it and also that the healthy OP, and every legal variant of it, passes.
package suites
